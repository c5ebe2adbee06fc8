// Package shard is the executor: whatever changes or reads the keys of one shard on one node goes through it, one call at a time.
//
// A client's command, EXEC, a script's call, a replica's replay and a restore run the same row's Run under the shard's turn (one mutex). A call that changed
// something is appended to the transaction log as one record of its effects before the turn is given back; its reply leaves only
// when the record is durable (Wait). See DESIGN.md for the promises and the traps.
//
// The package starts no goroutines.
package shard

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Role is what a node is for its shard.
type Role int32

// The roles.
const (
	// Loading: the node has not yet applied what was in the log when it started; it answers LOADING.
	Loading Role = iota
	// Replica: the node follows the log and answers reads under READONLY.
	Replica
	// Primary: the node leads the shard; it alone appends.
	Primary
)

// String is the role as INFO and ROLE show it, in the words that the protocol requires.
func (r Role) String() string {
	if r == Primary {
		return "master"
	}
	return "slave"
}

// EngineVersion is the version of the record format that this engine writes (promise P8). An older engine that meets a newer version stops.
const EngineVersion uint16 = 1

// Policy says which keys may be evicted when memory is short, as maxmemory-policy names them.
type Policy string

// Memory is how much a shard may hold and what it does when that is reached (promise P9).
type Memory struct {
	// Max is maxmemory in bytes; 0 is no limit.
	Max int64
	// Policy is maxmemory-policy; empty is noeviction.
	Policy Policy
	// Samples is maxmemory-samples; 0 is 5.
	Samples int
}

// Config is what a shard needs. NodeID, Log, Table, NewDB and Now are required.
type Config struct {
	// NodeID names this node in leadership entries.
	NodeID string
	// Log is this node's handle on the shard's log.
	Log txlog.Log
	// Table holds the rows that replay may meet: every writing command.
	Table *command.Table
	// NewDB makes an empty keyspace; a node that was demoted discards its memory and begins with a new one.
	NewDB func() *keyspace.DB
	Now   func() time.Time
	// Lease is how long a primary may answer after it has begun to renew its leadership (promise P5). 0 is for ever: then all nodes of the shard must share the log's handle within
	// one process, where Log.Epoch tells at once that another one leads.
	Lease time.Duration
	// Skip are positions of records whose effects an operator has given up: they are passed over, on this node and on whoever replays the log with the same Skip.
	Skip map[txlog.Pos]bool
	// Elapsed is a clock that never steps, for leases; nil is the process's monotonic clock.
	Elapsed func() time.Duration
	// Rand is the source of chance for commands and eviction; nil is seeded by the runtime.
	Rand   *rand.Rand
	Logger *slog.Logger
}

// Stats are counters since the node was opened; each is the number of keys, records or calls that its name says.
type Stats struct {
	Expired, Evicted, Applied uint64
	Hits, Misses              uint64
	// Held counts calls whose reply had to wait for the log: Writes by their own record, Reads by a key with an uncommitted change.
	HeldWrites, HeldReads uint64
	// Changes counts the changes of keys that calls and the log have made here.
	Changes uint64
}

// Shard executes the calls of one node. Create it with New.
type Shard struct {
	cfg     Config
	log     txlog.Log
	seed    maphash.Seed
	role    atomic.Int32
	lost    chan struct{}         // has room for one; see Lost
	told    atomic.Pointer[error] // what busy is, for those without the turn
	halted  atomic.Bool           // see Halt
	paused  atomic.Int64          // see Pause
	filling atomic.Bool           // see Fill
	lease   atomic.Int64          // until when, by Elapsed, the node may answer as primary; with Config.Lease only

	mu       sync.Mutex // the turn; guards everything below
	turn     Turn
	busy     error      // the clients' error reply while a script runs for too long
	idle     *sync.Cond // busy is nil again
	db       *keyspace.DB
	limits   keyspace.Limits
	memory   Memory
	tail     txlog.Pos // newest position executed (primary) or applied (replica) here
	chain    txlog.Chain
	epoch    uint64
	leader   string
	resigned *string // the successor that the leader has named in its last entry; nil if it has not resigned
	failed   error   // why a primary may not write any more: the outcome of a record is unknown
	pending  pending
	changed  []uint64 // hashes of the keys that the running call has changed
	all      bool     // the running call changed the whole keyspace
	call     *command.Call
	payload  []byte
	watchers map[string]map[*Watcher]struct{}
	blocked  blocked
	stats    Stats
	observer Observer
}

// New makes a shard that is Loading, with an empty keyspace at position 0.
func New(cfg Config) *Shard {
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Elapsed == nil {
		begun := time.Now()
		cfg.Elapsed = func() time.Duration { return time.Since(begun) }
	}
	s := &Shard{cfg: cfg, log: cfg.Log, seed: maphash.MakeSeed(), lost: make(chan struct{}, 1), watchers: map[string]map[*Watcher]struct{}{}, observer: unobserved{}}
	s.turn.s = s
	s.idle = sync.NewCond(&s.mu)
	s.setDB(cfg.NewDB())
	s.limits = s.db.Limits
	return s
}

