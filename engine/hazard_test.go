package engine_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// The obligations of an engine that executes first and logs afterwards: what may leave before the log has the change, and what may not.

// hazards is a node whose log can be stopped.
type hazards struct {
	*testing.T
	*member
	gate *memlog.Gate
}

func newHazards(t *testing.T, change func(*engine.Config)) *hazards {
	h := &hazards{T: t, gate: &memlog.Gate{}}
	h.member = openNode(t, memlog.New(h.gate).Shard("s"), "hazards", change)
	h.promote(t)
	publish(t, 1, h.member, h.member)
	return h
}

// peer is one connection.
type peer struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

func (h *hazards) dial() *peer {
	h.Helper()
	nc, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { nc.Close() })
	return &peer{h.T, nc, bufio.NewReader(nc)}
}

// ask sends requests, one in a line, and returns the lines of the last reply.
func (p *peer) ask(requests ...string) string {
	p.t.Helper()
	p.send(requests...)
	var v string
	for range requests {
		v = p.reply()
	}
	return v
}

func (p *peer) send(requests ...string) {
	p.t.Helper()
	if _, err := p.nc.Write([]byte(strings.Join(requests, "\r\n") + "\r\n")); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) reply() string {
	p.t.Helper()
	p.nc.SetReadDeadline(time.Now().Add(20 * time.Second))
	v, err := enginetest.ReadReply(p.r)
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.Join(v.Lines(), "\n")
}

// silent fails if something comes within a moment.
func (p *peer) silent(what string) {
	p.t.Helper()
	p.nc.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	if b, err := p.r.Peek(1); err == nil {
		line, _ := p.r.ReadString('\n')
		p.t.Errorf("%s: %q leaves before the log has the change (%q)", what, line, b)
	}
	p.r.Reset(p.nc) // forget the timeout
}

// held fails unless the replies to the requests, in this order, leave only after the log is durable: those before the last of them are free.
func (h *hazards) held(requests ...string) {
	h.Helper()
	p, watcher := h.dial(), h.dial()
	p.send(requests...)
	for range requests[:len(requests)-1] {
		p.reply()
	}
	eventually(h, func() error {
		if !strings.Contains(watcher.ask("INFO clients"), `clients_waiting_for_log:1\r`) {
			return fmt.Errorf("%s: nobody waits for the log", requests)
		}
		return nil
	})
	p.silent(strings.Join(requests, "; "))
	h.gate.Open()
	p.reply()
}

func TestHazard1RepliesOfChangesAreHeld(t *testing.T) {
	for _, requests := range [][]string{
		{"SET k v"}, {"DEL there"}, {"INCR n"}, {"EXPIRE there 100"}, {"RENAME there {there}2"}, {"COPY there {there}2"}, {"HSET h f v"}, {"SADD s m"},
		{"LPUSH l a"}, {"ZADD z 1 a"}, {"XADD x * f v"}, {"FLUSHDB"}, {"FLUSHALL"},
		{"EVAL \"return redis.call('set', KEYS[1], 'v')\" 1 k"}, {"FUNCTION LOAD \"#!lua name=one\\nredis.register_function('f', function() return 1 end)\""},
		{"FUNCTION DELETE one"}, {"FUNCTION FLUSH"},
	} {
		t.Run(requests[0], func(t *testing.T) {
			h := newHazards(t, nil)
			c := h.dial()
			c.ask("SET there v")
			if strings.HasPrefix(requests[0], "FUNCTION FLUSH") || strings.HasPrefix(requests[0], "FUNCTION DELETE") {
				c.ask("FUNCTION LOAD \"#!lua name=one\\nredis.register_function('f', function() return 1 end)\"")
			}
			h.gate.Close()
			h.held(requests...)
		})
	}
	t.Run("EXEC", func(t *testing.T) {
		h := newHazards(t, nil)
		h.gate.Close()
		h.held("MULTI", "SET k v", "PING", "EXEC")
	})
	t.Run("free", func(t *testing.T) {
		h := newHazards(t, nil)
		c := h.dial()
		c.ask("SET other v")
		h.gate.Close()
		h.dial().send("SET k v")
		eventually(t, func() error {
			if !strings.Contains(c.ask("INFO clients"), `clients_waiting_for_log:1\r`) {
				return fmt.Errorf("the write is not held")
			}
			return nil
		})
		for _, request := range []string{"PING", "INFO", "OBJECT HELP", "GET other", "SET other w NX", "MULTI", "GET other", "EXEC", "MULTI", "SET other w", "DISCARD", "TTL other",
			"EVAL_RO \"return redis.call('get', KEYS[1])\" 1 other"} {
			c.ask(request) // fails after a while if it is held
		}
		h.gate.Open()
	})
}

