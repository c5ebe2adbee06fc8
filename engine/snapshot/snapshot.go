// Package snapshot keeps off-box snapshots of one shard in a bucket (promise P7): it takes them from the log, verifies them by a rehearsed restore before they are offered, restores
// nodes from them, and trims the log behind them.
//
// No serving node is asked for anything: a shadow, a keyspace of its own, is restored from the newest earlier snapshot and the log. A snapshot is a standard RDB file, sealed if there is a
// key, and a small manifest, which is published last. See DESIGN.md for the order of steps, the formats and the traps.
//
// Goroutines: Take has one that writes while the bucket reads, restoring one that reads ahead. They end before the call that started them returns.
package snapshot

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/openmemorydb/memorydb/engine/bucket"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Errors of this package, to be compared with errors.Is.
var (
	// ErrNone is returned when there is no snapshot that would do.
	ErrNone = errors.New("no snapshot")
	// ErrDamaged is what errors about a file or manifest wrap that is not what was stored: *DamagedError.
	ErrDamaged = errors.New("snapshot is damaged")
	// ErrKey is returned when the key does not open a sealed snapshot, or there is none.
	ErrKey = errors.New("snapshot is sealed with another key, or its manifest was forged")
	// ErrPlain is returned when a key is given and a snapshot is not sealed: whoever can write into the bucket could have put it there.
	ErrPlain = errors.New("snapshot is not sealed, but a key is given")
	// ErrNewer is returned for a snapshot that a newer program has written (promise P8).
	ErrNewer = errors.New("snapshot was written by a newer program")
	// ErrForeign is returned for a snapshot of another shard, or of another log of a shard of that name.
	ErrForeign = errors.New("snapshot is of another shard's log")
	// ErrGap is returned when records between the snapshot and the log are missing: they were trimmed.
	ErrGap = errors.New("log was trimmed behind the snapshot")
)

// DamagedError says where an object of a snapshot is damaged. It wraps ErrDamaged.
type DamagedError struct {
	// Object is the object's name in the bucket.
	Object string
	// Offset is how many bytes of the RDB file were read before the damage was noticed; in a manifest 0.
	Offset int64
	Err    error
}

// Error says what is wrong and where.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is damaged at byte %d: %v", e.Object, e.Offset, e.Err)
}

// Unwrap is ErrDamaged and the cause.
func (e *DamagedError) Unwrap() []error { return []error{ErrDamaged, e.Err} }

// Libraries reads and loads the function libraries of keyspaces: they are no keys, but belong to a snapshot. engine/script has them.
type Libraries interface {
	// Libraries are the codes of a keyspace's libraries, in a fixed order.
	Libraries(db *keyspace.DB) []string
	// LoadLibrary adds a library to a keyspace that nobody else uses.
	LoadLibrary(db *keyspace.DB, code string) error
}

// Shadow is what replays a log apart from any node that serves. Nothing in it may be shared with one.
type Shadow struct {
	// Table holds the rows that replay may meet: every writing command.
	Table *command.Table
	// NewDB makes an empty keyspace.
	NewDB     func() *keyspace.DB
	Libraries Libraries
	// Skip is shard.Config.Skip.
	Skip map[txlog.Pos]bool
}

// KeySize is the size of Config.Key in bytes.
const KeySize = 32

// Config is what a Store needs. Bucket, Shard and Now are required.
type Config struct {
	// Bucket keeps the snapshots. The Store does not close it.
	Bucket bucket.Bucket
	// Shard names the shard whose log this is, and begins the names of all objects. A shard that is made anew after it was deleted needs another name.
	Shard string
	// Key seals the data key of each snapshot: KeySize bytes. Nil stores plain RDB files.
	Key []byte
	// AcceptPlain lets snapshots be used that are not sealed although there is a Key: after a key was introduced, until there is a sealed one.
	AcceptPlain bool
	// Program is the program's version, for manifests.
	Program string
	Now     func() time.Time
	Logger  *slog.Logger
}

// Store is the snapshots of one shard. Create it with New. All methods are safe for concurrent use, also by several processes.
type Store struct {
	cfg  Config
	wrap cipher.AEAD // of Key; nil if there is none
}

// New makes a Store. It reads nothing.
func New(cfg Config) (*Store, error) {
	if cfg.Bucket == nil || cfg.Shard == "" || cfg.Now == nil {
		return nil, errors.New("snapshot: Config needs Bucket, Shard and Now")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{cfg: cfg}
	if cfg.Key != nil {
		wrap, err := newGCM(cfg.Key)
		if err != nil {
			return nil, fmt.Errorf("snapshot: Key: %w", err)
		}
		s.wrap = wrap
	}
	return s, nil
}

// Shard is the name of the shard whose snapshots these are.
func (s *Store) Shard() string { return s.cfg.Shard }
