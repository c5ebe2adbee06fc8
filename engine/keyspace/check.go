package keyspace

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/openmemorydb/memorydb/engine/slot"
)

// Check verifies what must always be true of a DB: tables against entries, counts, the heap of expiries, free lists of the arena, the
// accounting of memory. It is for tests: it looks at everything. The error says all that is wrong.
func (db *DB) Check() error {
	c := checker{db: db, blocks: map[Ref]bool{}}
	c.groups()
	c.heap()
	c.objects()
	c.arena()
	return errors.Join(c.errs...)
}

type checker struct {
	db     *DB
	blocks map[Ref]bool // blocks of the DB itself, not of objects
	bytes  int64
	ttls   int
	object map[uint32]bool
	errs   []error
}

func (c *checker) fail(format string, args ...any) {
	if len(c.errs) < 20 {
		c.errs = append(c.errs, fmt.Errorf("keyspace: "+format, args...))
	}
}

// block notes that the DB holds block r.
func (c *checker) block(r Ref, what string) {
	if c.blocks[r] {
		c.fail("%s %#x is held twice", what, r)
	}
	c.blocks[r] = true
	c.bytes += int64(c.db.size(r))
}

func (c *checker) groups() {
	db := c.db
	c.object = map[uint32]bool{}
	total := 0
	for i, g := range db.groups {
		if g == nil {
			continue
		}
		inGroup := 0
		for j := range g.tables {
			t := &g.tables[j]
			c.table(t, entries)
			inGroup += int(t.count)
			for b := range t.n {
				db.eachIn(t, b, func(r Ref) bool {
					c.entry(r, uint16(i*groupSlots+j))
					return true
				})
			}
		}
		if inGroup != g.len {
			c.fail("group %d counts %d keys, has %d", i, g.len, inGroup)
		}
		total += inGroup
	}
	if total != db.len {
		c.fail("DB counts %d keys, has %d", db.len, total)
	}
}

// table checks a table's form.
func (c *checker) table(t *vector, k kind) {
	s := c.db.space
	c.vector(t, bucketShift)
	count := uint32(0)
	for i := range t.n {
		var r Ref
		for b := s.bucket(t, i); b != nil; b = s.overflow(b) {
			if r != 0 {
				c.block(r, "overflow bucket")
				if b[0] == 0 {
					c.fail("overflow bucket %#x is empty", r)
				}
			}
			r = Ref(b[bucketWords])
			for j, w := range b[:bucketWords] {
				if w == 0 {
					if j < bucketWords-1 && b[j+1] != 0 || r != 0 {
						c.fail("bucket %d has a hole", i)
					}
					continue
				}
				count++
				key := s.keyOf(k, refOf(w))
				h := s.sum(key)
				if w>>refBits != h&tagMask || bucketIndex(t.n, spread(h)) != i || s.lookup(t, k, h, key) != &b[j] {
					c.fail("key %q is not where its hash says", key)
				}
			}
		}
	}
	if count != t.count {
		c.fail("table counts %d keys, has %d", t.count, count)
	}
	if t.n > 0 && (t.count == 0 || t.count > t.n*growAt || t.n > 1 && t.count < (t.n-1)*growAt/2) {
		c.fail("table of %d keys has %d buckets", t.count, t.n)
	}
}

// vector notes the blocks of a vector.
func (c *checker) vector(v *vector, shift uint) {
	switch s := c.db.space; {
	case v.n == 0:
		if v.base != 0 {
			c.fail("empty vector has memory")
		}
	case v.base&segmented == 0:
		c.block(Ref(v.base), "vector")
	default:
		c.block(Ref(v.base&^segmented), "directory")
		for i := range uint32((uint64(v.n)<<shift + segmentSize - 1) >> segmentShift) {
			c.block(*s.segment(v, i), "segment")
		}
	}
}

func (c *checker) entry(r Ref, at uint16) {
	db := c.db
	c.block(r, "entry")
	b := db.at(r)
	key := db.entryKey(r)
	if slot.Of(key) != at {
		c.fail("key %q is in slot %d", key, at)
	}
	if n := keyStart(b) + keyLen(b) + valueLen(b); n > db.size(r) {
		c.fail("entry of %q has %d bytes in a block of %d", key, n, db.size(r))
	}
	if isObject(b) {
		h := db.handleOf(r)
		if c.object[h] || h >= db.handles || db.object(h).Object == nil {
			c.fail("object %d of %q is missing or another key's", h, key)
		}
		c.object[h] = true
	}
	if keyStart(b) > headerSize && db.heapIndex(r) != noExpiry {
		c.ttls++
		if i := db.heapIndex(r); i >= db.heap.n || db.item(i).ref != r {
			c.fail("expiry of %q is not in the heap at %d", key, i)
		}
	}
}

