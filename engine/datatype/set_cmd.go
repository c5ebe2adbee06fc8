package datatype

import (
	"bytes"
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var setCommands = []command.Spec{
	{Name: "set", Arity: -3, Flags: command.Write | command.DenyOOM, Group: command.String,
		Keys: []command.KeySpec{{Begin: 1, Flags: command.RW | command.Access | command.Update | command.VariableFlags, Find: setKeys,
			Notes: "RW and ACCESS due to the optional `GET` argument"}},
		Since:      "1.0.0",
		Args:       "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
		Complexity: "O(1)", Summary: "Sets the string at a key, whatever was there before.", Run: set},
	{Name: "setnx", Arity: 3, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.String,
		Keys: command.KeyAt(1, command.OW|command.Insert), Since: "1.0.0", Args: "key value", Complexity: "O(1)",
		Summary: "Sets the string at a key that does not exist.", Run: setnx},
	{Name: "setex", Arity: 4, Flags: command.Write | command.DenyOOM, Group: command.String,
		Keys: command.KeyAt(1, command.OW|command.Update), Since: "2.0.0", Args: "key seconds value", Complexity: "O(1)",
		Summary: "Sets the string at a key and the seconds that it lives.", Run: setex},
	{Name: "psetex", Arity: 4, Flags: command.Write | command.DenyOOM, Group: command.String,
		Keys: command.KeyAt(1, command.OW|command.Update), Since: "2.6.0", Args: "key milliseconds value", Complexity: "O(1)",
		Summary: "Sets the string at a key and the milliseconds that it lives.", Run: psetex},
	{Name: "getex", Arity: -2, Flags: command.Write | command.Fast, Group: command.String,
		Keys: []command.KeySpec{{Begin: 1, Flags: command.RW | command.Access | command.Update,
			Notes: "RW and UPDATE because it changes the TTL"}},
		Since: "6.2.0", Args: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]", Complexity: "O(1)",
		Summary: "Returns the string at a key and may change when it expires.", Run: getex},
}

// expiryUnit is in what an expiry is given.
type expiryUnit uint8

const (
	expireNone expiryUnit = iota
	expireEX              // seconds from now
	expirePX              // milliseconds from now
	expireEXAT            // Unix seconds
	expirePXAT            // Unix milliseconds
)

// setOptions are the options of SET, and those of GETEX.
type setOptions struct {
	nx, xx, get bool
	keepTTL     bool       // KEEPTTL
	persist     bool       // PERSIST (GETEX)
	unit        expiryUnit // of expire
	expire      []byte
}

// parseSetOptions reads SET's options, or GETEX's. What excludes each other is a syntax error; the same option twice is none, the last one counts.
func parseSetOptions(a command.Args, getex bool) (setOptions, error) {
	var o setOptions
	for a.More() {
		switch {
		case !getex && !o.xx && a.Flag("nx"):
			o.nx = true
		case !getex && !o.nx && a.Flag("xx"):
			o.xx = true
		case !getex && a.Flag("get"):
			o.get = true
		case !getex && o.unit == expireNone && a.Flag("keepttl"):
			o.keepTTL = true
		case getex && o.unit == expireNone && a.Flag("persist"):
			o.persist = true
		case !o.keepTTL && !o.persist && o.expiry(&a):
		default:
			return o, resp.ErrSyntax
		}
	}
	return o, nil
}

var expiryWords = [...]string{expireEX: "ex", expirePX: "px", expireEXAT: "exat", expirePXAT: "pxat"}

// expiry reads an expiry option that does not contradict one read before.
func (o *setOptions) expiry(a *command.Args) bool {
	for unit := expireEX; unit <= expirePXAT; unit++ {
		if (o.unit == expireNone || o.unit == unit) && a.FlagWith(expiryWords[unit]) {
			o.unit = unit
			o.expire, _ = a.Next() // FlagWith saw it
			return true
		}
	}
	return false
}

