package bucket_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/openmemorydb/memorydb/engine/bucket"
)

const accessKey, secretKey = "testkey", "testsecret"

// opener opens a bucket in S3 with a prefix of its own each time.
func opener(t *testing.T, host, name string) func(t *testing.T) bucket.Bucket {
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
	var n atomic.Int64
	return func(t *testing.T) bucket.Bucket {
		t.Helper()
		b, err := bucket.Open(t.Context(), fmt.Sprintf("s3://%s/%s/run-%d/?insecure=true&region=us-east-1&part=5", host, name, n.Add(1)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestS3(t *testing.T) { suite(t, opener(t, newFake(t).host, "snapshots"), 5<<20) }

// A wrong bucket is not an empty one.
func TestS3NeedsItsBucket(t *testing.T) {
	host := newFake(t).host
	opener(t, host, "snapshots")(t).Close()
	if b, err := bucket.Open(t.Context(), "s3://"+host+"/others?insecure=true&region=us-east-1"); err == nil || errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("opened %v, %v", b, err)
	}
}

// A create whose answer was lost is asked again, and must not take its own object for another one's.
func TestS3CreateWhoseAnswerIsLost(t *testing.T) {
	f := newFake(t)
	b := opener(t, f.host, "snapshots")(t)
	defer b.Close()
	f.with(func() {
		f.fault = func(w http.ResponseWriter, r *http.Request) bool {
			f.fault = nil
			f.serve(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
	})
	if err := b.Create(t.Context(), "a", []byte("mine")); err != nil {
		t.Errorf("create: %v", err)
	}
	if err := b.Create(t.Context(), "a", []byte("yours")); !errors.Is(err, bucket.ErrExists) {
		t.Errorf("create of another one: %v", err)
	}
}

// A server that forgets a part, or cuts a body short, is found out.
func TestS3NoticesWhatIsMissing(t *testing.T) {
	f := newFake(t)
	b := opener(t, f.host, "snapshots")(t)
	defer b.Close()
	f.with(func() { f.forget = true })
	if _, err := b.Put(t.Context(), "a", stream(strings.Repeat("x", 6<<20))); err == nil {
		t.Error("an upload that has lost a part was taken for whole")
	}
	f.with(func() { f.forget = false })
	put(t, b, "b", "0123456789")
	f.with(func() {
		f.fault = func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Length", "10")
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			_, err := w.Write([]byte("01234"))
			return err == nil
		}
	})
	r, err := b.Get(t.Context(), "b", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if text, err := io.ReadAll(r); err == nil {
		t.Errorf("a body that was cut short was read as %q without an error", text)
	}
}

// An upload that fails is given up, so that its parts aren't kept and paid for.
func TestS3GivesUpWhatFails(t *testing.T) {
	f := newFake(t)
	b := opener(t, f.host, "snapshots")(t)
	defer b.Close()
	if _, err := b.Put(t.Context(), "a", io.MultiReader(strings.NewReader(strings.Repeat("x", 6<<20)), iotest.ErrReader(errSource))); !errors.Is(err, errSource) {
		t.Errorf("put: %v", err)
	}
	f.with(func() {
		if n := len(f.uploads); n != 0 {
			t.Errorf("%d uploads are left", n)
		}
	})
}

// make s3 builds versitygw and has this test run it: a server that people use, on files.
func TestS3OnVersityGW(t *testing.T) {
	binary := os.Getenv("MEMORYDB_VERSITYGW")
	if binary == "" {
		t.Skip("needs MEMORYDB_VERSITYGW, the path of a versitygw: make s3 builds one")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := ln.Addr().String()
	ln.Close()
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "data"), 0o700), os.Mkdir(filepath.Join(dir, "meta"), 0o700)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "--port", host, "--access", accessKey, "--secret", secretKey, "posix", "--sidecar", filepath.Join(dir, "meta"), filepath.Join(dir, "data"))
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	// The client asks again until the server listens, or gives up.
	client, err := minio.New(host, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(t.Context(), "snapshots", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	suite(t, opener(t, host, "snapshots"), 5<<20)
}
