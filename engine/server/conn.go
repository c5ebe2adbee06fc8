package server

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tidwall/redcon"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/pubsub"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

const (
	flushBytes = 256 << 10 // replies of a batch that make it be sent in parts
	keepReply  = 64 << 10  // room for replies that an idle connection keeps
	turnCalls  = 64        // calls of a batch that share a turn
)

// conn is one client's connection. All fields but those marked belong to its goroutine.
type conn struct {
	srv    *Server
	nc     net.Conn // what is read from and written to
	raw    net.Conn // its socket; the same without TLS
	fd     int
	addr   string
	laddr  string
	since  time.Time
	ctx    context.Context // ends when the connection must not wait any longer
	cancel context.CancelFunc

	reader *resp.Reader
	cmd    redcon.Command
	out    resp.Writer // replies that have not been sent
	call   command.Call
	role   shard.Role // the node's when the request was admitted
	client command.Client

	set        *Settings // as of the batch
	user       *acl.User
	aclVersion uint64
	authorized bool // has authenticated, or did not have to
	keys       []command.Key
	keysErr    error
	keysOf     bool // keys are those of the request

	turn      *shard.Turn // nil when the connection doesn't hold it
	turnCalls int
	after     txlog.Pos // the replies in out may leave once this is durable
	free      int       // bytes of out that depend on nothing: those before the first reply that does
	wrote     txlog.Pos // the newest position that a reply of the connection depended on
	clock     time.Time // when the last call ended, or the turn was taken
	fatal     bool      // the replies may not leave at all
	closing   bool      // close after the replies

	blocking *blocking // the request that was executed last waits

	tx      transaction
	reply   replyMode
	noEvict bool
	inExec  bool // EXEC runs what is queued
	name    string
	lib     string
	libVer  string

	subs      *pubsub.Subscriber
	published []pubsub.Message // by the request that is executed
	ahead     resp.Writer      // out-of-band messages to the connection itself that come before the request's reply,
	behind    resp.Writer      // and behind it
	loud      bool             // the reply is an out-of-band message, which CLIENT REPLY doesn't suppress

	outbox     outbox
	seen       []byte // requests for MONITOR, until they are durable
	killed     atomic.Bool
	doomed     atomic.Bool  // to be closed after the batch
	held       atomic.Bool  // waits for the log before it sends its replies
	unsent     atomic.Int64 // bytes being written
	weight     atomic.Int64 // what it takes, as accounted for in footprints
	active     atomic.Int64 // when it was heard of last, in milliseconds since the epoch
	slowAt     atomic.Int64 // since when too much is unsent, in milliseconds since the epoch; 0: it is not
	mu         sync.Mutex
	public     public    // guarded by mu: what others may know
	waits      *blocking // guarded by mu: what the connection waits for; nil if it doesn't
	monitor    atomic.Bool
	tracking   atomic.Pointer[tracking] // of client-side caching; nil is off
	caching    bool                     // CLIENT CACHING was called just before
	does       command.Flags            // of the request
	led        bool                     // a request of the batch was executed as primary: its reply needs the lease
	scriptRead bool                     // the script that runs has executed a request that only reads
	replica    atomic.Bool              // is fed as a replica of Redis
	rdbOnly    bool                     // REPLCONF rdb-only: the file is all it wants
	fed        atomic.Int64             // position of the log up to which it was fed; -1 if it is not
	feedPort   atomic.Int64             // REPLCONF listening-port

	filtered, onlyLibraries bool // REPLCONF rdb-filter-only: the file is to have no keys, function libraries perhaps

	feeding bool
}

func newConn(s *Server, nc, raw net.Conn, id int64) *conn {
	c := &conn{srv: s, nc: nc, raw: raw, fd: fdOf(raw), addr: addrText(raw.RemoteAddr()), laddr: addrText(raw.LocalAddr()), since: s.cfg.Now()}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.reader = resp.NewReader(nc, resp.Limits{})
	c.subs = s.channels.NewSubscriber(c)
	c.client.ID, c.client.Session, c.client.TLS = id, c, s.cfg.TLS != nil
	c.call.Client, c.call.Reply, c.call.MayBlock = &c.client, &c.out, true
	c.fed.Store(-1)
	c.active.Store(c.since.UnixMilli())
	c.set = s.settings.Load()
	c.aclVersion = s.cfg.ACL.Version()
	c.becomeDefault()
	return c
}

