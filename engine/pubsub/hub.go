// Package pubsub is the channels of one node: who has subscribed to what, and whom a message reaches. A Bus connects the nodes of a cluster.
//
// The package starts no goroutines and never waits: a subscriber takes messages without waiting for its client (Sink), and a bus may not wait either.
package pubsub

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// Kind is what a subscription names: each kind is a space of names of its own.
type Kind int

// The kinds.
const (
	// Channel is a channel of the whole cluster (SUBSCRIBE).
	Channel Kind = iota
	// Pattern is a pattern of such channels (PSUBSCRIBE).
	Pattern
	// Sharded is a channel that belongs to a slot, and is known in that slot's shard only (SSUBSCRIBE).
	Sharded
	kinds
)

// Message is what PUBLISH or SPUBLISH sends. It is never changed.
type Message struct {
	Channel, Payload []byte
	// Sharded says that the channel is one of SPUBLISH.
	Sharded bool
}

// Sink is where a subscriber's messages go. Push never waits: write appends the message, as an array in RESP2 or a push in RESP3.
type Sink interface {
	Push(write func(w *resp.Writer))
}

// Subscriber is one client's subscriptions. Make it with NewSubscriber; its fields belong to the hub.
type Subscriber struct {
	sink Sink
	hub  *Hub
	subs [kinds]map[string]uint64 // with the number of the subscription, which tells their order
	has  [kinds]atomic.Int64      // how many of each: read without the hub's lock, since a sink asks while it is pushed to
}

// Hub is the channels of one node. Its methods may be called from several goroutines.
type Hub struct {
	mu       sync.RWMutex
	serial   uint64
	names    [kinds]map[string]map[*Subscriber]uint64
	patterns []string // in the order in which they were first subscribed to
}

// New makes a hub without subscribers.
func New() *Hub {
	h := &Hub{}
	for k := range h.names {
		h.names[k] = map[string]map[*Subscriber]uint64{}
	}
	return h
}

// NewSubscriber makes a subscriber without subscriptions.
func (h *Hub) NewSubscriber(to Sink) *Subscriber { return &Subscriber{sink: to, hub: h} }

// Subscribe adds a subscription; false if there is one already.
func (s *Subscriber) Subscribe(kind Kind, name string) bool {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, has := s.subs[kind][name]; has {
		return false
	}
	h.serial++
	if s.subs[kind] == nil {
		s.subs[kind] = map[string]uint64{}
	}
	s.subs[kind][name] = h.serial
	s.has[kind].Add(1)
	set := h.names[kind][name]
	if set == nil {
		set = map[*Subscriber]uint64{}
		h.names[kind][name] = set
		if kind == Pattern {
			h.patterns = append(h.patterns, name)
		}
	}
	set[s] = h.serial
	return true
}

// Unsubscribe ends a subscription; false if there is none. No message for it is pushed any more.
func (s *Subscriber) Unsubscribe(kind Kind, name string) bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.hub.drop(s, kind, name)
}

func (h *Hub) drop(s *Subscriber, kind Kind, name string) bool {
	if _, has := s.subs[kind][name]; !has {
		return false
	}
	delete(s.subs[kind], name)
	s.has[kind].Add(-1)
	set := h.names[kind][name]
	delete(set, s)
	if len(set) == 0 {
		delete(h.names[kind], name)
		if kind == Pattern {
			i := slices.Index(h.patterns, name)
			h.patterns = slices.Delete(h.patterns, i, i+1)
		}
	}
	return true
}

// Close ends all subscriptions.
func (s *Subscriber) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for kind := range kinds {
		for name := range s.subs[kind] {
			s.hub.drop(s, kind, name)
		}
	}
}

// Names are the subscriptions of a kind, in the order in which they were made.
func (s *Subscriber) Names(kind Kind) []string {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	return slices.SortedFunc(maps.Keys(s.subs[kind]), func(a, b string) int { return int(s.subs[kind][a]) - int(s.subs[kind][b]) })
}

// Count is the number of subscriptions of a kind.
func (s *Subscriber) Count(kind Kind) int { return int(s.has[kind].Load()) }

// Active says whether there is any subscription: in RESP2 the connection then takes only commands about them.
func (s *Subscriber) Active() bool {
	return s.Count(Channel)+s.Count(Pattern)+s.Count(Sharded) > 0
}

// Deliver pushes a message to the node's subscribers but one (nil: to all of them). All subscribers get messages in the same order.
func (h *Hub) Deliver(m Message, but *Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.each(m, func(s *Subscriber, pattern string, matched bool) {
		if s != but {
			s.sink.Push(func(w *resp.Writer) { m.write(w, pattern, matched) })
		}
	})
}

// Reach is the number of subscriptions of this node that a message reaches. What reaches own is appended to w besides.
func (h *Hub) Reach(m Message, own *Subscriber, w *resp.Writer) (n int) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	h.each(m, func(s *Subscriber, pattern string, matched bool) {
		n++
		if s == own {
			m.write(w, pattern, matched)
		}
	})
	return n
}

// each calls fn for each subscription that a message reaches: those of its channel first, then patterns.
func (h *Hub) each(m Message, fn func(s *Subscriber, pattern string, matched bool)) {
	if m.Sharded {
		for s := range h.names[Sharded][string(m.Channel)] {
			fn(s, "", false)
		}
		return
	}
	for s := range h.names[Channel][string(m.Channel)] {
		fn(s, "", false)
	}
	for _, p := range h.patterns {
		if command.Match([]byte(p), m.Channel) {
			for s := range h.names[Pattern][p] {
				fn(s, p, true)
			}
		}
	}
}

// write appends the message as a subscriber gets it.
func (m *Message) write(w *resp.Writer, pattern string, matched bool) {
	switch {
	case matched:
		w.Push(4)
		w.BulkString("pmessage")
		w.BulkString(pattern)
	case m.Sharded:
		w.Push(3)
		w.BulkString("smessage")
	default:
		w.Push(3)
		w.BulkString("message")
	}
	w.Bulk(m.Channel)
	w.Bulk(m.Payload)
}

// Names are the names of a kind that somebody has subscribed to, sorted.
func (h *Hub) Names(kind Kind) []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Sorted(maps.Keys(h.names[kind]))
}

// Len is the number of names of a kind that somebody has subscribed to.
func (h *Hub) Len(kind Kind) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.names[kind])
}

// Subscribers is the number of clients that have subscribed to a name.
func (h *Hub) Subscribers(kind Kind, name []byte) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.names[kind][string(name)])
}

// Revoke ends the subscriptions to those sharded channels for which gone is true; each subscriber is pushed what SUNSUBSCRIBE answers.
func (h *Hub) Revoke(gone func(channel string) bool) {
	if h.Len(Sharded) == 0 {
		return
	}
	var names []string
	for _, name := range h.Names(Sharded) {
		if gone(name) {
			names = append(names, name)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range names {
		for s := range h.names[Sharded][name] {
			h.drop(s, Sharded, name)
			left := len(s.subs[Sharded])
			s.sink.Push(func(w *resp.Writer) {
				w.Push(3)
				w.BulkString("sunsubscribe")
				w.BulkString(name)
				w.Int(int64(left))
			})
		}
	}
}
