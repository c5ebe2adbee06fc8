package shard

import "github.com/openmemorydb/memorydb/engine/keyspace"

// Watcher is a connection's WATCH: the keys that it watches, and whether one of them has changed since. All of it is used under the turn.
type Watcher struct {
	keys   map[string]bool // value: the key had expired, but was still there, when it was watched
	broken bool
}

// Watch adds a key to what w watches.
func (t *Turn) Watch(w *Watcher, key []byte) {
	if _, ok := w.keys[string(key)]; ok {
		return
	}
	if w.keys == nil {
		w.keys = map[string]bool{}
	}
	k := string(key)
	w.keys[k] = t.stale(key)
	set := t.s.watchers[k]
	if set == nil {
		set = map[*Watcher]struct{}{}
		t.s.watchers[k] = set
	}
	set[w] = struct{}{}
}

// Unwatch forgets all keys of w and that one of them has changed.
func (t *Turn) Unwatch(w *Watcher) {
	for k := range w.keys {
		set := t.s.watchers[k]
		delete(set, w)
		if len(set) == 0 {
			delete(t.s.watchers, k)
		}
	}
	w.keys, w.broken = nil, false
}

// Broken says whether a watched key has changed or expired since it was watched: EXEC then does nothing.
func (t *Turn) Broken(w *Watcher) bool {
	if w.broken {
		return true
	}
	for k, stale := range w.keys {
		if !stale && t.stale([]byte(k)) {
			return true
		}
	}
	return false
}

// stale says whether key has expired and was not deleted yet.
func (t *Turn) stale(key []byte) bool {
	at := t.s.db.ExpireAt(key)
	return at != 0 && at <= t.now
}

// touch is told that a key has changed. That an expired key, which was so when it was watched, is deleted at last is no change.
func (s *Shard) touch(key []byte) {
	set := s.watchers[string(key)]
	if len(set) == 0 {
		return
	}
	mode := s.db.Expiry
	s.db.Expiry = keyspace.ExpireIgnore
	exists := s.db.Exists(key)
	s.db.Expiry = mode
	for w := range set {
		if w.keys[string(key)] && !exists {
			w.keys[string(key)] = false
			continue
		}
		w.broken = true
	}
}

// touchAll breaks the watch of all keys that exist: FLUSHALL leaves a missing key as it was. It is called before the keys go.
func (s *Shard) touchAll() {
	mode := s.db.Expiry
	s.db.Expiry = keyspace.ExpireIgnore
	for k, set := range s.watchers {
		if !s.db.Exists([]byte(k)) {
			continue
		}
		for w := range set {
			if w.keys[k] { // an expired key goes
				w.keys[k] = false
				continue
			}
			w.broken = true
		}
	}
	s.db.Expiry = mode
}
