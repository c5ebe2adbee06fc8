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
