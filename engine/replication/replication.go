// Package replication steers one node's part in its shard: it follows the log as a replica, takes the lead when told to or when nobody leads, renews its lease, hands the lead
// over, and starts over from the log when it has lost it.
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
	// Restore brings the shard, which is Loading, to a snapshot that is further than the shard is and fits the log, and says whether there was one (Shard.Install). Nil is for a node without
	// snapshots: it replays the whole log. It is called by the member's goroutine.
	Restore func(ctx context.Context) (restored bool, err error)
	// RestoreFrom is how many records a log has from which on a node that is empty asks for a snapshot; 0 is 10,000.
	RestoreFrom txlog.Pos
	// Backoff is how long to wait before the log is asked again after it has failed; 0 is 100 ms.
	Backoff time.Duration
	// Lease is how leadership is kept; the zero value is for nodes of one process, which lead when they are told to.
	Lease Lease
	// Changed is called when the node's role or its shard's leader has changed, or the member has stopped for good, from the member's goroutine; it must not wait. nil: nobody asks.
	Changed func()
	Logger  *slog.Logger
}

// Lease is the timing of leadership (promise P5). Renew < Duration < Backoff.
type Lease struct {
	// Duration is how long a primary may answer after it has begun to renew; the shard's Config.Lease is the same.
	Duration time.Duration
	// Renew is how often a primary renews.
	Renew time.Duration
	// Backoff is for how long a replica hears nothing of a leader before it tries to lead. The difference to Duration bounds how differently two clocks may run.
	Backoff time.Duration
	// Elapsed is a clock that never steps; nil is the process's monotonic clock.
	Elapsed func() time.Duration
}

// DefaultLease is a timing that survives the pauses of a loaded machine of two cores without a false failover, and fails over within a second.
var DefaultLease = Lease{Duration: 500 * time.Millisecond, Renew: 100 * time.Millisecond, Backoff: 650 * time.Millisecond}

// Validate says what is wrong with a timing. The zero value is right.
func (l Lease) Validate() error {
	if l.Duration == 0 && l.Renew == 0 && l.Backoff == 0 {
		return nil
	}
	if l.Renew <= 0 || l.Duration < 2*l.Renew || l.Backoff < l.Duration+l.Duration/10 {
		return fmt.Errorf("lease of %v, renewed every %v, back-off %v: a lease is at least two renewals long, and the back-off a tenth longer than the lease", l.Duration, l.Renew, l.Backoff)
	}
	return nil
}

// Member is one node's part in its shard.
type Member struct {
	cfg    Config
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	promote  []chan error       // callers of Promote who wait
	resign   *resignation       // what HandOver has asked for
	wake     context.CancelFunc // ends the wait that the goroutine is in; nil when it is in none
	caughtUp chan struct{}      // closed once the node has applied what was durable when it started
	err      error              // why the member has stopped for good
	stopped  bool

	// What follows belongs to the goroutine.
	pulse uint64        // the log's, as it was seen last
	heard time.Duration // when it had changed
	role  shard.Role    // as Changed was told last
	epoch uint64        // the same
}

type resignation struct {
	to     string
	answer chan error
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
	if cfg.RestoreFrom == 0 {
		cfg.RestoreFrom = 10_000
	}
	if cfg.Backoff <= 0 {
		cfg.Backoff = 100 * time.Millisecond
	}
	if cfg.Lease.Elapsed == nil {
		begun := time.Now()
		cfg.Lease.Elapsed = func() time.Duration { return time.Since(begun) }
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
	if err := m.ask(func() error { m.promote = append(m.promote, answer); return nil }); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("promote: %w", ctx.Err())
	}
}

// ErrBusy is returned to who asks for a hand-over while another one goes on.
var ErrBusy = errors.New("a hand-over of the shard is going on already")

// HandOver ends this node's leadership in order, for the successor of that id, or for any replica if it is empty; it returns once that is durable. The successor then leads at
// once, any other replica after a while. Errors: shard.ErrNotPrimary, ErrBusy, those of txlog.
func (m *Member) HandOver(ctx context.Context, successor string) error {
	r := &resignation{successor, make(chan error, 1)}
	err := m.ask(func() error {
		if m.resign != nil {
			return ErrBusy
		}
		m.resign = r
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case err := <-r.answer:
		return err
	case <-ctx.Done():
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.resign == r {
			m.resign = nil // it is not to surprise anybody later
		}
		return fmt.Errorf("hand over: %w", ctx.Err())
	}
}

// ask leaves something for the goroutine and wakes it.
func (m *Member) ask(leave func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return errors.Join(ErrStopped, m.err)
	}
	if err := leave(); err != nil {
		return err
	}
	if m.wake != nil {
		m.wake()
	}
	return nil
}

func (m *Member) run(ctx context.Context) {
	defer close(m.done)
	err := m.steer(ctx)
	m.stop(ctx, err)
	if m.Err() != nil && m.cfg.Changed != nil {
		m.cfg.Changed()
	}
}

