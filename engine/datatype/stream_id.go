package datatype

import (
	"bytes"
	"cmp"
	"math"
	"math/bits"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// StreamID names an entry of a stream: a time in milliseconds and a number within it. The zero value is less than the id of any entry.
type StreamID struct{ MS, Seq uint64 }

var maxStreamID = StreamID{math.MaxUint64, math.MaxUint64}

const (
	errStreamID      resp.Error = "ERR Invalid stream ID specified as stream command argument"
	errIntervalStart resp.Error = "ERR invalid start ID for the interval"
	errIntervalEnd   resp.Error = "ERR invalid end ID for the interval"
)

// Compare is -1, 0 or 1 if id is less than, equal to or greater than other.
func (id StreamID) Compare(other StreamID) int {
	if id.MS != other.MS {
		return cmp.Compare(id.MS, other.MS)
	}
	return cmp.Compare(id.Seq, other.Seq)
}

// Less says whether id comes before other.
func (id StreamID) Less(other StreamID) bool { return id.Compare(other) < 0 }

// Append appends the id's text to b.
func (id StreamID) Append(b []byte) []byte {
	b = strconv.AppendUint(b, id.MS, 10)
	b = append(b, '-')
	return strconv.AppendUint(b, id.Seq, 10)
}

// String is the id's text.
func (id StreamID) String() string { return string(id.Append(nil)) }

// next is the id after id; ok is false if id is the last one.
func (id StreamID) next() (_ StreamID, ok bool) {
	switch {
	case id.Seq < math.MaxUint64:
		return StreamID{id.MS, id.Seq + 1}, true
	case id.MS < math.MaxUint64:
		return StreamID{id.MS + 1, 0}, true
	}
	return StreamID{}, false
}

// prev is the id before id; ok is false if id is the first one.
func (id StreamID) prev() (_ StreamID, ok bool) {
	switch {
	case id.Seq > 0:
		return StreamID{id.MS, id.Seq - 1}, true
	case id.MS > 0:
		return StreamID{id.MS - 1, math.MaxUint64}, true
	}
	return maxStreamID, false
}

// parseStreamID reads an id; seq is the number of one that only gives the time. "-" and "+" are not allowed.
func parseStreamID(text []byte, seq uint64) (StreamID, error) {
	id, _, err := readStreamID(text, seq, true, false)
	return id, err
}

// parseAutoID reads an id of which XADD may choose the number: "1700000000000-*".
func parseAutoID(text []byte) (id StreamID, auto bool, err error) {
	return readStreamID(text, 0, true, true)
}

// parseStart reads the first id of a range, exclusive if it begins with "(".
func parseStart(text []byte) (StreamID, error) {
	id, exclusive, err := parseBound(text, 0)
	if err == nil && exclusive {
		var ok bool
		if id, ok = id.next(); !ok {
			return id, errIntervalStart
		}
	}
	return id, err
}

// parseEnd reads the last id of a range.
func parseEnd(text []byte) (StreamID, error) {
	id, exclusive, err := parseBound(text, math.MaxUint64)
	if err == nil && exclusive {
		var ok bool
		if id, ok = id.prev(); !ok {
			return id, errIntervalEnd
		}
	}
	return id, err
}

func parseBound(text []byte, seq uint64) (id StreamID, exclusive bool, err error) {
	if len(text) > 1 && text[0] == '(' {
		id, err = parseStreamID(text[1:], seq)
		return id, true, err
	}
	id, _, err = readStreamID(text, seq, false, false)
	return id, false, err
}

// maxIDText is the length beyond which Redis does not look at an id.
const maxIDText = 127

// readStreamID reads an id as Redis does: up to the first zero byte, in decimal digits as C's strtoull takes them.
func readStreamID(text []byte, seq uint64, strict, mayAuto bool) (id StreamID, auto bool, err error) {
	if len(text) > maxIDText {
		return id, false, errStreamID
	}
	if end := bytes.IndexByte(text, 0); end >= 0 {
		text = text[:end]
	}
	if len(text) == 1 && !strict {
		switch text[0] {
		case '-':
			return StreamID{}, false, nil
		case '+':
			return maxStreamID, false, nil
		}
	}
	ms, number, both := bytes.Cut(text, []byte("-"))
	var ok bool
	if id.MS, ok = parseIDPart(ms); !ok {
		return id, false, errStreamID
	}
	switch {
	case !both:
		id.Seq = seq
	case mayAuto && string(number) == "*":
		return id, true, nil
	default:
		if id.Seq, ok = parseIDPart(number); !ok {
			return id, false, errStreamID
		}
	}
	return id, false, nil
}

// parseIDPart is Redis's string2ull: an integer that isn't negative, else whatever strtoull takes, which allows spaces and a sign before the digits.
func parseIDPart(b []byte) (uint64, bool) {
	if n, ok := command.IntText(b); ok {
		return uint64(n), n >= 0
	}
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	minus := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		minus = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || n > math.MaxUint64/10 || n*10 > math.MaxUint64-d {
			return 0, false
		}
		n = n*10 + d
	}
	if minus {
		n = -n
	}
	return n, true
}

// replyID answers an id.
func replyID(c *command.Call, id StreamID) {
	var room [41]byte
	c.Reply.Bulk(id.Append(room[:0]))
}

// commonBytes is the number of bytes that two ids have in common at the front, where an id is two big-endian numbers.
func commonBytes(a, b StreamID) int {
	if a.MS != b.MS {
		return bits.LeadingZeros64(a.MS^b.MS) / 8
	}
	return 8 + bits.LeadingZeros64(a.Seq^b.Seq)/8
}
