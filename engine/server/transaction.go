package server

import (
	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/slot"
)

// Rows of transactions, in the order of their handlers.
var transactionRows = []command.Spec{
	{Name: "multi", Arity: 1, Flags: command.NoScript | command.Loading | command.Stale | command.Fast | command.AllowBusy | command.NoTurn,
		Group: command.Transactions, Since: "1.2.0", Summary: "Marks the beginning of a transaction.", Complexity: "O(1)", Run: multi},
	{Name: "exec", Arity: 1, Flags: command.NoScript | command.Loading | command.Stale | command.SkipSlowlog | command.NoTurn,
		Group: command.Transactions, Since: "1.2.0", Summary: "Executes all commands queued since MULTI.",
		Complexity: "Depends on commands in the transaction", Run: exec},
	{Name: "discard", Arity: 1, Flags: command.NoScript | command.Loading | command.Stale | command.Fast | command.AllowBusy | command.NoTurn,
		Group: command.Transactions, Since: "2.0.0", Summary: "Drops all commands queued since MULTI.", Complexity: "O(N), where N is the number of queued commands", Run: discard},
	{Name: "watch", Arity: -2, Flags: command.NoScript | command.Loading | command.Stale | command.Fast | command.AllowBusy | command.NoTurn,
		Group: command.Transactions, Since: "2.2.0", Keys: command.KeysFrom(1, 1, command.RO), Args: "key [key ...]",
		Summary: "Watches keys: EXEC does nothing if one of them has changed.", Complexity: "O(1) for every key.", Run: watch},
	{Name: "unwatch", Arity: 1, Flags: command.NoScript | command.Loading | command.Stale | command.Fast | command.AllowBusy | command.NoTurn,
		Group: command.Transactions, Since: "2.2.0", Summary: "Forgets the watched keys of the connection.", Complexity: "O(1)", Run: unwatch},
}

// Error replies of transactions.
const (
	errNestedMulti    resp.Error = "ERR MULTI calls can not be nested"
	errWatchInMulti   resp.Error = "ERR WATCH inside MULTI is not allowed"
	errExecNoMulti    resp.Error = "ERR EXEC without MULTI"
	errDiscardNoMulti resp.Error = "ERR DISCARD without MULTI"
)

// transaction is what a connection has queued since MULTI, and its WATCH.
type transaction struct {
	open   bool
	spoilt bool // a request was refused while queueing
	queued []queued
	bytes  int // of the queued words
	writes bool
	adds   bool // a queued command is refused when memory is short
	// mayWrite is set besides for readers that may log something (PFCOUNT), which a pause of writes stops.
	mayWrite bool

	hasKeys   bool
	slot      uint16
	crossSlot bool

	watcher  shard.Watcher
	watching bool
}

type queued struct {
	row  *command.Spec
	argv [][]byte
}

// runsInMulti says whether a command is executed at once even between MULTI and EXEC.
func runsInMulti(row *command.Spec) bool {
	switch row.FullName {
	case "exec", "discard", "multi", "watch", "quit", "reset":
		return true
	}
	return false
}

// queue copies the request of c for EXEC. It does not if EXEC will do nothing anyway: then the slot of its keys does not count either, as in Redis.
func (t *transaction) queue(c *conn, row *command.Spec) {
	if t.spoilt || t.watching && c.asideTurn().Broken(&t.watcher) {
		return
	}
	argv := cloneWords(c.cmd.Args)
	t.queued = append(t.queued, queued{row, argv})
	t.bytes += bytesOf(argv)
	t.writes = t.writes || c.does.Is(command.Write)
	t.mayWrite = t.mayWrite || c.does.Any(command.Write|command.MayReplicate)
	t.adds = t.adds || c.does.Is(command.DenyOOM)
	for _, k := range c.requestKeys() {
		s := slot.Of(argv[k.Index])
		t.crossSlot = t.crossSlot || t.hasKeys && s != t.slot
		t.slot, t.hasKeys = s, true
	}
}

func multi(c *command.Call) error {
	tx := &session(c).tx
	if tx.open {
		return errNestedMulti
	}
	tx.open = true
	c.Reply.OK()
	return nil
}

func discard(c *command.Call) error {
	s := session(c)
	if !s.tx.open {
		return errDiscardNoMulti
	}
	s.discard()
	c.Reply.OK()
	return nil
}

// discard ends the transaction and the WATCH.
func (c *conn) discard() {
	w := c.tx.watcher
	watching := c.tx.watching
	c.tx = transaction{watcher: w, watching: watching}
	c.unwatch()
}

func watch(c *command.Call) error {
	s := session(c)
	if s.tx.open {
		return errWatchInMulti
	}
	s.tx.watching = true
	turn := s.asideTurn()
	for _, key := range c.Argv[1:] {
		turn.Watch(&s.tx.watcher, key)
	}
	c.Reply.OK()
	return nil
}

