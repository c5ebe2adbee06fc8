package command

import (
	"bytes"
	"math/rand/v2"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// Client is what handlers and refusals may know of the connection that a call comes from.
type Client struct {
	// ID is what CLIENT ID answers.
	ID int64
	// User is the name of the authenticated user.
	User string
	// ReadOnly is set by READONLY: a replica answers reads.
	ReadOnly bool
	// NoTouch is set by CLIENT NO-TOUCH.
	NoTouch bool
	// TLS says that the connection is encrypted: MOVED and CLUSTER SLOTS name ports of that kind.
	TLS bool
	// Asking is set by ASKING for the next command: a node that imports the slot answers it.
	Asking bool
	// Session is the server's own state of the connection; only engine/server looks into it.
	Session any
}

// Call is one execution of a row. The executor (engine/shard) fills it in; the same Run serves clients, EXEC, scripts, replay and restore.
type Call struct {
	Spec *Spec
	// Argv are the words of the request, the name first. They belong to the caller and are valid until the reply has been sent: a handler that keeps one copies it.
	Argv [][]byte
	// DB is the shard's keyspace; nil for rows flagged NoTurn.
	DB *keyspace.DB
	// Client is who asks; nil on replay.
	Client *Client
	// Reply takes the reply. On replay it goes nowhere.
	Reply *resp.Writer
	// Now is the time of the call in milliseconds since the epoch; it stands still during a transaction or script.
	Now int64
	// Rand is the source of chance.
	Rand *rand.Rand
	// Hooks are told of changes as they happen.
	Hooks Hooks
	// MayBlock says that the call may wait (Block): it comes from a client's connection, outside of MULTI and scripts.
	MayBlock bool
	// Ready is the key for which a call that waited is executed again: only that key counts now. Nil when a call is executed for the first time.
	Ready []byte

	nested  bool
	wait    *Wait
	looked  [][]byte // keys of nested calls, and what Looks was told
	hidden  [][]byte // what ChangedBeside was told
	dirty   int
	effects []byte
	own     bool
	keys    []Key
}

// Hooks is who hears of changes: WATCH, hazards, blocked calls, notifications, tracking.
type Hooks interface {
	// Changed is called once for each key whose value or expiry a call changed, deleted or created; the key is valid during the call only.
	Changed(key []byte)
	// ChangedAll is called before a call changes the whole keyspace (FLUSHALL).
	ChangedAll()
	// Event is called for each keyspace event; class is the letter of notify-keyspace-events ('g', '$', 'h', 'x' …).
	Event(class byte, event string, key []byte)
}

// Reset makes c ready for another execution, keeping its buffers.
func (c *Call) Reset() {
	c.dirty, c.effects, c.own = 0, c.effects[:0], false
	c.wait, c.looked, c.hidden = nil, nil, nil
}

// Wait is what a blocked call waits for.
type Wait struct {
	// Keys are the keys of which one must become ready, in the order of the request. They belong to the call's Argv.
	Keys [][]byte
	// Type is the type that a key must have to be ready.
	Type keyspace.Type
	// Gone makes the call be executed again also when a key no longer exists or has another type (XREADGROUP).
	Gone bool
	// Timeout is how long to wait, in milliseconds; 0 is for ever.
	Timeout int64
	// TimedOut writes the reply after the timeout, or at once where a call may not block; nil is a null array.
	TimedOut func(*resp.Writer)
}

// Block makes the call wait, as its last step: it has changed nothing and written no reply. When one of the keys is ready the row's Run is executed again, with
// Ready set, in the order in which calls began to wait for the key (Redis's documentation of BLPOP). A call that may not block replies as if its time were over.
func (c *Call) Block(w Wait) error {
	if c.MayBlock {
		c.wait = &w
		return nil
	}
	if w.TimedOut == nil {
		c.Reply.NullArray()
	} else {
		w.TimedOut(c.Reply)
	}
	return nil
}

// Waiting is what the call waits for; nil if it has been executed.
func (c *Call) Waiting() *Wait { return c.wait }

// Do executes another row as a part of this call, at the same point of time: a script's redis.call. Its changes and effects are the call's, its keys count as
// looked at. The reply, or what is left of it beside an error, goes to reply; the error is the row's. Whether the client may execute the row is the caller's to ask.
func (c *Call) Do(row *Spec, argv [][]byte, reply *resp.Writer) error {
	inner := Call{Spec: row, Argv: argv, DB: c.DB, Client: c.Client, Reply: reply, Now: c.Now, Rand: c.Rand, Hooks: c.Hooks, nested: true}
	mark := reply.Len()
	err := row.Run(&inner)
	if err != nil {
		reply.Cut(mark)
	}
	c.effects = inner.Effects(c.effects)
	c.own = true
	c.dirty += inner.dirty
	c.hidden = append(c.hidden, inner.hidden...)
	if keys, err := inner.Keys(); err == nil {
		for _, k := range keys {
			c.looked = append(c.looked, bytes.Clone(argv[k.Index]))
		}
	}
	return err
}

// Nested says that the call is a part of another one (Do): a script's.
func (c *Call) Nested() bool { return c.nested }

// ChangedUnwatched is Changed for what does not break a WATCH in Redis, such as the acknowledgement of a stream's entries: the change is logged and a hazard, but
// nobody else hears of it.
func (c *Call) ChangedUnwatched(key []byte, class byte, event string) {
	c.dirty++
	c.hidden = append(c.hidden, bytes.Clone(key))
	if event != "" {
		c.Hooks.Event(class, event, key)
	}
}

// Looks says that the call looks at something that is none of its request's keys.
func (c *Call) Looks(name []byte) { c.looked = append(c.looked, name) }

// ChangedBeside says that the call has changed something that lives beside the keys, such as function libraries: later calls that look at it (Looks) wait until the
// change is durable. What is logged is told by Propagate.
func (c *Call) ChangedBeside(name []byte) { c.hidden = append(c.hidden, name) }

// Beside is what ChangedBeside was told.
func (c *Call) Beside() [][]byte { return c.hidden }

// Looked are keys that the call looked at beside those of its request: those of Do.
func (c *Call) Looked() [][]byte { return c.looked }

// Changed says that the call changed key: it is the only way to be logged and to be heard of. class and event name the keyspace event, as Redis sends it
// ('h', "hset"); event "" sends none.
func (c *Call) Changed(key []byte, class byte, event string) {
	c.dirty++
	c.Hooks.Changed(key)
	if event != "" {
		c.Hooks.Event(class, event, key)
	}
}

// Event sends a further keyspace event of a change that Changed has told already.
func (c *Call) Event(class byte, event string, key []byte) { c.Hooks.Event(class, event, key) }

// ChangedAll says that the call is about to change the whole keyspace; it is called before the keys go.
func (c *Call) ChangedAll() {
	c.dirty++
	c.Hooks.ChangedAll()
}

// Dirty says whether the call has changed anything.
func (c *Call) Dirty() bool { return c.dirty > 0 }

// Propagate logs a command instead of the call's own words: its effect, with chosen members, computed values and absolute times. It may be called
// several times; the effects are applied in that order. The arguments are copied.
func (c *Call) Propagate(args ...[]byte) {
	c.own = true
	c.effects = AppendEffect(c.effects, args)
}

// PropagateExpired logs the delete of a key that the call found expired, besides whatever else the call logs.
func (c *Call) PropagateExpired(key []byte) {
	c.effects = AppendEffect(c.effects, [][]byte{del, key})
}

var del = []byte("del")

// Effects appends what the call has to log to b: the commands given to Propagate, or the call's own words if it changed something; nothing if it changed nothing.
func (c *Call) Effects(b []byte) []byte {
	b = append(b, c.effects...)
	if c.dirty > 0 && !c.own {
		b = AppendEffect(b, c.Argv)
	}
	return b
}

// Keys are the keys of the request; valid until the next call of Keys.
func (c *Call) Keys() ([]Key, error) {
	var err error
	c.keys, err = c.Spec.KeysOf(c.Argv, c.keys[:0])
	return c.keys, err
}
