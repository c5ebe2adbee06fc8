package server

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/pubsub"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/slot"
)

// Flags of the rows about channels.
const (
	listens  = command.PubSub | command.NoScript | command.Loading | command.Stale | command.NoTurn
	speaks   = command.PubSub | command.Loading | command.Stale | command.Fast | command.MayReplicate | command.NoTurn
	inquires = command.PubSub | command.Loading | command.Stale | command.NoTurn
)

// pubsubRows are the rows about channels, in the order of their handlers.
var pubsubRows = []command.Spec{
	{Name: "subscribe", Arity: -2, Flags: listens, Group: command.PubSubGroup, Since: "2.0.0", Args: "channel [channel ...]",
		Summary: "Receives what is published to channels.", Complexity: "O(N) where N is the number of channels to subscribe to.", Run: subscribe},
	{Name: "unsubscribe", Arity: -1, Flags: listens, Group: command.PubSubGroup, Since: "2.0.0", Args: "[channel [channel ...]]",
		Summary: "Ends subscriptions to channels.", Complexity: "O(N) where N is the number of clients already subscribed to a channel.", Run: unsubscribe},
	{Name: "psubscribe", Arity: -2, Flags: listens, Group: command.PubSubGroup, Since: "2.0.0", Args: "pattern [pattern ...]",
		Summary: "Receives what is published to channels that match patterns.", Complexity: "O(N) where N is the number of patterns the client is already subscribed to.",
		Run: psubscribe},
	{Name: "punsubscribe", Arity: -1, Flags: listens, Group: command.PubSubGroup, Since: "2.0.0", Args: "[pattern [pattern ...]]",
		Summary: "Ends subscriptions to patterns.",
		Complexity: "O(N+M) where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system" +
			" (by any client).", Run: punsubscribe},
	{Name: "ssubscribe", Arity: -2, Flags: listens, Group: command.PubSubGroup, Since: "7.0.0", Keys: command.KeysFrom(1, 1, command.NotKey),
		Args: "shardchannel [shardchannel ...]", Summary: "Receives what is published to sharded channels.",
		Complexity: "O(N) where N is the number of shard channels to subscribe to.", Run: ssubscribe},
	{Name: "sunsubscribe", Arity: -1, Flags: listens, Group: command.PubSubGroup, Since: "7.0.0", Keys: command.KeysFrom(1, 1, command.NotKey),
		Args: "[shardchannel [shardchannel ...]]", Summary: "Ends subscriptions to sharded channels.",
		Complexity: "O(N) where N is the number of clients already subscribed to a shard channel.", Run: sunsubscribe},
	{Name: "publish", Arity: 3, Flags: speaks, Group: command.PubSubGroup, Since: "2.0.0", Args: "channel message", Summary: "Sends a message to a channel.",
		Complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).",
		Run:        publish},
	{Name: "spublish", Arity: 3, Flags: speaks, Group: command.PubSubGroup, Since: "7.0.0", Keys: command.KeyAt(1, command.NotKey), Args: "shardchannel message",
		Summary: "Sends a message to a sharded channel.", Complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.", Run: spublish},
	{Name: "pubsub", Arity: -2, Flags: command.Container | command.NoTurn, Group: command.PubSubGroup, Since: "2.8.0",
		Summary: "A container for commands about channels.", Complexity: "Depends on subcommand.",
		Subcommands: []command.Spec{
			{Name: "channels", Arity: -2, Flags: inquires, Since: "2.8.0", Args: "[pattern]", Summary: "Returns the channels that have subscribers.",
				Complexity: "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
				Run:        func(c *command.Call) error { return activeChannels(c, pubsub.Channel) }},
			{Name: "numpat", Arity: 2, Flags: inquires, Since: "2.8.0", Summary: "Returns the number of patterns that have subscribers.", Complexity: "O(1)", Run: numPat},
			{Name: "numsub", Arity: -2, Flags: inquires, Since: "2.8.0", Args: "[channel [channel ...]]", Summary: "Returns the numbers of channels' subscribers.",
				Complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
				Run:        func(c *command.Call) error { return numSub(c, pubsub.Channel) }},
			{Name: "shardchannels", Arity: -2, Flags: inquires, Since: "7.0.0", Args: "[pattern]", Summary: "Returns the sharded channels that have subscribers.",
				Complexity: "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).",
				Run:        func(c *command.Call) error { return activeChannels(c, pubsub.Sharded) }},
			{Name: "shardnumsub", Arity: -2, Flags: inquires, Since: "7.0.0", Args: "[shardchannel [shardchannel ...]]",
				Summary: "Returns the numbers of sharded channels' subscribers.", Complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
				Run: func(c *command.Call) error { return numSub(c, pubsub.Sharded) }},
			{Name: "help", Arity: 2, Flags: anyTime, Since: "6.2.0", Summary: "Lists the subcommands.", Complexity: "O(1)", Run: pubsubHelp},
		}},
}