func TestHazard2ScriptsThatFailHalfwayAreHeld(t *testing.T) {
	h := newHazards(t, nil)
	h.gate.Close()
	h.held("EVAL \"redis.call('set', KEYS[1], 'v') return redis.call('lpush', KEYS[1], 'v')\" 1 k")
	if got := h.dial().ask("GET k"); got != `$"v"` {
		t.Errorf("GET k = %s", got)
	}
}

func TestHazard3ReadsOfChangedKeysAreHeld(t *testing.T) {
	for _, request := range []string{"GET k", "EXISTS k", "TYPE k", "TTL k", "STRLEN k", "OBJECT ENCODING k", "MGET {k}other k", "SET k w NX", "DUMP k", "SORT_RO k",
		"KEYS *", "KEYS nosuch", "SCAN 0", "RANDOMKEY", "DBSIZE"} {
		t.Run(request, func(t *testing.T) {
			h := newHazards(t, nil)
			other := h.dial()
			other.ask("SET other v")
			h.gate.Close()
			h.dial().send("CLIENT REPLY OFF", "SET k v", "PING") // not counted among those who wait
			eventually(t, func() error {
				if !strings.Contains(other.ask("INFO keyspace"), "keys=2") {
					return fmt.Errorf("not executed yet")
				}
				return nil
			})
			for _, free := range []string{"GET other", "EXISTS other", "TYPE other", "TTL other"} {
				other.ask(free)
			}
			p := h.dial()
			p.send(request)
			p.silent(request)
			h.gate.Open()
			p.reply()
		})
	}
}

func TestHazard4ExpiryAndEvictionAreHeld(t *testing.T) {
	gone := func(h *hazards, p *peer) {
		h.Helper()
		eventually(h, func() error {
			if !strings.Contains(p.ask("INFO keyspace"), "keys=1") {
				return fmt.Errorf("the key is still there")
			}
			return nil
		})
		q := h.dial()
		q.send("GET k")
		q.silent("GET of a key that is gone")
		p.ask("GET other")
		h.gate.Open()
		if got := q.reply(); got != "$nil" {
			h.Errorf("GET k = %s", got)
		}
	}
	t.Run("lazy", func(t *testing.T) {
		h := newHazards(t, nil)
		p := h.dial()
		p.ask("SET other v", "SET k v PX 1")
		h.gate.Close()
		h.dial().send("EXISTS k", "EXISTS k", "EXISTS k")
		gone(h, p)
	})
	t.Run("active", func(t *testing.T) {
		h := newHazards(t, nil)
		p := h.dial()
		p.ask("SET other v", "SET k v PX 1")
		h.gate.Close()
		gone(h, p)
	})
	t.Run("eviction", func(t *testing.T) {
		h := newHazards(t, func(c *engine.Config) { c.Parameters = map[string]string{"maxmemory-policy": "volatile-ttl"} })
		p := h.dial()
		p.ask("SET other v", "SET k v EX 1000")
		h.gate.Close()
		h.SetMaxMemory(1)
		w := h.dial()
		w.send("SET new v") // refused after k had to go
		gone(h, p)
		w.reply()
	})
}

