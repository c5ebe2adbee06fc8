package datatype

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/listpack"
)

// The rules of Redis 7.0's quicklist: when a node takes another element, when two become one.
const (
	listSafety   = 8 << 10 // bytes of a node whose limit is a number of elements
	listOverhead = 8       // what an element is reckoned to need beside its bytes
	maxFill      = 1<<15 - 1
	minFill      = -5
	plainFrom    = 1 << 30
)

// fill is list-max-listpack-size as far as a list heeds it.
func (l *List) fill() int { return max(minFill, min(l.db.Limits.ListMaxListpackSize, maxFill)) }

// big says whether an element has a node of its own.
func (l *List) big(text []byte) bool {
	limit := l.db.Limits.ListPackedThreshold
	if limit == 0 {
		limit = plainFrom
	}
	return len(text) >= limit
}

// fits says whether a node may have size bytes and count elements.
func (l *List) fits(size, count int) bool {
	fill := l.fill()
	if fill < 0 && size <= 4096<<(-fill-1) {
		return true
	}
	return size <= listSafety && count <= fill
}

// takes says whether a node takes another element.
func (l *List) takes(node int, text []byte) bool {
	if node < 0 || node >= l.NodeCount() || l.big(text) {
		return false
	}
	data, plain := l.Node(node)
	return !plain && l.fits(len(data)+len(text)+listOverhead, l.count(node)+1)
}

// Push adds an element at the beginning or the end. It must not point into the DB's arena.
func (l *List) Push(text []byte, head bool) {
	if !l.exists && !l.big(text) {
		l.create(listpack.Append(listpack.New(), text))
		return
	}
	node, fresh := l.NodeCount()-1, l.NodeCount()
	if head {
		node, fresh = 0, 0
	}
	if !l.takes(node, text) {
		l.addNode(fresh, text)
		return
	}
	at := listpack.HeaderSize
	if !head {
		data, _ := l.Node(node)
		at = listpack.End(data)
	}
	l.splice(node, at, at, 0, text)
}

// addNode makes an element a node of its own, that of an index.
func (l *List) addNode(node int, text []byte) {
	l.unpack()
	if l.big(text) {
		l.nodes.insert(node, text, true, 1)
		return
	}
	l.nodes.insert(node, listpack.Append(listpack.New(), text), false, 1)
}

// Insert adds an element before or after the one at index i, which exists.
func (l *List) Insert(i int, text []byte, after bool) {
	p, _ := l.seek(i)
	l.insert(p, text, after)
}

func (l *List) insert(p listPlace, text []byte, after bool) {
	data, plain := l.Node(p.node)
	side, atEdge, behind := p.node-1, p.index == 0, 0 // the neighbour on the side of the new element, and the index of a new node there
	if after {
		side, atEdge, behind = p.node+1, p.index == l.count(p.node)-1, 1
	}
	switch {
	case l.big(text) && (plain || atEdge):
		l.addNode(p.node+behind, text)
	case l.big(text):
		l.unpack()
		l.split(p.node, p.index+behind)
		l.addNode(p.node+1, text)
	case l.takes(p.node, text):
		at := p.at
		if after {
			at = listpack.Next(data, at)
		}
		l.splice(p.node, at, at, 0, text)
	case atEdge && l.takes(side, text):
		at := listpack.HeaderSize
		if !after {
			neighbour, _ := l.Node(side)
			at = listpack.End(neighbour)
		}
		l.splice(side, at, at, 0, text)
	case atEdge:
		l.addNode(p.node+behind, text)
	default:
		l.unpack()
		l.split(p.node, p.index+behind)
		center := p.node
		if after { // the second part takes it, else the first one
			l.splice(p.node+1, listpack.HeaderSize, listpack.HeaderSize, 0, text)
		} else {
			first, _ := l.Node(p.node)
			l.splice(p.node, listpack.End(first), listpack.End(first), 0, text)
			center++
		}
		l.mergeAround(center)
	}
}

// split makes two nodes of one, the second of which begins with what is the element at index.
func (l *List) split(node, index int) {
	data, _ := l.Node(node)
	at, _ := listpack.Seek(data, index)
	tail := listpack.New()
	count := l.count(node) - index
	tail = appendRaw(tail, data[at:listpack.End(data)], count)
	l.splice(node, at, listpack.End(data), count)
	l.nodes.insert(node+1, tail, false, count)
}

