package datatype

import (
	"errors"
	"fmt"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
)

// StreamLoader makes a stream at no key of the nodes of a foreign one: LoadNode for each in order, LoadState, then the groups by the methods of Stream.
type StreamLoader struct {
	// Stream is the stream made so far.
	Stream *Stream

	length      uint64
	first, last StreamID // of the entries; last counts deleted ones too
}

// NewStreamLoader begins with an empty stream. It ends with Value or Free.
func NewStreamLoader(db *keyspace.DB) *StreamLoader { return &StreamLoader{Stream: NewStream(db)} }

// Free drops the stream.
func (l *StreamLoader) Free() { l.Stream.Free() }

// Value is the stream.
func (l *StreamLoader) Value() keyspace.Value {
	return keyspace.Value{Type: keyspace.Stream, Encoding: keyspace.EncStream, Object: l.Stream}
}

// LoadNode checks a node wholly and adds it. Its entries must come after those of the node before.
func (l *StreamLoader) LoadNode(master StreamID, pack []byte) error {
	if _, err := listpack.Valid(pack); err != nil {
		return fmt.Errorf("datatype: node %v of a stream: %w", master, err)
	}
	if l.Stream.Nodes() > 0 && !l.last.Less(master) {
		return fmt.Errorf("datatype: node %v of a stream is not behind entry %v", master, l.last)
	}
	n := nodeCheck{pack: pack, at: listpack.HeaderSize, master: master}
	if !n.check() {
		return fmt.Errorf("datatype: node %v of a stream is damaged before offset %d", master, n.at)
	}
	if l.length == 0 {
		l.first = n.first
	}
	l.length += uint64(n.live)
	l.last = n.last
	l.Stream.AddNode(master, pack)
	return nil
}

// LoadState sets the stream's state, but for the id of the first entry, which the nodes tell. It must agree with them.
func (l *StreamLoader) LoadState(state StreamState) error {
	if state.Length != l.length {
		return fmt.Errorf("datatype: a stream has %d entries, not %d", l.length, state.Length)
	}
	if state.Last.Less(l.last) {
		return errors.New("datatype: the last id of a stream is before its last entry")
	}
	state.First = l.first
	l.Stream.StreamState = state
	return nil
}

// EntriesUpTo is how many of the entries ever added come up to an id; UnknownEntriesRead if it can't be told.
func (s *Stream) EntriesUpTo(id StreamID) int64 { return s.entriesUpTo(id) }

// nodeCheck walks over a node that is a valid pack.
type nodeCheck struct {
	pack        []byte
	at          int
	master      StreamID
	live        int64
	first, last StreamID // of the live entries, and of all
}

// integer takes the next element if it is an integer.
func (n *nodeCheck) integer() (int64, bool) {
	if n.at >= listpack.End(n.pack) {
		return 0, false
	}
	e := listpack.At(n.pack, n.at)
	n.at = listpack.Next(n.pack, n.at)
	return e.Int, e.IsInt
}

// skip passes over count elements.
func (n *nodeCheck) skip(count int64) bool {
	for ; count > 0; count-- {
		if n.at >= listpack.End(n.pack) {
			return false
		}
		n.at = listpack.Next(n.pack, n.at)
	}
	return count == 0
}

func (n *nodeCheck) check() bool {
	live, ok1 := n.integer()
	deleted, ok2 := n.integer()
	fields, ok3 := n.integer()
	if !ok1 || !ok2 || !ok3 || live < 1 || deleted < 0 || fields < 0 || !n.skip(fields) {
		return false
	}
	if zero, ok := n.integer(); !ok || zero != 0 {
		return false
	}
	for total := int64(0); n.at < listpack.End(n.pack); total++ {
		if !n.entry(fields, total == 0) {
			return false
		}
		if n.live > live || total-n.live+1 > deleted {
			return false
		}
	}
	return n.live == live
}

// entry checks an entry in a node whose master has so many fields.
func (n *nodeCheck) entry(fields int64, first bool) bool {
	flags, ok1 := n.integer()
	ms, ok2 := n.integer()
	seq, ok3 := n.integer()
	if !ok1 || !ok2 || !ok3 {
		return false
	}
	id := StreamID{n.master.MS + uint64(ms), n.master.Seq + uint64(seq)}
	if id.Less(n.master) || !first && !n.last.Less(id) {
		return false
	}
	n.last = id
	elements := fields + 3
	if flags&entrySameFields == 0 {
		own, ok := n.integer()
		if !ok || own < 0 || own > int64(len(n.pack)) || !n.skip(own) {
			return false
		}
		fields, elements = own, 2*own+4
	}
	if !n.skip(fields) {
		return false
	}
	if count, ok := n.integer(); !ok || count != elements {
		return false
	}
	if flags&entryDeleted == 0 {
		if n.live == 0 {
			n.first = id
		}
		n.live++
	}
	return true
}
