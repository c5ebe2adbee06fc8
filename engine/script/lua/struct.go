package lua

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// openStruct registers struct: values packed as C lays them out.
func (s *State) openStruct() {
	t := s.NewTable()
	s.register(t, map[string]glua.LGFunction{"pack": s.structPack, "unpack": s.structUnpack, "size": structSize})
	s.globals.RawSetString("struct", t)
}

const (
	maxIntSize = 32 // of the options i and I
	maxAlign   = 8
)

// layout reads a format of struct.
type layout struct {
	l     *glua.LState
	f     string
	big   bool
	align int
}

// item is one option of a layout.
type item struct {
	option byte
	size   int // 0 for options without one, and for c0
	pad    int // bytes before it
}

func newLayout(l *glua.LState) *layout {
	f, _, _ := strings.Cut(checkString(l, 1), "\x00") // C's strings end there
	return &layout{l: l, f: f, align: 1}
}

func (y *layout) number(otherwise int) int {
	if y.f == "" || y.f[0] < '0' || y.f[0] > '9' {
		return otherwise
	}
	n := 0
	for y.f != "" && y.f[0] >= '0' && y.f[0] <= '9' {
		digit := int(y.f[0] - '0')
		if n > math.MaxInt32/10 || n*10 > math.MaxInt32-digit {
			fail(y.l, "integral size overflow")
		}
		n = n*10 + digit
		y.f = y.f[1:]
	}
	return n
}

// next is the next option, at an offset; false at the end.
func (y *layout) next(at int) (item, bool) {
	if y.f == "" {
		return item{}, false
	}
	it := item{option: y.f[0]}
	y.f = y.f[1:]
	switch it.option {
	case 'B', 'b', 'x':
		it.size = 1
	case 'H', 'h':
		it.size = 2
	case 'f':
		it.size = 4
	case 'L', 'l', 'T', 'd':
		it.size = 8
	case 'c':
		it.size = y.number(1)
	case 'i', 'I':
		if it.size = y.number(4); it.size > maxIntSize {
			fail(y.l, "integral size %d is larger than limit of %d", it.size, maxIntSize)
		}
	}
	if it.size > 0 && it.option != 'c' {
		unit := min(it.size, y.align)
		it.pad = (unit - at&(unit-1)) & (unit - 1)
	}
	return it, true
}

// control obeys an option that sets the byte order or the alignment.
func (y *layout) control(option byte) {
	switch option {
	case ' ':
	case '>':
		y.big = true
	case '<':
		y.big = false
	case '!':
		n := y.number(maxAlign)
		if n <= 0 || n&(n-1) != 0 {
			fail(y.l, "alignment %d is not a power of 2", n)
		}
		y.align = n
	default:
		argError(y.l, 1, "invalid format option '"+string([]byte{option})+"'")
	}
}

