package server

import (
	"errors"
	"strings"
	"time"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/slot"
)

// refusals are the reasons for which a request that exists and has the right number of words is refused, in Redis's order. Each returns nil or the error reply.
var refusals = [...]func(c *conn, row *command.Spec) error{
	unauthenticated,
	notInMulti,
	notPermitted,
	servedElsewhere,
	outOfMemory,
	tooFewReplicas,
	notWritable,
	notInSubscribedMode,
	notLoaded,
	scriptRuns,
}

// request executes one request, or queues or refuses it, and appends its reply to c.out.
func (c *conn) request() {
	mark := c.out.Len()
	if c.after == 0 {
		c.free = mark
	}
	c.keysOf = false
	c.call.Argv = c.cmd.Args
	c.role = c.srv.cfg.Shard.Role()
	row, err := c.srv.cfg.Table.Lookup(c.cmd.Args)
	if c.betweenPrimaries(row) {
		return // it is still to come
	}
	c.srv.limitTracked(c)
	switch {
	case row == nil && isHTTP(c.cmd.Args[0]):
		c.srv.cfg.Logger.Warn("closing client that speaks HTTP: a cross-protocol attack?", "client", c.client.ID, "addr", c.addr)
		c.kill("HTTP")
		return
	case err == nil:
		c.call.Spec = row
		c.does = row.FlagsOf(c.cmd.Args)
		err = c.refusal(row)
	}
	switch {
	case err != nil:
		c.refuse(row, err)
	case c.postponed(row):
		return // it is still to come
	case c.tx.open && !runsInMulti(row):
		c.tx.queue(c, row)
		c.out.Simple("QUEUED")
	default:
		c.execute(row)
	}
	if c.client.Asking && !c.tx.open && (row == nil || row.FullName != "asking") {
		c.client.Asking = false // a transaction keeps it until its end, as in Redis
	}
	if c.caching && !c.tx.open && (row == nil || row.FullName != "client|caching") {
		c.caching = false // it was for this request; a transaction keeps it until its end
	}
	if c.blocking == nil {
		c.handOut()
		c.suppress(mark)
		c.surround(mark)
	}
}

// refusal is the first reason against the request; nil if it may be executed.
func (c *conn) refusal(row *command.Spec) error {
	for _, r := range &refusals {
		if err := r(c, row); err != nil {
			return err
		}
	}
	return nil
}

// refuse replies with the error and spoils a transaction. row is nil for an unknown command.
func (c *conn) refuse(row *command.Spec, err error) {
	e := c.srv.wireError(row, err)
	c.tx.spoilt = c.tx.open
	if row != nil {
		c.srv.stats.rows[row.ID].rejected.Add(1)
		if row.FullName == "exec" {
			c.discard()
			if !errors.As(err, &redirected{}) {
				e = resp.Errorf("EXECABORT Transaction discarded because of: %s", strings.TrimPrefix(string(e), "ERR "))
			}
		}
	}
	c.srv.stats.replied(e)
	c.out.Error(e)
}

// execute runs a call, under the turn if its row needs one, and accounts for it.
func (c *conn) execute(row *command.Spec) {
	mark := c.out.Len()
	if row.Is(command.NoTurn) {
		if row.FullName != "exec" {
			c.endTurn()
			c.clock = c.srv.cfg.Now()
		}
		c.call.Now = c.clock.UnixMilli()
		if err := row.Run(&c.call); err != nil {
			c.out.Cut(mark)
			c.out.Error(c.srv.wireError(row, err))
		}
		if c.blocking != nil {
			now := c.srv.cfg.Now()
			took := max(now.Sub(c.clock), 0)
			c.clock = now
			c.called(row, c.cmd.Args, took)
			return
		}
	} else {
		if c.demoted() {
			c.fatal = true
			return
		}
		c.led = c.led || c.role == shard.Primary
		after, fatal := c.turn.Run(&c.call) // taken by scriptRuns
		if fatal != nil {
			c.fatal = true
			return
		}
		c.after = max(c.after, after)
		c.remember(row, c.cmd.Args)
		if c.call.Waiting() != nil {
			c.block(row)
			return
		}
	}
	c.finished(row, c.cmd.Args, mark, c.srv.cfg.Now())
	if c.turn != nil {
		if c.turnCalls++; c.turnCalls >= turnCalls {
			c.endTurn()
		}
	}
}

// finished accounts for an executed call whose reply begins at mark.
func (c *conn) finished(row *command.Spec, argv [][]byte, mark int, now time.Time) {
	took := max(now.Sub(c.clock), 0)
	c.clock = now
	c.called(row, argv, took)
	c.account(row, argv, mark, took)
}

