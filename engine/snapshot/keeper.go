package snapshot

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// KeeperConfig is what a Keeper needs. Store, Log and Shadow are required.
type KeeperConfig struct {
	Store *Store
	// Log is a handle on the shard's log.
	Log txlog.Log
	// Shadow makes what replays the log, for each snapshot anew.
	Shadow func() Shadow
	// Records and Bytes are how far the log's tail may be from the newest snapshot; what is further is a reason for a new one. They bound how long a restore takes beyond the loading of the snapshot itself. 0 is
	// 2,000,000 records, 512 MiB. Of a large shard it may be further: half as many records as there are keys, as many bytes as the RDB file has, so that taking snapshots doesn't cost more
	// than the writes do.
	Records uint64
	Bytes   int64
	// Keep says which of the scheduled snapshots are kept. The zero value keeps all.
	Keep Retention
	// Floor is the oldest position that somebody still has to read from the log: a follower, an archive. Nil, or a position of 0, is nobody.
	Floor func() txlog.Pos
	// Retry is how long the Keeper waits after a snapshot has failed; twice as long after each further one, 64 times at most. 0 is a minute.
	Retry time.Duration
}

// Keeper keeps the snapshots of a shard near the log's tail, and the log short. It has no clock of its own: somebody calls Step every few seconds, or gives Run a ticker. It is used by one
// goroutine. Several processes may each have a Keeper for one shard: they see each other's snapshots.
type Keeper struct {
	cfg      KeeperConfig
	found    bool      // newest is known
	newest   *Manifest // nil: there is none that fits the log
	seen     txlog.Pos // up to here bytes counts
	bytes    int64     // of the log's payload since newest, about
	failures int
	next     time.Time // no snapshot is taken before
	pruned   time.Time

	asked     chan struct{} // has room for one
	rewriting atomic.Bool
}

// Defaults of KeeperConfig.
const (
	defaultRecords = 2_000_000
	defaultBytes   = 512 << 20
	defaultRetry   = time.Minute
)

const (
	// sampleBytes is how much of the log is read to estimate the rest.
	sampleBytes = 256 << 10
	// pruneEvery is how often leftovers are looked for.
	pruneEvery = time.Hour
	maxRetry   = 6 // doublings
	// rest is how many times as long as it takes to take a snapshot none is taken afterwards: whatever the write rate, snapshots cost a fifth of a core at most.
	rest = 4
)

// NewKeeper makes a Keeper. It reads nothing.
func NewKeeper(cfg KeeperConfig) *Keeper {
	if cfg.Records == 0 {
		cfg.Records = defaultRecords
	}
	if cfg.Bytes == 0 {
		cfg.Bytes = defaultBytes
	}
	if cfg.Retry == 0 {
		cfg.Retry = defaultRetry
	}
	return &Keeper{cfg: cfg, asked: make(chan struct{}, 1)}
}

// Run calls Step at each tick, and does what Rewrite asks for, until ctx ends; it logs what fails.
func (k *Keeper) Run(ctx context.Context, ticks <-chan time.Time) {
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-k.asked:
			err = k.rewrite(ctx)
		case <-ticks:
			err = k.Step(ctx)
		}
		if err != nil && ctx.Err() == nil {
			k.cfg.Store.cfg.Logger.Error("keeping snapshots failed", "shard", k.cfg.Store.Shard(), "err", err)
		}
	}
}

// Step takes a snapshot if the newest one is too far from the log's tail, trims the log behind the newest verified one, and prunes. It costs next to nothing when there is nothing to do.
func (k *Keeper) Step(ctx context.Context) error {
	if !k.found {
		if err := k.find(ctx); err != nil {
			return err
		}
	}
	if err := k.measure(ctx); err != nil {
		return err
	}
	var failed error
	if k.due() && !k.now().Before(k.next) {
		failed = k.take(ctx)
	}
	return errors.Join(failed, k.trim(ctx), k.prune(ctx))
}

func (k *Keeper) now() time.Time { return k.cfg.Store.cfg.Now() }

