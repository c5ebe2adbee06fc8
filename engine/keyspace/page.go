package keyspace

import (
	"encoding/binary"
	"math/bits"
)

// chunk is the state of the pages of a chunk. It holds no pointers.
type chunk struct {
	free  uint64 // one bit a page: not in use
	dirty uint64 // one bit a page: resident though free
	pages [chunkPages]page
}

// page is the state of a page in use.
type page struct {
	class  uint8  // size class of its blocks; classRun: first page of a block of several
	free   uint16 // 1 + offset, in units, of the first free block; 0 if none. A free block's first two bytes are the next one's
	virgin uint16 // blocks from this one on were never used, and so may not be resident
	used   uint16 // blocks in use; of a run, its pages
	next   uint32 // neighbours in the list of pages of this class that have room (page numbers, 0 ends); of a run, next is its size in osPages
	prev   uint32
}

const classRun = 255

// blocksOfPage is the number of blocks in a page of a class.
var blocksOfPage = func() (t [numSmall]uint16) {
	for c, n := range sizeOfClass {
		t[c] = uint16(pageSize / n)
	}
	return t
}()

// pageOf is the index in its chunk of the page that r lies in.
func pageOf(r Ref) int { return int(r>>(pageShift-unitShift)) % chunkPages }

func (a *arena) page(number uint32) *page {
	return &a.chunks[number/chunkPages].pages[number%chunkPages]
}

func (a *arena) allocSmall(c uint8) Ref {
	number := a.room[c]
	if number == 0 {
		number = a.takePages(1)
		a.pages++
		*a.page(number) = page{class: c}
		a.room[c] = number
	}
	pg := a.page(number)
	first := Ref(number) << (pageShift - unitShift)
	var r Ref
	if pg.free != 0 {
		r = first + Ref(pg.free-1)
		pg.free = binary.LittleEndian.Uint16(a.at(r))
	} else {
		r = first + Ref(pg.virgin)*Ref(sizeOfClass[c]>>unitShift)
		pg.virgin++
	}
	pg.used++
	if pg.used == blocksOfPage[c] {
		a.unlink(number, pg)
	}
	return r
}

func (a *arena) freeSmall(k uint32, i int, r Ref) {
	number := k*chunkPages + uint32(i)
	pg := &a.chunks[k].pages[i]
	a.small -= int64(sizeOfClass[pg.class])
	if pg.used == blocksOfPage[pg.class] {
		pg.next, pg.prev = a.room[pg.class], 0
		if pg.next != 0 {
			a.page(pg.next).prev = number
		}
		a.room[pg.class] = number
	}
	pg.used--
	if pg.used == 0 {
		a.unlink(number, pg)
		a.pages--
		a.freePages(k, i, 1)
		return
	}
	binary.LittleEndian.PutUint16(a.at(r), pg.free)
	pg.free = uint16(r)%(pageSize>>unitShift) + 1
}

// unlink takes a page out of the list of those that have room.
func (a *arena) unlink(number uint32, pg *page) {
	if pg.prev != 0 {
		a.page(pg.prev).next = pg.next
	} else {
		a.room[pg.class] = pg.next
	}
	if pg.next != 0 {
		a.page(pg.next).prev = pg.prev
	}
	pg.next, pg.prev = 0, 0
}

func (a *arena) allocRun(n int) Ref {
	pages := (n + pageSize - 1) >> pageShift
	number := a.takePages(pages)
	a.runs += pages
	*a.page(number) = page{class: classRun, used: uint16(pages), next: uint32(roundSize(n) / osPage)}
	return Ref(number) << (pageShift - unitShift)
}

// takePages returns the number of the first of n <= chunkPages adjacent free pages, which are in use from now on. Low chunks first, so that
// high ones become empty.
func (a *arena) takePages(n int) uint32 {
	for w, word := range a.avail {
		for ; word != 0; word &= word - 1 {
			k := uint32(w*64 + bits.TrailingZeros64(word))
			ch := a.chunks[k]
			m := ch.free
			if n == 1 && m&ch.dirty != 0 {
				m &= ch.dirty
			}
			if m = runs(m, n); m != 0 {
				return a.take(k, bits.TrailingZeros64(m), n)
			}
		}
	}
	mem := mapMemory(chunkSize)
	if a.mapped == 0 {
		noHugePages(mem) // a DB of few keys stays small
	}
	k := a.addChunk(&chunk{free: 1<<chunkPages - 1}, mem)
	a.avail[k/64] |= 1 << (k % 64)
	a.empty++
	return a.take(k, 0, n)
}

// runs has a bit for each page that is the first of n adjacent ones whose bits in m are set.
func runs(m uint64, n int) uint64 {
	for have := 1; have < n; {
		more := min(have, n-have)
		m &= m >> more
		have += more
	}
	return m
}

func pageBits(i, n int) uint64 { return (1<<n - 1) << i }

func (a *arena) take(k uint32, i, n int) uint32 {
	ch, m := a.chunks[k], pageBits(i, n)
	if ch.free == 1<<chunkPages-1 {
		a.empty--
	}
	a.stock -= bits.OnesCount64(ch.dirty & m)
	ch.free &^= m
	ch.dirty &^= m
	if ch.free == 0 {
		a.avail[k/64] &^= 1 << (k % 64)
	}
	return k*chunkPages + uint32(i)
}

// freePages takes back n pages from page i of chunk k on. All but a small stock go back to the operating system.
func (a *arena) freePages(k uint32, i, n int) {
	ch, m := a.chunks[k], pageBits(i, n)
	ch.free |= m
	a.avail[k/64] |= 1 << (k % 64)
	if ch.free == 1<<chunkPages-1 {
		if a.empty > 0 {
			a.stock -= bits.OnesCount64(ch.dirty)
			a.dropChunk(k)
			return
		}
		a.empty++
	}
	if a.stock+n > 16+(a.pages+a.runs)/16 {
		discard(a.mem[k][i<<pageShift:][:n<<pageShift])
		return
	}
	ch.dirty |= m
	a.stock += n
}
