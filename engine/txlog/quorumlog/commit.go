package quorumlog

import (
	"slices"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// batchBytes is how large a batch may get before the next one begins. A single append may be larger.
const batchBytes = 8 << 20

// keepBytes is the largest buffer that is kept for the next batch.
const keepBytes = 1 << 20

// batch is what one commit makes durable: it becomes one frame. Guarded by Quorum.mu until it is launched; what is written then is not changed any more.
type batch struct {
	id      uint64
	control []byte // sections without records
	parts   []part // the records, by shard
	trims   []trimming
	size    int64         // of the body
	wanted  bool          // somebody waits for it: it is not to linger
	done    chan struct{} // closed when it is durable or its outcome has become unknown; nil when nobody waits

	bytes    []byte // the frame and the terminator behind it, when it was launched
	frame    segment.Frame
	at       segment.Location
	launched bool // bytes, frame and at are set
	started  time.Time
	holders  uint8 // zones that have it on disk
	durable  bool
	users    int // zones that have it queued or are writing it
}

// part is one shard's records in a batch.
type part struct {
	s           *shard
	first, last txlog.Pos
	buf         []byte // records as they are stored
	state       state  // the shard's at last
}

// trimming says that a shard no longer needs what is before a position, or nothing at all if it was dropped.
type trimming struct {
	s     *shard
	first txlog.Pos
}

// state is what a shard's log is at a position, apart from its records.
type state struct {
	chain txlog.Chain
	epoch uint64
}

func (b *batch) empty() bool { return len(b.parts) == 0 && len(b.control) == 0 }

// newBatch is an empty batch; under mu.
func (q *Quorum) newBatch() *batch {
	q.batches++
	if n := len(q.free); n > 0 {
		b := q.free[n-1]
		q.free = q.free[:n-1]
		b.id = q.batches
		return b
	}
	return &batch{id: q.batches}
}

// recycle keeps a batch's buffers for another one, when nobody uses it any more; under mu.
func (q *Quorum) recycle(b *batch) {
	if b.users > 0 || !b.durable || len(q.free) >= 4 {
		return
	}
	for i := range b.parts {
		b.parts[i] = part{buf: keep(b.parts[i].buf)}
	}
	q.free = append(q.free, &batch{control: keep(b.control), parts: b.parts[:0], bytes: keep(b.bytes)})
}

func keep(buf []byte) []byte {
	if cap(buf) > keepBytes {
		return nil
	}
	return buf[:0]
}

// part is the shard's part of the open batch; under mu.
func (b *batch) part(s *shard) *part {
	if s.batch == b.id {
		return &b.parts[s.part]
	}
	s.batch, s.part = b.id, len(b.parts)
	if len(b.parts) < cap(b.parts) {
		b.parts = b.parts[:len(b.parts)+1]
	} else {
		b.parts = append(b.parts, part{})
	}
	p := &b.parts[s.part]
	p.s, p.first = s, 0
	s.q.grow(segment.SectionHeader)
	return p
}

// addControl adds a section without records to the open batch; under mu.
func (q *Quorum) addControl(s segment.Section) {
	before := len(q.open.control)
	q.open.control = segment.AppendSection(q.open.control, s)
	q.grow(int64(len(q.open.control) - before))
}

// grow notes that something was added to the open batch; under mu.
func (q *Quorum) grow(bytes int64) {
	q.open.size += bytes
	q.backlog += bytes
	if q.backlog > q.cfg.BacklogBytes {
		q.refuse()
	}
}

// added is called after something was added to the open batch: it closes a large one, and sees to it that it is committed even if nobody waits; under mu.
func (q *Quorum) added() {
	if q.open.size >= batchBytes {
		q.ready = append(q.ready, q.open)
		q.open = q.newBatch()
	}
	if !q.flushing {
		q.flushing = true
		if q.flush == nil {
			q.flush = time.AfterFunc(q.cfg.Flush, q.flushed)
		} else {
			q.flush.Reset(q.cfg.Flush)
		}
	}
}

// flushed commits what nobody has waited for.
func (q *Quorum) flushed() {
	q.mu.Lock()
	q.flushing = false
	q.mu.Unlock()
	q.commit()
}

// commit begins the next commit unless one is in flight: then that one's end begins it.
func (q *Quorum) commit() {
	q.mu.Lock()
	q.open.wanted = true
	b := q.take()
	q.mu.Unlock()
	if b != nil {
		q.launch(b)
	}
}

// take is the batch to be launched now, or nil; under mu.
func (q *Quorum) take() *batch {
	if q.flight != nil || q.working() < Majority {
		return nil
	}
	switch {
	case len(q.ready) > 0:
		q.flight = q.ready[0]
		q.ready = slices.Delete(q.ready, 0, 1)
	case !q.open.empty() && q.open.wanted:
		q.flight = q.open
		q.open = q.newBatch()
	default:
		return nil
	}
	b := q.flight
	if q.backlog -= b.size; q.backlog+b.size > q.cfg.BacklogBytes {
		q.refuse()
	}
	for i := range b.parts {
		b.parts[i].s.flight = b.parts[i].last
	}
	return b
}

// launch makes a batch's frame and gives it to the zones. Only the batch in flight is launched, so nobody else moves the stream's end.
func (q *Quorum) launch(b *batch) {
	b.started = q.cfg.Now()
	at := q.end.End
	size := segment.FrameSize(b.size)
	var flags uint32
	if at.Offset != segment.Start && at.Offset+size+segment.FrameHeader > segment.Capacity(at.Segment, q.cfg.SegmentBytes) {
		at = segment.Location{Segment: at.Segment + 1, Offset: segment.Start}
	}
	var catalog []byte
	if at.Offset == segment.Start {
		flags |= segment.FlagFirst
		catalog = q.catalog()
		size = segment.FrameSize(b.size + int64(len(catalog)))
	}
	body := b.assemble(size, catalog)
	b.frame = segment.SealFrame(b.bytes, q.id, at, segment.Frame{
		Sequence: q.end.Sequence + 1, Generation: q.generation, Flags: flags, Length: uint32(body), Previous: q.end.Chain,
	})
	b.at = at
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end, b.launched = b.frame.Mark(at), true
	for _, z := range q.zones {
		if z.attached {
			z.enqueue(b)
		}
	}
	q.checkZones()
}

// assemble puts the frame's body together and returns its length; size is that of the frame.
func (b *batch) assemble(size int64, catalog []byte) int {
	out := slices.Grow(b.bytes[:0], int(size)+segment.FrameHeader)[:segment.FrameHeader]
	out = append(append(out, catalog...), b.control...)
	for i := range b.parts {
		p := &b.parts[i]
		at := len(out)
		out = out[:at+segment.SectionHeader]
		segment.PutSection(out[at:], segment.Section{Kind: segment.Records, Shard: p.s.number, Count: uint32(p.last - p.first + 1), First: p.first}, len(p.buf))
		out = append(out, p.buf...)
	}
	body := len(out) - segment.FrameHeader
	end := len(out)
	out = out[:size+segment.FrameHeader]
	clear(out[end:]) // padding and terminator
	b.bytes = out
	return body
}

// catalog is the section with the state of every shard before the frame that is being made.
func (q *Quorum) catalog() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	var content []byte
	n := uint32(0)
	for _, s := range q.shards {
		if s.durablePos() == 0 { // its creation comes with its first records
			continue
		}
		n++
		content = segment.AppendShard(content, segment.Shard{
			Number: s.number, ID: s.id, First: s.first, Tail: s.durablePos(), Chain: s.settled.chain, Epoch: s.settled.epoch,
		})
	}
	return segment.AppendSection(nil, segment.Section{Kind: segment.Catalog, Count: n, Content: content})
}

