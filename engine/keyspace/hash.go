package keyspace

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// hasher is a keyed 64-bit hash for the tables: whoever doesn't know the 256 secret bits can't choose keys that collide. It folds 128-bit
// products, as the hash of Go's maps does where the processor has no AES; unlike hash/maphash it can be seeded, so that a simulation repeats.
type hasher struct{ secret [4]uint64 }

func newHasher(r *rand.Rand) hasher {
	var h hasher
	for i := range h.secret {
		h.secret[i] = r.Uint64() | 1
	}
	return h
}

// sum is the hash of b.
func (h *hasher) sum(b []byte) uint64 {
	n := uint64(len(b))
	seed := h.secret[0]
	for len(b) > 16 {
		seed = fold(binary.LittleEndian.Uint64(b)^h.secret[1], binary.LittleEndian.Uint64(b[8:])^seed)
		b = b[16:]
	}
	var x, y uint64
	switch m := len(b); {
	case m >= 8:
		x, y = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[m-8:])
	case m >= 4:
		x, y = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[m-4:]))
	case m > 0:
		x = uint64(b[0])<<16 | uint64(b[m/2])<<8 | uint64(b[m-1])
	}
	return fold(h.secret[2]^n, fold(x^h.secret[3], y^seed))
}

// fold is the exclusive or of the halves of a product.
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}
