package faultfs

import (
	"errors"
	"testing"
)

func write(t *testing.T, f *FS, path, text string, at int64, sync bool) {
	t.Helper()
	file, err := f.Open(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte(text), at); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := file.Sync(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	lostName, lostData, keptData := 0, 0, 0
	for seed := range uint64(200) {
		f := New(seed)
		if err := f.MkdirAll("/d"); err != nil {
			t.Fatal(err)
		}
		write(t, f, "/d/synced", "old", 0, true)
		if err := f.SyncDir("/d"); err != nil {
			t.Fatal(err)
		}
		write(t, f, "/d/synced", "new", 0, false)
		write(t, f, "/d/unnamed", "x", 0, true)
		f.Crash()
		switch string(f.Content("/d/synced")) {
		case "old":
			lostData++
		case "new":
			keptData++
		default:
			t.Fatalf("seed %d: a synced file holds %q", seed, f.Content("/d/synced"))
		}
		if f.Content("/d/unnamed") == nil {
			lostName++
		}
	}
	if lostData == 0 || keptData == 0 || lostName == 0 || lostName == 200 {
		t.Errorf("of 200 crashes %d lost the data, %d kept them, %d lost the name", lostData, keptData, lostName)
	}
}

func TestFailedSyncLosesDataSilently(t *testing.T) {
	f := New(1)
	if err := f.MkdirAll("/d"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "/d/x", "old", 0, true)
	if err := f.SyncDir("/d"); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	f.Hook(func(op Op, _ string) error {
		if op == OpSync {
			return broken
		}
		return nil
	})
	file, err := f.Open("/d/x", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte("new"), 0); err != nil {
		t.Fatal(err)
	}
	if err := file.Sync(); !errors.Is(err, broken) {
		t.Fatalf("sync: %v", err)
	}
	f.Hook(nil)
	if err := file.Sync(); err != nil {
		t.Fatalf("second sync: %v", err)
	}
	if got := string(f.Content("/d/x")); got != "new" {
		t.Errorf("the cache holds %q", got)
	}
	f.Crash()
	if got := string(f.Content("/d/x")); got != "old" {
		t.Errorf("after the crash the file holds %q", got)
	}
	if _, err := file.WriteAt([]byte("x"), 0); !errors.Is(err, ErrDead) {
		t.Errorf("write to a file from before the crash: %v", err)
	}
}
