package server

import (
	"math"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/shard"
)

// Rows that wait for replicas, in the order of their handlers.
var waitRows = []command.Spec{
	{Name: "wait", Arity: 3, Flags: command.NoScript | command.NoTurn, Group: command.Generic, Categories: connectionCategory, Since: "3.0.0",
		Args: "numreplicas timeout", Summary: "Waits until replicas have applied the connection's writes.", Complexity: "O(1)",
		Tips: []string{"request_policy:all_shards", "response_policy:agg_min"}, Run: wait},
	{Name: "waitaof", Arity: 4, Flags: command.NoScript | command.NoTurn | command.Added, Group: command.Generic, Categories: connectionCategory, Since: "7.2.0",
		Args: "numlocal numreplicas timeout", Summary: "Waits until the connection's writes are on disk, and replicas have applied them.", Complexity: "O(1)",
		Tips: []string{"request_policy:all_shards", "response_policy:agg_min"}, Run: waitAOF},
}

// askReplicas is how often a connection that waits for replicas asks how far they are.
const askReplicas = 5 * time.Millisecond

// applied is the number of replicas that have applied what the connection has written.
func (c *conn) applied() int64 {
	if c.srv.cfg.Info.ReplicasAt == nil {
		return 0
	}
	return int64(c.srv.cfg.Info.ReplicasAt(max(c.wrote, c.after)))
}

func wait(c *command.Call) error {
	s := session(c)
	if s.srv.cfg.Shard.Role() == shard.Replica {
		return resp.Error("ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable " +
			"(which is not the default) writes to replicas are just local and are not propagated.")
	}
	replicas, err := command.ParseInt(c.Argv[1])
	if err != nil {
		return err
	}
	timeout, err := milliseconds(c.Argv[2])
	if err != nil {
		return err
	}
	return s.waitReplicas(c, replicas, timeout, func(w *resp.Writer) { w.Int(s.applied()) })
}

// waitAOF answers how many copies the shard's log has on the disk of this node's side, 1 at most, and of how many replicas. The answer leaves behind
// those of the connection's writes, which are on disk then.
func waitAOF(c *command.Call) error {
	s := session(c)
	local, err := command.ParseInt(c.Argv[1])
	switch {
	case err != nil:
		return err
	case local < 0 || local > 1:
		return resp.Error("ERR value is out of range, value must between 0 and 1")
	}
	replicas, err := command.ParseInt(c.Argv[2])
	switch {
	case err != nil:
		return err
	case replicas < 0:
		return resp.Errorf("ERR value is out of range, must be positive")
	}
	timeout, err := milliseconds(c.Argv[3])
	if err != nil {
		return err
	}
	if s.srv.cfg.Shard.Role() == shard.Replica {
		return resp.Error("ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.")
	}
	return s.waitReplicas(c, replicas, timeout, func(w *resp.Writer) {
		w.Array(2)
		w.Int(1)
		w.Int(s.applied())
	})
}

// waitReplicas answers at once if enough replicas have applied what the connection has written, else it blocks the connection.
func (c *conn) waitReplicas(call *command.Call, replicas, timeout int64, answer func(*resp.Writer)) error {
	if c.applied() >= replicas || !call.MayBlock {
		answer(call.Reply)
		return nil
	}
	sh := c.srv.cfg.Shard
	_, epoch := sh.Leader()
	b := &blocking{wait: command.Wait{TimedOut: answer}, enough: func() bool { return c.applied() >= replicas }, leads: func() bool {
		_, now := sh.Leader()
		return now == epoch && sh.Role() == shard.Primary
	}}
	if timeout > 0 {
		b.until = c.srv.cfg.Now().Add(time.Duration(min(timeout, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond)
	}
	b.call.Spec = call.Spec
	c.blockUntil(b)
	return nil
}
