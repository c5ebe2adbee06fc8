package quorumlog_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/faultfs"
	"github.com/openmemorydb/memorydb/engine/txlog/logtest"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

var errDisk = errors.New("input/output error")

// disks steers the operations of some zones: it holds their syncs, or fails their operations.
type disks struct {
	mu     sync.Mutex
	zones  []string
	held   chan struct{} // closed to let syncs go on; nil when they are not held
	failed map[faultfs.Op]bool
	seen   map[string]int // syncs begun, by folder
}

func (d *disks) hook(op faultfs.Op, path string) error {
	d.mu.Lock()
	mine := false
	for _, dir := range d.zones {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			mine = true
			if op == faultfs.OpSync {
				d.seen[dir]++
			}
		}
	}
	held := d.held
	d.mu.Unlock()
	if mine && op == faultfs.OpSync && held != nil {
		<-held
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if mine && d.failed[op] {
		return errDisk
	}
	return nil
}

func (d *disks) hold() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := make(chan struct{})
	d.held = held
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.held == held {
			close(held)
			d.held = nil
		}
	}
}

// fail makes operations fail, also those that are held.
func (d *disks) fail(ops ...faultfs.Op) (mend func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed = map[faultfs.Op]bool{}
	for _, op := range ops {
		d.failed[op] = true
	}
	if d.held != nil {
		close(d.held)
		d.held = nil
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.failed = nil
	}
}

// simulated is a small log on simulated disks.
func simulated(seed uint64) (quorumlog.Config, *faultfs.FS) {
	fs := faultfs.New(seed)
	return quorumlog.Config{
		Dirs: [3]string{"/z/a", "/z/b", "/z/c"}, FS: fs, Now: time.Now, SegmentBytes: 256 << 10, Watermark: -1, Retry: time.Millisecond, Flush: time.Millisecond,
	}, fs
}

// steer lets a test steer some zones' disks.
func steer(fs *faultfs.FS, zones ...string) *disks {
	d := &disks{zones: zones, seen: map[string]int{}}
	fs.Hook(d.hook)
	return d
}

func TestConformanceOnSimulatedDisks(t *testing.T) {
	logtest.Run(t, func(t testing.TB) logtest.Backend {
		cfg, fs := simulated(1)
		d := steer(fs, "/z/b", "/z/c")
		q := open(t, cfg)
		return logtest.Backend{
			Shard: func(id string) (txlog.Log, error) { return (*q).Shard(id, quorumlog.Options{}) },
			Hold:  d.hold,
			Fail:  func() func() { return d.fail(faultfs.OpSync, faultfs.OpWrite) },
			Reopen: func(t testing.TB) {
				if err := (*q).Close(); err != nil {
					t.Fatal(err)
				}
				next, err := quorumlog.Open(cfg)
				if err != nil {
					t.Fatal(err)
				}
				*q = next
			},
		}
	})
}

// open opens a log that is closed with the test. The pointer may be given another one.
func open(t testing.TB, cfg quorumlog.Config) **quorumlog.Quorum {
	t.Helper()
	q, err := quorumlog.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return &q
}

func handle(t testing.TB, q *quorumlog.Quorum, id string) txlog.Log {
	t.Helper()
	l, err := q.Shard(id, quorumlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func data(text string) txlog.Entry { return txlog.Entry{Kind: txlog.Data, Payload: []byte(text)} }

// put appends texts and waits for each.
func put(t testing.TB, l txlog.Log, texts ...string) {
	t.Helper()
	for _, text := range texts {
		pos, err := l.Append(l.Tail(), data(text))
		if err == nil {
			err = l.Wait(context.Background(), pos)
		}
		if err != nil {
			t.Fatalf("put %q: %v", text, err)
		}
	}
}

// want checks that the log holds exactly these texts.
func want(t testing.TB, l txlog.Log, texts ...string) {
	t.Helper()
	var got []string
	for next := l.First(); ; {
		records, err := l.Read(context.Background(), next, 1<<20)
		if err != nil {
			t.Fatalf("read from %v: %v", next, err)
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			got = append(got, string(r.Payload))
		}
		next += txlog.Pos(len(records))
	}
	if strings.Join(got, "|") != strings.Join(texts, "|") {
		t.Fatalf("log holds %.200q, want %.200q", got, texts)
	}
}

// until waits for a condition that has no event.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

func allOK(q *quorumlog.Quorum) func() bool {
	return func() bool {
		for _, z := range q.Status().Zones {
			if z.State != quorumlog.ZoneOK || z.Behind > 0 {
				return false
			}
		}
		return true
	}
}

func TestNothingIsAcknowledgedBeforeTwoSyncs(t *testing.T) {
	cfg, fs := simulated(1)
	d := steer(fs, "/z/b", "/z/c")
	q := *open(t, cfg)
	l := handle(t, q, "s")
	put(t, l, "first")
	until(t, "all zones have it", allOK(q))
	before := fs.Syncs("/z/a")
	release := d.hold()
	pos, err := l.Append(1, data("second"))
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- l.Wait(context.Background(), pos) }()
	until(t, "zone a has synced, b and c are syncing", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return fs.Syncs("/z/a") > before && d.seen["/z/b"] > 0 && d.seen["/z/c"] > 0
	})
	select {
	case err := <-waited:
		t.Fatalf("wait has returned %v after one sync", err)
	default:
	}
	if l.Durable() != 1 {
		t.Fatalf("durable is %v after one sync", l.Durable())
	}
	release()
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
}

