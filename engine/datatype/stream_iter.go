package datatype

import (
	"github.com/openmemorydb/memorydb/engine/listpack"
)

// streamIter goes over the entries of a range of a stream, forwards or backwards. A change of the stream invalidates it.
//
//	for it := s.iterate(first, last, false); it.next(); {
//		it.each(func(field, value listpack.Elem) { … })
//	}
type streamIter struct {
	id     StreamID // of the entry
	fields int      // number of its fields

	s           *Stream
	first, last StreamID
	backwards   bool
	deleted     bool // deleted entries count too
	node        idCursor
	master      StreamID
	pack        []byte // of the node; nil if it is yet to be opened
	header      nodeHeader
	at          int // where to go on: the entry's end, or its beginning if backwards

	flags          int64
	flagsAt, value int // positions of the entry's flags, and of its first value, or field if it has its own
}

// iterate begins before the first entry of a range; backwards behind the last one.
func (s *Stream) iterate(first, last StreamID, backwards bool) streamIter {
	it := streamIter{s: s, first: first, last: last, backwards: backwards}
	if backwards {
		it.node = s.nodes.floor(last)
	} else if it.node = s.nodes.floor(first); !it.node.ok {
		it.node = s.nodes.seek(StreamID{})
	}
	return it
}

// next goes to the next entry and says whether there is one.
func (it *streamIter) next() bool {
	for {
		if it.pack == nil {
			if !it.node.ok {
				return false
			}
			it.open()
		}
		if !it.step() {
			it.pack = nil
			if it.backwards {
				it.node.prev()
			} else {
				it.node.next()
			}
			continue
		}
		before, behind := it.id.Less(it.first), it.last.Less(it.id)
		if behind && !it.backwards || before && it.backwards {
			return false
		}
		if !before && !behind && (it.deleted || it.flags&entryDeleted == 0) {
			return true
		}
	}
}

// open begins a node.
func (it *streamIter) open() {
	it.master, it.pack = it.node.id(), it.s.node(&it.node)
	it.header = readHeader(it.pack)
	if it.backwards {
		it.at = listpack.End(it.pack)
		return
	}
	it.at = firstEntry(it.pack, it.header)
}

// firstEntry is the position of a node's first entry.
func firstEntry(pack []byte, h nodeHeader) int {
	return skip(pack, h.first, h.fields+1)
}

func skip(pack []byte, at, n int) int {
	for range n {
		at = listpack.Next(pack, at)
	}
	return at
}

// step goes to the node's next entry and says whether there is one.
func (it *streamIter) step() bool {
	if !it.backwards {
		if it.at == listpack.End(it.pack) {
			return false
		}
		it.at = it.read(it.at)
		return true
	}
	at := listpack.Prev(it.pack, it.at)
	n := listpack.At(it.pack, at).Int
	if n == 0 {
		return false // the end of the master entry
	}
	for range n {
		at = listpack.Prev(it.pack, at)
	}
	it.at = at
	it.read(at)
	return true
}

// read reads the entry at a position, and returns the position behind it.
func (it *streamIter) read(at int) (end int) {
	it.flagsAt = at
	var ms, seq int64
	it.flags, at = intAt(it.pack, at)
	ms, at = intAt(it.pack, at)
	seq, at = intAt(it.pack, at)
	it.id = StreamID{it.master.MS + uint64(ms), it.master.Seq + uint64(seq)}
	it.fields = it.header.fields
	elements := it.fields
	if it.flags&entrySameFields == 0 {
		var n int64
		n, at = intAt(it.pack, at)
		it.fields, elements = int(n), int(2*n)
	}
	it.value = at
	if it.backwards {
		return 0
	}
	return skip(it.pack, at, elements+1)
}

// each calls fn for each field of the entry.
func (it *streamIter) each(fn func(field, value listpack.Elem)) {
	at := it.value
	if it.flags&entrySameFields != 0 {
		field := it.header.first
		for range it.fields {
			fn(listpack.At(it.pack, field), listpack.At(it.pack, at))
			field, at = listpack.Next(it.pack, field), listpack.Next(it.pack, at)
		}
		return
	}
	for range it.fields {
		value := listpack.Next(it.pack, at)
		fn(listpack.At(it.pack, at), listpack.At(it.pack, value))
		at = listpack.Next(it.pack, value)
	}
}

// entry finds the entry with an id.
func (s *Stream) entry(id StreamID) (streamIter, bool) {
	it := s.iterate(id, id, false)
	return it, it.next()
}

// has says whether the stream has an entry with an id.
func (s *Stream) has(id StreamID) bool {
	_, ok := s.entry(id)
	return ok
}

// edge is the id of the first entry or, backwards, the last one; deleted entries count if so said. ok is false if there is none.
func (s *Stream) edge(backwards, deleted bool) (_ StreamID, ok bool) {
	it := s.iterate(StreamID{}, maxStreamID, backwards)
	it.deleted = deleted
	ok = it.next()
	return it.id, ok
}

// top is the id of the last entry; 0-0 if there is none.
func (s *Stream) top() StreamID {
	id, ok := s.edge(true, false)
	if !ok {
		return StreamID{}
	}
	return id
}
