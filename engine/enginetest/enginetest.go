// Package enginetest holds what tests of the engine share: transcripts of what a real redis-server answers and their runner, and the comparison of the command table
// with Redis's.
//
// Two flags come with it. -against names a redis-server to run the transcripts on instead of our server. With -rewrite as well, its answers become the expectations.
package enginetest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var (
	rewrite = flag.Bool("rewrite", false, "write the answers of the redis-server named by -against into the test data")
	against = flag.String("against", "", "run on this redis-server (7.0.15), such as redis-server, instead of our own server")
)

// Rewrite is the address of a redis-server to take expectations from, if the test runs with -rewrite; else ok is false.
func Rewrite(t testing.TB) (addr string, ok bool) {
	t.Helper()
	if !*rewrite {
		return "", false
	}
	if *against == "" {
		t.Fatal("-rewrite needs -against redis-server: only Redis writes expectations")
	}
	return StartRedis(t, *against), true
}

// TestData is the path of a file or folder below engine/, from wherever in the module the test runs.
func TestData(t testing.TB, elem ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(append([]string{dir, "engine"}, elem...)...)
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod in this folder or above")
		}
		dir = up
	}
}
