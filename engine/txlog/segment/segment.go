// Package segment is one zone's copy of the transaction log: a stream of batch frames in preallocated files, shared by all shards of the process.
//
// Where each frame stands (Location) is decided by whoever writes the stream and is the same in every zone, so the zones' files are equal byte for byte: damage in one zone is
// mended by copying from another. Frames are numbered without gaps and chained by a running checksum; every checksum of a frame's header covers the
// stream's identity, the segment's number and the offset, so what is left of older contents in a recycled file is never taken for a frame, nor is what a client stores.
//
// A Stream has a goroutine while it prepares the file of the next segment; Close waits for it. The format, byte by byte, stands in ../DESIGN.md.
package segment

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// Errors of this package, to be compared with errors.Is.
var (
	// ErrDamaged is returned when bytes that should be a frame, a section or a record are not.
	ErrDamaged = errors.New("damaged")
	// ErrForeign is returned when a folder belongs to another log.
	ErrForeign = errors.New("folder belongs to another log")
	// ErrLocked is returned when another process uses a folder.
	ErrLocked = errors.New("used by another process")
	// ErrNoSegment is returned when a segment's file is not there.
	ErrNoSegment = errors.New("no such segment")
)

// ID names a stream; the zones of one log have the same. It is random, and secret to clients: see the package's doc.
type ID [16]byte

// String is the id in hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Location is a place in a stream: a segment's number, from 1 on, and the offset in its file.
type Location struct {
	Segment uint64
	Offset  int64
}

// Before reports whether l stands before m.
func (l Location) Before(m Location) bool {
	return l.Segment < m.Segment || l.Segment == m.Segment && l.Offset < m.Offset
}

// String formats l for logs.
func (l Location) String() string { return fmt.Sprintf("%d+%d", l.Segment, l.Offset) }

// Start is where the first frame of a segment stands: after the file's header, on a page of its own.
const Start = 4096

// DefaultBytes is the size of a segment's file unless configured.
const DefaultBytes = 64 << 20

// Capacity is how many bytes of a segment's file are prepared ahead: size, but the first segments of a log are smaller, so that a small log takes little disk.
func Capacity(number uint64, size int64) int64 {
	switch number {
	case 1:
		return min(size, 1<<20)
	case 2:
		return min(size, 4<<20)
	case 3:
		return min(size, 16<<20)
	default:
		return size
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seed begins the checksum of every header in a segment.
func (id ID) seed(number uint64) uint32 {
	var b [24]byte
	copy(b[:], id[:])
	binary.LittleEndian.PutUint64(b[16:], number)
	return crc32.Update(0, castagnoli, b[:])
}

// The header of a segment's file: magic, format, identity, number, checksum; the rest of the first page is zero.
const (
	fileMagic     = "MDBLOGSG"
	formatVersion = 1
	fileHeader    = 44
)

func encodeFileHeader(id ID, number uint64) []byte {
	b := make([]byte, Start)
	copy(b, fileMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	copy(b[12:], id[:])
	binary.LittleEndian.PutUint64(b[28:], number)
	binary.LittleEndian.PutUint32(b[36:], crc32.Update(id.seed(number), castagnoli, b[:36]))
	return b
}

// checkFileHeader tells whether b begins the file of this segment. A newer format is an error of its own: the file is not damaged.
func checkFileHeader(b []byte, id ID, number uint64) error {
	if len(b) < fileHeader || string(b[:8]) != fileMagic {
		return fmt.Errorf("header of segment %d: %w", number, ErrDamaged)
	}
	if ID(b[12:28]) != id || binary.LittleEndian.Uint64(b[28:]) != number ||
		binary.LittleEndian.Uint32(b[36:]) != crc32.Update(id.seed(number), castagnoli, b[:36]) {
		return fmt.Errorf("header of segment %d: %w", number, ErrDamaged)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v > formatVersion {
		return fmt.Errorf("segment %d has format %d, this program knows formats up to %d", number, v, formatVersion)
	}
	return nil
}

const (
	segmentPrefix = "segment-"
	sparePrefix   = "spare-"
)

func segmentName(number uint64) string { return fmt.Sprintf("%s%016x", segmentPrefix, number) }

// segmentNumber is the number in a file's name, 0 if it is no segment's.
func segmentNumber(name string) uint64 {
	digits, ok := strings.CutPrefix(name, segmentPrefix)
	if !ok || len(digits) != 16 {
		return 0
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	if err != nil {
		return 0
	}
	return n
}

// IsSegment reports whether a file's name is that of a segment.
func IsSegment(name string) bool { return segmentNumber(name) != 0 }
