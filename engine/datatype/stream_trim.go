package datatype

import "github.com/openmemorydb/memorydb/engine/listpack"

// delete deletes the entry with an id and says whether there was one.
func (s *Stream) delete(id StreamID) bool {
	it, ok := s.entry(id)
	if !ok {
		return false
	}
	if it.header.entries == 1 {
		s.dropNode(it.master)
	} else {
		room, pack := s.room(it.master)
		pack = setInt(pack, room, it.flagsAt, it.flags|entryDeleted)
		addTo(pack, room, -1, 1)
	}
	s.Length--
	if s.MaxDeleted.Less(id) {
		s.MaxDeleted = id
	}
	if s.First == id || s.Length == 0 {
		s.findFirst()
	}
	return true
}

// findFirst sets First.
func (s *Stream) findFirst() {
	s.First = StreamID{}
	if s.Length > 0 {
		s.First, _ = s.edge(false, false)
	}
}

// trimming says what of a stream goes: all but the last maxLen entries or, with byID, all entries before minID.
type trimming struct {
	byID   bool
	maxLen uint64
	minID  StreamID
	// whole trims only whole nodes, and limit, if not 0, no more entries than that.
	whole bool
	limit int64
}

// trim trims the stream and returns the number of entries that went.
func (s *Stream) trim(t *trimming) int64 {
	gone := int64(0)
	for at := s.nodes.seek(StreamID{}); at.ok; at = s.nodes.seek(StreamID{}) {
		if !t.byID && s.Length <= t.maxLen {
			break
		}
		master, pack := at.id(), s.node(&at)
		h := readHeader(pack)
		if t.limit > 0 && gone+h.entries > t.limit {
			break
		}
		var all bool
		if t.byID {
			all = lastOf(master, pack).Less(t.minID)
		} else {
			all = s.Length-uint64(h.entries) >= t.maxLen
		}
		if !all {
			if !t.whole {
				gone += s.trimNode(t, master)
			}
			break
		}
		s.dropNode(master)
		s.Length -= uint64(h.entries)
		gone += h.entries
	}
	if gone > 0 || s.Length == 0 {
		s.findFirst()
	}
	return gone
}

// lastOf is the id of the last entry of a node, deleted or not.
func lastOf(master StreamID, pack []byte) StreamID {
	at := listpack.Prev(pack, listpack.End(pack))
	for range listpack.At(pack, at).Int {
		at = listpack.Prev(pack, at)
	}
	_, at = intAt(pack, at)
	ms, at := intAt(pack, at)
	seq, _ := intAt(pack, at)
	return StreamID{master.MS + uint64(ms), master.Seq + uint64(seq)}
}

// trimNode marks the first node's entries that go as deleted. The node stays even if none is left that was not: its last one may have been deleted before.
func (s *Stream) trimNode(t *trimming, master StreamID) (gone int64) {
	room, _ := s.room(master)
	it := s.iterate(StreamID{}, maxStreamID, false)
	it.open()
	for it.step() {
		if t.byID && !it.id.Less(t.minID) || !t.byID && s.Length <= t.maxLen {
			break
		}
		if it.flags&entryDeleted == 0 {
			// Flags stay one element of the same size: positions behind them hold.
			it.pack = setInt(it.pack, room, it.flagsAt, it.flags|entryDeleted)
			s.Length--
			gone++
		}
	}
	addTo(it.pack, room, -gone, gone)
	return gone
}
