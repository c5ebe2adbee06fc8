package rdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// Handler takes what a file holds. The bytes that it is given are valid during the call; functions that are nil are left out.
type Handler struct {
	// Aux is called for each fact about the file.
	Aux func(name, value []byte) error
	// Function is called for the code of each library of functions.
	Function func(code []byte) error
	// Entry is called for each key. The value belongs to the DB that ReadFile was given but to no key: an Object is the handler's to store or to free.
	Entry func(database int, x Entry) error
}

// ReadFile reads a file of a version up to MaxVersion, which has size bytes or fewer, and makes its values in db. The checksum comes last: if there is an error, what was
// handed over before is not to be used.
func ReadFile(r io.Reader, size int64, db *keyspace.DB, h Handler) error {
	f := file{d: NewDecoder(r, size), db: db, h: h}
	head, err := f.d.take(int64(magicSize))
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(string(head[len(magic):]))
	if err != nil || string(head[:len(magic)]) != magic || version < 1 {
		return damaged("no file of this format")
	}
	if version > MaxVersion {
		return damaged("a file of version %d; versions up to %d are read", version, MaxVersion)
	}
	for f.entry = blankEntry; !f.done; {
		op, err := f.d.byte()
		if err != nil {
			return err
		}
		if err := f.part(op); err != nil {
			return fmt.Errorf("%w, at byte %d", err, f.d.read)
		}
	}
	if version < 5 { // they have no checksum
		return nil
	}
	return f.verify()
}

// blankEntry is an Entry of which nothing is known yet.
var blankEntry = Entry{Idle: -1, Freq: -1}

// file is a file that is being read.
type file struct {
	d        *Decoder
	db       *keyspace.DB
	h        Handler
	database int
	entry    Entry // what was said of the next key
	key      []byte
	done     bool
}

// verify checks the checksum, 0 being none.
func (f *file) verify() error {
	sum := f.d.sum
	p, err := f.d.take(8)
	if err != nil {
		return err
	}
	if want := binary.LittleEndian.Uint64(p); want != 0 && want != sum {
		return damaged("the checksum is %x, the file says %x", sum, want)
	}
	return nil
}

// part reads the part that begins with op.
func (f *file) part(op byte) error {
	switch op {
	case opEOF:
		f.done = true
		return nil
	case opAux:
		return f.aux()
	case opSelectDB:
		n, err := f.d.length()
		if err == nil && n > math.MaxInt32 {
			err = damaged("database %d", n)
		}
		f.database = int(n)
		return err
	case opResizeDB:
		return f.skipLengths(2)
	case opSlotInfo:
		return f.skipLengths(3)
	case opExpireMS:
		at, err := f.d.millis()
		f.entry.ExpireAt = at
		return err
	case opExpire:
		p, err := f.d.take(4)
		if err == nil {
			f.entry.ExpireAt = int64(int32(binary.LittleEndian.Uint32(p))) * 1000
		}
		return err
	case opIdle:
		n, err := f.d.length()
		f.entry.Idle = int64(min(n, math.MaxInt64))
		return err
	case opFreq:
		b, err := f.d.byte()
		f.entry.Freq = int(b)
		return err
	case opFunction2:
		code, err := f.d.string()
		if err == nil && f.h.Function != nil {
			err = f.h.Function(code)
		}
		return err
	case opFunction:
		return damaged("functions in the form of a Redis 7.0 before its release")
	case opModuleAux:
		return f.moduleAux()
	}
	return f.value(kind(op))
}

func (f *file) skipLengths(n int) error {
	for range n {
		if _, err := f.d.length(); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) aux() error {
	name, err := f.d.string()
	if err != nil {
		return err
	}
	name = bytes.Clone(name) // the value takes its place
	value, err := f.d.string()
	if err == nil && f.h.Aux != nil {
		err = f.h.Aux(name, value)
	}
	return err
}

// value reads a key and its value.
func (f *file) value(k kind) error {
	key, err := f.d.string()
	if err != nil {
		return err
	}
	f.key = append(f.key[:0], key...)
	v, err := f.d.value(k, f.db)
	if err != nil {
		return fmt.Errorf("key %q: %w", f.key, err)
	}
	x := f.entry
	f.entry = blankEntry
	x.Key, x.Value = f.key, v
	if f.h.Entry != nil {
		return f.h.Entry(f.database, x)
	}
	if v.Object != nil {
		v.Object.Free()
	}
	return nil
}

// moduleAux passes over what a module keeps beside its values: numbers and strings, each after its kind, up to a zero.
func (f *file) moduleAux() error {
	if err := f.skipLengths(3); err != nil { // the module, and when it wants to be asked
		return err
	}
	for {
		what, err := f.d.length()
		if err != nil {
			return err
		}
		switch what {
		case 0:
			return nil
		case 1, 2:
			_, err = f.d.length()
		case 3:
			_, err = f.d.take(4)
		case 4:
			_, err = f.d.take(8)
		case 5:
			_, err = f.d.string()
		default:
			err = damaged("unknown part of a module's data, %d", what)
		}
		if err != nil {
			return err
		}
	}
}
