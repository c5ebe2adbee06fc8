package datatype

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// A HyperLogLog is a string, byte for byte the one that Redis makes: a header ("HYLL", the encoding, three zero bytes, the cached cardinality as a
// little-endian 64-bit integer whose highest bit says that it is out of date), then 16384 registers. Encoding 0, dense, packs registers of six bits from the
// low bits of each byte on. Encoding 1, sparse, is a list of runs of equal registers: 00nnnnnn is n+1 zeros, 01nnnnnn nnnnnnnn likewise, 1vvvvvnn is n+1 times
// the value v+1. Strings come from clients too, so that every run may be wrong; a byte behind the end counts as zero.
type hyperLogLog []byte

const (
	hllHeader    = 16
	hllEncoding  = 4
	hllCache     = 8 // where the cached cardinality is
	hllBits      = 14
	hllRegisters = 1 << hllBits
	hllMaxRank   = 64 - hllBits + 1 // the highest value of a register
	hllDenseSize = hllHeader + hllRegisters*6/8

	hllDense  = 0
	hllSparse = 1

	sparseMaxValue = 32
	sparseMaxRun   = 4
	sparseMaxZeros = 64 // of the short run; a longer one takes two bytes
)

// newHyperLogLog is an empty one: a single run of zeros.
func newHyperLogLog() hyperLogLog {
	h := make(hyperLogLog, hllHeader, hllHeader+32)
	copy(h, "HYLL")
	h[hllEncoding] = hllSparse
	return appendZeros(h, hllRegisters)
}

// isHyperLogLog says whether a string may be a HyperLogLog. The runs of a sparse one may still be wrong.
func isHyperLogLog(s []byte) bool {
	if len(s) < hllHeader || string(s[:4]) != "HYLL" {
		return false
	}
	return s[hllEncoding] == hllSparse || s[hllEncoding] == hllDense && len(s) == hllDenseSize
}

func (h hyperLogLog) dense() bool { return h[hllEncoding] == hllDense }

// cached is the cardinality kept in the header, if it is up to date.
func (h hyperLogLog) cached() (uint64, bool) {
	n := binary.LittleEndian.Uint64(h[hllCache:])
	return n, n>>63 == 0
}

func (h hyperLogLog) setCached(n uint64) { binary.LittleEndian.PutUint64(h[hllCache:], n) }

func (h hyperLogLog) outdate() { h[hllCache+7] |= 0x80 }

// rankOf is the register that an element belongs to, and the value that it asks for: the zeros that its hash ends with behind the register's number, plus one.
func rankOf(element []byte) (register int, rank byte) {
	hash := murmur64A(element, 0xadc83b19)
	rest := hash>>hllBits | 1<<(64-hllBits)
	return int(hash & (hllRegisters - 1)), byte(bits.TrailingZeros64(rest) + 1)
}

// murmur64A is MurmurHash2 in its variant of 64 bits. Source: A. Appleby, SMHasher.
func murmur64A(p []byte, seed uint64) uint64 {
	const m, r = 0xc6a4a7935bd1e995, 47
	h := seed ^ uint64(len(p))*m
	for ; len(p) >= 8; p = p[8:] {
		k := binary.LittleEndian.Uint64(p) * m
		k ^= k >> r
		h = (h ^ k*m) * m
	}
	if len(p) > 0 {
		var rest [8]byte
		copy(rest[:], p)
		h = (h ^ binary.LittleEndian.Uint64(rest[:])) * m
	}
	h ^= h >> r
	h *= m
	return h ^ h>>r
}

// register is a register of a dense HyperLogLog.
func (h hyperLogLog) register(i int) byte {
	at, shift := hllHeader+i*6/8, i*6&7
	v := uint(h[at])
	if at+1 < len(h) {
		v |= uint(h[at+1]) << 8
	}
	return byte(v >> shift & 63)
}

