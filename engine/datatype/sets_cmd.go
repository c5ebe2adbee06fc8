package datatype

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var setsCommands = []command.Spec{
	{Name: "sadd", Arity: -3, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.Set,
		Keys: command.KeyAt(1, command.RW|command.Insert), Since: "1.0.0", Args: "key member [member ...]", Complexity: "O(N) where N is the number of members given",
		Summary: "Adds members to a set.", Run: sadd},
	{Name: "scard", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.Set,
		Keys: command.KeyAt(1, command.RO), Since: "1.0.0", Args: "key", Complexity: "O(1)", Summary: "Returns the number of members of a set.", Run: scard},
	{Name: "sismember", Arity: 3, Flags: command.ReadOnly | command.Fast, Group: command.Set,
		Keys: command.KeyAt(1, command.RO), Since: "1.0.0", Args: "key member", Complexity: "O(1)", Summary: "Says whether a set has a member.", Run: sismember},
	{Name: "smembers", Arity: 2, Flags: command.ReadOnly, Group: command.Set, Tips: anyOrder,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "1.0.0", Args: "key", Complexity: "O(N) where N is the number of members of the set",
		Summary: "Returns all members of a set.", Run: smembers},
	{Name: "smismember", Arity: -3, Flags: command.ReadOnly | command.Fast, Group: command.Set,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "6.2.0", Args: "key member [member ...]", Complexity: "O(N) where N is the number of members given",
		Summary: "Says of each member given whether a set has it.", Run: smismember},
	{Name: "smove", Arity: 4, Flags: command.Write | command.Fast, Group: command.Set,
		Keys:  []command.KeySpec{{Begin: 1, Flags: command.RW | command.Access | command.Delete}, {Begin: 2, Flags: command.RW | command.Insert}},
		Since: "1.0.0", Args: "source destination member", Complexity: "O(1)", Summary: "Moves a member from one set to another.", Run: smove},
	{Name: "srem", Arity: -3, Flags: command.Write | command.Fast, Group: command.Set,
		Keys: command.KeyAt(1, command.RW|command.Delete), Since: "1.0.0", Args: "key member [member ...]", Complexity: "O(N) where N is the number of members given",
		Summary: "Removes members from a set, with the last one its key.", Run: srem},
}

// readSet is the set at the call's key for a command that reads it, an empty one if there is no key.
func readSet(c *command.Call) (Set, error) {
	v, found, err := read(c, c.Argv[1], keyspace.Set)
	if err != nil {
		return Set{}, err
	}
	return OpenSet(c.DB, c.Argv[1], v, found), nil
}

// writeSet is readSet for a command that may change it.
func writeSet(c *command.Call) (Set, error) {
	v, found, err := write(c, c.Argv[1], keyspace.Set)
	if err != nil {
		return Set{}, err
	}
	return OpenSet(c.DB, c.Argv[1], v, found), nil
}

// setShrank tells that members were taken from a set, with the last of which its key went.
func setShrank(c *command.Call, s *Set, event string) {
	c.Changed(s.key, 's', event)
	if !s.exists {
		c.Event('g', "del", s.key)
	}
}

func sadd(c *command.Call) error {
	s, err := writeSet(c)
	if err != nil {
		return err
	}
	existed, n := s.exists, int64(0)
	for _, member := range c.Argv[2:] {
		if s.Add(member) {
			n++
		}
	}
	if !existed {
		added(c, s.key)
	}
	if n > 0 {
		c.Changed(s.key, 's', "sadd")
	}
	c.Reply.Int(n)
	return nil
}

func srem(c *command.Call) error {
	s, err := writeSet(c)
	if err != nil {
		return err
	}
	n := int64(0)
	for _, member := range c.Argv[2:] {
		if !s.exists {
			break
		}
		if s.Remove(member) {
			n++
		}
	}
	if n > 0 {
		setShrank(c, &s, "srem")
	}
	c.Reply.Int(n)
	return nil
}

func smove(c *command.Call) error {
	from, to, member := c.Argv[1], c.Argv[2], c.Argv[3]
	_, found := c.DB.LookupWrite(from)
	_, _, err := write(c, to, keyspace.Set)
	if !found { // whatever the type of the other key
		c.Reply.Int(0)
		return nil
	}
	v, _ := c.DB.Peek(from) // again: the lookup of to may have deleted it as expired
	if v.Type != keyspace.Set {
		return resp.ErrWrongType
	}
	if err != nil {
		return err
	}
	source := OpenSet(c.DB, from, v, true)
	if bytes.Equal(from, to) {
		c.Reply.Int(is(source.Has(member)))
		return nil
	}
	if !source.Remove(member) {
		c.Reply.Int(0)
		return nil
	}
	setShrank(c, &source, "srem")
	v, found = c.DB.Peek(to)
	destination := OpenSet(c.DB, to, v, found)
	if destination.Add(member) {
		if !found {
			added(c, to)
		}
		c.Changed(to, 's', "sadd")
	}
	c.Reply.Int(1)
	return nil
}

// is is the integer that says yes or no.
func is(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func scard(c *command.Call) error {
	s, err := readSet(c)
	if err != nil {
		return err
	}
	c.Reply.Int(int64(s.Len()))
	return nil
}

func sismember(c *command.Call) error {
	s, err := readSet(c)
	if err != nil {
		return err
	}
	c.Reply.Int(is(s.Has(c.Argv[2])))
	return nil
}

func smismember(c *command.Call) error {
	s, err := readSet(c)
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Argv) - 2)
	for _, member := range c.Argv[2:] {
		c.Reply.Int(is(s.Has(member)))
	}
	return nil
}

func smembers(c *command.Call) error {
	s, err := readSet(c)
	if err != nil {
		return err
	}
	replySet(c, &s)
	return nil
}

// replySet answers all members.
func replySet(c *command.Call, s *Set) {
	c.Reply.Set(s.Len())
	s.Each(func(member []byte) bool {
		c.Reply.Bulk(member)
		return true
	})
}
