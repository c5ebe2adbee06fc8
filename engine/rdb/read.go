package rdb

import (
	"errors"
	"fmt"

	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/intset"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
)

// value reads a value of a kind. It belongs to db but to no key: its bytes are valid until d is used again, its Object is the caller's to store or free.
func (d *Decoder) value(k kind, db *keyspace.DB) (keyspace.Value, error) {
	v, err := d.valueOf(k, db)
	if errors.Is(err, datatype.ErrDuplicate) || errors.Is(err, datatype.ErrScore) {
		err = fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return v, err
}

func (d *Decoder) valueOf(k kind, db *keyspace.DB) (keyspace.Value, error) {
	switch k {
	case kindString:
		s, err := d.string()
		return datatype.LoadString(s), err
	case kindList, kindListZiplist, kindListQuicklist, kindListQuicklist2:
		return d.list(k, db)
	case kindHash, kindHashListpack, kindHashZiplist, kindHashZipmap:
		return d.hash(k, db)
	case kindSet, kindSetIntset, kindSetListpack:
		return d.set(k, db)
	case kindZSet, kindZSet2, kindZSetListpack, kindZSetZiplist:
		return d.zset(k, db)
	case kindStream, kindStream2, kindStream3:
		return d.stream(k, db)
	case kindModule, kindModule2:
		return keyspace.Value{}, damaged("a value of a module")
	}
	if k >= kindHashMetadataPre && k <= kindHashListpackEx {
		return keyspace.Value{}, damaged("a hash whose fields expire, of Redis 7.4 or later")
	}
	return keyspace.Value{}, damaged("unknown kind of value, %d", k)
}

// errEmpty is the error of a collection without elements, which no key can hold.
func errEmpty(k kind) error { return fmt.Errorf("%w of kind %d", ErrEmpty, k) }

// paired is nil if n elements of a value of kind k can be pairs.
func paired(k kind, n int) error {
	switch {
	case n == 0:
		return errEmpty(k)
	case n%2 != 0:
		return damaged("%d elements that should be pairs in a value of kind %d", n, k)
	}
	return nil
}

func (d *Decoder) hash(k kind, db *keyspace.DB) (keyspace.Value, error) {
	if k != kindHash {
		elements, err := d.pack(k)
		if err != nil {
			return keyspace.Value{}, err
		}
		if err := paired(k, elements.n); err != nil {
			return keyspace.Value{}, err
		}
		return datatype.LoadHash(db, elements.n/2, k != kindHashZipmap, elements.pair)
	}
	n, err := d.count(2)
	if err != nil {
		return keyspace.Value{}, err
	}
	if n == 0 {
		return keyspace.Value{}, errEmpty(k)
	}
	var room []byte
	return datatype.LoadHash(db, n, false, func() (field, value []byte, err error) {
		if field, err = d.string(); err != nil {
			return nil, nil, err
		}
		room = append(room[:0], field...) // the value takes its place
		value, err = d.string()
		return room, value, err
	})
}

func (d *Decoder) set(k kind, db *keyspace.DB) (keyspace.Value, error) {
	switch k {
	case kindSetIntset:
		p, err := d.string()
		if err != nil {
			return keyspace.Value{}, err
		}
		if err := intset.Valid(p); err != nil {
			return keyspace.Value{}, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if intset.Len(p) == 0 {
			return keyspace.Value{}, errEmpty(k)
		}
		return datatype.LoadIntset(db, p)
	case kindSetListpack:
		elements, err := d.pack(k)
		if err != nil {
			return keyspace.Value{}, err
		}
		if elements.n == 0 {
			return keyspace.Value{}, errEmpty(k)
		}
		return datatype.LoadSet(db, elements.n, elements.next)
	}
	n, err := d.count(1)
	if err != nil {
		return keyspace.Value{}, err
	}
	if n == 0 {
		return keyspace.Value{}, errEmpty(k)
	}
	return datatype.LoadSet(db, n, d.string)
}

func (d *Decoder) zset(k kind, db *keyspace.DB) (keyspace.Value, error) {
	if k == kindZSetListpack || k == kindZSetZiplist {
		elements, err := d.pack(k)
		if err != nil {
			return keyspace.Value{}, err
		}
		if err := paired(k, elements.n); err != nil {
			return keyspace.Value{}, err
		}
		if err := elements.checkScores(); err != nil {
			return keyspace.Value{}, err
		}
		return datatype.LoadPackedZSet(db, elements.p)
	}
	n, err := d.count(2)
	if err != nil {
		return keyspace.Value{}, err
	}
	if n == 0 {
		return keyspace.Value{}, errEmpty(k)
	}
	var room []byte
	return datatype.LoadZSet(db, n, func() (member []byte, score float64, err error) {
		if member, err = d.string(); err != nil {
			return nil, 0, err
		}
		room = append(room[:0], member...) // the score takes its place
		if k == kindZSet {
			score, err = d.textDouble()
		} else {
			score, err = d.double()
		}
		return room, score, err
	})
}

// pack reads a packed form with strings and integers in a row and checks it wholly. Those of Redis before 7.0 become listpacks.
func (d *Decoder) pack(k kind) (*elements, error) {
	p, err := d.string()
	if err != nil {
		return nil, err
	}
	switch k {
	case kindHashZiplist, kindZSetZiplist, kindListZiplist, kindListQuicklist:
		old := p
		p = newBuilder(len(old))
		err = eachZiplist(old, func(text []byte) error { return add(&p, text) })
	case kindHashZipmap:
		old := p
		p = newBuilder(len(old))
		err = eachZipmap(old, func(field, value []byte) error { return errors.Join(add(&p, field), add(&p, value)) })
	}
	if err != nil {
		return nil, err
	}
	n, err := listpack.Valid(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return &elements{p: p, at: listpack.HeaderSize, n: n}, nil
}
