package script

import (
	"bytes"
	"math"
	"strconv"

	glua "github.com/yuin/gopher-lua"
)

// reader reads a reply of ours and makes Lua values of it, in the conversions of Redis's documentation.
type reader struct {
	l *glua.LState
	b []byte
}

// line is the next line, without its end.
func (r *reader) line() string {
	i := bytes.IndexByte(r.b, '\r')
	s := string(r.b[:i])
	r.b = r.b[i+2:]
	return s
}

func (r *reader) number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("script: a reply of ours has the length " + s)
	}
	return n
}

// bytes are the next n bytes and the end of the line behind them.
func (r *reader) bytes(n int) string {
	s := string(r.b[:n])
	r.b = r.b[n+2:]
	return s
}

func single(l *glua.LState, name string, v glua.LValue) *glua.LTable {
	t := l.NewTable()
	t.RawSetString(name, v)
	return t
}

// value is the next value.
func (r *reader) value() glua.LValue {
	kind := r.b[0]
	r.b = r.b[1:]
	head := r.line()
	switch kind {
	case '+':
		return single(r.l, "ok", glua.LString(head))
	case '-':
		t := single(r.l, "err", glua.LString(head))
		t.RawSetString("ignore_error_stats_update", glua.LTrue)
		return t
	case ':':
		n, err := strconv.ParseInt(head, 10, 64)
		if err != nil {
			panic("script: a reply of ours has the integer " + head)
		}
		return glua.LNumber(n)
	case '$':
		n := r.number(head)
		if n < 0 {
			return glua.LFalse
		}
		return glua.LString(r.bytes(n))
	case '_':
		return glua.LNil
	case '#':
		return glua.LBool(head == "t")
	case ',':
		return single(r.l, "double", glua.LNumber(double(head)))
	case '(':
		return single(r.l, "big_number", glua.LString(head))
	case '=':
		text := r.bytes(r.number(head))
		t := r.l.NewTable()
		t.RawSetString("format", glua.LString(text[:3]))
		t.RawSetString("string", glua.LString(text[4:]))
		return single(r.l, "verbatim_string", t)
	case '|': // attributes are not shown to scripts
		for range 2 * r.number(head) {
			r.value()
		}
		return r.value()
	default:
		return r.collection(kind, r.number(head))
	}
}

func (r *reader) collection(kind byte, n int) glua.LValue {
	if n < 0 {
		return glua.LFalse
	}
	switch kind {
	case '%':
		t := r.l.CreateTable(0, n)
		for range n {
			key := r.value()
			t.RawSet(key, r.value())
		}
		return single(r.l, "map", t)
	case '~':
		t := r.l.CreateTable(0, n)
		for range n {
			t.RawSet(r.value(), glua.LTrue)
		}
		return single(r.l, "set", t)
	case '*', '>':
		t := r.l.CreateTable(n, 0)
		for i := range n {
			t.RawSetInt(i+1, r.value())
		}
		return t
	}
	panic("script: a reply of ours begins with " + string(kind))
}

func double(s string) float64 {
	switch s {
	case "inf":
		return math.Inf(1)
	case "-inf":
		return math.Inf(-1)
	case "nan":
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic("script: a reply of ours has the double " + s)
	}
	return f
}