func unwatch(c *command.Call) error {
	session(c).unwatch()
	c.Reply.OK()
	return nil
}

func (c *conn) unwatch() {
	if c.tx.watching {
		c.asideTurn().Unwatch(&c.tx.watcher)
		c.tx.watching = false
	}
}

// exec runs what is queued. Commands that need the turn run in one, as one record of the log; those that touch no data run after it, and the replies are put in order.
func exec(call *command.Call) error {
	c := session(call)
	if !c.tx.open {
		return errExecNoMulti
	}
	spoilt := c.tx.spoilt
	turn := c.turn // taken by scriptRuns
	begun := c.clock
	defer func() { c.clock = begun }() // EXEC takes as long as all that it runs
	if c.demoted() {
		c.fatal = true
		return nil
	}
	broken := c.tx.watching && turn.Broken(&c.tx.watcher)
	list := c.tx.queued
	c.discard()
	switch {
	case spoilt:
		return resp.ErrExecAbort
	case broken:
		c.after = max(c.after, turn.Uncommitted()) // the null reveals the change that broke the watch
		c.out.NullArray()
		return nil
	}
	c.out.Array(len(list))
	calls := make([]command.Call, len(list))
	var inTurn []*command.Call
	for i := range list {
		q := &list[i]
		calls[i] = command.Call{Spec: c.stillPermitted(q), Argv: q.argv, Client: &c.client, Reply: &c.out}
		if !calls[i].Spec.Is(command.NoTurn) {
			inTurn = append(inTurn, &calls[i])
		}
	}
	from := c.out.Len()
	marks := make([]int, 0, len(inTurn)+1) // where each reply begins
	if len(inTurn) > 0 {
		c.led = c.led || c.role == shard.Primary
		after, fatal := turn.RunAll(inTurn, func(i int) {
			if i > 0 {
				c.remember(inTurn[i-1].Spec, inTurn[i-1].Argv)
				c.finished(inTurn[i-1].Spec, inTurn[i-1].Argv, marks[i-1], c.srv.cfg.Now())
			}
			marks = append(marks, c.out.Len())
		})
		if fatal != nil {
			c.fatal = true
			return nil
		}
		last := inTurn[len(inTurn)-1]
		c.remember(last.Spec, last.Argv)
		c.finished(last.Spec, last.Argv, marks[len(marks)-1], c.srv.cfg.Now())
		c.after = max(c.after, after)
	}
	c.endTurn()
	if len(inTurn) < len(list) {
		c.runRest(calls, from, append(marks, c.out.Len()))
	}
	return nil
}

// runRest runs the calls of a transaction that need no turn, and puts their replies between those that are in c.out from the mark from on.
func (c *conn) runRest(calls []command.Call, from int, marks []int) {
	replies := append([]byte(nil), c.out.Bytes()...)
	c.out.Cut(from)
	next := 0
	c.inExec = true
	defer func() { c.inExec = false }()
	for i := range calls {
		call := &calls[i]
		if !call.Spec.Is(command.NoTurn) {
			c.out.Raw(replies[marks[next]:marks[next+1]])
			next++
			continue
		}
		call.Now = c.srv.cfg.Now().UnixMilli()
		mark := c.out.Len()
		if err := call.Spec.Run(call); err != nil {
			c.out.Cut(mark)
			c.out.Error(c.srv.wireError(call.Spec, err))
		}
		c.finished(call.Spec, call.Argv, mark, c.srv.cfg.Now())
	}
}

// stillPermitted is the row of a queued request, or one that only refuses if the user's permissions have changed since it was queued.
func (c *conn) stillPermitted(q *queued) *command.Spec {
	keys, err := q.row.KeysOf(q.argv, c.keys[:0])
	if err != nil {
		keys = nil
	}
	denied := c.user.Check(q.row, q.argv, keys)
	if denied.Cause == acl.Allowed {
		return q.row
	}
	c.logDenial(denied, acl.Multi, q.row, q.argv)
	reason := "no permission to execute the command or subcommand"
	switch denied.Cause {
	case acl.DeniedKey:
		reason = "no permission to touch the specified keys"
	case acl.DeniedChannel:
		reason = "no permission to access one of the channels used as arguments to the command"
	}
	refuse := resp.Errorf("NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "+
		"This command is no longer allowed for the following reason: %s", reason)
	return &command.Spec{Name: q.row.Name, FullName: q.row.FullName, ID: q.row.ID, Flags: command.NoTurn, Run: func(*command.Call) error { return refuse }}
}

// session is the connection that a call comes from.
func session(c *command.Call) *conn {
	s, ok := c.Client.Session.(*conn)
	if !ok {
		panic("server: a call of " + c.Spec.FullName + " that comes from no connection")
	}
	return s
}
