package datatype

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// Hash is the hash at a key: packed while it is small, a keyspace.Dict beyond the limits hash-max-listpack-entries and hash-max-listpack-value. It never goes back.
// A Hash is valid during a call; bytes that it returns are valid until its next change, or the DB's.
type Hash struct {
	db     *keyspace.DB
	key    []byte
	exists bool
	packed packedHash     // if dict is nil
	dict   *keyspace.Dict // nil while packed
}

// OpenHash is the hash that v, the value at key, is; with exists false it is an empty one that the first Set makes.
func OpenHash(db *keyspace.DB, key []byte, v keyspace.Value, exists bool) Hash {
	h := Hash{db: db, key: key, exists: exists, packed: packedHash(v.Bytes)}
	if v.Object != nil {
		h.dict = v.Object.(*keyspace.Dict) //nolint:forcetypeassert // the only Object of this type
	}
	return h
}

// Len is the number of fields.
func (h *Hash) Len() int {
	switch {
	case h.dict != nil:
		return h.dict.Len()
	case h.exists:
		return h.packed.len()
	}
	return 0
}

// Get is the value of a field.
func (h *Hash) Get(field []byte) ([]byte, bool) {
	if h.dict != nil {
		return h.dict.Get(field)
	}
	_, value, _, ok := h.packed.find(field)
	return value, ok
}

// Each calls fn for each field until it returns false. fn must not change the DB.
func (h *Hash) Each(fn func(field, value []byte) bool) {
	if h.dict != nil {
		h.dict.Each(fn)
		return
	}
	h.packed.each(fn)
}

// Random is a field and its value, each with the same chance. The hash must not be empty.
func (h *Hash) Random(r *rand.Rand) (field, value []byte) {
	if h.dict != nil {
		return h.dict.Random(r)
	}
	n := r.IntN(h.packed.len())
	h.packed.each(func(f, v []byte) bool {
		field, value = f, v
		n--
		return n >= 0
	})
	return field, value
}

// Set makes value the value of a field and says whether the field is new. Neither may point into the DB's arena.
func (h *Hash) Set(field, value []byte) (added bool) {
	if h.dict == nil && !h.fits(len(field), len(value)) {
		h.unpack()
	}
	if h.dict != nil {
		return h.dict.Set(field, value)
	}
	if !h.exists {
		h.db.Set(h.key, keyspace.Hash, keyspace.EncListpack, newPackedHash(), false)
		v, _ := h.db.Peek(h.key)
		h.packed, h.exists = packedHash(v.Bytes), true
	}
	at, old, end, found := h.packed.find(field)
	switch {
	case !found && h.packed.len() >= h.maxEntries():
		h.unpack()
		return h.dict.Set(field, value)
	case !found:
		h.putEntry(at, field, value)
	case len(old) == len(value):
		b := h.db.Resize(h.key, len(h.packed), keyspace.EncListpack) // the same length: room to write in
		copy(b[end-len(old):end], value)
		h.packed = b
	default:
		var head [2 * binary.MaxVarintLen64]byte
		n := putHead(head[:], len(field), len(value))
		b := h.splice(at, end-at, n+len(field)+len(value))
		copy(b, head[:n])
		copy(b[n:], field)
		copy(b[n+len(field):], value)
	}
	if h.packed.len() > h.maxEntries() { // the limit has been lowered
		h.unpack()
	}
	return !found
}

// putEntry adds an entry at the end, which is at.
func (h *Hash) putEntry(at int, field, value []byte) {
	var head [2 * binary.MaxVarintLen64]byte
	n := putHead(head[:], len(field), len(value))
	b := h.splice(at, 0, n+len(field)+len(value))
	copy(b, head[:n])
	copy(b[n:], field)
	copy(b[n+len(field):], value)
	h.packed.setLen(h.packed.len() + 1)
}

// Delete deletes a field and says whether it was there. With the last field the key goes.
func (h *Hash) Delete(field []byte) bool {
	if h.dict != nil {
		if !h.dict.Delete(field) {
			return false
		}
	} else {
		at, _, end, found := h.packed.find(field)
		if !found {
			return false
		}
		h.splice(at, end-at, 0)
		h.packed.setLen(h.packed.len() - 1)
	}
	if h.Len() == 0 {
		h.db.Delete(h.key)
		h.exists, h.packed, h.dict = false, nil, nil
	}
	return true
}

// splice makes room of n bytes for the old ones at at, and returns it.
func (h *Hash) splice(at, old, n int) []byte {
	size := len(h.packed)
	if n > old {
		b := h.db.Resize(h.key, size+n-old, keyspace.EncListpack)
		copy(b[at+n:], b[at+old:size])
		h.packed = b
	} else {
		b := h.db.Resize(h.key, size, keyspace.EncListpack)
		copy(b[at+n:], b[at+old:])
		h.packed = h.db.Resize(h.key, size+n-old, keyspace.EncListpack)
	}
	return h.packed[at : at+n]
}

// maxPacked is the size in bytes beyond which a hash is not packed whatever the limits say.
const maxPacked = 1 << 30

func (h *Hash) fits(field, value int) bool {
	most := h.db.Limits.HashMaxListpackValue
	return field <= most && value <= most && len(h.packed)+field+value <= maxPacked
}

func (h *Hash) maxEntries() int { return min(h.db.Limits.HashMaxListpackEntries, maxPackedLen) }

// unpack makes the hash a Dict. Its expiry stays.
func (h *Hash) unpack() {
	fields := packedHash(bytes.Clone(h.packed)) // so as not to read what the changes below may move
	d := h.db.NewDict()
	fields.each(func(f, v []byte) bool {
		d.Set(f, v)
		return true
	})
	h.db.SetObject(h.key, keyspace.Hash, keyspace.EncHashtable, d, true)
	h.dict, h.packed, h.exists = d, nil, true
}
