package datatype

import (
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const (
	errIDZero      resp.Error = "ERR The ID specified in XADD must be greater than 0-0"
	errIDSmall     resp.Error = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
	errIDExhausted resp.Error = "ERR The stream has exhausted the last possible ID, unable to add more items"
	errEntryTooBig resp.Error = "ERR Elements are too large to be stored"

	errTrimBoth     resp.Error = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
	errMaxLen       resp.Error = "ERR The MAXLEN argument must be >= 0."
	errLimit        resp.Error = "ERR The LIMIT argument must be >= 0."
	errLimitAlone   resp.Error = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
	errLimitExact   resp.Error = "ERR syntax error, LIMIT cannot be used without the special ~ option"
	errTrimStrategy resp.Error = "ERR syntax error, XTRIM must be called with a trimming strategy"
)

// trimArgs are what XADD and XTRIM take before the id.
type trimArgs struct {
	trimming
	trims  bool
	noMake bool
	at     int // index of the id
}

// parseTrim reads the words of XADD up to its id, which it does not read, or all of XTRIM's.
func parseTrim(c *command.Call, add bool) (t trimArgs, err error) {
	limited := false
	a := c.Args(2)
	for a.More() {
		t.at = len(c.Argv) - a.Left()
		switch {
		case a.FlagWith("maxlen"), a.FlagWith("minid"):
			if t.trims {
				return t, errTrimBoth
			}
			t.byID = len(c.Argv[t.at]) == len("minid")
			if err := t.parseThreshold(&a); err != nil {
				return t, err
			}
			continue
		case a.FlagWith("limit"):
			if t.limit, err = a.Int(); err != nil {
				return t, err
			}
			if t.limit < 0 {
				return t, errLimit
			}
			limited = true
			continue
		case add && a.Flag("nomkstream"):
			t.noMake = true
			continue
		case !add:
			return t, resp.ErrSyntax
		}
		if _, _, err := xaddID(c.Argv[t.at]); err != nil {
			return t, err
		}
		return t, t.checkLimit(c, add, limited)
	}
	t.at = len(c.Argv)
	return t, t.checkLimit(c, add, limited)
}

// parseThreshold reads what follows MAXLEN or MINID.
func (t *trimArgs) parseThreshold(a *command.Args) (err error) {
	t.trims, t.whole = true, false
	if a.FlagWith("~") {
		t.whole = true
	} else {
		a.FlagWith("=")
	}
	if t.byID {
		word, err := a.Next()
		if err != nil {
			return err
		}
		t.minID, err = parseStreamID(word, 0)
		return err
	}
	n, err := a.Int()
	if err != nil {
		return err
	}
	if n < 0 {
		return errMaxLen
	}
	t.maxLen = uint64(n)
	return nil
}

// checkLimit refuses a LIMIT out of place, and sets one if there is none and nodes are trimmed as a whole.
func (t *trimArgs) checkLimit(c *command.Call, add, limited bool) error {
	switch {
	case t.limit > 0 && !t.trims:
		return errLimitAlone
	case !add && !t.trims:
		return errTrimStrategy
	case limited && !t.whole:
		return errLimitExact
	case !limited && t.whole:
		if t.limit = 100 * int64(c.DB.Limits.StreamNodeMaxEntries); t.limit <= 0 {
			t.limit = 10_000
		}
		t.limit = min(t.limit, 1_000_000)
	}
	return nil
}

// words are the trimming as it is logged: what has gone, and no more.
func (t *trimArgs) words(s *Stream, argv [][]byte) [][]byte {
	switch {
	case !t.trims:
		return argv
	case t.byID:
		id := t.minID
		if t.whole {
			var ok bool
			if id, ok = s.edge(false, true); !ok {
				id = maxStreamID
			}
		}
		return append(argv, []byte("minid"), []byte("="), id.Append(nil))
	}
	n := t.maxLen
	if t.whole {
		n = s.Length
	}
	return append(argv, []byte("maxlen"), []byte("="), strconv.AppendUint(nil, n, 10))
}

// xaddID reads the id that XADD is given. mode says how much of it XADD chooses.
func xaddID(word []byte) (id StreamID, mode idMode, err error) {
	if string(word) == "*" {
		return id, idChosen, nil
	}
	id, auto, err := parseAutoID(word)
	if auto {
		mode = idNumbered
	}
	return id, mode, err
}

type idMode uint8

const (
	idGiven    idMode = iota
	idNumbered        // the number within the time is chosen
	idChosen
)

func xadd(c *command.Call) error {
	t, err := parseTrim(c, true)
	if err != nil {
		return err
	}
	pairs := c.Argv[min(t.at+1, len(c.Argv)):]
	if len(pairs) < 2 || len(pairs)%2 == 1 {
		return wrongArity(c)
	}
	id, mode, _ := xaddID(c.Argv[t.at])
	if mode == idGiven && id == (StreamID{}) {
		return errIDZero
	}
	key := c.Argv[1]
	s, err := writeStream(c, key)
	if err != nil {
		return err
	}
	var last StreamID
	if s == nil && t.noMake {
		c.Reply.Null()
		return nil
	} else if s != nil {
		last = s.Last
	}
	if id, err = nextID(last, id, mode, uint64(c.Now)); err != nil {
		return err
	}
	if !fitsStream(pairs) {
		return errEntryTooBig
	}
	if s == nil {
		s = makeStream(c, key)
	}
	s.append(id, pairs)
	replyID(c, id)
	c.Changed(key, 't', "xadd")
	if t.trims && s.trim(&t.trimming) > 0 {
		c.Event('t', "xtrim", key)
	}
	if mode != idGiven || t.trims {
		argv := t.words(s, [][]byte{c.Argv[0], key})
		argv = append(argv, id.Append(nil))
		c.Propagate(append(argv, pairs...)...)
	}
	return nil
}

// nextID is the id of the entry that is to follow last.
func nextID(last, id StreamID, mode idMode, now uint64) (StreamID, error) {
	if last == maxStreamID {
		return id, errIDExhausted
	}
	switch {
	case mode == idChosen:
		if now > last.MS {
			return StreamID{now, 0}, nil
		}
		id, _ = last.next() // the clock stands, or has gone backwards
		return id, nil
	case mode == idNumbered && id.MS == last.MS:
		if last.Seq == math.MaxUint64 {
			return id, errEntryTooBig // Redis's text for this, too
		}
		id.Seq = last.Seq + 1
	}
	if !last.Less(id) {
		return id, errIDSmall
	}
	return id, nil
}

func xtrim(c *command.Call) error {
	t, err := parseTrim(c, false)
	if err != nil {
		return err
	}
	key := c.Argv[1]
	s, err := writeStream(c, key)
	if err != nil {
		return err
	}
	if s == nil {
		c.Reply.Int(0)
		return nil
	}
	n := s.trim(&t.trimming)
	if n > 0 {
		c.Changed(key, 't', "xtrim")
		c.Propagate(t.words(s, [][]byte{c.Argv[0], key})...)
	}
	c.Reply.Int(n)
	return nil
}
