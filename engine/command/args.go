package command

import (
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

// ParseFloat reads a finite or infinite floating-point number as Redis's getDoubleFromObject does; else ErrNotFloat.
func ParseFloat(b []byte) (float64, error) {
	if len(b) == 0 || b[0] == ' ' || len(b) > 5<<10 {
		return 0, resp.ErrNotFloat
	}
	s := string(b)
	if strings.ContainsAny(s, "_ ") {
		return 0, resp.ErrNotFloat
	}
	f, err := strconv.ParseFloat(s, 64)
	if math.IsNaN(f) || err != nil && !math.IsInf(f, 0) {
		return 0, resp.ErrNotFloat
	}
	if err != nil { // out of range: C's strtod says ERANGE, which Redis refuses
		return 0, resp.ErrNotFloat
	}
	return f, nil
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
