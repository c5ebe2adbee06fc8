package rdb

import (
	"encoding/binary"
	"strconv"
)

// The packed forms of Redis before 7.0. Ziplists: a header of ten bytes (size, offset of the last entry, number of entries; little-endian), entries that begin
// with the length of the one before, and 0xff. Zipmaps: a byte, fields and values with their lengths, and 0xff.

const (
	ziplistHeader = 10
	packEnd       = 0xff
	manyEntries   = 65535 // in a ziplist's header: they must be counted
)

// eachZiplist checks a ziplist wholly and calls fn for the text of each entry, which is valid during that call.
func eachZiplist(p []byte, fn func(text []byte) error) error {
	if len(p) <= ziplistHeader || int64(binary.LittleEndian.Uint32(p)) != int64(len(p)) || p[len(p)-1] != packEnd {
		return damaged("a ziplist of %d bytes with a wrong header or end", len(p))
	}
	var room [20]byte
	last, tail, n := len(p)-1, ziplistHeader, 0
	for at, before := ziplistHeader, 0; at < last; n++ {
		text, size, ok := ziplistEntry(p[at:last], before, room[:0])
		if !ok {
			return damaged("entry of a ziplist at offset %d", at)
		}
		if err := fn(text); err != nil {
			return err
		}
		tail = at
		before = size
		at += size
	}
	if int64(binary.LittleEndian.Uint32(p[4:])) != int64(tail) {
		return damaged("a ziplist's last entry is elsewhere than its header says")
	}
	if count := int(binary.LittleEndian.Uint16(p[8:])); count != manyEntries && count != n {
		return damaged("a ziplist has %d entries, its header says %d", n, count)
	}
	return nil
}

// ziplistEntry reads the entry at the beginning of p, before which one of before bytes lies. Integers become text in room.
func ziplistEntry(p []byte, before int, room []byte) (text []byte, size int, ok bool) {
	at := 1
	prev := int64(p[0])
	if prev >= 254 {
		if prev == packEnd || len(p) < 5 {
			return nil, 0, false
		}
		prev, at = int64(binary.LittleEndian.Uint32(p[1:])), 5
	}
	if prev != int64(before) || at >= len(p) {
		return nil, 0, false
	}
	c := p[at]
	at++
	rest := p[at:]
	if c < 0xc0 {
		n, head := int64(c&0x3f), 0
		switch c >> 6 {
		case 1:
			if len(rest) < 1 {
				return nil, 0, false
			}
			n, head = n<<8|int64(rest[0]), 1
		case 2:
			if len(rest) < 4 || c != 0x80 {
				return nil, 0, false
			}
			n, head = int64(binary.BigEndian.Uint32(rest)), 4
		}
		if n > int64(len(rest)-head) {
			return nil, 0, false
		}
		return rest[head : head+int(n)], at + head + int(n), true
	}
	v, n, ok := ziplistInt(c, rest)
	return strconv.AppendInt(room, v, 10), at + n, ok
}

// ziplistInt is an integer with encoding c, and the number of bytes of p that it takes.
func ziplistInt(c byte, p []byte) (v int64, n int, ok bool) {
	switch c {
	case 0xfe:
		n = 1
	case 0xc0:
		n = 2
	case 0xf0:
		n = 3
	case 0xd0:
		n = 4
	case 0xe0:
		n = 8
	default: // the integer itself
		return int64(c&0x0f) - 1, 0, c >= 0xf1 && c <= 0xfd
	}
	if len(p) < n {
		return 0, 0, false
	}
	var b [8]byte
	copy(b[8-n:], p[:n])
	return int64(binary.LittleEndian.Uint64(b[:])) >> (64 - 8*n), n, true
}

// eachZipmap checks a zipmap wholly and calls fn for each field.
func eachZipmap(p []byte, fn func(field, value []byte) error) error {
	if len(p) < 2 || p[len(p)-1] != packEnd {
		return damaged("a zipmap of %d bytes without an end", len(p))
	}
	count, n := int(p[0]), 0
	rest := p[1 : len(p)-1]
	for len(rest) > 0 {
		var field, value []byte
		var ok bool
		if field, rest, ok = zipmapText(rest, false); ok {
			value, rest, ok = zipmapText(rest, true)
		}
		if !ok {
			return damaged("field %d of a zipmap", n)
		}
		if err := fn(field, value); err != nil {
			return err
		}
		n++
	}
	if count < 254 && count != n {
		return damaged("a zipmap has %d fields, its header says %d", n, count)
	}
	return nil
}

// zipmapText reads a field, or a value behind which unused bytes may be.
func zipmapText(p []byte, value bool) (text, rest []byte, ok bool) {
	if len(p) == 0 || p[0] == packEnd {
		return nil, nil, false
	}
	n, at := int64(p[0]), 1
	if n == 254 {
		if len(p) < 5 {
			return nil, nil, false
		}
		n, at = int64(binary.LittleEndian.Uint32(p[1:])), 5
	}
	unused := int64(0)
	if value {
		if at >= len(p) {
			return nil, nil, false
		}
		unused = int64(p[at])
		at++
	}
	if n+unused > int64(len(p)-at) {
		return nil, nil, false
	}
	end := at + int(n)
	return p[at:end], p[end+int(unused):], true
}
