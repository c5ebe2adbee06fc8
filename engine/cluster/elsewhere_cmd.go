package cluster

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// elsewhereRows are the subcommands that change a cluster, which MemoryDB restricts: with --admin-commands they say who does that here.
var elsewhereRows = []command.Spec{
	{Name: "addslots", Arity: -3, Flags: elsewhere, Since: "3.0.0", Args: "slot [slot ...]", Summary: "Assign new hash slots to receiving node",
		Complexity: "O(N) where N is the total number of hash slot arguments", Run: slotsElsewhere},
	{Name: "addslotsrange", Arity: -4, Flags: elsewhere, Since: "7.0.0", Args: "start-slot end-slot [start-slot end-slot ...]", Summary: "Assign new hash slots to receiving node",
		Complexity: "O(N) where N is the total number of the slots between the start slot and end slot arguments.", Run: slotsElsewhere},
	{Name: "bumpepoch", Arity: 2, Flags: elsewhere, Tips: []string{"nondeterministic_output"}, Since: "3.0.0", Summary: "Advance the cluster config epoch",
		Complexity: "O(1)", Run: membersElsewhere},
	{Name: "delslots", Arity: -3, Flags: elsewhere, Since: "3.0.0", Args: "slot [slot ...]", Summary: "Set hash slots as unbound in receiving node",
		Complexity: "O(N) where N is the total number of hash slot arguments", Run: slotsElsewhere},
	{Name: "delslotsrange", Arity: -4, Flags: elsewhere, Since: "7.0.0", Args: "start-slot end-slot [start-slot end-slot ...]", Summary: "Set hash slots as unbound in receiving node",
		Complexity: "O(N) where N is the total number of the slots between the start slot and end slot arguments.", Run: slotsElsewhere},
	{Name: "failover", Arity: -2, Flags: elsewhere, Since: "3.0.0", Args: "[FORCE | TAKEOVER]", Summary: "Forces a replica to perform a manual failover of its master.",
		Complexity: "O(1)", Run: membersElsewhere},
	{Name: "flushslots", Arity: 2, Flags: elsewhere, Since: "3.0.0", Summary: "Delete a node's own slots information",
		Complexity: "O(1)", Run: slotsElsewhere},
	{Name: "forget", Arity: 3, Flags: elsewhere, Since: "3.0.0", Args: "node-id", Summary: "Remove a node from the nodes table",
		Complexity: "O(1)", Run: membersElsewhere},
	{Name: "meet", Arity: -4, Flags: elsewhere, Since: "3.0.0", Args: "ip port [cluster_bus_port]", Summary: "Force a node cluster to handshake with another node",
		Complexity: "O(1)", Run: membersElsewhere},
	{Name: "replicate", Arity: 3, Flags: elsewhere, Since: "3.0.0", Args: "node-id", Summary: "Reconfigure a node as a replica of the specified master node",
		Complexity: "O(1)", Run: membersElsewhere},
	{Name: "reset", Arity: -2, Flags: elsewhere&^command.NoAsyncLoading | command.NoScript, Since: "3.0.0", Args: "[HARD | SOFT]", Summary: "Reset a Redis Cluster node",
		Complexity: "O(N) where N is the number of known nodes. The command may execute a FLUSHALL as a side effect.", Run: membersElsewhere},
	{Name: "saveconfig", Arity: 2, Flags: elsewhere, Since: "3.0.0", Summary: "Forces the node to save cluster state on disk",
		Complexity: "O(1)", Run: membersElsewhere},
	{Name: "set-config-epoch", Arity: 3, Flags: elsewhere, Since: "3.0.0", Args: "config-epoch", Summary: "Set the configuration epoch in a new node",
		Complexity: "O(1)", Run: membersElsewhere},
}

const elsewhere = command.Admin | command.Stale | command.NoAsyncLoading | command.NoTurn | command.Restricted

func slotsElsewhere(*command.Call) error {
	return resp.Error("ERR Slots are dealt by the management API, not by commands")
}

func membersElsewhere(*command.Call) error {
	return resp.Error("ERR Who belongs to the cluster is the management API's to say, and who leads a shard its log's")
}
