package keyspace

import (
	"math/bits"
	"math/rand/v2"

	"github.com/openmemorydb/memorydb/engine/slot"
)

// A cursor is a position in the order of keys by slot, then by spread hash with its bits reversed. A bucket holds the keys of an interval of
// that order, however many buckets the table has: growth halves an interval, shrinking joins two. So whatever happens between two calls, the
// keys before the position have been visited and those behind it will be. Redis's cursor is the same order.
const (
	cursorBits = 48 // of a position within a table
	slotBits   = 14
)

// Scan visits about count keys from cursor on, and returns the cursor to go on with, 0 at the end. A key that is there from the start to the
// end of a full iteration is visited at least once, however much the DB changes in between; others may be visited, some twice. A call visits
// whole buckets, so a few keys more than count. Expired keys are passed over, but in mode ExpireIgnore. Any cursor is valid. fn must not
// change the DB.
func (db *DB) Scan(cursor uint64, count int, fn func(key []byte)) uint64 {
	s := int(cursor & (slot.Count - 1))
	position := cursor >> slotBits & (1<<cursorBits - 1)
	seen := 0
	visit := func(r Ref) bool {
		seen++
		if !db.expired(db.expireAtOf(r)) {
			fn(db.entryKey(r))
		}
		return true
	}
	for s < slot.Count {
		g := db.groups[s/groupSlots]
		if g == nil || g.len == 0 {
			s, position = (s/groupSlots+1)*groupSlots, 0
			continue
		}
		t := &g.tables[s%groupSlots]
		if t.count > 0 {
			position = db.scanTable(t, position, visit)
		} else {
			position = 0
		}
		if position == 0 {
			s++
		}
		if seen >= count && s < slot.Count {
			return position<<slotBits | uint64(s)
		}
	}
	return 0
}

// scanTable calls fn for each Ref of the bucket at position, and returns the next bucket's position, 0 at the end.
func (s *space) scanTable(t *vector, position uint64, fn func(Ref) bool) uint64 {
	x := bits.Reverse64(position) >> (64 - cursorBits)
	i := bucketIndex(t.n, x)
	s.eachIn(t, i, fn)
	// The bucket is named by as many low bits as there are before its interval ends.
	width := log2(t.n)
	if i >= 1<<width || i+1<<width < t.n {
		width++
	}
	interval := uint64(1) << (cursorBits - width)
	return (position&^(interval-1) + interval) & (1<<cursorBits - 1)
}

// RandomKey is a key chosen with equal chance for all that aren't expired (in mode ExpireIgnore, for all).
func (db *DB) RandomKey() ([]byte, bool) {
	if db.len == 0 {
		return nil, false
	}
	for range 100 {
		r := db.randomEntry()
		if !db.expired(db.expireAtOf(r)) {
			return db.entryKey(r), true
		}
	}
	// Nearly all are expired.
	var key []byte
	db.Each(func(k []byte, _ Value, _ int64) bool { key = k; return false })
	return key, key != nil
}

// randomEntry is an entry of a DB that isn't empty, each with the same chance.
func (db *DB) randomEntry() Ref {
	n := db.chance.IntN(db.len)
	for _, g := range db.groups {
		if g == nil {
			continue
		}
		if n >= g.len {
			n -= g.len
			continue
		}
		for i := range g.tables {
			t := &g.tables[i]
			if n < int(t.count) {
				return db.random(t, db.chance)
			}
			n -= int(t.count)
		}
	}
	panic("keyspace: counts of keys don't add up")
}

// random is a Ref of a table that isn't empty, each with the same chance.
func (s *space) random(t *vector, r *rand.Rand) Ref {
	// A bucket is drawn until one is accepted, with a chance proportional to its words; then one of them. Hardly ever does a bucket have more
	// than this.
	const most = 3 * bucketWords
	for {
		b := s.bucket(t, r.Uint32N(t.n))
		n := s.words(b)
		if r.IntN(most) >= n {
			continue
		}
		i := r.IntN(n)
		for ; i >= bucketWords; i -= bucketWords {
			b = s.overflow(b)
		}
		return refOf(b[i])
	}
}

// SampleEvict calls fn for samples keys drawn with equal chance from all, or with volatileOnly from those with an expiry (expireAt is 0 if
// there is none); a key may be drawn twice. idle is the time since the last use in seconds, freq the LFU counter; the policy says which of
// them means something. fn must not change the DB.
func (db *DB) SampleEvict(volatileOnly bool, samples int, fn func(key []byte, idle int64, freq int, expireAt int64)) {
	n := db.len
	if volatileOnly {
		n = int(db.heap.n)
	}
	if n == 0 {
		return
	}
	for range samples {
		var r Ref
		if volatileOnly {
			r = db.item(db.chance.Uint32N(db.heap.n)).ref
		} else {
			r = db.randomEntry()
		}
		b := db.at(r)
		fn(db.entryKey(r), db.idle(b), int(db.frequency(b)), db.expireAtOf(r))
	}
}
