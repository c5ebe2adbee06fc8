package datatype

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// bigZSet is the keyspace.Object of a sorted set that is too big for a listpack: a Dict of members with their scores, and a tree that orders the Dict's fields.
type bigZSet struct {
	dict *keyspace.Dict
	tree zsetTree
}

func newBigZSet(db *keyspace.DB) *bigZSet {
	return &bigZSet{dict: db.NewPinnedDict(), tree: zsetTree{arena: db.Arena()}}
}

// Memory is keyspace.Object's.
func (z *bigZSet) Memory() int64 { return z.dict.Memory() + z.tree.memory }

// Free is keyspace.Object's.
func (z *bigZSet) Free() {
	z.tree.free()
	z.dict.Free()
}

// Digest is keyspace.Object's.
func (z *bigZSet) Digest() uint64 {
	var sum uint64
	z.dict.Each(func(member, score []byte) bool {
		sum += zsetDigest(member, scoreOf(score))
		return true
	})
	return sum
}

// Clone is Cloner's.
func (z *bigZSet) Clone(db *keyspace.DB) keyspace.Object {
	clone := newBigZSet(db)
	z.each(0, false, func(member []byte, score float64) bool {
		clone.append(member, score)
		return true
	})
	return clone
}

// zsetDigest is an element's part of a sorted set's digest. -0 counts as 0, which it is in a listpack.
func zsetDigest(member []byte, score float64) uint64 {
	if score == 0 {
		score = 0
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], math.Float64bits(score))
	return keyspace.DigestField(member, b[:])
}

func scoreOf(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

func (z *bigZSet) len() int { return z.dict.Len() }

func (z *bigZSet) score(member []byte) (float64, bool) {
	b, ok := z.dict.Get(member)
	if !ok {
		return 0, false
	}
	return scoreOf(b), true
}

// member is the member of an element.
func (z *bigZSet) member(e zsetElement) []byte {
	k, _ := z.dict.Field(e.member)
	return k
}

// position is the number of elements before one with a score and member.
func (z *bigZSet) position(member []byte, score float64) int {
	return z.tree.search(func(e zsetElement) bool {
		if e.score != score {
			return e.score < score
		}
		return bytes.Compare(z.member(e), member) < 0
	})
}

// search is the number of elements that before holds for; it must hold for none behind one that it doesn't hold for.
func (z *bigZSet) search(before func(member []byte, score float64) bool) int {
	return z.tree.search(func(e zsetElement) bool { return before(z.member(e), e.score) })
}

// set gives a member a score.
func (z *bigZSet) set(member []byte, score float64) (added bool) {
	old, had := z.score(member)
	if had {
		z.tree.remove(z.position(member, old))
	}
	at := z.position(member, score)
	z.put(at, member, score)
	return !had
}

// append puts a new member behind all others.
func (z *bigZSet) append(member []byte, score float64) { z.put(z.len(), member, score) }

func (z *bigZSet) put(at int, member []byte, score float64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], math.Float64bits(score))
	z.dict.Set(member, b[:])
	z.tree.insert(at, zsetElement{score, z.dict.Ref(member)})
}

// remove removes a member.
func (z *bigZSet) remove(member []byte) bool {
	score, had := z.score(member)
	if had {
		z.tree.remove(z.position(member, score))
		z.dict.Delete(member)
	}
	return had
}

// removeAt removes n elements from position at on.
func (z *bigZSet) removeAt(at, n int) {
	for range n {
		leaf, i := z.tree.leafAt(at)
		e := leaf.first(i)
		z.tree.remove(at)
		z.dict.Delete(bytes.Clone(z.member(e)))
	}
}

// each calls fn for the elements from position at on, or back to the first one, until it returns false.
func (z *bigZSet) each(at int, back bool, fn func(member []byte, score float64) bool) {
	z.tree.each(at, back, func(e zsetElement) bool { return fn(z.member(e), e.score) })
}

// compareElements is the order of sorted sets: by score, then by member.
func compareElements(a []byte, x float64, b []byte, y float64) int {
	if x != y {
		return cmp.Compare(x, y)
	}
	return bytes.Compare(a, b)
}
