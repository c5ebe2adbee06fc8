package datatype

import (
	"unsafe"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
)

// listNodes is a list of several nodes, the Object of a list that is no longer packed: a deque of descriptors without pointers, whose blocks lie in the arena.
// Descriptors lie side by side, so that an index is found by adding up their counts, 16 bytes each.
type listNodes struct {
	arena  *keyspace.Arena
	buf    []listNode
	lo, hi int // the nodes are buf[lo:hi]
	len    int // elements of all nodes
	blocks int64
}

// listNode is a listpack, or a plain node: one element that is too big for a listpack, as it is.
type listNode struct {
	block uint64 // the Ref of its bytes, which may be 0 for an empty plain node, and plainNode
	size  uint32 // bytes that it uses of its block
	count uint32 // elements
}

const plainNode = 1 << 63

func (n *listNode) plain() bool { return n.block&plainNode != 0 }

func (n *listNode) ref() keyspace.Ref { return keyspace.Ref(n.block &^ plainNode) }

func newListNodes(db *keyspace.DB) *listNodes { return &listNodes{arena: db.Arena()} }

// count is the number of nodes.
func (o *listNodes) count() int { return o.hi - o.lo }

// at is a node, valid until the next insertion or removal.
func (o *listNodes) at(i int) *listNode { return &o.buf[o.lo+i] }

// bytes are those of a node.
func (o *listNodes) bytes(i int) []byte {
	n := o.at(i)
	if n.size == 0 {
		return nil
	}
	return o.arena.Bytes(n.ref())[:n.size:n.size]
}

// insert makes a node of count elements the one at index i. data is copied; it may lie in the arena.
func (o *listNodes) insert(i int, data []byte, plain bool, count int) {
	n := listNode{size: uint32(len(data)), count: uint32(count)}
	if len(data) > 0 {
		ref := o.arena.Alloc(len(data))
		copy(o.arena.Bytes(ref), data)
		n.block = uint64(ref)
		o.blocks += int64(o.arena.Size(ref))
	}
	if plain {
		n.block |= plainNode
	}
	o.len += count
	o.makeRoom(i)
	*o.at(i) = n
}

// makeRoom makes place for a descriptor at index i, by moving the shorter side.
func (o *listNodes) makeRoom(i int) {
	if atFront := i < o.count()-i; atFront && o.lo == 0 || !atFront && o.hi == len(o.buf) {
		n := o.count()
		spare := max(n/2, 4)
		buf := make([]listNode, n+2*spare)
		copy(buf[spare:], o.buf[o.lo:o.hi])
		o.buf, o.lo, o.hi = buf, spare, spare+n
	}
	if i < o.count()-i {
		copy(o.buf[o.lo-1:], o.buf[o.lo:o.lo+i])
		o.lo--
	} else {
		copy(o.buf[o.lo+i+1:o.hi+1], o.buf[o.lo+i:o.hi])
		o.hi++
	}
}

// remove deletes a node.
func (o *listNodes) remove(i int) { o.removeRange(i, i+1) }

// removeRange deletes the nodes from index i to j, without j.
func (o *listNodes) removeRange(i, j int) {
	for k := i; k < j; k++ {
		o.release(k)
	}
	if i < o.count()-j {
		copy(o.buf[o.lo+j-i:], o.buf[o.lo:o.lo+i])
		o.lo += j - i
	} else {
		copy(o.buf[o.lo+i:], o.buf[o.lo+j:o.hi])
		o.hi -= j - i
	}
	o.shrink()
}

// compact deletes the nodes without elements.
func (o *listNodes) compact() {
	to := 0
	for i := range o.count() {
		if o.at(i).count == 0 {
			o.release(i)
			continue
		}
		*o.at(to) = *o.at(i)
		to++
	}
	o.hi = o.lo + to
	o.shrink()
}

// shrink gives room of descriptors back that is mostly unused.
func (o *listNodes) shrink() {
	if n := o.count(); len(o.buf) > 64 && n < len(o.buf)/4 {
		spare := max(n/2, 4)
		buf := make([]listNode, n+2*spare)
		copy(buf[spare:], o.buf[o.lo:o.hi])
		o.buf, o.lo, o.hi = buf, spare, spare+n
	}
}

// release frees the block of a node whose descriptor is about to go.
func (o *listNodes) release(i int) {
	n := o.at(i)
	o.len -= int(n.count)
	if ref := n.ref(); ref != 0 {
		o.blocks -= int64(o.arena.Size(ref))
		o.arena.Free(ref)
	}
	*n = listNode{}
}

// resize makes a node's bytes n.
func (o *listNodes) resize(i, n int) []byte {
	node := o.at(i)
	ref := node.ref()
	if room := o.arena.Size(ref); n > room || n <= room/2 {
		moved := o.arena.Alloc(n)
		copy(o.arena.Bytes(moved), o.arena.Bytes(ref)[:min(n, int(node.size))])
		o.blocks += int64(o.arena.Size(moved)) - int64(room)
		o.arena.Free(ref)
		node.block, ref = uint64(moved), moved
	}
	node.size = uint32(n)
	return o.arena.Bytes(ref)[:n]
}

// Memory is keyspace.Object's.
func (o *listNodes) Memory() int64 {
	return o.blocks + int64(len(o.buf))*int64(unsafe.Sizeof(listNode{})) + int64(unsafe.Sizeof(*o))
}

// Free is keyspace.Object's.
func (o *listNodes) Free() {
	for i := range o.count() {
		o.release(i)
	}
	o.buf, o.lo, o.hi = nil, 0, 0
}

// Digest is keyspace.Object's. The order of elements counts, their distribution over nodes doesn't.
func (o *listNodes) Digest() uint64 {
	sum := listDigest{}
	for i := range o.count() {
		if o.at(i).plain() {
			sum.add(o.bytes(i))
		} else {
			sum.addPack(o.bytes(i))
		}
	}
	return sum.sum
}

// Clone is Cloner's.
func (o *listNodes) Clone(db *keyspace.DB) keyspace.Object {
	c := newListNodes(db)
	c.buf = make([]listNode, o.count())
	for i := range o.count() {
		c.insert(i, o.bytes(i), o.at(i).plain(), int(o.at(i).count))
	}
	return c
}

// listNodeRoom is where a node's listpack lies.
type listNodeRoom struct {
	nodes *listNodes
	i     int
}

// Resize is listpack.Room's.
func (r listNodeRoom) Resize(n int) []byte { return r.nodes.resize(r.i, n) }

var _ listpack.Room = listNodeRoom{}
