package shard

import (
	"fmt"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Applier replays records into a shard by the rows that executed them. It belongs to the one goroutine that follows the log.
type Applier struct {
	s     *Shard
	call  command.Call
	reply resp.Writer
	argv  [][]byte
}

// Applier makes an applier.
func (s *Shard) Applier() *Applier { return &Applier{s: s} }

// PoisonError is returned by Apply for a record that this node can't apply: it names the position, and the node stops following there.
type PoisonError struct {
	Pos txlog.Pos
	Err error
}

// Error says where and why.
func (e *PoisonError) Error() string {
	return fmt.Sprintf("log record at position %v can't be applied: %v", e.Pos, e.Err)
}

// Unwrap is the cause.
func (e *PoisonError) Unwrap() error { return e.Err }

// applyAtOnce bounds how many records are applied in one turn, so that readers of a replica don't wait long.
const applyAtOnce = 128

// Apply applies records that follow the shard's position. Records that it has already are skipped. Errors: *PoisonError.
func (a *Applier) Apply(records []txlog.Record) error {
	for len(records) > 0 {
		n := min(len(records), applyAtOnce)
		if err := a.some(records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

func (a *Applier) some(records []txlog.Record) error {
	s := a.s
	t := s.Begin()
	defer t.End()
	s.db.Now, s.db.NoTouch = t.now, false
	for i := range records {
		r := &records[i]
		if r.Pos <= s.tail {
			continue
		}
		if err := a.one(t.now, r); err != nil {
			return &PoisonError{Pos: r.Pos, Err: err}
		}
		s.tail, s.chain = r.Pos, r.Chain
		s.stats.Applied++
		s.observer.Settled(0)
		s.serve(t.now)
	}
	return nil
}

func (a *Applier) one(now int64, r *txlog.Record) error {
	s := a.s
	if r.Pos != s.tail+1 {
		return fmt.Errorf("gap in the log: the record before it is missing, this node is at %v", s.tail)
	}
	if r.Engine > EngineVersion {
		return fmt.Errorf("record was written by engine format %d, this node knows formats up to %d", r.Engine, EngineVersion)
	}
	entry := txlog.Entry{Kind: r.Kind, Epoch: r.Epoch, Engine: r.Engine, Payload: r.Payload}
	if want := s.chain.Next(r.Pos, entry); want != r.Chain {
		return fmt.Errorf("running checksum is %x, this node computed %x: %w", uint64(r.Chain), uint64(want), txlog.ErrCorrupt)
	}
	switch r.Kind {
	case txlog.Lead:
		lead, err := txlog.DecodeLeadership(r.Payload)
		if err != nil {
			return err
		}
		s.leader, s.epoch, s.resigned = lead.Node, r.Epoch, nil
		return nil
	case txlog.Resign:
		to, err := txlog.DecodeLeadership(r.Payload)
		if err != nil {
			return err
		}
		s.resigned = &to.Node
		return nil
	case txlog.Data:
		if s.cfg.Skip[r.Pos] {
			s.cfg.Logger.Warn("record of the log is passed over, as it was told", "node", s.cfg.NodeID, "pos", uint64(r.Pos))
			return nil
		}
		return command.DecodeEffects(r.Payload, a.argv, func(argv [][]byte) error {
			a.argv = argv
			return a.effect(now, argv)
		})
	default:
		return fmt.Errorf("record is of unknown kind %d", r.Kind)
	}
}

// effect runs one logged command. Expiry is not looked at: only logged deletes delete.
func (a *Applier) effect(now int64, argv [][]byte) error {
	s := a.s
	spec, err := s.cfg.Table.Lookup(argv)
	if err != nil {
		return err
	}
	c := &a.call
	c.Reset()
	a.reply.Reset(1 << 16)
	c.Spec, c.Argv, c.DB, c.Reply, c.Now, c.Rand, c.Hooks = spec, argv, s.db, &a.reply, now, s.cfg.Rand, s
	err = spec.Run(c)
	s.changed, s.all = s.changed[:0], false
	if err != nil {
		return fmt.Errorf("%s: %w", spec.FullName, err)
	}
	return nil
}

// Reset drops the node's memory: an empty keyspace at position 0, Loading. Whatever waits for an unacknowledged record is told that its outcome is unknown by the log itself.
func (s *Shard) Reset() {
	defer s.Begin().End()
	s.role.Store(int32(Loading))
	s.unblock()
	s.stats.Hits, s.stats.Misses = s.stats.Hits+s.db.Hits, s.stats.Misses+s.db.Misses
	old := s.db
	s.setDB(s.cfg.NewDB())
	s.db.Limits = s.limits
	old.Close()
	s.tail, s.chain, s.epoch, s.leader, s.resigned, s.failed, s.pending = 0, 0, 0, "", nil, nil, pending{}
	s.lease.Store(0)
	s.filling.Store(false)
	select {
	case <-s.lost: // told twice
	default:
	}
	s.observer.Renewed()
	for _, set := range s.watchers {
		for w := range set {
			w.broken = true
		}
	}
}

// Follow makes a node that has caught up a replica.
func (s *Shard) Follow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Role() == Loading && s.failed == nil {
		s.role.Store(int32(Replica))
	}
}
