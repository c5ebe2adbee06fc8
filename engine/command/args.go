package command

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// Args reads the words of a request from left to right. Its methods return Redis's errors.
type Args struct {
	argv [][]byte
	at   int
}

// Args is a cursor over the words of the request from index on.
func (c *Call) Args(from int) Args { return Args{argv: c.Argv, at: from} }

// More says whether words are left.
func (a *Args) More() bool { return a.at < len(a.argv) }

// Left is the number of words left.
func (a *Args) Left() int { return len(a.argv) - a.at }

// Rest are the words left.
func (a *Args) Rest() [][]byte { return a.argv[a.at:] }

// Skip passes over the next n words, which must be there.
func (a *Args) Skip(n int) { a.at += n }

// Next is the next word; ErrSyntax if there is none.
func (a *Args) Next() ([]byte, error) {
	if !a.More() {
		return nil, resp.ErrSyntax
	}
	w := a.argv[a.at]
	a.at++
	return w, nil
}

// Flag takes the next word if it is the given one, in whatever case.
func (a *Args) Flag(word string) bool {
	if a.More() && equalFold(a.argv[a.at], word) {
		a.at++
		return true
	}
	return false
}

// FlagWith takes the next word if it is the given one and another word follows it (an option with a value).
func (a *Args) FlagWith(word string) bool {
	if a.Left() >= 2 && equalFold(a.argv[a.at], word) {
		a.at++
		return true
	}
	return false
}

// Int is the next word as a signed 64-bit integer; ErrNotInteger if it isn't one.
func (a *Args) Int() (int64, error) {
	w, err := a.Next()
	if err != nil {
		return 0, err
	}
	return ParseInt(w)
}

// ParseInt reads a signed 64-bit integer as Redis does: no spaces, no plus, no leading zeros, no -0; else ErrNotInteger.
func ParseInt(b []byte) (int64, error) {
	if n, ok := IntText(b); ok {
		return n, nil
	}
	return 0, resp.ErrNotInteger
}

// IntText says whether b is the canonical decimal text of a signed 64-bit integer, and which.
func IntText(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	digits, neg := b, false
	if b[0] == '-' {
		digits, neg = b[1:], true
	}
	if len(digits) == 0 || digits[0] == '0' && (len(digits) > 1 || neg) {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := uint64(c - '0')
		if n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	if neg {
		if n > 1<<63 {
			return 0, false
		}
		return -int64(n), true
	}
	if n > math.MaxInt64 {
		return 0, false
	}
	return int64(n), true
}

// ParseFloat reads a floating-point number as Redis's getDoubleFromObject does by C's strtod: decimal or hexadecimal (0x10, 0x1p-3), inf and infinity in any
// case. No number (nan), spaces, anything after the number, and numbers too large or too small for a float64 are ErrNotFloat.
func ParseFloat(b []byte) (float64, error) {
	if n, ok := IntText(b); ok && -1<<53 <= n && n <= 1<<53 {
		return float64(n), nil
	}
	s := string(b)
	f, err := strtod(s)
	if err != nil || math.IsNaN(f) || f == 0 && !zeroText(s) {
		return 0, resp.ErrNotFloat
	}
	return f, nil
}

// ParseBound reads a floating-point number as C's strtod alone does, for Redis's bounds of ranges: beside what ParseFloat reads, white space before it, nothing at all (zero),
// and numbers too large or too small for a float64, which are infinity and zero. ok is false for no number (nan), and for anything after the number but a zero byte.
func ParseBound(b []byte) (f float64, ok bool) {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	if len(b) == 0 {
		return 0, true
	}
	f, err := strtod(string(bytes.TrimLeft(b, " \t\n\v\f\r")))
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return f, !math.IsNaN(f)
}

// strtod is strconv.ParseFloat for C's notation of numbers.
func strtod(s string) (float64, error) {
	if strings.IndexByte(s, '_') >= 0 { // Go allows it in numbers
		return 0, strconv.ErrSyntax
	}
	if isHex(s) && !strings.ContainsAny(s, "pP") {
		s += "p0" // which Go demands
	}
	return strconv.ParseFloat(s, 64)
}

func isHex(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')
}

// zeroText says whether the text of a number that was read as zero is zero, not a number too small.
func zeroText(s string) bool {
	exponent, digits := "eE", "123456789"
	if isHex(s) {
		exponent, digits = "pP", "123456789abcdefABCDEF"
	}
	if i := strings.IndexAny(s, exponent); i >= 0 {
		s = s[:i]
	}
	return !strings.ContainsAny(s, digits)
}

func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range b {
		x, y := b[i], word[i]
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if 'A' <= y && y <= 'Z' {
			y += 'a' - 'A'
		}
		if x != y {
			return false
		}
	}
	return true
}
