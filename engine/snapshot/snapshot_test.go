package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/engine/bucket"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/rdb"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/snapshot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

func TestTakeAndRestore(t *testing.T) {
	for what, sealed := range map[string]bool{"plain": false, "sealed": true} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			s := w.store(func(c *snapshot.Config) {
				if !sealed {
					c.Key = nil
				}
			})
			empty := w.take(s)
			if empty.Keys != 0 || empty.Pos != 1 || empty.Leader != "writer" || empty.Epoch != 1 || empty.Sealed() != sealed {
				t.Errorf("of the empty shard: %+v", empty)
			}
			w.fill()
			m := w.take(s)
			if again := w.take(s); again.File != m.File {
				t.Errorf("nothing was written, and there is another snapshot: %+v", again)
			}
			digest, libraries, err := w.restore(s, m)
			if err != nil || digest != w.digest() || uint64(m.Digest) != digest || !slices.Equal(libraries, []string{library}) {
				t.Errorf("restored digest %x, libraries %q, %v; want %x", digest, libraries, err, w.digest())
			}
			all, err := s.List(t.Context())
			if err != nil || len(all) != 2 || all[0].Pos != empty.Pos || all[1].Pos != m.Pos {
				t.Errorf("list: %+v, %v", all, err)
			}
			// The next one is made from that one and the log behind it.
			w.must(w.log.Trim(m.Pos))
			w.do("SET", "later", "on")
			next := w.take(s)
			newest, err := s.Newest(t.Context())
			if err != nil || newest.File != next.File || uint64(next.Digest) != w.digest() || next.Pos != w.log.Durable() {
				t.Errorf("newest: %+v, %v", newest, err)
			}
			w.must(s.Delete(t.Context(), next))
			if newest, err = s.Newest(t.Context()); err != nil || newest.File != m.File {
				t.Errorf("newest after the newest was deleted: %+v, %v", newest, err)
			}
			data, err := os.ReadFile(w.path(m.File))
			w.must(err)
			if got := bytes.Contains(data, []byte("binary\x00\xff")); got == sealed {
				t.Errorf("a key is in the file: %v", got)
			}
		})
	}
}

func TestSizesAtTheEdgesOfChunks(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	w.do("SET", "k", "")
	overhead := w.take(s).PlainBytes
	for _, chunks := range []int64{1, 2} {
		for _, d := range []int64{-1, 0, 1} {
			n := chunks*64<<10 + d - overhead
			text := make([]byte, n) // does not compress
			for i := range text {
				text[i] = byte(i * i >> 3 * (i>>8 + 77) >> 1 & 0xff)
			}
			w.do("SET", "k", string(text))
			m := w.take(s)
			if digest, _, err := w.restore(s, m); err != nil || digest != w.digest() {
				t.Errorf("%d plain bytes: digest %x, %v", m.PlainBytes, digest, err)
			}
		}
	}
}

// A node is brought to the newest snapshot, and goes on with the log.
func TestInstall(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	node := w.node(w.log, w.shadow())
	if _, err := s.Install(t.Context(), w.log, node, w.libs); !errors.Is(err, snapshot.ErrNone) {
		t.Errorf("without snapshots: %v", err)
	}
	w.fill()
	w.take(s)
	w.do("SET", "more", "x")
	m := w.take(s)
	w.do("SET", "last", "x")
	got, err := s.Install(t.Context(), w.log, node, w.shadow().Libraries)
	if err != nil || got.File != m.File {
		t.Fatalf("installed %+v, %v", got, err)
	}
	if at, chain := node.Position(); at != m.Pos || chain != txlog.Chain(m.Chain) {
		t.Errorf("position %v, chain %x", at, chain)
	}
	if leader, epoch := node.Leader(); leader != "writer" || epoch != 1 {
		t.Errorf("leader %s of epoch %d", leader, epoch)
	}
	records, err := w.log.Read(t.Context(), m.Pos+1, 1<<20)
	w.must(err)
	w.must(node.Applier().Apply(records))
	node.View(func(db *keyspace.DB) {
		if db.Digest() != w.digest() {
			t.Error("the node has other keys than the primary")
		}
	})
	if _, err := s.Install(t.Context(), w.log, node, w.libs); !errors.Is(err, snapshot.ErrNone) {
		t.Errorf("a node was brought back: %v", err)
	}
	node.Follow()
	if err := node.Install(node.Blank(), m.Pos+100, 0, 1, "x"); err == nil {
		t.Error("a node that serves took a snapshot")
	}
}

