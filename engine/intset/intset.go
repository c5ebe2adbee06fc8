// Package intset reads and writes Redis's intset: a set of integers as one sorted array of bytes. Small sets of integers are intsets in memory, in DUMP and in
// RDB files alike, byte for byte those of redis-server 7.0.15.
//
// An intset is the width of its integers in bytes (2, 4 or 8) and their number, each in four bytes, then the integers in ascending order, all little-endian. The width is
// that of the widest integer that was ever in it. Source: Redis's intset.c.
//
// Except Valid, no function checks what it reads: intsets of foreign origin go through Valid first.
package intset

import (
	"encoding/binary"
	"math"
	"slices"
	"sort"
)

// HeaderSize is the size of an intset's header in bytes.
const HeaderSize = 8

// Room is where an intset lies and may grow and shrink, such as a key's bytes.
type Room interface {
	// Resize makes the room n bytes and returns it; the first bytes stay what they were, as many as fit.
	Resize(n int) []byte
}

// Heap is a Room of its own on the Go heap.
type Heap []byte

// Resize is Room's.
func (h *Heap) Resize(n int) []byte {
	if n > len(*h) {
		*h = slices.Grow(*h, n-len(*h))
	}
	*h = (*h)[:n]
	return *h
}

// New is an empty intset.
func New() []byte { return []byte{2, 0, 0, 0, 0, 0, 0, 0} }

// Len is the number of integers.
func Len(s []byte) int { return int(binary.LittleEndian.Uint32(s[4:])) }

// Width is the size of each integer in bytes.
func Width(s []byte) int { return int(binary.LittleEndian.Uint32(s)) }

// At is the integer at an index, in ascending order.
func At(s []byte, i int) int64 { return get(s, Width(s), i) }

// Find is the index of an integer; not found, it is the one that the integer would have.
func Find(s []byte, n int64) (i int, found bool) {
	width := Width(s)
	return sort.Find(Len(s), func(i int) int {
		switch x := get(s, width, i); {
		case n < x:
			return -1
		case n > x:
			return 1
		}
		return 0
	})
}

// Has says whether an integer is in the set.
func Has(s []byte, n int64) bool {
	_, found := Find(s, n)
	return found
}

// SizeWith is the most bytes that the intset takes after an integer was added.
func SizeWith(s []byte, n int64) int { return HeaderSize + (Len(s)+1)*max(Width(s), widthOf(n)) }

// Add adds an integer, says whether it is new, and returns the intset.
func Add(s []byte, room Room, n int64) (now []byte, added bool) {
	i, found := Find(s, n)
	if found {
		return s, false
	}
	count, old := Len(s), Width(s)
	width := max(old, widthOf(n))
	s = room.Resize(HeaderSize + (count+1)*width)
	if width == old {
		from := HeaderSize + i*width
		copy(s[from+width:], s[from:HeaderSize+count*width])
	} else { // from the end, so as not to write over what is still to be read
		for j := count - 1; j >= 0; j-- {
			to := j
			if j >= i {
				to++
			}
			put(s, width, to, get(s, old, j))
		}
		binary.LittleEndian.PutUint32(s, uint32(width))
	}
	put(s, width, i, n)
	binary.LittleEndian.PutUint32(s[4:], uint32(count+1))
	return s, true
}

// Remove removes an integer, says whether it was there, and returns the intset.
func Remove(s []byte, room Room, n int64) (now []byte, removed bool) {
	i, found := Find(s, n)
	if !found {
		return s, false
	}
	return RemoveAt(s, room, i), true
}

// RemoveAt removes the integer at an index and returns the intset.
func RemoveAt(s []byte, room Room, i int) []byte {
	count, width := Len(s), Width(s)
	s = room.Resize(HeaderSize + count*width) // room to write in
	from := HeaderSize + i*width
	copy(s[from:], s[from+width:])
	s = room.Resize(HeaderSize + (count-1)*width)
	binary.LittleEndian.PutUint32(s[4:], uint32(count-1))
	return s
}

func widthOf(n int64) int {
	switch {
	case math.MinInt16 <= n && n <= math.MaxInt16:
		return 2
	case math.MinInt32 <= n && n <= math.MaxInt32:
		return 4
	}
	return 8
}

func get(s []byte, width, i int) int64 {
	b := s[HeaderSize+i*width:]
	switch width {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}

func put(s []byte, width, i int, n int64) {
	b := s[HeaderSize+i*width:]
	switch width {
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(n))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(n))
	default:
		binary.LittleEndian.PutUint64(b, uint64(n))
	}
}