// Each kind's words in replies.
var (
	subscribed   = [...]string{pubsub.Channel: "subscribe", pubsub.Pattern: "psubscribe", pubsub.Sharded: "ssubscribe"}
	unsubscribed = [...]string{pubsub.Channel: "unsubscribe", pubsub.Pattern: "punsubscribe", pubsub.Sharded: "sunsubscribe"}
)

func subscribe(c *command.Call) error  { return session(c).subscribe(c, pubsub.Channel) }
func psubscribe(c *command.Call) error { return session(c).subscribe(c, pubsub.Pattern) }

func ssubscribe(c *command.Call) error {
	if session(c).inExec {
		return resp.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
	}
	return session(c).subscribe(c, pubsub.Sharded)
}

func unsubscribe(c *command.Call) error  { return session(c).unsubscribe(c, pubsub.Channel) }
func punsubscribe(c *command.Call) error { return session(c).unsubscribe(c, pubsub.Pattern) }
func sunsubscribe(c *command.Call) error { return session(c).unsubscribe(c, pubsub.Sharded) }

func (c *conn) subscribe(call *command.Call, kind pubsub.Kind) error {
	c.loud = true
	for _, name := range call.Argv[1:] {
		c.subs.Subscribe(kind, string(name))
		c.confirm(call.Reply, subscribed[kind], name, kind)
	}
	return nil
}

func (c *conn) unsubscribe(call *command.Call, kind pubsub.Kind) error {
	c.loud = true
	names := call.Argv[1:]
	if len(names) == 0 {
		for _, name := range c.subs.Names(kind) {
			names = append(names, []byte(name))
		}
		if len(names) == 0 {
			c.confirm(call.Reply, unsubscribed[kind], nil, kind)
		}
	}
	for _, name := range names {
		c.subs.Unsubscribe(kind, string(name))
		c.takePushes(call.Reply) // those that are for name come before the confirmation
		c.confirm(call.Reply, unsubscribed[kind], name, kind)
	}
	return nil
}

// confirm replies to a change of subscriptions; a nil name is null.
func (c *conn) confirm(w *resp.Writer, what string, name []byte, kind pubsub.Kind) {
	w.Push(3)
	w.BulkString(what)
	if name == nil {
		w.Null()
	} else {
		w.Bulk(name)
	}
	if kind == pubsub.Sharded {
		w.Int(int64(c.subs.Count(pubsub.Sharded)))
	} else {
		w.Int(int64(c.subs.Count(pubsub.Channel) + c.subs.Count(pubsub.Pattern)))
	}
}

func publish(c *command.Call) error {
	session(c).publishMessage(c, false)
	return nil
}

func spublish(c *command.Call) error {
	session(c).publishMessage(c, true)
	return nil
}

// publishMessage sends a message once what the connection's replies depend on is durable (promise P2). To the connection itself it goes among the replies.
func (c *conn) publishMessage(call *command.Call, sharded bool) {
	m := pubsub.Message{Channel: bytes.Clone(call.Argv[1]), Payload: bytes.Clone(call.Argv[2]), Sharded: sharded}
	own := &c.ahead
	if call.Nested() || c.inExec {
		own = &c.behind // it must not break into the reply of the script or of EXEC
	}
	own.Proto = c.out.Proto
	n := c.srv.channels.Reach(m, c.subs, own)
	call.Reply.Int(int64(n))
	c.published = append(c.published, m)
}

