package rdb

import "errors"

// The compressed form of strings, LZF: a byte 000nnnnn is followed by n+1 literal bytes; nnnooooo oooooooo repeats n+2 bytes from o+1 bytes back, with 111 the
// length goes on in a byte of its own between the two. Source: liblzf's format. The compressor makes the choices of the one in Redis, so that the bytes are the same.

const (
	lzfMaxLiteral = 1 << 5
	lzfMaxOffset  = 1 << 13
	lzfMaxRepeat  = 1<<8 + 1<<3
	lzfHashBits   = 16
)

// compressor holds the places at which three bytes with a hash were seen last. They are offset by base, which grows with each string, so that they need not be cleared.
type compressor struct {
	seen [1 << lzfHashBits]uint32
	base uint32
	out  []byte
}

// lzfHash is the place for three bytes, the last ones that h has taken in.
func lzfHash(h uint32) uint32 { return (h>>(24-lzfHashBits) - h*5) & (1<<lzfHashBits - 1) }

// compress is in compressed to at most limit bytes; nil if that can't be done. It is valid until the next call. in has at least three bytes.
func (c *compressor) compress(in []byte, limit int) []byte {
	if uint64(c.base)+uint64(len(in)) >= 1<<32-1 {
		clear(c.seen[:])
		c.base = 0
	}
	base := c.base
	c.base += uint32(len(in))
	out := append(c.out[:0], 0) // the place for the length of the first literals
	literals := 0
	h := uint32(in[0])<<8 | uint32(in[1])
	at := 0
	for at < len(in)-2 {
		h = h<<8 | uint32(in[at+2])
		slot := &c.seen[lzfHash(h)]
		ref := int(*slot) - int(base)
		*slot = base + uint32(at)
		if ref <= 0 || at-ref > lzfMaxOffset || in[ref] != in[at] || in[ref+1] != in[at+1] || in[ref+2] != in[at+2] {
			if len(out) >= limit {
				return nil
			}
			out = append(out, in[at])
			at++
			if literals++; literals == lzfMaxLiteral {
				out[len(out)-literals-1] = byte(literals - 1)
				out, literals = append(out, 0), 0
			}
			continue
		}
		if out = endLiterals(out, literals); len(out)+4 >= limit {
			return nil
		}
		literals = 0
		n := repeated(in, ref, at)
		off := at - ref - 1
		if n-2 < 7 {
			out = append(out, byte(off>>8+(n-2)<<5))
		} else {
			out = append(out, byte(off>>8+7<<5), byte(n-2-7))
		}
		out = append(out, byte(off), 0)
		if at += n; at >= len(in)-2 {
			break
		}
		// Of the bytes repeated only the last two are remembered.
		h = uint32(in[at-2])<<8 | uint32(in[at-1])
		for k := at - 2; k < at; k++ {
			h = h<<8 | uint32(in[k+2])
			c.seen[lzfHash(h)] = base + uint32(k)
		}
	}
	if len(out)+3 > limit {
		return nil
	}
	for ; at < len(in); at++ {
		out = append(out, in[at])
		if literals++; literals == lzfMaxLiteral {
			out[len(out)-literals-1] = byte(literals - 1)
			out, literals = append(out, 0), 0
		}
	}
	c.out = endLiterals(out, literals)
	return c.out
}

// endLiterals writes the length of the literals at the end of out, or takes their place away if there are none.
func endLiterals(out []byte, n int) []byte {
	if n == 0 {
		return out[:len(out)-1]
	}
	out[len(out)-n-1] = byte(n - 1)
	return out
}

// repeated is how many bytes at at are those at ref, of which three are known to be, as far as Redis looks: up to the last two bytes, which it takes only
// if the bytes left are neither few nor many.
func repeated(in []byte, ref, at int) int {
	most := min(len(in)-at-2, lzfMaxRepeat)
	n := 3
	if most > 16 {
		for ; n < 19; n++ {
			if in[ref+n] != in[at+n] {
				return n
			}
		}
	}
	for n < most && in[ref+n] == in[at+n] {
		n++
	}
	return n
}

var errLZF = errors.New("rdb: a compressed string is damaged")

// decompress appends to out the n bytes that in stands for.
func decompress(out, in []byte, n int) ([]byte, error) {
	first, end := len(out), len(out)+n
	for i := 0; i < len(in); {
		c := int(in[i])
		i++
		if c < lzfMaxLiteral {
			c++
			if len(out)+c > end || i+c > len(in) {
				return nil, errLZF
			}
			out = append(out, in[i:i+c]...)
			i += c
			continue
		}
		length := c >> 5
		if length == 7 {
			if i >= len(in) {
				return nil, errLZF
			}
			length += int(in[i])
			i++
		}
		if i >= len(in) {
			return nil, errLZF
		}
		ref := len(out) - (c&0x1f)<<8 - int(in[i]) - 1
		i++
		if length += 2; ref < first || len(out)+length > end {
			return nil, errLZF
		}
		for ; length > 0; length-- { // byte by byte: it may repeat what it appends
			out = append(out, out[ref])
			ref++
		}
	}
	if len(out) != end {
		return nil, errLZF
	}
	return out, nil
}
