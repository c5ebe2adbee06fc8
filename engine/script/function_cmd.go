package script

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/rdb"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const libraryFlags = command.NoScript | command.Write

var allShards = []string{"request_policy:all_shards", "response_policy:all_succeeded"}

// functionRow is FUNCTION, its subcommands in the order of their handlers.
func (e *Engine) functionRow() command.Spec {
	return command.Spec{
		Name: "function", Arity: -2, Flags: command.Container, Group: command.Scripting, Since: "7.0.0", Summary: "A container for commands about function libraries.",
		Complexity: "Depends on subcommand.",
		Subcommands: []command.Spec{
			{Name: "load", Arity: -3, Flags: libraryFlags | command.DenyOOM, Since: "7.0.0", Args: "[REPLACE] function-code", Tips: allShards,
				Summary: "Creates a library of functions.", Complexity: "O(1) (considering compilation time is redundant)", Run: e.functionLoad},
			{Name: "delete", Arity: 3, Flags: libraryFlags, Since: "7.0.0", Args: "library-name", Tips: allShards, Summary: "Deletes a library with its functions.",
				Complexity: "O(1)", Run: e.functionDelete},
			{Name: "flush", Arity: -2, Flags: libraryFlags, Since: "7.0.0", Args: "[ASYNC | SYNC]", Tips: allShards, Summary: "Deletes all libraries.",
				Complexity: "O(N) where N is the number of functions deleted", Run: e.functionFlush},
			{Name: "restore", Arity: -3, Flags: libraryFlags | command.DenyOOM, Since: "7.0.0", Args: "serialized-value [FLUSH | APPEND | REPLACE]", Tips: allShards,
				Summary: "Creates the libraries of a payload.", Complexity: "O(N) where N is the number of functions on the payload", Run: e.functionRestore},
			{Name: "dump", Arity: 2, Flags: command.NoScript, Since: "7.0.0", Summary: "Returns all libraries as a payload.", Complexity: "O(N) where N is the number of functions", Run: e.functionDump},
			{Name: "list", Arity: -2, Flags: command.NoScript, Since: "7.0.0", Args: "[LIBRARYNAME library-name-pattern] [WITHCODE]", Tips: []string{"nondeterministic_output_order"},
				Summary: "Lists libraries and their functions.", Complexity: "O(N) where N is the number of functions", Run: e.functionList},
			{Name: "stats", Arity: 2, Flags: command.NoScript | command.AllowBusy | command.NoTurn, Since: "7.0.0",
				Tips:    []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
				Summary: "Describes the function that runs.", Complexity: "O(1)", Run: e.functionStats},
			{Name: "kill", Arity: 2, Flags: command.NoScript | command.AllowBusy | command.NoTurn, Since: "7.0.0", Tips: []string{"request_policy:all_shards", "response_policy:one_succeeded"},
				Summary: "Ends the function that runs.", Complexity: "O(1)", Run: func(c *command.Call) error { return e.kill(c, true) }},
			{Name: "help", Arity: 2, Flags: command.Loading | command.Stale | command.NoTurn, Since: "7.0.0", Summary: "Lists the subcommands.", Complexity: "O(1)", Run: functionHelp},
		},
	}
}

func (e *Engine) fcallRows() []command.Spec {
	return []command.Spec{
		{Name: "fcall", Arity: -3, Flags: scriptFlags, Group: command.Scripting, Keys: keysOf(command.RW | command.Access | command.Update), Since: "7.0.0",
			Args: "function numkeys [key [key ...]] [arg [arg ...]]", Summary: "Executes a function.", Complexity: "Depends on the function that is executed.",
			Effective: e.fcallFlags(scriptFlags), Run: func(c *command.Call) error { return e.fcall(c, false) }},
		{Name: "fcall_ro", Arity: -3, Flags: readFlags, Group: command.Scripting, Keys: keysOf(command.RO | command.Access), Since: "7.0.0",
			Args: "function numkeys [key [key ...]] [arg [arg ...]]", Summary: "Executes a function that only reads.", Complexity: "Depends on the function that is executed.",
			Effective: e.fcallFlags(readFlags), Run: func(c *command.Call) error { return e.fcall(c, true) }},
	}
}

