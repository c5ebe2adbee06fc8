package datatype

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

func newDB(t testing.TB) *keyspace.DB {
	t.Helper()
	db := keyspace.New(keyspace.Config{Rand: rand.New(rand.NewPCG(1, 2)), Limits: keyspace.DefaultLimits(), PackedDigest: PackedDigest})
	t.Cleanup(db.Close)
	return db
}

func open(db *keyspace.DB, key string) Hash {
	v, found := db.LookupWrite([]byte(key))
	return OpenHash(db, []byte(key), v, found)
}

// A hash is a map of its fields, whatever its form, and its digest depends on the fields only.
func TestHashIsAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db, other := newDB(t), newDB(t)
		db.Limits.HashMaxListpackEntries = rapid.IntRange(0, 12).Draw(rt, "max entries")
		db.Limits.HashMaxListpackValue = rapid.IntRange(0, 200).Draw(rt, "max value")
		other.Limits.HashMaxListpackEntries = 0 // always a Dict
		model := map[string]string{}
		text := rapid.OneOf(rapid.StringN(0, 5, 5), rapid.StringN(120, 140, 300))
		field := rapid.OneOf(rapid.StringMatching("[a-f]"), text)
		for range rapid.IntRange(1, 40).Draw(rt, "changes") {
			f := field.Draw(rt, "field")
			h, o := open(db, "h"), open(other, "h")
			_, had := model[f]
			if rapid.IntRange(0, 3).Draw(rt, "delete") == 0 {
				delete(model, f)
				if h.Delete([]byte(f)) != had || o.Delete([]byte(f)) != had {
					rt.Fatalf("Delete(%q) of a field that was there: %v", f, had)
				}
			} else {
				v := text.Draw(rt, "value")
				model[f] = v
				if h.Set([]byte(f), []byte(v)) == had || o.Set([]byte(f), []byte(v)) == had {
					rt.Fatalf("Set(%q) of a field that was there: %v", f, had)
				}
			}
			compare(rt, db, model)
			compare(rt, other, model)
			if db.Digest() != other.Digest() {
				rt.Fatalf("digests of one content in two forms differ")
			}
		}
		if err := db.Check(); err != nil {
			rt.Fatal(err)
		}
	})
}

func compare(t *rapid.T, db *keyspace.DB, model map[string]string) {
	h := open(db, "h")
	if h.Len() != len(model) || h.exists != (len(model) > 0) {
		t.Fatalf("%d fields, key there: %v, want %d", h.Len(), h.exists, len(model))
	}
	for f, v := range model {
		if got, ok := h.Get([]byte(f)); !ok || string(got) != v {
			t.Fatalf("Get(%q) = %q, %v, want %q", f, got, ok, v)
		}
	}
	n := 0
	if h.exists {
		h.Each(func(f, v []byte) bool {
			n++
			if model[string(f)] != string(v) {
				t.Fatalf("Each gives %q = %q, want %q", f, v, model[string(f)])
			}
			return true
		})
	}
	if n != len(model) {
		t.Fatalf("Each gives %d fields, want %d", n, len(model))
	}
	packed := db.Limits.HashMaxListpackEntries >= len(model)
	for f, v := range model {
		packed = packed && len(f) <= db.Limits.HashMaxListpackValue && len(v) <= db.Limits.HashMaxListpackValue
	}
	if h.exists && !packed && h.dict == nil {
		t.Fatalf("packed with %d fields, beyond the limits %+v", len(model), db.Limits)
	}
}

func TestHashKeepsExpiryThroughItsForms(t *testing.T) {
	db := newDB(t)
	db.Limits.HashMaxListpackEntries = 2
	h := open(db, "h")
	h.Set([]byte("a"), []byte("1"))
	db.Expire([]byte("h"), 5000)
	for _, f := range []string{"b", "c", "d"} {
		h := open(db, "h")
		h.Set([]byte(f), []byte("1"))
		if at := db.ExpireAt([]byte("h")); at != 5000 {
			t.Fatalf("after field %s the expiry is %d", f, at)
		}
	}
	if h := open(db, "h"); h.dict == nil {
		t.Error("four fields are packed, two are allowed")
	}
}

