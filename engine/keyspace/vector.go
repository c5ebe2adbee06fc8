package keyspace

import (
	"math/bits"
	"unsafe"
)

// vector is an array in the arena that grows and shrinks by one element at a time at a bounded cost. Up to 16 KiB it is one block, beyond a
// directory of segments of 16 KiB. Element sizes are powers of two, the same in all calls for a vector. The zero value is empty.
type vector struct {
	base  uint64 // Ref of the block or, with segmented set, of the directory; 0 if n is 0
	n     uint32 // elements
	count uint32 // free for the owner's use: the entries of a table
}

const (
	segmentShift = 14
	segmentSize  = 1 << segmentShift
	segmented    = 1 << 63
)

// elem is the address of element i < n of size 1<<shift.
func (a *arena) elem(v *vector, i uint32, shift uint) unsafe.Pointer {
	off := uintptr(i) << shift
	if v.base&segmented == 0 {
		return unsafe.Add(a.ptr(Ref(v.base)), off)
	}
	return unsafe.Add(a.ptr(*a.segment(v, uint32(off>>segmentShift))), off%segmentSize)
}

// segment is the directory's word of segment i.
func (a *arena) segment(v *vector, i uint32) *Ref {
	return (*Ref)(unsafe.Add(a.ptr(Ref(v.base&^segmented)), uintptr(i)*8))
}

// push adds an element, of any content.
func (a *arena) push(v *vector, shift uint) {
	size := uint64(v.n) << shift
	switch {
	case v.base&segmented != 0:
		if size%segmentSize == 0 {
			a.addSegment(v, uint32(size>>segmentShift))
		}
	case v.n == 0:
		v.base = uint64(a.alloc(1 << shift))
	case size == segmentSize:
		dir := a.alloc(64)
		*(*uint64)(a.ptr(dir)) = v.base
		v.base = uint64(dir) | segmented
		a.addSegment(v, 1)
	case size+1<<shift > uint64(a.size(Ref(v.base))):
		a.move(v, int(size), int(size+1<<shift))
	}
	v.n++
}

func (a *arena) addSegment(v *vector, i uint32) {
	dir := Ref(v.base &^ segmented)
	if n := a.size(dir); int(i) == n/8 {
		bigger := a.alloc(2 * n)
		copy(a.at(bigger), a.at(dir)[:n])
		a.free(dir)
		v.base = uint64(bigger) | segmented
	}
	seg := a.alloc(segmentSize)
	*a.segment(v, i) = seg
}

// move copies the first n bytes of a vector of one block to a new block.
func (a *arena) move(v *vector, n, size int) {
	r := a.alloc(size)
	copy(a.at(r), a.at(Ref(v.base))[:n])
	a.free(Ref(v.base))
	v.base = uint64(r)
}

// pop takes the last element away.
func (a *arena) pop(v *vector, shift uint) {
	v.n--
	size := uint64(v.n) << shift
	switch {
	case v.base&segmented != 0:
		if size%segmentSize == 0 {
			a.free(*a.segment(v, uint32(size>>segmentShift)))
		}
		if size == segmentSize/2 {
			dir := Ref(v.base &^ segmented)
			v.base = *(*uint64)(a.ptr(dir))
			a.free(dir)
			a.move(v, int(size), int(size))
		}
	case v.n == 0:
		a.free(Ref(v.base))
		v.base = 0
	case size <= uint64(a.size(Ref(v.base)))/2:
		a.move(v, int(size), int(size))
	}
}

// drop frees the vector's memory.
func (a *arena) drop(v *vector, shift uint) {
	switch {
	case v.n == 0:
	case v.base&segmented == 0:
		a.free(Ref(v.base))
	default:
		for i := range uint32((uint64(v.n)<<shift + segmentSize - 1) >> segmentShift) {
			a.free(*a.segment(v, i))
		}
		a.free(Ref(v.base &^ segmented))
	}
	*v = vector{}
}

// log2 is the logarithm of n > 0, rounded down.
func log2(n uint32) uint { return uint(bits.Len32(n)) - 1 }
