package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// pendingArgs are XPENDING's words behind the group.
type pendingArgs struct {
	minIdle, count int64
	first, last    StreamID
	consumer       []byte
}

func parsePending(c *command.Call) (x pendingArgs, err error) {
	if len(c.Argv) < 6 || len(c.Argv) > 9 {
		return x, resp.ErrSyntax
	}
	a := c.Args(3)
	if a.Flag("idle") {
		if x.minIdle, err = a.Int(); err != nil {
			return x, err
		}
		if a.Left() < 3 {
			return x, resp.ErrSyntax
		}
	}
	words := a.Rest()
	if x.count, err = command.ParseInt(words[2]); err != nil {
		return x, err
	}
	if x.first, err = parseStart(words[0]); err != nil {
		return x, err
	}
	if x.last, err = parseEnd(words[1]); err != nil {
		return x, err
	}
	if len(words) > 3 {
		x.consumer = words[3]
	}
	return x, nil
}

func xpending(c *command.Call) error {
	summary := len(c.Argv) == 3
	var x pendingArgs
	if !summary {
		var err error
		if x, err = parsePending(c); err != nil {
			return err
		}
	}
	_, g, err := findClaimed(c)
	if err != nil {
		return err
	}
	if summary {
		replyPendingSummary(c, g)
		return nil
	}
	tree := &g.pending
	if x.consumer != nil {
		consumer := g.Consumer(x.consumer)
		if consumer == nil {
			c.Reply.Array(0)
			return nil
		}
		tree = &consumer.pending
	}
	x.reply(c, g, tree)
	return nil
}

// replyPendingSummary answers how many entries are pending, their first and last ids, and how many are so for each consumer.
func replyPendingSummary(c *command.Call, g *StreamGroup) {
	c.Reply.Array(4)
	c.Reply.Int(int64(g.Pending()))
	if g.Pending() == 0 {
		c.Reply.Null()
		c.Reply.Null()
		c.Reply.NullArray()
		return
	}
	first, last := g.pending.seek(StreamID{}), g.pending.last()
	replyID(c, first.id())
	replyID(c, last.id())
	n := 0
	for _, consumer := range g.consumers {
		if consumer.Pending() > 0 {
			n++
		}
	}
	c.Reply.Array(n)
	for _, consumer := range g.consumers {
		if consumer.Pending() > 0 {
			c.Reply.Array(2)
			c.Reply.BulkString(consumer.name)
			c.Reply.BulkInt(int64(consumer.Pending()))
		}
	}
}

// reply answers the pending entries of a tree: the group's, or a consumer's.
func (x *pendingArgs) reply(c *command.Call, g *StreamGroup, tree *idTree) {
	var found []StreamID
	for at := tree.seek(x.first); at.ok && !x.last.Less(at.id()) && int64(len(found)) < x.count; at.next() {
		value, _ := g.pending.get(at.id())
		if x.minIdle == 0 || c.Now-pendingEntry(value).time() >= x.minIdle {
			found = append(found, at.id())
		}
	}
	c.Reply.Array(len(found))
	for _, id := range found {
		value, _ := g.pending.get(id)
		p := pendingEntry(value)
		c.Reply.Array(4)
		replyID(c, id)
		c.Reply.BulkString(g.owner(p).name)
		c.Reply.Int(max(c.Now-p.time(), 0))
		c.Reply.Int(int64(p.count()))
	}
}