// flips are changes of a file that must be noticed.
func flips(size int) map[string]func([]byte) []byte {
	changes := map[string]func([]byte) []byte{
		"cut by a byte": func(d []byte) []byte { return d[:len(d)-1] },
		"cut by half":   func(d []byte) []byte { return d[:len(d)/2] },
		"emptied":       func([]byte) []byte { return nil },
		"longer":        func(d []byte) []byte { return append(d, 0) },
		"doubled":       func(d []byte) []byte { return append(d, d...) },
	}
	for i := 0; i < size; i += max(1, size/60) {
		changes[fmt.Sprintf("bit flipped at %d", i)] = func(d []byte) []byte {
			d[i] ^= 1 << (i % 8)
			return d
		}
	}
	if chunk := 64<<10 + 16; size > 2*chunk {
		changes["cut at a chunk"] = func(d []byte) []byte { return d[:chunk] }
		changes["chunks in another order"] = func(d []byte) []byte { return slices.Concat(d[chunk:2*chunk], d[:chunk], d[2*chunk:]) }
		changes["a chunk twice"] = func(d []byte) []byte { return slices.Concat(d[:chunk], d) }
	}
	return changes
}

func TestDamagedFilesAreNoticed(t *testing.T) {
	for what, k := range map[string][]byte{"plain": nil, "sealed": key} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			s := w.store(func(c *snapshot.Config) { c.Key = k })
			w.fill()
			for i := range 3 {
				w.do("SETRANGE", fmt.Sprint("long", i), "60000", fmt.Sprint(i)) // more than one chunk
				w.do("SET", fmt.Sprint("noise", i), noise(60000))
			}
			m := w.take(s)
			whole, err := os.ReadFile(w.path(m.File))
			w.must(err)
			for name, change := range flips(len(whole)) {
				w.must(os.WriteFile(w.path(m.File), change(slices.Clone(whole)), 0o600))
				_, _, err := w.restore(s, m)
				var damage *snapshot.DamagedError
				if !errors.As(err, &damage) || !errors.Is(err, snapshot.ErrDamaged) || damage.Object != m.File || damage.Offset > m.PlainBytes {
					t.Errorf("%s: %v", name, err)
				}
			}
			w.must(os.Remove(w.path(m.File)))
			if _, _, err := w.restore(s, m); !errors.Is(err, bucket.ErrNotFound) {
				t.Errorf("missing: %v", err)
			}
		})
	}
}

// noise is text that does not compress.
func noise(n int) string {
	var b strings.Builder
	x := uint64(88172645463325252)
	for b.Len() < n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b.WriteByte(byte(x >> 20))
	}
	return b.String()
}

func TestDamagedManifestsAreNoticed(t *testing.T) {
	for what, k := range map[string][]byte{"plain": nil, "sealed": key} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			s := w.store(func(c *snapshot.Config) { c.Key = k })
			older := w.take(s)
			w.fill()
			m := w.take(s)
			path := w.manifestPath(m)
			whole, err := os.ReadFile(path)
			w.must(err)
			for i := range whole {
				bad := slices.Clone(whole)
				bad[i] ^= 1 << (i % 7)
				w.must(os.WriteFile(path, bad, 0o600))
				if got, err := s.At(t.Context(), m.Pos); err == nil {
					t.Errorf("byte %d: read %+v", i, got)
				}
			}
			for n := range len(whole) {
				w.must(os.WriteFile(path, whole[:n], 0o600))
				if _, err := s.At(t.Context(), m.Pos); !errors.Is(err, snapshot.ErrDamaged) {
					t.Errorf("cut to %d bytes: %v", n, err)
				}
			}
			// An older one does, and the damaged one's file is not taken for a leftover.
			if newest, err := s.Newest(t.Context()); err != nil || newest.Pos != older.Pos {
				t.Errorf("newest is %+v, %v", newest, err)
			}
			w.now = w.now.Add(100 * time.Hour)
			if n, err := s.Prune(t.Context(), snapshot.Retention{Count: 1}); n != 0 || err != nil {
				t.Errorf("pruned %d, %v", n, err)
			}
		})
	}
}

