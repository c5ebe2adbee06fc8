package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

func (s *State) openTable() {
	s.Push(s.NewFunction(glua.OpenTable))
	s.Call(0, 0)
	given, ok := s.G.Global.RawGetString("table").(*glua.LTable)
	if !ok {
		panic("lua: gopher-lua has no table library")
	}
	t := s.NewTable()
	for _, name := range []string{"getn", "maxn"} {
		t.RawSetString(name, given.RawGetString(name))
	}
	for _, name := range []string{"insert", "remove", "sort"} { // they change their table
		fn, ok := given.RawGetString(name).(*glua.LFunction)
		if !ok {
			panic("lua: gopher-lua has no table." + name)
		}
		t.RawSetString(name, s.NewFunction(func(l *glua.LState) int {
			s.writable(l, 1)
			return fn.GFunction(l)
		}))
	}
	s.register(t, map[string]glua.LGFunction{"concat": s.tableConcat, "foreach": s.foreach, "foreachi": s.foreachi, "setn": setn})
	s.globals.RawSetString("table", t)
}

func setn(l *glua.LState) int {
	fail(l, "'setn' is obsolete")
	return 0
}

func (s *State) tableConcat(l *glua.LState) int {
	t := s.real(checkTable(l, 1))
	sep := optString(l, 2, "")
	from, to := optInt(l, 3, 1), t.Len()
	if l.Get(4) != glua.LNil {
		to = checkInt(l, 4)
	}
	var b strings.Builder
	for i := from; i <= to; i++ {
		word, ok := text(t.RawGetInt(i))
		if !ok {
			fail(l, "invalid value (%s) at index %d in table for 'concat'", t.RawGetInt(i).Type().String(), i)
		}
		if b.Len()+len(word)+len(sep) > b.Cap() {
			s.Guard.take(l, 2*b.Cap()+len(word))
		}
		b.WriteString(word)
		if i < to {
			b.WriteString(sep)
		}
		s.Guard.work(l, 1)
	}
	l.Push(glua.LString(b.String()))
	return 1
}

func (s *State) foreach(l *glua.LState) int {
	t, fn := s.real(checkTable(l, 1)), checkFunction(l, 2)
	for key, v := l.Next(t, glua.LNil); key != glua.LNil; key, v = l.Next(t, key) {
		if out := call(l, fn, key, v); out != glua.LNil {
			l.Push(out)
			return 1
		}
	}
	return 0
}

func (s *State) foreachi(l *glua.LState) int {
	t, fn := s.real(checkTable(l, 1)), checkFunction(l, 2)
	for i := 1; i <= t.Len(); i++ {
		if out := call(l, fn, glua.LNumber(i), t.RawGetInt(i)); out != glua.LNil {
			l.Push(out)
			return 1
		}
	}
	return 0
}

func call(l *glua.LState, fn *glua.LFunction, args ...glua.LValue) glua.LValue {
	l.Push(fn)
	for _, a := range args {
		l.Push(a)
	}
	l.Call(len(args), 1)
	out := l.Get(-1)
	l.Pop(1)
	return out
}
