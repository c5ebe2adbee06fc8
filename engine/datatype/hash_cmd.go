package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
)

var hashCommands = []command.Spec{
	{Name: "hdel", Arity: -3, Flags: command.Write | command.Fast, Group: command.Hash,
		Keys: command.KeyAt(1, command.RW|command.Delete), Since: "2.0.0", Args: "key field [field ...]", Complexity: "O(N) where N is the number of fields given",
		Summary: "Deletes fields of a hash, with the last one its key.", Run: hdel},
	{Name: "hexists", Arity: 3, Flags: command.ReadOnly | command.Fast, Group: command.Hash,
		Keys: command.KeyAt(1, command.RO), Since: "2.0.0", Args: "key field", Complexity: "O(1)", Summary: "Says whether a hash has a field.", Run: hexists},
	{Name: "hget", Arity: 3, Flags: command.ReadOnly | command.Fast, Group: command.Hash,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.0.0", Args: "key field", Complexity: "O(1)", Summary: "Returns the value of a field of a hash.", Run: hget},
	{Name: "hgetall", Arity: 2, Flags: command.ReadOnly, Group: command.Hash, Tips: anyOrder,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.0.0", Args: "key", Complexity: "O(N) where N is the size of the hash",
		Summary: "Returns all fields and values of a hash.", Run: hgetall},
	{Name: "hkeys", Arity: 2, Flags: command.ReadOnly, Group: command.Hash, Tips: anyOrder,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.0.0", Args: "key", Complexity: "O(N) where N is the size of the hash",
		Summary: "Returns all fields of a hash.", Run: hkeys},
	{Name: "hlen", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.Hash,
		Keys: command.KeyAt(1, command.RO), Since: "2.0.0", Args: "key", Complexity: "O(1)", Summary: "Returns the number of fields of a hash.", Run: hlen},
	{Name: "hmget", Arity: -3, Flags: command.ReadOnly | command.Fast, Group: command.Hash,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.0.0", Args: "key field [field ...]", Complexity: "O(N) where N is the number of fields given",
		Summary: "Returns the values of fields of a hash.", Run: hmget},
	{Name: "hmset", Arity: -4, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.Hash,
		Keys: command.KeyAt(1, command.RW|command.Update), Since: "2.0.0", Args: "key field value [field value ...]", Complexity: "O(N) where N is the number of fields given",
		Summary: "Sets fields of a hash: HSET with another answer.", Run: hmset},
	{Name: "hset", Arity: -4, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.Hash,
		Keys: command.KeyAt(1, command.RW|command.Update), Since: "2.0.0", Args: "key field value [field value ...]", Complexity: "O(N) where N is the number of fields given",
		Summary: "Sets fields of a hash.", Run: hset},
	{Name: "hsetnx", Arity: 4, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.Hash,
		Keys: command.KeyAt(1, command.RW|command.Insert), Since: "2.0.0", Args: "key field value", Complexity: "O(1)",
		Summary: "Sets a field of a hash that does not have it.", Run: hsetnx},
	{Name: "hstrlen", Arity: 3, Flags: command.ReadOnly | command.Fast, Group: command.Hash,
		Keys: command.KeyAt(1, command.RO), Since: "3.2.0", Args: "key field", Complexity: "O(1)",
		Summary: "Returns the length of the value of a field of a hash in bytes.", Run: hstrlen},
	{Name: "hvals", Arity: 2, Flags: command.ReadOnly, Group: command.Hash, Tips: anyOrder,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.0.0", Args: "key", Complexity: "O(N) where N is the size of the hash",
		Summary: "Returns all values of a hash.", Run: hvals},
}

var anyOrder = []string{"nondeterministic_output_order"}

// readHash is the hash at the call's key for a command that reads it, an empty one if there is no key.
func readHash(c *command.Call) (Hash, error) {
	v, found, err := read(c, c.Argv[1], keyspace.Hash)
	if err != nil {
		return Hash{}, err
	}
	return OpenHash(c.DB, c.Argv[1], v, found), nil
}

// writeHash is readHash for a command that may change it.
func writeHash(c *command.Call) (Hash, error) {
	v, found, err := write(c, c.Argv[1], keyspace.Hash)
	if err != nil {
		return Hash{}, err
	}
	return OpenHash(c.DB, c.Argv[1], v, found), nil
}

// hashChanged tells that a hash which existed before or didn't has changed.
func hashChanged(c *command.Call, existed bool, event string) {
	if !existed {
		added(c, c.Argv[1])
	}
	c.Changed(c.Argv[1], 'h', event)
}

func hset(c *command.Call) error {
	n, err := setFields(c)
	if err == nil {
		c.Reply.Int(n)
	}
	return err
}

func hmset(c *command.Call) error {
	_, err := setFields(c)
	if err == nil {
		c.Reply.OK()
	}
	return err
}

// setFields sets the fields that are the call's words from the third on, and counts the new ones.
func setFields(c *command.Call) (n int64, err error) {
	if len(c.Argv)%2 == 1 {
		return 0, wrongArity(c)
	}
	h, err := writeHash(c)
	if err != nil {
		return 0, err
	}
	existed := h.exists
	for i := 2; i < len(c.Argv); i += 2 {
		if h.Set(c.Argv[i], c.Argv[i+1]) {
			n++
		}
	}
	hashChanged(c, existed, "hset")
	return n, nil
}

func hsetnx(c *command.Call) error {
	h, err := writeHash(c)
	if err != nil {
		return err
	}
	if _, found := h.Get(c.Argv[2]); found {
		c.Reply.Int(0)
		return nil
	}
	existed := h.exists
	h.Set(c.Argv[2], c.Argv[3])
	hashChanged(c, existed, "hset")
	c.Reply.Int(1)
	return nil
}

func hdel(c *command.Call) error {
	h, err := writeHash(c)
	if err != nil {
		return err
	}
	n := int64(0)
	for _, field := range c.Argv[2:] {
		if !h.exists {
			break
		}
		if h.Delete(field) {
			n++
		}
	}
	if n > 0 {
		c.Changed(c.Argv[1], 'h', "hdel")
		if !h.exists {
			c.Event('g', "del", c.Argv[1])
		}
	}
	c.Reply.Int(n)
	return nil
}

func hget(c *command.Call) error {
	h, err := readHash(c)
	if err != nil {
		return err
	}
	replyField(c, &h, c.Argv[2])
	return nil
}

// replyField answers the value of a field, or null.
func replyField(c *command.Call, h *Hash, field []byte) {
	if value, ok := h.Get(field); ok {
		c.Reply.Bulk(value)
	} else {
		c.Reply.Null()
	}
}

func hmget(c *command.Call) error {
	h, err := readHash(c)
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Argv) - 2)
	for _, field := range c.Argv[2:] {
		replyField(c, &h, field)
	}
	return nil
}

