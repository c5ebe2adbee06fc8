package segment_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/faultfs"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// writer writes frames of one history to some streams.
type writer struct {
	t       *testing.T
	streams []*segment.Stream
	end     segment.Mark
}

func newStream(t *testing.T, f *faultfs.FS, dir string) *segment.Stream {
	t.Helper()
	if err := f.MkdirAll(dir); err != nil {
		t.Fatal(err)
	}
	s, err := segment.Open(segment.Config{FS: f, Dir: dir, ID: testID, SegmentBytes: 32 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (w *writer) write(n int, begin bool) {
	w.t.Helper()
	for range n {
		at := w.end.End
		f := segment.Frame{Sequence: w.end.Sequence + 1, Generation: 1, Previous: w.end.Chain}
		if begin || at.Segment == 0 {
			at, begin = segment.Location{Segment: at.Segment + 1, Offset: segment.Start}, false
			f.Flags = segment.FlagFirst
		}
		raw, f := frame(at, f, []byte(strings.Repeat("content ", 10)))
		for _, s := range w.streams {
			if err := s.Write(segment.Placed{At: at, Bytes: raw}); err != nil {
				w.t.Fatal(err)
			}
		}
		w.end = f.Mark(at)
	}
}

func image(t *testing.T, s *segment.Stream) *segment.Image {
	t.Helper()
	img, err := s.Scan()
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestScanTellsTornTailsFromDamage(t *testing.T) {
	const size = segment.FrameHeader + 80
	for _, c := range []struct {
		name   string
		spoil  func(f *faultfs.FS)
		end    uint64
		clean  bool
		damage string
	}{
		{"nothing", func(*faultfs.FS) {}, 20, true, ""},
		{"newest frame torn", func(f *faultfs.FS) { f.Flip("/z/segment-0000000000000002", segment.Start+9*size+60, 1) }, 19, false, ""},
		{"garbage behind the newest frame", func(f *faultfs.FS) { f.Flip("/z/segment-0000000000000002", segment.Start+10*size+3, 1) }, 20, false, ""},
		{"a frame in the middle", func(f *faultfs.FS) { f.Flip("/z/segment-0000000000000002", segment.Start+4*size+60, 1) }, 14, false, "of segment 2"},
		{"the end of an older segment", func(f *faultfs.FS) { f.Flip("/z/segment-0000000000000001", segment.Start+9*size+60, 1) }, 9, false, "frames 10 to 10 are missing"},
		{"a file's header", func(f *faultfs.FS) { f.Flip("/z/segment-0000000000000001", 20, 1) }, 0, false, "header of segment 1"},
		{"a lost file", func(f *faultfs.FS) { _ = f.Remove("/z/segment-0000000000000001") }, 20, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := faultfs.New(1)
			w := &writer{t: t, streams: []*segment.Stream{newStream(t, f, "/z")}}
			w.write(10, true)
			w.write(10, true)
			_ = w.streams[0].Close()
			c.spoil(f)
			img := image(t, newStream(t, f, "/z"))
			if img.End.Sequence != c.end || img.Clean != c.clean || !strings.Contains(strings.Join(img.Damage, "; "), c.damage) || (c.damage == "") != (len(img.Damage) == 0) {
				t.Errorf("end %d, clean %v, damage %q; want %d, %v, %q", img.End.Sequence, img.Clean, img.Damage, c.end, c.clean, c.damage)
			}
		})
	}
}

func TestRecycledFilesHoldNothingOld(t *testing.T) {
	f := faultfs.New(1)
	s := newStream(t, f, "/z")
	w := &writer{t: t, streams: []*segment.Stream{s}}
	for range 3 {
		w.write(20, true)
	}
	if err := s.RemoveBefore(3); err != nil {
		t.Fatal(err)
	}
	if got := s.Numbers(); !slices.Equal(got, []uint64{3}) {
		t.Fatalf("segments %v are left", got)
	}
	w.write(2, true) // in the file of an older segment, whose frames stand behind
	img := image(t, s)
	if !img.End.Same(w.end) || len(img.Damage) > 0 || !img.Clean {
		t.Errorf("the stream ends with %+v, clean %v, damage %v; want %+v", img.End, img.Clean, img.Damage, w.end)
	}
}

func TestMendCopiesWhatDiffers(t *testing.T) {
	f := faultfs.New(1)
	a, b := newStream(t, f, "/a"), newStream(t, f, "/b")
	w := &writer{t: t, streams: []*segment.Stream{a, b}}
	w.write(20, true)
	before := w.end
	w.write(20, true)
	path := "/b/segment-0000000000000002"
	good := f.Content(path)
	want := segment.Segment{Number: 2, Before: before, Last: w.end}
	for _, c := range []struct {
		name    string
		spoil   func()
		force   segment.Location
		written func(n int64) bool
	}{
		{"nothing", func() {}, segment.Location{Segment: 9}, func(n int64) bool { return n == 0 }},
		{"one frame", func() { f.Flip(path, 5000, 1) }, segment.Location{Segment: 9}, func(n int64) bool { return n == 128 }},
		{"everything is distrusted", func() {}, segment.Location{}, func(n int64) bool { return n > 20*128 }},
	} {
		c.spoil()
		n, err := b.Mend(want, segment.NewReader(testID, a), c.force)
		if err != nil || !c.written(n) || !bytes.Equal(f.Content(path), good) {
			t.Errorf("%s: %d bytes written, %v, equal %v", c.name, n, err, bytes.Equal(f.Content(path), good))
		}
	}
	f.Flip("/a/segment-0000000000000002", 5000, 1)
	f.Flip(path, 5000, 1)
	if _, err := b.Mend(want, segment.NewReader(testID, a), segment.Location{Segment: 9}); !errors.Is(err, segment.ErrDamaged) {
		t.Errorf("mend from a damaged zone: %v", err)
	}
}

func TestIndexFindsFrames(t *testing.T) {
	var x segment.Index
	if _, ok := x.Find(1); ok {
		t.Error("an empty index finds something")
	}
	at := func(pos txlog.Pos) segment.Location { // a frame a kilobyte, 100 a segment
		return segment.Location{Segment: uint64(pos)/100 + 1, Offset: segment.Start + int64(pos)%100*1000}
	}
	for pos := txlog.Pos(1); pos <= 1000; pos++ {
		x.Add(pos, at(pos))
	}
	for _, pos := range []txlog.Pos{1, 2, 50, 99, 100, 101, 999, 1000, 2000} {
		got, ok := x.Find(pos)
		want := at(min(pos, 1000))
		if !ok || want.Before(got) || got.Segment == want.Segment && want.Offset-got.Offset > 20000 {
			t.Errorf("position %v: %v, %v; it stands at %v", pos, got, ok, want)
		}
	}
	x.Trim(500)
	if got, ok := x.Find(500); !ok || at(500).Before(got) {
		t.Errorf("position 500 after a trim: %v, %v", got, ok)
	}
}

func TestIdentity(t *testing.T) {
	f := faultfs.New(1)
	if err := f.MkdirAll("/z"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := segment.ReadIdentity(f, "/z"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no identity: %v", err)
	}
	for _, state := range []segment.State{segment.New, segment.Used} {
		if err := segment.WriteIdentity(f, "/z", testID, state); err != nil {
			t.Fatal(err)
		}
		f.Crash()
		got, id, err := segment.ReadIdentity(f, "/z")
		if err != nil || id != testID || got.State != state {
			t.Errorf("identity %+v, %v, %v", got, id, err)
		}
	}
	f.Flip("/z/zone.json", 0, 0xff)
	if _, _, err := segment.ReadIdentity(f, "/z"); !errors.Is(err, segment.ErrDamaged) {
		t.Errorf("damaged identity: %v", err)
	}
}

func TestLocationOrder(t *testing.T) {
	order := []segment.Location{{}, {Segment: 1}, {Segment: 1, Offset: 5}, {Segment: 2}, {Segment: 2, Offset: 1}}
	for i, a := range order {
		for j, b := range order {
			if got := a.Before(b); got != (i < j) {
				t.Errorf("%v before %v: %v", a, b, got)
			}
		}
	}
	if got := fmt.Sprint(order[2]); got != "1+5" {
		t.Errorf("format: %s", got)
	}
}