func TestHazard5PipelinesKeepTheirOrder(t *testing.T) {
	h := newHazards(t, nil)
	p, other := h.dial(), h.dial()
	big := strings.Repeat("x", 60<<10) // five times that is more than one buffer
	other.ask("SET other " + big)
	h.gate.Close()
	p.send("PING", "GET other", "SET k v", "PING", "GET other", "GET other", "GET other", "GET other", "GET other", "GET k", "PING last")
	p.reply() // what is before the write is not held, even if all came at once
	p.reply()
	p.silent("a pipeline with a write")
	h.gate.Open()
	for i, want := range []string{"+OK", "+PONG", big, big, big, big, big, `$"v"`, `$"last"`} {
		if got := p.reply(); !strings.Contains(got, want) {
			t.Errorf("reply %d = %.40s, want %.40s", i, got, want)
		}
	}
}

// What others hear of a change, they hear once it is durable: keyspace events, invalid keys of client-side caching, and messages behind a write.
func TestHazard6NoticesAreDeferred(t *testing.T) {
	for _, c := range []struct {
		name    string
		listen  []string // what the connection that hears sends before
		changes []string
		want    []string // what it hears, in order
	}{
		{"keyspace event", []string{"SUBSCRIBE __keyspace@0__:k"}, []string{"SET k w"}, []string{"set"}},
		{"keyevent event", []string{"SUBSCRIBE __keyevent@0__:del"}, []string{"DEL k"}, []string{"k"}},
		{"events of a script", []string{"PSUBSCRIBE __keyspace@0__:*"}, []string{`EVAL "redis.call('set', KEYS[1], 1) redis.call('lpush', KEYS[2], 1)" 2 {k}1 {k}2`}, []string{"set", "lpush"}},
		{"tracked key", []string{"HELLO 3", "CLIENT TRACKING ON", "GET k"}, []string{"SET k w"}, []string{"k"}},
		{"tracked key of a transaction", []string{"HELLO 3", "CLIENT TRACKING ON", "GET k"}, []string{"MULTI", "SET k w", "EXEC"}, []string{"k"}},
		{"tracked prefix", []string{"HELLO 3", "CLIENT TRACKING ON BCAST PREFIX k"}, []string{"SET k w"}, []string{"k"}},
		{"tracked key and FLUSHALL", []string{"HELLO 3", "CLIENT TRACKING ON", "GET k"}, []string{"FLUSHALL"}, []string{"nil"}},
		{"tracked prefix and FLUSHALL", []string{"HELLO 3", "CLIENT TRACKING ON BCAST"}, []string{"FLUSHALL"}, []string{"nil"}},
		{"message behind a write", []string{"SUBSCRIBE news"}, []string{"SET k w", "PUBLISH news told"}, []string{"told"}},
		{"message of a transaction", []string{"SUBSCRIBE news"}, []string{"MULTI", "SET k w", "PUBLISH news told", "EXEC"}, []string{"told"}},
		{"message of a script", []string{"SSUBSCRIBE {k}news"}, []string{`EVAL "redis.call('set', KEYS[1], 1) redis.call('spublish', KEYS[2], 'told')" 2 k {k}news`}, []string{"told"}},
		{"message behind a held read", []string{"SUBSCRIBE news"}, []string{"CLIENT REPLY OFF", "SET k w", "CLIENT REPLY ON", "GET k", "PUBLISH news told"}, []string{"told"}},
	} {
		events := func(c *engine.Config) { c.Parameters = map[string]string{"notify-keyspace-events": "KEA"} }
		begin := func(t *testing.T) (h *hazards, p, writer *peer) {
			h = newHazards(t, events)
			h.dial().ask("SET k v")
			p, writer = h.dial(), h.dial()
			for _, request := range c.listen {
				p.ask(request)
			}
			h.gate.Close()
			writer.send(c.changes...)
			h.waitHeld(h.dial(), 1)
			p.silent(c.name)
			return h, p, writer
		}
		t.Run(c.name, func(t *testing.T) {
			h, p, _ := begin(t)
			h.gate.Open()
			for _, want := range c.want {
				if got := p.reply(); !strings.HasSuffix(got, `$"`+want+`"`) && (want != "nil" || !strings.HasSuffix(got, "_")) {
					t.Errorf("heard %s, want %s", got, want)
				}
			}
		})
		t.Run(c.name+", outcome unknown", func(t *testing.T) {
			h, p, writer := begin(t)
			p.ask("SUBSCRIBE end")
			h.gate.Fail()
			writer.nc.SetReadDeadline(time.Now().Add(20 * time.Second))
			if _, err := io.Copy(io.Discard, writer.r); err != nil {
				t.Errorf("the writer's connection: %v, want that it is closed", err)
			}
			p.silent(c.name)
			h.gate.Open()
			eventually(t, func() error { // the node leads again once it has read what the log has
				if got := h.dial().ask("SET other v"); got != "+OK" {
					return errors.New(got)
				}
				return nil
			})
			h.dial().ask("PUBLISH end .")
			wants := c.want // the log may settle that the record is durable before the messages are dropped
			for {
				got := p.reply()
				if strings.HasSuffix(got, `"end"`+"\n  "+`$"."`) {
					break
				}
				if len(wants) > 0 && strings.HasSuffix(got, `$"`+wants[0]+`"`) && !strings.Contains(got, "other") {
					wants = wants[1:]
				} else if !strings.HasSuffix(got, "_") && !strings.Contains(got, "other") { // everything is invalid, since the node's memory was dropped
					t.Errorf("heard %s behind a change whose outcome is unknown", got)
				}
			}
		})
	}
}

