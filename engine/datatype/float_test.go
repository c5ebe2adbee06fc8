package datatype

import (
	"math/big"
	"strings"
	"testing"
)

func TestParseLongDouble(t *testing.T) {
	for _, c := range []struct {
		text, want string // as INCRBYFLOAT by 0 would answer; empty: no number
	}{
		{"0", "0"}, {"-0", "0"}, {"-0.0", "0"}, {"1", "1"}, {"+1", "1"}, {"-1.50", "-1.5"}, {".5", "0.5"}, {"5.", "5"},
		{"1e3", "1000"}, {"1E+3", "1000"}, {"1e-3", "0.001"}, {"0x10", "16"}, {"0X1.8p1", "3"}, {"0xAp-1", "5"}, {"0x.8", "0.5"},
		{"0.1", "0.1"}, {"3.0e3", "3000"}, {"0e999999999999", "0"}, {"1e-4940", "0"},
		{"123456789012345678901234567890", "123456789012345678899921813504"},
		{strings.Repeat("0", 5000) + "7", "7"},
		{"", ""}, {".", ""}, {"-", ""}, {"+", ""}, {"e5", ""}, {"1e", ""}, {"1e+", ""}, {"1 ", ""}, {" 1", ""}, {"1\x00", ""}, {"1_0", ""}, {"1,0", ""},
		{"0x", ""}, {"0x.", ""}, {"0x1p", ""}, {"0xg", ""}, {"nan", ""}, {"--1", ""}, {"1.2.3", ""}, {"1e5000", ""}, {"-1e5000", ""}, {"1e-5000", ""},
		{"1e999999999999", ""}, {"1e-999999999999", ""}, {strings.Repeat("0", 5120), ""}, {"infi", ""},
	} {
		f, ok := parseLongDouble([]byte(c.text))
		got := ""
		if ok {
			got = string(appendLongDouble(nil, f))
		}
		if got != c.want {
			t.Errorf("parseLongDouble(%.40q) = %q, want %q", c.text, got, c.want)
		}
	}
	for _, text := range []string{"inf", "-inf", "+Infinity", "INF"} {
		if f, ok := parseLongDouble([]byte(text)); !ok || !f.IsInf() {
			t.Errorf("parseLongDouble(%q) = %v, %v, want infinity", text, f, ok)
		}
	}
}

func TestAddLongDoublesRefusesInfinity(t *testing.T) {
	largest, ok := parseLongDouble([]byte("1.18973149535723176e+4932"))
	if !ok {
		t.Fatal("the largest long double is no number")
	}
	inf := new(big.Float).SetInf(false)
	for _, pair := range [][2]*big.Float{{largest, largest}, {inf, largest}, {inf, new(big.Float).Neg(inf)}} {
		if sum, ok := addLongDoubles(pair[0], pair[1]); ok {
			t.Errorf("%v + %v = %v", pair[0], pair[1], sum)
		}
	}
}

func FuzzParseLongDouble(f *testing.F) {
	for _, s := range []string{"1", "-1.5e10", "0x1p-3", "inf", "1e5000", ".", "0x.8"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		x, ok := parseLongDouble(text)
		if !ok || x.IsInf() {
			return
		}
		shown := appendLongDouble(nil, x)
		y, ok := parseLongDouble(shown)
		if !ok {
			t.Fatalf("%q is shown as %q, which is no number", text, shown)
		}
		if again := appendLongDouble(nil, y); string(again) != string(shown) && len(shown) < 18 {
			t.Fatalf("%q is shown as %q, and that as %q", text, shown, again)
		}
	})
}