// serve reads and executes batches until the connection ends.
func (c *conn) serve() {
	defer c.end()
	c.publish()
	for {
		n, err := c.reader.Fill()
		c.srv.stats.bytesIn.Add(int64(n))
		if err != nil {
			c.readFailed(err)
			return
		}
		if !c.begin() || !c.batch() {
			return
		}
	}
}

func (c *conn) readFailed(err error) {
	switch {
	case errors.Is(err, resp.ErrQueryBuffer):
		c.srv.cfg.Logger.Warn("closing client that reached max query buffer length", "client", c.client.ID, "addr", c.addr, "bytes", c.reader.Buffered())
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
	default:
		c.srv.cfg.Logger.Debug("reading from client", "client", c.client.ID, "addr", c.addr, "err", err)
	}
}

// begin prepares for a batch; false if the connection must be closed.
func (c *conn) begin() bool {
	c.srv.stats.reads.Add(1)
	c.clock = c.srv.cfg.Now()
	c.active.Store(c.clock.UnixMilli())
	c.set = c.srv.settings.Load()
	c.reader.Limits.MaxBulk, c.reader.Limits.MaxBuffer = c.set.MaxBulk, c.set.QueryBuffer
	c.outbox.begin()
	c.srv.held.admit()
	return c.refreshUser()
}

// batch executes every request that has arrived; false if the connection must be closed.
func (c *conn) batch() bool {
	for !c.closing && !c.killed.Load() {
		c.reader.Limits.Unauthenticated = !c.authenticated()
		ok, err := c.reader.Next(&c.cmd)
		if c.reply == replySkip && c.reader.Skipped() {
			c.reply = replyOn // an empty request uses up CLIENT REPLY SKIP
		}
		if err != nil {
			c.protocolError(err)
			break
		}
		if !ok {
			break
		}
		c.request()
		if c.blocking != nil && !c.await() {
			return false
		}
		if c.fatal {
			c.endTurn()
			return false
		}
		if n := c.out.Len(); n > replyBuffer && (c.overLimit(n) || n > flushBytes && !c.flush()) {
			c.endTurn()
			return false
		}
	}
	return c.flush() && !c.closing && !c.doomed.Load() && !c.tooMuchQueued()
}

func (c *conn) protocolError(err error) {
	var e resp.Error
	if !errors.As(err, &e) {
		e = resp.ErrInternal
	}
	c.srv.cfg.Logger.Debug("protocol error from client", "client", c.client.ID, "addr", c.addr, "err", err)
	c.srv.stats.replied(e)
	mark := c.out.Len()
	c.out.Error(e)
	c.suppress(mark)
	c.closing = true
}

// tooMuchQueued says whether what is queued for EXEC and what is unread are together more than client-query-buffer-limit, as Redis counts.
func (c *conn) tooMuchQueued() bool {
	if c.tx.bytes == 0 || c.tx.bytes+c.reader.Buffered() <= c.set.QueryBuffer {
		return false
	}
	c.readFailed(resp.ErrQueryBuffer)
	return true
}

// flush gives the turn back, waits until what the replies depend on is durable, and sends them. It returns false if the connection must be closed.
func (c *conn) flush() bool {
	c.endTurn()
	c.publish()
	c.srv.evictClients()
	if c.killed.Load() {
		return false
	}
	if c.after != 0 {
		after := c.after
		c.wrote, c.after = after, 0
		if after > c.srv.cfg.Shard.Durable() {
			n := int64(c.out.Len())
			c.srv.held.add(n)
			c.srv.held.clients.Add(1)
			c.held.Store(true)
			err := c.waitFor(after)
			c.held.Store(false)
			c.srv.held.clients.Add(-1)
			c.srv.held.add(-n)
			if err != nil { // the outcome is unknown: nothing may be said
				c.srv.cfg.Logger.Debug("closing client whose writes have an unknown outcome", "client", c.client.ID, "pos", uint64(after), "err", err)
				return false
			}
		}
	}
	c.free = 0
	if !c.mayAnswer() {
		return false
	}
	c.led = false
	c.srv.courier.deliver() // others hear of it no later than the client
	c.showMonitors()
	return c.send()
}

