package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// dataRows are the few commands about keys that these tests need; the real ones are in packages that may not be imported from here.
var dataRows = []command.Spec{
	{Name: "get", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.String, Keys: command.KeyAt(1, command.RO|command.Access), Run: func(c *command.Call) error {
		v, ok := c.DB.LookupRead(c.Argv[1])
		if !ok {
			c.Reply.Null()
			return nil
		}
		c.Reply.Bulk(v.Bytes)
		return nil
	}},
	{Name: "set", Arity: -3, Flags: command.Write | command.DenyOOM, Group: command.String, Keys: command.KeyAt(1, command.OW|command.Update), Run: func(c *command.Call) error {
		c.DB.Set(c.Argv[1], keyspace.String, keyspace.EncRaw, c.Argv[2], false)
		c.Changed(c.Argv[1], '$', "set")
		c.Reply.OK()
		return nil
	}},
	{Name: "incr", Arity: 2, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.String, Keys: command.KeyAt(1, command.RW|command.Access|command.Update), Run: func(c *command.Call) error {
		n := int64(0)
		if v, ok := c.DB.LookupWrite(c.Argv[1]); ok {
			var err error
			if n, err = command.ParseInt(v.Bytes); err != nil {
				return err
			}
		}
		n++
		c.DB.Set(c.Argv[1], keyspace.String, keyspace.EncRaw, strconv.AppendInt(nil, n, 10), true)
		c.Changed(c.Argv[1], '$', "incrby")
		c.Reply.Int(n)
		return nil
	}},
	{Name: "del", Arity: -2, Flags: command.Write, Group: command.Generic, Keys: command.KeysFrom(1, 1, command.RM|command.Delete), Run: func(c *command.Call) error {
		n := int64(0)
		for _, k := range c.Argv[1:] {
			if c.DB.Delete(k) {
				c.Changed(k, 'g', "del")
				n++
			}
		}
		c.Reply.Int(n)
		return nil
	}},
	{Name: "mget", Arity: -2, Flags: command.ReadOnly | command.Fast, Group: command.String, Keys: command.KeysFrom(1, 1, command.RO|command.Access), Run: func(c *command.Call) error {
		c.Reply.Array(len(c.Argv) - 1)
		for _, k := range c.Argv[1:] {
			if v, ok := c.DB.LookupRead(k); ok {
				c.Reply.Bulk(v.Bytes)
			} else {
				c.Reply.Null()
			}
		}
		return nil
	}},
	{Name: "dbsize", Arity: 1, Flags: command.ReadOnly | command.Fast | command.WholeKeyspace, Group: command.Server, Run: func(c *command.Call) error {
		c.Reply.Int(int64(c.DB.Len()))
		return nil
	}},
	{Name: "pexpireat", Arity: 3, Flags: command.Write | command.Fast, Group: command.Generic, Keys: command.KeyAt(1, command.RW|command.Update), Run: func(c *command.Call) error {
		at, err := command.ParseInt(c.Argv[2])
		if err != nil {
			return err
		}
		c.DB.Expire(c.Argv[1], at)
		c.Changed(c.Argv[1], 'g', "expire")
		c.Reply.Int(1)
		return nil
	}},
	busyRow,
	{Name: "broken", Arity: 1, Flags: command.ReadOnly, Group: command.Generic, Run: func(*command.Call) error { return errors.New("a fault of ours") }},
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a server over a shard whose log is in memory.
type node struct {
	t     testing.TB
	srv   *Server
	shard *shard.Shard
	acl   *acl.Store
	gate  *memlog.Gate
	addr  string
	ahead atomic.Int64 // how far the clock was put forward
}

// run starts a node; change may alter its configuration.
func run(t testing.TB, change func(cfg *Config)) *node {
	t.Helper()
	n := &node{t: t, gate: &memlog.Gate{}}
	now := func() time.Time { return time.Now().Add(time.Duration(n.ahead.Load())) }
	n.acl = acl.NewStore(acl.Config{})
	table := command.NewTable(true, dataRows, blockingRows, Commands(), n.acl.Rows())
	n.acl.Bind(table)
	mem := memlog.New(n.gate)
	n.shard = shard.New(shard.Config{NodeID: "n1", Log: mem.Shard("s"), Table: table, NewDB: func() *keyspace.DB { return keyspace.New(keyspace.Config{Limits: keyspace.DefaultLimits()}) }, Now: now})
	if err := n.shard.Lead(context.Background(), "test", 0, 0); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Shard: n.shard, Table: table, ACL: n.acl, Now: now}
	if change != nil {
		change(&cfg)
	}
	n.srv = New(cfg)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- n.srv.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := n.srv.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-served; !errors.Is(err, ErrClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return n
}

// client is a test's connection.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (n *node) dial() *client {
	n.t.Helper()
	nc, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	return n.wrap(nc)
}

func (n *node) dialTLS(cfg *tls.Config) *client {
	n.t.Helper()
	nc, err := tls.Dial("tcp", n.addr, cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	return n.wrap(nc)
}

func (n *node) wrap(nc net.Conn) *client {
	n.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{n.t, nc, bufio.NewReader(nc)}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// expect reads exactly want.
func (c *client) expect(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != want {
		c.t.Fatalf("got %q, want %q (%v)", got[:n], want, err)
	}
}

// expectEnd reads until the server closes, and fails if something comes.
func (c *client) expectEnd() {
	c.t.Helper()
	rest, err := io.ReadAll(c.r)
	var timeout net.Error
	if len(rest) > 0 || errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("connection is not closed: %q, %v", rest, err)
	}
}

func (c *client) do(request, want string) {
	c.t.Helper()
	c.send(request + "\r\n")
	c.expect(want)
}

// reply sends an inline request and returns the whole reply as it came.
func (c *client) reply(request string) string {
	c.t.Helper()
	c.send(request + "\r\n")
	s, err := readReply(c.r)
	if err != nil {
		c.t.Fatalf("%s: %v", request, err)
	}
	return s
}

func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return line, err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch line[0] {
	case '$', '=':
		if n < 0 {
			return line, nil
		}
		b := make([]byte, n+2)
		_, err = io.ReadFull(r, b)
		return line + string(b), err
	case '%':
		n *= 2
		fallthrough
	case '*', '>', '~':
		for range n {
			s, err := readReply(r)
			if line += s; err != nil {
				return line, err
			}
		}
	}
	return line, nil
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

func multibulk(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		b.WriteString(bulk(w))
	}
	return b.String()
}

// eventually waits until ok, and fails after a while.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond) // between two looks at the condition
	}
}
