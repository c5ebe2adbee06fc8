package keyspace

// An entry is a block of the arena:
//
//	0   uint32  bits 0-23 LRU or LFU state (lru.go), 24-26 type, 27-30 encoding, 31 there is an expiry field
//	4   uint32  bits 0-30 length of the key, 31 the value is an object
//	8   uint32  length of the value
//	12  uint32  expiry field: index in the heap of expiries, noExpiry if it is in none
//	..  key, value
//
// The value of an object is its handle, a uint32.
const (
	headerSize  = 12
	expiryField = 4

	flagExpiryField = 1 << 31
	flagObject      = 1 << 31
	typeShift       = 24
	encodingShift   = 27
	lruMask         = 1<<24 - 1
	noExpiry        = 1<<32 - 1

	maxKey   = 1<<31 - 1
	maxValue = 1<<32 - 1
)

// keyStart is where the key begins in entry b.
func keyStart(b []byte) int {
	return headerSize + int(b[3]>>7)*expiryField
}

func keyLen(b []byte) int { return int(get32(b[4:]) &^ flagObject) }

func valueLen(b []byte) int { return int(get32(b[8:])) }

func isObject(b []byte) bool { return b[7]>>7 != 0 }

func typeOf(b []byte) Type { return Type(b[3] & 7) }

func encodingOf(b []byte) Encoding { return Encoding(b[3] >> 3 & 15) }

func lruOf(b []byte) uint32 { return get32(b) & lruMask }

func setLRU(b []byte, v uint32) { put32(b, get32(b)&^lruMask|v) }

func setKind(b []byte, t Type, e Encoding) {
	b[3] = b[3]&0x80 | byte(t) | byte(e)<<3
}

func (s *space) entryKey(r Ref) []byte {
	b := s.at(r)
	i := keyStart(b)
	return b[i : i+keyLen(b) : i+keyLen(b)]
}

// entryValue is the value's bytes, or the object's handle.
func (s *space) entryValue(r Ref) []byte {
	b := s.at(r)
	i := keyStart(b) + keyLen(b)
	n := valueLen(b)
	return b[i : i+n : i+n]
}

// entrySize is the bytes that an entry needs.
func entrySize(expiry bool, key, value int) int {
	n := headerSize + key + value
	if expiry {
		n += expiryField
	}
	return n
}

// newEntry makes an entry whose value has n bytes, of any content. It has an expiry field, without an expiry, if expiry is set.
func (s *space) newEntry(key []byte, t Type, e Encoding, expiry bool, n, room int) Ref {
	if len(key) > maxKey || n > maxValue {
		panic("keyspace: key or value is too long")
	}
	r := s.alloc(entrySize(expiry, len(key), room))
	b := s.at(r)
	head := uint32(t)<<typeShift | uint32(e)<<encodingShift
	if expiry {
		head |= flagExpiryField
		put32(b[headerSize:], noExpiry)
	}
	put32(b, head)
	put32(b[4:], uint32(len(key)))
	put32(b[8:], uint32(n))
	copy(b[keyStart(b):], key)
	return r
}

// valueOf is the value of entry r.
func (db *DB) valueOf(r Ref) Value {
	b := db.at(r)
	v := Value{Type: typeOf(b), Encoding: encodingOf(b)}
	if isObject(b) {
		v.Object = db.object(db.handleOf(r)).Object
		return v
	}
	v.Bytes = db.entryValue(r)
	return v
}

func (db *DB) handleOf(r Ref) uint32 { return get32(db.entryValue(r)) }
