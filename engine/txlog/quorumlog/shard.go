package quorumlog

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// Options of a shard's log.
type Options struct {
	// Key encrypts the shard's records: 32 bytes for AES-256, or nil for none. The log keeps no copy on disk. Every handle of a shard must name the same.
	Key []byte
}

// ErrKey is returned when a shard's key is not what its records were sealed with, or not what another handle has named.
var ErrKey = errors.New("wrong key for the shard's log")

// shard is one shard's log, shared by its handles. Its sequencer is what makes the conditional append a fence: there is one of it in the process.
type shard struct {
	q     *Quorum
	id    string
	key   []byte // guarded by q.mu, like keyed
	keyed bool   // key was set, perhaps to nil

	// appending is held over a whole append, in which records are compressed and sealed. What follows is guarded by it.
	appending sync.Mutex
	scratch   []byte
	seal      sealer
	newest    state // at tail
	ready     bool  // it has a number

	tail, epoch, settledPos, pulse atomic.Uint64 // written under q.mu; settledPos is the newest durable position

	// Guarded by q.mu.
	number   uint32 // 0 until the first append
	declared bool   // its creation was logged
	batch    uint64 // the batch that part is an index in
	part     int
	flight   txlog.Pos // newest position in the batch in flight, or in one before
	settled  state     // at the newest durable position
	first    txlog.Pos // oldest position that Read returns
	kept     txlog.Pos // oldest position whose segment has to be kept: first, when that is durable
	index    segment.Index
	changed  chan struct{} // closed when a follower may have something to see; nil when there is none
	dropped  bool
	aead     cipher.AEAD // of key and number; nil without a key. Set once, under q.mu, before the first record is appended or read
}

func (s *shard) durablePos() txlog.Pos { return txlog.Pos(s.settledPos.Load()) }

// notify wakes followers; under q.mu.
func (s *shard) notify() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// handle is one node's view of a shard's log.
type handle struct {
	s      *shard
	once   sync.Once
	dead   atomic.Bool
	closed chan struct{}
}

