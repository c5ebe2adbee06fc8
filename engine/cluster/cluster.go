// Package cluster knows which node serves which slot: it routes requests (MOVED, CLUSTERDOWN) and answers CLUSTER.
//
// The map is made elsewhere (see DESIGN.md) and handed to each node's State; readers see one whole map or the next, and take no lock. The package has no
// goroutines. Source: Redis cluster specification, and the answers of redis-server 7.0.15 in cluster mode.
package cluster

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/slot"
)

// ErrDown is the answer of a node that has not been told the map yet. A slot that no shard serves, or whose shard has no primary, is resp.ErrSlotUnserved.
const ErrDown resp.Error = "CLUSTERDOWN The cluster is down"

// Errors of changes of the map.
var (
	// ErrStale is returned for a map or a primary that is older than the one known.
	ErrStale = errors.New("older than the slot map in use")
	// ErrUnknown is returned when the map has no such shard or node.
	ErrUnknown = errors.New("not in the slot map")
)

// Config says who the node is.
type Config struct {
	// Self is the ID of the node, 40 hexadecimal digits; it need not be in the map yet.
	Self string
	// PreferHostname announces names rather than addresses to clients, as Redis's cluster-preferred-endpoint-type hostname.
	PreferHostname bool
	// Offset is how far this node is in the log, in bytes; nil takes what the map says.
	Offset func() int64
}

// State is what one node knows of its cluster. Its methods may be called from any goroutine.
type State struct {
	cfg  Config
	view atomic.Pointer[view]

	change sync.Mutex // held by those who make the next view
}

// view is a map with what is looked up often. It does not change.
type view struct {
	Map
	owner [slot.Count]int16 // index of the slot's shard, -1 if none serves it
	shard int               // index of this node's shard, -1 if it is in none
	node  *Node             // this node, nil if it is in none
}

// New makes the state of a node that has no map yet: it answers ErrDown to every key until Set has been called.
func New(cfg Config) *State { return &State{cfg: cfg} }

// Set makes m the map in use. It returns an ErrInvalid, or ErrStale if its epoch is below that of the map in use; then nothing has changed. Where the map
// in use knows a newer primary of a shard (by the shard's epoch), that one stays.
func (s *State) Set(m Map) error {
	if err := m.Validate(); err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	m = m.clone()
	if old := s.view.Load(); old != nil {
		if m.Epoch < old.Epoch {
			return fmt.Errorf("map of epoch %d: %w (epoch %d)", m.Epoch, ErrStale, old.Epoch)
		}
		for i := range m.Shards {
			keepPrimary(&m.Shards[i], old)
		}
	}
	s.use(m)
	return nil
}

// keepPrimary makes the primary that old knows the primary of s, if old's is the newer one and still a node of the shard.
func keepPrimary(s *Shard, old *view) {
	for i := range old.Shards {
		was := &old.Shards[i]
		if was.ID != s.ID || was.Epoch <= s.Epoch {
			continue
		}
		if p := was.primary(); p != nil && s.promote(p.ID) {
			s.Epoch = was.Epoch
		}
	}
}

// promote makes a node the shard's only primary; false if it is none of the shard's.
func (s *Shard) promote(node string) bool {
	for i := range s.Nodes {
		if s.Nodes[i].ID != node {
			continue
		}
		for j := range s.Nodes {
			s.Nodes[j].Role = Replica
		}
		s.Nodes[i].Role = Primary
		primaryFirst(s.Nodes)
		return true
	}
	return false
}

