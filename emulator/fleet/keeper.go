package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/pubsub"
	"github.com/openmemorydb/memorydb/engine/shard"
)

// keeper keeps one cluster's nodes as they are wanted. Its fields belong to its goroutine, and to Fleet.Close when that has ended.
type keeper struct {
	f     *Fleet
	place control.Place
	wake  chan struct{} // has room for one

	id        string // of the cluster whose nodes run; another one means that it was deleted and created again
	nodes     map[string]*node
	endpoint  *endpoint
	published string
	mapEpoch  uint64
	shards    map[string]bool // the ids of the logs that were opened
	progress  progress
	channels  pubsub.Exchange            // between the nodes
	snapshots map[string]*shardSnapshots // by shard

	taking     sync.WaitGroup // of a snapshot
	takingName string
}

const (
	// retryAfter is how long a keeper waits after something failed.
	retryAfter = 500 * time.Millisecond
	// stopTimeout is how long a node that is stopped may finish what it executes.
	stopTimeout = 5 * time.Second
	// rounds bounds the plans of one reconciliation: a cluster that never settles is a fault of ours and is said.
	rounds = 20
)

func (k *keeper) log() *slog.Logger {
	return k.f.cfg.Logger.With("cluster", k.place.Cluster, "region", k.place.Region)
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

// reconcile makes the nodes match what is wanted now and reports it.
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
	for range rounds {
		a, err := k.actual()
		if err != nil {
			return false, err
		}
		steps := plan(w, a)
		if len(steps) == 0 {
			return false, k.ready(ctx, w)
		}
		for _, s := range steps {
			if err := k.do(ctx, w, s); err != nil {
				return false, k.failed(ctx, w, fmt.Errorf("%v: %w", s, err))
			}
		}
	}
	return false, fmt.Errorf("the plan of cluster %s does not end", w.Name)
}

// failed reports that a cluster can't be brought up, if trying again can't help; otherwise err stands and the keeper tries again.
func (k *keeper) failed(ctx context.Context, w control.WantedCluster, err error) error {
	var hopeless *hopelessError
	if w.Status != "creating" || !errors.As(err, &hopeless) {
		return err
	}
	k.log().Error("cluster can't be created", "err", err)
	return errors.Join(k.stopAll(ctx), k.f.cfg.Control.ClusterFailed(ctx, k.place, w.Generation, err.Error()))
}

// hopelessError is a failure that trying again can't mend.
type hopelessError struct{ err error }

func (e *hopelessError) Error() string { return e.err.Error() }
func (e *hopelessError) Unwrap() error { return e.err }

// ready opens the cluster's endpoint and tells control that what was wanted is so.
func (k *keeper) ready(ctx context.Context, w control.WantedCluster) error {
	if k.endpoint == nil {
		ep, err := k.openEndpoint(w)
		if err != nil {
			return fmt.Errorf("open the cluster's endpoint: %w", err)
		}
		k.endpoint = ep
	}
	k.endpoint.use(k.serving())
	if err := k.restore(ctx, w); err != nil {
		return k.failed(ctx, w, err)
	}
	k.take(w)
	return k.f.cfg.Control.ClusterReady(ctx, k.place, w.Generation, k.endpoint.address())
}

// serving are the running nodes, by name.
func (k *keeper) serving() []*node {
	var out []*node
	for _, n := range k.nodes {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *node) int { return compare(a.want.Name, b.want.Name) })
	return out
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// actual is what runs.
func (k *keeper) actual() (actual, error) {
	a := actual{nodes: map[string]nodeState{}, published: k.published}
	for name, n := range k.nodes {
		st := n.engine.Status()
		a.nodes[name] = nodeState{
			shard: n.shard, id: n.want.ID, address: n.address(), settings: n.settings,
			primary: st.Role == shard.Primary, last: st.Leader == n.want.ID, dead: st.Err != nil,
		}
		if st.Err != nil && !n.said {
			n.said = true
			k.log().Error("node has stopped", "node", name, "err", st.Err)
			return a, st.Err
		}
	}
	return a, nil
}

// do takes one step.
func (k *keeper) do(ctx context.Context, w control.WantedCluster, s step) error {
	k.log().Debug("step", "do", s.String())
	switch s.do {
	case start:
		return k.start(ctx, w, s)
	case configure:
		return k.nodes[s.node].configure(w)
	case lead:
		return k.nodes[s.node].engine.Promote(ctx)
	case publish:
		return k.publish(w)
	case stop:
		return k.stop(ctx, s.node)
	}
	panic("fleet: unknown step " + string(s.do))
}

// publish gives every node the slot map as the roles are now.
func (k *keeper) publish(w control.WantedCluster) error {
	k.mapEpoch++
	m := cluster.Map{Epoch: k.mapEpoch}
	for _, sh := range w.Shards {
		slots, err := parseSlots(sh.Slots)
		if err != nil {
			return err
		}
		c := cluster.Shard{ID: sh.Name, Slots: slots}
		for _, want := range sh.Nodes {
			n := k.nodes[want.Name]
			st := n.engine.Status()
			entry := cluster.Node{ID: want.ID, IP: n.listen.Address, Hostname: hostname(w, want.Name), Role: cluster.Replica}
			if w.TLS {
				entry.TLSPort = n.listen.Port
			} else {
				entry.Port = n.listen.Port
			}
			if st.Role == shard.Primary && st.Epoch > c.Epoch {
				// A former primary may not have noticed yet: the newest leadership counts.
				for i := range c.Nodes {
					c.Nodes[i].Role = cluster.Replica
				}
				entry.Role, c.Epoch = cluster.Primary, st.Epoch
			}
			c.Nodes = append(c.Nodes, entry)
		}
		m.Shards = append(m.Shards, c)
	}
	for name, n := range k.nodes {
		if err := n.engine.SetMap(m); err != nil {
			return fmt.Errorf("give node %s the slot map: %w", name, err)
		}
	}
	a, err := k.actual()
	k.published = mapPrint(w, a)
	return err
}

// stop stops a node that is not wanted or is to be started again.
func (k *keeper) stop(ctx context.Context, name string) error {
	n := k.nodes[name]
	delete(k.nodes, name)
	if k.endpoint != nil {
		k.endpoint.use(k.serving())
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := n.close(ctx); err != nil {
		k.log().Warn("node did not stop in order", "node", name, "err", err)
	}
	return nil
}

// stopAll stops every node and the endpoint; the logs stay.
func (k *keeper) stopAll(ctx context.Context) error {
	if k.endpoint != nil {
		k.endpoint.close()
		k.endpoint = nil
	}
	var errs []error
	for _, n := range k.serving() {
		delete(k.nodes, n.want.Name)
		errs = append(errs, n.close(ctx))
	}
	k.published = ""
	return errors.Join(append(errs, k.closeSnapshots())...)
}

// remove stops the nodes of a deleted cluster, forgets its logs, and says that it is gone.
func (k *keeper) remove(ctx context.Context, w control.WantedCluster) error {
	if k.shards == nil {
		k.shards = map[string]bool{}
	}
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
	k.id, k.mapEpoch, k.takingName = "", 0, ""
	return nil
}

func logID(clusterID, shardName string) string { return clusterID + "/" + shardName }
