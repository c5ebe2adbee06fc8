package lua

import (
	"errors"
	"regexp"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// ErrorValue is the value that a script was ended with: what error was called with, or a text in PUC Lua's words.
func ErrorValue(err error) glua.LValue {
	var e *glua.ApiError
	if !errors.As(err, &e) {
		return glua.LString(err.Error())
	}
	if t, ok := e.Object.(glua.LString); ok {
		return glua.LString(reword(string(t)))
	}
	if e.Object == nil {
		return glua.LNil
	}
	return e.Object
}

// wordings are gopher-lua's messages and PUC Lua's. The names of variables, which PUC Lua adds, are not known here.
var wordings = []struct {
	ours *regexp.Regexp
	puc  string
}{
	{regexp.MustCompile(`attempt to index a non-table object\((\w+)\) with key '.*'`), "attempt to index a $1 value"},
	{regexp.MustCompile(`attempt to call a non-function object`), "attempt to call a nil value"},
	{regexp.MustCompile(`cannot perform concat operation between \w+ and (\w+)`), "attempt to concatenate a $1 value"},
	{regexp.MustCompile(`cannot perform \w+ operation between number and (\w+)`), "attempt to perform arithmetic on a $1 value"},
	{regexp.MustCompile(`cannot perform \w+ operation between (\w+) and \w+`), "attempt to perform arithmetic on a $1 value"},
	{regexp.MustCompile(`__unm undefined`), "attempt to perform arithmetic on a table value"},
	{regexp.MustCompile(`__len undefined`), "attempt to get length of a number value"},
	{regexp.MustCompile(`registry overflow`), "stack overflow"},
}

// Reword puts a message of the virtual machine into PUC Lua's words.
func Reword(message string) string { return reword(message) }

func reword(message string) string {
	if i := strings.Index(message, "\nstack traceback:"); i >= 0 {
		message = message[:i]
	}
	for _, w := range wordings {
		if w.ours.MatchString(message) {
			return w.ours.ReplaceAllString(message, w.puc)
		}
	}
	return message
}
