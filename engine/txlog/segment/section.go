package segment

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// SectionHeader and RecordHeader are the sizes of the headers, in bytes.
const (
	SectionHeader = 32
	RecordHeader  = 32
)

// SectionKind says what a section of a frame's body holds.
type SectionKind uint8

// The kinds of section.
const (
	// Records holds records of one shard at consecutive positions.
	Records SectionKind = 1
	// Catalog holds the state of every shard before the frame; each segment begins with one.
	Catalog SectionKind = 2
	// Create gives a shard, whose id is the content, its number.
	Create SectionKind = 3
	// Trim says that First is the oldest position of a shard that is still wanted.
	Trim SectionKind = 4
	// Drop says that a shard is gone.
	Drop SectionKind = 5
)

// Section is a part of a frame's body.
type Section struct {
	Kind SectionKind
	// Shard is the shard's number in this log.
	Shard uint32
	// Count is how many records or catalog entries there are.
	Count uint32
	// First is the position of the first record.
	First txlog.Pos
	// Content is what follows the header. It is a part of the frame.
	Content []byte
}

// PutSection writes a section's header into b[:SectionHeader]; size is that of the content.
func PutSection(b []byte, s Section, size int) {
	binary.LittleEndian.PutUint32(b[4:], uint32(SectionHeader+size))
	b[8], b[9], b[10], b[11] = byte(s.Kind), 0, 0, 0
	binary.LittleEndian.PutUint32(b[12:], s.Shard)
	binary.LittleEndian.PutUint32(b[16:], s.Count)
	binary.LittleEndian.PutUint32(b[20:], 0)
	binary.LittleEndian.PutUint64(b[24:], uint64(s.First))
	binary.LittleEndian.PutUint32(b, crc32.Update(0, castagnoli, b[4:SectionHeader]))
}

// AppendSection appends a section with its content.
func AppendSection(b []byte, s Section) []byte {
	at := len(b)
	b = append(b, make([]byte, SectionHeader)...)
	PutSection(b[at:], s, len(s.Content))
	return append(b, s.Content...)
}

// sectionHeader reads a section's header; size is that of the whole section.
func sectionHeader(b []byte) (s Section, size int64, ok bool) {
	if len(b) < SectionHeader || binary.LittleEndian.Uint32(b) != crc32.Update(0, castagnoli, b[4:SectionHeader]) {
		return Section{}, 0, false
	}
	size = int64(binary.LittleEndian.Uint32(b[4:]))
	s = Section{
		Kind:  SectionKind(b[8]),
		Shard: binary.LittleEndian.Uint32(b[12:]),
		Count: binary.LittleEndian.Uint32(b[16:]),
		First: txlog.Pos(binary.LittleEndian.Uint64(b[24:])),
	}
	return s, size, size >= SectionHeader
}

// DecodeSection reads the section at the beginning of b and returns what follows it. Errors: ErrDamaged.
func DecodeSection(b []byte) (s Section, rest []byte, err error) {
	s, size, ok := sectionHeader(b)
	if !ok || size > int64(len(b)) {
		return Section{}, nil, fmt.Errorf("section: %w", ErrDamaged)
	}
	s.Content = b[SectionHeader:size]
	return s, b[size:], nil
}

// How a record's payload is stored.
const (
	// Compressed payloads are one zstd frame.
	Compressed uint8 = 1
	// Sealed payloads are AES-256-GCM ciphertext with its tag; they are compressed before.
	Sealed uint8 = 2
)

// Record is a record as it is stored.
type Record struct {
	Kind   txlog.Kind
	Flags  uint8
	Engine uint16
	Epoch  uint64
	Chain  txlog.Chain
	// PlainLength is the size of the payload as the log's user knows it.
	PlainLength uint32
	// Payload is as stored. In a decoded record it is a part of the section.
	Payload []byte
}

// PutRecord writes the header of the record at a position before its payload: b is both.
func PutRecord(b []byte, pos txlog.Pos, r Record) {
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-RecordHeader))
	binary.LittleEndian.PutUint32(b[8:], r.PlainLength)
	b[12], b[13] = byte(r.Kind), r.Flags
	binary.LittleEndian.PutUint16(b[14:], r.Engine)
	binary.LittleEndian.PutUint64(b[16:], r.Epoch)
	binary.LittleEndian.PutUint64(b[24:], uint64(r.Chain))
	binary.LittleEndian.PutUint32(b, recordCRC(b, pos))
}

func recordCRC(b []byte, pos txlog.Pos) uint32 {
	return crc32.Update(crcNumber(0, uint64(pos)), castagnoli, b[4:])
}

// recordSize is the size of the record whose header b begins with, 0 if b is too short.
func recordSize(b []byte) int64 {
	if len(b) < RecordHeader {
		return 0
	}
	return RecordHeader + int64(binary.LittleEndian.Uint32(b[4:]))
}

// DecodeRecord reads the record at a position from the beginning of b, checks it, and returns what follows it. Errors: ErrDamaged.
func DecodeRecord(b []byte, pos txlog.Pos) (r Record, rest []byte, err error) {
	size := recordSize(b)
	if size == 0 || size > int64(len(b)) {
		return Record{}, nil, fmt.Errorf("record at position %v is cut off: %w", pos, ErrDamaged)
	}
	if binary.LittleEndian.Uint32(b) != recordCRC(b[:size], pos) {
		return Record{}, nil, fmt.Errorf("record at position %v: %w", pos, ErrDamaged)
	}
	return Record{
		PlainLength: binary.LittleEndian.Uint32(b[8:]),
		Kind:        txlog.Kind(b[12]),
		Flags:       b[13],
		Engine:      binary.LittleEndian.Uint16(b[14:]),
		Epoch:       binary.LittleEndian.Uint64(b[16:]),
		Chain:       txlog.Chain(binary.LittleEndian.Uint64(b[24:])),
		Payload:     b[RecordHeader:size],
	}, b[size:], nil
}

// Shard is the state of one shard's log at a point of the stream: an entry of a catalog.
type Shard struct {
	Number uint32
	ID     string
	// First is the oldest position that is still wanted; Tail the newest one.
	First, Tail txlog.Pos
	// Chain and Epoch are those at Tail.
	Chain txlog.Chain
	Epoch uint64
}

// AppendShard appends an entry to a catalog's content.
func AppendShard(b []byte, s Shard) []byte {
	b = binary.LittleEndian.AppendUint32(b, s.Number)
	b = binary.LittleEndian.AppendUint64(b, uint64(s.First))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Tail))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Chain))
	b = binary.LittleEndian.AppendUint64(b, s.Epoch)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.ID)))
	return append(b, s.ID...)
}

// DecodeShard reads the entry at the beginning of a catalog's content and returns what follows it. Errors: ErrDamaged.
func DecodeShard(b []byte) (s Shard, rest []byte, err error) {
	const fixed = 40
	if len(b) < fixed || uint64(len(b)-fixed) < uint64(binary.LittleEndian.Uint32(b[36:])) {
		return Shard{}, nil, fmt.Errorf("catalog: %w", ErrDamaged)
	}
	n := fixed + int(binary.LittleEndian.Uint32(b[36:]))
	return Shard{
		Number: binary.LittleEndian.Uint32(b),
		First:  txlog.Pos(binary.LittleEndian.Uint64(b[4:])),
		Tail:   txlog.Pos(binary.LittleEndian.Uint64(b[12:])),
		Chain:  txlog.Chain(binary.LittleEndian.Uint64(b[20:])),
		Epoch:  binary.LittleEndian.Uint64(b[28:]),
		ID:     string(b[fixed:n]),
	}, b[n:], nil
}
