package keyspace

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// fakeObject is a collection of a Dict and bytes of the arena.
type fakeObject struct {
	db    *DB
	dict  *Dict
	block Ref
	freed *int
}

func newFakeObject(db *DB, freed *int) *fakeObject {
	return &fakeObject{db: db, dict: db.NewDict(), block: db.Arena().Alloc(100), freed: freed}
}

func (o *fakeObject) Memory() int64  { return o.dict.Memory() + int64(o.db.Arena().Size(o.block)) }
func (o *fakeObject) Digest() uint64 { return o.dict.Digest() }
func (o *fakeObject) Free() {
	*o.freed++
	o.dict.Free()
	o.db.Arena().Free(o.block)
}

// modelKey is what a key should be.
type modelKey struct {
	typ    Type
	enc    Encoding
	value  []byte
	fields map[string]string // of an object
	at     int64
}

func newTestDB(t testing.TB, seed uint64) *DB {
	t.Helper()
	db := New(Config{Rand: rand.New(rand.NewPCG(seed, 1)), Limits: DefaultLimits()})
	t.Cleanup(db.Close)
	db.Now = 1_700_000_000_000
	return db
}

// TestAgainstModel compares a DB with a map after random operations.
func TestAgainstModel(t *testing.T) {
	for seed := range seeds(30) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			m := &model{t: t, r: rand.New(rand.NewPCG(seed, 2)), keys: map[string]*modelKey{}}
			m.db = newTestDB(t, seed)
			m.db.Limits.LFU = seed%2 == 0
			m.db.OnExpired = func(key []byte) { m.expired = append(m.expired, string(key)) }
			m.space = []int{10, 300, 3000}[seed%3]
			m.tag = seed%5 == 0
			for step := range 6000 {
				m.step()
				if step%1000 == 999 {
					m.compare()
				}
			}
			m.objectsFreed()
		})
	}
}

type model struct {
	t       *testing.T
	r       *rand.Rand
	db      *DB
	keys    map[string]*modelKey
	space   int
	tag     bool     // all keys in one slot
	expired []string // keys that OnExpired told
	lazy    []string // keys that lookups found expired
	made    int
	freed   int
	cleared int
}

func (m *model) key() []byte {
	k := fmt.Sprintf("key:%d", m.r.IntN(m.space))
	if m.tag {
		k = "{t}" + k
	}
	if m.r.IntN(20) == 0 {
		k += string(bytes.Repeat([]byte("x"), m.r.IntN(300)))
	}
	return []byte(k)
}

func (m *model) bytes() []byte {
	n := m.r.IntN(64)
	switch m.r.IntN(50) {
	case 0:
		n = m.r.IntN(5000)
	case 1:
		n = m.r.IntN(200_000)
	case 2:
		if m.r.IntN(50) == 0 {
			n = 2<<20 + m.r.IntN(1<<20)
		}
	}
	b := make([]byte, n)
	for i := range b[:min(n, 64)] {
		b[i] = byte(m.r.Uint32())
	}
	return b
}

// live is the key as a lookup in mode ExpireDelete sees it.
func (m *model) live(key []byte) *modelKey {
	k := m.keys[string(key)]
	if k != nil && k.at != 0 && m.db.Now > k.at {
		delete(m.keys, string(key))
		m.lazy = append(m.lazy, string(key))
		return nil
	}
	return k
}

func (m *model) equal(key []byte, k *modelKey, v Value, ok bool) {
	m.t.Helper()
	if ok != (k != nil) {
		m.t.Fatalf("%q: found %t, want %t", key, ok, k != nil)
	}
	if !ok {
		return
	}
	if v.Type != k.typ || v.Encoding != k.enc || (v.Object != nil) != (k.fields != nil) || !bytes.Equal(v.Bytes, k.value) {
		m.t.Fatalf("%q: got %v %v %d bytes, want %v %v %d bytes", key, v.Type, v.Encoding, len(v.Bytes), k.typ, k.enc, len(k.value))
	}
	if k.fields != nil {
		d := v.Object.(*fakeObject).dict
		if d.Len() != len(k.fields) {
			m.t.Fatalf("%q: %d fields, want %d", key, d.Len(), len(k.fields))
		}
		d.Each(func(f, v []byte) bool {
			if want, ok := k.fields[string(f)]; !ok || want != string(v) {
				m.t.Fatalf("%q: field %q is %q, want %q", key, f, v, want)
			}
			return true
		})
	}
}

