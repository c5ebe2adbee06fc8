package datatype

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const (
	zsetLogN      = "O(log(N)) where N is the number of members of the sorted set"
	zsetLogNPlusM = "O(log(N)+M) where N is the number of members of the sorted set and M the number of members in the range"
)

var zsetRangeCommands = []command.Spec{
	{Name: "zcount", Arity: 4, Flags: command.ReadOnly | command.Fast, Group: command.SortedSet, Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.0.0",
		Args: "key min max", Complexity: zsetLogN, Summary: "Returns how many members of a sorted set have a score in a range.",
		Run: func(c *command.Call) error { return countInRange(c, byScore) }},
	{Name: "zlexcount", Arity: 4, Flags: command.ReadOnly | command.Fast, Group: command.SortedSet, Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.8.9",
		Args: "key min max", Complexity: zsetLogN, Summary: "Returns how many members of a sorted set are in a range of the alphabet.",
		Run: func(c *command.Call) error { return countInRange(c, byLex) }},
	{Name: "zrange", Arity: -4, Flags: command.ReadOnly, Group: command.SortedSet, Keys: command.KeyAt(1, command.RO|command.Access), Since: "1.2.0",
		Args: "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]", Complexity: zsetLogNPlusM,
		Summary: "Returns members of a sorted set in a range of ranks, scores or the alphabet.", Run: func(c *command.Call) error { return replyRange(c, rangeQuery{chosen: true}) }},
	{Name: "zrangebylex", Arity: -4, Flags: command.ReadOnly, Group: command.SortedSet, Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.8.9",
		Args: "key min max [LIMIT offset count]", Complexity: zsetLogNPlusM, Summary: "Returns members of a sorted set in a range of the alphabet.",
		Run: func(c *command.Call) error { return replyRange(c, rangeQuery{by: byLex}) }},
	{Name: "zrangebyscore", Arity: -4, Flags: command.ReadOnly, Group: command.SortedSet, Keys: command.KeyAt(1, command.RO|command.Access), Since: "1.0.5",
		Args: "key min max [WITHSCORES] [LIMIT offset count]", Complexity: zsetLogNPlusM, Summary: "Returns members of a sorted set in a range of scores.",
		Run: func(c *command.Call) error { return replyRange(c, rangeQuery{by: byScore}) }},
	{Name: "zrangestore", Arity: -5, Flags: command.Write | command.DenyOOM, Group: command.SortedSet,
		Keys:  []command.KeySpec{{Begin: 1, Flags: command.OW | command.Update}, {Begin: 2, Flags: command.RO | command.Access}},
		Since: "6.2.0", Args: "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]", Complexity: zsetLogNPlusM,
		Summary: "Stores members of a sorted set in a range of ranks, scores or the alphabet at another key.", Run: zrangestore},
	{Name: "zremrangebylex", Arity: 4, Flags: command.Write, Group: command.SortedSet, Keys: command.KeyAt(1, command.RW|command.Delete), Since: "2.8.9",
		Args: "key min max", Complexity: zsetLogNPlusM, Summary: "Removes the members of a sorted set in a range of the alphabet, with the last one its key.",
		Run: func(c *command.Call) error { return removeRange(c, byLex, "zremrangebylex") }},
	{Name: "zremrangebyrank", Arity: 4, Flags: command.Write, Group: command.SortedSet, Keys: command.KeyAt(1, command.RW|command.Delete), Since: "2.0.0",
		Args: "key start stop", Complexity: zsetLogNPlusM, Summary: "Removes the members of a sorted set in a range of ranks, with the last one its key.",
		Run: func(c *command.Call) error { return removeRange(c, byRank, "zremrangebyrank") }},
	{Name: "zremrangebyscore", Arity: 4, Flags: command.Write, Group: command.SortedSet, Keys: command.KeyAt(1, command.RW|command.Delete), Since: "1.2.0",
		Args: "key min max", Complexity: zsetLogNPlusM, Summary: "Removes the members of a sorted set in a range of scores, with the last one its key.",
		Run: func(c *command.Call) error { return removeRange(c, byScore, "zremrangebyscore") }},
	{Name: "zrevrange", Arity: -4, Flags: command.ReadOnly, Group: command.SortedSet, Keys: command.KeyAt(1, command.RO|command.Access), Since: "1.2.0",
		Args: "key start stop [WITHSCORES]", Complexity: zsetLogNPlusM, Summary: "Returns members of a sorted set in a range of ranks, the last one first.",
		Run: func(c *command.Call) error { return replyRange(c, rangeQuery{by: byRank, back: true}) }},
	{Name: "zrevrangebylex", Arity: -4, Flags: command.ReadOnly, Group: command.SortedSet, Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.8.9",
		Args: "key max min [LIMIT offset count]", Complexity: zsetLogNPlusM, Summary: "Returns members of a sorted set in a range of the alphabet, the last one first.",
		Run: func(c *command.Call) error { return replyRange(c, rangeQuery{by: byLex, back: true}) }},
	{Name: "zrevrangebyscore", Arity: -4, Flags: command.ReadOnly, Group: command.SortedSet, Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.2.0",
		Args: "key max min [WITHSCORES] [LIMIT offset count]", Complexity: zsetLogNPlusM, Summary: "Returns members of a sorted set in a range of scores, the last one first.",
		Run: func(c *command.Call) error { return replyRange(c, rangeQuery{by: byScore, back: true}) }},
}

