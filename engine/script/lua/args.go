package lua

import (
	"fmt"
	"math"

	glua "github.com/yuin/gopher-lua"
)

// fail ends a library function with an error that tells where in the script it was called, if a script's function called it.
func fail(l *glua.LState, format string, args ...any) {
	l.Error(glua.LString(where(l, 1)+fmt.Sprintf(format, args...)), 0)
}

// where is "chunk:line: " of the function at a level of the stack; nothing if that is not a script's function.
func where(l *glua.LState, level int) string {
	dbg, ok := l.GetStack(level)
	if !ok {
		return ""
	}
	if _, err := l.GetInfo("Sl", dbg, glua.LNil); err != nil || dbg.CurrentLine <= 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", dbg.Source, Line(dbg.CurrentLine))
}

// calledAs is the name that the running library function was called by.
func calledAs(l *glua.LState) string {
	dbg, ok := l.GetStack(0)
	if !ok {
		return "?"
	}
	if _, err := l.GetInfo("n", dbg, glua.LNil); err != nil || dbg.Name == "" || dbg.Name[0] == '(' || dbg.Name[0] == '<' || dbg.Name == "main chunk" || dbg.Name == "corountine" {
		return "?"
	}
	return dbg.Name
}

// argError says what is wrong with an argument.
func argError(l *glua.LState, n int, message string) {
	fail(l, "bad argument #%d to '%s' (%s)", n, calledAs(l), message)
}

// typeError says that an argument is of the wrong type.
func typeError(l *glua.LState, n int, want string) {
	argError(l, n, want+" expected, got "+typeAt(l, n))
}

// typeAt is the type of an argument; "no value" if there is none.
func typeAt(l *glua.LState, n int) string {
	if n > l.GetTop() {
		return "no value"
	}
	return l.Get(n).Type().String()
}

// absent says whether an argument is not given, or nil.
func absent(l *glua.LState, n int) bool { return l.Get(n) == glua.LNil }

func checkAny(l *glua.LState, n int) glua.LValue {
	if n > l.GetTop() {
		argError(l, n, "value expected")
	}
	return l.Get(n)
}

// numeric is a value that is a number or a text that is one.
func numeric(v glua.LValue) (float64, bool) {
	switch v := v.(type) {
	case glua.LNumber:
		return float64(v), true
	case glua.LString:
		return ParseNumber(string(v))
	}
	return 0, false
}

// checkNumber is an argument that is a number, or a text that is one.
func checkNumber(l *glua.LState, n int) float64 {
	f, ok := numeric(l.Get(n))
	if !ok {
		typeError(l, n, "number")
	}
	return f
}

func checkInt(l *glua.LState, n int) int { return int(toInt64(checkNumber(l, n))) }

func optInt(l *glua.LState, n, otherwise int) int {
	if absent(l, n) {
		return otherwise
	}
	return checkInt(l, n)
}

// checkString is an argument that is a string or a number.
func checkString(l *glua.LState, n int) string {
	t, ok := text(l.Get(n))
	if !ok {
		typeError(l, n, "string")
	}
	return t
}

func optString(l *glua.LState, n int, otherwise string) string {
	if absent(l, n) {
		return otherwise
	}
	return checkString(l, n)
}

func checkTable(l *glua.LState, n int) *glua.LTable {
	t, ok := l.Get(n).(*glua.LTable)
	if !ok {
		typeError(l, n, "table")
	}
	return t
}

func checkFunction(l *glua.LState, n int) *glua.LFunction {
	fn, ok := l.Get(n).(*glua.LFunction)
	if !ok {
		typeError(l, n, "function")
	}
	return fn
}

// toInt64 cuts a number off, as C does on x86: what does not fit is the least integer.
func toInt64(f float64) int64 {
	if f != f || f >= 1<<63 || f < -1<<63 {
		return math.MinInt64
	}
	return int64(f)
}
