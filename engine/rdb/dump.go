package rdb

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// footerSize is the size of what follows the value in DUMP's payload: the version in two bytes, and the checksum.
const footerSize = 10

// encoders are kept because a compressor has a large table.
var encoders = sync.Pool{New: func() any { return new(Encoder) }}

// ErrPayload is the error of a payload of another version or with a wrong checksum.
var ErrPayload = errors.New("rdb: version or checksum of a payload are wrong")

// Dump calls fn with what DUMP answers for a value: its kind and form, the version and a checksum.
func Dump(v keyspace.Value, fn func(payload []byte)) error {
	e := encoders.Get().(*Encoder) //nolint:forcetypeassert // the pool has nothing else
	defer encoders.Put(e)
	e.buf = e.buf[:0]
	k, err := kindOf(v)
	if err != nil {
		return err
	}
	e.byte(byte(k))
	e.value(v)
	e.buf = binary.LittleEndian.AppendUint16(e.buf, Version)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, checksum(0, e.buf))
	fn(e.buf)
	if cap(e.buf) > flushSize {
		e.buf = nil
	}
	return nil
}

// Restore reads the value that a payload stands for. It belongs to db but to no key: its bytes are valid while the payload is, its Object is the caller's to store or to
// free. ErrPayload and ErrFormat are the errors.
func Restore(payload []byte, db *keyspace.DB) (keyspace.Value, error) {
	if !verify(payload) {
		return keyspace.Value{}, ErrPayload
	}
	d := newMemoryDecoder(payload) // a value that is too short or too long for its place goes unnoticed, as in Redis
	k, err := d.byte()
	if err != nil {
		return keyspace.Value{}, err
	}
	return d.value(kind(k), db)
}

// verify checks version and checksum of a payload. A checksum of zero is checked like any other.
func verify(payload []byte) bool {
	if len(payload) < footerSize {
		return false
	}
	at := len(payload) - footerSize
	if version := binary.LittleEndian.Uint16(payload[at:]); version > MaxVersion {
		return false
	}
	return binary.LittleEndian.Uint64(payload[at+2:]) == checksum(0, payload[:at+2])
}
