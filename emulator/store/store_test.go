package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

type rec struct {
	Name string
	N    int
}

var things = NewTable[rec]("things")

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *Store, r rec, key ...string) {
	t.Helper()
	if err := s.Update(func(tx *Tx) error { return things.Put(tx, r, key...) }); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, s *Store, prefix ...string) string {
	t.Helper()
	var out []string
	if err := s.View(func(tx *Tx) error {
		all, err := things.All(tx, prefix...)
		for _, r := range all {
			out = append(out, r.Name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func TestRecords(t *testing.T) {
	for name, dir := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			s := open(t, dir)
			defer s.Close()
			for i, k := range [][]string{{"a", "2"}, {"a", "1"}, {"ab", "1"}, {"b", "1"}} {
				put(t, s, rec{Name: strings.Join(k, "/"), N: i}, k...)
			}
			if got := names(t, s); got != "a/1 a/2 ab/1 b/1" {
				t.Errorf("all records: %s", got)
			}
			if got := names(t, s, "a"); got != "a/1 a/2" {
				t.Errorf("records under a: %s", got)
			}
			failed := errors.New("no")
			err := s.Update(func(tx *Tx) error {
				if err := things.Delete(tx, "a", "1"); err != nil {
					return err
				}
				if all, err := things.All(tx, "a"); err != nil || len(all) != 1 {
					t.Errorf("a transaction doesn't see what it deleted: %v, %v", all, err)
				}
				return failed
			})
			if !errors.Is(err, failed) {
				t.Errorf("error of Update: %v", err)
			}
			if got := names(t, s, "a"); got != "a/1 a/2" {
				t.Errorf("a failed transaction has written: %s", got)
			}
			if err := s.View(func(tx *Tx) error {
				if _, ok, err := things.Get(tx, "nothing"); ok || err != nil {
					t.Errorf("a record that isn't: %v, %v", ok, err)
				}
				if _, ok, _ := things.Get(tx, "a\x001"); ok {
					t.Error("a part with a nul reaches another record")
				}
				return things.Put(tx, rec{}, "x")
			}); err == nil {
				t.Error("View lets write")
			}
			if err := s.Update(func(tx *Tx) error { return things.Put(tx, rec{Name: strings.Repeat("x", maxRecord)}, "big") }); err == nil {
				t.Error("a record that is too big is accepted")
			}
		})
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, rec{Name: "kept"}, "k")
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got := names(t, s); got != "kept" {
		t.Errorf("after reopening: %q", got)
	}
	if err := s.Update(func(tx *Tx) error { return schema.Put(tx, versionRecord{Version + 1}, "version") }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrNewer) {
		t.Errorf("records of a newer version: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file as folder: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	put(t, s, rec{Name: "before"}, "k")
	s.free = func(string) (uint64, error) { return MinFree - 1, nil }
	if err := s.Update(func(tx *Tx) error { return things.Put(tx, rec{}, "x") }); !errors.Is(err, ErrFull) {
		t.Errorf("on a full disk: %v", err)
	}
	if got := names(t, s); got != "before" {
		t.Errorf("reading from a full disk: %q", got)
	}
}

// TestDurable kills a process that writes and looks for everything that it was told is written.
func TestDurable(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_WRITER"); dir != "" {
		s := open(t, dir)
		for i := 0; ; i++ {
			put(t, s, rec{Name: fmt.Sprint(i), N: i}, fmt.Sprintf("%08d", i))
			fmt.Println("wrote", i)
		}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestDurable$")
	cmd.Env = append(os.Environ(), "STORE_TEST_WRITER="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "wrote %d", &last); err == nil && last == 50 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	s := open(t, dir)
	defer s.Close()
	if got := len(strings.Fields(names(t, s))); last < 50 || got <= last {
		t.Errorf("%d records of %d that were acknowledged", got, last+1)
	}
	if !s.db.Opts().SyncWrites {
		t.Error("commits are not synced")
	}
}