// called notes a call that was executed, or begins to wait after it has run for took.
func (c *conn) called(row *command.Spec, argv [][]byte, took time.Duration) {
	c.srv.stats.called(row)
	if c.srv.latency.threshold.Load() > 0 {
		event := "command"
		if row.Is(command.Fast) {
			event = "fast-command"
		}
		c.srv.latency.note(event, took, c.clock)
	}
	if c.srv.monitors.any() && !row.Any(command.SkipMonitor|command.Admin) {
		c.seen = appendSeen(c.seen, c.clock, c.addr, argv)
	}
}

// account notes how long an executed call took and whether it failed.
func (c *conn) account(row *command.Spec, argv [][]byte, mark int, took time.Duration) {
	failed := c.out.Len() > mark && c.out.Bytes()[mark] == '-'
	if failed {
		c.srv.stats.repliedBytes(c.out.Bytes()[mark+1:])
	}
	c.srv.stats.finished(row, took, failed)
	if slower := *c.srv.settings.Load().SlowerThan; slower >= 0 && took >= slower && !row.Is(command.SkipSlowlog) {
		c.srv.slow.add(c, argv, c.clock, took)
	}
}

// wireError is the error reply for what a handler returned; the cause of an inner one goes to the log.
func (s *Server) wireError(row *command.Spec, err error) resp.Error {
	var e resp.Error
	if errors.As(err, &e) {
		return e
	}
	name := ""
	if row != nil {
		name = row.FullName
	}
	s.cfg.Logger.Error("command failed", "cmd", name, "err", err)
	return resp.ErrInternal
}

// isHTTP says whether a request is the beginning of an HTTP request, which a browser can be made to send: the connection is then closed.
func isHTTP(name []byte) bool {
	return strings.EqualFold(string(name), "post") || strings.EqualFold(string(name), "host:")
}

func unauthenticated(c *conn, row *command.Spec) error {
	if row.Is(command.NoAuth) || c.authenticated() {
		return nil
	}
	return resp.ErrNoAuth
}

func notInMulti(c *conn, row *command.Spec) error {
	if c.tx.open && row.Is(command.NoMulti) {
		return resp.Error("ERR Command not allowed inside a transaction")
	}
	return nil
}

func notPermitted(c *conn, row *command.Spec) error {
	denied := c.user.Check(row, c.cmd.Args, c.requestKeys())
	if denied.Cause == acl.Allowed {
		return nil
	}
	from := acl.TopLevel
	if c.tx.open {
		from = acl.Multi
	}
	c.logDenial(denied, from, row, c.cmd.Args)
	return denied.Reply(row)
}

func (c *conn) logDenial(d acl.Denial, from acl.Context, row *command.Spec, argv [][]byte) {
	c.publish()
	c.srv.cfg.ACL.Log(acl.Entry{Cause: d.Cause, Context: from, Object: d.Object(row, argv), User: c.client.User,
		Client: c.line(), Time: c.srv.cfg.Now().UnixMilli()})
}

// requestKeys are the keys of the request; none if they can't be told, since the command then refuses by itself.
func (c *conn) requestKeys() []command.Key {
	if !c.keysOf {
		c.keysOf = true
		if c.keys, c.keysErr = c.call.Spec.KeysOf(c.cmd.Args, c.keys[:0]); c.keysErr != nil {
			c.keys = c.keys[:0]
		}
	}
	return c.keys
}

// redirected is a refusal that says where the keys are: EXEC passes it on as it is.
type redirected struct{ error }

func (r redirected) Unwrap() error { return r.error }

// servedElsewhere finds the slot of the request, or of the whole transaction for EXEC, and asks the router.
func servedElsewhere(c *conn, row *command.Spec) error {
	if row.FullName == "exec" {
		switch {
		case !c.tx.open || !c.tx.hasKeys:
			return nil
		case c.tx.crossSlot:
			return redirected{resp.ErrCrossSlot}
		}
		return c.route(c.tx.slot, c.tx.writes)
	}
	if len(row.Keys) == 0 {
		return nil
	}
	keys := c.requestKeys()
	if len(keys) == 0 || len(keys) == 1 && c.srv.cfg.Router == nil {
		return nil
	}
	at := slot.Of(c.cmd.Args[keys[0].Index])
	for _, k := range keys[1:] {
		if slot.Of(c.cmd.Args[k.Index]) != at {
			return redirected{resp.ErrCrossSlot}
		}
	}
	if row.Is(command.PubSub) && c.role == shard.Replica {
		return c.routeChannel(at)
	}
	return c.route(at, c.does.Is(command.Write))
}

