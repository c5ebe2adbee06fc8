package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/pubsub"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// bussed is a cluster of two shards on a bus: the primary and a replica of the first one, the primary of the second. The second shard's log can be stopped.
type bussed struct {
	*testing.T
	first, replica, second *member
	gate                   *memlog.Gate
}

func newBussed(t *testing.T) *bussed {
	var exchange pubsub.Exchange
	b := &bussed{T: t, gate: &memlog.Gate{}}
	logs, gated := memlog.New(nil), memlog.New(b.gate)
	on := func(shard string) func(*engine.Config) {
		return func(c *engine.Config) { c.Bus = exchange.Join(shard) }
	}
	b.first, b.replica = openNode(t, logs.Shard("1"), "first", on("1")), openNode(t, logs.Shard("1"), "replica", on("1"))
	b.second = openNode(t, gated.Shard("2"), "second", on("2"))
	b.first.promote(t)
	b.second.promote(t)
	node := func(m *member, role cluster.Role) cluster.Node {
		host, port, _ := strings.Cut(m.addr, ":")
		n := cluster.Node{ID: m.id, IP: host, Role: role}
		if _, err := fmt.Sscan(port, &n.Port); err != nil {
			t.Fatal(err)
		}
		return n
	}
	m := cluster.Map{Epoch: 1, Shards: []cluster.Shard{
		{ID: "1", Epoch: 1, Slots: []cluster.Range{{First: 0, Last: 8191}}, Nodes: []cluster.Node{node(b.first, cluster.Primary), node(b.replica, cluster.Replica)}},
		{ID: "2", Epoch: 1, Slots: []cluster.Range{{First: 8192, Last: 16383}}, Nodes: []cluster.Node{node(b.second, cluster.Primary)}},
	}}
	for _, n := range []*member{b.first, b.replica, b.second} {
		if err := n.SetMap(m); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() error {
		if st := b.replica.Status(); st.Role != shard.Replica {
			return fmt.Errorf("the replica is %+v", st)
		}
		return nil
	})
	return b
}

// low and high are names of slots of the first and of the second shard.
const (
	low  = "{06S}"  // slot 0
	high = "{high}" // slot 14098
)

func (b *bussed) dial(m *member) *peer { return (&hazards{T: b.T, member: m}).dial() }

func TestMessagesReachTheWholeCluster(t *testing.T) {
	b := newBussed(t)
	var heard []*peer
	for _, m := range []*member{b.first, b.replica, b.second} {
		p := b.dial(m)
		p.ask("SUBSCRIBE news")
		heard = append(heard, p)
		p = b.dial(m)
		p.ask("PSUBSCRIBE n?ws")
		heard = append(heard, p)
	}
	publisher := b.dial(b.second)
	if got := publisher.ask("PUBLISH news told"); got != ":2" { // as in Redis: of this node
		t.Errorf("PUBLISH = %s", got)
	}
	for i, p := range heard {
		if got := p.reply(); !strings.HasSuffix(got, `$"told"`) {
			t.Errorf("listener %d hears %s", i, got)
		}
	}
	publisher.ask("PUBLISH other x", "PUBLISH news again")
	for i, p := range heard {
		if got := p.reply(); !strings.HasSuffix(got, `$"again"`) {
			t.Errorf("listener %d hears %s", i, got)
		}
	}
	if got := b.dial(b.first).ask("PUBSUB NUMSUB news"); !strings.HasSuffix(got, ":1") {
		t.Errorf("PUBSUB NUMSUB counts %s, want the node's own", got)
	}
}

func TestShardedMessagesStayInTheirShard(t *testing.T) {
	b := newBussed(t)
	onPrimary, onReplica := b.dial(b.first), b.dial(b.replica)
	onPrimary.ask("SSUBSCRIBE " + low + "news")
	onReplica.ask("SSUBSCRIBE " + low + "news")
	plain := b.dial(b.first)
	plain.ask("SUBSCRIBE " + low + "news")
	if got := b.dial(b.second).ask("SSUBSCRIBE " + low + "news"); !strings.HasPrefix(got, "-MOVED 0 ") || !strings.HasSuffix(got, b.first.addr) {
		t.Errorf("SSUBSCRIBE of another shard's channel = %s", got)
	}
	if got := b.dial(b.first).ask("SSUBSCRIBE " + low + "a {07S}b"); !strings.HasPrefix(got, "-CROSSSLOT") {
		t.Errorf("SSUBSCRIBE of two slots = %s", got)
	}
	if got := b.dial(b.second).ask("SPUBLISH " + low + "news x"); !strings.HasPrefix(got, "-MOVED") {
		t.Errorf("SPUBLISH of another shard's channel = %s", got)
	}
	if got := b.dial(b.first).ask("SPUBLISH " + low + "news told"); got != ":1" {
		t.Errorf("SPUBLISH = %s", got)
	}
	for _, p := range []*peer{onPrimary, onReplica} {
		if got := p.reply(); !strings.HasSuffix(got, `$"told"`) || !strings.Contains(got, "smessage") {
			t.Errorf("heard %s", got)
		}
	}
	plain.silent("a sharded message on a plain channel of that name")
}

// A message behind a write reaches other nodes once the write is durable; a node that is closed is no hindrance.
func TestMessagesOnTheBusWaitForTheLog(t *testing.T) {
	b := newBussed(t)
	far := b.dial(b.first)
	far.ask("SUBSCRIBE news")
	b.gate.Close()
	writer := b.dial(b.second)
	writer.send("SET "+high+" v", "PUBLISH news told")
	(&hazards{T: t, member: b.second}).waitHeld(b.dial(b.second), 1)
	far.silent("a message behind a write of another node")
	if got := b.dial(b.second).ask("PUBLISH news free"); got != ":0" {
		t.Errorf("PUBLISH = %s", got)
	}
	if got := far.reply(); !strings.HasSuffix(got, `$"free"`) {
		t.Errorf("heard %s, want what depends on nothing", got)
	}
	b.gate.Open()
	if got := far.reply(); !strings.HasSuffix(got, `$"told"`) {
		t.Errorf("heard %s", got)
	}
	if err := b.replica.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	if got := b.dial(b.second).ask("PUBLISH news on"); got != ":0" {
		t.Errorf("PUBLISH = %s", got)
	}
	if got := far.reply(); !strings.HasSuffix(got, `$"on"`) {
		t.Errorf("heard %s", got)
	}
}
