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

var setsCombineCommands = []command.Spec{
	{Name: "sdiff", Arity: -2, Flags: command.ReadOnly, Group: command.Set, Tips: anyOrder,
		Keys: command.KeysFrom(1, 1, command.RO|command.Access), Since: "1.0.0", Args: "key [key ...]", Complexity: "O(N) where N is the number of members of all sets",
		Summary: "Returns the members of the first set that no other one has.", Run: sdiff},
	{Name: "sdiffstore", Arity: -3, Flags: command.Write | command.DenyOOM, Group: command.Set, Keys: storeKeys(command.OW), Since: "1.0.0",
		Args: "destination key [key ...]", Complexity: "O(N) where N is the number of members of all sets",
		Summary: "Stores the members of the first set that no other one has.", Run: sdiffstore},
	{Name: "sinter", Arity: -2, Flags: command.ReadOnly, Group: command.Set, Tips: anyOrder,
		Keys: command.KeysFrom(1, 1, command.RO|command.Access), Since: "1.0.0", Args: "key [key ...]",
		Complexity: "O(N*M) where N is the number of members of the smallest set and M the number of sets",
		Summary:    "Returns the members that all sets have.", Run: sinter},
	{Name: "sintercard", Arity: -3, Flags: command.ReadOnly, Group: command.Set,
		Keys: []command.KeySpec{{Begin: 1, KeyNum: true, First: 1, Flags: command.RO | command.Access}}, Since: "7.0.0", Args: "numkeys key [key ...] [LIMIT limit]",
		Complexity: "O(N*M) where N is the number of members of the smallest set and M the number of sets",
		Summary:    "Returns the number of members that all sets have.", Run: sintercard},
	{Name: "sinterstore", Arity: -3, Flags: command.Write | command.DenyOOM, Group: command.Set, Keys: storeKeys(command.RW), Since: "1.0.0",
		Args: "destination key [key ...]", Complexity: "O(N*M) where N is the number of members of the smallest set and M the number of sets",
		Summary: "Stores the members that all sets have.", Run: sinterstore},
	{Name: "sunion", Arity: -2, Flags: command.ReadOnly, Group: command.Set, Tips: anyOrder,
		Keys: command.KeysFrom(1, 1, command.RO|command.Access), Since: "1.0.0", Args: "key [key ...]", Complexity: "O(N) where N is the number of members of all sets",
		Summary: "Returns the members that at least one set has.", Run: sunion},
	{Name: "sunionstore", Arity: -3, Flags: command.Write | command.DenyOOM, Group: command.Set, Keys: storeKeys(command.OW), Since: "1.0.0",
		Args: "destination key [key ...]", Complexity: "O(N) where N is the number of members of all sets",
		Summary: "Stores the members that at least one set has.", Run: sunionstore},
}

// storeKeys are a destination, with what is done to it, and sources to the end of the request.
func storeKeys(destination command.KeyFlags) []command.KeySpec {
	return []command.KeySpec{{Begin: 1, Flags: destination | command.Update}, {Begin: 2, Last: -1, Flags: command.RO | command.Access}}
}

// readSets are the sets at keys, all of which are looked up.
func readSets(c *command.Call, keys [][]byte) ([]Set, error) {
	for _, key := range keys {
		if _, _, err := read(c, key, keyspace.Set); err != nil {
			return nil, err
		}
	}
	sets := make([]Set, len(keys))
	for i, key := range keys {
		v, found := c.DB.Peek(key) // again: the lookup of another key may have deleted that as expired
		sets[i] = OpenSet(c.DB, key, v, found)
	}
	return sets, nil
}

// storeSet makes a result the value of the request's first key, or deletes that if the result is empty.
func storeSet(c *command.Call, result *Set, event string) {
	key, n := c.Argv[1], result.Len()
	_, existed := c.DB.LookupWrite(key)
	switch {
	case n > 0:
		result.store(key, false)
		if !existed {
			added(c, key)
		}
		c.Changed(key, 's', event)
	case existed:
		c.DB.Delete(key)
		c.Changed(key, 'g', "del")
	}
	if n == 0 {
		result.free()
	}
	c.Reply.Int(int64(n))
}

