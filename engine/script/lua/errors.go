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

// Reword puts a message of the virtual machine into PUC Lua's words.
func Reword(message string) string { return reword(message) }

var (
	notIndexed = regexp.MustCompile(`^attempt to index a non-table object\((\w+)\) with key '`)
	notNumbers = regexp.MustCompile(`^cannot perform \w+ operation between (\w+) and (\w+)$`)
	unordered  = regexp.MustCompile(`^attempt to compare (\w+) with (\w+)$`)
)

func reword(message string) string {
	if i := strings.Index(message, "\nstack traceback:"); i >= 0 {
		message = message[:i]
	}
	prefix, rest, p := locate(message)
	if prefix == "" { // "chunk:line: message" of an instruction that has no site, or no position at all
		if i := strings.Index(message, ": "); i >= 0 {
			prefix, rest = message[:i+2], message[i+2:]
		}
		if said := puc(rest, nil); said != rest {
			return prefix + said
		}
		return puc(message, nil)
	}
	return prefix + puc(rest, p)
}

// puc is what PUC Lua says instead of a message, with the names of the operands at the site.
func puc(message string, p *site) string {
	kind := "nil" // gopher-lua doesn't say which type could not be called, negated or measured
	if p != nil && p.literal != "" {
		kind = p.literal
	}
	switch message {
	case "attempt to call a non-function object":
		return typed("call", p.callee(), kind)
	case "__unm undefined":
		return typed("perform arithmetic on", p.operand(0), kind)
	case "__len undefined":
		return typed("get length of", p.operand(0), kind)
	case "registry overflow", "lua callstack overflow":
		return "stack overflow"
	}
	if m := notIndexed.FindStringSubmatch(message); m != nil {
		return typed("index", p.operand(0), m[1])
	}
	if m := notNumbers.FindStringSubmatch(message); m != nil {
		if m[1] == "number" {
			return typed("perform arithmetic on", p.operand(1), m[2])
		}
		return typed("perform arithmetic on", p.operand(0), m[1])
	}
	if m := unordered.FindStringSubmatch(message); m != nil && m[1] == m[2] {
		return "attempt to compare two " + m[1] + " values"
	}
	return message
}
