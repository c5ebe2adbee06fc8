package quorumlog

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// ZoneState is how a zone is.
type ZoneState string

// The states of a zone.
const (
	// ZoneOK zones take every frame; two of them make a record durable.
	ZoneOK ZoneState = "ok"
	// ZoneFailed zones take no frames; they are repaired after Config.Retry.
	ZoneFailed ZoneState = "failed"
	// ZoneRepairing zones are getting what they lack from the others.
	ZoneRepairing ZoneState = "repairing"
)

var errBehind = errors.New("zone has fallen too far behind the others")

// zone is one of the folders, with the goroutine that writes it.
type zone struct {
	q     *Quorum
	index int
	name  string
	dir   string
	lock  io.Closer     // nil until the folder could be locked; used by Open, then by the goroutine
	wakes chan struct{} // has room for one

	// Guarded by q.mu.
	state    ZoneState
	err      error // why it failed
	attached bool  // frames are queued for it
	retry    bool  // it is time to repair it
	quit     bool
	queue    []*batch
	queued   int64           // bytes in queue, and being written
	stream   *segment.Stream // nil if its files are not open
	acked    segment.Mark    // newest frame that it has on disk
	damaged  []uint64        // segments in which a read has found damage
	free     uint64          // bytes of disk, when last looked
	checked  time.Time
	written  int64 // since then
	pending  *time.Timer
	remove   uint64 // segments before this one are to be removed

	// trusted is where what can be read from the files may not be on disk: a sync of it has failed. Used by Open, then by the goroutine.
	trusted segment.Location
}

// everything is a place behind all others: all that can be read is on disk.
var everything = segment.Location{Segment: math.MaxUint64}

// distrust notes that what stands at or after a place may not be on disk although it can be read.
func (z *zone) distrust(at segment.Location) {
	if at.Before(z.trusted) {
		z.trusted = at
	}
}

func (z *zone) kick() {
	select {
	case z.wakes <- struct{}{}:
	default:
	}
}

// enqueue gives the zone a frame to write; under q.mu. A zone that can't keep up is given up, so that what it lacks does not fill the memory.
func (z *zone) enqueue(b *batch) {
	if z.queued > 0 && z.queued+int64(len(b.bytes)) > z.q.cfg.LagBytes {
		z.failed(errBehind)
		return
	}
	b.users++
	z.queue = append(z.queue, b)
	z.queued += int64(len(b.bytes))
	z.kick()
}

// failed takes the zone out of the quorum; under q.mu.
func (z *zone) failed(err error) {
	q := z.q
	for _, b := range z.queue {
		b.users--
		q.recycle(b)
	}
	z.queue, z.queued = nil, 0
	z.attached = false
	if q.flight != nil {
		q.flight.holders &^= 1 << z.index // repair may take it away again
	}
	if z.state != ZoneFailed || z.err == nil || z.err.Error() != err.Error() {
		q.cfg.Logger.Error("zone of the log failed", "zone", z.name, "dir", z.dir, "err", err)
	}
	z.state, z.err, z.retry = ZoneFailed, err, false
	if z.pending == nil {
		z.pending = time.AfterFunc(q.cfg.Retry, z.retryNow)
	} else {
		z.pending.Reset(q.cfg.Retry)
	}
	q.checkZones()
}

// Fail takes a zone out of the quorum as if a write to it had failed with err: for whoever learns of its outage before the log writes to it. Like any other failed zone it is repaired
// after Config.Retry. It says whether there is a zone of that name.
func (q *Quorum) Fail(zone string, err error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, z := range q.zones {
		if z.name == zone {
			if z.state == ZoneOK && !q.closing {
				z.failed(err)
			}
			return true
		}
	}
	return false
}

func (z *zone) retryNow() {
	z.q.mu.Lock()
	z.retry = z.state == ZoneFailed
	z.q.mu.Unlock()
	z.kick()
}

// run is the zone's goroutine.
func (z *zone) run() {
	defer z.q.stopped.Done()
	for {
		work, task := z.next()
		switch task {
		case writeTask:
			z.write(work)
		case repairTask:
			z.repairNow()
		case healTask:
			z.heal()
		case removeTask:
			z.removeOld()
		case quitTask:
			return
		default:
			<-z.wakes
		}
	}
}

type task int

const (
	waitTask task = iota
	writeTask
	repairTask
	healTask
	removeTask
	quitTask
)

// next is what the zone's goroutine has to do.
func (z *zone) next() ([]*batch, task) {
	z.q.mu.Lock()
	defer z.q.mu.Unlock()
	switch {
	case len(z.queue) > 0 && z.state == ZoneOK:
		return z.round(), writeTask
	case z.remove > 0 && z.state == ZoneOK:
		return nil, removeTask
	case z.quit:
		return nil, quitTask
	case z.state == ZoneFailed && z.retry:
		z.retry = false
		z.state = ZoneRepairing
		return nil, repairTask
	case len(z.damaged) > 0 && z.state == ZoneOK:
		return nil, healTask
	}
	return nil, waitTask
}

