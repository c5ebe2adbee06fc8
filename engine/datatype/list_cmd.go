package datatype

import (
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var listCommands = []command.Spec{
	{Name: "lindex", Arity: 3, Flags: command.ReadOnly, Group: command.List, Keys: command.KeyAt(1, command.RO|command.Access), Since: "1.0.0", Args: "key index",
		Complexity: "O(N) where N is the number of nodes to pass", Summary: "Returns an element of a list by its index.", Run: lindex},
	{Name: "linsert", Arity: 5, Flags: command.Write | command.DenyOOM, Group: command.List, Keys: command.KeyAt(1, command.RW|command.Insert), Since: "2.2.0",
		Args: "key <BEFORE | AFTER> pivot element", Complexity: "O(N) where N is the number of elements before the pivot", Summary: "Adds an element beside another one.", Run: linsert},
	{Name: "llen", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.List, Keys: command.KeyAt(1, command.RO), Since: "1.0.0", Args: "key",
		Complexity: "O(1)", Summary: "Returns the length of a list.", Run: llen},
	{Name: "lpush", Arity: -3, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.List, Keys: command.KeyAt(1, command.RW|command.Insert), Since: "1.0.0",
		Args: "key element [element ...]", Complexity: pushCost, Summary: "Adds elements at the beginning of a list.",
		Run: func(c *command.Call) error { return push(c, left, false) }},
	{Name: "lpushx", Arity: -3, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.List, Keys: command.KeyAt(1, command.RW|command.Insert), Since: "2.2.0",
		Args: "key element [element ...]", Complexity: pushCost, Summary: "Adds elements at the beginning of a list that exists.",
		Run: func(c *command.Call) error { return push(c, left, true) }},
	{Name: "lrange", Arity: 4, Flags: command.ReadOnly, Group: command.List, Keys: command.KeyAt(1, command.RO|command.Access), Since: "1.0.0", Args: "key start stop",
		Complexity: "O(S+N) where S is the number of nodes to pass and N the number of elements", Summary: "Returns elements of a list by their indexes.", Run: lrange},
	{Name: "lrem", Arity: 4, Flags: command.Write, Group: command.List, Keys: command.KeyAt(1, command.RW|command.Delete), Since: "1.0.0", Args: "key count element",
		Complexity: "O(N) where N is the length of the list", Summary: "Removes elements of a list by their value.", Run: lrem},
	{Name: "lset", Arity: 4, Flags: command.Write | command.DenyOOM, Group: command.List, Keys: command.KeyAt(1, command.RW|command.Update), Since: "1.0.0", Args: "key index element",
		Complexity: "O(N) where N is the number of nodes to pass", Summary: "Sets an element of a list by its index.", Run: lset},
	{Name: "ltrim", Arity: 4, Flags: command.Write, Group: command.List, Keys: command.KeyAt(1, command.RW|command.Delete), Since: "1.0.0", Args: "key start stop",
		Complexity: "O(N) where N is the number of elements removed", Summary: "Removes what is outside of a range of indexes.", Run: ltrim},
	{Name: "rpush", Arity: -3, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.List, Keys: command.KeyAt(1, command.RW|command.Insert), Since: "1.0.0",
		Args: "key element [element ...]", Complexity: pushCost, Summary: "Adds elements at the end of a list.",
		Run: func(c *command.Call) error { return push(c, right, false) }},
	{Name: "rpushx", Arity: -3, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.List, Keys: command.KeyAt(1, command.RW|command.Insert), Since: "2.2.0",
		Args: "key element [element ...]", Complexity: pushCost, Summary: "Adds elements at the end of a list that exists.",
		Run: func(c *command.Call) error { return push(c, right, true) }},
}

const pushCost = "O(N) where N is the number of elements added"

// side is an end of a list, with what its commands and events are called.
type side struct {
	word, push, pop string
	head            bool
}

var (
	left  = &side{"left", "lpush", "lpop", true}
	right = &side{"right", "rpush", "rpop", false}
)

// sideOf is the side that a word names; nil if it names none.
func sideOf(a *command.Args) *side {
	switch {
	case a.Flag("left"):
		return left
	case a.Flag("right"):
		return right
	}
	return nil
}

// readList is the list at a key for a command that reads it, an empty one if there is no key.
func readList(c *command.Call, key []byte) (List, error) {
	v, found, err := read(c, key, keyspace.List)
	if err != nil {
		return List{}, err
	}
	return OpenList(c.DB, key, v, found), nil
}

// writeList is readList for a command that may change it.
func writeList(c *command.Call, key []byte) (List, error) {
	v, found, err := write(c, key, keyspace.List)
	if err != nil {
		return List{}, err
	}
	return OpenList(c.DB, key, v, found), nil
}

// listChanged tells that a list has changed, and gone if it is empty.
func listChanged(c *command.Call, l *List, event string) {
	c.Changed(l.key, 'l', event)
	if !l.exists {
		c.Event('g', "del", l.key)
	}
}

func push(c *command.Call, s *side, onlyExisting bool) error {
	l, err := writeList(c, c.Argv[1])
	if err != nil {
		return err
	}
	if onlyExisting && !l.exists {
		c.Reply.Int(0)
		return nil
	}
	if !l.exists {
		added(c, l.key)
	}
	for _, text := range c.Argv[2:] {
		l.Push(text, s.head)
	}
	c.Changed(l.key, 'l', s.push)
	c.Reply.Int(int64(l.Len()))
	return nil
}

func llen(c *command.Call) error {
	l, err := readList(c, c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Int(int64(l.Len()))
	return nil
}

func lindex(c *command.Call) error {
	l, err := readList(c, c.Argv[1])
	if err != nil {
		return err
	}
	if !l.exists {
		c.Reply.Null()
		return nil
	}
	i, err := command.ParseInt(c.Argv[2])
	if err != nil {
		return err
	}
	if text, ok := l.Index(index(i)); ok {
		c.Reply.Bulk(text)
	} else {
		c.Reply.Null()
	}
	return nil
}

// index is an index that fits an int: those beyond are beyond every list.
func index(i int64) int { return int(max(math.MinInt32, min(i, math.MaxInt32))) }

const errIndexRange resp.Error = "ERR index out of range"

func lset(c *command.Call) error {
	l, err := writeList(c, c.Argv[1])
	if err != nil {
		return err
	}
	if !l.exists {
		return resp.ErrNoSuchKey
	}
	i, err := command.ParseInt(c.Argv[2])
	if err != nil {
		return err
	}
	if !l.Set(index(i), c.Argv[3]) {
		return errIndexRange
	}
	c.Changed(l.key, 'l', "lset")
	c.Reply.OK()
	return nil
}

func linsert(c *command.Call) error {
	a := c.Args(2)
	after := a.Flag("after")
	if !after && !a.Flag("before") {
		return resp.ErrSyntax
	}
	l, err := writeList(c, c.Argv[1])
	if err != nil {
		return err
	}
	if !l.exists {
		c.Reply.Int(0)
		return nil
	}
	at := -1
	i := 0
	l.Each(0, false, func(text []byte) bool {
		if string(text) == string(c.Argv[3]) {
			at = i
		}
		i++
		return at < 0
	})
	if at < 0 {
		c.Reply.Int(-1)
		return nil
	}
	l.Insert(at, c.Argv[4], after)
	c.Changed(l.key, 'l', "linsert")
	c.Reply.Int(int64(l.Len()))
	return nil
}

// span makes a range of indexes, which count from the end if negative, one from an index on with a number of elements.
func span(start, stop int64, n int) (from, count int) {
	size := int64(n)
	if start < 0 {
		start = max(start+size, 0)
	}
	if stop < 0 {
		stop += size
	}
	stop = min(stop, size-1)
	if start > stop || start >= size {
		return 0, 0
	}
	return int(start), int(stop - start + 1)
}

// twoInts reads the call's words from the third on as start and stop.
func twoInts(c *command.Call) (start, stop int64, err error) {
	if start, err = command.ParseInt(c.Argv[2]); err == nil {
		stop, err = command.ParseInt(c.Argv[3])
	}
	return start, stop, err
}

func lrange(c *command.Call) error {
	start, stop, err := twoInts(c)
	if err != nil {
		return err
	}
	l, err := readList(c, c.Argv[1])
	if err != nil {
		return err
	}
	from, n := span(start, stop, l.Len())
	c.Reply.Array(n)
	if n == 0 {
		return nil
	}
	l.Each(from, false, func(text []byte) bool {
		c.Reply.Bulk(text)
		n--
		return n > 0
	})
	return nil
}

func ltrim(c *command.Call) error {
	start, stop, err := twoInts(c)
	if err != nil {
		return err
	}
	l, err := writeList(c, c.Argv[1])
	if err != nil {
		return err
	}
	if l.exists {
		size := l.Len()
		from, n := span(start, stop, size)
		l.RemoveRange(from+n, size-from-n)
		if l.exists {
			l.RemoveRange(0, from)
		}
		listChanged(c, &l, "ltrim")
	}
	c.Reply.OK()
	return nil
}

func lrem(c *command.Call) error {
	n, err := command.ParseInt(c.Argv[2])
	if err != nil {
		return err
	}
	l, err := writeList(c, c.Argv[1])
	if err != nil {
		return err
	}
	removed := 0
	if l.exists {
		most := n
		if most < 0 {
			most = -most
		}
		removed = l.Remove(c.Argv[3], int(min(uint64(most), math.MaxInt32)), n < 0)
	}
	if removed > 0 {
		listChanged(c, &l, "lrem")
	}
	c.Reply.Int(int64(removed))
	return nil
}

// decimal is a number as a word of a command.
func decimal(n int) []byte { return strconv.AppendInt(nil, int64(n), 10) }
