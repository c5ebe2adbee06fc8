package datatype

import (
	"bytes"
	"math/rand/v2"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/intset"
	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// Set is the set at a key: an intset while all members are integers and not more than set-max-intset-entries, else a keyspace.Dict with empty values. It never goes back.
// A Set is valid during a call; members that it returns are valid until the next call of one of its methods, or the DB's next change.
type Set struct {
	db     *keyspace.DB
	key    []byte
	loose  bool // it is at no key: a result
	exists bool
	ints   []byte         // an intset, if dict is nil
	dict   *keyspace.Dict // nil for an intset
	text   [20]byte       // of an integer that is returned
}

// OpenSet is the set that v, the value at key, is; with exists false it is an empty one that the first Add makes.
func OpenSet(db *keyspace.DB, key []byte, v keyspace.Value, exists bool) Set {
	s := Set{db: db, key: key, exists: exists, ints: v.Bytes}
	if v.Object != nil {
		s.dict = v.Object.(*keyspace.Dict) //nolint:forcetypeassert // the only Object of this type
	}
	return s
}

// newSet is an empty set at no key. It ends with store or free.
func newSet(db *keyspace.DB) Set { return Set{db: db, loose: true} }

// store makes a set at no key, which is not empty, the value of key.
func (s *Set) store(key []byte, keepTTL bool) {
	if s.dict != nil {
		s.db.SetObject(key, keyspace.Set, keyspace.EncHashtable, s.dict, keepTTL)
	} else {
		s.db.Set(key, keyspace.Set, keyspace.EncIntset, s.ints, keepTTL)
	}
}

// free releases a set at no key.
func (s *Set) free() {
	if s.dict != nil {
		s.dict.Free()
	}
}

// Len is the number of members.
func (s *Set) Len() int {
	switch {
	case s.dict != nil:
		return s.dict.Len()
	case s.exists:
		return intset.Len(s.ints)
	}
	return 0
}

// Has says whether a member is in the set.
func (s *Set) Has(member []byte) bool {
	if s.dict != nil {
		_, ok := s.dict.Get(member)
		return ok
	}
	n, isInt := command.IntText(member)
	return isInt && s.exists && intset.Has(s.ints, n)
}

// Each calls fn for each member until it returns false: integers of an intset in ascending order. A member is valid during that call of fn only; fn must not change the set.
func (s *Set) Each(fn func(member []byte) bool) {
	if s.dict != nil {
		s.dict.Each(func(k, _ []byte) bool { return fn(k) })
		return
	}
	for i := range s.Len() {
		if !fn(strconv.AppendInt(s.text[:0], intset.At(s.ints, i), 10)) {
			return
		}
	}
}

// Random is a member, each with the same chance. The set must not be empty.
func (s *Set) Random(r *rand.Rand) []byte {
	if s.dict != nil {
		k, _ := s.dict.Random(r)
		return k
	}
	return strconv.AppendInt(s.text[:0], intset.At(s.ints, r.IntN(intset.Len(s.ints))), 10)
}

// Add adds a member and says whether it is new.
func (s *Set) Add(member []byte) (added bool) {
	if s.dict == nil {
		n, isInt := command.IntText(member)
		if isInt && (!s.exists || intset.SizeWith(s.ints, n) <= maxPacked) {
			return s.addInt(n)
		}
		s.unpack()
	}
	return s.dict.Set(member, nil)
}

func (s *Set) addInt(n int64) (added bool) {
	if !s.exists {
		if s.exists = true; s.loose {
			s.ints = intset.New()
		} else {
			s.db.Set(s.key, keyspace.Set, keyspace.EncIntset, intset.New(), false)
			v, _ := s.db.Peek(s.key)
			s.ints = v.Bytes
		}
	}
	s.ints, added = intset.Add(s.ints, (*setRoom)(s), n)
	if added && intset.Len(s.ints) > s.db.Limits.SetMaxIntsetEntries {
		s.unpack()
	}
	return added
}

// Remove removes a member and says whether it was there. With the last member the key goes.
func (s *Set) Remove(member []byte) (removed bool) {
	if s.dict != nil {
		removed = s.dict.Delete(member)
	} else if n, isInt := command.IntText(member); isInt && s.exists {
		s.ints, removed = intset.Remove(s.ints, (*setRoom)(s), n)
	}
	if removed && !s.loose && s.Len() == 0 {
		s.db.Delete(s.key)
		s.exists, s.ints, s.dict = false, nil, nil
	}
	return removed
}

// unpack makes the set a Dict. Its expiry stays.
func (s *Set) unpack() {
	d := s.db.NewDict()
	old := Set{exists: s.exists, ints: bytes.Clone(s.ints)} // so as not to read what the changes below may move
	old.Each(func(member []byte) bool {
		d.Set(member, nil)
		return true
	})
	if !s.loose {
		s.db.SetObject(s.key, keyspace.Set, keyspace.EncHashtable, d, true)
	}
	s.dict, s.ints, s.exists = d, nil, true
}

// setRoom is where a Set's intset lies.
type setRoom Set

// Resize is intset.Room's.
func (r *setRoom) Resize(n int) []byte {
	if r.loose {
		h := intset.Heap(r.ints)
		return h.Resize(n)
	}
	return r.db.Resize(r.key, n, keyspace.EncIntset)
}

// intsetDigest is the checksum that a keyspace.Dict of the same members has.
func intsetDigest(ints []byte) uint64 {
	s := Set{exists: true, ints: ints}
	var sum uint64
	s.Each(func(member []byte) bool {
		sum += keyspace.DigestField(member, nil)
		return true
	})
	return sum
}
