package keyspace

// LookupRead is the value of key for a command that reads it: it counts as use of the key, and as keyspace hit or miss.
func (db *DB) LookupRead(key []byte) (Value, bool) {
	w := db.live(key)
	if w == nil {
		db.Misses++
		return Value{}, false
	}
	db.Hits++
	r := refOf(*w)
	db.touch(r)
	return db.valueOf(r), true
}

// LookupWrite is the value of key for a command that may change it: it counts as use of the key.
func (db *DB) LookupWrite(key []byte) (Value, bool) {
	w := db.live(key)
	if w == nil {
		return Value{}, false
	}
	r := refOf(*w)
	db.touch(r)
	if isObject(db.at(r)) {
		db.touched(db.handleOf(r))
	}
	return db.valueOf(r), true
}

// Peek is the value of key without counting as use (OBJECT, TYPE, TTL, …). It honours Expiry all the same.
func (db *DB) Peek(key []byte) (Value, bool) {
	w := db.live(key)
	if w == nil {
		return Value{}, false
	}
	return db.valueOf(refOf(*w)), true
}

// Exists says whether Peek would find key.
func (db *DB) Exists(key []byte) bool { return db.live(key) != nil }

// live is the word of key's entry, nil if there is none or it is expired. In mode ExpireDelete it deletes an expired one.
func (db *DB) live(key []byte) *uint64 {
	w := db.find(key)
	if w == nil || !db.expired(db.expireAtOf(refOf(*w))) {
		return w
	}
	if db.Expiry == ExpireDelete {
		db.dropExpired(key)
	}
	return nil
}

// dropExpired deletes the expired key, and says so if the node is the one that decides.
func (db *DB) dropExpired(key []byte) {
	db.Delete(key)
	if db.Expiry == ExpireDelete && db.OnExpired != nil {
		db.OnExpired(key)
	}
}

// expired says whether a key that expires at unix time at (0: never) looks absent now.
func (db *DB) expired(at int64) bool {
	return at != 0 && db.Now > at && db.Expiry != ExpireIgnore
}

// Memory is the bytes that key and its value hold (MEMORY USAGE), its share of tables included.
func (db *DB) Memory(key []byte) (int64, bool) {
	w := db.live(key)
	if w == nil {
		return 0, false
	}
	r := refOf(*w)
	b := db.at(r)
	n := int64(db.size(r)) + 8
	if db.expireAtOf(r) != 0 {
		n += 1 << heapShift
	}
	if isObject(b) {
		n += db.object(db.handleOf(r)).Memory()
	}
	return n, true
}
