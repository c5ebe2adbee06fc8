package keyspace

// Type is the data type of a value.
type Type uint8

// The data types. TypeNone is that of no value.
const (
	TypeNone Type = iota
	String
	List
	Set
	Hash
	ZSet
	Stream
	JSON
)

var typeNames = [...]string{"none", "string", "list", "set", "hash", "zset", "stream", "ReJSON-RL"}

// String is the name of the type as TYPE answers it.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

// Encoding is how a value is kept, as Redis calls it.
type Encoding uint8

// The encodings.
const (
	EncInt Encoding = iota
	EncEmbstr
	EncRaw
	EncListpack
	EncHashtable
	EncIntset
	EncQuicklist
	EncSkiplist
	EncStream
)

var encodingNames = [...]string{"int", "embstr", "raw", "listpack", "hashtable", "intset", "quicklist", "skiplist", "stream"}

// String is the name of the encoding as OBJECT ENCODING answers it.
func (e Encoding) String() string {
	if int(e) < len(encodingNames) {
		return encodingNames[e]
	}
	return "unknown"
}

// Object is a collection too big for packed bytes. It owns its memory (blocks of the DB's Arena, Dicts) and releases it in Free.
// Its dynamic type must be a pointer.
type Object interface {
	// Memory is the bytes that it holds, blocks of the Arena and Dicts included, for maxmemory and MEMORY USAGE. It must not depend on the
	// number of elements how long it takes.
	Memory() int64
	// Free releases the memory. It is called once, after the key was deleted or got another value.
	Free()
	// Digest is a checksum of the content that depends neither on the order of unordered elements nor on the encoding.
	Digest() uint64
}

// Value is a view of a key's value. Bytes point into the arena: valid until the next change of the DB, not to be modified or retained.
type Value struct {
	Type     Type
	Encoding Encoding
	Bytes    []byte // a string, or a packed collection; nil if Object is set
	Object   Object // a collection too big for packed bytes, or nil
}

// ExpiryMode says what an expired key means.
type ExpiryMode uint8

const (
	// ExpireDelete is the mode of a primary: a lookup that finds an expired key deletes it and calls OnExpired (the shard logs a delete).
	ExpireDelete ExpiryMode = iota
	// ExpireHide is the mode of a replica: an expired key looks absent, and stays until the log deletes it.
	ExpireHide
	// ExpireIgnore is the mode of replay and of snapshots: expiry isn't looked at.
	ExpireIgnore
)
