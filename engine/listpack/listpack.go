// Package listpack reads and writes Redis's listpack: a list of strings and integers as one string of bytes, in which elements that look like integers are kept as such.
// Small collections are listpacks in memory, in DUMP and in RDB files alike, byte for byte those of redis-server 7.0.15.
//
// A pack is a header of six bytes (its size in four, the number of elements in two, both little-endian; 65535 means that they must be counted), the elements, and 0xff.
// An element is an encoding byte with its data, and behind them their length, to be read backwards. Source: Redis's listpack.c and antirez/listpack's specification.
//
// Positions are offsets into a pack. Except Valid, no function checks what it reads: packs of foreign origin go through Valid first.
package listpack

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
)

const (
	// HeaderSize is the size of a pack's header in bytes, and the position of its first element.
	HeaderSize = 6
	// EmptySize is the size of an empty pack.
	EmptySize = HeaderSize + 1
	// MaxSize is the size in bytes beyond which a pack must not grow, as in Redis.
	MaxSize = 1 << 30

	end          = 0xff
	manyElements = math.MaxUint16
)

// The encoding bytes beside those that hold a part of the data.
const (
	str32  = 0xf0
	int16s = 0xf1
	int24s = 0xf2
	int32s = 0xf3
	int64s = 0xf4
)

// Elem is an element: an integer, or bytes that point into the pack.
type Elem struct {
	Bytes []byte
	Int   int64
	IsInt bool
}

// Append appends the element's text to b.
func (e Elem) Append(b []byte) []byte {
	if e.IsInt {
		return strconv.AppendInt(b, e.Int, 10)
	}
	return append(b, e.Bytes...)
}

// Text is the element's text: its bytes in the pack, or in room, which should have a capacity of 20.
func (e Elem) Text(room []byte) []byte {
	if e.IsInt {
		return strconv.AppendInt(room[:0], e.Int, 10)
	}
	return e.Bytes
}

// Len is the length of the element's text.
func (e Elem) Len() int {
	if e.IsInt {
		var room [20]byte
		return len(strconv.AppendInt(room[:0], e.Int, 10))
	}
	return len(e.Bytes)
}

// Equal says whether text is the element's text.
func (e Elem) Equal(text []byte) bool {
	if e.IsInt {
		n, ok := Integer(text)
		return ok && n == e.Int
	}
	return bytes.Equal(e.Bytes, text)
}

