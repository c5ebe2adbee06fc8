package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

const specials = "^$*+?.([%-"

func (s *State) find(l *glua.LState) int  { return s.search(l, true) }
func (s *State) match(l *glua.LState) int { return s.search(l, false) }

// search is string.find and string.match.
func (s *State) search(l *glua.LState, find bool) int {
	src, pattern := checkString(l, 1), checkString(l, 2)
	from := min(max(relative(optInt(l, 3, 1), len(src))-1, 0), len(src))
	shown, _, _ := strings.Cut(pattern, "\x00")
	if find && (glua.LVAsBool(l.Get(4)) || !strings.ContainsAny(shown, specials)) {
		s.Guard.work(l, (len(src)-from)/64)
		i := strings.Index(src[from:], pattern)
		if i < 0 {
			l.Push(glua.LNil)
			return 1
		}
		l.Push(glua.LNumber(from + i + 1))
		l.Push(glua.LNumber(from + i + len(pattern)))
		return 2
	}
	m := s.newMatcher(l, src, pattern)
	anchor := 0
	if m.at(0) == '^' {
		anchor = 1
	}
	for at := from; at <= len(src); at++ {
		if e := m.start(at, anchor); e >= 0 {
			if !find {
				return m.push(at, e, true)
			}
			l.Push(glua.LNumber(at + 1))
			l.Push(glua.LNumber(e))
			return m.push(at, e, false) + 2
		}
		if anchor == 1 {
			break
		}
	}
	l.Push(glua.LNil)
	return 1
}

// gmatch gives an iterator. An anchor has no meaning in its pattern.
func (s *State) gmatch(l *glua.LState) int {
	src, pattern := checkString(l, 1), checkString(l, 2)
	next := 0
	l.Push(l.NewFunction(func(l *glua.LState) int {
		m := s.newMatcher(l, src, pattern)
		for at := next; at <= len(src); at++ {
			if e := m.start(at, 0); e >= 0 {
				next = e
				if e == at {
					next++
				}
				return m.push(at, e, true)
			}
		}
		next = len(src) + 1
		return 0
	}))
	return 1
}

func (s *State) gsub(l *glua.LState) int {
	src, pattern := checkString(l, 1), checkString(l, 2)
	most := int(int32(optInt(l, 4, len(src)+1)))
	switch l.Get(3).(type) {
	case glua.LString, glua.LNumber, *glua.LFunction, *glua.LTable:
	default:
		argError(l, 3, "string/function/table expected")
	}
	m := s.newMatcher(l, src, pattern)
	anchor := 0
	if m.at(0) == '^' {
		anchor = 1
	}
	var b []byte
	at, n := 0, 0
	for n < most {
		before := len(b)
		e := m.start(at, anchor)
		if e >= 0 {
			n++
			b = m.replace(b, l.Get(3), at, e)
		}
		switch {
		case e > at:
			at = e
		case at < len(src):
			b = append(b, src[at])
			at++
		default:
			most = n // the end
		}
		s.Guard.take(l, len(b)-before)
		if anchor == 1 {
			break
		}
	}
	b = append(b, src[at:]...)
	s.Guard.take(l, len(b))
	l.Push(glua.LString(b))
	l.Push(glua.LNumber(n))
	return 2
}

// replace appends what stands for the match s..e.
func (m *matcher) replace(b []byte, by glua.LValue, s, e int) []byte {
	l := m.l
	var v glua.LValue
	switch by := by.(type) {
	case *glua.LFunction:
		l.Push(by)
		l.Call(m.push(s, e, true), 1)
		v = l.Get(-1)
		l.Pop(1)
	case *glua.LTable:
		v = l.GetTable(by, m.value(0, s, e))
	default:
		template, _ := text(by)
		return m.expand(b, template, s, e)
	}
	if glua.LVIsFalse(v) {
		return append(b, m.src[s:e]...)
	}
	word, ok := text(v)
	if !ok {
		fail(l, "invalid replacement value (a %s)", v.Type().String())
	}
	return append(b, word...)
}

// expand appends a replacement in which %0 is the match, and %1 to %9 are captures.
func (m *matcher) expand(b []byte, template string, s, e int) []byte {
	for i := 0; i < len(template); i++ {
		c := template[i]
		if c != '%' {
			b = append(b, c)
			continue
		}
		c = 0 // C's strings end with it
		if i++; i < len(template) {
			c = template[i]
		}
		switch {
		case c < '0' || c > '9':
			b = append(b, c)
		case c == '0':
			b = append(b, m.src[s:e]...)
		default:
			word, _ := text(m.value(int(c-'1'), s, e))
			b = append(b, word...)
		}
	}
	return b
}
