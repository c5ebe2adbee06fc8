package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// What a restore holds in memory, in bytes, besides the keys.
const (
	// restoreRecord is about how much goes into one record of the log; a longer value has one for itself.
	restoreRecord = 256 << 10
	// restoreInFlight is about how much is on its way to the log at any time.
	restoreInFlight = 8 << 20
	// restoreValue is how much of the file one value may take: Redis's RESTORE takes no longer ones either (proto-max-bulk-len).
	restoreValue = 512 << 20
)

// RestoreReport is what has become of what an RDB file holds.
type RestoreReport struct {
	// Keys were restored; Expired had expired; Skipped are of slots that the filter does not take.
	Keys, Expired, Skipped int
	// Empty are collections without elements, which faults of old servers have left; they are left out, as Redis does.
	Empty int
	// Libraries of functions were restored.
	Libraries int
	// Modules have left data of their own in the file that was passed over: their names.
	Modules []string
	// RedisVersion is the version of the server that wrote the file; empty if it does not say.
	RedisVersion string
	// Bytes is the size of the file.
	Bytes int64
	// Took is how long it took, from the beginning until all was durable.
	Took time.Duration
}

// Errors of Restore, besides *rdb.FileError, which says where in the file something is wrong, and those of the log.
var (
	// ErrNotEmpty is returned for a node that has keys or function libraries.
	ErrNotEmpty = errors.New("node has keys or function libraries: only an empty one can be restored into")
	// ErrDatabase is returned for a file with keys in another database than 0.
	ErrDatabase = errors.New("a cluster has only database 0")
	// ErrMaxMemory is returned when what the file holds takes more memory than the node may use.
	ErrMaxMemory = errors.New("the node's maxmemory is reached")
	// ErrHalfRestored is returned, with what went wrong, if what was restored until then could not be deleted again.
	ErrHalfRestored = errors.New("a part of the keys is there, and could not be deleted")
)

// Restore fills an empty primary with an RDB file of any version up to rdb.MaxVersion: its keys with their expiry and its function libraries. When it returns, all of it is in the
// log, and so on replicas and after a restart. Until then clients are answered LOADING. filter says which slots' keys are taken, nil is all: so one file fills several shards; each
// gets all libraries. Keys that have expired are left out.
//
// A file that can be read twice (an io.Seeker) is checked wholly before anything is changed. If it fails later, what was restored until then is deleted again, through the log; if
// that fails too the error is ErrHalfRestored as well, and clients are answered LOADING until Discard, or until another node leads. A process that ends meanwhile leaves a part of the keys in the log: Discard deletes them. Values that take more than
// 512 MiB of the file are refused. Errors: ErrNotPrimary, ErrNotEmpty, ErrDatabase, ErrMaxMemory, *rdb.FileError, those of the log and of ctx.
func (n *Node) Restore(ctx context.Context, r io.Reader, filter func(slot uint16) bool) (RestoreReport, error) {
	return n.RestoreAll(ctx, []io.Reader{r}, filter)
}

// RestoreAll is Restore of several files at once, as of the shards that a cluster had: all of them or nothing. A library that several of them hold is loaded once.
func (n *Node) RestoreAll(ctx context.Context, files []io.Reader, filter func(slot uint16) bool) (RestoreReport, error) {
	begun := n.cfg.Now()
	if !n.restoring.TryLock() {
		return RestoreReport{}, ErrNotEmpty
	}
	defer n.restoring.Unlock()
	switch err := n.shard.Fill(); {
	case errors.Is(err, shard.ErrNotEmpty):
		return RestoreReport{}, ErrNotEmpty
	case err != nil:
		return RestoreReport{}, err
	}
	if !n.Empty() {
		n.shard.Filled()
		return RestoreReport{}, ErrNotEmpty
	}
	if filter == nil {
		filter = func(uint16) bool { return true }
	}
	l := n.newLoad(ctx, filter)
	var err error
	for _, r := range files {
		if err = l.file(r); err != nil {
			break
		}
	}
	l.trial.Close()
	if err != nil {
		return RestoreReport{}, n.undo(ctx, l, err)
	}
	n.shard.Filled()
	l.report.Took = n.cfg.Now().Sub(begun)
	return l.report, nil
}

// undo deletes what a restore that failed with err has loaded, and returns its error.
func (n *Node) undo(ctx context.Context, l *load, err error) error {
	if l.changed && !n.Empty() {
		undoing, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoPatience)
		defer cancel()
		if failed := n.discard(undoing); failed != nil {
			if n.shard.Role() != shard.Primary {
				n.shard.Filled() // clients are the next primary's now
			}
			return fmt.Errorf("restore: %w; %w: %w", err, ErrHalfRestored, failed)
		}
	}
	n.shard.Filled()
	return fmt.Errorf("restore: %w; nothing is restored", err)
}

// undoPatience is how long deleting what was restored may take.
const undoPatience = 30 * time.Second

// Discard deletes all keys and function libraries, what a restore has left that was cut short; they are gone from the log too when it returns, and clients are let in. It waits for
// the end of a Restore. Errors: ErrNotPrimary, those of the log.
func (n *Node) Discard(ctx context.Context) error {
	n.restoring.Lock()
	defer n.restoring.Unlock()
	if n.shard.Role() != shard.Primary {
		return ErrNotPrimary
	}
	if err := n.discard(ctx); err != nil {
		return fmt.Errorf("discard: %w", err)
	}
	n.shard.Filled()
	return nil
}

func (n *Node) discard(ctx context.Context) error {
	var last txlog.Pos
	for _, words := range [][]string{{"flushall"}, {"function", "flush"}} {
		b := batch{n: n}
		for _, w := range words {
			b.text(w)
		}
		if err := b.end(item{}); err != nil {
			return err
		}
		pos, err := b.run()
		if err != nil {
			return err
		}
		last = pos
	}
	return n.shard.Wait(ctx, last)
}

// Empty says whether the node has neither keys nor function libraries.
func (n *Node) Empty() (none bool) {
	n.shard.View(func(db *keyspace.DB) { none = db.Len() == 0 && len(n.scripts.Libraries(db)) == 0 })
	return none
}
