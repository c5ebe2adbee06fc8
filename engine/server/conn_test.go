package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

func TestPipelineKeepsOrder(t *testing.T) {
	n := run(t, nil)
	c := n.dial()
	const count = 5000 // many turns, many reads
	var out, want strings.Builder
	for i := range count {
		switch i % 5 {
		case 0:
			out.WriteString(multibulk("INCR", "n"))
			fmt.Fprintf(&want, ":%d\r\n", i/5+1)
		case 1:
			out.WriteString(multibulk("ECHO", fmt.Sprint(i)))
			want.WriteString(bulk(fmt.Sprint(i)))
		case 2:
			out.WriteString("PING\r\n")
			want.WriteString("+PONG\r\n")
		case 3:
			out.WriteString(multibulk("NOSUCH", "a"))
			want.WriteString("-ERR unknown command 'NOSUCH', with args beginning with: 'a' \r\n")
		case 4:
			out.WriteString(multibulk("GET", "n"))
			want.WriteString(bulk(fmt.Sprint(i/5 + 1)))
		}
	}
	go io.WriteString(c, out.String())
	c.expect(want.String())
}

func TestRequestsInPieces(t *testing.T) {
	n := run(t, nil)
	c := n.dial()
	for _, b := range []byte(multibulk("SET", "a", "in pieces") + "GET a\r\n") {
		c.send(string(b))
	}
	c.expect("+OK\r\n" + bulk("in pieces"))
}

func TestBigArguments(t *testing.T) {
	n := run(t, nil)
	c := n.dial()
	big := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	go io.WriteString(c, multibulk("SET", "big", big)+"GET big\r\nGET big\r\nPING\r\n")
	c.expect("+OK\r\n" + bulk(big) + bulk(big) + "+PONG\r\n")
}

