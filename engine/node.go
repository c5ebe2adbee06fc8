// Package engine is one node of a cluster, to be embedded: it opens on a shard's transaction log, follows it, leads when told to, and serves Redis clients.
//
//	n, err := engine.Open(engine.Config{Node: id, Log: log, Now: time.Now})
//	go n.Serve(listener); n.SetMap(m); n.Promote(ctx); …; n.Close(ctx)
//
// Goroutines: the member that follows the log (engine/replication), the server's (engine/server), one that deletes expired keys, and one per Serve. Close ends
// all of them and waits.
package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/config"
	"github.com/openmemorydb/memorydb/engine/debug"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/pubsub"
	"github.com/openmemorydb/memorydb/engine/replication"
	"github.com/openmemorydb/memorydb/engine/script"
	"github.com/openmemorydb/memorydb/engine/server"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/snapshot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Config is what a node needs. Node, Log and Now are required.
type Config struct {
	// Node is the node's id: 40 lower-case hexadecimal digits (cluster.IDOf makes one).
	Node string
	// Log is the node's handle on its shard's log. The node uses it until Close and does not close it.
	Log txlog.Log
	// Users are the users of the node; nil leaves Redis's default user, which may do everything without a password.
	Users []acl.Definition
	// RequirePass is the default user's password; empty is none. Not together with Users.
	RequirePass string
	// Parameters are directives by name, as parameter groups have them; those that are missing keep their defaults.
	Parameters map[string]string
	// MaxMemory is the data memory of the node in bytes; 0 is no limit.
	MaxMemory int64
	// TLS makes the node serve TLS connections only; nil serves plain ones.
	TLS *tls.Config
	// AdminCommands opens the commands that MemoryDB restricts (CONFIG SET, ACL SETUSER …).
	AdminCommands bool
	// ReplicasAt is the number of the shard's replicas that have applied the log up to a position, for WAIT; nil is for a node that knows of none. It is called from
	// several goroutines and must not wait.
	ReplicasAt func(pos txlog.Pos) int
	// Bus carries published messages between the nodes of the cluster; nil keeps them on this node.
	Bus pubsub.Bus
	// Port is the port that INFO reports; 0 takes it from the first listener.
	Port int
	// RedisVersion is what INFO reports as redis_version; empty is 7.0.15.
	RedisVersion string
	// DumpFile is where SAVE and BGSAVE write, with AdminCommands; empty: they are refused.
	DumpFile string
	// Snapshots are the snapshots of the node's shard: what it begins with when its log is long, or was trimmed. Nil: it replays the whole log.
	Snapshots *snapshot.Store
	// Rewriter shortens the log for BGREWRITEAOF, with AdminCommands, as a snapshot.Keeper does; nil: it is refused.
	Rewriter server.Rewriter
	// Shutdown is called for SHUTDOWN, with AdminCommands; nil refuses it. It must return at once.
	Shutdown func()
	// Skip are positions of the log's records that could not be applied and that an operator has given up: their effects are passed over. All nodes of a shard must be given the same.
	Skip []txlog.Pos
	// Version is the program's version, for leadership entries.
	Version string
	// Lease is how the node keeps leadership, and takes it by itself when nobody has it; the zero value is for a node that leads only when it is told to, among nodes of one process.
	Lease Lease
	// Changed is called when the node's role, its shard's leader or Status.Err has changed; it must not wait. nil: nobody asks.
	Changed func()
	Now     func() time.Time
	Logger  *slog.Logger
}

// PoisonError is why a node has stopped whose log holds a record that it can't apply: it names the position.
type PoisonError = shard.PoisonError

// EachEffect calls fn with each command of the payload of a Data record, in order; the words are valid during the call. The error is why the rest can't be read.
func EachEffect(payload []byte, fn func(words [][]byte)) error {
	return command.DecodeEffects(payload, nil, func(words [][]byte) error {
		fn(words)
		return nil
	})
}

// Lease is the timing of leadership.
type Lease = replication.Lease

// DefaultLease is the timing of leadership for nodes on one machine or in one region.
var DefaultLease = replication.DefaultLease

// Node is an open node.
type Node struct {
	cfg       Config
	config    *config.Config
	debug     *debug.Debug
	scripts   *script.Engine
	users     *acl.Store
	state     *cluster.State
	table     *command.Table
	shard     *shard.Shard
	member    *replication.Member
	server    *server.Server
	serving   sync.WaitGroup
	stop      chan struct{} // closed by Close: ends the expiry goroutine
	once      sync.Once
	restoring sync.Mutex   // held by Restore and Discard
	saved     atomic.Int64 // when an RDB file was kept last, in seconds since the epoch
}

// Status is what a node is just now.
type Status struct {
	Role shard.Role
	// Leader is the id of the node that leads the shard, by the newest leadership entry that this node has applied, and Epoch that entry's number.
	Leader string
	Epoch  uint64
	// Applied is the newest log position that the node has executed or applied.
	Applied txlog.Pos
	// Err is why the node has stopped following its log for good; nil while it works.
	Err error
}

