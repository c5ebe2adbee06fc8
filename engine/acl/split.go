package acl

import (
	"strconv"
	"strings"
)

// splitArgs splits the inside of a selector into its rules, as Redis splits a line: words between spaces, parts of which may be in quotes; in double
// quotes \n \r \t \b \a \xHH and \ with any byte are escapes, in single quotes only \'. Unbalanced quotes give no words at all.
func splitArgs(line string) []string {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\n\v\f\r")
		if line == "" {
			return words
		}
		word, rest, ok := splitWord(line)
		if !ok {
			return nil
		}
		words, line = append(words, word), rest
	}
}

// splitWord takes the first word of line, which does not begin with a space.
func splitWord(line string) (word, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(line); {
		c := line[i]
		switch c {
		case ' ', '\n', '\r', '\t':
			return b.String(), line[i:], true
		case '"', '\'':
			n, ok := unquote(&b, line[i:])
			if !ok {
				return "", "", false
			}
			return b.String(), line[i+n:], true // a closing quote ends the word
		}
		b.WriteByte(c)
		i++
	}
	return b.String(), "", true
}

// unquote appends the quoted part at the head of s to b and returns its length with both quotes. What follows it must be a space or nothing.
func unquote(b *strings.Builder, s string) (n int, ok bool) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			i++
			return i, i == len(s) || strings.IndexByte(" \t\n\v\f\r", s[i]) >= 0
		case c == '\\' && quote == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
			b.WriteByte('\'')
		case c == '\\' && quote == '"' && i+1 < len(s):
			i += unescape(b, s[i+1:])
		default:
			b.WriteByte(c)
		}
	}
	return 0, false
}

// unescape appends what an escape stands for; s follows the backslash. It returns how many bytes of s the escape has.
func unescape(b *strings.Builder, s string) int {
	if s[0] == 'x' && len(s) >= 3 {
		if v, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
			b.WriteByte(byte(v))
			return 3
		}
	}
	c := s[0]
	if i := strings.IndexByte("nrtba", c); i >= 0 {
		c = "\n\r\t\b\a"[i]
	}
	b.WriteByte(c)
	return 1
}

// quoteArg puts a word of a selector in quotes if splitArgs would read it differently, or if its end looks like the selector's.
func quoteArg(word string) string {
	if !strings.ContainsAny(word, `"'`) && !strings.HasSuffix(word, ")") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
