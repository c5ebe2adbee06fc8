package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var stringCommands = []command.Spec{
	{Name: "append", Arity: 3, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.String,
		Keys: command.KeyAt(1, command.RW|command.Insert), Since: "2.0.0", Args: "key value", Complexity: "O(1) amortized",
		Summary: "Appends to the string at a key, which is made if it does not exist.", Run: appendTo},
	{Name: "get", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.String,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "1.0.0", Args: "key", Complexity: "O(1)",
		Summary: "Returns the string at a key.", Run: get},
	{Name: "getdel", Arity: 2, Flags: command.Write | command.Fast, Group: command.String,
		Keys: command.KeyAt(1, command.RW|command.Access|command.Delete), Since: "6.2.0", Args: "key", Complexity: "O(1)",
		Summary: "Returns the string at a key and deletes the key.", Run: getdel},
	{Name: "getrange", Arity: 4, Flags: command.ReadOnly, Group: command.String,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.4.0", Args: "key start end", Complexity: "O(N) where N is the length of the result",
		Summary: "Returns a part of the string at a key.", Run: getrange},
	{Name: "getset", Arity: 3, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.String,
		Keys: command.KeyAt(1, command.RW|command.Access|command.Update), Since: "1.0.0", Args: "key value", Complexity: "O(1)",
		Summary: "Sets the string at a key and returns the one before.", Run: getset},
	{Name: "setrange", Arity: 4, Flags: command.Write | command.DenyOOM, Group: command.String,
		Keys: command.KeyAt(1, command.RW|command.Update), Since: "2.2.0", Args: "key offset value", Complexity: "O(N) where N is the number of bytes written",
		Summary: "Overwrites a part of the string at a key from an offset on, with zero bytes up to it if need be.", Run: setrange},
	{Name: "strlen", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.String,
		Keys: command.KeyAt(1, command.RO), Since: "2.2.0", Args: "key", Complexity: "O(1)",
		Summary: "Returns the length of the string at a key in bytes.", Run: strlen},
	{Name: "substr", Arity: 4, Flags: command.ReadOnly, Group: command.String,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "1.0.0", Args: "key start end", Complexity: "O(N) where N is the length of the result",
		Summary: "Returns a part of the string at a key: GETRANGE under its old name.", Run: getrange},
}

func get(c *command.Call) error {
	_, err := replyString(c)
	return err
}

// replyString answers the string at the call's key, null if there is none, and says whether there is one.
func replyString(c *command.Call) (bool, error) {
	v, ok, err := read(c, c.Argv[1], keyspace.String)
	if err != nil {
		return ok, err
	}
	if ok {
		c.Reply.Bulk(v.Bytes)
	} else {
		c.Reply.Null()
	}
	return ok, nil
}

func getdel(c *command.Call) error {
	key := c.Argv[1]
	found, err := replyString(c)
	if err != nil || !found {
		return err
	}
	c.DB.Delete(key)
	c.Changed(key, 'g', "del")
	c.Propagate([]byte("del"), key)
	return nil
}

func getset(c *command.Call) error {
	key, value := c.Argv[1], c.Argv[2]
	found, err := replyString(c)
	if err != nil {
		return err
	}
	setString(c, key, value, false)
	if !found {
		added(c, key)
	}
	c.Changed(key, '$', "set")
	return nil
}

func strlen(c *command.Call) error {
	v, _, err := read(c, c.Argv[1], keyspace.String)
	if err != nil {
		return err
	}
	c.Reply.Int(int64(len(v.Bytes)))
	return nil
}

func getrange(c *command.Call) error {
	a := c.Args(2)
	start, err := a.Int()
	if err != nil {
		return err
	}
	end, err := a.Int()
	if err != nil {
		return err
	}
	v, _, err := read(c, c.Argv[1], keyspace.String)
	if err != nil {
		return err
	}
	c.Reply.Bulk(substring(v.Bytes, start, end))
	return nil
}

func appendTo(c *command.Call) error {
	key, tail := c.Argv[1], c.Argv[2]
	v, found, err := write(c, key, keyspace.String)
	if err != nil {
		return err
	}
	n := len(v.Bytes)
	if found {
		if err := checkLength(n, len(tail)); err != nil {
			return err
		}
		copy(c.DB.Resize(key, n+len(tail), keyspace.EncRaw)[n:], tail)
	} else {
		setString(c, key, tail, false)
		added(c, key)
	}
	c.Changed(key, '$', "append")
	c.Reply.Int(int64(n + len(tail)))
	return nil
}

const errOffset resp.Error = "ERR offset is out of range"

func setrange(c *command.Call) error {
	key, part := c.Argv[1], c.Argv[3]
	a := c.Args(2)
	offset, err := a.Int()
	if err != nil {
		return err
	}
	if offset < 0 {
		return errOffset
	}
	v, found, err := write(c, key, keyspace.String)
	if err != nil {
		return err
	}
	n := len(v.Bytes)
	if len(part) == 0 { // nothing to write makes no key and no zero bytes
		c.Reply.Int(int64(n))
		return nil
	}
	if offset > int64(maxString-len(part)) {
		return resp.ErrTooBig
	}
	end := int(offset) + len(part)
	if !found {
		c.DB.Set(key, keyspace.String, keyspace.EncRaw, nil, false)
		added(c, key)
	}
	n = max(n, end)
	copy(c.DB.Resize(key, n, keyspace.EncRaw)[offset:], part)
	c.Changed(key, '$', "setrange")
	c.Reply.Int(int64(n))
	return nil
}
