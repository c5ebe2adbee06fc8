package lua

import (
	"math"

	glua "github.com/yuin/gopher-lua"
)

// modulo is PUC Lua's %.
func modulo(a, b float64) float64 {
	whole := math.Floor(a/b) * b
	return settle(a-whole, a, b)
}

func power(a, b float64) float64 { return settle(math.Pow(a, b), a, b) }

// random is the generator behind math.random: the 48-bit linear congruential one of drand48, as in Redis. Its numbers need not be the same on every node: what scripts
// write is logged, not the scripts.
type random struct{ x uint64 }

const (
	randomA = 0x5deece66d
	randomC = 0xb
)

func (r *random) seed(n int32) { r.x = uint64(uint32(n))<<16 | 0x330e }

// next is a number of 31 bits.
func (r *random) next() int32 {
	r.x = (r.x*randomA + randomC) & (1<<48 - 1)
	return int32(r.x >> 17)
}

func (s *State) openMath() {
	t := s.NewTable()
	s.register(t, map[string]glua.LGFunction{
		"abs": of(math.Abs), "acos": unsigned(math.Acos), "asin": unsigned(math.Asin), "atan": of(math.Atan), "ceil": of(math.Ceil), "cos": of(math.Cos), "cosh": of(math.Cosh),
		"deg": of(func(f float64) float64 { return f / (math.Pi / 180) }), "exp": of(math.Exp), "floor": of(math.Floor), "log": of(math.Log), "log10": unsigned(math.Log10),
		"rad": of(func(f float64) float64 { return f * (math.Pi / 180) }), "sin": of(math.Sin), "sinh": of(math.Sinh), "sqrt": of(math.Sqrt), "tan": of(math.Tan),
		"tanh": of(math.Tanh), "atan2": ofTwo(math.Atan2), "fmod": ofTwo(math.Mod), "pow": ofTwo(power),
		"ldexp": func(l *glua.LState) int {
			f := checkNumber(l, 1)
			l.Push(glua.LNumber(math.Ldexp(f, int(int32(checkInt(l, 2))))))
			return 1
		},
		"frexp": mathFrexp, "modf": mathModf, "max": extreme(func(a, b float64) bool { return a > b }), "min": extreme(func(a, b float64) bool { return a < b }),
		"random": s.mathRandom, "randomseed": s.mathRandomSeed,
	})
	t.RawSetString("mod", t.RawGetString("fmod"))
	t.RawSetString("pi", glua.LNumber(math.Pi))
	t.RawSetString("huge", glua.LNumber(math.Inf(1)))
	s.globals.RawSetString("math", t)
}

// invalid is what an operation without a result gives on x86: a NaN with the sign set.
var invalid = math.Copysign(math.NaN(), -1)

// of makes a library function of a function of one number.
func of(do func(float64) float64) glua.LGFunction {
	return func(l *glua.LState) int {
		a := checkNumber(l, 1)
		l.Push(glua.LNumber(settle(do(a), a)))
		return 1
	}
}

func ofTwo(do func(a, b float64) float64) glua.LGFunction {
	return func(l *glua.LState) int {
		a := checkNumber(l, 1)
		b := checkNumber(l, 2)
		l.Push(glua.LNumber(settle(do(a, b), a, b)))
		return 1
	}
}

// settle gives a NaN the sign that it has in C: of the argument that is one, else that of an invalid operation.
func settle(f float64, args ...float64) float64 {
	if f == f {
		return f
	}
	for _, a := range args {
		if a != a {
			return a
		}
	}
	return invalid
}

// unsigned is of for the functions whose NaN has no sign in C.
func unsigned(do func(float64) float64) glua.LGFunction {
	return func(l *glua.LState) int {
		a := checkNumber(l, 1)
		f := do(a)
		if f != f {
			f = math.Abs(f)
		}
		if a != a {
			f = a
		}
		l.Push(glua.LNumber(f))
		return 1
	}
}

func mathFrexp(l *glua.LState) int {
	f := checkNumber(l, 1)
	fraction, exp := math.Frexp(f)
	l.Push(glua.LNumber(settle(fraction, f)))
	l.Push(glua.LNumber(exp))
	return 2
}

func mathModf(l *glua.LState) int {
	f := checkNumber(l, 1)
	whole, fraction := math.Trunc(f), math.Copysign(0, f)
	if !math.IsInf(f, 0) {
		fraction = math.Copysign(f-whole, f)
	}
	l.Push(glua.LNumber(whole))
	l.Push(glua.LNumber(fraction))
	return 2
}

func extreme(better func(a, b float64) bool) glua.LGFunction {
	return func(l *glua.LState) int {
		best := checkNumber(l, 1)
		for i := 2; i <= l.GetTop(); i++ {
			if f := checkNumber(l, i); better(f, best) {
				best = f
			}
		}
		l.Push(glua.LNumber(best))
		return 1
	}
}

func (s *State) mathRandom(l *glua.LState) int {
	const most = math.MaxInt32
	r := float64(s.random.next()%most) / most
	switch l.GetTop() {
	case 0:
		l.Push(glua.LNumber(r))
	case 1:
		high := checkInt(l, 1)
		if high < 1 {
			argError(l, 1, "interval is empty")
		}
		l.Push(glua.LNumber(math.Floor(r*float64(high)) + 1))
	case 2:
		low, high := checkInt(l, 1), checkInt(l, 2)
		if low > high {
			argError(l, 2, "interval is empty")
		}
		l.Push(glua.LNumber(math.Floor(r*float64(high-low+1)) + float64(low)))
	default:
		fail(l, "wrong number of arguments")
	}
	return 1
}

func (s *State) mathRandomSeed(l *glua.LState) int {
	s.random.seed(int32(checkInt(l, 1)))
	return 0
}