// SetPrimary notes that a node has become its shard's primary: whoever reads the shard's log learns it before the owner of the map does. epoch is the
// shard's, and must be above the one known (ErrStale); ErrUnknown if there is no map or it has no such shard or node.
func (s *State) SetPrimary(shard, node string, epoch uint64) error {
	s.change.Lock()
	defer s.change.Unlock()
	old := s.view.Load()
	if old == nil {
		return fmt.Errorf("shard %s: %w", shard, ErrUnknown)
	}
	m := old.Map.clone()
	for i := range m.Shards {
		in := &m.Shards[i]
		if in.ID != shard {
			continue
		}
		if epoch <= in.Epoch {
			return fmt.Errorf("primary %s of shard %s at epoch %d: %w (epoch %d)", node, shard, epoch, ErrStale, in.Epoch)
		}
		if !in.promote(node) {
			return fmt.Errorf("node %s of shard %s: %w", node, shard, ErrUnknown)
		}
		in.Epoch = epoch
		s.use(m)
		return nil
	}
	return fmt.Errorf("shard %s: %w", shard, ErrUnknown)
}

// use makes a map that nobody else holds the one in use.
func (s *State) use(m Map) {
	v := &view{Map: m, shard: -1}
	for i := range v.owner {
		v.owner[i] = -1
	}
	for i := range m.Shards {
		sh := &m.Shards[i]
		for _, r := range sh.Slots {
			for n := r.First; n <= r.Last; n++ {
				v.owner[n] = int16(i)
			}
		}
		for j := range sh.Nodes {
			if sh.Nodes[j].ID == s.cfg.Self {
				v.shard, v.node = i, &sh.Nodes[j]
			}
		}
	}
	s.view.Store(v)
}

// Map is the map in use, not to be modified; false if there is none yet.
func (s *State) Map() (Map, bool) {
	v := s.view.Load()
	if v == nil {
		return Map{}, false
	}
	return v.Map, true
}

// Self is this node and its shard as the map in use has them, not to be modified; false if they are not in it.
func (s *State) Self() (Node, Shard, bool) {
	v := s.view.Load()
	if v == nil || v.node == nil {
		return Node{}, Shard{}, false
	}
	return *v.node, v.Shards[v.shard], true
}

// ID is this node's ID.
func (s *State) ID() string { return s.cfg.Self }

// Slot is the slot of a request: that of its keys, of which all must be in the same one (resp.ErrCrossSlot). Without keys it is -1.
func Slot(argv [][]byte, keys []command.Key) (int, error) {
	of := -1
	for _, k := range keys {
		switch n := int(slot.Of(argv[k.Index])); {
		case of < 0:
			of = n
		case of != n:
			return -1, resp.ErrCrossSlot
		}
	}
	return of, nil
}

// Route says whether this node may answer a request for keys of a slot: nil if it is the primary of the slot's shard, or a replica of it, the request does not
// write and the client has said READONLY. Else it is the refusal: MOVED with the address of the slot's primary, as cl should dial it; resp.ErrSlotUnserved;
// ErrDown. Whether the node still holds its lease is not asked here. cl may be nil.
func (s *State) Route(slot uint16, write bool, cl *command.Client) error {
	v := s.view.Load()
	if v == nil {
		return ErrDown
	}
	i := int(v.owner[slot])
	if i < 0 {
		return resp.ErrSlotUnserved
	}
	if i == v.shard && (v.node.Role == Primary || !write && cl != nil && cl.ReadOnly) {
		return nil
	}
	p := v.Shards[i].primary()
	if p == nil {
		return resp.ErrSlotUnserved
	}
	return resp.Errorf("MOVED %d %s:%d", slot, s.endpoint(p), portFor(p, cl))
}

// endpoint is the host that clients should dial.
func (s *State) endpoint(n *Node) string {
	switch {
	case !s.cfg.PreferHostname:
		return n.IP
	case n.Hostname == "":
		return "?" // as Redis says it
	}
	return n.Hostname
}

// portFor is the port that a client should dial: of the kind that it uses now, or the only one.
func portFor(n *Node, cl *command.Client) int {
	if n.Port == 0 || n.TLSPort != 0 && cl != nil && cl.TLS {
		return n.TLSPort
	}
	return n.Port
}
