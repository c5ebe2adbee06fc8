package shard

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// Random pushes, pops, moves, transactions, waits and cancellations: nobody waits for a key that has something for it, no element is lost or given twice, who
// waits for one key is served in order, and a replica has the same keys.
func TestWaitersAtRandom(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := &randomWaiters{blockBench: newBlockBench(t), rand: rand.New(rand.NewPCG(seed, 1)), waiting: map[*Waiter]*randomWaiter{}, last: map[string]int{}, given: map[string]bool{}}
			for range 1500 {
				r.step()
				r.check()
			}
			r.same()
			left := 0
			for _, k := range randomKeys {
				v, _ := r.s.db.Peek([]byte(k))
				left += strings.Count(string(v.Bytes), ",")
			}
			if got := left + len(r.given); got != r.pushed {
				t.Errorf("%d elements were pushed, %d given and %d are left", r.pushed, len(r.given), left)
			}
		})
	}
}

var randomKeys = []string{"a", "b", "c", "d"}

type randomWaiters struct {
	*blockBench
	rand    *rand.Rand
	waiting map[*Waiter]*randomWaiter
	last    map[string]int // by key: the number of the single-key waiter that was served last
	given   map[string]bool
	pushed  int
	began   int
}

type randomWaiter struct {
	number int
	keys   []string
	move   bool
}

func (r *randomWaiters) key() string { return randomKeys[r.rand.IntN(len(randomKeys))] }

func (r *randomWaiters) element() string {
	r.pushed++
	return fmt.Sprintf("e%d", r.pushed)
}

func (r *randomWaiters) step() {
	switch n := r.rand.IntN(100); {
	case n < 40:
		r.wait()
	case n < 60:
		words := "push " + r.key()
		for range 1 + r.rand.IntN(3) {
			words += " " + r.element()
		}
		r.do(r.s, words)
	case n < 70:
		r.pop("pop " + r.key())
	case n < 85:
		lines := []string{}
		for range 1 + r.rand.IntN(4) {
			lines = append(lines, "push "+r.key()+" "+r.element())
		}
		r.transaction(lines...)
	case n < 95:
		for w := range r.waiting {
			turn := r.s.Begin()
			if _, waited := turn.Cancel(w); !waited {
				r.Error("somebody who waits can't be cancelled")
			}
			turn.End()
			delete(r.waiting, w)
			break
		}
	default:
		r.s.ExpireSome()
	}
}

// wait begins a call that waits, unless there is something for it at once.
func (r *randomWaiters) wait() {
	r.began++
	me := &randomWaiter{number: r.began, keys: []string{r.key()}}
	words := "bpop " + me.keys[0]
	switch r.rand.IntN(4) {
	case 0:
		me.keys = append(me.keys, r.key())
		words += " " + me.keys[1]
	case 1:
		me.move = true
		words = "bmove " + me.keys[0] + " " + r.key()
	}
	reply := &resp.Writer{}
	w := &Waiter{Call: r.call(words, reply)}
	w.Call.MayBlock = true
	w.Done = func() {
		delete(r.waiting, w)
		if !me.move {
			r.give(string(reply.Bytes()))
		}
		if me.keys[0] == me.keys[len(me.keys)-1] {
			if r.last[me.keys[0]] > me.number {
				r.Errorf("call %d is served for %s after call %d", me.number, me.keys[0], r.last[me.keys[0]])
			}
			r.last[me.keys[0]] = me.number
		}
	}
	turn := r.s.Begin()
	defer turn.End()
	if _, fatal := turn.Run(w.Call); fatal != nil {
		r.Fatal(fatal)
	}
	if w.Call.Waiting() == nil {
		if !me.move {
			r.give(string(reply.Bytes()))
		}
		return
	}
	r.waiting[w] = me
	turn.Await(w)
}

func (r *randomWaiters) pop(words string) {
	if reply, _ := r.do(r.s, words); reply != "$-1\r\n" {
		r.give(reply)
	}
}

// give notes that an element was given away.
func (r *randomWaiters) give(reply string) {
	words := strings.Split(strings.TrimSuffix(reply, "\r\n"), "\r\n")
	e := words[len(words)-1]
	if !strings.HasPrefix(e, "e") || r.given[e] {
		r.Errorf("%q is given, again or wrongly", reply)
	}
	r.given[e] = true
}

func (r *randomWaiters) check() {
	r.Helper()
	for w, me := range r.waiting {
		for _, k := range me.keys {
			if v, _ := r.s.db.Peek([]byte(k)); v.Type == keyspace.List {
				r.Fatalf("%s waits for %s, which holds %q", command.AppendEffect(nil, w.Call.Argv), k, v.Bytes)
			}
		}
	}
	queued := 0
	for _, q := range r.s.blocked.queues {
		if q.waiters.Len() == 0 {
			r.Fatalf("an empty queue of %s", q.key)
		}
		queued += q.waiters.Len()
	}
	want := 0
	for _, me := range r.waiting {
		want++
		if len(me.keys) == 2 && me.keys[0] != me.keys[1] {
			want++
		}
	}
	if queued != want || len(r.s.blocked.ready)+len(r.s.blocked.maybe)+len(r.s.blocked.unlogged) != 0 {
		r.Fatalf("%d places in queues, want %d; %d keys to be looked at", queued, want, len(r.s.blocked.ready)+len(r.s.blocked.maybe))
	}
}
