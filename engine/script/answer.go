package script

import (
	glua "github.com/yuin/gopher-lua"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// maxDepth bounds how deep a script's value may be nested.
const maxDepth = 1000

const errTooDeep resp.Error = "ERR reached lua stack limit"

// answer replies with a script's value, in the conversions of Redis's documentation: tables with ok, err, double, big_number, verbatim_string, map or set are what they say.
func (r *run) answer(v glua.LValue, depth int) error {
	w := r.call.Reply
	if depth > maxDepth {
		return errTooDeep
	}
	switch v := v.(type) {
	case glua.LString:
		w.BulkString(string(v))
	case glua.LNumber:
		w.Int(toInteger(float64(v)))
	case glua.LBool:
		switch {
		case r.proto == 3:
			w.Bool(bool(v))
		case bool(v):
			w.Int(1)
		default:
			w.Null()
		}
	case *glua.LTable:
		return r.answerTable(v, depth)
	default:
		w.Null()
	}
	return nil
}

// toInteger cuts a number off, as C does on x86: what does not fit is the least integer.
func toInteger(f float64) int64 {
	if f != f || f >= 1<<63 || f < -1<<63 {
		return -1 << 63
	}
	return int64(f)
}

func (r *run) answerTable(t *glua.LTable, depth int) error {
	w := r.call.Reply
	if s, ok := t.RawGetString("err").(glua.LString); ok {
		w.Error(resp.Error(oneLine(string(s))))
		return nil
	}
	if s, ok := t.RawGetString("ok").(glua.LString); ok {
		w.Simple(oneLine(string(s)))
		return nil
	}
	if n, ok := t.RawGetString("double").(glua.LNumber); ok {
		w.Double(float64(n))
		return nil
	}
	if s, ok := t.RawGetString("big_number").(glua.LString); ok {
		w.BigNumber(oneLine(string(s)))
		return nil
	}
	if verbatim, ok := t.RawGetString("verbatim_string").(*glua.LTable); ok {
		format, okFormat := verbatim.RawGetString("format").(glua.LString)
		text, okText := verbatim.RawGetString("string").(glua.LString)
		if okFormat && okText {
			w.Verbatim(format3(string(format)), string(text))
			return nil
		}
	}
	if m, ok := t.RawGetString("map").(*glua.LTable); ok {
		return r.answerPairs(m, depth, true)
	}
	if set, ok := t.RawGetString("set").(*glua.LTable); ok {
		return r.answerPairs(set, depth, false)
	}
	n := 0
	for t.RawGetInt(n+1) != glua.LNil {
		n++
	}
	w.Array(n)
	for i := 1; i <= n; i++ {
		if err := r.answer(t.RawGetInt(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// format3 is a format of three letters.
func format3(s string) string { return (s + "   ")[:3] }

// answerPairs replies with a table's keys as a set, or with its values as well as a map.
func (r *run) answerPairs(t *glua.LTable, depth int, values bool) error {
	n := 0
	t.ForEach(func(_, _ glua.LValue) { n++ })
	if values {
		r.call.Reply.Map(n)
	} else {
		r.call.Reply.Set(n)
	}
	var err error
	t.ForEach(func(key, v glua.LValue) {
		if err == nil {
			err = r.answer(key, depth+1)
		}
		if err == nil && values {
			err = r.answer(v, depth+1)
		}
	})
	return err
}
