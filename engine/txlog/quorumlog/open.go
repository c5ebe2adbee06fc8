package quorumlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// Open opens the log, which is made when none of the folders holds one. It takes what was acknowledged, and repairs zones that lack or hold wrongly a part of it: as many
// as it needs before it returns, the others in the background. Errors: segment.ErrLocked if another process uses a folder, txlog.ErrUnavailable if fewer than two zones can be used,
// txlog.ErrCorrupt if what was acknowledged can't be read from any zone. Then nothing on disk was changed.
func Open(cfg Config) (*Quorum, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	q := &Quorum{cfg: cfg, shards: map[string]*shard{}, next: 1, lost: true}
	q.refuse()
	q.open = q.newBatch()
	for i := range q.zones {
		q.zones[i] = &zone{q: q, index: i, name: cfg.Names[i], dir: cfg.Dirs[i], wakes: make(chan struct{}, 1), state: ZoneFailed, trusted: everything}
	}
	if err := q.start(); err != nil {
		return nil, errors.Join(err, q.stop())
	}
	return q, nil
}

// found is what Open has found in a zone.
type found struct {
	z      *zone
	state  segment.State // empty if there is no identity
	id     segment.ID
	stream *segment.Stream
	img    *segment.Image
	err    error
}

// readable says that the zone holds a prefix of the log, and everything that it ever held.
func (f *found) readable(id segment.ID) bool {
	return f.err == nil && f.id == id && f.img != nil && f.state != segment.Rebuilding && f.img.Furthest.Sequence > 0
}

func (q *Quorum) start() error {
	zones, err := q.look()
	if err != nil {
		return err
	}
	fresh, err := q.identify(zones)
	if err != nil {
		return err
	}
	if fresh {
		err = q.create(zones)
	} else {
		err = q.load(zones)
	}
	if err != nil {
		return err
	}
	return q.begin(zones, fresh)
}

// look locks the zones' folders and reads whose they are.
func (q *Quorum) look() ([]*found, error) {
	zones := make([]*found, Zones)
	for i, z := range q.zones {
		f := &found{z: z}
		zones[i] = f
		if f.err = z.lockDir(); errors.Is(f.err, segment.ErrLocked) {
			return nil, f.err // whoever has one of them has the log
		}
		if f.err != nil {
			continue
		}
		ident, id, err := segment.ReadIdentity(q.cfg.FS, z.dir)
		switch {
		case err == nil:
			f.state, f.id = ident.State, id
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, segment.ErrDamaged):
			f.err = err
		case errors.Is(err, segment.ErrDamaged):
			q.cfg.Logger.Error("zone of the log has a damaged identity", "zone", z.name, "dir", z.dir, "err", err)
		}
	}
	return zones, nil
}

// identify finds out which log the folders belong to; fresh says that there is none that ever took an append.
func (q *Quorum) identify(zones []*found) (fresh bool, err error) {
	votes := map[segment.ID]int{}
	made := 0 // zones of a log that was being made
	fresh = true
	for _, f := range zones {
		if f.state == segment.Used || f.state == segment.Rebuilding {
			fresh = false
		}
		if f.state == segment.New {
			made++
		}
		if f.state != "" {
			votes[f.id]++
		}
	}
	if fresh {
		// Two zones that say that nothing was ever accepted are right. Else a zone that has lost its identity may hold a log.
		for _, f := range zones {
			files, err := q.cfg.FS.ReadDir(f.z.dir)
			if made < Majority && f.err == nil && f.state == "" && err == nil && slices.ContainsFunc(files, segment.IsSegment) {
				return false, fmt.Errorf("zone %s in %s has segments but no identity: %w", f.z.name, f.z.dir, txlog.ErrCorrupt)
			}
		}
		_, err := io.ReadFull(q.cfg.Rand, q.id[:])
		return true, err
	}
	best := 0
	for id, n := range votes {
		if n > best {
			q.id, best = id, n
		}
	}
	for _, f := range zones {
		if f.state != "" && f.id != q.id {
			f.err = fmt.Errorf("zone %s in %s: %w", f.z.name, f.z.dir, segment.ErrForeign)
			if best < Majority {
				return false, fmt.Errorf("%w: %w", txlog.ErrUnavailable, f.err)
			}
			q.cfg.Logger.Error("zone of the log belongs to another log", "zone", f.z.name, "dir", f.z.dir)
		}
	}
	return false, nil
}