func TestSnapshotsOfOthersAreNotUsed(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	w.fill()
	m := w.take(s)
	at := func(change func(*snapshot.Config)) error {
		_, err := w.store(change).At(t.Context(), m.Pos)
		return err
	}
	if err := at(func(c *snapshot.Config) { c.Key = bytes.Repeat([]byte("x"), snapshot.KeySize) }); !errors.Is(err, snapshot.ErrKey) {
		t.Errorf("with a wrong key: %v", err)
	}
	if err := at(func(c *snapshot.Config) { c.Key = nil }); !errors.Is(err, snapshot.ErrKey) {
		t.Errorf("without a key: %v", err)
	}
	other := filepath.Join(w.dir, "cluster", "0002", "manifests")
	w.must(os.MkdirAll(other, 0o700))
	data, err := os.ReadFile(w.manifestPath(m))
	w.must(err)
	w.must(os.WriteFile(filepath.Join(other, filepath.Base(w.manifestPath(m))), data, 0o600))
	if err := at(func(c *snapshot.Config) { c.Shard = "cluster/0002" }); !errors.Is(err, snapshot.ErrForeign) {
		t.Errorf("manifest of another shard: %v", err)
	}
	moved := m
	moved.Pos++
	w.must(os.WriteFile(w.manifestPath(moved), data, 0o600))
	if _, err := s.At(t.Context(), moved.Pos); !errors.Is(err, snapshot.ErrDamaged) {
		t.Errorf("manifest of another position: %v", err)
	}
	w.must(os.Remove(w.manifestPath(moved)))

	// A shard of the same name whose log is another one.
	second := newWorld(t)
	second.dir = w.dir
	for range m.Pos {
		second.do("SET", "k", "v")
	}
	if _, err := s.Install(t.Context(), second.log, second.node(second.log, second.shadow()), second.libs); !errors.Is(err, snapshot.ErrNone) || !errors.Is(err, snapshot.ErrForeign) {
		t.Errorf("install on another log: %v", err)
	}
	third := newWorld(t)
	third.dir = w.dir
	for third.log.Durable() < m.Pos {
		third.do("SET", "k", "v")
	}
	if _, err := s.Take(t.Context(), third.source()); !errors.Is(err, snapshot.ErrForeign) {
		t.Errorf("take of another log at a position that is taken: %v", err)
	}
}

// Whoever can write into the bucket but has not got the key can't slip in what is not sealed.
func TestPlainSnapshotsNeedPermission(t *testing.T) {
	w := newWorld(t)
	m := w.take(w.store(func(c *snapshot.Config) { c.Key = nil }))
	if _, err := w.store(nil).At(t.Context(), m.Pos); !errors.Is(err, snapshot.ErrPlain) {
		t.Errorf("without permission: %v", err)
	}
	if _, err := w.store(func(c *snapshot.Config) { c.AcceptPlain = true }).At(t.Context(), m.Pos); err != nil {
		t.Errorf("with permission: %v", err)
	}
}

