package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Feed is what a replica of Redis is fed from (SYNC, PSYNC), with --admin-commands: data can leave for a redis-server, or for tools that read its protocol. Our own
// replicas don't use it: they read the log.
type Feed struct {
	// Snapshot writes a keyspace as an RDB file, without its keys or without its function libraries if they are not wanted. The caller holds the turn.
	Snapshot func(db *keyspace.DB, w io.Writer, keys, libraries bool) error
	// Follow calls fn with the commands of each durable record from a position on, and with none when every has passed without one, until ctx ends or fn fails.
	Follow func(ctx context.Context, from txlog.Pos, every time.Duration, fn func(commands [][][]byte) error) error
	// Save keeps a keyspace as an RDB file (SAVE, BGSAVE), nil if there is nowhere to; the caller holds the turn. With background it returns once the content is taken.
	Save func(db *keyspace.DB, background bool) error
	// Rewriter shortens the log (BGREWRITEAOF); nil if nothing does.
	Rewriter Rewriter
	// Shutdown makes the program end (SHUTDOWN); nil if it can't be asked to. It returns at once.
	Shutdown func()
}

// Rewriter shortens the transaction log: a snapshot is taken, and what is before it forgotten.
type Rewriter interface {
	// Rewrite asks for it and doesn't wait; an error if it goes on already.
	Rewrite() error
	// Rewriting says whether it goes on.
	Rewriting() bool
}

// Rows of replication and RDB files as Redis has them. All see the whole keyspace: they are held while anything is uncommitted.
var replicaRows = []command.Spec{
	{Name: "sync", Arity: 1, Flags: feedFlags | command.NoMulti, Group: command.Server, Since: "1.0.0", Summary: "Makes the connection a replica: an RDB file and every later write.", Run: syncCommand},
	{Name: "psync", Arity: -3, Flags: feedFlags | command.NoMulti, Group: command.Server, Since: "2.8.0", Args: "replicationid offset",
		Summary: "Makes the connection a replica: always an RDB file first, and every later write.", Run: psync},
	{Name: "replconf", Arity: -1, Flags: command.Admin | command.NoScript | command.Loading | command.Stale | command.AllowBusy | command.NoTurn | command.Restricted,
		Group: command.Server, Since: "3.0.0", Summary: "Takes what a replica says of itself.", Complexity: "O(1)", Run: replconf},
	{Name: "save", Arity: 1, Flags: feedFlags | command.NoMulti, Group: command.Server, Since: "1.0.0", Summary: "Writes an RDB file.",
		Complexity: "O(N) where N is the total number of keys in all databases", Run: func(c *command.Call) error { return save(c, false) }},
	{Name: "shutdown", Arity: -1, Flags: command.Admin | command.NoScript | command.Loading | command.Stale | command.NoMulti | command.AllowBusy | command.NoTurn | command.Restricted,
		Group: command.Server, Since: "1.0.0", Args: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]", Summary: "Ends the server.",
		Complexity: "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)", Run: shutdown},
	{Name: "bgsave", Arity: -1, Flags: feedFlags, Group: command.Server, Since: "1.0.0", Args: "[SCHEDULE]", Summary: "Writes an RDB file in the background.",
		Complexity: "O(1)", Run: bgsave},
	{Name: "bgrewriteaof", Arity: 1, Flags: command.NoAsyncLoading | command.Admin | command.NoScript | command.NoTurn | command.Restricted, Group: command.Server, Since: "1.0.0",
		Summary: "Takes a snapshot and trims the transaction log behind it.", Complexity: "O(1)", Run: rewriteLog},
}

const feedFlags = command.NoAsyncLoading | command.Admin | command.NoScript | command.WholeKeyspace | command.Restricted

func syncCommand(c *command.Call) error { return session(c).becomeReplica(c, "") }

// psync always begins anew: positions of the log are no offsets of a stream of bytes.
func psync(c *command.Call) error {
	s := session(c)
	return s.becomeReplica(c, fmt.Sprintf("FULLRESYNC %s %d", s.srv.cfg.Info.ReplicationID, s.asideTurn().Position()))
}

// becomeReplica replies with an RDB file and has every later record sent.
func (c *conn) becomeReplica(call *command.Call, head string) error {
	feed := c.srv.cfg.Feed
	if feed == nil {
		return resp.Error("ERR the node has nothing to feed replicas from")
	}
	if c.feeding {
		return errors.New("SYNC on a connection that is a replica already")
	}
	var file bytes.Buffer
	if err := feed.Snapshot(call.DB, &file, !c.filtered, !c.filtered || c.onlyLibraries); err != nil {
		return fmt.Errorf("snapshot for a replica: %w", err)
	}
	if head != "" {
		call.Reply.Simple(head)
	}
	call.Reply.Raw(fmt.Appendf(nil, "$%d\r\n", file.Len()))
	call.Reply.Raw(file.Bytes())
	c.feeding = true
	c.replica.Store(true)
	if c.rdbOnly {
		return nil
	}
	from := c.asideTurn().Position() + 1
	c.fed.Store(int64(from) - 1)
	c.srv.wg.Add(1)
	go c.feedReplica(from)
	return nil
}

