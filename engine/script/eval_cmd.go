package script

import (
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const (
	scriptFlags = command.NoScript | command.SkipMonitor | command.MayReplicate | command.NoMandatoryKeys | command.Stale
	readFlags   = command.NoScript | command.SkipMonitor | command.NoMandatoryKeys | command.Stale | command.ReadOnly
)

func (e *Engine) evalRows() []command.Spec {
	return []command.Spec{
		{Name: "eval", Arity: -3, Flags: scriptFlags, Group: command.Scripting, Keys: keysOf(command.RW | command.Access | command.Update), Since: "2.6.0",
			Args: "script numkeys [key [key ...]] [arg [arg ...]]", Summary: "Executes a Lua script.", Complexity: "Depends on the script that is executed.",
			Effective: e.evalFlags(scriptFlags), Run: func(c *command.Call) error { return e.eval(c, false) }},
		{Name: "evalsha", Arity: -3, Flags: scriptFlags, Group: command.Scripting, Keys: keysAt(command.RW | command.Access | command.Update), Since: "2.6.0",
			Args: "sha1 numkeys [key [key ...]] [arg [arg ...]]", Summary: "Executes a cached Lua script, named by its SHA-1.", Complexity: "Depends on the script that is executed.",
			Effective: e.evalSHAFlags(scriptFlags), Run: func(c *command.Call) error { return e.evalSHA(c, false) }},
		{Name: "eval_ro", Arity: -3, Flags: readFlags, Group: command.Scripting, Keys: keysOf(command.RO | command.Access), Since: "7.0.0",
			Args: "script numkeys [key [key ...]] [arg [arg ...]]", Summary: "Executes a Lua script that only reads.", Complexity: "Depends on the script that is executed.",
			Effective: e.evalFlags(readFlags), Run: func(c *command.Call) error { return e.eval(c, true) }},
		{Name: "evalsha_ro", Arity: -3, Flags: readFlags, Group: command.Scripting, Keys: keysAt(command.RO | command.Access), Since: "7.0.0",
			Args: "sha1 numkeys [key [key ...]] [arg [arg ...]]", Summary: "Executes a cached Lua script that only reads, named by its SHA-1.",
			Complexity: "Depends on the script that is executed.", Effective: e.evalSHAFlags(readFlags), Run: func(c *command.Call) error { return e.evalSHA(c, true) }},
	}
}

const errNoScript resp.Error = "NOSCRIPT No matching script. Please use EVAL."

func (e *Engine) eval(c *command.Call, readOnly bool) error {
	keys, args, err := splitKeys(c)
	if err != nil {
		return err
	}
	s, err := e.load(string(c.Argv[1]))
	if err != nil {
		return err
	}
	return e.runScript(c, s, keys, args, readOnly)
}

func (e *Engine) evalSHA(c *command.Call, readOnly bool) error {
	if len(c.Argv[1]) != 40 {
		return errNoScript
	}
	keys, args, err := splitKeys(c)
	if err != nil {
		return err
	}
	s := e.find(strings.ToLower(string(c.Argv[1])))
	if s == nil {
		return errNoScript
	}
	return e.runScript(c, s, keys, args, readOnly)
}

// splitKeys are the keys and arguments of EVAL and FCALL.
func splitKeys(c *command.Call) (keys, args [][]byte, err error) {
	n, ok := command.IntText(c.Argv[2])
	switch {
	case !ok:
		return nil, nil, resp.ErrNotInteger
	case n > int64(len(c.Argv)-3):
		return nil, nil, resp.Error("ERR Number of keys can't be greater than number of args")
	case n < 0:
		return nil, nil, resp.Error("ERR Number of keys can't be negative")
	}
	return c.Argv[3 : 3+n], c.Argv[3+n:], nil
}

// scriptRow is SCRIPT, its subcommands in the order of their handlers.
func (e *Engine) scriptRow() command.Spec {
	all := []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	return command.Spec{
		Name: "script", Arity: -2, Flags: command.Container, Group: command.Scripting, Since: "2.6.0", Summary: "A container for commands about scripts.",
		Complexity: "Depends on subcommand.",
		Subcommands: []command.Spec{
			{Name: "load", Arity: 3, Flags: command.NoScript | command.Stale, Since: "2.6.0", Args: "script", Tips: all, Summary: "Caches a Lua script.",
				Complexity: "O(N) with N being the length in bytes of the script body.", Run: e.scriptLoad},
			{Name: "exists", Arity: -3, Flags: command.NoScript, Since: "2.6.0", Args: "sha1 [sha1 ...]", Tips: []string{"request_policy:all_shards", "response_policy:agg_logical_and"},
				Summary: "Says which scripts are cached.", Complexity: "O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).", Run: e.scriptExists},
			{Name: "flush", Arity: -2, Flags: command.NoScript, Since: "2.6.0", Args: "[ASYNC | SYNC]", Tips: all, Summary: "Forgets all cached scripts.",
				Complexity: "O(N) with N being the number of scripts in cache", Run: e.scriptFlush},
			{Name: "kill", Arity: 2, Flags: command.NoScript | command.AllowBusy | command.NoTurn, Since: "2.6.0", Tips: []string{"request_policy:all_shards", "response_policy:one_succeeded"},
				Summary: "Ends the script that runs.", Complexity: "O(1)", Run: func(c *command.Call) error { return e.kill(c, false) }},
			{Name: "debug", Arity: 3, Flags: command.NoScript, Since: "3.2.0", Args: "YES | SYNC | NO", Summary: "Sets the debug mode of scripts.", Complexity: "O(1)", Run: scriptDebug},
			{Name: "help", Arity: 2, Flags: command.Loading | command.Stale | command.NoTurn, Since: "5.0.0", Summary: "Lists the subcommands.", Complexity: "O(1)", Run: scriptHelp},
		},
	}
}

func (e *Engine) scriptLoad(c *command.Call) error {
	s, err := e.load(string(c.Argv[2]))
	if err != nil {
		return err
	}
	c.Reply.BulkString(s.sha)
	return nil
}

func (e *Engine) scriptExists(c *command.Call) error {
	c.Reply.Array(len(c.Argv) - 2)
	for _, sha := range c.Argv[2:] {
		n := int64(0)
		if e.find(strings.ToLower(string(sha))) != nil {
			n = 1
		}
		c.Reply.Int(n)
	}
	return nil
}

func (e *Engine) scriptFlush(c *command.Call) error {
	if len(c.Argv) > 2 {
		if mode := strings.ToLower(string(c.Argv[2])); len(c.Argv) > 3 || mode != "sync" && mode != "async" {
			return resp.Error("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
		}
	}
	e.flush()
	e.state = nil
	c.Reply.OK()
	return nil
}

// scriptDebug refuses what there is not: the Lua debugger, which MemoryDB doesn't offer either.
func scriptDebug(c *command.Call) error {
	switch strings.ToLower(string(c.Argv[2])) {
	case "no":
		c.Reply.OK()
		return nil
	case "yes", "sync":
		return resp.Error("ERR the Lua debugger is not available")
	default:
		return resp.Error("ERR Use SCRIPT DEBUG YES/SYNC/NO")
	}
}

func scriptHelp(c *command.Call) error {
	c.Reply.Help("SCRIPT",
		"DEBUG (YES|SYNC|NO)",
		"    Set the debug mode for subsequent scripts executed.",
		"EXISTS <sha1> [<sha1> ...]",
		"    Return information about the existence of the scripts in the script cache.",
		"FLUSH [ASYNC|SYNC]",
		"    Flush the Lua scripts cache. Very dangerous on replicas.",
		"    When called without the optional mode argument, the behavior is determined by the",
		"    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
		"    * ASYNC: Asynchronously flush the scripts cache.",
		"    * SYNC: Synchronously flush the scripts cache.",
		"KILL",
		"    Kill the currently executing Lua script.",
		"LOAD <script>",
		"    Load a script into the scripts cache without executing it.",
	)
	return nil
}
