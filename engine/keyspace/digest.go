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

// entryDigest is the checksum of one key. Sums of such numbers don't depend on the order, and differ if a key is there twice.
func (db *DB) entryDigest(r Ref) uint64 {
	v := db.valueOf(r)
	var content uint64
	switch {
	case v.Object != nil:
		content = v.Object.Digest()
	case v.Type != String && db.packedDigest != nil:
		content = db.packedDigest(v.Type, v.Bytes)
	default:
		content = xxhash.Sum64(v.Bytes)
	}
	return digest(xxhash.Sum64(db.entryKey(r)), content, uint64(v.Type), uint64(db.expireAtOf(r)))
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
