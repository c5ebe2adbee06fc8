package bucket

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// partSize is how much of a stream is sent, and kept in memory, at a time. An object has at most 10,000 parts, so that it has up to 156 GiB.
const partSize = 16 << 20

// maxPart is the most MiB of a part that the parameter allows: it is kept in memory.
const maxPart = 1024

// s3 is a Bucket on any S3, by minio-go. Conditions stand on uploads of one part only: minio-go forgets them on others.
type s3 struct {
	client *minio.Client
	http   *http.Transport
	bucket string
	prefix string // empty, or ends with a slash
	part   uint64 // bytes
}

func openS3(ctx context.Context, where string) (Bucket, error) {
	s, err := dialS3(where)
	if err == nil {
		var there bool
		if there, err = s.client.BucketExists(ctx, s.bucket); err == nil && !there {
			err = errors.New("there is no such bucket")
		}
		if err != nil {
			s.http.CloseIdleConnections()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %q: %w", where, err)
	}
	return s, nil
}

// dialS3 reads the URL; it asks nothing of the server.
func dialS3(where string) (*s3, error) {
	u, err := url.Parse(where)
	if err != nil {
		return nil, err
	}
	if u.User != nil {
		return nil, errors.New("credentials belong into the environment, not into the URL")
	}
	s := &s3{part: partSize}
	var prefix string
	s.bucket, prefix, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		if err := check(prefix); err != nil {
			return nil, fmt.Errorf("prefix %w", err)
		}
		s.prefix = prefix + "/"
	}
	if s.bucket == "" {
		return nil, errors.New("s3://host:port/bucket/prefix is wanted")
	}
	o := &minio.Options{Secure: true}
	for name, values := range u.Query() {
		value := values[len(values)-1]
		switch name {
		case "region":
			o.Region = value
		case "insecure":
			insecure, err := strconv.ParseBool(value)
			if err != nil {
				return nil, fmt.Errorf("insecure=%s: true or false is wanted", value)
			}
			o.Secure = !insecure
		case "part":
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil || n < 5 || n > maxPart {
				return nil, fmt.Errorf("part=%s: 5 to %d MiB are wanted", value, maxPart)
			}
			s.part = n << 20
		default:
			return nil, fmt.Errorf("unknown parameter %q; region, insecure and part are known", name)
		}
	}
	id, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return nil, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
	}
	o.Creds = credentials.NewStaticV4(id, secret, os.Getenv("AWS_SESSION_TOKEN"))
	if s.http, err = minio.DefaultTransport(o.Secure); err != nil {
		return nil, err
	}
	o.Transport = s.http
	s.client, err = minio.New(cmp.Or(u.Host, "s3.amazonaws.com"), o)
	return s, err
}

func (s *s3) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	if err := check(name); err != nil {
		return 0, fmt.Errorf("put object: %w", err)
	}
	if _, err := s.stat(ctx, name); !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("put object %s: %w", name, cmp.Or(err, ErrExists))
	}
	counted := &counter{r: r}
	// The part size is explicit: the default for a stream of unknown length buffers more than 500 MiB.
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+name, counted, -1, minio.PutObjectOptions{PartSize: s.part, NumThreads: 1})
	if err != nil {
		return 0, fmt.Errorf("put object %s: %w", name, typed(err))
	}
	info, err := s.stat(ctx, name)
	if err == nil && info.Size != counted.n {
		err = fmt.Errorf("%d bytes were sent, and %d are there", counted.n, info.Size)
	}
	if err != nil {
		return 0, fmt.Errorf("put object %s: check of the upload: %w", name, err)
	}
	return counted.n, nil
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// conflicts is how often Create asks when the server says that somebody else writes the object, who then doesn't (status 409).
const conflicts = 5

func (s *s3) Create(ctx context.Context, name string, data []byte) error {
	if err := check(name); err != nil {
		return fmt.Errorf("create object: %w", err)
	}
	if len(data) > MaxSmall {
		return tooLarge(name, data)
	}
	o := minio.PutObjectOptions{DisableMultipart: true}
	o.SetMatchETagExcept("*")
	var err error
	for range conflicts {
		_, err = s.client.PutObject(ctx, s.bucket, s.prefix+name, bytes.NewReader(data), int64(len(data)), o)
		if err = typed(err); errors.Is(err, ErrExists) {
			err = unlessEqual(ctx, s, name, data)
		}
		if !errors.Is(err, ErrNotFound) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("create object %s: %w", name, err)
	}
	return nil
}

func (s *s3) Get(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	if err := check(name); err != nil {
		return nil, fmt.Errorf("get object: %w", err)
	}
	if offset < 0 {
		return nil, fmt.Errorf("get object %s: offset %d", name, offset)
	}
	var o minio.GetObjectOptions
	if offset > 0 {
		if err := o.SetRange(offset, 0); err != nil {
			return nil, fmt.Errorf("get object %s: %w", name, err)
		}
	}
	body, _, _, err := minio.Core{Client: s.client}.GetObject(ctx, s.bucket, s.prefix+name, o)
	if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return io.NopCloser(bytes.NewReader(nil)), nil // nothing is there any more
	}
	if err != nil {
		return nil, fmt.Errorf("get object %s: %w", name, typed(err))
	}
	return body, nil
}

func (s *s3) Stat(ctx context.Context, name string) (Info, error) {
	if err := check(name); err != nil {
		return Info{}, fmt.Errorf("stat object: %w", err)
	}
	info, err := s.stat(ctx, name)
	if err != nil {
		return Info{}, fmt.Errorf("stat object %s: %w", name, err)
	}
	return info, nil
}

func (s *s3) stat(ctx context.Context, name string) (Info, error) {
	o, err := s.client.StatObject(ctx, s.bucket, s.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, typed(err)
	}
	return Info{Name: name, Size: o.Size, Modified: o.LastModified}, nil
}

func (s *s3) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for o := range s.client.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
			if o.Err != nil {
				yield(Info{}, fmt.Errorf("list objects %s*: %w", prefix, typed(o.Err)))
				return
			}
			name := strings.TrimPrefix(o.Key, s.prefix)
			if check(name) != nil { // not one of ours
				continue
			}
			if !yield(Info{Name: name, Size: o.Size, Modified: o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil { // minio-go ends the list silently
			yield(Info{}, fmt.Errorf("list objects %s*: %w", prefix, err))
		}
	}
}

func (s *s3) Delete(ctx context.Context, name string) error {
	if err := check(name); err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	err := typed(s.client.RemoveObject(ctx, s.bucket, s.prefix+name, minio.RemoveObjectOptions{}))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("delete object %s: %w", name, err)
	}
	return nil
}

func (s *s3) Close() error {
	s.http.CloseIdleConnections()
	return nil
}

// typed adds to an error of the server what a caller compares with. A bucket that is missing is not a missing object: else a wrong name would look like an empty bucket.
func typed(err error) error {
	switch r := minio.ToErrorResponse(err); {
	case err == nil:
		return nil
	case r.Code == minio.NoSuchKey:
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	case r.StatusCode == http.StatusPreconditionFailed, r.StatusCode == http.StatusConflict && r.Code == "ConditionalRequestConflict":
		return fmt.Errorf("%w: %w", ErrExists, err)
	}
	return err
}
