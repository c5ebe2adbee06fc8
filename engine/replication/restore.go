package replication

import (
	"context"
	"fmt"

	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// restore has the node begin with a snapshot where that is better than to replay, or the only way: an empty node whose log is long, and a node whose next record was trimmed. again
// says that the node has to look at its position and the log again.
func (m *Member) restore(ctx context.Context, at txlog.Pos) (again bool, err error) {
	if m.cfg.Restore == nil {
		return false, nil
	}
	first := m.cfg.Log.First()
	needed := at+1 < first
	if !needed && (at != 0 || m.cfg.Log.Durable() < m.cfg.RestoreFrom) {
		return false, nil
	}
	if m.cfg.Shard.Role() != shard.Loading { // a replica that was left behind
		m.cfg.Logger.Warn("log was trimmed ahead of the node", "node", m.cfg.NodeID, "pos", uint64(at), "first", uint64(first))
		m.cfg.Shard.Reset()
		return true, nil
	}
	restored, err := m.cfg.Restore(ctx)
	switch {
	case restored || ctx.Err() != nil:
		return restored, ctx.Err()
	case err == nil && needed:
		return false, fmt.Errorf("the log begins at position %v, this node is at %v and no snapshot reaches it: %w", first, at, txlog.ErrTrimmed)
	case err == nil:
		return false, nil
	}
	m.cfg.Logger.Warn("restore from a snapshot failed", "node", m.cfg.NodeID, "err", err)
	if !needed {
		return false, nil // the log has everything
	}
	for range 10 { // whoever keeps the snapshots may be away for long
		if err := m.backoff(ctx); err != nil {
			return false, err
		}
	}
	return true, nil
}