func TestAFailedSyncIsNeverTakenForASuccess(t *testing.T) {
	cfg, fs := simulated(3)
	d := steer(fs, "/z/b")
	q := *open(t, cfg)
	l := handle(t, q, "s")
	put(t, l, "one")
	mend := d.fail(faultfs.OpSync)
	put(t, l, "two")                            // by a and c
	until(t, "zone b has failed", func() bool { // its sync may still be under way when the others have theirs
		st := q.Status().Zones[1]
		return st.State != quorumlog.ZoneOK && errors.Is(st.Err, errDisk)
	})
	put(t, l, "three")
	mend() // what b has of "two" is in its page cache only
	until(t, "zone b is repaired", allOK(q))
	fs.Freeze()
	_ = q.Close()
	fs.Crash()
	fs.Wipe("/z/a") // so b and c are what is left
	fs.Wipe("/z/c")
	_, err := quorumlog.Open(cfg)
	if !errors.Is(err, txlog.ErrUnavailable) {
		t.Fatalf("open with one zone: %v", err)
	}
	s, img := scan(t, cfg, "/z/b")
	if len(img.Damage) > 0 || img.End.Sequence < 4 {
		t.Errorf("zone b ends with frame %d, damage %v: what a sync had failed for was not written again", img.End.Sequence, img.Damage)
	}
	_ = s.Close()
}

