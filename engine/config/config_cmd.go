package config

import (
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const (
	always = command.NoTurn | command.Loading | command.Stale
	admin  = always | command.NoScript | command.Admin
)

// Rows are the CONFIG commands, which MemoryDB does not offer: they are there with --admin-commands only.
func (c *Config) Rows() []command.Spec {
	return []command.Spec{{
		Name: "config", Arity: -2, Flags: command.Container | command.NoTurn | command.Restricted, Group: command.Server, Since: "2.0.0",
		Summary: "A container for commands about the node's configuration.", Complexity: "Depends on subcommand.",
		Subcommands: []command.Spec{
			{Name: "get", Arity: -3, Flags: admin, Since: "2.0.0", Args: "parameter [parameter ...]", Complexity: "O(N), where N is the number of directives",
				Summary: "Returns the values of directives.", Run: c.runGet},
			{Name: "help", Arity: 2, Flags: always, Since: "5.0.0", Complexity: "O(1)",
				Summary: "Lists the subcommands.", Run: help},
			{Name: "resetstat", Arity: 2, Flags: admin, Since: "2.0.0", Complexity: "O(1)",
				Summary: "Sets the statistics of INFO back to zero.", Run: c.runResetStat},
			{Name: "rewrite", Arity: 2, Flags: admin, Since: "2.8.0", Complexity: "O(1)",
				Summary: "Writes the configuration to its file.", Run: rewrite},
			{Name: "set", Arity: -4, Flags: admin, Since: "2.0.0", Args: "parameter value [parameter value ...]", Complexity: "O(N), where N is the number of directives",
				Tips:    []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
				Summary: "Changes directives, all or none.", Run: c.runSet},
		},
	}}
}

func (c *Config) runGet(call *command.Call) error {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[lower(name)] {
			seen[lower(name)] = true
			names = append(names, name)
		}
	}
	for _, pattern := range call.Argv[2:] {
		if !strings.ContainsAny(string(pattern), "[*?") {
			if c.byName[lower(string(pattern))] != nil {
				add(string(pattern)) // as the client wrote it
			}
			continue
		}
		for _, d := range c.directives {
			for _, name := range append([]string{d.Name}, d.Aliases...) {
				if command.MatchFold(pattern, []byte(name)) {
					add(name)
				}
			}
		}
	}
	call.Reply.Map(len(names))
	for _, name := range names {
		value, _ := c.Get(name)
		call.Reply.BulkString(name)
		call.Reply.BulkString(value)
	}
	return nil
}

func help(call *command.Call) error {
	call.Reply.Help("CONFIG",
		"GET <pattern>",
		"    Return parameters matching the glob-like <pattern> and their values.",
		"SET <directive> <value>",
		"    Set the configuration <directive> to <value>.",
		"RESETSTAT",
		"    Reset statistics reported by the INFO command.",
		"REWRITE",
		"    Rewrite the configuration file.")
	return nil
}

func (c *Config) runResetStat(call *command.Call) error {
	c.ResetStat()
	call.Reply.OK()
	return nil
}

func rewrite(*command.Call) error {
	return resp.Error("ERR The server is running without a config file")
}

func (c *Config) runSet(call *command.Call) error {
	words := call.Argv[2:]
	if len(words)%2 != 0 {
		return resp.ErrSyntax
	}
	settings := make([]Setting, len(words)/2)
	for i := range settings {
		settings[i] = Setting{string(words[2*i]), string(words[2*i+1])}
	}
	if err := c.Set(settings...); err != nil {
		return err
	}
	call.Reply.OK()
	return nil
}
