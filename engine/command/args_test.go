package command

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/resp"
)

func TestParseInt(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 9, 10, 123456789, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1, math.MaxInt32, 1 << 62} {
		if got, err := ParseInt([]byte(strconv.FormatInt(n, 10))); err != nil || got != n {
			t.Errorf("%d: %d, %v", n, got, err)
		}
	}
	for _, text := range []string{"", "-", "+1", " 1", "1 ", "\t1", "01", "-01", "-0", "00", "0x1", "1.0", "1e3", "a", "1a", "--1", "1\x00", "1\n", "१",
		"9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "99999999999999999999", "100000000000000000000000"} {
		if got, err := ParseInt([]byte(text)); !errors.Is(err, resp.ErrNotInteger) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func FuzzIntText(f *testing.F) {
	for _, s := range []string{"0", "-1", "9223372036854775807", "-9223372036854775808", "01", "+1", "-0", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := IntText([]byte(s))
		want, err := strconv.ParseInt(s, 10, 64)
		canonical := err == nil && strconv.FormatInt(want, 10) == s
		if ok != canonical || ok && n != want {
			t.Errorf("%q: %d, %v; want %d, %v", s, n, ok, want, canonical)
		}
	})
}

// What redis-server 7.0.15 took for the score of ZADD, and what it refused.
func TestParseFloat(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "1": 1, "-1": -1, "+1": 1, "1.5": 1.5, ".5": 0.5, "5.": 5, "1e3": 1000, "1E3": 1000, "1e+3": 1000, "01": 1, "-0": math.Copysign(0, -1),
		"inf": math.Inf(1), "+inf": math.Inf(1), "-inf": math.Inf(-1), "INF": math.Inf(1), "Infinity": math.Inf(1), "-infinity": math.Inf(-1),
		"0x10": 16, "0X1P3": 8, "0x1P+3": 8, "0x1p-2": 0.25, "0x.8": 0.5, "0x1.8": 1.5, "-0x10": -16, "0x1e3": 483, "0x0p-5000": 0,
		"1e-310": 1e-310, "4.9e-324": 4.9e-324, "0e999": 0, "0e-999": 0, "0x1p-1074": 5e-324, "0x1.8p-1075": 5e-324,
		"1.7976931348623157e308": math.MaxFloat64, "0.1": 0.1, "9007199254740992": 1 << 53, "9007199254740993": 1 << 53, "-9007199254740993": -1 << 53,
		"9223372036854775807": 1 << 63, strings.Repeat("0", 6000) + "1": 1, "1" + strings.Repeat("0", 300): 1e300,
	} {
		got, err := ParseFloat([]byte(text))
		if err != nil || got != want || math.Signbit(got) != math.Signbit(want) {
			t.Errorf("%.40q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1e", "e1", ".", "-", "+", " 1", "1 ", "\t1", "1\x00", "1\n", "infinit", "infi", "infinityx", "nan", "-nan", "NaN", "nan(1)",
		"0x", "0x1p", "0xg", "0xp0", "1e400", "-1e400", "1e-400", "-1e-400", "2e-324", "0x1p2000", "0x1p-2000", "0x1p-1075", "0x1.fffffffffffff8p+1023",
		"1.7976931348623159e308", "1_000", "0x_1", "1e5_0", "0b1", "0o7", "1f", "1d", "1,5", "१", "--1", "+-1", "1e99999999999999999999",
		"1" + strings.Repeat("0", 400)} {
		if got, err := ParseFloat([]byte(text)); !errors.Is(err, resp.ErrNotFloat) {
			t.Errorf("%.40q: %v, %v; want ErrNotFloat", text, got, err)
		}
	}
}

func TestArgsReadsFromLeftToRight(t *testing.T) {
	c := Call{Argv: argvOf("set", "k", "v", "eX", "10", "nx", "ex")}
	a := c.Args(1)
	for _, want := range []string{"k", "v"} {
		if w, err := a.Next(); err != nil || string(w) != want {
			t.Fatalf("%q, %v", w, err)
		}
	}
	if a.Flag("px") || a.FlagWith("nx") || !a.FlagWith("EX") {
		t.Error("options in whatever case")
	}
	if n, err := a.Int(); err != nil || n != 10 {
		t.Errorf("%d, %v", n, err)
	}
	if a.Left() != 2 || len(a.Rest()) != 2 || !a.Flag("NX") || a.Flag("NX") {
		t.Error("flag is taken once")
	}
	if a.FlagWith("ex") {
		t.Error("an option without its value")
	}
	if !a.More() || !a.Flag("ex") || a.More() || a.Left() != 0 {
		t.Error("the last word")
	}
	if _, err := a.Next(); !errors.Is(err, resp.ErrSyntax) {
		t.Errorf("after the end: %v", err)
	}
	if _, err := a.Int(); !errors.Is(err, resp.ErrSyntax) {
		t.Errorf("number after the end: %v", err)
	}
	if a.Flag("x") || a.FlagWith("x") {
		t.Error("flag after the end")
	}
	bad := (&Call{Argv: argvOf("x", "1.5")}).Args(1)
	if _, err := bad.Int(); !errors.Is(err, resp.ErrNotInteger) {
		t.Errorf("not an integer: %v", err)
	}
}
