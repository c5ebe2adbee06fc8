package segment

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
)

// Reader reads one history from several zones: each frame from the first zone that has it undamaged.
type Reader struct {
	id      ID
	windows []*window
}

// NewReader makes a reader; the zones whose history is wanted come first.
func NewReader(id ID, streams ...*Stream) *Reader {
	r := &Reader{id: id}
	for _, s := range streams {
		r.windows = append(r.windows, &window{stream: s})
	}
	return r
}

// Next is the frame that follows a mark, which may begin the next segment: its header, where it stands, and all its bytes, which are valid until the next call.
// ok is false when no zone has it. If after is nil, the frame is the one that begins the segment of at.
func (r *Reader) Next(after *Mark, at Location) (f Frame, place Location, raw []byte, ok bool, err error) {
	if after != nil {
		at = after.End
	}
	for {
		var errs []error
		for _, w := range r.windows {
			f, raw, ok, err = r.one(w, after, at)
			if ok {
				return f, at, raw, true, nil
			}
			errs = append(errs, err)
		}
		if err := errors.Join(errs...); err != nil { // a zone that can't be read may have it
			return Frame{}, at, nil, false, err
		}
		if after == nil || at.Offset == Start {
			return Frame{}, at, nil, false, nil
		}
		at = Location{at.Segment + 1, Start}
	}
}

func (r *Reader) one(w *window, after *Mark, at Location) (f Frame, raw []byte, ok bool, err error) {
	head, err := w.read(at, FrameHeader)
	if err != nil {
		return Frame{}, nil, false, err
	}
	f, ok = decodeFrame(head, r.id.seed(at.Segment), at.Offset)
	if !ok || after != nil && !f.follows(*after) || (f.Flags&FlagFirst != 0) != (at.Offset == Start) {
		return Frame{}, nil, false, nil
	}
	raw, err = w.read(at, int(f.Size()))
	if err != nil || int64(len(raw)) < FrameHeader+int64(f.Length) {
		return Frame{}, nil, false, err
	}
	raw = raw[:min(int64(len(raw)), f.Size())]
	return f, raw, crc32.Update(0, castagnoli, raw[FrameHeader:FrameHeader+int64(f.Length)]) == f.BodyCRC, nil
}

// Mark is the point in the history that a frame makes.
func (f Frame) Mark(at Location) Mark { return f.mark(at) }

// Segment is what one segment of the history holds: the frame before its first one, and its last one.
type Segment struct {
	Number       uint64
	Before, Last Mark
}

// Matches reports whether the image's zone has exactly this in the segment.
func (img *Image) Matches(want Segment) bool {
	have, ok := img.segments[want.Number]
	return ok && have.whole && have.last.Same(want.Last)
}

// Mend makes the zone hold exactly what the history holds in a segment, or in the part of it after Before if that stands in it: from reads the history from other zones. What is there already stays untouched, unless it stands at or after force,
// where it can't be trusted to be on disk. It returns how many bytes it has written.
func (s *Stream) Mend(want Segment, from *Reader, force Location) (written int64, err error) {
	fail := func(err error) (int64, error) {
		return written, fmt.Errorf("mend segment %d in %s: %w", want.Number, s.cfg.Dir, err)
	}
	f, sp := s.file(want.Number), (*spare)(nil)
	if f == nil {
		if sp, err = s.takeSpare(); err != nil {
			return fail(err)
		}
		f = sp.file
	}
	unsynced := int64(0)
	put := func(b []byte, at Location) error {
		have := make([]byte, len(b))
		if n, _ := f.ReadAt(have, at.Offset); n == len(b) && bytes.Equal(have, b) && at.Before(force) && sp == nil {
			return nil
		}
		if _, err := f.WriteAt(b, at.Offset); err != nil {
			return err
		}
		written += int64(len(b))
		if unsynced += int64(len(b)); unsynced < RoundBytes {
			return nil
		}
		unsynced = 0
		return s.sync(f)
	}
	copyAll := func() error {
		after := want.Before
		if after.At.Segment != want.Number { // from its beginning
			after.End = Location{want.Number, Start}
			if err := put(encodeFileHeader(s.cfg.ID, want.Number), Location{want.Number, 0}); err != nil {
				return err
			}
		}
		for after.Sequence < want.Last.Sequence {
			fr, at, raw, ok, err := from.Next(&after, Location{})
			if err != nil {
				return err
			}
			if !ok || at.Segment != want.Number {
				return fmt.Errorf("frame %d is in no other zone: %w", after.Sequence+1, ErrDamaged)
			}
			if err := put(raw, at); err != nil {
				return err
			}
			after = fr.mark(at)
		}
		if !after.Same(want.Last) {
			return fmt.Errorf("frame %d is another one: %w", after.Sequence, ErrDamaged)
		}
		if err := put(zeroHeader[:], after.End); err != nil {
			return err
		}
		if sp != nil {
			return nil
		}
		return s.sync(f)
	}
	if err := copyAll(); err != nil {
		if sp != nil {
			err = errors.Join(err, sp.file.Close(), s.cfg.FS.Remove(sp.path))
		}
		return fail(err)
	}
	if sp == nil {
		return written, nil
	}
	if err := s.name(sp, want.Number); err != nil {
		return fail(err)
	}
	return written, nil
}
