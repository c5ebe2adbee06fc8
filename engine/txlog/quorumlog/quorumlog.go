// Package quorumlog is the transaction log of one process, kept in three zones: folders that should stand on disks of their own. A record is acknowledged when it is on
// disk in two of them.
//
// All shards of the process share one stream of batch frames (package segment), so one sync a zone serves every shard's appends. Append only assigns positions and
// adds to the open batch. One batch is in flight at a time: it is written to all zones at once, is durable when two of them have synced it, and meanwhile the next one gathers.
// So only the newest frame of a stream can be in doubt after a crash: that a frame exists means that the one before it was acknowledged. DESIGN.md, in the folder above, has the rules
// of recovery that follow from it.
//
// Goroutines: one a zone, which writes, syncs and mends it, and one a zone's stream (see segment). Close waits for all of them.
package quorumlog

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// Zones is how many zones a log has; Majority of them make a record durable.
const (
	Zones    = 3
	Majority = 2
)

// Defaults of Config.
const (
	DefaultWatermark = 128 << 20
	DefaultLagBytes  = 64 << 20
	DefaultBacklog   = 512 << 20
	DefaultFlush     = 2 * time.Millisecond
	DefaultRetry     = time.Second
)

// Config is what a log needs. Dirs and Now are required.
type Config struct {
	// Dirs are the zones' folders. They are made when they are not there.
	Dirs [Zones]string
	// Names name the zones in messages and Status; the default is a, b and c.
	Names [Zones]string
	// FS is the file system; nil is the operating system's.
	FS segment.FS
	// Now is the clock, for latencies and the age of what is known about disk space.
	Now func() time.Time
	// Rand gives the identity of a new log; nil is crypto/rand.
	Rand   io.Reader
	Logger *slog.Logger
	// SegmentBytes is the size of a segment's file; 0 is segment.DefaultBytes.
	SegmentBytes int64
	// Watermark is how many bytes of disk must be free in two zones for appends to be taken; 0 is DefaultWatermark, negative is none.
	Watermark int64
	// LagBytes is how far a zone may stay behind the others before it is given up and repaired; 0 is DefaultLagBytes.
	LagBytes int64
	// BacklogBytes is how much may wait in memory for its turn to be written; beyond it appends are refused with txlog.ErrUnavailable: the disks of two zones hang. 0 is DefaultBacklog.
	BacklogBytes int64
	// Flush is how long a record that nobody waits for may stay in memory; 0 is DefaultFlush.
	Flush time.Duration
	// Retry is how long a failed zone is left alone before it is repaired, and a full disk before it is looked at again; 0 is DefaultRetry.
	Retry time.Duration
}

func (c *Config) fill() error {
	if c.Now == nil {
		return errors.New("quorumlog: Config.Now is required")
	}
	for i, dir := range c.Dirs {
		if dir == "" {
			return fmt.Errorf("quorumlog: Config.Dirs[%d] is empty", i)
		}
		for _, other := range c.Dirs[:i] {
			if filepath.Clean(dir) == filepath.Clean(other) {
				return fmt.Errorf("quorumlog: folder %s is given for two zones", dir)
			}
		}
		if c.Names[i] == "" {
			c.Names[i] = string(rune('a' + i))
		}
	}
	if c.FS == nil {
		c.FS = segment.OS{}
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = segment.DefaultBytes
	}
	if c.SegmentBytes < 4*segment.Start {
		return fmt.Errorf("quorumlog: Config.SegmentBytes is %d, the least is %d", c.SegmentBytes, 4*segment.Start)
	}
	setDefault(&c.Watermark, DefaultWatermark)
	setDefault(&c.LagBytes, DefaultLagBytes)
	setDefault(&c.BacklogBytes, DefaultBacklog)
	setDefault(&c.Flush, DefaultFlush)
	setDefault(&c.Retry, DefaultRetry)
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// What Writable says, in Quorum.refusal.
const (
	writable int32 = iota
	unavailable
	full
	closed
)

// Quorum is the log of one process. Create it with Open.
type Quorum struct {
	cfg        Config
	id         segment.ID
	generation uint32
	zones      [Zones]*zone
	stopped    sync.WaitGroup // the zones' goroutines
	refusal    atomic.Int32   // what Writable says; written under mu
	stats      counters

	mu       sync.Mutex
	shards   map[string]*shard // by id
	next     uint32            // the next shard's number
	open     *batch            // gathers what is appended
	ready    []*batch          // full ones that wait for their turn
	flight   *batch            // is being written
	backlog  int64             // bytes in open and ready
	batches  uint64            // how many were made, see batch.id
	end      segment.Mark      // newest frame that was made
	durable  segment.Mark      // newest frame that is durable
	segments []segment.Segment // what the durable history holds in each segment
	lost     bool              // too few zones work, or they did and what was in flight then is not yet durable
	crowded  bool              // too little disk space
	closing  bool
	idle     chan struct{} // closed by settled, for Close and Drop
	flushing bool          // the timer is set
	flush    *time.Timer
	space    *time.Timer // looks at full disks again
	free     []*batch
	best     []*segment.Stream // while the log is opened: the zones, the most up-to-date first
}

// Writable is what Append would say of the log as a whole.
func (q *Quorum) writable() error { return refusalError(q.refusal.Load()) }

func refusalError(code int32) error {
	switch code {
	case unavailable:
		return txlog.ErrUnavailable
	case full:
		return txlog.ErrFull
	case closed:
		return txlog.ErrClosed
	}
	return nil
}

// refuse computes what Writable says; under mu.
func (q *Quorum) refuse() {
	code := writable
	switch {
	case q.closing:
		code = closed
	case q.lost, q.backlog > q.cfg.BacklogBytes:
		code = unavailable
	case q.crowded:
		code = full
	}
	q.refusal.Store(code)
}

// working is how many zones take frames; under mu.
func (q *Quorum) working() int {
	n := 0
	for _, z := range q.zones {
		if z.state == ZoneOK {
			n++
		}
	}
	return n
}

// Close commits what was accepted, ends the goroutines and closes the files. What can't be committed since too few zones work stays unknown.
func (q *Quorum) Close() error {
	q.mu.Lock()
	if q.closing {
		q.mu.Unlock()
		return nil
	}
	q.closing = true
	q.refuse()
	q.mu.Unlock()
	for {
		q.commit()
		q.mu.Lock()
		if q.lost || q.settled() {
			break
		}
		wait := q.whenIdle()
		q.mu.Unlock()
		<-wait
	}
	for _, t := range []*time.Timer{q.flush, q.space} {
		if t != nil {
			t.Stop()
		}
	}
	for _, s := range q.shards {
		s.notify()
	}
	q.fail() // wakes those who wait for what can't be committed
	q.mu.Unlock()
	return q.stop()
}

// stop ends the zones' goroutines after what they have queued, and closes them.
func (q *Quorum) stop() error {
	q.mu.Lock()
	q.closing = true
	for _, z := range q.zones {
		z.quit = true
		z.kick()
	}
	q.mu.Unlock()
	q.stopped.Wait()
	var errs []error
	for _, z := range q.zones {
		errs = append(errs, z.close())
	}
	return errors.Join(errs...)
}

// settled says that everything that was accepted is durable; under mu.
func (q *Quorum) settled() bool { return q.flight == nil && len(q.ready) == 0 && q.open.empty() }

// whenIdle is closed when a commit has ended, one way or the other; under mu.
func (q *Quorum) whenIdle() <-chan struct{} {
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	return q.idle
}
