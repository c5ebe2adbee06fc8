package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var streamCommands = []command.Spec{
	{Name: "xadd", Arity: -5, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.Stream, Tips: streamTips,
		Keys:  []command.KeySpec{{Begin: 1, Flags: command.RW | command.Update, Notes: "UPDATE instead of INSERT because of the optional trimming feature"}},
		Since: "5.0.0", Args: "key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]",
		Complexity: "O(1), and O(N) for N entries that are trimmed", Summary: "Appends an entry to a stream.", Run: xadd},
	{Name: "xdel", Arity: -3, Flags: command.Write | command.Fast, Group: command.Stream,
		Keys: command.KeyAt(1, command.RW|command.Delete), Since: "5.0.0", Args: "key id [id ...]", Complexity: "O(1) for each entry",
		Summary: "Deletes entries of a stream.", Run: xdel},
	{Name: "xlen", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.Stream,
		Keys: command.KeyAt(1, command.RO), Since: "5.0.0", Args: "key", Complexity: "O(1)", Summary: "Returns the number of entries of a stream.", Run: xlen},
	{Name: "xrange", Arity: -4, Flags: command.ReadOnly, Group: command.Stream,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "5.0.0", Args: "key start end [COUNT count]",
		Complexity: "O(N) where N is the number of entries returned", Summary: "Returns the entries of a stream between two ids.", Run: xrange},
	{Name: "xrevrange", Arity: -4, Flags: command.ReadOnly, Group: command.Stream,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "5.0.0", Args: "key end start [COUNT count]",
		Complexity: "O(N) where N is the number of entries returned", Summary: "Returns the entries of a stream between two ids, the last one first.", Run: xrevrange},
	{Name: "xsetid", Arity: -3, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.Stream,
		Keys: command.KeyAt(1, command.RW|command.Update), Since: "5.0.0", Args: "key last-id [ENTRIESADDED entries_added] [MAXDELETEDID max_deleted_entry_id]",
		Complexity: "O(1)", Summary: "Sets the last id of a stream, as a log does that is replayed.", Run: xsetid},
	{Name: "xtrim", Arity: -4, Flags: command.Write, Group: command.Stream, Tips: streamTips,
		Keys: command.KeyAt(1, command.RW|command.Delete), Since: "5.0.0", Args: "key (<MAXLEN | MINID> [= | ~] threshold [LIMIT count])",
		Complexity: "O(N) where N is the number of entries that are trimmed", Summary: "Deletes the oldest entries of a stream.", Run: xtrim},
}

var streamTips = []string{"nondeterministic_output"}

// readStream is the stream at a key for a command that reads it; nil if there is no key.
func readStream(c *command.Call, key []byte) (*Stream, error) {
	v, found, err := read(c, key, keyspace.Stream)
	if err != nil || !found {
		return nil, err
	}
	return OpenStream(v), nil
}

// writeStream is readStream for a command that may change it.
func writeStream(c *command.Call, key []byte) (*Stream, error) {
	v, found, err := write(c, key, keyspace.Stream)
	if err != nil || !found {
		return nil, err
	}
	return OpenStream(v), nil
}

// makeStream makes an empty stream the value of a key that doesn't exist.
func makeStream(c *command.Call, key []byte) *Stream {
	s := NewStream(c.DB)
	c.DB.SetObject(key, keyspace.Stream, keyspace.EncStream, s, false)
	added(c, key)
	return s
}

// parseIDs reads words that are ids.
func parseIDs(words [][]byte) ([]StreamID, error) {
	ids := make([]StreamID, len(words))
	for i, w := range words {
		var err error
		if ids[i], err = parseStreamID(w, 0); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func xlen(c *command.Call) error {
	s, err := readStream(c, c.Argv[1])
	if err != nil {
		return err
	}
	n := int64(0)
	if s != nil {
		n = int64(s.Length)
	}
	c.Reply.Int(n)
	return nil
}

func xdel(c *command.Call) error {
	s, err := writeStream(c, c.Argv[1])
	if err != nil {
		return err
	}
	if s == nil {
		c.Reply.Int(0)
		return nil
	}
	ids, err := parseIDs(c.Argv[2:])
	if err != nil {
		return err
	}
	n := int64(0)
	for _, id := range ids {
		if s.delete(id) {
			n++
		}
	}
	if n > 0 {
		c.Changed(c.Argv[1], 't', "xdel")
	}
	c.Reply.Int(n)
	return nil
}

func xrange(c *command.Call) error { return rangeOf(c, c.Argv[2], c.Argv[3], false) }

func xrevrange(c *command.Call) error { return rangeOf(c, c.Argv[3], c.Argv[2], true) }

func rangeOf(c *command.Call, start, end []byte, backwards bool) error {
	first, err := parseStart(start)
	if err != nil {
		return err
	}
	last, err := parseEnd(end)
	if err != nil {
		return err
	}
	count := int64(-1)
	for a := c.Args(4); a.More(); {
		if !a.FlagWith("count") {
			return resp.ErrSyntax
		}
		if count, err = a.Int(); err != nil {
			return err
		}
		count = max(count, 0)
	}
	s, err := readStream(c, c.Argv[1])
	switch {
	case err != nil:
		return err
	case s == nil:
		c.Reply.Array(0)
	case count == 0:
		c.Reply.NullArray()
	default:
		replyEntries(c, s.iterate(first, last, backwards), max(count, 0))
	}
	return nil
}

// replyEntries answers up to count entries, all if count is 0.
func replyEntries(c *command.Call, it streamIter, count int64) {
	n := int64(0)
	for again := it; (count == 0 || n < count) && again.next(); {
		n++
	}
	c.Reply.Array(int(n))
	for range n {
		it.next()
		replyEntry(c, &it)
	}
}

// replyEntry answers the entry of an iterator.
func replyEntry(c *command.Call, it *streamIter) {
	c.Reply.Array(2)
	replyID(c, it.id)
	c.Reply.Array(2 * it.fields)
	var room [20]byte
	it.each(func(field, value listpack.Elem) {
		c.Reply.Bulk(field.Text(room[:]))
		c.Reply.Bulk(value.Text(room[:]))
	})
}

// replyEntryOrNull answers the entry that an iterator finds next, or null.
func replyEntryOrNull(c *command.Call, it streamIter) {
	if it.next() {
		replyEntry(c, &it)
	} else {
		c.Reply.Null()
	}
}