func (m *model) step() {
	db, key := m.db, m.key()
	switch m.r.IntN(20) {
	case 0, 1, 2, 3:
		k := m.live(key)
		value, keep := m.bytes(), m.r.IntN(2) == 0
		n := &modelKey{typ: Type(1 + m.r.IntN(7)), enc: Encoding(m.r.IntN(9)), value: value}
		if k != nil && keep {
			n.at = k.at
		}
		db.Set(key, n.typ, n.enc, value, keep)
		m.keys[string(key)] = n
	case 4:
		k := m.live(key)
		o, keep := newFakeObject(db, &m.freed), m.r.IntN(2) == 0
		m.made++
		n := &modelKey{typ: Hash, enc: EncHashtable, fields: map[string]string{}}
		if k != nil && keep {
			n.at = k.at
		}
		db.SetObject(key, n.typ, n.enc, o, keep)
		m.keys[string(key)] = n
	case 5, 6:
		k := m.live(key)
		v, ok := db.LookupWrite(key)
		m.equal(key, k, v, ok)
		if ok && v.Object != nil {
			m.changeFields(v.Object.(*fakeObject).dict, k.fields)
		} else if ok {
			n := m.r.IntN(2*len(k.value) + 20)
			old := k.value
			k.value = make([]byte, n)
			copy(k.value, old)
			got := db.Resize(key, n, EncRaw)
			k.enc = EncRaw
			if !bytes.Equal(got, k.value) {
				m.t.Fatalf("Resize of %q from %d to %d", key, len(old), n)
			}
			if n > 0 {
				got[n-1], k.value[n-1] = 'r', 'r'
			}
		}
	case 7, 8:
		hits, misses := db.Hits, db.Misses
		k := m.live(key)
		v, ok := db.LookupRead(key)
		m.equal(key, k, v, ok)
		if db.Hits+db.Misses != hits+misses+1 || (db.Hits > hits) != ok {
			m.t.Fatal("hit or miss isn't counted")
		}
	case 9:
		k := m.live(key)
		v, ok := db.Peek(key)
		m.equal(key, k, v, ok)
	case 10, 11:
		_, want := m.keys[string(key)]
		if got := db.Delete(key); got != want {
			m.t.Fatalf("Delete of %q: %t", key, got)
		}
		delete(m.keys, string(key))
	case 12:
		to := m.key()
		k := m.live(key)
		if db.Exists(key) != (k != nil) {
			m.t.Fatalf("Exists of %q: %t", key, k == nil)
		}
		if k != nil {
			db.Rename(key, to)
			delete(m.keys, string(key))
			m.keys[string(to)] = k
		}
	case 13, 14, 15:
		if k := m.live(key); k != nil {
			k.at = db.Now + int64(m.r.IntN(200)) - 20
			if m.r.IntN(5) == 0 {
				k.at = 0
			}
			db.Expire(key, k.at)
		} else if db.Exists(key) {
			m.t.Fatalf("%q exists", key)
		}
	case 16:
		db.Now += int64(m.r.IntN(20))
	case 17:
		want := map[string]bool{}
		for name, k := range m.keys {
			if k.at != 0 && db.Now > k.at {
				want[name] = true
			}
		}
		n, limit := 0, m.r.IntN(10)
		more := db.ExpireCycle(limit, func(key []byte) {
			if !want[string(key)] {
				m.t.Fatalf("%q isn't expired", key)
			}
			n++
			if m.r.IntN(4) > 0 {
				db.Delete(key)
				delete(m.keys, string(key))
			}
		})
		if n != min(limit, len(want)) || more != (len(want) > limit) {
			m.t.Fatalf("%d of %d expired keys, limit %d, more %t", n, len(want), limit, more)
		}
	case 18:
		if d := &db.defrag; !d.running {
			db.planDefrag(&d.below)
			d.running, d.slot, d.dict, d.bucket = true, 0, 0, 0
		}
		db.Defrag(m.r.IntN(100))
		if m.r.IntN(200) == 0 {
			db.Clear()
			m.cleared += m.made - m.freed - m.cleared
			clear(m.keys)
		}
	case 19: // copy from one key to another, from arena to arena
		to := m.key()
		k := m.live(key)
		v, ok := db.Peek(key)
		m.equal(key, k, v, ok)
		if ok && k.fields == nil {
			m.live(to)
			db.Set(to, v.Type, v.Encoding, v.Bytes, false)
			c := *k
			c.at = 0
			m.keys[string(to)] = &c
		}
	}
}

