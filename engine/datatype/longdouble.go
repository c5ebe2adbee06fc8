package datatype

import (
	"math/big"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// INCRBYFLOAT and HINCRBYFLOAT compute in C's long double, which on the machines that Redis is tested on is the x87 extended format: 64 bits of mantissa, 15 of exponent.
// A big.Float of precision 64 rounds as it does. Source: IEEE 754 extended precision; results compared with redis-server 7.0.15.
const (
	extendedBits   = 64
	extendedMax    = 16384     // greatest binary exponent of a mantissa in [0.5, 1)
	extendedMin    = -16445    // below, a number rounds to zero
	maxLongDouble  = 5<<10 - 1 // MAX_LONG_DOUBLE_CHARS: the longest text that is read
	exponentBound  = 1 << 20   // where reading an exponent stops counting: far beyond either end
	maxDecimals    = 17        // of what is printed
	noDecimals     = -58       // greatest binary exponent of a number that is zero when rounded to so many
	decimalMaximum = 5000      // decimal exponents beyond which a number overflows or underflows for certain
)

// errNotFinite is the answer to an increment without a finite result.
const errNotFinite resp.Error = "ERR increment would produce NaN or Infinity"

// parseLongDouble reads all of b as C's strtold does: decimal or hexadecimal digits with a point and an exponent, inf or infinity. A number that overflows or underflows
// to zero, NaN and leading space are refused.
func parseLongDouble(b []byte) (*big.Float, bool) {
	if len(b) == 0 || len(b) > maxLongDouble {
		return nil, false
	}
	neg := b[0] == '-'
	if neg || b[0] == '+' {
		b = b[1:]
	}
	f, ok := parseUnsigned(b)
	if ok && neg {
		f.Neg(f)
	}
	return f, ok
}

func parseUnsigned(b []byte) (*big.Float, bool) {
	switch toLower(string(b)) {
	case "inf", "infinity":
		return new(big.Float).SetInf(false), true
	}
	base, mark, perDigit := 10, byte('e'), 1
	if len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x' {
		base, mark, perDigit, b = 16, 'p', 4, b[2:]
	}
	digits, exponent, rest := scanDigits(b, base, perDigit)
	if len(digits) == 0 {
		return nil, false
	}
	if len(rest) > 0 {
		n, ok := scanExponent(rest, mark)
		if !ok {
			return nil, false
		}
		exponent += n
	}
	mantissa, ok := new(big.Int).SetString(string(digits), base)
	if !ok {
		return nil, false
	}
	if mantissa.Sign() == 0 {
		return newExtended(), true
	}
	return scale(mantissa, base, exponent)
}

// scanDigits reads digits around an optional point. The exponent is what the digits, read as an integer, are to be multiplied with: a power of ten, or of two for hexadecimal ones.
func scanDigits(b []byte, base, perDigit int) (digits []byte, exponent int, rest []byte) {
	point := false
	for i, ch := range b {
		switch {
		case ch == '.' && !point:
			point = true
		case isDigit(ch, base):
			digits = append(digits, ch)
			if point {
				exponent -= perDigit
			}
		default:
			return digits, exponent, b[i:]
		}
	}
	return digits, exponent, nil
}

func isDigit(ch byte, base int) bool {
	return '0' <= ch && ch <= '9' || base == 16 && 'a' <= ch|0x20 && ch|0x20 <= 'f'
}

// scanExponent reads all of b as an exponent with its mark.
func scanExponent(b []byte, mark byte) (int, bool) {
	if b[0]|0x20 != mark {
		return 0, false
	}
	b = b[1:]
	neg := len(b) > 0 && b[0] == '-'
	if neg || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	n := 0
	for _, ch := range b {
		if !isDigit(ch, 10) {
			return 0, false
		}
		n = min(n*10+int(ch-'0'), exponentBound)
	}
	if neg {
		n = -n
	}
	return n, true
}

// scale is mantissa times the power, rounded once. False if that is out of range.
func scale(mantissa *big.Int, base, exponent int) (*big.Float, bool) {
	f := newExtended()
	if base == 16 {
		f.SetMantExp(f.SetInt(mantissa), exponent)
	} else {
		if e := exponent + len(mantissa.String()); e > decimalMaximum || e < -decimalMaximum {
			return nil, false
		}
		power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil)
		if exponent >= 0 {
			f.SetInt(mantissa.Mul(mantissa, power))
		} else {
			f.Quo(new(big.Float).SetInt(mantissa), new(big.Float).SetInt(power)) // both exact
		}
	}
	e := f.MantExp(nil)
	return f, e <= extendedMax && e >= extendedMin
}

func newExtended() *big.Float { return new(big.Float).SetPrec(extendedBits) }

// addLongDoubles is the sum; false if it isn't finite.
func addLongDoubles(x, y *big.Float) (*big.Float, bool) {
	if x.IsInf() || y.IsInf() {
		return nil, false
	}
	sum := newExtended().Add(x, y)
	return sum, sum.MantExp(nil) <= extendedMax
}

// appendLongDouble appends a finite number as Redis prints it for people: with at most 17 decimals and without zeros at their end.
func appendLongDouble(b []byte, f *big.Float) []byte {
	if f.MantExp(nil) <= noDecimals {
		return append(b, '0')
	}
	from := len(b)
	b = f.Append(b, 'f', maxDecimals)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	if string(b[from:]) == "-0" {
		return append(b[:from], '0')
	}
	return b
}

// toLower lowers ASCII letters.
func toLower(s string) string {
	b := []byte(s)
	for i, ch := range b {
		if 'A' <= ch && ch <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
