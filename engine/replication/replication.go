// Package replication steers one node's part in its shard: it follows the log as a replica, takes the lead when told to, and starts over
// from the log when it has lost it.
//
// One goroutine, started by Start and ended by Close, does all of it: records are applied by nobody else, and the role changes nowhere else. See DESIGN.md.
package replication

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Config is what a member needs; Shard and Log are required.
type Config struct {
	Shard *shard.Shard
	// Log is the same handle that the shard appends to.
	Log txlog.Log
	// NodeID is the node's name in leadership entries, as the shard has it.
	NodeID string
	// Version is the program's version, written into leadership entries.
	Version string
	// Backoff is how long to wait before the log is asked again after it has failed; 0 is 100 ms.
	Backoff time.Duration
	Logger  *slog.Logger
}

// Member is one node's part in its shard.
type Member struct {
	cfg    Config
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	promote  []chan error       // callers of Promote who wait
	wake     context.CancelFunc // ends the wait that the goroutine is in; nil when it is in none
	caughtUp chan struct{}      // closed once the node has applied what was durable when it started
	err      error              // why the member has stopped for good
	stopped  bool
}

// ErrStopped is returned when the member has been closed.
var ErrStopped = errors.New("node has stopped")

// readBytes is how much of the log one read takes.
const readBytes = 4 << 20

// Start begins to follow the log.
func Start(cfg Config) *Member {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Backoff <= 0 {
		cfg.Backoff = 100 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &Member{cfg: cfg, cancel: cancel, done: make(chan struct{}), caughtUp: make(chan struct{})}
	go m.run(ctx)
	return m
}

// Close ends the goroutine and waits for it.
func (m *Member) Close() {
	m.cancel()
	<-m.done
}

// Err is why the member has stopped for good: a record that can't be applied (*shard.PoisonError), a corrupt log; nil while it works.
func (m *Member) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// CaughtUp waits until the node has applied everything that was durable when it started.
func (m *Member) CaughtUp(ctx context.Context) error {
	select {
	case <-m.caughtUp:
		return nil
	case <-m.done:
		return errors.Join(ErrStopped, m.Err())
	case <-ctx.Done():
		return fmt.Errorf("catch up with the log: %w", ctx.Err())
	}
}

// Promote makes the node the primary of its shard: it catches up with the tail and appends a leadership entry, as often as somebody else's append comes between.
// It returns once the entry is durable. A node that leads already returns at once.
func (m *Member) Promote(ctx context.Context) error {
	answer := make(chan error, 1)
	m.mu.Lock()
	if m.stopped {
		m.mu.Unlock()
		return errors.Join(ErrStopped, m.Err())
	}
	m.promote = append(m.promote, answer)
	if m.wake != nil {
		m.wake()
	}
	m.mu.Unlock()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("promote: %w", ctx.Err())
	}
}

