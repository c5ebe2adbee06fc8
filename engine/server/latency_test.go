package server

import (
	"testing"
	"time"
)

func TestLatencyMonitorKeepsTheWorstOfEachSecond(t *testing.T) {
	var m latencyMonitor
	at := time.Unix(1000, 0)
	m.note("command", time.Second, at)
	if names, _ := m.all(); len(names) != 0 {
		t.Errorf("noted while switched off: %v", names)
	}
	m.threshold.Store(100)
	m.note("command", 99*time.Millisecond, at)
	m.note("command", 200*time.Millisecond, at)
	m.note("command", 150*time.Millisecond, at.Add(time.Millisecond))
	m.note("fast-command", 100*time.Millisecond, at)
	for i := range 2 * latencySamples {
		m.note("command", 101*time.Millisecond, at.Add(time.Duration(i+1)*time.Second))
	}
	names, all := m.all()
	if len(names) != 2 || names[0] != "command" || names[1] != "fast-command" {
		t.Fatalf("events %v", names)
	}
	got := all["command"]
	if got.worst != 200 || len(got.samples) != latencySamples || got.samples[latencySamples-1] != (latencySample{1000 + 2*latencySamples, 101}) {
		t.Errorf("worst %d, %d samples, newest %v", got.worst, len(got.samples), got.samples[len(got.samples)-1])
	}
	if n := m.reset([][]byte{[]byte("command"), []byte("nosuch")}); n != 1 {
		t.Errorf("reset %d events", n)
	}
	if n := m.reset(nil); n != 1 {
		t.Errorf("reset %d events, want the other one", n)
	}
}

// Redis's histogram has bounds at powers of two of 1024 ns, printed in microseconds: its documentation shows 1 2 4 8 16 33 66 132 264 528 1056.
func TestHistogramHasRedisBounds(t *testing.T) {
	var h histogram
	for d := 900 * time.Nanosecond; d < time.Millisecond; d *= 2 {
		h.add(d)
	}
	bounds, counts, total := h.cumulative()
	want := []int64{1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056}
	if len(bounds) != len(want) || total != int64(len(want)) {
		t.Fatalf("bounds %v, total %d", bounds, total)
	}
	for i := range want {
		if bounds[i] != want[i] || counts[i] != int64(i+1) {
			t.Errorf("bound %d with %d calls, want %d with %d", bounds[i], counts[i], want[i], i+1)
		}
	}
}
