package server

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// courier hands on what others may hear of once a position of the log is durable (promise P2): messages of PUBLISH behind a write, keyspace events, invalidations
// of tracking. It keeps their order by position, and for one position the order in which they came.
//
// A connection that has waited for the log lets the courier deliver before it sends its own replies; while something waits, a goroutine does so besides, since
// that connection may be gone by then. If the outcome of a record is unknown, what waits for it is dropped.
//
// What waits is bounded by what causes it: records that are not durable, of which the log takes so many bytes, and requests behind them, whose connections wait themselves. What depends on nothing is
// delivered at once.
type courier struct {
	wait    func(ctx context.Context, pos txlog.Pos) error
	durable func() txlog.Pos
	waiting atomic.Int64 // number of parcels

	mu      sync.Mutex
	parcels []parcel
	running bool
	closed  bool
	wg      sync.WaitGroup
	ctx     context.Context
	cancel  context.CancelFunc

	sending sync.Mutex // held while something is delivered
}

type parcel struct {
	pos     txlog.Pos
	deliver func()
}

func (q *courier) init(wait func(context.Context, txlog.Pos) error, durable func() txlog.Pos) {
	q.wait, q.durable = wait, durable
	q.ctx, q.cancel = context.WithCancel(context.Background())
}

// add hands over what is to be delivered once pos is durable; it never waits and may be called under the turn. deliver is called without it.
func (q *courier) add(pos txlog.Pos, deliver func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	at := len(q.parcels)
	for at > 0 && q.parcels[at-1].pos > pos {
		at--
	}
	q.parcels = slices.Insert(q.parcels, at, parcel{pos, deliver})
	q.waiting.Add(1)
	if !q.running {
		q.running = true
		q.wg.Go(q.run)
	}
}

// run delivers until nothing waits any more.
func (q *courier) run() {
	for {
		q.deliver()
		q.mu.Lock()
		if len(q.parcels) == 0 {
			q.running = false
			q.mu.Unlock()
			return
		}
		pos := q.parcels[0].pos
		q.mu.Unlock()
		if err := q.wait(q.ctx, pos); err != nil {
			q.drop()
		}
	}
}

// deliver delivers what is durable, in order. When it returns, all that was durable before has been delivered.
func (q *courier) deliver() {
	if q.waiting.Load() == 0 {
		return
	}
	q.sending.Lock()
	defer q.sending.Unlock()
	for {
		durable := q.durable()
		q.mu.Lock()
		if len(q.parcels) == 0 || q.parcels[0].pos > durable {
			q.mu.Unlock()
			return
		}
		p := q.parcels[0]
		q.parcels[0] = parcel{}
		if q.parcels = q.parcels[1:]; len(q.parcels) == 0 {
			q.parcels = nil
		}
		q.mu.Unlock()
		p.deliver()
		q.waiting.Add(-1) // only now: others must not overtake it
	}
}

// drop forgets what waits for records that are not durable.
func (q *courier) drop() {
	durable := q.durable()
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := slices.IndexFunc(q.parcels, func(p parcel) bool { return p.pos > durable })
	if kept < 0 {
		return
	}
	q.waiting.Add(-int64(len(q.parcels) - kept))
	clear(q.parcels[kept:])
	q.parcels = q.parcels[:kept]
}

// close delivers what is durable, drops the rest and waits for the goroutine.
func (q *courier) close() {
	q.deliver()
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.cancel()
	q.wg.Wait()
}
