package lua

import (
	"math"

	glua "github.com/yuin/gopher-lua"
)

func modulo(a, b float64) float64 { return a - math.Floor(a/b)*b }

func power(a, b float64) float64 { return math.Pow(a, b) }

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
	s.Push(s.NewFunction(glua.OpenMath))
	s.Call(0, 0)
	given, ok := s.G.Global.RawGetString("math").(*glua.LTable)
	if !ok {
		panic("lua: gopher-lua has no math library")
	}
	t := s.NewTable()
	given.ForEach(func(name, v glua.LValue) { t.RawSet(name, v) })
	s.register(t, map[string]glua.LGFunction{"random": s.mathRandom, "randomseed": s.mathRandomSeed})
	s.globals.RawSetString("math", t)
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
