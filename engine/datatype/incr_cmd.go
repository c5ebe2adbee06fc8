package datatype

import (
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var incrCommands = []command.Spec{
	{Name: "decr", Arity: 2, Flags: incrFlags, Group: command.String, Keys: incrKeys, Since: "1.0.0", Args: "key", Complexity: "O(1)",
		Summary: "Subtracts one from the integer at a key.", Run: decr},
	{Name: "decrby", Arity: 3, Flags: incrFlags, Group: command.String, Keys: incrKeys, Since: "1.0.0", Args: "key decrement", Complexity: "O(1)",
		Summary: "Subtracts a number from the integer at a key.", Run: decrby},
	{Name: "incr", Arity: 2, Flags: incrFlags, Group: command.String, Keys: incrKeys, Since: "1.0.0", Args: "key", Complexity: "O(1)",
		Summary: "Adds one to the integer at a key.", Run: incr},
	{Name: "incrby", Arity: 3, Flags: incrFlags, Group: command.String, Keys: incrKeys, Since: "1.0.0", Args: "key increment", Complexity: "O(1)",
		Summary: "Adds a number to the integer at a key.", Run: incrby},
	{Name: "incrbyfloat", Arity: 3, Flags: incrFlags, Group: command.String, Keys: incrKeys, Since: "2.6.0", Args: "key increment", Complexity: "O(1)",
		Summary: "Adds a number to the floating-point number at a key.", Run: incrbyfloat},
}

const incrFlags = command.Write | command.DenyOOM | command.Fast

var incrKeys = command.KeyAt(1, command.RW|command.Access|command.Update)

func incr(c *command.Call) error { return addInt(c, 1) }

func decr(c *command.Call) error { return addInt(c, -1) }

func incrby(c *command.Call) error {
	n, err := command.ParseInt(c.Argv[2])
	if err != nil {
		return err
	}
	return addInt(c, n)
}

func decrby(c *command.Call) error {
	n, err := command.ParseInt(c.Argv[2])
	if err != nil {
		return err
	}
	if n == math.MinInt64 {
		return resp.Error("ERR decrement would overflow")
	}
	return addInt(c, -n)
}

// addInt adds n to the integer at the call's key, 0 if there is none.
func addInt(c *command.Call, n int64) error {
	key := c.Argv[1]
	v, found, err := write(c, key, keyspace.String)
	if err != nil {
		return err
	}
	var old int64
	if found {
		if old, err = command.ParseInt(v.Bytes); err != nil {
			return err
		}
	}
	sum, ok := plus(old, n)
	if !ok {
		return errOverflow
	}
	var tmp [20]byte
	text := strconv.AppendInt(tmp[:0], sum, 10)
	if found {
		copy(c.DB.Resize(key, len(text), keyspace.EncInt), text)
	} else {
		c.DB.Set(key, keyspace.String, keyspace.EncInt, text, false)
		added(c, key)
	}
	c.Changed(key, '$', "incrby")
	c.Reply.Int(sum)
	return nil
}

func incrbyfloat(c *command.Call) error {
	key := c.Argv[1]
	v, found, err := write(c, key, keyspace.String)
	if err != nil {
		return err
	}
	old := []byte("0")
	if found {
		old = v.Bytes
	}
	x, ok := parseLongDouble(old)
	if !ok {
		return resp.ErrNotFloat
	}
	y, ok := parseLongDouble(c.Argv[2])
	if !ok {
		return resp.ErrNotFloat
	}
	sum, ok := addLongDoubles(x, y)
	if !ok {
		return errNotFinite
	}
	text := appendLongDouble(nil, sum)
	c.DB.Set(key, keyspace.String, plainEncoding(text), text, true)
	if !found {
		added(c, key)
	}
	c.Changed(key, '$', "incrbyfloat")
	c.Propagate([]byte("set"), key, text, []byte("KEEPTTL"))
	c.Reply.Bulk(text)
	return nil
}
