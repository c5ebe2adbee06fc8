package rdb_test

import (
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/rdb"
)

func TestRowsMatchRedis(t *testing.T) {
	enginetest.CompareRows(t, command.NewTable(true, rdb.Commands()))
}

// The transcripts run on a whole node in package engine.
func TestEveryRowIsInATranscript(t *testing.T) {
	enginetest.CheckCoverage(t, enginetest.TestData(t, "testdata", "transcripts"), command.NewTable(true, rdb.Commands()))
}

func TestRestoreReplaysWithAbsoluteTimes(t *testing.T) {
	e := newExecutor(t)
	e.do(t, "set", "k", "v")
	p := e.do(t, "dump", "k").Text
	for _, c := range []struct {
		words   []string
		effects string
		events  string
	}{
		{[]string{"restore", "a", "0", p}, "restore a 0 " + p, "n new a; g restore a"},
		{[]string{"restore", "b", "100", p}, "restore b 1700000000100 " + p + " ABSTTL", "n new b; g restore b"},
		{[]string{"restore", "b", "50", p, "replace", "idletime", "3"}, "restore b 1700000000050 " + p + " replace idletime 3 ABSTTL", "n new b; g restore b"},
		{[]string{"restore", "c", "1700000000100", p, "absttl"}, "restore c 1700000000100 " + p + " absttl", "n new c; g restore c"},
		{[]string{"restore", "d", "1", p, "absttl"}, "", ""},
		{[]string{"restore", "a", "1", p, "absttl", "replace"}, "del a", "g del a"},
		{[]string{"restore", "a", "1", p, "absttl", "replace"}, "", ""},
		{[]string{"dump", "none"}, "", "m keymiss none"},
	} {
		e.do(t, c.words...)
		if got := strings.Join(e.effects, "; "); got != c.effects {
			t.Errorf("%q logs %q, want %q", c.words, got, c.effects)
		}
		if got := strings.Join(e.events, "; "); got != c.events {
			t.Errorf("%q sends %q, want %q", c.words, got, c.events)
		}
	}
	// Where the log is replayed, a time may have passed that had not when it was written.
	e.now, e.mode = 1_800_000_000_000, keyspace.ExpireIgnore
	e.do(t, "restore", "late", "1700000000100", p, "absttl")
	if _, found := e.db.Peek([]byte("late")); !found {
		t.Error("replay leaves out a key that has expired since")
	}
}
