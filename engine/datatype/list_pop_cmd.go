package datatype

import (
	"math"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const (
	waiting     = command.Write | command.NoScript | command.Blocking
	takingKey   = command.RW | command.Access | command.Delete
	popCost     = "O(N) where N is the number of elements returned"
	manyPopCost = "O(N+M) where N is the number of keys and M the number of elements returned"
	moveCost    = "O(1)"
)

var listPopCommands = []command.Spec{
	{Name: "blmove", Arity: 6, Flags: waiting | command.DenyOOM, Group: command.List, Keys: moveKeys, Since: "6.2.0",
		Args: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout", Complexity: moveCost,
		Summary: "Moves an element from one list to another, or waits for one.", Run: blmove},
	{Name: "blmpop", Arity: -5, Flags: command.Write | command.Blocking, Group: command.List, Keys: []command.KeySpec{{Begin: 2, KeyNum: true, First: 1, Flags: takingKey}},
		Since: "7.0.0", Args: "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", Complexity: manyPopCost,
		Summary: "Takes elements from the first list that is not empty, or waits for one.", Run: blmpop},
	{Name: "blpop", Arity: -3, Flags: waiting, Group: command.List, Keys: []command.KeySpec{{Begin: 1, Last: -2, Flags: takingKey}},
		Since: "2.0.0", Args: "key [key ...] timeout", Complexity: "O(N) where N is the number of keys", Summary: "Takes the first element of the first list that is not empty, or waits for one.",
		Run: func(c *command.Call) error { return bpop(c, left) }},
	{Name: "brpop", Arity: -3, Flags: waiting, Group: command.List, Keys: []command.KeySpec{{Begin: 1, Last: -2, Flags: takingKey}},
		Since: "2.0.0", Args: "key [key ...] timeout", Complexity: "O(N) where N is the number of keys", Summary: "Takes the last element of the first list that is not empty, or waits for one.",
		Run: func(c *command.Call) error { return bpop(c, right) }},
	{Name: "brpoplpush", Arity: 4, Flags: waiting | command.DenyOOM, Group: command.List, Keys: moveKeys, Since: "2.2.0", Args: "source destination timeout",
		Complexity: moveCost, Summary: "Moves the last element of a list to the beginning of another, or waits for one.", Run: brpoplpush},
	{Name: "lmove", Arity: 5, Flags: command.Write | command.DenyOOM, Group: command.List, Keys: moveKeys, Since: "6.2.0",
		Args: "source destination <LEFT | RIGHT> <LEFT | RIGHT>", Complexity: moveCost, Summary: "Moves an element from one list to another.", Run: lmove},
	{Name: "lmpop", Arity: -4, Flags: command.Write, Group: command.List, Keys: []command.KeySpec{{Begin: 1, KeyNum: true, First: 1, Flags: takingKey}},
		Since: "7.0.0", Args: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", Complexity: manyPopCost,
		Summary: "Takes elements from the first list that is not empty.", Run: lmpop},
	{Name: "lpop", Arity: -2, Flags: command.Write | command.Fast, Group: command.List, Keys: command.KeyAt(1, takingKey), Since: "1.0.0", Args: "key [count]",
		Complexity: popCost, Summary: "Takes elements from the beginning of a list.", Run: func(c *command.Call) error { return pop(c, left) }},
	{Name: "rpop", Arity: -2, Flags: command.Write | command.Fast, Group: command.List, Keys: command.KeyAt(1, takingKey), Since: "1.0.0", Args: "key [count]",
		Complexity: popCost, Summary: "Takes elements from the end of a list.", Run: func(c *command.Call) error { return pop(c, right) }},
	{Name: "rpoplpush", Arity: 3, Flags: command.Write | command.DenyOOM, Group: command.List, Keys: moveKeys, Since: "1.2.0", Args: "source destination",
		Complexity: moveCost, Summary: "Moves the last element of a list to the beginning of another.", Run: rpoplpush},
}

var moveKeys = []command.KeySpec{{Begin: 1, Flags: takingKey}, {Begin: 2, Flags: command.RW | command.Insert}}

// popSome takes n elements from a side and replies with each; it tells the change.
func popSome(c *command.Call, l *List, s *side, n int) {
	left := n
	from := 0
	if !s.head {
		from = l.Len() - 1
	}
	l.Each(from, !s.head, func(text []byte) bool {
		c.Reply.Bulk(text)
		left--
		return left > 0
	})
	if s.head {
		l.RemoveRange(0, n)
	} else {
		l.RemoveRange(l.Len()-n, n)
	}
	listChanged(c, l, s.pop)
}

func pop(c *command.Call, s *side) error {
	n, counted := int64(1), len(c.Argv) > 2
	if len(c.Argv) > 3 {
		return wrongArity(c)
	}
	if counted {
		var err error
		if n, err = command.ParseInt(c.Argv[2]); err != nil || n < 0 {
			return resp.Error("ERR value is out of range, must be positive")
		}
	}
	l, err := writeList(c, c.Argv[1])
	if err != nil {
		return err
	}
	switch {
	case !l.exists && counted:
		c.Reply.NullArray()
	case !l.exists:
		c.Reply.Null()
	case n == 0:
		c.Reply.Array(0)
	default:
		n = min(n, int64(l.Len()))
		if counted {
			c.Reply.Array(int(n))
		}
		popSome(c, &l, s, int(n))
	}
	return nil
}

// firstList is the first list at one of keys; found is false if there is none. A value of another type before it is an error.
func firstList(c *command.Call, keys [][]byte) (l List, found bool, err error) {
	for _, key := range keys {
		if l, err = writeList(c, key); err != nil || l.exists {
			return l, l.exists, err
		}
	}
	return l, false, nil
}

// bpop is BLPOP or BRPOP. It takes effect as the command that doesn't wait.
func bpop(c *command.Call, s *side) error {
	last := len(c.Argv) - 1
	timeout, err := parseSeconds(c.Argv[last])
	if err != nil {
		return err
	}
	keys := c.Argv[1:last]
	l, found, err := firstList(c, readyKeys(c, keys))
	if err != nil {
		return err
	}
	if !found {
		return c.Block(command.Wait{Keys: keys, Type: keyspace.List, Timeout: timeout})
	}
	c.Propagate([]byte(s.pop), l.key)
	c.Reply.Array(2)
	c.Reply.Bulk(l.key)
	popSome(c, &l, s, 1)
	return nil
}

// popMany pops from a list what LMPOP or BLMPOP ask for, and answers its key and the elements. It takes effect as LPOP or RPOP.
func popMany(c *command.Call, l *List, p manyPop[*side]) {
	n := int(min(p.count, int64(l.Len()), math.MaxInt32))
	c.Propagate([]byte(p.end.pop), l.key, decimal(n))
	c.Reply.Array(2)
	c.Reply.Bulk(l.key)
	c.Reply.Array(n)
	popSome(c, l, p.end, n)
}

func lmpop(c *command.Call) error {
	p, err := parseManyPop(c, 1, sideOf)
	if err != nil {
		return err
	}
	l, found, err := firstList(c, p.keys)
	if err != nil {
		return err
	}
	if !found {
		c.Reply.NullArray()
		return nil
	}
	popMany(c, &l, p)
	return nil
}

func blmpop(c *command.Call) error {
	p, err := parseManyPop(c, 2, sideOf)
	if err != nil {
		return err
	}
	timeout, err := parseSeconds(c.Argv[1])
	if err != nil {
		return err
	}
	l, found, err := firstList(c, readyKeys(c, p.keys))
	if err != nil {
		return err
	}
	if !found {
		return c.Block(command.Wait{Keys: p.keys, Type: keyspace.List, Timeout: timeout})
	}
	popMany(c, &l, p)
	return nil
}

// moveElement moves an element of the list src, which is not empty, to the list at a key, and answers it.
func moveElement(c *command.Call, src *List, to []byte, from, into *side) error {
	dst, err := writeList(c, to)
	if err != nil {
		return err
	}
	i := 0
	if !from.head {
		i = -1
	}
	text, _ := src.Index(i)
	moved := append([]byte(nil), text...)
	c.Reply.Bulk(moved)
	if string(to) == string(src.key) {
		rotate(src, moved, from, into)
		c.Changed(to, 'l', into.push)
		c.Event('l', from.pop, to)
		return nil
	}
	if !dst.exists {
		added(c, to)
	}
	dst.Push(moved, into.head)
	c.Changed(to, 'l', into.push)
	v, _ := c.DB.Peek(src.key) // what was seen of it before may have moved
	*src = OpenList(c.DB, src.key, v, true)
	src.removeEnd(from)
	listChanged(c, src, from.pop)
	return nil
}

// rotate moves an element within a list, which must not vanish in between.
func rotate(l *List, text []byte, from, into *side) {
	if l.Len() == 1 {
		return
	}
	l.removeEnd(from)
	l.Push(text, into.head)
}

func (l *List) removeEnd(s *side) {
	if s.head {
		l.RemoveRange(0, 1)
	} else {
		l.RemoveRange(l.Len()-1, 1)
	}
}

func lmove(c *command.Call) error {
	a := c.Args(3)
	from := sideOf(&a)
	into := sideOf(&a)
	if from == nil || into == nil {
		return resp.ErrSyntax
	}
	return moveNow(c, from, into)
}

func rpoplpush(c *command.Call) error { return moveNow(c, right, left) }

func moveNow(c *command.Call, from, into *side) error {
	src, err := writeList(c, c.Argv[1])
	if err != nil {
		return err
	}
	if !src.exists {
		c.Reply.Null()
		return nil
	}
	return moveElement(c, &src, c.Argv[2], from, into)
}

func blmove(c *command.Call) error {
	a := c.Args(3)
	from := sideOf(&a)
	into := sideOf(&a)
	if from == nil || into == nil {
		return resp.ErrSyntax
	}
	return moveOrWait(c, from, into, []byte("lmove"), c.Argv[1], c.Argv[2], []byte(from.word), []byte(into.word))
}

func brpoplpush(c *command.Call) error {
	return moveOrWait(c, right, left, []byte("rpoplpush"), c.Argv[1], c.Argv[2])
}

// moveOrWait moves an element, or waits for one. effect is what it takes effect as.
func moveOrWait(c *command.Call, from, into *side, effect ...[]byte) error {
	timeout, err := parseSeconds(c.Argv[len(c.Argv)-1])
	if err != nil {
		return err
	}
	src, err := writeList(c, c.Argv[1])
	if err != nil {
		return err
	}
	if src.exists {
		if err := moveElement(c, &src, c.Argv[2], from, into); err != nil {
			return err
		}
		c.Propagate(effect...)
		return nil
	}
	if !c.MayBlock {
		c.Reply.Null()
		return nil
	}
	return c.Block(command.Wait{Keys: c.Argv[1:2], Type: keyspace.List, Timeout: timeout})
}
