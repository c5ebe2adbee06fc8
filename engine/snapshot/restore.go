package snapshot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/openmemorydb/memorydb/engine/bucket"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// names are the names of all manifests, the newest last.
func (s *Store) names(ctx context.Context) ([]string, error) {
	var names []string
	for info, err := range s.cfg.Bucket.List(ctx, s.manifests()) {
		if err != nil {
			return nil, fmt.Errorf("list snapshots of shard %s: %w", s.cfg.Shard, err)
		}
		if _, ok := positionIn(info.Name, s.manifests()); ok {
			names = append(names, info.Name)
		}
	}
	slices.Sort(names) // not every S3 keeps the order
	return names, nil
}

// newestFirst calls use for each snapshot until it returns an error, or nil, that is not about that snapshot. The result is ErrNone, joined with what was wrong with each, if none did.
func (s *Store) newestFirst(ctx context.Context, use func(m Manifest) error) error {
	names, err := s.names(ctx)
	if err != nil {
		return err
	}
	wrong := []error{ErrNone}
	for _, name := range slices.Backward(names) {
		m, err := s.read(ctx, name)
		if err == nil {
			err = use(m)
		}
		if !unusable(err) && !errors.Is(err, errOther) {
			return err
		}
		if !errors.Is(err, errOther) {
			s.cfg.Logger.Error("snapshot can't be used", "shard", s.cfg.Shard, "object", name, "err", err)
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

// errOther is returned by newestFirst's callers for a snapshot that is in order but not wanted.
var errOther = errors.New("another snapshot is wanted")

// List is the snapshots that can be used here, the oldest first. Others are logged and left out.
func (s *Store) List(ctx context.Context) ([]Manifest, error) {
	var all []Manifest
	err := s.newestFirst(ctx, func(m Manifest) error {
		all = append(all, m)
		return errOther
	})
	if !errors.Is(err, ErrNone) {
		return nil, err
	}
	slices.Reverse(all)
	return all, nil
}

// Newest is the newest snapshot that can be used here; ErrNone if there is none.
func (s *Store) Newest(ctx context.Context) (newest Manifest, err error) {
	err = s.newestFirst(ctx, func(m Manifest) error {
		newest = m
		return nil
	})
	return newest, err
}

// At is the snapshot of a position. Errors: bucket.ErrNotFound, those of a snapshot that can't be used.
func (s *Store) At(ctx context.Context, pos txlog.Pos) (Manifest, error) {
	return s.read(ctx, s.manifestName(pos))
}

// Rehearse compares the log's running checksum with the snapshot's where the two meet: at the record at the snapshot's position if the log still has it, and at the one after it. Errors: ErrForeign,
// ErrGap, those of the log.
func Rehearse(ctx context.Context, log txlog.Log, m Manifest) error {
	first, durable := log.First(), log.Durable()
	switch {
	case durable < m.Pos:
		return fmt.Errorf("snapshot of position %v, the log ends at %v: %w", m.Pos, durable, ErrForeign)
	case first > m.Pos+1:
		return fmt.Errorf("snapshot of position %v, the log begins at %v: %w", m.Pos, first, ErrGap)
	case max(m.Pos, first) > durable:
		return nil // nothing is left to compare with
	}
	records, err := log.Read(ctx, max(m.Pos, first), 1)
	if errors.Is(err, txlog.ErrTrimmed) {
		err = fmt.Errorf("%w: %w", ErrGap, err)
	}
	if err != nil {
		return fmt.Errorf("rehearse the log from position %v: %w", m.Pos, err)
	}
	for _, r := range records[:min(len(records), 2)] {
		want := txlog.Chain(m.Chain)
		if r.Pos != m.Pos {
			want = want.Next(r.Pos, txlog.Entry{Kind: r.Kind, Epoch: r.Epoch, Engine: r.Engine, Payload: r.Payload})
		}
		if r.Pos <= m.Pos+1 && r.Chain != want {
			return fmt.Errorf("running checksum at position %v is %x, after the snapshot of position %v it were %x: %w", r.Pos, uint64(r.Chain), m.Pos, uint64(want), ErrForeign)
		}
	}
	return nil
}

// Install brings a shard that is Loading to the newest snapshot that fits its log and is further than the shard is. ErrNone says that there is none; the shard is then as it was. Other errors are those of
// the bucket, the log, or ctx.
func (s *Store) Install(ctx context.Context, log txlog.Log, sh *shard.Shard, libraries Libraries) (installed Manifest, err error) {
	err = s.newestFirst(ctx, func(m Manifest) error {
		if at, _ := sh.Position(); m.Pos <= at {
			return ErrNone // nor are those before it further
		}
		if err := Rehearse(ctx, log, m); err != nil {
			return err
		}
		db := sh.Blank()
		err := s.Restore(ctx, m, db, libraries)
		if err == nil {
			err = sh.Install(db, m.Pos, txlog.Chain(m.Chain), m.Epoch, m.Leader)
		}
		if err != nil {
			db.Close()
			return err
		}
		installed = m
		return nil
	})
	return installed, err
}

// Restore reads a snapshot into an empty keyspace, which is not to be used if there is an error. Everything that the manifest says is checked: size, checksum and seal of the file, number of keys and of
// libraries, and the digest of what was loaded. Errors: *DamagedError, bucket.ErrNotFound, those of the bucket.
func (s *Store) Restore(ctx context.Context, m Manifest, db *keyspace.DB, libraries Libraries) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, err := s.cfg.Bucket.Get(ctx, m.File, 0)
	if err != nil {
		return fmt.Errorf("restore snapshot of position %v: %w", m.Pos, err)
	}
	src := &source{r: body, sum: sha256.New()}
	var plain io.Reader = src
	if m.Sealed() {
		if plain, err = newOpener(src, m.dataKey, m.File); err != nil {
			return errors.Join(fmt.Errorf("restore %s: %w", m.File, err), body.Close())
		}
	}
	ahead := readAhead(plain)
	read := &counted{r: ahead}
	err = load(read, m.PlainBytes, db, libraries)
	if err == nil {
		err = m.rest(read, db, libraries)
	}
	cancel() // so that whoever reads ahead does not wait for what nobody needs
	ahead.stop()
	closed := body.Close()
	if err == nil {
		err = m.stored(src)
	}
	var failed *sourceError
	switch {
	case err == nil && closed == nil:
		return nil
	case err == nil:
		return fmt.Errorf("restore %s: %w", m.File, closed)
	case errors.As(err, &failed): // the bucket failed, not what it keeps
		return fmt.Errorf("restore %s: after %d bytes: %w", m.File, read.n, failed.err)
	}
	return &DamagedError{Object: m.File, Offset: min(read.n, m.PlainBytes), Err: err}
}

// Open gives the RDB file of a snapshot, in the clear, to be read once and closed. What the manifest says of the file is checked as it is read: io.EOF means that all of it was right. Errors of Read:
// *DamagedError, those of the bucket.
func (s *Store) Open(ctx context.Context, m Manifest) (io.ReadCloser, error) {
	body, err := s.cfg.Bucket.Get(ctx, m.File, 0)
	if err != nil {
		return nil, fmt.Errorf("open snapshot of position %v: %w", m.Pos, err)
	}
	f := &file{m: m, src: &source{r: body, sum: sha256.New()}, body: body}
	f.plain = f.src
	if m.Sealed() {
		if f.plain, err = newOpener(f.src, m.dataKey, m.File); err != nil {
			return nil, errors.Join(fmt.Errorf("open %s: %w", m.File, err), body.Close())
		}
	}
	return f, nil
}

// file is the RDB file of a snapshot that is being read.
type file struct {
	m     Manifest
	src   *source
	plain io.Reader
	body  io.Closer
	n     int64
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.plain.Read(p)
	f.n += int64(n)
	var failed *sourceError
	switch {
	case err == nil:
		return n, nil
	case errors.As(err, &failed): // the bucket failed, not what it keeps
		return n, fmt.Errorf("read %s: after %d bytes: %w", f.m.File, f.n, failed.err)
	case errors.Is(err, io.EOF):
		if err := f.m.stored(f.src); err != nil {
			return n, &DamagedError{Object: f.m.File, Offset: f.n, Err: err}
		}
		if f.n != f.m.PlainBytes {
			return n, &DamagedError{Object: f.m.File, Offset: f.n, Err: fmt.Errorf("%d bytes instead of %d", f.n, f.m.PlainBytes)}
		}
		return n, io.EOF
	}
	return n, &DamagedError{Object: f.m.File, Offset: f.n, Err: err}
}

func (f *file) Close() error { return f.body.Close() }

// rest checks what follows the RDB file, which is nothing, and what was loaded.
func (m *Manifest) rest(r *counted, db *keyspace.DB, libraries Libraries) error {
	if n, err := io.Copy(io.Discard, r); err != nil || n > 0 {
		return fmt.Errorf("%d bytes follow the end, %w", n, cmp.Or(err, errEnd))
	}
	switch have := len(libraries.Libraries(db)); {
	case r.n != m.PlainBytes:
		return fmt.Errorf("%d bytes instead of %d", r.n, m.PlainBytes)
	case db.Len() != m.Keys:
		return fmt.Errorf("%d keys instead of %d", db.Len(), m.Keys)
	case have != m.Libraries:
		return fmt.Errorf("%d function libraries instead of %d", have, m.Libraries)
	}
	if digest := Hex(db.Digest()); digest != m.Digest {
		return fmt.Errorf("the digest of the keys is %x instead of %x", uint64(digest), uint64(m.Digest))
	}
	return nil
}

var errEnd = errors.New("the file should end there")

// stored checks what was read of the bucket.
func (m *Manifest) stored(src *source) error {
	if src.n != m.StoredBytes {
		return fmt.Errorf("%d bytes are stored instead of %d", src.n, m.StoredBytes)
	}
	if sum := hex.EncodeToString(src.sum.Sum(nil)); sum != m.SHA256 {
		return fmt.Errorf("the checksum is %s instead of %s", sum, m.SHA256)
	}
	return nil
}

// Check is nil if the file of a snapshot is in the bucket with its size. It does not read it.
func (s *Store) Check(ctx context.Context, m Manifest) error {
	info, err := s.cfg.Bucket.Stat(ctx, m.File)
	if err != nil {
		return fmt.Errorf("check snapshot of position %v: %w", m.Pos, err)
	}
	if info.Size != m.StoredBytes {
		return &DamagedError{Object: m.File, Offset: info.Size, Err: fmt.Errorf("%d bytes are stored instead of %d", info.Size, m.StoredBytes)}
	}
	return nil
}

// Delete removes a snapshot: its manifest first, so that it is not offered without its file.
func (s *Store) Delete(ctx context.Context, m Manifest) error {
	for _, name := range []string{s.manifestName(m.Pos), m.File} {
		if err := s.cfg.Bucket.Delete(ctx, name); err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return fmt.Errorf("delete snapshot of position %v: %w", m.Pos, err)
		}
	}
	return nil
}

// source counts and sums what comes from the bucket. Its errors are *sourceError.
type source struct {
	r   io.Reader
	sum hash.Hash
	n   int64
}

// sourceError is an error of the bucket. It does not unwrap, so that nobody takes a connection that was cut (io.ErrUnexpectedEOF) for the end of the file.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	s.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &sourceError{err}
	}
	return n, err
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
