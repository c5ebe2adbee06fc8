package keyspace

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Digest is a checksum of all keys, types, values and expiries, in which neither order nor encoding nor use counts: two nodes at the same
// position of the log have the same. Expired keys count until the log deletes them. It isn't made to withstand forgery.
func (db *DB) Digest() uint64 {
	var sum uint64
	db.eachRef(func(r Ref) bool {
		sum += db.entryDigest(r)
		return true
	})
	return sum
}

// ValueDigest is a checksum of type, value and whether there is an expiry, expired or not; 0 if there is no key. Keys with the same value have the same.
func (db *DB) ValueDigest(key []byte) uint64 {
	w := db.find(key)
	if w == nil {
		return 0
	}
	r := refOf(*w)
	v := db.valueOf(r)
	expires := uint64(0)
	if db.expireAtOf(r) != 0 {
		expires = 1
	}
	return digest(db.contentDigest(v), uint64(v.Type), expires)
}

// entryDigest is the checksum of one key. Sums of such numbers don't depend on the order, and differ if a key is there twice.
func (db *DB) entryDigest(r Ref) uint64 {
	v := db.valueOf(r)
	return digest(xxhash.Sum64(db.entryKey(r)), db.contentDigest(v), uint64(v.Type), uint64(db.expireAtOf(r)))
}

func (db *DB) contentDigest(v Value) uint64 {
	switch {
	case v.Object != nil:
		return v.Object.Digest()
	case v.Type != String && db.packedDigest != nil:
		return db.packedDigest(v.Type, v.Bytes)
	default:
		return xxhash.Sum64(v.Bytes)
	}
}

// digest is a checksum of numbers in their order.
func digest(numbers ...uint64) uint64 {
	var b [4 * 8]byte
	for i, n := range numbers {
		binary.LittleEndian.PutUint64(b[i*8:], n)
	}
	return xxhash.Sum64(b[:len(numbers)*8])
}

// Digest is a checksum of the Dict's keys and values, in which their order doesn't count. PackedDigest gives the same for a packed form of
// them if it sums DigestField.
func (d *Dict) Digest() uint64 {
	var sum uint64
	d.Each(func(k, v []byte) bool {
		sum += DigestField(k, v)
		return true
	})
	return sum
}

// DigestField is the part of a field in its collection's order-independent checksum, which is the sum, modulo 2^64, of those of all fields.
func DigestField(k, v []byte) uint64 { return digest(xxhash.Sum64(k), xxhash.Sum64(v)) }
