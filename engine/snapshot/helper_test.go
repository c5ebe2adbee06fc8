package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/bucket"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/snapshot"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var key = bytes.Repeat([]byte("k"), snapshot.KeySize)

const name = "cluster/0001"

// world is a shard's log with a primary that writes it, and a folder for snapshots.
type world struct {
	testing.TB
	dir    string
	log    txlog.Log
	memory *memlog.Memory
	writer *shard.Shard
	table  *command.Table
	libs   snapshot.Libraries
	now    time.Time
	call   command.Call
	reply  resp.Writer
}

func newWorld(t testing.TB) *world {
	memory := memlog.New(nil)
	w := &world{TB: t, dir: t.TempDir(), memory: memory, log: memory.Shard("s"), now: time.Now()}
	shadow := w.shadow()
	w.table, w.libs = shadow.Table, shadow.Libraries
	w.writer = w.node(w.log, shadow)
	w.must(w.writer.Lead(t.Context(), "test", 0, 0))
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) clock() time.Time { return w.now }

func (w *world) shadow() snapshot.Shadow { return engine.NewShadow(w.clock, nil) }

// node is a shard that is loading.
func (w *world) node(log txlog.Log, shadow snapshot.Shadow) *shard.Shard {
	s := shard.New(shard.Config{NodeID: "writer", Log: log, Table: shadow.Table, NewDB: shadow.NewDB, Now: w.clock})
	w.Cleanup(s.Close)
	return s
}

// do runs a request on the primary.
func (w *world) do(words ...string) {
	w.Helper()
	argv := make([][]byte, len(words))
	for i, word := range words {
		argv[i] = []byte(word)
	}
	spec, err := w.table.Lookup(argv)
	w.must(err)
	w.reply.Reset(1 << 20)
	w.call.Spec, w.call.Argv, w.call.Reply, w.call.Client = spec, argv, &w.reply, nil
	turn := w.writer.Begin()
	_, fatal := turn.Run(&w.call)
	turn.End()
	w.must(fatal)
	if got := w.reply.Bytes(); len(got) > 0 && got[0] == '-' {
		w.Fatalf("%q: %s", words, got)
	}
}

const library = "#!lua name=lib\nredis.register_function('fn', function() return 7 end)"

// fill makes keys of every type and in every form, some that expire, some deleted, and a library.
func (w *world) fill() {
	w.Helper()
	w.do("FUNCTION", "LOAD", library)
	for _, big := range []bool{false, true} {
		n, suffix := 3, "small"
		if big {
			n, suffix = 700, "big"
		}
		w.do("SET", "string:"+suffix, strings.Repeat("text ", n))
		for i := range n {
			e := fmt.Sprint("element ", i)
			w.do("RPUSH", "list:"+suffix, e)
			w.do("SADD", "set:"+suffix, e)
			w.do("SADD", "intset:"+suffix, fmt.Sprint(i*1000))
			w.do("HSET", "hash:"+suffix, e, "value")
			w.do("ZADD", "zset:"+suffix, fmt.Sprint(float64(i)/3), e)
			w.do("PFADD", "hll:"+suffix, e)
			w.do("XADD", "stream:"+suffix, fmt.Sprintf("%d-1", i+1), "field", e)
		}
		w.do("XGROUP", "CREATE", "stream:"+suffix, "group", "0")
		w.do("XREADGROUP", "GROUP", "group", "consumer", "COUNT", "2", "STREAMS", "stream:"+suffix, ">")
	}
	w.do("SET", "number", "12345")
	w.do("SET", "expires", "later", "PXAT", "4102444800000")
	w.do("SET", "expired", "soon", "PX", "1")
	w.do("HSET", "hash:expires", "f", "v")
	w.do("PEXPIREAT", "hash:expires", "4102444800001")
	w.do("SET", "deleted", "x")
	w.do("DEL", "deleted")
	w.do("SET", "binary\x00\xff", "\x00\r\n\xff")
}

// digest is the primary's keyspace.
func (w *world) digest() (digest uint64) {
	w.writer.View(func(db *keyspace.DB) { digest = db.Digest() })
	return digest
}

