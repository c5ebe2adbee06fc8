package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/bucket"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/snapshot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

func (w *world) keeper(s *snapshot.Store, change func(*snapshot.KeeperConfig)) *snapshot.Keeper {
	cfg := snapshot.KeeperConfig{Store: s, Log: w.log, Shadow: w.shadow, Records: 100, Bytes: 1 << 20}
	if change != nil {
		change(&cfg)
	}
	return snapshot.NewKeeper(cfg)
}

func (w *world) list(s *snapshot.Store) []snapshot.Manifest {
	w.Helper()
	all, err := s.List(w.Context())
	w.must(err)
	return all
}

// write appends so many records.
func (w *world) write(n int) {
	w.Helper()
	for i := range n {
		w.do("SET", fmt.Sprint("key ", i%10), fmt.Sprint(w.log.Tail()))
	}
}

func TestKeeperTakesByRecords(t *testing.T) {
	w := newWorld(t) // the log has one record
	s := w.store(nil)
	k := w.keeper(s, nil)
	for range 99 {
		w.write(1)
		w.must(k.Step(t.Context()))
	}
	if all := w.list(s); len(all) != 0 || w.log.First() != 1 {
		t.Fatalf("%d snapshots after 100 records", len(all))
	}
	w.write(1)
	w.must(k.Step(t.Context()))
	all := w.list(s)
	if len(all) != 1 || all[0].Pos != 101 || !all[0].Scheduled || w.log.First() != 101 {
		t.Fatalf("after 101 records: %+v; the log begins at %v", all, w.log.First())
	}
	w.write(100)
	w.must(k.Step(t.Context()))
	if all = w.list(s); len(all) != 1 {
		t.Errorf("%d snapshots, the log is as far from the newest one as it may be", len(all))
	}
	w.write(1)
	again := w.keeper(s, nil) // as after a restart
	w.must(again.Step(t.Context()))
	if all = w.list(s); len(all) != 2 || all[1].Pos != 202 || w.log.First() != 202 {
		t.Errorf("after a restart: %+v; the log begins at %v", all, w.log.First())
	}
}

func TestKeeperTakesByBytes(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	k := w.keeper(s, func(c *snapshot.KeeperConfig) { c.Bytes = 1 << 20 })
	for range 10 { // a little less
		w.do("SET", "k", noise(100_000))
		w.must(k.Step(t.Context()))
	}
	if all := w.list(s); len(all) != 0 {
		t.Fatalf("%d snapshots after a million bytes", len(all))
	}
	w.do("SET", "k", noise(100_000))
	w.must(k.Step(t.Context()))
	if all := w.list(s); len(all) != 1 {
		t.Errorf("%d snapshots after 1.1 million bytes", len(all))
	}
}

// A large shard is not written anew each time that a small part of it has changed.
func TestKeeperHeedsTheSizeOfTheShard(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	for i := range 1000 {
		w.do("SET", fmt.Sprint("key:", i), "v")
	}
	k := w.keeper(s, nil)
	w.must(k.Step(t.Context()))
	for range 4 {
		w.write(100)
		w.must(k.Step(t.Context()))
	}
	if all := w.list(s); len(all) != 1 {
		t.Errorf("%d snapshots of 1000 keys after 400 records", len(all))
	}
	w.write(101)
	w.must(k.Step(t.Context()))
	if all := w.list(s); len(all) != 2 {
		t.Errorf("%d snapshots of 1000 keys after 501 records", len(all))
	}
}

func TestKeeperLeavesWhatOthersNeed(t *testing.T) {
	w := newWorld(t)
	floor := txlog.Pos(0)
	k := w.keeper(w.store(nil), func(c *snapshot.KeeperConfig) { c.Floor = func() txlog.Pos { return floor } })
	w.write(200)
	for _, tc := range []struct{ floor, first txlog.Pos }{{1, 1}, {50, 50}, {150, 150}, {0, 201}, {7, 201}} {
		floor = tc.floor
		w.must(k.Step(t.Context()))
		if got := w.log.First(); got != tc.first {
			t.Errorf("floor %v: the log begins at %v, want %v", tc.floor, got, tc.first)
		}
	}
}

