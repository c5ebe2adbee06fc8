package acl

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// Flags that the ACL commands share; users are no keys, so that none needs the shard's turn.
const (
	always = command.NoTurn | command.Loading | command.Stale
	plain  = always | command.NoScript
	admin  = plain | command.Admin
)

// Rows are the ACL commands of this store.
func (s *Store) Rows() []command.Spec {
	return []command.Spec{{
		Name: "acl", Arity: -2, Flags: command.Container | command.NoTurn, Group: command.Server, Since: "6.0.0",
		Summary: "A container for commands about access control lists.", Complexity: "Depends on subcommand.",
		Subcommands: []command.Spec{
			{Name: "cat", Arity: -2, Flags: plain, Since: "6.0.0", Args: "[categoryname]", Complexity: "O(1)",
				Summary: "Lists the ACL categories, or the commands of one.", Run: s.cat},
			{Name: "deluser", Arity: -3, Flags: admin | command.Restricted, Since: "6.0.0", Args: "username [username ...]", Complexity: "O(N), where N is the number of users",
				Summary: "Deletes users and closes their connections.", Run: s.delUser},
			{Name: "dryrun", Arity: -4, Flags: admin, Since: "7.0.0", Args: "username command [arg [arg ...]]", Complexity: "O(N), where N is the number of key patterns",
				Summary: "Says whether a user may run a command, without running it.", Run: s.dryRun},
			{Name: "genpass", Arity: -2, Flags: plain, Since: "6.0.0", Args: "[bits]", Complexity: "O(1)",
				Summary: "Makes a random password.", Run: s.genPass},
			{Name: "getuser", Arity: 3, Flags: admin, Since: "6.0.0", Args: "username", Complexity: "O(N), where N is the number of rules",
				Summary: "Lists the rules of a user.", Run: s.getUser},
			{Name: "help", Arity: 2, Flags: always, Since: "6.0.0", Complexity: "O(1)",
				Summary: "Lists the subcommands.", Run: help},
			{Name: "list", Arity: 2, Flags: admin, Since: "6.0.0", Complexity: "O(N), where N is the number of users",
				Summary: "Lists the users with their rules.", Run: s.list},
			{Name: "load", Arity: 2, Flags: admin | command.Restricted, Since: "6.0.0", Complexity: "O(N), where N is the number of users",
				Summary: "Replaces the users by those of the ACL file.", Run: s.load},
			{Name: "log", Arity: -2, Flags: admin, Since: "6.0.0", Args: "[count | RESET]", Complexity: "O(N), where N is the number of entries",
				Summary: "Lists the latest denied requests, or forgets them.", Run: s.showLog},
			{Name: "save", Arity: 2, Flags: admin | command.Restricted, Since: "6.0.0", Complexity: "O(N), where N is the number of users",
				Summary: "Writes the users to the ACL file.", Run: s.save},
			{Name: "setuser", Arity: -3, Flags: admin | command.Restricted, Since: "6.0.0", Args: "username [rule [rule ...]]", Complexity: "O(N), where N is the number of rules",
				Summary: "Creates a user or changes its rules.", Run: s.setUser},
			{Name: "users", Arity: 2, Flags: admin, Since: "6.0.0", Complexity: "O(N), where N is the number of users",
				Summary: "Lists the names of the users.", Run: s.users},
			{Name: "whoami", Arity: 2, Flags: plain, Since: "6.0.0", Complexity: "O(1)",
				Summary: "Returns the name of the connection's user.", Run: whoAmI},
		},
	}}
}

// table is the command table the store is bound to.
func (s *Store) table() *command.Table { return s.Default().index.table }

