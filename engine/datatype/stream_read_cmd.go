package datatype

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var streamReadCommands = []command.Spec{
	{Name: "xread", Arity: -4, Flags: command.ReadOnly | command.Blocking, Group: command.Stream,
		Keys:  []command.KeySpec{{Keyword: "STREAMS", From: 1, Last: -1, Limit: 2, Flags: command.RO | command.Access, Find: xreadKeys}},
		Since: "5.0.0", Args: "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
		Complexity: "O(N) for each stream, where N is the number of entries returned", Summary: "Returns the entries of streams after given ids, and may wait for them.", Run: xread},
	{Name: "xreadgroup", Arity: -7, Flags: command.Write | command.Blocking, Group: command.Stream,
		Keys:  []command.KeySpec{{Keyword: "STREAMS", From: 4, Last: -1, Limit: 2, Flags: command.RO | command.Access, Find: xreadKeys}},
		Since: "5.0.0", Args: "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]",
		Complexity: "O(N) for each stream, where N is the number of entries returned",
		Summary:    "Returns the entries of streams that a group has not read, or that are pending for a consumer, and may wait for them.", Run: xread},
}

const (
	errReadGroupOption resp.Error = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."
	errReadNoAck       resp.Error = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."
	errReadUnbalanced  resp.Error = "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."
	errReadNoGroup     resp.Error = "ERR Missing GROUP option for XREADGROUP"
	errReadLast        resp.Error = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, " +
		"or use the > ID to get new messages. The $ ID would just return an empty result set."
	errReadNew resp.Error = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."

	errTimeout         resp.Error = "ERR timeout is not an integer or out of range"
	errTimeoutNegative resp.Error = "ERR timeout is negative"

	errStreamGone resp.Error = "UNBLOCKED the stream key no longer exists"
	errGroupGone  resp.Error = "NOGROUP the consumer group this client was blocked on no longer exists"
)

// blockedCount is the most entries that a call which has waited returns unless it says COUNT.
const blockedCount = 1000

// streamRead is what XREAD and XREADGROUP are asked for.
type streamRead struct {
	ofGroup, noAck, blocks bool
	timeout, count         int64
	group, consumer        []byte
	keys, ids              [][]byte // as many of both
}

func parseRead(c *command.Call) (r streamRead, err error) {
	r.ofGroup = c.Spec.Name == "xreadgroup"
	for a := c.Args(1); a.More() && r.keys == nil; {
		switch {
		case a.FlagWith("block"):
			if c.Nested() {
				return r, resp.Errorf("ERR %s command is not allowed with BLOCK option from scripts", c.Argv[0])
			}
			word, _ := a.Next()
			if r.timeout, err = command.ParseInt(word); err != nil {
				return r, errTimeout
			}
			if r.timeout < 0 {
				return r, errTimeoutNegative
			}
			r.blocks = true
		case a.FlagWith("count"):
			if r.count, err = a.Int(); err != nil {
				return r, err
			}
			r.count = max(r.count, 0)
		case a.FlagWith("streams"):
			rest := a.Rest()
			if len(rest)%2 == 1 {
				return r, errReadUnbalanced
			}
			r.keys, r.ids = rest[:len(rest)/2], rest[len(rest)/2:]
		case a.Left() >= 3 && a.Flag("group"):
			if !r.ofGroup {
				return r, errReadGroupOption
			}
			r.group, _ = a.Next()
			r.consumer, _ = a.Next()
		case a.Flag("noack"):
			if !r.ofGroup {
				return r, errReadNoAck
			}
			r.noAck = true
		default:
			return r, resp.ErrSyntax
		}
	}
	switch {
	case r.keys == nil:
		return r, resp.ErrSyntax
	case r.ofGroup && r.group == nil:
		return r, errReadNoGroup
	}
	return r, nil
}

// xreadKeys finds the keys of XREAD and XREADGROUP as Redis does when it routes them: a group or a consumer may have the name "streams", and a request with a key
// too many has none.
func xreadKeys(argv [][]byte, keys []command.Key) ([]command.Key, error) {
	at := 1
	for ; at < len(argv); at++ {
		switch word := argv[at]; {
		case bytes.EqualFold(word, []byte("block")), bytes.EqualFold(word, []byte("count")):
			at++
		case bytes.EqualFold(word, []byte("group")):
			at += 2
		case bytes.EqualFold(word, []byte("noack")):
		case bytes.EqualFold(word, []byte("streams")):
			if n := len(argv) - at - 1; n%2 == 0 {
				for i := range n / 2 {
					keys = append(keys, command.Key{Index: at + 1 + i, Flags: command.RO | command.Access})
				}
			}
			return keys, nil
		default:
			return keys, nil
		}
	}
	return keys, nil
}

// wanted is what is to be read of one stream: the entries after an id, or for a group the new ones, or those pending for the consumer after the id.
type wanted struct {
	after StreamID
	fresh bool // the group's new ones
}

