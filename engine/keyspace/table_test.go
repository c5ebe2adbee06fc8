package keyspace

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestOneSlot: a slot with many keys grows and shrinks through all forms of its table. No step waits for a rehash.
func TestOneSlot(t *testing.T) {
	n := 300_000
	if testing.Short() || raceEnabled {
		n = 30_000
	}
	db := newTestDB(t, 1)
	var longest time.Duration
	for i := range n {
		start := time.Now()
		db.Set(fmt.Appendf(nil, "{t}%d", i), String, EncRaw, nil, false)
		longest = max(longest, time.Since(start))
		if i&(i+1) == 0 || i%100_000 == 0 {
			if err := db.Check(); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("longest Set %v; %.1f bytes a key", longest, float64(db.Used())/float64(n))
	for i := range n {
		if !db.Exists(fmt.Appendf(nil, "{t}%d", i)) {
			t.Fatalf("key %d is missing", i)
		}
	}
	for _, i := range rand.New(rand.NewPCG(1, 9)).Perm(n) {
		if !db.Delete(fmt.Appendf(nil, "{t}%d", i)) {
			t.Fatalf("key %d is missing", i)
		}
		if left := db.Len(); left&(left-1) == 0 {
			if err := db.Check(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if db.used != 0 {
		t.Errorf("%d bytes in use", db.used)
	}
}

// TestTagsTellKeysApart: a lookup hardly ever looks at an entry of another key.
func TestTagsTellKeysApart(t *testing.T) {
	for _, n := range []int{100, 10_000, 200_000} {
		db := newTestDB(t, 1)
		d := db.NewDict()
		for i := range n {
			d.Set(fmt.Appendf(nil, "%d", i), nil)
		}
		alike := 0
		for i := range n {
			h := db.sum(fmt.Appendf(nil, "%d", i))
			for b := db.bucket(&d.table, bucketIndex(d.table.n, spread(h))); b != nil; b = db.overflow(b) {
				for _, w := range b[:bucketWords] {
					if w != 0 && w>>refBits == h&tagMask {
						alike++
					}
				}
			}
		}
		if extra := float64(alike-n) / float64(n); extra > 0.01 {
			t.Errorf("%d keys: %.3f other entries are looked at in a lookup", n, extra)
		}
	}
}

func TestHashSpreads(t *testing.T) {
	h := newHasher(rand.New(rand.NewPCG(1, 10)))
	for _, format := range []string{"%d", "key:%012d", "user:%d:session", "a much longer key with the number %d within it, and some more bytes"} {
		const keys, buckets = 1 << 16, 1 << 12
		for _, shift := range []uint{0, 12, 24, 52} {
			var counts [buckets]int
			for i := range keys {
				counts[h.sum(fmt.Appendf(nil, format, i))>>shift%buckets]++
			}
			chi := 0.0
			for _, n := range counts {
				delta := float64(n) - keys/buckets
				chi += delta * delta / (keys / buckets)
			}
			if chi < buckets*0.85 || chi > buckets*1.15 {
				t.Errorf("%q bits from %d: chi square %.0f for %d buckets", format, shift, chi, buckets)
			}
		}
	}
	// Every byte and the length count.
	b := make([]byte, 100)
	seen := map[uint64]string{}
	for n := range b {
		for i := range n {
			b[i] = 1
			note(t, seen, h.sum(b[:n]), fmt.Sprintf("%d bytes, byte %d", n, i))
			b[i] = 0
		}
		note(t, seen, h.sum(b[:n]), fmt.Sprintf("%d zeros", n))
	}
}

func note(t *testing.T, seen map[uint64]string, h uint64, what string) {
	t.Helper()
	if other, ok := seen[h]; ok {
		t.Errorf("%s has the hash of %s", what, other)
	}
	seen[h] = what
}

func TestSameSeedSameOrder(t *testing.T) {
	order := func() (keys string) {
		db := New(Config{Rand: rand.New(rand.NewPCG(1, 11))})
		defer db.Close()
		for i := range 100 {
			db.Set(fmt.Appendf(nil, "{t}%d", i), String, EncRaw, nil, false)
		}
		db.Each(func(k []byte, _ Value, _ int64) bool { keys += string(k); return true })
		k, _ := db.RandomKey()
		return keys + string(k)
	}
	if first, second := order(), order(); first != second {
		t.Error("two DBs of the same seed differ")
	}
}
