// Package datatype holds the Redis data types and their commands.
//
// A type is a file of its form in memory (hash.go) and files of its commands (hash_cmd.go): each command is a row of the command table beside its handler.
// Handlers take their steps in one order: arguments, lookup, change, reply. Strings are the keyspace's own bytes. A collection is packed bytes while it is small, and a
// keyspace.Object from the thresholds of keyspace.Limits on.
//
// The package knows no clock, chance, socket or disk: all that comes in the command.Call. Behaviour, texts and order of checks are those of redis-server 7.0.15 in cluster mode.
package datatype

import (
	"slices"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// Commands are the rows of all data types and of the commands for keys of any type.
func Commands() []command.Spec {
	return slices.Concat(
		stringCommands, setCommands, multiCommands, incrCommands, lcsCommands,
		bitmapCommands, bitfieldCommands, hyperLogLogCommands, hyperLogLogDebugCommands,
		hashCommands, hashIncrCommands, hashScanCommands,
		setsCommands, setsCombineCommands, setsRandomCommands,
		listCommands, listPopCommands, listPosCommands,
		zsetCommands, zsetRangeCommands, zsetCombineCommands, zsetPopCommands, zsetRandomCommands,
		geoCommands, geoSearchCommands,
		streamCommands, streamReadCommands, streamGroupCommands, streamClaimCommands, streamInfoCommands,
		genericCommands, renameCommands, expireCommands, ttlCommands, sortCommands, scanCommands, objectCommands, flushCommands,
	)
}

// PackedDigest is the checksum of a packed collection for keyspace.Config: the one that the Object of the same content has.
func PackedDigest(t keyspace.Type, packed []byte) uint64 {
	switch t {
	case keyspace.Hash:
		return packedHash(packed).digest()
	case keyspace.List:
		var sum listDigest
		sum.addPack(packed)
		return sum.sum
	case keyspace.Set:
		return intsetDigest(packed)
	case keyspace.ZSet:
		return packedZSet(packed).digest()
	default:
		panic("datatype: no packed form of type " + t.String())
	}
}

// read is the value of a key for a command that only reads it, or ErrWrongType.
func read(c *command.Call, key []byte, t keyspace.Type) (keyspace.Value, bool, error) {
	v, ok := c.DB.LookupRead(key)
	if !ok {
		c.Event('m', "keymiss", key)
		return v, false, nil
	}
	if v.Type != t {
		return v, true, resp.ErrWrongType
	}
	return v, true, nil
}

// write is the value of a key for a command that may change it, or ErrWrongType.
func write(c *command.Call, key []byte, t keyspace.Type) (keyspace.Value, bool, error) {
	v, ok := c.DB.LookupWrite(key)
	if ok && v.Type != t {
		return v, true, resp.ErrWrongType
	}
	return v, ok, nil
}

// peek is the value of a key for a command that asks about it without using it (TYPE, TTL, OBJECT): it counts as keyspace hit or miss, not as use.
func peek(c *command.Call, key []byte) (keyspace.Value, bool) {
	v, ok := c.DB.Peek(key)
	if ok {
		c.DB.Hits++
	} else {
		c.DB.Misses++
		c.Event('m', "keymiss", key)
	}
	return v, ok
}

// added sends the event of a key that did not exist before.
func added(c *command.Call, key []byte) { c.Event('n', "new", key) }

// wrongArity is the error of a command that counts its words itself.
func wrongArity(c *command.Call) error {
	return resp.Errorf("ERR wrong number of arguments for '%s' command", c.Spec.FullName)
}

// errBetween is the error of an integer outside of what a command takes.
func errBetween(low, high int64) error {
	return resp.Errorf("ERR value is out of range, value must between %d and %d", low, high)
}

// errOverflow is the answer to an increment whose result is no signed 64-bit integer.
const errOverflow resp.Error = "ERR increment or decrement would overflow"

// plus adds with a check for overflow.
func plus(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}
