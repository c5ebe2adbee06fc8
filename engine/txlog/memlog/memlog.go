// Package memlog keeps transaction logs in memory: for tests, and for servers that are told to lose everything when they stop.
//
// Its Gate lets a test hold back durability: what is appended while the gate is closed becomes durable when it opens, or its outcome becomes unknown when the log fails.
// The package starts no goroutines.
package memlog

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Memory holds the logs of any number of shards. The zero value is ready for use.
type Memory struct {
	mu     sync.Mutex
	shards map[string]*sequence
}

// Shard is a handle on the log of a shard, which is made on first use. Handles on one shard share its log.
func (m *Memory) Shard(id string) *Log {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shards == nil {
		m.shards = map[string]*sequence{}
	}
	s := m.shards[id]
	if s == nil {
		s = &sequence{change: make(chan struct{})}
		m.shards[id] = s
	}
	return &Log{s: s}
}

// sequence is one shard's log.
type sequence struct {
	tail, durable, epoch atomic.Uint64
	refuse               atomic.Pointer[error]

	mu      sync.Mutex
	first   txlog.Pos // position of records[0]; 0 before the first trim means 1
	records []txlog.Record
	chain   txlog.Chain
	closed  bool          // the gate
	failed  bool          // outcomes beyond durable are unknown
	change  chan struct{} // closed and replaced whenever something changes that Wait looks at
}

func (s *sequence) signal() {
	close(s.change)
	s.change = make(chan struct{})
}

// Log is one handle.
type Log struct {
	s      *sequence
	closed atomic.Bool
}

var _ txlog.Log = (*Log)(nil)

// Append implements txlog.Log.
func (l *Log) Append(after txlog.Pos, entries ...txlog.Entry) (txlog.Pos, error) {
	if err := l.Writable(); err != nil {
		return 0, err
	}
	for _, e := range entries {
		if len(e.Payload) > txlog.MaxPayload {
			return 0, txlog.ErrTooLarge
		}
	}
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed {
		return 0, txlog.ErrUnavailable
	}
	if after != txlog.Pos(s.tail.Load()) {
		return 0, txlog.ErrConflict
	}
	pos := after
	for _, e := range entries {
		pos++
		s.chain = s.chain.Next(pos, e)
		s.records = append(s.records, txlog.Record{Pos: pos, Chain: s.chain, Kind: e.Kind, Epoch: e.Epoch, Engine: e.Engine, Payload: slices.Clone(e.Payload)})
		if e.Kind == txlog.Lead {
			s.epoch.Store(e.Epoch)
		}
	}
	s.tail.Store(uint64(pos))
	if !s.closed {
		s.durable.Store(uint64(pos))
		s.signal()
	}
	return pos, nil
}

// Wait implements txlog.Log.
func (l *Log) Wait(ctx context.Context, pos txlog.Pos) error {
	s := l.s
	for {
		s.mu.Lock()
		change, failed := s.change, s.failed
		s.mu.Unlock()
		switch {
		case pos <= l.Durable():
			return nil
		case l.closed.Load():
			return txlog.ErrClosed
		case failed:
			return txlog.ErrUnknown
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Writable implements txlog.Log.
func (l *Log) Writable() error {
	if l.closed.Load() {
		return txlog.ErrClosed
	}
	if err := l.s.refuse.Load(); err != nil {
		return *err
	}
	return nil
}

// Durable implements txlog.Log.
func (l *Log) Durable() txlog.Pos { return txlog.Pos(l.s.durable.Load()) }

// Tail implements txlog.Log.
func (l *Log) Tail() txlog.Pos { return txlog.Pos(l.s.tail.Load()) }

// Epoch implements txlog.Log.
func (l *Log) Epoch() uint64 { return l.s.epoch.Load() }

// First implements txlog.Log.
func (l *Log) First() txlog.Pos {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return max(l.s.first, 1)
}

// Read implements txlog.Log.
func (l *Log) Read(ctx context.Context, from txlog.Pos, maxBytes int) ([]txlog.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.closed.Load() {
		return nil, txlog.ErrClosed
	}
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	first, durable := max(s.first, 1), l.Durable()
	if from < first {
		return nil, txlog.ErrTrimmed
	}
	var out []txlog.Record
	for bytes := 0; from <= durable && (len(out) == 0 || bytes < maxBytes); from++ {
		r := s.records[from-first]
		r.Payload = slices.Clone(r.Payload)
		bytes += len(r.Payload)
		out = append(out, r)
	}
	return out, nil
}

// Trim implements txlog.Log.
func (l *Log) Trim(before txlog.Pos) error {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	first := max(s.first, 1)
	before = min(before, l.Durable()+1)
	if before > first {
		s.records = slices.Clone(s.records[before-first:])
		s.first = before
	}
	return nil
}

// Close implements txlog.Log.
func (l *Log) Close() error {
	l.closed.Store(true)
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.signal()
	return nil
}

// Gate closes or opens the shard's gate: while it is closed, nothing more becomes durable.
func (l *Log) Gate(open bool) {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = !open
	if open && !s.failed {
		s.durable.Store(s.tail.Load())
	}
	s.signal()
}

// Refuse makes Append and Writable return err until it is called with nil, as a full disk or lost zones would.
func (l *Log) Refuse(err error) {
	if err == nil {
		l.s.refuse.Store(nil)
		return
	}
	l.s.refuse.Store(&err)
}

// Fail makes the outcome of everything that is not durable unknown; Append is refused until Recover.
func (l *Log) Fail() {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = true
	err := txlog.ErrUnavailable
	s.refuse.Store(&err)
	s.signal()
}

// Recover ends Fail as a recovery would: keep says whether the records of unknown outcome turn out to be in the log.
func (l *Log) Recover(keep bool) {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if keep {
		s.durable.Store(s.tail.Load())
	} else {
		s.cut()
	}
	s.failed, s.closed = false, false
	s.refuse.Store(nil)
	s.signal()
}

// cut drops what is not durable.
func (s *sequence) cut() {
	durable := txlog.Pos(s.durable.Load())
	s.records = s.records[:durable-max(s.first, 1)+1]
	s.tail.Store(uint64(durable))
	s.chain = 0
	s.epoch.Store(0)
	for _, r := range s.records {
		s.chain = r.Chain
		if r.Kind == txlog.Lead {
			s.epoch.Store(r.Epoch)
		}
	}
}
