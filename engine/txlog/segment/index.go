package segment

import (
	"slices"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// indexStride is how much of the stream lies between two entries of an index: a read begins at most so far before what it wants.
const indexStride = 16 << 10

// Index finds a shard's records in the stream. It is sparse: one entry for each stretch of the stream, at least one for each segment that holds records of the shard.
type Index struct {
	entries []indexEntry
}

type indexEntry struct {
	pos txlog.Pos
	at  Location
}

// Add says that the frame at a location holds records of the shard from a position on. Frames are added in order.
func (x *Index) Add(pos txlog.Pos, at Location) {
	if n := len(x.entries); n > 0 && x.entries[n-1].at.Segment == at.Segment && at.Offset-x.entries[n-1].at.Offset < indexStride {
		return
	}
	x.entries = append(x.entries, indexEntry{pos, at})
}

// Find is a frame at or before the one that holds the position; ok is false when nothing at or before it is known.
func (x *Index) Find(pos txlog.Pos) (at Location, ok bool) {
	i := x.after(pos)
	if i == 0 {
		return Location{}, false
	}
	return x.entries[i-1].at, true
}

// Trim forgets what is needed only for positions before pos.
func (x *Index) Trim(pos txlog.Pos) {
	if i := x.after(pos); i > 1 {
		x.entries = append([]indexEntry(nil), x.entries[i-1:]...)
	}
}

// after is the number of entries whose position is at most pos.
func (x *Index) after(pos txlog.Pos) int {
	i, found := slices.BinarySearchFunc(x.entries, pos, func(e indexEntry, p txlog.Pos) int {
		switch {
		case e.pos < p:
			return -1
		case e.pos > p:
			return 1
		}
		return 0
	})
	if found {
		i++
	}
	return i
}
