package segment

import (
	"fmt"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Cursor reads one shard's records from one zone, frame by frame, and checks what it reads. Other shards' records are skipped unread where that saves something.
type Cursor struct {
	id ID
	at Location
	w  window
}

// cursorBytes is how much a cursor reads at a time at least: what lies between an index entry and what is wanted, and some more.
const cursorBytes = 4 * indexStride

// NewCursor begins at a frame.
func NewCursor(id ID, s *Stream, at Location) *Cursor {
	return &Cursor{id: id, at: at, w: window{stream: s, size: cursorBytes}}
}

// At is where the next frame is read.
func (c *Cursor) At() Location { return c.at }

// Skip goes on somewhere else.
func (c *Cursor) Skip(to Location) { c.at = to }

// Frame calls fn for each record of a shard in the frame at the cursor, in order, leaving out sections that end before a position, and goes on to the next frame. fn returns false to
// stop; the record's payload is valid during the call. done is false if fn has stopped. Errors: ErrDamaged, those of reading, those of fn.
func (c *Cursor) Frame(shard uint32, from txlog.Pos, fn func(generation uint32, pos txlog.Pos, r Record) (bool, error)) (done bool, err error) {
	head, err := c.w.read(c.at, FrameHeader)
	if err != nil {
		return false, err
	}
	f, ok := decodeFrame(head, c.id.seed(c.at.Segment), c.at.Offset)
	if !ok {
		return false, fmt.Errorf("frame at %v: %w", c.at, ErrDamaged)
	}
	at := Location{c.at.Segment, c.at.Offset + FrameHeader}
	for end := at.Offset + int64(f.Length); at.Offset < end; {
		head, err := c.w.read(at, SectionHeader)
		if err != nil {
			return false, err
		}
		s, size, ok := sectionHeader(head)
		if !ok || size > end-at.Offset {
			return false, fmt.Errorf("section at %v: %w", at, ErrDamaged)
		}
		if s.Kind == Records && s.Shard == shard && s.First+txlog.Pos(s.Count) > from {
			if more, err := c.records(s, Location{at.Segment, at.Offset + SectionHeader}, size-SectionHeader, f.Generation, fn); err != nil || !more {
				return false, err
			}
		}
		at.Offset += size
	}
	c.at.Offset += f.Size()
	return true, nil
}

func (c *Cursor) records(s Section, at Location, size int64, generation uint32, fn func(uint32, txlog.Pos, Record) (bool, error)) (more bool, err error) {
	end := at.Offset + size
	for i := range s.Count {
		pos := s.First + txlog.Pos(i)
		head, err := c.w.read(at, RecordHeader)
		if err != nil {
			return false, err
		}
		n := recordSize(head)
		if n == 0 || n > end-at.Offset {
			return false, fmt.Errorf("record at position %v, %v: %w", pos, at, ErrDamaged)
		}
		raw, err := c.w.read(at, int(n))
		if err != nil {
			return false, err
		}
		r, _, err := DecodeRecord(raw[:min(n, int64(len(raw)))], pos)
		if err != nil {
			return false, err
		}
		if more, err := fn(generation, pos, r); err != nil || !more {
			return false, err
		}
		at.Offset += n
	}
	return true, nil
}
