package segment

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/crc64"
)

// FrameHeader is the size of a frame's header, and of the zeros that are written behind the newest frame, in bytes.
const FrameHeader = 48

const frameMagic = 0x464c444d // "MDLF"

// FlagFirst marks the first frame of a segment; it begins with a catalog.
const FlagFirst uint32 = 1

// Frame is a frame's header: what one batch is.
type Frame struct {
	// Sequence numbers the frames of a stream: 1, 2, 3, … without gaps.
	Sequence uint64
	// Generation is the number of the opening of the log under which the frame was made; it never decreases along a stream.
	Generation uint32
	Flags      uint32
	// Length is the size of the body in bytes.
	Length uint32
	// BodyCRC is the CRC32C of the body.
	BodyCRC uint32
	// Previous is the running checksum of the stream before this frame, Chain that with it.
	Previous, Chain uint64
}

// Size is how many bytes the frame takes in the stream.
func (f Frame) Size() int64 { return FrameSize(int64(f.Length)) }

// FrameSize is how many bytes a frame with a body of so many bytes takes: header, body, zeros up to a multiple of eight.
func FrameSize(body int64) int64 { return FrameHeader + (body+7)&^7 }

var chainTable = crc64.MakeTable(crc64.ECMA)

// SealFrame completes the frame that stands in b, whose body begins at b[FrameHeader:] and has f.Length bytes; b has room for FrameSize and a terminator, all zero after
// the body. It sets BodyCRC and Chain and returns the header.
func SealFrame(b []byte, id ID, at Location, f Frame) Frame {
	f.BodyCRC = crc32.Update(0, castagnoli, b[FrameHeader:FrameHeader+int(f.Length)])
	binary.LittleEndian.PutUint32(b[0:], frameMagic)
	binary.LittleEndian.PutUint32(b[8:], f.Length)
	binary.LittleEndian.PutUint32(b[12:], f.BodyCRC)
	binary.LittleEndian.PutUint64(b[16:], f.Sequence)
	binary.LittleEndian.PutUint32(b[24:], f.Generation)
	binary.LittleEndian.PutUint32(b[28:], f.Flags)
	binary.LittleEndian.PutUint64(b[32:], f.Previous)
	f.Chain = crc64.Update(0, chainTable, b[8:40])
	binary.LittleEndian.PutUint64(b[40:], f.Chain)
	binary.LittleEndian.PutUint32(b[4:], headerCRC(b, id.seed(at.Segment), at.Offset))
	return f
}

func headerCRC(b []byte, seed uint32, offset int64) uint32 {
	return crc32.Update(crcNumber(seed, uint64(offset)), castagnoli, b[8:FrameHeader])
}

// crcNumber continues a CRC32C with the eight bytes of a number. crc32.Update would have them allocated.
func crcNumber(crc uint32, n uint64) uint32 {
	crc = ^crc
	for range 8 {
		crc = castagnoli[byte(crc)^byte(n)] ^ crc>>8
		n >>= 8
	}
	return ^crc
}

// decodeFrame reads the header at an offset of a segment; seed is the segment's. ok is false when there is none.
func decodeFrame(b []byte, seed uint32, offset int64) (f Frame, ok bool) {
	if len(b) < FrameHeader || binary.LittleEndian.Uint32(b) != frameMagic || binary.LittleEndian.Uint32(b[4:]) != headerCRC(b, seed, offset) {
		return Frame{}, false
	}
	f = Frame{
		Length:     binary.LittleEndian.Uint32(b[8:]),
		BodyCRC:    binary.LittleEndian.Uint32(b[12:]),
		Sequence:   binary.LittleEndian.Uint64(b[16:]),
		Generation: binary.LittleEndian.Uint32(b[24:]),
		Flags:      binary.LittleEndian.Uint32(b[28:]),
		Previous:   binary.LittleEndian.Uint64(b[32:]),
		Chain:      binary.LittleEndian.Uint64(b[40:]),
	}
	return f, f.Chain == crc64.Update(0, chainTable, b[8:40])
}

// DecodeFrame reads the frame that stands at a location from its bytes, and checks it. The body is a part of b. Errors: ErrDamaged.
func DecodeFrame(b []byte, id ID, at Location) (Frame, []byte, error) {
	f, ok := decodeFrame(b, id.seed(at.Segment), at.Offset)
	if !ok {
		return Frame{}, nil, fmt.Errorf("header of the frame at %v: %w", at, ErrDamaged)
	}
	if int64(len(b)) < FrameHeader+int64(f.Length) {
		return Frame{}, nil, fmt.Errorf("frame %d at %v is cut off: %w", f.Sequence, at, ErrDamaged)
	}
	body := b[FrameHeader : FrameHeader+int64(f.Length)]
	if crc32.Update(0, castagnoli, body) != f.BodyCRC {
		return Frame{}, nil, fmt.Errorf("body of frame %d at %v: %w", f.Sequence, at, ErrDamaged)
	}
	return f, body, nil
}

// Mark is a point in a stream's history: the frame that was newest there. Two streams with equal marks have the same history up to them.
type Mark struct {
	Generation uint32
	Sequence   uint64
	Chain      uint64
	// At is where the frame stands, End where the next one would.
	At, End Location
}

func (f Frame) mark(at Location) Mark {
	return Mark{f.Generation, f.Sequence, f.Chain, at, Location{at.Segment, at.Offset + f.Size()}}
}

// Older reports whether m is less up to date than n: of an older generation, or of the same with fewer frames.
func (m Mark) Older(n Mark) bool {
	return m.Generation < n.Generation || m.Generation == n.Generation && m.Sequence < n.Sequence
}

// Same reports whether m and n are the same point of the same history.
func (m Mark) Same(n Mark) bool {
	return m.Sequence == n.Sequence && m.Generation == n.Generation && m.Chain == n.Chain
}

// follows reports whether f is the frame right after m.
func (f Frame) follows(m Mark) bool {
	return f.Sequence == m.Sequence+1 && f.Previous == m.Chain && f.Generation >= m.Generation
}
