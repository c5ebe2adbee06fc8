package shard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Leased says whether the node may answer as primary at this moment: its lease, if leases are used, has not ended. It is asked under the turn after a reply was computed, and
// again before replies are sent: a process that was paused must not answer (promise P5).
func (s *Shard) Leased() bool {
	return s.cfg.Lease == 0 || s.cfg.Elapsed() < time.Duration(s.lease.Load())
}

// extend moves the lease's end: from is when the renewal began, so before any other node can have seen it.
func (s *Shard) extend(from time.Duration) {
	s.lease.Store(max(s.lease.Load(), int64(from+s.cfg.Lease)))
}

// Lead appends a leadership entry for this node right after what it has applied, waits until it is durable and makes the node primary (promise P4). With leases it renews
// every so often meanwhile. pulse is the log's as it was when this node last heard of a leader, 0 if the caller knows that nobody else leads: see txlog.Entry.
// txlog.ErrConflict means that the node has not seen the log's tail, or that the leader has renewed: catch up and try again, or leave it.
func (s *Shard) Lead(ctx context.Context, version string, pulse uint64, renew time.Duration) error {
	s.mu.Lock()
	entry := txlog.Entry{Kind: txlog.Lead, Epoch: s.epoch + 1, Engine: EngineVersion, Payload: txlog.Leadership{Node: s.cfg.NodeID, Version: version}.Encode(), Pulse: pulse}
	after := s.tail
	s.mu.Unlock()
	from := s.cfg.Elapsed()
	pos, err := s.log.Append(after, entry)
	if err != nil {
		return fmt.Errorf("append leadership after position %v: %w", after, err)
	}
	for {
		err := s.waitAWhile(ctx, pos, renew)
		if err == nil {
			break
		}
		if renew == 0 || !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return fmt.Errorf("commit leadership at position %v: %w", pos, err)
		}
		again := s.cfg.Elapsed()
		if s.log.Renew(ctx, entry.Epoch) == nil {
			from = again
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chain = s.chain.Next(pos, entry)
	s.tail, s.epoch, s.leader, s.resigned = pos, entry.Epoch, s.cfg.NodeID, nil
	s.lease.Store(int64(from + s.cfg.Lease))
	s.role.Store(int32(Primary))
	return nil
}

// waitAWhile waits for a position for at most so long; 0 is for ever.
func (s *Shard) waitAWhile(ctx context.Context, pos txlog.Pos, most time.Duration) error {
	if most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, most)
		defer cancel()
	}
	return s.log.Wait(ctx, pos)
}

// Renew renews the primary's lease. Errors are those of txlog.Log.Renew; after ErrConflict the node has lost the log.
func (s *Shard) Renew(ctx context.Context) error {
	s.mu.Lock()
	epoch := s.epoch
	s.mu.Unlock()
	from := s.cfg.Elapsed()
	err := s.log.Renew(ctx, epoch)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Role() != Primary || s.epoch != epoch {
		return err
	}
	switch {
	case err == nil:
		s.extend(from)
	case errors.Is(err, txlog.ErrConflict):
		s.lose(err)
	}
	return err
}

// Resign ends this node's leadership in order: its last entry names the successor that is meant, "" is any. All calls before have been executed, none will be; the node is a
// replica at once and keeps its memory. It waits until the entry is durable, and so is all before it. Errors: those of txlog.Log.Append and Wait, ErrNotPrimary.
func (s *Shard) Resign(ctx context.Context, successor string) error {
	s.mu.Lock()
	if s.Role() != Primary || s.failed != nil || !s.Leased() {
		s.mu.Unlock()
		return ErrNotPrimary
	}
	entry := txlog.Entry{Kind: txlog.Resign, Epoch: s.epoch, Engine: EngineVersion, Payload: txlog.Leadership{Node: successor}.Encode()}
	pos, err := s.log.Append(s.tail, entry)
	if err != nil {
		if errors.Is(err, txlog.ErrConflict) {
			s.lose(err)
		}
		s.mu.Unlock()
		return fmt.Errorf("append resignation: %w", err)
	}
	s.tail, s.resigned = pos, &successor
	s.role.Store(int32(Replica))
	s.unblock()
	s.mu.Unlock()
	if err := s.log.Wait(ctx, pos); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lose(err) // nobody knows yet who may lead: begin anew from the log
		return fmt.Errorf("commit resignation at position %v: %w", pos, err)
	}
	records, err := s.log.Read(ctx, pos, 0)
	if err == nil && len(records) == 0 {
		err = fmt.Errorf("position %v: %w", pos, txlog.ErrCorrupt)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.lose(txlog.ErrConflict)
		return fmt.Errorf("read resignation: %w", err)
	}
	s.chain = records[0].Chain // a primary doesn't compute it
	return nil
}

// ErrNotPrimary is returned to who asks a node to resign that does not lead.
var ErrNotPrimary = errors.New("node does not lead its shard")

// Vacant says whether the newest leader has resigned, and the successor that it has named, "" if any will do.
func (s *Shard) Vacant() (successor string, vacant bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resigned == nil {
		return "", false
	}
	return *s.resigned, true
}