func (y *layout) order() interface {
	binary.ByteOrder
	binary.AppendByteOrder
} {
	if y.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// appendInt appends an integer of a size: what is beyond 8 bytes is zeros.
func (y *layout) appendInt(b []byte, n float64, size int) []byte {
	v := toUnsigned(n)
	for i := range size {
		at := i
		if y.big {
			at = size - 1 - i
		}
		if at >= 8 {
			b = append(b, 0)
			continue
		}
		b = append(b, byte(v>>(8*at)))
	}
	return b
}

// toUnsigned is C's conversion on x86: negative numbers by way of signed ones, great ones as they are.
func toUnsigned(f float64) uint64 {
	switch {
	case f != f || f >= 1<<64:
		if f != f {
			return 1 << 63
		}
		return 0
	case f >= 1<<63:
		return uint64(f)
	}
	return uint64(toInt64(f))
}

// int reads an integer of a size.
func (y *layout) int(b []byte, signed bool) float64 {
	var v uint64
	for i := range b {
		at := len(b) - 1 - i
		if y.big {
			at = i
		}
		v = v<<8 | uint64(b[at])
	}
	if !signed {
		return float64(v)
	}
	if bits := 8 * len(b); bits > 0 && bits < 64 && v>>(bits-1)&1 == 1 {
		v |= math.MaxUint64 << bits
	}
	return float64(int64(v))
}

func (s *State) structPack(l *glua.LState) int {
	y := newLayout(l)
	l.Push(glua.LNil) // as C's marks the end of the arguments
	var b []byte
	arg := 2
	for at := 0; ; {
		it, ok := y.next(at)
		if !ok {
			break
		}
		b = append(b, make([]byte, it.pad)...)
		size := it.size
		switch it.option {
		case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
			b = y.appendInt(b, checkNumber(l, arg), size)
			arg++
		case 'x':
			b = append(b, 0)
		case 'f':
			b = y.order().AppendUint32(b, math.Float32bits(float32(checkNumber(l, arg))))
			arg++
		case 'd':
			b = y.order().AppendUint64(b, math.Float64bits(checkNumber(l, arg)))
			arg++
		case 'c', 's':
			word := checkString(l, arg)
			arg++
			if size == 0 {
				size = len(word)
			}
			if len(word) < size {
				argError(l, arg, "string too short")
			}
			s.Guard.take(l, len(b)+size)
			b = append(b, word[:size]...)
			if it.option == 's' {
				b = append(b, 0)
				size++
			}
		default:
			y.control(it.option)
		}
		at += it.pad + size
		s.Guard.work(l, 1)
	}
	l.Push(glua.LString(b))
	return 1
}

func (s *State) structUnpack(l *glua.LState) int {
	y := newLayout(l)
	data := []byte(checkString(l, 2))
	at := optInt(l, 3, 1) // an offset that is negative is great in C
	if at == 0 {
		argError(l, 3, "offset must be 1 or greater")
	}
	at--
	fits := func(size int) {
		if at < 0 || size < 0 || size > len(data) || at > len(data)-size {
			argError(l, 2, "data string too short")
		}
	}
	base := l.GetTop()
	for {
		it, ok := y.next(at)
		if !ok {
			break
		}
		at += it.pad
		size := it.size
		fits(size)
		if l.GetTop() >= maxUnpack-2 {
			fail(l, "stack overflow (too many results)")
		}
		switch it.option {
		case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
			l.Push(glua.LNumber(y.int(data[at:at+size], it.option >= 'a')))
		case 'x':
		case 'f':
			l.Push(glua.LNumber(math.Float32frombits(y.order().Uint32(data[at:]))))
		case 'd':
			l.Push(glua.LNumber(math.Float64frombits(y.order().Uint64(data[at:]))))
		case 'c':
			if size == 0 {
				n, ok := numeric(l.Get(-1))
				if l.GetTop() == base || !ok {
					fail(l, "format 'c0' needs a previous size")
				}
				size = int(toInt64(n))
				l.Pop(1)
				fits(size)
			}
			l.Push(glua.LString(data[at : at+size]))
		case 's':
			end := bytes.IndexByte(data[at:], 0)
			if end < 0 {
				fail(l, "unfinished string in data")
			}
			l.Push(glua.LString(data[at : at+end]))
			size = end + 1
		default:
			y.control(it.option)
		}
		at += size
		s.Guard.work(l, 1)
	}
	l.Push(glua.LNumber(at + 1))
	return l.GetTop() - base
}

func structSize(l *glua.LState) int {
	y := newLayout(l)
	at := 0
	for {
		it, ok := y.next(at)
		if !ok {
			break
		}
		switch c := it.option; {
		case c == 's':
			argError(l, 1, "option 's' has no fixed size")
		case c == 'c' && it.size == 0:
			argError(l, 1, "option 'c0' has no fixed size")
		case (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z'):
			y.control(c)
		}
		at += it.pad + it.size
	}
	l.Push(glua.LNumber(at))
	return 1
}
