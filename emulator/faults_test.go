package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/emulator"
	"github.com/openmemorydb/memorydb/emulator/fault"
)

// faulty is a town whose emulator takes faults.
func faulty(t testing.TB) (*town, *fault.Client) {
	t.Helper()
	e, err := emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: t.TempDir(), Faults: true, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return settle(t, e, "c"), &fault.Client{Endpoint: e.URL()}
}

func begin(t testing.TB, c *fault.Client, f fault.Fault) fault.Fault {
	t.Helper()
	f, err := c.Begin(soon(t), f)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func heal(t testing.TB, c *fault.Client, f fault.Fault) {
	t.Helper()
	if _, err := c.Heal(soon(t), f.ID); err != nil {
		t.Fatal(err)
	}
}

// says waits until the emulator's health is as wanted.
func (c *town) says(what string, want func(health string) bool) {
	c.t.Helper()
	eventually(c.t, func() error {
		resp, err := http.Get(c.e.URL() + "/health")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && !want(string(body)) {
			err = fmt.Errorf("the log is not %s: %s", what, body)
		}
		return err
	})
}

func (c *town) zonesOK(n int) {
	c.t.Helper()
	c.says(fmt.Sprintf("ok in %d zones", n), func(h string) bool { return strings.Count(h, `"ok"`) == n+1 }) // and the status
}

// moved waits until another node than one leads a shard, and returns it.
func (c *town) moved(shard, from string) string {
	c.t.Helper()
	var to string
	eventually(c.t, func() error {
		for _, m := range c.events() {
			if node, ok := strings.CutPrefix(m, "Failover to replica node "); ok && strings.Contains(node, "-"+shard+"-") {
				to, _, _ = strings.Cut(node, " ")
			}
		}
		if to == "" || to == from {
			return fmt.Errorf("%s leads still", from)
		}
		return nil
	})
	return to
}

// A primary dies under load: another node leads, everything that was acknowledged is there, and the dead one comes back as a replica.
func TestKilledPrimary(t *testing.T) {
	c, faults := faulty(t)
	l := c.write(8)
	l.more(100)
	for range 3 {
		before := c.primary("0001")
		at := len(c.events())
		f := begin(t, faults, fault.Fault{Kind: fault.Kill, Cluster: "c", Shard: "0001", Role: "primary"})
		if !slices.Equal(f.Nodes, []string{before}) {
			t.Errorf("the fault hit %v, %s was primary", f.Nodes, before)
		}
		l.more(100)
		c.told("Recovering node "+before, "Finished recovery for node "+before)
		after := c.primary("0001")
		if after == before {
			t.Errorf("%s leads still", after)
		}
		c.told("Fault "+f.ID+" began: kill of node "+before, "Failover to replica node "+after+" completed", "Recovering node "+before, "Finished recovery for node "+before)
		if n := strings.Count(strings.Join(c.events()[at:], "\n"), "Failover"); n != 1 {
			t.Errorf("%d failovers in %q", n, c.events()[at:])
		}
	}
	if left, err := faults.List(soon(t)); err != nil || len(left) > 0 {
		t.Errorf("faults that go on: %v, %v", left, err)
	}
	l.verify()
}

// A node that is to stay down is started when the fault ends by itself; meanwhile clients are not sent to it.
func TestNodeThatStaysDown(t *testing.T) {
	c, faults := faulty(t)
	before := c.primary("0002")
	f := begin(t, faults, fault.Fault{Kind: fault.Kill, Node: before, Duration: fault.Duration(time.Second)})
	after := c.moved("0002", before)
	slots, err := c.node(after).Do(soon(t), "cluster", "slots").Slice()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slots {
		s, want := s.([]any), 3
		if s[0] != int64(0) {
			want = 2
		}
		if got := len(s) - 2; got != want {
			t.Errorf("clients are told of %d nodes for the slots from %v on, want %d", got, s[0], want)
		}
	}
	if slices.Contains(c.events(), "Recovering node "+before) {
		t.Errorf("%s was started while the fault went on", before)
	}
	c.told("Fault "+f.ID+" began: kill of node "+before+" for 1s", "Fault "+f.ID+" ended: kill of node "+before, "Recovering node "+before, "Finished recovery for node "+before)
}

// A paused primary does not know that another node leads. When it goes on, what it is asked, before and after, is never answered with what was overwritten meanwhile.
func TestPausedPrimaryAnswersNothingStale(t *testing.T) {
	c, faults := faulty(t)
	r := c.client()
	before := c.primary("0001")
	const key = "b" // slot 3300: the first shard
	if err := r.Set(soon(t), key, "old", 0).Err(); err != nil {
		t.Fatal(err)
	}
	old := c.node(before)
	if got, err := old.Get(soon(t), key).Result(); got != "old" {
		t.Fatalf("%q, %v", got, err)
	}
	f := begin(t, faults, fault.Fault{Kind: fault.Pause, Node: before})
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 20)
	for range cap(answers) { // they come to the node while it stands still
		go func() {
			text, err := old.Get(context.Background(), key).Result()
			answers <- answer{text, err}
		}()
	}
	c.moved("0001", before)
	eventually(t, func() error { return r.Set(soon(t), key, "new", 0).Err() })
	heal(t, faults, f)
	for range cap(answers) {
		if a := <-answers; a.err == nil && a.text != "new" {
			t.Errorf("stale answer %q", a.text)
		}
	}
	eventually(t, func() error { // it redirects
		got, err := old.Get(soon(t), key).Result()
		if err == nil {
			t.Fatalf("a replica answers %q without READONLY", got)
		}
		if !strings.HasPrefix(err.Error(), "MOVED") {
			return err
		}
		return nil
	})
}

