package server

import (
	"fmt"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/shard"
)

// Commands are the rows of this package.
func Commands() []command.Spec {
	rows := append([]command.Spec(nil), connectionRows...)
	rows = append(append(rows, transactionRows...), waitRows...)
	rows = append(append(rows, replicaRows...), pubsubRows...)
	return append(append(rows, clientRow, slowlogRow, latencyRow, memoryRow, moduleRow, monitorRow, infoRow), serverRows...)
}

var adminCategories = []string{"admin", "dangerous"}

// Rows about the node, in the order of their handlers.
var serverRows = []command.Spec{
	{Name: "time", Arity: 1, Flags: anyTime | command.Fast, Group: command.Server, Since: "2.6.0", Summary: "Returns the time of the node.",
		Complexity: "O(1)", Tips: []string{"nondeterministic_output"}, Run: timeCommand},
	{Name: "role", Arity: 1, Flags: plain | command.Fast, Group: command.Server, Categories: adminCategories, Since: "2.8.12",
		Summary: "Returns the role of the node in its shard.", Complexity: "O(1)", Run: role},
	{Name: "lastsave", Arity: 1, Flags: anyTime | command.Fast, Group: command.Server, Categories: adminCategories, Since: "1.0.0",
		Summary: "Returns when the data was last saved as a snapshot.", Complexity: "O(1)", Tips: []string{"nondeterministic_output"}, Run: lastSave},
	{Name: "lolwut", Arity: -1, Flags: command.ReadOnly | command.Fast | command.NoTurn, Group: command.Server, Since: "5.0.0", Args: "[VERSION version]",
		Summary: "Returns the version.", Run: lolwut},
}

func timeCommand(c *command.Call) error {
	now := session(c).srv.cfg.Now().UnixMicro()
	c.Reply.Array(2)
	c.Reply.BulkInt(now / 1e6)
	c.Reply.BulkInt(now % 1e6)
	return nil
}

func role(c *command.Call) error {
	s := session(c)
	srv := s.srv
	offset := int64(s.asideTurn().Position())
	if srv.cfg.Shard.Role() == shard.Primary {
		var replicas []ReplicaInfo
		if srv.cfg.Info.Replicas != nil {
			replicas = srv.cfg.Info.Replicas()
		}
		c.Reply.Array(3)
		c.Reply.BulkString("master")
		c.Reply.Int(offset)
		c.Reply.Array(len(replicas))
		for _, r := range replicas {
			c.Reply.Array(3)
			c.Reply.BulkString(r.Host)
			c.Reply.BulkInt(int64(r.Port))
			c.Reply.BulkInt(r.Offset)
		}
		return nil
	}
	p := srv.primary()
	state := "connect"
	if p.Up {
		state = "connected"
	}
	c.Reply.Array(5)
	c.Reply.BulkString("slave")
	c.Reply.BulkString(p.Host)
	c.Reply.Int(int64(p.Port))
	c.Reply.BulkString(state)
	c.Reply.Int(offset)
	return nil
}

func lastSave(c *command.Call) error {
	c.Reply.Int(session(c).srv.lastSave().Unix())
	return nil
}

// lastSave is when the newest snapshot was taken; when the node was started if there is none, as in Redis.
func (s *Server) lastSave() time.Time {
	if s.cfg.Info.LastSave != nil {
		if at := s.cfg.Info.LastSave(); !at.IsZero() {
			return at
		}
	}
	return s.started
}

func lolwut(c *command.Call) error {
	args := c.Args(1)
	if args.FlagWith("version") {
		if _, err := args.Int(); err != nil {
			return err
		}
	}
	c.Reply.Verbatim("txt", fmt.Sprintf("Redis ver. %s\n", session(c).srv.redisVersion()))
	return nil
}