// four are the registers i to i+3, of which i is a multiple of four, of a dense HyperLogLog: three bytes.
func (h hyperLogLog) four(i int) [4]byte {
	b := h[hllHeader+i/4*3:][:3]
	v := uint(b[0]) | uint(b[1])<<8 | uint(b[2])<<16
	return [4]byte{byte(v & 63), byte(v >> 6 & 63), byte(v >> 12 & 63), byte(v >> 18)}
}

func (h hyperLogLog) setRegister(i int, value byte) {
	at, shift := hllHeader+i*6/8, i*6&7
	h[at] = h[at]&^byte(63<<shift) | value<<shift
	if shift > 2 {
		h[at+1] = h[at+1]&^(63>>(8-shift)) | value>>(8-shift)
	}
}

// run is the run at at: the registers' value, how many, and how many bytes it takes.
func (h hyperLogLog) run(at int) (value byte, n, size int) {
	b := h[at]
	switch {
	case b&0x80 != 0:
		return b>>2&0x1f + 1, int(b&3) + 1, 1
	case b&0x40 == 0:
		return 0, int(b&0x3f) + 1, 1
	}
	n = int(b&0x3f) << 8
	if at+1 < len(h) {
		n |= int(h[at+1])
	}
	return 0, n + 1, 2
}

func appendZeros(b []byte, n int) []byte {
	if n > sparseMaxZeros {
		return append(b, 0x40|byte((n-1)>>8), byte(n-1))
	}
	return append(b, byte(n-1))
}

func sparseRun(value byte, n int) byte { return 0x80 | (value-1)<<2 | byte(n-1) }

// eachRun calls fn with the registers from i on that have a value other than zero, and says whether the runs are those of a HyperLogLog. It stops where they
// go beyond the registers.
func (h hyperLogLog) eachRun(fn func(i, n int, value byte)) bool {
	i := 0
	for at := hllHeader; at < len(h); {
		value, n, size := h.run(at)
		if value > 0 {
			if i+n > hllRegisters {
				return false
			}
			fn(i, n, value)
		}
		i += n
		at += size
	}
	return i == hllRegisters
}

// toDense is h with the dense encoding; false if its runs are wrong.
func (h hyperLogLog) toDense() (hyperLogLog, bool) {
	d := make(hyperLogLog, hllDenseSize)
	copy(d, h[:hllHeader])
	d[hllEncoding] = hllDense
	ok := h.eachRun(func(i, n int, value byte) {
		for ; n > 0; n-- {
			d.setRegister(i, value)
			i++
		}
	})
	return d, ok
}

// raise gives register i a value if it has a lower one, and says whether it had. A sparse HyperLogLog may move, and becomes dense if the value is too high for it
// or if it would be longer than limit bytes. ok is false if its runs are wrong; then it has not changed.
func (h hyperLogLog) raise(i int, value byte, limit int) (to hyperLogLog, raised, ok bool) {
	if !h.dense() {
		return h.raiseSparse(i, value, limit)
	}
	if h.register(i) >= value {
		return h, false, true
	}
	h.setRegister(i, value)
	return h, true, true
}

func (h hyperLogLog) raiseSparse(i int, value byte, limit int) (to hyperLogLog, raised, ok bool) {
	if value > sparseMaxValue {
		return h.raiseDense(i, value)
	}
	// The run that the register is in, and the one before it.
	at, before, first := hllHeader, hllHeader, 0
	old, n, size := byte(0), 0, 0
	for ; at < len(h); at += size {
		if old, n, size = h.run(at); i < first+n {
			break
		}
		before = at
		first += n
	}
	if at >= len(h) {
		return h, false, false
	}
	if old >= value {
		return h, false, true
	}
	if n == 1 && size == 1 {
		h[at] = sparseRun(value, 1)
	} else {
		parts := splitRun(old, i-first, value, first+n-1-i)
		if grows := len(parts) - size; grows > 0 && len(h)+grows > limit {
			return h.raiseDense(i, value)
		}
		n := len(h) + len(parts) - size // a run cut off by the end loses what it has too much
		h = slices.Replace(h, at, min(at+size, len(h)), parts...)[:n]
	}
	h = h.joinRuns(before)
	h.outdate()
	return h, true, true
}

