package command

import "testing"

func TestMatchAsRedis(t *testing.T) { // answers of KEYS on redis-server 7.0.15
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "abc", true},
		{"a*c", "abc", true},
		{"a*c", "abcd", false},
		{"a*b*c", "a1b2b3c", true},
		{"**", "x", true},
		{"h?llo", "hello", true},
		{"h?llo", "hllo", false},
		{"h[ae]llo", "hallo", true},
		{"h[^e]llo", "hello", false},
		{"h[a-b]llo", "hbllo", true},
		{"h[b-a]llo", "hallo", true},
		{`h\?llo`, "h?llo", true},
		{`h\?llo`, "hello", false},
		{`a\`, `a\`, true},
		{"[abc", "b", true},
		{"[", "[", false},
		{"[^", "x", true},
		{"[]", "]", false},
		{`[\]]`, "]", true},
		{"[a-]", "]", true},
		{"a*", "a", true},
		{"a**", "a", true},
		{"a?", "a", false},
		{"ABC", "abc", false},
		{"", "", true},
		{"", "a", false},
	} {
		if got := Match([]byte(c.pattern), []byte(c.s)); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
	if !MatchFold([]byte("MAX[M-N]*"), []byte("maxmemory")) {
		t.Error("MatchFold minds the case")
	}
}

func TestMatchDoesNotBacktrackForever(t *testing.T) {
	pattern, s := make([]byte, 0, 400), make([]byte, 4000)
	for range 100 {
		pattern = append(pattern, "a*a*"...)
	}
	for i := range s {
		s[i] = 'a'
	}
	if Match(append(pattern, 'b'), s) {
		t.Error("matched")
	}
}
