package datatype

import "github.com/openmemorydb/memorydb/engine/keyspace"

// insert puts an element at a position.
func (t *zsetTree) insert(at int, e zsetElement) {
	if t.root == 0 {
		t.root = t.newNode(0)
	}
	right := t.insertBelow(t.root, at, e)
	if right == 0 {
		return
	}
	left := t.root
	t.root = t.newNode(t.node(left)[0] + 1)
	root := t.node(t.root)
	root.setLen(2)
	t.setChild(root, 0, left)
	t.setChild(root, 1, right)
}

// insertBelow puts an element at a position below a node. If it had to split the node it returns the new one, which goes behind it.
func (t *zsetTree) insertBelow(r keyspace.Ref, at int, e zsetElement) (right keyspace.Ref) {
	n := t.node(r)
	if n.leaf() {
		n, at, right = t.makeRoom(r, at)
		n.setElement(at, e)
		return right
	}
	i, below := n.find(at)
	split := t.insertBelow(n.child(i), below, e)
	t.setChild(n, i, n.child(i))
	if split == 0 {
		return 0
	}
	n, i, right = t.makeRoom(r, i+1)
	t.setChild(n, i, split)
	return right
}

// makeRoom makes room for an entry at place i of a node. A full node is split, in halves, or before the new entry if that comes last: so sets that grow at their end fill their nodes.
func (t *zsetTree) makeRoom(r keyspace.Ref, i int) (n zsetNode, at int, right keyspace.Ref) {
	n = t.node(r)
	size := n.len()
	if size == n.max() {
		right = t.newNode(n[0])
		other, half := t.node(right), size/2
		if i == size {
			half = size
		}
		other.move(0, n, half, size-half)
		other.setLen(size - half)
		n.setLen(half)
		if i > half || half == size {
			n, i = other, i-half
		}
		size = n.len()
	}
	n.move(i+1, n, i, size-i)
	n.setLen(size + 1)
	return n, i, right
}

// remove takes the element at a position out.
func (t *zsetTree) remove(at int) {
	t.removeBelow(t.root, at)
	for n := t.node(t.root); !n.leaf() && n.len() == 1; n = t.node(t.root) {
		old := t.root
		t.root = n.child(0)
		t.drop(old)
	}
	if t.node(t.root).len() == 0 {
		t.drop(t.root)
		t.root = 0
	}
}

func (t *zsetTree) removeBelow(r keyspace.Ref, at int) {
	n := t.node(r)
	if n.leaf() {
		n.close(at)
		return
	}
	i, below := n.find(at)
	c := n.child(i)
	t.removeBelow(c, below)
	switch child := t.node(c); {
	case child.len() == 0:
		t.drop(c)
		n.close(i)
		return
	case child.len() < child.max()/4:
		if i+1 < n.len() && t.join(n, i) || i > 0 && t.join(n, i-1) {
			return
		}
	}
	t.setChild(n, i, c)
}

// close takes entry i out of a node.
func (n zsetNode) close(i int) {
	size := n.len()
	n.move(i, n, i+1, size-i-1)
	n.setLen(size - 1)
}

// join makes the children at entries i and i+1 one, if that leaves room to grow in.
func (t *zsetTree) join(n zsetNode, i int) bool {
	left, right := t.node(n.child(i)), t.node(n.child(i+1))
	a, b := left.len(), right.len()
	if a+b > left.max()*3/4 {
		return false
	}
	left.move(a, right, 0, b)
	left.setLen(a + b)
	t.drop(n.child(i + 1))
	n.close(i + 1)
	t.setChild(n, i, n.child(i))
	return true
}
