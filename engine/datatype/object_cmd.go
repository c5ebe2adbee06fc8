package datatype

import (
	"math"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var objectCommands = []command.Spec{
	{Name: "object", Arity: -2, Flags: command.Container, Group: command.Generic, Since: "2.2.3",
		Summary: "A container for commands about how values are kept.", Complexity: "Depends on subcommand.",
		Subcommands: []command.Spec{
			{Name: "encoding", Arity: 3, Flags: command.ReadOnly, Categories: keyspaceCategory, Keys: objectKeys, Since: "2.2.3", Args: "key", Complexity: "O(1)",
				Tips: objectTips, Summary: "Returns how the value at a key is kept in memory.", Run: objectEncoding},
			{Name: "freq", Arity: 3, Flags: command.ReadOnly, Categories: keyspaceCategory, Keys: objectKeys, Since: "4.0.0", Args: "key", Complexity: "O(1)",
				Tips: objectTips, Summary: "Returns the logarithmic counter of how often a key was used.", Run: objectFreq},
			{Name: "help", Arity: 2, Flags: command.Loading | command.Stale | command.NoTurn, Categories: keyspaceCategory, Since: "6.2.0", Complexity: "O(1)",
				Summary: "Lists the subcommands.", Run: objectHelp},
			{Name: "idletime", Arity: 3, Flags: command.ReadOnly, Categories: keyspaceCategory, Keys: objectKeys, Since: "2.2.3", Args: "key", Complexity: "O(1)",
				Tips: objectTips, Summary: "Returns the seconds since a key was used last.", Run: objectIdletime},
			{Name: "refcount", Arity: 3, Flags: command.ReadOnly, Categories: keyspaceCategory, Keys: objectKeys, Since: "2.2.3", Args: "key", Complexity: "O(1)",
				Tips: objectTips, Summary: "Returns the number of references to the value at a key.", Run: objectRefcount},
		}},
}

var (
	objectKeys = command.KeyAt(2, command.RO)
	objectTips = []string{"nondeterministic_output"}
)

const (
	errNotLFU resp.Error = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. " +
		"Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
	errLFU resp.Error = "ERR An LFU maxmemory policy is selected, idle time not tracked. " +
		"Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
)

// object calls fn with the value at the call's key, or answers null. A missing key is a miss without an event, as in Redis.
func object(c *command.Call, fn func(key []byte, v keyspace.Value) error) error {
	key := c.Argv[2]
	v, found := c.DB.Peek(key)
	if !found {
		c.DB.Misses++
		c.Reply.Null()
		return nil
	}
	c.DB.Hits++
	return fn(key, v)
}

func objectEncoding(c *command.Call) error {
	return object(c, func(_ []byte, v keyspace.Value) error {
		c.Reply.BulkString(v.Encoding.String())
		return nil
	})
}

func objectFreq(c *command.Call) error {
	return object(c, func(key []byte, _ keyspace.Value) error {
		if !c.DB.Limits.LFU {
			return errNotLFU
		}
		n, _ := c.DB.Frequency(key)
		c.Reply.Int(int64(n))
		return nil
	})
}

func objectIdletime(c *command.Call) error {
	return object(c, func(key []byte, _ keyspace.Value) error {
		if c.DB.Limits.LFU {
			return errLFU
		}
		n, _ := c.DB.IdleSeconds(key)
		c.Reply.Int(n)
		return nil
	})
}

// Redis shares the integers from 0 to sharedIntegers-1 among all keys, and shows that as a count of math.MaxInt32.
const sharedIntegers = 10000

func objectRefcount(c *command.Call) error {
	return object(c, func(_ []byte, v keyspace.Value) error {
		n := int64(1)
		if v.Encoding == keyspace.EncInt && v.Type == keyspace.String {
			if i, ok := command.IntText(v.Bytes); ok && 0 <= i && i < sharedIntegers {
				n = math.MaxInt32
			}
		}
		c.Reply.Int(n)
		return nil
	})
}

func objectHelp(c *command.Call) error {
	c.Reply.Help("OBJECT",
		"ENCODING <key>",
		"    Return the kind of internal representation used in order to store the value",
		"    associated with a <key>.",
		"FREQ <key>",
		"    Return the access frequency index of the <key>. The returned integer is",
		"    proportional to the logarithm of the recent access frequency of the key.",
		"IDLETIME <key>",
		"    Return the idle time of the <key>, that is the approximated number of",
		"    seconds elapsed since the last access to the key.",
		"REFCOUNT <key>",
		"    Return the number of references of the value associated with the specified",
		"    <key>.",
	)
	return nil
}
