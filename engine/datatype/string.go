package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// maxString is proto-max-bulk-len, the longest string in bytes. MemoryDB does not let it be changed.
const maxString = 512 << 20

// embstrMax is the longest string that Redis keeps together with its header.
const embstrMax = 44

// encodingOf is the encoding of a string that is stored as a whole: int if it is the text of a signed 64-bit integer.
func encodingOf(value []byte) keyspace.Encoding {
	if _, ok := command.IntText(value); ok {
		return keyspace.EncInt
	}
	return plainEncoding(value)
}

// plainEncoding is the encoding of a string that was not checked for being an integer.
func plainEncoding(value []byte) keyspace.Encoding {
	if len(value) <= embstrMax {
		return keyspace.EncEmbstr
	}
	return keyspace.EncRaw
}

// setString makes value the string at key.
func setString(c *command.Call, key, value []byte, keepTTL bool) {
	c.DB.Set(key, keyspace.String, encodingOf(value), value, keepTTL)
}

// checkLength refuses a string of old bytes to which some are added if it would be too long.
func checkLength(old, add int) error {
	if old > maxString-add {
		return resp.ErrTooBig
	}
	return nil
}

// substring is the part of s from start to end, both included, negative ones counted from the end.
func substring(s []byte, start, end int64) []byte {
	n := int64(len(s))
	if start < 0 && end < 0 && start > end {
		return nil
	}
	start, end = fromEnd(start, n), min(fromEnd(end, n), n-1)
	if start > end {
		return nil
	}
	return s[start : end+1]
}

// fromEnd is index i of n elements; a negative one counts from the end, and is 0 if it lies before the beginning.
func fromEnd(i, n int64) int64 {
	if i < 0 {
		i = max(i+n, 0)
	}
	return i
}
