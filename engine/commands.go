package engine

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/server"
)

// commands is the index of the engine: whoever owns the state owns the rows.
func commands(n *Node, admin bool) *command.Table {
	var t *command.Table
	t = command.NewTable(admin,
		datatype.Commands(),
		server.Commands(),
		command.IntrospectionCommands(func() *command.Table { return t }),
		n.state.Commands(),
		n.users.Rows(),
		n.config.Rows(),
	)
	return t
}
