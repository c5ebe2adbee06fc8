package cluster

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/openmemorydb/memorydb/engine/slot"
)

// Role is what a node is for its shard.
type Role uint8

// The roles of a node.
const (
	Replica Role = iota
	Primary
)

// Health is the state of a node as the owner of the map sees it.
type Health uint8

// The states of a node. A replica that is not online is left out of CLUSTER SLOTS, so that clients don't read from it.
const (
	Online  Health = iota
	Loading        // restores a snapshot or catches up with the log
	Failed         // does not answer
)

// Range is a range of slots, both ends included.
type Range struct{ First, Last uint16 }

// Node is one node of a shard.
type Node struct {
	// ID is 40 hexadecimal digits in lower case, as cluster clients expect; IDOf makes one.
	ID string
	// IP is the address that clients dial.
	IP string
	// Port accepts plain connections, TLSPort encrypted ones; 0: the node has no such port.
	Port, TLSPort int
	// Hostname is the node's name; empty if it has none.
	Hostname string
	Role     Role
	Health   Health
	// ReplOffset is how far the node is in the log when the map was made, in bytes.
	ReplOffset int64
}

// Shard is some slots and the nodes that hold their keys.
type Shard struct {
	// ID is the shard's name, not empty.
	ID string
	// Epoch counts the shard's primaries: the newer one wins where two maps name different primaries.
	Epoch uint64
	Slots []Range
	// Nodes are the shard's nodes in any order, at most one of them primary.
	Nodes []Node
}

// Map says which shard serves which slots and which nodes a shard has. It is not changed once it has been given to State.Set.
type Map struct {
	// Epoch counts the changes of the cluster's shape.
	Epoch  uint64
	Shards []Shard
}

// IDOf makes a node's ID of what names it (cluster, shard, node, …): the same ID for the same names, another one for any others.
func IDOf(names ...string) string {
	h := sha1.New()
	for _, n := range names {
		fmt.Fprintf(h, "%d:%s", len(n), n)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ErrInvalid is returned for a map that contradicts itself; the text says how.
var ErrInvalid = errors.New("invalid slot map")

// Validate checks the map: slots within bounds and of one shard each, unique IDs and addresses, at most one primary a shard. The error is an ErrInvalid.
// Slots that no shard serves and shards without a primary are allowed: they answer CLUSTERDOWN.
func (m Map) Validate() error {
	var owner [slot.Count]bool
	ids, addresses := map[string]bool{}, map[string]bool{}
	for _, s := range m.Shards {
		if s.ID == "" {
			return fmt.Errorf("%w: a shard has no ID", ErrInvalid)
		}
		if ids[s.ID] {
			return fmt.Errorf("%w: two shards have the ID %s", ErrInvalid, s.ID)
		}
		ids[s.ID] = true
		for _, r := range s.Slots {
			if r.First > r.Last || r.Last >= slot.Count {
				return fmt.Errorf("%w: shard %s has the slots %d-%d", ErrInvalid, s.ID, r.First, r.Last)
			}
			for n := r.First; n <= r.Last; n++ {
				if owner[n] {
					return fmt.Errorf("%w: slot %d is dealt twice, the second time to shard %s", ErrInvalid, n, s.ID)
				}
				owner[n] = true
			}
		}
		primaries := 0
		for _, n := range s.Nodes {
			if err := n.validate(addresses); err != nil {
				return fmt.Errorf("%w: shard %s: %w", ErrInvalid, s.ID, err)
			}
			if ids[n.ID] {
				return fmt.Errorf("%w: the node ID %s is taken", ErrInvalid, n.ID)
			}
			ids[n.ID] = true
			if n.Role == Primary {
				primaries++
			}
		}
		if primaries > 1 {
			return fmt.Errorf("%w: shard %s has %d primaries", ErrInvalid, s.ID, primaries)
		}
	}
	return nil
}

func (n *Node) validate(addresses map[string]bool) error {
	if len(n.ID) != 40 || strings.Trim(n.ID, "0123456789abcdef") != "" {
		return fmt.Errorf("node ID %q is not 40 hexadecimal digits", n.ID)
	}
	if _, err := netip.ParseAddr(n.IP); err != nil {
		return fmt.Errorf("node %s: %w", n.ID, err)
	}
	if n.Port == 0 && n.TLSPort == 0 {
		return fmt.Errorf("node %s has no port", n.ID)
	}
	for _, port := range []int{n.Port, n.TLSPort} {
		if port < 0 || port > 65535 {
			return fmt.Errorf("node %s has port %d", n.ID, port)
		}
		address := fmt.Sprintf("%s %d", n.IP, port)
		if port != 0 && addresses[address] {
			return fmt.Errorf("node %s has the address %s, which is taken", n.ID, address)
		}
		addresses[address] = true
	}
	if n.Role > Primary || n.Health > Failed {
		return fmt.Errorf("node %s has role %d and health %d", n.ID, n.Role, n.Health)
	}
	return nil
}

// clone copies the map deeply, nodes with the primary first and slots in ascending order, ranges that touch joined.
func (m Map) clone() Map {
	m.Shards = slices.Clone(m.Shards)
	for i := range m.Shards {
		s := &m.Shards[i]
		s.Slots = joined(s.Slots)
		s.Nodes = slices.Clone(s.Nodes)
		primaryFirst(s.Nodes)
	}
	return m
}

func primaryFirst(nodes []Node) {
	slices.SortStableFunc(nodes, func(a, b Node) int { return int(b.Role) - int(a.Role) })
}

func joined(ranges []Range) []Range {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b Range) int { return int(a.First) - int(b.First) })
	var out []Range
	for _, r := range ranges {
		if n := len(out); n > 0 && out[n-1].Last+1 == r.First {
			out[n-1].Last = r.Last
		} else {
			out = append(out, r)
		}
	}
	return out
}

// primary is the shard's primary; nil if it has none. Its nodes are in the order that clone makes.
func (s *Shard) primary() *Node {
	if len(s.Nodes) > 0 && s.Nodes[0].Role == Primary {
		return &s.Nodes[0]
	}
	return nil
}
