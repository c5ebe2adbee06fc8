package command

import (
	"testing"
	"time"
)

// globReference is what a pattern means, word for word, by trying everything: for short patterns and strings only.
func globReference(p, s []byte) bool {
	if len(s) == 0 {
		for len(p) > 0 && p[0] == '*' {
			p = p[1:]
		}
		return len(p) == 0
	}
	if len(p) == 0 {
		return false
	}
	if p[0] == '*' {
		return globReference(p[1:], s) || globReference(p, s[1:])
	}
	rest, fits := globReferenceOne(p, s[0])
	return fits && globReference(rest, s[1:])
}

// globReferenceOne is whether the pattern's head, no star, stands for c, and what follows it.
func globReferenceOne(p []byte, c byte) ([]byte, bool) {
	switch {
	case p[0] == '?':
		return p[1:], true
	case p[0] == '\\' && len(p) > 1:
		return p[2:], p[1] == c
	case p[0] != '[':
		return p[1:], p[0] == c
	}
	p = p[1:]
	wanted := true
	if len(p) > 0 && p[0] == '^' {
		wanted, p = false, p[1:]
	}
	in := map[byte]bool{}
	for len(p) > 0 && p[0] != ']' {
		switch {
		case p[0] == '\\' && len(p) > 1:
			in[p[1]], p = true, p[2:]
		case len(p) > 2 && p[1] == '-':
			for x := int(min(p[0], p[2])); x <= int(max(p[0], p[2])); x++ {
				in[byte(x)] = true
			}
			p = p[3:]
		default:
			in[p[0]], p = true, p[1:]
		}
	}
	if len(p) > 0 {
		p = p[1:]
	}
	return p, in[c] == wanted
}

// FuzzMatch compares Match with the reference, and has long inputs answered in time.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"*", "abc"}, {"a*b*c", "a1b2c"}, {"h[a-e]llo", "hello"}, {"h[^e]*", "hallo"}, {`\*\?`, "*?"}, {"[", "x"}, {"[^", "x"}, {`[\]]`, "]"}, {"[a-", "b"},
		{`a\`, `a\`}, {"**?**", "ab"}, {"[z-a]", "m"}, {"a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaa"}, {"", ""}, {"*", ""}, {"?", ""},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, pattern, s []byte) {
		started := time.Now()
		got := Match(pattern, s)
		if took := time.Since(started); took > time.Second && len(pattern)*len(s) < 1<<20 {
			t.Errorf("%d bytes of pattern against %d took %v", len(pattern), len(s), took)
		}
		if len(pattern) > 12 || len(s) > 16 {
			return
		}
		want := globReference(pattern, s)
		if len(s) == 0 && len(pattern) > 0 {
			want = false // Redis's KEYS and SCAN: of the patterns only the empty one stands for the empty string
		}
		if got != want {
			t.Errorf("Match(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}
