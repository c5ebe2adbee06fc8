package datatype

import "github.com/openmemorydb/memorydb/engine/listpack"

// The pack of a node is, as in Redis (t_stream.c, rdb.h; byte for byte those of redis-server 7.0.15):
//
//	entries, deleted entries, number of fields, field ..., 0                          the master entry
//	flags, ms, seq, [number of fields,] [field,] value ..., elements of this entry    each entry
//
// An entry's id is the master's plus ms and seq. An entry with the master's fields does not repeat them. The number at an entry's end counts its elements without itself,
// so that the pack can be read backwards; the master's 0 ends that. Deleted entries stay until all entries of the node are.
const (
	entryDeleted    = 1
	entrySameFields = 2
)

// maxNodeSize is the size in bytes beyond which neither an entry nor a node may grow, whatever the limits say.
const maxNodeSize = 1 << 30

// fitsStream says whether an entry is small enough for any node.
func fitsStream(pairs [][]byte) bool { return sizeOf(pairs) <= maxNodeSize }

func sizeOf(words [][]byte) int {
	n := 0
	for _, w := range words {
		n += len(w)
	}
	return n
}

// append adds an entry, whose id must be greater than Last. pairs are fields and values by turns, and not empty.
func (s *Stream) append(id StreamID, pairs [][]byte) {
	tail := s.nodes.last()
	if tail.ok && s.nodeIsFull(s.node(&tail), sizeOf(pairs)) {
		room, _ := s.room(tail.id())
		room.fit()
		tail.ok = false
	}
	if tail.ok {
		s.appendTo(tail.id(), id, pairs)
	} else {
		s.appendNode(id, pairs)
	}
	s.Length++
	s.Added++
	s.Last = id
	if s.Length == 1 {
		s.First = id
	}
}

// nodeIsFull says whether an entry of a size must go to the next node.
func (s *Stream) nodeIsFull(pack []byte, size int) bool {
	most := s.db.Limits.StreamNodeMaxBytes
	if most <= 0 || most > maxNodeSize {
		most = maxNodeSize
	}
	if len(pack)+size >= most {
		return true
	}
	h := readHeader(pack)
	return s.db.Limits.StreamNodeMaxEntries > 0 && h.entries+h.deleted >= int64(s.db.Limits.StreamNodeMaxEntries)
}

// appendNode adds an entry as the first one of a new node.
func (s *Stream) appendNode(id StreamID, pairs [][]byte) {
	pack := listpack.AppendInts(listpack.New(), 1, 0, int64(len(pairs)/2))
	for i := 0; i < len(pairs); i += 2 {
		pack = listpack.Append(pack, pairs[i])
	}
	pack = listpack.AppendInts(pack, 0)
	room := listpack.Heap(pack)
	pack = appendEntry(pack, &room, StreamID{}, pairs, true)
	s.AddNode(id, pack)
}

// appendTo adds an entry to the node with a master.
func (s *Stream) appendTo(master, id StreamID, pairs [][]byte) {
	room, pack := s.room(master)
	pack = addTo(pack, room, 1, 0)
	h := readHeader(pack)
	same := h.fields == len(pairs)/2
	for i, at := 0, h.first; same && i < len(pairs); i, at = i+2, listpack.Next(pack, at) {
		same = listpack.At(pack, at).Equal(pairs[i])
	}
	appendEntry(pack, room, StreamID{id.MS - master.MS, id.Seq - master.Seq}, pairs, same)
}

// appendEntry appends an entry to a pack. delta is its id without the master's.
func appendEntry(pack []byte, room listpack.Room, delta StreamID, pairs [][]byte, same bool) []byte {
	end := func() int { return listpack.End(pack) }
	n := len(pairs) / 2
	if same {
		pack = listpack.SpliceInts(pack, room, end(), end(), 0, entrySameFields, int64(delta.MS), int64(delta.Seq))
		for i := 1; i < len(pairs); i += 2 {
			pack = listpack.Splice(pack, room, end(), end(), 0, pairs[i])
		}
		return listpack.SpliceInts(pack, room, end(), end(), 0, int64(n+3))
	}
	pack = listpack.SpliceInts(pack, room, end(), end(), 0, 0, int64(delta.MS), int64(delta.Seq), int64(n))
	pack = listpack.Splice(pack, room, end(), end(), 0, pairs...)
	return listpack.SpliceInts(pack, room, end(), end(), 0, int64(2*n+4))
}

// nodeHeader is what a node's master entry says.
type nodeHeader struct {
	entries, deleted int64
	fields           int
	first            int // position of the first field
}

func readHeader(pack []byte) (h nodeHeader) {
	at := listpack.HeaderSize
	h.entries, at = intAt(pack, at)
	h.deleted, at = intAt(pack, at)
	var n int64
	n, h.first = intAt(pack, at)
	h.fields = int(n)
	return h
}

// intAt is the integer at a position, and the next position.
func intAt(pack []byte, at int) (n int64, next int) {
	return listpack.At(pack, at).Int, listpack.Next(pack, at)
}

// setInt replaces the integer at a position.
func setInt(pack []byte, room listpack.Room, at int, n int64) []byte {
	return listpack.SpliceInts(pack, room, at, listpack.Next(pack, at), 1, n)
}

// addTo adds to the numbers of entries and of deleted entries in a node's header.
func addTo(pack []byte, room listpack.Room, entries, deleted int64) []byte {
	h := readHeader(pack)
	pack = setInt(pack, room, listpack.HeaderSize, h.entries+entries)
	if deleted != 0 {
		pack = setInt(pack, room, listpack.Next(pack, listpack.HeaderSize), h.deleted+deleted)
	}
	return pack
}
