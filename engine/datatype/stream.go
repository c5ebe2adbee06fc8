package datatype

import (
	"encoding/binary"
	"unsafe"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
)

// Stream is the stream at a key: entries in order of their ids, and the groups of consumers that read them.
//
// Entries lie in nodes of up to stream-node-max-entries entries and stream-node-max-bytes bytes. A node is a pack that begins with a master entry, byte for byte the
// macro node of Redis (stream_node.go), under the id of its first entry. Nodes are blocks of the arena, found by an idTree.
type Stream struct {
	StreamState
	db     *keyspace.DB
	nodes  idTree // id of the master entry to the block of the node
	groups []*StreamGroup
	memory int64 // of nodes, trees and groups
}

// StreamState is what a stream knows of itself besides its entries and groups.
type StreamState struct {
	// Length is the number of entries.
	Length uint64
	// Last is the id that was given last, First that of the first entry, 0-0 if there is none; MaxDeleted is the greatest id that XDEL has deleted.
	Last, First, MaxDeleted StreamID
	// Added is how many entries were ever added.
	Added uint64
}

// NewStream makes an empty stream in db's arena, which SetObject makes the value of a key.
func NewStream(db *keyspace.DB) *Stream {
	s := &Stream{db: db}
	s.nodes = newIDTree(db.Arena(), refSize, &s.memory)
	return s
}

// OpenStream is the stream that a value of type keyspace.Stream is.
func OpenStream(v keyspace.Value) *Stream {
	return v.Object.(*Stream) //nolint:forcetypeassert // the only Object of this type
}

// Memory is the bytes that the stream holds.
func (s *Stream) Memory() int64 { return int64(unsafe.Sizeof(*s)) + s.memory }

// Free releases the stream's memory.
func (s *Stream) Free() {
	for c := s.nodes.seek(StreamID{}); c.ok; c.next() {
		s.db.Arena().Free(nodeRef(c.value()))
	}
	s.nodes.free()
	for _, g := range s.groups {
		g.free()
	}
	s.groups, s.memory = nil, 0
}

// Clone is a stream with the same content. It makes Stream a Cloner.
func (s *Stream) Clone(db *keyspace.DB) keyspace.Object {
	clone := NewStream(db)
	clone.StreamState = s.StreamState
	s.EachNode(func(master StreamID, pack []byte) bool {
		clone.AddNode(master, pack)
		return true
	})
	for _, g := range s.groups {
		g.cloneTo(clone)
	}
	return clone
}

// EachNode calls fn for each node, in order, until it returns false. The pack is valid until the next change of the DB.
func (s *Stream) EachNode(fn func(master StreamID, pack []byte) bool) {
	for c := s.nodes.seek(StreamID{}); c.ok; c.next() {
		if !fn(c.id(), s.node(&c)) {
			return
		}
	}
}

// Nodes is the number of nodes.
func (s *Stream) Nodes() int { return s.nodes.len() }

// AddNode adds a node, whose pack ValidNode must have accepted, and says whether there was none with its id. The stream's state is the caller's to set.
func (s *Stream) AddNode(master StreamID, pack []byte) bool {
	value, added := s.nodes.put(master)
	if !added {
		return false
	}
	r := s.allocNode(len(pack))
	copy(s.db.Arena().Bytes(r), pack)
	binary.LittleEndian.PutUint64(value, uint64(r))
	return true
}

func nodeRef(value []byte) keyspace.Ref { return keyspace.Ref(binary.LittleEndian.Uint64(value)) }

// node is the pack of the node at a place of the directory.
func (s *Stream) node(c *idCursor) []byte { return s.pack(nodeRef(c.value())) }

func (s *Stream) pack(r keyspace.Ref) []byte {
	b := s.db.Arena().Bytes(r)
	n := listpack.Size(b)
	return b[:n:n]
}

func (s *Stream) allocNode(n int) keyspace.Ref {
	r := s.db.Arena().Alloc(n)
	s.memory += int64(s.db.Arena().Size(r))
	return r
}

func (s *Stream) freeNode(r keyspace.Ref) {
	s.memory -= int64(s.db.Arena().Size(r))
	s.db.Arena().Free(r)
}

// dropNode takes a node away.
func (s *Stream) dropNode(master StreamID) {
	value, _ := s.nodes.get(master)
	s.freeNode(nodeRef(value))
	s.nodes.delete(master)
}

// nodeRoom is where a node's pack grows. It keeps the directory's entry right.
type nodeRoom struct {
	s      *Stream
	master StreamID
	ref    keyspace.Ref
}

// room is the room of a node, and its pack.
func (s *Stream) room(master StreamID) (*nodeRoom, []byte) {
	value, _ := s.nodes.get(master)
	r := &nodeRoom{s, master, nodeRef(value)}
	return r, s.pack(r.ref)
}

// Resize is listpack.Room's. Room is kept as the pack grows, until fit takes it away.
func (r *nodeRoom) Resize(n int) []byte {
	arena := r.s.db.Arena()
	if old := arena.Size(r.ref); n > old {
		r.move(max(n, min(2*old, max(r.s.db.Limits.StreamNodeMaxBytes, n+n/8))))
	}
	return arena.Bytes(r.ref)[:n]
}

// move gives the pack a block of n bytes or more.
func (r *nodeRoom) move(n int) {
	ref := r.s.allocNode(n)
	copy(r.s.db.Arena().Bytes(ref), r.s.pack(r.ref))
	r.s.freeNode(r.ref)
	r.ref = ref
	value, _ := r.s.nodes.get(r.master)
	binary.LittleEndian.PutUint64(value, uint64(ref))
}

// fit takes away the room behind the pack of a node that is not appended to any more.
func (r *nodeRoom) fit() {
	if n := listpack.Size(r.s.pack(r.ref)); n <= r.s.db.Arena().Size(r.ref)*7/8 {
		r.move(n)
	}
}
