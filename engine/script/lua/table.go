package lua

import (
	"sort"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

func (s *State) openTable() {
	t := s.NewTable()
	s.register(t, map[string]glua.LGFunction{
		"concat": s.tableConcat, "foreach": s.foreach, "foreachi": s.foreachi, "getn": s.getn, "insert": s.insert, "maxn": s.maxn,
		"remove": s.remove, "setn": setn, "sort": s.sort,
	})
	s.globals.RawSetString("table", t)
}

func (s *State) getn(l *glua.LState) int {
	l.Push(glua.LNumber(s.real(checkTable(l, 1)).Len()))
	return 1
}

func (s *State) maxn(l *glua.LState) int {
	t, most := s.real(checkTable(l, 1)), glua.LNumber(0)
	for key, _ := t.Next(glua.LNil); key != glua.LNil; key, _ = t.Next(key) {
		if n, ok := key.(glua.LNumber); ok {
			most = max(most, n)
		}
		s.Guard.work(l, 1)
	}
	l.Push(most)
	return 1
}

// perStep is how many elements are moved in the time of a step.
const perStep = 64

func (s *State) insert(l *glua.LState) int {
	t := s.writable(l, 1)
	n := t.Len()
	switch l.GetTop() {
	case 2:
		s.setRaw(l, t, glua.LNumber(n+1), l.Get(2))
	case 3:
		at := checkInt(l, 2)
		switch {
		case at > n:
			s.setRaw(l, t, glua.LNumber(at), l.Get(3))
		case at >= 1:
			s.Guard.work(l, (n-at)/perStep)
			t.Insert(at, l.Get(3))
		default:
			for i := n + 1; i > at; i-- {
				t.RawSet(glua.LNumber(i), t.RawGet(glua.LNumber(i-1)))
				s.Guard.work(l, 1)
			}
			t.RawSet(glua.LNumber(at), l.Get(3))
		}
	default:
		fail(l, "wrong number of arguments to 'insert'")
	}
	return 0
}

func (s *State) remove(l *glua.LState) int {
	t := s.writable(l, 1)
	n := t.Len()
	at := optInt(l, 2, n)
	if at < 1 || at > n {
		return 0
	}
	s.Guard.work(l, (n-at)/perStep)
	v := t.RawGetInt(at)
	t.Remove(at)
	l.Push(v)
	return 1
}

func (s *State) sort(l *glua.LState) int {
	t := s.writable(l, 1)
	var by *glua.LFunction
	if !absent(l, 2) {
		by = checkFunction(l, 2)
	}
	values := make([]glua.LValue, t.Len())
	s.Guard.take(l, 16*len(values))
	for i := range values {
		values[i] = t.RawGetInt(i + 1)
	}
	sort.Slice(values, func(i, j int) bool {
		if by != nil {
			return glua.LVAsBool(call(l, by, values[i], values[j]))
		}
		s.Guard.work(l, 1)
		return less(l, values[i], values[j])
	})
	for i, v := range values {
		t.RawSetInt(i+1, v)
	}
	return 0
}

// less is the operator < where C calls it: an error has no position.
func less(l *glua.LState, a, b glua.LValue) bool {
	switch a := a.(type) {
	case glua.LNumber:
		if b, ok := b.(glua.LNumber); ok {
			return a < b
		}
	case glua.LString:
		if b, ok := b.(glua.LString); ok {
			return a < b
		}
	default:
		if meta, ok := l.GetMetaField(a, "__lt").(*glua.LFunction); ok && a.Type() == b.Type() {
			return glua.LVAsBool(call(l, meta, a, b))
		}
	}
	l.Error(glua.LString(puc("attempt to compare "+a.Type().String()+" with "+b.Type().String(), nil)), 0)
	return false
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
	for i, n := 1, t.Len(); i <= n; i++ {
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
