package datatype

import (
	"math"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var streamClaimCommands = []command.Spec{
	{Name: "xautoclaim", Arity: -6, Flags: command.Write | command.Fast, Group: command.Stream, Tips: streamTips,
		Keys: command.KeyAt(1, command.RW|command.Delete), Since: "6.2.0", Args: "key group consumer min-idle-time start [COUNT count] [JUSTID]",
		Complexity: "O(1) if COUNT is small", Summary: "Gives a consumer entries that have been pending for others for some time.", Run: xautoclaim},
	{Name: "xclaim", Arity: -6, Flags: command.Write | command.Fast, Group: command.Stream, Tips: streamTips,
		Keys: command.KeyAt(1, command.RW|command.Update), Since: "5.0.0",
		Args:       "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]",
		Complexity: "O(log N) where N is the number of entries pending in the group", Summary: "Gives a consumer entries that are pending for others.", Run: xclaim},
}

const (
	errClaimIdle     resp.Error = "ERR Invalid min-idle-time argument for XCLAIM"
	errClaimIdleOpt  resp.Error = "ERR Invalid IDLE option argument for XCLAIM"
	errClaimTime     resp.Error = "ERR Invalid TIME option argument for XCLAIM"
	errClaimRetries  resp.Error = "ERR Invalid RETRYCOUNT option argument for XCLAIM"
	errAutoClaimIdle resp.Error = "ERR Invalid min-idle-time argument for XAUTOCLAIM"
	errClaimCount    resp.Error = "ERR COUNT must be > 0"
)

// claimArgs are XCLAIM's words from the ids on.
type claimArgs struct {
	minIdle       int64
	ids           []StreamID
	time          int64 // -1: not given
	retries       int64 // -1: not given
	force, justID bool
	last          StreamID
}

// findClaimed is the stream and the group of a call that claims.
func findClaimed(c *command.Call) (*Stream, *StreamGroup, error) {
	s, err := readStream(c, c.Argv[1])
	if err != nil {
		return nil, nil, err
	}
	if s != nil {
		if g := s.Group(c.Argv[2]); g != nil {
			return s, g, nil
		}
	}
	return nil, nil, noGroup(c.Argv[1], c.Argv[2])
}

func parseClaim(c *command.Call) (x claimArgs, err error) {
	x = claimArgs{time: -1, retries: -1}
	if x.minIdle, err = command.ParseInt(c.Argv[4]); err != nil {
		return x, errClaimIdle
	}
	x.minIdle = max(x.minIdle, 0)
	a := c.Args(5)
	for a.More() {
		id, err := parseStreamID(a.Rest()[0], 0)
		if err != nil {
			break // where the options begin, perhaps
		}
		x.ids = append(x.ids, id)
		_, _ = a.Next()
	}
	for a.More() {
		switch {
		case a.Flag("force"):
			x.force = true
		case a.Flag("justid"):
			x.justID = true
		case a.FlagWith("idle"):
			n, err := a.Int()
			if err != nil {
				return x, errClaimIdleOpt
			}
			x.time = c.Now - n
		case a.FlagWith("time"):
			if x.time, err = a.Int(); err != nil {
				return x, errClaimTime
			}
		case a.FlagWith("retrycount"):
			if x.retries, err = a.Int(); err != nil {
				return x, errClaimRetries
			}
		case a.FlagWith("lastid"):
			word, _ := a.Next()
			if x.last, err = parseStreamID(word, 0); err != nil {
				return x, err
			}
		default:
			return x, resp.Errorf("ERR Unrecognized XCLAIM option '%s'", cString(a.Rest()[0]))
		}
	}
	// A time that makes no sense is now, but not on replay: the log's times are right, whatever this node's clock says.
	if x.time < 0 || x.time > c.Now && !replaying(c) {
		x.time = c.Now
	}
	return x, nil
}

func xclaim(c *command.Call) error {
	s, g, err := findClaimed(c)
	if err != nil {
		return err
	}
	x, err := parseClaim(c)
	if err != nil {
		return err
	}
	defer settle(c, c.Argv[1], s)()
	d := delivery{c: c, key: c.Argv[1], s: s, g: g}
	if g.Last.Less(x.last) {
		g.Last = x.last
		d.moved = true
	}
	var claimed []StreamID
	for _, id := range x.ids {
		if x.claim(&d, id) {
			claimed = append(claimed, id)
		}
	}
	c.Reply.Array(len(claimed))
	for _, id := range claimed {
		d.reply(id, x.justID)
	}
	d.log()
	return nil
}

// claim gives an entry to the call's consumer, and says whether it did.
func (x *claimArgs) claim(d *delivery, id StreamID) bool {
	value, pending := d.g.pending.get(id)
	if !d.s.has(id) {
		if pending {
			d.acknowledge(id)
		}
		return false
	}
	deliveries := uint64(1) // of one that FORCE makes pending
	switch {
	case pending:
		p := pendingEntry(value)
		if x.minIdle > 0 && d.c.Now-p.time() < x.minIdle {
			return false
		}
		deliveries = p.count()
	case !x.force:
		return false
	}
	if x.retries >= 0 {
		deliveries = uint64(x.retries)
	} else if !x.justID {
		deliveries++
	}
	if d.consumer == nil {
		d.greet(d.c.Argv[3])
		if replaying(d.c) {
			d.consumer.Seen = x.time
		}
	}
	d.claim(id, x.time, deliveries)
	return true
}

// reply answers a claimed entry.
func (d *delivery) reply(id StreamID, justID bool) {
	if justID {
		replyID(d.c, id)
		return
	}
	it, _ := d.s.entry(id)
	replyEntry(d.c, &it)
}

// attempts is how many pending entries XAUTOCLAIM looks at for each that it may claim.
const attempts = 10

func xautoclaim(c *command.Call) error {
	minIdle, err := command.ParseInt(c.Argv[4])
	if err != nil {
		return errAutoClaimIdle
	}
	start, err := parseStart(c.Argv[5])
	if err != nil {
		return err
	}
	count, justID := int64(100), false
	for a := c.Args(6); a.More(); {
		switch {
		case a.FlagWith("count"):
			n, err := a.Int()
			if err != nil || n < 1 || n > math.MaxInt64/16 {
				return errClaimCount
			}
			count = n
		case a.Flag("justid"):
			justID = true
		default:
			return resp.ErrSyntax
		}
	}
	s, g, err := findClaimed(c)
	if err != nil {
		return err
	}
	defer settle(c, c.Argv[1], s)()
	d := delivery{c: c, key: c.Argv[1], s: s, g: g}
	x := claimArgs{minIdle: max(minIdle, 0), time: c.Now, retries: -1, justID: justID}
	var claimed, deleted []StreamID
	at := g.pending.seek(start)
	for left := count * attempts; left > 0 && count > 0 && at.ok; left-- {
		id := at.id()
		if !s.has(id) {
			d.acknowledge(id)
			deleted = append(deleted, id)
			count--
			at = g.pending.seek(id)
			continue
		}
		if x.claim(&d, id) {
			claimed = append(claimed, id)
			count--
		}
		at.next()
	}
	var next StreamID
	if at.ok {
		next = at.id()
	}
	c.Reply.Array(3)
	replyID(c, next)
	c.Reply.Array(len(claimed))
	for _, id := range claimed {
		d.reply(id, justID)
	}
	c.Reply.Array(len(deleted))
	for _, id := range deleted {
		replyID(c, id)
	}
	d.log()
	return nil
}
