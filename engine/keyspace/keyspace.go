// Package keyspace holds the keys of one shard: lookup, expiry, eviction samples, the index by slot, and memory accounting.
//
// A DB is not safe for concurrent use: whoever holds the shard's turn uses it. It knows no clock, socket, goroutine or disk; the
// time of the running call and the role of the node are the fields Now and Expiry, which the shard sets before each call.
//
// How the bytes lie:
//
//   - Arena (arena.go, page.go). All data lies in 4 MiB chunks outside the Go heap, cut into pages of 64 KiB, each page into blocks of one size class.
//     A block is named by a 40-bit Ref, an integer, so the garbage collector has nothing to scan however many keys there are.
//   - Entry (entry.go). One block a key: a header of 12 bytes, the key, the value. A collection that is too big for packed bytes is an
//     Object; its entry holds a handle into a slice of Objects.
//   - Table (table.go). One table for each hash slot that has keys, and one for each Dict: buckets of seven words, a word being 24 bits of
//     the key's hash and the Ref of its entry. Tables grow and shrink by one bucket at a time (linear hashing), so no change
//     ever waits for a rehash, not even in a slot that holds all the keys.
//   - Expiry (expire.go). A heap of (time, Ref), and its index in the entry: active expiry looks only at what has expired.
//
// Bytes that a DB returns point into the arena. They are valid until the next change of the DB, and must be neither modified (but for Resize's)
// nor retained.
package keyspace

import (
	crand "crypto/rand"
	"math/rand/v2"
	"runtime"
	"unsafe"

	"github.com/openmemorydb/memorydb/engine/slot"
)

// Limits are the parameters that decide encodings and eviction, as Redis names them. Packages of data types read the encoding ones; the
// keyspace itself reads those of LFU only.
type Limits struct {
	HashMaxListpackEntries int // fields of a hash kept packed
	HashMaxListpackValue   int // bytes of a field or value of a packed hash
	ListMaxListpackSize    int // elements of a list node, or -1…-5 for 4…64 KiB
	ListPackedThreshold    int // bytes from which on an element of a list has a node of its own; 0 is Redis's 1 GiB. Set by DEBUG only.
	ListCompressDepth      int // nodes at each end of a list that aren't compressed
	SetMaxIntsetEntries    int // members of a set of integers
	SetMaxListpackEntries  int // members of a packed set
	SetMaxListpackValue    int // bytes of a member of a packed set
	ZSetMaxListpackEntries int // members of a packed sorted set
	ZSetMaxListpackValue   int // bytes of a member of a packed sorted set
	HLLSparseMaxBytes      int // bytes of a sparse HyperLogLog
	StreamNodeMaxBytes     int // bytes of a stream node
	StreamNodeMaxEntries   int // entries of a stream node

	LFU          bool // maxmemory-policy is allkeys-lfu or volatile-lfu: entries carry a frequency rather than a time of last use
	LFULogFactor int  // lfu-log-factor
	LFUDecayTime int  // lfu-decay-time, minutes
}

// DefaultLimits are Redis 7.0's defaults.
func DefaultLimits() Limits {
	return Limits{
		HashMaxListpackEntries: 512, HashMaxListpackValue: 64,
		ListMaxListpackSize: -2, SetMaxIntsetEntries: 512,
		SetMaxListpackEntries: 128, SetMaxListpackValue: 64,
		ZSetMaxListpackEntries: 128, ZSetMaxListpackValue: 64,
		HLLSparseMaxBytes: 3000, StreamNodeMaxBytes: 4096, StreamNodeMaxEntries: 100,
		LFULogFactor: 10, LFUDecayTime: 1,
	}
}

// Config is what New needs. The zero value works.
type Config struct {
	// Rand gives the hash seed, RandomKey, SampleEvict and the LFU counter their chance. Nil means a generator seeded by the system.
	// With the same seed and the same calls a DB does the same things in the same order.
	Rand   *rand.Rand
	Limits Limits
	// PackedDigest is the order-independent checksum of a packed collection (every type but String), equal to Object.Digest of the same content.
	// Nil means a checksum of the packed bytes, which tells a packed collection from its Object.
	PackedDigest func(t Type, packed []byte) uint64
}

// DB holds the keys of one shard.
type DB struct {
	Now       int64      // unix time of the running call, milliseconds
	Expiry    ExpiryMode // what an expired key means to this node
	Limits    Limits
	NoTouch   bool             // lookups don't change LRU time and LFU counter
	Beside    any              // what else comes and goes with the keys: function libraries (engine/script)
	OnExpired func(key []byte) // called after a lookup deleted an expired key (ExpireDelete only); key is the lookup's argument
	Hits      uint64           // lookups by LookupRead that found a key (keyspace_hits)
	Misses    uint64           // lookups by LookupRead that found none (keyspace_misses)

	chance       *rand.Rand
	packedDigest func(Type, []byte) uint64
	cleanup      runtime.Cleanup
	*space
	groups  [slot.Count / groupSlots]*group
	heap    vector // heapItem, a heap by time (expire.go)
	ttlHigh int64  // sum of the expiry times of all keys, upper part: ttlHigh<<32 + ttlLow
	ttlLow  int64
	len     int
	objects [][]object // by handle, in segments (object.go)
	handles uint32     // elements of objects
	holes   []uint32   // unused ones of them
	dirty   []uint32   // handles of objects whose memory may have changed since it was last asked
	objMem  int64      // sum of the memory of objects
	heapMem int64      // bytes of groups, on the Go heap

	defrag defrag
	found  []Ref // of ExpireCycle, to use their memory again
	todo   []uint32
	keyBuf []byte
}

