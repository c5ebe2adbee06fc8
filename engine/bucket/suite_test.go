package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/openmemorydb/memorydb/engine/bucket"
)

// suite is what every backend keeps. open opens an empty Bucket; part is the size in bytes from which on it stores in parts.
func suite(t *testing.T, open func(t *testing.T) bucket.Bucket, part int) {
	for _, tc := range []struct {
		name string
		run  func(t *testing.T, b bucket.Bucket)
	}{
		{"what was put is there", there},
		{"put of a name that is taken", taken},
		{"put whose source fails leaves nothing", failingSource},
		{"put that is cancelled leaves nothing", cancelled},
		{"create only if absent", create},
		{"of several that create one wins", race},
		{"get from an offset", offsets},
		{"missing objects", missing},
		{"list in the order of bytes", list},
		{"list many", listMany},
		{"delete", remove},
		{"names", names},
		{"streams of several parts", func(t *testing.T, b bucket.Bucket) { parts(t, b, part) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := open(t)
			defer func() {
				if err := b.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			tc.run(t, b)
		})
	}
}

// stream hides everything of a reader but Read, so that its length is unknown.
func stream(text string) io.Reader { return iotest.HalfReader(strings.NewReader(text)) }

func put(t *testing.T, b bucket.Bucket, name, text string) {
	t.Helper()
	if n, err := b.Put(t.Context(), name, stream(text)); err != nil || n != int64(len(text)) {
		t.Fatalf("put %s: %d bytes, %v; want %d", name, n, err, len(text))
	}
}

func get(t *testing.T, b bucket.Bucket, name string, offset int64) string {
	t.Helper()
	r, err := b.Get(t.Context(), name, offset)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read %s from %d: %v", name, offset, err)
	}
	return string(text)
}

func listed(t *testing.T, b bucket.Bucket, prefix string) []string {
	t.Helper()
	names := []string{}
	for info, err := range b.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name)
	}
	return names
}

func absent(t *testing.T, b bucket.Bucket, name string) {
	t.Helper()
	if _, err := b.Stat(t.Context(), name); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("stat %s: %v, want ErrNotFound", name, err)
	}
	if r, err := b.Get(t.Context(), name, 0); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("get %s: %v, %v; want ErrNotFound", name, r, err)
	}
	if got := listed(t, b, name); len(got) != 0 {
		t.Errorf("%s is listed: %q", name, got)
	}
}

func there(t *testing.T, b bucket.Bucket) {
	for name, text := range map[string]string{"empty": "", "one": "x", "deep/er/still": strings.Repeat("text ", 1000)} {
		put(t, b, name, text)
		if got := get(t, b, name, 0); got != text {
			t.Errorf("%s: %q", name, got)
		}
		info, err := b.Stat(t.Context(), name)
		if err != nil || info.Name != name || info.Size != int64(len(text)) || info.Modified.IsZero() {
			t.Errorf("stat %s: %+v, %v", name, info, err)
		}
	}
}

func taken(t *testing.T, b bucket.Bucket) {
	put(t, b, "a", "first")
	if _, err := b.Put(t.Context(), "a", stream("second")); !errors.Is(err, bucket.ErrExists) {
		t.Errorf("second put: %v, want ErrExists", err)
	}
	if got := get(t, b, "a", 0); got != "first" {
		t.Errorf("the object is %q", got)
	}
}

var errSource = errors.New("source fails")

func failingSource(t *testing.T, b bucket.Bucket) {
	for _, before := range []int{0, 1, 100_000} {
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", before)), iotest.ErrReader(errSource))
		if _, err := b.Put(t.Context(), "a/b", r); !errors.Is(err, errSource) {
			t.Errorf("put that fails after %d bytes: %v", before, err)
		}
		absent(t, b, "a/b")
	}
}

