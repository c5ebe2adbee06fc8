package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/pubsub"
	"github.com/openmemorydb/memorydb/engine/shard"
)

// keeper keeps one cluster's nodes as they are wanted. Its fields belong to its goroutine, and to Fleet.Close when that has ended, but for what mu guards.
type keeper struct {
	f     *Fleet
	place control.Place
	wake  chan struct{} // has room for one

	id       string // of the cluster whose nodes run; another one means that it was deleted and created again
	nodes    map[string]*node
	endpoint *endpoint
	mapEpoch uint64
	shards   map[string]bool // the ids of the logs that were opened
	progress progress
	channels pubsub.Exchange      // between the nodes
	lost     map[string]bool      // nodes that ran and have died, or were deposed: they are recovered
	begun    map[string]time.Time // when a node was started last
	poisoned map[string]bool      // nodes that have stopped at a record that they can't apply: they are not started again
	events   []string             // that control was not told of yet
	closing  sync.WaitGroup       // nodes that are being closed in the background

	snapshots map[string]*shardSnapshots // by shard

	taking     sync.WaitGroup // of a snapshot
	takingName string

	mu    sync.Mutex
	leads map[string]string // the primary of each shard, as it was published last; guarded by mu
}

const (
	// retryAfter is how long a keeper waits after something failed.
	retryAfter = 500 * time.Millisecond
	// stopTimeout is how long a node that is stopped may finish what it executes.
	stopTimeout = 5 * time.Second
	// leadTimeout is how long a change of the lead may take: other shards wait for it.
	leadTimeout = 2 * time.Second
	// rounds bounds the plans of one reconciliation: a cluster that never settles is a fault of ours and is said.
	rounds = 50
)

func newKeeper(f *Fleet, p control.Place) *keeper {
	return &keeper{
		f: f, place: p, wake: make(chan struct{}, 1),
		nodes: map[string]*node{}, shards: map[string]bool{}, lost: map[string]bool{}, begun: map[string]time.Time{}, poisoned: map[string]bool{}, leads: map[string]string{},
	}
}

func (k *keeper) log() *slog.Logger {
	return k.f.cfg.Logger.With("cluster", k.place.Cluster, "region", k.place.Region)
}

// poke has the keeper look again; it never waits.
func (k *keeper) poke() {
	select {
	case k.wake <- struct{}{}:
	default: // told already, and not looked yet
	}
}

// run reconciles whenever the keeper is woken, and again after a failure, until the cluster is gone or the fleet closes.
func (k *keeper) run() {
	for {
		select {
		case <-k.wake:
		case <-k.f.ctx.Done():
			return
		}
		for {
			gone, err := k.reconcile(k.f.ctx)
			if err == nil {
				if gone && k.f.forget(k) {
					return
				}
				break
			}
			if k.f.ctx.Err() != nil {
				return
			}
			k.log().Warn("cluster does not match what is wanted yet", "err", err)
			timer := time.NewTimer(retryAfter)
			select {
			case <-timer.C:
			case <-k.wake:
				timer.Stop()
			case <-k.f.ctx.Done():
				timer.Stop()
				return
			}
		}
	}
}

// reconcile makes the nodes match what is wanted now and reports it. A step that fails does not keep the others from being done.
func (k *keeper) reconcile(ctx context.Context) (gone bool, err error) {
	w, ok, err := k.f.cfg.Control.WantedCluster(ctx, k.place)
	if err != nil {
		return false, fmt.Errorf("ask what is wanted: %w", err)
	}
	if !ok || k.id != "" && w.ID != k.id {
		if err := k.clear(ctx); err != nil || !ok {
			return !ok, err
		}
	}
	k.id = w.ID
	if w.Status == "deleting" {
		return true, k.remove(ctx, w)
	}
	failed := map[step]bool{}
	var errs []error
	for range rounds {
		steps, settled := plan(w, k.actual(w, failed))
		if len(steps) == 0 {
			errs = append(errs, k.tell(ctx), k.serve(ctx, w, settled))
			return false, errors.Join(errs...)
		}
		for _, s := range steps {
			if err := k.do(ctx, w, s); err != nil {
				err = fmt.Errorf("%v: %w", s, err)
				if hopeless(w, err) {
					return false, k.giveUp(ctx, w, err)
				}
				failed[s] = true
				errs = append(errs, err)
			}
		}
	}
	return false, errors.Join(append(errs, fmt.Errorf("the plan of cluster %s does not end", w.Name))...)
}

// hopelessError is a failure that trying again can't mend.
type hopelessError struct{ err error }

func (e *hopelessError) Error() string { return e.err.Error() }
func (e *hopelessError) Unwrap() error { return e.err }

func hopeless(w control.WantedCluster, err error) bool {
	var h *hopelessError
	return w.Status == "creating" && errors.As(err, &h)
}

// giveUp reports that a cluster can't be brought up.
func (k *keeper) giveUp(ctx context.Context, w control.WantedCluster, err error) error {
	k.log().Error("cluster can't be created", "err", err)
	return errors.Join(k.stopAll(ctx), k.f.cfg.Control.ClusterFailed(ctx, k.place, w.Generation, err.Error()))
}

