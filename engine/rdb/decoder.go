package rdb

import (
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
	mem  []byte    // what is left, if src is nil
	src  io.Reader // else the source
	buf  []byte    // what was read of src: buf[mark:pos] was taken and is not settled yet, buf[pos:end] is to come
	mark int
	pos  int
	end  int
	left int64  // at most so many bytes may still be taken of src
	read int64  // how many were taken
	most int64  // how many may be taken before ErrLarge; 0 is no limit
	sum  uint64 // checksum of what was taken of src, up to mark
	part []byte // what was taken of src last, if that is more than buf holds
	text []byte // the string that was decoded last

	keeping bool   // what is taken of src is kept
	kept    []byte // up to mark
}

// newMemoryDecoder is a Decoder of bytes in memory.
func newMemoryDecoder(p []byte) *Decoder { return &Decoder{mem: p} }

// NewDecoder is a Decoder of a source that has size bytes, or fewer.
func NewDecoder(r io.Reader, size int64) *Decoder {
	return &Decoder{src: r, buf: make([]byte, flushSize), left: size}
}

// Left is how many bytes may follow.
func (d *Decoder) Left() int64 {
	if d.src == nil {
		return int64(len(d.mem))
	}
	return d.left
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// take takes n bytes, valid until the next call.
func (d *Decoder) take(n int64) ([]byte, error) {
	if err := d.allowed(n); err != nil {
		return nil, err
	}
	if d.src == nil {
		p := d.mem[:n:n]
		d.mem = d.mem[n:]
		d.read += n
		return p, nil
	}
	if n <= int64(len(d.buf)) {
		return d.window(int(n))
	}
	// The source may have fewer bytes than it promised: room is taken as they come.
	d.part = d.part[:0]
	for n > 0 {
		p, err := d.window(int(min(n, int64(len(d.buf)))))
		if err != nil {
			return nil, err
		}
		d.part = append(d.part, p...)
		n -= int64(len(p))
	}
	return d.part, nil
}

// allowed is nil if n more bytes may be taken, as far as is known before they come.
func (d *Decoder) allowed(n int64) error {
	if n < 0 || n > d.Left() {
		return damaged("%d bytes are wanted, the source ends at byte %d", n, d.read+d.Left())
	}
	if d.most > 0 && n > d.most-d.read {
		return ErrLarge
	}
	return nil
}

// pass passes over n bytes.
func (d *Decoder) pass(n int64) error {
	if err := d.allowed(n); err != nil {
		return err
	}
	if d.src == nil {
		_, err := d.take(n)
		return err
	}
	for n > 0 {
		p, err := d.window(int(min(n, int64(len(d.buf)))))
		if err != nil {
			return err
		}
		n -= int64(len(p))
	}
	return nil
}

// window takes n bytes of src, as many as buf holds at most, without a copy.
func (d *Decoder) window(n int) ([]byte, error) {
	if n > d.end-d.pos {
		if err := d.fill(n); err != nil {
			return nil, err
		}
	}
	p := d.buf[d.pos : d.pos+n : d.pos+n]
	d.pos += n
	d.left -= int64(n)
	d.read += int64(n)
	return p, nil
}

// fill reads ahead until n bytes are to come.
func (d *Decoder) fill(n int) error {
	d.settle()
	d.end = copy(d.buf, d.buf[d.pos:d.end])
	d.pos, d.mark = 0, 0
	got, err := io.ReadAtLeast(d.src, d.buf[d.end:], n-d.end)
	d.end += got
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return damaged("%d bytes are wanted, the source ends at byte %d", n, d.read+int64(d.end))
	}
	return fmt.Errorf("rdb: %w", err)
}

// settle brings the checksum, and what is kept, up to what was taken.
func (d *Decoder) settle() {
	p := d.buf[d.mark:d.pos]
	d.sum = checksum(d.sum, p)
	if d.keeping {
		d.kept = append(d.kept, p...)
	}
	d.mark = d.pos
}

// keep begins to keep what is taken of src, behind first.
func (d *Decoder) keep(first byte) {
	d.settle()
	if cap(d.kept) > keepAtMost {
		d.kept = nil
	}
	d.keeping, d.kept = true, append(d.kept[:0], first)
}

// keepAtMost is how much room stays for the next value.
const keepAtMost = 1 << 20

// endKeep ends keep; what was kept is valid until the next one.
func (d *Decoder) endKeep() []byte {
	d.settle()
	d.keeping = false
	return d.kept
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
