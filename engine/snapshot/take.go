package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// readBytes is about how much of the log is read, and kept in memory, at a time.
const readBytes = 4 << 20

// Source is what a snapshot is taken of.
type Source struct {
	// Log is a handle on the shard's log, which is only read.
	Log    txlog.Log
	Shadow Shadow
	// Scheduled says that Prune may delete the snapshot when there are newer ones.
	Scheduled bool
}

// Take makes a snapshot of what is durable when it is called, and returns its manifest once the snapshot is verified and offered. If there is one of that position already, it is the result. Whatever
// fails, nothing is offered that was not verified. The shadow takes as much memory as the shard's keys, and as much again for a moment when the next keyspace is made.
//
// Errors: *shard.PoisonError for a record that can't be applied, txlog.ErrTrimmed or ErrGap if the log was trimmed behind the newest usable snapshot, those of the bucket and of the log.
func (s *Store) Take(ctx context.Context, src Source) (Manifest, error) {
	m, err := s.take(ctx, src)
	if err != nil {
		return Manifest{}, fmt.Errorf("take a snapshot of shard %s: %w", s.cfg.Shard, err)
	}
	return m, nil
}

func (s *Store) take(ctx context.Context, src Source) (Manifest, error) {
	target := src.Log.Durable()
	shadow := shard.New(shard.Config{NodeID: "shadow", Log: src.Log, Table: src.Shadow.Table, NewDB: src.Shadow.NewDB, Skip: src.Shadow.Skip, Now: s.cfg.Now, Logger: s.cfg.Logger})
	open := true
	release := func() {
		if open {
			shadow.Close()
			open = false
		}
	}
	defer release()
	base, err := s.Install(ctx, src.Log, shadow, src.Shadow.Libraries)
	switch {
	case err != nil && !errors.Is(err, ErrNone):
		return Manifest{}, err
	case err == nil && base.Pos >= target:
		return base, nil
	case err != nil && src.Log.First() > 1:
		return Manifest{}, fmt.Errorf("the log begins at position %v: %w: %w", src.Log.First(), ErrGap, err)
	}
	if err := replay(ctx, src.Log, shadow, target); err != nil {
		return Manifest{}, err
	}
	m := Manifest{Format: Format, Shard: s.cfg.Shard, Engine: shard.EngineVersion, Program: s.cfg.Program, Created: s.cfg.Now().UTC().Truncate(time.Millisecond), Scheduled: src.Scheduled, File: s.newFileName(target)}
	if s.wrap != nil {
		m.dataKey = newDataKey()
	}
	pos, chain := shadow.Position()
	m.Pos, m.Chain = pos, Hex(chain)
	m.Leader, m.Epoch = shadow.Leader()
	var libraries []string
	shadow.View(func(db *keyspace.DB) {
		libraries = src.Shadow.Libraries.Libraries(db)
		m.Keys, m.Digest, m.Libraries = db.Len(), Hex(db.Digest()), len(libraries)
		err = s.store(ctx, &m, db, libraries)
	})
	if err != nil {
		s.discard(ctx, m.File)
		return Manifest{}, err
	}
	release() // before the next keyspace is made
	if err := s.verify(ctx, src, m, libraries); err != nil {
		s.discard(ctx, m.File)
		return Manifest{}, fmt.Errorf("verify: %w", err)
	}
	published, err := s.publish(ctx, m)
	if err != nil {
		// The manifest may be there, if the answer was lost: then the file must stay. Prune finds it if not.
		return Manifest{}, fmt.Errorf("publish: %w", err)
	}
	if published.File != m.File { // somebody else was quicker
		s.discard(ctx, m.File)
	}
	return published, nil
}

// replay applies the log to a shadow up to a position. Each record's running checksum is compared with the one computed from the snapshot that the shadow began with.
func replay(ctx context.Context, log txlog.Log, shadow *shard.Shard, target txlog.Pos) error {
	applier := shadow.Applier()
	for {
		at, _ := shadow.Position()
		if at >= target {
			return nil
		}
		records, err := log.Read(ctx, at+1, readBytes)
		if err != nil {
			return fmt.Errorf("read log from position %v: %w", at+1, err)
		}
		if len(records) == 0 {
			return fmt.Errorf("read log from position %v: nothing is there up to %v: %w", at+1, target, txlog.ErrCorrupt)
		}
		if past := int(min(target-at, txlog.Pos(len(records)))); past < len(records) {
			records = records[:past]
		}
		if err := applier.Apply(records); err != nil {
			return err
		}
	}
}

// store writes the file of a snapshot, and notes its sizes and checksum.
func (s *Store) store(ctx context.Context, m *Manifest, db *keyspace.DB, libraries []string) error {
	r, w := io.Pipe()
	sum := sha256.New()
	out := &counter{w: w, sum: sum}
	done := make(chan error, 1)
	go func() {
		err := m.write(out, db, libraries)
		w.CloseWithError(err) // nil is the end
		done <- err
	}()
	size, err := s.cfg.Bucket.Put(ctx, m.File, r)
	r.CloseWithError(errors.New("snapshot: the bucket takes no more"))
	written := <-done
	if err != nil {
		return err
	}
	if written != nil {
		return written
	}
	m.StoredBytes, m.SHA256 = out.n, hex.EncodeToString(sum.Sum(nil))
	if size != m.StoredBytes {
		return fmt.Errorf("put object %s: %d bytes were stored instead of %d", m.File, size, m.StoredBytes)
	}
	return nil
}

// write writes the file, sealed if the manifest has a data key.
func (m *Manifest) write(out io.Writer, db *keyspace.DB, libraries []string) error {
	if !m.Sealed() {
		plain := &counter{w: out}
		err := Write(plain, db, libraries)
		m.PlainBytes = plain.n
		return err
	}
	seal, err := newSealer(out, m.dataKey, m.File)
	if err != nil {
		return err
	}
	plain := &counter{w: seal}
	if err := Write(plain, db, libraries); err != nil {
		return err
	}
	m.PlainBytes = plain.n
	return seal.Close()
}

// verify rehearses a restore: what is in the bucket must give the keyspace that was written, and the log's running checksum must go through the snapshot's.
func (s *Store) verify(ctx context.Context, src Source, m Manifest, libraries []string) error {
	db := src.Shadow.NewDB()
	defer db.Close()
	db.Expiry = keyspace.ExpireIgnore
	if err := s.Restore(ctx, m, db, src.Shadow.Libraries); err != nil {
		return err
	}
	if !slices.Equal(src.Shadow.Libraries.Libraries(db), libraries) {
		return &DamagedError{Object: m.File, Offset: m.PlainBytes, Err: errors.New("other function libraries")}
	}
	return Rehearse(ctx, src.Log, m)
}

// discardTime is how long the removal of a file that is not needed may take when the caller's time is up.
const discardTime = 10 * time.Second

// discard removes the file of a snapshot that is not offered. If that fails, Prune does it a day later.
func (s *Store) discard(ctx context.Context, file string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTime)
	defer cancel()
	if err := s.cfg.Bucket.Delete(ctx, file); err != nil {
		s.cfg.Logger.Warn("file of a snapshot that is not offered is left", "shard", s.cfg.Shard, "object", file, "err", err)
	}
}

// counter counts what is written, and sums it if sum is not nil.
type counter struct {
	w   io.Writer
	sum io.Writer
	n   int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.sum != nil {
		_, _ = c.sum.Write(p[:n]) // a hash takes everything
	}
	c.n += int64(n)
	return n, err
}
