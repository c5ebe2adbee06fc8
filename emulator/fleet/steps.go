package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/engine/cluster"
)

// do takes one step.
func (k *keeper) do(ctx context.Context, w control.WantedCluster, s step) error {
	k.log().Debug("step", "do", s.String())
	switch s.do {
	case bury:
		k.bury(s.node)
		return nil
	case lead:
		return k.lead(ctx, s.node)
	case handOver:
		return k.handOver(ctx, w, s)
	case publish:
		return k.publish(w)
	case start:
		return k.start(ctx, w, s)
	case configure:
		return k.nodes[s.node].configure(w)
	case recovering:
		return k.recover(ctx, w, s)
	case stop:
		k.stop(s.node)
		return nil
	case failedOver:
		if err := k.tell(ctx); err != nil {
			return err
		}
		return k.failedOver(ctx, w, s.shard)
	}
	panic("fleet: unknown step " + string(s.do))
}

// failedOver tells control that a failover is over, which changes what is wanted.
func (k *keeper) failedOver(ctx context.Context, w control.WantedCluster, shard string) error {
	if err := k.f.cfg.Control.FailedOver(ctx, k.place, shard); err != nil {
		return err
	}
	for i := range w.Shards {
		if w.Shards[i].Name == shard {
			w.Shards[i].Depose = ""
		}
	}
	return nil
}

// bury forgets a node that has died. It is closed in the background.
func (k *keeper) bury(name string) {
	k.lost[name] = true
	n := k.take(name)
	n.stopListening()
	if n.seat.Killed() {
		delete(k.begun, name) // it did not stop by itself
	}
	k.closing.Go(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // it has nothing to say any more
		if err := n.close(ctx); err != nil {
			k.log().Debug("clients of a dead node were cut off", "node", name, "err", err)
		}
	})
}

// take takes a node out of those that run.
func (k *keeper) take(name string) *node {
	n := k.nodes[name]
	delete(k.nodes, name)
	if k.endpoint != nil {
		k.endpoint.use(k.serving())
	}
	return n
}

// stop stops a node that is not wanted, in the background.
func (k *keeper) stop(name string) {
	n := k.take(name)
	k.closing.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := n.close(ctx); err != nil {
			k.log().Warn("node did not stop in order", "node", name, "err", err)
		}
	})
}

// recover replaces a node that was primary, after a failover that was asked for.
func (k *keeper) recover(ctx context.Context, w control.WantedCluster, s step) error {
	k.lost[s.node] = true
	n := k.take(s.node)
	closing, cancel := context.WithTimeout(ctx, retryAfter)
	defer cancel()
	if err := n.close(closing); err != nil {
		k.log().Debug("clients of a deposed node were cut off", "node", s.node, "err", err)
	}
	return k.start(ctx, w, s)
}

// lead makes a node primary of a shard of which nobody is.
func (k *keeper) lead(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, leadTimeout)
	defer cancel()
	return k.nodes[name].engine.Promote(ctx)
}

// handOver moves a lead in order, so that clients wait for a moment but get no error. If the primary can't hand it over it is taken from it: all nodes share the process, so its next look at the log tells it.
func (k *keeper) handOver(ctx context.Context, w control.WantedCluster, s step) error {
	old, next := k.nodes[s.from], k.nodes[s.node]
	ctx, cancel := context.WithTimeout(ctx, leadTimeout)
	defer cancel()
	resigning, end := context.WithTimeout(ctx, leadTimeout/2)
	err := old.engine.HandOver(resigning, next.want.ID)
	end()
	if err != nil {
		k.log().Warn("primary did not hand over in order", "node", s.from, "err", err)
	}
	if err := next.engine.Promote(ctx); err != nil {
		return errors.Join(err, k.publish(w)) // clients that wait for a map are let go
	}
	for _, sh := range w.Shards {
		old.deposed = old.deposed || sh.Depose == s.from
	}
	return nil
}

