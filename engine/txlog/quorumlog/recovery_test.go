package quorumlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/faultfs"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// kill ends the process: the page caches stay.
func kill(q *quorumlog.Quorum, fs *faultfs.FS) {
	fs.Freeze()
	_ = q.Close()
	fs.Kill()
}

// end is where a zone's stream ends, as a segment's path and the offset behind the last frame.
func end(t *testing.T, cfg quorumlog.Config, dir string) (path string, at segment.Mark) {
	t.Helper()
	s, img := scan(t, cfg, dir)
	_ = s.Close()
	return fmt.Sprintf("%s/segment-%016x", dir, img.End.End.Segment), img.End
}

func TestABatchThatOneZoneHasIsKeptUnlessTheOthersAreSound(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, cfg quorumlog.Config, fs *faultfs.FS)
		kept   bool
	}{
		{"all zones sound", func(*testing.T, quorumlog.Config, *faultfs.FS) {}, false},
		{"another zone lost", func(_ *testing.T, _ quorumlog.Config, fs *faultfs.FS) { fs.Wipe("/z/b") }, true},
		{"another zone's tail torn", func(t *testing.T, cfg quorumlog.Config, fs *faultfs.FS) {
			path, at := end(t, cfg, "/z/c")
			fs.Flip(path, at.End.Offset, 1)
		}, true},
		{"another zone damaged in the middle", func(_ *testing.T, _ quorumlog.Config, fs *faultfs.FS) {
			fs.Flip(firstSegment(fs, "/z/b"), segment.Start+100, 1)
		}, true},
		{"another zone's newest frame damaged", func(t *testing.T, cfg quorumlog.Config, fs *faultfs.FS) {
			path, at := end(t, cfg, "/z/b")
			fs.Flip(path, at.At.Offset+60, 1)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, fs := simulated(1)
			d := steer(fs, "/z/b", "/z/c")
			q := *open(t, cfg)
			l := handle(t, q, "s")
			put(t, l, "one", "two")
			until(t, "all zones have it", allOK(q))
			d.fail(faultfs.OpWrite)
			if _, err := l.Append(2, data("three")); err != nil {
				t.Fatal(err)
			}
			if err := l.Wait(context.Background(), 3); !errors.Is(err, txlog.ErrUnknown) {
				t.Fatalf("wait: %v", err)
			}
			until(t, "zone a has it", func() bool { _, at := end(t, cfg, "/z/a"); return at.Sequence == 4 })
			kill(q, fs)
			c.damage(t, cfg, fs)
			q = *open(t, cfg)
			l = handle(t, q, "s")
			if c.kept {
				want(t, l, "one", "two", "three")
				put(t, l, "four")
				want(t, l, "one", "two", "three", "four")
			} else {
				want(t, l, "one", "two")
				put(t, l, "another three")
				want(t, l, "one", "two", "another three")
			}
			until(t, "all zones are well", allOK(q))
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			sameZones(t, cfg)
		})
	}
}

// firstSegment is the path of a zone's first segment.
func firstSegment(fs *faultfs.FS, dir string) string { return fs.Files(dir)[0] }

// snapshot is the contents of the log's files.
func snapshot(cfg quorumlog.Config, fs *faultfs.FS) string {
	var b strings.Builder
	for _, dir := range cfg.Dirs {
		for _, path := range fs.Files(dir) {
			fmt.Fprintf(&b, "%s %x\n", path, fs.Content(path))
		}
	}
	return b.String()
}

