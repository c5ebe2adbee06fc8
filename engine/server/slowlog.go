package server

import (
	"fmt"
	"sync"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// Bounds of an entry, as Redis has them.
const (
	slowlogArgs  = 32
	slowlogBytes = 128
)

// slowlog holds the newest slow calls, the newest first.
type slowlog struct {
	mu      sync.Mutex
	most    int
	nextID  int64
	entries []slowEntry
}

type slowEntry struct {
	id         int64
	at         int64 // seconds since the epoch
	micros     int64
	argv       []string
	addr, name string
}

// resize bounds the number of entries.
func (l *slowlog) resize(most *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = max(*most, 0)
	l.entries = l.entries[:min(len(l.entries), l.most)]
}

func (l *slowlog) add(c *conn, argv [][]byte, now time.Time, took time.Duration) {
	e := slowEntry{at: now.Unix(), micros: took.Microseconds(), argv: shortArgs(argv), addr: c.addr, name: c.name}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.id = l.nextID
	l.nextID++
	if l.most == 0 {
		return
	}
	if len(l.entries) < l.most {
		l.entries = append(l.entries, slowEntry{})
	}
	copy(l.entries[1:], l.entries)
	l.entries[0] = e
}

// shortArgs copies the words of a request, leaving out what is too long and what is secret.
func shortArgs(argv [][]byte) []string {
	n := min(len(argv), slowlogArgs)
	words := make([]string, n)
	secret := secretsOf(argv)
	for i := range words {
		switch a := argv[i]; {
		case n < len(argv) && i == n-1:
			words[i] = fmt.Sprintf("... (%d more arguments)", len(argv)-n+1)
		case secret(i):
			words[i] = "(redacted)"
		case len(a) > slowlogBytes:
			words[i] = fmt.Sprintf("%s... (%d more bytes)", a[:slowlogBytes], len(a)-slowlogBytes)
		default:
			words[i] = string(a)
		}
	}
	return words
}

// secretsOf says which words of a request no log may show: passwords of AUTH, HELLO and CONFIG SET, rules of ACL SETUSER.
func secretsOf(argv [][]byte) func(i int) bool {
	switch {
	case word(argv[0], "auth"):
		return func(i int) bool { return i > 0 }
	case word(argv[0], "hello"):
		return func(i int) bool {
			return i >= 1 && word(argv[i-1], "auth") || i >= 2 && word(argv[i-2], "auth")
		}
	case word(argv[0], "acl") && len(argv) > 1 && word(argv[1], "setuser"):
		return func(i int) bool { return i > 1 }
	case word(argv[0], "config") && len(argv) > 1 && word(argv[1], "set"):
		return func(i int) bool {
			return i > 2 && i%2 == 1 && (word(argv[i-1], "requirepass") || word(argv[i-1], "masterauth"))
		}
	}
	return func(int) bool { return false }
}

// slowlogRow is SLOWLOG with its subcommands, in the order of their handlers.
var slowlogRow = command.Spec{
	Name: "slowlog", Arity: -2, Flags: command.Container | command.NoTurn, Group: command.Server, Since: "2.2.12",
	Summary: "A container for commands about slow calls.", Complexity: "Depends on subcommand.",
	Subcommands: []command.Spec{
		{Name: "get", Arity: -2, Flags: anyTime | command.Admin, Since: "2.2.12", Args: "[count]", Summary: "Lists the newest slow calls.",
			Complexity: "O(N) where N is the number of entries returned", Tips: []string{"request_policy:all_nodes", "nondeterministic_output"}, Run: slowlogGet},
		{Name: "len", Arity: 2, Flags: anyTime | command.Admin, Since: "2.2.12", Summary: "Counts the slow calls that are remembered.", Complexity: "O(1)",
			Tips: []string{"request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"}, Run: slowlogLen},
		{Name: "reset", Arity: 2, Flags: anyTime | command.Admin, Since: "2.2.12", Summary: "Forgets the slow calls.",
			Complexity: "O(N) where N is the number of entries in the slowlog",
			Tips:       []string{"request_policy:all_nodes", "response_policy:all_succeeded"}, Run: slowlogReset},
		{Name: "help", Arity: 2, Flags: anyTime, Since: "6.2.0", Summary: "Lists the subcommands.", Complexity: "O(1)", Run: slowlogHelp},
	},
}

func slowlogGet(c *command.Call) error {
	count := int64(10)
	switch {
	case len(c.Argv) > 3:
		return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try SLOWLOG HELP.", c.Argv[1])
	case len(c.Argv) == 3:
		var err error
		if count, err = command.ParseInt(c.Argv[2]); err != nil || count < -1 {
			return resp.Error("ERR count should be greater than or equal to -1")
		}
	}
	l := &session(c).srv.slow
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.entries)
	if count >= 0 {
		n = int(min(int64(n), count))
	}
	c.Reply.Array(n)
	for _, e := range l.entries[:n] {
		c.Reply.Array(6)
		c.Reply.Int(e.id)
		c.Reply.Int(e.at)
		c.Reply.Int(e.micros)
		c.Reply.Array(len(e.argv))
		for _, a := range e.argv {
			c.Reply.BulkString(a)
		}
		c.Reply.BulkString(e.addr)
		c.Reply.BulkString(e.name)
	}
	return nil
}

func slowlogLen(c *command.Call) error {
	l := &session(c).srv.slow
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Reply.Int(int64(len(l.entries)))
	return nil
}

func slowlogReset(c *command.Call) error {
	l := &session(c).srv.slow
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
	c.Reply.OK()
	return nil
}

func slowlogHelp(c *command.Call) error {
	c.Reply.Help("SLOWLOG",
		"GET [<count>]",
		"    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
		"    Entries are made of:",
		"    id, timestamp, time in microseconds, arguments array, client IP and port,",
		"    client name",
		"LEN",
		"    Return the length of the slowlog.",
		"RESET",
		"    Reset the slowlog.")
	return nil
}