// feedReplica sends the records from a position on until the connection ends.
func (c *conn) feedReplica(from txlog.Pos) {
	defer c.srv.wg.Done()
	selected := false
	var w resp.Writer
	send := func(words ...[]byte) {
		w.Array(len(words))
		for _, word := range words {
			w.Bulk(word)
		}
	}
	err := c.srv.cfg.Feed.Follow(c.ctx, from, c.srv.Settings().ReplicaPing, func(commands [][][]byte) error {
		w.Reset(keepReply)
		switch {
		case len(commands) == 0:
			send([]byte("PING"))
		case !selected:
			selected = true
			send([]byte("SELECT"), []byte("0"))
		}
		if len(commands) > 1 {
			send([]byte("MULTI"))
		}
		for _, words := range commands {
			send(words...)
		}
		if len(commands) > 1 {
			send([]byte("EXEC"))
		}
		c.Push(func(out *resp.Writer) { out.Raw(w.Bytes()) })
		c.fed.Store(int64(c.srv.cfg.Shard.Durable()))
		return nil
	})
	if err != nil && c.ctx.Err() == nil {
		c.srv.cfg.Logger.Error("feeding a replica failed", "client", c.client.ID, "addr", c.addr, "err", err)
		c.kill("feeding failed")
	}
}

// replconf takes what replicas tell of themselves. Acknowledgements get no reply, as in Redis.
func replconf(c *command.Call) error {
	if len(c.Argv)%2 == 0 {
		return resp.ErrSyntax
	}
	for i := 1; i < len(c.Argv); i += 2 {
		value := c.Argv[i+1]
		switch name := strings.ToLower(string(c.Argv[i])); name {
		case "listening-port", "rdb-only":
			n, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil {
				return resp.ErrNotInteger
			}
			if name == "rdb-only" {
				session(c).rdbOnly = n == 1
			} else {
				session(c).feedPort.Store(n)
			}
		case "rdb-filter-only":
			libraries := false
			for _, part := range strings.Fields(string(value)) { // what the file is to have; nothing else
				if !strings.EqualFold(part, "functions") {
					return resp.Errorf("ERR Unsupported rdb-filter-only option: %s", part)
				}
				libraries = true
			}
			session(c).filtered, session(c).onlyLibraries = true, libraries
		case "ip-address", "capa":
		case "ack", "fack":
			return nil
		case "getack":
			return nil
		default:
			return resp.Errorf("ERR Unrecognized REPLCONF option: %s", c.Argv[i])
		}
	}
	c.Reply.OK()
	return nil
}

func save(c *command.Call, background bool) error {
	srv := session(c).srv
	if srv.cfg.Feed == nil || srv.cfg.Feed.Save == nil {
		return resp.Error("ERR the node has no place for RDB files")
	}
	if err := srv.cfg.Feed.Save(c.DB, background); err != nil {
		srv.cfg.Logger.Error("writing an RDB file failed", "err", err)
		return resp.Errorf("ERR writing the RDB file: %v", err)
	}
	if background {
		c.Reply.Simple("Background saving started")
	} else {
		c.Reply.OK()
	}
	return nil
}

func bgsave(c *command.Call) error {
	if len(c.Argv) > 2 || len(c.Argv) == 2 && !strings.EqualFold(string(c.Argv[1]), "schedule") {
		return resp.ErrSyntax
	}
	return save(c, true)
}

// shutdown ends the program. SAVE writes an RDB file first; what is acknowledged is in the log anyway. NOW and FORCE ask for what is so already: there are no replicas to wait for, and
// nothing that can't be saved.
func shutdown(c *command.Call) error {
	s := session(c)
	saves, aborts := false, false
	words := 0
	for _, word := range c.Argv[1:] {
		switch strings.ToLower(string(word)) {
		case "save":
			saves = true
		case "nosave", "now", "force":
		case "abort":
			aborts = true
		default:
			return resp.ErrSyntax
		}
		words++
	}
	feed := s.srv.cfg.Feed
	switch {
	case aborts && words > 1:
		return resp.ErrSyntax
	case aborts:
		return resp.Error("ERR No shutdown in progress.")
	case feed == nil || feed.Shutdown == nil:
		return resp.Error("ERR Errors trying to SHUTDOWN. Check logs.")
	case saves:
		t := s.asideTurn()
		err := errors.New("there is no place for RDB files")
		if feed.Save != nil {
			err = feed.Save(t.DB(), false)
		}
		s.endTurn()
		if err != nil {
			s.srv.cfg.Logger.Error("SHUTDOWN SAVE failed", "err", err)
			return resp.Error("ERR Errors trying to SHUTDOWN. Check logs.")
		}
	}
	feed.Shutdown()
	s.closing = true
	return nil
}

// fedReplicas are the connections that follow the node by SYNC, as INFO shows them. Offset is the position of the log up to which they were sent everything.
func (s *Server) fedReplicas() []ReplicaInfo {
	var out []ReplicaInfo
	for _, c := range s.clients.all() {
		if at := c.fed.Load(); at >= 0 && c.replica.Load() {
			host, _, err := net.SplitHostPort(c.addr)
			if err != nil {
				host = c.addr
			}
			out = append(out, ReplicaInfo{Host: host, Port: int(c.feedPort.Load()), Online: true, Offset: at})
		}
	}
	return out
}

func rewriteLog(c *command.Call) error {
	feed := session(c).srv.cfg.Feed
	if feed == nil || feed.Rewriter == nil {
		return resp.Error("ERR There is no append-only file, and the node keeps no snapshots behind which the transaction log could be trimmed")
	}
	if feed.Rewriter.Rewrite() != nil {
		return resp.Error("ERR Background append only file rewriting already in progress")
	}
	c.Reply.Simple("Background append only file rewriting started")
	return nil
}
