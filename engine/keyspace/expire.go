package keyspace

// heapItem is a key's expiry. The items are a heap with four children a node, the earliest time at the top; each entry knows the index of its item.
type heapItem struct {
	at  int64 // unix time, milliseconds
	ref Ref
}

const (
	heapShift = 4 // log2 of the item's size
	heapArity = 4
)

// Expire makes key, which must exist, expire at unix time at, in milliseconds; 0 removes the expiry. A time in the past is kept: the
// next lookup finds the key expired.
func (db *DB) Expire(key []byte, at int64) {
	w := db.find(key)
	if w == nil {
		panic("keyspace: Expire of a key that doesn't exist")
	}
	r := refOf(*w)
	if at == 0 {
		db.removeExpiry(r)
		return
	}
	if b := db.at(r); keyStart(b) == headerSize {
		r = db.addExpiryField(w, r)
	}
	if i := db.heapIndex(r); i != noExpiry {
		it := db.item(i)
		db.sumTTL(it.at, -1)
		it.at = at
		db.sumTTL(at, 1)
		db.up(db.down(i))
		return
	}
	i := db.heap.n
	db.push(&db.heap, heapShift)
	db.setItem(i, heapItem{at, r})
	db.sumTTL(at, 1)
	db.up(i)
}

// addExpiryField gives entry r, at w, a field for the index in the heap.
func (db *DB) addExpiryField(w *uint64, r Ref) Ref {
	b := db.at(r)
	k, v := keyLen(b), valueLen(b)
	if entrySize(true, k, v) > db.size(r) {
		return db.replace(w, db.entryKey(r), true, v, v, db.entryValue(r))
	}
	copy(b[headerSize+expiryField:][:k+v], b[headerSize:])
	b[3] |= 0x80
	put32(b[headerSize:], noExpiry)
	return r
}

// ExpireAt is the unix time in milliseconds at which key expires; 0 if it doesn't or there is no such key.
func (db *DB) ExpireAt(key []byte) int64 {
	if w := db.live(key); w != nil {
		return db.expireAtOf(refOf(*w))
	}
	return 0
}

// Expires is the number of keys with an expiry, expired ones included.
func (db *DB) Expires() int { return int(db.heap.n) }

// AverageTTL is the average time to live of the keys that have an expiry, in milliseconds; 0 if it is negative or no key has one.
func (db *DB) AverageTTL() int64 {
	n := int64(db.heap.n)
	if n == 0 {
		return 0
	}
	// (high<<32 + low)/n, without the overflow of the sum.
	q, rest := db.ttlHigh/n, db.ttlHigh%n
	average := q<<32 + (rest<<32+db.ttlLow)/n
	return max(0, average-db.Now)
}

// sumTTL adds the expiry time at to the sum of all, or takes it away if sign is -1.
func (db *DB) sumTTL(at, sign int64) {
	db.ttlHigh += sign * (at >> 32)
	db.ttlLow += sign * (at & (1<<32 - 1))
}

// ExpireCycle calls fn for up to limit expired keys, whatever the mode, and says whether there are more. It looks at no key that isn't
// expired. fn may delete the key that it is called with, whose bytes stay valid during the call, and must not change the DB otherwise. Keys
// that it leaves come again in the next cycle.
func (db *DB) ExpireCycle(limit int, fn func(key []byte)) (more bool) {
	// The expired items are a connected part of the heap that includes its top.
	found, todo := db.found[:0], db.todo[:0]
	if db.heap.n > 0 {
		todo = append(todo, 0)
	}
	for i := 0; i < len(todo); i++ {
		it := db.item(todo[i])
		if it.at >= db.Now {
			continue
		}
		if len(found) >= limit {
			more = true
			break
		}
		found = append(found, it.ref)
		child := uint64(todo[i])*heapArity + 1
		for c := child; c < min(child+heapArity, uint64(db.heap.n)); c++ {
			todo = append(todo, uint32(c))
		}
	}
	db.found, db.todo = found, todo
	for _, r := range found {
		db.keyBuf = append(db.keyBuf[:0], db.entryKey(r)...)
		fn(db.keyBuf)
	}
	return more
}

func (db *DB) expireAtOf(r Ref) int64 {
	if b := db.at(r); b[3]>>7 != 0 {
		if i := get32(b[headerSize:]); i != noExpiry {
			return db.item(i).at
		}
	}
	return 0
}

// heapIndex is the index of the item of entry r, which has an expiry field; noExpiry if it is in the heap no more.
func (db *DB) heapIndex(r Ref) uint32 { return get32(db.at(r)[headerSize:]) }

func (db *DB) item(i uint32) *heapItem { return (*heapItem)(db.elem(&db.heap, i, heapShift)) }

// setItem puts an item into the heap's array, and tells its entry.
func (db *DB) setItem(i uint32, it heapItem) {
	*db.item(i) = it
	put32(db.at(it.ref)[headerSize:], i)
}

// removeExpiry takes the expiry of entry r away, if it has one.
func (db *DB) removeExpiry(r Ref) {
	b := db.at(r)
	if b[3]>>7 == 0 {
		return
	}
	i := get32(b[headerSize:])
	if i == noExpiry {
		return
	}
	put32(b[headerSize:], noExpiry)
	db.sumTTL(db.item(i).at, -1)
	last := db.heap.n - 1
	moved := *db.item(last)
	db.pop(&db.heap, heapShift)
	if i != last {
		db.setItem(i, moved)
		db.up(db.down(i))
	}
}

// moveExpiry makes the expiry of entry from that of entry to, which has an expiry field if from is in the heap.
func (db *DB) moveExpiry(from, to Ref) {
	b := db.at(from)
	if b[3]>>7 == 0 {
		return
	}
	if i := get32(b[headerSize:]); i != noExpiry {
		db.setItem(i, heapItem{db.item(i).at, to})
	}
}

// up moves item i towards the top until its parent isn't later.
func (db *DB) up(i uint32) {
	it := *db.item(i)
	start := i
	for i > 0 {
		parent := (i - 1) / heapArity
		p := *db.item(parent)
		if p.at <= it.at {
			break
		}
		db.setItem(i, p)
		i = parent
	}
	if i != start {
		db.setItem(i, it)
	}
}

// down moves item i away from the top until no child is earlier, and returns its index.
func (db *DB) down(i uint32) uint32 {
	it := *db.item(i)
	start := i
	for {
		child := uint64(i)*heapArity + 1
		if child >= uint64(db.heap.n) {
			break
		}
		best, at := uint32(child), db.item(uint32(child)).at
		for c := child + 1; c < min(child+heapArity, uint64(db.heap.n)); c++ {
			if t := db.item(uint32(c)).at; t < at {
				best, at = uint32(c), t
			}
		}
		if at >= it.at {
			break
		}
		db.setItem(i, *db.item(best))
		i = best
	}
	if i != start {
		db.setItem(i, it)
	}
	return i
}
