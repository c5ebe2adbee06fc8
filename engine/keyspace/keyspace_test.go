package keyspace

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestNames(t *testing.T) {
	for typ, want := range map[Type]string{TypeNone: "none", String: "string", List: "list", Set: "set", Hash: "hash", ZSet: "zset", Stream: "stream", JSON: "ReJSON-RL", 99: "unknown"} {
		if typ.String() != want {
			t.Errorf("type %d is %q", typ, typ)
		}
	}
	for enc, want := range map[Encoding]string{EncInt: "int", EncEmbstr: "embstr", EncRaw: "raw", EncListpack: "listpack", EncHashtable: "hashtable", EncIntset: "intset", EncQuicklist: "quicklist", EncSkiplist: "skiplist", EncStream: "stream", 99: "unknown"} {
		if enc.String() != want {
			t.Errorf("encoding %d is %q", enc, enc)
		}
	}
}

func TestEdgesOfKeysAndValues(t *testing.T) {
	db := newTestDB(t, 1)
	big := bytes.Repeat([]byte("x"), 3<<20)
	for _, kv := range [][2]string{{"", ""}, {"", "v"}, {"\x00", "\x00"}, {string(big), "v"}, {"k", string(big)}, {string(big) + "2", string(big)}, {"{}", "v"}, {"{", "}"}} {
		k, v := []byte(kv[0]), []byte(kv[1])
		db.Set(k, String, EncRaw, v, false)
		db.Expire(k, db.Now+1)
		got, ok := db.LookupRead(k)
		if !ok || !bytes.Equal(got.Bytes, v) || db.ExpireAt(k) != db.Now+1 {
			t.Errorf("key of %d bytes, value of %d", len(k), len(v))
		}
		if n, ok := db.Memory(k); !ok || n < int64(len(k)+len(v)) {
			t.Errorf("Memory of %d + %d bytes: %d", len(k), len(v), n)
		}
	}
	if err := db.Check(); err != nil {
		t.Fatal(err)
	}
}

// TestAppendIsLinear: appending to a string copies it a number of times that grows with the logarithm of its length.
func TestAppendIsLinear(t *testing.T) {
	db := newTestDB(t, 1)
	k := []byte("k")
	db.Set(k, String, EncRaw, nil, false)
	moves, length := 0, 0
	var was Ref
	for range 20_000 {
		length += 100
		copy(db.Resize(k, length, EncRaw)[length-100:], bytes.Repeat([]byte{byte(length)}, 100))
		if r := refOf(*db.find(k)); r != was {
			was = r
			moves++
		}
	}
	if moves > 40 {
		t.Errorf("%d moves", moves)
	}
	v, _ := db.Peek(k)
	for i := range v.Bytes {
		if v.Bytes[i] != byte((i/100+1)*100) {
			t.Fatalf("byte %d is %d", i, v.Bytes[i])
		}
	}
	db.Resize(k, 10, EncRaw)
	if n, _ := db.Memory(k); n > 200 {
		t.Errorf("a string cut to 10 bytes holds %d", n)
	}
}

func TestArgumentsMayPointIntoTheArena(t *testing.T) {
	db := newTestDB(t, 1)
	db.Set([]byte("key"), String, EncRaw, []byte("0123456789abcdef"), false)
	get := func() []byte { v, _ := db.Peek([]byte("key")); return v.Bytes }
	// A part of the own value, in the same block and in another.
	db.Set([]byte("key"), String, EncRaw, get()[1:], false)
	db.Set([]byte("key"), String, EncRaw, bytes.Repeat(get(), 10), false)
	db.Set([]byte("key"), String, EncRaw, get()[15:25], false)
	if string(get()) != "123456789a" {
		t.Fatalf("%q", get())
	}
	// The own key.
	k, _ := db.RandomKey()
	db.Set(k, String, EncRaw, make([]byte, 1000), false)
	k, _ = db.RandomKey()
	db.Expire(k, db.Now+1)
	k, _ = db.RandomKey()
	db.Rename(k, []byte("to"))
	k, _ = db.RandomKey()
	if string(k) != "to" || db.ExpireAt([]byte("to")) != db.Now+1 {
		t.Fatalf("%q", k)
	}
	// Rename to bytes of the key that it replaces.
	db.Delete([]byte("to"))
	db.Set([]byte("to"), String, EncRaw, []byte("old"), false)
	to, _ := db.RandomKey()
	db.Set([]byte("from"), String, EncRaw, []byte("new"), false)
	db.Rename([]byte("from"), to)
	if v, ok := db.Peek([]byte("to")); !ok || string(v.Bytes) != "new" || db.Len() != 1 {
		t.Errorf("%q %t", v.Bytes, ok)
	}
	d := db.NewDict()
	d.Set([]byte("f"), []byte("value"))
	v, _ := d.Get([]byte("f"))
	d.Set([]byte("f"), v[1:])
	if v, _ := d.Get([]byte("f")); string(v) != "alue" {
		t.Errorf("%q", v)
	}
	d.Free()
	if err := db.Check(); err != nil {
		t.Fatal(err)
	}
}