// Open makes a node that catches up with its log in the background, and answers clients once Serve is called.
func Open(cfg Config) (*Node, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Node) != 40 || cfg.Log == nil || cfg.Now == nil {
		return nil, errors.New("engine: Config needs Node (40 hexadecimal digits), Log and Now")
	}
	if err := cfg.Lease.Validate(); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	n := &Node{cfg: cfg, config: config.New(), stop: make(chan struct{})}
	n.users = acl.NewStore(acl.Config{LogMaxLen: n.config.ACLLogMaxLen.Load, Changed: func() {
		if n.server != nil {
			n.server.UsersChanged()
		}
	}})
	n.state = cluster.New(cluster.Config{Self: cfg.Node, Offset: func() int64 { p, _ := n.shard.Position(); return int64(p) }})
	n.debug = debug.New(debug.Config{
		Rebuild: n.rebuild, Role: func() shard.Role { return n.shard.Role() }, Sleep: time.Sleep, Logger: cfg.Logger,
		Serialized: serialized, ListNodes: listNodes, Libraries: func(db *keyspace.DB) int { return len(n.scripts.Libraries(db)) }, DenyScripts: func(deny bool) { n.scripts.DenyScripts(deny) },
	})
	n.scripts = script.New(script.Config{
		Table: func() *command.Table { return n.table }, Logger: cfg.Logger, Now: cfg.Now,
		Permitted: func(c *command.Client, row *command.Spec, argv [][]byte) error {
			return server.ScriptPermission(c, row, argv, true)
		},
		Allowed: func(c *command.Client, row *command.Spec, argv [][]byte) bool {
			return server.ScriptPermission(c, row, argv, false) == nil
		},
		Local:  func(c *command.Client, slot uint16, write bool) bool { return n.state.Route(slot, write, c) == nil },
		Begins: server.ScriptBegins, Called: server.ScriptCalled,
		EnoughReplicas: func() error { return n.server.EnoughReplicas() },
		Primary:        func() bool { return n.shard.Role() == shard.Primary },
		Short:          func() bool { return n.shard.Short() },
		Yield:          func(busy error) error { return n.shard.Yield(busy) },
		Threshold:      func() time.Duration { return time.Duration(n.config.BusyReplyThreshold.Load()) * time.Millisecond },
	})
	n.table = commands(n, cfg.AdminCommands)
	n.users.Bind(n.table)
	n.shard = shard.New(shard.Config{
		NodeID: cfg.Node, Log: cfg.Log, Table: n.table, Now: cfg.Now, Lease: cfg.Lease.Duration, Elapsed: cfg.Lease.Elapsed, Logger: cfg.Logger,
		NewDB: newDB, Skip: skipped(cfg.Skip),
	})
	n.server = server.New(server.Config{
		Shard: n.shard, Table: n.table, ACL: n.users, Router: n.state, TLS: cfg.TLS, Now: cfg.Now, Logger: cfg.Logger, RedisVersion: cfg.RedisVersion,
		Feed: n.feed(), Bus: cfg.Bus, Events: n.config.NotifyKeyspaceEvents.Wants, Info: server.Info{LastSave: n.lastSave, Scripts: n.scriptInfo, RunID: cfg.Node, ReplicationID: cfg.Node, Port: cfg.Port, Primary: n.primary, Replicas: n.replicas, ReplicasAt: cfg.ReplicasAt},
	})
	n.config.ResetStat = n.server.ResetStats
	n.config.OnChange(n.apply, heeded()...)
	n.config.OnChange(func() error { return n.users.RequirePass(n.config.RequirePass.Load()) }, "requirepass")
	if err := n.configure(); err != nil {
		return nil, err
	}
	follow := replication.Config{Shard: n.shard, Log: cfg.Log, NodeID: cfg.Node, Version: cfg.Version, Lease: cfg.Lease, Changed: cfg.Changed, Logger: cfg.Logger}
	if cfg.Snapshots != nil {
		follow.Restore = n.restore
	}
	n.member = replication.Start(follow)
	n.serving.Go(n.expire)
	return n, nil
}

func skipped(positions []txlog.Pos) map[txlog.Pos]bool {
	skip := map[txlog.Pos]bool{}
	for _, pos := range positions {
		skip[pos] = true
	}
	return skip
}

// configure sets what the node was opened with.
func (n *Node) configure() error {
	if err := n.SetParameters(n.cfg.Parameters); err != nil {
		return err
	}
	n.SetMaxMemory(n.cfg.MaxMemory)
	if err := n.apply(); err != nil {
		return err
	}
	if n.cfg.Users != nil {
		return n.SetUsers(n.cfg.Users)
	}
	if n.cfg.RequirePass != "" {
		return n.config.Preset(config.Setting{Name: "requirepass", Value: n.cfg.RequirePass})
	}
	return nil
}