// scan reads one zone's files.
func scan(t testing.TB, cfg quorumlog.Config, dir string) (*segment.Stream, *segment.Image) {
	t.Helper()
	_, id, err := segment.ReadIdentity(cfg.FS, dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := segment.Open(segment.Config{FS: cfg.FS, Dir: dir, ID: id, SegmentBytes: cfg.SegmentBytes})
	if err != nil {
		t.Fatal(err)
	}
	img, err := s.Scan()
	if err != nil {
		t.Fatal(err)
	}
	return s, img
}

func TestManyWaitersShareSyncs(t *testing.T) {
	cfg, fs := simulated(1)
	d := steer(fs, "/z/b", "/z/c")
	q := *open(t, cfg)
	l := handle(t, q, "s")
	put(t, l, "first")
	until(t, "all zones have it", allOK(q))
	before := q.Status()
	release := d.hold()
	const n = 200
	var turn sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			turn.Lock()
			pos, err := l.Append(l.Tail(), data("x"))
			turn.Unlock()
			if err == nil {
				err = l.Wait(context.Background(), pos)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	until(t, "all have appended", func() bool { return l.Tail() == n+1 })
	release()
	all.Wait()
	until(t, "all zones have all", allOK(q))
	st := q.Status()
	if commits, syncs := st.Commits-before.Commits, st.Syncs-before.Syncs; commits > 3 || syncs > 3*commits {
		t.Errorf("%d waiters took %d commits and %d syncs", n, commits, syncs)
	}
	if st.Records-before.Records != n {
		t.Errorf("%d records were counted, want %d", st.Records-before.Records, n)
	}
}

func TestAnIdleLogDoesNotSync(t *testing.T) {
	cfg, fs := simulated(1)
	q := *open(t, cfg)
	l := handle(t, q, "s")
	put(t, l, "one")
	until(t, "all zones have it", allOK(q))
	var mu sync.Mutex
	var ops []string
	fs.Hook(func(op faultfs.Op, path string) error {
		mu.Lock()
		defer mu.Unlock()
		ops = append(ops, string(op)+" "+path)
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond) // many times Flush and Retry
	defer cancel()
	if err := l.Wait(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ops) > 0 {
		t.Errorf("an idle log did %v", ops)
	}
}

func TestTwoFailedZonesStopWritesAndLoseNothing(t *testing.T) {
	for _, op := range []faultfs.Op{faultfs.OpSync, faultfs.OpWrite} {
		t.Run(string(op), func(t *testing.T) {
			cfg, fs := simulated(5)
			d := steer(fs, "/z/a", "/z/c")
			q := *open(t, cfg)
			l := handle(t, q, "s")
			put(t, l, "one", "two")
			mend := d.fail(op)
			pos, err := l.Append(2, data("three"))
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Wait(context.Background(), pos); !errors.Is(err, txlog.ErrUnknown) {
				t.Fatalf("wait: %v", err)
			}
			if _, err := l.Append(pos, data("four")); !errors.Is(err, txlog.ErrUnavailable) {
				t.Fatalf("append: %v", err)
			}
			if st := q.Status(); !errors.Is(st.Err, txlog.ErrUnavailable) || st.Zones[0].Err == nil || st.Zones[2].Err == nil {
				t.Errorf("status: %+v", st)
			}
			want(t, l, "one", "two")
			mend()
			until(t, "the log is writable", func() bool { return l.Writable() == nil })
			want(t, l, "one", "two", "three")
			put(t, l, "four")
			until(t, "all zones are well", allOK(q))
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			sameZones(t, cfg)
		})
	}
}

func TestAZoneThatHangsIsLeftBehind(t *testing.T) {
	cfg, fs := simulated(1)
	cfg.LagBytes = 64 << 10
	d := steer(fs, "/z/c")
	q := *open(t, cfg)
	l := handle(t, q, "s")
	put(t, l, "one")
	release := d.hold()
	defer release()
	texts := []string{"one"}
	for q.Status().Zones[2].State == quorumlog.ZoneOK {
		texts = append(texts, strings.Repeat("x", 400))
		put(t, l, texts[len(texts)-1])
		if len(texts) > 1000 {
			t.Fatal("zone c is never given up")
		}
	}
	if st := q.Status().Zones[2]; st.Err == nil || st.Behind == 0 {
		t.Errorf("status of zone c: %+v", st)
	}
	release()
	until(t, "zone c has caught up", allOK(q))
	want(t, l, texts...)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	sameZones(t, cfg)
}

func TestHangingDisksBoundTheBacklog(t *testing.T) {
	cfg, fs := simulated(1)
	cfg.BacklogBytes = 64 << 10
	d := steer(fs, "/z/b", "/z/c")
	q := *open(t, cfg)
	l := handle(t, q, "s")
	put(t, l, "one")
	release := d.hold()
	n := txlog.Pos(1)
	for l.Writable() == nil {
		if _, err := l.Append(n, data(strings.Repeat("x", 400))); err != nil {
			t.Fatal(err)
		}
		if n++; n > 1000 {
			t.Fatal("appends are never refused")
		}
	}
	if _, err := l.Append(n, data("refused")); !errors.Is(err, txlog.ErrUnavailable) || l.Tail() != n {
		t.Fatalf("append: %v, tail is %v, want %v", err, l.Tail(), n)
	}
	release()
	if err := l.Wait(context.Background(), n); err != nil {
		t.Fatal(err)
	}
	put(t, l, "taken")
}

func TestAFullDiskRefusesAppendsInTime(t *testing.T) {
	cfg, fs := simulated(1)
	cfg.Watermark = 1 << 20
	var mu sync.Mutex
	now := time.Unix(1, 0)
	cfg.Now = func() time.Time { // each reading is a second later, so what is known of the disk is always too old
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
	q := *open(t, cfg)
	l := handle(t, q, "s")
	put(t, l, "one")
	fs.SetFree("/z/b", 1<<20-1)
	put(t, l, "two", "three") // two zones have space
	if err := l.Writable(); err != nil {
		t.Fatalf("one full disk: %v", err)
	}
	fs.SetFree("/z/a", 0)
	put(t, l, "four")
	until(t, "appends are refused", func() bool { return errors.Is(l.Writable(), txlog.ErrFull) })
	if _, err := l.Append(4, data("refused")); !errors.Is(err, txlog.ErrFull) || l.Tail() != 4 {
		t.Fatalf("append on a full disk: %v, tail is %v", err, l.Tail())
	}
	want(t, l, "one", "two", "three", "four")
	fs.SetFree("/z/a", 1<<30)
	until(t, "appends are taken", func() bool { return l.Writable() == nil })
	put(t, l, "five")
}

func TestDamageThatAReadFindsIsMended(t *testing.T) {
	cfg, fs := simulated(1)
	cfg.SegmentBytes = 32 << 10
	var log bytes.Buffer
	var mu sync.Mutex
	cfg.Logger = slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, nil))
	q := *open(t, cfg)
	l := handle(t, q, "s")
	var texts []string
	for range 100 {
		texts = append(texts, strings.Repeat("y", 450))
	}
	put(t, l, texts...)
	until(t, "all zones have it", allOK(q))
	path := firstSegment(fs, "/z/a")
	good := fs.Content(path)
	for _, at := range []int64{5000, 9000, 9001, 12000} {
		fs.Flip(path, at, 0x10)
	}
	want(t, l, texts...)
	until(t, "the file is mended", func() bool { return bytes.Equal(fs.Content(path), good) })
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(log.String(), "zone of the log is damaged") {
		t.Errorf("the log says %q", log.String())
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (w lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(b)
}
