package rdb_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/rdb"
)

// Files that servers of any version have written, in the folder that MEMORYDB_RDB_FILES names (Redis's tests/assets, or the cases of a reader of such files, have some), are
// read: those that the redis-server of this machine reads too come to the same keys.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("MEMORYDB_RDB_FILES")
	if dir == "" {
		t.Skip("MEMORYDB_RDB_FILES names no folder")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.rdb"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	r := redis(t)
	path := filepath.Join(r.Do("config", "get", "dir").Items[1].Text, "dump.rdb")
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			e, facts, err := both(t, file)
			if err != nil {
				wrong := new(rdb.FileError)
				if !errors.As(err, &wrong) {
					t.Error(err)
				}
				t.Logf("version %s, refused: %v", file[5:9], err)
				return
			}
			t.Logf("version %s, %d keys, %d facts", file[5:9], e.db.Len(), len(facts))
			if string(file[5:9]) > "0010" || bytes.Contains(file, []byte("\xfe\x02")) {
				return // this redis-server reads no newer ones, and in cluster mode only database 0
			}
			e.now = time.Now().UnixMilli() // Redis leaves out what has expired
			for _, item := range e.do(t, "keys", "*").Items {
				e.do(t, "exists", item.Text)
			}
			if err := os.WriteFile(path, file, 0o644); err != nil {
				t.Fatal(err)
			}
			r.Do("flushall")
			if v := r.Do("debug", "reload", "nosave"); v.Text != "OK" {
				t.Logf("redis-server refuses it: %s", strings.Join(v.Lines(), " "))
				return
			}
			sameAsRedis(t, e, r)
		})
	}
}
