package server

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// invalidationChannel is where RESP2 connections hear of invalid keys.
const invalidationChannel = "__redis__:invalidate"

// tracker is client-side caching: which connections have read which keys, or want to hear of all keys with a prefix. Source: Redis's documentation of client-side caching.
type tracker struct {
	clients atomic.Int64 // with tracking on
	keys    atomic.Int64 // in table

	mu       sync.Mutex
	table    map[string]map[int64]struct{} // ids of the connections that have read a key
	items    int64
	prefixes map[string]map[*conn]struct{} // of broadcasting
}

// tracking is a connection's mode. It is not changed, but replaced.
type tracking struct {
	bcast, optIn, optOut, noLoop bool
	broken                       bool // the connection to redirect to is gone
	redirect                     int64
	prefixes                     []string
}

// invalid is a key whose value is another one now; by is the id of the connection whose call has changed it, 0 if none has.
type invalid struct {
	key []byte
	by  int64
}

// track switches tracking on, or off with a nil mode.
func (s *Server) track(c *conn, mode *tracking) {
	t := &s.tracker
	t.mu.Lock()
	defer t.mu.Unlock()
	old := c.tracking.Swap(mode)
	if old != nil && old.bcast {
		for _, p := range old.prefixes {
			delete(t.prefixes[p], c)
			if len(t.prefixes[p]) == 0 {
				delete(t.prefixes, p)
			}
		}
	}
	if mode != nil && mode.bcast {
		if t.prefixes == nil {
			t.prefixes = map[string]map[*conn]struct{}{}
		}
		for _, p := range mode.prefixes {
			if t.prefixes[p] == nil {
				t.prefixes[p] = map[*conn]struct{}{}
			}
			t.prefixes[p][c] = struct{}{}
		}
	}
	switch {
	case old == nil && mode != nil:
		t.clients.Add(1)
	case old != nil && mode == nil:
		if t.clients.Add(-1) == 0 {
			t.table, t.items = nil, 0
			t.keys.Store(0)
		}
	}
}

// remember notes the keys of an executed request that only reads, under the turn; those of a script if it has executed one that does.
func (c *conn) remember(row *command.Spec, argv [][]byte) {
	reads := row.Is(command.ReadOnly)
	if row.Group == command.Scripting {
		reads, c.scriptRead = c.scriptRead, false
	}
	if reads {
		c.rememberKeys(row, argv)
	}
}

func (c *conn) rememberKeys(row *command.Spec, argv [][]byte) {
	mode := c.tracking.Load()
	if mode == nil || mode.bcast || len(row.Keys) == 0 {
		return
	}
	if mode.optIn && !c.caching || mode.optOut && c.caching {
		return
	}
	keys, err := row.KeysOf(argv, nil)
	if err != nil {
		return // it has looked at nothing
	}
	t := &c.srv.tracker
	t.mu.Lock()
	if t.table == nil {
		t.table = map[string]map[int64]struct{}{}
	}
	for _, k := range keys {
		key := argv[k.Index]
		ids := t.table[string(key)]
		if ids == nil {
			ids = map[int64]struct{}{}
			t.table[string(key)] = ids
		}
		if _, known := ids[c.client.ID]; !known {
			ids[c.client.ID] = struct{}{}
			t.items++
		}
	}
	t.keys.Store(int64(len(t.table)))
	t.mu.Unlock()
}

// limitTracked forgets keys, in whatever order, while there are more than tracking-table-max-keys, and tells their readers. before is the connection whose request is
// about to be executed, if one is.
func (s *Server) limitTracked(before *conn) {
	t := &s.tracker
	most := s.settings.Load().TrackedKeys
	if most <= 0 || t.keys.Load() <= most {
		return
	}
	forgotten := map[string]map[int64]struct{}{}
	t.mu.Lock()
	for key, ids := range t.table {
		if int64(len(t.table)) <= most {
			break
		}
		forgotten[key] = ids
		t.forget(key)
	}
	t.mu.Unlock()
	for key, ids := range forgotten {
		for id := range ids {
			if before == nil || !before.hearsBefore(id, []byte(key)) {
				s.invalidateFor(id, []byte(key), 0)
			}
		}
	}
}

// forget takes a key from the table. The caller holds t.mu.
func (t *tracker) forget(key string) {
	t.items -= int64(len(t.table[key]))
	delete(t.table, key)
	t.keys.Store(int64(len(t.table)))
}

// hearsBefore tells the connection, if it is the one with the id and hears of its keys itself, of an invalid one before the reply to the request that is about
// to be executed. Its goroutine calls it.
func (c *conn) hearsBefore(id int64, key []byte) bool {
	mode := c.tracking.Load()
	if id != c.client.ID || mode == nil || mode.bcast || mode.redirect != 0 {
		return false
	}
	if c.ahead.Proto = c.out.Proto; c.ahead.RESP3() {
		appendInvalid(&c.ahead, [][]byte{key})
	}
	return true
}

