package datatype

import "github.com/openmemorydb/memorydb/engine/command"

var ttlCommands = []command.Spec{
	{Name: "ttl", Arity: 2, Flags: ttlFlags, Group: command.Generic, Categories: keyspaceCategory, Keys: ttlKeys, Since: "1.0.0",
		Args: "key", Complexity: "O(1)", Tips: []string{"nondeterministic_output"}, Summary: "Returns the seconds that a key has left to live.", Run: ttl},
	{Name: "pttl", Arity: 2, Flags: ttlFlags, Group: command.Generic, Categories: keyspaceCategory, Keys: ttlKeys, Since: "2.6.0",
		Args: "key", Complexity: "O(1)", Tips: []string{"nondeterministic_output"}, Summary: "Returns the milliseconds that a key has left to live.", Run: pttl},
	{Name: "expiretime", Arity: 2, Flags: ttlFlags, Group: command.Generic, Categories: keyspaceCategory, Keys: ttlKeys, Since: "7.0.0",
		Args: "key", Complexity: "O(1)", Summary: "Returns the time at which a key expires, in Unix seconds.", Run: expiretime},
	{Name: "pexpiretime", Arity: 2, Flags: ttlFlags, Group: command.Generic, Categories: keyspaceCategory, Keys: ttlKeys, Since: "7.0.0",
		Args: "key", Complexity: "O(1)", Summary: "Returns the time at which a key expires, in Unix milliseconds.", Run: pexpiretime},
}

const ttlFlags = command.ReadOnly | command.Fast

var ttlKeys = command.KeyAt(1, command.RO|command.Access)

func ttl(c *command.Call) error         { return replyExpiry(c, c.Now, 1000) }
func pttl(c *command.Call) error        { return replyExpiry(c, c.Now, 1) }
func expiretime(c *command.Call) error  { return replyExpiry(c, 0, 1000) }
func pexpiretime(c *command.Call) error { return replyExpiry(c, 0, 1) }

// replyExpiry answers the key's expiry, counted from base, in units of so many milliseconds, rounded: -1 if it has none, -2 if there is no key.
func replyExpiry(c *command.Call, base, unit int64) error {
	key := c.Argv[1]
	if _, found := peek(c, key); !found {
		c.Reply.Int(-2)
		return nil
	}
	at := c.DB.ExpireAt(key)
	if at == 0 {
		c.Reply.Int(-1)
		return nil
	}
	left := max(at-base, 0)
	c.Reply.Int(left/unit + (left%unit+unit/2)/unit)
	return nil
}