// serve lets clients in by the cluster's endpoint, from when a new cluster has all its nodes, or one that was there before has any, and tells control that what was wanted is so if it is.
func (k *keeper) serve(ctx context.Context, w control.WantedCluster, settled bool) error {
	if !settled && w.Status == "creating" {
		return nil
	}
	if k.endpoint == nil {
		ep, err := k.openEndpoint(w)
		if err != nil {
			return fmt.Errorf("open the cluster's endpoint: %w", err)
		}
		k.endpoint = ep
	}
	k.endpoint.use(k.serving())
	if !settled {
		return nil
	}
	if err := k.restore(ctx, w); err != nil {
		if hopeless(w, err) {
			return k.giveUp(ctx, w, err)
		}
		return err
	}
	k.takeSnapshot(w)
	return k.f.cfg.Control.ClusterReady(ctx, k.place, w.Generation, k.endpoint.address())
}

// tell records events, after what is more urgent was done.
func (k *keeper) tell(ctx context.Context) error {
	if len(k.events) == 0 {
		return nil
	}
	if err := k.f.cfg.Control.Event(ctx, k.place, k.events...); err != nil {
		return fmt.Errorf("record events: %w", err)
	}
	k.events = nil
	return nil
}

// happened notes an event, in the words of the service.
func (k *keeper) happened(format string, args ...any) {
	k.events = append(k.events, fmt.Sprintf(format, args...))
}

// serving are the running nodes, by name; those that have caught up if there are any.
func (k *keeper) serving() []*node {
	out := k.running()
	if ready := slices.DeleteFunc(slices.Clone(out), func(n *node) bool { return !n.ready.Load() }); len(ready) > 0 {
		return ready
	}
	return out
}

// running are the running nodes, by name.
func (k *keeper) running() []*node {
	var out []*node
	for _, n := range k.nodes {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *node) int { return strings.Compare(a.want.Name, b.want.Name) })
	return out
}

// actual is what runs.
func (k *keeper) actual(w control.WantedCluster, failed map[step]bool) actual {
	a := actual{nodes: map[string]nodeState{}, held: map[string]bool{}, failed: failed}
	for name, n := range k.nodes {
		st := n.engine.Status()
		s := nodeState{
			shard: n.shard, address: n.listen, settings: n.settings, published: n.published,
			primary: st.Role == shard.Primary, epoch: st.Epoch, last: st.Leader == n.want.ID, applied: uint64(st.Applied),
			dead: st.Err != nil || n.seat.Killed(), paused: n.seat.Paused(), cut: n.seat.Cut(), ready: n.ready.Load() && st.Role != shard.Loading, deposed: n.deposed,
		}
		if st.Err != nil && !n.said {
			n.said = true
			k.log().Error("node has stopped", "node", name, "err", st.Err)
			var poison *engine.PoisonError
			if errors.As(st.Err, &poison) { // it would stop there again
				k.poisoned[name] = true
				k.happened("Node %s has stopped: %v", name, poison)
			}
		}
		if s.ready && n.recovering {
			n.recovering = false
			k.happened("Finished recovery for node %s", name)
		}
		a.nodes[name] = s
	}
	for _, sh := range w.Shards {
		for _, n := range sh.Nodes {
			a.held[n.Name] = k.nodes[n.Name] == nil && (k.poisoned[n.Name] || k.f.cfg.Faults.Held(k.seat(sh.Name, n)))
		}
	}
	return a
}

// stopAll stops every node and the endpoint; the logs stay.
func (k *keeper) stopAll(ctx context.Context) error {
	if k.endpoint != nil {
		k.endpoint.close()
		k.endpoint = nil
	}
	var errs []error
	for _, n := range k.running() {
		delete(k.nodes, n.want.Name)
		errs = append(errs, n.close(ctx))
	}
	k.closing.Wait()
	k.mu.Lock()
	clear(k.leads)
	k.mu.Unlock()
	return errors.Join(append(errs, k.closeSnapshots())...)
}

// remove stops the nodes of a deleted cluster, forgets its logs, and says that it is gone.
func (k *keeper) remove(ctx context.Context, w control.WantedCluster) error {
	for _, sh := range w.Shards {
		k.shards[logID(w.ID, sh.Name)] = true
	}
	if err := k.clear(ctx); err != nil {
		return err
	}
	return k.f.cfg.Control.ClusterGone(ctx, k.place)
}

// clear stops what runs and drops its logs.
func (k *keeper) clear(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := k.stopAll(ctx); err != nil {
		k.log().Warn("nodes did not stop in order", "err", err)
	}
	for id := range k.shards {
		if err := k.f.cfg.Logs.Drop(id); err != nil {
			return fmt.Errorf("drop log %s: %w", id, err)
		}
		delete(k.shards, id)
	}
	clear(k.lost)
	clear(k.begun)
	clear(k.poisoned)
	k.id, k.mapEpoch, k.takingName, k.events = "", 0, "", nil
	return nil
}

func logID(clusterID, shardName string) string { return clusterID + "/" + shardName }
