package fault

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Node is which node it is.
type Node struct {
	Place       control.Place
	Shard, Name string
	Zone        string // us-east-1a
}

// condition is what a node has to bear.
type condition struct {
	paused, cut   bool
	delay, jitter time.Duration
	offset        time.Duration
}

// severed says that the node does not hear of the log.
func (c condition) severed() bool { return c.paused || c.cut }

// state is a condition with what belongs to its beginning. It does not change.
type state struct {
	condition
	over chan struct{} // closed when another state has come
	seen view          // of the log, when the node was severed
	lag  *lag          // nil without a delay
}

// view is what a log says of itself.
type view struct {
	durable, tail txlog.Pos
	epoch, pulse  uint64
}

// Seat is where one running node sits: it sees its log, its clients and its clock through it. A nil Seat has no faults.
type Seat struct {
	node  Node
	leave func()
	wake  func() // the node was killed
	state atomic.Pointer[state]
	dead  chan struct{} // closed by Kill
	once  sync.Once

	mu        sync.Mutex
	primary   func() bool // whether the node leads its shard; nil until it is open. Guarded by mu, like what follows
	log       txlog.Log   // the real one
	listeners []*listener
	conns     map[*conn]struct{}
}

// Paused says that the node does not answer.
func (s *Seat) Paused() bool { return s != nil && s.state.Load().paused }

// Cut says that the node does not hear of its log, though it answers.
func (s *Seat) Cut() bool { return s != nil && s.state.Load().cut }

// Killed says that the node has been killed. It is to be closed, and a new one started.
func (s *Seat) Killed() bool {
	if s == nil {
		return false
	}
	select {
	case <-s.dead:
		return true
	default:
		return false
	}
}

// Runs says that the node is open now; primary says whether it leads its shard.
func (s *Seat) Runs(primary func() bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.primary = primary
}

func (s *Seat) leads() bool {
	s.mu.Lock()
	primary := s.primary
	s.mu.Unlock()
	return primary != nil && primary()
}

// Kill ends what the node does at once: its connections are cut, its address is free, its log is closed under it. What it holds in memory is lost when it is closed.
func (s *Seat) Kill() {
	if s == nil {
		return
	}
	s.once.Do(func() {
		close(s.dead) // before its connections end, so that nothing is answered any more
		s.mu.Lock()
		for c := range s.conns {
			c.cut()
		}
		for _, l := range s.listeners {
			_ = l.Listener.Close() // fails only if it was closed before
		}
		log := s.log
		s.mu.Unlock()
		if log != nil {
			_ = log.Close() // wakes whoever waits for it
		}
		s.wake()
	})
}

// Leave gives the seat up, before the node is closed. A node that is paused or cut off can't end in order: it is killed.
func (s *Seat) Leave() {
	if s == nil {
		return
	}
	if s.state.Load().severed() {
		s.Kill()
	}
	s.leave()
}

// Now is a clock that faults set wrong.
func (s *Seat) Now(now func() time.Time) func() time.Time {
	if s == nil {
		return now
	}
	return func() time.Time { return now().Add(s.state.Load().offset) }
}

// Log is a log that faults cut off or delay. It is called once, before the node is open.
func (s *Seat) Log(log txlog.Log) txlog.Log {
	if s == nil {
		return log
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = log
	s.setLocked(s.state.Load().condition) // there is a log to look at now
	return &link{Log: log, s: s}
}

// Listener is a listener whose connections faults stop or cut.
func (s *Seat) Listener(ln net.Listener) net.Listener {
	if s == nil {
		return ln
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &listener{Listener: ln, s: s, done: make(chan struct{})}
	s.listeners = append(s.listeners, l)
	return l
}

// set is called when faults have begun or ended.
func (s *Seat) set(c condition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setLocked(c)
}

func (s *Seat) setLocked(c condition) {
	old := s.state.Load()
	now := &state{condition: c, over: make(chan struct{})}
	if s.log != nil {
		now.seen = view{s.log.Durable(), s.log.Tail(), s.log.Epoch(), s.log.Pulse()}
		if old.severed() && old.seen.pulse != 0 { // else there was no log yet
			now.seen = old.seen
		}
		if c.delay > 0 {
			now.lag = &lag{state: now, seen: now.seen.durable}
			if old.lag != nil {
				now.lag.seen = min(now.lag.seen, old.lag.durable(s.log.Durable()))
			}
		}
	}
	s.state.Store(now)
	close(old.over)
}

// while waits as long as the node's state is as stopped says; it returns that state. The error is ctx's, or txlog.ErrClosed if the node was killed.
func (s *Seat) while(ctx context.Context, stopped func(*state) bool) (*state, error) {
	for {
		st := s.state.Load()
		if s.Killed() {
			return st, txlog.ErrClosed
		}
		if !stopped(st) {
			return st, nil
		}
		select {
		case <-st.over:
		case <-s.dead:
		case <-ctx.Done():
			return st, ctx.Err()
		}
	}
}

// lag is what a delayed node has heard of its log.
type lag struct {
	state *state
	mu    sync.Mutex
	seen  txlog.Pos // heard; guarded by mu, like what follows
	known []news    // durable, but not heard yet
}

// news is that a position is durable, heard at a time.
type news struct {
	pos txlog.Pos
	at  time.Time
}

// durable is what the node has heard to be durable, when the log says so.
func (l *lag) durable(log txlog.Pos) txlog.Pos {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(log)
	now := time.Now()
	for len(l.known) > 0 && !l.known[0].at.After(now) {
		l.seen = max(l.seen, l.known[0].pos)
		l.known = l.known[1:]
	}
	return l.seen
}

// note notes what is durable now; under mu.
func (l *lag) note(log txlog.Pos) {
	newest := l.seen
	if n := len(l.known); n > 0 {
		newest = l.known[n-1].pos
	}
	if log <= newest {
		return
	}
	at := time.Now().Add(l.state.delay)
	if l.state.jitter > 0 {
		at = at.Add(rand.N(l.state.jitter))
	}
	if n := len(l.known); n > 0 && at.Before(l.known[n-1].at) {
		at = l.known[n-1].at // news come in order
	}
	l.known = append(l.known, news{log, at})
}

// until is in how long the node hears that a position is durable, which it is.
func (l *lag) until(pos txlog.Pos) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.known {
		if n.pos >= pos {
			return time.Until(n.at)
		}
	}
	return 0
}