// appendRaw is a pack on the heap with further elements, count in number, as they lie in another pack.
func appendRaw(pack, elems []byte, count int) []byte {
	return listpack.AppendRaw(pack, elems, count)
}

// mergeAround makes one of neighbours around a node where they fit into one: the two before it, the two behind it, then the node with each side.
func (l *List) mergeAround(node int) {
	if l.merge(node - 2) {
		node--
	}
	l.merge(node + 1)
	if l.merge(node - 1) {
		node--
	}
	l.merge(node)
}

// merge makes one node of the one at an index and the next one, if both exist and together are not too big, and says whether it did.
func (l *List) merge(node int) bool {
	if node < 0 || node+1 >= l.NodeCount() {
		return false
	}
	a, plainA := l.Node(node)
	b, plainB := l.Node(node + 1)
	const shared = 11 // bytes of header and end, as Redis reckons
	if plainA || plainB || !l.fits(len(a)+len(b)-shared, l.count(node)+l.count(node+1)) {
		return false
	}
	count := l.count(node) + l.count(node+1)
	both := appendRaw(bytes.Clone(a), b[listpack.HeaderSize:listpack.End(b)], l.count(node+1))
	l.nodes.removeRange(node, node+2)
	l.nodes.insert(node, both, false, count)
	return true
}

// Set replaces element i, which counts from the end if negative, and says whether there is one.
func (l *List) Set(i int, text []byte) bool {
	p, ok := l.seek(i)
	if !ok {
		return false
	}
	data, plain := l.Node(p.node)
	switch {
	case plain && l.big(text):
		l.nodes.remove(p.node)
		l.addNode(p.node, text)
	case plain:
		l.insert(p, text, true)
		l.nodes.remove(p.node)
	case l.big(text):
		l.insert(p, text, true)
		if l.count(p.node) == 1 { // it is the last one in front of the new node
			l.nodes.remove(p.node)
			break
		}
		data, _ = l.Node(p.node)
		l.splice(p.node, listpack.Prev(data, listpack.End(data)), listpack.End(data), 1)
	default:
		l.splice(p.node, p.at, listpack.Next(data, p.at), 1, text)
	}
	return true
}

// RemoveRange removes n elements from index i on, all of which exist. With the last element the key goes.
func (l *List) RemoveRange(i, n int) {
	if n <= 0 {
		return
	}
	p, _ := l.seek(i)
	gone := p.node // from here to after are the nodes that go as a whole
	if p.index > 0 {
		gone++
	}
	after := gone
	for node, index := p.node, p.index; n > 0; node, index = node+1, 0 {
		k := min(n, l.count(node)-index)
		if n -= k; l.nodes != nil && k == l.count(node) {
			after = node + 1
			continue
		}
		data, _ := l.Node(node)
		from, _ := listpack.Seek(data, index)
		to := listpack.End(data)
		if index+k < l.count(node) {
			to, _ = listpack.Seek(data, index+k)
		}
		l.splice(node, from, to, k)
	}
	if after > gone {
		l.nodes.removeRange(gone, after)
	}
	l.deleteIfEmpty()
}

// empty takes all elements of a node away. The node goes with listNodes.compact.
func (l *List) empty(node int) {
	n := l.nodes.at(node)
	l.nodes.len -= int(n.count)
	n.count = 0
}

// Remove removes elements with a text, at most n of them if n isn't 0, from the beginning or the end on, and returns their number. With the last element the key goes.
func (l *List) Remove(text []byte, n int, backwards bool) (removed int) {
	p, ok := l.enter(0, false)
	if backwards {
		p, ok = l.enter(l.NodeCount()-1, true)
	}
	hollow := false // a node has lost all its elements
	for ok {
		next, more := l.step(p, backwards)
		data, plain := l.Node(p.node)
		if equal := plain && bytes.Equal(data, text) || !plain && listpack.At(data, p.at).Equal(text); equal {
			if removed++; plain {
				l.empty(p.node)
			} else {
				l.splice(p.node, p.at, listpack.Next(data, p.at), 1)
			}
			hollow = hollow || l.nodes != nil && l.count(p.node) == 0
			if more && !backwards && next.node == p.node {
				next = p // which is where the next one is now
			}
			if removed == n {
				break
			}
		}
		p, ok = next, more
	}
	if l.deleteIfEmpty(); hollow && l.nodes != nil {
		l.nodes.compact()
	}
	return removed
}
