package server

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// moduleFlags are those of the subcommands that would change which modules there are. They are refused as by a redis-server without enable-module-command.
const moduleFlags = command.Admin | command.NoScript | command.NoAsyncLoading | command.NoTurn

// moduleRow is MODULE: MemoryDB does not offer it, and a node has no modules.
var moduleRow = command.Spec{
	Name: "module", Arity: -2, Flags: command.Container | command.NoTurn | command.Restricted, Group: command.Server, Since: "4.0.0",
	Summary: "A container for commands about modules.", Complexity: "Depends on subcommand.",
	Subcommands: []command.Spec{
		{Name: "help", Arity: 2, Flags: anyTime, Since: "5.0.0", Summary: "Lists the subcommands.", Complexity: "O(1)", Run: moduleHelp},
		{Name: "list", Arity: 2, Flags: command.Admin | command.NoScript | command.NoTurn, Since: "4.0.0", Summary: "Lists the modules: none.",
			Complexity: "O(N) where N is the number of loaded modules.", Tips: []string{"nondeterministic_output_order"}, Run: moduleList},
		{Name: "load", Arity: -3, Flags: moduleFlags, Since: "4.0.0", Args: "path [arg [arg ...]]", Summary: "Is refused: there are no modules.",
			Complexity: "O(1)", Run: moduleRefused},
		{Name: "unload", Arity: 3, Flags: moduleFlags, Since: "4.0.0", Args: "name", Summary: "Is refused: there are no modules.",
			Complexity: "O(1)", Run: moduleRefused},
	},
}

func moduleList(c *command.Call) error {
	c.Reply.Array(0)
	return nil
}

func moduleRefused(*command.Call) error {
	return resp.Error("ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it from a local connection, " +
		"otherwise you need to set this option in the configuration file, and then restart the server.")
}

func moduleHelp(c *command.Call) error {
	c.Reply.Help("MODULE",
		"LIST",
		"    Return a list of loaded modules.",
		"LOAD <path> [<arg> ...]",
		"    Load a module library from <path>, passing to it any optional arguments.",
		"LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
		"    Load a module library from <path>, while passing it module configurations and optional arguments.",
		"UNLOAD <name>",
		"    Unload a module.")
	return nil
}