func (s *Store) cat(c *command.Call) error {
	if len(c.Argv) > 3 {
		return wrongArguments(c)
	}
	if len(c.Argv) == 2 {
		c.Reply.Array(len(command.Categories))
		for _, name := range command.Categories {
			c.Reply.BulkString(name)
		}
		return nil
	}
	ix := s.Default().index
	category := ix.category(string(c.Argv[2]))
	if category == nil {
		return resp.Errorf("ERR Unknown category '%.128s'", c.Argv[2])
	}
	var names []string
	for _, row := range ix.table.All() {
		if category.members.has(row.ID) {
			names = append(names, row.FullName)
		}
	}
	bulks(c, names)
	return nil
}

func (s *Store) delUser(c *command.Call) error {
	n, err := s.DeleteUsers(texts(c.Argv[2:])...)
	if err != nil {
		return err
	}
	c.Reply.Int(int64(n))
	return nil
}

func (s *Store) dryRun(c *command.Call) error {
	argv := c.Argv[3:]
	u := s.User(string(c.Argv[2]))
	if u == nil {
		return resp.Errorf("ERR User '%s' not found", c.Argv[2])
	}
	row := s.table().Find(lower(string(argv[0])))
	if row != nil && len(row.Subcommands) > 0 && len(argv) > 1 {
		row = row.Subcommand(lower(string(argv[1])))
	}
	if row == nil || strings.Contains(string(argv[0]), "|") {
		return resp.Errorf("ERR Command '%s' not found", argv[0])
	}
	if row.Arity > 0 && len(argv) != row.Arity || len(argv) < -row.Arity {
		return resp.Errorf("ERR wrong number of arguments for '%s' command", row.FullName)
	}
	keys, err := row.KeysOf(argv, nil)
	if err != nil {
		keys = nil // the command would refuse by itself
	}
	switch d := u.Check(row, argv, keys); d.Cause {
	case Allowed:
		c.Reply.OK()
	case DeniedCommand:
		c.Reply.BulkString(fmt.Sprintf("This user has no permissions to run the '%s' command", row.FullName))
	default:
		c.Reply.BulkString(fmt.Sprintf("This user has no permissions to access the '%s' %s", argv[d.Arg], d.Cause))
	}
	return nil
}

// maxPassBits is the greatest argument of GENPASS.
const maxPassBits = 4096

func (s *Store) genPass(c *command.Call) error {
	if len(c.Argv) > 3 {
		return wrongArguments(c)
	}
	bits := int64(256)
	if len(c.Argv) == 3 {
		var err error
		if bits, err = command.ParseInt(c.Argv[2]); err != nil {
			return err
		}
	}
	if bits <= 0 || bits > maxPassBits {
		return resp.Errorf("ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to %d", maxPassBits)
	}
	var random [maxPassBits / 8]byte
	if _, err := io.ReadFull(s.cfg.Random, random[:(bits+7)/8]); err != nil {
		return fmt.Errorf("read random bytes for ACL GENPASS: %w", err)
	}
	c.Reply.BulkString(hex.EncodeToString(random[:])[:(bits+3)/4])
	return nil
}

func (s *Store) getUser(c *command.Call) error {
	u := s.User(string(c.Argv[2]))
	if u == nil {
		c.Reply.Null()
		return nil
	}
	c.Reply.Map(6)
	c.Reply.BulkString("flags")
	flags := u.flags()
	c.Reply.Set(len(flags))
	for _, f := range flags {
		c.Reply.BulkString(f)
	}
	c.Reply.BulkString("passwords")
	bulks(c, u.passwords)
	replySelector(c, u, 0)
	c.Reply.BulkString("selectors")
	c.Reply.Array(len(u.selectors) - 1)
	for i := 1; i < len(u.selectors); i++ {
		c.Reply.Map(3)
		replySelector(c, u, i)
	}
	return nil
}

// replySelector appends the three fields of a selector.
func replySelector(c *command.Call, u *User, i int) {
	sel := &u.selectors[i]
	for _, field := range []struct {
		name  string
		words []string
	}{
		{"commands", sel.describeCommands(u.index)},
		{"keys", sel.describeKeys()},
		{"channels", sel.describeChannels()},
	} {
		c.Reply.BulkString(field.name)
		c.Reply.BulkString(strings.Join(field.words, " "))
	}
}

