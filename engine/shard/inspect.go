package shard

import (
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Stats are the counters up to now, for one who holds the turn (Shard.Stats takes it).
func (t *Turn) Stats() Stats {
	st := t.s.stats
	st.Hits, st.Misses = st.Hits+t.s.db.Hits, st.Misses+t.s.db.Misses
	return st
}

// DB is the keyspace, to be looked at only; it must not be kept after End.
func (t *Turn) DB() *keyspace.DB { return t.s.db }

// Memory is how much the shard may hold.
func (t *Turn) Memory() Memory { return t.s.memory }

// Position is the newest position that this node has executed or applied.
func (t *Turn) Position() txlog.Pos { return t.s.tail }

// Uncommitted is the newest position that is not durable yet, of whatever key; 0 if everything is.
func (t *Turn) Uncommitted() txlog.Pos {
	if p := t.s.pending.newest(); p > t.s.log.Durable() {
		return p
	}
	return 0
}