// rangeBy is what a range is of.
type rangeBy int

const (
	byRank rangeBy = iota
	byScore
	byLex
)

// rangeQuery is a range of a sorted set, and what to do with it.
type rangeQuery struct {
	by            rangeBy
	chosen        bool // by and back are for options to choose
	back          bool // the last one first
	store         bool
	withScores    bool
	offset, count int64
	start, stop   int64
	bounds        bounds
}

// parse reads the range and the options behind it, which are looked at first.
func (q *rangeQuery) parse(a command.Args) error {
	low, err := a.Next()
	if err != nil {
		return err
	}
	high, err := a.Next()
	if err != nil {
		return err
	}
	if err := q.parseOptions(a); err != nil {
		return err
	}
	if q.back && q.by != byRank {
		low, high = high, low
	}
	return q.parseRange(low, high)
}

func (q *rangeQuery) parseOptions(a command.Args) (err error) {
	choosesBy, choosesOrder := q.chosen, q.chosen
	for q.count = -1; a.More(); {
		switch {
		case !q.store && a.Flag("withscores"):
			q.withScores = true
		case a.Left() > 2 && a.Flag("limit"):
			if q.offset, err = a.Int(); err != nil {
				return err
			}
			if q.count, err = a.Int(); err != nil {
				return err
			}
		case choosesOrder && a.Flag("rev"):
			q.back, choosesOrder = true, false
		case choosesBy && a.Flag("bylex"):
			q.by, choosesBy = byLex, false
		case choosesBy && a.Flag("byscore"):
			q.by, choosesBy = byScore, false
		default:
			return resp.ErrSyntax
		}
	}
	switch {
	case q.count != -1 && q.by == byRank:
		return resp.Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
	case q.withScores && q.by == byLex:
		return resp.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
	}
	return nil
}

func (q *rangeQuery) parseRange(low, high []byte) (err error) {
	switch q.by {
	case byRank:
		if q.start, err = command.ParseInt(low); err == nil {
			q.stop, err = command.ParseInt(high)
		}
	case byScore:
		q.bounds, err = parseScoreBounds(low, high)
	default:
		q.bounds, err = parseLexBounds(low, high)
	}
	return err
}

// of are the ranks of the elements of z that the query asks for, counted from the first one also if the last one is to be first.
func (q *rangeQuery) of(z *ZSet) ranks {
	if q.by != byRank {
		return z.ranks(q.bounds, q.back).part(q.offset, q.count, q.back)
	}
	r := rankRange(q.start, q.stop, z.Len())
	if q.back {
		r.from = z.Len() - r.from - r.n
	}
	return r
}

