package pubsub

import "sync"

// Bus carries messages between the nodes of a cluster. A node that is given none keeps its messages to itself.
type Bus interface {
	// Publish sends a message to the other nodes of the cluster, or of the shard if it is sharded. It never waits: a node that can't take it misses it, as in Redis.
	Publish(m Message)
	// Receive says what takes the messages of the other nodes; nil ends it. take never waits and may be called from any goroutine.
	Receive(take func(m Message))
}

// Exchange is a Bus for nodes that live in one process. The zero value is ready.
type Exchange struct {
	mu    sync.RWMutex
	seats map[*seat]struct{}
}

type seat struct {
	exchange *Exchange
	shard    string
	take     func(Message)
}

// Join makes the bus of one node, of the given shard.
func (e *Exchange) Join(shard string) Bus { return &seat{exchange: e, shard: shard} }

func (s *seat) Receive(take func(Message)) {
	e := s.exchange
	e.mu.Lock()
	defer e.mu.Unlock()
	s.take = take
	if take == nil {
		delete(e.seats, s)
		return
	}
	if e.seats == nil {
		e.seats = map[*seat]struct{}{}
	}
	e.seats[s] = struct{}{}
}

func (s *seat) Publish(m Message) {
	e := s.exchange
	e.mu.RLock()
	defer e.mu.RUnlock()
	for other := range e.seats {
		if other != s && (!m.Sharded || other.shard == s.shard) {
			other.take(m)
		}
	}
}
