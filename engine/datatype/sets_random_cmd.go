package datatype

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var setsRandomCommands = []command.Spec{
	{Name: "spop", Arity: -2, Flags: command.Write | command.Fast, Group: command.Set, Tips: byChance,
		Keys: command.KeyAt(1, command.RW|command.Access|command.Delete), Since: "1.0.0", Args: "key [count]", Complexity: "O(N) where N is the number of members taken",
		Summary: "Takes members from a set by chance.", Run: spop},
	{Name: "srandmember", Arity: -2, Flags: command.ReadOnly, Group: command.Set, Tips: byChance,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "1.0.0", Args: "key [count]", Complexity: "O(N) where N is the number of members returned",
		Summary: "Returns members of a set by chance.", Run: srandmember},
	{Name: "sscan", Arity: -3, Flags: command.ReadOnly, Group: command.Set, Tips: byChance,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.8.0", Args: "key cursor [MATCH pattern] [COUNT count]",
		Complexity: "O(1) for each call, O(N) for a complete iteration over N members", Summary: "Iterates over the members of a set.", Run: sscan},
}

func spop(c *command.Call) error {
	switch len(c.Argv) {
	case 2:
	case 3:
		return popMembers(c)
	default:
		return resp.ErrSyntax
	}
	s, err := writeSet(c)
	if err != nil {
		return err
	}
	if !s.exists {
		c.Reply.Null()
		return nil
	}
	member := s.Random(c.Rand)
	c.Reply.Bulk(member)
	c.Propagate([]byte("srem"), s.key, member)
	s.Remove(member)
	setShrank(c, &s, "spop")
	return nil
}

// popMembers is SPOP with a count.
func popMembers(c *command.Call) error {
	n, err := command.ParseInt(c.Argv[2])
	if err != nil || n < 0 {
		return resp.Error("ERR value is out of range, must be positive")
	}
	s, err := writeSet(c)
	if err != nil {
		return err
	}
	switch size := int64(s.Len()); {
	case n == 0 || size == 0:
		c.Reply.Set(0)
		return nil
	case n >= size:
		c.DB.Hits++ // which Redis counts for this case alone
		replySet(c, &s)
		c.DB.Delete(s.key)
		s.exists = false
		c.Propagate([]byte("del"), s.key)
	default:
		effect := [][]byte{[]byte("srem"), s.key}
		if left := size - n; left*popMostFactor > n {
			effect = s.takeSome(c, int(n), effect)
		} else {
			effect = s.takeMost(c, int(left), effect)
		}
		c.Reply.Set(int(n))
		for _, member := range effect[2:] {
			c.Reply.Bulk(member)
		}
		c.Propagate(effect...)
	}
	setShrank(c, &s, "spop")
	return nil
}

// popMostFactor is how many times as many members as are left must be popped for SPOP to build a set of those left. It shows in the encoding, so it is Redis's.
const popMostFactor = 5

// takeSome removes n members by chance and appends them to taken.
func (s *Set) takeSome(c *command.Call, n int, taken [][]byte) [][]byte {
	for range n {
		member := bytes.Clone(s.Random(c.Rand))
		s.Remove(member)
		taken = append(taken, member)
	}
	return taken
}

// takeMost removes all members but some by chance, which become a new set, and appends the removed ones to taken.
func (s *Set) takeMost(c *command.Call, left int, taken [][]byte) [][]byte {
	rest := newSet(s.db)
	for range left {
		member := bytes.Clone(s.Random(c.Rand))
		rest.Add(member)
		s.Remove(member)
	}
	s.Each(func(member []byte) bool {
		taken = append(taken, bytes.Clone(member))
		return true
	})
	rest.store(s.key, true)
	return taken
}

func srandmember(c *command.Call) error {
	switch len(c.Argv) {
	case 2:
	case 3:
		return randomMembers(c)
	default:
		return resp.ErrSyntax
	}
	s, err := readSet(c)
	if err != nil {
		return err
	}
	if !s.exists {
		c.Reply.Null()
		return nil
	}
	c.Reply.Bulk(s.Random(c.Rand))
	return nil
}

// randomMembers is SRANDMEMBER with a count: so many different members, or with a negative one so many of which some may be the same.
func randomMembers(c *command.Call) error {
	n, _, err := randomCount(c, "")
	if err != nil {
		return err
	}
	s, err := readSet(c)
	if err != nil {
		return err
	}
	switch {
	case !s.exists || n == 0:
		c.Reply.Array(0)
	case n < 0:
		c.Reply.Array(int(-n))
		return repeat(c.Reply, -n, maxRandomReply, func() { c.Reply.Bulk(s.Random(c.Rand)) })
	default:
		differentMembers(c, &s, int(min(n, int64(s.Len()))))
	}
	return nil
}

// differentMembers answers n members, each once. If that is most of them it chooses among all, else it draws until it has enough.
func differentMembers(c *command.Call, s *Set, n int) {
	c.Reply.Array(n)
	size := s.Len()
	if n == size {
		s.Each(func(member []byte) bool {
			c.Reply.Bulk(member)
			return true
		})
		return
	}
	if n > size/3 {
		all := make([][]byte, 0, size)
		s.Each(func(member []byte) bool {
			if s.dict == nil {
				member = bytes.Clone(member)
			}
			all = append(all, member)
			return true
		})
		for i := range n {
			j := i + c.Rand.IntN(size-i)
			all[i], all[j] = all[j], all[i]
			c.Reply.Bulk(all[i])
		}
		return
	}
	drawn := make(map[string]bool, n)
	for len(drawn) < n {
		member := s.Random(c.Rand)
		if !drawn[string(member)] {
			drawn[string(member)] = true
			c.Reply.Bulk(member)
		}
	}
}

func sscan(c *command.Call) error {
	cursor, err := parseCursor(c.Argv[2])
	if err != nil {
		return err
	}
	s, err := readSet(c)
	if err != nil {
		return err
	}
	if !s.exists { // options are not looked at
		replyScan(c.Reply, 0, nil)
		return nil
	}
	o, err := parseScan(c.Args(3), false)
	if err != nil {
		return err
	}
	var found [][]byte
	if s.dict != nil {
		cursor = s.dict.Scan(cursor, o.count, func(member, _ []byte) {
			if o.match(member) {
				found = append(found, member)
			}
		})
	} else { // an intset is visited as a whole
		cursor = 0
		s.Each(func(member []byte) bool {
			if o.match(member) {
				found = append(found, bytes.Clone(member))
			}
			return true
		})
	}
	replyScan(c.Reply, cursor, found)
	return nil
}
