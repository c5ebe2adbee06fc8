package rdb_test

import (
	"encoding/binary"
	"hash/crc64"
	"strings"
)

// build makes files by the format's description alone, without the package's writer. blob, in old_test.go, writes a string.
type build struct{ b []byte }

func newBuild(version string) *build { return &build{[]byte("REDIS" + version)} }

func (f *build) raw(parts ...string) *build {
	f.b = append(f.b, strings.Join(parts, "")...)
	return f
}

func (f *build) aux(name, value string) *build { return f.raw("\xfa", blob(name), blob(value)) }

// key adds a key with a value, which begins with its kind; before are the parts about it that come first.
func (f *build) key(before, key, value string) *build {
	return f.raw(before, value[:1], blob(key), value[1:])
}

func (f *build) expireMS(at int64) string {
	return "\xfc" + string(binary.LittleEndian.AppendUint64(nil, uint64(at)))
}

func (f *build) expire(at int32) string {
	return "\xfd" + string(binary.LittleEndian.AppendUint32(nil, uint32(at)))
}

// end is the whole file, with a checksum or without.
func (f *build) end(sum bool) []byte {
	f.raw("\xff")
	var n uint64
	if sum {
		n = ^crc64.Update(^uint64(0), jones, f.b)
	}
	return binary.LittleEndian.AppendUint64(f.b, n)
}

// pack is a listpack of short texts, each with its length in one byte.
func pack(texts ...string) string {
	entries := ""
	for _, s := range texts {
		entries += string([]byte{0x80 | byte(len(s))}) + s + string([]byte{byte(len(s) + 1)})
	}
	h := binary.LittleEndian.AppendUint32(nil, uint32(6+len(entries)+1))
	return string(binary.LittleEndian.AppendUint16(h, uint16(len(texts)))) + entries + "\xff"
}