// create makes a new log in the zones that can be used.
func (q *Quorum) create(zones []*found) error {
	var all sync.WaitGroup
	for _, f := range zones {
		all.Go(f.create)
	}
	all.Wait()
	usable := 0
	var errs []error
	for _, f := range zones {
		f.z.stream = f.stream
		if f.err != nil {
			errs = append(errs, fmt.Errorf("zone %s: %w", f.z.name, f.err))
			continue
		}
		usable++
	}
	if usable < Majority {
		return fmt.Errorf("create log: %w: %w", txlog.ErrUnavailable, errors.Join(errs...))
	}
	q.end = segment.Mark{End: segment.Location{Segment: 1, Offset: segment.Start}}
	q.generation = 1
	return nil
}

// create makes a zone of a new log.
func (f *found) create() {
	q := f.z.q
	if f.err == nil {
		f.err = segment.WriteIdentity(q.cfg.FS, f.z.dir, q.id, segment.New)
	}
	if f.err == nil {
		f.stream, f.err = f.z.openStream()
	}
	if f.err == nil { // what an opening that was cut short has left
		f.err = f.stream.RemoveAfter(0)
	}
	if f.err == nil {
		f.err = f.stream.Prepare(1)
	}
}

// load reads the zones and finds out what was acknowledged.
func (q *Quorum) load(zones []*found) error {
	var all sync.WaitGroup
	for _, f := range zones {
		if f.err != nil || f.state == "" {
			continue
		}
		all.Go(func() {
			if f.stream, f.err = f.z.openStream(); f.err == nil {
				f.img, f.err = f.stream.Scan()
			}
		})
	}
	all.Wait()
	for _, f := range zones {
		f.z.stream = f.stream
	}
	var usable []*found
	var errs []error
	for _, f := range zones {
		switch {
		case f.readable(q.id):
			usable = append(usable, f)
		case f.err != nil:
			errs = append(errs, fmt.Errorf("zone %s: %w", f.z.name, f.err))
		case f.state == "":
			errs = append(errs, fmt.Errorf("zone %s: nothing in %s", f.z.name, f.z.dir))
		default:
			errs = append(errs, fmt.Errorf("zone %s: %s is not complete", f.z.name, f.z.dir))
		}
		if f.img != nil {
			q.generation = max(q.generation, f.img.Furthest.Generation)
			for _, what := range f.img.Damage {
				q.cfg.Logger.Warn("zone of the log is damaged", "zone", f.z.name, "dir", f.z.dir, "what", what)
			}
		}
	}
	q.generation++
	if len(usable) < Majority {
		return fmt.Errorf("open log: %w: %w", txlog.ErrUnavailable, errors.Join(errs...))
	}
	for _, err := range errs {
		q.cfg.Logger.Error("log is opened without a zone", "err", err)
	}
	return q.recoverFrom(usable)
}

// recoverFrom reads the history from the zones that can be used and decides where it ends.
func (q *Quorum) recoverFrom(usable []*found) error {
	best := slices.Clone(usable)
	slices.SortStableFunc(best, func(a, b *found) int {
		switch {
		case b.img.Furthest.Older(a.img.Furthest):
			return -1
		case a.img.Furthest.Older(b.img.Furthest):
			return 1
		}
		return len(a.img.Damage) - len(b.img.Damage)
	})
	for _, f := range best {
		q.best = append(q.best, f.stream)
	}
	furthest := best[0].img.Furthest
	rep, err := q.replay(best, furthest)
	if err != nil {
		return err
	}
	// The newest frame was never acknowledged if the two other zones are sound and end right before it. Else it is kept: it may have been. One that begins a
	// segment is kept as well: a zone that has lost the file looks the same as one that never had it.
	without := 0
	for _, f := range usable {
		if f.img.Clean && f.img.Furthest.Sequence == furthest.Sequence-1 && f.img.Furthest.End == furthest.At {
			without++
		}
	}
	if without >= Majority {
		q.cfg.Logger.Info("newest batch was not acknowledged and is discarded", "seq", furthest.Sequence, "generation", furthest.Generation)
		again := newReplay(q, rep.start)
		again.before = furthest.Sequence
		if err := again.run(best); err != nil {
			return err
		}
		rep = again
	}
	rep.install()
	q.reclaim()
	return nil
}

