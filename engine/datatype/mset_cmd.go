package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
)

var multiCommands = []command.Spec{
	{Name: "mget", Arity: -2, Flags: command.ReadOnly | command.Fast, Group: command.String,
		Keys: command.KeysFrom(1, 1, command.RO|command.Access), Since: "1.0.0", Args: "key [key ...]", Complexity: "O(N) where N is the number of keys",
		Tips: []string{"request_policy:multi_shard"}, Summary: "Returns the strings at several keys.", Run: mget},
	{Name: "mset", Arity: -3, Flags: command.Write | command.DenyOOM, Group: command.String,
		Keys: command.KeysFrom(1, 2, command.OW|command.Update), Since: "1.0.1", Args: "key value [key value ...]", Complexity: "O(N) where N is the number of keys",
		Tips: []string{"request_policy:multi_shard", "response_policy:all_succeeded"}, Summary: "Sets the strings at several keys.", Run: mset},
	{Name: "msetnx", Arity: -3, Flags: command.Write | command.DenyOOM, Group: command.String,
		Keys: command.KeysFrom(1, 2, command.OW|command.Insert), Since: "1.0.1", Args: "key value [key value ...]", Complexity: "O(N) where N is the number of keys",
		Tips: []string{"request_policy:multi_shard", "response_policy:agg_min"}, Summary: "Sets the strings at several keys if none of them exists.", Run: msetnx},
}

func mget(c *command.Call) error {
	c.Reply.Array(len(c.Argv) - 1)
	for _, key := range c.Argv[1:] {
		if v, ok, err := read(c, key, keyspace.String); ok && err == nil { // another type reads as null
			c.Reply.Bulk(v.Bytes)
		} else {
			c.Reply.Null()
		}
	}
	return nil
}

func mset(c *command.Call) error {
	if len(c.Argv)%2 == 0 {
		return wrongArity(c)
	}
	setPairs(c)
	c.Reply.OK()
	return nil
}

func msetnx(c *command.Call) error {
	if len(c.Argv)%2 == 0 {
		return wrongArity(c)
	}
	for i := 1; i < len(c.Argv); i += 2 {
		if _, found := c.DB.LookupWrite(c.Argv[i]); found {
			c.Reply.Int(0)
			return nil
		}
	}
	setPairs(c)
	c.Reply.Int(1)
	return nil
}

func setPairs(c *command.Call) {
	for i := 1; i < len(c.Argv); i += 2 {
		key := c.Argv[i]
		_, found := c.DB.LookupWrite(key)
		setString(c, key, c.Argv[i+1], false)
		if !found {
			added(c, key)
		}
		c.Changed(key, '$', "set")
	}
}
