package shard

import (
	"context"
	"errors"
	"fmt"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// rebuildBytes is about how much of the log Rebuild reads at a time.
const rebuildBytes = 4 << 20

// Rebuild replaces the memory by what the whole log gives, as a restart would (restore, if it is not nil, installs a snapshot in the place of what was trimmed from the log), and fails without a change if that is not what the memory held. It is for DEBUG RELOAD: the caller
// is a call's Run, and the turn is held, and everything waits, until it is done. The call must not use its DB afterwards.
func (s *Shard) Rebuild(ctx context.Context, restore func(context.Context, *Shard) error) error {
	if len(s.payload) > 0 {
		return errors.New("the transaction has written")
	}
	if err := s.log.Wait(ctx, s.tail); err != nil {
		return fmt.Errorf("wait for position %v: %w", s.tail, err)
	}
	fresh := New(Config{NodeID: s.cfg.NodeID, Log: s.log, Table: s.cfg.Table, NewDB: s.cfg.NewDB, Now: s.cfg.Now, Logger: s.cfg.Logger})
	fresh.limits, fresh.db.Limits = s.db.Limits, s.db.Limits
	if s.log.First() > 1 && restore != nil {
		if err := restore(ctx, fresh); err != nil {
			fresh.db.Close()
			return fmt.Errorf("restore: %w", err)
		}
	}
	applier := fresh.Applier()
	for fresh.tail < s.tail {
		records, err := s.log.Read(ctx, fresh.tail+1, rebuildBytes)
		if err == nil {
			err = applier.Apply(records)
		}
		if err != nil {
			fresh.db.Close()
			return fmt.Errorf("replay from position %v: %w", fresh.tail, err)
		}
	}
	if have, want := fresh.db.Digest(), s.db.Digest(); have != want {
		fresh.db.Close()
		return fmt.Errorf("the log up to position %v gives another keyspace, with digest %x: memory has %x", s.tail, have, want)
	}
	old := s.db
	fresh.db.Now = old.Now
	old.Each(func(key []byte, _ keyspace.Value, _ int64) bool { // when keys were used is not in the log
		if idle, ok := old.IdleSeconds(key); ok {
			fresh.db.SetIdle(key, idle)
		}
		if n, ok := old.Frequency(key); ok && old.Limits.LFU {
			fresh.db.SetFrequency(key, n)
		}
		return true
	})
	s.stats.Hits, s.stats.Misses = s.stats.Hits+old.Hits, s.stats.Misses+old.Misses
	now, mode := old.Now, old.Expiry
	s.setDB(fresh.db)
	s.db.Now, s.db.Expiry = now, mode
	old.Close()
	return nil
}