func TestPackedHashHasNoMoreFieldsThanItsCountHolds(t *testing.T) {
	db := newDB(t)
	db.Limits.HashMaxListpackEntries = 1 << 30
	full := packedHash(newPackedHash())
	for i := range maxPackedLen {
		full = append(full, 2, 0, byte(i), byte(i>>8))
	}
	full.setLen(maxPackedLen)
	db.Set([]byte("h"), keyspace.Hash, keyspace.EncListpack, full, false)
	h := open(db, "h")
	if !h.Set([]byte("x"), nil) || h.Len() != maxPackedLen+1 || h.dict == nil {
		t.Errorf("%d fields, packed: %v", h.Len(), h.dict == nil)
	}
}

func TestHashRandomIsFair(t *testing.T) {
	for _, form := range []struct {
		name string
		max  int
	}{{"packed", 100}, {"dict", 0}} {
		t.Run(form.name, func(t *testing.T) {
			db := newDB(t)
			db.Limits.HashMaxListpackEntries = form.max
			for _, f := range "abcdefghij" {
				h := open(db, "h")
				h.Set([]byte(string(f)), []byte(strings.ToUpper(string(f))))
			}
			r := rand.New(rand.NewPCG(5, 6))
			seen := map[string]int{}
			h := open(db, "h")
			for range 10000 {
				f, v := h.Random(r)
				if !bytes.Equal(bytes.ToUpper(f), v) {
					t.Fatalf("%q has the value %q", f, v)
				}
				seen[string(f)]++
			}
			for _, f := range "abcdefghij" {
				if n := seen[string(f)]; n < 850 || n > 1150 {
					t.Errorf("%c was drawn %d times of 10000, a tenth is 1000", f, n)
				}
			}
		})
	}
}

func TestRepeatedRandomFieldsAreBounded(t *testing.T) {
	db := newDB(t)
	h := open(db, "h")
	h.Set([]byte("f"), []byte("v"))
	call := &command.Call{Reply: &resp.Writer{}, Rand: rand.New(rand.NewPCG(1, 2))}
	out := pairs{w: call.Reply, withValues: true, limit: 1000}
	if err := out.repeated(call, &h, math.MaxInt64/2); !errors.Is(err, resp.ErrOutOfRange) {
		t.Errorf("error %v", err)
	}
	if n := call.Reply.Len(); n > 1100 {
		t.Errorf("%d bytes of reply, 1000 are allowed", n)
	}
	if err := out.repeated(call, &h, 10); err != nil {
		t.Errorf("10 fields: %v", err)
	}
}

// FuzzPackedHash edits a packed hash as the bytes say and compares it with a map.
func FuzzPackedHash(f *testing.F) {
	f.Add([]byte("a1b2a3"))
	f.Add([]byte{0, 200, 1, 0, 0, 201})
	f.Fuzz(func(t *testing.T, edits []byte) {
		db := newDB(t)
		db.Limits.HashMaxListpackValue = 1 << 20
		model := map[string]string{}
		for i := 0; i+1 < len(edits) && i < 400; i += 2 {
			field := strings.Repeat("f", int(edits[i]%16)*17)
			h := open(db, "h")
			if edits[i] >= 128 {
				h.Delete([]byte(field))
				delete(model, field)
				continue
			}
			value := strings.Repeat("v", int(edits[i+1]))
			h.Set([]byte(field), []byte(value))
			model[field] = value
		}
		h := open(db, "h")
		if h.Len() != len(model) {
			t.Fatalf("%d fields, want %d", h.Len(), len(model))
		}
		for field, value := range model {
			if got, ok := h.Get([]byte(field)); !ok || string(got) != value {
				t.Fatalf("field of %d bytes: value of %d bytes, want %d", len(field), len(got), len(value))
			}
		}
	})
}
