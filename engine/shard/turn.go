package shard

import (
	"errors"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Turn is the right to execute calls. Whoever holds it never waits: not for the log, not for a socket.
type Turn struct {
	s   *Shard
	now int64
}

// End gives the turn back.
func (t *Turn) End() {
	t.s.serve(t.now) // what else than a call has changed a key
	t.s.mu.Unlock()
}

// Now is the time of the turn in milliseconds since the epoch.
func (t *Turn) Now() int64 { return t.now }

// Run executes one call and writes its reply, or the error that it was refused with. It returns the position after which the reply may leave, 0 if that is now.
// If fatal is not nil, the node may not answer any more and the connection must be closed without a reply.
func (t *Turn) Run(c *command.Call) (after txlog.Pos, fatal error) {
	s := t.s
	if err := s.answering(); err != nil {
		return 0, err
	}
	s.payload = s.payload[:0]
	s.execute(t.now, c, s.writable())
	if after, fatal = s.finish(c, nil); c.Waiting() == nil {
		s.serve(t.now) // a call that waits is served only after Await
	}
	return after, fatal
}

// RunAll executes the calls of a transaction at one point of time and logs their effects as one record. before, if not nil, is called before each call to write
// what precedes its reply. Results as for Run.
func (t *Turn) RunAll(calls []*command.Call, before func(i int)) (after txlog.Pos, fatal error) {
	s := t.s
	if err := s.answering(); err != nil {
		return 0, err
	}
	s.payload = s.payload[:0]
	writable := s.writable() // asked once: a transaction's writes are refused all or none
	for i, c := range calls {
		if before != nil {
			before(i)
		}
		s.execute(t.now, c, writable)
	}
	after, fatal = s.finish(nil, calls)
	s.serve(t.now)
	return after, fatal
}

// answering is nil if the node may execute calls.
func (s *Shard) answering() error {
	if s.Role() == Loading || s.Role() == Primary && !s.Leased() || s.failed != nil && errors.Is(s.failed, txlog.ErrConflict) {
		return ErrFenced
	}
	return nil
}

// execute runs a call, leaving its effects in s.payload. A call that may write is refused with writable if that isn't nil.
func (s *Shard) execute(now int64, c *command.Call, writable error) {
	c.Reset()
	c.Now, c.Rand, c.DB, c.Hooks = now, s.cfg.Rand, s.db, s
	s.db.Now, s.db.NoTouch = now, c.Client != nil && c.Client.NoTouch
	s.db.Expiry = keyspace.ExpireHide
	if s.Role() == Primary && writable == nil && now > s.paused.Load() {
		s.db.Expiry = keyspace.ExpireDelete
	}
	s.call = c
	mark := c.Reply.Len()
	err := writable
	if s.Role() != Primary && c.Spec.Is(command.Write) {
		err = resp.ErrReadOnly // it was primary when the request was admitted
	} else if err == nil || !c.Spec.Any(command.Write|command.MayReplicate) {
		err = c.Spec.Run(c)
	}
	if err != nil {
		c.Reply.Cut(mark)
		c.Reply.Error(s.refusal(c, err))
	} else if c.Client != nil {
		s.observer.Executed(c)
	}
	s.call = nil
	s.quiet()
	s.db.Expiry = keyspace.ExpireIgnore // between calls nothing expires
	s.payload = c.Effects(s.payload)
	for _, name := range c.Beside() {
		s.changed = append(s.changed, s.hash(name))
	}
}

// refusal is the error reply for what Run returned.
func (s *Shard) refusal(c *command.Call, err error) resp.Error {
	var e resp.Error
	if errors.As(err, &e) {
		return e
	}
	s.cfg.Logger.Error("command failed", "cmd", c.Spec.FullName, "err", err)
	return resp.ErrInternal
}

// finish commits what was executed and finds the position after which the replies may leave.
func (s *Shard) finish(one *command.Call, many []*command.Call) (txlog.Pos, error) {
	after := s.hazard(one, many)
	if after != 0 {
		s.stats.HeldReads++
	}
	if len(s.payload) > 0 {
		pos, err := s.commit()
		if err != nil {
			return 0, ErrFenced
		}
		after = pos
		s.stats.HeldWrites++
	}
	// Checked after the reply was computed: if another node had taken over before, what was read may be stale (promise P5).
	if s.Role() == Primary && s.log.Epoch() != s.epoch {
		s.lose(txlog.ErrConflict)
		s.observer.Dropped()
		return 0, ErrFenced
	}
	s.observer.Settled(after)
	if s.Role() == Primary && !s.Leased() {
		return 0, ErrFenced // another node may have taken over before; what was logged is told of all the same
	}
	return after, nil
}

// commit is the one door to the log, which only a primary goes through: it appends s.payload as one record and marks the keys that were changed as pending at its position.
func (s *Shard) commit() (txlog.Pos, error) {
	pos, err := s.log.Append(s.tail, txlog.Entry{Kind: txlog.Data, Epoch: s.epoch, Engine: EngineVersion, Payload: s.payload})
	if err != nil {
		// Memory holds a change that the log does not: the node may not go on with it.
		s.changed, s.all = s.changed[:0], false
		s.lose(errors.Join(err, txlog.ErrConflict))
		s.observer.Dropped()
		return 0, err
	}
	s.tail = pos
	s.pending.mark(s.changed, s.all, pos, s.log.Durable())
	s.changed, s.all = s.changed[:0], false
	return pos, nil
}

// Changed is told by a call that a key has changed (command.Hooks).
func (s *Shard) Changed(key []byte) {
	s.stats.Changes++
	s.changed = append(s.changed, s.hash(key))
	if s.Role() != Loading {
		s.observer.Changed(s.caller(), key)
	}
	if len(s.watchers) > 0 {
		s.touch(key)
	}
	if len(s.blocked.queues) > 0 {
		s.signal(key)
	}
}

// ChangedAll is told by a call that the whole keyspace has changed (command.Hooks).
func (s *Shard) ChangedAll() {
	s.stats.Changes++
	s.all = true
	if s.Role() != Loading {
		s.observer.ChangedAll(s.caller())
	}
	s.touchAll()
	s.signalAll()
}

// expired is told by the keyspace that a lookup has deleted an expired key; only while a call runs on a primary.
func (s *Shard) expired(key []byte) {
	s.stats.Expired++
	s.Changed(key)
	s.Event('x', "expired", key)
	s.call.PropagateExpired(key)
}
