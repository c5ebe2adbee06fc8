package datatype

import (
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/listpack"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// packedZSet is a small sorted set: a listpack of members, each followed by its score, in order. It is what Redis writes, byte for byte.
type packedZSet []byte

func (p packedZSet) len() int { return listpack.Len(p) / 2 }

// score is the score at a position of the listpack.
func (p packedZSet) score(at int) float64 {
	e := listpack.At(p, at)
	if e.IsInt {
		return float64(e.Int)
	}
	f, err := strconv.ParseFloat(string(e.Bytes), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0 // as C's strtod reads what is no number, in values of RESTORE
	}
	return f
}

// find is the position of a member in the listpack and its score.
func (p packedZSet) find(member []byte) (at int, score float64, ok bool) {
	if at, ok = listpack.Find(p, listpack.HeaderSize, member, 1); ok {
		score = p.score(listpack.Next(p, at))
	}
	return at, score, ok
}

// each calls fn for the elements from number i on, or back to the first one, until it returns false.
func (p packedZSet) each(i int, back bool, fn func(member []byte, score float64) bool) {
	at, ok := listpack.Seek(p, 2*i)
	if i < 0 || !ok {
		return
	}
	var room [20]byte
	for {
		next := listpack.Next(p, at)
		if !fn(listpack.At(p, at).Text(room[:0]), p.score(next)) {
			return
		}
		switch {
		case !back:
			if at = listpack.Next(p, next); at >= listpack.End(p) {
				return
			}
		case at == listpack.HeaderSize:
			return
		default:
			at = listpack.Prev(p, listpack.Prev(p, at))
		}
	}
}

// search is the number of elements that before holds for; it must hold for none behind one that it doesn't hold for.
func (p packedZSet) search(before func(member []byte, score float64) bool) int {
	n := 0
	p.each(0, false, func(member []byte, score float64) bool {
		if !before(member, score) {
			return false
		}
		n++
		return true
	})
	return n
}

// offset is the position in the listpack of element i, or the end.
func (p packedZSet) offset(i int) int {
	if at, ok := listpack.Seek(p, 2*i); ok {
		return at
	}
	return listpack.End(p)
}

// insert puts an element where it belongs.
func (p packedZSet) insert(room listpack.Room, member []byte, score float64) packedZSet {
	at := p.offset(p.search(func(m []byte, s float64) bool { return compareElements(m, s, member, score) < 0 }))
	return listpack.Splice(p, room, at, at, 0, member, packedScore(score))
}

// removeAt removes n elements from number i on.
func (p packedZSet) removeAt(room listpack.Room, i, n int) packedZSet {
	return listpack.Splice(p, room, p.offset(i), p.offset(i+n), 2*n)
}

// packedScore is a score as it stands in a listpack: an integer of up to 62 bits as such, any other number with 17 digits.
func packedScore(score float64) []byte {
	const most = float64(math.MaxInt64 / 2)
	if -most <= score && score <= most && score == math.Trunc(score) {
		return strconv.AppendInt(nil, int64(score), 10)
	}
	return resp.AppendDouble(nil, score)
}

func (p packedZSet) digest() uint64 {
	var sum uint64
	p.each(0, false, func(member []byte, score float64) bool {
		sum += zsetDigest(member, score)
		return true
	})
	return sum
}
