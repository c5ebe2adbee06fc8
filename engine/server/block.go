package server

import (
	"errors"
	"math"
	"os"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/slot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

const errUnblocked resp.Error = "UNBLOCKED client unblocked via CLIENT UNBLOCK"

// ending is why a wait is over.
type ending uint8

const (
	goesOn   ending = iota
	served          // the executor has run the call, or given it up: shard.Waiter.Result
	timedOut        // also by CLIENT UNBLOCK TIMEOUT
	refused         // with blocking.refusal
	lost            // the node has lost its shard: with shard.ErrUnblocked
	gone            // the connection ends
)

// blocking is a request that waits. While it does the connection's goroutine reads, so that it hears of the end of the connection, and executes nothing.
type blocking struct {
	call   command.Call // a copy: the request's words leave the reader's buffer
	wait   command.Wait // as the call asked for it
	waiter shard.Waiter
	reply  resp.Writer // of the call, which another connection's goroutine executes
	client command.Client
	slot   uint16
	took   time.Duration
	until  time.Time // when the wait is over at the latest; zero: never

	onKeys    bool        // waits in the shard's queues
	postponed bool        // waits for the end of a pause, and is executed then
	enough    func() bool // waits for replicas until this is true; it is asked now and then
	leads     func() bool // whether the node still leads as it did when the wait began; asked before enough

	// Guarded by the connection's mu.
	over    ending
	refusal resp.Error
	byHand  bool      // CLIENT UNBLOCK
	after   txlog.Pos // the end may be told once this is durable
}

// block makes the connection wait for keys: its call has just asked for it, in the turn that the connection holds.
func (c *conn) block(row *command.Spec) {
	b := &blocking{onKeys: true, client: c.client, call: c.call, wait: *c.call.Waiting()}
	if b.wait.Timeout > 0 {
		b.until = c.srv.cfg.Now().Add(time.Duration(min(b.wait.Timeout, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond)
	}
	b.call.Argv = cloneWords(c.call.Argv)
	b.call.Reply, b.reply.Proto = &b.reply, c.out.Proto
	b.client.Asking = true // a slot that is being imported is served on
	if keys := c.requestKeys(); len(keys) > 0 {
		b.slot = slot.Of(c.cmd.Args[keys[0].Index])
	}
	b.waiter.Call = &b.call
	b.waiter.Done = func() { c.wake(b, served) }
	c.blockUntil(b)
	c.turn.Await(&b.waiter)
	now := c.srv.cfg.Now()
	b.took = max(now.Sub(c.clock), 0)
	c.clock = now
	c.called(row, c.cmd.Args, b.took)
}

// blockUntil makes the connection wait once the request has been dealt with.
func (c *conn) blockUntil(b *blocking) {
	c.blocking = b
	c.countBlocked(b, 1)
	c.mu.Lock()
	c.waits = b
	c.mu.Unlock()
}

// wake ends a wait, from whatever goroutine.
func (c *conn) wake(b *blocking, why ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeLocked(b, why)
}

func (c *conn) wakeLocked(b *blocking, why ending) {
	if c.waits == b && b.over == goesOn {
		b.over = why
		if why == served {
			c.outbox.begin() // what the call causes for its own connection comes behind its reply
		}
		c.raw.SetReadDeadline(time.Unix(1, 0)) // fails only for a closed socket
	}
}

// interrupt ends a wait from another connection's goroutine, with its timeout's reply or an error; false if the connection doesn't wait any more.
func (c *conn) interrupt(turn *shard.Turn, why ending, refusal resp.Error, byHand bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.waits
	if b == nil || b.over != goesOn || b.postponed {
		return false
	}
	if b.onKeys {
		after, waited := turn.Cancel(&b.waiter)
		if !waited {
			return false
		}
		b.after = after
	}
	b.refusal, b.byHand = refusal, byHand
	c.wakeLocked(b, why)
	return true
}

// await sends the replies before the blocked request's, waits for its end, and appends its reply; false if the connection must be closed.
func (c *conn) await() bool {
	b := c.blocking
	c.blocking = nil
	if !c.flush() {
		c.leave(b, gone)
		return false
	}
	over := c.leave(b, c.park(b))
	if over == gone || !c.begin() {
		return false
	}
	if b.postponed {
		c.request()
		return c.blocking == nil || c.await()
	}
	mark := c.out.Len()
	switch over {
	case served:
		c.led = c.led || c.role == shard.Primary
		after, took, err := b.waiter.Result()
		if errors.Is(err, shard.ErrFenced) {
			return false // its outcome is unknown
		}
		if err != nil {
			c.fail(err)
			c.closing = true
			break
		}
		c.after = max(c.after, after)
		c.out.Raw(b.reply.Bytes())
		c.account(b.call.Spec, b.call.Argv, mark, b.took+took)
		c.srv.latency.note("command-unblocking", took, c.clock)
	case timedOut:
		if b.wait.TimedOut != nil {
			b.wait.TimedOut(&c.out)
		} else {
			c.out.NullArray()
		}
	case lost:
		c.fail(shard.ErrUnblocked)
		c.closing = true
	case refused:
		c.fail(b.refusal)
	}
	if b.byHand {
		c.srv.stats.finished(b.call.Spec, b.took, true)
	}
	c.suppress(mark)
	return true
}

func (c *conn) fail(err error) {
	e := c.srv.wireError(nil, err)
	c.srv.stats.replied(e)
	c.out.Error(e)
}

// park reads what the client sends until the wait is over.
func (c *conn) park(b *blocking) ending {
	for {
		until := b.until
		if b.enough != nil {
			switch {
			case !b.leads():
				return lost
			case b.enough():
				return timedOut
			}
			if soon := c.srv.cfg.Now().Add(askReplicas); until.IsZero() || soon.Before(until) {
				until = soon
			}
		}
		c.mu.Lock()
		over := b.over
		if over == goesOn {
			c.raw.SetReadDeadline(until) // fails only for a closed socket, as the read does then
		}
		c.mu.Unlock()
		switch {
		case over != goesOn:
			return over
		case c.srv.serving.Err() != nil || c.killed.Load():
			return gone
		}
		n, err := c.reader.Fill()
		c.srv.stats.bytesIn.Add(int64(n))
		switch {
		case err == nil:
			c.active.Store(c.srv.cfg.Now().UnixMilli())
		case !errors.Is(err, os.ErrDeadlineExceeded):
			c.readFailed(err)
			return gone
		case !b.until.IsZero() && !c.srv.cfg.Now().Before(b.until):
			return timedOut
		}
	}
}

// leave ends the wait, for the connection's own reasons unless others have ended it before, and says which counts.
func (c *conn) leave(b *blocking, why ending) ending {
	if b.onKeys && (why == timedOut || why == gone) {
		turn := c.srv.cfg.Shard.Aside()
		after, _ := turn.Cancel(&b.waiter)
		turn.End()
		c.after = max(c.after, after)
	}
	c.mu.Lock()
	if why != gone && b.over != goesOn {
		why = b.over
	}
	c.after = max(c.after, b.after)
	c.waits = nil
	c.raw.SetReadDeadline(time.Time{})
	c.mu.Unlock()
	if c.srv.serving.Err() != nil {
		c.drain() // Close may have said so to the wait
	}
	c.countBlocked(b, -1)
	return why
}

func (c *conn) countBlocked(b *blocking, n int64) {
	c.srv.stats.blocked.Add(n)
	if !b.until.IsZero() && !b.postponed {
		c.srv.stats.timed.Add(n)
	}
}

// blocked says whether the connection waits for something.
func (c *conn) blocked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waits != nil
}

// redirectBlocked ends the waits for keys that the node serves no longer.
func (s *Server) redirectBlocked(all []*conn) {
	if s.cfg.Router == nil || s.stats.blocked.Load() == 0 {
		return
	}
	for _, c := range all {
		c.mu.Lock()
		b := c.waits
		c.mu.Unlock()
		if b == nil || !b.onKeys {
			continue
		}
		var e resp.Error
		if errors.As(s.cfg.Router.Route(b.slot, b.call.Spec.Is(command.Write), &b.client), &e) {
			turn := s.cfg.Shard.Aside()
			c.interrupt(turn, refused, e, false)
			turn.End()
		}
	}
}

// cloneWords copies the words of a request.
func cloneWords(words [][]byte) [][]byte {
	data := make([]byte, 0, bytesOf(words))
	clone := make([][]byte, len(words))
	for i, w := range words {
		data = append(data, w...)
		clone[i] = data[len(data)-len(w) : len(data) : len(data)]
	}
	return clone
}

func bytesOf(words [][]byte) int {
	n := 0
	for _, w := range words {
		n += len(w)
	}
	return n
}
