package quorumlog_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// oneZone is the operating system's file system with one real zone: the second one's disk takes no time, the third one is away.
type oneZone struct {
	segment.OS
	null, away string
}

type nullFile struct{ segment.File }

func (nullFile) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (nullFile) Sync() error                            { return nil }

func (f oneZone) Open(path string, create bool) (segment.File, error) {
	file, err := f.OS.Open(path, create)
	if err == nil && strings.HasPrefix(path, f.null) && !strings.HasSuffix(path, ".new") {
		return nullFile{file}, nil
	}
	return file, err
}

func (f oneZone) MkdirAll(dir string) error {
	if strings.HasPrefix(dir, f.away) {
		return os.ErrPermission
	}
	return f.OS.MkdirAll(dir)
}

// BenchmarkCommit appends a record of 100 bytes and waits for it, from 1, 50 and 200 goroutines on one shard.
func BenchmarkCommit(b *testing.B) {
	for _, zones := range []int{1, 3} {
		for _, c := range []int{1, 50, 200} {
			b.Run(fmt.Sprintf("zones=%d/c=%d", zones, c), func(b *testing.B) {
				cfg := config(b.TempDir())
				cfg.SegmentBytes, cfg.Retry = 0, time.Hour
				if zones == 1 {
					cfg.FS = oneZone{null: cfg.Dirs[1], away: cfg.Dirs[2]}
				}
				benchmarkCommit(b, cfg, c)
			})
		}
	}
}

func benchmarkCommit(b *testing.B, cfg quorumlog.Config, c int) {
	q, err := quorumlog.Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	l, err := q.Shard("a", quorumlog.Options{})
	if err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 100)
	var turn sync.Mutex
	var all sync.WaitGroup
	took := make([]time.Duration, b.N)
	before := q.Status()
	b.ResetTimer()
	for w := range c {
		all.Go(func() {
			for i := w; i < b.N; i += c {
				start := time.Now()
				turn.Lock()
				pos, err := l.Append(l.Tail(), txlog.Entry{Kind: txlog.Data, Payload: payload})
				turn.Unlock()
				if err == nil {
					err = l.Wait(context.Background(), pos)
				}
				if err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(start)
			}
		})
	}
	all.Wait()
	b.StopTimer()
	st := q.Status()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(st.Commits-before.Commits)/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkAppend appends a record without waiting: what a shard pays inside its turn.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 1000, 10000} {
		for _, key := range [][]byte{nil, make([]byte, 32)} {
			b.Run(fmt.Sprintf("%dB/sealed=%v", size, key != nil), func(b *testing.B) {
				cfg := config(b.TempDir())
				cfg.SegmentBytes = 0
				q, err := quorumlog.Open(cfg)
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = q.Close() }()
				l, err := q.Shard("a", quorumlog.Options{Key: key})
				if err != nil {
					b.Fatal(err)
				}
				payload := make([]byte, size)
				for i := range payload {
					payload[i] = byte(i*i) ^ byte(i>>3)
				}
				b.ReportAllocs()
				pos := txlog.Pos(0)
				for i := range b.N {
					if pos, err = l.Append(pos, txlog.Entry{Kind: txlog.Data, Payload: payload}); err != nil {
						b.Fatal(err)
					}
					if i%1000 == 999 {
						b.StopTimer()
						if err := l.Wait(context.Background(), pos); err != nil {
							b.Fatal(err)
						}
						b.StartTimer()
					}
				}
			})
		}
	}
}
