package rdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// Handler takes what a file holds. The bytes that it is given are valid during the call; functions that are nil are left out. An error of one ends the reading.
type Handler struct {
	// Aux is called for each fact about the file.
	Aux func(name, value []byte) error
	// Function is called for the code of each library of functions.
	Function func(code []byte) error
	// Entry is called for each key. The value belongs to the DB that ReadFile was given but to no key: an Object is the handler's to store or to free.
	Entry func(database int, x Entry) error
	// Payload, if it isn't nil, is called instead of Entry, with what RESTORE takes for the value, of Version: that is quicker, holds one value at a time as it is in the
	// file, and trusts no number in it. x has no Value. Errors in a value that only its elements show are left to RESTORE. It is the one to use for files that may be
	// damaged or whose size is not known.
	Payload func(database int, x Entry, payload []byte) error
	// Module is called for each part that a module has left in the file beside the values, with the module's name. Such parts are passed over.
	Module func(name string) error
	// MaxValue is how many bytes of the file a value may take, ErrLarge being the error of a longer one; 0 is no limit. What is compressed in the file takes more in memory:
	// a string up to 1 GiB.
	MaxValue int64
}

// FileError is the error of ReadFile: what is wrong in the file, and where.
type FileError struct {
	// Offset is where the part begins that could not be read, in bytes from the beginning of the file.
	Offset int64
	// Key is the key whose value it is; nil if it is another part.
	Key []byte
	Err error
}

// Error says where and why.
func (e *FileError) Error() string {
	if e.Key == nil {
		return fmt.Sprintf("at byte %d of the file: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("at byte %d of the file, key %.100q: %v", e.Offset, e.Key, e.Err)
}

// Unwrap is the cause.
func (e *FileError) Unwrap() error { return e.Err }

// ReadFile reads a file of a version up to MaxVersion, which has size bytes or fewer, and makes its values in db. At no time more than one value is held that the handler has
// not got. The checksum comes last: if there is an error, what was handed over before is not to be used. All errors are *FileError, those of the handler and of r too.
func ReadFile(r io.Reader, size int64, db *keyspace.DB, h Handler) error {
	f := file{d: NewDecoder(r, size), db: db, h: h, entry: blankEntry}
	err := f.read()
	if at := new(FileError); err == nil || errors.As(err, &at) {
		return err
	}
	return &FileError{Offset: f.at, Key: bytes.Clone(f.key), Err: err}
}

// read reads it all.
func (f *file) read() error {
	head, err := f.d.take(int64(magicSize))
	if err != nil {
		return err
	}
	version, err := strconv.ParseUint(string(head[len(magic):]), 10, 16)
	if err != nil || string(head[:len(magic)]) != magic || version < 1 {
		return damaged("no file of this format")
	}
	if version > MaxVersion {
		return damaged("a file of version %d; versions up to %d are read", version, MaxVersion)
	}
	for !f.done {
		f.at, f.key = f.d.read, nil
		op, err := f.d.byte()
		if err != nil {
			return err
		}
		if err := f.part(op); err != nil {
			return err
		}
	}
	f.at, f.key = f.d.read, nil
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
	entry    Entry  // what was said of the next key
	at       int64  // where the part begins that is being read
	key      []byte // of that part; nil if it has none
	keyRoom  []byte
	done     bool
}

// verify checks the checksum, 0 being none.
func (f *file) verify() error {
	f.d.settle()
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
		return f.d.skipLengths(2)
	case opSlotInfo:
		return f.d.skipLengths(3)
	case opExpireMS:
		at, err := f.d.millis()
		f.entry.ExpireAt = expiry(at)
		return err
	case opExpire:
		p, err := f.d.take(4)
		if err == nil {
			f.entry.ExpireAt = expiry(int64(int32(binary.LittleEndian.Uint32(p))) * 1000)
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

// expiry is what a file says of when a key expires as an Entry says it, which has 0 for never. Redis has -1.
func expiry(at int64) int64 {
	switch at {
	case -1:
		return 0
	case 0:
		return 1
	}
	return at
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
	f.keyRoom = append(f.keyRoom[:0], key...)
	f.key = f.keyRoom
	x := f.entry
	f.entry = blankEntry
	x.Key, x.Offset = f.key, f.at
	if f.h.MaxValue > 0 {
		f.d.most = f.d.read + f.h.MaxValue
		defer func() { f.d.most = 0 }()
	}
	if f.h.Payload != nil {
		return f.payload(k, x)
	}
	if x.Value, err = f.d.value(k, f.db); err != nil {
		return err
	}
	if f.h.Entry != nil {
		return f.h.Entry(f.database, x)
	}
	if x.Value.Object != nil {
		x.Value.Object.Free()
	}
	return nil
}

// payload hands over a value as RESTORE takes it.
func (f *file) payload(k kind, x Entry) error {
	f.d.keep(byte(k))
	err := f.d.skip(k)
	p := f.d.endKeep()
	if err != nil {
		return err
	}
	if k > newestKind { // in a form that servers of Version don't read
		v, err := newMemoryDecoder(p[1:]).value(k, f.db)
		if err != nil {
			return err
		}
		var failed error
		err = Dump(v, func(payload []byte) { failed = f.h.Payload(f.database, x, payload) })
		if v.Object != nil {
			v.Object.Free()
		}
		return errors.Join(err, failed)
	}
	p = binary.LittleEndian.AppendUint16(p, Version)
	p = binary.LittleEndian.AppendUint64(p, checksum(0, p))
	f.d.kept = p // its room may be another one
	return f.h.Payload(f.database, x, p)
}

// moduleAux passes over what a module keeps beside its values: numbers and strings, each after its kind, up to a zero.
func (f *file) moduleAux() error {
	id, err := f.d.length()
	if err != nil {
		return err
	}
	if f.h.Module != nil {
		if err := f.h.Module(moduleName(id)); err != nil {
			return err
		}
	}
	if err := f.d.skipLengths(2); err != nil { // when it wants to be asked
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
			err = f.d.pass(4)
		case 4:
			err = f.d.pass(8)
		case 5:
			err = f.d.skipString()
		default:
			err = damaged("unknown part of the data of module %s, %d", moduleName(id), what)
		}
		if err != nil {
			return err
		}
	}
}

// moduleName is the name in a module's id: nine characters of six bits, and ten bits of version.
func moduleName(id uint64) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var name [9]byte
	for i := range name {
		name[i] = letters[id>>(64-6*(i+1))&63]
	}
	return string(name[:])
}
