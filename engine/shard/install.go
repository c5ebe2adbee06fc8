package shard

import (
	"fmt"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Blank is an empty keyspace with the shard's limits, to be filled from a snapshot and given to Install. It belongs to the caller until then.
func (s *Shard) Blank() *keyspace.DB {
	s.mu.Lock()
	defer s.mu.Unlock()
	db := s.cfg.NewDB()
	db.Limits, db.Expiry = s.limits, keyspace.ExpireIgnore
	return db
}

// Install replaces the memory of a node that is Loading by what a snapshot held: db is the keyspace right after the record at pos, chain the log's running checksum there, and leader and
// epoch what the newest leadership entry up to there says. The records after pos follow by an Applier. db belongs to the shard if there is no error: of a node that is not Loading, or that has
// applied the log further than pos.
func (s *Shard) Install(db *keyspace.DB, pos txlog.Pos, chain txlog.Chain, epoch uint64, leader string) error {
	defer s.Begin().End()
	if s.Role() != Loading {
		return fmt.Errorf("install a snapshot of position %v: the node is not loading", pos)
	}
	if pos < s.tail {
		return fmt.Errorf("install a snapshot of position %v: the node is at %v", pos, s.tail)
	}
	s.unblock()
	old := s.db
	s.stats.Hits, s.stats.Misses = s.stats.Hits+old.Hits, s.stats.Misses+old.Misses
	s.setDB(db)
	s.db.Limits = s.limits
	old.Close()
	s.tail, s.chain, s.epoch, s.leader, s.pending = pos, chain, epoch, leader, pending{}
	s.observer.Renewed()
	for _, set := range s.watchers {
		for w := range set {
			w.broken = true
		}
	}
	return nil
}
