package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/emulator/fault"
	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// node is one running node.
type node struct {
	want       control.WantedNode
	shard      string
	listen     control.NodeAddress
	listener   net.Listener
	seat       *fault.Seat // nil without faults
	engine     *engine.Node
	log        txlog.Log
	handoff    *handoff // connections that came to the cluster's endpoint
	settings   string
	published  string         // mapPrint of the slot map that it has
	ready      atomic.Bool    // it has caught up with its log
	recovering bool           // it was started after it had died or was deposed, and has not caught up yet
	deposed    bool           // it has handed its lead over on request, and is to be started anew
	said       bool           // its failure was logged
	leave      func()         // takes it out of the keeper's progress
	unwatch    func()         // ends watching
	watching   sync.WaitGroup // the goroutine that waits until it has caught up
}

// open opens the node on its shard's log and lets clients in.
func (k *keeper) open(w control.WantedCluster, n *node) error {
	key, err := k.f.cfg.Unwrap(w.WrappedKey)
	if err != nil {
		return &hopelessError{fmt.Errorf("unwrap the cluster's data key: %w", err)}
	}
	id := logID(w.ID, n.shard)
	if n.log, err = k.f.cfg.Logs.Shard(id, key); err != nil {
		return fmt.Errorf("open log %s: %w", id, err)
	}
	k.shards[id] = true
	snapshots, err := k.snapshotsOf(w, n.shard)
	if err != nil {
		return fmt.Errorf("open the snapshots of shard %s: %w", n.shard, err)
	}
	n.seat = k.f.cfg.Faults.Seat(k.seat(n.shard, n.want))
	cfg := engine.Config{
		Snapshots: snapshots,
		Node:      n.want.ID, Log: n.seat.Log(n.log), MaxMemory: w.MaxMemory, Users: users(w), Parameters: w.Parameters,
		RedisVersion: w.EnginePatchVersion, Version: k.f.cfg.Version, Now: n.seat.Now(k.f.cfg.Now),
		Lease: k.f.cfg.Lease, Changed: k.poke,
		Logger:     k.log().With("node", n.want.Name),
		Bus:        k.channels.Join(n.shard),
		ReplicasAt: func(pos txlog.Pos) int { return k.progress.replicasAt(n.shard, pos) },
	}
	if w.TLS {
		if cfg.TLS, err = k.tls(w, n); err != nil {
			return err
		}
	}
	if n.engine, err = engine.Open(cfg); err != nil {
		return fmt.Errorf("open node %s: %w", n.want.Name, err)
	}
	n.seat.Runs(func() bool { return n.engine.Status().Role == shard.Primary })
	k.progress.add(n.engine, n.shard)
	n.leave = func() { k.progress.remove(n.engine) }
	n.settings = fingerprint(w)
	n.engine.Serve(n.seat.Listener(n.listener))
	n.engine.Serve(n.seat.Listener(n.handoff))
	ctx, cancel := context.WithCancel(context.Background())
	n.unwatch = cancel
	n.watching.Go(func() {
		n.ready.Store(n.engine.CaughtUp(ctx) == nil) // else Status says why
		k.poke()
	})
	return nil
}

// seat is where a node sits when faults are looked for.
func (k *keeper) seat(shard string, n control.WantedNode) fault.Node {
	return fault.Node{Place: k.place, Shard: shard, Name: n.Name, Zone: n.Zone}
}

// tls is a certificate for the names and addresses that clients may dial to reach the node: its own and the cluster's.
func (k *keeper) tls(w control.WantedCluster, n *node) (*tls.Config, error) {
	addresses := []string{n.listen.Address}
	if !k.f.cfg.OneAddress {
		addresses = append(addresses, endpointAddress(w.ID))
	}
	names := []string{hostname(w, n.want.Name), endpointName(w)}
	cert, err := k.f.cfg.CA.Certificate(n.want.Name, names, addresses)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}, nil
}

// configure gives a running node what has changed of its settings.
func (n *node) configure(w control.WantedCluster) error {
	err := errors.Join(n.engine.SetUsers(users(w)), n.engine.SetParameters(w.Parameters))
	n.engine.SetMaxMemory(w.MaxMemory)
	n.engine.SetRedisVersion(w.EnginePatchVersion)
	if err != nil {
		return fmt.Errorf("configure node %s: %w", n.want.Name, err)
	}
	n.settings = fingerprint(w)
	return nil
}

// stopListening frees the node's address at once; close does the rest.
func (n *node) stopListening() { n.listener.Close() } // its error would be that it was closed before

// close stops the node in order: clients first, the log last.
func (n *node) close(ctx context.Context) error {
	var errs []error
	if n.leave != nil {
		n.leave()
	}
	if n.unwatch != nil {
		n.unwatch()
		n.watching.Wait()
	}
	n.seat.Leave()
	if n.engine != nil {
		errs = append(errs, n.engine.Close(ctx))
	}
	if n.log != nil {
		errs = append(errs, n.log.Close())
	}
	return errors.Join(errs...)
}

func users(w control.WantedCluster) []acl.Definition {
	out := make([]acl.Definition, len(w.Users))
	for i, u := range w.Users {
		out[i] = acl.Definition{Name: u.Name, AccessString: u.AccessString, PasswordHashes: u.PasswordHashes, NoPassword: u.NoPassword}
	}
	return out
}

// parseSlots reads "0-8191,9000" as the records have it.
func parseSlots(text string) ([]cluster.Range, error) {
	var out []cluster.Range
	for _, part := range strings.Split(text, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 14)
		b, errB := strconv.ParseUint(last, 10, 14)
		if err := errors.Join(errA, errB); err != nil {
			return nil, &hopelessError{fmt.Errorf("slots %q: %w", text, err)}
		}
		out = append(out, cluster.Range{First: uint16(a), Last: uint16(b)})
	}
	return out, nil
}
