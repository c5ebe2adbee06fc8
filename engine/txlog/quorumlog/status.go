package quorumlog

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Status is how a log is, for operators and metrics.
type Status struct {
	Zones [Zones]ZoneStatus
	// Err is what Writable says of the log as a whole.
	Err error
	// Generation is the number of this opening of the log; Sequence that of its newest durable frame.
	Generation uint32
	Sequence   uint64
	// Segments is how many segments are kept; Shards how many shards' logs there are.
	Segments, Shards int
	// Commits, Records and Bytes (of frames, in one zone) count what became durable since the log was opened; Syncs are those of all zones together.
	Commits, Records, Bytes, Syncs uint64
	// Mended is how many bytes were copied from one zone to another.
	Mended uint64
	// Latency counts commits by their duration from the making of the frame to its second sync: Latency[i] those of less than 2^i microseconds, and not less than half.
	Latency [latencies]uint64
}

// ZoneStatus is how one zone is.
type ZoneStatus struct {
	Name, Dir string
	State     ZoneState
	// Err is why the zone failed; nil unless it did.
	Err error
	// Behind is how many durable frames it lacks, BehindBytes what is queued for it.
	Behind      uint64
	BehindBytes int64
	// Bytes is what its files take; Free what its disk had left when last looked at.
	Bytes int64
	Free  uint64
}

// latencies is how many classes of latency there are: the last one holds what took longer than a minute.
const latencies = 28

// Quantile is the latency that a share q of the commits, 0 to 1, did not exceed; within a factor of two, since it is counted in classes.
func (s *Status) Quantile(q float64) time.Duration {
	rank := uint64(q * float64(s.Commits))
	var seen uint64
	for i, n := range s.Latency {
		if seen += n; seen > rank || seen == s.Commits {
			return time.Duration(1<<i) * time.Microsecond
		}
	}
	return 0
}

type counters struct {
	commits, records, bytes, mended atomic.Uint64
	latency                         [latencies]atomic.Uint64
}

func (c *counters) commit(records, bytes int, took time.Duration) {
	c.commits.Add(1)
	c.records.Add(uint64(records))
	c.bytes.Add(uint64(bytes))
	c.latency[min(bits.Len64(uint64(max(took.Microseconds(), 0))), latencies-1)].Add(1)
}

// Status is the log's state now.
func (q *Quorum) Status() Status {
	q.mu.Lock()
	defer q.mu.Unlock()
	st := Status{
		Err: q.writable(), Generation: q.generation, Sequence: q.durable.Sequence, Segments: len(q.segments), Shards: len(q.shards),
		Commits: q.stats.commits.Load(), Records: q.stats.records.Load(), Bytes: q.stats.bytes.Load(), Mended: q.stats.mended.Load(),
	}
	for i, z := range q.zones {
		zs := ZoneStatus{Name: z.name, Dir: z.dir, State: z.state, Err: z.err, BehindBytes: z.queued, Free: z.free}
		if q.durable.Sequence > z.acked.Sequence {
			zs.Behind = q.durable.Sequence - z.acked.Sequence
		}
		if z.stream != nil {
			zs.Bytes = z.stream.Bytes()
			st.Syncs += z.stream.Syncs()
		}
		st.Zones[i] = zs
	}
	for i := range st.Latency {
		st.Latency[i] = q.stats.latency[i].Load()
	}
	return st
}
