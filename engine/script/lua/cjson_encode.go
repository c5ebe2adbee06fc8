package lua

import (
	"fmt"
	"math"

	glua "github.com/yuin/gopher-lua"
)

// jsonSettings are what the functions of one cjson module share; scripts may change them.
type jsonSettings struct {
	sparseConvert bool
	sparseRatio   int
	sparseSafe    int
	encodeDepth   int
	decodeDepth   int
	encodeInvalid int // 0: an error, 1: as C prints them, 2: null
	decodeInvalid bool
	keepBuffer    bool
	precision     int
}

const maxInt32 = math.MaxInt32

// openJSON registers cjson.
func (s *State) openJSON() {
	s.null = s.NewUserData()
	s.globals.RawSetString("cjson", s.newJSON())
}

// newJSON makes a cjson module with settings of its own.
func (s *State) newJSON() *glua.LTable {
	c := &jsonSettings{
		sparseRatio: 2, sparseSafe: 10, encodeDepth: 1000, decodeDepth: 1000, decodeInvalid: true, keepBuffer: true, precision: 14,
	}
	t := s.NewTable()
	s.register(t, map[string]glua.LGFunction{
		"encode": func(l *glua.LState) int { return s.jsonEncode(l, c) },
		"decode": func(l *glua.LState) int { return s.jsonDecode(l, c) },
		"new":    func(l *glua.LState) int { l.Push(s.newJSON()); return 1 },

		"encode_sparse_array": func(l *glua.LState) int {
			atMost(l, 3)
			return switchOption(l, 1, &c.sparseConvert) + intOption(l, 2, &c.sparseRatio, 0, maxInt32) + intOption(l, 3, &c.sparseSafe, 0, maxInt32)
		},
		"encode_max_depth":        func(l *glua.LState) int { atMost(l, 1); return intOption(l, 1, &c.encodeDepth, 1, maxInt32) },
		"decode_max_depth":        func(l *glua.LState) int { atMost(l, 1); return intOption(l, 1, &c.decodeDepth, 1, maxInt32) },
		"encode_number_precision": func(l *glua.LState) int { atMost(l, 1); return intOption(l, 1, &c.precision, 1, 14) },
		"encode_keep_buffer":      func(l *glua.LState) int { atMost(l, 1); return switchOption(l, 1, &c.keepBuffer) },
		"decode_invalid_numbers":  func(l *glua.LState) int { atMost(l, 1); return switchOption(l, 1, &c.decodeInvalid) },
		"encode_invalid_numbers":  func(l *glua.LState) int { atMost(l, 1); return invalidOption(l, &c.encodeInvalid) },
	})
	t.RawSetString("null", s.null)
	t.RawSetString("_NAME", glua.LString("cjson"))
	t.RawSetString("_VERSION", glua.LString("2.1.0"))
	return t
}

func atMost(l *glua.LState, args int) {
	if l.GetTop() > args {
		argError(l, args+1, "found too many arguments")
	}
	l.SetTop(args)
}

// intOption sets an integer if an argument says so, and pushes it.
func intOption(l *glua.LState, n int, setting *int, least, most int) int {
	if !absent(l, n) {
		v := int(int32(checkInt(l, n)))
		if v < least || v > most {
			argError(l, 1, fmt.Sprintf("expected integer between %d and %d", least, most))
		}
		*setting = v
	}
	l.Push(glua.LNumber(*setting))
	return 1
}

// oneOf is which of the words an argument is.
func oneOf(l *glua.LState, n int, words ...string) int {
	word := checkString(l, n)
	for i, w := range words {
		if w == word {
			return i
		}
	}
	argError(l, n, fmt.Sprintf("invalid option '%s'", word))
	return 0
}

func switchOption(l *glua.LState, n int, setting *bool) int {
	switch v := l.Get(n).(type) {
	case *glua.LNilType:
	case glua.LBool:
		*setting = bool(v)
	default:
		*setting = oneOf(l, n, "off", "on") == 1
	}
	l.Push(glua.LBool(*setting))
	return 1
}

func invalidOption(l *glua.LState, setting *int) int {
	switch v := l.Get(1).(type) {
	case *glua.LNilType:
	case glua.LBool:
		*setting = 0
		if v {
			*setting = 1
		}
	default:
		*setting = oneOf(l, 1, "off", "on", "null")
	}
	if *setting == 2 {
		l.Push(glua.LString("null"))
	} else {
		l.Push(glua.LBool(*setting == 1))
	}
	return 1
}