// Byte for byte what redis-server 7.0.15 answers.
func TestProtocolErrors(t *testing.T) {
	n := run(t, nil)
	for _, c := range []struct{ in, want string }{
		{"*3\r\nabc\r\n", "-ERR Protocol error: expected '$', got 'a'\r\n"},
		{"*1\r\n\r\n", "-ERR Protocol error: expected '$', got ' '\r\n"},
		{"*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{"*1\r\n$9223372036854775807\r\nA\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{"*9223372036854775807\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		{"PING\r\n*1\r\n:1\r\n", "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n"},
		{"PING \"abc\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"},
		{strings.Repeat("A", 70000), "-ERR Protocol error: too big inline request\r\n"},
		{"POST / HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""},
	} {
		t.Run(fmt.Sprintf("%.20q", c.in), func(t *testing.T) {
			cl := n.dial()
			cl.t = t
			cl.send(c.in)
			cl.expect(c.want)
			cl.expectEnd()
		})
	}
	c := n.dial()
	c.send("*0\r\n*-1\r\n\r\n\n*1\r\n$4\r\nPINGxx*1\r\n$0\r\n\r\n")
	c.expect("+PONG\r\n-ERR unknown command '', with args beginning with: \r\n")
}

// Promise P1 and P2: a reply leaves only when what it carries or reveals is durable, and nobody else waits for it.
func TestRepliesWaitForTheLog(t *testing.T) {
	n := run(t, nil)
	writer, same, other, early := n.dial(), n.dial(), n.dial(), n.dial()
	early.do("SET b old", "+OK\r\n")
	n.gate.Close()
	writer.send("PING\r\nSET a 1\r\nPING\r\n")
	eventually(t, "write executed", func() bool { return n.shard.Durable() < n.position() })
	same.send("GET a\r\n")
	other.do("GET b", bulk("old"))
	other.do("PING", "+PONG\r\n")
	writer.expect("+PONG\r\n") // not for long held by what comes behind it
	for name, c := range map[string]*client{"the writer": writer, "a reader of the key": same} {
		c.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
		if b, err := c.r.Peek(1); err == nil {
			t.Errorf("%s got %q before the record was durable", name, b)
		}
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
	}
	n.gate.Open()
	writer.r.Reset(writer.Conn) // forget the timeout
	same.r.Reset(same.Conn)
	writer.expect("+OK\r\n+PONG\r\n")
	same.expect(bulk("1"))
}

// Promise P4: when the outcome of a write is unknown, the client is told nothing.
func TestUnknownOutcomeClosesWithoutReply(t *testing.T) {
	n := run(t, nil)
	c := n.dial()
	n.gate.Close()
	c.send("PING\r\nSET a 1\r\nPING\r\n")
	eventually(t, "write executed", func() bool { return n.shard.Durable() < n.position() })
	c.expect("+PONG\r\n")
	n.gate.Fail()
	c.expectEnd()
}

func (n *node) position() txlog.Pos {
	p, _ := n.shard.Position()
	return p
}

func TestHeldRepliesAreBounded(t *testing.T) {
	n := run(t, func(cfg *Config) { cfg.HeldBytes = 100 << 10 })
	c := n.dial()
	value := strings.Repeat("v", 60<<10)
	c.do("SET a "+value, "+OK\r\n")
	n.gate.Close()
	var holders []*client
	for range 2 {
		h := n.dial()
		h.send("INCR n\r\nGET a\r\n")
		holders = append(holders, h)
	}
	eventually(t, "replies held", func() bool { return n.srv.held.bytes.Load() > 100<<10 })
	late := n.dial()
	before := n.srv.stats.commands.Load()
	late.send("GET a\r\n")
	eventually(t, "request arrived", func() bool { return n.srv.stats.reads.Load() >= 4 })
	if got := n.srv.stats.commands.Load(); got != before {
		t.Errorf("%d commands were executed above the bound", got-before)
	}
	n.gate.Open()
	late.expect(bulk(value))
	for _, h := range holders {
		if _, err := readReply(h.r); err != nil {
			t.Fatal(err)
		}
		h.expect(bulk(value))
	}
}

func TestSlowReaderBlocksNobody(t *testing.T) {
	n := run(t, nil)
	slow, quick := n.dial(), n.dial()
	value := strings.Repeat("v", 1<<20)
	quick.do("SET a "+value[:60<<10], "+OK\r\n")
	quick.send(multibulk("SET", "a", value))
	quick.expect("+OK\r\n")
	go io.WriteString(slow, strings.Repeat("GET a\r\n", 64)) // 64 MiB of replies that nobody reads
	eventually(t, "a write that blocks", func() bool { return n.conn(1).unsent.Load() > 0 })
	for range 100 {
		quick.do("PING", "+PONG\r\n")
	}
	quick.do("INCR n", ":1\r\n")
	for range 64 {
		slow.expect(bulk(value))
	}
}

// conn is the server's end of the connection of an id.
func (n *node) conn(id int64) *conn {
	n.t.Helper()
	var c *conn
	eventually(n.t, "connection admitted", func() bool { c = n.srv.clients.find(id); return c != nil })
	return c
}

func outputLimits(class Class, l OutputLimit) *[classes]OutputLimit {
	limits := redisOutput
	limits[class] = l
	return &limits
}

func TestOutputBufferHardLimit(t *testing.T) {
	n := run(t, func(cfg *Config) { cfg.Settings.Output = outputLimits(Normal, OutputLimit{Hard: 1 << 20}) })
	c := n.dial()
	value := strings.Repeat("v", 900<<10)
	c.send(multibulk("SET", "a", value))
	c.expect("+OK\r\n")
	c.do("GET a", bulk(value))
	c.send("MGET a a\r\n")
	c.expectEnd()
}

func TestOutputBufferSoftLimit(t *testing.T) {
	n := run(t, func(cfg *Config) {
		cfg.Settings.Output = outputLimits(Normal, OutputLimit{Soft: 1 << 10, SoftFor: 2 * time.Second})
	})
	c := n.dial()
	c.send(multibulk("SET", "a", strings.Repeat("v", 30<<20)))
	c.expect("+OK\r\n")
	c.send("GET a\r\n")
	of := n.conn(1)
	eventually(t, "a write that blocks", func() bool { return of.unsent.Load() > 0 })
	eventually(t, "disconnected", func() bool {
		n.ahead.Add(int64(time.Second))
		n.srv.lookAfter(n.srv.clients.all())
		return of.killed.Load()
	})
}

// A batch that makes pushes wait keeps them behind its replies; they come in order.
func TestPushes(t *testing.T) {
	n := run(t, nil)
	c := n.dial()
	c.do("PING", "+PONG\r\n")
	of := n.conn(1)
	push := func(i int) { of.Push(func(w *resp.Writer) { w.Push(1); w.Int(int64(i)) }) }
	push(1)
	c.expect("*1\r\n:1\r\n")
	n.gate.Close()
	c.send("HELLO 3\r\nINCR n\r\n")
	eventually(t, "write executed", func() bool { return n.shard.Durable() < n.position() })
	push(2)
	push(3)
	n.gate.Open()
	if _, err := readReply(c.r); err != nil {
		t.Fatal(err)
	}
	c.expect(":1\r\n>1\r\n:2\r\n>1\r\n:3\r\n")
	var wg sync.WaitGroup
	const each = 500
	wg.Go(func() {
		for i := range each {
			push(i)
		}
	})
	go io.WriteString(c, strings.Repeat("PING\r\n", each))
	pongs, next := 0, 0
	for pongs < each || next < each {
		s, err := readReply(c.r)
		switch {
		case err != nil:
			t.Fatal(err)
		case s == "+PONG\r\n":
			pongs++
		case s == fmt.Sprintf(">1\r\n:%d\r\n", next):
			next++
		default:
			t.Fatalf("got %q after %d pushes and %d pongs", s, next, pongs)
		}
	}
	wg.Wait()
}

func TestSlowSubscriberIsDisconnected(t *testing.T) {
	n := run(t, func(cfg *Config) { cfg.Settings.Output = outputLimits(Normal, OutputLimit{Hard: 1 << 20}) })
	n.dial()
	of := n.conn(1)
	line := strings.Repeat("x", 64<<10)
	eventually(t, "disconnected", func() bool {
		of.Push(func(w *resp.Writer) { w.BulkString(line) }) // never waits
		return of.killed.Load()
	})
}

func TestQueryBufferLimit(t *testing.T) {
	n := run(t, func(cfg *Config) { cfg.Settings.QueryBuffer = 1 << 20 })
	c := n.dial()
	go io.WriteString(c, multibulk("SET", "a", strings.Repeat("v", 2<<20))) // fails when the server closes
	c.expectEnd()

	c = n.dial() // what is queued for EXEC counts too
	c.do("MULTI", "+OK\r\n")
	go func() {
		for {
			if _, err := io.WriteString(c, multibulk("SET", "a", strings.Repeat("v", 100<<10))); err != nil {
				return
			}
		}
	}()
	if _, err := io.Copy(io.Discard, c.r); err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("not closed: %v", err)
	}
}

func TestMaxClients(t *testing.T) {
	n := run(t, func(cfg *Config) { cfg.Settings.MaxClients = 2 })
	a, b := n.dial(), n.dial()
	a.do("PING", "+PONG\r\n")
	b.do("PING", "+PONG\r\n")
	c := n.dial()
	c.expect("-ERR max number of clients reached\r\n")
	c.expectEnd()
	b.Close()
	eventually(t, "room again", func() bool { return n.srv.clients.admitted() == 1 })
	n.dial().do("PING", "+PONG\r\n")
}

func TestIdleTimeout(t *testing.T) {
	n := run(t, func(cfg *Config) { cfg.Settings.Timeout = time.Minute })
	c := n.dial()
	c.do("PING", "+PONG\r\n")
	of := n.conn(1)
	n.ahead.Store(int64(30 * time.Second))
	n.srv.lookAfter(n.srv.clients.all())
	c.do("PING", "+PONG\r\n")
	eventually(t, "disconnected", func() bool {
		n.ahead.Add(int64(10 * time.Second))
		n.srv.lookAfter(n.srv.clients.all())
		return of.killed.Load()
	})
	c.expectEnd()
}

func TestCloseLetsBatchesEnd(t *testing.T) {
	n := run(t, nil)
	idle, busy := n.dial(), n.dial()
	idle.do("PING", "+PONG\r\n")
	n.gate.Close()
	busy.send("INCR n\r\nPING\r\n")
	eventually(t, "write executed", func() bool { return n.shard.Durable() < n.position() })
	closed := make(chan error, 1)
	go func() { closed <- n.srv.Close(context.Background()) }()
	idle.expectEnd()
	n.gate.Open()
	busy.expect(":1\r\n+PONG\r\n")
	busy.expectEnd()
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if nc, err := net.Dial("tcp", n.addr); err == nil {
		nc.Close()
		t.Error("a closed server accepts")
	}
}

func TestCloseCutsOffWhatDoesNotEnd(t *testing.T) {
	n := run(t, nil)
	c := n.dial()
	n.gate.Close()
	c.send("INCR n\r\n")
	eventually(t, "write executed", func() bool { return n.shard.Durable() < n.position() })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := n.srv.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
	c.expectEnd()
}

func TestTLS(t *testing.T) {
	serverTLS, clientTLS := certificates(t)
	serverTLS.MinVersion = tls.VersionTLS13
	n := run(t, func(cfg *Config) { cfg.TLS, cfg.HandshakeTimeout = serverTLS, 50*time.Millisecond })
	silent := n.dial()
	c := n.dialTLS(clientTLS)
	big := strings.Repeat("x", 100<<10)
	go io.WriteString(c, "PING\r\n"+multibulk("SET", "a", big)+"GET a\r\n")
	c.expect("+PONG\r\n+OK\r\n" + bulk(big))
	if tc, ok := c.Conn.(*tls.Conn); !ok || tc.ConnectionState().Version != tls.VersionTLS13 {
		t.Error("not TLS 1.3")
	}
	c.do("QUIT", "+OK\r\n")
	c.expectEnd()
	silent.expectEnd() // whoever doesn't shake hands is put out

	old := clientTLS.Clone()
	old.MaxVersion = tls.VersionTLS12
	if nc, err := tls.Dial("tcp", n.addr, old); err == nil {
		nc.Close()
		t.Error("TLS 1.2 was let in")
	}
	eventually(t, "all gone", func() bool { return n.srv.clients.admitted() == 0 })
}

func certificates(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// tooFew is a listener that is out of files for a while.
type tooFew struct {
	net.Listener
	left int
}

func (l *tooFew) Accept() (net.Conn, error) {
	if l.left > 0 {
		l.left--
		return nil, errors.New("accept4: too many open files")
	}
	return l.Listener.Accept()
}

func TestAcceptSurvivesErrors(t *testing.T) {
	n := run(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- n.srv.Serve(&tooFew{Listener: ln, left: 3}) }()
	n.addr = ln.Addr().String()
	n.dial().do("PING", "+PONG\r\n")
	if err := n.srv.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, ErrClosed) {
		t.Errorf("serve: %v", err)
	}
	if err := n.srv.Serve(ln); !errors.Is(err, ErrClosed) {
		t.Errorf("serve after close: %v", err)
	}
}

// A fault of ours is told as such, and its text stays inside.
func TestInnerErrors(t *testing.T) {
	n := run(t, nil)
	n.dial().do("BROKEN", "-ERR internal error\r\n")
}

func TestGetAndSetDoNotAllocate(t *testing.T) {
	n := run(t, nil)
	n.dial().do("PING", "+PONG\r\n")
	server, end := net.Pipe()
	defer server.Close()
	defer end.Close()
	c := newConn(n.srv, server, server, 0)
	defer c.cancel()
	request := []byte(multibulk("SET", "key:1", "value") + multibulk("GET", "key:1"))
	c.reader = resp.NewReader(&again{request}, resp.Limits{})
	c.nc = sink{server}
	allocs := testing.AllocsPerRun(2000, func() {
		if _, err := c.reader.Fill(); err != nil {
			t.Fatal(err)
		}
		if !c.begin() || !c.batch() {
			t.Fatal("connection ended")
		}
	})
	// The log in memory copies each record: at most that.
	if allocs > 3 {
		t.Errorf("%v allocations for a SET and a GET", allocs)
	}
	c.reader = resp.NewReader(&again{[]byte(multibulk("GET", "key:1"))}, resp.Limits{})
	allocs = testing.AllocsPerRun(2000, func() {
		if _, err := c.reader.Fill(); err != nil {
			t.Fatal(err)
		}
		if !c.begin() || !c.batch() {
			t.Fatal("connection ended")
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for a GET", allocs)
	}
}

// again gives the same bytes at each read.
type again struct{ b []byte }

func (a *again) Read(p []byte) (int, error) { return copy(p, a.b), nil }

type sink struct{ net.Conn }

func (sink) Write(b []byte) (int, error) { return len(b), nil }
