package keyspace

import (
	"encoding/binary"
	"math/rand/v2"
)

// Dict is a table of byte strings for a big collection: fields and values of a hash, members of a set, members and scores of a sorted set. It
// lies in the arena of the DB that made it and counts as memory of the Object that owns it. Bytes that it returns are valid until its next
// change, or the DB's, and must be neither modified nor retained.
//
// A field is a block: the lengths of key and value as uvarints, key, value.
type Dict struct {
	s      *space
	table  vector
	memory int64
	index  int  // in space.dicts
	pinned bool // fields stay where they are
}

// NewDict makes an empty Dict in the DB's arena.
func (db *DB) NewDict() *Dict {
	d := &Dict{s: db.space, index: len(db.dicts)}
	db.dicts = append(db.dicts, d)
	return d
}

// NewPinnedDict makes an empty Dict whose fields stay where they are, so that other structures may name them by their Refs: neither Defrag nor a Set of a value as long as
// the old one moves them.
func (db *DB) NewPinnedDict() *Dict {
	d := db.NewDict()
	d.pinned = true
	return d
}

// Ref names the field of k; 0 if there is none. Of a Dict that isn't pinned it is valid until the next change of the DB.
func (d *Dict) Ref(k []byte) Ref {
	if w := d.s.lookup(&d.table, fields, d.s.sum(k), k); w != nil {
		return refOf(*w)
	}
	return 0
}

// Field is key and value of the field that r names.
func (d *Dict) Field(r Ref) (k, v []byte) { return d.s.field(r) }

// Get is the value of k.
func (d *Dict) Get(k []byte) ([]byte, bool) {
	w := d.s.lookup(&d.table, fields, d.s.sum(k), k)
	if w == nil {
		return nil, false
	}
	_, v := d.s.field(refOf(*w))
	return v, true
}

// Set makes v the value of k, and says whether k is new. k and v may point into the arena.
func (d *Dict) Set(k, v []byte) (added bool) {
	h := d.s.sum(k)
	w := d.s.lookup(&d.table, fields, h, k)
	if w != nil {
		if _, old := d.s.field(refOf(*w)); len(old) == len(v) {
			copy(old, v)
			return false
		}
	}
	defer d.account(d.s.used)
	r := d.s.newField(k, v)
	if w != nil {
		d.s.free(refOf(*w))
		*w = word(h, r)
		return false
	}
	d.s.insert(&d.table, fields, h, r)
	return true
}

// Delete deletes k, and says whether it was there.
func (d *Dict) Delete(k []byte) bool {
	h := d.s.sum(k)
	w := d.s.lookup(&d.table, fields, h, k)
	if w == nil {
		return false
	}
	defer d.account(d.s.used)
	r := refOf(*w)
	d.s.remove(&d.table, h, w)
	d.s.free(r)
	return true
}

// Len is the number of keys.
func (d *Dict) Len() int { return int(d.table.count) }

// Memory is the bytes of the arena that the Dict holds.
func (d *Dict) Memory() int64 { return d.memory }

// Free releases the Dict's memory. The Dict must not be used any more.
func (d *Dict) Free() {
	dicts := d.s.dicts
	last := dicts[len(dicts)-1]
	dicts[d.index], last.index = last, d.index
	dicts[len(dicts)-1] = nil
	d.s.dicts = dicts[:len(dicts)-1]
	defer d.account(d.s.used)
	d.eachRef(func(r Ref) bool { d.s.free(r); return true })
	d.s.dropTable(&d.table)
}

// account adds what was allocated since the arena's blocks had the size before to the Dict's memory.
func (d *Dict) account(before int64) {
	delta := d.s.used - before
	d.memory += delta
	d.s.external += delta
}

// Scan is to the Dict what DB.Scan is to the keys: it visits about count keys from cursor on, whole buckets at a time, and returns the next
// cursor, 0 at the end. fn must not change the Dict.
func (d *Dict) Scan(cursor uint64, count int, fn func(k, v []byte)) uint64 {
	if d.table.n == 0 {
		return 0
	}
	seen := 0
	cursor &= 1<<cursorBits - 1
	for {
		cursor = d.s.scanTable(&d.table, cursor, func(r Ref) bool {
			seen++
			fn(d.s.field(r))
			return true
		})
		if cursor == 0 || seen >= count {
			return cursor
		}
	}
}

// Random is a key and its value, each with the same chance; nil if the Dict is empty.
func (d *Dict) Random(r *rand.Rand) (k, v []byte) {
	if d.table.count == 0 {
		return nil, nil
	}
	return d.s.field(d.s.random(&d.table, r))
}

// Each calls fn for each key until it returns false. fn must not change the Dict.
func (d *Dict) Each(fn func(k, v []byte) bool) {
	d.eachRef(func(r Ref) bool { return fn(d.s.field(r)) })
}

func (d *Dict) eachRef(fn func(Ref) bool) {
	for i := range d.table.n {
		if !d.s.eachIn(&d.table, i, fn) {
			return
		}
	}
}

// field is key and value of the field r.
func (s *space) field(r Ref) (k, v []byte) {
	b := s.at(r)
	nk, i := uint64(b[0]), 1
	if nk >= 0x80 {
		nk, i = binary.Uvarint(b)
	}
	nv, j := uint64(b[i]), 1
	if nv >= 0x80 {
		nv, j = binary.Uvarint(b[i:])
	}
	b = b[i+j:]
	return b[:nk:nk], b[nk : nk+nv : nk+nv]
}

func (s *space) newField(k, v []byte) Ref {
	var head [2 * binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(k)))
	n += binary.PutUvarint(head[n:], uint64(len(v)))
	r := s.alloc(n + len(k) + len(v))
	b := s.at(r)
	copy(b, head[:n])
	copy(b[n:], k)
	copy(b[n+len(k):], v)
	return r
}
