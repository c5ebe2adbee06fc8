package datatype

import (
	"math"
	"math/big"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var zsetPopCommands = []command.Spec{
	{Name: "bzmpop", Arity: -5, Flags: command.Write | command.Blocking, Group: command.SortedSet,
		Keys:  []command.KeySpec{{Begin: 2, KeyNum: true, First: 1, Flags: command.RW | command.Access | command.Delete}},
		Since: "7.0.0", Args: "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]", Complexity: zsetPopCost,
		Summary: "Takes the lowest or highest members from the first sorted set that is not empty, or waits for one.", Run: bzmpop},
	{Name: "bzpopmax", Arity: -3, Flags: command.Write | command.NoScript | command.Fast | command.Blocking, Group: command.SortedSet,
		Keys:  []command.KeySpec{{Begin: 1, Last: -2, Flags: command.RW | command.Access | command.Delete}},
		Since: "5.0.0", Args: "key [key ...] timeout", Complexity: zsetLogN, Summary: "Takes the highest member from the first sorted set that is not empty, or waits for one.",
		Run: func(c *command.Call) error { return bzpop(c, zpopmax) }},
	{Name: "bzpopmin", Arity: -3, Flags: command.Write | command.NoScript | command.Fast | command.Blocking, Group: command.SortedSet,
		Keys:  []command.KeySpec{{Begin: 1, Last: -2, Flags: command.RW | command.Access | command.Delete}},
		Since: "5.0.0", Args: "key [key ...] timeout", Complexity: zsetLogN, Summary: "Takes the lowest member from the first sorted set that is not empty, or waits for one.",
		Run: func(c *command.Call) error { return bzpop(c, zpopmin) }},
	{Name: "zmpop", Arity: -4, Flags: command.Write, Group: command.SortedSet,
		Keys:  []command.KeySpec{{Begin: 1, KeyNum: true, First: 1, Flags: command.RW | command.Access | command.Delete}},
		Since: "7.0.0", Args: "numkeys key [key ...] <MIN | MAX> [COUNT count]", Complexity: zsetPopCost,
		Summary: "Takes the lowest or highest members from the first sorted set that is not empty.", Run: zmpop},
	{Name: "zpopmax", Arity: -2, Flags: command.Write | command.Fast, Group: command.SortedSet,
		Keys: command.KeyAt(1, command.RW|command.Access|command.Delete), Since: "5.0.0", Args: "key [count]", Complexity: zsetPopCost,
		Summary: "Takes the highest members from a sorted set.", Run: func(c *command.Call) error { return zpop(c, zpopmax) }},
	{Name: "zpopmin", Arity: -2, Flags: command.Write | command.Fast, Group: command.SortedSet,
		Keys: command.KeyAt(1, command.RW|command.Access|command.Delete), Since: "5.0.0", Args: "key [count]", Complexity: zsetPopCost,
		Summary: "Takes the lowest members from a sorted set.", Run: func(c *command.Call) error { return zpop(c, zpopmin) }},
}

const zsetPopCost = "O(M*log(N)) where N is the number of members of the sorted set and M the number of those taken"

// The ends from which elements are popped, as their commands and events are called.
const (
	zpopmin = "zpopmin"
	zpopmax = "zpopmax"
)

// popElements takes n elements from an end and gives them to fn, and tells the change.
func popElements(c *command.Call, z *ZSet, end string, n int, fn func(member []byte, score float64)) {
	r := ranks{0, n}
	if end == zpopmax {
		r.from = z.Len() - n
	}
	z.eachOf(r, end == zpopmax, fn)
	z.DeleteRange(r.from, r.n)
	zsetShrank(c, z, end)
}

func zpop(c *command.Call, end string) error {
	n := int64(1)
	switch len(c.Argv) {
	case 2:
	case 3:
		var err error
		if n, err = command.ParseInt(c.Argv[2]); err != nil || n < 0 {
			return resp.Error("ERR value is out of range, must be positive")
		}
	default:
		return resp.ErrSyntax
	}
	z, err := writeZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	n = min(n, int64(z.Len()))
	if n == 0 {
		c.Reply.Array(0)
		return nil
	}
	nested := len(c.Argv) == 3 && c.Reply.RESP3()
	if nested {
		c.Reply.Array(int(n))
	} else {
		c.Reply.Array(int(2 * n))
	}
	popElements(c, &z, end, int(n), func(member []byte, score float64) {
		if nested {
			c.Reply.Array(2)
		}
		c.Reply.Bulk(member)
		c.Reply.Double(score)
	})
	return nil
}

// firstZSet is the first sorted set at one of keys; found is false if there is none. A value of another type before it is an error.
func firstZSet(c *command.Call, keys [][]byte) (z ZSet, found bool, err error) {
	for _, key := range keys {
		if z, err = writeZSet(c, key); err != nil || z.exists {
			return z, z.exists, err
		}
	}
	return z, false, nil
}

// bzpop is BZPOPMIN or BZPOPMAX. It takes effect as the command that doesn't wait.
func bzpop(c *command.Call, end string) error {
	last := len(c.Argv) - 1
	timeout, err := parseSeconds(c.Argv[last])
	if err != nil {
		return err
	}
	keys := c.Argv[1:last]
	z, found, err := firstZSet(c, readyKeys(c, keys))
	if err != nil {
		return err
	}
	if !found {
		return c.Block(command.Wait{Keys: keys, Type: keyspace.ZSet, Timeout: timeout})
	}
	c.Propagate([]byte(end), z.key)
	c.Reply.Array(3)
	c.Reply.Bulk(z.key)
	popElements(c, &z, end, 1, func(member []byte, score float64) {
		c.Reply.Bulk(member)
		c.Reply.Double(score)
	})
	return nil
}

// readyKeys are the keys that a call which may wait looks at: all of its own, or the one for which it has waited.
func readyKeys(c *command.Call, keys [][]byte) [][]byte {
	if c.Ready != nil {
		return [][]byte{c.Ready}
	}
	return keys
}

// parseSeconds reads a timeout in seconds, with decimals, and gives milliseconds.
func parseSeconds(b []byte) (int64, error) {
	f, ok := parseLongDouble(b)
	if !ok {
		return 0, resp.Error("ERR timeout is not a float or out of range")
	}
	if f.IsInf() {
		return 0, errTimeoutNegative // as Redis makes of it
	}
	f = newExtended().Mul(f, big.NewFloat(1000))
	n, accuracy := f.Int64()
	if accuracy == big.Below {
		n++
	}
	if f.Sign() < 0 && n < 0 || f.Cmp(big.NewFloat(math.MaxInt64)) >= 0 {
		return 0, errTimeoutNegative
	}
	return n, nil
}

// manyPop is what ZMPOP, LMPOP and those of them that wait are asked for. E is how the type names an end; its zero value is none.
type manyPop[E comparable] struct {
	keys  [][]byte
	end   E
	count int64
}

// parseManyPop reads the words from the number of keys on. endOf reads the word that names an end.
func parseManyPop[E comparable](c *command.Call, at int, endOf func(*command.Args) E) (p manyPop[E], err error) {
	n, err := command.ParseInt(c.Argv[at])
	if err != nil || n < 1 {
		return p, resp.Error("ERR numkeys should be greater than 0")
	}
	if n >= int64(len(c.Argv)-at-1) {
		return p, resp.ErrSyntax
	}
	p.keys = c.Argv[at+1 : at+1+int(n)]
	a := c.Args(at + 1 + int(n))
	var none E
	if p.end = endOf(&a); p.end == none {
		return p, resp.ErrSyntax
	}
	for a.More() {
		if p.count != 0 || !a.FlagWith("count") {
			return p, resp.ErrSyntax
		}
		if p.count, err = a.Int(); err != nil || p.count < 1 {
			return p, resp.Error("ERR count should be greater than 0")
		}
	}
	p.count = max(p.count, 1)
	return p, nil
}

// endOf reads MIN or MAX; it is empty if the next word is neither.
func endOf(a *command.Args) string {
	switch {
	case a.Flag("min"):
		return zpopmin
	case a.Flag("max"):
		return zpopmax
	}
	return ""
}

// popManyElements pops from a sorted set what ZMPOP or BZMPOP ask for, and answers its key and the elements. It takes effect as ZPOPMIN or ZPOPMAX.
func popManyElements(c *command.Call, z *ZSet, p manyPop[string]) {
	n := min(p.count, int64(z.Len()))
	c.Propagate([]byte(p.end), z.key, strconv.AppendInt(nil, n, 10))
	c.Reply.Array(2)
	c.Reply.Bulk(z.key)
	c.Reply.Array(int(n))
	popElements(c, z, p.end, int(n), func(member []byte, score float64) {
		c.Reply.Array(2)
		c.Reply.Bulk(member)
		c.Reply.Double(score)
	})
}

func zmpop(c *command.Call) error {
	p, err := parseManyPop(c, 1, endOf)
	if err != nil {
		return err
	}
	z, found, err := firstZSet(c, p.keys)
	if err != nil {
		return err
	}
	if !found {
		c.Reply.NullArray()
		return nil
	}
	popManyElements(c, &z, p)
	return nil
}

func bzmpop(c *command.Call) error {
	p, err := parseManyPop(c, 2, endOf)
	if err != nil {
		return err
	}
	timeout, err := parseSeconds(c.Argv[1])
	if err != nil {
		return err
	}
	z, found, err := firstZSet(c, readyKeys(c, p.keys))
	if err != nil {
		return err
	}
	if !found {
		return c.Block(command.Wait{Keys: p.keys, Type: keyspace.ZSet, Timeout: timeout})
	}
	popManyElements(c, &z, p)
	return nil
}
