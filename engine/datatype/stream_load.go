package datatype

import (
	"errors"
	"fmt"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// StreamLoader makes a stream at no key of the nodes of a foreign one: LoadNode for each in order, LoadState, then the groups by the methods of Stream.
type StreamLoader struct {
	// Stream is the stream made so far.
	Stream *Stream

	length uint64
	last   StreamID // of the entries, deleted ones too
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
	entries, err := ValidNode(master, pack)
	if err != nil {
		return fmt.Errorf("datatype: node %v of a stream: %w", master, err)
	}
	if l.Stream.Nodes() > 0 && !l.last.Less(master) {
		return fmt.Errorf("datatype: node %v of a stream is not behind entry %v", master, l.last)
	}
	l.Stream.AddNode(master, pack)
	l.length += uint64(entries)
	l.last = l.edge(true)
	return nil
}

// edge is the id of the first entry, or that of the last one, deleted or not.
func (l *StreamLoader) edge(last bool) StreamID {
	it := l.Stream.iterate(StreamID{}, maxStreamID, last)
	it.deleted = last
	it.next()
	return it.id
}

// LoadState sets the stream's state, but for the id of the first entry, which the nodes tell. It must agree with them.
func (l *StreamLoader) LoadState(state StreamState) error {
	if state.Length != l.length {
		return fmt.Errorf("datatype: a stream has %d entries, not %d", l.length, state.Length)
	}
	if state.Last.Less(l.last) {
		return errors.New("datatype: the last id of a stream is before its last entry")
	}
	state.First = StreamID{}
	if l.length > 0 {
		state.First = l.edge(false)
	}
	l.Stream.StreamState = state
	return nil
}

// EntriesUpTo is how many of the entries ever added come up to an id; UnknownEntriesRead if it can't be told.
func (s *Stream) EntriesUpTo(id StreamID) int64 { return s.entriesUpTo(id) }
