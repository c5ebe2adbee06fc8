package datatype

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// A queue of nodes: what a pop costs must not depend on their number.
func BenchmarkListQueue(b *testing.B) {
	for _, nodes := range []int{100, 100_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			limits := keyspace.DefaultLimits()
			limits.ListMaxListpackSize = 1
			db := keyspace.New(keyspace.Config{Limits: limits, PackedDigest: PackedDigest})
			defer db.Close()
			l := OpenList(db, []byte("l"), keyspace.Value{}, false)
			text := bytes.Repeat([]byte("x"), 40)
			for range nodes {
				l.Push(text, false)
			}
			for b.Loop() {
				l.Push(text, false)
				l.RemoveRange(0, 1)
			}
		})
	}
}

// An element in the middle of a list of a million.
func BenchmarkListIndex(b *testing.B) {
	db := keyspace.New(keyspace.Config{Limits: keyspace.DefaultLimits(), PackedDigest: PackedDigest})
	defer db.Close()
	l := OpenList(db, []byte("l"), keyspace.Value{}, false)
	for i := range 1_000_000 {
		l.Push(fmt.Appendf(nil, "element:%d", i), false)
	}
	for b.Loop() {
		l.Index(500_000)
	}
}
