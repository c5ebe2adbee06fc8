package server

import (
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// pop takes the value of a key of these tests' only type; nil if there is none.
func pop(c *command.Call, key []byte) []byte {
	v, ok := c.DB.LookupWrite(key)
	if !ok {
		return nil
	}
	value := append([]byte{}, v.Bytes...)
	c.DB.Delete(key)
	c.Changed(key, '$', "pop")
	return value
}

// blockingRows stand for BLPOP and BLMOVE: a key holds one value.
var blockingRows = []command.Spec{
	{Name: "bpop", Arity: -3, Flags: command.Write | command.Blocking, Group: command.Generic, Run: func(c *command.Call) error {
		timeout, err := strconv.ParseInt(string(c.Argv[len(c.Argv)-1]), 10, 64)
		if err != nil {
			return err
		}
		keys := c.Argv[1 : len(c.Argv)-1]
		for _, key := range keys {
			if c.Ready != nil && string(c.Ready) != string(key) {
				continue
			}
			if v := pop(c, key); v != nil {
				c.Reply.Array(2)
				c.Reply.Bulk(key)
				c.Reply.Bulk(v)
				c.Propagate([]byte("del"), key)
				return nil
			}
		}
		return c.Block(command.Wait{Keys: keys, Type: keyspace.String, Timeout: timeout})
	}, Keys: []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Begin: 1, Last: -2, Step: 1}}},
	{Name: "bmove", Arity: 4, Flags: command.Write | command.Blocking, Group: command.Generic, Keys: []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Begin: 1, Last: -2, Step: 1}}, Run: func(c *command.Call) error {
		v := pop(c, c.Argv[1])
		if v == nil {
			timeout, _ := strconv.ParseInt(string(c.Argv[3]), 10, 64)
			return c.Block(command.Wait{Keys: c.Argv[1:2], Type: keyspace.String, Timeout: timeout})
		}
		c.DB.Set(c.Argv[2], keyspace.String, keyspace.EncRaw, v, false)
		c.Changed(c.Argv[2], '$', "set")
		c.Propagate([]byte("del"), c.Argv[1])
		c.Propagate([]byte("set"), c.Argv[2], v)
		c.Reply.Bulk(v)
		return nil
	}},
}

func popped(key, value string) string { return "*2\r\n" + bulk(key) + bulk(value) }

// waiting waits until so many connections are blocked.
func (n *node) waiting(count int64) {
	n.t.Helper()
	eventually(n.t, strconv.FormatInt(count, 10)+" connections are blocked", func() bool { return n.srv.stats.blocked.Load() == count })
}

// blocks sends a request and waits until it is blocked, as the count-th one.
func (c *client) blocks(n *node, count int64, request string) {
	c.t.Helper()
	c.send(request + "\r\n")
	n.waiting(count)
}

func TestBlockedCallIsServed(t *testing.T) {
	n := run(t, nil)
	a, b, c := n.dial(), n.dial(), n.dial()
	a.blocks(n, 1, "PING\r\nBPOP {k}x k 0\r\nPING")
	a.expect("+PONG\r\n") // what was before is not held back
	b.blocks(n, 2, "BPOP k 0")
	c.do("SET k one", "+OK\r\n")
	a.expect(popped("k", "one") + "+PONG\r\n")
	c.do("GET k", "$-1\r\n")
	c.do("SET k two", "+OK\r\n")
	b.expect(popped("k", "two"))
	n.waiting(0)
	if lines := n.dial().reply("INFO clients"); !strings.Contains(lines, "blocked_clients:0\r\n") {
		t.Errorf("INFO clients = %q", lines)
	}
}

func TestBlockedCallTimesOut(t *testing.T) {
	n := run(t, nil)
	a := n.dial()
	begun := time.Now()
	a.send("BPOP k 50\r\nPING\r\nHELLO 3\r\n")
	a.expect("*-1\r\n+PONG\r\n")
	if took := time.Since(begun); took < 50*time.Millisecond {
		t.Errorf("timed out after %v", took)
	}
	if _, err := readReply(a.r); err != nil {
		t.Fatal(err)
	}
	a.do("BPOP k 10", "_\r\n")
	n.waiting(0)
}

func TestClientThatLeavesIsNotServed(t *testing.T) {
	n := run(t, nil)
	a, b := n.dial(), n.dial()
	a.blocks(n, 1, "BPOP k 0")
	a.Close()
	n.waiting(0)
	b.do("SET k one", "+OK\r\n")
	b.do("GET k", bulk("one"))
}

