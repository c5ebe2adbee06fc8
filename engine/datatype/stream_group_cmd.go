package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var streamGroupCommands = []command.Spec{
	{Name: "xack", Arity: -4, Flags: command.Write | command.Fast, Group: command.Stream,
		Keys: command.KeyAt(1, command.RW|command.Update), Since: "5.0.0", Args: "key group id [id ...]", Complexity: "O(1) for each entry",
		Summary: "Says that entries are dealt with: they are not pending any more.", Run: xack},
	{Name: "xgroup", Arity: -2, Flags: command.Container, Group: command.Stream, Since: "5.0.0",
		Summary: "A container for commands about groups of consumers.", Complexity: "Depends on subcommand.",
		Subcommands: []command.Spec{
			{Name: "create", Arity: -5, Flags: command.Write | command.DenyOOM, Keys: command.KeyAt(2, command.RW|command.Insert), Since: "5.0.0",
				Args: "key groupname <id | $> [MKSTREAM] [ENTRIESREAD entries_read]", Complexity: "O(1)", Summary: "Makes a group of consumers.", Run: xgroupCreate},
			{Name: "createconsumer", Arity: 5, Flags: command.Write | command.DenyOOM, Keys: command.KeyAt(2, command.RW|command.Insert), Since: "6.2.0",
				Args: "key groupname consumername", Complexity: "O(1)", Summary: "Makes a consumer in a group.", Run: xgroupCreateConsumer},
			{Name: "delconsumer", Arity: 5, Flags: command.Write, Keys: command.KeyAt(2, command.RW|command.Delete), Since: "5.0.0",
				Args: "key groupname consumername", Complexity: "O(1)", Summary: "Deletes a consumer of a group, and what is pending for it.", Run: xgroupDelConsumer},
			{Name: "destroy", Arity: 4, Flags: command.Write, Keys: command.KeyAt(2, command.RW|command.Delete), Since: "5.0.0",
				Args: "key groupname", Complexity: "O(N) where N is the number of pending entries", Summary: "Deletes a group of consumers.", Run: xgroupDestroy},
			{Name: "help", Arity: 2, Flags: command.Loading | command.Stale | command.NoTurn, Since: "5.0.0", Complexity: "O(1)",
				Summary: "Lists the subcommands.", Run: xgroupHelp},
			{Name: "setid", Arity: -5, Flags: command.Write, Keys: command.KeyAt(2, command.RW|command.Update), Since: "5.0.0",
				Args: "key groupname <id | $> [ENTRIESREAD entries_read]", Complexity: "O(1)", Summary: "Sets the id of the entry that a group was delivered last.", Run: xgroupSetID},
		}},
}

const (
	errGroupExists  resp.Error = "BUSYGROUP Consumer Group name already exists"
	errEntriesRead  resp.Error = "ERR value for ENTRIESREAD must be positive or -1"
	errGroupsNoKey  resp.Error = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically."
	errSubcommandOf            = "ERR unknown subcommand or wrong number of arguments for '%s'. Try %s HELP."
)

// noGroup is the error of commands whose group, or whose key, does not exist.
func noGroup(key, group []byte) error {
	return resp.Errorf("NOGROUP No such key '%s' or consumer group '%s'", cString(key), cString(group))
}

// noGroupOf is the error of commands whose group does not exist.
func noGroupOf(key, group []byte) error {
	return resp.Errorf("NOGROUP No such consumer group '%s' for key name '%s'", cString(group), cString(key))
}

// xgroupArgs are the words of XGROUP that its subcommands share.
type xgroupArgs struct {
	key, name   []byte
	s           *Stream // nil if there is no key
	g           *StreamGroup
	makes       bool
	entriesRead int64
}

// parseXGroup reads the options behind the id, and finds stream and group.
func parseXGroup(c *command.Call, creates, setsID bool) (x xgroupArgs, err error) {
	x = xgroupArgs{key: c.Argv[2], name: c.Argv[3], entriesRead: UnknownEntriesRead}
	for a := c.Args(min(5, len(c.Argv))); a.More(); {
		switch {
		case creates && a.Flag("mkstream"):
			x.makes = true
		case (creates || setsID) && a.FlagWith("entriesread"):
			if x.entriesRead, err = a.Int(); err != nil {
				return x, err
			}
			if x.entriesRead < 0 && x.entriesRead != UnknownEntriesRead {
				return x, errEntriesRead
			}
		default:
			return x, badSubcommand(c, "XGROUP")
		}
	}
	if x.s, err = writeStream(c, x.key); err != nil {
		return x, err
	}
	if x.s == nil {
		if !x.makes {
			return x, errGroupsNoKey
		}
		return x, nil
	}
	x.g = x.s.Group(x.name)
	return x, nil
}

// badSubcommand is the error of a subcommand with words that it does not know.
func badSubcommand(c *command.Call, container string) error {
	word := cString(c.Argv[1])
	return resp.Errorf(errSubcommandOf, word[:min(len(word), 128)], container)
}

