package server

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// monitors are the connections that have asked for MONITOR.
type monitors struct {
	n     atomic.Int32
	mu    sync.Mutex
	conns map[*conn]struct{}
}

func (m *monitors) any() bool { return m.n.Load() > 0 }

func (m *monitors) add(c *conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conns == nil {
		m.conns = map[*conn]struct{}{}
	}
	m.conns[c] = struct{}{}
	m.n.Store(int32(len(m.conns)))
	c.monitor.Store(true)
}

func (m *monitors) remove(c *conn) {
	if !c.monitor.Load() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.conns, c)
	m.n.Store(int32(len(m.conns)))
	c.monitor.Store(false)
}

var monitorRow = command.Spec{
	Name: "monitor", Arity: 1, Flags: plain | command.Admin, Group: command.Server, Since: "1.0.0",
	Summary: "Shows every request that the node executes.", Run: monitor,
}

// monitor makes the connection a monitor. What it is shown has been durable before (promise P2).
func monitor(c *command.Call) error {
	s := session(c)
	if s.inExec {
		return resp.Error("ERR MONITOR isn't allowed for DENY BLOCKING client")
	}
	if !s.monitor.Load() {
		s.srv.monitors.add(s)
		c.Reply.OK()
	}
	return nil
}

// showMonitors sends the requests of the batch, which are durable now.
func (c *conn) showMonitors() {
	if len(c.seen) == 0 {
		return
	}
	m := &c.srv.monitors
	m.mu.Lock()
	to := make([]*conn, 0, len(m.conns))
	for other := range m.conns {
		to = append(to, other)
	}
	m.mu.Unlock()
	for _, other := range to {
		other.Push(func(w *resp.Writer) { w.Raw(c.seen) })
	}
	c.seen = c.seen[:0]
	if cap(c.seen) > keepReply {
		c.seen = nil
	}
}

// appendSeen appends a request as MONITOR shows it; from is the client's address, or lua.
func appendSeen(b []byte, now time.Time, from string, argv [][]byte) []byte {
	us := now.UnixMicro()
	b = append(b, '+')
	b = strconv.AppendInt(b, us/1e6, 10)
	b = append(b, '.')
	frac := strconv.AppendInt(nil, us%1e6+1e6, 10)
	b = append(b, frac[1:]...)
	b = append(b, " [0 "...)
	b = append(b, from...)
	b = append(b, ']')
	secret := secretsOf(argv)
	for i, a := range argv {
		b = append(b, ' ')
		if secret(i) {
			b = append(b, `"(redacted)"`...)
			continue
		}
		b = appendQuoted(b, a)
	}
	return append(b, '\r', '\n')
}

// appendQuoted appends a word in double quotes with Redis's escapes.
func appendQuoted(b, word []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range word {
		switch {
		case c == '\\' || c == '"':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\a':
			b = append(b, `\a`...)
		case c == '\b':
			b = append(b, `\b`...)
		case ' ' <= c && c <= '~':
			b = append(b, c)
		default:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return append(b, '"')
}
