package datatype

import (
	"bytes"
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var scanCommands = []command.Spec{
	{Name: "scan", Arity: -2, Flags: command.ReadOnly | command.WholeKeyspace, Group: command.Generic, Categories: keyspaceCategory, Since: "2.8.0",
		Args: "cursor [MATCH pattern] [COUNT count] [TYPE type]", Complexity: "O(1) for each call, O(N) for a complete iteration over N keys",
		Tips: []string{"nondeterministic_output", "request_policy:special"}, Summary: "Iterates over the keys.", Run: scan},
	{Name: "keys", Arity: 2, Flags: command.ReadOnly | command.WholeKeyspace, Group: command.Generic, Categories: []string{"keyspace", "dangerous"}, Since: "1.0.0",
		Args: "pattern", Complexity: "O(N) where N is the number of keys",
		Tips: []string{"request_policy:all_shards", "nondeterministic_output_order"}, Summary: "Returns all keys that match a pattern.", Run: keys},
	{Name: "randomkey", Arity: 1, Flags: command.ReadOnly | command.WholeKeyspace, Group: command.Generic, Categories: keyspaceCategory, Since: "1.0.0",
		Complexity: "O(1)", Tips: []string{"request_policy:all_shards", "nondeterministic_output"}, Summary: "Returns a key by chance.", Run: randomkey},
	{Name: "dbsize", Arity: 1, Flags: command.ReadOnly | command.Fast | command.WholeKeyspace, Group: command.Server, Categories: keyspaceCategory, Since: "1.0.0",
		Complexity: "O(1)", Tips: []string{"request_policy:all_shards", "response_policy:agg_sum"}, Summary: "Returns the number of keys.", Run: dbsize},
}

// scanOptions are the options of SCAN and of the commands like it that iterate over a collection.
type scanOptions struct {
	filter   bool // by pattern
	pattern  []byte
	count    int
	typed    bool // by the name of a type; SCAN only
	typeName []byte
}

func (o *scanOptions) match(s []byte) bool { return !o.filter || command.Match(o.pattern, s) }

// parseScan reads the options; ofKeys says that TYPE is one of them.
func parseScan(a command.Args, ofKeys bool) (scanOptions, error) {
	o := scanOptions{count: 10}
	for a.More() {
		switch {
		case a.FlagWith("count"):
			n, err := a.Int()
			if err != nil {
				return o, err
			}
			if n < 1 {
				return o, resp.ErrSyntax
			}
			o.count = int(min(n, math.MaxInt32))
		case a.FlagWith("match"):
			o.pattern, _ = a.Next()             // FlagWith saw it
			o.filter = string(o.pattern) != "*" // which as an option lets the empty string pass
		case ofKeys && a.FlagWith("type"):
			o.typeName, _ = a.Next()
			o.typed = true
		default:
			return o, resp.ErrSyntax
		}
	}
	return o, nil
}

// zeroByte ends texts in C: where Redis reads or prints an argument that way, so do we.
var zeroByte = []byte{0}

// parseCursor reads a cursor as C's strtoul does, which takes a sign and the empty string, and ends at a zero byte.
func parseCursor(b []byte) (uint64, error) {
	b, _, _ = bytes.Cut(b, zeroByte)
	if len(b) == 0 {
		return 0, nil
	}
	digits := b
	if b[0] == '-' || b[0] == '+' {
		digits = b[1:]
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0, resp.Error("ERR invalid cursor")
	}
	if b[0] == '-' {
		n = -n
	}
	return n, nil
}

// replyScan answers a cursor and what was found.
func replyScan(w *resp.Writer, cursor uint64, found [][]byte) {
	w.Array(2)
	w.BulkString(strconv.FormatUint(cursor, 10))
	replyBulks(w, found)
}

func replyBulks(w *resp.Writer, found [][]byte) {
	w.Array(len(found))
	for _, b := range found {
		w.Bulk(b)
	}
}

func scan(c *command.Call) error {
	cursor, err := parseCursor(c.Argv[1])
	if err != nil {
		return err
	}
	o, err := parseScan(c.Args(2), true)
	if err != nil {
		return err
	}
	var found [][]byte
	cursor = c.DB.Scan(cursor, o.count, func(key []byte) {
		if o.match(key) {
			found = append(found, key)
		}
	})
	if o.typed {
		found = ofType(c.DB, found, o.typeName)
	}
	replyScan(c.Reply, cursor, found)
	return nil
}

// ofType are those of the keys, none of which is expired, whose values have the type of that name, in whatever case.
func ofType(db *keyspace.DB, keys [][]byte, name []byte) [][]byte {
	keep := keys[:0]
	for _, key := range keys {
		if v, ok := db.Peek(key); ok && bytes.EqualFold(name, []byte(v.Type.String())) {
			keep = append(keep, key)
		}
	}
	return keep
}

func keys(c *command.Call) error {
	pattern := c.Argv[1]
	all := string(pattern) == "*"
	var found [][]byte
	c.DB.Each(func(key []byte, _ keyspace.Value, _ int64) bool {
		if all || command.Match(pattern, key) {
			found = append(found, key)
		}
		return true
	})
	replyBulks(c.Reply, found)
	return nil
}

func randomkey(c *command.Call) error {
	if key, ok := c.DB.RandomKey(); ok {
		c.Reply.Bulk(key)
	} else {
		c.Reply.Null()
	}
	return nil
}

func dbsize(c *command.Call) error {
	c.Reply.Int(int64(c.DB.Len()))
	return nil
}
