package datatype

// These are the rules by which Redis 7.0 keeps a group's count of entries read, and tells its lag, without counting entries: see "XINFO GROUPS" in its documentation.

// deletedFrom says whether an entry at or after an id has been deleted by XDEL while the stream has entries from before.
func (s *Stream) deletedFrom(id StreamID) bool {
	if s.Length == 0 || s.MaxDeleted == (StreamID{}) || s.MaxDeleted.Less(s.First) {
		return false
	}
	return !s.MaxDeleted.Less(id)
}

// entriesUpTo is how many of the entries ever added come up to an id; UnknownEntriesRead if it can't be told.
func (s *Stream) entriesUpTo(id StreamID) int64 {
	unbroken := s.MaxDeleted == (StreamID{}) || s.MaxDeleted.Less(s.First)
	switch {
	case s.Added == 0:
		return 0
	case s.Length == 0 && !s.Last.Less(id), id == s.Last:
		return int64(s.Added)
	case s.Last.Less(id):
		return UnknownEntriesRead
	case unbroken && id.Less(s.First):
		return int64(s.Added - s.Length)
	case unbroken && id == s.First:
		return int64(s.Added - s.Length + 1)
	}
	return UnknownEntriesRead
}

// advance makes id the last one that the group was delivered.
func (g *StreamGroup) advance(id StreamID) {
	if g.EntriesRead != UnknownEntriesRead && !g.s.deletedFrom(id) {
		g.EntriesRead++
	} else if g.s.Added > 0 {
		g.EntriesRead = g.s.entriesUpTo(id)
	}
	g.Last = id
}

// lag is the number of entries that the group has not been delivered; ok is false if it can't be told.
func (g *StreamGroup) lag() (n int64, ok bool) {
	switch {
	case g.s.Added == 0:
		return 0, true
	case g.EntriesRead != UnknownEntriesRead && !g.s.deletedFrom(g.Last):
		return int64(g.s.Added) - g.EntriesRead, true
	}
	n = g.s.entriesUpTo(g.Last)
	return int64(g.s.Added) - n, n != UnknownEntriesRead
}
