package lua

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

func (s *State) openBase() {
	s.globals.RawSetString("_VERSION", glua.LString("Lua 5.1"))
	s.register(s.globals, map[string]glua.LGFunction{
		"assert": baseAssert, "error": baseError, "type": baseType, "rawequal": s.rawequal, "select": baseSelect,
		"tostring": s.tostring, "tonumber": s.tonumber, "pairs": s.pairs, "ipairs": s.ipairs, "next": s.next, "rawget": s.rawget, "rawset": s.rawset,
		"setmetatable": s.setmetatable, "getmetatable": s.getmetatable, "unpack": s.unpack, "loadstring": s.loadstring, "load": s.load,
		"collectgarbage": s.collectgarbage, "gcinfo": s.gcinfo, "pcall": s.pcall, "xpcall": s.xpcall,
	})
}

func baseAssert(l *glua.LState) int {
	checkAny(l, 1)
	if glua.LVIsFalse(l.Get(1)) {
		fail(l, "%s", optString(l, 2, "assertion failed!"))
	}
	return l.GetTop()
}

// baseError is error: a text gets the position of the function at a level of the stack.
func baseError(l *glua.LState) int {
	level := optInt(l, 2, 1)
	v := l.Get(1)
	if _, ok := text(v); ok && level > 0 {
		t, _ := text(v)
		v = glua.LString(where(l, level) + t)
	}
	l.Error(v, 0)
	return 0
}

func baseType(l *glua.LState) int {
	l.Push(glua.LString(checkAny(l, 1).Type().String()))
	return 1
}

func (s *State) rawequal(l *glua.LState) int {
	l.Push(glua.LBool(checkAny(l, 1) == checkAny(l, 2)))
	return 1
}

func baseSelect(l *glua.LState) int {
	top := l.GetTop()
	if word, ok := l.Get(1).(glua.LString); ok && strings.HasPrefix(string(word), "#") {
		l.Push(glua.LNumber(top - 1))
		return 1
	}
	n := checkInt(l, 1)
	switch {
	case n < 0:
		n += top
	case n > top:
		n = top
	}
	if n < 1 {
		argError(l, 1, "index out of range")
	}
	return top - n
}

func (s *State) register(t *glua.LTable, fns map[string]glua.LGFunction) {
	for name, fn := range fns {
		t.RawSetString(name, s.NewFunction(fn))
	}
}

// Lock makes everything that scripts can reach read-only: the globals, and the tables in them. It is called once, when all is registered.
func (s *State) Lock() {
	s.globals.ForEach(func(name, v glua.LValue) {
		if t, ok := v.(*glua.LTable); ok {
			s.globals.RawSet(name, s.proxy(t))
		}
	})
	strings := s.NewTable()
	strings.RawSetString("__index", s.globals.RawGetString("string"))
	s.strings = s.proxy(strings)
	missing := s.NewTable()
	missing.RawSetString("__index", s.NewFunction(func(l *glua.LState) int {
		fail(l, "Script attempted to access nonexistent global variable '%s'", l.Get(2).String())
		return 0
	}))
	s.missing, s.globals.Metatable = missing, missing
	s.env = s.proxy(s.globals)
	s.view, _ = s.env.Metatable.(*glua.LTable)
	s.globals.RawSetString("_G", s.env)
	s.LState.Env, s.G.Global = s.env, s.env
}

// Restrict makes scripts see other names than the globals, until it is called with nil.
func (s *State) Restrict(names *glua.LTable) {
	if names == nil {
		names = s.globals
	}
	names.Metatable = s.missing
	s.view.RawSetString("__index", names)
	s.view.RawSetString(realKey, names)
}

// Missing is the metatable of a table in which an unknown name is an error.
func (s *State) Missing() *glua.LTable { return s.missing }

// ReadOnly is a read-only view of a table.
func (s *State) ReadOnly(t *glua.LTable) *glua.LTable { return s.proxy(t) }

const readonly = "Attempt to modify a readonly table"

// proxy is a read-only view of a table.
func (s *State) proxy(t *glua.LTable) *glua.LTable {
	p, mt := s.NewTable(), s.NewTable()
	mt.RawSetString("__index", t)
	mt.RawSetString("__newindex", s.NewFunction(func(l *glua.LState) int {
		fail(l, readonly)
		return 0
	}))
	p.Metatable = mt
	mt.RawSetString(realKey, t)
	return p
}