// splitRun is a run whose one register gets another value: what is left of it on both sides, and that register.
func splitRun(old byte, left int, value byte, right int) []byte {
	parts := make([]byte, 0, 5)
	rest := func(n int) {
		switch {
		case n == 0:
		case old == 0:
			parts = appendZeros(parts, n)
		default:
			parts = append(parts, sparseRun(old, n))
		}
	}
	rest(left)
	parts = append(parts, sparseRun(value, 1))
	rest(right)
	return parts
}

// joinRuns makes one run of neighbours with the same value where it can. It looks at five runs from at on: no others can have changed.
func (h hyperLogLog) joinRuns(at int) hyperLogLog {
	for looked := 0; looked < 5 && at < len(h); looked++ {
		value, n, size := h.run(at)
		if value > 0 && at+1 < len(h) {
			if next, m, _ := h.run(at + 1); next == value && n+m <= sparseMaxRun {
				h[at+1] = sparseRun(value, n+m)
				h = slices.Delete(h, at, at+1)
				continue
			}
		}
		at += size
	}
	return h
}

func (h hyperLogLog) raiseDense(i int, value byte) (to hyperLogLog, raised, ok bool) {
	d, ok := h.toDense()
	if !ok {
		return h, false, false
	}
	return d.raise(i, value, 0)
}

// registers are the values of a HyperLogLog, a byte each, for unions.
type registers [hllRegisters]byte

// merge raises each register to that of h. It is false if the runs of h are wrong.
func (r *registers) merge(h hyperLogLog) bool {
	if h.dense() {
		for i := 0; i < hllRegisters; i += 4 {
			for k, v := range h.four(i) {
				r[i+k] = max(r[i+k], v)
			}
		}
		return true
	}
	return h.eachRun(func(i, n int, value byte) {
		for ; n > 0; n-- {
			r[i] = max(r[i], value)
			i++
		}
	})
}

// histogram counts how many registers have each value.
type histogram [64]int

func (r *registers) histogram() *histogram {
	var hist histogram
	for _, v := range r {
		hist[v&63]++
	}
	return &hist
}

// histogram is false if the runs of h are wrong.
func (h hyperLogLog) histogram() (*histogram, bool) {
	var hist histogram
	if h.dense() {
		var parts [4]histogram // four counters for each value, since most registers have few values
		for i := 0; i < hllRegisters; i += 4 {
			v := h.four(i)
			parts[0][v[0]]++
			parts[1][v[1]]++
			parts[2][v[2]]++
			parts[3][v[3]]++
		}
		for v := range hist {
			hist[v] = parts[0][v] + parts[1][v] + parts[2][v] + parts[3][v]
		}
		return &hist, true
	}
	hist[0] = hllRegisters
	ok := h.eachRun(func(_, n int, value byte) {
		hist[value] += n
		hist[0] -= n
	})
	return &hist, ok
}

// estimate is the cardinality that the registers stand for. Source: O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284,
// algorithm 6. The conversions keep machines that can multiply and add at once from doing so: all shall give the same number.
func (hist *histogram) estimate() uint64 {
	const m = float64(hllRegisters)
	const alpha = 0.721347520444481703680 // 0.5/ln(2)
	z := m * tau((m-float64(hist[hllMaxRank]))/m)
	for k := hllMaxRank - 1; k >= 1; k-- {
		z = (z + float64(hist[k])) * 0.5
	}
	z += float64(m * sigma(float64(hist[0])/m))
	if n := math.Round(alpha * m * m / z); n < 1<<63 {
		return uint64(n)
	}
	return 1 << 63 // of registers that no elements make; what C's llroundl gives
}

// sigma corrects for registers that are still zero.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for before := math.NaN(); before != z; y += y {
		x *= x
		before = z
		z += float64(x * y)
	}
	return z
}

// tau corrects for registers that can't go higher.
func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for before := math.NaN(); before != z; {
		x = math.Sqrt(x)
		before = z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
	}
	return z / 3
}
