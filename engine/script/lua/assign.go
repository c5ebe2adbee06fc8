package lua

import glua "github.com/yuin/gopher-lua"

// gap is how far beyond its neighbours a key may be set in an array without being accounted for.
const gap = 64

// fill accounts for what setting a key costs: gopher-lua fills an array up to a key that is beyond its end.
func (s *State) fill(l *glua.LState, t *glua.LTable, key glua.LValue) {
	n, ok := key.(glua.LNumber)
	if !ok || n <= gap || n >= maxArray {
		return
	}
	i := int(n)
	if glua.LNumber(i) != n || t.RawGetInt(i-1) != glua.LNil || t.RawGetInt(i) != glua.LNil {
		return
	}
	const word = 16 // bytes of a value
	s.Guard.take(l, i*word)
}

// setRaw sets a key of a table, without metamethods.
func (s *State) setRaw(l *glua.LState, t *glua.LTable, key, v glua.LValue) {
	if n, ok := key.(glua.LNumber); ok && n != n {
		fail(l, "table index is NaN")
	} else if key == glua.LNil {
		fail(l, "table index is nil")
	}
	s.fill(l, t, key)
	t.RawSet(key, v)
}

// set is t[key] = v.
func (s *State) set(l *glua.LState) int {
	key, v := l.Get(2), l.Get(3)
	t, ok := l.Get(1).(*glua.LTable)
	if !ok && l.GetMetaField(l.Get(1), "__newindex") == glua.LNil {
		fail(l, "%s", typed("index", siteAt(l, 1).operand(0), l.Get(1).Type().String()))
	}
	if ok && t.Metatable == glua.LNil {
		s.setRaw(l, t, key, v)
		return 0
	}
	if ok {
		s.fill(l, t, key)
	}
	l.SetTable(l.Get(1), key, v)
	return 0
}

// key accounts for a key that is about to be set, in a table that isn't known.
func (s *State) key(l *glua.LState) int {
	if n, ok := l.Get(1).(glua.LNumber); ok && n > gap && n < maxArray {
		const word = 16
		s.Guard.take(l, word*int(n))
	}
	l.SetTop(1)
	return 1
}

// operation makes a helper of an operator that gopher-lua has another one for.
func operation(event string, do func(a, b float64) float64) glua.LGFunction {
	return func(l *glua.LState) int {
		a, b := l.Get(1), l.Get(2)
		x, okX := numeric(a)
		y, okY := numeric(b)
		if okX && okY {
			l.Push(glua.LNumber(do(x, y)))
			return 1
		}
		meta := metaOf(l, a, event)
		if meta == glua.LNil {
			meta = metaOf(l, b, event)
		}
		if meta == glua.LNil {
			bad, i := a, 0
			if okX {
				bad, i = b, 1
			}
			fail(l, "%s", typed("perform arithmetic on", siteAt(l, 1).operand(i), bad.Type().String()))
		}
		l.Push(meta)
		l.Push(a)
		l.Push(b)
		l.Call(2, 1)
		return 1
	}
}

// metaOf is a metamethod of a value; strings have none but ours.
func metaOf(l *glua.LState, v glua.LValue, event string) glua.LValue {
	if v.Type() == glua.LTString {
		return glua.LNil
	}
	return l.GetMetaField(v, event)
}

// bound is a number that a for loop begins with, ends at or steps by; its second argument says which.
func bound(l *glua.LState) int {
	f, ok := numeric(l.Get(1))
	if !ok {
		fail(l, "'for' %s must be a number", l.Get(2).String())
	}
	l.Push(glua.LNumber(f))
	return 1
}
