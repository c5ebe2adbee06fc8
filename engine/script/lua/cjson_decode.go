package lua

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	glua "github.com/yuin/gopher-lua"
)

// token is what the decoder of JSON has read; its text is its name in errors, or what is wrong.
type token struct {
	kind  tokenKind
	at    int
	text  string // of a string, or the error
	num   float64
	truth bool
}

type tokenKind uint8

const (
	objectBegin tokenKind = iota
	objectEnd
	arrayBegin
	arrayEnd
	stringToken
	numberToken
	boolToken
	nullToken
	colonToken
	commaToken
	endToken
	errorToken
)

// tokenNames are what errors call them.
var tokenNames = [...]string{"T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END", "T_STRING", "T_NUMBER", "T_BOOLEAN", "T_NULL", "T_COLON", "T_COMMA", "T_END", "T_ERROR"}

func (s *State) jsonDecode(l *glua.LState, c *jsonSettings) int {
	if l.GetTop() != 1 {
		argError(l, 1, "expected 1 argument")
	}
	data := checkString(l, 1)
	if len(data) >= 2 && (data[0] == 0 || data[1] == 0) {
		fail(l, "JSON parser does not support UTF-16 or UTF-32")
	}
	d := jsonDecoder{s: s, l: l, c: c, data: data}
	v := d.value(d.next(), 0, 1)
	if t := d.next(); t.kind != endToken {
		d.unexpected("the end", t)
	}
	l.Push(v)
	return 1
}

type jsonDecoder struct {
	s    *State
	l    *glua.LState
	c    *jsonSettings
	data string
	at   int
}

func (d *jsonDecoder) unexpected(want string, t token) {
	found := tokenNames[t.kind]
	if t.kind == errorToken {
		found = t.text
	}
	fail(d.l, "Expected %s but found %s at character %d", want, found, t.at+1)
}

// peek is the byte at an offset from here; 0 at the end, as of C's strings.
func (d *jsonDecoder) peek(i int) byte {
	if d.at+i >= len(d.data) {
		return 0
	}
	return d.data[d.at+i]
}

func (d *jsonDecoder) wrong(text string) token { return token{kind: errorToken, at: d.at, text: text} }

func (d *jsonDecoder) next() token {
	d.s.Guard.work(d.l, 1)
	for strings.IndexByte(" \t\n\r", d.peek(0)) >= 0 {
		d.at++
	}
	t := token{at: d.at}
	switch c := d.peek(0); c {
	case 0:
		t.kind = endToken
		return t
	case '{':
		t.kind = objectBegin
	case '}':
		t.kind = objectEnd
	case '[':
		t.kind = arrayBegin
	case ']':
		t.kind = arrayEnd
	case ',':
		t.kind = commaToken
	case ':':
		t.kind = colonToken
	default:
		return d.word(c, t)
	}
	d.at++
	return t
}

// word reads a token of more than one letter.
func (d *jsonDecoder) word(c byte, t token) token {
	rest := d.data[d.at:]
	switch {
	case c == '"':
		return d.string(t)
	case c == '-' || c >= '0' && c <= '9':
		if !d.c.decodeInvalid && invalidJSONNumber(rest) {
			return d.wrong("invalid number")
		}
		return d.number(t)
	case strings.HasPrefix(rest, "true"):
		t.kind, t.truth = boolToken, true
		d.at += len("true")
	case strings.HasPrefix(rest, "false"):
		t.kind = boolToken
		d.at += len("false")
	case strings.HasPrefix(rest, "null"):
		t.kind = nullToken
		d.at += len("null")
	case strings.IndexByte("+iInN", c) >= 0 && d.c.decodeInvalid && invalidJSONNumber(rest):
		return d.number(t)
	default:
		return d.wrong("invalid token")
	}
	return t
}

// invalidJSONNumber says whether a number is one for C only: +1, 0x1, 01, inf, nan.
func invalidJSONNumber(s string) bool {
	if strings.HasPrefix(s, "+") {
		return true
	}
	s = strings.TrimPrefix(s, "-")
	if strings.HasPrefix(s, "0") {
		return len(s) > 1 && (s[1]|0x20 == 'x' || s[1] >= '0' && s[1] <= '9')
	}
	return len(s) >= 3 && (strings.EqualFold(s[:3], "inf") || strings.EqualFold(s[:3], "nan"))
}

func (d *jsonDecoder) number(t token) token {
	f, n := strtod(d.data[d.at:])
	if n == 0 {
		return d.wrong("invalid number")
	}
	t.kind, t.num = numberToken, f
	d.at += n
	return t
}

// strtod is C's: the number that a text begins with, and its length; 0 if there is none.
func strtod(s string) (float64, int) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	sign := 1.0
	if i == 1 && s[0] == '-' {
		sign = -1
	}
	rest := s[i:]
	for _, w := range []string{"infinity", "inf", "nan"} {
		if len(rest) >= len(w) && strings.EqualFold(rest[:len(w)], w) {
			if w == "nan" {
				return math.Copysign(math.NaN(), sign), i + len(w)
			}
			return math.Inf(int(sign)), i + len(w)
		}
	}
	hex := len(rest) > 2 && rest[0] == '0' && rest[1]|0x20 == 'x'
	if hex {
		if n := numberLength(rest[2:], true); n > 0 {
			f, _ := hexadecimal(rest[2 : 2+n])
			return sign * f, i + 2 + n
		}
	}
	n := numberLength(rest, false)
	if n == 0 {
		return 0, 0
	}
	f, err := strconv.ParseFloat(rest[:n], 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, 0
	}
	return sign * f, i + n
}