// replay reads everything up to the newest frame that was found. It begins with the oldest segment that is left in any zone, or, if it can't be read to the end from
// there, with a later one before which two zones have nothing: then what is before was no longer needed.
func (q *Quorum) replay(zones []*found, furthest segment.Mark) (*replay, error) {
	starts := map[uint64]int{} // how many zones begin there or after
	for _, f := range zones {
		for _, g := range zones {
			if g.img.First >= f.img.First {
				starts[f.img.First]++
			}
		}
	}
	var failed *replay
	for i, start := range slices.Sorted(maps.Keys(starts)) {
		if i > 0 && starts[start] < Majority {
			break
		}
		rep := newReplay(q, start)
		if err := rep.run(zones); err != nil {
			return nil, err
		}
		if rep.end.Same(furthest) {
			return rep, nil
		}
		if failed == nil {
			failed = rep
		}
	}
	return nil, fmt.Errorf("open log: frame %d, which was acknowledged, can't be read from any zone, while frame %d can: %w",
		failed.end.Sequence+1, furthest.Sequence, txlog.ErrCorrupt)
}

// begin brings the zones to the recovered state, begins the new generation, and starts the goroutines.
func (q *Quorum) begin(zones []*found, fresh bool) error {
	for _, f := range zones {
		switch {
		case fresh && f.err == nil:
			f.z.state, f.z.attached = ZoneOK, true
		case !fresh && f.readable(q.id):
			if f.err = f.z.resume(f.img); f.err != nil {
				q.cfg.Logger.Error("zone of the log failed", "zone", f.z.name, "dir", f.z.dir, "err", f.err)
			}
		}
	}
	q.best = nil // from now on the zones that are well come first
	q.beginGeneration()
	for _, f := range zones {
		if f.z.state == ZoneOK && f.state != segment.Used {
			f.z.markUsed()
		}
	}
	if q.working() < Majority || q.durable.Generation != q.generation {
		var errs []error
		for _, f := range zones {
			errs = append(errs, f.err, f.z.err)
		}
		return fmt.Errorf("open log: %w: %w", txlog.ErrUnavailable, errors.Join(errs...))
	}
	for i, z := range q.zones {
		if z.state != ZoneOK && z.err == nil {
			z.err = zones[i].err
		}
		z.retry = z.state != ZoneOK
		z.lookAtSpace()
		q.stopped.Add(1)
		go z.run()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.recover()
	return nil
}

// resume makes a zone hold what was recovered, and only that, and be sure to be on disk.
func (z *zone) resume(img *segment.Image) error {
	if img.Furthest.Sequence > 0 {
		tail := img.Furthest.End
		tail.Offset = max(tail.Offset-segment.RoundBytes, segment.Start)
		z.distrust(tail)
		z.distrust(img.Furthest.At)
	}
	at, err := z.copyAll(z.stream, img)
	if err != nil {
		return err
	}
	z.state, z.attached, z.acked, z.trusted = ZoneOK, true, at, everything
	return nil
}

// beginGeneration writes an empty frame of the new generation to the zones: once it is on disk in two of them, no other history can be taken for the newest, and none has
// the same number. The zones' goroutines don't run yet.
func (q *Quorum) beginGeneration() {
	q.flight, q.open = q.open, q.newBatch()
	q.launch(q.flight)
	for _, z := range q.zones {
		if len(z.queue) > 0 {
			z.write(z.round())
		}
	}
}

// markUsed notes that a zone of a log that was just made is complete from now on. An opening that is cut short in between is finished by the next one.
func (z *zone) markUsed() {
	if err := segment.WriteIdentity(z.q.cfg.FS, z.dir, z.q.id, segment.Used); err != nil {
		z.q.mu.Lock()
		defer z.q.mu.Unlock()
		z.failed(err)
	}
}

// reclaim has segments removed that no shard needs any more; under mu.
func (q *Quorum) reclaim() {
	need := q.durable.At.Segment
	for _, s := range q.shards {
		s.index.Trim(s.kept)
		if s.kept > s.durablePos() {
			continue
		}
		if at, ok := s.index.Find(s.kept); ok {
			need = min(need, at.Segment)
		}
	}
	i := slices.IndexFunc(q.segments, func(seg segment.Segment) bool { return seg.Number >= need })
	if i <= 0 {
		return
	}
	q.segments = slices.Clone(q.segments[i:])
	for _, z := range q.zones {
		z.remove = need
		z.kick()
	}
}
