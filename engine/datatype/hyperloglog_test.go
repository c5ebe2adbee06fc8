package datatype

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// Sparse and dense hold the same registers, whatever the order in which they were raised.
func TestHyperLogLogFormsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var want registers
		sparse, forced := newHyperLogLog(), newHyperLogLog()
		forced, _ = forced.toDense()
		limit := 100 + r.IntN(4000)
		for range r.IntN(1200) {
			i, value := r.IntN(hllRegisters), byte(1+r.IntN(3))
			if r.IntN(2) == 0 {
				i = i&^0xff | r.IntN(8) // neighbours: runs are split and joined
			}
			if r.IntN(4000) == 0 {
				value = 33 + byte(r.IntN(18))
			}
			var raised, same, ok bool
			sparse, raised, ok = sparse.raise(i, value, limit)
			forced, same, _ = forced.raise(i, value, limit)
			if !ok || raised != same || raised != (want[i] < value) {
				t.Fatalf("register %d from %d to %d: raised %v and %v, ok %v", i, want[i], value, raised, same, ok)
			}
			want[i] = max(want[i], value)
			if !sparse.dense() && len(sparse) > limit && len(sparse) > len(newHyperLogLog())+3 {
				t.Fatalf("sparse with %d bytes, the limit is %d", len(sparse), limit)
			}
		}
		for _, h := range []hyperLogLog{sparse, forced} {
			var got registers
			if !isHyperLogLog(h) || !got.merge(h) || got != want {
				t.Fatalf("dense %v: other registers than those set", h.dense())
			}
			if hist, ok := h.histogram(); !ok || *hist != *want.histogram() {
				t.Fatalf("dense %v: histogram %v, want %v", h.dense(), hist, want.histogram())
			}
			if d, ok := h.toDense(); !h.dense() && (!ok || !bytes.Equal(d[hllHeader:], forced[hllHeader:])) {
				t.Fatal("not the same as dense")
			}
		}
	}
}

func TestHyperLogLogEstimates(t *testing.T) {
	h, n := newHyperLogLog(), 0
	for _, target := range []int{0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000} {
		for ; n < target; n++ {
			var e [8]byte
			binary.LittleEndian.PutUint64(e[:], uint64(n))
			i, rank := rankOf(e[:])
			h, _, _ = h.raise(i, rank, 3000)
		}
		hist, _ := h.histogram()
		if got := float64(hist.estimate()); math.Abs(got-float64(target)) > 0.03*float64(target) {
			t.Errorf("%d elements estimated as %.0f", target, got)
		}
	}
	var full registers
	for i := range full {
		full[i] = hllMaxRank
	}
	if got := full.histogram().estimate(); got != 1<<63 {
		t.Errorf("registers that can't go higher stand for %d elements", got)
	}
}

// Whatever a client has written there: no panic, and what is valid stays valid.
func FuzzHyperLogLog(f *testing.F) {
	head := append([]byte(nil), newHyperLogLog()[:hllHeader]...)
	for _, runs := range []string{"", "\x7f", "\x7f\xff", "\x84\x84\x84\x84\x7f\xfb", "\xff\x7f\xfb", "\x3f", "\x7f\xfd\x81\x80"} {
		f.Add(append(bytes.Clone(head), runs...), uint16(0), byte(1))
		f.Add(append(bytes.Clone(head), runs...), uint16(3), byte(33))
	}
	f.Fuzz(func(t *testing.T, s []byte, i uint16, value byte) {
		if !isHyperLogLog(s) {
			return
		}
		h := hyperLogLog(bytes.Clone(s))
		register, value := int(i%hllRegisters), value%hllMaxRank+1
		_, valid := h.histogram()
		var before, after registers
		if before.merge(h) != valid && h.dense() {
			t.Fatal("histogram and merge differ on what is valid")
		}
		if !h.dense() {
			h.describe()
			if _, ok := h.toDense(); ok != before.merge(h) {
				t.Fatal("toDense and merge differ on what is valid")
			}
		}
		h, raised, ok := h.raise(register, value, 3000)
		if !valid {
			return
		}
		if !ok || !after.merge(h) {
			t.Fatal("a valid one became invalid")
		}
		if raised != (before[register] < value) {
			t.Fatalf("register %d from %d to %d: raised %v", register, before[register], value, raised)
		}
		before[register] = max(before[register], value)
		if before != after {
			t.Fatal("other registers changed")
		}
	})
}
