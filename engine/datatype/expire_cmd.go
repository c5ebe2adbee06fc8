package datatype

import (
	"bytes"
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var expireCommands = []command.Spec{
	{Name: "expire", Arity: -3, Flags: expireFlags, Group: command.Generic, Categories: keyspaceCategory, Keys: expireKeys, Since: "1.0.0",
		Args: "key seconds [NX | XX | GT | LT]", Complexity: "O(1)", Summary: "Sets the seconds that a key lives.", Run: expire},
	{Name: "expireat", Arity: -3, Flags: expireFlags, Group: command.Generic, Categories: keyspaceCategory, Keys: expireKeys, Since: "1.2.0",
		Args: "key unix-time-seconds [NX | XX | GT | LT]", Complexity: "O(1)", Summary: "Sets the time at which a key expires, in Unix seconds.", Run: expireat},
	{Name: "pexpire", Arity: -3, Flags: expireFlags, Group: command.Generic, Categories: keyspaceCategory, Keys: expireKeys, Since: "2.6.0",
		Args: "key milliseconds [NX | XX | GT | LT]", Complexity: "O(1)", Summary: "Sets the milliseconds that a key lives.", Run: pexpire},
	{Name: "pexpireat", Arity: -3, Flags: expireFlags, Group: command.Generic, Categories: keyspaceCategory, Keys: expireKeys, Since: "2.6.0",
		Args: "key unix-time-milliseconds [NX | XX | GT | LT]", Complexity: "O(1)", Summary: "Sets the time at which a key expires, in Unix milliseconds.", Run: pexpireat},
	{Name: "persist", Arity: 2, Flags: expireFlags, Group: command.Generic, Categories: keyspaceCategory, Keys: expireKeys, Since: "2.2.0",
		Args: "key", Complexity: "O(1)", Summary: "Lets a key live for ever.", Run: persist},
}

const expireFlags = command.Write | command.Fast

var (
	keyspaceCategory = []string{"keyspace"}
	expireKeys       = command.KeyAt(1, command.RW|command.Update)
)

func expire(c *command.Call) error    { return expireKey(c, 1000, c.Now) }
func expireat(c *command.Call) error  { return expireKey(c, 1000, 0) }
func pexpire(c *command.Call) error   { return expireKey(c, 1, c.Now) }
func pexpireat(c *command.Call) error { return expireKey(c, 1, 0) }

// expireConditions are the options of the EXPIRE commands: on the expiry that the key has.
type expireConditions struct{ nx, xx, gt, lt bool }

const (
	errExpireNX   resp.Error = "ERR NX and XX, GT or LT options at the same time are not compatible"
	errExpireGTLT resp.Error = "ERR GT and LT options at the same time are not compatible"
)

func parseExpireConditions(a command.Args) (expireConditions, error) {
	var o expireConditions
	for a.More() {
		switch {
		case a.Flag("nx"):
			o.nx = true
		case a.Flag("xx"):
			o.xx = true
		case a.Flag("gt"):
			o.gt = true
		case a.Flag("lt"):
			o.lt = true
		default:
			text, _, _ := bytes.Cut(a.Rest()[0], zeroByte)
			return o, resp.Errorf("ERR Unsupported option %s", text)
		}
	}
	if o.nx && (o.xx || o.gt || o.lt) {
		return o, errExpireNX
	}
	if o.gt && o.lt {
		return o, errExpireGTLT
	}
	return o, nil
}

// allow says whether a key that expires at old (0: never) may expire at at instead. Never is later than any time.
func (o expireConditions) allow(old, at int64) bool {
	switch {
	case o.nx && old != 0, o.xx && old == 0:
		return false
	case o.gt && (old == 0 || at <= old):
		return false
	case o.lt && old != 0 && at >= old:
		return false
	}
	return true
}

// expireKey is the EXPIRE family: the second word is a number of units of so many milliseconds, counted from base.
func expireKey(c *command.Call, unit, base int64) error {
	key := c.Argv[1]
	o, err := parseExpireConditions(c.Args(3))
	if err != nil {
		return err
	}
	at, err := command.ParseInt(c.Argv[2])
	if err != nil {
		return err
	}
	if at > math.MaxInt64/unit || at < math.MinInt64/unit {
		return errExpireTime(c)
	}
	if at *= unit; at > math.MaxInt64-base {
		return errExpireTime(c)
	}
	at += base
	if _, found := c.DB.LookupWrite(key); !found || !o.allow(c.DB.ExpireAt(key), at) {
		c.Reply.Int(0)
		return nil
	}
	expireAt(c, key, at)
	c.Reply.Int(1)
	return nil
}

// expireAt lets a key that exists expire at a time, and logs the time. On a primary a time that is not in the future deletes the key at once.
func expireAt(c *command.Call, key []byte, at int64) {
	if at <= c.Now && c.DB.Expiry == keyspace.ExpireDelete {
		c.DB.Delete(key)
		c.Changed(key, 'g', "del")
		c.Propagate([]byte("del"), key)
		return
	}
	c.DB.Expire(key, at)
	c.Changed(key, 'g', "expire")
	c.Propagate([]byte("pexpireat"), key, strconv.AppendInt(nil, at, 10))
}

func persist(c *command.Call) error {
	key := c.Argv[1]
	if _, found := c.DB.LookupWrite(key); found && persistKey(c, key) {
		c.Reply.Int(1)
	} else {
		c.Reply.Int(0)
	}
	return nil
}

// persistKey takes the expiry from a key that exists, and says whether it had one.
func persistKey(c *command.Call, key []byte) bool {
	if c.DB.ExpireAt(key) == 0 {
		return false
	}
	c.DB.Expire(key, 0)
	c.Changed(key, 'g', "persist")
	return true
}
