package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var streamInfoCommands = []command.Spec{
	{Name: "xinfo", Arity: -2, Flags: command.Container, Group: command.Stream, Since: "5.0.0",
		Summary: "A container for commands that tell about streams.", Complexity: "Depends on subcommand.",
		Subcommands: []command.Spec{
			{Name: "consumers", Arity: 4, Flags: command.ReadOnly, Keys: command.KeyAt(2, command.RO|command.Access), Since: "5.0.0", Tips: streamTips,
				Args: "key groupname", Complexity: "O(1)", Summary: "Lists the consumers of a group.", Run: xinfoConsumers},
			{Name: "groups", Arity: 3, Flags: command.ReadOnly, Keys: command.KeyAt(2, command.RO|command.Access), Since: "5.0.0",
				Args: "key", Complexity: "O(1)", Summary: "Lists the groups of a stream.", Run: xinfoGroups},
			{Name: "help", Arity: 2, Flags: command.Loading | command.Stale | command.NoTurn, Since: "5.0.0", Complexity: "O(1)",
				Summary: "Lists the subcommands.", Run: xinfoHelp},
			{Name: "stream", Arity: -3, Flags: command.ReadOnly, Keys: command.KeyAt(2, command.RO|command.Access), Since: "5.0.0",
				Args: "key [FULL [COUNT count]]", Complexity: "O(1)", Summary: "Tells about a stream.", Run: xinfoStream},
		}},
	{Name: "xpending", Arity: -3, Flags: command.ReadOnly, Group: command.Stream, Tips: streamTips,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "5.0.0", Args: "key group [[IDLE min-idle-time] start end count [consumer]]",
		Complexity: "O(N) where N is the number of entries returned, or looked at with IDLE; of consumers for the summary",
		Summary:    "Tells what is pending in a group.", Run: xpending},
}

// infoStream is the stream that XINFO is asked about.
func infoStream(c *command.Call) (*Stream, error) {
	s, err := readStream(c, c.Argv[2])
	if err == nil && s == nil {
		err = resp.ErrNoSuchKey
	}
	return s, err
}

// field answers a name whose value is to follow.
func field(c *command.Call, name string) *resp.Writer {
	c.Reply.BulkString(name)
	return c.Reply
}

func fieldID(c *command.Call, name string, id StreamID) {
	field(c, name)
	replyID(c, id)
}

func xinfoConsumers(c *command.Call) error {
	s, err := infoStream(c)
	if err != nil {
		return err
	}
	g := s.Group(c.Argv[3])
	if g == nil {
		return noGroupOf(c.Argv[2], c.Argv[3])
	}
	c.Reply.Array(len(g.consumers))
	for _, consumer := range g.consumers {
		c.Reply.Map(3)
		field(c, "name").BulkString(consumer.name)
		field(c, "pending").Int(int64(consumer.Pending()))
		field(c, "idle").Int(max(c.Now-consumer.Seen, 0))
	}
	return nil
}

func xinfoGroups(c *command.Call) error {
	s, err := infoStream(c)
	if err != nil {
		return err
	}
	c.Reply.Array(len(s.groups))
	for _, g := range s.groups {
		c.Reply.Map(6)
		field(c, "name").BulkString(g.name)
		field(c, "consumers").Int(int64(len(g.consumers)))
		field(c, "pending").Int(int64(g.Pending()))
		fieldID(c, "last-delivered-id", g.Last)
		replyRead(c, g)
	}
	return nil
}

// replyRead answers how many entries a group has read and how many are left, as far as that is known.
func replyRead(c *command.Call, g *StreamGroup) {
	if field(c, "entries-read"); g.EntriesRead != UnknownEntriesRead {
		c.Reply.Int(g.EntriesRead)
	} else {
		c.Reply.Null()
	}
	field(c, "lag")
	if n, ok := g.lag(); ok {
		c.Reply.Int(n)
	} else {
		c.Reply.Null()
	}
}

func xinfoHelp(c *command.Call) error {
	c.Reply.Help("XINFO",
		"CONSUMERS <key> <groupname>",
		"    Show consumers of <groupname>.",
		"GROUPS <key>",
		"    Show the stream consumer groups.",
		"STREAM <key> [FULL [COUNT <count>]",
		"    Show information about the stream.",
	)
	return nil
}

