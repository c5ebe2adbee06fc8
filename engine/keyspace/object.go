package keyspace

import "unsafe"

// objectSize is the bytes of an object's place on the Go heap.
const objectSize = int64(unsafe.Sizeof(object{}))

// object is an Object, and what it was last known to hold.
type object struct {
	Object
	memory int64
	dirty  bool // its handle is in DB.dirty
}

// objectsPerSegment is how many objects are allocated together, so that a new one never waits for all to be copied.
const objectsPerSegment = 1024

// object is the place of handle h.
func (db *DB) object(h uint32) *object {
	return &db.objects[h/objectsPerSegment][h%objectsPerSegment]
}

// hold makes a handle for o.
func (db *DB) hold(o Object) uint32 {
	it := object{Object: o, memory: o.Memory()}
	db.objMem += it.memory + objectSize
	if n := len(db.holes); n > 0 {
		h := db.holes[n-1]
		db.holes = db.holes[:n-1]
		it.dirty = db.object(h).dirty
		*db.object(h) = it
		return h
	}
	h := db.handles
	if h%objectsPerSegment == 0 {
		db.objects = append(db.objects, nil)
	}
	last := &db.objects[h/objectsPerSegment]
	*last = append(*last, it)
	db.handles++
	return h
}

// letGo ends a handle, and frees its object unless that is kept under another one.
func (db *DB) letGo(h uint32, keep Object) {
	it := db.object(h)
	o := it.Object
	db.objMem -= it.memory + objectSize
	it.Object, it.memory = nil, 0
	db.holes = append(db.holes, h)
	if o != keep {
		o.Free()
	}
}

// touched notes that the caller may change object h from now on, so that its memory is asked for before the next answer of Used.
func (db *DB) touched(h uint32) {
	if it := db.object(h); !it.dirty {
		it.dirty = true
		db.dirty = append(db.dirty, h)
	}
}

// settle asks the objects that may have changed for their memory.
func (db *DB) settle() {
	for _, h := range db.dirty {
		it := db.object(h)
		it.dirty = false
		if it.Object != nil {
			m := it.Memory()
			db.objMem += m - it.memory
			it.memory = m
		}
	}
	db.dirty = db.dirty[:0]
}

// Adjust tells that the Object of key holds delta bytes more than before. It need not be called after LookupWrite: the next Used asks the object.
func (db *DB) Adjust(key []byte, delta int64) {
	w := db.find(key)
	if w == nil || !isObject(db.at(refOf(*w))) {
		return
	}
	db.object(db.handleOf(refOf(*w))).memory += delta
	db.objMem += delta
}