// mayAnswer says whether what was executed may be told. The process may have been paused since it was: then the node may not lead any more, and others know better.
func (c *conn) mayAnswer() bool {
	if !c.led || c.srv.cfg.Shard.Leased() {
		return true
	}
	c.srv.cfg.Logger.Debug("closing client whose replies are older than the lease", "client", c.client.ID)
	return false
}

// enterTurn takes the turn to execute calls, if the connection doesn't hold it yet; the error reply if a script runs for too long.
func (c *conn) enterTurn() error {
	if err := c.srv.cfg.Shard.Busy(); err != nil || c.turn != nil {
		return err
	}
	turn, err := c.srv.cfg.Shard.Enter()
	c.hold(turn)
	return err
}

// asideTurn takes the turn for WATCH and its like, which don't wait for the end of a script.
func (c *conn) asideTurn() *shard.Turn {
	if c.turn == nil {
		c.hold(c.srv.cfg.Shard.Aside())
	}
	return c.turn
}

// patience is how long replies that depend on nothing wait for those behind them, so that they leave together.
const patience = 10 * time.Millisecond

// waitFor waits for the log. If that takes long, the replies that don't depend on it leave before.
func (c *conn) waitFor(after txlog.Pos) error {
	if c.free == 0 {
		return c.srv.cfg.Shard.Wait(c.ctx, after)
	}
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	err := c.srv.cfg.Shard.Wait(ctx, after)
	cancel()
	if err == nil || ctx.Err() == nil || c.ctx.Err() != nil {
		return err
	}
	if !c.mayAnswer() {
		return shard.ErrFenced
	}
	c.outbox.sending.Lock()
	err = c.write(c.out.Bytes()[:c.free])
	c.outbox.sending.Unlock()
	if err != nil {
		return err
	}
	c.out.Drop(c.free)
	c.free = 0
	return c.srv.cfg.Shard.Wait(c.ctx, after)
}

func (c *conn) hold(turn *shard.Turn) {
	c.turn, c.turnCalls = turn, 0
	c.clock = c.srv.cfg.Now()
}

func (c *conn) endTurn() {
	if c.turn != nil {
		c.turn.End()
		c.turn = nil
	}
}

// kill ends the connection at once, from whatever goroutine.
func (c *conn) kill(why string) {
	if c.killed.Swap(true) {
		return
	}
	c.srv.cfg.Logger.Debug("closing client", "client", c.client.ID, "addr", c.addr, "reason", why)
	c.cancel()
	c.raw.Close() // not nc's: TLS would want to say goodbye to one who may not read
}

// drain ends the connection after the batch that it executes, from whatever goroutine.
func (c *conn) drain() {
	c.raw.SetReadDeadline(time.Unix(1, 0)) // fails only for a closed socket
}

// end frees what the connection holds.
func (c *conn) end() {
	c.endTurn()
	if c.tx.watching {
		c.asideTurn().Unwatch(&c.tx.watcher)
		c.endTurn()
	}
	c.srv.monitors.remove(c)
	c.subs.Close()
	c.stopTracking()
	if c.killed.Load() {
		c.raw.Close()
	} else {
		c.nc.SetWriteDeadline(c.srv.cfg.Now().Add(time.Second)) // for TLS's goodbye
		c.nc.Close()
	}
	c.cancel()
	c.outbox.end()
	c.weigh(0)
}

// hungUp says whether the client has closed the connection and nothing that it sent before is left to be read; in TLS its goodbye is, until it has been read.
func (c *conn) hungUp() bool {
	socket, ok := c.raw.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	up := true
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		up = n > 0 || err != nil
	})
	return err != nil || !up
}

// fdOf is the socket's file descriptor, for CLIENT LIST; -1 if there is none.
func fdOf(nc net.Conn) int {
	fd := -1
	if socket, ok := nc.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			_ = raw.Control(func(p uintptr) { fd = int(p) }) // fails only for a closed socket
		}
	}
	return fd
}

// addrText is an address as Redis prints it.
func addrText(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok {
		ip := tcp.IP
		if four := ip.To4(); four != nil {
			ip = four
		}
		return (&net.TCPAddr{IP: ip, Port: tcp.Port}).String()
	}
	return a.String()
}
