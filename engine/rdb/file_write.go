package rdb

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// A file is "REDIS" with its version in four digits, then parts that begin with an opcode or with the kind of a value, and in the end a checksum of all before it.
const (
	magic       = "REDIS"
	magicSize   = len(magic) + 4
	opSlotInfo  = 244 // of one slot: its number, how many keys and expiries follow (version 12)
	opFunction2 = 245 // a library of functions
	opFunction  = 246 // the same before it was final
	opModuleAux = 247
	opIdle      = 248 // the next key's seconds since its last use
	opFreq      = 249 // the next key's LFU counter
	opAux       = 250 // a name and a value about the file
	opResizeDB  = 251 // how many keys and expiries follow
	opExpireMS  = 252 // when the next key expires
	opExpire    = 253 // the same in seconds
	opSelectDB  = 254
	opEOF       = 255
)

// Entry is a key of a file with its value.
type Entry struct {
	Key   []byte
	Value keyspace.Value
	// Offset is where in the file the value begins, in bytes, with its kind; a Writer does not look at it.
	Offset int64
	// ExpireAt is when the key expires, in milliseconds since the epoch; 0 is never.
	ExpireAt int64
	// Idle is the seconds since the last use, Freq the LFU counter; negative where the file does not say.
	Idle int64
	Freq int
}

// Writer writes a file that redis-server 7.0 and later read. The first error stays: Close returns it.
type Writer struct{ e *Encoder }

// NewWriter begins a file.
func NewWriter(w io.Writer) *Writer {
	e := NewEncoder(w)
	e.raw(fmt.Appendf(nil, "%s%04d", magic, Version))
	return &Writer{e}
}

// Aux writes a fact about the file, such as redis-ver. Readers pass over names that they don't know.
func (w *Writer) Aux(name, value string) {
	w.e.byte(opAux)
	w.e.string([]byte(name))
	w.e.string([]byte(value))
}

// Function writes the code of a library of functions.
func (w *Writer) Function(code []byte) {
	w.e.byte(opFunction2)
	w.e.string(code)
}

// Database begins the keys of a database, and says how many there are and how many of them expire.
func (w *Writer) Database(number, keys, expires int) {
	w.e.byte(opSelectDB)
	w.e.count(number)
	w.e.byte(opResizeDB)
	w.e.count(keys)
	w.e.count(expires)
}

// Entry writes a key with its value.
func (w *Writer) Entry(x Entry) error {
	k, err := kindOf(x.Value)
	if err != nil {
		return err
	}
	if x.ExpireAt != 0 {
		w.e.byte(opExpireMS)
		w.e.millis(x.ExpireAt)
	}
	if x.Idle >= 0 {
		w.e.byte(opIdle)
		w.e.length(uint64(x.Idle))
	}
	if x.Freq >= 0 {
		w.e.byte(opFreq)
		w.e.byte(byte(x.Freq))
	}
	w.e.byte(byte(k))
	w.e.string(x.Key)
	w.e.value(x.Value)
	w.e.more()
	return w.e.err
}

// Close ends the file. It does not close what it writes to.
func (w *Writer) Close() error {
	w.e.byte(opEOF)
	if err := w.e.Flush(); err != nil {
		return err
	}
	w.e.buf = binary.LittleEndian.AppendUint64(w.e.buf, w.e.sum)
	return w.e.Flush()
}
