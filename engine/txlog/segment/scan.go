package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Image is what a zone's files hold.
type Image struct {
	// First and Newest are the segments whose files are there; 0 if there is none.
	First, Newest uint64
	// End is the newest frame up to which everything from the beginning of the first segment is there.
	End Mark
	// Furthest is the newest frame found anywhere, also behind damage.
	Furthest Mark
	// Clean says that the files end after Furthest with zeros, as a finished write leaves them: no batch was cut off, nothing is damaged.
	Clean bool
	// Damage says what is wrong between the beginning and Furthest, for the operator; empty if nothing is.
	Damage []string
	// segments is the state of each segment.
	segments map[uint64]segmentImage
}

// segmentImage is what one segment's file holds: whole says that it has frames from its beginning to last without damage.
type segmentImage struct {
	whole bool
	last  Mark
}

// Scan reads all files and checks every frame.
func (s *Stream) Scan() (*Image, error) {
	img := &Image{Clean: true, segments: map[uint64]segmentImage{}}
	sc := scanner{s: s, img: img, w: window{stream: s}}
	numbers := s.Numbers()
	for i, number := range numbers {
		if i == 0 {
			img.First = number
		} else if number != img.Newest+1 {
			sc.hole("segments %d to %d are missing", img.Newest+1, number-1)
		}
		img.Newest = number
		if err := sc.segment(number, i == len(numbers)-1); err != nil {
			return nil, fmt.Errorf("scan segment %d in %s: %w", number, s.cfg.Dir, err)
		}
	}
	return img, nil
}

// scanner holds the state of a scan: last is the newest frame that was found, known whether there is one.
type scanner struct {
	s      *Stream
	img    *Image
	w      window
	last   Mark
	known  bool
	broken bool // a hole was found
}

func (c *scanner) hole(format string, args ...any) {
	c.broken = true
	c.img.Clean = false
	c.img.Damage = append(c.img.Damage, fmt.Sprintf(format, args...))
}

func (c *scanner) segment(number uint64, newest bool) error {
	seed := c.s.cfg.ID.seed(number)
	whole := true
	head, err := c.w.read(Location{number, 0}, fileHeader)
	if err != nil {
		return err
	}
	if err := checkFileHeader(head, c.s.cfg.ID, number); errors.Is(err, ErrDamaged) {
		whole = false
		c.hole("%v", err)
	} else if err != nil {
		return err
	}
	at := Location{number, Start}
	for {
		f, ok, err := c.frame(seed, at)
		if err != nil {
			return err
		}
		if ok && c.known && !f.follows(c.last) && (f.Generation < c.last.Generation || f.Sequence <= c.last.Sequence) {
			ok = false // left over from a batch that was discarded
		}
		if !ok {
			next, found, clean, err := c.search(seed, at)
			if err != nil {
				return err
			}
			if !found {
				if newest && !clean {
					c.img.Clean = false
				}
				break
			}
			whole = false
			c.hole("bytes %d to %d of segment %d", at.Offset, next.Offset, number)
			at = next
			continue
		}
		switch {
		case !c.known:
			c.known = true
		case !f.follows(c.last) && whole:
			whole = at.Offset == Start // the damage is in the segment before
			c.hole("frames %d to %d are missing before %v", c.last.Sequence+1, f.Sequence-1, at)
		}
		c.last = f.mark(at)
		if !c.broken {
			c.img.End = c.last
		}
		if c.img.Furthest.Older(c.last) {
			c.img.Furthest = c.last
		}
		at = c.last.End
	}
	c.img.segments[number] = segmentImage{whole: whole && c.last.At.Segment == number, last: c.last}
	return nil
}

// frame reads the frame at a location; ok is false when there is none, or a damaged one.
func (c *scanner) frame(seed uint32, at Location) (f Frame, ok bool, err error) {
	head, err := c.w.read(at, FrameHeader)
	if err != nil {
		return Frame{}, false, err
	}
	f, ok = decodeFrame(head, seed, at.Offset)
	if !ok {
		return Frame{}, false, nil
	}
	crc := uint32(0)
	for done := int64(0); done < int64(f.Length); {
		n := min(int64(f.Length)-done, windowBytes)
		b, err := c.w.read(Location{at.Segment, at.Offset + FrameHeader + done}, int(n))
		if err != nil {
			return Frame{}, false, err
		}
		if int64(len(b)) < n {
			return Frame{}, false, nil
		}
		crc = crc32.Update(crc, castagnoli, b[:n])
		done += n
	}
	return f, crc == f.BodyCRC, nil
}

var zeroHeader [FrameHeader]byte

// search looks for a frame behind a place where none is. clean says that there are zeros at the place itself.
func (c *scanner) search(seed uint32, from Location) (at Location, found, clean bool, err error) {
	head, err := c.w.read(from, FrameHeader)
	if err != nil {
		return Location{}, false, false, err
	}
	clean = len(head) >= FrameHeader && bytes.Equal(head[:FrameHeader], zeroHeader[:])
	for at = (Location{from.Segment, from.Offset + 8}); ; {
		b, err := c.w.read(at, windowBytes/2)
		if err != nil {
			return Location{}, false, false, err
		}
		if len(b) < FrameHeader {
			return Location{}, false, clean, nil
		}
		skip := int64(len(b)-FrameHeader)/8*8 + 8
		for i := 0; i+FrameHeader <= len(b); i += 8 {
			if binary.LittleEndian.Uint32(b[i:]) != frameMagic {
				continue
			}
			f, ok := decodeFrame(b[i:], seed, at.Offset+int64(i))
			if !ok || c.known && (f.Generation < c.last.Generation || f.Sequence <= c.last.Sequence) {
				continue
			}
			place := Location{at.Segment, at.Offset + int64(i)}
			if _, ok, err = c.frame(seed, place); err != nil || ok {
				return place, ok, clean, err
			}
			skip = int64(i) + 8 // the window has moved
			break
		}
		at.Offset += skip
	}
}

// windowBytes is how much is read at a time.
const windowBytes = 1 << 20

// window reads a stream through a buffer.
type window struct {
	stream *Stream
	buf    []byte
	at     Location
	size   int // how much is read at least; 0 is windowBytes
}

// read is at least n bytes that stand at a location, fewer where the file ends; they are valid until the next read. A segment that is not there is empty.
func (w *window) read(at Location, n int) ([]byte, error) {
	if at.Segment == w.at.Segment && at.Offset >= w.at.Offset && at.Offset+int64(n) <= w.at.Offset+int64(len(w.buf)) {
		return w.buf[at.Offset-w.at.Offset:], nil
	}
	want := max(n, w.size)
	if w.size == 0 {
		want = max(n, windowBytes)
	}
	if cap(w.buf) < want {
		w.buf = make([]byte, want)
	}
	w.buf, w.at = w.buf[:want], at
	got, err := w.stream.ReadAt(w.buf, at)
	w.buf = w.buf[:got]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, ErrNoSegment) {
		w.at = Location{}
		return nil, err
	}
	return w.buf, nil
}