// realKey is where a read-only view's metatable has its table.
const realKey = "\x00real"

// behind is the table behind a read-only view; nil if the table is none.
func behind(t *glua.LTable) *glua.LTable {
	mt, ok := t.Metatable.(*glua.LTable)
	if !ok {
		return nil
	}
	r, _ := mt.RawGetString(realKey).(*glua.LTable)
	return r
}

// real is the table behind a read-only view, or the table itself.
func (s *State) real(t *glua.LTable) *glua.LTable {
	if r := behind(t); r != nil {
		return r
	}
	return t
}

// writable is the table at an argument, which must not be read-only.
func (s *State) writable(l *glua.LState, n int) *glua.LTable {
	t := checkTable(l, n)
	if behind(t) != nil {
		l.Error(glua.LString(readonly), 0)
	}
	return t
}

// text is a value as tostring prints it if that needs no metamethod; ok says so.
func text(v glua.LValue) (string, bool) {
	switch v := v.(type) {
	case glua.LString:
		return string(v), true
	case glua.LNumber:
		return Number(float64(v)), true
	}
	return "", false
}

// Text is what tostring gives for a value.
func (s *State) Text(l *glua.LState, v glua.LValue) string {
	if t, ok := text(v); ok {
		return t
	}
	if meta := l.GetMetaField(v, "__tostring"); meta.Type() == glua.LTFunction {
		l.Push(meta)
		l.Push(v)
		l.Call(1, 1)
		out := l.Get(-1)
		l.Pop(1)
		if t, ok := text(out); ok {
			return t
		}
		fail(l, "'tostring' must return a string to 'print'")
	}
	switch v := v.(type) {
	case *glua.LUserData: // cjson.null, a null pointer
		return "userdata: (nil)"
	case *glua.LTable:
		return fmt.Sprintf("table: %p", v)
	case *glua.LFunction:
		return fmt.Sprintf("function: %p", v)
	}
	return v.String()
}

func (s *State) tostring(l *glua.LState) int {
	l.Push(glua.LString(s.Text(l, checkAny(l, 1))))
	return 1
}

func (s *State) tonumber(l *glua.LState) int {
	base := optInt(l, 2, 10)
	if base == 10 {
		switch v := checkAny(l, 1).(type) {
		case glua.LNumber:
			l.Push(v)
			return 1
		case glua.LString:
			if n, ok := ParseNumber(string(v)); ok {
				l.Push(glua.LNumber(n))
				return 1
			}
		}
		l.Push(glua.LNil)
		return 1
	}
	if base < 2 || base > 36 {
		argError(l, 2, "base out of range")
	}
	n, ok := strtoul(checkString(l, 1), base)
	if !ok {
		l.Push(glua.LNil)
		return 1
	}
	l.Push(glua.LNumber(n))
	return 1
}

// strtoul reads an integer as C's function of this name does, with spaces around: one that does not fit is the greatest, a negative one counts from 2^64.
func strtoul(s string, base int) (uint64, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if base == 16 && len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		s = s[2:]
	}
	if s == "" || s[0] == '-' || s[0] == '+' || strings.Contains(s, "_") {
		return 0, false
	}
	n, err := strconv.ParseUint(s, base, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	if negative && err == nil {
		n = -n
	}
	return n, true
}

func (s *State) next(l *glua.LState) int {
	t := s.real(checkTable(l, 1))
	key, value := l.Next(t, l.Get(2))
	if key == glua.LNil {
		l.Push(glua.LNil)
		return 1
	}
	l.Push(key)
	l.Push(value)
	return 2
}

func (s *State) pairs(l *glua.LState) int {
	t := checkTable(l, 1)
	l.Push(s.globals.RawGetString("next"))
	l.Push(t)
	l.Push(glua.LNil)
	return 3
}

func (s *State) ipairs(l *glua.LState) int {
	t := checkTable(l, 1)
	l.Push(l.NewFunction(s.inext))
	l.Push(t)
	l.Push(glua.LNumber(0))
	return 3
}

