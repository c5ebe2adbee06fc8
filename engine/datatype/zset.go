package datatype

import (
	"bytes"
	"math/rand/v2"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
)

// ZSet is the sorted set at a key: a listpack while it is small, a dictionary with a tree beyond the limits zset-max-listpack-entries and zset-max-listpack-value. It never
// goes back. Elements are ordered by score, those of one score by member, and have ranks from 0 on.
//
// A ZSet is valid during a call; members that it returns are valid until the next call of one of its methods, or the DB's next change.
type ZSet struct {
	db     *keyspace.DB
	key    []byte
	exists bool
	packed packedZSet // if big is nil
	big    *bigZSet   // nil while packed
}

// OpenZSet is the sorted set that v, the value at key, is; with exists false it is an empty one that the first Set makes.
func OpenZSet(db *keyspace.DB, key []byte, v keyspace.Value, exists bool) ZSet {
	z := ZSet{db: db, key: key, exists: exists, packed: packedZSet(v.Bytes)}
	if v.Object != nil {
		z.big = v.Object.(*bigZSet) //nolint:forcetypeassert // the only Object of this type
	}
	return z
}

// Len is the number of members.
func (z *ZSet) Len() int {
	switch {
	case z.big != nil:
		return z.big.len()
	case z.exists:
		return z.packed.len()
	}
	return 0
}

// Score is the score of a member.
func (z *ZSet) Score(member []byte) (score float64, ok bool) {
	if z.big != nil {
		return z.big.score(member)
	}
	if z.exists {
		_, score, ok = z.packed.find(member)
	}
	return score, ok
}

// Rank is the rank of a member: the number of elements before it.
func (z *ZSet) Rank(member []byte) (int, bool) {
	score, ok := z.Score(member)
	if !ok {
		return 0, false
	}
	return z.Search(func(m []byte, s float64) bool { return compareElements(m, s, member, score) < 0 }), true
}

// Search is the number of elements that before holds for. It must hold for none behind one that it doesn't hold for.
func (z *ZSet) Search(before func(member []byte, score float64) bool) int {
	switch {
	case z.big != nil:
		return z.big.search(before)
	case z.exists:
		return z.packed.search(before)
	}
	return 0
}

// Each calls fn for each element in order, until it returns false. fn must not change the DB.
func (z *ZSet) Each(fn func(member []byte, score float64) bool) { z.Range(0, false, fn) }

// Range calls fn for the elements from a rank on, or back to the first one, until it returns false. fn must not change the DB.
func (z *ZSet) Range(rank int, back bool, fn func(member []byte, score float64) bool) {
	switch {
	case z.big != nil:
		z.big.each(rank, back, fn)
	case z.exists:
		z.packed.each(rank, back, fn)
	}
}

// Random is an element, each with the same chance. The set must not be empty.
func (z *ZSet) Random(r *rand.Rand) (member []byte, score float64) {
	if z.big != nil {
		k, v := z.big.dict.Random(r)
		return k, scoreOf(v)
	}
	z.packed.each(r.IntN(z.packed.len()), false, func(m []byte, s float64) bool {
		member, score = m, s
		return false
	})
	return member, score
}

// Set gives a member a score, and says whether the member is new. The member must not point into the DB's arena.
func (z *ZSet) Set(member []byte, score float64) (added bool) {
	if z.big != nil {
		return z.big.set(member, score)
	}
	if z.exists {
		if at, _, ok := z.packed.find(member); ok {
			z.packed = listpack.Splice(z.packed, z, at, listpack.Next(z.packed, listpack.Next(z.packed, at)), 2)
			z.packed = z.packed.insert(z, member, score)
			return false
		}
	}
	if z.Len() >= z.db.Limits.ZSetMaxListpackEntries || len(member) > z.db.Limits.ZSetMaxListpackValue || len(z.packed)+len(member) > maxPacked {
		z.unpack()
		return z.big.set(member, score)
	}
	if !z.exists {
		z.db.Set(z.key, keyspace.ZSet, keyspace.EncListpack, listpack.New(), false)
		v, _ := z.db.Peek(z.key)
		z.packed, z.exists = v.Bytes, true
	}
	z.packed = z.packed.insert(z, member, score)
	return true
}

// Resize is listpack.Room's: the listpack lies at the key.
func (z *ZSet) Resize(n int) []byte { return z.db.Resize(z.key, n, keyspace.EncListpack) }

// Delete deletes a member and says whether it was there. With the last member the key goes.
func (z *ZSet) Delete(member []byte) bool {
	if z.big != nil {
		if !z.big.remove(member) {
			return false
		}
	} else {
		if !z.exists {
			return false
		}
		at, _, ok := z.packed.find(member)
		if !ok {
			return false
		}
		z.packed = listpack.Splice(z.packed, z, at, listpack.Next(z.packed, listpack.Next(z.packed, at)), 2)
	}
	z.dropEmpty()
	return true
}

// DeleteRange deletes n elements from a rank on. With the last member the key goes.
func (z *ZSet) DeleteRange(rank, n int) {
	if z.big != nil {
		z.big.removeAt(rank, n)
	} else {
		z.packed = z.packed.removeAt(z, rank, n)
	}
	z.dropEmpty()
}

func (z *ZSet) dropEmpty() {
	if z.Len() == 0 {
		z.db.Delete(z.key)
		z.exists, z.packed, z.big = false, nil, nil
	}
}

// unpack makes the set a big one. Its expiry stays.
func (z *ZSet) unpack() {
	big := newBigZSet(z.db)
	if z.exists {
		packedZSet(bytes.Clone(z.packed)).each(0, false, func(member []byte, score float64) bool { // a clone, so as not to read what the changes below may move
			big.append(member, score)
			return true
		})
	}
	z.db.SetObject(z.key, keyspace.ZSet, keyspace.EncSkiplist, big, true)
	z.big, z.packed, z.exists = big, nil, true
}

// storeZSet makes a result, which is not empty, the value of key: a listpack if it fits the limits. The result belongs to the DB from now on.
func storeZSet(db *keyspace.DB, key []byte, result *bigZSet) {
	StoreValue(db, key, zsetValue(db, result))
}

// zsetValue is a sorted set at no key, which is not empty: a listpack if it fits the limits, else big itself.
func zsetValue(db *keyspace.DB, big *bigZSet) keyspace.Value {
	longest, total := 0, 0
	big.dict.Each(func(member, _ []byte) bool {
		longest, total = max(longest, len(member)), total+len(member)
		return true
	})
	if big.len() > db.Limits.ZSetMaxListpackEntries || longest > db.Limits.ZSetMaxListpackValue || total > maxPacked {
		return keyspace.Value{Type: keyspace.ZSet, Encoding: keyspace.EncSkiplist, Object: big}
	}
	packed := listpack.New()
	big.each(0, false, func(member []byte, score float64) bool {
		packed = listpack.Append(packed, member, packedScore(score))
		return true
	})
	big.Free()
	return keyspace.Value{Type: keyspace.ZSet, Encoding: keyspace.EncListpack, Bytes: packed}
}
