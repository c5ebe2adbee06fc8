package keyspace

import (
	"slices"

	"github.com/openmemorydb/memorydb/engine/slot"
)

// Keys that stay while others of their size go leave pages with few blocks in use. Defrag moves entries out of such pages into fuller ones, so that
// the pages become free, as Redis's activedefrag does. It is possible at any time between two changes, as only table and heap name an entry.

// defrag is the state of a pass over all tables.
type defrag struct {
	running bool
	slot    int    // next slot
	dict    int    // next Dict, after the slots
	bucket  uint32 // next bucket of its table
	// Pages with fewer blocks than this are given up; 0: no page of the class is.
	below [numSmall]uint16
	// After a pass, and after it was found not to be worth it, none is considered before one of these has changed by a sixteenth.
	pages int
	small int64
}

const (
	defragSlack  = 4 << 20 // bytes held beyond those in use that are never worth a pass
	defragExcess = 8       // a pass is considered if more than an eighth is held beyond what is in use
)

// Defrag moves entries, and fields of Dicts, out of sparsely used pages if there are many, and says whether the pass is unfinished. budget is
// the number of buckets to look at; a thousand take a fraction of a millisecond. With nothing to do it returns at once. It invalidates bytes
// that the DB and its Dicts returned, as a change does.
func (db *DB) Defrag(budget int) (more bool) {
	d := &db.defrag
	if !d.running {
		if !db.fragmented() {
			return false
		}
		if !db.planDefrag(&d.below) {
			d.pages, d.small = db.pages, db.small
			return false
		}
		d.running, d.slot, d.dict, d.bucket = true, 0, 0, 0
	}
	for {
		t, k := db.nextDefrag()
		if t == nil {
			d.running, d.pages, d.small = false, db.pages, db.small
			return false
		}
		for ; d.bucket < t.n; d.bucket++ {
			if budget <= 0 {
				return true
			}
			budget--
			for b := db.bucket(t, d.bucket); b != nil; b = db.overflow(b) {
				for i := 0; i < bucketWords && b[i] != 0; i++ {
					db.moveBlock(&b[i], k)
				}
			}
		}
		d.bucket = 0
		if k == entries {
			d.slot++
		} else {
			d.dict++
		}
	}
}

// fragmented says whether a pass is worth considering.
func (db *DB) fragmented() bool {
	d := &db.defrag
	held := int64(db.pages) << pageShift
	if held < db.small+db.small/defragExcess+defragSlack {
		return false
	}
	changed := func(was, is int64) bool { return max(was-is, is-was) > was/16 }
	return changed(int64(d.pages), int64(db.pages)) || changed(d.small, db.small)
}

// nextDefrag is the table that the pass is at, nil at the end.
func (db *DB) nextDefrag() (*vector, kind) {
	d := &db.defrag
	for d.slot < slot.Count {
		if g := db.groups[d.slot/groupSlots]; g != nil && g.len > 0 {
			return &g.tables[d.slot%groupSlots], entries
		}
		d.slot, d.bucket = (d.slot/groupSlots+1)*groupSlots, 0
	}
	for d.dict < len(db.dicts) && db.dicts[d.dict].pinned {
		d.dict, d.bucket = d.dict+1, 0
	}
	if d.dict < len(db.dicts) {
		return &db.dicts[d.dict].table, fields
	}
	return nil, fields
}

// moveBlock moves the entry or field at w to a fuller page if its own is to be given up.
func (db *DB) moveBlock(w *uint64, k kind) {
	r := refOf(*w)
	ch := db.chunks[r>>offsetBits]
	if ch == nil {
		return
	}
	pg := &ch.pages[pageOf(r)]
	if pg.class == classRun || pg.used >= db.defrag.below[pg.class] || db.room[pg.class] == uint32(r>>(pageShift-unitShift)) {
		return
	}
	n := int(sizeOfClass[pg.class])
	to := db.alloc(n)
	copy(db.at(to)[:n], db.at(r))
	if k == entries {
		db.moveExpiry(r, to)
	}
	*w = *w&^(1<<refBits-1) | uint64(to)
	db.free(r)
}

// planDefrag sets which pages a pass gives up, and puts the fullest pages of each class where the next blocks come from. It says whether
// enough pages could become free.
func (a *arena) planDefrag(below *[numSmall]uint16) bool {
	var numbers []uint32
	excess := 0
	for c := range below {
		below[c] = 0
		numbers = numbers[:0]
		used := 0
		for p := a.room[c]; p != 0; p = a.page(p).next {
			numbers = append(numbers, p)
			used += int(a.page(p).used)
		}
		room := int(blocksOfPage[c])
		spare := len(numbers) - (used+room-1)/room
		if spare < 1 {
			continue
		}
		excess += spare
		slices.SortFunc(numbers, func(x, y uint32) int { return int(a.page(y).used) - int(a.page(x).used) })
		a.relink(uint8(c), numbers)
		below[c] = a.page(numbers[len(numbers)-spare]).used + 1
	}
	return excess > a.pages/defragExcess/2
}

// relink makes numbers the list of pages of class c that have room.
func (a *arena) relink(c uint8, numbers []uint32) {
	a.room[c] = numbers[0]
	for i, p := range numbers {
		pg := a.page(p)
		pg.prev, pg.next = 0, 0
		if i > 0 {
			pg.prev = numbers[i-1]
		}
		if i < len(numbers)-1 {
			pg.next = numbers[i+1]
		}
	}
}
