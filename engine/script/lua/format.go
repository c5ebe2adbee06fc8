package lua

import (
	"math"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// format is string.format: C's printf for the conversions that PUC Lua has.
func (s *State) format(l *glua.LState) int {
	f := checkString(l, 1)
	var b strings.Builder
	arg := 1
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			b.WriteByte(f[i])
			continue
		}
		if i++; i == len(f) {
			fail(l, "invalid option '%%' to 'format'")
		}
		if f[i] == '%' {
			b.WriteByte('%')
			continue
		}
		d, n := directive(l, f[i:])
		i += n - 1
		if arg++; arg > l.GetTop() {
			argError(l, arg, "no value")
		}
		s.one(l, &b, d, arg)
		s.Guard.take(l, b.Len())
	}
	l.Push(glua.LString(b.String()))
	return 1
}

// spec is a conversion: flags, width, precision (-1: none) and letter.
type spec struct {
	minus, plus, space, sharp, zero bool
	width, precision                int
	verb                            byte
}

// directive reads what follows a percent sign, and its length.
func directive(l *glua.LState, f string) (spec, int) {
	d := spec{precision: -1}
	i := 0
	for ; i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0; i++ {
		switch f[i] {
		case '-':
			d.minus = true
		case '+':
			d.plus = true
		case ' ':
			d.space = true
		case '#':
			d.sharp = true
		case '0':
			d.zero = true
		}
	}
	if i >= 6 {
		fail(l, "invalid format (repeated flags)")
	}
	digits := func() int {
		n, from := 0, i
		for i < len(f) && f[i] >= '0' && f[i] <= '9' && i-from < 2 {
			n = n*10 + int(f[i]-'0')
			i++
		}
		return n
	}
	d.width = digits()
	if i < len(f) && f[i] == '.' {
		i++
		d.precision = digits()
	}
	if i < len(f) && f[i] >= '0' && f[i] <= '9' {
		fail(l, "invalid format (width or precision too long)")
	}
	if i == len(f) {
		fail(l, "invalid option '%%' to 'format'")
	}
	d.verb = f[i]
	return d, i + 1
}

// one writes one argument.
func (s *State) one(l *glua.LState, b *strings.Builder, d spec, arg int) {
	switch d.verb {
	case 'c':
		d.pad(b, "", string([]byte{byte(checkInt(l, arg))}))
	case 'd', 'i':
		n := toInt64(checkNumber(l, arg))
		digits := strconv.FormatUint(magnitude(n), 10)
		d.integer(b, d.sign(n < 0), digits)
	case 'u', 'o', 'x', 'X':
		d.unsigned(b, uint64(toInt64(checkNumber(l, arg))))
	case 'e', 'E', 'f', 'g', 'G':
		d.float(b, checkNumber(l, arg))
	case 'q':
		b.WriteString(quoted(checkString(l, arg)))
	case 's':
		word := checkString(l, arg)
		if d.precision >= 0 && d.precision < len(word) {
			word = word[:d.precision]
		}
		d.zero = false
		d.pad(b, "", word)
	default:
		fail(l, "invalid option '%%%c' to 'format'", d.verb)
	}
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func (d *spec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case d.plus:
		return "+"
	case d.space:
		return " "
	}
	return ""
}

// pad writes a text to the width: spaces, or zeros behind the sign.
func (d *spec) pad(b *strings.Builder, sign, word string) {
	fill := max(d.width-len(sign)-len(word), 0)
	switch {
	case d.minus:
		b.WriteString(sign + word + strings.Repeat(" ", fill))
	case d.zero:
		b.WriteString(sign + strings.Repeat("0", fill) + word)
	default:
		b.WriteString(strings.Repeat(" ", fill) + sign + word)
	}
}

func (d *spec) integer(b *strings.Builder, sign, digits string) {
	if d.precision >= 0 {
		d.zero = false
		if d.precision == 0 && digits == "0" {
			digits = ""
		}
		digits = strings.Repeat("0", max(d.precision-len(digits), 0)) + digits
	}
	d.pad(b, sign, digits)
}

func (d *spec) unsigned(b *strings.Builder, n uint64) {
	base, prefix := 10, ""
	switch d.verb {
	case 'o':
		base = 8
	case 'x', 'X':
		base = 16
		if d.sharp && n != 0 {
			prefix = "0" + string(d.verb)
		}
	}
	digits := strconv.FormatUint(n, base)
	if d.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	if d.verb == 'o' && d.sharp && digits[0] != '0' && d.precision <= len(digits) {
		digits = "0" + digits
	}
	d.integer(b, prefix, digits)
}

func (d *spec) float(b *strings.Builder, f float64) {
	negative := math.Signbit(f) && !math.IsNaN(f) || math.IsNaN(f) && math.Signbit(f)
	sign := d.sign(negative)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		word := strings.TrimPrefix(Number(f), "-")
		if d.verb == 'E' || d.verb == 'G' {
			word = strings.ToUpper(word)
		}
		d.zero = false
		d.pad(b, sign, word)
		return
	}
	f = math.Abs(f)
	precision := d.precision
	if precision < 0 {
		precision = 6
	}
	var word string
	switch d.verb {
	case 'f':
		word = strconv.FormatFloat(f, 'f', precision, 64)
		if d.sharp && precision == 0 {
			word += "."
		}
	case 'e', 'E':
		word = strconv.FormatFloat(f, 'e', precision, 64)
		if d.sharp && precision == 0 {
			word = strings.Replace(word, "e", ".e", 1)
		}
	default:
		word = general(f, precision, d.sharp)
	}
	if d.verb == 'E' || d.verb == 'G' {
		word = strings.ToUpper(word)
	}
	d.pad(b, sign, word)
}

// quoted is a text as Lua reads it back (%q).
func quoted(word string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(word) {
		switch c := word[i]; c {
		case '"', '\\', '\n':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\r':
			b.WriteString("\\r")
		case 0:
			b.WriteString("\\000")
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
