package fleet

import (
	"sync"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// progress tells a primary how far its replicas are, for WAIT: all nodes of a cluster run in this process. Nodes ask it from goroutines of their own.
type progress struct {
	mu    sync.Mutex
	nodes map[*engine.Node]string // with their shards; guarded by mu
}

func (p *progress) add(n *engine.Node, shard string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nodes == nil {
		p.nodes = map[*engine.Node]string{}
	}
	p.nodes[n] = shard
}

func (p *progress) remove(n *engine.Node) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.nodes, n)
}

// replicasAt is the number of replicas of a shard that have applied its log up to a position.
func (p *progress) replicasAt(of string, pos txlog.Pos) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	count := 0
	for n, at := range p.nodes {
		if at != of {
			continue
		}
		if st := n.Status(); st.Role == shard.Replica && st.Applied >= pos {
			count++
		}
	}
	return count
}