// The process dies at each operation on the bucket, before and after it has its effect: what is offered is whole, and what is left goes after a day.
func TestCrashAtEachStep(t *testing.T) {
	for _, done := range []bool{false, true} {
		for dies := 1; ; dies++ {
			w := newWorld(t)
			w.do("SET", "k", "v")
			first := w.take(w.store(nil))
			w.fill()
			f := &faulty{Bucket: w.bucket(), dies: dies, done: done}
			_, err := w.store(func(c *snapshot.Config) { c.Bucket = f }).Take(t.Context(), w.source())
			if err == nil {
				if f.ops >= dies {
					t.Errorf("step %d failed, and Take did not", dies)
				}
				if dies < 6 {
					t.Errorf("only %d steps", dies-1)
				}
				break
			}
			if !errors.Is(err, errDied) {
				t.Errorf("step %d: %v", dies, err)
			}
			s := w.store(nil)
			m, err := s.Newest(t.Context())
			w.must(err)
			if digest, _, err := w.restore(s, m); err != nil || digest != uint64(m.Digest) {
				t.Errorf("step %d: offered is %+v, which restores to %x, %v", dies, m, digest, err)
			}
			if m.Pos != first.Pos && !done {
				t.Errorf("step %d failed, and a snapshot is offered", dies)
			}
			kept := 1
			if m.Pos != first.Pos {
				kept = 2
			}
			if _, err := s.Prune(t.Context(), snapshot.Retention{}); err != nil {
				t.Error(err)
			}
			w.now = w.now.Add(25 * time.Hour)
			if _, err := s.Prune(t.Context(), snapshot.Retention{}); err != nil {
				t.Error(err)
			}
			if got := len(w.files()); got != kept {
				t.Errorf("step %d: %d files are left, want %d", dies, got, kept)
			}
			if digest, _, err := w.restore(s, w.take(s)); err != nil || digest != w.digest() {
				t.Errorf("step %d: the next one restores to %x, %v", dies, digest, err)
			}
		}
	}
}

// What was damaged on its way into the bucket is not offered.
func TestTakeVerifiesWhatIsStored(t *testing.T) {
	w := newWorld(t)
	w.fill()
	f := &faulty{Bucket: w.bucket()}
	f.each = func(op, name string) {
		if op == "get" && strings.HasSuffix(name, ".rdb") {
			w.rewrite(w.path(name), func(data []byte) []byte {
				data[len(data)/3] ^= 0x10
				return data
			})
		}
	}
	for _, k := range [][]byte{nil, key} {
		s := w.store(func(c *snapshot.Config) { c.Bucket, c.Key = f, k })
		if m, err := s.Take(t.Context(), w.source()); !errors.Is(err, snapshot.ErrDamaged) {
			t.Errorf("taken: %+v, %v", m, err)
		}
		if _, err := s.Newest(t.Context()); !errors.Is(err, snapshot.ErrNone) {
			t.Errorf("newest: %v", err)
		}
		if got := w.files(); len(got) != 0 {
			t.Errorf("left: %q", got)
		}
	}
}

// hooked is a log that calls before before it is read.
type hooked struct {
	txlog.Log
	before func(from txlog.Pos)
}

func (h *hooked) Read(ctx context.Context, from txlog.Pos, maxBytes int) ([]txlog.Record, error) {
	h.before(from)
	return h.Log.Read(ctx, from, maxBytes)
}

func TestLogIsTrimmedUnderTheTaker(t *testing.T) {
	w := newWorld(t)
	s := w.store(nil)
	w.fill()
	log := &hooked{w.log, func(txlog.Pos) { w.must(w.log.Trim(50)) }}
	if _, err := s.Take(t.Context(), snapshot.Source{Log: log, Shadow: w.shadow()}); !errors.Is(err, txlog.ErrTrimmed) {
		t.Errorf("trimmed meanwhile: %v", err)
	}
	if _, err := s.Take(t.Context(), w.source()); !errors.Is(err, snapshot.ErrGap) {
		t.Errorf("trimmed before: %v", err)
	}
	if _, err := s.Newest(t.Context()); !errors.Is(err, snapshot.ErrNone) {
		t.Errorf("newest: %v", err)
	}
}

