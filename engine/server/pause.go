package server

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// pauseKind says which requests CLIENT PAUSE makes wait; the greater is the more restrictive.
type pauseKind int

const (
	pauseWrites pauseKind = iota + 1
	pauseAll
)

// pause is what CLIENT PAUSE has asked for.
type pause struct {
	until atomic.Int64 // milliseconds since the epoch; 0: nothing is paused
	mu    sync.Mutex
	kind  pauseKind // guarded by mu
}

// begin pauses until a time. A pause that goes on already becomes no shorter and no less restrictive.
func (p *pause) begin(until, now int64, kind pauseKind) (ends int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until.Load() < now {
		p.kind = 0
	}
	p.kind = max(p.kind, kind)
	p.until.Store(max(p.until.Load(), until))
	return p.until.Load()
}

func (p *pause) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until.Store(0)
	p.kind = 0
}

// stops says until when a request has to wait; 0 if it need not.
func (p *pause) stops(writes bool, now func() time.Time) int64 {
	until := p.until.Load()
	switch {
	case until == 0:
		return 0
	case until < now().UnixMilli():
		p.until.CompareAndSwap(until, 0) // over: nobody needs to look at the clock again
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kind == pauseAll || p.kind == pauseWrites && writes {
		return p.until.Load()
	}
	return 0
}

// postponed says whether a request, which nothing else is against, waits for the end of a pause; then the connection is blocked, and looks at the request anew after it.
func (c *conn) postponed(row *command.Spec) bool {
	if c.srv.paused.until.Load() == 0 {
		return false
	}
	writes := c.does.Any(command.Write|command.MayReplicate) || row.FullName == "exec" && c.tx.mayWrite
	return c.postpone(c.srv.paused.stops(writes, c.srv.cfg.Now))
}

// betweenPrimaries says whether a request waits for the slot map that names the shard's next primary. It is asked first: until then what the node would say of it is not what counts.
func (c *conn) betweenPrimaries(row *command.Spec) bool {
	if row == nil || c.srv.handing.until.Load() == 0 || len(row.Keys) == 0 && row.FullName != "exec" {
		return false
	}
	return c.postpone(c.srv.handing.stops(true, c.srv.cfg.Now))
}

// postpone blocks the connection until a time in milliseconds since the epoch, and then has the request looked at anew; false if it is 0.
func (c *conn) postpone(until int64) bool {
	if until == 0 {
		return false
	}
	c.cmd.Args = cloneWords(c.cmd.Args)
	c.blockUntil(&blocking{postponed: true, until: time.UnixMilli(until + 1)})
	return true
}

func clientPause(c *command.Call) error {
	kind := pauseAll
	switch {
	case len(c.Argv) > 4:
		return errClientSyntax(c)
	case len(c.Argv) < 4, word(c.Argv[3], "all"):
	case word(c.Argv[3], "write"):
		kind = pauseWrites
	default:
		return resp.Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
	}
	ms, err := milliseconds(c.Argv[2])
	if err != nil {
		return err
	}
	if ms > 0 {
		ms += c.Now
	}
	srv := session(c).srv
	srv.cfg.Shard.Pause(srv.paused.begin(ms, c.Now, kind))
	c.Reply.OK()
	return nil
}

func clientUnpause(c *command.Call) error {
	srv := session(c).srv
	srv.paused.end()
	srv.cfg.Shard.Pause(0)
	srv.resumePostponed()
	c.Reply.OK()
	return nil
}

// HandingOver makes requests about keys wait, until a time at most, for the slot map that names the shard's next primary (Rerouted): they are then redirected there.
func (s *Server) HandingOver(until time.Time) {
	s.handing.begin(until.UnixMilli(), s.cfg.Now().UnixMilli(), pauseAll)
}

// Rerouted says that the router has changed: requests that have waited for it go on, sharded channels of slots that are served elsewhere now end.
func (s *Server) Rerouted() {
	s.revokeChannels()
	if s.handing.until.Load() != 0 {
		s.handing.end()
		s.resumePostponed()
	}
}

// resumePostponed has all requests that wait for the end of a pause looked at anew.
func (s *Server) resumePostponed() {
	for _, of := range s.clients.all() {
		of.mu.Lock()
		if b := of.waits; b != nil && b.postponed {
			of.wakeLocked(b, timedOut)
		}
		of.mu.Unlock()
	}
}

// milliseconds reads a timeout in milliseconds.
func milliseconds(arg []byte) (int64, error) {
	ms, err := command.ParseInt(arg)
	switch {
	case err != nil:
		return 0, resp.Error("ERR timeout is not an integer or out of range")
	case ms < 0:
		return 0, resp.Error("ERR timeout is negative")
	}
	return ms, nil
}

func clientUnblock(c *command.Call) error {
	why, refusal := timedOut, resp.Error("")
	switch {
	case len(c.Argv) > 4:
		return errClientSyntax(c)
	case len(c.Argv) < 4, word(c.Argv[3], "timeout"):
	case word(c.Argv[3], "error"):
		why, refusal = refused, errUnblocked
	default:
		return resp.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
	}
	id, err := command.ParseInt(c.Argv[2])
	if err != nil {
		return err
	}
	s := session(c)
	defer s.endTurn()
	if of := s.srv.clients.find(id); of != nil && of.interrupt(s.asideTurn(), why, refusal, true) {
		c.Reply.Int(1)
	} else {
		c.Reply.Int(0)
	}
	return nil
}

func errClientSyntax(c *command.Call) error {
	return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%.128s'. Try CLIENT HELP.", c.Argv[1])
}
