package segment_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/faultfs"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

var testID = segment.ID{1, 2, 3}

// frame is a sealed frame at a place, with the terminator behind it.
func frame(at segment.Location, f segment.Frame, body []byte) ([]byte, segment.Frame) {
	b := make([]byte, segment.FrameSize(int64(len(body)))+segment.FrameHeader)
	copy(b[segment.FrameHeader:], body)
	f.Length = uint32(len(body))
	f = segment.SealFrame(b, testID, at, f)
	return b, f
}

// body is a frame's body with a section of each kind.
func body() []byte {
	rec := append(make([]byte, segment.RecordHeader), "payload"...)
	segment.PutRecord(rec, 5, segment.Record{Kind: txlog.Data, PlainLength: 7, Engine: 1, Epoch: 2, Chain: 3})
	b := segment.AppendSection(nil, segment.Section{Kind: segment.Catalog, Count: 1, Content: segment.AppendShard(nil, segment.Shard{Number: 1, ID: "s", First: 1, Tail: 4})})
	b = segment.AppendSection(b, segment.Section{Kind: segment.Create, Shard: 1, Content: []byte("s")})
	return segment.AppendSection(b, segment.Section{Kind: segment.Records, Shard: 1, Count: 1, First: 5, Content: rec})
}

// FuzzDecodeFrame reads hostile bytes as a frame, and as a body whose frame's checksums are right.
func FuzzDecodeFrame(f *testing.F) {
	at := segment.Location{Segment: 1, Offset: segment.Start}
	whole, _ := frame(at, segment.Frame{Sequence: 1, Generation: 1}, body())
	f.Add(whole)
	f.Add(body())
	f.Add(whole[:50])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, body, err := segment.DecodeFrame(b, testID, at); err == nil {
			decodeBody(t, body)
		} else if !errors.Is(err, segment.ErrDamaged) {
			t.Fatalf("decode: %v", err)
		}
		raw, want := frame(at, segment.Frame{Sequence: 9, Generation: 2, Previous: 4}, b)
		got, body, err := segment.DecodeFrame(raw, testID, at)
		if err != nil || got != want || !bytes.Equal(body, b) {
			t.Fatalf("a frame is read as %+v, %v; it was %+v", got, err, want)
		}
		if _, _, err := segment.DecodeFrame(raw, testID, segment.Location{Segment: 2, Offset: segment.Start}); err == nil {
			t.Fatal("a frame is taken for one of another segment")
		}
		decodeBody(t, body)
	})
}

func decodeBody(t *testing.T, body []byte) {
	for content := body; ; { // hostile bytes as a catalog, and as records
		_, rest, err := segment.DecodeShard(content)
		if err != nil {
			break
		}
		content = rest
	}
	for content := body; ; {
		_, rest, err := segment.DecodeRecord(content, 1)
		if err != nil {
			break
		}
		content = rest
	}
	for len(body) > 0 {
		s, rest, err := segment.DecodeSection(body)
		if err != nil {
			return
		}
		if len(rest) >= len(body) || len(s.Content) > len(body) {
			t.Fatal("a section has no end")
		}
		body = rest
	}
}

// FuzzScan reads hostile bytes as a segment's file: it ends, and what it finds are frames that were sealed for this place.
func FuzzScan(f *testing.F) {
	at := segment.Location{Segment: 1, Offset: segment.Start}
	one, h := frame(at, segment.Frame{Sequence: 1, Generation: 1, Flags: segment.FlagFirst}, body())
	second := segment.Location{Segment: 1, Offset: segment.Start + h.Size()}
	two, _ := frame(second, segment.Frame{Sequence: 2, Generation: 1, Previous: h.Chain}, body())
	f.Add(append(one[:h.Size()], two...), 10, byte(0))
	f.Add(append(one[:h.Size()], two...), 100, byte(1))
	f.Add([]byte("garbage"), 0, byte(0))
	f.Fuzz(func(t *testing.T, content []byte, flip int, mask byte) {
		fs := faultfs.New(1)
		if err := fs.MkdirAll("/z"); err != nil {
			t.Fatal(err)
		}
		s, err := segment.Open(segment.Config{FS: fs, Dir: "/z", ID: testID, SegmentBytes: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		if err := s.Write(segment.Placed{At: at, Bytes: content}); err != nil {
			t.Fatal(err)
		}
		if flip >= 0 {
			fs.Flip(fs.Files("/z")[0], int64(flip), mask)
		}
		img, err := s.Scan()
		if err != nil {
			t.Fatal(err)
		}
		if img.End.Sequence > img.Furthest.Sequence || img.Furthest.Sequence > 2 {
			t.Fatalf("image is %+v", img)
		}
	})
}