// forged is a log in which one record was changed, with or without its checksum.
type forged struct {
	txlog.Log
	pos    txlog.Pos
	change func(r *txlog.Record)
}

func (f *forged) Read(ctx context.Context, from txlog.Pos, maxBytes int) ([]txlog.Record, error) {
	records, err := f.Log.Read(ctx, from, maxBytes)
	for i := range records {
		if records[i].Pos == f.pos {
			f.change(&records[i])
		}
	}
	return records, err
}

func TestRecordsThatCannotBeApplied(t *testing.T) {
	w := newWorld(t)
	w.fill()
	for what, change := range map[string]func(r *txlog.Record){
		"another payload":  func(r *txlog.Record) { r.Payload = slices.Concat(r.Payload[:len(r.Payload)-1], []byte("x")) },
		"another checksum": func(r *txlog.Record) { r.Chain++ },
		"another epoch":    func(r *txlog.Record) { r.Epoch++ },
		"a newer engine":   func(r *txlog.Record) { r.Engine = shard.EngineVersion + 1 },
		"no effects":       func(r *txlog.Record) { r.Payload = []byte("nonsense") },
	} {
		s := w.store(nil)
		_, err := s.Take(t.Context(), snapshot.Source{Log: &forged{w.log, 40, change}, Shadow: w.shadow()})
		var poison *shard.PoisonError
		if !errors.As(err, &poison) || poison.Pos != 40 {
			t.Errorf("%s: %v", what, err)
		}
		if got := w.files(); len(got) != 0 {
			t.Errorf("%s: left %q", what, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t)
	for what, change := range map[string]func(c *snapshot.Config){
		"no bucket":     func(c *snapshot.Config) { c.Bucket = nil },
		"no shard":      func(c *snapshot.Config) { c.Shard = "" },
		"no clock":      func(c *snapshot.Config) { c.Now = nil },
		"a short key":   func(c *snapshot.Config) { c.Key = key[:16] },
		"an empty key":  func(c *snapshot.Config) { c.Key = []byte{} },
		"a longer key":  func(c *snapshot.Config) { c.Key = append(key[:32:32], 1) },
		"a key of none": func(c *snapshot.Config) { c.Key = key[:0] },
	} {
		cfg := w.config()
		change(&cfg)
		if _, err := snapshot.New(cfg); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// redis-server loads a plain snapshot, and has the same keys.
func TestRedisLoadsASnapshot(t *testing.T) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("needs redis-server")
	}
	w := newWorld(t)
	w.fill()
	w.do("DEL", "expired") // the log's deletion is still to come; redis-server deletes it when it loads
	m := w.take(w.store(func(c *snapshot.Config) { c.Key = nil }))
	data, err := os.ReadFile(w.path(m.File))
	w.must(err)
	dir := t.TempDir()
	w.must(os.WriteFile(filepath.Join(dir, "dump.rdb"), data, 0o600))
	r := redis.NewClient(&redis.Options{Addr: enginetest.StartLoaded(t, binary, dir)})
	defer r.Close()
	keys := r.Keys(t.Context(), "*").Val()
	if len(keys) != m.Keys {
		t.Errorf("redis-server has %d keys, the snapshot %d", len(keys), m.Keys)
	}
	db := w.shadow().NewDB()
	defer db.Close()
	db.Expiry = keyspace.ExpireIgnore
	for _, key := range keys {
		v, err := rdb.Restore([]byte(r.Dump(t.Context(), key).Val()), db)
		if err != nil {
			t.Fatalf("%q: %v", key, err)
		}
		datatype.StoreValue(db, []byte(key), v)
		if at := r.PExpireTime(t.Context(), key).Val(); at > 0 {
			db.Expire([]byte(key), at.Milliseconds())
		}
	}
	if db.Digest() != w.digest() {
		t.Error("redis-server has other keys")
	}
	if n := len(r.FunctionList(t.Context(), redis.FunctionListQuery{}).Val()); n != 1 {
		t.Errorf("redis-server has %d libraries", n)
	}
}
