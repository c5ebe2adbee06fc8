package quorumlog

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// repairNow brings a failed zone back: its files are opened and read anew, what they lack or hold wrongly is copied from the other zones, and then frames are queued for it again.
func (z *zone) repairNow() {
	err := z.repair()
	q := z.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		z.failed(err)
		return
	}
	z.state, z.err = ZoneOK, nil
	q.cfg.Logger.Info("zone of the log repaired", "zone", z.name, "dir", z.dir, "seq", z.acked.Sequence)
	q.recover()
	q.checkSpace()
}

func (z *zone) repair() error {
	if err := z.replace(nil); err != nil {
		z.q.cfg.Logger.Warn("files of a failed zone not closed", "zone", z.name, "err", err)
	}
	q := z.q
	if err := z.lockDir(); err != nil {
		return err
	}
	s, err := z.openStream()
	if err != nil {
		return err
	}
	state, err := z.adopt(s)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	img, err := s.Scan()
	if err != nil {
		return errors.Join(fmt.Errorf("read zone %s: %w", z.name, err), s.Close())
	}
	if err := z.replace(s); err != nil {
		return err
	}
	at, err := z.copyAll(s, img)
	if err != nil {
		return err
	}
	if err := z.attach(s, at); err != nil {
		return err
	}
	z.trusted = everything
	if state != segment.Used {
		return segment.WriteIdentity(q.cfg.FS, z.dir, q.id, segment.Used)
	}
	return nil
}

// adopt makes sure that the folder belongs to this log. A folder that is empty, or whose identity can't be read, is to be rebuilt and says so until it is.
func (z *zone) adopt(s *segment.Stream) (segment.State, error) {
	fsys, id := z.q.cfg.FS, z.q.id
	ident, stream, err := segment.ReadIdentity(fsys, z.dir)
	switch {
	case err == nil && stream != id && ident.State == segment.Used:
		return "", fmt.Errorf("zone %s in %s: %w", z.name, z.dir, segment.ErrForeign)
	case err == nil && stream == id && ident.State != segment.New:
		return ident.State, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, segment.ErrDamaged):
		return "", fmt.Errorf("zone %s: %w", z.name, err)
	}
	if err := segment.WriteIdentity(fsys, z.dir, id, segment.Rebuilding); err != nil {
		return "", fmt.Errorf("rebuild zone %s: %w", z.name, err)
	}
	z.q.cfg.Logger.Warn("zone of the log is rebuilt", "zone", z.name, "dir", z.dir, "files", len(s.Numbers()))
	return segment.Rebuilding, nil
}

// sources are the zones that a zone can be repaired from, the most trusted first; under q.mu.
func (q *Quorum) sources(not *zone) []*segment.Stream {
	if q.best != nil {
		return slices.Clone(q.best)
	}
	var ok, rest []*segment.Stream
	for _, z := range q.zones {
		switch {
		case z == not || z.stream == nil:
		case z.state == ZoneOK:
			ok = append(ok, z.stream)
		default:
			rest = append(rest, z.stream)
		}
	}
	return append(ok, rest...)
}

// copyAll makes the zone's files hold what is durable now, and returns how far that is.
func (z *zone) copyAll(s *segment.Stream, img *segment.Image) (segment.Mark, error) {
	q := z.q
	q.mu.Lock()
	want, end := slices.Clone(q.segments), q.durable
	from := segment.NewReader(q.id, append(q.sources(z), s)...)
	q.mu.Unlock()
	if err := s.SyncNames(); err != nil {
		return end, err
	}
	if err := s.RemoveAfter(end.At.Segment); err != nil {
		return end, err
	}
	if len(want) > 0 {
		if err := s.RemoveBefore(want[0].Number); err != nil {
			return end, err
		}
	}
	for _, seg := range want {
		doubtful := z.trusted.Before(segment.Location{Segment: seg.Number + 1})
		if img.Matches(seg) && seg.Number != end.At.Segment && !doubtful {
			continue
		}
		if err := z.copy(s, seg, from); err != nil {
			return end, err
		}
	}
	return end, nil
}

// copy makes one segment of the zone hold what it should.
func (z *zone) copy(s *segment.Stream, seg segment.Segment, from *segment.Reader) error {
	n, err := s.Mend(seg, from, z.trusted)
	if err != nil {
		z.distrust(segment.Location{Segment: seg.Number})
		return err
	}
	if n > 0 {
		z.q.cfg.Logger.Info("zone of the log mended", "zone", z.name, "segment", seg.Number, "bytes", n)
		z.q.stats.mended.Add(uint64(n))
	}
	return nil
}

// attach has frames queued for the zone from now on, and then copies what became durable between a mark and now.
func (z *zone) attach(s *segment.Stream, at segment.Mark) error {
	q := z.q
	q.mu.Lock()
	z.attached = true
	if b := q.flight; b != nil && b.launched {
		z.enqueue(b)
	}
	segs, end := slices.Clone(q.segments), q.durable
	from := segment.NewReader(q.id, q.sources(z)...)
	q.mu.Unlock()
	for _, seg := range segs {
		if seg.Last.Sequence <= at.Sequence {
			continue
		}
		if at.Sequence > seg.Before.Sequence {
			seg.Before = at
		}
		if err := z.copy(s, seg, from); err != nil {
			return err
		}
	}
	q.mu.Lock()
	z.acked = end
	q.mu.Unlock()
	return nil
}

// heal mends segments in which a read has found damage, between two writes.
func (z *zone) heal() {
	q := z.q
	q.mu.Lock()
	numbers := z.damaged
	z.damaged = nil
	segs, s := slices.Clone(q.segments), z.stream
	from := segment.NewReader(q.id, append(q.sources(z), s)...)
	q.mu.Unlock()
	for _, seg := range segs {
		if !slices.Contains(numbers, seg.Number) {
			continue
		}
		if seg.Number == z.acked.At.Segment {
			seg.Last = z.acked
		}
		if err := z.copy(s, seg, from); err != nil {
			q.mu.Lock()
			z.failed(err)
			q.mu.Unlock()
			return
		}
	}
}