// round takes from the queue what is written with one sync; under q.mu.
func (z *zone) round() []*batch {
	n, size := 0, 0
	for n < len(z.queue) && (n == 0 || size+len(z.queue[n].bytes) <= segment.RoundBytes) {
		size += len(z.queue[n].bytes)
		n++
	}
	work := slices.Clone(z.queue[:n])
	z.queue = slices.Delete(z.queue, 0, n)
	return work
}

// write puts frames on disk and tells the quorum.
func (z *zone) write(work []*batch) {
	q := z.q
	frames := make([]segment.Placed, len(work))
	size := int64(0)
	for i, b := range work {
		frames[i] = segment.Placed{At: b.at, Bytes: b.bytes}
		size += int64(len(b.bytes))
	}
	err := z.stream.Write(frames...)
	if err != nil {
		q.mu.Lock()
		for _, b := range work {
			b.users--
			q.recycle(b)
		}
		z.distrust(z.acked.End)
		z.failed(err)
		q.mu.Unlock()
		return
	}
	next := q.acknowledge(z, work, size)
	if next != nil {
		q.launch(next)
	}
	z.checkSpace(size)
}

// removeOld forgets segments that are no longer needed, between two writes.
func (z *zone) removeOld() {
	q := z.q
	q.mu.Lock()
	s, before := z.stream, z.remove
	z.remove = 0
	q.mu.Unlock()
	if err := s.RemoveBefore(before); err != nil { // they are removed by the next opening or repair
		q.cfg.Logger.Warn("old segments not removed", "zone", z.name, "err", err)
	}
}

// lockDir makes the folder if need be and takes it as this process's own. Used by Open, and by the zone's goroutine while no frames are queued for it.
func (z *zone) lockDir() error {
	fsys := z.q.cfg.FS
	if err := fsys.MkdirAll(z.dir); err != nil {
		return fmt.Errorf("make folder of zone %s: %w", z.name, err)
	}
	if z.lock != nil { // the folder may be another one than before
		_ = z.lock.Close()
		z.lock = nil
	}
	lock, err := fsys.Lock(filepath.Join(z.dir, "LOCK"))
	if err != nil {
		return fmt.Errorf("lock folder of zone %s: %w", z.name, err)
	}
	z.lock = lock
	return nil
}

func (z *zone) openStream() (*segment.Stream, error) {
	cfg := &z.q.cfg
	s, err := segment.Open(segment.Config{FS: cfg.FS, Dir: z.dir, ID: z.q.id, SegmentBytes: cfg.SegmentBytes, Logger: cfg.Logger})
	if err != nil {
		return nil, fmt.Errorf("open zone %s: %w", z.name, err)
	}
	return s, nil
}

// replace makes s the zone's stream and closes the one before.
func (z *zone) replace(s *segment.Stream) error {
	z.q.mu.Lock()
	old := z.stream
	z.stream = s
	z.q.mu.Unlock()
	if old == nil {
		return nil
	}
	return old.Close()
}

// close ends what the zone holds, after its goroutine.
func (z *zone) close() error {
	if z.pending != nil {
		z.pending.Stop()
	}
	err := z.replace(nil)
	if z.lock != nil {
		err = errors.Join(err, z.lock.Close())
		z.lock = nil
	}
	return err
}

// checkSpace looks at the disk's free space, once for each mebibyte written and each second of writing.
func (z *zone) checkSpace(written int64) {
	q := z.q
	now := q.cfg.Now()
	q.mu.Lock()
	z.written += written
	due := z.written >= spaceBytes || now.Sub(z.checked) >= spaceAge
	q.mu.Unlock()
	if due {
		z.lookAtSpace()
	}
}

// How old what is known about free disk space may get while the log is written.
const (
	spaceBytes = 1 << 20
	spaceAge   = time.Second
)

func (z *zone) lookAtSpace() {
	q := z.q
	free, err := q.cfg.FS.Free(z.dir)
	now := q.cfg.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil { // the zone's next write will tell
		q.cfg.Logger.Warn("free disk space not known", "zone", z.name, "err", err)
		return
	}
	z.free, z.checked, z.written = free, now, 0
	q.checkSpace()
}

// checkSpace refuses appends when fewer than two zones have disk space left, and takes them again when they have; under mu.
func (q *Quorum) checkSpace() {
	enough := 0
	for _, z := range q.zones {
		if z.state == ZoneOK && (z.checked.IsZero() || int64(z.free) >= q.cfg.Watermark) {
			enough++
		}
	}
	crowded := enough < Majority && q.working() >= Majority
	if crowded != q.crowded {
		q.crowded = crowded
		q.refuse()
		if crowded {
			q.cfg.Logger.Error("log takes no writes: disk space is below the watermark", "watermark", q.cfg.Watermark)
		} else {
			q.cfg.Logger.Info("log takes writes again: there is disk space")
		}
	}
	if crowded && !q.closing {
		q.spaceTimer()
	}
}

// spaceTimer looks at the disks again after a while; under mu.
func (q *Quorum) spaceTimer() {
	if q.space == nil {
		q.space = time.AfterFunc(q.cfg.Retry, q.lookAtSpace)
	} else {
		q.space.Reset(q.cfg.Retry)
	}
}

func (q *Quorum) lookAtSpace() {
	for _, z := range q.zones {
		z.lookAtSpace()
	}
}
