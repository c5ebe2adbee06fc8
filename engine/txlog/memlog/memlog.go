// Package memlog is the transaction log in memory: nothing survives the process. It serves tests, and `memorydb-server --log memory`.
//
// A Memory holds the logs of any number of shards; each may be opened by several handles, one a node, which race for its tail as on a real log. A Gate in the hand of a test
// decides when accepted records become durable, and makes the log fail. The package starts no goroutines.
package memlog

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Memory is a set of shards' logs in memory. Create it with New.
type Memory struct {
	gate *Gate

	mu     sync.Mutex // guards everything below, in the shards too
	shards map[string]*shard
	lives  uint64 // crashes, and one
}

// shard is one shard's log. The atomics are written under Memory.mu.
type shard struct {
	m       *Memory
	dead    bool           // the process that opened it has crashed
	records []txlog.Record // those that were not trimmed, durable or not
	base    txlog.Pos      // position before records[0]
	chain   txlog.Chain    // running checksum at the tail
	settled state          // at the newest durable record, to go back to when those after it are lost
	tail    atomic.Uint64
	durable atomic.Uint64
	epoch   atomic.Uint64
	pulse   atomic.Uint64
	changed chan struct{} // closed, and replaced, when a waiter may have something to see
}

// state is what a log is at a position, apart from its records.
type state struct {
	chain txlog.Chain
	epoch uint64
}

// New makes an empty set of logs. gate may be nil: then every record is durable as soon as it is accepted.
func New(gate *Gate) *Memory {
	if gate == nil {
		gate = &Gate{}
	}
	m := &Memory{gate: gate, shards: map[string]*shard{}, lives: 1}
	gate.attach(m)
	return m
}

// Shard opens a handle on a shard's log, which is created when it is not there. Handles of one shard share its log; each is closed by itself.
func (m *Memory) Shard(id string) txlog.Log {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.shards[id]
	if s == nil {
		s = &shard{m: m, changed: make(chan struct{})}
		s.pulse.Store(txlog.FirstPulse(m.lives))
		m.shards[id] = s
	}
	return &handle{s: s, closed: make(chan struct{})}
}

// Drop forgets a shard's log. Handles that are open see it as it was and should be closed.
func (m *Memory) Drop(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.shards, id)
	return nil
}

// Crash does what the end of a process does to a log on disk: every handle is dead, and the records whose outcome was unknown turn out to be kept or lost.
// Handles for what is left are opened with Shard.
func (m *Memory) Crash(keep bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lives++
	for id, old := range m.shards {
		s := &shard{m: m, records: slices.Clone(old.records), base: old.base, chain: old.chain, settled: old.settled, changed: make(chan struct{})}
		tail := txlog.Pos(old.tail.Load())
		epoch := old.epoch.Load()
		if durable := txlog.Pos(old.durable.Load()); !keep && durable < tail {
			s.records = s.records[:durable-s.base]
			tail, s.chain, epoch = durable, old.settled.chain, old.settled.epoch
		}
		s.tail.Store(uint64(tail))
		s.durable.Store(uint64(tail))
		s.epoch.Store(epoch)
		s.pulse.Store(txlog.FirstPulse(m.lives))
		s.settled = state{s.chain, epoch}
		old.dead = true
		old.notify()
		m.shards[id] = s
	}
}

// settle makes everything that was accepted durable; under m.mu.
func (m *Memory) settle() {
	for _, s := range m.shards {
		s.settle()
	}
}

func (s *shard) settle() {
	if s.durable.Load() != s.tail.Load() {
		s.durable.Store(s.tail.Load())
		s.settled = state{s.chain, s.epoch.Load()}
		s.notify()
	}
}

// notify wakes everybody who waits; under Memory.mu.
func (s *shard) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// handle is one node's view of a shard's log.
type handle struct {
	s      *shard
	once   sync.Once
	closed chan struct{}
}

// lock takes the lock and says whether the handle still works.
func (h *handle) lock() (m *Memory, err error) {
	select {
	case <-h.closed:
		return nil, txlog.ErrClosed
	default:
	}
	m = h.s.m
	m.mu.Lock()
	if h.s.dead {
		m.mu.Unlock()
		return nil, txlog.ErrClosed
	}
	return m, nil
}

