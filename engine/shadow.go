package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/config"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/debug"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/script"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/snapshot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// newDB makes a node's keyspace.
func newDB() *keyspace.DB {
	return keyspace.New(keyspace.Config{Limits: keyspace.DefaultLimits(), PackedDigest: datatype.PackedDigest})
}

// NewShadow makes what replays a shard's log apart from any node: rows and function libraries that share nothing with one. It serves one taking of a snapshot at a time. skip is Config.Skip of the
// shard's nodes.
func NewShadow(now func() time.Time, logger *slog.Logger, skip ...txlog.Pos) snapshot.Shadow {
	n := idle(now, logger)
	n.table = commands(n, true)
	return snapshot.Shadow{Table: n.table, NewDB: newDB, Libraries: n.scripts, Skip: skipped(skip)}
}

// idle is a node that does not run: it has rows, but neither shard nor server. Only rows that replay meets may be run.
func idle(now func() time.Time, logger *slog.Logger) *Node {
	n := &Node{config: config.New(), debug: debug.New(debug.Config{}), users: acl.NewStore(acl.Config{}), state: cluster.New(cluster.Config{})}
	n.scripts = script.New(script.Config{Table: func() *command.Table { return n.table }, Now: now, Logger: logger})
	return n
}

// restore brings a node that is loading near the tail of its log by a snapshot (replication.Config.Restore).
func (n *Node) restore(ctx context.Context) (restored bool, err error) {
	begun := n.cfg.Now()
	m, err := n.cfg.Snapshots.Install(ctx, n.cfg.Log, n.shard, n.scripts)
	if errors.Is(err, snapshot.ErrNone) {
		n.cfg.Logger.Info("no snapshot to restore from", "node", n.cfg.Node, "shard", n.cfg.Snapshots.Shard(), "err", err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	n.cfg.Logger.Info("node restored from snapshot", "node", n.cfg.Node, "shard", m.Shard, "pos", uint64(m.Pos), "keys", m.Keys, "took", n.cfg.Now().Sub(begun))
	return true, nil
}

// rebuild replaces the node's memory by what snapshot and log give (DEBUG RELOAD).
func (n *Node) rebuild() error {
	if n.cfg.Snapshots == nil {
		return n.shard.Rebuild(context.Background(), nil)
	}
	return n.shard.Rebuild(context.Background(), func(ctx context.Context, fresh *shard.Shard) error {
		_, err := n.cfg.Snapshots.Install(ctx, n.cfg.Log, fresh, n.scripts)
		return err
	})
}
