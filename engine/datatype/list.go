package datatype

import (
	"bytes"

	"github.com/cespare/xxhash/v2"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
)

// List is the list at a key: one listpack while it has one node, a listNodes from the second one on. How elements are distributed over nodes is as in Redis's quicklist,
// so that DUMP gives the same bytes. It never goes back to one listpack but by Trim to nothing.
// A List is valid during a call; elements that it returns are valid until the next call of one of its methods, or the DB's next change.
type List struct {
	db     *keyspace.DB
	key    []byte
	exists bool
	pack   []byte     // if nodes is nil
	nodes  *listNodes // nil while packed
	text   [20]byte   // of an integer that is returned
}

// OpenList is the list that v, the value at key, is; with exists false it is an empty one that the first push makes.
func OpenList(db *keyspace.DB, key []byte, v keyspace.Value, exists bool) List {
	l := List{db: db, key: key, exists: exists, pack: v.Bytes}
	if v.Object != nil {
		l.nodes = v.Object.(*listNodes) //nolint:forcetypeassert // the only Object of this type
	}
	return l
}

// Len is the number of elements.
func (l *List) Len() int {
	switch {
	case !l.exists:
		return 0
	case l.nodes != nil:
		return l.nodes.len
	}
	return listpack.Len(l.pack)
}

// Index is element i, counted from 0, or from the end if negative: -1 is the last one.
func (l *List) Index(i int) (text []byte, ok bool) {
	p, ok := l.seek(i)
	if !ok {
		return nil, false
	}
	return l.textAt(p), true
}

// Each calls fn for each element from index on, which counts from 0, towards the end or towards the beginning, until it returns false.
// An element is valid during that call of fn only; fn must not change the DB.
func (l *List) Each(from int, backwards bool, fn func(text []byte) bool) {
	p, ok := l.seek(from)
	for ; ok; p, ok = l.step(p, backwards) {
		if !fn(l.textAt(p)) {
			return
		}
	}
}

// NodeCount is the number of nodes.
func (l *List) NodeCount() int {
	switch {
	case !l.exists:
		return 0
	case l.nodes != nil:
		return l.nodes.count()
	}
	return 1
}

// Node is the content of a node: a listpack, or, plain, the bytes of one element. They are valid until the DB's next change.
func (l *List) Node(i int) (data []byte, plain bool) {
	if l.nodes != nil {
		return l.nodes.bytes(i), l.nodes.at(i).plain()
	}
	return l.pack, false
}

// AppendNode adds a node at the end, such as Node returns: RESTORE and snapshots build lists so. A listpack has been checked by listpack.Valid; one without elements is
// passed over, as in Redis. data is copied.
func (l *List) AppendNode(data []byte, plain bool) {
	count := 1
	if !plain {
		if count = listpack.Len(data); count == 0 {
			return
		}
		if !l.exists && len(data) <= maxPacked {
			l.create(data)
			return
		}
	}
	l.unpack()
	l.nodes.insert(l.nodes.count(), data, plain, count)
}

// create makes the list, which doesn't exist, a listpack.
func (l *List) create(pack []byte) {
	l.db.Set(l.key, keyspace.List, keyspace.EncQuicklist, pack, false)
	v, _ := l.db.Peek(l.key)
	l.pack, l.exists = v.Bytes, true
}

// unpack makes the list a listNodes. Its expiry stays.
func (l *List) unpack() {
	if l.nodes != nil {
		return
	}
	nodes := newListNodes(l.db)
	if l.exists {
		nodes.insert(0, bytes.Clone(l.pack), false, listpack.Len(l.pack))
	}
	l.db.SetObject(l.key, keyspace.List, keyspace.EncQuicklist, nodes, true)
	l.nodes, l.pack, l.exists = nodes, nil, true
}

// deleteIfEmpty deletes the key of a list without elements.
func (l *List) deleteIfEmpty() {
	if l.exists && l.Len() == 0 {
		l.db.Delete(l.key)
		l.exists, l.pack, l.nodes = false, nil, nil
	}
}

