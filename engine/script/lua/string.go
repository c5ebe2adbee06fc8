package lua

import (
	"slices"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

func (s *State) openString() {
	t := s.NewTable()
	s.register(t, map[string]glua.LGFunction{
		"byte": stringByte, "char": stringChar, "len": stringLen, "sub": stringSub, "dump": stringDump, "rep": s.rep, "format": s.format,
		"lower": s.mapped(lowerByte), "upper": s.mapped(upperByte), "reverse": s.reverse,
		"find": s.find, "match": s.match, "gmatch": s.gmatch, "gsub": s.gsub,
	})
	t.RawSetString("gfind", t.RawGetString("gmatch"))
	s.globals.RawSetString("string", t)
	mt := s.NewTable()
	mt.RawSetString("__index", t)
	for name, op := range arithmetic {
		mt.RawSetString(name, s.NewFunction(op))
	}
	s.SetMetatable(glua.LString(""), mt)
}

// arithmetic is what operators do with strings: gopher-lua asks their metatable before it reads them as numbers in its own way.
var arithmetic = map[string]glua.LGFunction{
	"__add": operator(func(a, b float64) float64 { return a + b }), "__sub": operator(func(a, b float64) float64 { return a - b }),
	"__mul": operator(func(a, b float64) float64 { return a * b }), "__div": operator(func(a, b float64) float64 { return a / b }),
	"__mod": operator(modulo), "__pow": operator(power), "__unm": operator(func(a, _ float64) float64 { return -a }),
}

func operator(do func(a, b float64) float64) glua.LGFunction {
	return func(l *glua.LState) int {
		a := operand(l, 1)
		b := 0.0
		if l.GetTop() > 1 {
			b = operand(l, 2)
		}
		l.Push(glua.LNumber(do(a, b)))
		return 1
	}
}

// operand is the number that an operand is.
func operand(l *glua.LState, n int) float64 {
	switch v := l.Get(n).(type) {
	case glua.LNumber:
		return float64(v)
	case glua.LString:
		if f, ok := ParseNumber(string(v)); ok {
			return f
		}
	}
	fail(l, "%s", typed("perform arithmetic on", siteAt(l, 1).operand(n-1), l.Get(n).Type().String()))
	return 0
}

func (s *State) rep(l *glua.LState) int {
	word, n := checkString(l, 1), checkInt(l, 2)
	if n <= 0 || word == "" {
		l.Push(glua.LString(""))
		return 1
	}
	if n > maxString/len(word) {
		fail(l, "%s", ErrMemory.Error())
	}
	s.Guard.take(l, n*len(word))
	l.Push(glua.LString(strings.Repeat(word, n)))
	return 1
}

// relative is an offset from the beginning, of one that may be from the end.
func relative(i, n int) int {
	if i < 0 {
		i += n + 1
	}
	return max(i, 0)
}

func stringByte(l *glua.LState) int {
	word := checkString(l, 1)
	from := relative(optInt(l, 2, 1), len(word))
	to := min(relative(optInt(l, 3, from), len(word)), len(word))
	from = max(from, 1)
	if from > to {
		return 0
	}
	if to-from+1 >= maxUnpack {
		fail(l, "stack overflow (string slice too long)")
	}
	for _, c := range []byte(word[from-1 : to]) {
		l.Push(glua.LNumber(c))
	}
	return to - from + 1
}

func stringChar(l *glua.LState) int {
	b := make([]byte, l.GetTop())
	for i := range b {
		n := checkInt(l, i+1)
		if n != int(byte(n)) {
			argError(l, i+1, "invalid value")
		}
		b[i] = byte(n)
	}
	l.Push(glua.LString(b))
	return 1
}

func stringLen(l *glua.LState) int {
	l.Push(glua.LNumber(len(checkString(l, 1))))
	return 1
}

func stringSub(l *glua.LState) int {
	word := checkString(l, 1)
	from := max(relative(checkInt(l, 2), len(word)), 1)
	to := min(relative(optInt(l, 3, -1), len(word)), len(word))
	if from > to {
		l.Push(glua.LString(""))
		return 1
	}
	l.Push(glua.LString(word[from-1 : to]))
	return 1
}

// stringDump gives the header of a binary chunk of Lua 5.1 only, since the machine has other instructions. Nothing could be done with the rest: as in Redis, scripts load no
// binary chunks.
func stringDump(l *glua.LState) int {
	if checkFunction(l, 1).IsG {
		fail(l, "unable to dump given function")
		return 0
	}
	l.Push(glua.LString("\x1bLua\x51\x00\x01\x04\x08\x04\x08\x00"))
	return 1
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c |= 0x20
	}
	return c
}

func upperByte(c byte) byte {
	if c >= 'a' && c <= 'z' {
		c &^= 0x20
	}
	return c
}

// mapped makes a function that maps a string's bytes.
func (s *State) mapped(to func(byte) byte) glua.LGFunction {
	return func(l *glua.LState) int {
		word := checkString(l, 1)
		s.Guard.take(l, len(word))
		b := make([]byte, len(word))
		for i := range b {
			b[i] = to(word[i])
		}
		l.Push(glua.LString(b))
		return 1
	}
}

func (s *State) reverse(l *glua.LState) int {
	word := checkString(l, 1)
	s.Guard.take(l, len(word))
	b := []byte(word)
	slices.Reverse(b)
	l.Push(glua.LString(b))
	return 1
}