// Serve lets in the clients of a listener, in the background, until Close.
func (n *Node) Serve(ln net.Listener) {
	n.serving.Go(func() {
		if err := n.server.Serve(ln); err != nil && !errors.Is(err, server.ErrClosed) {
			n.cfg.Logger.Error("listener failed", "addr", ln.Addr().String(), "err", err)
		}
	})
}

// CaughtUp waits until the node has applied everything that was durable when it was opened.
func (n *Node) CaughtUp(ctx context.Context) error { return n.member.CaughtUp(ctx) }

// Promote makes the node the primary of its shard (promise P4); it returns once its leadership is durable.
func (n *Node) Promote(ctx context.Context) error { return n.member.Promote(ctx) }

// handOverPatience is how long requests wait for the slot map that names the next primary, when one resigns.
const handOverPatience = time.Second

// HandOver ends the node's leadership in order: what clients have sent is executed and durable, what comes next waits for the slot map with the successor and is redirected there.
// successor is a node's id; empty is any replica. Errors: ErrNotPrimary, those of the log.
func (n *Node) HandOver(ctx context.Context, successor string) error {
	if n.shard.Role() != shard.Primary {
		return ErrNotPrimary
	}
	n.server.HandingOver(n.cfg.Now().Add(handOverPatience))
	return n.member.HandOver(ctx, successor)
}

// ErrNotPrimary is returned to who asks a node to hand over that does not lead.
var ErrNotPrimary = shard.ErrNotPrimary

// Status is what the node is just now.
func (n *Node) Status() Status {
	st := Status{Role: n.shard.Role(), Err: n.member.Err()}
	st.Leader, st.Epoch = n.shard.Leader()
	st.Applied, _ = n.shard.Position()
	return st
}

// Digest is an order-independent checksum of the node's keyspace, with the log position at which it was taken: equal on nodes at the same position.
func (n *Node) Digest() (digest uint64, at txlog.Pos) {
	at, _ = n.shard.Position()
	for {
		n.shard.View(func(db *keyspace.DB) { digest = db.Digest() })
		again, _ := n.shard.Position()
		if again == at {
			return digest, at
		}
		at = again
	}
}

// Table is the node's command table.
func (n *Node) Table() *command.Table { return n.table }

// SetMap gives the node the cluster's slot map.
func (n *Node) SetMap(m cluster.Map) error {
	if err := n.state.Set(m); err != nil {
		return err
	}
	n.server.Rerouted()
	return nil
}

// SetUsers replaces the node's users; open connections get their new permissions, or are closed, at once.
func (n *Node) SetUsers(users []acl.Definition) error {
	if err := n.users.Replace(users); err != nil {
		return fmt.Errorf("set users: %w", err)
	}
	return nil
}

// SetParameters sets directives by name; they take effect at once.
func (n *Node) SetParameters(parameters map[string]string) error {
	if err := n.config.SetParameters(parameters); err != nil {
		return fmt.Errorf("set parameters: %w", err)
	}
	return nil
}

// SetMaxMemory changes the node's data memory, in bytes; 0 is no limit.
func (n *Node) SetMaxMemory(bytes int64) {
	if err := n.config.Preset(config.Setting{Name: "maxmemory", Value: fmt.Sprint(max(bytes, 0))}); err != nil {
		panic("engine: set maxmemory: " + err.Error()) // any number of bytes is right
	}
}

// SetRedisVersion changes the version of Redis that clients are told, after an upgrade.
func (n *Node) SetRedisVersion(version string) { n.server.SetRedisVersion(version) }

// Close stops serving (what is being executed may end until ctx does), stops following the log and gives memory back. The log handle stays open.
func (n *Node) Close(ctx context.Context) error {
	var err error
	n.once.Do(func() {
		close(n.stop)
		err = n.server.Close(ctx) // clients first: their replies need the log
		n.member.Close()
		n.serving.Wait()
		n.shard.Close()
	})
	return err
}

// expireEvery is how often expired keys are looked for; what clients touch expires at once anyway.
const expireEvery = 100 * time.Millisecond

// defragBudget is how much of the keyspace one step of active defragmentation looks at: well under a millisecond of the shard's turn.
const defragBudget = 1000

// expire deletes expired keys through the log, the more at a time the higher active-expire-effort is.
func (n *Node) expire() {
	ticker := time.NewTicker(expireEvery)
	defer ticker.Stop()
	for {
		select {
		case <-n.stop:
			return
		case <-ticker.C:
		}
		if !n.debug.Active() {
			continue
		}
		begun := n.cfg.Now()
		for range 4 * n.config.ActiveExpireEffort.Load() {
			if !n.shard.ExpireSome() {
				break
			}
		}
		n.server.Latency("expire-cycle", n.cfg.Now().Sub(begun))
		if n.config.ActiveDefrag.Load() {
			n.shard.Defrag(defragBudget)
		}
	}
}
