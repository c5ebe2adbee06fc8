package datatype

import (
	"encoding/binary"
	"math"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// zsetTree is the order of a big sorted set: a counted B+tree, in the DB's arena, of scores and of Refs of members. Elements have positions, counted from 0: the tree
// finds, inserts and deletes by position in O(log n), and a search is a position too.
//
// A node is a block: its level (0 for a leaf) and number of entries in 8 bytes, then the entries. A leaf's entry is an element: score and Ref. An entry of another node is a child:
// its block, the number of elements below it, and the first of them.
type zsetTree struct {
	arena  *keyspace.Arena
	root   keyspace.Ref // 0 if the tree is empty
	memory int64
}

const (
	zsetNodeSize  = 1024
	zsetNodeHead  = 8
	zsetLeafEntry = 16
	zsetNodeEntry = 32
	zsetLeafMax   = (zsetNodeSize - zsetNodeHead) / zsetLeafEntry
	zsetNodeMax   = (zsetNodeSize - zsetNodeHead) / zsetNodeEntry
)

// zsetElement is an element as the tree has it.
type zsetElement struct {
	score  float64
	member keyspace.Ref
}

// zsetNode is the bytes of a node.
type zsetNode []byte

func (n zsetNode) leaf() bool   { return n[0] == 0 }
func (n zsetNode) len() int     { return int(binary.LittleEndian.Uint16(n[2:])) }
func (n zsetNode) setLen(l int) { binary.LittleEndian.PutUint16(n[2:], uint16(l)) }

func (n zsetNode) max() int {
	if n.leaf() {
		return zsetLeafMax
	}
	return zsetNodeMax
}

func (n zsetNode) entrySize() int {
	if n.leaf() {
		return zsetLeafEntry
	}
	return zsetNodeEntry
}

// entry is the bytes from entry i on.
func (n zsetNode) entry(i int) []byte { return n[zsetNodeHead+i*n.entrySize():] }

func (n zsetNode) child(i int) keyspace.Ref {
	return keyspace.Ref(binary.LittleEndian.Uint64(n.entry(i)[zsetLeafEntry:]))
}

// count is the number of elements below entry i.
func (n zsetNode) count(i int) int {
	if n.leaf() {
		return 1
	}
	return int(binary.LittleEndian.Uint64(n.entry(i)[zsetLeafEntry+8:]))
}

// first is the element of entry i, or the first one below it.
func (n zsetNode) first(i int) zsetElement {
	b := n.entry(i)
	return zsetElement{math.Float64frombits(binary.LittleEndian.Uint64(b)), keyspace.Ref(binary.LittleEndian.Uint64(b[8:]))}
}

func (n zsetNode) setElement(i int, e zsetElement) {
	b := n.entry(i)
	binary.LittleEndian.PutUint64(b, math.Float64bits(e.score))
	binary.LittleEndian.PutUint64(b[8:], uint64(e.member))
}

// size is the number of elements in and below the node.
func (n zsetNode) size() int {
	if n.leaf() {
		return n.len()
	}
	total := 0
	for i := range n.len() {
		total += n.count(i)
	}
	return total
}

// find is the entry below which position at lies, and the position among the elements below it. The position behind all is behind those of the last entry.
func (n zsetNode) find(at int) (i, below int) {
	last := n.len() - 1
	for i < last && at >= n.count(i) {
		at -= n.count(i)
		i++
	}
	return i, at
}

// move copies count entries from entry i of src to entry j.
func (n zsetNode) move(j int, src zsetNode, i, count int) {
	copy(n.entry(j)[:count*n.entrySize()], src.entry(i)[:count*n.entrySize()])
}

func (t *zsetTree) node(r keyspace.Ref) zsetNode { return zsetNode(t.arena.Bytes(r)) }

func (t *zsetTree) newNode(level byte) keyspace.Ref {
	r := t.arena.Alloc(zsetNodeSize)
	t.memory += int64(t.arena.Size(r))
	clear(t.node(r)[:zsetNodeHead])
	t.node(r)[0] = level
	return r
}

func (t *zsetTree) drop(r keyspace.Ref) {
	t.memory -= int64(t.arena.Size(r))
	t.arena.Free(r)
}

// setChild makes a node entry i of n.
func (t *zsetTree) setChild(n zsetNode, i int, r keyspace.Ref) {
	c := t.node(r)
	n.setElement(i, c.first(0))
	b := n.entry(i)[zsetLeafEntry:]
	binary.LittleEndian.PutUint64(b, uint64(r))
	binary.LittleEndian.PutUint64(b[8:], uint64(c.size()))
}

// search is the number of elements that before holds for; it must hold for none behind one that it doesn't hold for.
func (t *zsetTree) search(before func(zsetElement) bool) int {
	if t.root == 0 {
		return 0
	}
	at, n := 0, t.node(t.root)
	for {
		low, high := 0, n.len() // before holds for the first elements of entries below low, for none from high on
		for low < high {
			if mid := (low + high) / 2; before(n.first(mid)) {
				low = mid + 1
			} else {
				high = mid
			}
		}
		if n.leaf() || low == 0 {
			return at + low
		}
		for i := range low - 1 {
			at += n.count(i)
		}
		n = t.node(n.child(low - 1))
	}
}

// each calls fn for the elements from position at on, or back to the first one, until it returns false.
func (t *zsetTree) each(at int, back bool, fn func(zsetElement) bool) {
	size := t.len()
	for at >= 0 && at < size {
		n, i := t.leafAt(at)
		for ; i >= 0 && i < n.len(); i, at = step(i, back), step(at, back) {
			if !fn(n.first(i)) {
				return
			}
		}
	}
}

func step(i int, back bool) int {
	if back {
		return i - 1
	}
	return i + 1
}

// leafAt is the leaf of position at, and the place in it.
func (t *zsetTree) leafAt(at int) (zsetNode, int) {
	n := t.node(t.root)
	for !n.leaf() {
		var i int
		i, at = n.find(at)
		n = t.node(n.child(i))
	}
	return n, at
}

func (t *zsetTree) len() int {
	if t.root == 0 {
		return 0
	}
	return t.node(t.root).size()
}

// free releases the tree's memory.
func (t *zsetTree) free() {
	if t.root != 0 {
		t.freeBelow(t.root)
		t.root = 0
	}
}

func (t *zsetTree) freeBelow(r keyspace.Ref) {
	if n := t.node(r); !n.leaf() {
		for i := range n.len() {
			t.freeBelow(n.child(i))
		}
	}
	t.drop(r)
}