func TestObjectsAreFreedOnce(t *testing.T) {
	k, other := []byte("k"), []byte("other")
	for name, c := range map[string]struct {
		do    func(db *DB, o *fakeObject)
		freed int
	}{
		"Delete":                {func(db *DB, _ *fakeObject) { db.Delete(k) }, 1},
		"Set":                   {func(db *DB, _ *fakeObject) { db.Set(k, Hash, EncListpack, []byte("packed"), false) }, 1},
		"SetObject of the same": {func(db *DB, o *fakeObject) { db.SetObject(k, Set, EncHashtable, o, false) }, 0},
		"Rename":                {func(db *DB, _ *fakeObject) { db.Rename(k, other) }, 0},
		"Rename over it":        {func(db *DB, _ *fakeObject) { db.Set(other, String, EncRaw, nil, false); db.Rename(other, k) }, 1},
		"Rename to itself":      {func(db *DB, _ *fakeObject) { db.Rename(k, k) }, 0},
		"Expire":                {func(db *DB, _ *fakeObject) { db.Expire(k, db.Now+1) }, 0},
		"lookup of it, expired": {func(db *DB, _ *fakeObject) { db.Expire(k, db.Now-1); db.Exists(k) }, 1},
		"Clear":                 {func(db *DB, _ *fakeObject) { db.Clear() }, 0},
		"SetObject of another":  {func(db *DB, _ *fakeObject) { n := 0; db.SetObject(k, Hash, EncHashtable, newFakeObject(db, &n), false) }, 1},
		"Delete and a new Object": {func(db *DB, _ *fakeObject) {
			db.Delete(k)
			n := 0
			db.SetObject(k, Hash, EncHashtable, newFakeObject(db, &n), false)
		}, 1},
	} {
		db := newTestDB(t, 1)
		freed := 0
		o := newFakeObject(db, &freed)
		db.SetObject(k, Hash, EncHashtable, o, false)
		for i := range 500 {
			o.dict.Set(fmt.Append(nil, i), []byte("value"))
		}
		if db.Used() < o.Memory() {
			t.Errorf("%s: %d bytes used, the object holds %d", name, db.Used(), o.Memory())
		}
		if n, _ := db.Memory(k); n < o.Memory() {
			t.Errorf("%s: Memory %d", name, n)
		}
		c.do(db, o)
		if freed != c.freed {
			t.Errorf("%s: freed %d times", name, freed)
		}
		if err := db.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAdjustCountsAtOnce(t *testing.T) {
	db := newTestDB(t, 1)
	freed := 0
	o := newFakeObject(db, &freed)
	db.SetObject([]byte("k"), Hash, EncHashtable, o, false)
	before := db.Used()
	was := o.Memory()
	o.dict.Set([]byte("f"), []byte("v"))
	db.Adjust([]byte("k"), o.Memory()-was)
	if got := db.Used() - before; got != o.Memory()-was {
		t.Errorf("Used grew by %d, want %d", got, o.Memory()-was)
	}
	db.Adjust([]byte("none"), 5)
	if err := db.Check(); err != nil {
		t.Error(err)
	}
}

func TestClearReleasesMemory(t *testing.T) {
	db := newTestDB(t, 1)
	for range 3 {
		fill(db, 50_000, make([]byte, 100))
		for i := range 1000 {
			db.Expire(key16(nil, i), db.Now+1)
		}
		db.Clear()
		if db.Len() != 0 || db.Expires() != 0 || db.Used() != 0 || db.Mapped() != 0 || db.AverageTTL() != 0 {
			t.Fatalf("%d keys, %d expire, used %d, mapped %d", db.Len(), db.Expires(), db.Used(), db.Mapped())
		}
		if err := db.Check(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDigest(t *testing.T) {
	type change func(db *DB)
	set := func(k, v string) change {
		return func(db *DB) { db.Set([]byte(k), String, EncRaw, []byte(v), false) }
	}
	build := func(seed uint64, changes ...change) uint64 {
		db := newTestDB(t, seed)
		for _, c := range changes {
			c(db)
		}
		return db.Digest()
	}
	base := build(1, set("a", "1"), set("b", "2"), set("c", "3"))
	same := map[string]uint64{
		"another order":    build(2, set("c", "3"), set("b", "2"), set("a", "1")),
		"through others":   build(3, set("a", "x"), set("d", "4"), set("a", "1"), set("b", "2"), set("c", "3"), func(db *DB) { db.Delete([]byte("d")) }),
		"another encoding": build(4, set("a", "1"), set("b", "2"), func(db *DB) { db.Set([]byte("c"), String, EncInt, []byte("3"), false) }),
		"used":             build(5, set("a", "1"), set("b", "2"), set("c", "3"), func(db *DB) { db.Now += 100_000; db.LookupRead([]byte("a")) }),
	}
	for name, got := range same {
		if got != base {
			t.Errorf("%s: another digest", name)
		}
	}
	seen := map[uint64]string{base: "base", 0: "empty"}
	for name, c := range map[string][]change{
		"a key less":         {set("a", "1"), set("b", "2")},
		"another value":      {set("a", "1"), set("b", "2"), set("c", "4")},
		"values exchanged":   {set("a", "2"), set("b", "1"), set("c", "3")},
		"another key":        {set("a", "1"), set("b", "2"), set("d", "3")},
		"bytes moved to key": {set("a", "1"), set("b", "2"), set("c3", "")},
		"an expiry":          {set("a", "1"), set("b", "2"), set("c", "3"), func(db *DB) { db.Expire([]byte("c"), db.Now) }},
		"another expiry":     {set("a", "1"), set("b", "2"), set("c", "3"), func(db *DB) { db.Expire([]byte("c"), db.Now+1) }},
		"another type":       {set("a", "1"), set("b", "2"), func(db *DB) { db.Set([]byte("c"), Hash, EncListpack, []byte("3"), false) }},
	} {
		d := build(1, c...)
		if other, ok := seen[d]; ok {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[d] = name
	}
}

func TestDigestOfPackedEqualsDict(t *testing.T) {
	packed := func(Type, []byte) uint64 {
		return DigestField([]byte("f"), []byte("1")) + DigestField([]byte("g"), []byte("2"))
	}
	a := New(Config{PackedDigest: packed})
	defer a.Close()
	a.Set([]byte("h"), Hash, EncListpack, []byte("f1g2"), false)
	b := New(Config{PackedDigest: packed})
	defer b.Close()
	freed := 0
	o := newFakeObject(b, &freed)
	o.dict.Set([]byte("g"), []byte("2"))
	o.dict.Set([]byte("f"), []byte("1"))
	b.SetObject([]byte("h"), Hash, EncHashtable, o, false)
	if a.Digest() != b.Digest() {
		t.Error("digests differ by encoding")
	}
}

func TestDictOfManyAndLongFields(t *testing.T) {
	db := newTestDB(t, 1)
	d := db.NewDict()
	want := map[string]string{}
	r := rand.New(rand.NewPCG(1, 15))
	for range 20_000 {
		k := fmt.Sprint(r.IntN(5000))
		if r.IntN(100) == 0 {
			k += string(make([]byte, r.IntN(70_000)))
		}
		switch r.IntN(3) {
		case 0:
			_, had := want[k]
			if d.Delete([]byte(k)) != had {
				t.Fatal("Delete")
			}
			delete(want, k)
		default:
			v := string(make([]byte, r.IntN(200)))
			_, had := want[k]
			if d.Set([]byte(k), []byte(v)) == had {
				t.Fatal("Set")
			}
			want[k] = v
		}
	}
	if d.Len() != len(want) {
		t.Fatalf("%d fields, want %d", d.Len(), len(want))
	}
	for k, v := range want {
		if got, ok := d.Get([]byte(k)); !ok || string(got) != v {
			t.Fatalf("%q", k)
		}
	}
	n := 0
	d.Each(func(k, v []byte) bool { n++; return n < 10 })
	if n != 10 {
		t.Errorf("%d calls", n)
	}
	if d.Memory() != db.used || db.Used() != 0 {
		t.Errorf("Memory %d, %d in use, %d the DB's", d.Memory(), db.used, db.Used())
	}
	d.Free()
	if d.Memory() != 0 || db.used != 0 || d.Len() != 0 {
		t.Errorf("Memory %d, %d in use", d.Memory(), db.used)
	}
	if k, v := db.NewDict().Random(r); k != nil || v != nil {
		t.Error("a field of an empty Dict")
	}
}
