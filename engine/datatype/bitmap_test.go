package datatype

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// bitsOf is a string as one byte for each bit.
func bitsOf(p []byte) []byte {
	var b []byte
	for _, c := range p {
		for i := 7; i >= 0; i-- {
			b = append(b, c>>i&1)
		}
	}
	return b
}

// someBits are bytes among which there are long runs of one kind.
func someBits(r *rand.Rand) []byte {
	p := make([]byte, r.IntN(60))
	for i := range p {
		p[i] = []byte{0, 0, 0xff, 0xff, byte(r.Uint32())}[r.IntN(5)]
		if i > 0 && r.IntN(4) > 0 {
			p[i] = p[i-1]
		}
	}
	return p
}

func TestBitmapsAgainstSingleBits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		p := someBits(r)
		model := bitsOf(p)
		if want := int64(bytes.Count(model, []byte{1})); countBits(p) != want {
			t.Fatalf("%x has %d bits, counted %d", p, want, countBits(p))
		}
		if len(p) == 0 {
			continue
		}
		from := r.IntN(len(model))
		to := from + r.IntN(len(model)-from)
		part := model[from : to+1]
		if got, want := countRange(p, int64(from), int64(to)), int64(bytes.Count(part, []byte{1})); got != want {
			t.Fatalf("%x from %d to %d: counted %d, want %d", p, from, to, got, want)
		}
		for bit := range byte(2) {
			want := int64(bytes.IndexByte(part, bit))
			if want >= 0 {
				want += int64(from)
			}
			if got := findBit(p, bit == 1, int64(from), int64(to)); got != want {
				t.Fatalf("%x from %d to %d: first %d at %d, want %d", p, from, to, bit, got, want)
			}
		}
	}
}

func TestBitFieldsAgainstSingleBits(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 20_000 {
		p := make([]byte, 20)
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		at, width, v := r.IntN(90), 1+r.IntN(64), r.Uint64()
		model := bitsOf(p)
		for i := range width {
			model[at+i] = byte(v >> (width - 1 - i) & 1)
		}
		setField(p, int64(at), width, v)
		if !bytes.Equal(bitsOf(p), model) {
			t.Fatalf("%d bits at %d: wrote something else", width, at)
		}
		if got, want := getField(p, int64(at), width), v<<(64-width)>>(64-width); got != want {
			t.Fatalf("%d bits at %d: %x, want %x", width, at, got, want)
		}
	}
	if got := getField([]byte{1, 0xff}, 15, 4); got != 8 {
		t.Errorf("4 bits of which one is behind the end: %d, want 8", got)
	}
	if got := getField([]byte{0xff}, 1<<40, 64); got != 0 {
		t.Errorf("far behind the end: %d, want 0", got)
	}
}

func TestCombinedBitsAgainstSingleBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	at := func(p []byte, i int) byte {
		if i < len(p) {
			return p[i]
		}
		return 0
	}
	for range 5000 {
		op := bitOperation(r.IntN(4))
		n := 1 + r.IntN(4)
		if op == bitNot {
			n = 1
		}
		var src [][]byte
		longest := 0
		for range n {
			src = append(src, someBits(r))
			longest = max(longest, len(src[len(src)-1]))
		}
		got, want := bytes.Repeat([]byte{0x55}, longest), make([]byte, longest)
		for i := range want {
			b := at(src[0], i)
			for _, s := range src[1:] {
				switch op {
				case bitAnd:
					b &= at(s, i)
				case bitOr:
					b |= at(s, i)
				case bitXor:
					b ^= at(s, i)
				}
			}
			if op == bitNot {
				b = ^b
			}
			want[i] = b
		}
		combineBits(got, op, src)
		if !bytes.Equal(got, want) {
			t.Fatalf("operation %d of %x gives %x, want %x", op, src, got, want)
		}
	}
}
