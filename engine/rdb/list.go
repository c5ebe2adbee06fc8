package rdb

import (
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// list writes the nodes of a list.
func (e *Encoder) list(v keyspace.Value) {
	l := datatype.OpenList(nil, nil, v, true)
	e.count(l.NodeCount())
	for i := range l.NodeCount() {
		data, plain := l.Node(i)
		if plain {
			e.count(nodePlain)
		} else {
			e.count(nodePacked)
		}
		e.string(data)
	}
}

func (d *Decoder) list(k kind, db *keyspace.DB) (keyspace.Value, error) {
	l := datatype.NewListLoader(db)
	err := d.listInto(k, l)
	if err == nil && l.Len() == 0 {
		err = errEmpty(k)
	}
	if err != nil {
		l.Free()
		return keyspace.Value{}, err
	}
	return l.Value(), nil
}

func (d *Decoder) listInto(k kind, l *datatype.ListLoader) error {
	if k == kindListZiplist {
		p, err := d.string()
		if err != nil {
			return err
		}
		return eachZiplist(p, func(text []byte) error {
			l.Element(text)
			return nil
		})
	}
	n, err := d.count(1)
	if err != nil {
		return err
	}
	for range n {
		if k == kindList {
			text, err := d.string()
			if err != nil {
				return err
			}
			l.Element(text)
		} else if err := d.listNode(k, l); err != nil {
			return err
		}
	}
	return nil
}

// listNode reads a node of a list: a ziplist, a listpack, or a long element by itself.
func (d *Decoder) listNode(k kind, l *datatype.ListLoader) error {
	if k == kindListQuicklist2 {
		container, err := d.length()
		if err != nil {
			return err
		}
		if container == nodePlain {
			return d.plainNode(l)
		}
		if container != nodePacked {
			return damaged("unknown form of a list's node, %d", container)
		}
	}
	elements, err := d.pack(k)
	if err != nil {
		return err
	}
	l.Node(elements.p, false)
	return nil
}

func (d *Decoder) plainNode(l *datatype.ListLoader) error {
	text, err := d.string()
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return damaged("a list's node without an element")
	}
	l.Node(text, true)
	return nil
}
