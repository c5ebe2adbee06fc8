package quorumlog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/faultfs"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// TestSimulatedCrashes runs logs on disks that lose, tear and reorder what was not synced, with faults of one zone at a time, and checks after each crash that what was acknowledged is
// there. MEMORYDB_SEEDS runs more seeds; a single one is run with -run 'TestSimulatedCrashes/seed_17$'.
func TestSimulatedCrashes(t *testing.T) {
	seeds := 100
	if testing.Short() {
		seeds = 50
	}
	if n, err := strconv.Atoi(os.Getenv("MEMORYDB_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			simulate(t, seed)
		})
	}
}

// sim is one log through several lives.
type sim struct {
	t      *testing.T
	rnd    *rand.Rand
	fs     *faultfs.FS
	cfg    quorumlog.Config
	victim int // the zone that faults happen to
	shards []*model
	sealed map[sealedAt]string
}

// sealedAt is what decides key and nonce of a record of a shard; no two different ciphertexts may have the same.
type sealedAt struct {
	shard      uint32
	generation uint32
	pos        txlog.Pos
}

// nonces looks at every record on the disks, also those that will be discarded.
func (s *sim) nonces() {
	for _, dir := range s.cfg.Dirs {
		_, id, err := segment.ReadIdentity(s.fs, dir)
		if err != nil {
			continue // wiped
		}
		st, err := segment.Open(segment.Config{FS: s.fs, Dir: dir, ID: id, SegmentBytes: s.cfg.SegmentBytes})
		if err != nil {
			s.t.Fatal(err)
		}
		img, err := st.Scan()
		if err != nil {
			s.t.Fatal(err)
		}
		var after *segment.Mark
		for r := segment.NewReader(id, st); ; {
			f, at, raw, ok, err := r.Next(after, segment.Location{Segment: img.First, Offset: segment.Start})
			if err != nil {
				s.t.Fatal(err)
			}
			if !ok {
				break
			}
			m := f.Mark(at)
			after = &m
			s.nonce(f, raw[segment.FrameHeader:segment.FrameHeader+int64(f.Length)])
		}
		_ = st.Close()
	}
}

func (s *sim) nonce(f segment.Frame, body []byte) {
	for len(body) > 0 {
		sec, rest, err := segment.DecodeSection(body)
		if err != nil {
			s.t.Fatal(err)
		}
		body = rest
		if sec.Kind != segment.Records {
			continue
		}
		for i, content := txlog.Pos(0), sec.Content; i < txlog.Pos(sec.Count); i++ {
			rec, rest, err := segment.DecodeRecord(content, sec.First+i)
			if err != nil {
				s.t.Fatal(err)
			}
			content = rest
			at := sealedAt{sec.Shard, f.Generation, sec.First + i}
			if before, ok := s.sealed[at]; ok && before != string(rec.Payload) && rec.Flags&segment.Sealed != 0 {
				s.t.Fatalf("two records were sealed with the same key and nonce: %+v", at)
			}
			s.sealed[at] = string(rec.Payload)
		}
	}
}

// model is what is known of one shard's log.
type model struct {
	id  string
	key []byte

	mu       sync.Mutex
	appended map[txlog.Pos]string // what was accepted at each position in the present life, and found after a crash
	acked    txlog.Pos            // newest position whose Wait has returned nil
	trimmed  txlog.Pos
}

