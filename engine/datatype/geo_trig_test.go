package datatype

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bigSine is the sine by its series with 300 bits.
func bigSine(x float64) *big.Float {
	f := func(v float64) *big.Float { return new(big.Float).SetPrec(300).SetFloat64(v) }
	sum, term, square := f(x), f(x), f(x)
	square.Mul(square, square)
	for n := 2.0; n < 120; n += 2 {
		term.Mul(term, square)
		term.Quo(term, f(-n*(n+1)))
		sum.Add(sum, term)
	}
	return sum
}

func TestSinesAreRounded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		x := (r.Float64() - 0.5) * 2 * math.Pi
		if r.IntN(2) == 0 {
			x *= math.Ldexp(1, -r.IntN(40))
		}
		want, _ := bigSine(x).Float64()
		if got := sine(x); got != want {
			t.Errorf("sine(%v) = %v, want %v", x, got, want)
		}
		if got := arcsine(math.Abs(want)); math.Abs(math.Sin(got)-math.Abs(want)) > 1e-15 {
			t.Errorf("arcsine(%v) = %v", want, got)
		}
		one := cosine(x)*cosine(x) + sine(x)*sine(x)
		if math.Abs(one-1) > 1e-15 {
			t.Errorf("cosine(%v) = %v", x, cosine(x))
		}
	}
}

func TestPalermo(t *testing.T) {
	palermo, catania := place{13.361389, 38.115556}, place{15.087269, 37.502669}
	if got := palermo.score(); got != 3479099956230698 {
		t.Errorf("Palermo's score is %d", got)
	}
	a, b := placeOf(float64(palermo.score())), placeOf(float64(catania.score()))
	if got := distance(a, b); math.Abs(got-166274.1516) > 0.0001 {
		t.Errorf("Palermo is %v m from Catania", got)
	}
}
