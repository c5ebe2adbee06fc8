package shard

import (
	"bytes"
	"container/list"
	"slices"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// ErrUnblocked is the reply to a call that waited for a key when the node lost its shard: it has not been executed. The connection is closed behind it.
const ErrUnblocked resp.Error = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"

// Waiter is a call that waits for keys (command.Call.Block). It is used under the turn until it is over; Done says when that is.
type Waiter struct {
	// Call is the call; its Argv and Reply stay as they are until the wait is over.
	Call *command.Call
	// Done is called once, under the turn, when the call has been executed or the node has lost its shard; not after Cancel. It must not wait nor use the shard.
	Done func()

	wait   command.Wait
	places []place // empty: over
	after  txlog.Pos
	err    error
	took   time.Duration
}

// place is a waiter's place in the queue of one key.
type place struct {
	queue *queue
	at    *list.Element
}

// queue holds those who wait for one key, in the order in which they began.
type queue struct {
	key     string
	waiters list.List // of *Waiter
	ready   bool      // in blocked.ready
	maybe   bool      // in blocked.maybe
}

// blocked knows who waits for which key.
type blocked struct {
	queues   map[string]*queue
	ready    []*queue // keys that a call has made ready, in the order of the first time; they may not be any more
	maybe    []*queue // other keys that were changed
	unlogged []*queue // keys with a call that could not be executed because the log took no writes
	serving  *Waiter  // whose call is being executed
}

// Await makes w wait, right after its call was run in the same turn and has called Block.
func (t *Turn) Await(w *Waiter) {
	b := &t.s.blocked
	if b.queues == nil {
		b.queues = map[string]*queue{}
	}
	w.wait = *w.Call.Waiting()
	w.after, w.err, w.took = 0, nil, 0
	for i, key := range w.wait.Keys {
		if contains(w.wait.Keys[:i], key) {
			continue
		}
		q := b.queues[string(key)]
		if q == nil {
			q = &queue{key: string(key)}
			b.queues[q.key] = q
		}
		w.places = append(w.places, place{q, q.waiters.PushBack(w)})
	}
}

func contains(keys [][]byte, key []byte) bool {
	for _, k := range keys {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}

// Cancel ends the wait of w and says whether it has still waited; if so, after is the position after which a reply that nothing has come may leave.
func (t *Turn) Cancel(w *Waiter) (after txlog.Pos, waited bool) {
	if len(w.places) == 0 {
		return 0, false
	}
	t.s.blocked.leave(w)
	return t.s.hazard(w.Call, nil), true
}

// Result is what became of a waiter that is done: the position after which its reply may leave, and how long its execution took. The error is ErrUnblocked or
// ErrFenced: the call has been executed, but its reply must never leave.
func (w *Waiter) Result() (after txlog.Pos, took time.Duration, err error) {
	return w.after, w.took, w.err
}

// Waiting is the number of keys that somebody waits for.
func (t *Turn) Waiting() int { return len(t.s.blocked.queues) }

// leave takes w out of all queues.
func (b *blocked) leave(w *Waiter) {
	for _, p := range w.places {
		p.queue.waiters.Remove(p.at)
		if p.queue.waiters.Len() == 0 {
			delete(b.queues, p.queue.key)
		}
	}
	clear(w.places)
	w.places = w.places[:0]
}

// signal notes that a key has changed for which somebody waits.
func (s *Shard) signal(key []byte) {
	q := s.blocked.queues[string(key)]
	if q == nil || q.ready {
		return
	}
	mode := s.db.Expiry
	s.db.Expiry = keyspace.ExpireIgnore // a look that changes nothing
	v, _ := s.db.Peek(key)
	s.db.Expiry = mode
	for e := q.waiters.Front(); e != nil; e = e.Next() {
		if w := waiterAt(e); w.wants(v.Type) {
			q.ready = true
			s.blocked.ready = append(s.blocked.ready, q)
			return
		}
	}
	s.blocked.doubt(q)
}

// signalAll notes that all keys have changed.
func (s *Shard) signalAll() {
	for _, q := range s.blocked.queues {
		s.blocked.doubt(q)
	}
}

// wants says whether the call is to be executed when its key is of type t, or does not exist.
func (w *Waiter) wants(t keyspace.Type) bool { return t == w.wait.Type || w.wait.Gone }

// serve executes the calls that wait for keys which have become ready, each as one record of its own, until no more keys become ready by that. It is called after a command,
// a transaction or a script as a whole, in the same turn.
func (s *Shard) serve(now int64) {
	b := &s.blocked
	if len(b.ready)+len(b.maybe)+len(b.unlogged) == 0 || s.busy != nil || s.answering() != nil {
		return
	}
	writable := s.writable()
	if writable == nil {
		for _, q := range b.unlogged {
			b.doubt(q)
		}
		b.unlogged = b.unlogged[:0]
	}
	for len(b.ready)+len(b.maybe) > 0 {
		now = max(now, s.cfg.Now().UnixMilli()) // a key may have expired since the turn began
		if q := b.next(); s.serveQueue(q, now, writable) {
			b.unlogged = append(b.unlogged, q)
		}
	}
}

// doubt notes a key that may have become ready.
func (b *blocked) doubt(q *queue) {
	if !q.maybe {
		q.maybe = true
		b.maybe = append(b.maybe, q)
	}
}

// next takes the next key to be looked at; there is one.
func (b *blocked) next() *queue {
	if len(b.ready) > 0 {
		q := b.ready[0]
		b.ready = slices.Delete(b.ready, 0, 1)
		q.ready = false
		return q
	}
	q := b.maybe[0]
	b.maybe = slices.Delete(b.maybe, 0, 1)
	q.maybe = false
	return q
}

// serveQueue executes the calls that wait for one key, in order, as long as the key is what they want. It says whether a call was left because the log takes no writes.
func (s *Shard) serveQueue(q *queue, now int64, writable error) (refused bool) {
	key := []byte(q.key)
	for e := q.waiters.Front(); e != nil; {
		w := waiterAt(e)
		e = e.Next() // w may leave
		if !w.wants(s.typeOf(key, now)) {
			continue
		}
		if writable != nil && w.Call.Spec.Any(command.Write|command.MayReplicate) {
			refused = true
			continue
		}
		if !s.serveOne(w, key, now) {
			return false
		}
	}
	return refused
}

// serveOne executes the call of w for key; false if the node may not go on.
func (s *Shard) serveOne(w *Waiter, key []byte, now int64) bool {
	begun := s.cfg.Now()
	mark := w.Call.Reply.Len()
	s.payload = s.payload[:0]
	s.blocked.serving = w
	w.Call.Ready = key
	s.execute(now, w.Call, nil)
	w.Call.Ready = nil
	again := w.Call.Waiting() != nil
	after, fatal := s.finish(w.Call, nil)
	s.blocked.serving = nil
	switch {
	case again && fatal == nil: // the key was not what it needs
		return true
	case again:
		w.err = ErrUnblocked
	case fatal != nil:
		w.Call.Reply.Cut(mark)
		w.err = fatal
	}
	w.after, w.took = after, s.cfg.Now().Sub(begun)
	s.blocked.leave(w)
	w.Done()
	return fatal == nil
}

// typeOf is the type of a key, of none if it doesn't exist or has expired; it counts as no use of the key.
func (s *Shard) typeOf(key []byte, now int64) keyspace.Type {
	mode := s.db.Expiry
	s.db.Now, s.db.Expiry = now, keyspace.ExpireHide
	v, _ := s.db.Peek(key)
	s.db.Expiry = mode
	return v.Type
}

// unblock ends all waits: the node has lost its shard.
func (s *Shard) unblock() {
	b := &s.blocked
	for _, q := range b.queues {
		for e := q.waiters.Front(); e != nil; e = q.waiters.Front() {
			w := waiterAt(e)
			b.leave(w)
			if w != b.serving { // serveOne says what becomes of it
				w.err = ErrUnblocked
				w.Done()
			}
		}
	}
	*b = blocked{serving: b.serving}
}

// waiterAt is the Waiter at an element of a list of them.
func waiterAt(e *list.Element) *Waiter {
	w, ok := e.Value.(*Waiter)
	if !ok {
		panic("shard: something else than a Waiter waits for a key")
	}
	return w
}
