package datatype

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const (
	zsetUnionCost = "O(N)+O(M*log(M)) where N is the number of members of all sets and M that of the result"
	zsetInterCost = "O(N*K)+O(M*log(M)) where N is the number of members of the smallest set, K the number of sets and M the number of members of the result"
	zsetDiffCost  = "O(L+(N-K)*log(N)) where L is the number of members of all sets, N that of the first one and K that of the result"
)

var zsetCombineCommands = []command.Spec{
	{Name: "zdiff", Arity: -3, Flags: command.ReadOnly, Group: command.SortedSet, Keys: numberedKeys, Since: "6.2.0", Args: "numkeys key [key ...] [WITHSCORES]",
		Complexity: zsetDiffCost, Summary: "Returns the members of the first sorted set that no other one has.",
		Run: func(c *command.Call) error { return replyCombined(c, zsetDifference) }},
	{Name: "zdiffstore", Arity: -4, Flags: command.Write | command.DenyOOM, Group: command.SortedSet, Keys: storeNumberedKeys, Since: "6.2.0",
		Args: "destination numkeys key [key ...]", Complexity: zsetDiffCost, Summary: "Stores the members of the first sorted set that no other one has.",
		Run: func(c *command.Call) error { return storeCombined(c, zsetDifference, "zdiffstore") }},
	{Name: "zinter", Arity: -3, Flags: command.ReadOnly, Group: command.SortedSet, Keys: numberedKeys, Since: "6.2.0",
		Args:       "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]",
		Complexity: zsetInterCost, Summary: "Returns the members that all sorted sets have.",
		Run: func(c *command.Call) error { return replyCombined(c, zsetIntersection) }},
	{Name: "zintercard", Arity: -3, Flags: command.ReadOnly, Group: command.SortedSet, Keys: numberedKeys, Since: "7.0.0", Args: "numkeys key [key ...] [LIMIT limit]",
		Complexity: "O(N*K) where N is the number of members of the smallest set and K the number of sets", Summary: "Returns the number of members that all sorted sets have.", Run: zintercard},
	{Name: "zinterstore", Arity: -4, Flags: command.Write | command.DenyOOM, Group: command.SortedSet, Keys: storeNumberedKeys, Since: "2.0.0",
		Args:       "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]",
		Complexity: zsetInterCost, Summary: "Stores the members that all sorted sets have.",
		Run: func(c *command.Call) error { return storeCombined(c, zsetIntersection, "zinterstore") }},
	{Name: "zunion", Arity: -3, Flags: command.ReadOnly, Group: command.SortedSet, Keys: numberedKeys, Since: "6.2.0",
		Args:       "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]",
		Complexity: zsetUnionCost, Summary: "Returns the members that at least one sorted set has.",
		Run: func(c *command.Call) error { return replyCombined(c, zsetUnion) }},
	{Name: "zunionstore", Arity: -4, Flags: command.Write | command.DenyOOM, Group: command.SortedSet, Keys: storeNumberedKeys, Since: "2.0.0",
		Args:       "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]",
		Complexity: zsetUnionCost, Summary: "Stores the members that at least one sorted set has.",
		Run: func(c *command.Call) error { return storeCombined(c, zsetUnion, "zunionstore") }},
}

var (
	numberedKeys      = []command.KeySpec{{Begin: 1, KeyNum: true, First: 1, Flags: command.RO | command.Access}}
	storeNumberedKeys = []command.KeySpec{{Begin: 1, Flags: command.OW | command.Update}, {Begin: 2, KeyNum: true, First: 1, Flags: command.RO | command.Access}}
)

// operand is a sorted set, or a set, all of whose scores are 1, with its weight.
type operand struct {
	key    []byte
	isSet  bool
	set    Set
	zset   ZSet
	weight float64
}

func (o *operand) len() int {
	if o.isSet {
		return o.set.Len()
	}
	return o.zset.Len()
}

func (o *operand) score(member []byte) (float64, bool) {
	if o.isSet {
		return 1, o.set.Has(member)
	}
	return o.zset.Score(member)
}

func (o *operand) each(fn func(member []byte, score float64) bool) {
	if o.isSet {
		o.set.Each(func(member []byte) bool { return fn(member, 1) })
		return
	}
	o.zset.Each(fn)
}

// weighted is a score times the weight. The conversion keeps the processor from adding to the product before it is rounded, which would give another result than elsewhere.
func (o *operand) weighted(score float64) float64 { return float64(score * o.weight) }

// combination is what ZUNION and its like are asked for.
type combination struct {
	operands   []operand
	aggregate  func(a, b float64) float64
	withScores bool
	limit      int64 // of ZINTERCARD; 0 is none
}

// combinationOptions says which options a command has.
type combinationOptions struct{ weights, withScores, limit bool }