func (s *State) inext(l *glua.LState) int {
	t := s.real(checkTable(l, 1))
	i := checkInt(l, 2) + 1
	v := t.RawGet(glua.LNumber(i))
	if v == glua.LNil {
		l.Push(glua.LNil)
		return 1
	}
	l.Push(glua.LNumber(i))
	l.Push(v)
	return 2
}

func (s *State) rawget(l *glua.LState) int {
	l.Push(s.real(checkTable(l, 1)).RawGet(checkAny(l, 2)))
	return 1
}

func (s *State) rawset(l *glua.LState) int {
	t := s.writable(l, 1)
	s.setRaw(l, t, checkAny(l, 2), checkAny(l, 3))
	l.SetTop(1)
	return 1
}

func (s *State) setmetatable(l *glua.LState) int {
	t := s.writable(l, 1)
	mt := l.Get(2)
	if mt.Type() != glua.LTNil && mt.Type() != glua.LTTable || l.GetTop() < 2 {
		argError(l, 2, "nil or table expected")
	}
	if l.GetMetaField(t, "__metatable") != glua.LNil {
		fail(l, "cannot change a protected metatable")
	}
	l.SetMetatable(t, mt)
	l.SetTop(1)
	return 1
}

func (s *State) getmetatable(l *glua.LState) int {
	v := checkAny(l, 1)
	if t, ok := v.(*glua.LTable); ok {
		v = s.real(t)
	}
	mt := l.GetMetatable(v)
	t, ok := mt.(*glua.LTable)
	switch {
	case !ok: // nil, or what __metatable says
		l.Push(mt)
	case t.RawGetString("__metatable") != glua.LNil:
		l.Push(t.RawGetString("__metatable"))
	case v.Type() == glua.LTString:
		l.Push(s.strings)
	case t == s.globals.Metatable: // ours: not to be changed
		if s.views[t] == nil {
			s.views[t] = s.proxy(t)
		}
		l.Push(s.views[t])
	default:
		l.Push(t)
	}
	return 1
}

// maxUnpack is how many values fit on the stack, as in PUC Lua (LUAI_MAXCSTACK).
const maxUnpack = 8000

func (s *State) unpack(l *glua.LState) int {
	t := s.real(checkTable(l, 1))
	from := optInt(l, 2, 1)
	to := t.Len()
	if l.Get(3) != glua.LNil {
		to = checkInt(l, 3)
	}
	if from > to {
		return 0
	}
	n := to - from + 1
	if n <= 0 || n >= maxUnpack {
		fail(l, "too many results to unpack")
	}
	for i := from; ; i++ {
		l.Push(t.RawGetInt(i))
		if i == to {
			return n
		}
	}
}

// chunkName is the name of a chunk that is loaded from a string, as PUC Lua shows it in errors.
func chunkName(name string) string {
	if strings.HasPrefix(name, "=") || strings.HasPrefix(name, "@") {
		return name[1:]
	}
	const most = 40
	line, _, more := strings.Cut(name, "\n")
	if more || len(line) > most {
		line = line[:min(len(line), most)] + "..."
	}
	return `[string "` + line + `"]`
}

func (s *State) loadstring(l *glua.LState) int {
	source := checkString(l, 1)
	return s.loadChunk(l, source, optString(l, 2, source))
}

func (s *State) load(l *glua.LState) int {
	fn := checkFunction(l, 1)
	name := optString(l, 2, "=(load)")
	var b strings.Builder
	for {
		l.Push(fn)
		l.Call(0, 1)
		piece := l.Get(-1)
		l.Pop(1)
		word, isString := piece.(glua.LString)
		if piece == glua.LNil || isString && word == "" {
			return s.loadChunk(l, b.String(), name)
		}
		if !isString {
			l.Push(glua.LNil)
			l.Push(glua.LString("reader function must return a string"))
			return 2
		}
		s.Guard.take(l, b.Len()+len(word))
		b.WriteString(string(word))
	}
}

