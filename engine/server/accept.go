package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// errTooMany is what a client gets that is one too many, before it is disconnected.
const errTooMany = "-ERR max number of clients reached\r\n"

// Serve lets in the clients of ln until Close or a failure of ln, and closes ln. It may be called for several listeners. After Close it returns ErrClosed.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return errors.Join(ErrClosed, ln.Close())
	}
	s.listeners[ln] = struct{}{}
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok {
		s.port.CompareAndSwap(0, int64(tcp.Port))
	}
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()
	defer ln.Close() // ended by it, or by Close
	for wait := time.Duration(0); ; {
		raw, err := ln.Accept()
		if err == nil {
			wait = 0
			s.admit(raw)
			continue
		}
		if s.serving.Err() != nil {
			return ErrClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept clients: %w", err)
		}
		// Out of files, or the client has gone already: pause, so that the loop doesn't spin.
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		s.cfg.Logger.Warn("can't accept a client", "err", err, "took", wait)
		if !s.pause(wait) {
			return ErrClosed
		}
	}
}

// pause waits; false if the server closes meanwhile.
func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.serving.Done():
		return false
	}
}

// admit makes a connection of raw and starts its goroutine, or turns it away.
func (s *Server) admit(raw net.Conn) {
	set := s.settings.Load()
	if tcp, ok := raw.(*net.TCPConn); ok {
		keepAlive(tcp, set.KeepAlive)
	}
	s.mu.Lock()
	id := int64(0)
	if !s.closing {
		id = s.clients.reserve(set.MaxClients)
	}
	if id == 0 {
		s.mu.Unlock()
		s.stats.rejected.Add(1)
		if s.cfg.TLS == nil {
			raw.SetWriteDeadline(s.cfg.Now().Add(time.Second)) // the best that can be done for one who is one too many
			_, _ = raw.Write([]byte(errTooMany))
		}
		raw.Close()
		return
	}
	s.wg.Add(1)
	if !s.keeping {
		s.keeping = true
		s.wg.Add(1)
		go s.keepHouse()
	}
	s.mu.Unlock()
	s.stats.connections.Add(1)
	go func() {
		defer s.wg.Done()
		s.serve(raw, id)
	}()
}

// serve is the life of one connection.
func (s *Server) serve(raw net.Conn, id int64) {
	nc := raw
	if s.cfg.TLS != nil {
		t := tls.Server(raw, s.cfg.TLS)
		ctx, cancel := context.WithTimeout(s.serving, s.cfg.HandshakeTimeout)
		err := t.HandshakeContext(ctx)
		cancel()
		if err != nil {
			s.cfg.Logger.Debug("TLS handshake failed", "addr", raw.RemoteAddr().String(), "err", err)
			raw.Close()
			s.clients.release()
			return
		}
		nc = t
	}
	c := newConn(s, nc, raw, id)
	s.clients.add(c)
	if s.serving.Err() != nil {
		c.drain() // Close has not seen it
	}
	c.serve()
	s.clients.remove(c)
}

// keepAlive sets TCP keep-alive as Redis does: probes after the interval, then three, a third of it apart.
func keepAlive(c *net.TCPConn, interval time.Duration) {
	if interval < 0 {
		c.SetKeepAlive(false) // fails only for a closed socket
		return
	}
	c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: interval, Interval: max(interval/3, time.Second), Count: 3})
}

// clients are the connections of a server.
type clients struct {
	mu     sync.Mutex
	count  int // admitted, some still in their handshake
	lastID int64
	byID   map[int64]*conn
}

// reserve counts one more client and returns its id, in the order in which clients came; 0 if there are as many as may be.
func (l *clients) reserve(most int) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count >= most {
		return 0
	}
	l.count++
	l.lastID++
	return l.lastID
}

func (l *clients) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count--
}

func (l *clients) add(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byID[c.client.ID] = c
}

func (l *clients) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count--
	delete(l.byID, c.client.ID)
}

func (l *clients) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.byID)
}

// find is the connection of an id; nil if there is none.
func (l *clients) find(id int64) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.byID[id]; c != nil && !c.killed.Load() {
		return c
	}
	return nil
}
