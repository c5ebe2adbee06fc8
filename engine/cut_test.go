package engine_test

import (
	"context"
	"sync"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// cutLog is a node's handle on a log that it can be cut off from: what it knows of the log then stays as it was, and what it asks for comes when it is linked again. That is what a
// node sees whose network is gone, or whose process is paused.
type cutLog struct {
	txlog.Log
	mu     sync.Mutex
	linked chan struct{} // closed while the node is linked
	deaf   bool          // renewals stay away though it is linked
	seen   struct {
		durable, tail txlog.Pos
		epoch, pulse  uint64
	}
}

func newCutLog(log txlog.Log) *cutLog {
	c := &cutLog{Log: log, linked: make(chan struct{})}
	close(c.linked)
	return c
}

func (c *cutLog) isCut() bool {
	select {
	case <-c.linked:
		return false
	default:
		return true
	}
}

// cut ends the link; it is undone by link.
func (c *cutLog) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isCut() {
		c.seen.durable, c.seen.tail, c.seen.epoch, c.seen.pulse = c.Log.Durable(), c.Log.Tail(), c.Log.Epoch(), c.Log.Pulse()
		c.linked = make(chan struct{})
	}
}

func (c *cutLog) link() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut() {
		close(c.linked)
	}
}

// linkReads links what the node reads and waits for; it can't renew until link.
func (c *cutLog) linkReads() {
	c.mu.Lock()
	c.deaf = true
	c.mu.Unlock()
	c.link()
}

// wait waits for the link.
func (c *cutLog) wait(ctx context.Context) error {
	c.mu.Lock()
	linked := c.linked
	c.mu.Unlock()
	select {
	case <-linked:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *cutLog) Append(after txlog.Pos, entries ...txlog.Entry) (txlog.Pos, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut() {
		return 0, txlog.ErrUnavailable
	}
	return c.Log.Append(after, entries...)
}

func (c *cutLog) Writable() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut() {
		return txlog.ErrUnavailable
	}
	return c.Log.Writable()
}

func (c *cutLog) Wait(ctx context.Context, pos txlog.Pos) error {
	if pos <= c.Durable() {
		return nil
	}
	err := c.Log.Wait(ctx, pos)
	if cut := c.wait(ctx); cut != nil {
		return cut
	}
	return err
}

func (c *cutLog) Read(ctx context.Context, from txlog.Pos, maxBytes int) ([]txlog.Record, error) {
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	return c.Log.Read(ctx, from, maxBytes)
}

func (c *cutLog) Renew(ctx context.Context, epoch uint64) error {
	if err := c.wait(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	deaf := c.deaf
	c.mu.Unlock()
	if deaf {
		<-ctx.Done()
		return ctx.Err()
	}
	return c.Log.Renew(ctx, epoch)
}

func (c *cutLog) Durable() txlog.Pos {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut() {
		return c.seen.durable
	}
	return c.Log.Durable()
}

func (c *cutLog) Tail() txlog.Pos {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut() {
		return c.seen.tail
	}
	return c.Log.Tail()
}

func (c *cutLog) Epoch() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut() {
		return c.seen.epoch
	}
	return c.Log.Epoch()
}

func (c *cutLog) Pulse() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut() {
		return c.seen.pulse
	}
	return c.Log.Pulse()
}
