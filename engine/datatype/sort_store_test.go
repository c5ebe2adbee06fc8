package datatype_test

import (
	"strings"
	"testing"
)

// STORE makes a list, whose key another type may have had, or deletes the key.
func TestSortStore(t *testing.T) {
	e := newExecutor(t, testNow)
	for _, c := range []struct{ words, reply, events string }{
		{"sadd s 10 9 1", ":3", ""},
		{"sort s store d", ":3", "n new d; l sortstore d"},
		{"sort d by nosort", "*3 $1 1 $1 9 $2 10", ""},
		{"sort d by nosort desc limit 0 2", "*2 $2 10 $1 9", ""},
		{"sort d desc", "*3 $2 10 $1 9 $1 1", ""},
		{"expire d 100", ":1", ""},
		{"sort s by nosort store d", ":3", "l sortstore d"},
		{"sort d by nosort", "*3 $1 1 $2 10 $1 9", ""},
		{"ttl d", ":-1", ""},
		{"sort d desc limit 1 1 store d", ":1", "l sortstore d"},
		{"sort d by nosort", "*1 $1 9", ""},
		{"sort missing store d", ":0", "m keymiss missing; g del d"},
		{"sort missing store d", ":0", "m keymiss missing"},
		{"exists d", ":0", ""},
		{"sort s store s", ":3", "l sortstore s"},
		{"type s", "+list", ""},
		{"sort s foo store d", "-ERR syntax error", ""},
	} {
		got := strings.TrimSpace(strings.ReplaceAll(e.do(t, strings.Fields(c.words)...), "\r\n", " "))
		if got != c.reply {
			t.Errorf("%s answers %q, want %q", c.words, got, c.reply)
		}
		if events := strings.Join(e.events, "; "); c.events != "" && events != c.events {
			t.Errorf("%s sends %q, want %q", c.words, events, c.events)
		}
	}
}