// stop notes why the goroutine ends, and answers those who wait for it.
func (m *Member) stop(ctx context.Context, err error) {
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
	if m.resign != nil {
		m.resign.answer <- errors.Join(ErrStopped, err)
		m.resign = nil
	}
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
		m.tell()
		if leader, _ := s.Leader(); again && leader != m.cfg.NodeID {
			again = false
		}
		waiting, pulse := m.takePromotions(), uint64(0)
		run := len(waiting) > 0 || again
		if !run && m.due() {
			run, pulse = true, m.pulse
		}
		if run {
			retry, undecided, err := m.takeLead(ctx, waiting, pulse)
			if err != nil {
				return err
			}
			again = retry && (again || undecided)
			if retry {
				continue
			}
		}
		if s.Role() == shard.Primary {
			m.tell()
			lost, err := m.lead(ctx)
			if err != nil {
				return err
			}
			m.tell()
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
		m.tell()
		m.markCaughtUp()
		if r := m.takeResignation(); r != nil {
			r.answer <- shard.ErrNotPrimary
		}
		if err := m.pause(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tell calls Changed if there is news.
func (m *Member) tell() {
	role := m.cfg.Shard.Role()
	_, epoch := m.cfg.Shard.Leader()
	if role == m.role && epoch == m.epoch {
		return
	}
	m.role, m.epoch = role, epoch
	if m.cfg.Changed != nil {
		m.cfg.Changed()
	}
}

// due says whether this node, a replica, should try to lead by the pulse that it has seen last: nothing was heard of the leader for longer than its lease can last, or it has
// resigned. The successor that it named goes first.
func (m *Member) due() bool {
	if m.cfg.Lease.Duration == 0 {
		return false
	}
	now := m.cfg.Lease.Elapsed()
	if pulse := m.cfg.Log.Pulse(); pulse != m.pulse {
		m.pulse, m.heard = pulse, now
	}
	if m.cfg.Shard.Role() != shard.Replica {
		return false
	}
	silent := now - m.heard
	if to, vacant := m.cfg.Shard.Vacant(); vacant {
		before, _ := m.cfg.Shard.Leader()
		return to == m.cfg.NodeID || before != m.cfg.NodeID && (to == "" || silent > m.cfg.Lease.Renew) || silent > m.cfg.Lease.Duration
	}
	return silent > m.cfg.Lease.Backoff
}

// takeLead tries to lead once. retry says that the node has to look at the log again first: somebody else appended, or the log takes no writes; undecided, that
// this node's leadership may turn out to be in the log.
func (m *Member) takeLead(ctx context.Context, waiting []chan error, pulse uint64) (retry, undecided bool, err error) {
	at, _ := m.cfg.Shard.Position()
	err = m.cfg.Shard.Lead(ctx, m.cfg.Version, pulse, m.cfg.Lease.Renew)
	if errors.Is(err, txlog.ErrConflict) {
		m.putBack(waiting)
		if pulse != 0 {
			return true, false, m.pause(ctx) // the leader lives, or somebody was faster
		}
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
	_, epoch := m.cfg.Shard.Leader()
	m.cfg.Logger.Info("node leads its shard", "node", m.cfg.NodeID, "epoch", epoch, "unasked", pulse != 0)
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
		if again, err := m.restore(ctx, at); err != nil {
			return err
		} else if again {
			continue
		}
		records, err := m.cfg.Log.Read(ctx, at+1, readBytes)
		if errors.Is(err, txlog.ErrTrimmed) && m.cfg.Restore != nil {
			continue // trimmed since it was looked at
		}
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
	every := 10 * m.cfg.Backoff // rarely: an idle cluster takes next to no CPU
	if m.cfg.Lease.Duration > 0 {
		every = m.cfg.Lease.Renew
	}
	look := time.NewTicker(every)
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
		if r := m.takeResignation(); r != nil {
			err := m.cfg.Shard.Resign(ctx, r.to)
			r.answer <- err
			if err == nil {
				m.cfg.Logger.Info("node has resigned from leading its shard", "node", m.cfg.NodeID, "successor", r.to)
				return false, nil
			}
		}
		wait, end := m.waitContext(ctx)
		select {
		case <-look.C:
			end()
			m.renew(ctx)
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

// renew renews the lease. If that fails for want of zones it is tried again, and the node stops answering when the lease ends.
func (m *Member) renew(ctx context.Context) {
	if m.cfg.Lease.Duration == 0 {
		m.cfg.Shard.Leads()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Lease.Duration)
	defer cancel()
	if err := m.cfg.Shard.Renew(ctx); err != nil {
		m.cfg.Logger.Debug("leadership was not renewed", "node", m.cfg.NodeID, "err", err)
	}
}

// takeResignation is what HandOver has asked for; nil if it has not.
func (m *Member) takeResignation() *resignation {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.resign
	m.resign = nil
	return r
}

// pause waits for the next record, a promotion or the end; nil unless the member has to stop.
func (m *Member) pause(ctx context.Context) error {
	at, _ := m.cfg.Shard.Position()
	wait, end := m.waitContext(ctx)
	defer end()
	if m.cfg.Lease.Duration > 0 {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(wait, m.cfg.Lease.Renew) // to listen for the leader
		defer cancel()
	}
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
	if len(m.promote) > 0 || m.resign != nil {
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
