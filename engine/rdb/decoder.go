package rdb

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// maxString is the longest string that is read: that of a value, Redis's proto-max-bulk-len, with some room for packed forms.
const maxString = 1 << 30

// Decoder reads the parts of which values and files consist. It never takes more memory than what the source has left stands for.
type Decoder struct {
	mem  []byte        // what is left, if r is nil
	r    *bufio.Reader // else the source
	left int64         // at most so many bytes follow in r
	read int64
	sum  uint64 // checksum of what was read of r
	part []byte // what was taken of r last
	text []byte // the string that was decoded last
}

// newMemoryDecoder is a Decoder of bytes in memory.
func newMemoryDecoder(p []byte) *Decoder { return &Decoder{mem: p} }

// NewDecoder is a Decoder of a source that has size bytes, or fewer.
func NewDecoder(r io.Reader, size int64) *Decoder {
	return &Decoder{r: bufio.NewReaderSize(r, flushSize), left: size}
}

// Left is how many bytes may follow.
func (d *Decoder) Left() int64 {
	if d.r == nil {
		return int64(len(d.mem))
	}
	return d.left
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// take takes n bytes, valid until the next call.
func (d *Decoder) take(n int64) ([]byte, error) {
	if n < 0 || n > d.Left() {
		return nil, damaged("%d bytes are wanted where %d are left", n, d.Left())
	}
	if d.r == nil {
		p := d.mem[:n:n]
		d.mem = d.mem[n:]
		d.read += n
		return p, nil
	}
	// The source may have fewer bytes than it promised: room is taken as they come.
	d.part = d.part[:0]
	for int64(len(d.part)) < n {
		at := len(d.part)
		d.part = append(d.part, make([]byte, min(n-int64(at), flushSize))...)
		if _, err := io.ReadFull(d.r, d.part[at:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, damaged("the source ends at byte %d", d.read)
			}
			return nil, fmt.Errorf("rdb: %w", err)
		}
	}
	d.left -= n
	d.read += n
	d.sum = checksum(d.sum, d.part)
	return d.part, nil
}

func (d *Decoder) byte() (byte, error) {
	p, err := d.take(1)
	if err != nil {
		return 0, err
	}
	return p[0], nil
}

// lengthOrEncoding reads a length; if encoded, it is the encoding of a string.
func (d *Decoder) lengthOrEncoding() (n uint64, encoded bool, err error) {
	b, err := d.byte()
	if err != nil {
		return 0, false, err
	}
	switch b >> 6 {
	case len6:
		return uint64(b & 0x3f), false, nil
	case len14:
		low, err := d.byte()
		return uint64(b&0x3f)<<8 | uint64(low), false, err
	case lenEnc:
		return uint64(b & 0x3f), true, nil
	}
	switch b {
	case lenBig << 6:
		p, err := d.take(4)
		if err != nil {
			return 0, false, err
		}
		return uint64(binary.BigEndian.Uint32(p)), false, nil
	case lenBig<<6 | 1:
		p, err := d.take(8)
		if err != nil {
			return 0, false, err
		}
		return binary.BigEndian.Uint64(p), false, nil
	}
	return 0, false, damaged("unknown form of a length, %#x", b)
}

// length reads a number without sign.
func (d *Decoder) length() (uint64, error) {
	n, encoded, err := d.lengthOrEncoding()
	if err == nil && encoded {
		err = damaged("an encoded string where a number should be")
	}
	return n, err
}

// count reads the number of elements that follow, which take at least size bytes each.
func (d *Decoder) count(size int64) (int, error) {
	n, err := d.length()
	if err == nil && n > uint64(d.Left()/size) {
		err = damaged("%d elements are announced where %d bytes are left", n, d.Left())
	}
	return int(n), err
}

// string reads a string, valid until the next call.
func (d *Decoder) string() ([]byte, error) {
	n, encoded, err := d.lengthOrEncoding()
	if err != nil {
		return nil, err
	}
	if encoded {
		return d.encoded(n)
	}
	if n > maxString {
		return nil, damaged("a string of %d bytes", n)
	}
	return d.take(int64(n))
}

// encoded reads a string that is encoded as an integer or compressed.
func (d *Decoder) encoded(how uint64) ([]byte, error) {
	if how == encLZF {
		return d.compressed()
	}
	if how > encInt32 {
		return nil, damaged("unknown encoding of a string, %d", how)
	}
	p, err := d.take(1 << how)
	if err != nil {
		return nil, err
	}
	var n int64
	switch how {
	case encInt8:
		n = int64(int8(p[0]))
	case encInt16:
		n = int64(int16(binary.LittleEndian.Uint16(p)))
	case encInt32:
		n = int64(int32(binary.LittleEndian.Uint32(p)))
	}
	d.text = strconv.AppendInt(d.text[:0], n, 10)
	return d.text, nil
}

// compressed reads a compressed string. Three of its bytes stand for lzfMaxRepeat at most.
func (d *Decoder) compressed() ([]byte, error) {
	short, err := d.length()
	if err != nil {
		return nil, err
	}
	n, err := d.length()
	if err != nil {
		return nil, err
	}
	if short > maxString || n > maxString || n > (short+2)/3*lzfMaxRepeat {
		return nil, damaged("a string of %d bytes is said to be compressed to %d", n, short)
	}
	p, err := d.take(int64(short))
	if err != nil {
		return nil, err
	}
	if cap(d.text) < int(n) {
		d.text = make([]byte, 0, n)
	}
	text, err := decompress(d.text[:0], p, int(n))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	d.text = text
	return text, nil
}

// double reads a floating-point number in eight bytes.
func (d *Decoder) double() (float64, error) {
	p, err := d.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(p)), nil
}

// textDouble reads a floating-point number as text: its length, or a mark of no number or of an infinity.
func (d *Decoder) textDouble() (float64, error) {
	n, err := d.byte()
	if err != nil {
		return 0, err
	}
	switch n {
	case 255:
		return math.Inf(-1), nil
	case 254:
		return math.Inf(1), nil
	case 253:
		return math.NaN(), nil
	}
	p, err := d.take(int64(n))
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(string(p), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, damaged("%q is no number", p)
	}
	return f, nil
}

// millis reads a time in milliseconds.
func (d *Decoder) millis() (int64, error) {
	p, err := d.take(8)
	if err != nil {
		return 0, err
	}
	return int64(binary.LittleEndian.Uint64(p)), nil
}
