package quorumlog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

func (h *handle) Read(ctx context.Context, from txlog.Pos, maxBytes int) ([]txlog.Record, error) {
	s, q := h.s, h.s.q
	from = max(from, 1)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	q.mu.Lock()
	src, err := s.source(h, from)
	q.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("read position %v: %w", from, err)
	}
	if len(src.zones) == 0 {
		return nil, nil
	}
	var failures []failure
	var errs []error
	for _, z := range src.zones {
		out, at, err := src.read(ctx, z.stream, from, maxBytes)
		if err == nil {
			q.blame(failures)
			return out, nil
		}
		if errors.Is(err, ErrKey) || ctx.Err() != nil {
			return nil, err
		}
		failures = append(failures, failure{z.z, at.Segment, err})
		errs = append(errs, fmt.Errorf("zone %s: %w", z.z.name, err))
	}
	// What was trimmed while it was read can't be found any more.
	if from < h.First() {
		return nil, fmt.Errorf("read position %v: %w", from, txlog.ErrTrimmed)
	}
	if h.dead.Load() || q.refusal.Load() == closed {
		return nil, txlog.ErrClosed
	}
	return nil, fmt.Errorf("read position %v of shard %s: %w: %w", from, s.id, txlog.ErrCorrupt, errors.Join(errs...))
}

// source is what a read needs to know.
type source struct {
	s       *shard
	from    segment.Location
	durable txlog.Pos
	zones   []readable
	ends    []segment.Segment // the segments from that of from on
}

type readable struct {
	z      *zone
	stream *segment.Stream
}

// source finds out where a read begins and which zones have what it wants; under q.mu.
func (s *shard) source(h *handle, from txlog.Pos) (source, error) {
	q := s.q
	src := source{s: s, durable: s.durablePos()}
	switch {
	case h.dead.Load() || s.dropped || q.closing:
		return src, txlog.ErrClosed
	case from < s.first:
		return src, txlog.ErrTrimmed
	case from > src.durable:
		return src, nil
	}
	at, ok := s.index.Find(from)
	if !ok {
		return src, txlog.ErrCorrupt
	}
	src.from = at
	i, _ := slices.BinarySearchFunc(q.segments, at.Segment, func(seg segment.Segment, n uint64) int { return int(seg.Number) - int(n) })
	src.ends = slices.Clone(q.segments[i:])
	var late []readable
	for _, z := range q.zones {
		switch {
		case z.stream == nil:
		case z.state == ZoneOK && z.acked.Sequence >= q.durable.Sequence:
			src.zones = append(src.zones, readable{z, z.stream})
		default:
			late = append(late, readable{z, z.stream})
		}
	}
	src.zones = append(src.zones, late...)
	if len(src.zones) == 0 {
		return src, txlog.ErrUnavailable
	}
	return src, nil
}

// read reads records from one zone. at is where it ended.
func (src *source) read(ctx context.Context, stream *segment.Stream, from txlog.Pos, maxBytes int) (out []txlog.Record, at segment.Location, err error) {
	cur := segment.NewCursor(src.s.q.id, stream, src.from)
	ends, size, next := src.ends, 0, from
	take := func(generation uint32, pos txlog.Pos, r segment.Record) (more bool, err error) {
		if pos < next || pos > src.durable {
			return true, nil
		}
		if pos != next {
			return false, fmt.Errorf("position %v is missing before %v: %w", next, pos, segment.ErrDamaged)
		}
		if len(out) > 0 && size+int(r.PlainLength) > maxBytes {
			return false, nil
		}
		rec, err := unseal(src.s.aead, src.s.id, generation, pos, r)
		if err != nil {
			return false, err
		}
		size += len(rec.Payload)
		out = append(out, rec)
		next++
		return size < maxBytes, nil
	}
	for more := true; more && next <= src.durable; {
		if err := ctx.Err(); err != nil {
			return nil, cur.At(), err
		}
		for len(ends) > 1 && !cur.At().Before(ends[0].Last.End) {
			cur.Skip(segment.Location{Segment: ends[1].Number, Offset: segment.Start})
			ends = ends[1:]
		}
		if more, err = cur.Frame(src.s.number, next, take); err != nil {
			return nil, cur.At(), err
		}
	}
	return out, cur.At(), nil
}

// failure is that a zone could not be read.
type failure struct {
	z       *zone
	segment uint64
	err     error
}

// blame has zones mended that could not be read where another one could.
func (q *Quorum) blame(failures []failure) {
	if len(failures) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range failures {
		z := f.z
		if z.state != ZoneOK || !errors.Is(f.err, segment.ErrDamaged) && !errors.Is(f.err, segment.ErrNoSegment) {
			continue
		}
		if !slices.Contains(z.damaged, f.segment) {
			q.cfg.Logger.Error("zone of the log is damaged", "zone", z.name, "dir", z.dir, "segment", f.segment, "err", f.err)
			z.damaged = append(z.damaged, f.segment)
			z.kick()
		}
	}
}
