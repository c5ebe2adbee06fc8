package server

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/pubsub"
)

// public is what other connections may know of one, as of its last batch.
type public struct {
	name, user, lib, libVer string
	row                     *command.Spec // what it executed last
	proto                   int
	queued                  int // commands since MULTI; -1 outside
	queuedBytes             int
	unread, room            int // of the query buffer
	words                   int // bytes of the words of the request being executed
	replies                 int // room for replies
	closing                 bool
	readOnly                bool
	account                 *acl.User
	aclVersion              uint64
	authorized              bool
	noEvict, noTouch        bool
}

// publish tells others what has become of the connection.
func (c *conn) publish() {
	p := public{name: c.name, user: c.client.User, lib: c.lib, libVer: c.libVer, row: c.call.Spec, proto: max(c.out.Proto, 2), queued: -1,
		unread: c.reader.Buffered(), room: c.reader.Room(), replies: cap(c.out.Bytes()), closing: c.closing,
		readOnly: c.client.ReadOnly, noEvict: c.noEvict, noTouch: c.client.NoTouch,
		account: c.user, aclVersion: c.aclVersion, authorized: c.authorized}
	if c.tx.open {
		p.queued, p.queuedBytes = len(c.tx.queued), c.tx.bytes
	}
	c.mu.Lock()
	c.public = p
	c.mu.Unlock()
	c.weigh(connBytes + p.room + p.replies + p.queuedBytes)
}

// publishWords is publish while argv is being executed.
func (c *conn) publishWords(argv [][]byte) {
	c.publish()
	c.mu.Lock()
	c.public.words = bytesOf(argv)
	c.public.unread += len(c.cmd.Raw) // as Redis, which drops a request from the buffer after its execution
	c.mu.Unlock()
}

func (c *conn) shown() public {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.public
}

// all are the connections in the order of their ids, without those that have been killed and are about to end.
func (l *clients) all() []*conn {
	l.mu.Lock()
	list := make([]*conn, 0, len(l.byID))
	for _, c := range l.byID {
		if !c.killed.Load() {
			list = append(list, c)
		}
	}
	l.mu.Unlock()
	slices.SortFunc(list, func(a, b *conn) int { return cmp.Compare(a.client.ID, b.client.ID) })
	return list
}

// kind is the connection's type, as CLIENT LIST TYPE and CLIENT KILL TYPE know it.
func (c *conn) kind() string {
	if c.monitor.Load() || c.replica.Load() {
		return "replica"
	}
	if c.subs.Active() {
		return "pubsub"
	}
	return "normal"
}

// line describes the connection as CLIENT LIST does: the fields of Redis 7.0.15, and lib-name and lib-ver of 7.2.
func (c *conn) line() string {
	p := c.shown()
	now := c.srv.cfg.Now()
	pushed := c.queuedPushes()
	unsent := int(c.unsent.Load())
	listed := 0
	if pushed > 0 {
		listed = 1
	}
	events := "r"
	if unsent > 0 {
		events = "rw"
	}
	cmd := "NULL"
	if p.row != nil {
		cmd = p.row.FullName
	}
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=%d name=%s age=%d idle=%d flags=%s db=0 sub=%d psub=%d ssub=%d multi=%d qbuf=%d qbuf-free=%d argv-mem=%d"+
		" multi-mem=%d rbs=%d rbp=%d obl=%d oll=%d omem=%d tot-mem=%d events=%s cmd=%s user=%s redir=%d resp=%d lib-name=%s lib-ver=%s",
		c.client.ID, c.addr, c.laddr, c.fd, p.name, int64(now.Sub(c.since).Seconds()), max(now.UnixMilli()-c.active.Load(), 0)/1000, c.flags(&p),
		c.subs.Count(pubsub.Channel), c.subs.Count(pubsub.Pattern), c.subs.Count(pubsub.Sharded), p.queued, p.unread, p.room-p.unread, p.words, p.queuedBytes, p.replies, p.replies, unsent, listed, pushed,
		c.memory(), events, cmd, p.user, c.redirection(), p.proto, p.lib, p.libVer)
}

// memory is about what the connection takes, in bytes.
func (c *conn) memory() int {
	p := c.shown()
	return connBytes + p.room + p.replies + p.queuedBytes + c.queuedPushes()
}

// connBytes is about what a connection takes besides its buffers: its state and its goroutine's stack.
const connBytes = 12 << 10

func (c *conn) flags(p *public) string {
	b := make([]byte, 0, 8)
	set := func(on bool, letter byte) {
		if on {
			b = append(b, letter)
		}
	}
	set(c.monitor.Load(), 'O')
	set(c.replica.Load(), 'S')
	set(c.subs.Active(), 'P')
	set(p.queued >= 0, 'x')
	set(c.blocked(), 'b')
	if m := c.tracking.Load(); m != nil {
		b = append(b, 't')
		set(m.broken, 'R')
		set(m.bcast, 'B')
	}
	set(p.closing, 'c')
	set(p.readOnly, 'r')
	set(p.noEvict, 'e')
	set(p.noTouch, 'T')
	if len(b) == 0 {
		b = append(b, 'N')
	}
	return string(b)
}

// ClientLine describes the connection that a call comes from, as CLIENT LIST does.
func ClientLine(c *command.Call) string {
	s := session(c)
	s.publish()
	return s.line()
}
