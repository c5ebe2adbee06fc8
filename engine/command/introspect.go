package command

import (
	"github.com/openmemorydb/memorydb/engine/resp"
)

// IntrospectionCommands are the rows of COMMAND and its subcommands. table gives the table that they describe; it is asked at each call, since the rows are
// themselves part of it.
func IntrospectionCommands(table func() *Table) []Spec {
	in := introspection{table}
	const flags = Loading | Stale | NoTurn
	connection := []string{"connection"}
	row := func(name string, arity int, args, since, summary, complexity string, tips []string, run func(*Call) error) Spec {
		return Spec{Name: name, Arity: arity, Flags: flags, Group: Server, Categories: connection, Since: since, Args: args,
			Summary: summary, Complexity: complexity, Tips: tips, Run: run}
	}
	const perCommand, perName, perArgument = "O(N) where N is the total number of Redis commands", "O(N) where N is the number of commands to look up",
		"O(N) where N is the number of arguments to the command"
	anyOrder := []string{"nondeterministic_output_order"}
	top := row("command", -1, "", "2.8.13", "Get array of Redis command details", perCommand, anyOrder, in.command)
	top.Subcommands = []Spec{
		row("count", 2, "", "2.8.13", "Get total number of Redis commands", "O(1)", nil, in.count),
		row("docs", -2, "[command-name [command-name ...]]", "7.0.0", "Get array of specific Redis command documentation", perName, anyOrder, in.docs),
		row("getkeys", -4, "", "2.8.13", "Extract keys given a full Redis command", perArgument, nil, in.getKeys),
		row("getkeysandflags", -4, "", "7.0.0", "Extract keys and access flags given a full Redis command", perArgument, nil, in.getKeysAndFlags),
		row("help", 2, "", "5.0.0", "Show helpful text about the different subcommands", "O(1)", nil, commandHelp),
		row("info", -2, "[command-name [command-name ...]]", "2.8.13",
			"Get array of specific Redis command details, or all when no argument is given.", perName, anyOrder, in.info),
		row("list", -2, "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]", "7.0.0", "Get an array of Redis command names",
			perCommand, anyOrder, in.list),
	}
	return []Spec{top}
}

// introspection answers COMMAND from a table.
type introspection struct{ table func() *Table }

// Errors of COMMAND GETKEYS.
const (
	errNoSuchCommand resp.Error = "ERR Invalid command specified"
	errNoKeys        resp.Error = "ERR The command has no key arguments"
	errWordCount     resp.Error = "ERR Invalid number of arguments specified for command"
)

func (in introspection) command(c *Call) error {
	rows := in.table().Rows()
	c.Reply.Array(len(rows))
	for _, s := range rows {
		writeInfo(c.Reply, s)
	}
	return nil
}

func (in introspection) count(c *Call) error {
	c.Reply.Int(int64(len(in.table().Rows())))
	return nil
}

func (in introspection) info(c *Call) error {
	args := c.Args(2)
	if !args.More() {
		return in.command(c)
	}
	c.Reply.Array(args.Left())
	for _, name := range args.Rest() {
		if s := in.table().findAnyCase(name); s != nil {
			writeInfo(c.Reply, s)
		} else {
			c.Reply.Null()
		}
	}
	return nil
}

func (in introspection) docs(c *Call) error {
	args := c.Args(2)
	rows := in.table().Rows()
	if args.More() {
		rows = nil
		for _, name := range args.Rest() {
			if s := in.table().findAnyCase(name); s != nil {
				rows = append(rows, s)
			}
		}
	}
	c.Reply.Map(len(rows))
	for _, s := range rows {
		if err := writeDocs(c.Reply, s); err != nil {
			return err
		}
	}
	return nil
}

// list answers all full names, or those that a filter lets pass: of an ACL category, or matching a pattern. There are no modules, so that filter passes none.
func (in introspection) list(c *Call) error {
	args := c.Args(2)
	pass := func(*Spec) bool { return true }
	if args.More() {
		if args.Left() != 3 || !args.Flag("filterby") {
			return resp.ErrSyntax
		}
		switch value := c.Argv[4]; {
		case args.Flag("module"):
			pass = func(*Spec) bool { return false }
		case args.Flag("aclcat"):
			pass = func(s *Spec) bool { return s.hasCategory(value) }
		case args.Flag("pattern"):
			pass = func(s *Spec) bool { return MatchFold(value, []byte(s.FullName)) }
		default:
			return resp.ErrSyntax
		}
	}
	var names []string
	for _, s := range in.table().All() {
		if pass(s) {
			names = append(names, s.FullName)
		}
	}
	c.Reply.Array(len(names))
	for _, name := range names {
		c.Reply.BulkString(name)
	}
	return nil
}

func (in introspection) getKeys(c *Call) error {
	keys, err := in.keysOf(c.Argv[2:])
	if err != nil {
		return err
	}
	c.Reply.Array(len(keys))
	for _, k := range keys {
		c.Reply.Bulk(c.Argv[2+k.Index])
	}
	return nil
}

func (in introspection) getKeysAndFlags(c *Call) error {
	keys, err := in.keysOf(c.Argv[2:])
	if err != nil {
		return err
	}
	c.Reply.Array(len(keys))
	for _, k := range keys {
		c.Reply.Array(2)
		c.Reply.Bulk(c.Argv[2+k.Index])
		writeKeyFlags(c.Reply, k.Flags)
	}
	return nil
}

// keysOf finds the keys of a full command, or why there are none.
func (in introspection) keysOf(argv [][]byte) ([]Key, error) {
	s := in.table().resolve(argv)
	switch {
	case s == nil:
		return nil, errNoSuchCommand
	case !s.HasKeys():
		return nil, errNoKeys
	case !s.arityFits(len(argv)):
		return nil, errWordCount
	}
	all, err := s.KeysOf(argv, nil)
	if err != nil {
		return nil, err
	}
	keys := all[:0]
	for _, k := range all {
		if k.Flags&NotKey == 0 {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 && !s.Is(NoMandatoryKeys) {
		return nil, ErrInvalidKeys
	}
	return keys, nil
}

func commandHelp(c *Call) error {
	c.Reply.Help("COMMAND",
		"(no subcommand)",
		"    Return details about all Redis commands.",
		"COUNT",
		"    Return the total number of commands in this Redis server.",
		"LIST",
		"    Return a list of all commands in this Redis server.",
		"INFO [<command-name> ...]",
		"    Return details about multiple Redis commands.",
		"    If no command names are given, documentation details for all",
		"    commands are returned.",
		"DOCS [<command-name> ...]",
		"    Return documentation details about multiple Redis commands.",
		"    If no command names are given, documentation details for all",
		"    commands are returned.",
		"GETKEYS <full-command>",
		"    Return the keys from a full Redis command.",
		"GETKEYSANDFLAGS <full-command>",
		"    Return the keys and the access flags from a full Redis command.",
	)
	return nil
}
