package server

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// stats are the counters of INFO.
type stats struct {
	connections, rejected atomic.Int64
	blocked, timed        atomic.Int64 // connections that wait, and those of them that do so for some time only
	commands              atomic.Int64
	bytesIn, bytesOut     atomic.Int64
	reads, writes         atomic.Int64
	errorReplies          atomic.Int64
	rows                  []rowStats // by row ID
	untracked             atomic.Bool
	recentIn, recentOut   atomic.Int64
	peak                  atomic.Int64
	rates                 rates
	mu                    sync.Mutex
	errors                map[string]int64 // by code word; guarded by mu
}

// rowStats are the counters of one command.
type rowStats struct {
	calls, micros    atomic.Int64
	rejected, failed atomic.Int64
	latency          atomic.Pointer[histogram]
}

// maxErrorCodes bounds the code words that are counted one by one: a script may return any.
const maxErrorCodes = 128

func (s *stats) init(t *command.Table) {
	s.rows = make([]rowStats, len(t.All()))
	s.errors = map[string]int64{}
}

// called counts a call that is executed, or begins to wait.
func (s *stats) called(row *command.Spec) {
	s.commands.Add(1)
	s.rows[row.ID].calls.Add(1)
}

// finished counts the time of a call that was executed.
func (s *stats) finished(row *command.Spec, took time.Duration, failed bool) {
	r := &s.rows[row.ID]
	r.micros.Add(took.Microseconds())
	if failed {
		r.failed.Add(1)
	}
	if s.untracked.Load() {
		return
	}
	h := r.latency.Load()
	if h == nil {
		r.latency.CompareAndSwap(nil, new(histogram))
		h = r.latency.Load()
	}
	h.add(took)
}

// ResetStats sets the statistics of INFO back to zero (CONFIG RESETSTAT).
func (s *Server) ResetStats() {
	st := &s.stats
	for _, n := range []*atomic.Int64{&st.connections, &st.rejected, &st.commands, &st.bytesIn, &st.bytesOut, &st.reads, &st.writes, &st.errorReplies, &s.footprints.evicted} {
		n.Store(0)
	}
	for i := range st.rows {
		r := &st.rows[i]
		for _, n := range []*atomic.Int64{&r.calls, &r.micros, &r.rejected, &r.failed} {
			n.Store(0)
		}
		r.latency.Store(nil)
	}
	st.mu.Lock()
	clear(st.errors)
	st.mu.Unlock()
	s.cfg.Shard.ResetStats()
}

// replied counts an error reply.
func (s *stats) replied(e resp.Error) { s.repliedBytes([]byte(e)) }

func (s *stats) repliedBytes(text []byte) {
	code, _, _ := bytes.Cut(text, []byte{' '})
	code, _, _ = bytes.Cut(code, []byte{'\r'})
	s.errorReplies.Add(1)
	s.mu.Lock()
	if _, known := s.errors[string(code)]; known || len(s.errors) < maxErrorCodes {
		s.errors[string(code)]++
	}
	s.mu.Unlock()
}

// peakMemory notes how much memory is used and returns the most that was ever noted.
func (s *stats) peakMemory(used int64) int64 {
	for {
		peak := s.peak.Load()
		if used <= peak {
			return peak
		}
		if s.peak.CompareAndSwap(peak, used) {
			return used
		}
	}
}
