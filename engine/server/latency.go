package server

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// latencySamples is how many samples each event keeps.
const latencySamples = 160

// latencyMonitor keeps what took longer than latency-monitor-threshold, by event: at most one sample a second. Source: Redis's documentation of latency monitoring.
type latencyMonitor struct {
	threshold atomic.Int64 // in milliseconds; 0: nothing is noted

	mu     sync.Mutex
	events map[string]*latencySeries
}

type latencySeries struct {
	samples []latencySample // oldest first
	worst   int64           // ever, in milliseconds
}

// latencySample is the worst latency within a second of the epoch, in milliseconds.
type latencySample struct{ at, ms int64 }

// Latency notes how long an event of the node took which is no command, such as "expire-cycle".
func (s *Server) Latency(event string, took time.Duration) { s.latency.note(event, took, s.cfg.Now()) }

func (m *latencyMonitor) note(event string, took time.Duration, now time.Time) {
	threshold := m.threshold.Load()
	ms := took.Milliseconds()
	if threshold == 0 || ms < threshold {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.events == nil {
		m.events = map[string]*latencySeries{}
	}
	series := m.events[event]
	if series == nil {
		series = &latencySeries{}
		m.events[event] = series
	}
	series.worst = max(series.worst, ms)
	at := now.Unix()
	if n := len(series.samples); n > 0 && series.samples[n-1].at == at {
		series.samples[n-1].ms = max(series.samples[n-1].ms, ms)
		return
	}
	if len(series.samples) == latencySamples {
		series.samples = append(series.samples[:0], series.samples[1:]...)
	}
	series.samples = append(series.samples, latencySample{at, ms})
}

// all are copies of the series, with the names in order.
func (m *latencyMonitor) all() (names []string, series map[string]latencySeries) {
	m.mu.Lock()
	defer m.mu.Unlock()
	series = map[string]latencySeries{}
	for name, s := range m.events {
		series[name] = latencySeries{slices.Clone(s.samples), s.worst}
	}
	return slices.Sorted(maps.Keys(series)), series
}

// reset forgets events, all of them if none is named, and counts them.
func (m *latencyMonitor) reset(names [][]byte) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	if len(names) == 0 {
		n, m.events = len(m.events), nil
	}
	for _, name := range names {
		if _, ok := m.events[string(name)]; ok {
			delete(m.events, string(name))
			n++
		}
	}
	return n
}