func TestLostZones(t *testing.T) {
	var texts []string
	for i := range 40 {
		texts = append(texts, fmt.Sprintf("%d %s", i, strings.Repeat("z", 300)))
	}
	for _, c := range []struct {
		name string
		lose []string
		err  error
	}{
		{"none", nil, nil},
		{"the first", []string{"/z/a"}, nil},
		{"the last", []string{"/z/c"}, nil},
		{"two", []string{"/z/a", "/z/b"}, txlog.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, fs := simulated(1)
			cfg.SegmentBytes = 24 << 10
			q := *open(t, cfg)
			put(t, handle(t, q, "s"), texts...)
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			for _, dir := range c.lose {
				fs.Wipe(dir)
			}
			before := snapshot(cfg, fs)
			next, err := quorumlog.Open(cfg)
			if !errors.Is(err, c.err) {
				t.Fatalf("open: %v, want %v", err, c.err)
			}
			if err != nil {
				if after := snapshot(cfg, fs); after != before {
					t.Error("an opening that failed has changed files")
				}
				if !strings.Contains(err.Error(), "/z/a") || !strings.Contains(err.Error(), "/z/b") {
					t.Errorf("the error does not name the zones: %v", err)
				}
				return
			}
			defer func() { _ = next.Close() }()
			want(t, handle(t, next, "s"), texts...)
			put(t, handle(t, next, "s"), "more")
			until(t, "all zones are well", allOK(next))
			if err := next.Close(); err != nil {
				t.Fatal(err)
			}
			sameZones(t, cfg)
		})
	}
}

func TestDamageInTwoZonesAtDifferentPlacesIsSurvived(t *testing.T) {
	cfg, fs := simulated(1)
	q := *open(t, cfg)
	var texts []string
	for i := range 40 {
		texts = append(texts, fmt.Sprintf("%d %s", i, strings.Repeat("z", 300)))
	}
	put(t, handle(t, q, "s"), texts...)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	fs.Flip(firstSegment(fs, "/z/a"), 6000, 1)
	fs.Flip(firstSegment(fs, "/z/b"), 9000, 1)
	fs.Flip(firstSegment(fs, "/z/c"), 12000, 1)
	q = *open(t, cfg)
	want(t, handle(t, q, "s"), texts...)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	sameZones(t, cfg)
}

func TestDamageInAllZonesAtOnePlaceIsSaidAndDestroysNothing(t *testing.T) {
	cfg, fs := simulated(1)
	q := *open(t, cfg)
	put(t, handle(t, q, "s"), "one", "two", "three")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range cfg.Dirs {
		fs.Flip(firstSegment(fs, dir), segment.Start+200, 1)
	}
	before := snapshot(cfg, fs)
	if _, err := quorumlog.Open(cfg); !errors.Is(err, txlog.ErrCorrupt) {
		t.Fatalf("open: %v", err)
	}
	if snapshot(cfg, fs) != before {
		t.Error("an opening that failed has changed files")
	}
}

