package keyspace

import "encoding/binary"

// space is the memory that a DB and its Dicts share: the arena, and the hash of their tables.
type space struct {
	arena
	hasher
	external int64    // bytes of blocks that belong to objects: Dicts, and what they took of the Arena
	dicts    []*Dict  // all Dicts, for defragmentation
	scratch  []uint64 // for split and merge of buckets
}

func newSpace(h hasher) *space { return &space{hasher: h} }

// kind says what the Refs of a table name: it leads to their keys.
type kind uint8

const (
	entries kind = iota // entries of a DB (entry.go)
	fields              // fields of a Dict (dict.go)
)

func (s *space) keyOf(k kind, r Ref) []byte {
	if k == entries {
		return s.entryKey(r)
	}
	key, _ := s.field(r)
	return key
}

// eachIn calls fn for each Ref in bucket i of t, and says whether all calls returned true.
func (s *space) eachIn(t *vector, i uint32, fn func(Ref) bool) bool {
	for b := s.bucket(t, i); b != nil; b = s.overflow(b) {
		for _, w := range b[:bucketWords] {
			if w == 0 {
				return true
			}
			if !fn(refOf(w)) {
				return false
			}
		}
	}
	return true
}

func put32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
func get32(b []byte) uint32    { return binary.LittleEndian.Uint32(b) }