// A snapshot that is damaged, or is not there any more, is no reason to trim.
func TestKeeperTrimsBehindVerifiedSnapshotsOnly(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	hold := txlog.Pos(1)
	k := w.keeper(s, func(c *snapshot.KeeperConfig) { c.Floor = func() txlog.Pos { return hold } })
	w.write(200)
	w.must(k.Step(t.Context()))
	hold = 0
	m := w.list(s)[0]
	file, err := os.ReadFile(w.path(m.File))
	w.must(err)
	manifest, err := os.ReadFile(w.manifestPath(m))
	w.must(err)
	for what, spoil := range map[string]func(){
		"no file":          func() { w.must(os.Remove(w.path(m.File))) },
		"a shorter file":   func() { w.must(os.WriteFile(w.path(m.File), file[1:], 0o600)) },
		"no manifest":      func() { w.must(os.Remove(w.manifestPath(m))) },
		"damaged manifest": func() { w.must(os.WriteFile(w.manifestPath(m), manifest[1:], 0o600)) },
	} {
		spoil()
		if err := k.Step(t.Context()); err == nil || w.log.First() != 1 {
			t.Errorf("%s: %v; the log begins at %v", what, err, w.log.First())
		}
		w.must(os.WriteFile(w.path(m.File), file, 0o600))
		w.must(os.WriteFile(w.manifestPath(m), manifest, 0o600))
		hold = 1
		w.must(k.Step(t.Context())) // knows it again
		hold = 0
	}
	w.must(k.Step(t.Context()))
	if w.log.First() != m.Pos {
		t.Errorf("the log begins at %v, want %v", w.log.First(), m.Pos)
	}
}

func TestKeeperWaitsAfterAFailure(t *testing.T) {
	w := newWorld(t)
	b := &unwilling{Bucket: w.bucket()}
	k := w.keeper(w.store(func(c *snapshot.Config) { c.Bucket = b }), func(c *snapshot.KeeperConfig) { c.Retry = time.Minute })
	w.write(200)
	want := 0
	for _, wait := range []time.Duration{0, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute} {
		w.now = w.now.Add(wait - time.Second)
		if wait > 0 {
			w.must(k.Step(t.Context()))
		}
		w.now = w.now.Add(time.Second)
		if err := k.Step(t.Context()); !errors.Is(err, errDied) {
			t.Errorf("after %v: %v", wait, err)
		}
		if want++; b.puts != want {
			t.Errorf("after %v: %d attempts, want %d", wait, b.puts, want)
		}
	}
	if w.log.First() != 1 {
		t.Error("the log was trimmed without a snapshot")
	}
}

// However fast the log grows, the Keeper rests four times as long as it has worked.
func TestKeeperRests(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	k := w.keeper(s, func(c *snapshot.KeeperConfig) {
		c.Shadow = func() snapshot.Shadow {
			w.now = w.now.Add(time.Minute) // so long does it take
			return w.shadow()
		}
	})
	for i, tc := range []struct {
		wait time.Duration
		want int
	}{{0, 1}, {4*time.Minute - time.Second, 1}, {time.Second, 2}, {0, 2}, {4 * time.Minute, 3}} {
		w.write(200)
		w.now = w.now.Add(tc.wait)
		w.must(k.Step(t.Context()))
		if all := w.list(s); len(all) != tc.want {
			t.Errorf("step %d: %d snapshots, want %d", i, len(all), tc.want)
		}
	}
}