// parseGroupID reads an id from which a group is to begin; $ is the stream's last one.
func (x *xgroupArgs) parseGroupID(word []byte, strict bool) (id StreamID, err error) {
	if string(cString(word)) == "$" {
		if x.s != nil {
			id = x.s.Last
		}
		return id, nil
	}
	id, _, err = readStreamID(word, 0, strict, false)
	return id, err
}

func xgroupCreate(c *command.Call) error {
	x, err := parseXGroup(c, true, false)
	if err != nil {
		return err
	}
	if len(c.Argv) > 8 {
		return badSubcommand(c, "XGROUP")
	}
	id, err := x.parseGroupID(c.Argv[4], true)
	if err != nil {
		return err
	}
	if x.g != nil {
		return errGroupExists
	}
	changed := c.ChangedUnwatched
	if x.s == nil {
		x.s = makeStream(c, x.key)
		changed = c.Changed
	}
	x.s.AddGroup(x.name, id, x.entriesRead)
	changed(x.key, 't', "xgroup-create")
	c.Reply.OK()
	return nil
}

func xgroupSetID(c *command.Call) error {
	x, err := parseXGroup(c, false, true)
	if err != nil {
		return err
	}
	if x.g == nil {
		return noGroupOf(x.key, x.name)
	}
	if len(c.Argv) != 5 && len(c.Argv) != 7 {
		return badSubcommand(c, "XGROUP")
	}
	id, err := x.parseGroupID(c.Argv[4], false)
	if err != nil {
		return err
	}
	x.g.Last, x.g.EntriesRead = id, x.entriesRead
	c.ChangedUnwatched(x.key, 't', "xgroup-setid")
	c.Reply.OK()
	return nil
}

func xgroupDestroy(c *command.Call) error {
	x, err := parseXGroup(c, false, false)
	if err != nil {
		return err
	}
	if x.g == nil {
		c.Reply.Int(0)
		return nil
	}
	x.s.DeleteGroup(x.g)
	c.Changed(x.key, 't', "xgroup-destroy")
	c.Reply.Int(1)
	return nil
}

func xgroupCreateConsumer(c *command.Call) error {
	x, err := parseXGroup(c, false, false)
	if err != nil {
		return err
	}
	if x.g == nil {
		return noGroupOf(x.key, x.name)
	}
	n := int64(0)
	if x.g.AddConsumer(c.Argv[4], c.Now) != nil {
		n = 1
		c.ChangedUnwatched(x.key, 't', "xgroup-createconsumer")
	}
	c.Reply.Int(n)
	return nil
}

func xgroupDelConsumer(c *command.Call) error {
	x, err := parseXGroup(c, false, false)
	if err != nil {
		return err
	}
	if x.g == nil {
		return noGroupOf(x.key, x.name)
	}
	n := int64(0)
	if consumer := x.g.Consumer(c.Argv[4]); consumer != nil {
		n = int64(consumer.Pending())
		x.g.deleteConsumer(consumer)
		c.ChangedUnwatched(x.key, 't', "xgroup-delconsumer")
	}
	c.Reply.Int(n)
	return nil
}

func xgroupHelp(c *command.Call) error {
	c.Reply.Help("XGROUP",
		"CREATE <key> <groupname> <id|$> [option]",
		"    Create a new consumer group. Options are:",
		"    * MKSTREAM",
		"      Create the empty stream if it does not exist.",
		"    * ENTRIESREAD entries_read",
		"      Set the group's entries_read counter (internal use).",
		"CREATECONSUMER <key> <groupname> <consumer>",
		"    Create a new consumer in the specified group.",
		"DELCONSUMER <key> <groupname> <consumer>",
		"    Remove the specified consumer.",
		"DESTROY <key> <groupname>",
		"    Remove the specified group.",
		"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
		"    Set the current group ID and entries_read counter.",
	)
	return nil
}

// settle says, when the function that it returns is called, what memory a stream has gained or lost that was looked up for reading.
func settle(c *command.Call, key []byte, s *Stream) func() {
	before := s.Memory()
	return func() { c.DB.Adjust(key, s.Memory()-before) }
}

func xack(c *command.Call) error {
	s, err := readStream(c, c.Argv[1])
	if err != nil {
		return err
	}
	var g *StreamGroup
	if s != nil {
		g = s.Group(c.Argv[2])
	}
	if g == nil {
		c.Reply.Int(0)
		return nil
	}
	ids, err := parseIDs(c.Argv[3:])
	if err != nil {
		return err
	}
	defer settle(c, c.Argv[1], s)()
	n := int64(0)
	for _, id := range ids {
		if g.acknowledge(id) {
			n++
		}
	}
	if n > 0 {
		c.ChangedUnwatched(c.Argv[1], 't', "")
	}
	c.Reply.Int(n)
	return nil
}