func (s *State) jsonEncode(l *glua.LState, c *jsonSettings) int {
	if l.GetTop() != 1 {
		argError(l, 1, "expected 1 argument")
	}
	e := jsonEncoder{s: s, l: l, c: c}
	e.value(l.Get(1), 0, 1)
	l.Push(glua.LString(e.b))
	return 1
}

type jsonEncoder struct {
	s *State
	l *glua.LState
	c *jsonSettings
	b []byte
}

func (e *jsonEncoder) refuse(v glua.LValue, reason string) {
	fail(e.l, "Cannot serialise %s: %s", v.Type().String(), reason)
}

// value appends a value; used is how much of PUC Lua's stack would be in use.
func (e *jsonEncoder) value(v glua.LValue, depth, used int) {
	e.s.Guard.work(e.l, 1)
	switch v := v.(type) {
	case glua.LString:
		e.text(string(v))
	case glua.LNumber:
		e.number(v)
	case glua.LBool:
		if v {
			e.b = append(e.b, "true"...)
		} else {
			e.b = append(e.b, "false"...)
		}
	case *glua.LTable:
		depth++
		if depth > e.c.encodeDepth || used+3 > maxUnpack {
			fail(e.l, "Cannot serialise, excessive nesting (%d)", depth)
		}
		t := e.s.real(v)
		if n := e.length(v, t); n > 0 {
			e.array(t, n, depth, used)
		} else {
			e.object(t, depth, used)
		}
	default:
		if v != glua.LNil && v != glua.LValue(e.s.null) {
			e.refuse(v, "type not supported")
		}
		e.b = append(e.b, "null"...)
	}
}

// length is the greatest key of a table that is an array, else -1.
func (e *jsonEncoder) length(v glua.LValue, t *glua.LTable) int {
	most, items := 0, 0 // of 32 bits in C: what does not fit is the least integer
	for key, _ := t.Next(glua.LNil); key != glua.LNil; key, _ = t.Next(key) {
		n, ok := key.(glua.LNumber)
		if f := float64(n); !ok || f < 1 || f != math.Floor(f) {
			return -1
		}
		switch {
		case float64(n) <= float64(most):
		case n > maxInt32:
			most = math.MinInt32
		default:
			most = int(n)
		}
		items++
		e.s.Guard.work(e.l, 1)
	}
	if e.c.sparseRatio > 0 && most > items*e.c.sparseRatio && most > e.c.sparseSafe {
		if !e.c.sparseConvert {
			e.refuse(v, "excessively sparse array")
		}
		return -1
	}
	return most
}

func (e *jsonEncoder) array(t *glua.LTable, n, depth, used int) {
	e.b = append(e.b, '[')
	for i := 1; i <= n; i++ {
		if i > 1 {
			e.b = append(e.b, ',')
		}
		e.value(t.RawGet(glua.LNumber(i)), depth, used+1)
		if i&(1<<16-1) == 0 {
			e.s.Guard.take(e.l, len(e.b))
		}
	}
	e.b = append(e.b, ']')
}

func (e *jsonEncoder) object(t *glua.LTable, depth, used int) {
	e.b = append(e.b, '{')
	first := true
	for key, v := t.Next(glua.LNil); key != glua.LNil; key, v = t.Next(key) {
		if !first {
			e.b = append(e.b, ',')
		}
		first = false
		switch key := key.(type) {
		case glua.LNumber:
			e.b = append(e.b, '"')
			e.number(key)
			e.b = append(e.b, '"')
		case glua.LString:
			e.text(string(key))
		default:
			e.refuse(key, "table key must be a number or string")
		}
		e.b = append(e.b, ':')
		e.value(v, depth, used+2)
	}
	e.b = append(e.b, '}')
}

func (e *jsonEncoder) number(n glua.LNumber) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		switch {
		case e.c.encodeInvalid == 0:
			e.refuse(n, "must not be NaN or Inf")
		case e.c.encodeInvalid == 2:
			e.b = append(e.b, "null"...)
			return
		case math.IsNaN(f):
			e.b = append(e.b, "nan"...)
			return
		}
	}
	e.b = append(e.b, General(f, e.c.precision)...)
}

// jsonShort are the escapes of one letter.
var jsonShort = [256]byte{'"': '"', '\\': '\\', '/': '/', '\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r'}

func (e *jsonEncoder) text(word string) {
	e.s.Guard.take(e.l, len(e.b)/8+len(word))
	const digits = "0123456789abcdef"
	e.b = append(e.b, '"')
	for i := range len(word) {
		switch c := word[i]; {
		case jsonShort[c] != 0:
			e.b = append(e.b, '\\', jsonShort[c])
		case c < ' ' || c == 127:
			e.b = append(e.b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			e.b = append(e.b, c)
		}
	}
	e.b = append(e.b, '"')
}
