package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/snapshot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Snapshots of a cluster's shards are kept under the id of its log, sealed with its key. A keeper of engine/snapshot takes them so that restarts stay quick and the log short; those that
// somebody has asked for are positions among them that stay (Pinned).

const (
	// keptSnapshots is how many of the snapshots that nobody has asked for are kept of each shard.
	keptSnapshots = 2
	// lookAtLogs is how often is looked whether a shard's log has become long.
	lookAtLogs = 5 * time.Second
	// pinPatience is how long the records may take to say which snapshots have to stay.
	pinPatience = 10 * time.Second
)

// shardSnapshots are those of one shard whose nodes run.
type shardSnapshots struct {
	store *snapshot.Store
	log   txlog.Log
	stop  func()
}

// openStore is the snapshots of the shard of a cluster.
func (f *Fleet) openStore(clusterID, shardName string, wrappedKey []byte) (*snapshot.Store, error) {
	key, err := f.cfg.Unwrap(wrappedKey)
	if err != nil {
		return nil, fmt.Errorf("unwrap the cluster's data key: %w", err)
	}
	return snapshot.New(snapshot.Config{Bucket: f.cfg.Bucket, Shard: logID(clusterID, shardName), Key: key, Program: f.cfg.Version, Now: f.cfg.Now, Logger: f.cfg.Logger})
}

// snapshotsOf opens the snapshots of a shard, and has its log kept short, when its first node starts.
func (k *keeper) snapshotsOf(w control.WantedCluster, shardName string) (*snapshot.Store, error) {
	if k.f.cfg.Bucket == nil {
		return nil, nil //nolint:nilnil // there are none
	}
	if s := k.snapshots[shardName]; s != nil {
		return s.store, nil
	}
	store, err := k.f.openStore(w.ID, shardName, w.WrappedKey)
	if err != nil {
		return nil, err
	}
	key, err := k.f.cfg.Unwrap(w.WrappedKey)
	if err != nil {
		return nil, err
	}
	log, err := k.f.cfg.Logs.Shard(logID(w.ID, shardName), key)
	if err != nil {
		return nil, err
	}
	keeper := snapshot.NewKeeper(snapshot.KeeperConfig{
		Store: store, Log: log, Shadow: func() snapshot.Shadow { return engine.NewShadow(k.f.cfg.Now, k.log()) },
		Keep: snapshot.Retention{Count: keptSnapshots, Pinned: k.f.pinned(k.place, w.ID, shardName)},
	})
	ctx, cancel := context.WithCancel(k.f.ctx)
	ticker := time.NewTicker(lookAtLogs)
	var running sync.WaitGroup
	running.Go(func() { keeper.Run(ctx, ticker.C) })
	if k.snapshots == nil {
		k.snapshots = map[string]*shardSnapshots{}
	}
	k.snapshots[shardName] = &shardSnapshots{store: store, log: log, stop: func() { cancel(); ticker.Stop(); running.Wait() }}
	return store, nil
}

// pinned says which positions of a shard have to stay, as the records have it. If they can't be asked everything stays.
func (f *Fleet) pinned(p control.Place, clusterID, shardName string) func(txlog.Pos) bool {
	return func(pos txlog.Pos) bool {
		ctx, cancel := context.WithTimeout(context.Background(), pinPatience)
		defer cancel()
		all, err := f.cfg.Control.Pinned(ctx, p.Account, p.Region, clusterID)
		return err != nil || slices.Contains(all[shardName], uint64(pos))
	}
}

// closeSnapshots ends what keeps the snapshots of the cluster.
func (k *keeper) closeSnapshots() error {
	var errs []error
	k.taking.Wait()
	for name, s := range k.snapshots {
		s.stop()
		errs = append(errs, s.log.Close())
		delete(k.snapshots, name)
	}
	return errors.Join(errs...)
}

// takeSnapshot takes the snapshot that is wanted of the cluster, all shards one after the other, in the background: the cluster goes on meanwhile.
func (k *keeper) takeSnapshot(w control.WantedCluster) {
	if w.Snapshot == "" || k.takingName == w.Snapshot {
		return
	}
	k.takingName = w.Snapshot
	shards := map[string]*shardSnapshots{}
	for name, s := range k.snapshots {
		shards[name] = s
	}
	place, ctx := k.place, k.f.ctx
	k.taking.Go(func() {
		taken, err := k.takeAll(ctx, w, shards)
		if err == nil {
			err = k.f.cfg.Control.SnapshotTaken(ctx, place, w.Snapshot, taken)
		}
		if err != nil && ctx.Err() == nil {
			k.log().Error("snapshot failed", "snapshot", w.Snapshot, "err", err)
			err = k.f.cfg.Control.SnapshotFailed(ctx, place, w.Snapshot, err.Error())
			if err != nil {
				k.log().Error("the failure of a snapshot could not be recorded", "snapshot", w.Snapshot, "err", err)
			}
		}
	})
}

