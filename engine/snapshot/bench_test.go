package snapshot_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/snapshot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// small is the number of keys and of records in the benchmarks: enough for caches to be too small.
const small = 1_000_000

// appendSets appends records of one SET each, without a primary that executes them.
func (w *world) appendSets(n int) {
	w.Helper()
	entries := make([]txlog.Entry, 0, 1000)
	for i := range n {
		words := [][]byte{[]byte("SET"), fmt.Appendf(nil, "key:%012d", i), fmt.Appendf(nil, "value:%010d", i)}
		entries = append(entries, txlog.Entry{Kind: txlog.Data, Epoch: 1, Engine: 1, Payload: command.AppendEffect(nil, words)})
		if len(entries) == cap(entries) {
			_, err := w.log.Append(w.log.Tail(), entries...)
			w.must(err)
			entries = entries[:0]
		}
	}
}

// BenchmarkRestore reports the keys a second that a restore loads and checks, with everything that a node does when it begins with a snapshot. Target: 500,000 on two cores.
func BenchmarkRestore(b *testing.B) {
	for what, k := range map[string][]byte{"plain": nil, "sealed": key} {
		b.Run(what, func(b *testing.B) {
			w := newWorld(b)
			w.appendSets(small)
			s := w.store(func(c *snapshot.Config) { c.Key = k })
			m := w.take(s)
			shadow := w.shadow()
			b.SetBytes(m.PlainBytes)
			for b.Loop() {
				db := shadow.NewDB()
				w.must(s.Restore(b.Context(), m, db, shadow.Libraries))
				db.Close()
			}
			b.ReportMetric(float64(m.Keys)*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
		})
	}
}

// BenchmarkReplay reports the records a second that a node applies which follows the log. Target: 200,000.
func BenchmarkReplay(b *testing.B) {
	w := newWorld(b)
	w.appendSets(small)
	b.ReportAllocs()
	for b.Loop() {
		node := w.node(w.log, w.shadow())
		applier := node.Applier()
		for at := txlog.Pos(0); at < w.log.Durable(); {
			records, err := w.log.Read(b.Context(), at+1, 4<<20)
			w.must(err)
			w.must(applier.Apply(records))
			at, _ = node.Position()
		}
	}
	b.ReportMetric(float64(w.log.Durable())*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkTake reports the keys a second that are stored and verified, from a log that has nothing but their SETs.
func BenchmarkTake(b *testing.B) {
	w := newWorld(b)
	w.appendSets(small)
	s := w.store(nil)
	var stats runtime.MemStats
	for b.Loop() {
		m := w.take(s)
		b.StopTimer()
		runtime.ReadMemStats(&stats)
		w.must(s.Delete(b.Context(), m))
		b.StartTimer()
	}
	b.ReportMetric(small*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
	b.ReportMetric(float64(stats.HeapInuse)/(1<<20), "heap-MiB")
}
