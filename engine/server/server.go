// Package server is the front of a node: connections, the order in which requests are refused, transactions, and the commands about connections and the node itself.
//
// A connection has one goroutine: it reads what has arrived, executes every request of that batch, remembering only the newest log position that a reply
// depends on, waits once for the log and writes once (promise P1); if the log takes long, what depends on nothing leaves before. What others send to a connection (Push) is queued and written by the same goroutine
// or, while that one reads, by a short-lived one. A request that waits (for a key, for replicas, for the end of a pause) makes its connection read on without executing
// anything, so that the client's end is noticed; whoever ends the wait lets that read time out.
//
// Goroutines: Serve accepts; one serves each connection; one at most writes pushes to a connection; the housekeeper closes the idle and the slow once a second
// while there are connections. Close ends all of them and waits.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/pubsub"
	"github.com/openmemorydb/memorydb/engine/shard"
)

// Version is the version of Redis that the node behaves like, as HELLO and INFO tell it if Config says nothing else.
const Version = "7.0.15"

// Router says where a slot is served.
type Router interface {
	// Route is nil if this node answers a request for a slot, else the error reply: MOVED, ASK, TRYAGAIN or CLUSTERDOWN.
	Route(slot uint16, write bool, cl *command.Client) error
}

// Config is what a server needs. Shard, Table, ACL and Now are required.
type Config struct {
	Shard *shard.Shard
	// Table holds the rows of all commands, those of Commands among them.
	Table *command.Table
	ACL   *acl.Store
	// Router redirects; nil means that this node serves every slot.
	Router Router
	// TLS is the configuration of TLS connections; nil serves plain ones.
	TLS *tls.Config
	// HandshakeTimeout is how long a client has for the TLS handshake; 0 is 10 seconds.
	HandshakeTimeout time.Duration
	// HeldBytes bounds the replies of the whole node that wait for the log, in bytes; 0 is 256 MiB.
	HeldBytes int64
	// Feed is what replicas of Redis are fed from; nil feeds none.
	Feed *Feed
	// Events says on which channels a keyspace event of a class is published: __keyspace@0__ and __keyevent@0__ (notify-keyspace-events). Nil publishes none.
	Events func(class byte) (keyspace, keyevent bool)
	// Bus carries messages to the other nodes of the cluster; nil: there are none.
	Bus pubsub.Bus
	// Settings are the parameters that the server heeds, until Configure changes them.
	Settings Settings
	// Info tells what only the node knows.
	Info Info
	// RedisVersion is the version of Redis that HELLO, INFO and LOLWUT tell; empty is Version.
	RedisVersion string
	// Mode is what HELLO and INFO tell of the kind of server; empty is "cluster".
	Mode   string
	Now    func() time.Time
	Logger *slog.Logger
}

// Server serves the clients of one node. Create it with New.
type Server struct {
	cfg        Config
	settings   atomic.Pointer[Settings]
	version    atomic.Pointer[string] // of Redis, as clients are told
	ctx        context.Context        // ends when connections must not wait any longer
	cancel     context.CancelFunc
	serving    context.Context // ends when Close begins
	stop       context.CancelFunc
	wg         sync.WaitGroup
	slow       slowlog
	latency    latencyMonitor
	stats      stats
	monitors   monitors
	port       atomic.Int64 // of the first listener, or Info.Port
	held       held
	paused     pause
	handing    pause // while the shard's lead is handed over
	channels   *pubsub.Hub
	courier    courier
	tracker    tracker
	notices    notices
	started    time.Time
	footprints footprints

	clients clients

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	closing   bool
	keeping   bool // the housekeeper runs
}

// ErrClosed is returned by Serve after Close.
var ErrClosed = errors.New("server is closed")

// New makes a server; Serve lets clients in.
func New(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.HandshakeTimeout <= 0 {
		cfg.HandshakeTimeout = 10 * time.Second
	}
	if cfg.HeldBytes <= 0 {
		cfg.HeldBytes = 256 << 20
	}
	if cfg.RedisVersion == "" {
		cfg.RedisVersion = Version
	}
	if cfg.Mode == "" {
		cfg.Mode = "cluster"
	}
	s := &Server{cfg: cfg, listeners: map[net.Listener]struct{}{}, started: cfg.Now()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.serving, s.stop = context.WithCancel(s.ctx)
	s.held.limit = cfg.HeldBytes
	s.held.changed.L = &s.held.mu
	s.channels = pubsub.New()
	s.courier.init(cfg.Shard.Wait, cfg.Shard.Durable)
	s.notices.srv = s
	cfg.Shard.Observe(&s.notices)
	if cfg.Bus != nil {
		cfg.Bus.Receive(func(m pubsub.Message) { s.channels.Deliver(m, nil) })
	}
	s.clients.byID = map[int64]*conn{}
	s.port.Store(int64(cfg.Info.Port))
	s.stats.init(cfg.Table)
	s.SetRedisVersion(cfg.RedisVersion)
	s.Configure(cfg.Settings)
	return s
}

// Close stops accepting, lets the batches that are being executed end until ctx does, closes all connections and waits for every goroutine. The error is
// ctx's if batches had to be cut off.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.stop()
	for ln := range s.listeners {
		ln.Close() // its error would be that it was closed before
	}
	s.mu.Unlock()
	for _, c := range s.clients.all() {
		c.drain()
	}
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		for _, c := range s.clients.all() {
			c.kill("server closes") // first, so that what is cut off is not answered
		}
		s.cancel()
		s.cfg.Shard.Halt()
		<-done
	}
	s.courier.close()
	if s.cfg.Bus != nil {
		s.cfg.Bus.Receive(nil)
	}
	s.cancel()
	return err
}

// SetRedisVersion changes the version of Redis that clients are told, after an upgrade in place.
func (s *Server) SetRedisVersion(version string) { s.version.Store(&version) }

func (s *Server) redisVersion() string { return *s.version.Load() }

// Settings returns the parameters in force.
func (s *Server) Settings() Settings { return *s.settings.Load() }

// Configure changes the parameters; open connections heed them from their next batch on.
func (s *Server) Configure(set Settings) {
	set = set.withDefaults()
	s.settings.Store(&set)
	s.slow.resize(set.SlowlogMaxLen)
	s.stats.untracked.Store(set.NoLatencyTracking)
	s.latency.threshold.Store(set.LatencyThreshold)
}
