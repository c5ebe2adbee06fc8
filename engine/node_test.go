package engine_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// member is one node of a test cluster of one shard.
type member struct {
	*engine.Node
	id, addr string
}

// openNode opens a node on a log and serves it on a free port.
func openNode(t testing.TB, log txlog.Log, name string, change func(*engine.Config)) *member {
	t.Helper()
	cfg := engine.Config{Node: cluster.IDOf(name), Log: log, Now: time.Now, Version: "test"}
	if change != nil {
		change(&cfg)
	}
	n, err := engine.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.Serve(ln)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := n.Close(ctx); err != nil {
			t.Errorf("close node %s: %v", name, err)
		}
	})
	return &member{Node: n, id: cfg.Node, addr: ln.Addr().String()}
}

// publish gives every member the map in which primary is the primary.
func publish(t testing.TB, epoch uint64, primary *member, members ...*member) {
	t.Helper()
	sh := cluster.Shard{ID: "0001", Epoch: epoch, Slots: []cluster.Range{{First: 0, Last: 16383}}}
	for _, m := range members {
		addr, err := net.ResolveTCPAddr("tcp", m.addr)
		if err != nil {
			t.Fatal(err)
		}
		role := cluster.Replica
		if m == primary {
			role = cluster.Primary
		}
		sh.Nodes = append(sh.Nodes, cluster.Node{ID: m.id, IP: addr.IP.String(), Port: addr.Port, Role: role})
	}
	for _, m := range members {
		if err := m.SetMap(cluster.Map{Epoch: epoch, Shards: []cluster.Shard{sh}}); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *member) promote(t testing.TB) {
	t.Helper()
	if err := m.Promote(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (m *member) client(t testing.TB, change func(*redis.Options)) *redis.Client {
	t.Helper()
	opts := &redis.Options{Addr: m.addr, MaxRetries: -1}
	if change != nil {
		change(opts)
	}
	c := redis.NewClient(opts)
	t.Cleanup(func() { c.Close() })
	return c
}

// eventually asks until the answer is nil, or fails.
func eventually(t testing.TB, ask func() error) {
	t.Helper()
	ctx := soon(t)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

func single(t testing.TB, change func(*engine.Config)) *member {
	t.Helper()
	n := openNode(t, memlog.New(nil).Shard("s"), "single", change)
	n.promote(t)
	publish(t, 1, n, n)
	return n
}

// The transcripts of every group, on a whole server over TCP.
func TestTranscripts(t *testing.T) {
	n := single(t, func(c *engine.Config) { c.AdminCommands = true })
	enginetest.RunTranscripts(t, enginetest.TestData(t, "testdata", "transcripts"), func(t testing.TB) net.Conn {
		conn, err := net.Dial("tcp", n.addr)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	})
}

func TestRowsMatchRedis(t *testing.T) { enginetest.CompareRows(t, single(t, nil).Table()) }

// A cluster hides what MemoryDB restricts; --admin-commands shows it.
func TestRestrictedCommands(t *testing.T) {
	ctx := soon(t)
	closed := single(t, nil).client(t, nil)
	if err := closed.ConfigGet(ctx, "maxmemory").Err(); err == nil || !strings.HasPrefix(err.Error(), "ERR unknown command 'config', with args beginning with: 'get' 'maxmemory'") {
		t.Errorf("CONFIG GET on a cluster = %v", err)
	}
	open := single(t, func(c *engine.Config) { c.AdminCommands, c.MaxMemory = true, 1<<20 }).client(t, nil)
	if got, err := open.ConfigGet(ctx, "maxmemory").Result(); err != nil || got["maxmemory"] != "1048576" {
		t.Errorf("CONFIG GET with admin commands = %v, %v", got, err)
	}
}

func TestReplicaFollowsAndServesReads(t *testing.T) {
	ctx := soon(t)
	memory := memlog.New(nil)
	primary, replica := openNode(t, memory.Shard("s"), "a", nil), openNode(t, memory.Shard("s"), "b", nil)
	primary.promote(t)
	publish(t, 1, primary, primary, replica)
	p := primary.client(t, nil)
	for i := range 200 {
		if err := p.HSet(ctx, fmt.Sprint("k", i), "f", i).Err(); err != nil {
			t.Fatal(err)
		}
	}
	conn := replica.client(t, nil).Conn()
	defer conn.Close()
	if err := conn.Get(ctx, "k1").Err(); err == nil || !strings.HasPrefix(err.Error(), "MOVED ") {
		t.Errorf("replica without READONLY answers %v, want MOVED", err)
	}
	if err := conn.ReadOnly(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		got, err := conn.HGet(ctx, "k199", "f").Result()
		if err == nil && got != "199" {
			err = fmt.Errorf("k199 = %q", got)
		}
		return err
	})
	if err := conn.Set(ctx, "k", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "MOVED ") {
		t.Errorf("write on a replica = %v, want MOVED", err)
	}
	want, _ := primary.Digest()
	if got, _ := replica.Digest(); got != want {
		t.Error("replica differs from its primary")
	}
}

// P4: a promotion through the log's conditional append fences the former primary, whose clients get no answer that is not true.
func TestPromotionFencesTheFormerPrimary(t *testing.T) {
	ctx := soon(t)
	memory := memlog.New(nil)
	a, b := openNode(t, memory.Shard("s"), "a", nil), openNode(t, memory.Shard("s"), "b", nil)
	a.promote(t)
	publish(t, 1, a, a, b)
	ca, cb := a.client(t, nil), b.client(t, nil)
	if err := ca.Set(ctx, "k", "old", 0).Err(); err != nil {
		t.Fatal(err)
	}
	b.promote(t)
	// a's map still says that it is primary: only the log keeps it from answering.
	if got, err := ca.Get(ctx, "k").Result(); err == nil {
		t.Errorf("former primary answers a read with %q", got)
	}
	if err := ca.Set(ctx, "k", "lost", 0).Err(); err == nil {
		t.Error("former primary acknowledges a write")
	}
	publish(t, 2, b, a, b)
	if got, err := cb.Get(ctx, "k").Result(); err != nil || got != "old" {
		t.Errorf("new primary has %q, %v", got, err)
	}
	if err := cb.Set(ctx, "k", "new", 0).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if st := a.Status(); st.Role != shard.Replica || st.Leader != b.id || st.Err != nil {
			return fmt.Errorf("former primary is %+v", st)
		}
		if x, _ := a.Digest(); x != digest(b) {
			return errors.New("former primary differs")
		}
		return nil
	})
	a.promote(t) // and back
	publish(t, 3, a, a, b)
	if got, err := ca.Get(ctx, "k").Result(); err != nil || got != "new" {
		t.Errorf("after the way back: %q, %v", got, err)
	}
}

// A primary that nobody talks to finds out that it was overtaken, and follows.
func TestIdlePrimaryFindsOutThatItWasOvertaken(t *testing.T) {
	memory := memlog.New(nil)
	a, b := openNode(t, memory.Shard("s"), "a", nil), openNode(t, memory.Shard("s"), "b", nil)
	a.promote(t)
	b.promote(t)
	eventually(t, func() error {
		if st := a.Status(); st.Role != shard.Replica || st.Leader != b.id {
			return fmt.Errorf("overtaken primary is %+v", st)
		}
		return nil
	})
}

// Promote of an overtaken primary that has not found out yet takes the lead back; it does not say that the node leads already.
func TestPromoteOfAnOvertakenPrimaryTakesTheLeadBack(t *testing.T) {
	ctx := soon(t)
	memory := memlog.New(nil)
	a, b := openNode(t, memory.Shard("s"), "a", nil), openNode(t, memory.Shard("s"), "b", nil)
	a.promote(t)
	for epoch := uint64(2); epoch < 20; epoch += 2 {
		b.promote(t)
		a.promote(t)
		publish(t, epoch, a, a, b)
		if err := a.client(t, nil).Set(ctx, "k", epoch, 0).Err(); err != nil {
			t.Fatalf("write after Promote: %v", err)
		}
	}
}

// A former primary that has not got its new map yet may lag behind: it answers no reads, as any replica without READONLY.
func TestDemotedPrimaryWithAnOldMapAnswersNoReads(t *testing.T) {
	ctx := soon(t)
	memory := memlog.New(nil)
	a, b := openNode(t, memory.Shard("s"), "a", nil), openNode(t, memory.Shard("s"), "b", nil)
	a.promote(t)
	publish(t, 1, a, a, b)
	b.promote(t)
	eventually(t, func() error {
		if st := a.Status(); st.Role != shard.Replica {
			return fmt.Errorf("former primary is %+v", st)
		}
		return nil
	})
	conn := a.client(t, nil).Conn()
	defer conn.Close()
	if got, err := conn.Get(ctx, "k").Result(); err == nil || !strings.HasPrefix(err.Error(), "CLUSTERDOWN ") {
		t.Errorf("read of a former primary with its old map: %q, %v; want CLUSTERDOWN", got, err)
	}
	if err := conn.ReadOnly(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Get(ctx, "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("read under READONLY: %v", err)
	}
}

// A leadership entry of unknown outcome that turns out to be in the log makes its node primary: else the shard would have none.
func TestLeadershipOfUnknownOutcomeIsTakenUp(t *testing.T) {
	gate := &memlog.Gate{}
	memory := memlog.New(gate)
	log := memory.Shard("s")
	a, b := openNode(t, log, "a", nil), openNode(t, memory.Shard("s"), "b", nil)
	a.promote(t)
	eventually(t, func() error {
		if b.Status().Applied != log.Tail() {
			return errors.New("replica has not caught up")
		}
		return nil
	})
	tail := log.Tail()
	gate.Close()
	promoted := make(chan error, 1)
	go func() { promoted <- b.Promote(soon(t)) }()
	eventually(t, func() error {
		if log.Tail() == tail {
			return errors.New("no leadership entry yet")
		}
		return nil
	})
	gate.Fail()
	if err := <-promoted; !errors.Is(err, txlog.ErrUnknown) {
		t.Errorf("Promote = %v, want ErrUnknown", err)
	}
	gate.Open()
	eventually(t, func() error {
		if st, old := b.Status(), a.Status(); st.Role != shard.Primary || old.Role != shard.Replica {
			return fmt.Errorf("the new leader is %+v, the former one %+v", st, old)
		}
		return nil
	})
}

func digest(m *member) uint64 {
	d, _ := m.Digest()
	return d
}

// A node that opens on a log that has records comes back with every key, by the same handlers.
func TestReopenedNodeHasEverything(t *testing.T) {
	ctx := soon(t)
	memory := memlog.New(nil)
	first := openNode(t, memory.Shard("s"), "a", nil)
	first.promote(t)
	publish(t, 1, first, first)
	c := first.client(t, nil)
	for i := range 300 {
		p := c.TxPipeline()
		p.Set(ctx, fmt.Sprint("{t}s", i), i, time.Hour)
		p.HIncrByFloat(ctx, "{t}h", fmt.Sprint(i%7), 0.5)
		p.Incr(ctx, "{t}n")
		p.GetDel(ctx, fmt.Sprint("{t}s", i-5))
		if _, err := p.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
	}
	want := digest(first)
	if err := first.Close(ctx); err != nil {
		t.Fatal(err)
	}
	again := openNode(t, memory.Shard("s"), "a", nil)
	if err := again.CaughtUp(ctx); err != nil {
		t.Fatal(err)
	}
	if got := digest(again); got != want {
		t.Error("the reopened node has another keyspace")
	}
}

// A change of users reaches open connections: permissions at once, and a user who is gone is disconnected.
func TestUsersChangeUnderOpenConnections(t *testing.T) {
	ctx := soon(t)
	sum := sha256.Sum256([]byte("secret"))
	hash := hex.EncodeToString(sum[:])
	user := func(access string) []acl.Definition {
		return []acl.Definition{{Name: "app", AccessString: access, PasswordHashes: []string{hash}}, {Name: "default", AccessString: "off resetchannels -@all"}}
	}
	n := single(t, func(c *engine.Config) { c.Users = user("on ~* &* +@all") })
	if err := n.client(t, nil).Get(ctx, "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Errorf("without AUTH: %v, want NOAUTH", err)
	}
	conn := n.client(t, func(o *redis.Options) { o.Username, o.Password = "app", "secret" }).Conn()
	defer conn.Close()
	if err := conn.Set(ctx, "app:1", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := n.SetUsers(user("on ~app:* resetchannels -@all +@read")); err != nil {
		t.Fatal(err)
	}
	if err := conn.Set(ctx, "app:1", "w", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM this user has no permissions to run the 'set' command") {
		t.Errorf("write after the change: %v, want NOPERM", err)
	}
	if got, err := conn.Get(ctx, "app:1").Result(); err != nil || got != "v" {
		t.Errorf("read after the change: %q, %v", got, err)
	}
	if err := conn.Get(ctx, "other").Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
		t.Errorf("read of another key: %v, want NOPERM", err)
	}
	if err := n.SetUsers([]acl.Definition{{Name: "default", AccessString: "off resetchannels -@all"}}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Get(ctx, "app:1").Err(); err == nil || errors.Is(err, redis.Nil) {
		t.Errorf("a deleted user reads: %v", err)
	}
}

// Parameters take effect in the engine at once.
func TestParametersTakeEffect(t *testing.T) {
	ctx := soon(t)
	n := single(t, nil)
	c := n.client(t, nil)
	encoding := func(key string) string {
		c.HSet(ctx, key, "a", 1, "b", 2, "c", 3)
		e, err := c.ObjectEncoding(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := encoding("h1"); e != "listpack" {
		t.Errorf("small hash is %s", e)
	}
	if err := n.SetParameters(map[string]string{"hash-max-listpack-entries": "2", "maxmemory-policy": "allkeys-lru"}); err != nil {
		t.Fatal(err)
	}
	if e := encoding("h2"); e != "hashtable" {
		t.Errorf("hash above the new threshold is %s", e)
	}
	value := strings.Repeat("v", 1000)
	n.SetMaxMemory(2 << 20)
	for i := range 5000 {
		if err := c.Set(ctx, fmt.Sprint("k", i), value, 0).Err(); err != nil {
			t.Fatalf("write %d with eviction: %v", i, err)
		}
	}
	if size := c.DBSize(ctx).Val(); size < 100 || size > 3000 {
		t.Errorf("%d keys are left with room for about 2000", size)
	}
	if err := n.SetParameters(map[string]string{"maxmemory-policy": "noeviction"}); err != nil {
		t.Fatal(err)
	}
	n.SetMaxMemory(1 << 20)
	if err := c.Set(ctx, "k", value, 0).Err(); err == nil || err.Error() != "OOM command not allowed when used memory > 'maxmemory'." {
		t.Errorf("write above maxmemory: %v, want OOM", err)
	}
	if err := c.Del(ctx, "k4999").Err(); err != nil {
		t.Errorf("DEL above maxmemory: %v", err)
	}
}

// A log that takes no writes refuses them in words, and reads go on.
func TestLogThatRefuses(t *testing.T) {
	ctx := soon(t)
	gate := &memlog.Gate{}
	n := openNode(t, memlog.New(gate).Shard("s"), "a", nil)
	n.promote(t)
	publish(t, 1, n, n)
	c := n.client(t, nil)
	c.Set(ctx, "k", "v", 0)
	gate.Refuse(txlog.ErrFull)
	if err := c.Set(ctx, "k", "w", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "MISCONF ") {
		t.Errorf("write with a full disk: %v", err)
	}
	if got, err := c.Get(ctx, "k").Result(); err != nil || got != "v" {
		t.Errorf("read with a full disk: %q, %v", got, err)
	}
	gate.Refuse(nil)
	if err := c.Set(ctx, "k", "w", 0).Err(); err != nil {
		t.Errorf("write after space is back: %v", err)
	}
}

// The outcome of a write whose zones are lost is unknown: its client gets no answer, and the node leads again, with what the log then has, when the zones are back.
func TestUnknownOutcomeClosesTheConnection(t *testing.T) {
	ctx := soon(t)
	gate := &memlog.Gate{}
	n := openNode(t, memlog.New(gate).Shard("s"), "a", nil)
	n.promote(t)
	publish(t, 1, n, n)
	c := n.client(t, nil)
	loseZones(t, n, c, gate)
	if err := c.Set(ctx, "other", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "CLUSTERDOWN ") {
		t.Errorf("write without zones: %v, want CLUSTERDOWN", err)
	}
	if err := c.Get(ctx, "other").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("read of an untouched key without zones: %v", err)
	}
	gate.Open()
	eventually(t, func() error { return c.Set(ctx, "other", "after", 0).Err() })
	if got, err := c.Get(ctx, "k").Result(); err != nil || got != "during" {
		t.Errorf("k = %q, %v; want what the log has", got, err)
	}
}

// loseZones lets a write be executed and its zones be lost before it is durable.
func loseZones(t *testing.T, n *member, c *redis.Client, gate *memlog.Gate) {
	t.Helper()
	ctx := soon(t)
	if err := c.Set(ctx, "k", "before", 0).Err(); err != nil {
		t.Fatal(err)
	}
	at := n.Status().Applied
	gate.Close()
	answer := make(chan error, 1)
	go func() { answer <- c.Set(ctx, "k", "during", 0).Err() }()
	eventually(t, func() error {
		if n.Status().Applied == at {
			return errors.New("the write has not been executed yet")
		}
		return nil
	})
	gate.Fail()
	if err := <-answer; !errors.Is(err, io.EOF) && (err == nil || !strings.Contains(err.Error(), "reset")) {
		t.Errorf("client of a write of unknown outcome gets %v, want a closed connection", err)
	}
}

// If the process ends before the zones are back, what was not durable may be gone, all of it, and the node opens with the rest.
func TestWriteOfUnknownOutcomeMayBeGone(t *testing.T) {
	ctx := soon(t)
	gate := &memlog.Gate{}
	memory := memlog.New(gate)
	n := openNode(t, memory.Shard("s"), "a", nil)
	n.promote(t)
	publish(t, 1, n, n)
	loseZones(t, n, n.client(t, nil), gate)
	memory.Crash(false)
	gate.Open()
	again := openNode(t, memory.Shard("s"), "a", nil)
	again.promote(t)
	publish(t, 1, again, again)
	if got, err := again.client(t, nil).Get(ctx, "k").Result(); err != nil || got != "before" {
		t.Errorf("k = %q, %v; want what was durable", got, err)
	}
}

// P2: the null of an EXEC whose watch was broken reveals the change that broke it, and waits for it.
func TestNullOfABrokenWatchWaitsForTheLog(t *testing.T) {
	ctx := soon(t)
	gate := &memlog.Gate{}
	n := openNode(t, memlog.New(gate).Shard("s"), "a", nil)
	n.promote(t)
	publish(t, 1, n, n)
	watcher := n.client(t, nil).Conn()
	defer watcher.Close()
	if err := watcher.Do(ctx, "watch", "k").Err(); err != nil {
		t.Fatal(err)
	}
	if err := watcher.Do(ctx, "multi").Err(); err != nil {
		t.Fatal(err)
	}
	at := n.Status().Applied
	gate.Close()
	wrote, answered := make(chan error, 1), make(chan error, 1)
	go func() { wrote <- n.client(t, nil).Set(ctx, "k", "v", 0).Err() }()
	eventually(t, func() error {
		if n.Status().Applied == at {
			return errors.New("the write has not been executed yet")
		}
		return nil
	})
	var early bool
	go func() { answered <- watcher.Do(ctx, "exec").Err() }()
	select {
	case <-answered:
		early = true
	case <-time.After(50 * time.Millisecond): // long enough for an answer that does not wait
	}
	gate.Open()
	if early {
		t.Fatal("EXEC answers before the change that broke its watch is durable")
	}
	if err := <-answered; !errors.Is(err, redis.Nil) {
		t.Errorf("EXEC = %v, want null", err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}
