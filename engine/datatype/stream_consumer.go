package datatype

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/openmemorydb/memorydb/engine/listpack"
)

// Consumer finds a consumer; nil if there is none.
func (g *StreamGroup) Consumer(name []byte) *StreamConsumer {
	if i, ok := g.searchConsumer(string(name)); ok {
		return g.consumers[i]
	}
	return nil
}

// Consumers are the consumers in order of their names.
func (g *StreamGroup) Consumers() []*StreamConsumer { return g.consumers }

func (g *StreamGroup) searchConsumer(name string) (int, bool) {
	return slices.BinarySearchFunc(g.consumers, name, func(c *StreamConsumer, name string) int { return strings.Compare(c.name, name) })
}

// AddConsumer makes a consumer; nil if there is one of that name.
func (g *StreamGroup) AddConsumer(name []byte, seen int64) *StreamConsumer {
	c := &StreamConsumer{Seen: seen, name: string(name)}
	i, taken := g.searchConsumer(c.name)
	if taken {
		return nil
	}
	c.pending = newIDTree(g.s.db.Arena(), 0, &g.s.memory)
	g.consumers = slices.Insert(g.consumers, i, c)
	free := len(g.slots)
	if free < len(g.consumers) {
		g.slots = append(g.slots, nil)
	} else {
		free = slices.Index(g.slots, nil)
	}
	g.slots[free] = c
	c.slot = uint64(free) + 1
	g.s.memory += consumerSize + int64(len(c.name))
	return c
}

// deleteConsumer takes a consumer away, and what is pending for it.
func (g *StreamGroup) deleteConsumer(c *StreamConsumer) {
	for at := c.pending.seek(StreamID{}); at.ok; at.next() {
		g.pending.delete(at.id())
	}
	i, _ := g.searchConsumer(c.name)
	g.consumers = slices.Delete(g.consumers, i, i+1)
	g.slots[c.slot-1] = nil
	g.freeConsumer(c)
}

// Name is the consumer's name.
func (c *StreamConsumer) Name() string { return c.name }

// Pending is the number of entries pending for the consumer.
func (c *StreamConsumer) Pending() int { return c.pending.len() }

// EachPending calls fn with the id of each entry pending for the consumer, in order.
func (c *StreamConsumer) EachPending(fn func(id StreamID)) {
	for at := c.pending.seek(StreamID{}); at.ok; at.next() {
		fn(at.id())
	}
}

// digester sums up what a stream holds.
type digester struct {
	xxhash.Digest
	room [20]byte
}

func (d *digester) numbers(all ...uint64) {
	for _, n := range all {
		binary.LittleEndian.PutUint64(d.room[:], n)
		_, _ = d.Write(d.room[:8]) // never fails
	}
}

func (d *digester) text(b []byte) {
	d.numbers(uint64(len(b)))
	_, _ = d.Write(b)
}

// Digest is a checksum of entries, state and groups. Nodes, deleted entries and when consumers were seen do not count.
func (s *Stream) Digest() uint64 {
	var d digester
	d.Reset()
	d.numbers(s.Length, s.Last.MS, s.Last.Seq, s.First.MS, s.First.Seq, s.MaxDeleted.MS, s.MaxDeleted.Seq, s.Added, uint64(len(s.groups)))
	var text [20]byte
	for it := s.iterate(StreamID{}, maxStreamID, false); it.next(); {
		d.numbers(it.id.MS, it.id.Seq, uint64(it.fields))
		it.each(func(field, value listpack.Elem) {
			d.text(field.Text(text[:]))
			d.text(value.Text(text[:]))
		})
	}
	for _, g := range s.groups {
		d.text([]byte(g.name))
		d.numbers(g.Last.MS, g.Last.Seq, uint64(g.EntriesRead), uint64(len(g.consumers)), uint64(g.pending.len()))
		for _, c := range g.consumers {
			d.text([]byte(c.name))
			d.numbers(uint64(c.pending.len()))
		}
		g.EachPending(func(id StreamID, delivered int64, deliveries uint64, owner *StreamConsumer) {
			d.numbers(id.MS, id.Seq, uint64(delivered), deliveries)
			if owner != nil {
				d.text([]byte(owner.name))
			}
		})
	}
	return d.Sum64()
}