func sinter(c *command.Call) error {
	sets, err := readSets(c, c.Argv[1:])
	if err != nil {
		return err
	}
	n, mark := 0, c.Reply.Len()
	intersect(sets, func(member []byte) bool {
		c.Reply.Bulk(member)
		n++
		return true
	})
	members := bytes.Clone(c.Reply.Bytes()[mark:]) // their number goes before them
	c.Reply.Cut(mark)
	c.Reply.Set(n)
	c.Reply.Raw(members)
	return nil
}

func sinterstore(c *command.Call) error {
	sets, err := readSets(c, c.Argv[2:])
	if err != nil {
		return err
	}
	result := newSet(c.DB)
	intersect(sets, func(member []byte) bool {
		result.Add(member)
		return true
	})
	storeSet(c, &result, "sinterstore")
	return nil
}

func sintercard(c *command.Call) error {
	n, err := command.ParseInt(c.Argv[1])
	if err != nil || n < 1 {
		return resp.Error("ERR numkeys should be greater than 0")
	}
	if n > int64(len(c.Argv)-2) {
		return resp.Error("ERR Number of keys can't be greater than number of args")
	}
	limit := int64(0)
	for a := c.Args(2 + int(n)); a.More(); {
		if !a.FlagWith("limit") {
			return resp.ErrSyntax
		}
		if limit, err = a.Int(); err != nil || limit < 0 {
			return resp.Error("ERR LIMIT can't be negative")
		}
	}
	if limit == 0 {
		limit = math.MaxInt64
	}
	sets, err := readSets(c, c.Argv[2:2+n])
	if err != nil {
		return err
	}
	count := int64(0)
	intersect(sets, func([]byte) bool {
		count++
		return count < limit
	})
	c.Reply.Int(count)
	return nil
}

// intersect calls fn for each member that all sets have, until it returns false. It goes through the smallest set.
func intersect(sets []Set, fn func(member []byte) bool) {
	slices.SortStableFunc(sets, func(a, b Set) int { return cmp.Compare(a.Len(), b.Len()) })
	sets[0].Each(func(member []byte) bool {
		for i := range sets[1:] {
			if !sets[1+i].Has(member) {
				return true
			}
		}
		return fn(member)
	})
}

func sunion(c *command.Call) error { return combine(c, union) }

func sdiff(c *command.Call) error { return combine(c, difference) }

func sunionstore(c *command.Call) error { return combineTo(c, union, "sunionstore") }

func sdiffstore(c *command.Call) error { return combineTo(c, difference, "sdiffstore") }

// combine answers what one of the functions below makes of the sets at the call's keys.
func combine(c *command.Call, of func(result *Set, sets []Set)) error {
	sets, err := readSets(c, c.Argv[1:])
	if err != nil {
		return err
	}
	result := newSet(c.DB)
	defer result.free()
	of(&result, sets)
	replySet(c, &result)
	return nil
}

// combineTo is combine with the result stored at the call's first key.
func combineTo(c *command.Call, of func(result *Set, sets []Set), event string) error {
	sets, err := readSets(c, c.Argv[2:])
	if err != nil {
		return err
	}
	result := newSet(c.DB)
	of(&result, sets)
	storeSet(c, &result, event)
	return nil
}

func union(result *Set, sets []Set) {
	for i := range sets {
		sets[i].Each(func(member []byte) bool {
			result.Add(member)
			return true
		})
	}
}

// difference asks the other sets for each member of the first one, or takes the members of all others away from a copy of it: whichever is less work. Which way it went
// shows in the result's encoding, so the estimate is Redis's.
func difference(result *Set, sets []Set) {
	first, others := &sets[0], sets[1:]
	asking, taking := 0, 0
	for i := range sets {
		if i > 0 && bytes.Equal(sets[i].key, first.key) {
			return
		}
		if sets[i].exists {
			asking += first.Len()
			taking += sets[i].Len()
		}
	}
	if asking/2 > taking {
		union(result, sets[:1])
		for i := range others {
			others[i].Each(func(member []byte) bool {
				result.Remove(member)
				return true
			})
		}
		return
	}
	slices.SortStableFunc(others, func(a, b Set) int { return cmp.Compare(b.Len(), a.Len()) }) // a big set is likelier to have it
	first.Each(func(member []byte) bool {
		for i := range others {
			if others[i].Has(member) {
				return true
			}
		}
		result.Add(member)
		return true
	})
}
