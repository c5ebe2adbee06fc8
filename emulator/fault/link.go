package fault

import (
	"context"
	"slices"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// link is a node's handle on its log, which faults sever or delay. While it is severed, what the node knows of the log stays as it was, and what it asks for comes when it is linked again.
type link struct {
	txlog.Log
	s *Seat
}

func (l *link) linked(ctx context.Context) (*state, error) {
	return l.s.while(ctx, (*state).severed)
}

// Append implements txlog.Log.
func (l *link) Append(after txlog.Pos, entries ...txlog.Entry) (txlog.Pos, error) {
	if l.s.state.Load().severed() {
		return 0, txlog.ErrUnavailable
	}
	return l.Log.Append(after, entries...)
}

// Writable implements txlog.Log.
func (l *link) Writable() error {
	if l.s.state.Load().severed() {
		return txlog.ErrUnavailable
	}
	return l.Log.Writable()
}

// Wait implements txlog.Log.
func (l *link) Wait(ctx context.Context, pos txlog.Pos) error {
	for pos > l.Durable() {
		if err := l.Log.Wait(ctx, pos); err != nil {
			if _, cut := l.linked(ctx); cut != nil {
				return cut
			}
			return err
		}
		st, err := l.linked(ctx)
		if err != nil {
			return err
		}
		if st.lag != nil && pos > st.lag.durable(l.Log.Durable()) {
			if err := l.sleep(ctx, st, st.lag.until(pos)); err != nil {
				return err
			}
		}
	}
	return nil
}

// sleep waits, until another state comes at most.
func (l *link) sleep(ctx context.Context, st *state, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-st.over:
	case <-l.s.dead:
		return txlog.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// Read implements txlog.Log.
func (l *link) Read(ctx context.Context, from txlog.Pos, maxBytes int) ([]txlog.Record, error) {
	st, err := l.linked(ctx)
	if err != nil {
		return nil, err
	}
	records, err := l.Log.Read(ctx, from, maxBytes)
	if err != nil || st.lag == nil {
		return records, err
	}
	heard := st.lag.durable(l.Log.Durable())
	return slices.DeleteFunc(records, func(r txlog.Record) bool { return r.Pos > heard }), nil
}

// Renew implements txlog.Log.
func (l *link) Renew(ctx context.Context, epoch uint64) error {
	st, err := l.linked(ctx)
	if err != nil {
		return err
	}
	if st.delay > 0 {
		if err := l.sleep(ctx, st, st.delay); err != nil {
			return err
		}
	}
	return l.Log.Renew(ctx, epoch)
}

// Durable implements txlog.Log.
func (l *link) Durable() txlog.Pos {
	switch st := l.s.state.Load(); {
	case st.severed():
		return st.seen.durable
	case st.lag != nil:
		return st.lag.durable(l.Log.Durable())
	}
	return l.Log.Durable()
}

// Tail implements txlog.Log.
func (l *link) Tail() txlog.Pos {
	if st := l.s.state.Load(); st.severed() {
		return st.seen.tail
	}
	return l.Log.Tail()
}

// Epoch implements txlog.Log. A delayed node hears of it at once: that is what fences it.
func (l *link) Epoch() uint64 {
	if st := l.s.state.Load(); st.severed() {
		return st.seen.epoch
	}
	return l.Log.Epoch()
}

// Pulse implements txlog.Log.
func (l *link) Pulse() uint64 {
	if st := l.s.state.Load(); st.severed() {
		return st.seen.pulse
	}
	return l.Log.Pulse()
}
