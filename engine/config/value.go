package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/engine/command"
)

// Int is an integer that may be loaded at any time.
type Int struct{ v atomic.Int64 }

// Load is the value.
func (i *Int) Load() int64 { return i.v.Load() }

// Bool is a yes or no that may be loaded at any time.
type Bool struct{ v atomic.Bool }

// Load is the value.
func (b *Bool) Load() bool { return b.v.Load() }

// String is a text that may be loaded at any time.
type String struct{ v atomic.Pointer[string] }

// Load is the value.
func (s *String) Load() string { return *s.v.Load() }

// Enum is one of a list of words that may be loaded at any time.
type Enum struct{ v atomic.Int64 }

// Load is the index of the word in its directive's list.
func (e *Enum) Load() int { return int(e.v.Load()) }

// value is what a directive holds.
type value interface {
	// parse checks a text, and returns what makes it the value.
	parse(string) (commit func(), err error)
	// snapshot returns what brings the present value back.
	snapshot() (restore func())
	// text is the value as CONFIG GET prints it.
	text() string
	// allowed says which texts are right, for documentation.
	allowed() string
}

// wrong is what is wrong with a value, in Redis's words.
type wrong string

// Error is the text that follows the directive's name in CONFIG SET's error.
func (w wrong) Error() string { return string(w) }

// number is an integer in a range, perhaps with a unit.
type number struct {
	*Int
	min, max int64
	memory   bool // kb, mb, gb and so on are understood
}

func newNumber(p *Int, def, least, most int64, memory bool) number {
	if p == nil {
		p = new(Int)
	}
	p.v.Store(def)
	return number{p, least, most, memory}
}

// integer is a plain number.
func integer(p *Int, def, least, most int64) value { return newNumber(p, def, least, most, false) }

// memory is a number of bytes.
func memory(p *Int, def, least, most int64) value { return newNumber(p, def, least, most, true) }

func (n number) parse(s string) (func(), error) {
	var v int64
	if n.memory {
		bytes, ok := parseMemory(s)
		if !ok {
			return nil, wrong("argument must be a memory value")
		}
		v = int64(min(bytes, math.MaxInt64))
		if bytes > math.MaxInt64 {
			return nil, n.outside()
		}
	} else {
		var ok bool
		if v, ok = command.IntText([]byte(s)); !ok {
			return nil, wrong("argument couldn't be parsed into an integer")
		}
	}
	if v < n.min || v > n.max {
		return nil, n.outside()
	}
	return func() { n.v.Store(v) }, nil
}

// percentOr is a number of bytes, or a percentage, which is kept as a negative number.
type percentOr struct{ number }

func memoryOrPercent(p *Int) value {
	return percentOr{newNumber(p, 0, 0, math.MaxInt64, true)}
}

func (n percentOr) parse(s string) (func(), error) {
	digits, isPercent := strings.CutSuffix(s, "%")
	if !isPercent {
		commit, err := n.number.parse(s)
		if err != nil {
			err = wrong("argument must be a memory or percent value")
		}
		return commit, err
	}
	v, ok := command.IntText([]byte(digits))
	switch {
	case !ok || v < 0:
		return nil, wrong("argument must be a memory or percent value")
	case v > 100:
		return nil, wrong("percentage argument must be less or equal to 100")
	}
	return func() { n.v.Store(-v) }, nil
}

func (n percentOr) text() string {
	if v := n.Load(); v < 0 {
		return strconv.FormatInt(-v, 10) + "%"
	}
	return n.number.text()
}

func (n number) outside() error {
	return wrong(fmt.Sprintf("argument must be between %d and %d inclusive", n.min, n.max))
}

func (n number) snapshot() func() {
	v := n.Load()
	return func() { n.v.Store(v) }
}

func (n number) text() string { return strconv.FormatInt(n.Load(), 10) }

func (n number) allowed() string {
	unit := "integer"
	if n.memory {
		unit = "bytes"
	}
	if n.max >= math.MaxInt32 {
		return fmt.Sprintf("%s, %d-", unit, n.min)
	}
	return fmt.Sprintf("%s, %d-%d", unit, n.min, n.max)
}

// parseMemory reads digits and a unit: b, k (1000), kb (1024), m, mb, g, gb, in whatever case. As in Redis no digits are 0.
func parseMemory(s string) (uint64, bool) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	unit, ok := map[string]uint64{"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1e6, "mb": 1 << 20, "g": 1e9, "gb": 1 << 30}[lower(s[digits:])]
	if !ok {
		return 0, false
	}
	if digits == 0 {
		return 0, true
	}
	n, err := strconv.ParseUint(s[:digits], 10, 64)
	if err != nil || n > math.MaxUint64/unit {
		return math.MaxUint64, true // out of every range
	}
	return n * unit, true
}

// yesNo is a Bool.
type yesNo struct{ *Bool }

func boolean(p *Bool, def bool) value {
	if p == nil {
		p = new(Bool)
	}
	p.v.Store(def)
	return yesNo{p}
}

func (b yesNo) parse(s string) (func(), error) {
	switch lower(s) {
	case "yes":
		return func() { b.v.Store(true) }, nil
	case "no":
		return func() { b.v.Store(false) }, nil
	}
	return nil, wrong("argument must be 'yes' or 'no'")
}

func (b yesNo) snapshot() func() {
	v := b.Load()
	return func() { b.v.Store(v) }
}

func (b yesNo) text() string {
	if b.Load() {
		return "yes"
	}
	return "no"
}

func (b yesNo) allowed() string { return "yes, no" }

// oneOf is one of a list of words.
type oneOf struct {
	*Enum
	words []string
}

func enum(p *Enum, def string, words ...string) value {
	if p == nil {
		p = new(Enum)
	}
	w := oneOf{p, words}
	commit, err := w.parse(def)
	if err != nil {
		panic("config: default " + def + ": " + err.Error())
	}
	commit()
	return w
}

func (w oneOf) parse(s string) (func(), error) {
	for i, name := range w.words {
		if lower(s) == name {
			return func() { w.v.Store(int64(i)) }, nil
		}
	}
	return nil, wrong("argument(s) must be one of the following: " + strings.Join(w.words, ", "))
}

func (w oneOf) snapshot() func() {
	v := w.v.Load()
	return func() { w.v.Store(v) }
}

func (w oneOf) text() string    { return w.words[w.Load()] }
func (w oneOf) allowed() string { return strings.Join(w.words, ", ") }

// anyText is any text, or one that a check lets pass.
type anyText struct {
	*String
	check func(string) error // nil: every text is right
	form  string
}

func text(p *String, def string) value { return checked(p, def, "text", nil) }

func checked(p *String, def, form string, check func(string) error) value {
	if p == nil {
		p = new(String)
	}
	p.v.Store(&def)
	return anyText{p, check, form}
}

func (a anyText) parse(s string) (func(), error) {
	if a.check != nil {
		if err := a.check(s); err != nil {
			return nil, err
		}
	}
	return func() { a.v.Store(&s) }, nil
}

func (a anyText) snapshot() func() {
	v := a.v.Load()
	return func() { a.v.Store(v) }
}

func (a anyText) text() string    { return a.Load() }
func (a anyText) allowed() string { return a.form }
