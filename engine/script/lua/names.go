package lua

import (
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"weak"

	glua "github.com/yuin/gopher-lua"
)

// site is a place in a chunk where an instruction may fail: its line, and what its operands are called in errors ("local 'x'"), if anything.
//
// gopher-lua keeps one number for each instruction, the line, and says nothing else of where it failed. So a compiled chunk has numbers of sites in their place.
type site struct {
	line     int
	called   string   // what a call calls
	operands []string // of what is indexed, or of an operator
	literal  string   // the type of an operand that is a literal, if known
}

// sites are those of one chunk. The chunk's functions hold them.
type sites struct {
	first int
	all   []site
}

// A site's number is the number of its chunk and its own, and greater than any line.
const (
	siteBits   = 24
	firstChunk = 1 << 8
	firstSite  = firstChunk << siteBits
)

// chunks finds sites by their number, as long as there are functions of their chunk.
var chunks = struct {
	sync.Mutex
	last int
	all  map[int]weak.Pointer[sites]
}{last: firstChunk, all: map[int]weak.Pointer[sites]{}}

func newSites() *sites {
	chunks.Lock()
	defer chunks.Unlock()
	chunks.last++
	n := chunks.last
	s := &sites{first: n << siteBits}
	chunks.all[n] = weak.Make(s)
	runtime.AddCleanup(s, func(n int) {
		chunks.Lock()
		defer chunks.Unlock()
		delete(chunks.all, n)
	}, n)
	return s
}

func (s *sites) add(p site) int {
	s.all = append(s.all, p)
	return s.first + len(s.all) - 1
}

// keep makes a chunk's functions hold its sites.
func (s *sites) keep(p *glua.FunctionProto) {
	p.Constants = append(p.Constants, &glua.LUserData{Value: s, Metatable: glua.LNil})
	for _, inner := range p.FunctionPrototypes {
		s.keep(inner)
	}
}

// siteOf is the site of a number; nil if it is that of a line.
func siteOf(n int) *site {
	if n < firstSite {
		return nil
	}
	chunks.Lock()
	s := chunks.all[n>>siteBits].Value()
	chunks.Unlock()
	if i := n & (1<<siteBits - 1); s != nil && i < len(s.all) {
		return &s.all[i]
	}
	return nil
}

// Line is the line of what gopher-lua takes for one.
func Line(n int) int {
	if p := siteOf(n); p != nil {
		return p.line
	}
	return n
}

// siteAt is the site where a function at a level of the stack is; nil if it isn't known.
func siteAt(l *glua.LState, level int) *site {
	dbg, ok := l.GetStack(level)
	if !ok {
		return nil
	}
	if _, err := l.GetInfo("l", dbg, glua.LNil); err != nil {
		return nil
	}
	return siteOf(dbg.CurrentLine)
}

// operand is the name of an operand in errors; nothing if it has none.
func (p *site) operand(i int) string {
	if p == nil || i >= len(p.operands) {
		return ""
	}
	return p.operands[i]
}

func (p *site) callee() string {
	if p == nil {
		return ""
	}
	return p.called
}

// typed says what could not be done with a value, in PUC Lua's words.
func typed(do, name, kind string) string {
	if name == "" {
		return "attempt to " + do + " a " + kind + " value"
	}
	return "attempt to " + do + " " + name + " (a " + kind + " value)"
}

var numbered = regexp.MustCompile(`^([^\n]*?):(\d{10,}): `)

// locate replaces the number of a site at the beginning of a message by its line, and gives the site.
func locate(message string) (prefix, rest string, p *site) {
	m := numbered.FindStringSubmatchIndex(message)
	if m == nil {
		return "", message, nil
	}
	n, err := strconv.Atoi(message[m[4]:m[5]])
	if err != nil {
		return "", message, nil
	}
	if p = siteOf(n); p == nil {
		return "", message, nil
	}
	return message[:m[3]] + ":" + strconv.Itoa(p.line) + ": ", message[m[1]:], p
}
