package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// matcher matches one subject with one pattern of Lua 5.1. Repetitions of a single character are loops: it calls itself only from one item of the pattern to the next.
type matcher struct {
	s     *State
	l     *glua.LState
	src   string
	p     string // the pattern, up to a zero byte: it is a string of C's in PUC Lua
	level int
	depth int
	steps int

	captures [maxCaptures]capture
}

type capture struct{ start, n int }

const (
	maxCaptures = 32
	unfinished  = -1 // lengths of captures
	position    = -2

	maxMatchDepth = 10000 // items of a pattern that wait for what follows them
)

func (s *State) newMatcher(l *glua.LState, src, pattern string) *matcher {
	pattern, _, _ = strings.Cut(pattern, "\x00")
	return &matcher{s: s, l: l, src: src, p: pattern}
}

// start matches at an offset of the subject, from an offset of the pattern: where the match ends, or -1.
func (m *matcher) start(s, p int) int {
	m.level, m.depth = 0, 0
	return m.match(s, p)
}

// work lets the script be interrupted.
func (m *matcher) work() {
	const often = 256
	if m.steps++; m.steps&(often-1) == 0 {
		m.s.Guard.work(m.l, often)
	}
}

// at is a byte of the pattern; 0 at its end.
func (m *matcher) at(p int) byte {
	if p >= len(m.p) {
		return 0
	}
	return m.p[p]
}

// byteAt is a byte of the subject; 0 at its end.
func (m *matcher) byteAt(s int) byte {
	if s < 0 || s >= len(m.src) {
		return 0
	}
	return m.src[s]
}

func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxMatchDepth {
		fail(m.l, "pattern too complex")
	}
	e := m.items(s, p)
	m.depth--
	return e
}

// items matches one item of the pattern after the other.
func (m *matcher) items(s, p int) int {
	for p < len(m.p) {
		m.work()
		switch c := m.p[p]; {
		case c == '(':
			if m.at(p+1) == ')' {
				return m.open(s, p+2, position)
			}
			return m.open(s, p+1, unfinished)
		case c == ')':
			return m.close(s, p+1)
		case c == '$' && p+1 == len(m.p):
			if s == len(m.src) {
				return s
			}
			return -1
		case c == '%' && m.at(p+1) == 'b':
			if s = m.balance(s, p+2); s < 0 {
				return -1
			}
			p += 4
			continue
		case c == '%' && m.at(p+1) == 'f':
			p += 2
			if m.at(p) != '[' {
				fail(m.l, "missing '[' after '%%f' in pattern")
			}
			end := m.classEnd(p)
			if m.inSet(m.byteAt(s-1), p, end-1) || !m.inSet(m.byteAt(s), p, end-1) {
				return -1
			}
			p = end
			continue
		case c == '%' && m.at(p+1) >= '0' && m.at(p+1) <= '9':
			if s = m.again(s, m.at(p+1)); s < 0 {
				return -1
			}
			p += 2
			continue
		}
		end := m.classEnd(p)
		switch m.at(end) {
		case '?':
			if m.single(s, p, end) {
				if e := m.match(s+1, end+1); e >= 0 {
					return e
				}
			}
			p = end + 1
		case '*':
			return m.longest(s, 0, p, end)
		case '+':
			return m.longest(s, 1, p, end)
		case '-':
			return m.shortest(s, p, end)
		default:
			if !m.single(s, p, end) {
				return -1
			}
			s++
			p = end
		}
	}
	return s
}

// single says whether one character of the subject is of the class p..end.
func (m *matcher) single(s, p, end int) bool {
	if s >= len(m.src) {
		return false
	}
	c := m.src[s]
	switch m.p[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.p[p+1])
	case '[':
		return m.inSet(c, p, end-1)
	}
	return m.p[p] == c
}

// longest tries the most repetitions first, and never fewer than least.
func (m *matcher) longest(s, least, p, end int) int {
	n := 0
	for m.single(s+n, p, end) {
		n++
		m.work()
	}
	for ; n >= least; n-- {
		if e := m.match(s+n, end+1); e >= 0 {
			return e
		}
	}
	return -1
}

// shortest tries the fewest repetitions first.
func (m *matcher) shortest(s, p, end int) int {
	for {
		if e := m.match(s, end+1); e >= 0 {
			return e
		}
		if !m.single(s, p, end) {
			return -1
		}
		s++
	}
}

