package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// Producers and consumers that wait, while the lead hops between three nodes and the log holds back and fails: no element is given twice, and none is lost but to a
// consumer whose connection ended without a reply.
func TestBlockedConsumersWhileTheLeadHops(t *testing.T) {
	eachSeed(t, 2, func(t *testing.T, seed uint64) {
		gate := &memlog.Gate{}
		memory := memlog.New(gate)
		tr := &trial{t: t, done: make(chan struct{}), world: world{
			open:  func() txlog.Log { return memory.Shard("s") },
			hold:  func() func() { gate.Close(); return gate.Open },
			fails: func() func() { gate.Fail(); return gate.Open },
		}}
		for _, name := range []string{"a", "b", "c"} {
			tr.add(openNode(t, tr.open(), name, nil))
		}
		tr.nodes[0].promote(t)
		publish(t, tr.epoch.Add(1), tr.nodes[0], tr.nodes...)
		q := &queueTrial{trial: tr, added: map[string]bool{}, given: map[string]bool{}}
		var clients, chaos sync.WaitGroup
		for i := range 4 {
			clients.Go(func() { q.produce(i, rand.New(rand.NewPCG(seed, uint64(i)))) })
			clients.Go(func() { q.consume(rand.New(rand.NewPCG(seed, uint64(10+i)))) })
		}
		chaos.Go(func() { tr.promotions(rand.New(rand.NewPCG(seed, 100))) })
		chaos.Go(func() { tr.disturbances(rand.New(rand.NewPCG(seed, 101))) })
		pause(context.Background(), trialTime)
		close(tr.done)
		chaos.Wait()
		last := tr.nodes[seed%3]
		eventually(t, func() error { return last.Promote(soon(t)) })
		publish(t, tr.epoch.Add(1), last, tr.nodes...)
		clients.Wait()
		left := q.drain(last)
		lost := 0
		for e := range q.added {
			if !q.given[e] {
				lost++
			}
		}
		if int64(lost) > q.unknown.Load() {
			t.Errorf("%d elements are lost, and only %d replies were", lost, q.unknown.Load())
		}
		t.Logf("%d elements, %d given, %d of them at the end, %d lost with %d replies; %d unblocked, %d promotions", len(q.added), len(q.given), left, lost, q.unknown.Load(),
			q.unblocked.Load(), tr.led.Load())
		tr.sameEverywhere(last)
	})
}

type queueTrial struct {
	*trial
	unknown, unblocked atomic.Int64 // replies of consumers that were lost, or said that nothing was executed

	mu    sync.Mutex
	added map[string]bool // acknowledged
	given map[string]bool
}

// hopper is a client that goes from node to node until one answers.
type hopper struct {
	q   *queueTrial
	rnd *rand.Rand
	nc  net.Conn
	r   *bufio.Reader
}

// ask sends a request; ok is false if the connection ended without a reply. MOVED and refusals are asked again elsewhere, while the trial goes on.
func (h *hopper) ask(words string) (v enginetest.Reply, ok bool) {
	for {
		if h.nc == nil {
			nc, err := net.Dial("tcp", h.q.nodes[h.rnd.IntN(len(h.q.nodes))].addr)
			if err != nil {
				h.q.t.Error(err)
				return v, false
			}
			h.nc, h.r = nc, bufio.NewReader(nc)
		}
		h.nc.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := h.nc.Write([]byte(words + "\r\n")); err != nil {
			h.drop()
			return v, false
		}
		v, err := enginetest.ReadReply(h.r)
		if err != nil {
			h.drop()
			return v, false
		}
		if v.Kind != '-' {
			return v, true
		}
		if strings.HasPrefix(v.Text, "UNBLOCKED") {
			h.q.unblocked.Add(1)
		}
		h.drop() // nothing was executed
		pause(context.Background(), upTo(h.rnd, 2*time.Millisecond)+1)
	}
}

func (h *hopper) drop() {
	h.nc.Close()
	h.nc = nil
}

func (q *queueTrial) produce(i int, rnd *rand.Rand) {
	h := &hopper{q: q, rnd: rnd}
	for n := 0; !q.over(); n++ {
		e := fmt.Sprintf("e%d-%d", i, n)
		if _, ok := h.ask("ZADD q 1 " + e); ok {
			q.mu.Lock()
			q.added[e] = true
			q.mu.Unlock()
		}
		pause(context.Background(), upTo(rnd, time.Millisecond)+1)
	}
	if h.nc != nil {
		h.drop()
	}
}

func (q *queueTrial) consume(rnd *rand.Rand) {
	h := &hopper{q: q, rnd: rnd}
	for !q.over() {
		v, ok := h.ask("BZPOPMIN q 0.05")
		switch {
		case !ok:
			q.unknown.Add(1)
		case len(v.Items) == 3:
			q.give(v.Items[1].Text)
		}
	}
	if h.nc != nil {
		h.drop()
	}
}

func (q *queueTrial) give(e string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.given[e] {
		q.t.Errorf("%s is given twice", e)
	}
	q.given[e] = true
}

// drain takes what is left.
func (q *queueTrial) drain(n *member) (count int) {
	p := (&hazards{T: q.t, member: n}).dial()
	for {
		p.send("ZPOPMIN q")
		p.nc.SetReadDeadline(time.Now().Add(20 * time.Second))
		v, err := enginetest.ReadReply(p.r)
		if err != nil || v.Kind == '-' {
			q.t.Fatalf("ZPOPMIN: %v, %v", v, err)
		}
		if len(v.Items) == 0 {
			return count
		}
		count++
		q.give(v.Items[0].Text)
	}
}
