package lua

import (
	"math"
	"strconv"
	"strings"
)

// Number is a number as PUC Lua prints it: C's %.14g.
func Number(n float64) string {
	switch {
	case n == math.Trunc(n) && math.Abs(n) < 1e14:
		if n == 0 && math.Signbit(n) {
			return "-0"
		}
		return strconv.FormatInt(int64(n), 10)
	case math.IsNaN(n):
		if math.Signbit(n) {
			return "-nan"
		}
		return "nan"
	case math.IsInf(n, 1):
		return "inf"
	case math.IsInf(n, -1):
		return "-inf"
	}
	return general(n, 14, false)
}

// General is C's %.<precision>g of any number.
func General(n float64, precision int) string {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return Number(n)
	}
	return general(n, precision, false)
}

// general is C's %.<precision>g; with alternate (#) zeros at the end stay.
func general(n float64, precision int, alternate bool) string {
	if precision == 0 {
		precision = 1
	}
	scientific := strconv.FormatFloat(n, 'e', precision-1, 64)
	i := strings.IndexByte(scientific, 'e')
	exp, err := strconv.Atoi(scientific[i+1:])
	if err != nil {
		return scientific // not a finite number
	}
	if exp < -4 || exp >= precision {
		mantissa := scientific[:i]
		if !alternate {
			mantissa = trimZeros(mantissa)
		}
		return mantissa + scientific[i:]
	}
	fixed := strconv.FormatFloat(n, 'f', precision-1-exp, 64)
	if alternate {
		return fixed
	}
	return trimZeros(fixed)
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// ParseNumber reads a number as PUC Lua's tonumber and arithmetic do (C's strtod, with spaces around; 0x for hexadecimal integers).
func ParseNumber(s string) (float64, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	if s == "" || strings.ContainsRune(s, '_') {
		return 0, false
	}
	digits, negative := s, false
	if s[0] == '-' || s[0] == '+' {
		digits, negative = s[1:], s[0] == '-'
	}
	if len(digits) > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') {
		n, ok := hexadecimal(digits[2:])
		if negative {
			n = -n
		}
		return n, ok
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(n, 0) { // out of range is infinity
		return 0, false
	}
	return n, true
}

// hexadecimal reads what follows 0x: digits, and as strtod a fraction and a binary exponent.
func hexadecimal(s string) (float64, bool) {
	if !strings.ContainsAny(s, "pP") {
		s += "p0"
	}
	n, err := strconv.ParseFloat("0x"+s, 64)
	return n, err == nil || math.IsInf(n, 0)
}
