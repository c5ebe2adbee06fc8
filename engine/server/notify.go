package server

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/pubsub"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// notices gathers what a call does under the turn, and hands it to the courier with the position of its record: keyspace events (shard.Observer). All fields but srv belong to the turn.
type notices struct {
	srv     *Server
	pending []func()  // each delivers one notice
	invalid []invalid // keys that were changed, for client-side caching
	all     bool      // every key was
	before  *conn     // whose request is about to be executed, while keys are evicted for it
}

// Event notes a keyspace event if notify-keyspace-events wants it.
func (n *notices) Event(_ *command.Client, class byte, event string, key []byte) {
	if n.srv.cfg.Events == nil {
		return
	}
	byKey, byEvent := n.srv.cfg.Events(class)
	if !byKey && !byEvent {
		return
	}
	key = bytes.Clone(key)
	n.pending = append(n.pending, func() {
		if byKey {
			n.srv.channels.Deliver(pubsub.Message{Channel: append([]byte("__keyspace@0__:"), key...), Payload: []byte(event)}, nil)
		}
		if byEvent {
			n.srv.channels.Deliver(pubsub.Message{Channel: []byte("__keyevent@0__:" + event), Payload: key}, nil)
		}
	})
}

// Settled hands over what was noted.
func (n *notices) Settled(after txlog.Pos) {
	if len(n.invalid) > 0 || n.all {
		n.srv.invalidate(after, n.invalid, n.all, n.before)
		n.invalid, n.all = nil, false
	}
	if len(n.pending) == 0 {
		return
	}
	list := n.pending
	n.pending = nil
	n.srv.courier.add(after, func() {
		for _, deliver := range list {
			deliver()
		}
	})
}

// Dropped forgets what was noted.
func (n *notices) Dropped() { n.pending, n.invalid, n.all = nil, nil, false }

// Changed notes a key that clients may have cached.
func (n *notices) Changed(by *command.Client, key []byte) {
	if n.srv.tracker.clients.Load() == 0 {
		return
	}
	k := invalid{key: bytes.Clone(key)}
	if by != nil {
		k.by = by.ID
	}
	n.invalid = append(n.invalid, k)
}

// ChangedAll notes that whatever clients have cached is invalid.
func (n *notices) ChangedAll(*command.Client) { n.all = n.srv.tracker.clients.Load() > 0 }

// Executed sends no event.
func (n *notices) Executed(*command.Call) {}

// Renewed tells that whatever clients have cached may be of changes that were never acknowledged.
func (n *notices) Renewed() {
	if n.srv.tracker.clients.Load() > 0 {
		n.srv.invalidate(0, nil, true, nil)
	}
}
