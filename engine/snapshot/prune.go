package snapshot

import (
	"context"
	"fmt"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Retention says which scheduled snapshots are kept: those that are among the Count newest scheduled ones and not older than Age. A zero sets no bound. The newest snapshot of all is kept in any
// case, and so are those that were not scheduled.
type Retention struct {
	Count int
	Age   time.Duration
	// Pinned says which positions are kept besides, for somebody who counts on them; nil is none.
	Pinned func(pos txlog.Pos) bool
}

// leftoverAge is how old a file without a manifest must be to be taken for the leftover of a Take that was cut short, rather than for one that is being verified.
const leftoverAge = 24 * time.Hour

// Prune deletes the scheduled snapshots that need not be kept, and what was left behind by a Take that was cut short. It returns how many objects of either kind it has deleted.
func (s *Store) Prune(ctx context.Context, keep Retention) (deleted int, err error) {
	names, err := s.names(ctx)
	if err != nil {
		return 0, err
	}
	var all []Manifest
	unread := map[txlog.Pos]bool{}
	for _, name := range names {
		m, err := s.read(ctx, name)
		if unusable(err) { // its file may be in order, and somebody may know what to do with it
			pos, _ := positionIn(name, s.manifests())
			unread[pos] = true
			continue
		}
		if err != nil {
			return deleted, err
		}
		all = append(all, m)
	}
	kept := map[string]bool{}
	scheduled := 0
	for i := len(all) - 1; i >= 0; i-- {
		m := all[i]
		if m.Scheduled {
			scheduled++
		}
		old := keep.Age > 0 && s.cfg.Now().Sub(m.Created) > keep.Age || keep.Count > 0 && scheduled > keep.Count
		if i == len(all)-1 || !m.Scheduled || !old || keep.Pinned != nil && keep.Pinned(m.Pos) {
			kept[m.File] = true
			continue
		}
		if err := s.Delete(ctx, m); err != nil {
			return deleted, err
		}
		deleted++
		s.cfg.Logger.Info("snapshot deleted", "shard", m.Shard, "pos", uint64(m.Pos))
	}
	for info, err := range s.cfg.Bucket.List(ctx, s.files()) {
		if err != nil {
			return deleted, fmt.Errorf("list files of shard %s: %w", s.cfg.Shard, err)
		}
		pos, ok := positionIn(info.Name, s.files())
		if !ok || kept[info.Name] || unread[pos] || s.cfg.Now().Sub(info.Modified) <= leftoverAge {
			continue
		}
		if err := s.cfg.Bucket.Delete(ctx, info.Name); err != nil {
			return deleted, fmt.Errorf("delete a file without a manifest: %w", err)
		}
		deleted++
		s.cfg.Logger.Info("file without a manifest deleted", "shard", s.cfg.Shard, "object", info.Name)
	}
	return deleted, nil
}
