package datatype

import (
	"math/rand/v2"
	"testing"
)

// lcsLength is the textbook's definition.
func lcsLength(a, b string, known map[[2]int]int) int {
	if a == "" || b == "" {
		return 0
	}
	at := [2]int{len(a), len(b)}
	if n, ok := known[at]; ok {
		return n
	}
	n := 0
	if a[0] == b[0] {
		n = 1 + lcsLength(a[1:], b[1:], known)
	} else {
		n = max(lcsLength(a[1:], b, known), lcsLength(a, b[1:], known))
	}
	known[at] = n
	return n
}

func TestLCSIsALongestCommonSubsequence(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = "abc"[r.IntN(3)]
		}
		return string(b)
	}
	for range 500 {
		a, b := word(), word()
		l := newLCS([]byte(a), []byte(b), true)
		if want := lcsLength(a, b, map[[2]int]int{}); l.length != want || newLCS([]byte(a), []byte(b), false).length != want {
			t.Fatalf("%q and %q: length %d, want %d", a, b, l.length, want)
		}
		text := string(l.text())
		if len(text) != l.length || !isSubsequence(text, a) || !isSubsequence(text, b) {
			t.Fatalf("%q is no common subsequence of %q and %q", text, a, b)
		}
		for _, m := range l.matches() {
			if a[m.aFrom:m.aTo+1] != b[m.bFrom:m.bTo+1] {
				t.Fatalf("%+v of %q and %q are not the same", m, a, b)
			}
		}
	}
}

func isSubsequence(s, of string) bool {
	for i := 0; i < len(of) && s != ""; i++ {
		if of[i] == s[0] {
			s = s[1:]
		}
	}
	return s == ""
}
