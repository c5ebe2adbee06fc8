// Package rdb reads and writes values in Redis's RDB format: what DUMP and RESTORE carry, and whole snapshot files.
//
// It writes version 10, that of redis-server 7.0.15, with the bytes that that server writes where a value is kept as there. It reads the values of versions
// up to 12, so those of every Redis and Valkey that MemoryDB can be filled from, but for hashes whose fields expire and for types of modules.
//
// What is read may come from anyone: each length is checked against what is left of the source before memory is taken for it, packed forms are checked wholly,
// and a damaged value is an error, never a panic. Source of the format: Redis's rdb.h and rdb.c, and the RDB documentation of redis-rdb-tools.
package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
)

// Version is the version of the format that is written; MaxVersion the newest one that is read.
const (
	Version    = 10
	MaxVersion = 12
)

// kind is the byte before a value that tells its type and form.
type kind byte

const (
	kindString          kind = 0
	kindList            kind = 1 // elements
	kindSet             kind = 2 // members
	kindZSet            kind = 3 // members with scores as text
	kindHash            kind = 4 // fields and values
	kindZSet2           kind = 5 // members with binary scores
	kindModule          kind = 6
	kindModule2         kind = 7
	kindHashZipmap      kind = 9
	kindListZiplist     kind = 10
	kindSetIntset       kind = 11
	kindZSetZiplist     kind = 12
	kindHashZiplist     kind = 13
	kindListQuicklist   kind = 14 // ziplists
	kindStream          kind = 15
	kindHashListpack    kind = 16
	kindZSetListpack    kind = 17
	kindListQuicklist2  kind = 18 // listpacks, and long elements by themselves
	kindStream2         kind = 19 // with the first id, the greatest deleted one, and how many were added and read
	kindSetListpack     kind = 20
	kindStream3         kind = 21 // with the times at which consumers were active
	kindHashMetadataPre kind = 22 // 22 to 25: hashes whose fields expire, of Redis 7.4
	kindHashListpackEx  kind = 25
)

// The two highest bits of a length say how it is written.
const (
	len6   = 0 // in the six bits left
	len14  = 1 // in those and the next byte
	lenBig = 2 // 0x80: in four bytes, 0x81: in eight, big-endian
	lenEnc = 3 // no length: the six bits say how a string is encoded
)

// Encodings of strings.
const (
	encInt8 = iota
	encInt16
	encInt32
	encLZF
)

// Containers of the nodes of kindListQuicklist2.
const (
	nodePlain  = 1
	nodePacked = 2
)

// ErrFormat is what all errors about damaged or unknown values wrap.
var ErrFormat = errors.New("rdb: bad data")

// ErrEmpty is the error of a collection without elements, which no key can hold; it wraps ErrFormat. Files of servers before Redis 7.0 may have some, by their faults.
var ErrEmpty = fmt.Errorf("%w: an empty collection", ErrFormat)

// ErrLarge is the error of a value that takes more bytes of a file than Handler.MaxValue allows.
var ErrLarge = errors.New("rdb: a value takes more bytes than may be held in memory at once")

// jones is CRC-64 as Jones defined it: jones[k][b] is the checksum of b and k zero bytes behind it, so that eight bytes are taken at a time.
var jones = func() (t [8][256]uint64) {
	t[0] = *crc64.MakeTable(0x95AC9329AC4BC9B5)
	for k := 1; k < len(t); k++ {
		for b, sum := range t[k-1] {
			t[k][b] = t[0][byte(sum)] ^ sum>>8
		}
	}
	return t
}()

// checksum goes on with the checksum of what came before p.
func checksum(sum uint64, p []byte) uint64 {
	t := &jones
	for ; len(p) >= 8; p = p[8:] {
		x := sum ^ binary.LittleEndian.Uint64(p)
		sum = t[7][byte(x)] ^ t[6][byte(x>>8)] ^ t[5][byte(x>>16)] ^ t[4][byte(x>>24)] ^ t[3][byte(x>>32)] ^ t[2][byte(x>>40)] ^ t[1][byte(x>>48)] ^ t[0][x>>56]
	}
	for _, b := range p {
		sum = t[0][byte(sum)^b] ^ sum>>8
	}
	return sum
}