// at is the time at which the options let the key expire, in unix milliseconds; 0 if they say nothing about it.
func (o *setOptions) at(c *command.Call) (int64, error) {
	if o.unit == expireNone {
		return 0, nil
	}
	n, err := command.ParseInt(o.expire)
	if err != nil {
		return 0, err
	}
	if n <= 0 {
		return 0, errExpireTime(c)
	}
	if o.unit == expireEX || o.unit == expireEXAT {
		if n > math.MaxInt64/1000 {
			return 0, errExpireTime(c)
		}
		n *= 1000
	}
	if o.unit == expireEX || o.unit == expirePX {
		if n > math.MaxInt64-c.Now {
			return 0, errExpireTime(c)
		}
		n += c.Now
	}
	return n, nil
}

func errExpireTime(c *command.Call) error {
	return resp.Errorf("ERR invalid expire time in '%s' command", c.Spec.FullName)
}

// setKeys flags SET's key by what the options make of it, for permissions: without GET it is only overwritten.
func setKeys(argv [][]byte, keys []command.Key) ([]command.Key, error) {
	flags := command.OW | command.Update
	for _, word := range argv[min(3, len(argv)):] {
		if bytes.EqualFold(word, []byte("get")) {
			flags = command.RW | command.Access | command.Update
			break
		}
	}
	return append(keys, command.Key{Index: 1, Flags: flags}), nil
}

func set(c *command.Call) error {
	if len(c.Argv) == 3 {
		return store(c, c.Argv[1], c.Argv[2], setOptions{})
	}
	o, err := parseSetOptions(c.Args(3), false)
	if err != nil {
		return err
	}
	return store(c, c.Argv[1], c.Argv[2], o)
}

func setex(c *command.Call) error {
	return store(c, c.Argv[1], c.Argv[3], setOptions{unit: expireEX, expire: c.Argv[2]})
}

func psetex(c *command.Call) error {
	return store(c, c.Argv[1], c.Argv[3], setOptions{unit: expirePX, expire: c.Argv[2]})
}

func setnx(c *command.Call) error {
	key := c.Argv[1]
	if _, found := c.DB.LookupWrite(key); found {
		c.Reply.Int(0)
		return nil
	}
	setString(c, key, c.Argv[2], false)
	added(c, key)
	c.Changed(key, '$', "set")
	c.Reply.Int(1)
	return nil
}

// store is SET with its options read.
func store(c *command.Call, key, value []byte, o setOptions) error {
	at, err := o.at(c)
	if err != nil {
		return err
	}
	if o.get {
		if _, err := replyString(c); err != nil {
			return err
		}
	}
	_, found := c.DB.LookupWrite(key)
	if o.nx && found || o.xx && !found {
		if !o.get {
			c.Reply.Null()
		}
		return nil
	}
	setString(c, key, value, o.keepTTL)
	if !found {
		added(c, key)
	}
	c.Changed(key, '$', "set")
	if at != 0 {
		c.DB.Expire(key, at)
		c.Event('g', "expire", key)
		c.Propagate([]byte("set"), key, value, []byte("PXAT"), strconv.AppendInt(nil, at, 10))
	}
	if !o.get {
		c.Reply.OK()
	}
	return nil
}

func getex(c *command.Call) error {
	key := c.Argv[1]
	o, err := parseSetOptions(c.Args(2), true)
	if err != nil {
		return err
	}
	v, found, err := read(c, key, keyspace.String)
	if err != nil {
		return err
	}
	if !found {
		c.Reply.Null()
		return nil
	}
	at, err := o.at(c)
	if err != nil {
		return err
	}
	c.Reply.Bulk(v.Bytes) // before the change, which ends the life of the bytes
	switch {
	case at != 0:
		expireAt(c, key, at)
	case o.persist:
		if persistKey(c, key) {
			c.Propagate([]byte("persist"), key)
		}
	}
	return nil
}
