package lua

import (
	"math"
	"math/bits"

	glua "github.com/yuin/gopher-lua"
)

// openBit registers bit: operations on 32 bits, whose results are signed.
func (s *State) openBit() {
	t := s.NewTable()
	s.register(t, map[string]glua.LGFunction{
		"tobit": func(l *glua.LState) int { return giveBits(l, bitsAt(l, 1)) },
		"bnot":  func(l *glua.LState) int { return giveBits(l, ^bitsAt(l, 1)) },
		"bswap": func(l *glua.LState) int { return giveBits(l, bits.ReverseBytes32(bitsAt(l, 1))) },
		"band":  fold(func(a, b uint32) uint32 { return a & b }),
		"bor":   fold(func(a, b uint32) uint32 { return a | b }),
		"bxor":  fold(func(a, b uint32) uint32 { return a ^ b }),

		"lshift":  shift(func(a uint32, n int) uint32 { return a << n }),
		"rshift":  shift(func(a uint32, n int) uint32 { return a >> n }),
		"arshift": shift(func(a uint32, n int) uint32 { return uint32(int32(a) >> n) }),
		"rol":     shift(bits.RotateLeft32),
		"ror":     shift(func(a uint32, n int) uint32 { return bits.RotateLeft32(a, -n) }),
		"tohex":   toHex,
	})
	s.globals.RawSetString("bit", t)
}

// bitsAt are the bits of an argument: of the number rounded to the nearest integer, as adding 2^52+2^51 leaves them.
func bitsAt(l *glua.LState, n int) uint32 {
	const magic = 1<<52 + 1<<51
	return uint32(math.Float64bits(checkNumber(l, n) + magic))
}

func giveBits(l *glua.LState, b uint32) int {
	l.Push(glua.LNumber(int32(b)))
	return 1
}

// fold makes a function of an operation on any number of arguments; as in C, the second ones are looked at from the last.
func fold(do func(a, b uint32) uint32) glua.LGFunction {
	return func(l *glua.LState) int {
		b := bitsAt(l, 1)
		for i := l.GetTop(); i > 1; i-- {
			b = do(b, bitsAt(l, i))
		}
		return giveBits(l, b)
	}
}

func shift(do func(a uint32, n int) uint32) glua.LGFunction {
	return func(l *glua.LState) int {
		b := bitsAt(l, 1)
		return giveBits(l, do(b, int(bitsAt(l, 2)&31)))
	}
}

// toHex writes so many of the lowest digits, 8 if not told; in capitals if the count is negative.
func toHex(l *glua.LState) int {
	b, n, digits := bitsAt(l, 1), int64(8), "0123456789abcdef"
	if l.GetTop() >= 2 {
		n = int64(int32(bitsAt(l, 2)))
	}
	if n < 0 {
		n, digits = -n, "0123456789ABCDEF"
	}
	out := make([]byte, min(n, 8))
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = digits[b&15]
		b >>= 4
	}
	l.Push(glua.LString(out))
	return 1
}