// eachOf calls fn for the elements of some ranks.
func (z *ZSet) eachOf(r ranks, back bool, fn func(member []byte, score float64)) {
	if r.n == 0 {
		return
	}
	at, left := r.from, r.n
	if back {
		at += r.n - 1
	}
	z.Range(at, back, func(member []byte, score float64) bool {
		fn(member, score)
		left--
		return left > 0
	})
}

// replyRange answers the range that q, completed by the call's words, asks for.
func replyRange(c *command.Call, q rangeQuery) error {
	if err := q.parse(c.Args(2)); err != nil {
		return err
	}
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	r := q.of(&z)
	out := elements{c.Reply, q.withScores}
	out.head(r.n)
	z.eachOf(r, q.back, out.add)
	return nil
}

// elements answers members, or members with their scores: in RESP3 as arrays of two.
type elements struct {
	w          *resp.Writer
	withScores bool
}

func (e elements) head(n int) {
	if e.withScores && !e.w.RESP3() {
		n *= 2
	}
	e.w.Array(n)
}

func (e elements) add(member []byte, score float64) {
	if e.withScores && e.w.RESP3() {
		e.w.Array(2)
	}
	e.w.Bulk(member)
	if e.withScores {
		e.w.Double(score)
	}
}

func zrangestore(c *command.Call) error {
	q := rangeQuery{chosen: true, store: true}
	if err := q.parse(c.Args(3)); err != nil {
		return err
	}
	z, err := readZSet(c, c.Argv[2])
	if err != nil {
		return err
	}
	result := newBigZSet(c.DB)
	z.eachOf(q.of(&z), false, result.append)
	if q.by == byLex && !z.oneScore() {
		propagateResult(c, c.Argv[1], result)
	}
	storeResult(c, c.Argv[1], result, "zrangestore")
	return nil
}

// oneScore says whether all members have the same score. If not, what a range of the alphabet has depends on the form of the set, which may be another one on a replica:
// then the members found are the effect.
func (z *ZSet) oneScore() bool {
	var first, last float64
	z.Range(0, false, func(_ []byte, score float64) bool { first = score; return false })
	z.Range(z.Len()-1, true, func(_ []byte, score float64) bool { last = score; return false })
	return first == last
}

// storeResult makes a result the value of key, or deletes that if the result is empty, and answers the number of elements.
func storeResult(c *command.Call, key []byte, result *bigZSet, event string) {
	n := result.len()
	_, existed := c.DB.LookupWrite(key)
	switch {
	case n > 0:
		storeZSet(c.DB, key, result)
		if !existed {
			added(c, key)
		}
		c.Changed(key, 'z', event)
	default:
		result.Free()
		if existed {
			c.DB.Delete(key)
			c.Changed(key, 'g', "del")
		}
	}
	c.Reply.Int(int64(n))
}

func countInRange(c *command.Call, by rangeBy) error {
	q := rangeQuery{by: by}
	if err := q.parseRange(c.Argv[2], c.Argv[3]); err != nil {
		return err
	}
	z, err := readZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Int(int64(z.ranks(q.bounds, false).n))
	return nil
}

func removeRange(c *command.Call, by rangeBy, event string) error {
	q := rangeQuery{by: by, count: -1}
	if err := q.parseRange(c.Argv[2], c.Argv[3]); err != nil {
		return err
	}
	z, err := writeZSet(c, c.Argv[1])
	if err != nil {
		return err
	}
	r := q.of(&z)
	if r.n > 0 {
		if by == byLex && !z.oneScore() {
			effect := [][]byte{[]byte("zrem"), z.key}
			z.eachOf(r, false, func(member []byte, _ float64) { effect = append(effect, bytes.Clone(member)) })
			c.Propagate(effect...)
		}
		z.DeleteRange(r.from, r.n)
		zsetShrank(c, &z, event)
	}
	c.Reply.Int(int64(r.n))
	return nil
}