func xinfoStream(c *command.Call) error {
	s, err := infoStream(c)
	if err != nil {
		return err
	}
	full, count := false, int64(10)
	if n := len(c.Argv); n > 3 {
		a := c.Args(3)
		full = a.Flag("full")
		if !full || n != 4 && (n != 6 || !a.Flag("count")) {
			return badSubcommand(c, "XINFO")
		}
		if n == 6 {
			if count, err = a.Int(); err != nil {
				return err
			}
			if count < 0 {
				count = 10
			}
		}
	}
	if full {
		c.Reply.Map(9)
	} else {
		c.Reply.Map(10)
	}
	field(c, "length").Int(int64(s.Length))
	field(c, "radix-tree-keys").Int(int64(s.Nodes()))
	field(c, "radix-tree-nodes").Int(s.radixNodes())
	fieldID(c, "last-generated-id", s.Last)
	fieldID(c, "max-deleted-entry-id", s.MaxDeleted)
	field(c, "entries-added").Int(int64(s.Added))
	fieldID(c, "recorded-first-entry-id", s.First)
	if full {
		field(c, "entries")
		replyEntries(c, s.iterate(StreamID{}, maxStreamID, false), count)
		replyFullGroups(c, s, count)
		return nil
	}
	field(c, "groups").Int(int64(len(s.groups)))
	field(c, "first-entry")
	replyEntryOrNull(c, s.iterate(StreamID{}, maxStreamID, false))
	field(c, "last-entry")
	replyEntryOrNull(c, s.iterate(StreamID{}, maxStreamID, true))
	return nil
}

// replyFullGroups answers the groups, their consumers and up to count of the entries pending for each; all if count is 0.
func replyFullGroups(c *command.Call, s *Stream, count int64) {
	field(c, "groups").Array(len(s.groups))
	for _, g := range s.groups {
		c.Reply.Map(7)
		field(c, "name").BulkString(g.name)
		fieldID(c, "last-delivered-id", g.Last)
		replyRead(c, g)
		field(c, "pel-count").Int(int64(g.Pending()))
		field(c, "pending")
		replyFullPending(c, g, &g.pending, count, true)
		field(c, "consumers").Array(len(g.consumers))
		for _, consumer := range g.consumers {
			c.Reply.Map(4)
			field(c, "name").BulkString(consumer.name)
			field(c, "seen-time").Int(consumer.Seen)
			field(c, "pel-count").Int(int64(consumer.Pending()))
			field(c, "pending")
			replyFullPending(c, g, &consumer.pending, count, false)
		}
	}
}

func replyFullPending(c *command.Call, g *StreamGroup, tree *idTree, count int64, named bool) {
	n := tree.len()
	if count > 0 && count < int64(n) {
		n = int(count)
	}
	c.Reply.Array(n)
	at := tree.seek(StreamID{})
	for range n {
		value, _ := g.pending.get(at.id())
		p := pendingEntry(value)
		if named {
			c.Reply.Array(4)
		} else {
			c.Reply.Array(3)
		}
		replyID(c, at.id())
		if named {
			c.Reply.BulkString(g.owner(p).name)
		}
		c.Reply.Int(p.time())
		c.Reply.Int(int64(p.count()))
		at.next()
	}
}

// radixNodes is how many nodes the radix tree has by which Redis finds the stream's nodes. A key of it is an id in 16 bytes: there is a node for each key's end, for each
// place where keys part, and for each run of bytes between such places.
func (s *Stream) radixNodes() (n int64) {
	var open []int // depths of the places above the last key where keys part
	run := func(from, to int) {
		if to > from {
			n++
		}
	}
	fold := func(depth int) (low int) {
		low = idSize
		for len(open) > 0 && open[len(open)-1] > depth {
			d := open[len(open)-1]
			open = open[:len(open)-1]
			run(d+1, low)
			low = d
		}
		return low
	}
	var before StreamID
	first := true
	s.EachNode(func(id StreamID, _ []byte) bool {
		n++
		if !first {
			part := commonBytes(before, id)
			low := fold(part)
			if len(open) == 0 || open[len(open)-1] < part {
				open = append(open, part)
				n++
			}
			run(part+1, low)
		}
		before, first = id, false
		return true
	})
	if first {
		return 1
	}
	run(0, fold(-1))
	return n
}