func (w *world) bucket() bucket.Bucket {
	w.Helper()
	b, err := bucket.Open(w.Context(), w.dir)
	w.must(err)
	w.Cleanup(func() { b.Close() })
	return b
}

func (w *world) config() snapshot.Config {
	return snapshot.Config{Bucket: w.bucket(), Shard: name, Key: key, Program: "test", Now: w.clock}
}

func (w *world) store(change func(*snapshot.Config)) *snapshot.Store {
	w.Helper()
	cfg := w.config()
	if change != nil {
		change(&cfg)
	}
	s, err := snapshot.New(cfg)
	w.must(err)
	return s
}

func (w *world) source() snapshot.Source { return snapshot.Source{Log: w.log, Shadow: w.shadow()} }

func (w *world) take(s *snapshot.Store) snapshot.Manifest {
	w.Helper()
	m, err := s.Take(w.Context(), w.source())
	w.must(err)
	return m
}

// restore restores a snapshot into a keyspace of its own and returns its digest and libraries.
func (w *world) restore(s *snapshot.Store, m snapshot.Manifest) (digest uint64, libraries []string, err error) {
	shadow := w.shadow()
	db := shadow.NewDB()
	defer db.Close()
	err = s.Restore(w.Context(), m, db, shadow.Libraries)
	return db.Digest(), shadow.Libraries.Libraries(db), err
}

// path is the file of an object.
func (w *world) path(object string) string { return filepath.Join(w.dir, filepath.FromSlash(object)) }

func (w *world) manifestPath(m snapshot.Manifest) string {
	return w.path(fmt.Sprintf("%s/manifests/%020d.json", name, uint64(m.Pos)))
}

func (w *world) files() (names []string) {
	w.Helper()
	for info, err := range w.bucket().List(w.Context(), name+"/files/") {
		w.must(err)
		names = append(names, info.Name)
	}
	return names
}

// rewrite changes a file.
func (w *world) rewrite(path string, change func(data []byte) []byte) {
	w.Helper()
	data, err := os.ReadFile(path)
	w.must(err)
	w.must(os.WriteFile(path, change(data), 0o600))
}

// faulty is a Bucket that counts its operations and fails from one on: all after it fail too, as if the process had died.
type faulty struct {
	bucket.Bucket
	mu   sync.Mutex
	ops  int
	dies int  // number of the operation that fails, from 1 on; 0 is none
	done bool // it does its work before it fails
	each func(op string, name string)
}

var errDied = errors.New("the process died")

func (f *faulty) op(what, name string) (before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops++
	if f.each != nil {
		f.each(what, name)
	}
	switch {
	case f.dies == 0 || f.ops < f.dies:
		return nil, nil
	case f.ops == f.dies && f.done:
		return nil, errDied
	}
	return errDied, errDied
}

func (f *faulty) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	before, after := f.op("put", name)
	if before != nil {
		return 0, before
	}
	n, err := f.Bucket.Put(ctx, name, r)
	return n, errors.Join(err, after)
}

func (f *faulty) Create(ctx context.Context, name string, data []byte) error {
	before, after := f.op("create", name)
	if before != nil {
		return before
	}
	return errors.Join(f.Bucket.Create(ctx, name, data), after)
}

func (f *faulty) Get(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	if before, after := f.op("get", name); before != nil || after != nil {
		return nil, errDied
	}
	return f.Bucket.Get(ctx, name, offset)
}

func (f *faulty) Stat(ctx context.Context, name string) (bucket.Info, error) {
	if before, after := f.op("stat", name); before != nil || after != nil {
		return bucket.Info{}, errDied
	}
	return f.Bucket.Stat(ctx, name)
}

func (f *faulty) List(ctx context.Context, prefix string) iter.Seq2[bucket.Info, error] {
	if before, after := f.op("list", prefix); before != nil || after != nil {
		return func(yield func(bucket.Info, error) bool) { yield(bucket.Info{}, errDied) }
	}
	return f.Bucket.List(ctx, prefix)
}

func (f *faulty) Delete(ctx context.Context, name string) error {
	before, after := f.op("delete", name)
	if before != nil {
		return before
	}
	return errors.Join(f.Bucket.Delete(ctx, name), after)
}