// setDB installs a keyspace; under the turn or before the shard is shared.
func (s *Shard) setDB(db *keyspace.DB) {
	s.db = db
	db.Expiry = keyspace.ExpireIgnore
	db.OnExpired = s.expired
}

// Role is the node's role. It may be read without the turn.
func (s *Shard) Role() Role { return Role(s.role.Load()) }

// Serving is nil if the node may answer commands about keys at all, else the error reply.
func (s *Shard) Serving() error {
	switch {
	case s.Role() == Loading:
		return resp.ErrLoading
	case s.Role() == Primary && !s.Leased():
		return resp.ErrNoLease
	}
	return s.filled()
}

// writable is nil if a write may be executed now, else the error reply. It is asked before a write is executed: nothing is changed in memory that the log would not take.
func (s *Shard) writable() error {
	err := s.log.Writable()
	switch {
	case err == nil && s.failed == nil:
		return nil
	case errors.Is(err, txlog.ErrFull):
		return resp.ErrLogFull
	default:
		return resp.ErrLogDown
	}
}

// Position is the newest position that this node has executed or applied, and the running checksum there (0 on a primary, which does not compute it).
func (s *Shard) Position() (txlog.Pos, txlog.Chain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tail, s.chain
}

// Leader is the node id of the newest leadership entry that this node has applied, with its epoch.
func (s *Shard) Leader() (node string, epoch uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leader, s.epoch
}

// Durable is the newest durable position of the log.
func (s *Shard) Durable() txlog.Pos { return s.log.Durable() }

// Stats are the counters up to now.
func (s *Shard) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Hits, st.Misses = st.Hits+s.db.Hits, st.Misses+s.db.Misses
	return st
}

// ResetStats sets the counters back to zero.
func (s *Shard) ResetStats() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats, s.db.Hits, s.db.Misses = Stats{}, 0, 0
}

// View calls fn with the keyspace under the turn, for INFO and the like; fn changes nothing and keeps nothing.
func (s *Shard) View(fn func(db *keyspace.DB)) {
	defer s.Begin().End()
	s.db.Now = s.turn.now
	fn(s.db)
}

// SetLimits changes encoding thresholds and eviction bookkeeping; existing values keep their encoding until they change.
func (s *Shard) SetLimits(l keyspace.Limits) {
	defer s.Begin().End()
	s.limits, s.db.Limits = l, l
}

// SetMemory changes how much the shard may hold, and evicts some of what is too much.
func (s *Shard) SetMemory(m Memory) {
	t := s.Begin()
	defer t.End()
	s.memory = m
	t.MakeRoom()
}

// Lost is sent to when the node has lost the log: overtaken by another leader, or the outcome of a record is unknown. Whoever steers the
// node (engine/replication) then calls Reset and catches up again.
func (s *Shard) Lost() <-chan struct{} { return s.lost }

// Failed is why the node has lost the log: txlog.ErrConflict if another node leads; nil if it has not.
func (s *Shard) Failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// Leads says whether the node leads its shard at this moment: it is primary, no other node has taken the lead and it has not lost the log. A primary that nobody talks to
// finds out here that it was overtaken; Lost then has news.
func (s *Shard) Leads() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Role() == Primary && s.log.Epoch() != s.epoch {
		s.lose(txlog.ErrConflict)
	}
	return s.Role() == Primary && s.failed == nil
}

// ErrFenced is returned to a caller whose connection must be closed without a reply: the node may not answer any more.
var ErrFenced = errors.New("node has lost its shard's log")

// lose stops the node after err from the log; under the turn. After a conflict another node leads, so this one answers nothing any more. After an unknown outcome
// no other node can lead before the log works again: reads of keys without uncommitted changes go on.
func (s *Shard) lose(err error) {
	if s.failed == nil {
		s.cfg.Logger.Warn("lost the log", "node", s.cfg.NodeID, "pos", uint64(s.tail), "epoch", s.epoch, "err", err)
	}
	s.failed = err
	if errors.Is(err, txlog.ErrConflict) {
		s.lease.Store(0)
		s.role.Store(int32(Loading))
		s.unblock()
	}
	select {
	case s.lost <- struct{}{}:
	default: // told already
	}
}

// Wait waits until pos is durable and everything before it: then the replies may leave. Any error means that the outcome is unknown and that the connection must be
// closed without the replies.
func (s *Shard) Wait(ctx context.Context, pos txlog.Pos) error {
	if pos <= s.log.Durable() {
		return nil
	}
	err := s.log.Wait(ctx, pos)
	if err != nil && ctx.Err() == nil {
		s.mu.Lock()
		if s.Role() == Primary && pos > s.log.Durable() { // else the node has begun anew since, from a log that has settled pos
			s.lose(err)
		}
		s.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("wait for position %v: %w", pos, err)
	}
	return nil
}

// Close gives the keyspace's memory back; nothing may be executed any more.
func (s *Shard) Close() {
	defer s.Begin().End()
	s.role.Store(int32(Loading))
	s.unblock()
	s.db.Close()
}
