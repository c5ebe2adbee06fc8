package datatype_test

import (
	"net"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/enginetest"
)

// The transcripts run on the rows alone here, and on a whole server in package engine.
func TestTranscripts(t *testing.T) {
	e := newExecutor(t, time.Now().UnixMilli())
	enginetest.RunTranscripts(t, enginetest.TestData(t, "testdata", "transcripts"), func(t testing.TB) net.Conn { return e.dial(t) },
		"string", "set", "incr", "float", "lcs",
		"bitmap", "bitfield", "hyperloglog",
		"hash", "hash_big",
		"sets", "sets_combine", "sets_random",
		"list", "zset", "zset_range", "zset_combine", "zset_pop",
		"geo",
		"generic", "rename", "expire", "scan", "object", "flush",
		"sort", "sort_ro",
		"stream", "stream_groups", "stream_trim")
}

func TestEveryRowIsInATranscript(t *testing.T) {
	enginetest.CheckCoverage(t, enginetest.TestData(t, "testdata", "transcripts"), command.NewTable(true, datatype.Commands()))
}
