package intset

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func content(s []byte) (all []int64) {
	for i := range Len(s) {
		all = append(all, At(s, i))
	}
	return all
}

func TestBytesAreRedis(t *testing.T) {
	var room Heap = New()
	s := []byte(room)
	for _, c := range []struct {
		add  int64
		want string
	}{
		{5, "\x02\x00\x00\x00\x01\x00\x00\x00\x05\x00"},
		{-1, "\x02\x00\x00\x00\x02\x00\x00\x00\xff\xff\x05\x00"},
		{40000, "\x04\x00\x00\x00\x03\x00\x00\x00\xff\xff\xff\xff\x05\x00\x00\x00\x40\x9c\x00\x00"},
		{-1 << 31, "\x04\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x80\xff\xff\xff\xff\x05\x00\x00\x00\x40\x9c\x00\x00"},
	} {
		var added bool
		if s, added = Add(s, &room, c.add); !added || string(s) != c.want {
			t.Errorf("after adding %d: %q, want %q", c.add, s, c.want)
		}
	}
	s, removed := Remove(s, &room, -1<<31)
	if want := "\x04\x00\x00\x00\x03\x00\x00\x00\xff\xff\xff\xff\x05\x00\x00\x00\x40\x9c\x00\x00"; !removed || string(s) != want {
		t.Errorf("after a removal: %q, want %q", s, want)
	}
}

func TestAgainstModel(t *testing.T) {
	edges := []int64{math.MinInt64, math.MaxInt64, math.MinInt32, math.MaxInt32, math.MinInt32 - 1, math.MaxInt32 + 1, math.MinInt16, math.MaxInt16, math.MinInt16 - 1, math.MaxInt16 + 1, 0, -1}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var room Heap = New()
		s := []byte(room)
		model := map[int64]bool{}
		span := int64(1) << (3 + r.IntN(40))
		for step := range 400 {
			n := r.Int64N(2*span) - span
			if r.IntN(20) == 0 {
				n = edges[r.IntN(len(edges))]
			}
			if had := model[n]; Has(s, n) != had {
				t.Fatalf("seed %d step %d: Has(%d) = %v", seed, step, n, !had)
			}
			var changed bool
			if r.IntN(3) > 0 {
				most := SizeWith(s, n)
				if s, changed = Add(s, &room, n); changed == model[n] || len(s) > most {
					t.Fatalf("seed %d step %d: Add(%d) = %v, %d bytes of %d", seed, step, n, changed, len(s), most)
				}
				model[n] = true
			} else {
				if s, changed = Remove(s, &room, n); changed != model[n] {
					t.Fatalf("seed %d step %d: Remove(%d) = %v", seed, step, n, changed)
				}
				delete(model, n)
			}
			if err := Valid(s); err != nil || Len(s) != len(model) {
				t.Fatalf("seed %d step %d: %v, %d of %d integers", seed, step, err, Len(s), len(model))
			}
		}
		want := make([]int64, 0, len(model))
		for n := range model {
			want = append(want, n)
		}
		slices.Sort(want)
		if !slices.Equal(content(s), want) {
			t.Fatalf("seed %d: %v, want %v", seed, content(s), want)
		}
	}
}

func TestInvalid(t *testing.T) {
	for name, s := range map[string]string{
		"no header":        "\x02\x00\x00\x00\x00\x00\x00",
		"unknown width":    "\x03\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00",
		"too few bytes":    "\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00",
		"a byte too many":  "\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00",
		"twice the same":   "\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01\x00",
		"not ascending":    "\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\xff\xff",
		"a number too big": "\x08\x00\x00\x00\x01\x00\x00\x20\x01\x00\x00\x00\x00\x00\x00\x00",
	} {
		if Valid([]byte(s)) == nil {
			t.Errorf("%s: valid", name)
		}
	}
}

func FuzzValid(f *testing.F) {
	f.Add(New())
	f.Add([]byte("\x04\x00\x00\x00\x02\x00\x00\x00\xff\xff\xff\xff\x05\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, s []byte) {
		if Valid(s) != nil {
			return
		}
		was := bytes.Clone(s)
		room := Heap(s)
		for _, n := range content(was) {
			if !Has(s, n) {
				t.Fatalf("%d is not found in %v", n, content(s))
			}
			if s, _ = Remove(s, &room, n); Valid(s) != nil {
				t.Fatalf("invalid after %d was removed", n)
			}
		}
		if Len(s) != 0 {
			t.Fatalf("%d integers are left", Len(s))
		}
	})
}