func (m *Member) run(ctx context.Context) {
	defer close(m.done)
	err := m.steer(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = true
	if ctx.Err() == nil {
		m.err = err
		m.cfg.Logger.Error("node stopped following its log", "node", m.cfg.NodeID, "err", err)
	}
	for _, answer := range m.promote {
		answer <- errors.Join(ErrStopped, err)
	}
	m.promote = nil
}

// steer is the member's life: catch up, then lead or follow, start over when the log was lost. It returns when ctx ends or the node can't go on.
func (m *Member) steer(ctx context.Context) error {
	s := m.cfg.Shard
	applier := s.Applier()
	again := false // this node led, or was about to, when the outcome of a record became unknown: it leads again if nobody else does
	for ctx.Err() == nil {
		if err := m.catchUp(ctx, applier); err != nil {
			return err
		}
		if leader, _ := s.Leader(); again && leader != m.cfg.NodeID {
			again = false
		}
		if waiting := m.takePromotions(); len(waiting) > 0 || again {
			retry, undecided, err := m.takeLead(ctx, waiting)
			if err != nil {
				return err
			}
			again = retry && (again || undecided)
			if retry {
				continue
			}
		}
		if s.Role() == shard.Primary {
			lost, err := m.lead(ctx)
			if err != nil {
				return err
			}
			if lost {
				if err := m.settle(ctx); err != nil {
					return err
				}
				s.Reset()
				again = true
			}
			continue
		}
		s.Follow()
		m.markCaughtUp()
		if err := m.pause(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// takeLead tries to lead once. retry says that the node has to look at the log again first: somebody else appended, or the log takes no writes; undecided, that
// this node's leadership may turn out to be in the log.
func (m *Member) takeLead(ctx context.Context, waiting []chan error) (retry, undecided bool, err error) {
	at, _ := m.cfg.Shard.Position()
	err = m.cfg.Shard.Lead(ctx, m.cfg.Version)
	if errors.Is(err, txlog.ErrConflict) {
		m.putBack(waiting)
		if err := m.cfg.Log.Wait(ctx, at+1); err != nil { // what came between
			return true, false, m.backoff(ctx)
		}
		return true, false, nil
	}
	for _, answer := range waiting {
		answer <- err
	}
	switch {
	case errors.Is(err, txlog.ErrUnknown):
		return true, true, m.settle(ctx)
	case err != nil:
		return true, false, m.backoff(ctx)
	}
	m.cfg.Logger.Info("node leads its shard", "node", m.cfg.NodeID)
	return false, false, nil
}

// settle waits, after the node has lost the log, until the log's state can be told: at once if another node leads, else when it takes writes again. Until then the
// node goes on to answer reads of keys without uncommitted changes.
func (m *Member) settle(ctx context.Context) error {
	for !errors.Is(m.cfg.Shard.Failed(), txlog.ErrConflict) && m.cfg.Log.Writable() != nil {
		if err := m.backoff(ctx); err != nil {
			return err
		}
	}
	return nil
}

// backoff waits a little; its error is ctx's.
func (m *Member) backoff(ctx context.Context) error {
	timer := time.NewTimer(m.cfg.Backoff)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// catchUp applies everything that is durable.
func (m *Member) catchUp(ctx context.Context, applier *shard.Applier) error {
	for {
		at, _ := m.cfg.Shard.Position()
		if at >= m.cfg.Log.Durable() || m.cfg.Shard.Role() == shard.Primary {
			return nil
		}
		records, err := m.cfg.Log.Read(ctx, at+1, readBytes)
		if err != nil {
			return fmt.Errorf("read log from position %v: %w", at+1, err)
		}
		if err := applier.Apply(records); err != nil {
			return err
		}
	}
}

// lead stays while the node is primary; lost says that it has lost the log. It answers promotions, since the node leads already. It looks every ten Backoffs whether the node
// still leads: one whose clients have all gone would not find out.
func (m *Member) lead(ctx context.Context) (lost bool, err error) {
	m.markCaughtUp()
	look := time.NewTicker(10 * m.cfg.Backoff) // rarely: an idle cluster takes next to no CPU
	defer look.Stop()
	for {
		if waiting := m.takePromotions(); len(waiting) > 0 {
			if !m.cfg.Shard.Leads() {
				m.putBack(waiting)
				<-m.cfg.Shard.Lost()
				return true, nil
			}
			for _, answer := range waiting {
				answer <- nil
			}
		}
		wait, end := m.waitContext(ctx)
		select {
		case <-look.C:
			end()
			m.cfg.Shard.Leads()
		case <-m.cfg.Shard.Lost():
			end()
			return true, nil
		case <-wait.Done():
			end()
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
		}
	}
}

// pause waits for the next record, a promotion or the end; nil unless the member has to stop.
func (m *Member) pause(ctx context.Context) error {
	at, _ := m.cfg.Shard.Position()
	wait, end := m.waitContext(ctx)
	defer end()
	err := m.cfg.Log.Wait(wait, at+1)
	switch {
	case err == nil, wait.Err() != nil && ctx.Err() == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, txlog.ErrUnknown), errors.Is(err, txlog.ErrUnavailable):
		return m.backoff(ctx) // too few zones: the log says so itself
	default:
		return fmt.Errorf("follow log at position %v: %w", at+1, err)
	}
}

// waitContext is a context that Promote can end. It has ended already when promotions wait.
func (m *Member) waitContext(ctx context.Context) (context.Context, func()) {
	wait, cancel := context.WithCancel(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.promote) > 0 {
		cancel()
	}
	m.wake = cancel
	return wait, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.wake = nil
		cancel()
	}
}

func (m *Member) takePromotions() []chan error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.promote
	m.promote = nil
	return p
}

func (m *Member) putBack(p []chan error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.promote = append(p, m.promote...)
}

func (m *Member) markCaughtUp() {
	select {
	case <-m.caughtUp:
	default:
		close(m.caughtUp)
	}
}
