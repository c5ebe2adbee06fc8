package server

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// replyBuffer is Redis's static reply buffer (PROTO_REPLY_CHUNK_BYTES): what fits in it does not count for client-output-buffer-limit.
const replyBuffer = 16 << 10

// outbox holds what others send to a connection until it can be written without breaking into the replies of a batch.
type outbox struct {
	mu       sync.Mutex
	pushed   resp.Writer
	busy     bool // the connection executes a batch: it will write what is pushed behind its replies
	draining bool // a goroutine writes
	closed   bool

	sending sync.Mutex  // held while the socket is written to
	spare   resp.Writer // of whoever drains
}

func (o *outbox) begin() {
	o.mu.Lock()
	o.busy = true
	o.mu.Unlock()
}

func (o *outbox) end() {
	o.mu.Lock()
	o.closed = true
	o.pushed.Reset(0)
	o.mu.Unlock()
}

// Push sends an out-of-band message: write appends it, as an array in RESP2 or a push in RESP3. It may be called from any goroutine and never waits for the
// client. Messages come in order and never within a reply; those pushed while the client's batch is executed, behind its replies. A client that reads
// too slowly is disconnected (client-output-buffer-limit).
func (c *conn) Push(write func(w *resp.Writer)) {
	o := &c.outbox
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return
	}
	before := int64(o.pushed.Len())
	write(&o.pushed)
	size := o.pushed.Len()
	c.srv.footprints.bytes.Add(int64(size) - before)
	c.weight.Add(int64(size) - before)
	start := !o.busy && !o.draining
	if start {
		o.draining = true
		c.srv.wg.Add(1) // the connection's own goroutine still counts: Close can't have finished waiting
	}
	o.mu.Unlock()
	if start {
		go c.drainPushes()
	}
	c.srv.evictClients()
	c.overLimit(size + int(c.unsent.Load()))
}

// drainPushes writes what was pushed while the connection's goroutine reads.
func (c *conn) drainPushes() {
	defer c.srv.wg.Done()
	o := &c.outbox
	for {
		o.mu.Lock()
		if o.busy || o.closed || o.pushed.Len() == 0 {
			o.draining = false
			o.mu.Unlock()
			return
		}
		o.pushed, o.spare = o.spare, o.pushed
		o.pushed.Proto = o.spare.Proto
		o.sending.Lock() // taken before others can overtake
		o.mu.Unlock()
		err := c.write(o.spare.Bytes())
		o.spare.Reset(keepReply)
		o.sending.Unlock()
		if err != nil {
			c.kill("write failed")
		}
	}
}

// send writes the replies of the batch and what was pushed meanwhile; false if the connection must be closed.
func (c *conn) send() bool {
	o := &c.outbox
	for {
		o.mu.Lock()
		if n := o.pushed.Len(); n > 0 {
			c.out.Raw(o.pushed.Bytes())
			o.pushed.Reset(keepReply)
		}
		if c.out.Len() == 0 {
			o.busy = false
			o.mu.Unlock()
			return true
		}
		o.mu.Unlock()
		o.sending.Lock()
		err := c.write(c.out.Bytes())
		o.sending.Unlock()
		c.out.Reset(keepReply)
		if err != nil {
			return false
		}
	}
}

func (c *conn) write(b []byte) error {
	c.unsent.Store(int64(len(b)))
	n, err := c.nc.Write(b)
	c.unsent.Store(0)
	if err == nil {
		c.active.Store(c.srv.cfg.Now().UnixMilli())
	}
	c.srv.stats.writes.Add(1)
	c.srv.stats.bytesOut.Add(int64(n))
	return err
}

// overLimit disconnects the client and returns true if n bytes to be sent are more than the hard limit of its class.
func (c *conn) overLimit(n int) bool {
	limit := c.srv.settings.Load().Output[c.class()]
	if limit.Hard <= 0 || int64(n)-replyBuffer <= limit.Hard {
		return false
	}
	c.srv.cfg.Logger.Warn("client closed for overcoming of output buffer limits", "client", c.client.ID, "addr", c.addr, "bytes", n)
	c.kill("output buffer limit")
	return true
}

// class is the class whose limits the client has. A MONITOR client counts as a replica, as in Redis.
func (c *conn) class() Class {
	if c.monitor.Load() || c.replica.Load() {
		return Replica
	}
	if c.subs.Active() {
		return PubSub
	}
	return Normal
}

// takePushes moves what was pushed since the batch began to w: it comes before what is appended next.
func (c *conn) takePushes(w *resp.Writer) {
	o := &c.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	w.Raw(o.pushed.Bytes())
	o.pushed.Reset(keepReply)
}

// surround puts the out-of-band messages that the request has caused for its own connection around its reply, which begins at mark.
func (c *conn) surround(mark int) {
	if c.ahead.Len() > 0 {
		reply := bytes.Clone(c.out.Bytes()[mark:])
		c.out.Cut(mark)
		c.out.Raw(c.ahead.Bytes())
		c.out.Raw(reply)
		c.ahead.Reset(0)
	}
	if c.behind.Len() > 0 {
		c.out.Raw(c.behind.Bytes())
		c.behind.Reset(0)
	}
}

// setProto switches the protocol of replies and pushes.
func (c *conn) setProto(version int) {
	c.outbox.mu.Lock()
	c.outbox.pushed.Proto = version
	c.outbox.mu.Unlock()
	c.out.Proto = version
}

// held counts the bytes of replies that wait for the log, over all connections, and makes batches wait while there are too many (promise P2). Those who hold
// replies never wait here, so that it always ends.
type held struct {
	bytes   atomic.Int64
	clients atomic.Int64 // those who wait
	limit   int64
	mu      sync.Mutex
	changed sync.Cond
}

func (h *held) add(n int64) {
	if now := h.bytes.Add(n); now <= h.limit && now-n > h.limit {
		h.mu.Lock() // so that nobody is between its look and its wait
		h.changed.Broadcast()
		h.mu.Unlock()
	}
}

func (h *held) admit() {
	if h.bytes.Load() <= h.limit {
		return
	}
	h.mu.Lock()
	for h.bytes.Load() > h.limit {
		h.changed.Wait()
	}
	h.mu.Unlock()
}
