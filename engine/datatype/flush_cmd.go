package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var flushCommands = []command.Spec{
	{Name: "flushall", Arity: -1, Flags: command.Write, Group: command.Server, Categories: []string{"keyspace", "dangerous"}, Since: "1.0.0",
		Args: "[ASYNC | SYNC]", Complexity: "O(M) where M is the memory in use", Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"},
		Summary: "Deletes all keys.", Run: flush},
	{Name: "flushdb", Arity: -1, Flags: command.Write, Group: command.Server, Categories: []string{"keyspace", "dangerous"}, Since: "1.0.0",
		Args: "[ASYNC | SYNC]", Complexity: "O(M) where M is the memory in use", Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"},
		Summary: "Deletes all keys of the database, of which a cluster has one.", Run: flush},
}

// flush is FLUSHALL and FLUSHDB. ASYNC and SYNC are the same here: memory is given back chunk by chunk, not key by key, so there is nothing to put off.
func flush(c *command.Call) error {
	a := c.Args(1)
	if a.More() && !a.Flag("async") {
		a.Flag("sync")
	}
	if a.More() {
		return resp.ErrSyntax
	}
	c.ChangedAll() // even if there are no keys: clients may have cached that there are none
	c.DB.Clear()
	c.Reply.OK()
	return nil
}