// A client that has cached a key which has to go before its own request is executed hears of it ahead of the reply, and both wait for the log.
func TestEvictionIsHeardAheadOfTheReply(t *testing.T) {
	h := newHazards(t, func(c *engine.Config) { c.Parameters = map[string]string{"maxmemory-policy": "volatile-ttl"} })
	p, other := h.dial(), h.dial()
	p.ask("HELLO 3")
	p.ask("CLIENT TRACKING ON", "SET k v EX 1000", "GET k")
	var used int64
	_, at, _ := strings.Cut(other.ask("INFO memory"), "used_memory:")
	fmt.Sscan(at, &used)
	h.SetMaxMemory(used + 100<<10)
	p.ask("SETBIT big 1600000 0") // there is room before, not behind it
	h.gate.Close()
	p.send("GETBIT big 0")
	h.waitHeld(other, 1)
	p.silent("an eviction")
	h.gate.Open()
	for _, want := range []string{`$"k"`, ":0"} {
		if got := p.reply(); !strings.HasSuffix(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A client hears that a key is no longer tracked, since there are more than tracking-table-max-keys, ahead of the reply to its next request.
func TestForgottenKeysAreHeardAheadOfTheReply(t *testing.T) {
	h := newHazards(t, func(c *engine.Config) { c.AdminCommands = true })
	p := h.dial()
	p.ask("HELLO 3")
	p.ask("CLIENT TRACKING ON", "MGET {k}1 {k}2")
	h.dial().ask("CONFIG SET tracking-table-max-keys 1")
	p.send("MULTI")
	if got := p.reply(); !strings.Contains(got, `$"{k}`) {
		t.Errorf("got %s, want an invalid key", got)
	}
	if got := p.reply(); got != "+OK" {
		t.Errorf("MULTI = %s", got)
	}
	if info := h.dial().ask("INFO stats"); !strings.Contains(info, `tracking_total_keys:1\r`) {
		t.Errorf("want one key tracked: %s", info)
	}
}

func TestHazard7SilentAndVanishedWriters(t *testing.T) {
	h := newHazards(t, nil)
	t.Run("blocked clients need both", func(t *testing.T) {
		h := newHazards(t, nil)
		p, other := h.dial(), h.dial()
		p.send("BZPOPMIN z 0")
		eventually(t, func() error {
			if !strings.Contains(other.ask("INFO clients"), `blocked_clients:1\r`) {
				return fmt.Errorf("not blocked yet")
			}
			return nil
		})
		h.gate.Close()
		other.send("ZADD z 1 a")
		p.silent("BZPOPMIN")
		h.gate.Open()
		if got := p.reply(); !strings.Contains(got, `"a"`) {
			t.Errorf("BZPOPMIN = %s", got)
		}
	})
	other := h.dial()
	h.gate.Close()
	p := h.dial()
	p.send("CLIENT REPLY OFF", "SET k v")
	h.waitHeld(other, 1)
	q := h.dial()
	q.send("GET k") // the change counts although nobody is told of it
	h.waitHeld(other, 2)
	q.silent("GET of what a silent client has written")
	q.nc.Close()
	p.nc.Close()
	h.waitHeld(other, 0) // noticed by the housekeeper, once a second
	h.gate.Open()
}

func (h *hazards) waitHeld(p *peer, n int) {
	h.Helper()
	eventually(h, func() error {
		if info := p.ask("INFO clients"); !strings.Contains(info, fmt.Sprintf(`clients_waiting_for_log:%d\r`, n)) {
			return fmt.Errorf("want %d clients that wait for the log: %s", n, info)
		}
		return nil
	})
}

func TestHazard8DemotionDisconnectsThoseWhoWait(t *testing.T) {
	gate := &memlog.Gate{}
	memory := memlog.New(gate)
	a, b := openNode(t, memory.Shard("s"), "a", nil), openNode(t, memory.Shard("s"), "b", nil)
	a.promote(t)
	publish(t, 1, a, a, b)
	h := &hazards{t, a, gate}
	p, blocked := h.dial(), h.dial()
	blocked.send("WAIT 5 0")
	eventually(t, func() error {
		if !strings.Contains(p.ask("INFO clients"), `blocked_clients:1\r`) {
			return fmt.Errorf("not blocked yet")
		}
		return nil
	})
	gate.Close()
	p.send("SET k v")
	p.silent("SET")
	gate.Fail() // the outcome of the write is unknown
	p.nc.SetReadDeadline(time.Now().Add(20 * time.Second))
	if got, err := p.r.ReadString('\n'); err == nil {
		t.Errorf("a write whose outcome is unknown is answered with %q", got)
	}
	gate.Open()
	if got := blocked.reply(); !strings.HasPrefix(got, "-UNBLOCKED force unblock from blocking operation") {
		t.Errorf("WAIT = %s", got)
	}
	if got, err := blocked.r.ReadString('\n'); err == nil {
		t.Errorf("got %q behind UNBLOCKED, want that the connection is closed", got)
	}
}

func TestHazard9InfoTellsWhoWaits(t *testing.T) {
	h := newHazards(t, nil)
	other := h.dial()
	other.ask("SET k v")
	durable := func() (n, tail int) {
		info := other.ask("INFO everything")
		_, at, _ := strings.Cut(info, "log_durable_offset:")
		fmt.Sscan(at, &n)
		_, at, _ = strings.Cut(info, "master_repl_offset:")
		fmt.Sscan(at, &tail)
		return n, tail
	}
	if n, tail := durable(); n == 0 || n != tail {
		t.Errorf("durable at %d, executed %d", n, tail)
	}
	h.gate.Close()
	for range 3 {
		h.dial().send("SET k w")
	}
	h.waitHeld(other, 3)
	if n, tail := durable(); n != tail-3 {
		t.Errorf("durable at %d, executed %d, want 3 less", n, tail)
	}
	h.gate.Open()
	h.waitHeld(other, 0)
	if n, tail := durable(); n != tail {
		t.Errorf("durable at %d, executed %d", n, tail)
	}
}
