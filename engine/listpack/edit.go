package listpack

import (
	"encoding/binary"
	"slices"
)

// Room is where a pack lies and may grow and shrink, such as a key's bytes or a block of the arena.
type Room interface {
	// Resize makes the room of the pack n bytes and returns it; the first bytes stay what they were, as many as fit.
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

// ElemSize is the number of bytes that an element with a text takes in a pack.
func ElemSize(text []byte) int {
	if n, ok := Integer(text); ok {
		return IntSize(n)
	}
	n := len(text)
	switch {
	case n < 64:
		n++
	case n < 4096:
		n += 2
	default:
		n += 5
	}
	return n + backSize(n)
}

// IntSize is the number of bytes that an integer takes in a pack.
func IntSize(n int64) int {
	switch {
	case n >= 0 && n < 128:
		return 2
	case n >= -4096 && n < 4096:
		return 3
	case n >= -1<<15 && n < 1<<15:
		return 4
	case n >= -1<<23 && n < 1<<23:
		return 5
	case n >= -1<<31 && n < 1<<31:
		return 6
	default:
		return 10
	}
}

// appendElem appends an element to b, which need not be a pack.
func appendElem(b, text []byte) []byte {
	if n, ok := Integer(text); ok {
		return appendInt(b, n)
	}
	from := len(b)
	switch n := len(text); {
	case n < 64:
		b = append(b, 0x80|byte(n))
	case n < 4096:
		b = append(b, 0xe0|byte(n>>8), byte(n))
	default:
		b = append(b, str32)
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	b = append(b, text...)
	return appendBack(b, len(b)-from)
}

func appendInt(b []byte, n int64) []byte {
	switch {
	case n >= 0 && n < 128:
		return append(b, byte(n), 1)
	case n >= -4096 && n < 4096:
		return append(b, 0xc0|byte(n>>8)&0x1f, byte(n), 2)
	case n >= -1<<15 && n < 1<<15:
		return append(b, int16s, byte(n), byte(n>>8), 3)
	case n >= -1<<23 && n < 1<<23:
		return append(b, int24s, byte(n), byte(n>>8), byte(n>>16), 4)
	case n >= -1<<31 && n < 1<<31:
		return append(binary.LittleEndian.AppendUint32(append(b, int32s), uint32(n)), 5)
	default:
		return append(binary.LittleEndian.AppendUint64(append(b, int64s), uint64(n)), 9)
	}
}

// appendBack appends the length of an element, to be read backwards: the first byte alone has no high bit.
func appendBack(b []byte, n int) []byte {
	size := backSize(n)
	for i := size - 1; i >= 0; i-- {
		c := byte(n>>(7*i)) & 0x7f
		if i < size-1 {
			c |= 0x80
		}
		b = append(b, c)
	}
	return b
}

// Splice replaces the elements between the positions from and to, which are removed in number, by others, and returns the pack. texts must not point into the room.
func Splice(p []byte, room Room, from, to, removed int, texts ...[]byte) []byte {
	size := 0
	for _, t := range texts {
		size += ElemSize(t)
	}
	p = splice(p, room, from, to, size, len(texts)-removed)
	b := p[:from]
	for _, t := range texts {
		b = appendElem(b, t)
	}
	return p
}

// SpliceInts is Splice with integers.
func SpliceInts(p []byte, room Room, from, to, removed int, ints ...int64) []byte {
	size := 0
	for _, n := range ints {
		size += IntSize(n)
	}
	p = splice(p, room, from, to, size, len(ints)-removed)
	b := p[:from]
	for _, n := range ints {
		b = appendInt(b, n)
	}
	return p
}

// splice makes size bytes of room between from and to, and writes the header.
func splice(p []byte, room Room, from, to, size, more int) []byte {
	old := Size(p)
	count := int(binary.LittleEndian.Uint16(p[4:]))
	now := old + size - (to - from)
	if now > old {
		p = room.Resize(now)
		copy(p[from+size:now], p[to:old])
	} else {
		p = room.Resize(old) // room to write in
		copy(p[from+size:], p[to:old])
		p = room.Resize(now)
	}
	binary.LittleEndian.PutUint32(p, uint32(now))
	if count < manyElements {
		binary.LittleEndian.PutUint16(p[4:], uint16(min(count+more, manyElements)))
	}
	return p
}

// Append appends elements to a pack on the heap and returns it, as append does.
func Append(p []byte, texts ...[]byte) []byte {
	h := Heap(p)
	return Splice(p, &h, End(p), End(p), 0, texts...)
}

// AppendInts is Append with integers.
func AppendInts(p []byte, ints ...int64) []byte {
	h := Heap(p)
	return SpliceInts(p, &h, End(p), End(p), 0, ints...)
}

// AppendRaw appends count elements to a pack on the heap, as they lie side by side in another pack, and returns it.
func AppendRaw(p, elems []byte, count int) []byte {
	h := Heap(p)
	at := End(p)
	p = splice(p, &h, at, at, len(elems), count)
	copy(p[at:], elems)
	return p
}