func TestBlockedCallIsServedOverTLS(t *testing.T) {
	serverTLS, clientTLS := certificates(t)
	n := run(t, func(cfg *Config) { cfg.TLS = serverTLS })
	a, b := n.dialTLS(clientTLS), n.dialTLS(clientTLS)
	for i := range 20 { // each time the connection's read is broken off
		v := strconv.Itoa(i)
		a.blocks(n, 1, "BPOP k 0")
		a.send("PING\r\n")
		b.do("SET k "+v, "+OK\r\n")
		a.expect(popped("k", v) + "+PONG\r\n")
		a.do("BPOP k 1", "*-1\r\n")
	}
	a.blocks(n, 1, "BPOP k 0")
	a.Close()
	n.waiting(0)
	b.do("SET k v", "+OK\r\n")
	b.do("GET k", bulk("v"))
}

func TestPushesReachABlockedClient(t *testing.T) {
	n := run(t, nil)
	a, b := n.dial(), n.dial()
	a.reply("HELLO 3")
	a.blocks(n, 1, "BPOP k 0")
	of := n.conn(1)
	of.Push(func(w *resp.Writer) { w.Push(1); w.Int(1) })
	a.expect(">1\r\n:1\r\n")
	b.do("SET k v", "+OK\r\n")
	a.expect(popped("k", "v"))
	of.Push(func(w *resp.Writer) { w.Push(1); w.Int(2) })
	a.expect(">1\r\n:2\r\n")
}

func TestClientsOfBlockedCallsEnd(t *testing.T) {
	n := run(t, nil)
	a, b := n.dial(), n.dial()
	a.do("CLIENT SETNAME a", "+OK\r\n")
	id := strings.TrimSuffix(a.reply("CLIENT ID")[1:], "\r\n")
	a.blocks(n, 1, "BPOP k 0")
	if line := b.reply("CLIENT LIST ID " + id); !strings.Contains(line, " flags=b ") || !strings.Contains(line, " cmd=bpop ") {
		t.Errorf("CLIENT LIST = %q", line)
	}
	b.do("CLIENT UNBLOCK "+id, ":1\r\n")
	b.do("CLIENT UNBLOCK "+id, ":0\r\n")
	a.expect("*-1\r\n")
	a.blocks(n, 1, "BPOP k 0")
	b.do("CLIENT UNBLOCK "+id+" error", ":1\r\n")
	a.expect("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")
	a.blocks(n, 1, "BPOP k 0")
	b.do("CLIENT KILL ID "+id, ":1\r\n")
	a.expectEnd()
	n.waiting(0)
	b.do("SET k v", "+OK\r\n")
	b.do("GET k", bulk("v"))
}

func TestRepliesOfBlockedCallsAreNotWanted(t *testing.T) {
	n := run(t, nil)
	a, b := n.dial(), n.dial()
	a.blocks(n, 1, "CLIENT REPLY SKIP\r\nBPOP k 0\r\nPING")
	b.do("SET k v", "+OK\r\n")
	a.expect("+PONG\r\n")
	a.blocks(n, 1, "CLIENT REPLY OFF\r\nBPOP k 0\r\nCLIENT REPLY ON")
	b.do("SET k v", "+OK\r\n")
	a.expect("+OK\r\n")
	b.do("GET k", "$-1\r\n")
}

func TestNobodyBlocksInATransaction(t *testing.T) {
	n := run(t, nil)
	a := n.dial()
	a.send("MULTI\r\nBPOP k 0\r\nBPOP k 1000\r\nEXEC\r\n")
	a.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n*-1\r\n*-1\r\n")
}

func TestTransactionServesOnceItIsOver(t *testing.T) {
	n := run(t, nil)
	a, b := n.dial(), n.dial()
	a.blocks(n, 1, "BPOP k 0")
	b.send("MULTI\r\nSET k one\r\nDEL k\r\nEXEC\r\n")
	b.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:1\r\n")
	n.waiting(1)
	b.send("MULTI\r\nSET k one\r\nSET k two\r\nGET k\r\nEXEC\r\nGET k\r\n")
	b.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+OK\r\n" + bulk("two") + "$-1\r\n")
	a.expect(popped("k", "two"))
}

func TestServedReplyWaitsForTheLog(t *testing.T) {
	n := run(t, nil)
	a, b := n.dial(), n.dial()
	a.blocks(n, 1, "BPOP k 0")
	n.gate.Close()
	b.send("SET k v\r\n")
	n.waiting(0)
	for name, c := range map[string]*client{"the pusher": b, "the served client": a} {
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if got, err := c.r.Peek(1); err == nil {
			t.Errorf("%s got %q before the record was durable", name, got)
		}
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		c.r.Reset(c.Conn) // forget the timeout
	}
	n.gate.Open()
	b.expect("+OK\r\n")
	a.expect(popped("k", "v"))
}

