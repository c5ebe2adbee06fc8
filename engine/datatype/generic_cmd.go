package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var genericCommands = []command.Spec{
	{Name: "del", Arity: -2, Flags: command.Write, Group: command.Generic, Categories: keyspaceCategory,
		Keys: command.KeysFrom(1, 1, command.RM|command.Delete), Since: "1.0.0", Args: "key [key ...]", Complexity: "O(N) where N is the number of keys and of elements of their collections",
		Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"}, Summary: "Deletes keys.", Run: del},
	{Name: "unlink", Arity: -2, Flags: command.Write | command.Fast, Group: command.Generic, Categories: keyspaceCategory,
		Keys: command.KeysFrom(1, 1, command.RM|command.Delete), Since: "4.0.0", Args: "key [key ...]", Complexity: "O(N) where N is the number of keys and of elements of their collections",
		Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"}, Summary: "Deletes keys.", Run: del},
	{Name: "exists", Arity: -2, Flags: command.ReadOnly | command.Fast, Group: command.Generic, Categories: keyspaceCategory,
		Keys: command.KeysFrom(1, 1, command.RO), Since: "1.0.0", Args: "key [key ...]", Complexity: "O(N) where N is the number of keys",
		Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"}, Summary: "Counts those of the keys that exist, each as often as it is given.", Run: exists},
	{Name: "touch", Arity: -2, Flags: command.ReadOnly | command.Fast, Group: command.Generic, Categories: keyspaceCategory,
		Keys: command.KeysFrom(1, 1, command.RO), Since: "3.2.1", Args: "key [key ...]", Complexity: "O(N) where N is the number of keys",
		Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"}, Summary: "Counts those of the keys that exist and marks them as used.", Run: touch},
	{Name: "type", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.Generic, Categories: keyspaceCategory,
		Keys: command.KeyAt(1, command.RO), Since: "1.0.0", Args: "key", Complexity: "O(1)", Summary: "Returns the data type of the value at a key.", Run: typeOf},
	{Name: "move", Arity: 3, Flags: command.Write | command.Fast, Group: command.Generic, Categories: keyspaceCategory,
		Keys: command.KeyAt(1, command.RW|command.Access|command.Update), Since: "1.0.0", Args: "key db", Complexity: "O(1)",
		Summary: "Refused: a cluster has one database.", Run: move},
	{Name: "swapdb", Arity: 3, Flags: command.Write | command.Fast, Group: command.Server, Categories: []string{"keyspace", "dangerous"},
		Since: "4.0.0", Args: "index1 index2", Complexity: "O(1)", Summary: "Refused: a cluster has one database.", Run: swapdb},
}

func del(c *command.Call) error {
	n := int64(0)
	for _, key := range c.Argv[1:] {
		if !c.DB.Exists(key) { // also finds out that it is expired, which is not this command's delete
			continue
		}
		c.DB.Delete(key)
		c.Changed(key, 'g', "del")
		n++
	}
	c.Reply.Int(n)
	return nil
}

func exists(c *command.Call) error {
	n := int64(0)
	for _, key := range c.Argv[1:] {
		if _, found := peek(c, key); found {
			n++
		}
	}
	c.Reply.Int(n)
	return nil
}

func touch(c *command.Call) error {
	n := int64(0)
	for _, key := range c.Argv[1:] {
		if _, found := c.DB.LookupRead(key); found {
			n++
		} else {
			c.Event('m', "keymiss", key)
		}
	}
	c.Reply.Int(n)
	return nil
}

func typeOf(c *command.Call) error {
	v, _ := peek(c, c.Argv[1]) // of no value the type is none
	c.Reply.Simple(v.Type.String())
	return nil
}

func move(*command.Call) error { return resp.Error("ERR MOVE is not allowed in cluster mode") }

func swapdb(*command.Call) error { return resp.Error("ERR SWAPDB is not allowed in cluster mode") }