func (h *handle) Append(after txlog.Pos, entries ...txlog.Entry) (txlog.Pos, error) {
	for _, e := range entries {
		if len(e.Payload) > txlog.MaxPayload {
			return 0, fmt.Errorf("append %d bytes after position %v: %w", len(e.Payload), after, txlog.ErrTooLarge)
		}
	}
	m, err := h.lock()
	if err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	s := h.s
	if err := m.gate.writable(); err != nil {
		return 0, err
	}
	pos := txlog.Pos(s.tail.Load())
	if after != pos {
		return 0, fmt.Errorf("append after position %v, the newest is %v: %w", after, pos, txlog.ErrConflict)
	}
	for _, e := range entries {
		if e.Kind == txlog.Lead && e.Pulse != 0 && e.Pulse != s.pulse.Load() {
			return 0, fmt.Errorf("lead after position %v: the leader has renewed: %w", after, txlog.ErrConflict)
		}
	}
	for _, e := range entries {
		pos++
		s.chain = s.chain.Next(pos, e)
		s.records = append(s.records, txlog.Record{Pos: pos, Chain: s.chain, Kind: e.Kind, Epoch: e.Epoch, Engine: e.Engine, Payload: slices.Clone(e.Payload)})
		if e.Kind == txlog.Lead {
			s.epoch.Store(e.Epoch)
			s.pulse.Add(1)
		}
	}
	s.tail.Store(uint64(pos))
	if m.gate.isOpen() {
		s.settle()
	}
	return pos, nil
}

func (h *handle) Wait(ctx context.Context, pos txlog.Pos) error {
	for {
		m, err := h.lock()
		if err != nil {
			return err
		}
		s := h.s
		durable, accepted := pos <= s.Durable(), pos <= s.Tail()
		changed, broken := s.changed, m.gate.broken()
		m.mu.Unlock()
		if durable {
			return nil
		}
		if accepted && broken {
			return fmt.Errorf("wait for position %v: %w", pos, txlog.ErrUnknown)
		}
		select {
		case <-changed:
		case <-h.closed:
			return txlog.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *handle) Writable() error {
	m, err := h.lock()
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	return m.gate.writable()
}

func (s *shard) Durable() txlog.Pos { return txlog.Pos(s.durable.Load()) }
func (s *shard) Tail() txlog.Pos    { return txlog.Pos(s.tail.Load()) }

func (h *handle) Durable() txlog.Pos { return h.s.Durable() }
func (h *handle) Tail() txlog.Pos    { return h.s.Tail() }
func (h *handle) Epoch() uint64      { return h.s.epoch.Load() }

func (h *handle) Pulse() uint64 { return h.s.pulse.Load() }

func (h *handle) Renew(_ context.Context, epoch uint64) error {
	m, err := h.lock()
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	if newest := h.s.epoch.Load(); newest != epoch {
		return fmt.Errorf("renew epoch %d, the newest is %d: %w", epoch, newest, txlog.ErrConflict)
	}
	if m.gate.broken() {
		return txlog.ErrUnavailable
	}
	h.s.pulse.Add(1)
	return nil
}

func (h *handle) Read(ctx context.Context, from txlog.Pos, maxBytes int) ([]txlog.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, err := h.lock()
	if err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	s := h.s
	from = max(from, 1)
	if from <= s.base {
		return nil, fmt.Errorf("read position %v, the oldest is %v: %w", from, s.base+1, txlog.ErrTrimmed)
	}
	var out []txlog.Record
	for pos, size := from, 0; pos <= s.Durable(); pos++ {
		r := s.records[pos-s.base-1]
		size += len(r.Payload)
		if len(out) > 0 && size > maxBytes {
			break
		}
		r.Payload = slices.Clone(r.Payload)
		out = append(out, r)
	}
	return out, nil
}

func (h *handle) First() txlog.Pos {
	m, err := h.lock()
	if err != nil {
		return h.s.Durable() + 1
	}
	defer m.mu.Unlock()
	return h.s.base + 1
}

func (h *handle) Trim(before txlog.Pos) error {
	m, err := h.lock()
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	s := h.s
	if before = min(before, s.Durable()+1); before > s.base+1 {
		s.records = slices.Clone(s.records[before-s.base-1:])
		s.base = before - 1
	}
	return nil
}

func (h *handle) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}
