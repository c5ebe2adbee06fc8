package datatype

import (
	"encoding/binary"
	"math/bits"
)

// A bitmap is a string. Bit 0 is the most significant bit of its first byte.

// countBits counts the bits that are set.
func countBits(p []byte) int64 {
	n := 0
	for ; len(p) >= 8; p = p[8:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(p))
	}
	for _, b := range p {
		n += bits.OnesCount8(b)
	}
	return int64(n)
}

// countRange counts the bits that are set from bit from to bit to, both included; from <= to.
func countRange(p []byte, from, to int64) int64 {
	first, last := from>>3, to>>3
	n := countBits(p[first : last+1])
	n -= int64(bits.OnesCount8(p[first] &^ (0xff >> (from & 7))))
	n -= int64(bits.OnesCount8(p[last] & (0x7f >> (to & 7))))
	return n
}

// findBit is the first bit that is bit, from bit from to bit to, both included; -1 if there is none.
func findBit(p []byte, bit bool, from, to int64) int64 {
	flip := byte(0xff) // what turns a bit that is looked for into 1
	if bit {
		flip = 0
	}
	last := to >> 3
	for i := from >> 3; i <= last; i++ {
		b := p[i] ^ flip
		if i == from>>3 {
			b &= 0xff >> (from & 7)
		}
		if b != 0 {
			if at := i<<3 + int64(bits.LeadingZeros8(b)); at <= to {
				return at
			}
			return -1
		}
		skip := uint64(flip) * 0x0101010101010101
		for i+9 <= last && binary.LittleEndian.Uint64(p[i+1:]) == skip {
			i += 8
		}
	}
	return -1
}

// combineBits is the result of BITOP: all strings are as if they had the length of dst, with zero bytes behind their end. dst is as long as the longest of src.
func combineBits(dst []byte, op bitOperation, src [][]byte) {
	n := copy(dst, src[0])
	clear(dst[n:])
	if op == bitNot {
		eachWord(dst, dst, func(a, _ uint64) uint64 { return ^a })
		return
	}
	for _, s := range src[1:] {
		switch op {
		case bitAnd:
			eachWord(dst[:len(s)], s, func(a, b uint64) uint64 { return a & b })
			clear(dst[len(s):])
		case bitOr:
			eachWord(dst[:len(s)], s, func(a, b uint64) uint64 { return a | b })
		case bitXor:
			eachWord(dst[:len(s)], s, func(a, b uint64) uint64 { return a ^ b })
		}
	}
}

// eachWord sets dst to fn of dst and src, which are of one length, eight bytes at a time.
func eachWord(dst, src []byte, fn func(a, b uint64) uint64) {
	for len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, fn(binary.LittleEndian.Uint64(dst), binary.LittleEndian.Uint64(src)))
		dst, src = dst[8:], src[8:]
	}
	for i := range dst {
		dst[i] = byte(fn(uint64(dst[i]), uint64(src[i])))
	}
}

// bitOperation is the operation of BITOP.
type bitOperation uint8

const (
	bitAnd bitOperation = iota
	bitOr
	bitXor
	bitNot
)

// getField is the unsigned integer of width bits (1 to 64) at bit offset at; what lies behind the end of p is zero.
func getField(p []byte, at int64, width int) uint64 {
	var buf [9]byte
	if first := at >> 3; first < int64(len(p)) {
		copy(buf[:], p[first:])
	}
	shift := int(at & 7)
	v := binary.BigEndian.Uint64(buf[:]) << shift
	if shift > 0 {
		v |= uint64(buf[8]) >> (8 - shift)
	}
	return v >> (64 - width)
}

// setField sets the integer of width bits (1 to 64) at bit offset at to the low bits of v. It lies within p.
func setField(p []byte, at int64, width int, v uint64) {
	for width > 0 {
		in := 8 - int(at&7)    // bits from at to the end of its byte
		part := min(in, width) // of which these are the integer's
		low := in - part       // bits of the byte behind them
		mask := byte(1<<part-1) << low
		b := &p[at>>3]
		*b = *b&^mask | byte(v>>(width-part))<<low&mask
		at += int64(part)
		width -= part
	}
}
