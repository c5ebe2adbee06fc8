package rdb

import (
	"fmt"

	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
)

// kindOf is the kind that a value is written as: the one of the form in which redis-server keeps it.
func kindOf(v keyspace.Value) (kind, error) {
	switch {
	case v.Type == keyspace.String:
		return kindString, nil
	case v.Type == keyspace.Hash && v.Object == nil:
		return kindHashListpack, nil
	case v.Type == keyspace.Hash:
		return kindHash, nil
	case v.Type == keyspace.Set && v.Object == nil:
		return kindSetIntset, nil
	case v.Type == keyspace.Set:
		return kindSet, nil
	case v.Type == keyspace.List:
		return kindListQuicklist2, nil
	case v.Type == keyspace.ZSet && v.Object == nil:
		return kindZSetListpack, nil
	case v.Type == keyspace.ZSet:
		return kindZSet2, nil
	case v.Type == keyspace.Stream:
		return kindStream2, nil
	}
	return 0, fmt.Errorf("rdb: values of type %v have no form here", v.Type)
}

// value writes a value without its kind.
func (e *Encoder) value(v keyspace.Value) {
	switch v.Type {
	case keyspace.String:
		e.string(v.Bytes)
	case keyspace.List:
		e.list(v)
	case keyspace.Hash:
		e.hash(v)
	case keyspace.Set:
		e.set(v)
	case keyspace.ZSet:
		e.zset(v)
	case keyspace.Stream:
		e.stream(v)
	}
}

func (e *Encoder) hash(v keyspace.Value) {
	h := datatype.OpenHash(nil, nil, v, true)
	if v.Object == nil {
		pack := listpack.New()
		h.Each(func(field, value []byte) bool {
			pack = listpack.Append(pack, field, value)
			return true
		})
		e.string(pack)
		return
	}
	e.count(h.Len())
	h.Each(func(field, value []byte) bool {
		e.string(field)
		e.string(value)
		return true
	})
}

func (e *Encoder) set(v keyspace.Value) {
	if v.Object == nil {
		e.string(v.Bytes)
		return
	}
	s := datatype.OpenSet(nil, nil, v, true)
	e.count(s.Len())
	s.Each(func(member []byte) bool {
		e.string(member)
		return true
	})
}

// zset writes a sorted set, a big one from its last element to its first one, as Redis does so that reading it back is quick there.
func (e *Encoder) zset(v keyspace.Value) {
	if v.Object == nil {
		e.string(v.Bytes)
		return
	}
	z := datatype.OpenZSet(nil, nil, v, true)
	e.count(z.Len())
	z.Range(z.Len()-1, true, func(member []byte, score float64) bool {
		e.string(member)
		e.double(score)
		return true
	})
}
