package engine

import (
	"sync"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/rdb"
	"github.com/openmemorydb/memorydb/engine/server"
)

// commands is the index of the engine: whoever owns the state owns the rows.
func commands(n *Node, admin bool) *command.Table {
	var t *command.Table
	t = command.NewTable(admin,
		datatype.Commands(),
		rdb.Commands(),
		server.Commands(),
		command.IntrospectionCommands(func() *command.Table { return t }),
		n.state.Commands(),
		n.users.Rows(),
		n.config.Rows(),
		n.debug.Rows(),
		n.scripts.Rows(),
	)
	return t
}

// CheckRules is nil if the engine understands an access string of the management API: its commands, categories and patterns.
func CheckRules(accessString string) error {
	store := acl.NewStore(acl.Config{})
	store.Bind(rulesTable())
	return store.Replace([]acl.Definition{{Name: "checked", AccessString: accessString}})
}

// rulesTable is a table with all rows, of a node that does not run, for those who only ask what commands there are.
var rulesTable = sync.OnceValue(func() *command.Table {
	n := idle(nil, nil)
	return commands(n, true)
})