func hexists(c *command.Call) error {
	h, err := readHash(c)
	if err != nil {
		return err
	}
	n := int64(0)
	if _, ok := h.Get(c.Argv[2]); ok {
		n = 1
	}
	c.Reply.Int(n)
	return nil
}

func hlen(c *command.Call) error {
	h, err := readHash(c)
	if err != nil {
		return err
	}
	c.Reply.Int(int64(h.Len()))
	return nil
}

func hstrlen(c *command.Call) error {
	h, err := readHash(c)
	if err != nil {
		return err
	}
	value, _ := h.Get(c.Argv[2])
	c.Reply.Int(int64(len(value)))
	return nil
}

func hgetall(c *command.Call) error {
	h, err := readHash(c)
	if err != nil {
		return err
	}
	c.Reply.Map(h.Len())
	h.Each(func(field, value []byte) bool {
		c.Reply.Bulk(field)
		c.Reply.Bulk(value)
		return true
	})
	return nil
}

func hkeys(c *command.Call) error {
	h, err := readHash(c)
	if err != nil {
		return err
	}
	c.Reply.Array(h.Len())
	h.Each(func(field, _ []byte) bool {
		c.Reply.Bulk(field)
		return true
	})
	return nil
}

func hvals(c *command.Call) error {
	h, err := readHash(c)
	if err != nil {
		return err
	}
	c.Reply.Array(h.Len())
	h.Each(func(_, value []byte) bool {
		c.Reply.Bulk(value)
		return true
	})
	return nil
}
