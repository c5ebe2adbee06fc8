package datatype

import "math"

// Sines as the C library gives them, which Redis calls: correctly rounded but for very few numbers. Those of package math are off by a bit now and then, which shows in stored distances.
// They are computed with twice the precision here, as sums of two float64, and are the same on every processor.

// double is an unevaluated sum of a number and a much smaller one.
type double struct{ hi, lo float64 }

// sum2 is a+b without error.
func sum2(a, b float64) double {
	s := a + b
	t := s - a
	return double{s, (a - (s - t)) + (b - t)}
}

// mul2 is a*b without error.
func mul2(a, b float64) double {
	p := float64(a * b)
	return double{p, math.FMA(a, b, -p)}
}

func (x double) add(y double) double {
	s := sum2(x.hi, y.hi)
	return sum2(s.hi, s.lo+(x.lo+y.lo))
}

func (x double) mul(y double) double {
	p := mul2(x.hi, y.hi)
	return sum2(p.hi, p.lo+(float64(x.hi*y.lo)+float64(x.lo*y.hi)))
}

func (x double) neg() double { return double{-x.hi, -x.lo} }

func (x double) divInt(n float64) double {
	q := x.hi / n
	p := mul2(q, n)
	return sum2(q, ((x.hi-p.hi)-p.lo+x.lo)/n)
}

// halfPi is pi/2 in three parts.
var halfPi = [3]float64{1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33}

// quarter is x less the quarters of a circle next to it, and their number modulo 4. It is exact enough for a few circles.
func quarter(x float64) (double, int) {
	k := math.Round(x / halfPi[0])
	if k == 0 {
		return double{x, 0}, 0
	}
	r := double{x, 0}
	for _, part := range halfPi {
		r = r.add(mul2(-k, part))
	}
	return r, int(math.Mod(k, 4)+4) % 4
}

// series sums first + first*s/((n)(n+1)) + … with alternating signs, the series of sine (n = 2) and cosine (n = 1).
func series(first, square double, n float64) double {
	sum, term := first, first
	for ; math.Abs(term.hi) > 1e-34*math.Abs(sum.hi) && n < 60; n += 2 {
		term = term.mul(square).divInt(n * (n + 1)).neg()
		sum = sum.add(term)
	}
	return sum
}

// sineOf is the sine of x more so many quarters of a circle.
func sineOf(x double, quarters int) double {
	square := x.mul(x)
	var s double
	if quarters%2 == 0 {
		s = series(x, square, 2)
	} else {
		s = series(double{1, 0}, square, 1)
	}
	if quarters%4 >= 2 {
		return s.neg()
	}
	return s
}

// farAway is an angle beyond which no place is. Bounds of searches that are larger than the world need no exact sine.
const farAway = 100

func sine(x float64) float64 {
	if math.Abs(x) > farAway || x == 0 {
		return math.Sin(x)
	}
	s := sineOf(quarter(x))
	return s.hi + s.lo
}

func cosine(x float64) float64 {
	if math.Abs(x) > farAway {
		return math.Cos(x)
	}
	r, k := quarter(x)
	s := sineOf(r, k+1)
	return s.hi + s.lo
}

// arcsine corrects an approximation y by Newton's method: y + (x - sin y) / cos y.
func arcsine(x float64) float64 {
	y := math.Asin(x)
	if x == 0 || math.IsNaN(y) || math.Abs(x) == 1 {
		return y
	}
	r, k := quarter(y)
	s, c := sineOf(r, k), sineOf(r, k+1)
	rest := double{x, 0}.add(s.neg())
	if c.hi == 0 {
		return y
	}
	return y + (rest.hi+rest.lo)/c.hi
}
