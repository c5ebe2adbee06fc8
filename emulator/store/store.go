// Package store keeps the records of the management API in Badger: tables of typed records, read and written in transactions, durable when Update returns.
//
// One process opens a folder at a time and one transaction writes at a time. Badger's edges and why the settings are what they are: docs/adr.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Version is the form of the records; it grows when older programs can't read newer records.
const Version = 1

var (
	// ErrLocked is returned by Open when another process has the folder open.
	ErrLocked = errors.New("the data folder is in use by another process")
	// ErrNewer is returned by Open when a newer program, whose records this one can't read, has written the folder.
	ErrNewer = errors.New("the data folder was written by a newer version of this program")
	// ErrFull is returned by Update when the disk has less than MinFree left: Badger's memory-mapped files must not meet a full disk.
	ErrFull = errors.New("the disk of the data folder is full")
)

// MinFree is how many bytes of the disk stay free.
const MinFree = 64 << 20

// Config says where the records are.
type Config struct {
	// Dir is the folder; it is made when it doesn't exist. Empty keeps the records in memory only.
	Dir    string
	Logger *slog.Logger
}

// Store is an open folder of records.
type Store struct {
	db     *badger.DB
	dir    string
	lock   *os.File // nil in memory
	writer sync.Mutex
	// touched is when the folder's list of files had changed last, as far as it is synced; guarded by writer.
	touched time.Time
	// free tells how many bytes of the disk are free; a test may replace it.
	free func(dir string) (uint64, error)
}

// Open opens the folder and checks who has written it.
func Open(cfg Config) (*Store, error) {
	s := &Store{dir: cfg.Dir, free: freeBytes}
	var err error
	if cfg.Dir != "" {
		if s.lock, err = prepare(cfg.Dir); err != nil {
			return nil, err
		}
	}
	if s.db, err = badger.Open(settings(cfg)); err != nil {
		return nil, errors.Join(fmt.Errorf("open records in %s: %w", cfg.Dir, err), s.unlock())
	}
	if err := s.checkVersion(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// settings keep an idle store small: a few megabytes of memory, no background work.
func settings(cfg Config) badger.Options {
	opts := badger.DefaultOptions(cfg.Dir).
		WithSyncWrites(true).
		WithDetectConflicts(false). // one writer at a time
		WithMemTableSize(8 << 20).
		WithNumMemtables(2).
		WithNumCompactors(2).
		WithBaseTableSize(2 << 20).
		WithValueLogFileSize(16 << 20).
		WithValueThreshold(maxRecord + 1). // nothing lives in the value log, whose sync errors Badger doesn't return
		WithBlockCacheSize(0).             // records are neither compressed nor encrypted: the page cache serves
		WithIndexCacheSize(0).
		WithCompression(options.None).
		WithMetricsEnabled(false).
		WithLogger(logger{cfg.Logger})
	if cfg.Dir == "" {
		opts = opts.WithInMemory(true)
	}
	return opts
}

// prepare makes the folder, if need be, and locks it.
func prepare(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	return lock(dir)
}

// versionRecord is the one record of the table "schema".
type versionRecord struct{ Version int }

var schema = NewTable[versionRecord]("schema")

func (s *Store) checkVersion() error {
	return s.Update(func(tx *Tx) error {
		rec, ok, err := schema.Get(tx, "version")
		switch {
		case err != nil:
			return fmt.Errorf("read the version of the records: %w", err)
		case ok && rec.Version > Version:
			return fmt.Errorf("%s: %w (records of version %d, known up to %d)", s.dir, ErrNewer, rec.Version, Version)
		case ok:
			return nil
		}
		return schema.Put(tx, versionRecord{Version}, "version")
	})
}

// Close closes the folder; no transaction may be under way.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return errors.Join(fmt.Errorf("close records: %w", err), s.unlock())
	}
	return s.unlock()
}

func (s *Store) unlock() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// View calls fn with a transaction that sees the records as they are now.
func (s *Store) View(fn func(*Tx) error) error {
	return s.db.View(func(txn *badger.Txn) error { return fn(&Tx{txn: txn}) })
}

// Update calls fn with a transaction that may write. If fn returns nil, all that it wrote is on disk when Update returns; otherwise nothing of it is, and the error is fn's.
func (s *Store) Update(fn func(*Tx) error) error {
	s.writer.Lock()
	defer s.writer.Unlock()
	if s.dir != "" {
		free, err := s.free(s.dir)
		if err != nil {
			return fmt.Errorf("look at the free space of %s: %w", s.dir, err)
		}
		if free < MinFree {
			return fmt.Errorf("%s: %w (%d MiB free, %d MiB stay free)", s.dir, ErrFull, free>>20, MinFree>>20)
		}
	}
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	tx := &Tx{txn: txn}
	if err := fn(tx); err != nil {
		return err
	}
	if !tx.wrote {
		return nil
	}
	if err := txn.Commit(); err != nil {
		return fmt.Errorf("commit records: %w", err)
	}
	return s.syncDir()
}

// syncDir syncs the folder when files came or went since the last time: Badger doesn't, and a new file that the folder doesn't list is lost with the power.
func (s *Store) syncDir() error {
	if s.dir == "" {
		return nil
	}
	info, err := os.Stat(s.dir)
	if err != nil {
		return fmt.Errorf("look at the data folder: %w", err)
	}
	if info.ModTime().Equal(s.touched) {
		return nil
	}
	f, err := os.Open(s.dir)
	if err != nil {
		return fmt.Errorf("open the data folder: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync the data folder: %w", err)
	}
	s.touched = info.ModTime()
	return nil
}

// maxRecord is the greatest size of a record in bytes.
const maxRecord = 1<<20 - 1

// encode is the form of a record: JSON, so that any tool can read it and fields may come.
func encode(rec any) ([]byte, error) {
	data, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("encode record %T: %w", rec, err)
	}
	if len(data) > maxRecord {
		return nil, fmt.Errorf("record %T has %d bytes, more than %d: %w", rec, len(data), maxRecord, fs.ErrInvalid)
	}
	return data, nil
}
