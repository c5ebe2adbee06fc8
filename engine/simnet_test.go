package engine_test

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// simNet is a network within the test: its connections wait on channels only, so that simulated time passes.
type simNet struct {
	mu        sync.Mutex
	listeners map[string]*simListener
}

type simListener struct {
	n      *simNet
	addr   *net.TCPAddr
	accept chan net.Conn
	done   chan struct{}
	once   sync.Once

	mu    sync.Mutex
	awake chan struct{} // closed while the host is not paused
}

// simConn is one end of a connection, with addresses.
type simConn struct {
	net.Conn
	of            *simListener // nil at the client's end
	local, remote net.Addr
}

func (c *simConn) LocalAddr() net.Addr  { return c.local }
func (c *simConn) RemoteAddr() net.Addr { return c.remote }

// Write waits while the host is paused; what its clients send waits in their hands.
func (c *simConn) Write(b []byte) (int, error) {
	c.of.whileAwake()
	return c.Conn.Write(b)
}

func (c *simConn) Read(b []byte) (int, error) {
	c.of.whileAwake()
	n, err := c.Conn.Read(b)
	c.of.whileAwake()
	return n, err
}

func (n *simNet) listen(addr string) *simListener {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		panic(err)
	}
	l := &simListener{n: n, addr: at, accept: make(chan net.Conn), done: make(chan struct{}), awake: make(chan struct{})}
	close(l.awake)
	if n.listeners == nil {
		n.listeners = map[string]*simListener{}
	}
	n.listeners[addr] = l
	return l
}

func (n *simNet) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[addr]
	n.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000}
	select {
	case l.accept <- &simConn{server, l, l.addr, from}:
		return client, nil
	case <-l.done:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *simListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *simListener) Close() error {
	l.once.Do(func() { close(l.done) })
	l.resume()
	return nil
}

func (l *simListener) Addr() net.Addr { return l.addr }

func (l *simListener) whileAwake() {
	l.mu.Lock()
	awake := l.awake
	l.mu.Unlock()
	<-awake
}

func (l *simListener) paused() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.awake:
		return false
	default:
		return true
	}
}

func (l *simListener) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
	case <-l.awake:
		l.awake = make(chan struct{})
	default:
	}
}

func (l *simListener) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.awake:
	default:
		close(l.awake)
	}
}
