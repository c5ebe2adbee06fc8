package engine

import (
	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/server"
)

// primary is what INFO and ROLE tell of the shard's primary, on a replica.
func (n *Node) primary() server.PrimaryInfo {
	self, shard, ok := n.state.Self()
	if !ok {
		return server.PrimaryInfo{}
	}
	for _, p := range shard.Nodes {
		if p.Role == cluster.Primary && p.ID != self.ID {
			return server.PrimaryInfo{Host: p.IP, Port: portOf(p), Up: n.member.Err() == nil}
		}
	}
	return server.PrimaryInfo{}
}

// replicas are what INFO and ROLE tell of the shard's replicas, on a primary. Replicas read the log, not the primary, so it knows only that they are in the map.
func (n *Node) replicas() []server.ReplicaInfo {
	self, shard, ok := n.state.Self()
	if !ok {
		return nil
	}
	var out []server.ReplicaInfo
	for _, r := range shard.Nodes {
		if r.ID != self.ID {
			out = append(out, server.ReplicaInfo{Host: r.IP, Port: portOf(r), Online: r.Health == cluster.Online, Offset: int64(n.shard.Durable())})
		}
	}
	return out
}

func portOf(n cluster.Node) int {
	if n.TLSPort != 0 {
		return n.TLSPort
	}
	return n.Port
}
