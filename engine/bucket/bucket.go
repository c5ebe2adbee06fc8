// Package bucket is where snapshots and the archive of the log go: a folder, or a bucket of any S3.
//
// Objects are written once and never changed. What a reader needs to find is published last, as one small object that is created only if there is none (Create); all
// else has names that nobody else uses (Put). So a crash leaves an object that nothing points to, never half of one.
//
// The package starts no goroutines; minio-go's end with the call that began them, but for those of idle connections, which Close ends.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"path"
	"strings"
	"time"
)

// Errors of a Bucket, to be compared with errors.Is.
var (
	// ErrNotFound is returned when there is no object of the name. A bucket that is missing as a whole is another error.
	ErrNotFound = errors.New("no such object")
	// ErrExists is returned when an object of the name is there already.
	ErrExists = errors.New("object exists")
	// ErrName is returned for a name that no object can have.
	ErrName = errors.New("bad object name")
)

// Info is what is known of an object without reading it.
type Info struct {
	// Name is the object's name.
	Name string
	// Size is its length in bytes.
	Size int64
	// Modified is when it was written, by the clock of whoever keeps it.
	Modified time.Time
}

// Bucket keeps objects by name. A name is words of letters, digits and "-_.=+@" that are joined by slashes; a word does not begin with a dot. All methods are safe for
// concurrent use. Errors name the object and wrap ErrName, ErrNotFound, ErrExists where that is what is wrong.
type Bucket interface {
	// Put stores what r gives until its end, and returns how many bytes that were. The object appears whole or not at all, and is durable when Put returns. The name must be one that
	// nobody else writes: ErrExists is certain only for an object that was there before. An error of r is returned, wrapped, and nothing is stored.
	Put(ctx context.Context, name string, r io.Reader) (size int64, err error)
	// Create stores a small object if there is none of its name: of several that race, one succeeds and the others get ErrExists. If the object is there already with the very same
	// bytes Create succeeds, since an attempt whose answer was lost can't be told from that: those who race put something of their own into data.
	Create(ctx context.Context, name string, data []byte) error
	// Get reads an object from a byte on; at its end or beyond there is nothing. A body that is cut short ends with an error other than io.EOF. The caller closes it.
	Get(ctx context.Context, name string, offset int64) (io.ReadCloser, error)
	// Stat is what is known of an object.
	Stat(ctx context.Context, name string) (Info, error)
	// List yields the objects whose names begin with prefix (of whole bytes, not words) in the order of the bytes of their names. After an error it ends.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// Close gives back what the Bucket holds, idle connections for instance.
	Close() error
}

// MaxSmall is the most that Create takes, in bytes: it has to be one part of an upload, since the condition of an upload in parts is lost.
const MaxSmall = 1 << 20

// maxName is the most bytes of a name, well below S3's 1024 with a prefix, and maxWord those of a word, below the 255 of file systems.
const (
	maxName = 600
	maxWord = 200
)

// Open opens what a URL names:
//
//	/var/snapshots, file:///var/snapshots   a folder, which is made if it is not there
//	s3://host:port/bucket/prefix            a bucket of S3; without a host (s3:///bucket/prefix) that of AWS
//
// Parameters of S3: region (else the bucket's own, or us-east-1), insecure=true (HTTP), part (MiB of a part of an upload, default 16; an object has at most 10,000 parts). Its
// credentials are those of the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if they are temporary, AWS_SESSION_TOKEN.
func Open(ctx context.Context, where string) (Bucket, error) {
	scheme, rest, found := strings.Cut(where, "://")
	switch {
	case where == "":
		return nil, errors.New("open bucket: no place is given")
	case !found:
		return openFolder(where)
	case scheme == "file":
		host, dir, _ := strings.Cut(rest, "/")
		if host != "" || dir == "" {
			return nil, fmt.Errorf("open bucket %q: a file URL has three slashes and a folder", where)
		}
		dir, err := url.PathUnescape(dir)
		if err != nil {
			return nil, fmt.Errorf("open bucket %q: %w", where, err)
		}
		return openFolder("/" + dir)
	case scheme == "s3":
		return openS3(ctx, where)
	}
	return nil, fmt.Errorf("open bucket %q: unknown scheme %q; a folder, file:// or s3:// is wanted", where, scheme)
}

// check is nil for a name that objects may have. Both backends refuse the same names, so that what works on one works on the other.
func check(name string) error {
	if name == "" || len(name) > maxName || path.Clean(name) != name {
		return fmt.Errorf("%q: %w", name, ErrName)
	}
	for word := range strings.SplitSeq(name, "/") {
		if word == "" || word[0] == '.' || len(word) > maxWord {
			return fmt.Errorf("%q: %w", name, ErrName)
		}
		for _, c := range []byte(word) {
			if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune("-_.=+@", rune(c)) {
				return fmt.Errorf("%q: %w", name, ErrName)
			}
		}
	}
	return nil
}

// tooLarge is the error of Create for data that is not small.
func tooLarge(name string, data []byte) error {
	return fmt.Errorf("create object %s: %d bytes are more than the %d of a small object", name, len(data), MaxSmall)
}