func cancelled(t *testing.T, b bucket.Bucket) {
	ctx, cancel := context.WithCancel(t.Context())
	r := io.MultiReader(strings.NewReader("x"), readerFunc(func(p []byte) (int, error) {
		cancel()
		return copy(p, "more"), io.EOF
	}))
	if _, err := b.Put(ctx, "a", r); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want context.Canceled", err)
	}
	if err := b.Create(ctx, "b", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("create: %v, want context.Canceled", err)
	}
	var last error
	for _, last = range b.List(ctx, "") {
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("list: %v, want context.Canceled", last)
	}
	absent(t, b, "a")
	absent(t, b, "b")
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func create(t *testing.T, b bucket.Bucket) {
	if err := b.Create(t.Context(), "m/1", []byte("mine")); err != nil {
		t.Fatal(err)
	}
	if err := b.Create(t.Context(), "m/1", []byte("yours")); !errors.Is(err, bucket.ErrExists) {
		t.Errorf("second create: %v, want ErrExists", err)
	}
	if err := b.Create(t.Context(), "m/1", []byte("mine")); err != nil {
		t.Errorf("create of the same bytes: %v", err)
	}
	if got := get(t, b, "m/1", 0); got != "mine" {
		t.Errorf("the object is %q", got)
	}
	put(t, b, "m/2", "put")
	if err := b.Create(t.Context(), "m/2", []byte("created")); !errors.Is(err, bucket.ErrExists) {
		t.Errorf("create of what was put: %v, want ErrExists", err)
	}
	if err := b.Create(t.Context(), "m/large", make([]byte, bucket.MaxSmall+1)); err == nil {
		t.Error("a large object was created")
	}
	if err := b.Create(t.Context(), "m/small", make([]byte, bucket.MaxSmall)); err != nil {
		t.Errorf("create %d bytes: %v", bucket.MaxSmall, err)
	}
	if err := b.Create(t.Context(), "m/empty", nil); err != nil {
		t.Error(err)
	}
}

func race(t *testing.T, b bucket.Bucket) {
	const objects, writers = 20, 8
	var winners, losers atomic.Int64
	for i := range objects {
		name := fmt.Sprint("race/", i)
		var wg sync.WaitGroup
		won := make([]bool, writers)
		for w := range writers {
			wg.Go(func() {
				switch err := b.Create(t.Context(), name, fmt.Append(nil, "writer ", w)); {
				case err == nil:
					won[w] = true
					winners.Add(1)
				case errors.Is(err, bucket.ErrExists):
					losers.Add(1)
				default:
					t.Errorf("writer %d: %v", w, err)
				}
			})
		}
		wg.Wait()
		if got, w := get(t, b, name, 0), slices.Index(won, true); got != fmt.Sprint("writer ", w) {
			t.Errorf("%s is %q, though writer %d was told that it has won", name, got, w)
		}
	}
	if winners.Load() != objects || losers.Load() != objects*(writers-1) {
		t.Errorf("%d winners and %d losers of %d objects with %d writers each", winners.Load(), losers.Load(), objects, writers)
	}
}

func offsets(t *testing.T, b bucket.Bucket) {
	text := "0123456789"
	put(t, b, "a", text)
	for offset, want := range map[int64]string{0: text, 1: text[1:], 9: "9", 10: "", 11: "", 1 << 40: ""} {
		if got := get(t, b, "a", offset); got != want {
			t.Errorf("from %d: %q, want %q", offset, got, want)
		}
	}
	if _, err := b.Get(t.Context(), "a", -1); err == nil {
		t.Error("a negative offset was taken")
	}
}

func missing(t *testing.T, b bucket.Bucket) {
	absent(t, b, "nothing")
	put(t, b, "a/b", "text")
	absent(t, b, "a/c")
	for _, name := range []string{"a", "a/b/c"} { // a part of a name, and more than one
		if _, err := b.Stat(t.Context(), name); !errors.Is(err, bucket.ErrNotFound) {
			t.Errorf("stat %s: %v, want ErrNotFound", name, err)
		}
	}
}

