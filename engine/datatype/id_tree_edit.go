package datatype

import "github.com/openmemorydb/memorydb/engine/keyspace"

// idPath is the way from the root to a leaf: by level, the page and the entry that was taken.
type idPath [maxHeight]struct {
	ref keyspace.Ref
	i   int
}

// descend finds the leaf where id belongs, and there the first entry not less than id. The tree must not be empty.
func (t *idTree) descend(id StreamID, path *idPath) {
	r := t.root
	for level := t.height - 1; level > 0; level-- {
		p := t.page(r, level)
		i := p.child(id)
		path[level].ref, path[level].i = r, i
		r = p.ref(i)
	}
	path[0].ref, path[0].i = r, t.page(r, 0).search(id)
}

// put is the value of id, which is added with a value of any content if it is new.
func (t *idTree) put(id StreamID) (value []byte, added bool) {
	if t.height == 0 {
		t.root, t.height = t.alloc(minPage), 1
		t.page(t.root, 0).setLen(0)
	}
	var path idPath
	t.descend(id, &path)
	p := t.page(path[0].ref, 0)
	if i := path[0].i; i < p.len() && p.id(i) == id {
		return p.value(i), false
	}
	t.count++
	return t.insert(&path, 0, id), true
}

// insert makes an entry for id where path says on a level, and returns its value.
func (t *idTree) insert(path *idPath, level int, id StreamID) []byte {
	step := &path[level]
	p := t.page(step.ref, level)
	if p.len() == p.cap() {
		if len(p.b) < maxPage {
			p = t.grow(path, level)
		} else {
			p = t.split(path, level)
		}
	}
	p.open(step.i)
	p.put(step.i, id)
	return p.value(step.i)
}

// grow gives a page twice the room.
func (t *idTree) grow(path *idPath, level int) page {
	step := &path[level]
	old := t.page(step.ref, level)
	r := t.alloc(min(2*len(old.b), maxPage))
	p := t.page(r, level)
	copy(p.b, old.b)
	t.release(step.ref)
	step.ref = r
	if level == t.height-1 {
		t.root = r
	} else {
		up := &path[level+1]
		t.page(up.ref, level+1).setRef(up.i, r)
	}
	return p
}

// split makes a full page two, and returns the one to which the path leads from then on.
func (t *idTree) split(path *idPath, level int) page {
	step := &path[level]
	n := t.page(step.ref, level).len()
	keep := n / 2
	if step.i == n {
		keep = n - 1 // appended to: leave the page full
	}
	if level == t.height-1 {
		root := t.alloc(minPage)
		p := t.page(root, level+1)
		p.setLen(1)
		p.put(0, t.page(step.ref, level).id(0))
		p.setRef(0, step.ref)
		t.root, t.height = root, t.height+1
		path[level+1].ref, path[level+1].i = root, 0
	}
	r := t.alloc(maxPage)
	left, right := t.page(step.ref, level), t.page(r, level)
	copy(right.b[pageHead:], left.b[pageHead+keep*left.entry:pageHead+n*left.entry])
	left.setLen(keep)
	right.setLen(n - keep)
	first := right.id(0)
	path[level+1].i++
	t.insert(path, level+1, first)
	up := &path[level+1]
	t.page(up.ref, level+1).setRef(up.i, r)
	if step.i > keep {
		step.ref, step.i = r, step.i-keep
		return right
	}
	up.i-- // the entry of the left page is before it, on the same page
	return left
}

// delete takes id away and says whether it was there.
func (t *idTree) delete(id StreamID) bool {
	if t.height == 0 {
		return false
	}
	var path idPath
	t.descend(id, &path)
	p := t.page(path[0].ref, 0)
	if i := path[0].i; i == p.len() || p.id(i) != id {
		return false
	}
	t.count--
	for level := 0; ; level++ {
		p := t.page(path[level].ref, level)
		p.close(path[level].i)
		if p.len() > 0 {
			break
		}
		t.release(path[level].ref)
		if level == t.height-1 {
			t.root, t.height = 0, 0
			return true
		}
	}
	for t.height > 1 && t.page(t.root, t.height-1).len() == 1 {
		child := t.page(t.root, t.height-1).ref(0)
		t.release(t.root)
		t.root, t.height = child, t.height-1
	}
	return true
}

// idCursor is a place in a tree. A change of the tree invalidates it.
type idCursor struct {
	t    *idTree
	path idPath
	ok   bool // it is at an entry
}

// seek is the place of the first id that is not less than id.
func (t *idTree) seek(id StreamID) idCursor {
	c := idCursor{t: t}
	if t.height == 0 {
		return c
	}
	t.descend(id, &c.path)
	c.ok = true
	c.settle()
	return c
}

// floor is the place of the last id that is not greater than id.
func (t *idTree) floor(id StreamID) idCursor {
	c := idCursor{t: t}
	if t.height == 0 {
		return c
	}
	t.descend(id, &c.path)
	if i := c.path[0].i; i < c.leaf().len() && c.id() == id {
		c.ok = true
		return c
	}
	c.ok = true
	c.prev()
	return c
}

// last is the place of the last id.
func (t *idTree) last() idCursor { return t.floor(maxStreamID) }

func (c *idCursor) leaf() page    { return c.t.page(c.path[0].ref, 0) }
func (c *idCursor) id() StreamID  { return c.leaf().id(c.path[0].i) }
func (c *idCursor) value() []byte { return c.leaf().value(c.path[0].i) }

// next goes to the next id.
func (c *idCursor) next() {
	if c.ok {
		c.path[0].i++
		c.settle()
	}
}

// settle goes on to the next leaf if the cursor is behind the last entry of its leaf.
func (c *idCursor) settle() {
	if c.path[0].i < c.leaf().len() {
		return
	}
	for level := 1; level < c.t.height; level++ {
		step := &c.path[level]
		if step.i+1 < c.t.page(step.ref, level).len() {
			step.i++
			c.down(level, func(page) int { return 0 })
			return
		}
	}
	c.ok = false
}

// prev goes to the id before.
func (c *idCursor) prev() {
	if !c.ok {
		return
	}
	for level := range c.t.height {
		if step := &c.path[level]; step.i > 0 {
			step.i--
			c.down(level, func(p page) int { return p.len() - 1 })
			return
		}
	}
	c.ok = false
}

// down sets the path below a level, in each page at the entry that choose says.
func (c *idCursor) down(level int, choose func(page) int) {
	for ; level > 0; level-- {
		r := c.t.page(c.path[level].ref, level).ref(c.path[level].i)
		c.path[level-1].ref, c.path[level-1].i = r, choose(c.t.page(r, level-1))
	}
}
