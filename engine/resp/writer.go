// Package resp holds the Redis serialization protocol: replies of RESP2 and RESP3, error values with Redis's texts, and a bounded reader of requests.
//
// Replies are appended with redcon's append primitives where RESP2 and RESP3 agree; the types that only RESP3 has are ours.
// Source: the RESP3 specification, and redis-server 7.0.15's behaviour.
package resp

import (
	"math"
	"strconv"

	"github.com/tidwall/redcon"
)

// Writer collects the replies of one connection, in order. The zero value writes RESP2. It is not safe for concurrent use.
type Writer struct {
	buf []byte
	// Proto is the connection's protocol version, 2 or 3; 0 means 2.
	Proto int
}

// Bytes are the replies collected so far; valid until the next call.
func (w *Writer) Bytes() []byte { return w.buf }

// Len is the number of bytes collected so far; a mark for Cut.
func (w *Writer) Len() int { return len(w.buf) }

// Cut drops everything after the first n bytes: a half reply is cut back to its mark.
func (w *Writer) Cut(n int) { w.buf = w.buf[:n] }

// Drop drops the first n bytes: they have been sent.
func (w *Writer) Drop(n int) { w.buf = w.buf[:copy(w.buf, w.buf[n:])] }

// Reset empties w; a buffer larger than keep bytes is given to the collector.
func (w *Writer) Reset(keep int) {
	if cap(w.buf) > keep {
		w.buf = nil
		return
	}
	w.buf = w.buf[:0]
}

// RESP3 says whether the connection speaks RESP3.
func (w *Writer) RESP3() bool { return w.Proto == 3 }

// Raw appends bytes that already are a reply.
func (w *Writer) Raw(b []byte) { w.buf = append(w.buf, b...) }

// Simple appends a simple string such as OK.
func (w *Writer) Simple(s string) {
	w.buf = append(w.buf, '+')
	w.buf = append(w.buf, s...)
	w.buf = append(w.buf, '\r', '\n')
}

// OK appends +OK.
func (w *Writer) OK() { w.buf = append(w.buf, "+OK\r\n"...) }

// Error appends an error reply. Line breaks in it become spaces, as in Redis.
func (w *Writer) Error(e Error) {
	w.buf = append(w.buf, '-')
	for i := range len(e) {
		c := e[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		w.buf = append(w.buf, c)
	}
	w.buf = append(w.buf, '\r', '\n')
}

// Int appends an integer.
func (w *Writer) Int(n int64) { w.buf = redcon.AppendInt(w.buf, n) }

// Bulk appends a bulk string.
func (w *Writer) Bulk(b []byte) { w.buf = redcon.AppendBulk(w.buf, b) }

// BulkString appends a bulk string.
func (w *Writer) BulkString(s string) { w.buf = redcon.AppendBulkString(w.buf, s) }

// BulkInt appends the decimal text of n as a bulk string.
func (w *Writer) BulkInt(n int64) {
	var tmp [20]byte
	w.Bulk(strconv.AppendInt(tmp[:0], n, 10))
}

// Null appends the null of a single value: $-1, or _ in RESP3.
func (w *Writer) Null() {
	if w.RESP3() {
		w.buf = append(w.buf, "_\r\n"...)
		return
	}
	w.buf = append(w.buf, "$-1\r\n"...)
}

// NullArray appends the null of an aggregate: *-1, or _ in RESP3.
func (w *Writer) NullArray() {
	if w.RESP3() {
		w.buf = append(w.buf, "_\r\n"...)
		return
	}
	w.buf = append(w.buf, "*-1\r\n"...)
}

// Array starts an array of n replies.
func (w *Writer) Array(n int) { w.head('*', n) }

// Map starts a map of n pairs: 2n replies follow. In RESP2 it is an array of 2n.
func (w *Writer) Map(n int) {
	if w.RESP3() {
		w.head('%', n)
		return
	}
	w.head('*', 2*n)
}

// Set starts a set of n replies; an array in RESP2.
func (w *Writer) Set(n int) {
	if w.RESP3() {
		w.head('~', n)
		return
	}
	w.head('*', n)
}

// Push starts an out-of-band message of n replies; an array in RESP2.
func (w *Writer) Push(n int) {
	if w.RESP3() {
		w.head('>', n)
		return
	}
	w.head('*', n)
}

// Bool appends a boolean: #t or #f, in RESP2 the integers 1 or 0.
func (w *Writer) Bool(b bool) {
	switch {
	case w.RESP3() && b:
		w.buf = append(w.buf, "#t\r\n"...)
	case w.RESP3():
		w.buf = append(w.buf, "#f\r\n"...)
	case b:
		w.Int(1)
	default:
		w.Int(0)
	}
}

// Double appends a floating-point number: a double in RESP3, its text as a bulk string in RESP2, both as C's %.17g prints it.
func (w *Writer) Double(f float64) {
	var tmp [32]byte
	text := AppendDouble(tmp[:0], f)
	if w.RESP3() {
		w.buf = append(w.buf, ',')
		w.buf = append(w.buf, text...)
		w.buf = append(w.buf, '\r', '\n')
		return
	}
	w.Bulk(text)
}

// BigNumber appends the decimal digits of an integer of any size; a bulk string in RESP2.
func (w *Writer) BigNumber(digits string) {
	if w.RESP3() {
		w.buf = append(w.buf, '(')
		w.buf = append(w.buf, digits...)
		w.buf = append(w.buf, '\r', '\n')
		return
	}
	w.BulkString(digits)
}

// Verbatim appends text with its three-letter format ("txt", "mkd"); a bulk string in RESP2.
func (w *Writer) Verbatim(format, text string) {
	if !w.RESP3() {
		w.BulkString(text)
		return
	}
	w.head('=', len(text)+4)
	w.buf = append(w.buf, format...)
	w.buf = append(w.buf, ':')
	w.buf = append(w.buf, text...)
	w.buf = append(w.buf, '\r', '\n')
}

func (w *Writer) head(c byte, n int) {
	w.buf = append(w.buf, c)
	w.buf = strconv.AppendInt(w.buf, int64(n), 10)
	w.buf = append(w.buf, '\r', '\n')
}

// AppendDouble appends f as C's printf prints it with %.17g; infinities are inf and -inf, no number is nan.
func AppendDouble(b []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case math.IsNaN(f):
		return append(b, "nan"...)
	}
	return strconv.AppendFloat(b, f, 'g', 17, 64)
}
