package rdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/rdb"
)

const library = "#!lua name=lib\nredis.register_function('f', function(keys, args) return 1 end)"

// fill makes the examples at keys of their own, some of them with an expiry.
func fill(t *testing.T, e *executor) {
	t.Helper()
	for i, x := range examples() {
		for _, words := range x.commands {
			e.do(t, words...)
		}
		key := fmt.Sprintf("%d %s", i, x.name)
		e.do(t, "rename", "k", key)
		if i%3 == 0 {
			e.do(t, "pexpireat", key, fmt.Sprint(4_000_000_000_000+i))
		}
	}
}

// snapshot is a file of all keys.
func snapshot(t *testing.T, db *keyspace.DB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := rdb.NewWriter(&b)
	w.Aux("redis-ver", "7.0.15")
	w.Aux("redis-bits", "64")
	w.Function([]byte(library))
	w.Database(0, db.Len(), db.Expires())
	db.Each(func(key []byte, v keyspace.Value, expireAt int64) bool {
		if err := w.Entry(rdb.Entry{Key: key, Value: v, ExpireAt: expireAt, Idle: -1, Freq: -1}); err != nil {
			t.Fatal(err)
		}
		return true
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// load makes the keys of a file.
func load(db *keyspace.DB, file []byte) (functions int, err error) {
	err = rdb.ReadFile(iotest.OneByteReader(bytes.NewReader(file)), int64(len(file)), db, rdb.Handler{
		Function: func(code []byte) error {
			if string(code) != library {
				return fmt.Errorf("another library: %q", code)
			}
			functions++
			return nil
		},
		Entry: func(_ int, x rdb.Entry) error {
			datatype.StoreValue(db, x.Key, x.Value)
			db.Expire(x.Key, x.ExpireAt)
			return nil
		},
	})
	return functions, err
}

func TestFileThereAndBack(t *testing.T) {
	e, f := newExecutor(t), newExecutor(t)
	fill(t, e)
	functions, err := load(f.db, snapshot(t, e.db))
	if err != nil {
		t.Fatal(err)
	}
	if functions != 1 || f.db.Len() != e.db.Len() || f.db.Expires() != e.db.Expires() || f.db.Digest() != e.db.Digest() {
		t.Errorf("%d libraries, %d keys, %d expiries; want 1, %d, %d, and the same content", functions, f.db.Len(), f.db.Expires(), e.db.Len(), e.db.Expires())
	}
	if err := f.db.Check(); err != nil {
		t.Error(err)
	}
}

func TestFileOfRedis(t *testing.T) {
	r := redis(t)
	for i, x := range examples() {
		r.Do("del", "k")
		for _, words := range x.commands {
			r.Do(words...)
		}
		key := fmt.Sprintf("%d %s", i, x.name)
		if v := r.Do("restore", key, "0", r.Do("dump", "k").Text); v.Text != "OK" {
			t.Fatal(v.Lines())
		}
		if i%4 == 0 {
			r.Do("pexpireat", key, fmt.Sprint(4_000_000_000_000+i))
		}
	}
	r.Do("del", "k")
	r.Do("function", "load", library)
	if v := r.Do("save"); v.Text != "OK" {
		t.Fatal(v.Lines())
	}
	path := filepath.Join(r.Do("config", "get", "dir").Items[1].Text, "dump.rdb")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e := newExecutor(t)
	functions, err := load(e.db, file)
	if err != nil || functions != 1 {
		t.Fatalf("%d libraries, %v", functions, err)
	}
	same := func(what string) {
		t.Helper()
		if n := r.Do("dbsize").Text; n != fmt.Sprint(e.db.Len()) {
			t.Errorf("%s: %d keys here, %s there", what, e.db.Len(), n)
		}
		for i, x := range examples() {
			key := fmt.Sprintf("%d %s", i, x.name)
			read := strings.Fields(x.read)
			for j, w := range read {
				if w == "k" {
					read[j] = key
				}
			}
			if a, b := canonical(e.do(t, read...), x.group), canonical(r.Do(read...), x.group); a != b {
				t.Errorf("%s: %s is\n%s\nin Redis\n%s", what, key, short(a), short(b))
			}
			if a, b := text(e.do(t, "pexpiretime", key)), text(r.Do("pexpiretime", key)); a != b {
				t.Errorf("%s: %s expires at %s, in Redis at %s", what, key, a, b)
			}
		}
	}
	same("its file here")
	if err := os.WriteFile(path, snapshot(t, e.db), 0o644); err != nil {
		t.Fatal(err)
	}
	if v := r.Do("debug", "reload", "nosave"); v.Text != "OK" {
		t.Fatalf("Redis on our file: %v", v.Lines())
	}
	same("our file there")
	if v := r.Do("fcall", "f", "0"); v.Text != "1" {
		t.Errorf("our library there: %v", v.Lines())
	}
}

// A file that was damaged anywhere is an error.
func TestDamagedFiles(t *testing.T) {
	e := newExecutor(t)
	for i, x := range examples() {
		if i%9 == 0 || i > 100 && i%4 == 0 {
			for _, words := range x.commands {
				e.do(t, words...)
			}
			e.do(t, "rename", "k", x.name)
		}
	}
	file := snapshot(t, e.db)
	r := rand.New(rand.NewPCG(8, 9))
	for range 300 {
		damaged := bytes.Clone(file)
		damaged[r.IntN(len(damaged)-8)] ^= 1 << r.IntN(8)
		if r.IntN(3) == 0 {
			damaged = damaged[:r.IntN(len(damaged))]
		}
		db := fuzzDB()
		if _, err := load(db, damaged); err == nil {
			t.Fatal("a damaged file is accepted")
		} else if !errors.Is(err, rdb.ErrFormat) && !strings.Contains(err.Error(), "another library") {
			t.Fatal(err)
		}
		db.Close()
	}
}
