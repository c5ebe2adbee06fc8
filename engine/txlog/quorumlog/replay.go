package quorumlog

import (
	"fmt"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// replay reads the history once and rebuilds what is known of it in memory.
type replay struct {
	q        *Quorum
	start    uint64 // the first segment
	before   uint64 // frames from this number on are left out; 0 is none
	end      segment.Mark
	segments []segment.Segment
	shards   map[uint32]*shard
	next     uint32
}

func newReplay(q *Quorum, start uint64) *replay {
	return &replay{q: q, start: start, shards: map[uint32]*shard{}, next: 1}
}

// run reads everything that the zones, the best first, hold together.
func (r *replay) run(zones []*found) error {
	var streams []*segment.Stream
	for _, f := range zones {
		streams = append(streams, f.stream)
	}
	reader := segment.NewReader(r.q.id, streams...)
	at := segment.Location{Segment: r.start, Offset: segment.Start}
	var after *segment.Mark
	for {
		f, place, raw, ok, err := reader.Next(after, at)
		if err != nil {
			return fmt.Errorf("open log: %w", err)
		}
		if !ok || r.before != 0 && f.Sequence >= r.before {
			return nil
		}
		m := f.Mark(place)
		if place.Offset == segment.Start {
			r.segments = append(r.segments, segment.Segment{Number: place.Segment, Before: r.end})
			if after == nil {
				r.segments[0].Before = segment.Mark{Sequence: f.Sequence - 1, Chain: f.Previous}
			}
		}
		if err := r.frame(place, raw[segment.FrameHeader:segment.FrameHeader+int64(f.Length)], after == nil); err != nil {
			return fmt.Errorf("open log: frame %d at %v: %w: %w", f.Sequence, place, txlog.ErrCorrupt, err)
		}
		r.segments[len(r.segments)-1].Last = m
		r.end = m
		after = &r.end
	}
}

// frame takes in one frame; first says that it is the first one that is kept.
func (r *replay) frame(at segment.Location, body []byte, first bool) error {
	for len(body) > 0 {
		s, rest, err := segment.DecodeSection(body)
		if err != nil {
			return err
		}
		if err := r.section(at, s, first); err != nil {
			return err
		}
		body = rest
	}
	return nil
}

func (r *replay) section(at segment.Location, s segment.Section, first bool) error {
	sh := r.shards[s.Shard]
	switch s.Kind {
	case segment.Catalog:
		return r.catalog(s, first)
	case segment.Create:
		r.add(s.Shard, string(s.Content))
	case segment.Trim:
		if sh != nil {
			sh.first = max(sh.first, s.First)
		}
	case segment.Drop:
		delete(r.shards, s.Shard)
	case segment.Records:
		if sh == nil { // dropped, and this is left over
			return nil
		}
		if s.First != sh.durablePos()+1 {
			return fmt.Errorf("shard %s continues at position %v after %v: %w", sh.id, s.First, sh.durablePos(), segment.ErrDamaged)
		}
		sh.index.Add(s.First, at)
		return r.records(sh, s)
	default:
		return fmt.Errorf("section of kind %d: the log was written by a newer program", s.Kind)
	}
	return nil
}

func (r *replay) records(sh *shard, s segment.Section) error {
	content := s.Content
	pos := s.First
	for range s.Count {
		rec, rest, err := segment.DecodeRecord(content, pos)
		if err != nil {
			return err
		}
		if rec.Kind == txlog.Lead {
			sh.settled.epoch = rec.Epoch
		}
		sh.settled.chain = rec.Chain
		content = rest
		pos++
	}
	sh.settledPos.Store(uint64(pos - 1))
	return nil
}

func (r *replay) add(number uint32, id string) *shard {
	sh := &shard{q: r.q, id: id, number: number, declared: true, first: 1}
	r.shards[number] = sh
	r.next = max(r.next, number+1)
	return sh
}

// catalog takes in the state of all shards. In the oldest segment it is where they begin: what was before is gone. In others only what was trimmed is news.
func (r *replay) catalog(s segment.Section, first bool) error {
	content := s.Content
	for range s.Count {
		e, rest, err := segment.DecodeShard(content)
		if err != nil {
			return err
		}
		content = rest
		sh := r.shards[e.Number]
		switch {
		case first:
			sh = r.add(e.Number, e.ID)
			sh.settledPos.Store(uint64(e.Tail))
			sh.settled = state{e.Chain, e.Epoch}
			sh.first = e.Tail + 1
		case sh != nil:
			sh.first = max(sh.first, e.First)
		}
	}
	return nil
}

// install makes what was read the log's state.
func (r *replay) install() {
	q := r.q
	q.next = r.next
	q.segments = r.segments
	q.end, q.durable = r.end, r.end
	for _, sh := range r.shards {
		sh.tail.Store(uint64(sh.durablePos()))
		sh.epoch.Store(sh.settled.epoch)
		sh.pulse.Store(txlog.FirstPulse(uint64(q.generation)))
		sh.flight = sh.durablePos()
		sh.newest = sh.settled
		sh.first = min(sh.first, sh.durablePos()+1)
		sh.kept = sh.first
		sh.index.Trim(sh.kept)
		q.shards[sh.id] = sh
	}
}
