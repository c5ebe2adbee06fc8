package rdb_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc64"
	"math/rand/v2"
	"testing"

	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/rdb"
)

var jones = crc64.MakeTable(0x95AC9329AC4BC9B5)

// payload is a value with the footer that makes it a payload of RESTORE.
func payload(value []byte) []byte {
	p := binary.LittleEndian.AppendUint16(append([]byte(nil), value...), rdb.Version)
	return binary.LittleEndian.AppendUint64(p, ^crc64.Update(^uint64(0), jones, p))
}

func TestChecksum(t *testing.T) {
	// The check value of CRC-64 as Jones defined it.
	if got := ^crc64.Update(^uint64(0), jones, []byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("checksum %x", got)
	}
}

// check restores a value and uses it; it may be refused, but not break anything.
func check(t *testing.T, db *keyspace.DB, value []byte) {
	t.Helper()
	v, err := rdb.Restore(payload(value), db)
	if err != nil {
		if !errors.Is(err, rdb.ErrFormat) {
			t.Fatalf("%q: %v", value, err)
		}
		return
	}
	key := []byte("k")
	datatype.StoreValue(db, key, v)
	v, _ = db.Peek(key)
	if v.Type != keyspace.String && v.Object == nil {
		datatype.PackedDigest(v.Type, v.Bytes)
	}
	digest := db.Digest()
	var again []byte
	if err := rdb.Dump(v, func(p []byte) { again = append(again, p...) }); err != nil {
		t.Fatal(err)
	}
	w, err := rdb.Restore(again, db)
	if err != nil {
		t.Fatalf("%q is accepted, but not what DUMP makes of it, %q: %v", value, again, err)
	}
	datatype.StoreValue(db, key, w)
	if db.Digest() != digest {
		t.Fatalf("%q: another value after DUMP and RESTORE", value)
	}
	db.Delete(key)
	if err := db.Check(); err != nil {
		t.Fatalf("%q: %v", value, err)
	}
	if db.Len() != 0 || db.Used() > 1<<20 {
		t.Fatalf("%q: %d bytes stay in use", value, db.Used())
	}
}

func fuzzDB() *keyspace.DB {
	return keyspace.New(keyspace.Config{Limits: keyspace.DefaultLimits(), PackedDigest: datatype.PackedDigest})
}

// Whatever RESTORE is given, there is no panic, no memory beyond what the bytes stand for, and what is accepted is a sound value.
func FuzzRestore(f *testing.F) {
	for _, p := range recorded(f) {
		f.Add(p[:len(p)-10])
	}
	db := fuzzDB()
	f.Fuzz(func(t *testing.T, value []byte) { check(t, db, value) })
}

// Whatever a file holds, reading it is an error with an offset or gives sound values.
func FuzzReadFile(f *testing.F) {
	f.Add(file9(f, false, 100))
	f.Add(newBuild("0012").aux("redis-ver", "7.4.0").raw("\xf5"+blob(library), "\xfe\x00\xfb\x01\x00\xf4\x01\x01\x00").key("\xf8\x01", "k", "\x14"+blob(pack("a", "b"))).end(false))
	db := fuzzDB()
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, payloads := range []bool{false, true} {
			_, err := read(bytes.NewReader(p), int64(len(p)), db, payloads)
			if wrong := new(rdb.FileError); err != nil && !errors.As(err, &wrong) {
				t.Fatal(err)
			}
			if err := db.Check(); err != nil {
				t.Fatal(err)
			}
			db.Clear()
		}
	})
}

// A few bytes of good payloads are changed, thousands of times; the fuzzer goes further.
func TestDamagedPayloads(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	db := fuzzDB()
	t.Cleanup(db.Close)
	for _, p := range recorded(t) {
		value := p[:len(p)-10]
		for range 400 {
			damaged := append([]byte(nil), value[:len(value)-r.IntN(min(len(value), 4))]...)
			for range 1 + r.IntN(3) {
				if len(damaged) > 1 {
					at := 1 + r.IntN(len(damaged)-1)
					damaged[at] = []byte{damaged[at] + 1, damaged[at] - 1, 0, 0xff, 0x80, 0x81, byte(r.Uint32())}[r.IntN(7)]
				}
			}
			check(t, db, damaged)
		}
	}
}
