package shard

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Observer hears of what calls do, for keyspace events and tracking. Its methods are called under the turn and never wait. cl is the client whose call it is; nil for
// expiry, eviction and what a replica applies. Keys are valid during the call of the method only.
type Observer interface {
	// Changed is told of each key that a call has changed.
	Changed(cl *command.Client, key []byte)
	// ChangedAll is told of a change of the whole keyspace.
	ChangedAll(cl *command.Client)
	// Event is told of each keyspace event.
	Event(cl *command.Client, class byte, event string, key []byte)
	// Executed is told of each call of a client that was executed without an error.
	Executed(c *command.Call)
	// Settled ends what was told since it was called last: others may hear of it once the position is durable, at once if it is 0.
	Settled(after txlog.Pos)
	// Dropped says that what was told since Settled must not be heard of: the node may not answer any more.
	Dropped()
	// Renewed says that the node's memory is another one.
	Renewed()
}

// Observe sets the observer; it is called before the shard is shared, once.
func (s *Shard) Observe(o Observer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observer = o
}

// unobserved hears nothing.
type unobserved struct{}

func (unobserved) Changed(*command.Client, []byte)             {}
func (unobserved) ChangedAll(*command.Client)                  {}
func (unobserved) Event(*command.Client, byte, string, []byte) {}
func (unobserved) Executed(*command.Call)                      {}
func (unobserved) Settled(txlog.Pos)                           {}
func (unobserved) Dropped()                                    {}
func (unobserved) Renewed()                                    {}

// caller is the client whose call is executed; nil if there is none.
func (s *Shard) caller() *command.Client {
	if s.call == nil {
		return nil
	}
	return s.call.Client
}

// Event is told of keyspace events (command.Hooks).
func (s *Shard) Event(class byte, event string, key []byte) {
	if s.Role() != Loading {
		s.observer.Event(s.caller(), class, event, key)
	}
}
