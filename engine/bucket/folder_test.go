package bucket_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/bucket"
)

func openFolder(t *testing.T, where string) bucket.Bucket {
	t.Helper()
	b, err := bucket.Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestFolder(t *testing.T) {
	suite(t, func(t *testing.T) bucket.Bucket { return openFolder(t, t.TempDir()) }, 1<<20)
}

func TestFolderIsFoundAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there yet")
	put(t, openFolder(t, dir), "a/b", "text")
	if got := get(t, openFolder(t, "file://"+filepath.ToSlash(filepath.Dir(dir))+"/there%20yet"), "a/b", 0); got != "text" {
		t.Errorf("found %q", got)
	}
}

// What lies in the folder can't lead out of it, whoever has put it there.
func TestFolderIsNotLeft(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(outside, filepath.Join(dir, "out")), os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "direct"))); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}
	b := openFolder(t, dir)
	for _, name := range []string{"out/secret", "direct"} {
		if r, err := b.Get(t.Context(), name, 0); err == nil {
			r.Close()
			t.Errorf("%s was opened", name)
		}
	}
	if _, err := b.Put(t.Context(), "out/new", stream("text")); err == nil {
		t.Error("an object was put outside")
	}
	if err := b.Delete(t.Context(), "out/secret"); err == nil {
		t.Error("an object outside was deleted")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("outside are %v, %v", left, err)
	}
}

// A process that was killed leaves what it wrote without a name: it is no object, and goes after a day.
func TestFolderSweepsWhatWasLeft(t *testing.T) {
	dir := t.TempDir()
	put(t, openFolder(t, dir), "a", "text")
	now := time.Now()
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "young": time.Hour} {
		file := filepath.Join(dir, ".tmp", name)
		if err := errors.Join(os.WriteFile(file, []byte("half"), 0o600), os.Chtimes(file, now.Add(-age), now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	b := openFolder(t, dir)
	left, err := filepath.Glob(filepath.Join(dir, ".tmp", "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "young" {
		t.Errorf("left are %q, %v", left, err)
	}
	if got := listed(t, b, ""); !slices.Equal(got, []string{"a"}) {
		t.Errorf("listed %q", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{
		"", "file://", "file://host/dir", "ftp://host/dir", file, file + "/below", "s3://", "s3://host", "s3://host/", "s3://host/bucket", "s3://id:secret@host/bucket",
		"s3://host/bucket?insecure=maybe", "s3://host/bucket?part=1", "s3://host/bucket?part=x", "s3://host/bucket?nonsense=1", "s3://host/bucket/../x", "s3://ho st/bucket",
	} {
		if b, err := bucket.Open(t.Context(), where); err == nil {
			b.Close()
			t.Errorf("%q was opened", where)
		}
	}
}
