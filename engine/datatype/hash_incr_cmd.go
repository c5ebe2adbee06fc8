package datatype

import (
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var hashIncrCommands = []command.Spec{
	{Name: "hincrby", Arity: 4, Flags: incrFlags, Group: command.Hash, Keys: incrKeys, Since: "2.0.0", Args: "key field increment", Complexity: "O(1)",
		Summary: "Adds a number to the integer in a field of a hash.", Run: hincrby},
	{Name: "hincrbyfloat", Arity: 4, Flags: incrFlags, Group: command.Hash, Keys: incrKeys, Since: "2.6.0", Args: "key field increment", Complexity: "O(1)",
		Summary: "Adds a number to the floating-point number in a field of a hash.", Run: hincrbyfloat},
}

func hincrby(c *command.Call) error {
	field := c.Argv[2]
	n, err := command.ParseInt(c.Argv[3])
	if err != nil {
		return err
	}
	h, err := writeHash(c)
	if err != nil {
		return err
	}
	var old int64
	if value, ok := h.Get(field); ok {
		if old, ok = command.IntText(value); !ok {
			return resp.Error("ERR hash value is not an integer")
		}
	}
	sum, ok := plus(old, n)
	if !ok {
		return errOverflow
	}
	existed := h.exists
	var tmp [20]byte
	h.Set(field, strconv.AppendInt(tmp[:0], sum, 10))
	hashChanged(c, existed, "hincrby")
	c.Reply.Int(sum)
	return nil
}

func hincrbyfloat(c *command.Call) error {
	key, field := c.Argv[1], c.Argv[2]
	y, ok := parseLongDouble(c.Argv[3])
	if !ok {
		return resp.ErrNotFloat
	}
	if y.IsInf() {
		return resp.Error("ERR value is NaN or Infinity")
	}
	h, err := writeHash(c)
	if err != nil {
		return err
	}
	x := newExtended()
	if value, found := h.Get(field); found {
		if x, ok = parseLongDouble(value); !ok {
			return resp.Error("ERR hash value is not a float")
		}
	}
	sum, ok := addLongDoubles(x, y)
	if !ok {
		return errNotFinite
	}
	existed := h.exists
	text := appendLongDouble(nil, sum)
	h.Set(field, text)
	hashChanged(c, existed, "hincrbyfloat")
	c.Propagate([]byte("hset"), key, field, text)
	c.Reply.Bulk(text)
	return nil
}