// routeChannel asks the router for a sharded channel: a replica serves those of its shard without READONLY.
func (c *conn) routeChannel(at uint16) error {
	if c.srv.cfg.Router == nil {
		return nil
	}
	client := c.client
	client.ReadOnly = true
	if err := c.srv.cfg.Router.Route(at, false, &client); err != nil {
		return redirected{err}
	}
	return nil
}

func (c *conn) route(at uint16, write bool) error {
	if c.srv.cfg.Router == nil {
		return nil
	}
	if err := c.srv.cfg.Router.Route(at, write, &c.client); err != nil {
		return redirected{err}
	}
	if c.role == shard.Replica && !write && !c.client.ReadOnly {
		return redirected{resp.ErrSlotUnserved} // the map still says that this node is primary: what it has may be stale
	}
	return nil
}

// demoted says, under the turn, whether the node has become a replica since the request was admitted by a primary: what it has may be stale.
func (c *conn) demoted() bool {
	return c.role == shard.Primary && c.srv.cfg.Shard.Role() == shard.Replica
}

// outOfMemory makes room by eviction before commands that add data. Within MULTI everything that is queued takes memory.
func outOfMemory(c *conn, row *command.Spec) error {
	if c.srv.cfg.Shard.Role() != shard.Primary {
		return nil // what a replica holds is its primary's to decide
	}
	adds := c.does.Is(command.DenyOOM) || c.tx.open && !runsInMulti(row) || row.FullName == "exec" && c.tx.adds
	if !adds && (row.Is(command.NoTurn) || c.tx.open) {
		return nil
	}
	roomy := true
	if c.enterTurn() == nil { // else a script runs for too long: that is the reason to refuse it if there is no earlier one
		// As in Redis, whatever is executed makes room before; clients that have cached what goes hear of it before the reply.
		c.srv.notices.before = c
		roomy = c.turn.MakeRoom()
		c.srv.notices.before = nil
	}
	if adds && !roomy {
		return resp.ErrOOM
	}
	return nil
}

// tooFewReplicas refuses writes while fewer replicas than min-replicas-to-write are online.
func tooFewReplicas(c *conn, row *command.Spec) error {
	if c.does.Is(command.Write) || row.FullName == "exec" && c.tx.writes {
		return c.srv.EnoughReplicas()
	}
	return nil
}

// EnoughReplicas is nil if as many replicas are online as min-replicas-to-write says, else the error reply for a write.
func (s *Server) EnoughReplicas() error {
	least := s.settings.Load().MinReplicas
	if least == 0 || s.cfg.Shard.Role() != shard.Primary {
		return nil
	}
	if s.cfg.Info.Replicas != nil {
		for _, r := range s.cfg.Info.Replicas() {
			if r.Online {
				least--
			}
		}
	}
	if least > 0 {
		return errNoReplicas
	}
	return nil
}

const errNoReplicas resp.Error = "NOREPLICAS Not enough good replicas to write."

func notWritable(c *conn, row *command.Spec) error {
	if c.srv.cfg.Shard.Role() == shard.Replica && (c.does.Is(command.Write) || row.FullName == "exec" && c.tx.writes) {
		return resp.ErrReadOnly
	}
	return nil
}

func notLoaded(c *conn, row *command.Spec) error {
	if row.Is(command.Loading) {
		return nil
	}
	return c.srv.cfg.Shard.Serving()
}

// scriptRuns takes the turn for a request that is executed under it, unless a script runs for too long.
func scriptRuns(c *conn, row *command.Spec) error {
	switch {
	case row.FullName == "exec" && c.tx.open, !row.Is(command.NoTurn) && !c.tx.open:
		return c.enterTurn()
	case row.Is(command.AllowBusy):
		return nil
	}
	return c.srv.cfg.Shard.Busy()
}

// refreshUser takes over what has become of the connection's user; false if its access was revoked.
func (c *conn) refreshUser() bool {
	store := c.srv.cfg.ACL
	v := store.Version()
	if v == c.aclVersion {
		return true
	}
	c.aclVersion = v
	if !c.authorized { // it has no access that could be revoked
		c.becomeDefault()
		return true
	}
	u := store.Current(c.user)
	if u == nil {
		c.kill("user revoked")
		return false
	}
	c.user = u
	return true
}

// authenticated says whether the connection may do more than authenticate.
func (c *conn) authenticated() bool { return c.authorized || c.srv.cfg.ACL.Default().Welcome() }

// become makes u the connection's user.
func (c *conn) become(u *acl.User, authorized bool) {
	c.user, c.authorized, c.client.User = u, authorized, u.Name()
}

func (c *conn) becomeDefault() {
	u := c.srv.cfg.ACL.Default()
	c.become(u, u.Welcome())
}