func simulate(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	s := &sim{t: t, rnd: rnd, fs: faultfs.New(seed), victim: rnd.IntN(3), sealed: map[sealedAt]string{}}
	s.cfg = quorumlog.Config{
		Dirs: [3]string{"/z/a", "/z/b", "/z/c"}, FS: s.fs, Now: time.Now, SegmentBytes: 16<<10 + int64(rnd.IntN(3))*(24<<10),
		Watermark: -1, Retry: time.Millisecond, Flush: time.Millisecond,
	}
	if os.Getenv("MEMORYDB_SIMLOG") != "" {
		s.cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	for i := range 1 + rnd.IntN(3) {
		m := &model{id: fmt.Sprintf("shard-%d", i), appended: map[txlog.Pos]string{}}
		if rnd.IntN(2) == 0 {
			m.key = []byte(strings.Repeat(string(rune('a'+i)), 32))
		}
		s.shards = append(s.shards, m)
	}
	for range 2 + rnd.IntN(4) {
		s.life()
	}
	s.last()
}

// life opens the log, checks it, appends until the machine stops, and stops it.
func (s *sim) life() {
	steps := 20 + s.rnd.IntN(1500)
	if s.rnd.IntN(4) == 0 {
		steps = 1 + s.rnd.IntN(60) // while it is opened
	}
	s.faults(steps)
	q, err := quorumlog.Open(s.cfg)
	if err == nil {
		s.check(q)
		s.load(q)
		_ = q.Close() // the machine has stopped: it can't succeed
	}
	if s.rnd.IntN(4) == 0 {
		s.fs.Kill()
	} else {
		s.fs.Crash()
	}
	s.nonces()
	s.damage()
}

// faults has the machine stop after so many operations, and the victim's disk fail for a while before.
func (s *sim) faults(steps int) {
	var mu sync.Mutex
	n := 0
	from, to := s.rnd.IntN(2*steps), s.rnd.IntN(2*steps)
	kind := []faultfs.Op{faultfs.OpSync, faultfs.OpWrite, faultfs.OpSyncDir, faultfs.OpRename, ""}[s.rnd.IntN(5)]
	bad := s.cfg.Dirs[s.victim]
	eio := errors.New("input/output error")
	s.fs.Hook(func(op faultfs.Op, path string) error {
		mu.Lock()
		defer mu.Unlock()
		if op == faultfs.OpRead || op == faultfs.OpOpen {
			return nil
		}
		n++
		if n == steps {
			s.fs.Freeze()
		}
		if op == kind && n >= from && n < to && strings.HasPrefix(path, bad) {
			return eio
		}
		return nil
	})
}

// damage does something to the victim while the machine is off.
func (s *sim) damage() {
	dir := s.cfg.Dirs[s.victim]
	files := s.fs.Files(dir)
	if len(files) == 0 {
		return
	}
	switch s.rnd.IntN(8) {
	case 0:
		s.fs.Wipe(dir)
	case 1, 2:
		for range 1 + s.rnd.IntN(3) {
			path := files[s.rnd.IntN(len(files))]
			if n := len(s.fs.Content(path)); n > 0 && filepath.Base(path) != "zone.json" {
				s.fs.Flip(path, int64(s.rnd.IntN(n)), 1<<s.rnd.IntN(8))
			}
		}
	case 3:
		path := files[s.rnd.IntN(len(files))]
		if err := errors.Join(s.fs.Remove(path), s.fs.SyncDir(dir)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// check compares the log with the model, which then knows what was found.
func (s *sim) check(q *quorumlog.Quorum) {
	for _, m := range s.shards {
		l, err := q.Shard(m.id, quorumlog.Options{Key: m.key})
		if err != nil {
			s.t.Fatalf("open %s: %v", m.id, err)
		}
		tail := l.Durable()
		if tail < m.acked || l.Tail() != tail {
			s.t.Fatalf("%s: durable is %v and tail %v, acknowledged was %v", m.id, tail, l.Tail(), m.acked)
		}
		var c txlog.Chain
		for next := l.First(); next <= tail; {
			records, err := l.Read(context.Background(), next, 1<<20)
			if errors.Is(err, txlog.ErrClosed) || errors.Is(err, fs.ErrNotExist) || s.stopped(err) {
				break // the machine has stopped meanwhile
			}
			if err != nil || len(records) == 0 {
				s.t.Fatalf("%s: read from %v of %v: %d records, %v", m.id, next, tail, len(records), err)
			}
			for i, r := range records {
				if r.Pos != next || string(r.Payload) != m.appended[next] {
					s.t.Fatalf("%s: position %v holds %v, %.40q; %v, %.40q was appended", m.id, next, r.Pos, r.Payload, next, m.appended[next])
				}
				if want := c.Next(r.Pos, txlog.Entry{Kind: r.Kind, Epoch: r.Epoch, Engine: r.Engine, Payload: r.Payload}); (i > 0 || next == 1) && r.Chain != want {
					s.t.Fatalf("%s: chain breaks at %v", m.id, next)
				}
				c = r.Chain
				next++
			}
		}
		if first := l.First(); first > max(m.trimmed, 1) {
			s.t.Fatalf("%s: first is %v, trimmed was up to %v", m.id, first, m.trimmed)
		}
		m.acked = tail
		for pos := range m.appended {
			if pos > tail {
				delete(m.appended, pos)
			}
		}
		_ = l.Close()
	}
}

func (s *sim) stopped(err error) bool { return errors.Is(err, faultfs.ErrDead) }

// load appends from one goroutine a shard until appends fail.
func (s *sim) load(q *quorumlog.Quorum) {
	var all sync.WaitGroup
	for _, m := range s.shards {
		seed := s.rnd.Uint64()
		all.Go(func() { m.load(s.t, q, rand.New(rand.NewPCG(seed, 3))) })
	}
	all.Wait()
}

func (m *model) load(t *testing.T, q *quorumlog.Quorum, rnd *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	l, err := q.Shard(m.id, quorumlog.Options{Key: m.key})
	if err != nil {
		t.Errorf("open %s: %v", m.id, err)
		return
	}
	defer func() { _ = l.Close() }()
	for range 20 + rnd.IntN(200) {
		after := l.Tail()
		var entries []txlog.Entry
		for range 1 + rnd.IntN(3) {
			text := m.text(rnd)
			entries = append(entries, txlog.Entry{Kind: txlog.Data, Payload: []byte(text)})
		}
		m.mu.Lock()
		pos, err := l.Append(after, entries...)
		if err == nil {
			for i, e := range entries {
				m.appended[after+1+txlog.Pos(i)] = string(e.Payload)
			}
		}
		m.mu.Unlock()
		if err != nil {
			return // the machine has stopped, or two zones are away
		}
		if rnd.IntN(3) > 0 {
			if l.Wait(ctx, pos) != nil {
				return
			}
			m.acked = pos
		}
		if rnd.IntN(20) == 0 {
			before := txlog.Pos(rnd.Uint64N(uint64(m.acked) + 2))
			m.trimmed = max(m.trimmed, before)
			_ = l.Trim(before)
		}
		if ctx.Err() != nil {
			t.Errorf("%s: nothing moves", m.id)
			return
		}
	}
}

func (m *model) text(rnd *rand.Rand) string {
	id := fmt.Sprintf("%s %d ", m.id, rnd.Uint64())
	switch rnd.IntN(10) {
	case 0:
		return id + strings.Repeat("compressible ", rnd.IntN(400))
	case 1:
		noise := make([]byte, rnd.IntN(9000))
		for i := range noise {
			noise[i] = byte(rnd.Uint32())
		}
		return id + string(noise)
	}
	return id
}

// last opens the log without faults, waits until all zones are well, and compares them.
func (s *sim) last() {
	q, err := quorumlog.Open(s.cfg)
	if err != nil {
		s.t.Fatalf("open after the last crash: %v", err)
	}
	s.check(q)
	s.load(q)
	deadline := time.Now().Add(20 * time.Second)
	for st := q.Status(); st.Zones[s.victim].State != quorumlog.ZoneOK; st = q.Status() {
		if time.Now().After(deadline) {
			s.t.Fatalf("zone %s stays %s: %v", st.Zones[s.victim].Name, st.Zones[s.victim].State, st.Zones[s.victim].Err)
		}
		time.Sleep(time.Millisecond)
	}
	if err := q.Close(); err != nil {
		s.t.Fatalf("close: %v", err)
	}
	sameZones(s.t, s.cfg)
	q, err = quorumlog.Open(s.cfg)
	if err != nil {
		s.t.Fatalf("open once more: %v", err)
	}
	s.check(q)
	if err := q.Close(); err != nil {
		s.t.Fatalf("close once more: %v", err)
	}
}

// sameZones checks that all zones of a closed log are sound and hold the same.
func sameZones(t *testing.T, cfg quorumlog.Config) {
	t.Helper()
	var images []*segment.Image
	for _, dir := range cfg.Dirs {
		ident, id, err := segment.ReadIdentity(cfg.FS, dir)
		if err != nil || ident.State != segment.Used {
			t.Fatalf("identity of %s: %+v, %v", dir, ident, err)
		}
		s, err := segment.Open(segment.Config{FS: cfg.FS, Dir: dir, ID: id, SegmentBytes: cfg.SegmentBytes})
		if err != nil {
			t.Fatal(err)
		}
		img, err := s.Scan()
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
		if len(img.Damage) > 0 || !img.Clean {
			t.Errorf("%s: clean %v, damage %v", dir, img.Clean, img.Damage)
		}
		if !img.End.Same(images[0].End) || img.First != images[0].First || img.Newest != images[0].Newest {
			t.Errorf("%s ends with %+v (segments %d to %d), %s with %+v (segments %d to %d)",
				dir, img.End, img.First, img.Newest, cfg.Dirs[0], images[0].End, images[0].First, images[0].Newest)
		}
	}
}
