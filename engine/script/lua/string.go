package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

func (s *State) openString() {
	s.Push(s.NewFunction(glua.OpenString))
	s.Call(0, 0)
	given, ok := s.G.Global.RawGetString("string").(*glua.LTable)
	if !ok {
		panic("lua: gopher-lua has no string library")
	}
	t := s.NewTable()
	for _, name := range []string{"byte", "char", "find", "gmatch", "gsub", "len", "lower", "match", "reverse", "sub", "upper"} {
		t.RawSetString(name, given.RawGetString(name))
	}
	s.register(t, map[string]glua.LGFunction{"rep": s.rep, "format": s.format})
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
	fail(l, "attempt to perform arithmetic on a %s value", l.Get(n).Type().String())
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