// Integer is the integer whose only text text is: no plus, no leading zeros, no spaces.
func Integer(text []byte) (int64, bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	digits := text
	if text[0] == '-' {
		digits = text[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(text) > 1 {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 || n > math.MaxUint64/10 || n*10 > math.MaxUint64-d {
			return 0, false
		}
		n = n*10 + d
	}
	switch {
	case len(digits) < len(text):
		return -int64(n), n <= 1<<63
	default:
		return int64(n), n <= math.MaxInt64
	}
}

// New is an empty pack.
func New() []byte { return []byte{EmptySize, 0, 0, 0, 0, 0, end} }

// Len is the number of elements.
func Len(p []byte) int {
	n := int(binary.LittleEndian.Uint16(p[4:]))
	if n < manyElements {
		return n
	}
	n = 0
	for at := HeaderSize; at < End(p); at = Next(p, at) {
		n++
	}
	return n
}

// End is the position behind the last element.
func End(p []byte) int { return Size(p) - 1 }

// Size is the size of a pack in bytes, as its header says; the slice may be longer.
func Size(p []byte) int { return int(binary.LittleEndian.Uint32(p)) }

// At is the element at a position that isn't End.
func At(p []byte, at int) Elem {
	switch c := p[at]; {
	case c < 0x80:
		return Elem{Int: int64(c), IsInt: true}
	case c < 0xc0:
		n := int(c & 0x3f)
		return Elem{Bytes: p[at+1 : at+1+n : at+1+n]}
	case c < 0xe0:
		n := int64(c&0x1f)<<8 | int64(p[at+1])
		return Elem{Int: n << 51 >> 51, IsInt: true}
	case c < 0xf0:
		n := int(c&0x0f)<<8 | int(p[at+1])
		return Elem{Bytes: p[at+2 : at+2+n : at+2+n]}
	case c == str32:
		n := int(binary.LittleEndian.Uint32(p[at+1:]))
		return Elem{Bytes: p[at+5 : at+5+n : at+5+n]}
	case c == int16s:
		return Elem{Int: int64(int16(binary.LittleEndian.Uint16(p[at+1:]))), IsInt: true}
	case c == int24s:
		n := uint32(p[at+1])<<8 | uint32(p[at+2])<<16 | uint32(p[at+3])<<24
		return Elem{Int: int64(int32(n) >> 8), IsInt: true}
	case c == int32s:
		return Elem{Int: int64(int32(binary.LittleEndian.Uint32(p[at+1:]))), IsInt: true}
	default:
		return Elem{Int: int64(binary.LittleEndian.Uint64(p[at+1:])), IsInt: true}
	}
}

// body is the length of an element's encoding byte and data.
func body(p []byte, at int) int {
	switch c := p[at]; {
	case c < 0x80:
		return 1
	case c < 0xc0:
		return 1 + int(c&0x3f)
	case c < 0xe0:
		return 2
	case c < 0xf0:
		return 2 + (int(c&0x0f)<<8 | int(p[at+1]))
	case c == str32:
		return 5 + int(binary.LittleEndian.Uint32(p[at+1:]))
	case c == int16s:
		return 3
	case c == int24s:
		return 4
	case c == int32s:
		return 5
	default:
		return 9
	}
}

// backSize is the number of bytes that the length n behind an element takes. The bounds are Redis's.
func backSize(n int) int {
	switch {
	case n <= 127:
		return 1
	case n < 16383:
		return 2
	case n < 2097151:
		return 3
	case n < 268435455:
		return 4
	default:
		return 5
	}
}

// Next is the position behind the element at a position: that of the next one, or End.
func Next(p []byte, at int) int {
	n := body(p, at)
	return at + n + backSize(n)
}

// Prev is the position of the element before a position that isn't that of the first one; End is such a position too.
func Prev(p []byte, at int) int {
	n, shift, i := 0, 0, at-1
	for {
		n |= int(p[i]&0x7f) << shift
		if p[i]&0x80 == 0 {
			break
		}
		shift += 7
		i--
	}
	return at - n - backSize(n)
}

// Seek is the position of element i, counted from 0, or from the end if negative: -1 is the last one. Not found, ok is false.
func Seek(p []byte, i int) (at int, ok bool) {
	n := int(binary.LittleEndian.Uint16(p[4:]))
	if n < manyElements {
		if i >= n || i < -n {
			return 0, false
		}
		if i >= 0 && i > n/2 {
			i -= n
		} else if i < 0 && -i > n/2 {
			i += n
		}
	}
	if i >= 0 {
		for at = HeaderSize; at < End(p); at = Next(p, at) {
			if i == 0 {
				return at, true
			}
			i--
		}
		return 0, false
	}
	for at = End(p); at > HeaderSize; {
		at = Prev(p, at)
		if i++; i == 0 {
			return at, true
		}
	}
	return 0, false
}

// Find is the position of the first element with a text, from the one at from on, where only each (skip+1)th element is looked at; ok is false if there is none.
func Find(p []byte, from int, text []byte, skip int) (at int, ok bool) {
	n, isInt := Integer(text)
	for at = from; at < End(p); at = Next(p, at) {
		e := At(p, at)
		if e.IsInt {
			if isInt && e.Int == n {
				return at, true
			}
		} else if !isInt && bytes.Equal(e.Bytes, text) || isInt && bytes.Equal(e.Bytes, text) {
			return at, true
		}
		for range skip {
			if at = Next(p, at); at >= End(p) {
				return 0, false
			}
		}
	}
	return 0, false
}
