package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const (
	errAddedNegative resp.Error = "ERR entries_added must be positive"
	errSetIDDeleted  resp.Error = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
	errSetIDSmall    resp.Error = "ERR The ID specified in XSETID is smaller than the target stream top item"
	errAddedSmall    resp.Error = "ERR The entries_added specified in XSETID is smaller than the target stream length"
)

func xsetid(c *command.Call) error {
	last, err := parseStreamID(c.Argv[2], 0)
	if err != nil {
		return err
	}
	addedEntries := int64(-1)
	var deleted StreamID
	for a := c.Args(3); a.More(); {
		switch {
		case a.FlagWith("entriesadded"):
			if addedEntries, err = a.Int(); err != nil {
				return err
			}
			if addedEntries < 0 {
				return errAddedNegative
			}
		case a.FlagWith("maxdeletedid"):
			word, _ := a.Next()
			if deleted, err = parseStreamID(word, 0); err != nil {
				return err
			}
			if last.Less(deleted) {
				return errSetIDDeleted
			}
		default:
			return resp.ErrSyntax
		}
	}
	s, err := writeStream(c, c.Argv[1])
	switch {
	case err != nil:
		return err
	case s == nil:
		return resp.ErrNoSuchKey
	case s.Length > 0 && last.Less(s.top()):
		return errSetIDSmall
	case s.Length > 0 && addedEntries >= 0 && s.Length > uint64(addedEntries):
		return errAddedSmall
	}
	s.Last = last
	if addedEntries >= 0 {
		s.Added = uint64(addedEntries)
	}
	if deleted != (StreamID{}) {
		s.MaxDeleted = deleted
	}
	c.Reply.OK()
	c.ChangedUnwatched(c.Argv[1], 't', "xsetid")
	return nil
}
