package fleet

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// records is a control plane that wants one cluster.
type records struct {
	control.Reconciler
	mu     sync.Mutex
	wanted control.WantedCluster // guarded by mu, like what follows
	events []string
	ready  int
}

func (r *records) WantedCluster(context.Context, control.Place) (control.WantedCluster, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wanted, true, nil
}

func (r *records) Placed(_ context.Context, _ control.Place, at map[string]control.NodeAddress) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.wanted.Shards {
		r.wanted.Shards[i].Nodes = slices.Clone(r.wanted.Shards[i].Nodes)
		for j := range r.wanted.Shards[i].Nodes {
			if n := &r.wanted.Shards[i].Nodes[j]; at[n.Name].Port != 0 {
				n.Address, n.Port = at[n.Name].Address, at[n.Name].Port
			}
		}
	}
	return nil
}

func (r *records) ClusterReady(context.Context, control.Place, uint64, control.NodeAddress) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready++
	return nil
}

func (r *records) Event(_ context.Context, _ control.Place, messages ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, messages...)
	return nil
}

// until waits until what is asked of the records holds.
func (r *records) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); ; {
		r.mu.Lock()
		done := holds()
		events := slices.Clone(r.events)
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s never comes; events: %q", what, events)
		}
	}
}

// handles gives out handles on logs in memory, and remembers them.
type handles struct {
	*memlog.Memory
	mu  sync.Mutex
	all []*handle // guarded by mu
}

func (h *handles) Shard(id string, _ []byte) (txlog.Log, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	log := &handle{Log: h.Memory.Shard(id)}
	h.all = append(h.all, log)
	return log, nil
}

// handle can be made to say that its log is corrupt.
type handle struct {
	txlog.Log
	corrupt atomic.Bool
}

func (h *handle) Wait(ctx context.Context, pos txlog.Pos) error {
	if h.corrupt.Load() {
		return txlog.ErrCorrupt
	}
	return h.Log.Wait(ctx, pos)
}

// A replica that can't go on, since it can't read its log, says so by itself; it is started again, and nothing else happens.
func TestDeadNodeIsStartedAgain(t *testing.T) {
	w := wantedCluster()
	w.ID, w.Shards = "id", w.Shards[:1]
	w.Shards[0].Slots = "0-16383"
	r, logs := &records{wanted: w}, &handles{Memory: memlog.New(nil)}
	f := New(Config{Control: r, Logs: logs, Unwrap: func(b []byte) ([]byte, error) { return b, nil }, OneAddress: true, Now: time.Now})
	defer func() {
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	p := control.Place{Cluster: "c"}
	f.Notify(p)
	r.until(t, "the cluster", func() bool { return r.ready > 0 })
	for i := range 2 { // the second time soon after its start
		logs.mu.Lock()
		replica := logs.all[i+1] // handles are given out in the order of starts
		logs.mu.Unlock()
		replica.corrupt.Store(true)
		r.until(t, "recovery", func() bool { return len(r.events) == 2*(i+1) })
	}
	want := []string{"Recovering node c-0001-002", "Finished recovery for node c-0001-002"}
	if !slices.Equal(r.events, append(want, want...)) || f.Primary(p, "0001") != "c-0001-001" {
		t.Errorf("%s leads, events %q", f.Primary(p, "0001"), r.events)
	}
}

// A record that can't be applied stops a node that meets it: it is said, and the node is not started again and again.
func TestPoisonedNodeIsNotStartedAgain(t *testing.T) {
	w := wantedCluster()
	w.ID, w.Shards = "id", w.Shards[:1]
	w.Shards[0].Slots = "0-16383"
	r, logs := &records{wanted: w}, &handles{Memory: memlog.New(nil)}
	f := New(Config{Control: r, Logs: logs, Unwrap: func(b []byte) ([]byte, error) { return b, nil }, OneAddress: true, Now: time.Now})
	defer func() {
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	f.Notify(control.Place{Cluster: "c"})
	r.until(t, "the cluster", func() bool { return r.ready > 0 })
	log := logs.Memory.Shard(logID("id", "0001"))
	pos, err := log.Append(log.Tail(), txlog.Entry{Kind: txlog.Data, Epoch: log.Epoch(), Engine: 1, Payload: []byte("\x01\x06nosuch")})
	if err != nil {
		t.Fatal(err)
	}
	stopped := func(node string) string {
		return fmt.Sprintf("Node %s has stopped: log record at position %v can't be applied: ERR unknown command 'nosuch', with args beginning with: ", node, pos)
	}
	r.until(t, "the replica's end", func() bool { return slices.Contains(r.events, stopped("c-0001-002")) })
	f.Notify(control.Place{Cluster: "c"})
	logs.mu.Lock()
	defer logs.mu.Unlock()
	if n := len(logs.all); n != 2 {
		t.Errorf("nodes were started %d times", n)
	}
}