func (e *Engine) fcall(c *command.Call, readOnly bool) error {
	l := e.libsOf(c.DB)
	c.Looks(beside)
	f := l.functions[fold(string(c.Argv[1]))]
	if f == nil {
		return resp.Error("ERR Function not found")
	}
	if _, ok := command.IntText(c.Argv[2]); !ok {
		return resp.Error("ERR Bad number of keys provided")
	}
	keys, args, err := splitKeys(c)
	if err != nil {
		return err
	}
	r, err := e.prepare(c, f.name, ofFunction, f.flags, readOnly)
	if err != nil {
		return err
	}
	r.state = l.state
	return r.do(f.callback, words(l.state, keys), words(l.state, args))
}

func (e *Engine) functionLoad(c *command.Call) error {
	replace := false
	for _, option := range c.Argv[2 : len(c.Argv)-1] {
		if !strings.EqualFold(string(option), "replace") {
			return resp.Errorf("ERR Unknown option given: %s", option)
		}
		replace = true
	}
	l := e.libsOf(c.DB)
	lib, err := e.create(l, string(c.Argv[len(c.Argv)-1]), replace, c.Client == nil)
	if err != nil {
		return err
	}
	e.changed(c, l)
	c.Reply.BulkString(lib.name)
	return nil
}

func (e *Engine) functionDelete(c *command.Call) error {
	l := e.libsOf(c.DB)
	c.Looks(beside)
	lib := l.byName[fold(string(c.Argv[2]))]
	if lib == nil {
		return resp.Error("ERR Library not found")
	}
	l.unlink(lib)
	e.changed(c, l)
	c.Reply.OK()
	return nil
}

func (e *Engine) functionFlush(c *command.Call) error {
	if len(c.Argv) > 3 {
		return resp.Error("ERR unknown subcommand or wrong number of arguments for 'flush'. Try FUNCTION HELP.")
	}
	if len(c.Argv) == 3 {
		if mode := strings.ToLower(string(c.Argv[2])); mode != "sync" && mode != "async" {
			return resp.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
		}
	}
	l := e.libsOf(c.DB)
	*l = libraries{byName: map[string]*library{}, functions: map[string]*function{}}
	e.changed(c, l)
	c.Reply.OK()
	return nil
}

func (e *Engine) functionDump(c *command.Call) error {
	c.Looks(beside)
	var codes []string
	for _, lib := range e.libsOf(c.DB).sorted() {
		codes = append(codes, lib.code)
	}
	c.Reply.Bulk(rdb.DumpFunctions(codes))
	return nil
}

func (e *Engine) functionRestore(c *command.Call) error {
	if len(c.Argv) > 4 {
		return resp.Error("ERR unknown subcommand or wrong number of arguments for 'restore'. Try FUNCTION HELP.")
	}
	policy := "append"
	if len(c.Argv) == 4 {
		policy = strings.ToLower(string(c.Argv[3]))
	}
	if policy != "append" && policy != "replace" && policy != "flush" {
		return resp.Error("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.")
	}
	codes, err := rdb.RestoreFunctions(c.Argv[2])
	switch {
	case errors.Is(err, rdb.ErrPayload):
		return resp.Error("ERR DUMP payload version or checksum are wrong")
	case err != nil:
		return resp.Errorf("ERR %v", err)
	}
	l := e.libsOf(c.DB)
	next := &libraries{byName: map[string]*library{}, functions: map[string]*function{}, state: l.state}
	if policy != "flush" {
		next.byName, next.functions = maps.Clone(l.byName), maps.Clone(l.functions)
	}
	for _, code := range codes {
		name, _, _ := metadata(code)
		if policy == "append" && next.byName[fold(name)] != nil {
			return resp.Errorf("ERR Library %s already exists", name)
		}
		if _, err := e.create(next, code, policy == "replace", c.Client == nil); err != nil {
			return err
		}
	}
	*l = *next
	e.changed(c, l)
	c.Reply.OK()
	return nil
}

