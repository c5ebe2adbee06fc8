package datatype

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// packedHash is a small hash as one string of bytes: the number of fields in two bytes, little-endian; then for each field, in the order of its first setting, the lengths of
// field and value as uvarints, field, value. Redis calls its own such form a listpack.
type packedHash []byte

const (
	packedHeader = 2
	maxPackedLen = math.MaxUint16
)

func newPackedHash() []byte { return make([]byte, packedHeader) }

func (p packedHash) len() int { return int(binary.LittleEndian.Uint16(p)) }

func (p packedHash) setLen(n int) { binary.LittleEndian.PutUint16(p, uint16(n)) }

// next is the entry at at and where the one behind it begins.
func (p packedHash) next(at int) (field, value []byte, end int) {
	nf, i := uint64(p[at]), 1
	if nf >= 0x80 {
		nf, i = binary.Uvarint(p[at:])
	}
	at += i
	nv, i := uint64(p[at]), 1
	if nv >= 0x80 {
		nv, i = binary.Uvarint(p[at:])
	}
	at += i
	mid := at + int(nf)
	end = mid + int(nv)
	return p[at:mid:mid], p[mid:end:end], end
}

// find is the value of a field, and from where to where its entry goes; not found, at is the end.
func (p packedHash) find(field []byte) (at int, value []byte, end int, ok bool) {
	for at = packedHeader; at < len(p); at = end {
		var f []byte
		if f, value, end = p.next(at); bytes.Equal(f, field) {
			return at, value, end, true
		}
	}
	return max(at, packedHeader), nil, at, false
}

func (p packedHash) each(fn func(field, value []byte) bool) {
	for at := packedHeader; at < len(p); {
		f, v, end := p.next(at)
		if !fn(f, v) {
			return
		}
		at = end
	}
}

// digest is the checksum that a keyspace.Dict of the same fields has.
func (p packedHash) digest() uint64 {
	var sum uint64
	p.each(func(f, v []byte) bool {
		sum += keyspace.DigestField(f, v)
		return true
	})
	return sum
}

// putHead writes the lengths of an entry.
func putHead(b []byte, field, value int) int {
	n := binary.PutUvarint(b, uint64(field))
	return n + binary.PutUvarint(b[n:], uint64(value))
}
