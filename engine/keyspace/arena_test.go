package keyspace

import (
	"math/rand/v2"
	"testing"
)

func TestSizeClasses(t *testing.T) {
	if last := sizeOfClass[numSmall-1]; last != maxSmall {
		t.Fatalf("largest class is %d", last)
	}
	for n := 1; n <= maxSmall; n++ {
		c := classOf(n)
		if int(sizeOfClass[c]) < n || c > 0 && int(sizeOfClass[c-1]) >= n {
			t.Fatalf("%d bytes have class %d of %d bytes", n, c, sizeOfClass[c])
		}
		if waste := int(sizeOfClass[c]) - n; waste >= max(16, n/8) {
			t.Fatalf("%d bytes waste %d", n, waste)
		}
	}
	for _, n := range []int{1, 16, 17, 256, 257, maxSmall, maxSmall + 1, maxRun, maxRun + 1, 10 << 20} {
		a := newSpace(hasher{})
		if r := a.alloc(n); a.size(r) != roundSize(n) || a.size(r) < n || a.used != int64(a.size(r)) {
			t.Errorf("%d bytes: block of %d, roundSize %d, used %d", n, a.size(r), roundSize(n), a.used)
		}
		a.release()
	}
}

// TestBlocksDontOverlap fills each block with its number, and looks at it when it frees it.
func TestBlocksDontOverlap(t *testing.T) {
	db := newTestDB(t, 1)
	a := db.Arena()
	r := rand.New(rand.NewPCG(1, 12))
	type block struct {
		ref  Ref
		n    int
		mark byte
	}
	var blocks []block
	for step := range 20_000 {
		if r.IntN(2000) < len(blocks) || step > 19_000 && len(blocks) > 0 {
			i := r.IntN(len(blocks))
			b := blocks[i]
			for j, c := range a.Bytes(b.ref)[:b.n] {
				if c != b.mark {
					t.Fatalf("byte %d of a block of %d was overwritten", j, b.n)
				}
			}
			a.Free(b.ref)
			blocks[i] = blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			continue
		}
		n := 1 + r.IntN(1<<r.IntN(13))
		switch r.IntN(200) {
		case 0:
			n = 1 + r.IntN(1<<18)
		case 1:
			n = 1 + r.IntN(5<<20)
		}
		b := block{a.Alloc(n), n, byte(step)}
		for j := range a.Bytes(b.ref)[:n] {
			a.Bytes(b.ref)[j] = b.mark
		}
		blocks = append(blocks, b)
		if step%2000 == 0 {
			if err := db.Check(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, b := range blocks {
		a.Free(b.ref)
	}
	if err := db.Check(); err != nil {
		t.Fatal(err)
	}
	if db.used != 0 || db.external != 0 || db.Used() != 0 {
		t.Errorf("%d bytes are in use", db.used)
	}
}

func TestRuns(t *testing.T) {
	for _, c := range []struct {
		mask uint64
		n    int
		want uint64
	}{
		{0, 1, 0}, {0b1011, 1, 0b1011}, {0b1011, 2, 0b1}, {0b11101110, 3, 0b100010}, {^uint64(0), 32, 1<<33 - 1}, {0b1111011111, 5, 0b1},
	} {
		if got := runs(c.mask, c.n); got != c.want {
			t.Errorf("runs of %d in %b: %b, want %b", c.n, c.mask, got, c.want)
		}
	}
}

func TestVectorKeepsElements(t *testing.T) {
	db := newTestDB(t, 1)
	for _, shift := range []uint{heapShift, bucketShift} {
		var v vector
		r := rand.New(rand.NewPCG(1, 13))
		for range 60 {
			n := uint32(r.IntN(1 << r.IntN(14)))
			for v.n < n {
				db.push(&v, shift)
				*(*uint64)(db.elem(&v, v.n-1, shift)) = uint64(v.n-1) * 3
			}
			for v.n > n {
				db.pop(&v, shift)
			}
			for i := range v.n {
				if got := *(*uint64)(db.elem(&v, i, shift)); got != uint64(i)*3 {
					t.Fatalf("element %d of %d is %d", i, v.n, got)
				}
			}
		}
		db.drop(&v, shift)
		if db.used != 0 {
			t.Fatalf("%d bytes in use", db.used)
		}
	}
}