// groupSlots is the number of slots whose tables are allocated together, on the first use of one of them.
const groupSlots = 64

type group struct {
	len    int
	tables [groupSlots]vector
}

// New makes an empty DB. Close releases its memory.
func New(cfg Config) *DB {
	r := cfg.Rand
	if r == nil {
		var seed [32]byte
		crand.Read(seed[:]) // never fails: crypto/rand ends the program if the system has no randomness
		r = rand.New(rand.NewChaCha8(seed))
	}
	db := &DB{Limits: cfg.Limits, chance: r, packedDigest: cfg.PackedDigest}
	db.setSpace(newSpace(newHasher(r)))
	return db
}

// Close releases the memory of the DB at once; a second call does nothing. Neither the DB nor anything that it returned may be used
// afterwards. Objects are dropped without Free. Without Close the memory is released some time after the DB became unreachable.
func (db *DB) Close() {
	if db.space == nil {
		return
	}
	db.cleanup.Stop()
	db.space.release()
	db.space = nil
	db.groups = [len(db.groups)]*group{}
	db.objects = nil
}

// Clear deletes all keys (FLUSHALL) in a time that depends on the memory held, not on the number of keys: objects are dropped without Free,
// their blocks go with the arena. Dicts and Refs of before must not be used.
func (db *DB) Clear() {
	old := db.space
	db.cleanup.Stop()
	db.setSpace(newSpace(old.hasher))
	old.release()
	db.groups = [len(db.groups)]*group{}
	db.heap, db.defrag = vector{}, defrag{}
	db.ttlHigh, db.ttlLow = 0, 0
	db.len, db.objMem, db.heapMem = 0, 0, 0
	db.objects, db.handles, db.holes, db.dirty = nil, 0, nil, nil
}

func (db *DB) setSpace(s *space) {
	db.space = s
	// The second collection after the DB became unreachable releases the mappings, not the first: a Value may be in use a little
	// longer than the last variable that refers to the DB.
	db.cleanup = runtime.AddCleanup(db, func(s *space) {
		runtime.AddCleanup(&struct{ _ [32]byte }{}, func(s *space) { s.release() }, s)
	}, s)
}

// Len is the number of keys, expired ones included as in DBSIZE.
func (db *DB) Len() int { return db.len }

// SlotLen is the number of keys in slot, expired ones included.
func (db *DB) SlotLen(slot uint16) int {
	if g := db.groups[slot/groupSlots]; g != nil {
		return int(g.tables[slot%groupSlots].count)
	}
	return 0
}

// SlotKeys calls fn for each key of slot, expired ones included, until fn returns false. fn must not change the DB.
func (db *DB) SlotKeys(slot uint16, fn func(key []byte) bool) {
	g := db.groups[slot/groupSlots]
	if g == nil {
		return
	}
	t := &g.tables[slot%groupSlots]
	for i := range t.n {
		if !db.eachIn(t, i, func(r Ref) bool { return fn(db.entryKey(r)) }) {
			return
		}
	}
}

// Each calls fn for each key until fn returns false; expireAt is 0 if the key has no expiry. An expired key looks absent, except in mode
// ExpireIgnore, in which all keys are visited (as a snapshot needs). fn must not change the DB.
func (db *DB) Each(fn func(key []byte, v Value, expireAt int64) bool) {
	db.eachRef(func(r Ref) bool {
		at := db.expireAtOf(r)
		return db.expired(at) || fn(db.entryKey(r), db.valueOf(r), at)
	})
}

func (db *DB) eachRef(fn func(Ref) bool) {
	for _, g := range db.groups {
		if g == nil || g.len == 0 {
			continue
		}
		for i := range g.tables {
			t := &g.tables[i]
			for b := range t.n {
				if !db.eachIn(t, b, fn) {
					return
				}
			}
		}
	}
}

// Used is the memory of the data in bytes, for maxmemory and INFO's used_memory_dataset: blocks of keys, values and expiries, tables, and what
// objects say that they hold.
func (db *DB) Used() int64 {
	db.settle()
	return db.used - db.external + db.objMem + db.heapMem
}

// Mapped is the memory in bytes that the arena has of the operating system, blocks in use or free. Part of it may never have been
// touched, so that it isn't resident.
func (db *DB) Mapped() int64 { return db.mapped }

// Arena is the DB's arena, for objects. It is another one after Clear.
func (db *DB) Arena() *Arena { return (*Arena)(db.space) }

// table is the table of key's slot, nil if the slot never had a key, and the key's hash.
func (db *DB) table(key []byte) (*group, *vector, uint64) {
	s := slot.Of(key)
	g := db.groups[s/groupSlots]
	if g == nil {
		return nil, nil, 0
	}
	return g, &g.tables[s%groupSlots], db.sum(key)
}

// find is the table word of key's entry, nil if there is none. It looks at no expiry.
func (db *DB) find(key []byte) *uint64 {
	_, t, h := db.table(key)
	if t == nil {
		return nil
	}
	return db.lookup(t, entries, h, key)
}

// addEntry puts the block of a new key into its table.
func (db *DB) addEntry(key []byte, r Ref) {
	s := slot.Of(key)
	g := db.groups[s/groupSlots]
	if g == nil {
		g = new(group)
		db.groups[s/groupSlots] = g
		db.heapMem += int64(unsafe.Sizeof(*g))
	}
	db.insert(&g.tables[s%groupSlots], entries, db.sum(key), r)
	g.len++
	db.len++
}
