package server

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
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
