package server

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations in buckets of 1/16 of a power of two, from a microsecond on: percentiles are right within 6 %.
type histogram struct {
	buckets [27 * 16]atomic.Uint32 // up to a minute and more
}

func (h *histogram) add(d time.Duration) { h.buckets[bucketOf(d)].Add(1) }

func bucketOf(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 1))
	exp := bits.Len64(us) - 1 // us is in [2^exp, 2^(exp+1))
	sub := us << 4 >> exp & 15
	return min(exp*16+int(sub), 27*16-1)
}

// upper is the greatest duration of a bucket, in microseconds.
func upper(bucket int) float64 {
	exp, sub := bucket/16, bucket%16
	return float64(uint64(1)<<exp) * (1 + float64(sub+1)/16)
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
		for next < len(parts) && total > 0 && float64(seen) >= parts[next]*float64(total) {
			out[next] = upper(i)
			next++
		}
	}
	return out
}