// acknowledge is told by a zone that it has frames on disk. It returns the batch to be launched next, if the commit in flight has ended by it.
func (q *Quorum) acknowledge(z *zone, written []*batch, size int64) (next *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	z.queued = max(z.queued-size, 0)
	for _, b := range written {
		b.users--
		z.acked = b.frame.Mark(b.at)
		if z.state == ZoneOK {
			b.holders |= 1 << z.index
		}
		if b == q.flight && count(b.holders) >= Majority {
			next = q.finish(b)
		}
		q.recycle(b)
	}
	return next
}

func count(holders uint8) int {
	return int(holders&1 + holders>>1&1 + holders>>2&1)
}

// finish makes what the batch in flight holds visible as durable, and takes the next batch; under mu.
func (q *Quorum) finish(b *batch) (next *batch) {
	b.durable = true
	q.flight = nil
	q.durable = b.frame.Mark(b.at)
	if b.frame.Flags&segment.FlagFirst != 0 {
		var before segment.Mark
		if n := len(q.segments); n > 0 {
			before = q.segments[n-1].Last
		}
		q.segments = append(q.segments, segment.Segment{Number: b.at.Segment, Before: before})
	}
	q.segments[len(q.segments)-1].Last = q.durable
	records := 0
	for i := range b.parts {
		p := &b.parts[i]
		records += int(p.last - p.first + 1)
		p.s.index.Add(p.first, b.at)
		p.s.settled = p.state
		p.s.settledPos.Store(uint64(p.last))
		p.s.notify()
	}
	for _, t := range b.trims {
		t.s.kept = max(t.s.kept, t.first)
	}
	if len(b.trims) > 0 {
		q.reclaim()
	}
	b.wake()
	q.stats.commit(records, len(b.bytes), q.cfg.Now().Sub(b.started))
	next = q.take()
	q.recover()
	q.signalIdle()
	return next
}

func (b *batch) wake() {
	if b.done != nil {
		close(b.done)
		b.done = nil
	}
}

func (q *Quorum) signalIdle() {
	if q.idle != nil {
		close(q.idle)
		q.idle = nil
	}
}

// checkZones sees whether too few zones work; under mu, whenever one has stopped to.
func (q *Quorum) checkZones() {
	if q.working() >= Majority {
		return
	}
	if !q.lost {
		q.lost = true
		q.refuse()
		q.cfg.Logger.Error("log takes no writes: too few zones work", "working", q.working())
	}
	q.fail()
	q.signalIdle()
}

// fail makes the outcome of everything that is pending unknown to those who wait for it; under mu.
func (q *Quorum) fail() {
	if q.flight != nil {
		q.flight.wake()
	}
	for _, b := range q.ready {
		b.wake()
	}
	q.open.wake()
	q.open.wanted = true // nothing lingers once zones work again
}

// recover takes appends again once enough zones work and everything that was pending is durable; under mu.
func (q *Quorum) recover() {
	if q.lost && q.working() >= Majority && q.settled() {
		q.lost = false
		q.refuse()
		q.cfg.Logger.Info("log takes writes", "generation", q.generation, "seq", q.durable.Sequence)
	}
}
