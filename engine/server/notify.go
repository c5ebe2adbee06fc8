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
	pending []func() // each delivers one notice
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
func (n *notices) Dropped() { n.pending = nil }

// Changed is the executor's own concern: keyspace events are told by Event.
func (n *notices) Changed(*command.Client, []byte) {}

// ChangedAll sends no event, as in Redis.
func (n *notices) ChangedAll(*command.Client) {}

// Executed sends no event.
func (n *notices) Executed(*command.Call) {}

// Renewed sends no event.
func (n *notices) Renewed() {}