func TestAZoneOfAnotherLogIsLeftAlone(t *testing.T) {
	cfg, fs := simulated(1)
	other := cfg
	other.Dirs = [3]string{"/o/a", "/o/b", "/o/c"}
	for _, c := range []quorumlog.Config{cfg, other} {
		q := *open(t, c)
		put(t, handle(t, q, "s"), "of "+c.Dirs[0])
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	mixed := cfg
	mixed.Dirs[2] = "/o/c"
	before := fmt.Sprintf("%x", fs.Content(firstSegment(fs, "/o/c")))
	q := *open(t, mixed)
	want(t, handle(t, q, "s"), "of /z/a")
	put(t, handle(t, q, "s"), "two")
	if st := q.Status().Zones[2]; !errors.Is(st.Err, segment.ErrForeign) {
		t.Errorf("zone c: %+v", st)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%x", fs.Content(firstSegment(fs, "/o/c"))) != before {
		t.Error("the other log's zone was changed")
	}
}

func TestALockedFolder(t *testing.T) {
	cfg := config(t.TempDir())
	open(t, cfg)
	_, err := quorumlog.Open(cfg)
	text := fmt.Sprintf("%s is used by another process (pid %d)", cfg.Dirs[0], os.Getpid())
	if !errors.Is(err, segment.ErrLocked) || !strings.Contains(err.Error(), text) {
		t.Errorf("open: %v, want %q", err, text)
	}
}

func TestBadConfig(t *testing.T) {
	good := config(t.TempDir())
	for _, c := range []struct {
		name string
		bad  func(c *quorumlog.Config)
		text string
	}{
		{"no clock", func(c *quorumlog.Config) { c.Now = nil }, "Now"},
		{"no folder", func(c *quorumlog.Config) { c.Dirs[1] = "" }, "Dirs[1]"},
		{"a folder twice", func(c *quorumlog.Config) { c.Dirs[2] = c.Dirs[0] + "/" }, "two zones"},
		{"tiny segments", func(c *quorumlog.Config) { c.SegmentBytes = 100 }, "SegmentBytes"},
	} {
		cfg := good
		c.bad(&cfg)
		if _, err := quorumlog.Open(cfg); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := good
	cfg.Dirs[0], cfg.Dirs[1] = filepath.Join(file, "a"), filepath.Join(file, "b")
	if _, err := quorumlog.Open(cfg); !errors.Is(err, txlog.ErrUnavailable) || !strings.Contains(err.Error(), file) {
		t.Errorf("folders under a file: %v", err)
	}
}

func TestDropForgetsAShard(t *testing.T) {
	cfg, fs := simulated(1)
	q := *open(t, cfg)
	a, b := handle(t, q, "a"), handle(t, q, "b")
	put(t, a, "a1", "a2")
	put(t, b, "b1")
	if err := q.Drop("a"); err != nil {
		t.Fatal(err)
	}
	if err := q.Drop("nobody"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Append(2, data("a3")); !errors.Is(err, txlog.ErrClosed) {
		t.Errorf("append to a dropped shard: %v", err)
	}
	again := handle(t, q, "a")
	if again.Tail() != 0 {
		t.Fatalf("tail of the shard made anew is %v", again.Tail())
	}
	put(t, again, "A1")
	fs.Freeze()
	_ = q.Close()
	fs.Crash()
	q = *open(t, cfg)
	want(t, handle(t, q, "a"), "A1")
	want(t, handle(t, q, "b"), "b1")
	if err := q.Drop("a"); err != nil {
		t.Fatal(err)
	}
	fs.Freeze()
	_ = q.Close()
	fs.Crash()
	q = *open(t, cfg)
	if l := handle(t, q, "a"); l.Tail() != 0 {
		t.Errorf("a dropped shard came back with tail %v", l.Tail())
	}
}

func TestSegmentsAreRemovedOnceTrimmed(t *testing.T) {
	cfg, fs := simulated(1)
	cfg.SegmentBytes = 24 << 10
	q := *open(t, cfg)
	a, b := handle(t, q, "a"), handle(t, q, "b")
	put(t, b, "b1")
	for i := range 200 {
		put(t, a, fmt.Sprintf("%d %s", i, strings.Repeat("q", 400)))
	}
	if q.Status().Segments < 4 {
		t.Fatalf("%d segments", q.Status().Segments)
	}
	if err := a.Trim(200); err != nil {
		t.Fatal(err)
	}
	put(t, a, "next")
	if n := q.Status().Segments; n < 4 {
		t.Fatalf("%d segments are left, although shard b needs the first", n)
	}
	if err := b.Trim(2); err != nil {
		t.Fatal(err)
	}
	put(t, a, "after")
	until(t, "segments are removed in all zones", func() bool {
		for _, dir := range cfg.Dirs {
			n := 0
			for _, path := range fs.Files(dir) {
				if segment.IsSegment(filepath.Base(path)) {
					n++
				}
			}
			if n > 2 {
				return false
			}
		}
		return true
	})
	fs.Freeze()
	_ = q.Close()
	fs.Crash()
	q = *open(t, cfg)
	a, b = handle(t, q, "a"), handle(t, q, "b")
	if a.First() != 200 || a.Tail() != 202 || b.First() != 2 || b.Tail() != 1 {
		t.Errorf("after the crash: a from %v to %v, b from %v to %v", a.First(), a.Tail(), b.First(), b.Tail())
	}
	put(t, b, "b2")
	want(t, b, "b2")
}

func TestRecordsLargerThanASegment(t *testing.T) {
	cfg, fs := simulated(1)
	cfg.SegmentBytes = 24 << 10
	q := *open(t, cfg)
	l := handle(t, q, "s")
	noise := make([]byte, 300<<10)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	texts := []string{"small", string(noise), "small too", string(noise[:100<<10])}
	put(t, l, texts...)
	want(t, l, texts...)
	fs.Freeze()
	_ = q.Close()
	fs.Crash()
	q = *open(t, cfg)
	want(t, handle(t, q, "s"), texts...)
}

func TestKeys(t *testing.T) {
	cfg, fs := simulated(1)
	q := *open(t, cfg)
	key, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	if _, err := q.Shard("s", quorumlog.Options{Key: key[:16]}); !errors.Is(err, quorumlog.ErrKey) {
		t.Errorf("short key: %v", err)
	}
	l, err := q.Shard("s", quorumlog.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Repeat("the secret text ", 100)
	put(t, l, secret, "short secret")
	want(t, l, secret, "short secret")
	if _, err := q.Shard("s", quorumlog.Options{}); !errors.Is(err, quorumlog.ErrKey) {
		t.Errorf("second handle without the key: %v", err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range cfg.Dirs {
		for _, path := range fs.Files(dir) {
			if bytes.Contains(fs.Content(path), []byte("secret")) {
				t.Errorf("%s holds the plain text", path)
			}
		}
	}
	for _, wrong := range [][]byte{nil, other} {
		q = *open(t, cfg)
		l, err := q.Shard("s", quorumlog.Options{Key: wrong})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Read(context.Background(), 1, 1<<20); !errors.Is(err, quorumlog.ErrKey) {
			t.Errorf("read with the wrong key: %v", err)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	q = *open(t, cfg)
	if l, err = q.Shard("s", quorumlog.Options{Key: key}); err != nil {
		t.Fatal(err)
	}
	want(t, l, secret, "short secret")
}

func TestCompression(t *testing.T) {
	cfg, _ := simulated(1)
	q := *open(t, cfg)
	l := handle(t, q, "s")
	before := q.Status().Bytes
	text := strings.Repeat("compressible ", 10000)
	put(t, l, text)
	if n := q.Status().Bytes - before; n > uint64(len(text)/10) {
		t.Errorf("%d bytes took %d", len(text), n)
	}
	want(t, l, text)
}

// What an opening finds after the end of a process may be in the page cache only. Once it was shown to anybody, it must survive the loss of power as well.
func TestWhatAnOpeningFindsIsOnDisk(t *testing.T) {
	for _, op := range []faultfs.Op{faultfs.OpSync, faultfs.OpSyncDir} {
		t.Run(string(op), func(t *testing.T) {
			for seed := range uint64(12) {
				cfg, fs := simulated(seed)
				cfg.SegmentBytes = 16 << 10
				d := steer(fs, "/z/b", "/z/c")
				q := *open(t, cfg)
				l := handle(t, q, "s")
				put(t, l, "one", "two")
				until(t, "all zones have it", allOK(q))
				d.fail(op)
				text := strings.Repeat("begins a segment ", 100)
				for pos, tries := txlog.Pos(2), 0; q.Status().Zones[1].Err == nil || q.Status().Zones[2].Err == nil; {
					if tries++; tries > 200 {
						t.Fatalf("zones do not fail: %+v", q.Status())
					}
					noise := make([]byte, 3000)
					for i := range noise {
						noise[i] = byte(uint64(i*i) >> (seed % 7))
					}
					next, err := l.Append(pos, data(text+string(noise)))
					if err != nil {
						break
					}
					_ = l.Wait(context.Background(), next)
					pos = next
				}
				kill(q, fs)
				q = *open(t, cfg)
				l = handle(t, q, "s")
				found := l.Durable()
				if found < 3 {
					t.Fatalf("seed %d: durable is %v", seed, found)
				}
				until(t, "all zones are well", allOK(q))
				fs.Freeze()
				_ = q.Close()
				fs.Crash()
				fs.Wipe("/z/a")
				q = *open(t, cfg)
				if l = handle(t, q, "s"); l.Durable() < found {
					t.Fatalf("seed %d: durable is %v, an opening has found %v", seed, l.Durable(), found)
				}
			}
		})
	}
}
