package datatype

import (
	"encoding/binary"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// idTree is an ordered map from stream ids to values of a fixed size: a B+ tree of pages in the arena. It is the directory of a stream's nodes, and the list of entries
// pending in a group or for a consumer.
//
// A page is the number of its entries and the entries, which are an id and a value, or a page of the level below, whose ids are not less than the entry's (but for the first
// entry, below which is all that is less than the second one's). A full page doubles up to maxPage, then splits; where entries are appended the left half stays full. Pages are freed when
// they are empty, and not merged before: see Johnson and Shasha, "B-trees with inserts, deletes, and modifies: why free-at-empty is better than merge-at-half", 1989.
type idTree struct {
	arena  *keyspace.Arena
	root   keyspace.Ref
	height int // of pages; 0 if the tree is empty
	count  int
	size   int    // of a value in bytes
	memory *int64 // what the owner of the tree holds
}

const (
	pageHead  = 8
	minPage   = 64
	maxPage   = 2048
	idSize    = 16
	refSize   = 8
	maxHeight = 16
)

// page is the bytes of one page, with the size of its entries.
type page struct {
	b     []byte
	entry int
}

func (p page) len() int               { return int(binary.LittleEndian.Uint16(p.b)) }
func (p page) setLen(n int)           { binary.LittleEndian.PutUint16(p.b, uint16(n)) }
func (p page) cap() int               { return (min(len(p.b), maxPage) - pageHead) / p.entry }
func (p page) at(i int) []byte        { return p.b[pageHead+i*p.entry : pageHead+(i+1)*p.entry] }
func (p page) value(i int) []byte     { return p.at(i)[idSize:] }
func (p page) ref(i int) keyspace.Ref { return keyspace.Ref(binary.LittleEndian.Uint64(p.value(i))) }
func (p page) id(i int) StreamID      { return getID(p.at(i)) }
func (p page) put(i int, id StreamID) { putID(p.at(i), id) }
func (p page) setRef(i int, r keyspace.Ref) {
	binary.LittleEndian.PutUint64(p.value(i), uint64(r))
}

func getID(b []byte) StreamID {
	return StreamID{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

func putID(b []byte, id StreamID) {
	binary.LittleEndian.PutUint64(b, id.MS)
	binary.LittleEndian.PutUint64(b[8:], id.Seq)
}

// search is the first entry whose id is not less than id.
func (p page) search(id StreamID) int {
	low, high := 0, p.len()
	for low < high {
		if mid := (low + high) / 2; p.id(mid).Less(id) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// child is the entry of an inner page below which id belongs. The id of the first entry does not count.
func (p page) child(id StreamID) int {
	low, high := 1, p.len()
	for low < high {
		if mid := (low + high) / 2; id.Less(p.id(mid)) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low - 1
}

// open makes room for an entry at i of a page that isn't full.
func (p page) open(i int) {
	n := p.len()
	copy(p.b[pageHead+(i+1)*p.entry:], p.b[pageHead+i*p.entry:pageHead+n*p.entry])
	p.setLen(n + 1)
}

// close takes entry i away.
func (p page) close(i int) {
	n := p.len()
	copy(p.b[pageHead+i*p.entry:], p.b[pageHead+(i+1)*p.entry:pageHead+n*p.entry])
	p.setLen(n - 1)
}

func newIDTree(arena *keyspace.Arena, size int, memory *int64) idTree {
	return idTree{arena: arena, size: size, memory: memory}
}

// page is a page of a level; level 0 is the leaves.
func (t *idTree) page(r keyspace.Ref, level int) page {
	if level == 0 {
		return page{t.arena.Bytes(r), idSize + t.size}
	}
	return page{t.arena.Bytes(r), idSize + refSize}
}

func (t *idTree) alloc(n int) keyspace.Ref {
	r := t.arena.Alloc(n)
	*t.memory += int64(t.arena.Size(r))
	return r
}

func (t *idTree) release(r keyspace.Ref) {
	*t.memory -= int64(t.arena.Size(r))
	t.arena.Free(r)
}

// len is the number of ids.
func (t *idTree) len() int { return t.count }

// get is the value of id, valid and writable until the tree changes.
func (t *idTree) get(id StreamID) ([]byte, bool) {
	if t.height == 0 {
		return nil, false
	}
	r := t.root
	for level := t.height - 1; level > 0; level-- {
		p := t.page(r, level)
		r = p.ref(p.child(id))
	}
	p := t.page(r, 0)
	i := p.search(id)
	if i == p.len() || p.id(i) != id {
		return nil, false
	}
	return p.value(i), true
}

// free releases all pages, leaving the tree empty.
func (t *idTree) free() {
	if t.height > 0 {
		t.freePage(t.root, t.height-1)
	}
	t.root, t.height, t.count = 0, 0, 0
}

func (t *idTree) freePage(r keyspace.Ref, level int) {
	if level > 0 {
		p := t.page(r, level)
		for i := range p.len() {
			t.freePage(p.ref(i), level-1)
		}
	}
	t.release(r)
}
