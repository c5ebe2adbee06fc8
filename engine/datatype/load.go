package datatype

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/intset"
	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// Values that come as a whole, from RESTORE or a snapshot, are made at no key, so that a damaged one leaves no trace. Each Load function pulls the elements, whose
// number is known, from a function; what that returns need be valid until its next call only. The encodings are those that redis-server chooses for what it loads.

// ErrScore is the error of a sorted set with a score that is no number, or whose elements are not in order.
var ErrScore = errors.New("datatype: a score is no number, or elements are out of order")

// ErrDuplicate is the error of a collection that has an element twice.
var ErrDuplicate = errors.New("datatype: an element is there twice")

// StoreValue makes a value at no key the value of key, without an expiry.
func StoreValue(db *keyspace.DB, key []byte, v keyspace.Value) {
	if v.Object != nil {
		db.SetObject(key, v.Type, v.Encoding, v.Object, false)
	} else {
		db.Set(key, v.Type, v.Encoding, v.Bytes, false)
	}
}

// LoadString makes a string.
func LoadString(s []byte) keyspace.Value {
	return keyspace.Value{Type: keyspace.String, Encoding: encodingOf(s), Bytes: s}
}

// LoadHash makes a hash of n fields. One that comes in a packed form stays packed however long its fields are.
func LoadHash(db *keyspace.DB, n int, packed bool, next func() (field, value []byte, err error)) (keyspace.Value, error) {
	if n > min(db.Limits.HashMaxListpackEntries, maxPackedLen) {
		return loadHashDict(db.NewDict(), n, next)
	}
	most := db.Limits.HashMaxListpackValue
	p := newPackedHash()
	seen := make(map[string]struct{}, n)
	for i := range n {
		field, value, err := next()
		if err != nil {
			return keyspace.Value{}, err
		}
		if _, twice := seen[string(field)]; twice {
			return keyspace.Value{}, ErrDuplicate
		}
		if !packed && max(len(field), len(value)) > most || len(p)+len(field)+len(value) > maxPacked {
			d := db.NewDict()
			packedHash(p).each(func(f, v []byte) bool { return d.Set(f, v) })
			d.Set(field, value)
			return loadHashDict(d, n-i-1, next)
		}
		seen[string(field)] = struct{}{}
		var head [2 * binary.MaxVarintLen64]byte
		p = append(p, head[:putHead(head[:], len(field), len(value))]...)
		p = append(append(p, field...), value...)
	}
	packedHash(p).setLen(n)
	return keyspace.Value{Type: keyspace.Hash, Encoding: keyspace.EncListpack, Bytes: p}, nil
}

// loadHashDict adds n fields to d, which it owns.
func loadHashDict(d *keyspace.Dict, n int, next func() (field, value []byte, err error)) (keyspace.Value, error) {
	for range n {
		field, value, err := next()
		if err == nil && !d.Set(field, value) {
			err = ErrDuplicate
		}
		if err != nil {
			d.Free()
			return keyspace.Value{}, err
		}
	}
	return keyspace.Value{Type: keyspace.Hash, Encoding: keyspace.EncHashtable, Object: d}, nil
}

// LoadSet makes a set of n members.
func LoadSet(db *keyspace.DB, n int, next func() (member []byte, err error)) (keyspace.Value, error) {
	s := newSet(db)
	if n > db.Limits.SetMaxIntsetEntries {
		s.dict = db.NewDict()
	}
	for range n {
		member, err := next()
		if err == nil && !s.Add(member) {
			err = ErrDuplicate
		}
		if err != nil {
			s.free()
			return keyspace.Value{}, err
		}
	}
	if s.dict != nil {
		return keyspace.Value{Type: keyspace.Set, Encoding: keyspace.EncHashtable, Object: s.dict}, nil
	}
	return keyspace.Value{Type: keyspace.Set, Encoding: keyspace.EncIntset, Bytes: s.ints}, nil
}

// LoadIntset makes a set of an intset, which must be valid.
func LoadIntset(db *keyspace.DB, ints []byte) (keyspace.Value, error) {
	if n := intset.Len(ints); n > db.Limits.SetMaxIntsetEntries {
		i := -1
		var room []byte
		return LoadSet(db, n, func() ([]byte, error) {
			i++
			room = strconv.AppendInt(room[:0], intset.At(ints, i), 10)
			return room, nil
		})
	}
	return keyspace.Value{Type: keyspace.Set, Encoding: keyspace.EncIntset, Bytes: ints}, nil
}

// LoadZSet makes a sorted set of n elements in any order.
func LoadZSet(db *keyspace.DB, n int, next func() (member []byte, score float64, err error)) (keyspace.Value, error) {
	big := newBigZSet(db)
	for range n {
		member, score, err := next()
		if err == nil && math.IsNaN(score) {
			err = ErrScore
		}
		if err == nil && !big.set(member, score) {
			err = ErrDuplicate
		}
		if err != nil {
			big.Free()
			return keyspace.Value{}, err
		}
	}
	return zsetValue(db, big), nil
}

// LoadPackedZSet makes a sorted set of a valid listpack of members with their scores, in order. It stays packed however long its members are.
func LoadPackedZSet(db *keyspace.DB, pack []byte) (keyspace.Value, error) {
	p := packedZSet(pack)
	n := p.len()
	if err := p.check(n); err != nil {
		return keyspace.Value{}, err
	}
	if n > db.Limits.ZSetMaxListpackEntries {
		big := newBigZSet(db)
		p.each(0, false, func(member []byte, score float64) bool {
			big.append(member, score)
			return true
		})
		return keyspace.Value{Type: keyspace.ZSet, Encoding: keyspace.EncSkiplist, Object: big}, nil
	}
	return keyspace.Value{Type: keyspace.ZSet, Encoding: keyspace.EncListpack, Bytes: pack}, nil
}

// check says what is wrong with the order of n elements.
func (p packedZSet) check(n int) (err error) {
	seen := make(map[string]struct{}, n)
	var last []byte
	lastScore := math.Inf(-1)
	p.each(0, false, func(member []byte, score float64) bool {
		_, twice := seen[string(member)]
		switch {
		case twice:
			err = ErrDuplicate
		case math.IsNaN(score), len(seen) > 0 && compareElements(last, lastScore, member, score) >= 0:
			err = ErrScore
		}
		seen[string(member)] = struct{}{}
		last, lastScore = append(last[:0], member...), score
		return err == nil
	})
	return err
}
