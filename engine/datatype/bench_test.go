package datatype_test

import (
	"strconv"
	"testing"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// quiet is Hooks that listen to nothing.
type quiet struct{}

func (quiet) Changed([]byte)             {}
func (quiet) ChangedAll()                {}
func (quiet) Event(byte, string, []byte) {}

func BenchmarkCommands(b *testing.B) {
	for _, words := range [][]string{
		{"get", "key:5"}, {"set", "key:5", "a value of 24 bytes here"}, {"set", "key:5", "v", "px", "100000"}, {"incr", "counter"},
		{"incrbyfloat", "float", "0.1"}, {"hget", "hash", "field:7"}, {"hset", "hash", "field:7", "value"}, {"hset", "hash", "field:7", "a value of 24 bytes here"},
		{"hgetall", "hash"}, {"hincrby", "hash", "n", "1"}, {"hget", "big", "field:777"}, {"hset", "big", "field:777", "value"}, {"mget", "key:1", "key:2", "key:3"},
		{"expire", "key:1", "100"}, {"ttl", "key:1"}, {"del", "none"},
	} {
		b.Run(words[0]+" "+words[len(words)-1], func(b *testing.B) {
			e := newExecutor(b, 1_700_000_000_000)
			for i := range 1000 {
				n := strconv.Itoa(i)
				e.do(b, "set", "key:"+n, "value:"+n)
				e.do(b, "hset", "big", "field:"+n, "value:"+n)
				if i < 20 {
					e.do(b, "hset", "hash", "field:"+n, "value:"+n)
				}
			}
			argv := bytesOf(words)
			var w resp.Writer
			c := &e.call
			row, err := e.table.Lookup(argv)
			if err != nil {
				b.Fatal(err)
			}
			c.Hooks, c.Spec, c.Argv, c.Reply = quiet{}, row, argv, &w
			var effects []byte
			b.ReportAllocs()
			for b.Loop() {
				c.Reset()
				e.db.Expiry = keyspace.ExpireDelete
				if err := row.Run(c); err != nil {
					b.Fatal(err)
				}
				effects = c.Effects(effects[:0])
				w.Reset(1 << 16)
			}
		})
	}
}
