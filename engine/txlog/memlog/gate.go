package memlog

import (
	"sync"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Gate decides when what the logs have accepted becomes durable, and what they refuse. The zero value is open. One Gate may steer several Memories.
type Gate struct {
	mu      sync.Mutex
	logs    []*Memory
	closed  bool
	failed  bool
	refusal error
}

// Close holds durability back: records are accepted and stay pending until Open.
func (g *Gate) Close() { g.set(func() { g.closed = true }) }

// Open makes everything that was accepted durable, and from now on each record as it is accepted. It also ends Fail: what was unknown is known to be in the log.
func (g *Gate) Open() { g.set(func() { g.closed, g.failed = false, false }) }

// Fail makes the outcome of every pending record unknown: Wait returns ErrUnknown, Append ErrUnavailable. It lasts until Open, or until Memory.Crash and Open.
func (g *Gate) Fail() { g.set(func() { g.closed, g.failed = true, true }) }

// Refuse makes Append and Writable return err, for example txlog.ErrFull; nil ends it. Pending records are not touched.
func (g *Gate) Refuse(err error) { g.set(func() { g.refusal = err }) }

func (g *Gate) attach(m *Memory) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.logs = append(g.logs, m)
}

// set changes the gate and lets every log see it.
func (g *Gate) set(change func()) {
	g.mu.Lock()
	change()
	logs := g.logs
	g.mu.Unlock()
	for _, m := range logs {
		m.mu.Lock()
		if g.isOpen() {
			m.settle()
		}
		for _, s := range m.shards {
			s.notify()
		}
		m.mu.Unlock()
	}
}

func (g *Gate) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.closed
}

func (g *Gate) broken() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failed
}

func (g *Gate) writable() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed {
		return txlog.ErrUnavailable
	}
	return g.refusal
}