func help(c *command.Call) error {
	c.Reply.Help("ACL",
		"CAT [<category>]",
		"    List all commands that belong to <category>, or all command categories",
		"    when no category is specified.",
		"DELUSER <username> [<username> ...]",
		"    Delete a list of users.",
		"DRYRUN <username> <command> [<arg> ...]",
		"    Returns whether the user can execute the given command without executing the command.",
		"GETUSER <username>",
		"    Get the user's details.",
		"GENPASS [<bits>]",
		"    Generate a secure 256-bit user password. The optional `bits` argument can",
		"    be used to specify a different size.",
		"LIST",
		"    Show users details in config file format.",
		"LOAD",
		"    Reload users from the ACL file.",
		"LOG [<count> | RESET]",
		"    Show the ACL log entries.",
		"SAVE",
		"    Save the current config to the ACL file.",
		"SETUSER <username> <attribute> [<attribute> ...]",
		"    Create or modify a user with the specified attributes.",
		"USERS",
		"    List all the registered usernames.",
		"WHOAMI",
		"    Return the current connection username.")
	return nil
}

func (s *Store) list(c *command.Call) error {
	users := s.sorted()
	c.Reply.Array(len(users))
	for _, u := range users {
		c.Reply.BulkString(u.line())
	}
	return nil
}

func (s *Store) load(c *command.Call) error {
	if s.cfg.File == nil {
		return errNoFile
	}
	if err := s.Load(); err != nil {
		return err
	}
	c.Reply.OK()
	return nil
}

func (s *Store) showLog(c *command.Call) error {
	if len(c.Argv) > 3 {
		return wrongArguments(c)
	}
	count := int64(10)
	if len(c.Argv) == 3 {
		if strings.EqualFold(string(c.Argv[2]), "reset") {
			s.log.reset()
			c.Reply.OK()
			return nil
		}
		var err error
		if count, err = command.ParseInt(c.Argv[2]); err != nil {
			return err
		}
	}
	entries := s.log.newest(max(count, 0))
	c.Reply.Array(len(entries))
	for _, e := range entries {
		c.Reply.Map(7)
		c.Reply.BulkString("count")
		c.Reply.Int(e.Count)
		for _, field := range [][2]string{{"reason", e.Cause.String()}, {"context", e.Context.String()}, {"object", e.Object}, {"username", e.User}} {
			c.Reply.BulkString(field[0])
			c.Reply.BulkString(field[1])
		}
		c.Reply.BulkString("age-seconds")
		c.Reply.Double(float64(c.Now-e.Time) / 1000)
		c.Reply.BulkString("client-info")
		c.Reply.BulkString(e.Client)
	}
	return nil
}

func (s *Store) save(c *command.Call) error {
	if s.cfg.File == nil {
		return errNoFile
	}
	if err := s.Save(); err != nil {
		return err
	}
	c.Reply.OK()
	return nil
}

func (s *Store) setUser(c *command.Call) error {
	if err := s.SetUser(string(c.Argv[2]), texts(c.Argv[3:])...); err != nil {
		return ruleReply(err)
	}
	c.Reply.OK()
	return nil
}

func (s *Store) users(c *command.Call) error {
	users := s.sorted()
	c.Reply.Array(len(users))
	for _, u := range users {
		c.Reply.BulkString(u.name)
	}
	return nil
}

func whoAmI(c *command.Call) error {
	c.Reply.BulkString(c.Client.User)
	return nil
}

// wrongArguments is the error for a known subcommand with words too many.
func wrongArguments(c *command.Call) error {
	return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try ACL HELP.", c.Argv[1])
}

func bulks(c *command.Call, list []string) {
	c.Reply.Array(len(list))
	for _, s := range list {
		c.Reply.BulkString(s)
	}
}

func texts(words [][]byte) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return list
}
