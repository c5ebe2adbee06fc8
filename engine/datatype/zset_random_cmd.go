package datatype

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var zsetRandomCommands = []command.Spec{
	{Name: "zrandmember", Arity: -2, Flags: command.ReadOnly, Group: command.SortedSet, Tips: byChance,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "6.2.0", Args: "key [count [WITHSCORES]]",
		Complexity: "O(N) where N is the number of members returned", Summary: "Returns members of a sorted set by chance.", Run: zrandmember},
	{Name: "zscan", Arity: -3, Flags: command.ReadOnly, Group: command.SortedSet, Tips: byChance,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.8.0", Args: "key cursor [MATCH pattern] [COUNT count]",
		Complexity: "O(1) for each call, O(N) for a complete iteration over N members", Summary: "Iterates over the members and scores of a sorted set.", Run: zscan},
}

func zrandmember(c *command.Call) error {
	if len(c.Argv) > 2 {
		return randomElements(c)
	}
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	if !z.exists {
		c.Reply.Null()
		return nil
	}
	member, _ := z.Random(c.Rand)
	c.Reply.Bulk(member)
	return nil
}

// randomElements is ZRANDMEMBER with a count: so many different members, or with a negative one so many of which some may be the same.
func randomElements(c *command.Call) error {
	n, withScores, err := randomCount(c, "withscores")
	if err != nil {
		return err
	}
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	out := elements{c.Reply, withScores}
	switch {
	case !z.exists || n == 0:
		c.Reply.Array(0)
	case n < 0:
		return out.repeated(c, &z, -n)
	default:
		out.different(c, &z, int(min(n, int64(z.Len()))))
	}
	return nil
}

func (e elements) repeated(c *command.Call, z *ZSet, n int64) error {
	e.head(int(n))
	return repeat(e.w, n, maxRandomReply, func() { e.add(z.Random(c.Rand)) })
}

// different answers n elements, each once. If that is most of them it chooses among all, else it draws until it has enough.
func (e elements) different(c *command.Call, z *ZSet, n int) {
	e.head(n)
	size := z.Len()
	if n == size {
		z.eachOf(ranks{0, n}, false, e.add)
		return
	}
	drawn := make(map[int]bool, n) // ranks
	for i := size - n; i < size; i++ {
		rank := c.Rand.IntN(i + 1) // Floyd's algorithm: each set of n ranks has the same chance
		if drawn[rank] {
			rank = i
		}
		drawn[rank] = true
		z.eachOf(ranks{rank, 1}, false, e.add)
	}
}

func zscan(c *command.Call) error {
	cursor, err := parseCursor(c.Argv[2])
	if err != nil {
		return err
	}
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	if !z.exists { // options are not looked at
		replyScan(c.Reply, 0, nil)
		return nil
	}
	o, err := parseScan(c.Args(3), false)
	if err != nil {
		return err
	}
	var found [][]byte
	visit := func(member, score []byte) {
		if o.match(member) {
			found = append(found, bytes.Clone(member), score)
		}
	}
	if z.big != nil {
		cursor = z.big.dict.Scan(cursor, o.count, func(member, score []byte) { visit(member, resp.AppendDouble(nil, scoreOf(score))) })
	} else { // a listpack is visited as a whole, and answers its own bytes
		cursor = 0
		z.eachOf(ranks{0, z.Len()}, false, func(member []byte, score float64) { visit(member, packedScore(score)) })
	}
	replyScan(c.Reply, cursor, found)
	return nil
}