// A client that is blocked while its own earlier write is not durable yet may be served meanwhile.
func TestServedWhileEarlierRepliesAreHeld(t *testing.T) {
	n := run(t, nil)
	a, b := n.dial(), n.dial()
	n.gate.Close()
	a.blocks(n, 1, "SET mine v\r\nBPOP k 0\r\nGET mine")
	b.send("SET k v\r\n")
	eventually(t, "served", func() bool {
		turn := n.shard.Begin()
		defer turn.End()
		return turn.Waiting() == 0
	})
	n.gate.Open()
	a.expect("+OK\r\n" + popped("k", "v") + bulk("v"))
	b.expect("+OK\r\n")
}

func TestBlockedClientsWhenTheNodeLosesItsShard(t *testing.T) {
	n := run(t, nil)
	a := n.dial()
	a.blocks(n, 1, "BPOP k 0\r\nPING")
	n.shard.Reset()
	a.expect("-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n")
	a.expectEnd()
}

func TestBlockedClientsOfASlotThatWasMoved(t *testing.T) {
	var moved atomic.Bool
	n := run(t, func(cfg *Config) { cfg.Router = movable{&moved} })
	a := n.dial()
	a.blocks(n, 1, "BPOP k 0")
	moved.Store(true)
	n.srv.redirectBlocked(n.srv.clients.all()) // as the housekeeper does once a second
	a.expect("-MOVED 7629 127.0.0.1:9\r\n")
	moved.Store(false)
	a.do("PING", "+PONG\r\n")
	n.waiting(0)
}

// movable serves all slots, or none.
type movable struct{ moved *atomic.Bool }

func (m movable) Route(slot uint16, _ bool, _ *command.Client) error {
	if m.moved.Load() {
		return resp.Errorf("MOVED %d 127.0.0.1:9", slot)
	}
	return nil
}

func TestCloseEndsBlockedClients(t *testing.T) {
	n := run(t, nil)
	a, b := n.dial(), n.dial()
	a.blocks(n, 1, "BPOP k 0")
	b.blocks(n, 2, "WAIT 1 0")
	if err := n.srv.Close(t.Context()); err != nil {
		t.Error(err)
	}
	a.expectEnd()
	b.expectEnd()
}

func TestWhatABlockedClientSendsIsBounded(t *testing.T) {
	n := run(t, func(cfg *Config) { cfg.Settings.QueryBuffer = 1 << 20 })
	a := n.dial()
	a.blocks(n, 1, "BPOP k 0")
	go io.WriteString(a, strings.Repeat("PING\r\n", 1<<18)) // fails once the server has closed
	n.waiting(0)
	a.expectEnd()
}

func TestBlockedCallsAreCountedOnce(t *testing.T) {
	n := run(t, func(cfg *Config) { cfg.Settings.SlowerThan = new(time.Duration) })
	a, b, m := n.dial(), n.dial(), n.dial()
	m.do("MONITOR", "+OK\r\n")
	a.blocks(n, 1, "BPOP k 0")
	if line, err := m.r.ReadString('\n'); err != nil || !strings.HasSuffix(line, `"BPOP" "k" "0"`+"\r\n") {
		t.Errorf("MONITOR shows %q, %v", line, err)
	}
	stat := "cmdstat_bpop:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=0"
	if got := b.reply("INFO commandstats"); !strings.Contains(got, stat) {
		t.Errorf("while it waits: %q", got)
	}
	if got := b.reply("SLOWLOG GET -1"); strings.Contains(got, "BPOP") {
		t.Errorf("a call that waits is in the slow log: %q", got)
	}
	b.do("SET k v", "+OK\r\n")
	a.expect(popped("k", "v"))
	if got := b.reply("INFO commandstats"); !strings.Contains(got, "cmdstat_bpop:calls=1,") {
		t.Errorf("after it was served: %q", got)
	}
	if got := b.reply("SLOWLOG GET -1"); strings.Count(got, "BPOP") != 1 {
		t.Errorf("slow log: %q", got)
	}
	for {
		b.send("ECHO end\r\n")
		seen, err := m.r.ReadString('\n')
		if err != nil || strings.Contains(seen, "BPOP") {
			t.Fatalf("MONITOR shows %q, %v", seen, err)
		}
		if strings.Contains(seen, "ECHO") {
			break
		}
	}
}

// One element through a blocked client and back: two wake-ups, four system calls for reading and writing on each side.
func BenchmarkBlockedServe(b *testing.B) {
	n := run(b, nil)
	consumer, producer := n.dial(), n.dial()
	consumer.SetDeadline(time.Time{})
	producer.SetDeadline(time.Time{})
	b.ReportAllocs()
	for b.Loop() {
		consumer.send("BPOP k 0\r\n")
		producer.send("SET k v\r\n")
		producer.expect("+OK\r\n")
		consumer.expect(popped("k", "v"))
	}
}