// Shard opens a handle on a shard's log, which is created by its first append when it is not there. Handles of one shard share its log; each is closed by itself.
// Errors: ErrKey, txlog.ErrClosed.
func (q *Quorum) Shard(id string, opts Options) (txlog.Log, error) {
	if opts.Key != nil && len(opts.Key) != keyBytes {
		return nil, fmt.Errorf("open log of shard %s: key has %d bytes, not %d: %w", id, len(opts.Key), keyBytes, ErrKey)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing {
		return nil, fmt.Errorf("open log of shard %s: %w", id, txlog.ErrClosed)
	}
	s := q.shards[id]
	if s == nil {
		s = &shard{q: q, id: id, first: 1, kept: 1}
		s.pulse.Store(txlog.FirstPulse(uint64(q.generation)))
		q.shards[id] = s
	}
	if err := s.setKey(opts.Key); err != nil {
		return nil, fmt.Errorf("open log of shard %s: %w", id, err)
	}
	return &handle{s: s, closed: make(chan struct{})}, nil
}

// Drop forgets a shard's log and returns once that is durable. Its handles are closed. A shard that is made anew under the same id begins at position 1.
// Errors: ErrUnavailable, ErrFull, ErrUnknown, ErrClosed of txlog.
func (q *Quorum) Drop(id string) error {
	q.mu.Lock()
	if err := q.writable(); err != nil && !errors.Is(err, txlog.ErrFull) {
		q.mu.Unlock()
		return fmt.Errorf("drop log of shard %s: %w", id, err)
	}
	s := q.shards[id]
	if s == nil {
		q.mu.Unlock()
		return nil
	}
	delete(q.shards, id)
	s.dropped = true
	s.notify()
	if !s.declared {
		q.mu.Unlock()
		return nil
	}
	q.addControl(segment.Section{Kind: segment.Drop, Shard: s.number})
	q.open.trims = append(q.open.trims, trimming{s, s.first})
	b := q.open
	done := b.waiter()
	q.added()
	q.mu.Unlock()
	q.commit()
	<-done
	q.mu.Lock()
	defer q.mu.Unlock()
	if !b.durable {
		return fmt.Errorf("drop log of shard %s: %w", id, txlog.ErrUnknown)
	}
	return nil
}

// waiter is a channel that is closed when the batch's outcome is known, or known to be unknown; under mu.
func (b *batch) waiter() <-chan struct{} {
	b.wanted = true
	if b.done == nil {
		b.done = make(chan struct{})
	}
	return b.done
}

func (h *handle) Append(after txlog.Pos, entries ...txlog.Entry) (txlog.Pos, error) {
	s, q := h.s, h.s.q
	if err := h.Writable(); err != nil {
		return 0, err
	}
	size := int64(0)
	for i := range entries {
		n := int64(len(entries[i].Payload))
		if size += n + segment.RecordHeader; n > txlog.MaxPayload || size > maxAppend {
			return 0, fmt.Errorf("append after position %v: %w", after, txlog.ErrTooLarge)
		}
	}
	s.appending.Lock()
	defer s.appending.Unlock()
	if tail := s.tail.Load(); uint64(after) != tail {
		return 0, fmt.Errorf("append after position %v, the newest is %d: %w", after, tail, txlog.ErrConflict)
	}
	if len(entries) == 0 {
		return after, nil
	}
	leads, seen := false, uint64(0)
	for i := range entries {
		if entries[i].Kind == txlog.Lead {
			leads, seen = true, max(seen, entries[i].Pulse)
		}
	}
	if err := s.take(); err != nil {
		return 0, err
	}
	st, pos := s.newest, after
	buf := s.scratch[:0]
	for i := range entries {
		pos++
		st.chain = st.chain.Next(pos, entries[i])
		if entries[i].Kind == txlog.Lead {
			st.epoch = entries[i].Epoch
		}
		buf = s.seal.record(buf, s, pos, st.chain, &entries[i])
	}
	s.scratch = buf
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := h.refused(); err != nil { // it may have changed since
		return 0, err
	}
	if seen != 0 && seen != s.pulse.Load() {
		return 0, fmt.Errorf("lead after position %v: the leader has renewed: %w", after, txlog.ErrConflict)
	}
	if !s.declared { // in the same frame as its first record
		s.declared = true
		q.addControl(segment.Section{Kind: segment.Create, Shard: s.number, Content: []byte(s.id)})
	}
	b := q.open
	p := b.part(s)
	if p.first == 0 {
		p.first = after + 1
	}
	if len(p.buf) == 0 && len(buf) > keepBytes {
		p.buf, s.scratch = buf, nil // handed over instead of copied
	} else {
		p.buf = append(p.buf, buf...)
	}
	if cap(s.scratch) > keepBytes {
		s.scratch = nil
	}
	p.last, p.state = pos, st
	q.grow(int64(len(buf)))
	if leads {
		s.pulse.Add(1)
	}
	s.newest = st
	s.epoch.Store(st.epoch)
	s.tail.Store(uint64(pos))
	q.added()
	return pos, nil
}

// maxAppend bounds the records of one append, which stand in one frame, in bytes.
const maxAppend = 2 << 30

// take gives the shard its number before its first record is sealed.
func (s *shard) take() error {
	if s.ready {
		return nil
	}
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.number == 0 {
		number := q.next
		if s.key != nil {
			aead, err := newAEAD(s.key, s.id, number)
			if err != nil {
				return err
			}
			s.aead = aead
		}
		q.next++
		s.number = number
	}
	s.ready = true
	return nil
}

// refused is why an append can't be taken; under q.mu.
func (h *handle) refused() error {
	if h.dead.Load() || h.s.dropped {
		return txlog.ErrClosed
	}
	return h.s.q.writable()
}

func (h *handle) Wait(ctx context.Context, pos txlog.Pos) error {
	s, q := h.s, h.s.q
	for {
		if h.dead.Load() {
			return txlog.ErrClosed
		}
		if pos <= s.durablePos() {
			return nil
		}
		q.mu.Lock()
		wake, err := s.waiter(pos)
		var b *batch
		if wake != nil {
			b = q.take()
		}
		q.mu.Unlock()
		if err != nil {
			return fmt.Errorf("wait for position %v: %w", pos, err)
		}
		if wake == nil {
			continue
		}
		if b != nil {
			q.launch(b)
		}
		select {
		case <-wake:
		case <-h.closed:
			return txlog.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// waiter is a channel that is closed when the outcome of the position may be known: nil if it is durable already. Under q.mu.
func (s *shard) waiter(pos txlog.Pos) (<-chan struct{}, error) {
	q := s.q
	switch {
	case pos <= s.durablePos():
		return nil, nil
	case s.dropped:
		return nil, txlog.ErrClosed
	case uint64(pos) > s.tail.Load():
		if q.closing {
			return nil, txlog.ErrClosed
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		return s.changed, nil
	case q.lost:
		return nil, txlog.ErrUnknown
	case pos <= s.flight:
		return q.flight.waiter(), nil
	}
	for _, b := range q.ready {
		for i := range b.parts {
			if p := &b.parts[i]; p.s == s && pos <= p.last {
				return b.waiter(), nil
			}
		}
	}
	return q.open.waiter(), nil
}

func (h *handle) Writable() error {
	if h.dead.Load() {
		return txlog.ErrClosed
	}
	return h.s.q.writable()
}

func (h *handle) Durable() txlog.Pos { return h.s.durablePos() }
func (h *handle) Tail() txlog.Pos    { return txlog.Pos(h.s.tail.Load()) }
func (h *handle) Epoch() uint64      { return h.s.epoch.Load() }

func (h *handle) Pulse() uint64 { return h.s.pulse.Load() }

// Renew asks the zones whether most of them are there, which is known of all zones of this process; a disk that is slow is no reason to refuse.
func (h *handle) Renew(_ context.Context, epoch uint64) error {
	s, q := h.s, h.s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	switch newest := s.epoch.Load(); {
	case h.dead.Load() || s.dropped || q.closing:
		return txlog.ErrClosed
	case newest != epoch:
		return fmt.Errorf("renew epoch %d, the newest is %d: %w", epoch, newest, txlog.ErrConflict)
	case q.lost || q.working() < Majority:
		return txlog.ErrUnavailable
	}
	s.pulse.Add(1)
	return nil
}

func (h *handle) First() txlog.Pos {
	h.s.q.mu.Lock()
	defer h.s.q.mu.Unlock()
	return h.s.first
}

func (h *handle) Trim(before txlog.Pos) error {
	s, q := h.s, h.s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if h.dead.Load() || s.dropped || q.closing {
		return txlog.ErrClosed
	}
	if before = min(before, s.durablePos()+1); before <= s.first {
		return nil
	}
	s.first = before
	// Files are removed once this is durable: else an opening would take what is missing for damage.
	q.addControl(segment.Section{Kind: segment.Trim, Shard: s.number, First: before})
	q.open.trims = append(q.open.trims, trimming{s, before})
	q.added()
	return nil
}

func (h *handle) Close() error {
	h.once.Do(func() {
		h.dead.Store(true)
		close(h.closed)
	})
	return nil
}
