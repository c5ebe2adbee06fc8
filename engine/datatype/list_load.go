package datatype

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// ListLoader makes a list at no key of nodes or elements. It ends with Value or Free.
type ListLoader struct{ list List }

// NewListLoader begins with an empty list.
func NewListLoader(db *keyspace.DB) *ListLoader {
	return &ListLoader{List{db: db, nodes: newListNodes(db), exists: true}}
}

// Free drops the list.
func (l *ListLoader) Free() { l.list.nodes.Free() }

// Node adds a node at the end: a listpack that has been checked by listpack.Valid, or, plain, the bytes of one element. A listpack without elements is passed over.
func (l *ListLoader) Node(data []byte, plain bool) { l.list.AppendNode(data, plain) }

// Element adds an element at the end. It goes into the last node if that takes it by the rules of pushes.
func (l *ListLoader) Element(text []byte) { l.list.Push(text, false) }

// Len is the number of elements.
func (l *ListLoader) Len() int { return l.list.Len() }

// Value is the list, which must not be empty.
func (l *ListLoader) Value() keyspace.Value {
	v := keyspace.Value{Type: keyspace.List, Encoding: keyspace.EncQuicklist, Object: l.list.nodes}
	if data, plain := l.list.Node(0); l.list.NodeCount() == 1 && !plain && len(data) <= maxPacked {
		v.Bytes, v.Object = bytes.Clone(data), nil
		l.Free()
	}
	return v
}