// numberLength is how long the digits are, with a fraction and an exponent.
func numberLength(s string, hex bool) int {
	isDigit := func(c byte) bool { return c >= '0' && c <= '9' || hex && c|0x20 >= 'a' && c|0x20 <= 'f' }
	i, digits := 0, 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		digits++
	}
	if i < len(s) && s[i] == '.' {
		j := i + 1
		for ; j < len(s) && isDigit(s[j]); j++ {
			digits++
		}
		if digits > 0 {
			i = j
		}
	}
	if digits == 0 {
		return 0
	}
	mark := byte('e')
	if hex {
		mark = 'p'
	}
	if i < len(s) && s[i]|0x20 == mark {
		j := i + 1
		if j < len(s) && (s[j] == '-' || s[j] == '+') {
			j++
		}
		if from := j; j < len(s) && s[j] >= '0' && s[j] <= '9' {
			for j = from; j < len(s) && s[j] >= '0' && s[j] <= '9'; j++ {
			}
			i = j
		}
	}
	return i
}

// jsonEscape is what the letter behind a backslash stands for.
var jsonEscape = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 't': '\t', 'n': '\n', 'f': '\f', 'r': '\r'}

func (d *jsonDecoder) string(t token) token {
	d.at++
	t.kind = stringToken
	if n := strings.IndexAny(d.data[d.at:], "\"\\\x00"); n >= 0 && d.data[d.at+n] == '"' { // nothing escaped
		t.text = d.data[d.at : d.at+n]
		d.at += n + 1
		return t
	}
	var b []byte
	for {
		c := d.peek(0)
		switch c {
		case '"':
			d.at++
			t.text = string(b)
			return t
		case 0:
			return d.wrong("unexpected end of string")
		case '\\':
			if d.peek(1) == 'u' {
				r, n := d.codePoint()
				if n == 0 {
					return d.wrong("invalid unicode escape code")
				}
				b = utf8.AppendRune(b, r)
				d.at += n
				continue
			}
			if c = jsonEscape[d.peek(1)]; c == 0 {
				return d.wrong("invalid escape code")
			}
			d.at++
		}
		b = append(b, c)
		d.at++
	}
}

// hex4 are the four digits at an offset.
func (d *jsonDecoder) hex4(i int) (rune, bool) {
	var r rune
	for j := range 4 {
		c := d.peek(i + j)
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// codePoint is what the escape \uXXXX here stands for, or two of them, and its length; 0 if it is wrong.
func (d *jsonDecoder) codePoint() (rune, int) {
	r, ok := d.hex4(2)
	if !ok {
		return 0, 0
	}
	if r&0xf800 != 0xd800 {
		return r, 6
	}
	if r&0x400 != 0 || d.peek(6) != '\\' || d.peek(7) != 'u' {
		return 0, 0
	}
	low, ok := d.hex4(8)
	if !ok || low&0xfc00 != 0xdc00 {
		return 0, 0
	}
	return (r&0x3ff<<10 | low&0x3ff) + 0x10000, 12
}

// value makes the value that begins with a token; used is how much of PUC Lua's stack would be in use.
func (d *jsonDecoder) value(t token, depth, used int) glua.LValue {
	switch t.kind {
	case stringToken:
		return glua.LString(t.text)
	case numberToken:
		return glua.LNumber(t.num)
	case boolToken:
		return glua.LBool(t.truth)
	case nullToken:
		return d.s.null
	case objectBegin:
		return d.object(depth+1, used)
	case arrayBegin:
		return d.array(depth+1, used)
	}
	d.unexpected("value", t)
	return nil
}

func (d *jsonDecoder) descend(depth, used, slots int) *glua.LTable {
	if depth > d.c.decodeDepth || used+slots > maxUnpack {
		fail(d.l, "Found too many nested data structures (%d) at character %d", depth, d.at)
	}
	return d.l.NewTable()
}

func (d *jsonDecoder) object(depth, used int) glua.LValue {
	table := d.descend(depth, used, 3)
	t := d.next()
	if t.kind == objectEnd {
		return table
	}
	for {
		if t.kind != stringToken {
			d.unexpected("object key string", t)
		}
		if colon := d.next(); colon.kind != colonToken {
			d.unexpected("colon", colon)
		}
		table.RawSetString(t.text, d.value(d.next(), depth, used+2))
		switch t = d.next(); t.kind {
		case objectEnd:
			return table
		case commaToken:
		default:
			d.unexpected("comma or object end", t)
		}
		t = d.next()
	}
}

func (d *jsonDecoder) array(depth, used int) glua.LValue {
	table := d.descend(depth, used, 2)
	t := d.next()
	if t.kind == arrayEnd {
		return table
	}
	for i := 1; ; i++ {
		table.RawSetInt(i, d.value(t, depth, used+1))
		switch t = d.next(); t.kind {
		case arrayEnd:
			return table
		case commaToken:
		default:
			d.unexpected("comma or array end", t)
		}
		t = d.next()
	}
}