func (m *model) changeFields(d *Dict, want map[string]string) {
	for range m.r.IntN(300) {
		f := fmt.Sprintf("f%d", m.r.IntN(200))
		if m.r.IntN(3) == 0 {
			_, had := want[f]
			if d.Delete([]byte(f)) != had {
				m.t.Fatal("Dict.Delete")
			}
			delete(want, f)
			continue
		}
		v := string(m.bytes())
		if len(v) > 300 {
			v = v[:300]
		}
		_, had := want[f]
		if d.Set([]byte(f), []byte(v)) == had {
			m.t.Fatal("Dict.Set")
		}
		want[f] = v
		if got, ok := d.Get([]byte(f)); !ok || string(got) != v {
			m.t.Fatal("Dict.Get")
		}
	}
}

func (m *model) compare() {
	m.t.Helper()
	db := m.db
	if err := db.Check(); err != nil {
		m.t.Fatal(err)
	}
	if !slices.Equal(m.expired, m.lazy) {
		m.t.Fatalf("OnExpired told %q, want %q", m.expired, m.lazy)
	}
	db.Expiry = ExpireIgnore
	defer func() { db.Expiry = ExpireDelete }()
	if db.Len() != len(m.keys) {
		m.t.Fatalf("%d keys, want %d", db.Len(), len(m.keys))
	}
	seen, ttls, live := 0, 0, 0
	db.Each(func(key []byte, v Value, at int64) bool {
		k := m.keys[string(key)]
		m.equal(key, k, v, true)
		if at != k.at {
			m.t.Fatalf("%q expires at %d, want %d", key, at, k.at)
		}
		seen++
		return true
	})
	for name, k := range m.keys {
		if k.at != 0 {
			ttls++
		}
		if k.at == 0 || db.Now <= k.at {
			live++
		}
		v, ok := db.Peek([]byte(name))
		m.equal([]byte(name), k, v, ok)
	}
	if seen != len(m.keys) || db.Expires() != ttls {
		m.t.Fatalf("Each saw %d of %d keys; %d expire, want %d", seen, len(m.keys), db.Expires(), ttls)
	}
	db.Expiry = ExpireHide
	hidden := 0
	db.Each(func([]byte, Value, int64) bool { hidden++; return true })
	if hidden != live {
		m.t.Fatalf("Each saw %d keys that aren't expired, want %d", hidden, live)
	}
	bySlot := 0
	for s := range uint16(16384) {
		n := 0
		db.SlotKeys(s, func([]byte) bool { n++; return true })
		if n != db.SlotLen(s) {
			m.t.Fatalf("slot %d: %d keys, SlotLen %d", s, n, db.SlotLen(s))
		}
		bySlot += n
	}
	if bySlot != len(m.keys) {
		m.t.Fatalf("%d keys in slots, want %d", bySlot, len(m.keys))
	}
}

func (m *model) objectsFreed() {
	for name := range m.keys {
		m.db.Delete([]byte(name))
	}
	if m.made != m.freed+m.cleared {
		m.t.Fatalf("%d objects made, %d freed, %d cleared", m.made, m.freed, m.cleared)
	}
	if err := m.db.Check(); err != nil {
		m.t.Fatal(err)
	}
	if n := m.db.used; n != 0 {
		m.t.Fatalf("%d bytes in use without keys", n)
	}
}