// count is the number of elements of a node.
func (l *List) count(node int) int {
	if l.nodes != nil {
		return int(l.nodes.at(node).count)
	}
	return listpack.Len(l.pack)
}

// splice replaces elements of a node that isn't plain, removed ones from one offset to another, by others. It may leave the node empty.
func (l *List) splice(node, from, to, removed int, texts ...[]byte) {
	if l.nodes == nil {
		l.pack = listpack.Splice(l.pack, (*listRoom)(l), from, to, removed, texts...)
		return
	}
	more := len(texts) - removed
	listpack.Splice(l.nodes.bytes(node), listNodeRoom{l.nodes, node}, from, to, removed, texts...)
	n := l.nodes.at(node)
	n.count = uint32(int(n.count) + more)
	l.nodes.len += more
}

// listRoom is where a List's only listpack lies.
type listRoom List

// Resize is listpack.Room's.
func (r *listRoom) Resize(n int) []byte { return r.db.Resize(r.key, n, keyspace.EncQuicklist) }

// listPlace is where an element is: its node, its index in the node, and where it begins there.
type listPlace struct{ node, index, at int }

// seek is the place of element i, which counts from the end if negative.
func (l *List) seek(i int) (listPlace, bool) {
	n := l.Len()
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return listPlace{}, false
	}
	p := listPlace{index: i}
	if l.nodes != nil {
		p.node, p.index = l.nodes.find(i)
		if l.nodes.at(p.node).plain() {
			return p, true
		}
	}
	data, _ := l.Node(p.node)
	p.at, _ = listpack.Seek(data, p.index)
	return p, true
}

// find is the node of element i, which exists, and its index in that.
func (o *listNodes) find(i int) (node, index int) {
	if i < o.len/2 {
		for ; i >= int(o.at(node).count); node++ {
			i -= int(o.at(node).count)
		}
		return node, i
	}
	left := o.len
	for node = o.count() - 1; ; node-- {
		if left -= int(o.at(node).count); i >= left {
			return node, i - left
		}
	}
}

// step is the place of the next element, or of the one before.
func (l *List) step(p listPlace, backwards bool) (listPlace, bool) {
	data, plain := l.Node(p.node)
	if backwards {
		if p.index > 0 {
			return listPlace{p.node, p.index - 1, listpack.Prev(data, p.at)}, true
		}
		return l.enter(p.node-1, true)
	}
	if !plain {
		if at := listpack.Next(data, p.at); at < listpack.End(data) {
			return listPlace{p.node, p.index + 1, at}, true
		}
	}
	return l.enter(p.node+1, false)
}

// enter is the place of the first element of a node, or of its last one; false if there is no such node.
func (l *List) enter(node int, last bool) (listPlace, bool) {
	if node < 0 || node >= l.NodeCount() {
		return listPlace{}, false
	}
	data, plain := l.Node(node)
	switch {
	case plain:
		return listPlace{node: node}, true
	case last:
		return listPlace{node, l.count(node) - 1, listpack.Prev(data, listpack.End(data))}, true
	}
	return listPlace{node: node, at: listpack.HeaderSize}, true
}

// textAt is the element at a place.
func (l *List) textAt(p listPlace) []byte {
	data, plain := l.Node(p.node)
	if plain {
		return data
	}
	return listpack.At(data, p.at).Text(l.text[:])
}

// listDigest is the checksum of elements in their order.
type listDigest struct{ sum uint64 }

func (d *listDigest) add(text []byte) {
	const odd = 0x9e3779b97f4a7c15
	d.sum = (d.sum+1)*odd + xxhash.Sum64(text)
}

func (d *listDigest) addPack(pack []byte) {
	var room [20]byte
	for at := listpack.HeaderSize; at < listpack.End(pack); at = listpack.Next(pack, at) {
		d.add(listpack.At(pack, at).Text(room[:]))
	}
}
