package server

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram's buckets are 1/16 of a power of two of nanoseconds, from 2^8 ns up to 2^37 ns, more than two minutes.
const (
	firstPower = 8
	powers     = 29
)

// histogram counts durations: percentiles are right within 6 %.
type histogram struct {
	buckets [powers * 16]atomic.Uint32
}

func (h *histogram) add(d time.Duration) { h.buckets[bucketOf(d)].Add(1) }

func bucketOf(d time.Duration) int {
	ns := max(uint64(max(d, 0)), 1<<firstPower)
	exp := bits.Len64(ns) - 1 // ns is in [2^exp, 2^(exp+1))
	sub := ns << 4 >> exp & 15
	return min((exp-firstPower)*16+int(sub), powers*16-1)
}

// upper is the greatest duration of a bucket, in microseconds.
func upper(bucket int) float64 {
	exp, sub := bucket/16+firstPower, bucket%16
	return float64(uint64(1)<<exp) * (1 + float64(sub+1)/16) / 1000
}

// percentiles are the durations, in microseconds, that the given parts (0.5, 0.99 …; ascending) of all calls did not exceed; 0 if there were none.
func (h *histogram) percentiles(parts ...float64) []float64 {
	total := uint64(0)
	for i := range h.buckets {
		total += uint64(h.buckets[i].Load())
	}
	out := make([]float64, len(parts))
	seen, next := uint64(0), 0
	for i := range h.buckets {
		seen += uint64(h.buckets[i].Load())
		for next < len(parts) && seen > 0 && float64(seen) >= parts[next]*float64(total) {
			out[next] = upper(i)
			next++
		}
	}
	return out
}

// cumulative are the calls that took at most a bound, in microseconds, for each power of two of 1024 ns at which their number grows.
func (h *histogram) cumulative() (bounds, counts []int64, total int64) {
	seen := int64(0)
	for i := range h.buckets {
		n := int64(h.buckets[i].Load())
		seen += n
		exp := i/16 + firstPower
		if i%16 != 15 || exp < 9 { // up to 1024 ns is one
			continue
		}
		if seen > total {
			bounds, counts = append(bounds, (1032<<(exp-9)-1)/1000), append(counts, seen)
			total = seen
		}
	}
	return bounds, counts, total
}