func (c *checker) heap() {
	db := c.db
	c.vector(&db.heap, heapShift)
	if c.ttls != int(db.heap.n) {
		c.fail("%d keys expire, the heap has %d", c.ttls, db.heap.n)
	}
	var high, low int64
	for i := range db.heap.n {
		at := db.item(i).at
		high, low = high+at>>32, low+at&(1<<32-1)
		if i > 0 && db.item((i-1)/heapArity).at > at {
			c.fail("heap is out of order at %d", i)
		}
	}
	if high != db.ttlHigh || low != db.ttlLow {
		c.fail("sum of expiries is %d, %d, should be %d, %d", db.ttlHigh, db.ttlLow, high, low)
	}
}

func (c *checker) objects() {
	db := c.db
	db.settle()
	var memory int64
	held := 0
	for h := range db.handles {
		it := db.object(h)
		if (it.Object != nil) != c.object[h] {
			c.fail("object %d is kept without a key", h)
		}
		if it.Object == nil {
			continue
		}
		held++
		memory += it.memory + objectSize
		if m := it.Memory(); m != it.memory {
			c.fail("object %d holds %d bytes, %d are counted", h, m, it.memory)
		}
	}
	if memory != db.objMem {
		c.fail("objects hold %d bytes, %d are counted", memory, db.objMem)
	}
	if held+len(db.holes) != int(db.handles) {
		c.fail("%d objects and %d holes in %d handles", held, len(db.holes), db.handles)
	}
}

// arena checks the pages, and that the DB and its objects hold every block in use.
func (c *checker) arena() {
	a := &c.db.arena
	var used, small, mapped int64
	pages, runs, stock, empty := 0, 0, 0, 0
	for k, mem := range a.mem {
		mapped += int64(len(mem))
		ch := a.chunks[k]
		if ch == nil {
			used += int64(len(mem))
			continue
		}
		if (ch.free != 0) != (a.avail[k/64]>>(k%64)&1 != 0) || ch.dirty&^ch.free != 0 {
			c.fail("chunk %d: free %#x, dirty %#x, avail %#x", k, ch.free, ch.dirty, a.avail[k/64])
		}
		if ch.free == 1<<chunkPages-1 {
			empty++
		}
		stock += bits.OnesCount64(ch.dirty)
		for i := 0; i < chunkPages; i++ {
			if ch.free>>i&1 != 0 {
				continue
			}
			pg := &ch.pages[i]
			if pg.class == classRun {
				used += int64(pg.next) * osPage
				runs += int(pg.used)
				i += int(pg.used) - 1
				continue
			}
			used += int64(pg.used) * int64(sizeOfClass[pg.class])
			small += int64(pg.used) * int64(sizeOfClass[pg.class])
			pages++
			c.freeList(uint32(k*chunkPages+i), pg)
		}
	}
	for _, it := range []struct {
		what       string
		counted, n int64
	}{
		{"bytes used", a.used, used}, {"bytes mapped", a.mapped, mapped}, {"bytes of small blocks", a.small, small},
		{"pages", int64(a.pages), int64(pages)}, {"pages of runs", int64(a.runs), int64(runs)},
		{"pages in stock", int64(a.stock), int64(stock)}, {"empty chunks", int64(a.empty), int64(empty)},
	} {
		if it.counted != it.n {
			c.fail("%s: %d are counted, there are %d", it.what, it.counted, it.n)
		}
	}
	if c.bytes+c.db.external != used {
		c.fail("blocks in use: %d bytes, of which %d are the DB's and %d of objects", used, c.bytes, c.db.external)
	}
}

// freeList checks the free blocks of a page.
func (c *checker) freeList(number uint32, pg *page) {
	a := &c.db.arena
	first := Ref(number) << (pageShift - unitShift)
	n := 0
	for free := pg.free; free != 0 && n <= int(pg.virgin); n++ {
		r := first + Ref(free-1)
		if c.blocks[r] {
			c.fail("block %#x is both in use and free", r)
		}
		free = uint16(a.at(r)[0]) | uint16(a.at(r)[1])<<8
	}
	if n+int(pg.used) != int(pg.virgin) || pg.virgin > blocksOfPage[pg.class] || pg.used == 0 {
		c.fail("page %d: %d of %d blocks in use, %d free", number, pg.used, pg.virgin, n)
	}
	listed := false
	for p := a.room[pg.class]; p != 0; p = a.page(p).next {
		if p == number {
			listed = true
			break
		}
	}
	if listed != (pg.used < blocksOfPage[pg.class]) {
		c.fail("page %d with %d blocks in use: listed %t", number, pg.used, listed)
	}
}