func (m *matcher) open(s, p, kind int) int {
	if m.level >= maxCaptures {
		fail(m.l, "too many captures")
	}
	m.captures[m.level] = capture{s, kind}
	m.level++
	e := m.match(s, p)
	if e < 0 {
		m.level--
	}
	return e
}

func (m *matcher) close(s, p int) int {
	i := m.level - 1
	for i >= 0 && m.captures[i].n != unfinished {
		i--
	}
	if i < 0 {
		fail(m.l, "invalid pattern capture")
	}
	m.captures[i].n = s - m.captures[i].start
	e := m.match(s, p)
	if e < 0 {
		m.captures[i].n = unfinished
	}
	return e
}

// balance is the end of what %bxy matches.
func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.p) {
		fail(m.l, "unbalanced pattern")
	}
	if s >= len(m.src) || m.src[s] != m.p[p] {
		return -1
	}
	begin, end, deep := m.p[p], m.p[p+1], 1
	for s++; s < len(m.src); s++ {
		m.work()
		switch m.src[s] {
		case end:
			if deep--; deep == 0 {
				return s + 1
			}
		case begin:
			deep++
		}
	}
	return -1
}

// again matches what a capture has matched before.
func (m *matcher) again(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.captures[i].n == unfinished {
		fail(m.l, "invalid capture index")
	}
	c := m.captures[i]
	if c.n < 0 || len(m.src)-s < c.n || m.src[c.start:c.start+c.n] != m.src[s:s+c.n] {
		return -1
	}
	return s + c.n
}

// classEnd is where the class that begins at p ends.
func (m *matcher) classEnd(p int) int {
	c := m.p[p]
	p++
	switch c {
	case '%':
		if p >= len(m.p) {
			fail(m.l, "malformed pattern (ends with '%%')")
		}
		return p + 1
	case '[':
		if m.at(p) == '^' {
			p++
		}
		for first := true; first || m.at(p) != ']'; first = false {
			if p >= len(m.p) {
				fail(m.l, "malformed pattern (missing ']')")
			}
			p++
			if m.p[p-1] == '%' && p < len(m.p) {
				p++
			}
		}
		return p + 1
	}
	return p
}

// inSet says whether a character is in the set whose brackets are at p and end.
func (m *matcher) inSet(c byte, p, end int) bool {
	found := true
	if m.at(p+1) == '^' {
		found = false
		p++
	}
	for p++; p < end; p++ {
		switch {
		case m.p[p] == '%':
			p++
			if inClass(c, m.at(p)) {
				return found
			}
		case m.at(p+1) == '-' && p+2 < end:
			p += 2
			if m.p[p-2] <= c && c <= m.p[p] {
				return found
			}
		case m.p[p] == c:
			return found
		}
	}
	return !found
}

// inClass says whether a character is in the class of a letter, in C's own locale; capital letters are for what is not.
func inClass(c, class byte) bool {
	lower, upper, digit := c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
	var in bool
	switch class | 0x20 {
	case 'a':
		in = lower || upper
	case 'c':
		in = c < ' ' || c == 127
	case 'd':
		in = digit
	case 'l':
		in = lower
	case 'p':
		in = c > ' ' && c < 127 && !lower && !upper && !digit
	case 's':
		in = c == ' ' || c >= '\t' && c <= '\r'
	case 'u':
		in = upper
	case 'w':
		in = lower || upper || digit
	case 'x':
		in = digit || c|0x20 >= 'a' && c|0x20 <= 'f'
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	if class < 'A' || class > 'z' || class > 'Z' && class < 'a' {
		return class == c
	}
	return in == (class >= 'a')
}

// value is a capture of the match s..e; the first one is the match itself if there are none.
func (m *matcher) value(i, s, e int) glua.LValue {
	if i >= m.level {
		if i != 0 {
			fail(m.l, "invalid capture index")
		}
		return glua.LString(m.src[s:e])
	}
	switch c := m.captures[i]; c.n {
	case unfinished:
		fail(m.l, "unfinished capture")
		return nil
	case position:
		return glua.LNumber(c.start + 1)
	default:
		return glua.LString(m.src[c.start : c.start+c.n])
	}
}

// push pushes the captures of the match s..e, the match itself if there are none and whole is set.
func (m *matcher) push(s, e int, whole bool) int {
	n := m.level
	if n == 0 && whole {
		n = 1
	}
	for i := range n {
		m.l.Push(m.value(i, s, e))
	}
	return n
}
