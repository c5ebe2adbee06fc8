package quorumlog_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/logtest"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
)

// config is a small log under a folder.
func config(root string) quorumlog.Config {
	return quorumlog.Config{
		Dirs:         [3]string{filepath.Join(root, "a"), filepath.Join(root, "b"), filepath.Join(root, "c")},
		Now:          time.Now,
		SegmentBytes: 256 << 10,
		Watermark:    -1,
		Retry:        5 * time.Millisecond,
	}
}

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name string
		key  []byte
	}{{"plain", nil}, {"sealed", make([]byte, 32)}} {
		t.Run(c.name, func(t *testing.T) {
			logtest.Run(t, func(t testing.TB) logtest.Backend {
				cfg := config(t.TempDir())
				q, err := quorumlog.Open(cfg)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := q.Close(); err != nil {
						t.Error(err)
					}
				})
				return logtest.Backend{
					Shard: func(id string) (txlog.Log, error) { return q.Shard(id, quorumlog.Options{Key: c.key}) },
					Reopen: func(t testing.TB) {
						if err := q.Close(); err != nil {
							t.Fatal(err)
						}
						if q, err = quorumlog.Open(cfg); err != nil {
							t.Fatal(err)
						}
					},
				}
			})
		})
	}
}