func xread(c *command.Call) error {
	r, err := parseRead(c)
	if err != nil {
		return err
	}
	if c.Ready != nil {
		return r.goOn(c)
	}
	wants := make([]wanted, len(r.keys))
	for i := range wants {
		if wants[i], err = r.resolve(c, i); err != nil {
			return err
		}
	}
	served := 0
	mark := c.Reply.Len()
	for i, want := range wants {
		s, err := readStream(c, r.keys[i])
		if err != nil {
			return err
		}
		if s == nil || !r.finds(s, &want) {
			continue
		}
		if served++; served == 1 && len(wants) == 1 {
			r.head(c, 1)
		}
		r.serve(c, r.keys[i], s, want, r.count)
	}
	switch {
	case served > 0 && len(wants) > 1: // the number is known only now
		body := bytes.Clone(c.Reply.Bytes()[mark:])
		c.Reply.Cut(mark)
		r.head(c, served)
		c.Reply.Raw(body)
		return nil
	case served > 0:
		return nil
	case !r.blocks:
		c.Reply.NullArray()
		return nil
	}
	return r.wait(c, wants)
}

// resolve reads the id of the stream i.
func (r *streamRead) resolve(c *command.Call, i int) (want wanted, err error) {
	s, err := readStream(c, r.keys[i])
	if err != nil {
		return want, err
	}
	if r.ofGroup && (s == nil || s.Group(r.group) == nil) {
		return want, resp.Errorf("NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option", cString(r.keys[i]), cString(r.group))
	}
	switch word := string(cString(r.ids[i])); {
	case word == "$" && r.ofGroup:
		return want, errReadLast
	case word == "$":
		if s != nil {
			want.after = s.Last
		}
		return want, nil
	case word == ">" && !r.ofGroup:
		return want, errReadNew
	case word == ">":
		want.fresh = true
		return want, nil
	}
	want.after, err = parseStreamID(r.ids[i], 0)
	if r.ofGroup && want.after == maxStreamID { // as Redis marks the new ones
		want.fresh = true
	}
	return want, err
}

// finds says whether there is something to be answered of a stream at once.
func (r *streamRead) finds(s *Stream, want *wanted) bool {
	switch {
	case want.fresh:
		want.after = s.Group(r.group).Last
	case r.ofGroup:
		return true
	}
	return s.Length > 0 && want.after.Less(s.top())
}

// wait makes the call wait. An id that is the stream's last one now stays that one while it waits.
func (r *streamRead) wait(c *command.Call, wants []wanted) error {
	if c.MayBlock && !r.ofGroup {
		for i, want := range wants {
			r.ids[i] = want.after.Append(nil) // a part of c.Argv
		}
	}
	return c.Block(command.Wait{Keys: r.keys, Type: keyspace.Stream, Gone: r.ofGroup, Timeout: r.timeout})
}

// goOn is executed when a stream for which the call has waited may have something for it.
func (r *streamRead) goOn(c *command.Call) error {
	v, found := c.DB.LookupWrite(c.Ready)
	if !found || v.Type != keyspace.Stream {
		if r.ofGroup {
			return errStreamGone
		}
		return r.wait(c, nil)
	}
	s := OpenStream(v)
	var want wanted
	if r.ofGroup {
		g := s.Group(r.group)
		if g == nil {
			return errGroupGone
		}
		want = wanted{g.Last, true}
	} else {
		for i, key := range r.keys {
			if bytes.Equal(key, c.Ready) {
				want.after, _ = parseStreamID(r.ids[i], 0)
				break
			}
		}
	}
	if s.Length == 0 || !want.after.Less(s.top()) {
		return r.wait(c, nil) // something else of the stream has changed
	}
	count := r.count
	if count == 0 {
		count = blockedCount
	}
	r.head(c, 1)
	r.serve(c, c.Ready, s, want, count)
	return nil
}

// head begins the answer of n streams.
func (r *streamRead) head(c *command.Call, n int) {
	if c.Reply.RESP3() {
		c.Reply.Map(n)
	} else {
		c.Reply.Array(n)
	}
}

// serve answers one stream: its name and entries.
func (r *streamRead) serve(c *command.Call, key []byte, s *Stream, want wanted, count int64) {
	if !c.Reply.RESP3() {
		c.Reply.Array(2)
	}
	c.Reply.Bulk(key)
	start, _ := want.after.next()
	if !r.ofGroup {
		replyEntries(c, s.iterate(start, maxStreamID, false), count)
		return
	}
	defer settle(c, key, s)()
	d := delivery{c: c, key: key, s: s, g: s.Group(r.group)}
	d.greet(r.consumer)
	if want.fresh {
		d.fresh(start, count, r.noAck)
	} else {
		d.again(start, count)
	}
	d.log()
}

// cString is what C takes for the string: up to the first zero byte.
func cString(b []byte) []byte {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		return b[:end]
	}
	return b
}
