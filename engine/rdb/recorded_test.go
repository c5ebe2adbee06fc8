package rdb_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/enginetest"
)

// testdata/payloads.txt holds what DUMP of redis-server 7.0.15 answers for the examples: on each line a name, a tab and the payload as a Go string. To have it written
// again: go test -run Recorded -rewrite -against redis-server
const payloadsFile = "testdata/payloads.txt"

// recorded are the recorded payloads by name.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(payloadsFile)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		name, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		p, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s of %s: %v", name, payloadsFile, err)
		}
		all[name] = []byte(p)
	}
	return all
}

func record(t *testing.T) {
	r := redis(t)
	var b strings.Builder
	for _, x := range examples() {
		r.Do("flushall")
		for _, words := range x.commands {
			r.Do(words...)
		}
		if p := r.Do("dump", "k").Text; len(p) < 3000 {
			b.WriteString(x.name + "\t" + strconv.QuoteToASCII(p) + "\n")
		}
	}
	if err := os.WriteFile(payloadsFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The same commands give the payload of Redis, and RESTORE of that gives what the commands gave.
func TestRecordedPayloads(t *testing.T) {
	if _, ok := enginetest.Rewrite(t); ok {
		record(t)
	}
	payloads := recorded(t)
	for _, x := range examples() {
		want, ok := payloads[x.name]
		if !ok {
			continue
		}
		e := newExecutor(t)
		for _, words := range x.commands {
			e.do(t, words...)
		}
		if got := e.do(t, "dump", "k").Text; x.group == 0 && !x.clocked && got != string(want) {
			t.Errorf("%s: DUMP gives\n%q\nRedis\n%q", x.name, got, want)
		}
		before := e.do(t, strings.Fields(x.read)...)
		if v := e.do(t, "restore", "k", "0", string(want), "replace"); v.Text != "OK" {
			t.Errorf("%s: RESTORE: %v", x.name, v.Lines())
			continue
		}
		if after := e.do(t, strings.Fields(x.read)...); !x.clocked && canonical(after, x.group) != canonical(before, x.group) {
			t.Errorf("%s: after RESTORE\n%s\nbefore\n%s", x.name, text(after), text(before))
		}
	}
}
