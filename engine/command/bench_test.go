package command

import (
	"testing"

	"github.com/openmemorydb/memorydb/engine/resp"
)

func BenchmarkLookupAndKeys(b *testing.B) {
	table, argv, keys := recordedTable(b), argvOf("SET", "key", "value"), make([]Key, 0, 4)
	b.ReportAllocs()
	for b.Loop() {
		s, err := table.Lookup(argv)
		if err != nil {
			b.Fatal(err)
		}
		if keys, err = s.KeysOf(argv, keys[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDocs is what redis-cli asks when it starts.
func BenchmarkDocs(b *testing.B) {
	table := recordedTable(b)
	row, argv := table.Find("command|docs"), argvOf("command", "docs")
	b.ReportAllocs()
	for b.Loop() {
		if err := row.Run(&Call{Argv: argv, Reply: &resp.Writer{}}); err != nil {
			b.Fatal(err)
		}
	}
}
