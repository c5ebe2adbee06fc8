package datatype

import (
	"bytes"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var sortCommands = []command.Spec{
	{Name: "sort", Arity: -2, Flags: command.Write | command.DenyOOM, Group: command.Generic, Categories: sortCategories,
		Keys: []command.KeySpec{{Begin: 1, Flags: command.RO | command.Access}, sortPatterns, {Unknown: true, Flags: command.OW | command.Update, Find: sortStoreKey,
			Notes: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array"}}, Since: "1.0.0",
		Args:       "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]",
		Complexity: sortComplexity, Summary: "Returns the elements of a list, set or sorted set in order, or stores them.", Run: sortKey},
	{Name: "sort_ro", Arity: -2, Flags: command.ReadOnly, Group: command.Generic, Categories: sortCategories,
		Keys: []command.KeySpec{{Begin: 1, Flags: command.RO | command.Access}, sortPatterns}, Since: "7.0.0",
		Args:       "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]",
		Complexity: sortComplexity, Summary: "Returns the elements of a list, set or sorted set in order.", Run: sortRO},
}

const sortComplexity = "O(N+M*log(M)) where N is the number of elements and M the number of those returned; O(N) if they are not sorted"

var (
	sortCategories = []string{"set", "sortedset", "list", "dangerous"}
	sortPatterns   = command.KeySpec{Unknown: true, Flags: command.RO | command.Access,
		Notes: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort"}
)

// sortStoreKey finds the key of the last STORE, though not where a word is an argument of LIMIT, BY or GET.
func sortStoreKey(argv [][]byte, keys []command.Key) ([]command.Key, error) {
	at := 0
	for i := 2; i < len(argv); i++ {
		switch strings.ToLower(string(argv[i])) {
		case "limit":
			i += 2
		case "by", "get":
			i++
		case "store":
			if i+1 < len(argv) {
				at = i + 1
			}
		}
	}
	if at > 0 {
		keys = append(keys, command.Key{Index: at, Flags: command.OW | command.Update})
	}
	return keys, nil
}

func sortKey(c *command.Call) error { return sortGeneric(c, true) }

func sortRO(c *command.Call) error { return sortGeneric(c, false) }

func sortGeneric(c *command.Call, withStore bool) error {
	s, err := parseSort(c.Args(2), withStore)
	if err != nil {
		return err
	}
	texts, err := s.elements(c)
	switch {
	case err != nil:
		return err
	case s.store == nil:
		replyBulks(c.Reply, texts)
	default:
		storeList(c, s.store, texts, "sortstore")
	}
	return nil
}

// storeList makes a list of texts, which do not point into the DB's arena, the value of key, or deletes key if there are none, and answers their number.
func storeList(c *command.Call, key []byte, texts [][]byte, event string) {
	_, existed := c.DB.LookupWrite(key)
	if existed {
		c.DB.Delete(key)
	}
	switch {
	case len(texts) > 0:
		list := OpenList(c.DB, key, keyspace.Value{}, false)
		for _, text := range texts {
			list.Push(text, false)
		}
		if !existed {
			added(c, key)
		}
		c.Changed(key, 'l', event)
	case existed:
		c.Changed(key, 'g', "del")
	}
	c.Reply.Int(int64(len(texts)))
}

// elements are those of the collection at the call's key, in the order and as many as asked for. Those to be stored are copies.
func (s *sorting) elements(c *command.Call) ([][]byte, error) {
	key := c.Argv[1]
	v, found := c.DB.LookupRead(key)
	if !found {
		c.Event('m', "keymiss", key)
		return nil, nil
	}
	var texts [][]byte
	switch v.Type {
	case keyspace.Set:
		if s.plain && (s.store != nil || c.Nested()) { // a set has no order of its own, and the result is to be the same everywhere
			s.plain, s.alpha = false, true
		}
		set := OpenSet(c.DB, key, v, true)
		texts = make([][]byte, 0, set.Len())
		set.Each(func(member []byte) bool {
			if set.dict == nil || s.store != nil { // else it stays where it is until the reply
				member = bytes.Clone(member)
			}
			texts = append(texts, member)
			return true
		})
	case keyspace.List:
		list := OpenList(c.DB, key, v, true)
		texts = s.ordered(list.Len(), list.Each)
		if s.plain {
			return texts, nil
		}
	case keyspace.ZSet:
		zset := OpenZSet(c.DB, key, v, true)
		if v.Object == nil { // as Redis does, which shows in the encoding
			zset.unpack()
		}
		texts = s.ordered(zset.Len(), func(from int, backwards bool, fn func([]byte) bool) {
			zset.Range(from, backwards, func(member []byte, _ float64) bool { return fn(member) })
		})
		if s.plain {
			return texts, nil
		}
	default:
		return nil, resp.ErrWrongType
	}
	if !s.plain {
		if err := s.sort(texts); err != nil {
			return nil, err
		}
	}
	start, end := s.window(len(texts))
	return texts[start:end], nil
}

// ordered are copies of the n elements of a collection that has an order of its own: all if they are to be sorted, else those that LIMIT leaves. each calls a function for the
// elements from an index on, towards the end or towards the beginning.
func (s *sorting) ordered(n int, each func(from int, backwards bool, fn func(text []byte) bool)) [][]byte {
	from, end, backwards := 0, n, false
	if s.plain {
		from, end = s.window(n)
		backwards = s.desc
	}
	left := end - from
	if left == 0 {
		return nil
	}
	if backwards {
		from = n - 1 - from
	}
	texts := make([][]byte, 0, left)
	each(from, backwards, func(text []byte) bool {
		texts = append(texts, bytes.Clone(text))
		left--
		return left > 0
	})
	return texts
}
