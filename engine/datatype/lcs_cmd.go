package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var lcsCommands = []command.Spec{
	{Name: "lcs", Arity: -3, Flags: command.ReadOnly, Group: command.String,
		Keys: []command.KeySpec{{Begin: 1, Last: 1, Flags: command.RO | command.Access}}, Since: "7.0.0",
		Args: "key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]", Complexity: "O(N*M) where N and M are the lengths of the strings",
		Summary: "Finds the longest common subsequence of the strings at two keys.", Run: longestCommon},
}

const (
	errLCSType   resp.Error = "ERR The specified keys must contain string values"
	errLCSBoth   resp.Error = "ERR If you want both the length and indexes, please just use IDX."
	errLCSMemory resp.Error = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
)

// lcsOptions are the options of LCS.
type lcsOptions struct {
	length, index, withLength bool
	atLeast                   int64
}

func parseLCS(a command.Args) (lcsOptions, error) {
	var o lcsOptions
	for a.More() {
		switch {
		case a.Flag("idx"):
			o.index = true
		case a.Flag("len"):
			o.length = true
		case a.Flag("withmatchlen"):
			o.withLength = true
		case a.FlagWith("minmatchlen"):
			n, err := a.Int()
			if err != nil {
				return o, err
			}
			o.atLeast = n
		default:
			return o, resp.ErrSyntax
		}
	}
	if o.index && o.length {
		return o, errLCSBoth
	}
	return o, nil
}

func longestCommon(c *command.Call) error {
	a, _, errA := read(c, c.Argv[1], keyspace.String)
	b, _, errB := read(c, c.Argv[2], keyspace.String)
	if errA != nil || errB != nil {
		return errLCSType
	}
	o, err := parseLCS(c.Args(3))
	if err != nil {
		return err
	}
	a, _ = c.DB.Peek(c.Argv[1]) // again: the lookup of the other key may have deleted it as expired, after which no bytes are valid
	// Redis's table has four bytes a cell; ours has less, but what Redis refuses for its size is refused.
	if (len(a.Bytes)+1)*(len(b.Bytes)+1)*4 > maxString {
		return errLCSMemory
	}
	l := newLCS(a.Bytes, b.Bytes, !o.length)
	switch {
	case o.index:
		replyMatches(c.Reply, l, o)
	case o.length:
		c.Reply.Int(int64(l.length))
	default:
		c.Reply.Bulk(l.text())
	}
	return nil
}

func replyMatches(w *resp.Writer, l *lcs, o lcsOptions) {
	all := l.matches()
	keep := all[:0]
	for _, m := range all {
		if int64(m.len()) >= o.atLeast {
			keep = append(keep, m)
		}
	}
	w.Map(2)
	w.BulkString("matches")
	w.Array(len(keep))
	for _, m := range keep {
		if o.withLength {
			w.Array(3)
		} else {
			w.Array(2)
		}
		for _, r := range [][2]int{{m.aFrom, m.aTo}, {m.bFrom, m.bTo}} {
			w.Array(2)
			w.Int(int64(r[0]))
			w.Int(int64(r[1]))
		}
		if o.withLength {
			w.Int(int64(m.len()))
		}
	}
	w.BulkString("len")
	w.Int(int64(l.length))
}
