package rdb

import (
	"encoding/binary"
	"fmt"

	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// streamIDSize is the size of an entry's id in binary form: two big-endian numbers, so that ids sort as bytes do.
const streamIDSize = 16

func appendStreamID(b []byte, id datatype.StreamID) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, id.MS), id.Seq)
}

func streamID(p []byte) datatype.StreamID {
	return datatype.StreamID{MS: binary.BigEndian.Uint64(p), Seq: binary.BigEndian.Uint64(p[8:])}
}

func (e *Encoder) stream(v keyspace.Value) {
	s := datatype.OpenStream(v)
	e.count(s.Nodes())
	var room [streamIDSize]byte
	s.EachNode(func(master datatype.StreamID, pack []byte) bool {
		e.string(appendStreamID(room[:0], master))
		e.string(pack)
		return true
	})
	e.length(s.Length)
	e.id(s.Last)
	e.id(s.First)
	e.id(s.MaxDeleted)
	e.length(s.Added)
	e.count(len(s.Groups()))
	for _, g := range s.Groups() {
		e.group(g)
	}
}

// id writes an entry's id as two numbers.
func (e *Encoder) id(id datatype.StreamID) {
	e.length(id.MS)
	e.length(id.Seq)
}

func (e *Encoder) group(g *datatype.StreamGroup) {
	e.string([]byte(g.Name()))
	e.id(g.Last)
	e.length(uint64(g.EntriesRead))
	e.count(g.Pending())
	g.EachPending(func(id datatype.StreamID, delivered int64, deliveries uint64, _ *datatype.StreamConsumer) {
		e.buf = appendStreamID(e.buf, id)
		e.millis(delivered)
		e.length(deliveries)
		e.more()
	})
	e.count(len(g.Consumers()))
	for _, c := range g.Consumers() {
		e.string([]byte(c.Name()))
		e.millis(c.Seen)
		e.count(c.Pending())
		c.EachPending(func(id datatype.StreamID) {
			e.buf = appendStreamID(e.buf, id)
			e.more()
		})
	}
}

func (d *Decoder) stream(k kind, db *keyspace.DB) (keyspace.Value, error) {
	l := datatype.NewStreamLoader(db)
	if err := d.streamInto(k, l); err != nil {
		l.Free()
		return keyspace.Value{}, err
	}
	return l.Value(), nil
}

func (d *Decoder) streamInto(k kind, l *datatype.StreamLoader) error {
	nodes, err := d.count(2)
	if err != nil {
		return err
	}
	for range nodes {
		key, err := d.string()
		if err != nil {
			return err
		}
		if len(key) != streamIDSize {
			return damaged("the id of a stream's node has %d bytes", len(key))
		}
		master := streamID(key)
		pack, err := d.string()
		if err != nil {
			return err
		}
		if err := l.LoadNode(master, pack); err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	state, err := d.streamState(k)
	if err != nil {
		return err
	}
	if err := l.LoadState(state); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	groups, err := d.count(6)
	if err != nil {
		return err
	}
	for range groups {
		if err := d.group(k, l.Stream); err != nil {
			return err
		}
	}
	return nil
}

func (d *Decoder) streamState(k kind) (s datatype.StreamState, err error) {
	if s.Length, err = d.length(); err != nil {
		return s, err
	}
	if s.Last, err = d.id(); err != nil {
		return s, err
	}
	if k == kindStream {
		s.Added = s.Length
		return s, nil
	}
	if s.First, err = d.id(); err != nil {
		return s, err
	}
	if s.MaxDeleted, err = d.id(); err != nil {
		return s, err
	}
	s.Added, err = d.length()
	return s, err
}

// id reads an entry's id as two numbers.
func (d *Decoder) id() (id datatype.StreamID, err error) {
	if id.MS, err = d.length(); err != nil {
		return id, err
	}
	id.Seq, err = d.length()
	return id, err
}

// rawID reads an entry's id in binary form.
func (d *Decoder) rawID() (datatype.StreamID, error) {
	p, err := d.take(streamIDSize)
	if err != nil {
		return datatype.StreamID{}, err
	}
	return streamID(p), nil
}

func (d *Decoder) group(k kind, s *datatype.Stream) error {
	text, err := d.string()
	if err != nil {
		return err
	}
	name := string(text)
	last, err := d.id()
	if err != nil {
		return err
	}
	read := s.EntriesUpTo(last)
	if k != kindStream {
		n, err := d.length()
		if err != nil {
			return err
		}
		read = int64(n)
	}
	g := s.AddGroup([]byte(name), last, read)
	if g == nil {
		return damaged("a stream has group %q twice", name)
	}
	if err := d.pending(g); err != nil {
		return err
	}
	consumers, err := d.count(10)
	if err != nil {
		return err
	}
	for range consumers {
		if err := d.consumer(k, g); err != nil {
			return err
		}
	}
	owned := true
	g.EachPending(func(_ datatype.StreamID, _ int64, _ uint64, c *datatype.StreamConsumer) { owned = owned && c != nil })
	if !owned {
		return damaged("an entry is pending for no consumer of group %q", name)
	}
	return nil
}

// pending reads what is pending for a group. For whom is told later.
func (d *Decoder) pending(g *datatype.StreamGroup) error {
	n, err := d.count(streamIDSize + 8 + 1)
	if err != nil {
		return err
	}
	for range n {
		id, err := d.rawID()
		if err != nil {
			return err
		}
		delivered, err := d.millis()
		if err != nil {
			return err
		}
		deliveries, err := d.length()
		if err != nil {
			return err
		}
		if !g.AddPending(id, delivered, deliveries) {
			return damaged("entry %v is pending twice", id)
		}
	}
	return nil
}

func (d *Decoder) consumer(k kind, g *datatype.StreamGroup) error {
	text, err := d.string()
	if err != nil {
		return err
	}
	name := string(text)
	seen, err := d.millis()
	if err != nil {
		return err
	}
	if k == kindStream3 { // when it last got an entry, which Redis 7.0 does not know
		if _, err := d.millis(); err != nil {
			return err
		}
	}
	c := g.AddConsumer([]byte(name), seen)
	if c == nil {
		return damaged("a group has consumer %q twice", name)
	}
	n, err := d.count(streamIDSize)
	if err != nil {
		return err
	}
	for range n {
		id, err := d.rawID()
		if err != nil {
			return err
		}
		if !g.Assign(id, c) {
			return damaged("entry %v is pending for a consumer but not for its group", id)
		}
	}
	if c.Pending() != n {
		return damaged("an entry is pending twice for consumer %q", name)
	}
	return nil
}