func (s *State) loadChunk(l *glua.LState, source, name string) int {
	if strings.HasPrefix(source, "\x1bLua") {
		l.Push(glua.LNil)
		l.Push(glua.LString("attempt to load chunk with wrong mode"))
		return 2
	}
	const perByte = 32 // of the source, in memory
	s.Guard.take(l, perByte*len(source))
	p, err := Compile(source, chunkName(name))
	if err != nil {
		l.Push(glua.LNil)
		l.Push(glua.LString(err.Error()))
		return 2
	}
	outer := l.NewFunctionFromProto(p.proto)
	outer.Env = s.env
	l.Push(s.inner(l, outer))
	return 1
}

// collectgarbage answers what scripts ask it for: how much memory is in use. Garbage is collected by the Go runtime.
func (s *State) collectgarbage(l *glua.LState) int {
	switch option := optString(l, 1, "collect"); option {
	case "count":
		l.Push(glua.LNumber(float64(heap()) / 1024))
		l.Push(glua.LNumber(math.Mod(float64(heap()), 1024)))
		return 2
	case "collect", "stop", "restart", "step", "setpause", "setstepmul":
		l.Push(glua.LNumber(0))
		return 1
	default:
		argError(l, 1, fmt.Sprintf("invalid option '%s'", option))
		return 0
	}
}

func (s *State) gcinfo(l *glua.LState) int {
	l.Push(glua.LNumber(heap() / 1024))
	return 1
}

// concatenate is the operator .. of a whole chain.
func (s *State) concatenate(l *glua.LState) int {
	n := l.GetTop()
	total, plain := 0, true
	for i := 1; i <= n && plain; i++ {
		switch v := l.Get(i).(type) {
		case glua.LString:
			total += len(v)
		case glua.LNumber:
			total += 24
		default:
			plain = false
		}
	}
	if plain {
		s.Guard.take(l, total)
		var b strings.Builder
		b.Grow(total)
		for i := 1; i <= n; i++ {
			t, _ := text(l.Get(i))
			b.WriteString(t)
		}
		l.Push(glua.LString(b.String()))
		return 1
	}
	right := l.Get(n)
	for i := n - 1; i >= 1; i-- {
		right = s.join(l, l.Get(i), right, i)
	}
	l.Push(right)
	return 1
}

// join is the operator .. of two values, from right to left as PUC Lua does; the left one is argument i.
func (s *State) join(l *glua.LState, a, b glua.LValue, i int) glua.LValue {
	x, okX := text(a)
	y, okY := text(b)
	if okX && okY {
		s.Guard.take(l, len(x)+len(y))
		return glua.LString(x + y)
	}
	meta := l.GetMetaField(a, "__concat")
	if meta == glua.LNil {
		meta = l.GetMetaField(b, "__concat")
	}
	if meta == glua.LNil {
		bad := a
		if okX {
			bad, i = b, i+1
		}
		fail(l, "%s", typed("concatenate", siteAt(l, 1).operand(i-1), bad.Type().String()))
	}
	l.Push(meta)
	l.Push(a)
	l.Push(b)
	l.Call(2, 1)
	out := l.Get(-1)
	l.Pop(1)
	return out
}

// protected calls what is on the stack, as PCall; functions that are protected may be nested as deep as in PUC Lua.
func (s *State) protected(l *glua.LState, args int) error {
	if s.nested >= maxResumes {
		l.SetTop(0)
		return errNested
	}
	s.nested++
	err := l.PCall(args, glua.MultRet, nil)
	s.nested--
	return err
}

var errNested = errors.New("C stack overflow")

func (s *State) pcall(l *glua.LState) int {
	checkAny(l, 1)
	if err := s.protected(l, l.GetTop()-1); err != nil {
		l.SetTop(0)
		l.Push(glua.LFalse)
		v := ErrorValue(err)
		if s.Caught != nil {
			v = s.Caught(v)
		}
		l.Push(v)
		return 2
	}
	l.Insert(glua.LTrue, 1)
	return l.GetTop()
}

func (s *State) xpcall(l *glua.LState) int {
	fn, handler := checkAny(l, 1), checkAny(l, 2)
	l.SetTop(0)
	l.Push(fn)
	if err := s.protected(l, 0); err != nil {
		l.SetTop(0)
		l.Push(glua.LFalse)
		l.Push(handler)
		l.Push(ErrorValue(err))
		l.Call(1, 1)
		return 2
	}
	l.Insert(glua.LTrue, 1)
	return l.GetTop()
}