// handOut hands the messages that the request has published to the courier, or delivers them if they depend on nothing.
func (c *conn) handOut() {
	if len(c.published) == 0 {
		return
	}
	messages, srv, own := c.published, c.srv, c.subs
	c.published = nil
	deliver := func() {
		for _, m := range messages {
			srv.channels.Deliver(m, own)
			if srv.cfg.Bus != nil {
				srv.cfg.Bus.Publish(m)
			}
		}
	}
	if c.after <= srv.cfg.Shard.Durable() && srv.courier.waiting.Load() == 0 {
		deliver()
		return
	}
	srv.courier.add(c.after, deliver)
}

func activeChannels(c *command.Call, kind pubsub.Kind) error {
	if len(c.Argv) > 3 {
		return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try PUBSUB HELP.", c.Argv[1])
	}
	names := session(c).srv.channels.Names(kind)
	if len(c.Argv) == 3 {
		kept := names[:0]
		for _, n := range names {
			if command.Match(c.Argv[2], []byte(n)) {
				kept = append(kept, n)
			}
		}
		names = kept
	}
	c.Reply.Array(len(names))
	for _, n := range names {
		c.Reply.BulkString(n)
	}
	return nil
}

func numPat(c *command.Call) error {
	c.Reply.Int(int64(session(c).srv.channels.Len(pubsub.Pattern)))
	return nil
}

func numSub(c *command.Call, kind pubsub.Kind) error {
	names := c.Argv[2:]
	c.Reply.Array(2 * len(names))
	for _, n := range names {
		c.Reply.Bulk(n)
		c.Reply.Int(int64(session(c).srv.channels.Subscribers(kind, n)))
	}
	return nil
}

func pubsubHelp(c *command.Call) error {
	c.Reply.Help("PUBSUB",
		"CHANNELS [<pattern>]",
		"    Return the currently active channels matching a <pattern> (default: '*').",
		"NUMPAT",
		"    Return number of subscriptions to patterns.",
		"NUMSUB [<channel> ...]",
		"    Return the number of subscribers for the specified channels, excluding",
		"    pattern subscriptions(default: no channels).",
		"SHARDCHANNELS [<pattern>]",
		"    Return the currently active shard level channels matching a <pattern> (default: '*').",
		"SHARDNUMSUB [<shardchannel> ...]",
		"    Return the number of subscribers for the specified shard level channel(s)",
	)
	return nil
}

// notInSubscribedMode refuses what a RESP2 connection with subscriptions may not do, since its client could not tell a reply from a message.
func notInSubscribedMode(c *conn, row *command.Spec) error {
	if c.out.RESP3() || !c.subs.Active() {
		return nil
	}
	switch row.FullName {
	case "ping", "subscribe", "ssubscribe", "unsubscribe", "sunsubscribe", "psubscribe", "punsubscribe", "quit", "reset":
		return nil
	}
	return resp.Errorf("ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", row.FullName)
}

// UsersChanged is called when the rules of users have changed: connections whose user may not use a channel any more that they have subscribed to are closed, as in
// Redis; one that executes a request, after its reply. It takes no lock of the users' store.
func (s *Server) UsersChanged() {
	for _, c := range s.clients.all() {
		if !c.subs.Active() {
			continue
		}
		u := s.cfg.ACL.Current(c.shown().account)
		if u != nil && c.mayListen(u) {
			continue
		}
		c.outbox.mu.Lock()
		busy := c.outbox.busy
		if busy {
			c.doomed.Store(true)
		}
		c.outbox.mu.Unlock()
		if !busy {
			c.kill("channel permission revoked")
		}
	}
}

// mayListen says whether a user may use all channels that the connection has subscribed to.
func (c *conn) mayListen(u *acl.User) bool {
	for _, kind := range []pubsub.Kind{pubsub.Channel, pubsub.Pattern, pubsub.Sharded} {
		for _, name := range c.subs.Names(kind) {
			if !u.MaySubscribe([]byte(name), kind == pubsub.Pattern) {
				return false
			}
		}
	}
	return true
}

// revokeChannels ends the subscriptions to sharded channels whose slots the node serves no longer.
func (s *Server) revokeChannels() {
	if s.cfg.Router == nil {
		return
	}
	s.channels.Revoke(func(channel string) bool {
		return s.cfg.Router.Route(slot.Of([]byte(channel)), false, &command.Client{ReadOnly: true, TLS: s.cfg.TLS != nil, Asking: true}) != nil
	})
}
