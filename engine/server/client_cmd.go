package server

import (
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// clientRow is CLIENT with its subcommands, in the order of their handlers.
var clientRow = command.Spec{
	Name: "client", Arity: -2, Flags: command.Container | command.NoTurn, Group: command.Connection, Since: "2.4.0",
	Summary: "A container for commands about connections.", Complexity: "Depends on subcommand.",
	Subcommands: []command.Spec{
		{Name: "id", Arity: 2, Flags: plain, Categories: connectionCategory, Since: "5.0.0", Summary: "Returns the number of the connection.",
			Complexity: "O(1)", Run: clientID},
		{Name: "info", Arity: 2, Flags: plain, Categories: connectionCategory, Since: "6.2.0", Summary: "Describes the connection.",
			Complexity: "O(1)", Tips: []string{"nondeterministic_output"}, Run: clientInfo},
		{Name: "list", Arity: -2, Flags: plain | command.Admin, Categories: connectionCategory, Since: "2.4.0",
			Args:    "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
			Summary: "Describes the open connections.", Complexity: "O(N) where N is the number of client connections",
			Tips: []string{"nondeterministic_output"}, Run: clientList},
		{Name: "kill", Arity: -3, Flags: plain | command.Admin, Categories: connectionCategory, Since: "2.4.0",
			Args: "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port]" +
				" | [SKIPME yes/no] [[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port]" +
				" | [LADDR ip:port] | [SKIPME yes/no] ...]>>",
			Summary: "Closes connections.", Complexity: "O(N) where N is the number of client connections", Run: clientKill},
		{Name: "setname", Arity: 3, Flags: plain, Categories: connectionCategory, Since: "2.6.9", Args: "connection-name",
			Summary: "Names the connection.", Complexity: "O(1)", Run: clientSetName},
		{Name: "getname", Arity: 2, Flags: plain, Categories: connectionCategory, Since: "2.6.9", Summary: "Returns the name of the connection.",
			Complexity: "O(1)", Run: clientGetName},
		{Name: "setinfo", Arity: 4, Flags: plain | command.Added, Categories: connectionCategory, Since: "7.2.0", Args: "<LIB-NAME libname | LIB-VER libver>",
			Summary: "Notes which library the client uses.", Complexity: "O(1)",
			Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"}, Run: clientSetInfo},
		{Name: "no-evict", Arity: 3, Flags: plain | command.Admin, Categories: connectionCategory, Since: "7.0.0", Args: "<ON | OFF>",
			Summary: "Exempts the connection from client eviction.", Complexity: "O(1)", Run: clientNoEvict},
		{Name: "no-touch", Arity: 3, Flags: plain | command.Added, Categories: connectionCategory, Since: "7.2.0", Args: "<ON | OFF>",
			Summary: "Lets the connection read keys without changing when they were last used.", Complexity: "O(1)", Run: clientNoTouch},
		{Name: "reply", Arity: 3, Flags: plain, Categories: connectionCategory, Since: "3.2.0", Args: "<ON | OFF | SKIP>",
			Summary: "Says whether the connection wants replies.", Complexity: "O(1)", Run: clientReply},
		{Name: "pause", Arity: -3, Flags: plain | command.Admin, Categories: connectionCategory, Since: "2.9.50", Args: "timeout [WRITE | ALL]",
			Summary: "Makes requests of all clients wait for some time.", Complexity: "O(1)", Run: clientPause},
		{Name: "unpause", Arity: 2, Flags: plain | command.Admin, Categories: connectionCategory, Since: "6.2.0",
			Summary: "Ends CLIENT PAUSE.", Complexity: "O(N) Where N is the number of paused clients", Run: clientUnpause},
		{Name: "unblock", Arity: -3, Flags: plain | command.Admin, Categories: connectionCategory, Since: "5.0.0", Args: "client-id [TIMEOUT | ERROR]",
			Summary: "Ends the wait of a blocked connection.", Complexity: "O(log N) where N is the number of client connections", Run: clientUnblock},
		trackingRows[0], trackingRows[1], trackingRows[2], trackingRows[3],
		{Name: "help", Arity: 2, Flags: anyTime, Categories: connectionCategory, Since: "5.0.0", Summary: "Lists the subcommands.",
			Complexity: "O(1)", Run: clientHelp},
	},
}

func clientID(c *command.Call) error {
	c.Reply.Int(c.Client.ID)
	return nil
}

func clientInfo(c *command.Call) error {
	s := session(c)
	s.publishWords(c.Argv)
	c.Reply.Verbatim("txt", s.line()+"\n")
	return nil
}

func clientList(c *command.Call) error {
	s := session(c)
	s.publishWords(c.Argv)
	var b strings.Builder
	show := func(of *conn) {
		b.WriteString(of.line())
		b.WriteByte('\n')
	}
	args := c.Args(2)
	switch {
	case len(c.Argv) == 4 && args.Flag("type"):
		kind, err := clientKind(c.Argv[3])
		if err != nil {
			return err
		}
		for _, of := range s.srv.clients.all() {
			if of.kind() == kind {
				show(of)
			}
		}
	case len(c.Argv) > 3 && args.Flag("id"):
		for _, a := range args.Rest() {
			id, err := command.ParseInt(a)
			if err != nil {
				return resp.Error("ERR Invalid client ID")
			}
			if of := s.srv.clients.find(id); of != nil {
				show(of)
			}
		}
	case len(c.Argv) == 2:
		for _, of := range s.srv.clients.all() {
			show(of)
		}
	default:
		return resp.ErrSyntax
	}
	c.Reply.Verbatim("txt", b.String())
	return nil
}

// clientKind reads a type of clients; the one that is still called slave is replica.
func clientKind(arg []byte) (string, error) {
	kind := strings.ToLower(string(arg))
	switch kind {
	case "slave":
		return "replica", nil
	case "normal", "master", "replica", "pubsub":
		return kind, nil
	}
	return "", resp.Errorf("ERR Unknown client type '%s'", arg)
}

// killFilter says which connections CLIENT KILL closes.
type killFilter struct {
	addr, laddr, kind, user string
	id                      int64
	skipMe                  bool
}

func (f *killFilter) matches(c *conn) bool {
	return (f.addr == "" || f.addr == c.addr) && (f.laddr == "" || f.laddr == c.laddr) && (f.id == 0 || f.id == c.client.ID) &&
		(f.kind == "" || f.kind == c.kind()) && (f.user == "" || f.user == c.shown().user)
}

func clientKill(c *command.Call) error {
	s := session(c)
	s.publish()
	filter := killFilter{skipMe: true}
	old := len(c.Argv) == 3
	if old {
		filter = killFilter{addr: string(c.Argv[2])} // the old form closes one's own connection too
	} else if err := filter.parse(s.srv, c.Args(2)); err != nil {
		return err
	}
	killed := int64(0)
	for _, of := range s.srv.clients.all() {
		switch {
		case !filter.matches(of) || of == s && filter.skipMe:
			continue
		case of == s:
			s.closing = true // after the reply
		default:
			of.kill("CLIENT KILL")
		}
		killed++
	}
	switch {
	case !old:
		c.Reply.Int(killed)
	case killed == 0:
		return resp.Error("ERR No such client")
	default:
		c.Reply.OK()
	}
	return nil
}

func (f *killFilter) parse(srv *Server, args command.Args) error {
	for args.More() {
		option := strings.ToLower(string(args.Rest()[0]))
		if args.Left() < 2 {
			return resp.ErrSyntax
		}
		value := args.Rest()[1]
		args.FlagWith(option)
		if _, err := args.Next(); err != nil {
			return err
		}
		switch option {
		case "id":
			id, err := command.ParseInt(value)
			if err != nil || id < 1 {
				return resp.Error("ERR client-id should be greater than 0")
			}
			f.id = id
		case "type":
			kind, err := clientKind(value)
			if err != nil {
				return err
			}
			f.kind = kind
		case "addr":
			f.addr = string(value)
		case "laddr":
			f.laddr = string(value)
		case "user":
			if srv.cfg.ACL.User(string(value)) == nil {
				return resp.Errorf("ERR No such user '%s'", value)
			}
			f.user = string(value)
		case "skipme":
			switch {
			case word(value, "yes"):
				f.skipMe = true
			case word(value, "no"):
				f.skipMe = false
			default:
				return resp.ErrSyntax
			}
		default:
			return resp.ErrSyntax
		}
	}
	return nil
}

func clientSetName(c *command.Call) error {
	if err := session(c).setName(c.Argv[2]); err != nil {
		return err
	}
	c.Reply.OK()
	return nil
}

func clientGetName(c *command.Call) error {
	if s := session(c); s.name != "" {
		c.Reply.BulkString(s.name)
	} else {
		c.Reply.Null()
	}
	return nil
}

func clientSetInfo(c *command.Call) error {
	s := session(c)
	option, value := c.Argv[2], c.Argv[3]
	field := &s.lib
	switch {
	case word(option, "lib-name"):
	case word(option, "lib-ver"):
		field = &s.libVer
	default:
		return resp.Errorf("ERR Unrecognized option '%s'", option)
	}
	if !printable(value) {
		return resp.Errorf("ERR %s cannot contain spaces, newlines or special characters.", option)
	}
	*field = string(value)
	c.Reply.OK()
	return nil
}

// onOff reads ON or OFF.
func onOff(arg []byte) (bool, error) {
	switch {
	case word(arg, "on"):
		return true, nil
	case word(arg, "off"):
		return false, nil
	}
	return false, resp.ErrSyntax
}

// clientNoEvict notes the wish; no connection is evicted for memory here, so that it is always granted.
func clientNoEvict(c *command.Call) error {
	on, err := onOff(c.Argv[2])
	if err != nil {
		return err
	}
	session(c).noEvict = on
	c.Reply.OK()
	return nil
}

func clientNoTouch(c *command.Call) error {
	on, err := onOff(c.Argv[2])
	if err != nil {
		return err
	}
	c.Client.NoTouch = on
	c.Reply.OK()
	return nil
}

// replyMode is what CLIENT REPLY has asked for.
type replyMode uint8

const (
	replyOn       replyMode = iota
	replyOff                // no replies
	replySkipNext           // CLIENT REPLY SKIP was the last command
	replySkip               // no reply to this command
)

func clientReply(c *command.Call) error {
	s := session(c)
	switch arg := c.Argv[2]; {
	case word(arg, "on"):
		s.reply = replyOn
		c.Reply.OK()
	case word(arg, "off"):
		s.reply = replyOff
	case word(arg, "skip"):
		if s.reply != replyOff {
			s.reply = replySkipNext
		}
	default:
		return resp.ErrSyntax
	}
	return nil
}

// suppress drops the reply that begins at mark if the client doesn't want it. Out-of-band messages are no replies.
func (c *conn) suppress(mark int) {
	if c.loud {
		c.loud = false
		mark = c.out.Len()
	}
	switch c.reply {
	case replyOff:
		c.out.Cut(mark)
	case replySkipNext:
		c.reply = replySkip
	case replySkip:
		c.out.Cut(mark)
		c.reply = replyOn
	}
}

func clientHelp(c *command.Call) error {
	c.Reply.Help("CLIENT",
		"GETNAME",
		"    Return the name of the current connection.",
		"ID",
		"    Return the ID of the current connection.",
		"INFO",
		"    Return information about the current client connection.",
		"KILL <ip:port>",
		"    Kill connection made from <ip:port>.",
		"KILL <option> <value> [<option> <value> [...]]",
		"    Kill connections. Options are:",
		"    * ADDR (<ip:port>|<unixsocket>:0)",
		"      Kill connections made from the specified address",
		"    * LADDR (<ip:port>|<unixsocket>:0)",
		"      Kill connections made to specified local address",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"      Kill connections by type.",
		"    * USER <username>",
		"      Kill connections authenticated by <username>.",
		"    * SKIPME (YES|NO)",
		"      Skip killing current connection (default: yes).",
		"LIST [options ...]",
		"    Return information about client connections. Options:",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"      Return clients of specified type.",
		"UNPAUSE",
		"    Stop the current client pause, resuming traffic.",
		"PAUSE <timeout> [WRITE|ALL]",
		"    Suspend all, or just write, clients for <timeout> milliseconds.",
		"REPLY (ON|OFF|SKIP)",
		"    Control the replies sent to the current connection.",
		"SETINFO <option> <value>",
		"    Set client meta attr. Options are:",
		"    * LIB-NAME: the client lib name.",
		"    * LIB-VER: the client lib version.",
		"SETNAME <name>",
		"    Assign the name <name> to the current connection.",
		"UNBLOCK <clientid> [TIMEOUT|ERROR]",
		"    Unblock the specified blocked client.",
		"NO-EVICT (ON|OFF)",
		"    Protect current client connection from eviction.",
		"NO-TOUCH (ON|OFF)",
		"    Will not touch LRU/LFU stats when this mode is on.")
	return nil
}
