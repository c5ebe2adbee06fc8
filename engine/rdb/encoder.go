package rdb

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/openmemorydb/memorydb/engine/listpack"
)

// flushSize is how much an Encoder collects before it writes.
const flushSize = 64 << 10

// Encoder writes the parts of which values and files consist. The first error of its writer is kept: what follows goes nowhere, and Flush returns it.
type Encoder struct {
	w   io.Writer // nil: everything stays in buf
	buf []byte
	sum uint64 // checksum of what was written to w
	err error
	lzf compressor
}

// NewEncoder is an Encoder that writes to w.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w: w, buf: make([]byte, 0, flushSize+1024)} }

// Flush writes what is left, and returns the first error.
func (e *Encoder) Flush() error {
	if e.w != nil && e.err == nil && len(e.buf) > 0 {
		e.sum = checksum(e.sum, e.buf)
		if _, err := e.w.Write(e.buf); err != nil {
			e.err = fmt.Errorf("rdb: %w", err)
		}
	}
	if e.w != nil {
		e.buf = e.buf[:0]
	}
	return e.err
}

// more makes sure that the buffer does not grow without end. Nothing in it is needed after the call.
func (e *Encoder) more() {
	if e.w != nil && len(e.buf) >= flushSize {
		_ = e.Flush() // kept
	}
}

func (e *Encoder) byte(b byte) { e.buf = append(e.buf, b) }

// raw writes bytes as they are.
func (e *Encoder) raw(p []byte) {
	for e.w != nil && len(p) > flushSize {
		e.buf = append(e.buf, p[:flushSize]...)
		p = p[flushSize:]
		e.more()
	}
	e.buf = append(e.buf, p...)
	e.more()
}

// length writes a length, or another number without sign.
func (e *Encoder) length(n uint64) {
	switch {
	case n < 1<<6:
		e.byte(len6<<6 | byte(n))
	case n < 1<<14:
		e.buf = append(e.buf, len14<<6|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		e.buf = binary.BigEndian.AppendUint32(append(e.buf, lenBig<<6), uint32(n))
	default:
		e.buf = binary.BigEndian.AppendUint64(append(e.buf, lenBig<<6|1), n)
	}
}

func (e *Encoder) count(n int) { e.length(uint64(n)) }

// string writes a string: as an integer of up to 32 bits if it is the text of one, compressed if that makes it shorter, else as it is.
func (e *Encoder) string(s []byte) {
	if len(s) <= 11 {
		if n, ok := listpack.Integer(s); ok && e.integer(n) {
			return
		}
	}
	if len(s) > 20 {
		if short := e.lzf.compress(s, len(s)-4); short != nil {
			e.byte(lenEnc<<6 | encLZF)
			e.count(len(short))
			e.count(len(s))
			e.raw(short)
			return
		}
	}
	e.count(len(s))
	e.raw(s)
}

// integer writes n as an encoded string if it has at most 32 bits.
func (e *Encoder) integer(n int64) bool {
	switch {
	case n >= math.MinInt8 && n <= math.MaxInt8:
		e.buf = append(e.buf, byte(lenEnc<<6+encInt8), byte(n))
	case n >= math.MinInt16 && n <= math.MaxInt16:
		e.buf = binary.LittleEndian.AppendUint16(append(e.buf, lenEnc<<6|encInt16), uint16(n))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		e.buf = binary.LittleEndian.AppendUint32(append(e.buf, lenEnc<<6|encInt32), uint32(n))
	default:
		return false
	}
	return true
}

// double writes a floating-point number in eight bytes.
func (e *Encoder) double(f float64) {
	e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(f))
}

// millis writes a time in milliseconds.
func (e *Encoder) millis(at int64) { e.buf = binary.LittleEndian.AppendUint64(e.buf, uint64(at)) }
