package server

import (
	"math"
	"strings"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/shard"
)

// Flags that many rows share.
const (
	anyTime = command.Loading | command.Stale | command.NoTurn
	plain   = anyTime | command.NoScript
	greet   = plain | command.Fast | command.NoAuth | command.AllowBusy // before and after authentication
)

var connectionCategory = []string{"connection"}

// Rows about the connection, in the order of their handlers.
var connectionRows = []command.Spec{
	{Name: "ping", Arity: -1, Flags: command.Fast | command.NoTurn, Group: command.Connection, Categories: connectionCategory, Since: "1.0.0", Args: "[message]",
		Summary: "Returns PONG, or the message.", Complexity: "O(1)", Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"}, Run: ping},
	{Name: "echo", Arity: 2, Flags: anyTime | command.Fast, Group: command.Connection, Categories: connectionCategory, Since: "1.0.0", Args: "message",
		Summary: "Returns the message.", Complexity: "O(1)", Run: echo},
	{Name: "auth", Arity: -2, Flags: greet, Group: command.Connection, Categories: connectionCategory, Since: "1.0.0", Args: "[username] password",
		Summary: "Authenticates the connection.", Complexity: "O(N) where N is the number of passwords defined for the user", Run: auth},
	{Name: "hello", Arity: -1, Flags: greet, Group: command.Connection, Categories: connectionCategory, Since: "6.0.0",
		Args:    "[protover [AUTH username password] [SETNAME clientname]]",
		Summary: "Chooses the protocol version, and authenticates and names the connection.", Complexity: "O(1)", Run: hello},
	{Name: "reset", Arity: 1, Flags: greet, Group: command.Connection, Categories: connectionCategory, Since: "6.2.0",
		Summary: "Brings the connection back to its first state.", Complexity: "O(1)", Run: reset},
	{Name: "quit", Arity: -1, Flags: greet, Group: command.Connection, Categories: connectionCategory, Since: "1.0.0",
		Summary: "Closes the connection.", Complexity: "O(1)", Run: quit},
	{Name: "select", Arity: 2, Flags: anyTime | command.Fast, Group: command.Connection, Categories: connectionCategory, Since: "1.0.0", Args: "index",
		Summary: "Chooses the database: there is only 0.", Complexity: "O(1)", Run: selectDB},
	{Name: "readonly", Arity: 1, Flags: anyTime | command.Fast, Group: command.Cluster, Categories: connectionCategory, Since: "3.0.0",
		Summary: "Lets a replica answer reads of the connection.", Complexity: "O(1)", Run: readOnly},
	{Name: "readwrite", Arity: 1, Flags: anyTime | command.Fast, Group: command.Cluster, Categories: connectionCategory, Since: "3.0.0",
		Summary: "Takes READONLY back.", Complexity: "O(1)", Run: readWrite},
	{Name: "asking", Arity: 1, Flags: command.Fast | command.NoTurn, Group: command.Cluster, Categories: connectionCategory, Since: "3.0.0",
		Summary: "Says that the client was redirected by ASK, for the next command.", Complexity: "O(1)", Run: asking},
}

// Error replies of these commands.
const (
	errHelloNoAuth resp.Error = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used" +
		" to authenticate the client and select the RESP protocol version at the same time"
	errNoProto     resp.Error = "NOPROTO unsupported protocol version"
	errProtoNumber resp.Error = "ERR Protocol version is not an integer or out of range"
	errClientName  resp.Error = "ERR Client names cannot contain spaces, newlines or special characters."
	errSelect      resp.Error = "ERR SELECT is not allowed in cluster mode"
	errSelectRange resp.Error = "ERR value is out of range, value must between -2147483648 and 2147483647"
)

func ping(c *command.Call) error {
	s := session(c)
	switch {
	case len(c.Argv) <= 2 && !s.out.RESP3() && s.subs.Active():
		c.Reply.Array(2)
		c.Reply.BulkString("pong")
		if len(c.Argv) == 2 {
			c.Reply.Bulk(c.Argv[1])
		} else {
			c.Reply.BulkString("")
		}
	case len(c.Argv) == 1:
		c.Reply.Simple("PONG")
	case len(c.Argv) == 2:
		c.Reply.Bulk(c.Argv[1])
	default:
		return resp.Error("ERR wrong number of arguments for 'ping' command")
	}
	return nil
}

func echo(c *command.Call) error {
	c.Reply.Bulk(c.Argv[1])
	return nil
}

func auth(c *command.Call) error {
	s := session(c)
	name, password := acl.DefaultUser, c.Argv[1]
	switch {
	case len(c.Argv) > 3:
		return resp.ErrSyntax
	case len(c.Argv) == 3:
		name, password = string(c.Argv[1]), c.Argv[2]
	case s.srv.cfg.ACL.Default().NoPassword():
		return acl.ErrNoPasswordSet
	}
	if err := s.authenticate(c, name, string(password)); err != nil {
		return err
	}
	c.Reply.OK()
	return nil
}

// authenticate makes the user of a name and password the connection's; a failure is noted in ACL LOG.
func (c *conn) authenticate(call *command.Call, name, password string) error {
	u, err := c.srv.cfg.ACL.Authenticate(name, password)
	if err != nil {
		from := acl.TopLevel
		if c.tx.open {
			from = acl.Multi
		}
		c.publish()
		c.srv.cfg.ACL.Log(acl.Entry{Cause: acl.DeniedAuth, Context: from, Object: string(call.Argv[0]), User: name, Client: c.line(),
			Time: c.srv.cfg.Now().UnixMilli()})
		return err
	}
	c.become(u, true)
	return nil
}

func hello(c *command.Call) error {
	s := session(c)
	version := int64(0)
	args := c.Args(1)
	if args.More() {
		var err error
		if version, err = args.Int(); err != nil {
			return errProtoNumber
		}
		if version < 2 || version > 3 {
			return errNoProto
		}
	}
	for args.More() {
		rest := args.Rest()
		switch {
		case args.Left() >= 3 && args.Flag("auth"):
			if err := s.authenticate(c, string(rest[1]), string(rest[2])); err != nil {
				return err
			}
			args = c.Args(len(c.Argv) - len(rest) + 3)
		case args.FlagWith("setname"):
			name, err := args.Next()
			if err != nil {
				return err
			}
			if err := s.setName(name); err != nil {
				return err
			}
		default:
			return resp.Errorf("ERR Syntax error in HELLO option '%s'", rest[0])
		}
	}
	if !s.authenticated() {
		return errHelloNoAuth
	}
	if version != 0 {
		s.setProto(int(version))
	}
	role := "master"
	if s.srv.cfg.Shard.Role() != shard.Primary {
		role = "replica"
	}
	w := c.Reply
	w.Map(7)
	w.BulkString("server")
	w.BulkString("redis")
	w.BulkString("version")
	w.BulkString(s.srv.redisVersion())
	w.BulkString("proto")
	w.Int(int64(max(s.out.Proto, 2)))
	w.BulkString("id")
	w.Int(s.client.ID)
	w.BulkString("mode")
	w.BulkString(s.srv.cfg.Mode)
	w.BulkString("role")
	w.BulkString(role)
	w.BulkString("modules")
	w.Array(0)
	return nil
}

// setName names the connection; an empty name takes it away.
func (c *conn) setName(name []byte) error {
	if !printable(name) {
		return errClientName
	}
	c.name = string(name)
	return nil
}

// printable says whether a word can stand in CLIENT LIST: ASCII without spaces.
func printable(b []byte) bool {
	for _, c := range b {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

func reset(c *command.Call) error {
	s := session(c)
	s.srv.monitors.remove(s)
	s.subs.Close()
	s.stopTracking()
	s.takePushes(c.Reply)
	s.setProto(2)
	s.becomeDefault()
	s.discard()
	s.name = ""
	s.client.ReadOnly, s.client.Asking, s.client.NoTouch = false, false, false
	if s.reply != replySkip {
		s.reply = replyOn
	}
	c.Reply.Simple("RESET")
	return nil
}

func quit(c *command.Call) error {
	session(c).closing = true
	c.Reply.OK()
	return nil
}

func selectDB(c *command.Call) error {
	n, err := command.ParseInt(c.Argv[1])
	switch {
	case err != nil:
		return err
	case n < math.MinInt32 || n > math.MaxInt32:
		return errSelectRange
	case n != 0:
		return errSelect
	}
	c.Reply.OK()
	return nil
}

func readOnly(c *command.Call) error {
	c.Client.ReadOnly = true
	c.Reply.OK()
	return nil
}

func readWrite(c *command.Call) error {
	c.Client.ReadOnly = false
	c.Reply.OK()
	return nil
}

func asking(c *command.Call) error {
	c.Client.Asking = true
	c.Reply.OK()
	return nil
}

// word says whether an argument is the given lower-case word, in whatever case.
func word(arg []byte, lower string) bool { return strings.EqualFold(string(arg), lower) }