// invalidate is told of what a record changes, under the turn. Messages leave once it is durable. before is the connection whose request made the keys go before
// it is executed, if one has: it hears of them ahead of the reply, which then waits for the record.
func (s *Server) invalidate(pos txlog.Pos, keys []invalid, all bool, before *conn) {
	t := &s.tracker
	var deliver []func()
	t.mu.Lock()
	if all {
		t.table, t.items = nil, 0
		t.keys.Store(0)
		deliver = append(deliver, s.invalidateAll)
	} else {
		for _, k := range keys {
			ids := t.table[string(k.key)]
			if len(ids) == 0 {
				continue
			}
			t.forget(string(k.key))
			for _, id := range slices.Sorted(maps.Keys(ids)) {
				if before != nil && before.hearsBefore(id, k.key) {
					before.after = max(before.after, pos)
					continue
				}
				deliver = append(deliver, func() { s.invalidateFor(id, k.key, k.by) })
			}
		}
		deliver = append(deliver, t.broadcasts(keys)...)
	}
	t.mu.Unlock()
	if len(deliver) > 0 {
		s.courier.add(pos, func() {
			for _, fn := range deliver {
				fn()
			}
		})
	}
}

// broadcasts are the messages for those who want to hear of prefixes: one for each prefix, with all keys. The caller holds t.mu.
func (t *tracker) broadcasts(keys []invalid) (deliver []func()) {
	for _, prefix := range slices.Sorted(maps.Keys(t.prefixes)) {
		var with []invalid
		seen := map[string]bool{}
		for _, k := range keys {
			if strings.HasPrefix(string(k.key), prefix) && !seen[string(k.key)] {
				seen[string(k.key)] = true
				with = append(with, k)
			}
		}
		if len(with) == 0 {
			continue
		}
		for c := range t.prefixes[prefix] {
			deliver = append(deliver, func() {
				mode := c.tracking.Load()
				if mode == nil {
					return
				}
				var names [][]byte
				for _, k := range with {
					if !mode.noLoop || k.by != c.client.ID {
						names = append(names, k.key)
					}
				}
				if len(names) > 0 {
					c.sendInvalid(names)
				}
			})
		}
	}
	return deliver
}

// invalidateFor tells a connection that has read a key that it is invalid; by has changed it.
func (s *Server) invalidateFor(id int64, key []byte, by int64) {
	c := s.clients.find(id)
	if c == nil {
		return
	}
	mode := c.tracking.Load()
	if mode == nil || mode.bcast || mode.noLoop && by == id {
		return
	}
	c.sendInvalid([][]byte{key})
}

// invalidateAll tells all that everything they have cached is invalid (FLUSHALL).
func (s *Server) invalidateAll() {
	for _, c := range s.clients.all() {
		if c.tracking.Load() != nil {
			c.sendInvalid(nil)
		}
	}
}

// sendInvalid sends a message about keys, or about all if there are none, to the connection or to the one that it redirects to.
func (c *conn) sendInvalid(keys [][]byte) {
	mode := c.tracking.Load()
	if mode == nil {
		return
	}
	to := c
	if mode.redirect != 0 {
		if to = c.srv.clients.find(mode.redirect); to == nil {
			c.redirectionBroke(mode)
			return
		}
	}
	to.Push(func(w *resp.Writer) {
		switch {
		case w.RESP3():
			appendInvalid(w, keys)
			return
		case to != c && to.subs.Active():
			w.Array(3)
			w.BulkString("message")
			w.BulkString(invalidationChannel)
		default:
			return // a RESP2 connection can't tell it from a reply
		}
		appendNames(w, keys)
	})
}

// appendInvalid appends the push about keys, or about all if there are none.
func appendInvalid(w *resp.Writer, keys [][]byte) {
	w.Push(2)
	w.BulkString("invalidate")
	appendNames(w, keys)
}

func appendNames(w *resp.Writer, keys [][]byte) {
	if keys == nil {
		w.Null()
		return
	}
	w.Array(len(keys))
	for _, k := range keys {
		w.Bulk(k)
	}
}

// redirectionBroke notes, and tells in RESP3, that the connection to redirect to is gone.
func (c *conn) redirectionBroke(mode *tracking) {
	broken := *mode
	broken.broken = true
	c.tracking.CompareAndSwap(mode, &broken)
	c.Push(func(w *resp.Writer) {
		if w.RESP3() {
			w.Push(2)
			w.BulkString("tracking-redir-broken")
			w.Int(mode.redirect)
		}
	})
}

// counts is what INFO tells of client-side caching.
func (t *tracker) counts() (keys, items, prefixes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(len(t.table)), t.items, int64(len(t.prefixes))
}
