package enginetest

import (
	"bufio"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/redcon"
)

// StartRedis starts a redis-server in cluster mode that owns all slots, on a free port of the loopback interface, and returns its address. The test's end ends it.
func StartRedis(t testing.TB, binary string) string {
	t.Helper()
	addr, bus := freeAddr(t), freeAddr(t)
	cmd := exec.Command(binary, "--bind", "127.0.0.1", "--port", port(addr), "--cluster-port", port(bus),
		"--cluster-enabled", "yes", "--enable-debug-command", "yes", "--enable-protected-configs", "yes", "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--logfile", "redis.log")
	startServer(t, cmd, addr)
	c := NewClient(t, dialTo(addr)(t))
	if v := c.Do("cluster", "addslotsrange", "0", "16383"); v.Text != "OK" {
		t.Fatalf("CLUSTER ADDSLOTSRANGE: %v", v.Lines())
	}
	await(t, "the cluster to be complete", func() bool {
		return strings.Contains(c.Do("cluster", "info").Text, "cluster_state:ok")
	})
	return addr
}

// StartReplica starts a redis-server that is a replica of the server at an address, and returns its own. The test's end ends it.
func StartReplica(t testing.TB, binary, primary string) string {
	t.Helper()
	addr := freeAddr(t)
	host, from, err := net.SplitHostPort(primary)
	if err != nil {
		t.Fatal(err)
	}
	startServer(t, exec.Command(binary, "--bind", "127.0.0.1", "--port", port(addr), "--replicaof", host+" "+from, "--repl-diskless-load", "on-empty-db",
		"--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--logfile", "redis.log"), addr)
	return addr
}

// StartLoaded starts a redis-server that loads the dump.rdb of a folder, and returns its address. The test's end ends it.
func StartLoaded(t testing.TB, binary, dir string) string {
	t.Helper()
	addr := freeAddr(t)
	startServer(t, exec.Command(binary, "--bind", "127.0.0.1", "--port", port(addr), "--save", "", "--appendonly", "no", "--dir", dir, "--dbfilename", "dump.rdb", "--logfile", "redis.log"), addr)
	return addr
}

// Await asks every few milliseconds until the condition holds, and fails the test after ten seconds.
func Await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	await(t, what, holds)
}

// startServer starts a server and waits until it lets clients in.
func startServer(t testing.TB, cmd *exec.Cmd, addr string) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("end %s: %v", cmd.Path, err)
		}
		_ = cmd.Wait() // its exit status says nothing that the test needs
	})
	await(t, "redis-server to accept connections", func() bool {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}

// dialTo dials an address.
func dialTo(addr string) func(testing.TB) net.Conn {
	return func(t testing.TB) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// freeAddr is a loopback address that nobody listens on at the moment.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// await asks every few milliseconds until the condition holds, and fails the test after ten seconds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ask := time.NewTicker(5 * time.Millisecond)
	defer ask.Stop()
	deadline := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-ask.C:
		case <-deadline:
			t.Fatalf("waited ten seconds for %s", what)
		}
	}
}

// Client is a connection of a test that fails the test instead of returning errors.
type Client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	buf  []byte
}

// NewClient makes a client of a connection, which it closes when the test ends.
func NewClient(t testing.TB, conn net.Conn) *Client {
	t.Cleanup(func() { _ = conn.Close() })
	return &Client{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// Close closes the connection.
func (c *Client) Close() { _ = c.conn.Close() }

// replyTimeout is how long a client waits for a reply.
const replyTimeout = 30 * time.Second

// Do sends a command and returns its reply.
func (c *Client) Do(words ...string) Reply {
	c.t.Helper()
	c.Send(words...)
	v, err := ReadReply(c.r)
	if err != nil {
		c.t.Fatalf("reply to %.80q: %v", words, err)
	}
	return v
}

// Send sends a command whose reply is received later.
func (c *Client) Send(words ...string) {
	c.t.Helper()
	c.buf = redcon.AppendArray(c.buf[:0], len(words))
	for _, w := range words {
		c.buf = redcon.AppendBulkString(c.buf, w)
	}
	if err := c.conn.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.conn.Write(c.buf); err != nil {
		c.t.Fatalf("send %.80q: %v", words, err)
	}
}

// Receive waits for a reply or message that no command asked for.
func (c *Client) Receive() Reply {
	c.t.Helper()
	if err := c.conn.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		c.t.Fatal(err)
	}
	v, err := ReadReply(c.r)
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return v
}

// Proto switches the protocol by HELLO.
func (c *Client) Proto(version int) {
	c.t.Helper()
	if v := c.Do("hello", strconv.Itoa(version)); v.Kind == '-' {
		c.t.Fatalf("HELLO %d: %s", version, v.Text)
	}
}
