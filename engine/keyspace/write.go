package keyspace

// Set makes value, a string or a packed collection, the whole value of key, which is made if it doesn't exist. An Object that was there is freed. The
// expiry goes unless keepTTL is set. It doesn't count as use of an existing key; a new one starts as just used. value may point into the arena.
func (db *DB) Set(key []byte, t Type, e Encoding, value []byte, keepTTL bool) {
	r, old, had := db.place(key, t, e, len(value), keepTTL, value)
	b := db.at(r)
	b[7] &= 0x7f
	if had {
		db.letGo(old, nil)
	}
}

// SetObject makes o the value of key, as Set does. It may be the Object that the key has already.
func (db *DB) SetObject(key []byte, t Type, e Encoding, o Object, keepTTL bool) {
	h := db.hold(o)
	var handle [4]byte
	put32(handle[:], h)
	r, old, had := db.place(key, t, e, len(handle), keepTTL, handle[:])
	b := db.at(r)
	b[7] |= 0x80
	if had {
		db.letGo(old, o)
	}
	db.touched(h)
}

// place writes key's entry, and returns it with the handle of the object that it had, if it had one.
func (db *DB) place(key []byte, t Type, e Encoding, n int, keepTTL bool, value []byte) (r Ref, old uint32, had bool) {
	w := db.find(key)
	if w != nil && db.expired(db.expireAtOf(refOf(*w))) {
		db.dropExpired(key)
		w = nil
	}
	if w == nil {
		r = db.newEntry(key, t, e, false, n, n)
		b := db.at(r)
		copy(b[keyStart(b)+len(key):], value)
		setLRU(b, db.newLRU())
		db.addEntry(key, r)
		return r, 0, false
	}
	r = refOf(*w)
	b := db.at(r)
	if had = isObject(b); had {
		old = db.handleOf(r)
	}
	if !keepTTL {
		db.removeExpiry(r)
	}
	expiry := db.expireAtOf(r) != 0
	if start := keyStart(b) + keyLen(b); db.size(r) == roundSize(start+n) {
		copy(b[start:start+n], value)
		put32(b[8:], uint32(n))
	} else {
		r = db.replace(w, key, expiry, n, n, value)
		b = db.at(r)
	}
	setKind(b, t, e)
	if !db.Limits.LFU {
		setLRU(b, db.lruClock())
	}
	return r, old, had
}

// replace makes another block for the entry at w: the same header and expiry, key, and n bytes of value that begin with value, with room for more.
func (db *DB) replace(w *uint64, key []byte, expiry bool, n, room int, value []byte) Ref {
	r := refOf(*w)
	b := db.at(r)
	to := db.newEntry(key, typeOf(b), encodingOf(b), expiry, n, room)
	c := db.at(to)
	setLRU(c, lruOf(b))
	c[7] |= b[7] & 0x80
	copy(c[keyStart(c)+len(key):][:n], value)
	db.moveExpiry(r, to)
	*w = *w&^(1<<refBits-1) | uint64(to)
	db.free(r)
	return to
}

// Resize makes the string or packed value of key, which must exist, n bytes long, and returns it. The bytes may be written until the next change
// of the DB. The first min(old, n) keep their content, the others are zero. Type, expiry and time of last use stay; enc is the encoding from now on.
// A string that grows gets room for more, so that appending to it in a loop takes linear time.
func (db *DB) Resize(key []byte, n int, enc Encoding) []byte {
	w := db.find(key)
	if w == nil {
		panic("keyspace: Resize of a key that doesn't exist")
	}
	r := refOf(*w)
	b := db.at(r)
	if isObject(b) {
		panic("keyspace: Resize of an Object")
	}
	value := db.entryValue(r)
	old := len(value)
	need, have := keyStart(b)+keyLen(b)+n, db.size(r)
	if need > have || need <= have/4 && have > 64 {
		room := n
		if n > old && typeOf(b) == String {
			room += spare(n)
		}
		r = db.replace(w, db.entryKey(r), db.expireAtOf(r) != 0, n, room, value)
		b = db.at(r)
	}
	put32(b[8:], uint32(n))
	setKind(b, typeOf(b), enc)
	value = db.entryValue(r)
	if n > old {
		clear(value[old:])
	}
	return value
}

// spare is the room kept behind a growing string of n bytes: as much again while it is short as Redis does, an eighth when it is long.
func spare(n int) int {
	const long = 1 << 20
	if n < long {
		return n
	}
	return max(long, n/8)
}

// Delete deletes key, expired or not, and says whether it existed.
func (db *DB) Delete(key []byte) bool {
	g, t, h := db.table(key)
	if t == nil {
		return false
	}
	w := db.lookup(t, entries, h, key)
	if w == nil {
		return false
	}
	r := refOf(*w)
	db.remove(t, h, w)
	g.len--
	db.len--
	db.removeExpiry(r)
	object, handle := isObject(db.at(r)), uint32(0)
	if object {
		handle = db.handleOf(r)
	}
	db.free(r)
	if object {
		db.letGo(handle, nil)
	}
	return true
}

// Rename moves the value and expiry of from, which must exist, to the key to, whose own value and expiry are replaced. The time of last use moves too.
func (db *DB) Rename(from, to []byte) {
	if string(from) == string(to) {
		return
	}
	g, t, h := db.table(from)
	if t == nil {
		panic("keyspace: Rename of a key that doesn't exist")
	}
	w := db.lookup(t, entries, h, from)
	if w == nil {
		panic("keyspace: Rename of a key that doesn't exist")
	}
	// First all that reads from and to, which may point into the arena, then the changes.
	r := refOf(*w)
	b, value := db.at(r), db.entryValue(r)
	moved := db.newEntry(to, typeOf(b), encodingOf(b), db.expireAtOf(r) != 0, len(value), len(value))
	c := db.at(moved)
	setLRU(c, lruOf(b))
	c[7] |= b[7] & 0x80
	copy(db.entryValue(moved), value)
	db.moveExpiry(r, moved)
	db.remove(t, h, w)
	g.len--
	db.len--
	db.free(r)
	to = db.entryKey(moved)
	db.Delete(to)
	db.addEntry(to, moved)
}
