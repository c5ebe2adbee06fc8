package datatype

import (
	"math"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var zsetCommands = []command.Spec{
	{Name: "zadd", Arity: -4, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.SortedSet,
		Keys: command.KeyAt(1, command.RW|command.Update), Since: "1.2.0", Args: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
		Complexity: "O(log(N)) for each member given, where N is the number of members of the sorted set", Summary: "Adds members to a sorted set, or gives them other scores.", Run: zadd},
	{Name: "zcard", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.SortedSet,
		Keys: command.KeyAt(1, command.RO), Since: "1.2.0", Args: "key", Complexity: "O(1)", Summary: "Returns the number of members of a sorted set.", Run: zcard},
	{Name: "zincrby", Arity: 4, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.SortedSet,
		Keys: command.KeyAt(1, command.RW|command.Access|command.Update), Since: "1.2.0", Args: "key increment member",
		Complexity: "O(log(N)) where N is the number of members of the sorted set", Summary: "Adds a number to the score of a member of a sorted set.", Run: zincrby},
	{Name: "zmscore", Arity: -3, Flags: command.ReadOnly | command.Fast, Group: command.SortedSet,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "6.2.0", Args: "key member [member ...]", Complexity: "O(N) where N is the number of members given",
		Summary: "Returns the scores of members of a sorted set.", Run: zmscore},
	{Name: "zrank", Arity: 3, Flags: command.ReadOnly | command.Fast, Group: command.SortedSet,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.0.0", Args: "key member", Complexity: "O(log(N)) where N is the number of members of the sorted set",
		Summary: "Returns how many members of a sorted set stand before a member.", Run: func(c *command.Call) error { return zrank(c, false) }},
	{Name: "zrem", Arity: -3, Flags: command.Write | command.Fast, Group: command.SortedSet,
		Keys: command.KeyAt(1, command.RW|command.Delete), Since: "1.2.0", Args: "key member [member ...]",
		Complexity: "O(M*log(N)) where N is the number of members of the sorted set and M the number of members given", Summary: "Removes members from a sorted set, with the last one its key.", Run: zrem},
	{Name: "zrevrank", Arity: 3, Flags: command.ReadOnly | command.Fast, Group: command.SortedSet,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.0.0", Args: "key member", Complexity: "O(log(N)) where N is the number of members of the sorted set",
		Summary: "Returns how many members of a sorted set stand behind a member.", Run: func(c *command.Call) error { return zrank(c, true) }},
	{Name: "zscore", Arity: 3, Flags: command.ReadOnly | command.Fast, Group: command.SortedSet,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "1.2.0", Args: "key member", Complexity: "O(1)", Summary: "Returns the score of a member of a sorted set.", Run: zscore},
}

const errNaN resp.Error = "ERR resulting score is not a number (NaN)"

// readZSet is the sorted set at a key for a command that reads it, an empty one if there is no key.
func readZSet(c *command.Call, key []byte) (ZSet, error) {
	v, found, err := read(c, key, keyspace.ZSet)
	if err != nil {
		return ZSet{}, err
	}
	return OpenZSet(c.DB, key, v, found), nil
}

// writeZSet is readZSet for a command that may change it.
func writeZSet(c *command.Call, key []byte) (ZSet, error) {
	v, found, err := write(c, key, keyspace.ZSet)
	if err != nil {
		return ZSet{}, err
	}
	return OpenZSet(c.DB, key, v, found), nil
}

// zsetShrank tells that members were taken from a sorted set, with the last of which its key went.
func zsetShrank(c *command.Call, z *ZSet, event string) {
	c.Changed(z.key, 'z', event)
	if !z.exists {
		c.Event('g', "del", z.key)
	}
}

// zaddOptions are ZADD's.
type zaddOptions struct{ nx, xx, gt, lt, ch, incr bool }

// parse reads the options; what follows them are scores and members.
func (o *zaddOptions) parse(a *command.Args) error {
	for {
		switch {
		case a.Flag("nx"):
			o.nx = true
		case a.Flag("xx"):
			o.xx = true
		case a.Flag("gt"):
			o.gt = true
		case a.Flag("lt"):
			o.lt = true
		case a.Flag("ch"):
			o.ch = true
		case a.Flag("incr"):
			o.incr = true
		default:
			return o.check(a.Left())
		}
	}
}

func (o *zaddOptions) check(left int) error {
	switch {
	case left == 0 || left%2 != 0:
		return resp.ErrSyntax
	case o.nx && o.xx:
		return resp.Error("ERR XX and NX options at the same time are not compatible")
	case o.gt && o.nx || o.lt && o.nx || o.gt && o.lt:
		return resp.Error("ERR GT, LT, and/or NX options at the same time are not compatible")
	case o.incr && left > 2:
		return resp.Error("ERR INCR option supports a single increment-element pair")
	}
	return nil
}

func zadd(c *command.Call) error {
	var o zaddOptions
	a := c.Args(2)
	if err := o.parse(&a); err != nil {
		return err
	}
	return zaddPairs(c, o, a.Rest())
}

// zincrby is ZADD with INCR, whose options Redis takes here, too: an increment that reads like one is missing.
func zincrby(c *command.Call) error {
	o := zaddOptions{incr: true}
	a := c.Args(2)
	if err := o.parse(&a); err != nil {
		return err
	}
	return zaddPairs(c, o, a.Rest())
}

// zaddPairs gives scores to members, with which they alternate in words.
func zaddPairs(c *command.Call, o zaddOptions, words [][]byte) error {
	scores := make([]float64, len(words)/2)
	for i := range scores {
		var err error
		if scores[i], err = command.ParseFloat(words[2*i]); err != nil {
			return err
		}
	}
	z, err := writeZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	existed, n, changed, skipped := z.exists, 0, 0, false
	for i, score := range scores {
		was := outcome(0)
		if was, scores[i], err = o.put(&z, words[2*i+1], score); err != nil {
			return err
		}
		n += int(is(was == zsetAdded))
		changed += int(is(was == zsetAdded || was == zsetMoved))
		skipped = was == zsetSkipped
	}
	if !existed && n > 0 {
		added(c, z.key)
	}
	if changed > 0 {
		event := "zadd"
		if o.incr {
			event = "zincr"
		}
		c.Changed(z.key, 'z', event)
	}
	switch {
	case o.incr && skipped:
		c.Reply.Null()
	case o.incr:
		c.Reply.Double(scores[0])
	case o.ch:
		c.Reply.Int(int64(changed))
	default:
		c.Reply.Int(int64(n))
	}
	return nil
}

// outcome is what became of an element that ZADD was given.
type outcome int

const (
	zsetSame    outcome = iota // it had that score
	zsetAdded                  // it is new
	zsetMoved                  // it has another score
	zsetSkipped                // a condition did not hold
)

// put gives a member a score, or adds to the one that it has, and returns the new one.
func (o *zaddOptions) put(z *ZSet, member []byte, score float64) (outcome, float64, error) {
	old, had := z.Score(member)
	switch {
	case !had && o.xx, had && o.nx:
		return zsetSkipped, 0, nil
	case !had:
		z.Set(member, score)
		return zsetAdded, score, nil
	}
	if o.incr {
		if score += old; math.IsNaN(score) {
			return 0, 0, errNaN
		}
	}
	switch {
	case o.lt && score >= old || o.gt && score <= old:
		return zsetSkipped, 0, nil
	case score == old:
		return zsetSame, score, nil
	}
	z.Set(member, score)
	return zsetMoved, score, nil
}

func zrem(c *command.Call) error {
	z, err := writeZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	n := int64(0)
	for _, member := range c.Argv[2:] {
		n += is(z.exists && z.Delete(member))
	}
	if n > 0 {
		zsetShrank(c, &z, "zrem")
	}
	c.Reply.Int(n)
	return nil
}

func zcard(c *command.Call) error {
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Int(int64(z.Len()))
	return nil
}

func zscore(c *command.Call) error {
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	replyScore(c.Reply, &z, c.Argv[2])
	return nil
}

func zmscore(c *command.Call) error {
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Argv) - 2)
	for _, member := range c.Argv[2:] {
		replyScore(c.Reply, &z, member)
	}
	return nil
}

// replyScore answers the score of a member, or null.
func replyScore(w *resp.Writer, z *ZSet, member []byte) {
	if score, ok := z.Score(member); ok {
		w.Double(score)
	} else {
		w.Null()
	}
}

func zrank(c *command.Call, back bool) error {
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	rank, ok := z.Rank(c.Argv[2])
	if !ok {
		c.Reply.Null()
		return nil
	}
	if back {
		rank = z.Len() - 1 - rank
	}
	c.Reply.Int(int64(rank))
	return nil
}