func list(t *testing.T, b bucket.Bucket) {
	if got := listed(t, b, ""); len(got) != 0 {
		t.Errorf("an empty bucket lists %q", got)
	}
	all := []string{"a-b", "a.b", "a/b", "a/c/d", "a/c1", "a0", "ab", "b", "c/00000000000000000009", "c/00000000000000000010"}
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(all)) {
		put(t, b, all[i], fmt.Sprint(i))
	}
	for prefix, want := range map[string][]string{
		"": all, "a": all[:7], "a/": all[2:5], "a/c": all[3:5], "a/c/": all[3:4], "b": {"b"}, "c/": all[8:], "c/000000000000000000": all[8:], "d": {}, "a/b/": {}, "/": {}, "../": {}, "a//": {},
	} {
		if got := listed(t, b, prefix); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", prefix, got, want)
		}
	}
	for info, err := range b.List(t.Context(), "a/c") {
		if err != nil || info.Size != 1 {
			t.Errorf("%+v, %v", info, err)
		}
		break // ends the list
	}
}

// listMany lists more than one answer of S3 holds.
func listMany(t *testing.T, b bucket.Bucket) {
	const n = 1005
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("many/%04d", i))
		if err := b.Create(t.Context(), want[i], nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := listed(t, b, "many/"); !slices.Equal(got, want) {
		t.Errorf("%d names, want %d", len(got), n)
	}
}

func remove(t *testing.T, b bucket.Bucket) {
	put(t, b, "a/b", "text")
	put(t, b, "a/c", "text")
	for range 2 { // of what is not there, too
		if err := b.Delete(t.Context(), "a/b"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Delete(t.Context(), "a"); err != nil {
		t.Errorf("delete of a part of a name: %v", err)
	}
	absent(t, b, "a/b")
	if got := listed(t, b, ""); !slices.Equal(got, []string{"a/c"}) {
		t.Errorf("left is %q", got)
	}
	if err := b.Create(t.Context(), "a/b", []byte("again")); err != nil {
		t.Error(err)
	}
}

func names(t *testing.T, b bucket.Bucket) {
	for _, name := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "./a", ".tmp", ".tmp/a", "a/.b", `a\b`, "a b", "a\x00b", "a\nb", "ä", "a?b", "a:b", "%2e%2e/a",
		strings.Repeat("x", 201), strings.Repeat("x/", 400) + "x",
	} {
		_, statErr := b.Stat(t.Context(), name)
		_, getErr := b.Get(t.Context(), name, 0)
		_, putErr := b.Put(t.Context(), name, stream("text"))
		for what, err := range map[string]error{"stat": statErr, "get": getErr, "put": putErr, "create": b.Create(t.Context(), name, nil), "delete": b.Delete(t.Context(), name)} {
			if !errors.Is(err, bucket.ErrName) {
				t.Errorf("%s %q: %v, want ErrName", what, name, err)
			}
		}
	}
	long := strings.Repeat("x", 200) + "/" + strings.Repeat("y", 200) + "/a-_.=+@Z0"
	put(t, b, long, "text")
	if got := listed(t, b, ""); !slices.Equal(got, []string{long}) {
		t.Errorf("listed %q", got)
	}
}

func parts(t *testing.T, b bucket.Bucket, part int) {
	rnd := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{part - 1, part, part + 1, 2*part + 12345} {
		data := make([]byte, size)
		rnd.Read(data)
		name := fmt.Sprint("parts/", size)
		if n, err := b.Put(t.Context(), name, iotest.HalfReader(bytes.NewReader(data))); err != nil || n != int64(size) {
			t.Fatalf("put %d bytes: %d, %v", size, n, err)
		}
		if got := get(t, b, name, 0); got != string(data) {
			t.Errorf("%d bytes came back as %d others", size, len(got))
		}
		if got := get(t, b, name, int64(size-10)); got != string(data[size-10:]) {
			t.Errorf("the last of %d bytes are %q", size, got)
		}
	}
}
