package datatype

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const (
	errScoreRange resp.Error = "ERR min or max is not a float"
	errLexRange   resp.Error = "ERR min or max not valid string range item"
)

// ranks is a range of ranks: a number of them from the first one on.
type ranks struct{ from, n int }

// rankRange are the ranks from start to stop among size, where negative ones count from the end.
func rankRange(start, stop int64, size int) ranks {
	n := int64(size)
	if start < 0 {
		start = max(start+n, 0)
	}
	if stop < 0 {
		stop += n
	}
	stop = min(stop, n-1)
	if start > stop {
		return ranks{}
	}
	return ranks{int(start), int(stop - start + 1)}
}

// bounds is a range by score or by member.
type bounds interface {
	// above says whether an element isn't before the range, within whether it isn't behind it.
	above(member []byte, score float64) bool
	within(member []byte, score float64) bool
	// empty says that nothing can be in the range.
	empty() bool
}

// ranks are the ranks of the elements in a range. If all is in order, back makes no difference; if a range of members is asked for in a set of different scores, what a listpack
// gives then is what Redis finds in it from that end on.
func (z *ZSet) ranks(b bounds, back bool) ranks {
	if z.big == nil {
		return z.ranksInOrder(b, back)
	}
	from := z.big.search(func(m []byte, s float64) bool { return !b.above(m, s) })
	to := z.big.search(b.within)
	return ranks{from, max(to-from, 0)}
}

func (z *ZSet) ranksInOrder(b bounds, back bool) (found ranks) {
	last := z.Len() - 1
	possible := false
	z.Range(last, false, func(m []byte, s float64) bool { possible = b.above(m, s); return false })
	if !possible {
		return ranks{}
	}
	starts, goesOn := b.above, b.within
	at := 0
	if back {
		starts, goesOn, at = b.within, b.above, last
	}
	z.Range(0, false, func(m []byte, s float64) bool { possible = b.within(m, s); return false })
	if !possible || b.empty() {
		return ranks{}
	}
	z.Range(at, back, func(m []byte, s float64) bool {
		if found.n == 0 && !starts(m, s) {
			at = step(at, back)
			return true
		}
		if !goesOn(m, s) {
			return false
		}
		found.n++
		return true
	})
	found.from = at
	if back {
		found.from = at - found.n + 1
	}
	return found
}

// scoreBounds is a range of scores.
type scoreBounds struct{ min, max scoreBound }

// scoreBound is a score that does, or open, doesn't belong to the range that it bounds.
type scoreBound struct {
	score float64
	open  bool
}

func parseScoreBounds(low, high []byte) (b scoreBounds, err error) {
	if b.min, err = parseScoreBound(low); err == nil {
		b.max, err = parseScoreBound(high)
	}
	return b, err
}

func parseScoreBound(text []byte) (b scoreBound, err error) {
	if len(text) > 0 && text[0] == '(' {
		b.open, text = true, text[1:]
	}
	var ok bool
	if b.score, ok = command.ParseBound(text); !ok {
		return b, errScoreRange
	}
	return b, nil
}

func (b scoreBounds) above(_ []byte, score float64) bool {
	return score > b.min.score || score == b.min.score && !b.min.open
}

func (b scoreBounds) within(_ []byte, score float64) bool {
	return score < b.max.score || score == b.max.score && !b.max.open
}

// lexBounds is a range of members, in a set all of whose scores are the same.
type lexBounds struct{ min, max lexBound }

// lexBound is a member that does, or open, doesn't belong to the range that it bounds. If endless is not 0 it is before (-1) or behind (1) all members.
type lexBound struct {
	member  []byte
	open    bool
	endless int
}

func parseLexBounds(low, high []byte) (b lexBounds, err error) {
	if b.min, err = parseLexBound(low); err == nil {
		b.max, err = parseLexBound(high)
	}
	return b, err
}

func parseLexBound(text []byte) (lexBound, error) {
	if len(text) == 0 {
		return lexBound{}, errLexRange
	}
	rest := text[1:]
	switch text[0] {
	case '(':
		return lexBound{member: rest, open: true}, nil
	case '[':
		return lexBound{member: rest}, nil
	}
	if len(rest) == 0 || rest[0] == 0 {
		switch text[0] {
		case '-':
			return lexBound{endless: -1, open: true}, nil
		case '+':
			return lexBound{endless: 1, open: true}, nil
		}
	}
	return lexBound{}, errLexRange
}

// compare is the order of a member and the bound.
func (b lexBound) compare(member []byte) int {
	if b.endless != 0 {
		return -b.endless
	}
	return bytes.Compare(member, b.member)
}

func (b lexBounds) above(member []byte, _ float64) bool {
	order := b.min.compare(member)
	return order > 0 || order == 0 && !b.min.open
}

func (b lexBounds) within(member []byte, _ float64) bool {
	order := b.max.compare(member)
	return order < 0 || order == 0 && !b.max.open
}

// part is what LIMIT leaves of a range, walked back if back is set. A negative count is no limit, a negative offset leaves nothing.
func (r ranks) part(offset, count int64, back bool) ranks {
	if offset < 0 || offset >= int64(r.n) {
		return ranks{}
	}
	n := int64(r.n) - offset
	if count >= 0 {
		n = min(n, count)
	}
	if back {
		return ranks{r.from + r.n - int(offset+n), int(n)}
	}
	return ranks{r.from + int(offset), int(n)}
}

func (b scoreBounds) empty() bool {
	return b.min.score > b.max.score || b.min.score == b.max.score && (b.min.open || b.max.open)
}

func (b lexBounds) empty() bool {
	order := 0
	switch {
	case b.min.endless != 0 || b.max.endless != 0:
		order = b.min.endless - b.max.endless
	default:
		order = bytes.Compare(b.min.member, b.max.member)
	}
	return order > 0 || order == 0 && (b.min.open || b.max.open)
}