func (e *Engine) functionList(c *command.Call) error {
	withCode, pattern := false, []byte(nil)
	for i := 2; i < len(c.Argv); i++ {
		switch word := strings.ToLower(string(c.Argv[i])); {
		case word == "withcode" && !withCode:
			withCode = true
		case word == "libraryname" && pattern == nil:
			if i++; i == len(c.Argv) {
				return resp.Error("ERR library name argument was not given")
			}
			pattern = c.Argv[i]
		default:
			return resp.Errorf("ERR Unknown argument %s", c.Argv[i])
		}
	}
	c.Looks(beside)
	var found []*library
	for _, lib := range e.libsOf(c.DB).sorted() {
		if pattern == nil || command.MatchFold(pattern, []byte(lib.name)) {
			found = append(found, lib)
		}
	}
	w := c.Reply
	w.Array(len(found))
	for _, lib := range found {
		fields := 3
		if withCode {
			fields = 4
		}
		w.Map(fields)
		w.BulkString("library_name")
		w.BulkString(lib.name)
		w.BulkString("engine")
		w.BulkString("LUA")
		w.BulkString("functions")
		w.Array(len(lib.functions))
		for _, name := range slices.Sorted(maps.Keys(lib.functions)) {
			lib.functions[name].show(w)
		}
		if withCode {
			w.BulkString("library_code")
			w.BulkString(lib.code)
		}
	}
	return nil
}

func (f *function) show(w *resp.Writer) {
	w.Map(3)
	w.BulkString("name")
	w.BulkString(f.name)
	w.BulkString("description")
	if f.description == nil {
		w.Null()
	} else {
		w.BulkString(*f.description)
	}
	w.BulkString("flags")
	var names []string
	for _, n := range flagNames {
		if f.flags.has(n.flag) {
			names = append(names, n.name)
		}
	}
	w.Set(len(names))
	for _, n := range names {
		w.Simple(n)
	}
}

func (e *Engine) functionStats(c *command.Call) error {
	r := e.running.Load()
	if r != nil && r.kind == ofScript {
		return r.busy()
	}
	w := c.Reply
	w.Map(2)
	w.BulkString("running_script")
	if r == nil {
		w.Null()
	} else {
		w.Map(3)
		w.BulkString("name")
		w.BulkString(r.name)
		w.BulkString("command")
		w.Array(len(r.call.Argv))
		for _, word := range r.call.Argv {
			w.Bulk(word)
		}
		w.BulkString("duration_ms")
		w.Int(e.cfg.Now().Sub(r.begun).Milliseconds())
	}
	w.BulkString("engines")
	w.Map(1)
	w.BulkString("LUA")
	w.Map(2)
	w.BulkString("libraries_count")
	w.Int(e.libs.Load())
	w.BulkString("functions_count")
	w.Int(e.fnCount.Load())
	return nil
}

func functionHelp(c *command.Call) error {
	c.Reply.Help("FUNCTION",
		"LOAD [REPLACE] <FUNCTION CODE>",
		"    Create a new library with the given library name and code.",
		"DELETE <LIBRARY NAME>",
		"    Delete the given library.",
		"LIST [LIBRARYNAME PATTERN] [WITHCODE]",
		"    Return general information on all the libraries:",
		"    * Library name",
		"    * The engine used to run the Library",
		"    * Library description",
		"    * Functions list",
		"    * Library code (if WITHCODE is given)",
		"    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
		"STATS",
		"    Return information about the current function running:",
		"    * Function name",
		"    * Command used to run the function",
		"    * Duration in MS that the function is running",
		"    If no function is running, return nil",
		"    In addition, returns a list of available engines.",
		"KILL",
		"    Kill the current running function.",
		"FLUSH [ASYNC|SYNC]",
		"    Delete all the libraries.",
		"    When called without the optional mode argument, the behavior is determined by the",
		"    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
		"    * ASYNC: Asynchronously flush the libraries.",
		"    * SYNC: Synchronously flush the libraries.",
		"DUMP",
		"    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command",
		"RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
		"    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
		"    control how to handle existing libraries (default APPEND):",
		"    * FLUSH: delete all existing libraries.",
		"    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
		"    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
		"      libraries with the new libraries (notice that even on this option there is a chance of failure",
		"      in case of functions name collision with another library).",
	)
	return nil
}
