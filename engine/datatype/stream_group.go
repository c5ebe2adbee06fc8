package datatype

import (
	"encoding/binary"
	"slices"
	"strings"
	"unsafe"
)

// StreamGroup is a group of consumers that read a stream together: each entry goes to one of them, and is pending until it is acknowledged.
type StreamGroup struct {
	// Last is the id of the entry delivered last.
	Last StreamID
	// EntriesRead is how many of the entries ever added come up to Last; UnknownEntriesRead if that isn't known.
	EntriesRead int64

	s         *Stream
	name      string
	pending   idTree            // pendingSize bytes for each entry delivered and not acknowledged
	consumers []*StreamConsumer // in order of their names
	slots     []*StreamConsumer // by their numbers; nil for a number that is free
}

// UnknownEntriesRead is StreamGroup.EntriesRead where no number can be told.
const UnknownEntriesRead = -1

// StreamConsumer is one of a group's consumers.
type StreamConsumer struct {
	// Seen is when the consumer was last heard of, in milliseconds since the epoch. It isn't logged: a replica counts from when it heard of it.
	Seen int64

	name    string
	slot    uint64 // its number: its place in StreamGroup.slots, counted from 1
	pending idTree // the ids pending for it
}

// pendingSize is the size of what a group knows of a pending entry: the time of its last delivery, the number of deliveries, and the number of its consumer.
const pendingSize = 24

// pendingEntry is what a group knows of a pending entry, in the group's tree.
type pendingEntry []byte

func (p pendingEntry) time() int64      { return int64(binary.LittleEndian.Uint64(p)) }
func (p pendingEntry) count() uint64    { return binary.LittleEndian.Uint64(p[8:]) }
func (p pendingEntry) slot() uint64     { return binary.LittleEndian.Uint64(p[16:]) }
func (p pendingEntry) setSlot(n uint64) { binary.LittleEndian.PutUint64(p[16:], n) }
func (p pendingEntry) set(time int64, count uint64) {
	binary.LittleEndian.PutUint64(p, uint64(time))
	binary.LittleEndian.PutUint64(p[8:], count)
}

// Group finds a group; nil if there is none.
func (s *Stream) Group(name []byte) *StreamGroup {
	if i, ok := s.searchGroup(string(name)); ok {
		return s.groups[i]
	}
	return nil
}

// Groups are the groups in order of their names.
func (s *Stream) Groups() []*StreamGroup { return s.groups }

func (s *Stream) searchGroup(name string) (int, bool) {
	return slices.BinarySearchFunc(s.groups, name, func(g *StreamGroup, name string) int { return strings.Compare(g.name, name) })
}

// AddGroup makes a group; nil if there is one of that name.
func (s *Stream) AddGroup(name []byte, last StreamID, entriesRead int64) *StreamGroup {
	g := &StreamGroup{Last: last, EntriesRead: entriesRead, s: s, name: string(name)}
	g.pending = newIDTree(s.db.Arena(), pendingSize, &s.memory)
	i, taken := s.searchGroup(g.name)
	if taken {
		return nil
	}
	s.groups = slices.Insert(s.groups, i, g)
	s.memory += groupSize + int64(len(g.name))
	return g
}

// The bytes of a group and of a consumer on the Go heap, with the pointers to them, but for their names.
const (
	groupSize    = int64(unsafe.Sizeof(StreamGroup{}) + unsafe.Sizeof(uintptr(0)))
	consumerSize = int64(unsafe.Sizeof(StreamConsumer{}) + 2*unsafe.Sizeof(uintptr(0)))
)

// DeleteGroup takes a group away.
func (s *Stream) DeleteGroup(g *StreamGroup) {
	i, _ := s.searchGroup(g.name)
	s.groups = slices.Delete(s.groups, i, i+1)
	g.free()
}

func (g *StreamGroup) free() {
	for _, c := range g.consumers {
		g.freeConsumer(c)
	}
	g.pending.free()
	g.s.memory -= groupSize + int64(len(g.name))
}

func (g *StreamGroup) freeConsumer(c *StreamConsumer) {
	c.pending.free()
	g.s.memory -= consumerSize + int64(len(c.name))
}

// Name is the group's name.
func (g *StreamGroup) Name() string { return g.name }

// Pending is the number of entries delivered and not acknowledged.
func (g *StreamGroup) Pending() int { return g.pending.len() }

// EachPending calls fn for each pending entry, in order. consumer is nil if none has it, which is so only while a stream is being restored.
func (g *StreamGroup) EachPending(fn func(id StreamID, delivered int64, deliveries uint64, consumer *StreamConsumer)) {
	for c := g.pending.seek(StreamID{}); c.ok; c.next() {
		p := pendingEntry(c.value())
		fn(c.id(), p.time(), p.count(), g.owner(p))
	}
}

// AddPending adds a pending entry that no consumer has yet, and says whether there was none of its id.
func (g *StreamGroup) AddPending(id StreamID, delivered int64, deliveries uint64) bool {
	value, added := g.pending.put(id)
	if added {
		pendingEntry(value).set(delivered, deliveries)
		pendingEntry(value).setSlot(0)
	}
	return added
}

// Assign gives a pending entry to a consumer, and says whether the entry is pending.
func (g *StreamGroup) Assign(id StreamID, to *StreamConsumer) bool {
	value, ok := g.pending.get(id)
	if !ok {
		return false
	}
	p := pendingEntry(value)
	if p.slot() == to.slot {
		return true
	}
	if from := g.owner(p); from != nil {
		from.pending.delete(id)
	}
	p.setSlot(to.slot)
	to.pending.put(id)
	return true
}

// owner is the consumer that has a pending entry.
func (g *StreamGroup) owner(p pendingEntry) *StreamConsumer {
	if n := p.slot(); n > 0 {
		return g.slots[n-1]
	}
	return nil
}

// deliver makes an entry pending for a consumer, as delivered so often, the last time at a time.
func (g *StreamGroup) deliver(id StreamID, to *StreamConsumer, delivered int64, deliveries uint64) {
	if !g.AddPending(id, delivered, deliveries) {
		value, _ := g.pending.get(id)
		pendingEntry(value).set(delivered, deliveries)
	}
	g.Assign(id, to)
}

// acknowledge takes a pending entry away and says whether there was one.
func (g *StreamGroup) acknowledge(id StreamID) bool {
	value, ok := g.pending.get(id)
	if !ok {
		return false
	}
	if owner := g.owner(value); owner != nil {
		owner.pending.delete(id)
	}
	return g.pending.delete(id)
}

// cloneTo makes the same group in another stream.
func (g *StreamGroup) cloneTo(s *Stream) {
	clone := s.AddGroup([]byte(g.name), g.Last, g.EntriesRead)
	for _, c := range g.consumers {
		clone.AddConsumer([]byte(c.name), c.Seen)
	}
	g.EachPending(func(id StreamID, delivered int64, deliveries uint64, owner *StreamConsumer) {
		clone.AddPending(id, delivered, deliveries)
		if owner != nil {
			clone.Assign(id, clone.Consumer([]byte(owner.name)))
		}
	})
}