// publish gives every node that hears the slot map as the roles are now, and notes failovers.
func (k *keeper) publish(w control.WantedCluster) error {
	a := k.actual(w, nil)
	m, err := slotMap(w, a)
	if err != nil {
		return err
	}
	k.mapEpoch++
	m.Epoch = k.mapEpoch
	current := mapPrint(w, a)
	var errs []error
	for name, n := range k.nodes {
		if a.nodes[name].paused {
			continue
		}
		if err := n.engine.SetMap(m); err != nil {
			errs = append(errs, fmt.Errorf("give node %s the slot map: %w", name, err))
			continue
		}
		n.published = current
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, sh := range w.Shards {
		p := a.primary(sh.Name)
		if before := k.leads[sh.Name]; before != "" && p != "" && p != before {
			k.log().Info("failover", "shard", sh.Name, "node", p, "before", before)
			k.happened("Failover to replica node %s completed", p)
		}
		if p != "" {
			k.leads[sh.Name] = p
		}
	}
	return errors.Join(errs...)
}

// primary is the node that leads a shard by the newest slot map.
func (k *keeper) primary(shard string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.leads[shard]
}

// slotMap is the cluster's slot map as things are; its epoch is to be set. A node that has never had an address is not in it.
func slotMap(w control.WantedCluster, a actual) (cluster.Map, error) {
	var m cluster.Map
	for _, sh := range w.Shards {
		slots, err := parseSlots(sh.Slots)
		if err != nil {
			return m, err
		}
		c := cluster.Shard{ID: sh.Name, Slots: slots}
		p := a.primary(sh.Name)
		for _, n := range sh.Nodes {
			at := a.address(n)
			if at.Port == 0 {
				continue
			}
			entry := cluster.Node{ID: n.ID, IP: at.Address, Hostname: hostname(w, n.Name), Role: cluster.Replica, Health: a.health(n.Name)}
			if w.TLS {
				entry.TLSPort = at.Port
			} else {
				entry.Port = at.Port
			}
			if n.Name == p {
				entry.Role, c.Epoch = cluster.Primary, a.nodes[p].epoch
			}
			c.Nodes = append(c.Nodes, entry)
		}
		for _, st := range a.nodes {
			if p == "" && st.shard == sh.Name {
				c.Epoch = max(c.Epoch, st.epoch) // so that nobody goes on to name the former primary
			}
		}
		m.Shards = append(m.Shards, c)
	}
	return m, nil
}

// start opens a node: its address, certificate and log; it catches up in the background and wakes the keeper then. The address is kept in the record before the node is ready.
func (k *keeper) start(ctx context.Context, w control.WantedCluster, s step) error {
	if since := time.Since(k.begun[s.node]); k.lost[s.node] && s.do == start && since < retryAfter {
		return fmt.Errorf("node has stopped within %v of its start", since.Round(time.Millisecond))
	}
	k.begun[s.node] = time.Now()
	var want control.WantedNode
	for _, sh := range w.Shards {
		for _, n := range sh.Nodes {
			if n.Name == s.node {
				want = n
			}
		}
	}
	ln, err := k.listenFor(w, want)
	if err != nil {
		return err
	}
	n := &node{want: want, shard: s.shard, listen: addressOf(ln), handoff: newHandoff(), listener: ln}
	if err := k.open(w, n); err != nil {
		return errors.Join(err, n.close(ctx), closeListener(ln))
	}
	if n.recovering = k.lost[want.Name]; n.recovering {
		delete(k.lost, want.Name)
		k.happened("Recovering node %s", want.Name)
	}
	k.nodes[want.Name] = n
	if n.listen.Address == want.Address && n.listen.Port == want.Port {
		return nil
	}
	return k.f.cfg.Control.Placed(ctx, k.place, map[string]control.NodeAddress{want.Name: n.listen})
}

// closeListener closes a listener that may be closed already.
func closeListener(ln net.Listener) error {
	if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
