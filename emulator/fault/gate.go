package fault

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// listener is one of a node's listeners.
type listener struct {
	net.Listener
	s    *Seat
	once sync.Once
	done chan struct{}
}

// Accept implements net.Listener. After Kill it waits for Close: a dead node does not notice anything.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			if l.s.Killed() {
				<-l.done
				return nil, net.ErrClosed
			}
			return nil, err
		}
		c := &conn{Conn: raw, s: l.s}
		c.ctx, c.cut = context.WithCancel(context.Background())
		c.stop = context.AfterFunc(c.ctx, func() { raw.Close() })
		l.s.mu.Lock()
		l.s.conns[c] = struct{}{}
		l.s.mu.Unlock()
		if !l.s.Killed() { // else Kill may not have seen it
			return c, nil
		}
		_ = c.Close() // nobody knows of it yet
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// conn is a client's connection to a node. While the node is paused nothing is read or written; what clients send waits in their hands.
type conn struct {
	net.Conn
	s    *Seat
	ctx  context.Context // ends when the connection is closed
	cut  func()          // ends it
	stop func() bool     // the closing of raw when ctx ends, if that is not under way
}

func (c *conn) awake() error {
	_, err := c.s.while(c.ctx, func(st *state) bool { return st.paused })
	if err != nil {
		return net.ErrClosed
	}
	return nil
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	if err := c.awake(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if stopped := c.awake(); stopped != nil {
		return 0, stopped
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.awake(); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// SetReadDeadline implements net.Conn. The node means its own clock, which may be wrong.
func (c *conn) SetReadDeadline(t time.Time) error { return c.Conn.SetReadDeadline(c.actual(t)) }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(c.actual(t)) }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error { return c.Conn.SetDeadline(c.actual(t)) }

func (c *conn) actual(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-c.s.state.Load().offset)
}

// SyscallConn implements syscall.Conn.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if sys, ok := c.Conn.(syscall.Conn); ok {
		return sys.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.s.mu.Lock()
	delete(c.s.conns, c)
	c.s.mu.Unlock()
	c.stop()
	c.cut()
	return c.Conn.Close()
}
