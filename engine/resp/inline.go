package resp

// Protocol errors of the Reader, in Redis's words.
const (
	ErrBigInline            Error = "ERR Protocol error: too big inline request"
	ErrUnbalanced           Error = "ERR Protocol error: unbalanced quotes in request"
	ErrUnauthenticatedCount Error = "ERR Protocol error: unauthenticated multibulk length"
	ErrUnauthenticatedBulk  Error = "ERR Protocol error: unauthenticated bulk length"

	invalidCount Error = "ERR Protocol error: invalid multibulk length"
	invalidBulk  Error = "ERR Protocol error: invalid bulk length"
	tooBigCount  Error = "ERR Protocol error: too big mbulk count string"
	tooBigBulk   Error = "ERR Protocol error: too big bulk count string"
)

// splitLine splits a line into words as redis-cli and Redis's configuration do: double quotes with escapes (\n \r \t \b \a \xHH), single quotes with \' only; a
// closing quote must be followed by a space. Words are decoded in place and appended to argv. ok is false for unbalanced quotes.
func splitLine(line []byte, argv [][]byte) (words [][]byte, ok bool) {
	in, out := 0, 0
	for {
		for in < len(line) && isSpace(line[in]) {
			in++
		}
		if in == len(line) {
			return argv, true
		}
		from := out
	word:
		for in < len(line) {
			switch c := line[in]; c {
			case ' ', '\n', '\r', '\t':
				break word
			case '"', '\'':
				if in, out, ok = unquote(line, in+1, out, c); !ok {
					return argv, false
				}
				break word
			default:
				line[out] = c
				in++
				out++
			}
		}
		argv = append(argv, line[from:out:out])
	}
}

// unquote decodes the rest of a quoted word, of which in is the first byte, to out. It returns where both go on behind the closing quote.
func unquote(line []byte, in, out int, quote byte) (int, int, bool) {
	for in < len(line) {
		c := line[in]
		in++
		switch {
		case c == quote:
			return in, out, in == len(line) || isSpace(line[in])
		case c == '\\' && quote == '\'':
			if in < len(line) && line[in] == '\'' {
				c = '\''
				in++
			}
		case c == '\\' && in+2 < len(line) && line[in] == 'x' && hexDigit(line[in+1]) >= 0 && hexDigit(line[in+2]) >= 0:
			c = byte(hexDigit(line[in+1])<<4 | hexDigit(line[in+2]))
			in += 3
		case c == '\\' && in < len(line):
			c = escaped(line[in])
			in++
		}
		line[out] = c
		out++
	}
	return in, out, false
}

func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
