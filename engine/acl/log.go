package acl

import (
	"slices"
	"strings"
	"sync"
)

// Context says where a denied request came from.
type Context uint8

// The contexts.
const (
	TopLevel Context = iota
	Lua
	Multi
)

// String is the context as ACL LOG prints it.
func (c Context) String() string { return [...]string{"toplevel", "lua", "multi"}[c] }

// Entry is one denial of ACL LOG.
type Entry struct {
	Cause   Cause
	Context Context
	// Object is what was denied: the command, key or channel (Denial.Object); of a failed authentication the command's name as the client wrote it.
	Object string
	// User is the name of the connection's user; of a failed authentication the one that it tried.
	User string
	// Client is the connection's line of CLIENT LIST.
	Client string
	// Time is when it happened last, in milliseconds since the epoch.
	Time int64
	// Count is how often; Log counts.
	Count int64
}

const (
	groupWindow = 60_000  // ms in which alike denials are one entry
	groupSearch = 10      // newest entries among which an alike one is looked for
	maxName     = 1 << 10 // bytes of an object or user that are kept: clients choose them, and Redis keeps them whole
)

// log holds the newest denials, the newest first.
type log struct {
	mu      sync.Mutex
	entries []Entry
}

// Log notes a denial. One like it, among the newest ten entries and less than a minute old, is counted up and becomes the newest.
func (s *Store) Log(e Entry) {
	l, limit := &s.log, s.cfg.LogMaxLen()
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Count, e.Object, e.User = 1, cut(e.Object), cut(e.User)
	for i, o := range l.entries[:min(len(l.entries), groupSearch)] {
		age := max(e.Time-o.Time, o.Time-e.Time)
		if o.Cause == e.Cause && o.Context == e.Context && o.Object == e.Object && o.User == e.User && age <= groupWindow {
			e.Count += o.Count
			l.entries = slices.Delete(l.entries, i, i+1)
			break
		}
	}
	l.entries = slices.Insert(l.entries, 0, e)
	if int64(len(l.entries)) > limit {
		l.entries = slices.Delete(l.entries, int(max(limit, 0)), len(l.entries))
	}
}

// cut is s, or a copy of its beginning if it is too long.
func cut(s string) string {
	if len(s) <= maxName {
		return s
	}
	return strings.Clone(s[:maxName])
}

// newest copies the newest n entries.
func (l *log) newest(n int64) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries[:min(n, int64(len(l.entries)))])
}

func (l *log) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}