func TestKeeperOfAnotherLogTouchesNothing(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	w.write(300)
	w.take(s)
	second := newWorld(t)
	second.dir = w.dir
	second.write(50)
	k := second.keeper(second.store(nil), func(c *snapshot.KeeperConfig) { c.Keep = snapshot.Retention{Count: 1, Age: time.Hour} })
	second.must(k.Step(t.Context()))
	if second.log.First() != 1 || len(w.list(s)) != 1 {
		t.Error("a log was trimmed behind the snapshot of another one")
	}
}

func TestTwoKeepersShareTheirSnapshots(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	a, b := w.keeper(s, nil), w.keeper(s, nil)
	w.must(a.Step(t.Context()))
	w.must(b.Step(t.Context()))
	w.write(200)
	w.must(a.Step(t.Context()))
	w.write(1)
	w.must(b.Step(t.Context()))
	if all := w.list(s); len(all) != 1 {
		t.Errorf("%d snapshots", len(all))
	}
}

func TestPrune(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	start := w.now
	source := w.source()
	for i := range 6 {
		w.now = start.Add(time.Duration(i) * time.Hour)
		w.write(1)
		source.Shadow, source.Scheduled = w.shadow(), i != 1
		_, err := s.Take(t.Context(), source)
		w.must(err)
	}
	for _, tc := range []struct {
		what string
		keep snapshot.Retention
		left []txlog.Pos
	}{
		{"no bounds", snapshot.Retention{}, []txlog.Pos{2, 3, 4, 5, 6, 7}},
		{"four, and the one that was not scheduled", snapshot.Retention{Count: 4}, []txlog.Pos{3, 4, 5, 6, 7}},
		{"two hours", snapshot.Retention{Age: 2*time.Hour + time.Minute}, []txlog.Pos{3, 5, 6, 7}},
		{"both bounds", snapshot.Retention{Count: 2, Age: time.Hour + time.Minute}, []txlog.Pos{3, 6, 7}},
		{"never the newest", snapshot.Retention{Age: time.Nanosecond}, []txlog.Pos{3, 7}},
	} {
		if tc.what == "never the newest" {
			w.now = w.now.Add(1000 * time.Hour)
		}
		if _, err := s.Prune(t.Context(), tc.keep); err != nil {
			t.Fatal(err)
		}
		all := w.list(s)
		var left []txlog.Pos
		for _, m := range all {
			left = append(left, m.Pos)
			w.must(s.Check(t.Context(), m))
		}
		if fmt.Sprint(left) != fmt.Sprint(tc.left) {
			t.Errorf("%s: left are %v, want %v", tc.what, left, tc.left)
		}
		if files := w.files(); len(files) != len(tc.left) {
			t.Errorf("%s: %d files are left of %d snapshots", tc.what, len(files), len(tc.left))
		}
	}
}

// Keys of every type survive taking, trimming and a new node, which has nothing but the snapshot and the tail.
func TestNodeFromATrimmedLog(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	w.fill()
	k := w.keeper(s, nil)
	w.must(k.Step(t.Context()))
	w.do("SET", "after", "the snapshot")
	if w.log.First() == 1 {
		t.Fatal("the log was not trimmed")
	}
	shadow := w.shadow()
	node := w.node(w.log, shadow)
	_, err := s.Install(t.Context(), w.log, node, shadow.Libraries)
	w.must(err)
	at, _ := node.Position()
	records, err := w.log.Read(t.Context(), at+1, 1<<20)
	w.must(err)
	w.must(node.Applier().Apply(records))
	node.View(func(db *keyspace.DB) {
		if db.Digest() != w.digest() {
			t.Error("the node has other keys")
		}
		if err := db.Check(); err != nil {
			t.Error(err)
		}
	})
	if node.Role() != shard.Loading {
		t.Errorf("role %v", node.Role())
	}
}

// unwilling is a Bucket whose uploads fail.
type unwilling struct {
	bucket.Bucket
	puts int
}

func (b *unwilling) Put(context.Context, string, io.Reader) (int64, error) {
	b.puts++
	return 0, errDied
}
