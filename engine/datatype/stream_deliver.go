package datatype

import (
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
)

// delivery gives entries of a stream to a consumer, and logs what that changes: by XCLAIM with time and number of deliveries, XGROUP CREATECONSUMER, XGROUP SETID
// and XACK, which come to the same whenever they are replayed.
type delivery struct {
	c        *command.Call
	key      []byte
	s        *Stream
	g        *StreamGroup
	consumer *StreamConsumer

	changed, created, moved bool
	deliveries              uint64   // of the claims
	claims                  [][]byte // words of an XCLAIM that is to be logged
	time                    int64
	acks                    [][]byte
}

// replaying says that a call comes from the log.
func replaying(c *command.Call) bool { return c.Client == nil }

// greet finds or makes the consumer, which is heard of.
func (d *delivery) greet(name []byte) {
	if d.consumer = d.g.Consumer(name); d.consumer != nil {
		d.consumer.Seen = d.c.Now
		return
	}
	d.consumer = d.g.AddConsumer(name, d.c.Now)
	d.created = true
	d.tell("xgroup-createconsumer")
	d.c.Propagate([]byte("xgroup"), []byte("createconsumer"), d.key, []byte(d.g.name), name)
}

// tell says that the stream has changed.
func (d *delivery) tell(event string) {
	if !d.changed {
		d.changed = true
		d.c.ChangedUnwatched(d.key, 't', event)
	} else if event != "" {
		d.c.Event('t', event, d.key)
	}
}

// fresh answers the entries from an id on as new ones of the group. With noAck they don't become pending.
func (d *delivery) fresh(start StreamID, count int64, noAck bool) {
	it := d.s.iterate(start, maxStreamID, false)
	n := int64(0)
	for again := it; (count == 0 || n < count) && again.next(); {
		n++
	}
	d.c.Reply.Array(int(n))
	for range n {
		it.next()
		if d.g.Last.Less(it.id) {
			d.g.advance(it.id)
			d.moved = true
		}
		replyEntry(d.c, &it)
		if !noAck {
			d.claim(it.id, d.c.Now, 1)
		}
	}
}

// again answers the entries pending for the consumer from an id on, as delivered once more.
func (d *delivery) again(start StreamID, count int64) {
	n := int64(0)
	for at := d.consumer.pending.seek(start); at.ok && (count == 0 || n < count); at.next() {
		n++
	}
	d.c.Reply.Array(int(n))
	at := d.consumer.pending.seek(start)
	for range n {
		id := at.id()
		at.next()
		if it, ok := d.s.entry(id); ok {
			replyEntry(d.c, &it)
			d.claim(id, d.c.Now, d.deliveriesOf(id)+1)
			continue
		}
		d.c.Reply.Array(2)
		replyID(d.c, id)
		d.c.Reply.NullArray()
	}
}

func (d *delivery) deliveriesOf(id StreamID) uint64 {
	value, _ := d.g.pending.get(id)
	return pendingEntry(value).count()
}

// claim makes an entry pending for the consumer. One that is so already keeps its place in the trees: cursors hold.
func (d *delivery) claim(id StreamID, time int64, deliveries uint64) {
	d.g.deliver(id, d.consumer, time, deliveries)
	d.tell("")
	if len(d.claims) > 0 && deliveries != d.deliveries {
		d.logClaims()
	}
	if len(d.claims) == 0 {
		d.claims = append(d.claims, []byte("xclaim"), d.key, []byte(d.g.name), []byte(d.consumer.name), []byte("0"))
	}
	d.claims = append(d.claims, id.Append(nil))
	d.deliveries, d.time = deliveries, time
}

// acknowledge takes a pending entry away whose entry is gone.
func (d *delivery) acknowledge(id StreamID) {
	d.g.acknowledge(id)
	d.tell("")
	if d.acks == nil {
		d.acks = append(d.acks, []byte("xack"), d.key, []byte(d.g.name))
	}
	d.acks = append(d.acks, id.Append(nil))
}

func (d *delivery) logClaims() {
	words := append(d.claims, []byte("time"), strconv.AppendInt(nil, d.time, 10), []byte("retrycount"), strconv.AppendUint(nil, d.deliveries, 10), []byte("force"), []byte("justid"))
	d.c.Propagate(words...)
	d.claims = d.claims[:0]
}

// log logs what has changed since.
func (d *delivery) log() {
	if len(d.claims) > 0 {
		d.logClaims()
	}
	if d.acks != nil {
		d.c.Propagate(d.acks...)
	}
	if d.moved {
		d.tell("")
		d.c.Propagate([]byte("xgroup"), []byte("setid"), d.key, []byte(d.g.name), d.g.Last.Append(nil), []byte("entriesread"), strconv.AppendInt(nil, d.g.EntriesRead, 10))
	}
}
