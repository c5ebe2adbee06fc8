// Package fleet runs the engine nodes that the clusters of the management API want, inside the emulator's process.
//
// Each cluster has a keeper, one goroutine that compares what is wanted (control.Reconciler) with what runs, does what the planner says, and reports. Nobody else
// starts, stops or promotes nodes. See DESIGN.md.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/emulator/fault"
	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/bucket"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Logs are the transaction logs of the process: every shard's log is in the same three zones.
type Logs interface {
	// Shard opens a handle on a shard's log, whose records are encrypted under key.
	Shard(id string, key []byte) (txlog.Log, error)
	// Drop forgets the log of a shard that is no more.
	Drop(id string) error
}

// Config is what a fleet needs; all but Logger, OneAddress, Lease and Faults are required.
type Config struct {
	Control control.Reconciler
	Logs    Logs
	// Unwrap opens a cluster's data key, as control wrapped it.
	Unwrap func(wrapped []byte) ([]byte, error)
	CA     *CA
	// Bucket is where snapshots go; nil: there are none, and logs are kept whole. The fleet does not close it.
	Bucket bucket.Bucket
	// OneAddress puts every node on 127.0.0.1 with a port of its own, instead of giving each an address of its own with the cluster's port.
	OneAddress bool
	// Version is the program's version, for leadership entries.
	Version string
	// Lease is how nodes keep their leadership, and take it by themselves when nobody has it; the zero value is engine.DefaultLease.
	Lease engine.Lease
	// Faults makes things go wrong on purpose; nil does not.
	Faults *fault.Injector
	Now    func() time.Time
	Logger *slog.Logger
}

// Fleet is the set of keepers.
type Fleet struct {
	cfg    Config
	ctx    context.Context // ends with Close: the root of what the keepers wait for
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	keepers map[control.Place]*keeper
	closed  bool
}

// New makes a fleet without keepers; it hears of clusters by Notify and Start.
func New(cfg Config) *Fleet {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Lease.Duration == 0 {
		cfg.Lease = engine.DefaultLease
	}
	f := &Fleet{cfg: cfg, keepers: map[control.Place]*keeper{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// Start brings up the nodes of all clusters that exist, without waiting for them.
func (f *Fleet) Start(ctx context.Context) error {
	all, err := f.cfg.Control.Wanted(ctx)
	if err != nil {
		return fmt.Errorf("list clusters: %w", err)
	}
	for _, w := range all {
		f.Notify(control.Place{Account: w.Account, Region: w.Region, Cluster: w.Name})
	}
	return nil
}

// Notify implements control.Fleet.
func (f *Fleet) Notify(p control.Place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	k := f.keepers[p]
	if k == nil {
		k = newKeeper(f, p)
		f.keepers[p] = k
		f.wg.Go(k.run)
	}
	k.poke()
}

// Primary implements control.Fleet.
func (f *Fleet) Primary(p control.Place, shard string) string {
	f.mu.Lock()
	k := f.keepers[p]
	f.mu.Unlock()
	if k == nil {
		return ""
	}
	return k.primary(shard)
}

// forget drops a keeper whose cluster is gone, unless it was told of a new one of that name meanwhile; it says whether the keeper may end.
func (f *Fleet) forget(k *keeper) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(k.wake) > 0 {
		return false
	}
	delete(f.keepers, k.place)
	return true
}

// Close stops all nodes and waits for the keepers; nodes that don't stop by themselves until ctx ends are cut off.
func (f *Fleet) Close(ctx context.Context) error {
	f.mu.Lock()
	f.closed = true
	keepers := make([]*keeper, 0, len(f.keepers))
	for _, k := range f.keepers {
		keepers = append(keepers, k)
	}
	f.mu.Unlock()
	f.cancel()
	f.wg.Wait()
	var errs []error
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, k := range keepers {
		wg.Go(func() {
			err := k.stopAll(ctx)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

var _ control.Fleet = (*Fleet)(nil)