// find looks for the newest snapshot that fits the log.
func (k *Keeper) find(ctx context.Context) error {
	var newest *Manifest
	err := k.cfg.Store.newestFirst(ctx, func(m Manifest) error {
		if err := Rehearse(ctx, k.cfg.Log, m); err != nil {
			return err
		}
		newest = &m
		return nil
	})
	if err != nil && !errors.Is(err, ErrNone) {
		return err
	}
	k.install(newest)
	return nil
}

// install makes a snapshot the newest one.
func (k *Keeper) install(m *Manifest) {
	if k.found && k.at() == at(m) {
		return
	}
	k.found, k.newest, k.seen, k.bytes = true, m, at(m), 0
}

func at(m *Manifest) txlog.Pos {
	if m == nil {
		return 0
	}
	return m.Pos
}

func (k *Keeper) at() txlog.Pos { return at(k.newest) }

// measure adds to bytes what was logged since it was called last, estimated from a sample if that is much.
func (k *Keeper) measure(ctx context.Context) error {
	durable := k.cfg.Log.Durable()
	if durable <= k.seen {
		return nil
	}
	from := max(k.seen+1, k.cfg.Log.First())
	records, err := k.cfg.Log.Read(ctx, from, sampleBytes)
	if err != nil {
		return fmt.Errorf("measure the log from position %v: %w", from, err)
	}
	sum := int64(0)
	for _, r := range records {
		sum += int64(len(r.Payload))
	}
	if n := int64(len(records)); n > 0 {
		k.bytes += int64(float64(sum) / float64(n) * float64(durable-k.seen))
	}
	k.seen = durable
	return nil
}

// due says whether the newest snapshot is too far from the log's tail.
func (k *Keeper) due() bool {
	records, bytes := k.cfg.Records, k.cfg.Bytes
	if k.newest != nil {
		records, bytes = max(records, uint64(k.newest.Keys)/2), max(bytes, k.newest.PlainBytes)
	}
	return uint64(k.seen-k.at()) > records || k.bytes > bytes
}

func (k *Keeper) take(ctx context.Context) error {
	if err := k.find(ctx); err != nil { // another process may have been here
		return err
	}
	if err := k.measure(ctx); err != nil || !k.due() {
		return err
	}
	return k.takeNow(ctx)
}

func (k *Keeper) takeNow(ctx context.Context) error {
	s := k.cfg.Store
	begun := k.now()
	m, err := s.Take(ctx, Source{Log: k.cfg.Log, Shadow: k.cfg.Shadow(), Scheduled: true})
	if err != nil {
		k.next = k.now().Add(k.cfg.Retry << min(k.failures, maxRetry))
		k.failures++
		return err
	}
	took := k.now().Sub(begun)
	k.failures, k.next, k.pruned = 0, k.now().Add(rest*took), time.Time{}
	k.install(&m)
	s.cfg.Logger.Info("snapshot taken", "shard", m.Shard, "pos", uint64(m.Pos), "keys", m.Keys, "bytes", m.StoredBytes, "took", took)
	return nil
}

// trim lets the log forget what is before the newest verified snapshot. The record at its position stays, so that others can compare checksums with it.
func (k *Keeper) trim(ctx context.Context) error {
	if k.newest == nil {
		return nil
	}
	before := k.newest.Pos
	if k.cfg.Floor != nil {
		if floor := k.cfg.Floor(); floor != 0 {
			before = min(before, floor)
		}
	}
	if before <= k.cfg.Log.First() {
		return nil
	}
	// A snapshot that somebody has deleted or cut meanwhile is no reason to trim.
	err := k.cfg.Store.Check(ctx, *k.newest)
	if err == nil {
		_, err = k.cfg.Store.At(ctx, k.newest.Pos)
	}
	if err == nil {
		err = Rehearse(ctx, k.cfg.Log, *k.newest)
	}
	if err != nil {
		k.found = false
		return fmt.Errorf("trim the log: %w", err)
	}
	if err := k.cfg.Log.Trim(before); err != nil {
		return fmt.Errorf("trim the log before position %v: %w", before, err)
	}
	return nil
}

// prune prunes after each snapshot, and every hour.
func (k *Keeper) prune(ctx context.Context) error {
	if k.now().Sub(k.pruned) < pruneEvery {
		return nil
	}
	if _, err := k.cfg.Store.Prune(ctx, k.cfg.Keep); err != nil {
		return err
	}
	k.pruned = k.now()
	return nil
}
