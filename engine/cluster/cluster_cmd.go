package cluster

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/slot"
)

// Commands are the rows of CLUSTER: all its reads. Those that change the cluster's shape by hand (ADDSLOTS, MEET, FAILOVER …) are not offered, with
// administration open or not: here the shape belongs to whoever owns the map.
func (s *State) Commands() []command.Spec {
	const (
		quiet = command.Stale | command.NoTurn
		keys  = command.Stale | command.WholeKeyspace // looks at keys, so it waits for changes that are not committed

		perNode = "O(N) where N is the total number of Cluster nodes"
	)
	varies := []string{"nondeterministic_output"}
	return []command.Spec{{
		Name: "cluster", Arity: -2, Flags: command.Container, Group: command.Cluster, Since: "3.0.0",
		Summary: "A container for cluster commands", Complexity: "Depends on subcommand.",
		Subcommands: append([]command.Spec{
			{Name: "count-failure-reports", Arity: 3, Flags: quiet | command.Admin, Since: "3.0.0", Args: "node-id", Tips: varies,
				Summary: "Return the number of failure reports active for a given node", Complexity: "O(N) where N is the number of failure reports",
				Run: s.countFailureReports},
			{Name: "countkeysinslot", Arity: 3, Flags: keys, Since: "3.0.0", Args: "slot",
				Summary: "Return the number of local keys in the specified hash slot", Complexity: "O(1)", Run: countKeysInSlot},
			{Name: "getkeysinslot", Arity: 4, Flags: keys, Since: "3.0.0", Args: "slot count", Tips: varies,
				Summary: "Return local key names in the specified hash slot", Complexity: "O(log(N)) where N is the number of requested keys",
				Run: getKeysInSlot},
			{Name: "help", Arity: 2, Flags: quiet | command.Loading, Since: "5.0.0",
				Summary: "Show helpful text about the different subcommands", Complexity: "O(1)", Run: help},
			{Name: "info", Arity: 2, Flags: quiet, Since: "3.0.0", Tips: varies,
				Summary: "Provides info about Redis Cluster node state", Complexity: "O(1)", Run: s.info},
			{Name: "keyslot", Arity: 3, Flags: quiet, Since: "3.0.0", Args: "key",
				Summary: "Returns the hash slot of the specified key", Complexity: "O(N) where N is the number of bytes in the key", Run: keySlot},
			{Name: "links", Arity: 2, Flags: quiet, Since: "7.0.0", Tips: varies,
				Summary: "Returns a list of all TCP links to and from peer nodes in cluster", Complexity: perNode, Run: links},
			{Name: "myid", Arity: 2, Flags: quiet, Since: "3.0.0", Summary: "Return the node id", Complexity: "O(1)", Run: s.myID},
			{Name: "myshardid", Arity: 2, Flags: quiet | command.Added, Since: "7.2.0", Tips: varies,
				Summary: "Return the node shard id", Complexity: "O(1)", Run: s.myShardID},
			{Name: "nodes", Arity: 2, Flags: quiet, Since: "3.0.0", Tips: varies,
				Summary: "Get Cluster config for the node", Complexity: perNode, Run: s.nodes},
			{Name: "replicas", Arity: 3, Flags: quiet | command.Admin, Since: "5.0.0", Args: "node-id", Tips: varies,
				Summary: "List replica nodes of the specified master node", Complexity: "O(1)", Run: s.replicas},
			{Name: "shards", Arity: 2, Flags: quiet, Since: "7.0.0", Tips: varies,
				Summary: "Get array of cluster slots to node mappings", Complexity: "O(N) where N is the total number of cluster nodes", Run: s.shards},
			{Name: "slaves", Arity: 3, Flags: quiet | command.Admin, Since: "3.0.0", Args: "node-id", Tips: varies,
				Summary: "List replica nodes of the specified master node", Complexity: "O(1)", Run: s.replicas},
			{Name: "slots", Arity: 2, Flags: quiet, Since: "3.0.0", Tips: varies,
				Summary: "Get array of Cluster slot to node mappings", Complexity: perNode, Run: s.slots},
		}, elsewhereRows...),
	}}
}

const (
	errInvalidSlot  resp.Error = "ERR Invalid slot"
	errInvalidRange resp.Error = "ERR Invalid slot or number of keys"
	errNotPrimary   resp.Error = "ERR The specified node is not a master"
)

func (s *State) countFailureReports(c *command.Call) error {
	if _, _, err := s.find(c.Argv[2]); err != nil {
		return err
	}
	c.Reply.Int(0) // nodes don't report each other: the lease in the log decides who lives
	return nil
}

func countKeysInSlot(c *command.Call) error {
	args := c.Args(2)
	n, err := args.Int()
	if err != nil {
		return err
	}
	if n < 0 || n >= slot.Count {
		return errInvalidSlot
	}
	c.Reply.Int(int64(c.DB.SlotLen(uint16(n))))
	return nil
}

func getKeysInSlot(c *command.Call) error {
	args := c.Args(2)
	n, err := args.Int()
	if err != nil {
		return err
	}
	most, err := args.Int()
	if err != nil {
		return err
	}
	if n < 0 || n >= slot.Count || most < 0 {
		return errInvalidRange
	}
	var found resp.Writer
	var count int64
	if most > 0 {
		c.DB.SlotKeys(uint16(n), func(key []byte) bool {
			found.Bulk(key)
			count++
			return count < most
		})
	}
	c.Reply.Array(int(count))
	c.Reply.Raw(found.Bytes())
	return nil
}

func keySlot(c *command.Call) error {
	c.Reply.Int(int64(slot.Of(c.Argv[2])))
	return nil
}

// links answers that there are none: nodes of ours don't gossip with each other.
func links(c *command.Call) error {
	c.Reply.Array(0)
	return nil
}

func (s *State) myID(c *command.Call) error {
	c.Reply.BulkString(s.cfg.Self)
	return nil
}

func (s *State) myShardID(c *command.Call) error {
	_, shard, ok := s.Self()
	if !ok {
		return ErrDown
	}
	c.Reply.BulkString(shard.ID)
	return nil
}

func help(c *command.Call) error {
	c.Reply.Help("CLUSTER",
		"COUNT-FAILURE-REPORTS <node-id>",
		"    Return number of failure reports for <node-id>.",
		"COUNTKEYSINSLOT <slot>",
		"    Return the number of keys in <slot>.",
		"GETKEYSINSLOT <slot> <count>",
		"    Return key names stored by current node in a slot.",
		"INFO",
		"    Return information about the cluster.",
		"KEYSLOT <key>",
		"    Return the hash slot for <key>.",
		"MYID",
		"    Return the node id.",
		"MYSHARDID",
		"    Return the node's shard id.",
		"NODES",
		"    Return cluster configuration seen by node. Output format:",
		"    <id> <ip:port> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...",
		"REPLICAS <node-id>",
		"    Return <node-id> replicas.",
		"SLOTS",
		"    Return information about slots range mappings. Each range is made of:",
		"    start, end, master and replicas IP addresses, ports and ids",
		"SHARDS",
		"    Return information about slot range mappings and the nodes associated with them.",
		"LINKS",
		"    Return information about all network links between this node and its peers.",
		"    Output format is an array where each array element is a map containing attributes of a link",
	)
	return nil
}