// parse reads the number of keys at index at, the keys, which are looked up, and the options. The order of the checks is Redis's.
func (q *combination) parse(c *command.Call, at int, has combinationOptions) error {
	n, err := command.ParseInt(c.Argv[at])
	switch {
	case err != nil:
		return err
	case n < 1:
		return resp.Errorf("ERR at least 1 input key is needed for '%s' command", c.Spec.FullName)
	case n > int64(len(c.Argv)-at-1):
		return resp.ErrSyntax
	}
	if err := q.lookup(c, c.Argv[at+1:at+1+int(n)]); err != nil {
		return err
	}
	q.aggregate = sumScores
	for a := c.Args(at + 1 + int(n)); a.More(); {
		switch {
		case has.weights && int64(a.Left()) > n && a.Flag("weights"):
			for i := range q.operands {
				w, err := a.Next()
				if err != nil {
					return err
				}
				if q.operands[i].weight, err = command.ParseFloat(w); err != nil {
					return resp.Error("ERR weight value is not a float")
				}
			}
		case has.weights && a.FlagWith("aggregate"):
			switch {
			case a.Flag("sum"):
				q.aggregate = sumScores
			case a.Flag("min"):
				q.aggregate = minScore
			case a.Flag("max"):
				q.aggregate = maxScore
			default:
				return resp.ErrSyntax
			}
		case has.withScores && a.Flag("withscores"):
			q.withScores = true
		case has.limit && a.FlagWith("limit"):
			if q.limit, err = a.Int(); err != nil || q.limit < 0 {
				return resp.Error("ERR LIMIT can't be negative")
			}
		default:
			return resp.ErrSyntax
		}
	}
	return nil
}

// lookup finds the operands.
func (q *combination) lookup(c *command.Call, keys [][]byte) error {
	for _, key := range keys {
		v, found := c.DB.LookupRead(key)
		if !found {
			c.Event('m', "keymiss", key)
		} else if v.Type != keyspace.ZSet && v.Type != keyspace.Set {
			return resp.ErrWrongType
		}
	}
	q.operands = make([]operand, len(keys))
	for i, key := range keys {
		o := &q.operands[i]
		o.key, o.weight = key, 1
		v, found := c.DB.Peek(key) // again: the lookup of another key may have deleted that as expired
		if o.isSet = found && v.Type == keyspace.Set; o.isSet {
			o.set = OpenSet(c.DB, key, v, true)
		} else {
			o.zset = OpenZSet(c.DB, key, v, found)
		}
	}
	return nil
}

// sumScores is the sum, of infinities of both signs 0.
func sumScores(a, b float64) float64 {
	if sum := a + b; !math.IsNaN(sum) {
		return sum
	}
	return 0
}

func minScore(a, b float64) float64 {
	if b < a {
		return b
	}
	return a
}

func maxScore(a, b float64) float64 {
	if b > a {
		return b
	}
	return a
}

// replyCombined answers what one of the functions below makes of the call's sorted sets.
func replyCombined(c *command.Call, of func(result *bigZSet, q *combination)) error {
	var q combination
	if err := q.parse(c, 1, combinationOptions{weights: c.Spec.Name != "zdiff", withScores: true}); err != nil {
		return err
	}
	result := newBigZSet(c.DB)
	defer result.Free()
	of(result, &q)
	out := elements{c.Reply, q.withScores}
	out.head(result.len())
	result.each(0, false, func(member []byte, score float64) bool {
		out.add(member, score)
		return true
	})
	return nil
}

// storeCombined is replyCombined with the result stored at the call's first key.
func storeCombined(c *command.Call, of func(result *bigZSet, q *combination), event string) error {
	var q combination
	if err := q.parse(c, 2, combinationOptions{weights: c.Spec.Name != "zdiffstore"}); err != nil {
		return err
	}
	result := newBigZSet(c.DB)
	of(result, &q)
	storeResult(c, c.Argv[1], result, event)
	return nil
}

func zintercard(c *command.Call) error {
	var q combination
	if err := q.parse(c, 1, combinationOptions{limit: true}); err != nil {
		return err
	}
	n := int64(0)
	q.intersect(func([]byte, float64) bool {
		n++
		return n != q.limit
	})
	c.Reply.Int(n)
	return nil
}

// bySize puts small operands first, so that scores are aggregated in Redis's order.
func (q *combination) bySize() {
	slices.SortStableFunc(q.operands, func(a, b operand) int { return cmp.Compare(a.len(), b.len()) })
}

func zsetUnion(result *bigZSet, q *combination) {
	q.bySize()
	for i := range q.operands {
		o := &q.operands[i]
		o.each(func(member []byte, score float64) bool {
			if score = o.weighted(score); math.IsNaN(score) {
				score = 0
			}
			if old, had := result.score(member); had {
				score = q.aggregate(old, score)
			}
			result.set(member, score)
			return true
		})
	}
}

func zsetIntersection(result *bigZSet, q *combination) {
	q.intersect(func(member []byte, score float64) bool {
		result.set(member, score)
		return true
	})
}

// intersect calls fn for each member that all operands have, until it returns false. It goes through the smallest one.
func (q *combination) intersect(fn func(member []byte, score float64) bool) {
	q.bySize()
	first, others := &q.operands[0], q.operands[1:]
	first.each(func(member []byte, score float64) bool {
		total := first.weighted(score)
		if math.IsNaN(total) {
			total = 0
		}
		for i := range others {
			score, ok := others[i].score(member)
			if !ok {
				return true
			}
			total = q.aggregate(total, others[i].weighted(score))
		}
		return fn(member, total)
	})
}

// zsetDifference asks the other sets for each member of the first one. Redis may go another way, with the same result.
func zsetDifference(result *bigZSet, q *combination) {
	first, others := &q.operands[0], q.operands[1:]
	for i := range others {
		if bytes.Equal(others[i].key, first.key) {
			return
		}
	}
	slices.SortStableFunc(others, func(a, b operand) int { return cmp.Compare(b.len(), a.len()) }) // a big set is likelier to have it
	first.each(func(member []byte, score float64) bool {
		for i := range others {
			if _, has := others[i].score(member); has {
				return true
			}
		}
		result.set(member, score)
		return true
	})
}