// A primary that is cut off from the log answers reads until its lease ends, then nothing; another one takes over by the log alone, and takes writes. A node that was started while it is cut off
// is empty, and says so.
func TestPrimaryCutOffFromTheLog(t *testing.T) {
	c, faults := faulty(t)
	l := c.write(4)
	l.more(50)
	before := c.primary("0001")
	f := begin(t, faults, fault.Fault{Kind: fault.Cut, Node: before})
	c.moved("0001", before)
	l.more(100)
	old := c.node(before)
	if err := old.Get(soon(t), "b").Err(); err == nil || errors.Is(err, redis.Nil) {
		t.Error("a node without a lease answers")
	}
	kill := begin(t, faults, fault.Fault{Kind: fault.Kill, Node: before})
	c.told("Fault "+kill.ID+" ended: kill of node "+before, "Recovering node "+before)
	if slices.Contains(c.events(), "Finished recovery for node "+before) {
		t.Error("a node that can't reach the log has caught up with it")
	}
	heal(t, faults, f)
	c.told("Recovering node "+before, "Finished recovery for node "+before)
	l.verify()
}

// A zone goes out under load: writes go on with two of three; when it is back its copy of the log catches up and its nodes rejoin.
func TestZoneOutage(t *testing.T) {
	for _, mode := range []string{fault.ModeKill, fault.ModeCut} {
		t.Run(mode, func(t *testing.T) {
			c, faults := faulty(t)
			l := c.write(8)
			l.more(100)
			f := begin(t, faults, fault.Fault{Kind: fault.Outage, Zone: "us-east-1a", Mode: mode})
			if len(f.Nodes) != 2 {
				t.Errorf("nodes of the zone: %v", f.Nodes)
			}
			c.zonesOK(2)
			l.more(500)
			heal(t, faults, f)
			c.zonesOK(3)
			l.more(100)
			if mode == fault.ModeKill {
				for _, n := range f.Nodes {
					c.told("Finished recovery for node " + n)
				}
			}
			// What the zone holds is verified by having only it and one more: then its copy is needed.
			l.end()
			g := begin(t, faults, fault.Fault{Kind: fault.Outage, Zone: "b"})
			c.zonesOK(2)
			l.verify()
			heal(t, faults, g)
			c.zonesOK(3)
		})
	}
}

// Two zones go out: writes are refused with CLUSTERDOWN, and everything resumes by itself when they are back.
func TestTwoZonesOut(t *testing.T) {
	c, faults := faulty(t)
	l := c.write(4)
	l.more(100)
	for _, zone := range []string{"a", "c"} {
		begin(t, faults, fault.Fault{Kind: fault.Outage, Zone: zone, Mode: fault.ModeCut})
	}
	inB := "" // the node that is not cut off
	for _, sh := range available(t, c.api, "c").Shards {
		for _, n := range sh.Nodes {
			if *sh.Name == "0001" && *n.AvailabilityZone == "us-east-1b" {
				inB = *n.Name
			}
		}
	}
	for _, name := range []string{inB, c.leader("0001")} {
		eventually(t, func() error {
			err := c.node(name).Set(soon(t), "b", "x", 0).Err()
			switch {
			case err == nil:
				return fmt.Errorf("%s takes writes", name)
			case strings.HasPrefix(err.Error(), "CLUSTERDOWN"), name != c.leader("0001") && strings.HasPrefix(err.Error(), "MOVED"):
				return nil
			}
			return err
		})
	}
	if _, err := faults.HealAll(soon(t)); err != nil {
		t.Fatal(err)
	}
	c.zonesOK(3)
	l.more(100)
	l.verify()
}

// leader is the primary of a shard by the events and the order of creation, without asking the nodes.
func (c *town) leader(shard string) string {
	leader := "c-" + shard + "-001"
	for _, m := range c.events() {
		if node, ok := strings.CutPrefix(m, "Failover to replica node "); ok && strings.Contains(node, "-"+shard+"-") {
			leader, _, _ = strings.Cut(node, " ")
		}
	}
	return leader
}

