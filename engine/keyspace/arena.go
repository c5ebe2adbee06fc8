package keyspace

import (
	"math/bits"
	"unsafe"
)

// Ref names a block of an Arena: chunk number (22 bits) and offset in the chunk in units of 16 bytes (18 bits). 0 names none.
type Ref uint64

const (
	unitShift  = 4 // blocks start at multiples of 16 bytes
	pageShift  = 16
	pageSize   = 1 << pageShift
	chunkPages = 64
	chunkShift = pageShift + 6
	chunkSize  = 1 << chunkShift

	refBits    = 40
	offsetBits = chunkShift - unitShift
	maxChunks  = 1 << (refBits - offsetBits)

	maxSmall  = 32 << 10 // larger blocks have whole pages
	maxRun    = 2 << 20  // larger blocks have a mapping of their own
	osPage    = 4 << 10  // sizes of larger blocks are multiples of it
	numSmall  = 72       // size classes
	stepLimit = 256      // up to here classes are 16 bytes apart; beyond, an eighth of the power of two below
)

// arena hands out blocks of memory outside the Go heap (inside it where the system has no mmap).
//
// Blocks of up to 32 KiB come from pages of 64 KiB that are cut into blocks of one size class, and that serve any class again once empty.
// Blocks of up to 2 MiB are runs of pages, of which the operating system holds only what was touched. Larger ones are mapped and unmapped on
// their own. Free pages beyond a small stock, and chunks all of whose pages are free, go back to the operating system.
type arena struct {
	mem    [][]byte // memory of each chunk; nil if the number is unused. Chunk 0 is never used, so that no Ref is 0
	chunks []*chunk // pages of each chunk; nil if the number is unused, or is one large block
	vacant []uint32 // unused chunk numbers
	avail  []uint64 // one bit a chunk: has free pages
	room   [numSmall]uint32
	stock  int   // free pages that are still resident
	pages  int   // pages in use, but for runs
	runs   int   // pages of runs
	empty  int   // chunks without a page in use
	used   int64 // bytes of blocks in use, rounded up to their classes
	small  int64 // of them, bytes of blocks in pages
	mapped int64 // bytes of chunks
}

// sizeOfClass is the block size of a class.
var sizeOfClass = func() (t [numSmall]uint32) {
	n := uint32(0)
	for c := range t {
		step := uint32(16)
		if n >= stepLimit {
			step = 1 << (bits.Len32(n) - 4)
		}
		n += step
		t[c] = n
	}
	return t
}()

// classOf is the smallest class whose blocks hold n bytes, 0 < n <= maxSmall.
func classOf(n int) uint8 {
	if n <= stepLimit {
		return uint8((n - 1) >> 4)
	}
	e := bits.Len(uint(n - 1))
	return uint8(stepLimit/16 + (e-9)*8 + (n-1-1<<(e-1))>>(e-4))
}

// roundSize is the size of the block that alloc(n) returns.
func roundSize(n int) int {
	if n <= maxSmall {
		return int(sizeOfClass[classOf(n)])
	}
	return (n + osPage - 1) &^ (osPage - 1)
}

// at is the memory from block r on, to the end of its chunk.
func (a *arena) at(r Ref) []byte {
	return a.mem[r>>offsetBits][(r&(1<<offsetBits-1))<<unitShift:]
}

// ptr is the address of block r, for words and structs without pointers.
func (a *arena) ptr(r Ref) unsafe.Pointer {
	return unsafe.Pointer(&a.mem[r>>offsetBits][(r&(1<<offsetBits-1))<<unitShift])
}

// size is the size of block r.
func (a *arena) size(r Ref) int {
	ch := a.chunks[r>>offsetBits]
	if ch == nil {
		return len(a.mem[r>>offsetBits])
	}
	pg := &ch.pages[pageOf(r)]
	if pg.class == classRun {
		return int(pg.next) * osPage
	}
	return int(sizeOfClass[pg.class])
}

// alloc returns a block of at least n > 0 bytes, of any content.
func (a *arena) alloc(n int) Ref {
	var r Ref
	switch {
	case n <= maxSmall:
		c := classOf(n)
		a.used += int64(sizeOfClass[c])
		a.small += int64(sizeOfClass[c])
		return a.allocSmall(c)
	case n <= maxRun:
		r = a.allocRun(n)
	default:
		r = a.allocLarge(n)
	}
	a.used += int64(roundSize(n))
	return r
}

// free takes back block r.
func (a *arena) free(r Ref) {
	a.used -= int64(a.size(r))
	k := uint32(r >> offsetBits)
	ch := a.chunks[k]
	if ch == nil {
		a.dropChunk(k)
		return
	}
	i := pageOf(r)
	if pg := &ch.pages[i]; pg.class == classRun {
		a.runs -= int(pg.used)
		a.freePages(k, i, int(pg.used))
	} else {
		a.freeSmall(k, i, r)
	}
}

func (a *arena) allocLarge(n int) Ref {
	return Ref(a.addChunk(nil, mapMemory(roundSize(n)))) << offsetBits
}

// addChunk gives mem a chunk number.
func (a *arena) addChunk(ch *chunk, mem []byte) uint32 {
	var k uint32
	if n := len(a.vacant); n > 0 {
		k = a.vacant[n-1]
		a.vacant = a.vacant[:n-1]
	} else {
		if len(a.mem) == 0 {
			a.mem, a.chunks = make([][]byte, 1, 4), make([]*chunk, 1, 4)
		}
		k = uint32(len(a.mem))
		if k >= maxChunks {
			panic("keyspace: arena is full")
		}
		a.mem, a.chunks = append(a.mem, nil), append(a.chunks, nil)
		if int(k/64) >= len(a.avail) {
			a.avail = append(a.avail, 0)
		}
	}
	a.mem[k], a.chunks[k] = mem, ch
	a.mapped += int64(len(mem))
	return k
}

// dropChunk returns a chunk's memory to the operating system.
func (a *arena) dropChunk(k uint32) {
	mem := a.mem[k]
	a.mapped -= int64(len(mem))
	a.mem[k], a.chunks[k] = nil, nil
	a.avail[k/64] &^= 1 << (k % 64)
	a.vacant = append(a.vacant, k)
	unmapMemory(mem)
}

// release returns all memory to the operating system. The arena must not be used any more.
func (a *arena) release() {
	for _, mem := range a.mem {
		if mem != nil {
			unmapMemory(mem)
		}
	}
	*a = arena{}
}

// Arena is the DB's arena as objects use it: their blocks count as theirs (Object.Memory), not as the DB's.
type Arena space

// Alloc returns a block of at least n > 0 bytes, of any content.
func (a *Arena) Alloc(n int) Ref {
	r := a.alloc(n)
	a.external += int64(a.size(r))
	return r
}

// Bytes is the whole block r. It is valid until the block is freed.
func (a *Arena) Bytes(r Ref) []byte {
	n := a.size(r)
	return a.at(r)[:n:n]
}

// Size is the size of block r: what Alloc was asked for, rounded up.
func (a *Arena) Size(r Ref) int { return a.size(r) }

// Free takes back block r.
func (a *Arena) Free(r Ref) {
	a.external -= int64(a.size(r))
	a.free(r)
}