func (k *keeper) takeAll(ctx context.Context, w control.WantedCluster, shards map[string]*shardSnapshots) ([]control.SnapshotShard, error) {
	var taken []control.SnapshotShard
	for _, sh := range w.Shards {
		s := shards[sh.Name]
		if s == nil {
			return nil, errors.New("this emulator keeps no snapshots")
		}
		m, err := s.store.Take(ctx, snapshot.Source{Log: s.log, Shadow: engine.NewShadow(k.f.cfg.Now, k.log()), Scheduled: true})
		if err != nil {
			return nil, fmt.Errorf("shard %s: %w", sh.Name, err)
		}
		taken = append(taken, control.SnapshotShard{Name: sh.Name, Slots: sh.Slots, Pos: uint64(m.Pos), Bytes: m.PlainBytes, Taken: m.Created})
	}
	return taken, nil
}

// restore fills the primaries of a new cluster with the snapshot that it begins with. If that was cut short before, what is there goes first.
func (k *keeper) restore(ctx context.Context, w control.WantedCluster) error {
	if w.Restore == nil {
		return nil
	}
	for _, sh := range w.Shards {
		slots, err := slotSet(sh.Slots)
		if err != nil {
			return err
		}
		var primary *node
		for _, n := range sh.Nodes {
			if r := k.nodes[n.Name]; r != nil && r.engine.Status().Role == shard.Primary {
				primary = r
			}
		}
		if primary == nil {
			return fmt.Errorf("shard %s has no primary to restore into", sh.Name)
		}
		if err := k.restoreShard(ctx, w, primary, slots); err != nil {
			return fmt.Errorf("restore shard %s: %w", sh.Name, err)
		}
	}
	return k.f.cfg.Control.ClusterRestored(ctx, k.place)
}

func (k *keeper) restoreShard(ctx context.Context, w control.WantedCluster, primary *node, slots map[uint16]bool) (err error) {
	if !primary.engine.Empty() {
		if err := primary.engine.Discard(ctx); err != nil {
			return err
		}
	}
	var files []io.Reader
	defer func() {
		for _, f := range files {
			if c, ok := f.(io.Closer); ok {
				err = errors.Join(err, c.Close())
			}
		}
	}()
	for _, from := range w.Restore.Shards {
		theirs, err := slotSet(from.Slots)
		if err != nil {
			return err
		}
		if !overlap(slots, theirs) {
			continue
		}
		store, err := k.f.openStore(w.Restore.Cluster, from.Name, w.Restore.WrappedKey)
		if err != nil {
			return err
		}
		m, err := store.At(ctx, txlog.Pos(from.Pos))
		if err != nil {
			return &hopelessError{err}
		}
		f, err := store.Open(ctx, m)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	report, err := primary.engine.RestoreAll(ctx, files, func(slot uint16) bool { return slots[slot] })
	if err != nil {
		return &hopelessError{err}
	}
	k.log().Info("shard restored from a snapshot", "node", primary.want.Name, "keys", report.Keys, "expired", report.Expired, "took", report.Took)
	return nil
}

func overlap(a, b map[uint16]bool) bool {
	for s := range a {
		if b[s] {
			return true
		}
	}
	return false
}

// slotSet are the slots of "0-8191,9000".
func slotSet(text string) (map[uint16]bool, error) {
	ranges, err := parseSlots(text)
	if err != nil {
		return nil, err
	}
	set := map[uint16]bool{}
	for _, r := range ranges {
		for s := int(r.First); s <= int(r.Last); s++ {
			set[uint16(s)] = true
		}
	}
	return set, nil
}

// Swept implements control.Fleet: what nobody counts on of a cluster that is no more goes. As long as the cluster lives its keepers see to it.
func (f *Fleet) Swept(d control.SnapshotData) {
	if f.cfg.Bucket == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.wg.Go(func() {
		if err := f.sweep(f.ctx, d); err != nil && f.ctx.Err() == nil {
			f.cfg.Logger.Warn("data of a snapshot were not deleted", "cluster", d.Cluster, "err", err)
		}
	})
}

func (f *Fleet) sweep(ctx context.Context, d control.SnapshotData) error {
	all, err := f.cfg.Control.Wanted(ctx)
	if err != nil || slices.ContainsFunc(all, func(w control.WantedCluster) bool { return w.ID == d.Cluster }) {
		return err
	}
	pinned, err := f.cfg.Control.Pinned(ctx, d.Account, d.Region, d.Cluster)
	if err != nil {
		return err
	}
	for _, sh := range d.Shards {
		store, err := f.openStore(d.Cluster, sh.Name, d.WrappedKey)
		if err != nil {
			return err
		}
		left, err := store.List(ctx)
		if err != nil {
			return err
		}
		for _, m := range left {
			if slices.Contains(pinned[sh.Name], uint64(m.Pos)) {
				continue
			}
			if err := store.Delete(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}
