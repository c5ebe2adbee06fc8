package server

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// footprints is what all connections take together, for maxmemory-clients. Source: Redis's documentation of client eviction.
type footprints struct {
	bytes   atomic.Int64
	evicted atomic.Int64
	mu      sync.Mutex // held while clients are being evicted
}

// weigh accounts for what the connection takes now: its buffers, what is queued for EXEC, and what waits to be sent.
func (c *conn) weigh(bytes int) {
	c.srv.footprints.bytes.Add(int64(bytes) - c.weight.Swap(int64(bytes)))
}

// evictClients disconnects those that take the most while all together take more than maxmemory-clients, but for those with CLIENT NO-EVICT.
func (s *Server) evictClients() {
	limit := s.settings.Load().ClientMemory
	if limit <= 0 || s.footprints.bytes.Load() <= limit {
		return
	}
	s.footprints.mu.Lock()
	defer s.footprints.mu.Unlock()
	all := s.clients.all()
	weights := make(map[*conn]int64, len(all))
	sum := int64(0)
	for _, c := range all {
		weights[c] = c.weight.Load()
		sum += weights[c]
	}
	slices.SortFunc(all, func(a, b *conn) int { return cmp.Compare(weights[b], weights[a]) })
	for _, c := range all {
		if sum <= limit {
			return
		}
		if c.shown().noEvict {
			continue
		}
		sum -= weights[c]
		s.footprints.evicted.Add(1)
		s.cfg.Logger.Info("evicting client", "client", c.client.ID, "addr", c.addr, "bytes", weights[c])
		c.kill("evicted: maxmemory-clients")
	}
}