// Disks fill: with one full disk writes go on; with two they are refused, as Redis does, and are taken again when there is space.
func TestFullDisks(t *testing.T) {
	for _, mode := range []string{fault.ModeWatermark, fault.ModeWrite} {
		t.Run(mode, func(t *testing.T) {
			c, faults := faulty(t)
			l := c.write(4)
			l.more(50)
			begin(t, faults, fault.Fault{Kind: fault.Full, Zone: "a", Mode: mode})
			if mode == fault.ModeWrite {
				c.zonesOK(2)
			}
			l.more(200)
			begin(t, faults, fault.Fault{Kind: fault.Full, Zone: "b", Mode: mode})
			want := "MISCONF"
			if mode == fault.ModeWrite {
				want = "CLUSTERDOWN"
			}
			r := c.client()
			eventually(t, func() error {
				err := r.Set(soon(t), "b", "x", 0).Err()
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					return fmt.Errorf("a write is answered %v, want %s", err, want)
				}
				return nil
			})
			if mode == fault.ModeWatermark { // the lease needs no disk
				if err := r.Get(soon(t), "b").Err(); err != nil && !errors.Is(err, redis.Nil) {
					t.Errorf("a read is refused: %v", err)
				}
			}
			if _, err := faults.HealAll(soon(t)); err != nil {
				t.Fatal(err)
			}
			l.more(100)
			l.verify()
		})
	}
}

// A primary's wall clock is set wrong: keys with a time to live go when that clock says so, and no others; a key that has expired doesn't come back; nobody loses the lead.
func TestWrongClock(t *testing.T) {
	c, faults := faulty(t)
	r := c.client()
	before := c.primary("0001")
	at := len(c.events())
	for key, ttl := range map[string]time.Duration{"{b}stays": 0, "{b}hours": 3 * time.Hour, "{b}minute": time.Minute} {
		if err := r.Set(soon(t), key, "x", ttl).Err(); err != nil {
			t.Fatal(err)
		}
	}
	f := begin(t, faults, fault.Fault{Kind: fault.Clock, Node: before, Offset: fault.Duration(time.Hour)})
	if n := r.Exists(soon(t), "{b}stays", "{b}hours", "{b}minute").Val(); n != 2 {
		t.Errorf("%d keys an hour later, want 2", n)
	}
	heal(t, faults, f)
	if n := r.Exists(soon(t), "{b}stays", "{b}hours", "{b}minute").Val(); n != 2 {
		t.Errorf("%d keys when the clock is right again, want 2", n)
	}
	f = begin(t, faults, fault.Fault{Kind: fault.Clock, Node: before, Offset: fault.Duration(-time.Hour)})
	if err := r.Set(soon(t), "{b}late", "x", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if d := r.TTL(soon(t), "{b}late").Val(); d < 50*time.Second || d > time.Minute {
		t.Errorf("time to live by the node's own clock is %v", d)
	}
	if d := r.TTL(soon(t), "{b}hours").Val(); d < 3*time.Hour+50*time.Minute {
		t.Errorf("time to live of an older key by a clock that is an hour slow is %v", d)
	}
	heal(t, faults, f)
	if n := r.Exists(soon(t), "{b}stays", "{b}hours", "{b}late").Val(); n != 2 {
		t.Errorf("%d keys in the end, want 2: what was to go a minute after a time an hour ago is gone", n)
	}
	if now := c.primary("0001"); now != before || strings.Contains(strings.Join(c.events()[at:], "\n"), "Failover") {
		t.Errorf("the lead moved to %s: %q", now, c.events()[at:])
	}
}

// A log that is far away makes writes slow and nothing else.
func TestDelayedLog(t *testing.T) {
	c, faults := faulty(t)
	r := c.client()
	if err := r.Set(soon(t), "b", 0, 0).Err(); err != nil {
		t.Fatal(err)
	}
	f := begin(t, faults, fault.Fault{Kind: fault.Delay, Cluster: "c", Delay: fault.Duration(50 * time.Millisecond), Jitter: fault.Duration(20 * time.Millisecond)})
	for i := range 5 {
		begun := time.Now()
		if err := r.Set(soon(t), "b", i, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < 50*time.Millisecond {
			t.Errorf("a write took %v", took)
		}
		if got := r.Get(soon(t), "b").Val(); got != fmt.Sprint(i) {
			t.Errorf("read %q after %d was written", got, i)
		}
	}
	heal(t, faults, f)
	c.told("Fault "+f.ID+" began: delay of nodes "+strings.Join(f.Nodes, ", ")+" by 50ms with jitter 20ms", "Fault "+f.ID+" ended: delay of nodes "+strings.Join(f.Nodes, ", ")+" by 50ms with jitter 20ms")
}
