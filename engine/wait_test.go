package engine_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// WAIT counts the replicas that have applied what the connection has written.
func TestWaitCountsReplicas(t *testing.T) {
	memory := memlog.New(nil)
	b := openNode(t, memory.Shard("s"), "b", nil)
	var asked atomic.Int64
	var deaf atomic.Bool // the replica is not heard of
	a := openNode(t, memory.Shard("s"), "a", func(c *engine.Config) {
		c.ReplicasAt = func(pos txlog.Pos) int {
			asked.Add(1)
			if st := b.Status(); !deaf.Load() && st.Role == shard.Replica && st.Applied >= pos {
				return 1
			}
			return 0
		}
	})
	a.promote(t)
	publish(t, 1, a, a, b)
	p, other := (&hazards{T: t, member: a}).dial(), (&hazards{T: t, member: a}).dial()
	if got := p.ask("SET k v", "WAIT 1 0"); got != ":1" {
		t.Errorf("WAIT 1 0 = %s", got)
	}
	if got := p.ask("WAIT 2 10"); got != ":1" {
		t.Errorf("WAIT 2 10 = %s", got)
	}
	if got := p.ask("WAITAOF 1 1 0"); got != "*2\n  :1\n  :1" {
		t.Errorf("WAITAOF 1 1 0 = %s", got)
	}
	deaf.Store(true)
	p.send("SET k w", "WAIT 1 0", "GET k")
	if got := p.reply(); got != "+OK" {
		t.Errorf("SET = %s", got)
	}
	eventually(t, func() error {
		if !strings.Contains(other.ask("INFO clients"), `blocked_clients:1\r`) {
			return fmt.Errorf("WAIT does not block")
		}
		return nil
	})
	before := asked.Load()
	eventually(t, func() error {
		if asked.Load() < before+3 {
			return fmt.Errorf("the replica is not asked again")
		}
		return nil
	})
	deaf.Store(false)
	if got := p.reply(); got != ":1" {
		t.Errorf("WAIT 1 0 = %s", got)
	}
	if got := p.reply(); got != `$"w"` {
		t.Errorf("GET k = %s", got)
	}
	r := (&hazards{T: t, member: b}).dial()
	if got := r.ask("WAIT 0 0"); !strings.HasPrefix(got, "-ERR WAIT cannot be used with replica instances.") {
		t.Errorf("WAIT on a replica = %s", got)
	}
}

// A client that waits for a key when another node takes over is told that nothing was executed, and disconnected; on a replica that is promoted it goes on waiting.
func TestBlockedClientsSurviveFailover(t *testing.T) {
	memory := memlog.New(nil)
	a, b := openNode(t, memory.Shard("s"), "a", nil), openNode(t, memory.Shard("s"), "b", nil)
	a.promote(t)
	publish(t, 1, a, a, b)
	ha, hb := &hazards{T: t, member: a}, &hazards{T: t, member: b}
	onOld, onNew := ha.dial(), hb.dial()
	onNew.ask("READONLY")
	for p, h := range map[*peer]*hazards{onOld: ha, onNew: hb} {
		p.send("XREAD BLOCK 0 STREAMS s $", "PING")
		other := h.dial()
		eventually(t, func() error {
			if !strings.Contains(other.ask("INFO clients"), `blocked_clients:1\r`) {
				return fmt.Errorf("not blocked yet")
			}
			return nil
		})
	}
	eventually(t, func() error { return b.Promote(soon(t)) }) // once it has caught up
	publish(t, 2, b, a, b)
	if got := onOld.reply(); !strings.HasPrefix(got, "-UNBLOCKED force unblock from blocking operation") && !strings.HasPrefix(got, "-MOVED") {
		t.Errorf("the client of the old primary gets %s", got)
	} else if strings.HasPrefix(got, "-UNBLOCKED") {
		if line, err := onOld.r.ReadString('\n'); err == nil {
			t.Errorf("got %q behind UNBLOCKED, want that the connection is closed", line)
		}
	}
	hb.dial().ask("XADD s 1-1 f v")
	if got := onNew.reply(); !strings.Contains(got, `"1-1"`) {
		t.Errorf("the client of the new primary gets %s", got)
	}
	if got := onNew.reply(); got != "+PONG" {
		t.Errorf("PING = %s", got)
	}
}
