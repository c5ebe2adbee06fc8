package shard

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// blockingRows are commands about lists, which are words with commas between them, in the manner of the real ones.
func blockingRows() []command.Spec {
	rw, ro := command.KeysFrom(1, 1, command.RW), command.KeyAt(1, command.RO)
	return []command.Spec{
		{Name: "push", Arity: -3, Flags: command.Write, Keys: command.KeyAt(1, command.RW), Run: func(c *command.Call) error {
			for _, v := range c.Argv[2:] {
				push(c, c.Argv[1], v)
			}
			c.Reply.OK()
			return nil
		}},
		{Name: "pop", Arity: 2, Flags: command.Write, Keys: rw, Run: func(c *command.Call) error {
			if v, ok := pop(c, c.Argv[1]); ok {
				c.Reply.Bulk(v)
			} else {
				c.Reply.Null()
			}
			return nil
		}},
		{Name: "bpop", Arity: -2, Flags: command.Write | command.Blocking, Keys: rw, Run: func(c *command.Call) error {
			for _, k := range c.Argv[1:] {
				if c.Ready != nil && !bytes.Equal(k, c.Ready) {
					continue
				}
				if v, ok := pop(c, k); ok {
					c.Reply.Array(2)
					c.Reply.Bulk(k)
					c.Reply.Bulk(v)
					c.Propagate([]byte("pop"), k)
					return nil
				}
			}
			return c.Block(command.Wait{Keys: c.Argv[1:], Type: keyspace.List})
		}},
		{Name: "bmove", Arity: 3, Flags: command.Write | command.Blocking, Keys: rw, Run: func(c *command.Call) error {
			if v, ok := c.DB.Peek(c.Argv[2]); ok && v.Type != keyspace.List {
				return resp.ErrWrongType
			}
			v, ok := pop(c, c.Argv[1])
			if !ok {
				return c.Block(command.Wait{Keys: c.Argv[1:2], Type: keyspace.List})
			}
			push(c, c.Argv[2], v)
			c.Reply.Bulk(v)
			c.Propagate([]byte("pop"), c.Argv[1])
			c.Propagate([]byte("push"), c.Argv[2], v)
			return nil
		}},
		{Name: "blen", Arity: 3, Flags: command.ReadOnly | command.Blocking, Keys: ro, Run: func(c *command.Call) error {
			n, err := command.ParseInt(c.Argv[2])
			if err != nil {
				return err
			}
			v, ok := c.DB.LookupRead(c.Argv[1])
			switch {
			case c.Ready != nil && (!ok || v.Type != keyspace.List):
				return resp.Error("UNBLOCKED the key no longer exists")
			case ok && v.Type != keyspace.List:
				return resp.ErrWrongType
			case ok && bytes.Count(v.Bytes, []byte{','}) > int(n):
				c.Reply.Bulk(v.Bytes)
				return nil
			}
			return c.Block(command.Wait{Keys: c.Argv[1:2], Type: keyspace.List, Gone: true})
		}},
	}
}

func push(c *command.Call, key, v []byte) {
	old, _ := c.DB.LookupWrite(key)
	c.DB.Set(key, keyspace.List, keyspace.EncListpack, append(append(bytes.Clone(old.Bytes), v...), ','), true)
	c.Changed(key, 'l', "rpush")
}

func pop(c *command.Call, key []byte) ([]byte, bool) {
	old, ok := c.DB.LookupWrite(key)
	if !ok || old.Type != keyspace.List {
		return nil, false
	}
	first, rest, _ := bytes.Cut(bytes.Clone(old.Bytes), []byte{','})
	if len(rest) == 0 {
		c.DB.Delete(key)
	} else {
		c.DB.Set(key, keyspace.List, keyspace.EncListpack, rest, true)
	}
	c.Changed(key, 'l', "lpop")
	return first, true
}

// blockBench is a bench whose calls may wait; what becomes of them is written down in order.
type blockBench struct {
	*bench
	s     *Shard
	log   txlog.Log
	heard []string
}

func newBlockBench(t *testing.T) *blockBench {
	b := &blockBench{bench: newBench(t)}
	b.table = command.NewTable(true, rows(), blockingRows())
	b.s, b.log = b.primary("a")
	return b
}

// block runs a command that waits.
func (b *blockBench) block(name, words string) *Waiter {
	b.Helper()
	return b.blockOn(b.s, name, words)
}

func (b *blockBench) blockOn(s *Shard, name, words string) *Waiter {
	b.Helper()
	reply := &resp.Writer{}
	w := &Waiter{Call: b.call(words, reply)}
	w.Call.MayBlock = true
	w.Done = func() {
		_, _, err := w.Result()
		if err != nil {
			b.heard = append(b.heard, name+" "+err.Error())
			return
		}
		b.heard = append(b.heard, name+" "+flat(reply.Bytes()))
	}
	turn := s.Begin()
	defer turn.End()
	if _, fatal := turn.Run(w.Call); fatal != nil || w.Call.Waiting() == nil {
		b.Fatalf("%s answers %q, %v, want that it waits", words, reply.Bytes(), fatal)
	}
	turn.Await(w)
	return w
}

// flat is a reply's words.
func flat(reply []byte) string {
	var words []string
	for i, line := range strings.Split(strings.TrimSuffix(string(reply), "\r\n"), "\r\n") {
		if i == 0 && (line[0] == '-' || line[0] == ':') || line[0] != '*' && line[0] != '$' {
			words = append(words, line)
		}
	}
	return strings.Join(words, " ")
}

// hears fails unless exactly this has become of those who wait since the last time, in this order.
func (b *blockBench) hears(want ...string) {
	b.Helper()
	if diff := cmp.Diff(want, b.heard); diff != "" {
		b.Errorf("served (-want +got):\n%s", diff)
	}
	b.heard = nil
}

// transaction runs commands as EXEC does.
func (b *blockBench) transaction(lines ...string) txlog.Pos {
	b.Helper()
	var w resp.Writer
	var calls []*command.Call
	for _, l := range lines {
		calls = append(calls, b.call(l, &w))
	}
	turn := b.s.Begin()
	defer turn.End()
	after, fatal := turn.RunAll(calls, nil)
	if fatal != nil {
		b.Fatal(fatal)
	}
	return after
}

// same fails if a replica that has applied the log differs.
func (b *blockBench) same() {
	b.Helper()
	replica, log := b.node("z")
	b.catchUp(replica, log)
	if replica.db.Digest() != b.s.db.Digest() {
		b.Error("a replica differs from the primary")
	}
}

func TestWaitersAreServedInOrder(t *testing.T) {
	b := newBlockBench(t)
	for i := range 4 {
		b.block(fmt.Sprint("c", i), "bpop k")
	}
	b.do(b.s, "push k a b c")
	b.hears("c0 k a", "c1 k b", "c2 k c")
	b.want(b.s, "pop k", "$-1\r\n", false)
	b.do(b.s, "push k d")
	b.hears("c3 k d")
	if n := len(b.s.blocked.queues); n != 0 {
		t.Errorf("%d keys are still waited for", n)
	}
	b.same()
}

func TestWaiterOfSeveralKeysIsServedOnce(t *testing.T) {
	b := newBlockBench(t)
	b.block("c", "bpop x y x z")
	b.block("d", "bpop y")
	b.transaction("push z 1", "push y 2", "push x 3")
	b.hears("c z 1", "d y 2") // the key that was ready first, not the one that was named first
	b.want(b.s, "pop x", "$1\r\n3\r\n", false)
	b.same()
}

func TestWaitersSeeATransactionAsAWhole(t *testing.T) {
	b := newBlockBench(t)
	b.block("c", "bpop k")
	b.transaction("push k a", "pop k")
	b.hears()
	b.transaction("push k a", "push k b", "pop k")
	b.hears("c k b")
	b.same()
}

func TestKeyOfAnotherTypeWakesNobody(t *testing.T) {
	b := newBlockBench(t)
	b.block("c", "bpop k")
	b.do(b.s, "set k v")
	b.transaction("push j 1", "del k", "push k a", "del k", "set k w")
	b.hears()
	hits := b.s.Stats().Hits + b.s.Stats().Misses
	b.do(b.s, "del k")
	b.do(b.s, "push k a")
	b.hears("c k a")
	if got := b.s.Stats().Hits + b.s.Stats().Misses; got != hits {
		t.Errorf("looking for waiters counted %d hits and misses", got-hits)
	}
}

func TestOrderIsOfBecomingReady(t *testing.T) {
	b := newBlockBench(t)
	b.block("c", "bpop x y")
	b.transaction("set x v", "push y 1", "del x", "push x 2") // x was changed first, but y was ready first
	b.hears("c y 1")
}

func TestMovesServeOthers(t *testing.T) {
	b := newBlockBench(t)
	b.block("c", "bmove x y")
	b.block("d", "bmove y z")
	b.block("e", "bpop z")
	b.block("f", "bpop x")
	b.do(b.s, "push x a b")
	b.hears("c a", "f x b", "d a", "e z a")
	b.same()
	b.block("g", "bmove r r") // the same key again: the element comes back
	b.block("h", "bpop r")
	b.do(b.s, "push r a")
	b.hears("g a", "h r a")
	b.same()
}

func TestMoveToAWrongTypeGetsTheError(t *testing.T) {
	b := newBlockBench(t)
	b.block("c", "bmove x y")
	b.block("d", "bpop x")
	b.transaction("set y v", "push x a")
	b.hears("c -"+string(resp.ErrWrongType), "d x a")
	b.same()
}

func TestKeyThatHasExpiredServesNobody(t *testing.T) {
	b := newBlockBench(t)
	b.block("c", "bpop k")
	var w resp.Writer
	c := b.call("set s v", &w)
	c.Spec = script(func() {
		push(c, []byte("k"), []byte("a"))
		c.DB.Expire([]byte("k"), c.Now-1)
	})
	turn := b.s.Begin()
	if _, fatal := turn.Run(c); fatal != nil {
		t.Fatal(fatal)
	}
	turn.End()
	b.hears()
	c.Spec = script(func() { // expires while the call goes on
		push(c, []byte("k"), []byte("a"))
		c.DB.Expire([]byte("k"), c.Now+100)
		b.now = b.now.Add(200 * time.Millisecond)
	})
	turn = b.s.Begin()
	if _, fatal := turn.Run(c); fatal != nil {
		t.Fatal(fatal)
	}
	turn.End()
	b.hears()
	b.do(b.s, "push k b")
	b.hears("c k b")
}

func TestWhoLeavesTooLateIsServed(t *testing.T) {
	b := newBlockBench(t)
	w := b.block("c", "bpop k")
	turn := b.s.Begin()
	if _, fatal := turn.Run(b.call("push k a", &resp.Writer{})); fatal != nil {
		t.Fatal(fatal)
	}
	if after, waited := turn.Cancel(w); waited || after != 0 {
		t.Errorf("Cancel of a call that was served = %v, %v", after, waited)
	}
	turn.End()
	b.hears("c k a")
}

func TestWaiterOfAKeyThatIsGoneHearsOfIt(t *testing.T) {
	for name, end := range map[string]func(b *blockBench){
		"del":      func(b *blockBench) { b.do(b.s, "del k") },
		"set":      func(b *blockBench) { b.do(b.s, "set k v") },
		"flushall": func(b *blockBench) { b.do(b.s, "flushall") },
		"expiry": func(b *blockBench) {
			b.now = b.now.Add(time.Hour)
			b.s.ExpireSome()
		},
		"lazy expiry": func(b *blockBench) {
			b.now = b.now.Add(time.Hour)
			b.do(b.s, "get k")
		},
		"eviction": func(b *blockBench) {
			b.s.SetMemory(Memory{Max: 1, Policy: "allkeys-random"})
			turn := b.s.Begin()
			turn.MakeRoom()
			turn.End()
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBlockBench(t)
			b.do(b.s, "push k a")
			b.s.db.Expire([]byte("k"), b.now.Add(time.Minute).UnixMilli())
			b.block("c", "blen k 1")
			b.block("d", "blen k 2")
			b.block("e", "bpop other")
			b.do(b.s, "push k b")
			b.hears("c a,b,")
			end(b)
			b.hears("d -UNBLOCKED the key no longer exists")
		})
	}
}

func TestServedReplyWaitsForItsOwnRecord(t *testing.T) {
	b := newBlockBench(t)
	w := b.block("c", "bpop k")
	v := b.block("d", "blen l 0")
	b.gate.Close()
	_, pushed := b.do(b.s, "push k a")
	after, _, _ := w.Result()
	if pushed != b.s.tail-1 || after != b.s.tail {
		t.Errorf("push waits for %v, the served call for %v, tail is %v; want two records", pushed, after, b.s.tail)
	}
	b.want(b.s, "pop k", "$-1\r\n", true)
	_, pushed = b.do(b.s, "push l a")
	if after, _, _ = v.Result(); after != pushed {
		t.Errorf("a served read waits for %v, want the record %v whose change it shows", after, pushed)
	}
	b.gate.Open()
	b.same()
}

func TestTimeoutWaitsForWhatItReveals(t *testing.T) {
	b := newBlockBench(t)
	b.do(b.s, "push k a")
	b.gate.Close()
	b.do(b.s, "pop k")
	w := b.block("c", "bpop k")
	turn := b.s.Begin()
	after, waited := turn.Cancel(w)
	again, waitedAgain := turn.Cancel(w)
	turn.End()
	if !waited || after != b.s.tail || waitedAgain || again != 0 {
		t.Errorf("Cancel = %v, %v, then %v, %v", after, waited, again, waitedAgain)
	}
	b.gate.Open()
	b.do(b.s, "push k a")
	b.hears()
}

func TestWaitersStayWhileTheLogTakesNoWrites(t *testing.T) {
	b := newBlockBench(t)
	b.block("c", "bpop k")
	b.block("d", "blen k 0")
	b.s.log = refusing{b.s.log, &b.s.tail, 1}
	b.do(b.s, "push k a")
	b.hears("d a,")
	b.do(b.s, "get other")
	b.hears()
	b.s.log = b.log
	b.s.ExpireSome() // whoever takes the turn next
	b.hears("c k a")
	b.same()
}

// refusing is a log that takes so many more records.
type refusing struct {
	txlog.Log
	tail *txlog.Pos
	left txlog.Pos
}

func (r refusing) Writable() error {
	if r.Log.Tail() >= 1+r.left {
		return txlog.ErrUnavailable
	}
	return nil
}

func TestLostShardEndsAllWaits(t *testing.T) {
	for name, lose := range map[string]func(b *blockBench){
		"overtaken": func(b *blockBench) { b.primary("b"); b.s.Leads() },
		"reset":     func(b *blockBench) { b.s.Reset() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBlockBench(t)
			b.block("c", "bpop k j")
			b.block("d", "bpop j k")
			lose(b)
			if len(b.heard) != 2 || !strings.HasSuffix(b.heard[0], string(ErrUnblocked)) || !strings.HasSuffix(b.heard[1], string(ErrUnblocked)) {
				t.Errorf("heard %q", b.heard)
			}
			if len(b.s.blocked.queues) != 0 {
				t.Error("keys are still waited for")
			}
		})
	}
}

// A call whose record the log did not take has an unknown outcome: its reply must never leave. One that was not executed yet is told so.
func TestOvertakenWhileServing(t *testing.T) {
	b := newBlockBench(t)
	w := b.block("c", "bpop k")
	b.block("d", "bpop k")
	b.s.log = failing{b.s.log, new(int)}
	b.do(b.s, "push k a b")
	if _, _, err := w.Result(); !errors.Is(err, ErrFenced) || w.Call.Reply.Len() != 0 {
		t.Errorf("result = %v, reply %q, want that it never leaves", err, w.Call.Reply.Bytes())
	}
	b.hears("d "+string(ErrUnblocked), "c "+ErrFenced.Error())
}

// failing takes one record.
type failing struct {
	txlog.Log
	n *int
}

func (f failing) Append(after txlog.Pos, entries ...txlog.Entry) (txlog.Pos, error) {
	if *f.n++; *f.n > 1 {
		return 0, txlog.ErrConflict
	}
	return f.Log.Append(after, entries...)
}

func TestReplicaServesReads(t *testing.T) {
	b := newBlockBench(t)
	b.do(b.s, "push k a")
	replica, log := b.node("r")
	b.catchUp(replica, log)
	b.blockOn(replica, "c", "blen k 1")
	b.do(b.s, "push k b")
	b.hears()
	b.catchUp(replica, log)
	b.hears("c a,b,")
}

func TestNobodyIsServedInTheMiddleOfABusyScript(t *testing.T) {
	b := newBlockBench(t)
	b.block("c", "bpop k")
	var w resp.Writer
	c := b.call("set s v", &w)
	c.Spec = script(func() {
		push(c, []byte("k"), []byte("a"))
		if err := b.s.Yield(errBusy); err != nil {
			t.Error(err)
		}
		turn := make(chan struct{})
		go func() { b.s.Aside().End(); close(turn) }()
		for over := false; !over; {
			if err := b.s.Yield(errBusy); err != nil {
				t.Error(err)
			}
			select {
			case <-turn:
				over = true
			default:
			}
		}
		b.hears()
		pop(c, []byte("k"))
		push(c, []byte("k"), []byte("b"))
	})
	turn := b.s.Begin()
	if _, fatal := turn.Run(c); fatal != nil {
		t.Fatal(fatal)
	}
	turn.End()
	b.hears("c k b")
}

func TestManyWaiters(t *testing.T) {
	b := newBlockBench(t)
	const count = 2000
	waiters := make([]*Waiter, count)
	for i := range waiters {
		waiters[i] = b.block(strconv.Itoa(i), "bpop k other"+strconv.Itoa(i%7))
	}
	turn := b.s.Begin()
	for i := 0; i < count; i += 2 {
		turn.Cancel(waiters[i])
	}
	turn.End()
	for i := range count/2 + 10 {
		b.do(b.s, "push k "+strconv.Itoa(i))
	}
	for i, h := range b.heard {
		if want := fmt.Sprintf("%d k %d", 2*i+1, i); h != want {
			t.Fatalf("the %dth to be served is %q, want %q", i, h, want)
		}
	}
	if len(b.heard) != count/2 || len(b.s.blocked.queues) != 0 {
		t.Errorf("%d were served, %d keys are still waited for", len(b.heard), len(b.s.blocked.queues))
	}
	b.same()
}

func TestPauseStopsExpiryAndEviction(t *testing.T) {
	b := newBlockBench(t)
	at := b.now.UnixMilli()
	b.do(b.s, "set k v "+strconv.FormatInt(at+10, 10))
	b.do(b.s, "set j v "+strconv.FormatInt(at+10, 10))
	b.s.Pause(at + 1000)
	b.s.SetMemory(Memory{Max: 1})
	b.now = b.now.Add(time.Second) // the pause's last millisecond
	tail := b.log.Tail()
	b.want(b.s, "get k", "$-1\r\n", false)
	if b.s.ExpireSome() || b.s.db.Len() != 2 || b.log.Tail() != tail {
		t.Errorf("%d keys are left, want that expired ones are only hidden", b.s.db.Len())
	}
	turn := b.s.Begin()
	if !turn.MakeRoom() {
		t.Error("maxmemory is heeded during a pause")
	}
	turn.End()
	b.now = b.now.Add(time.Millisecond)
	b.want(b.s, "get k", "$-1\r\n", false)
	b.s.ExpireSome()
	if n := b.s.db.Len(); n != 0 {
		t.Errorf("%d keys are left after the pause", n)
	}
	b.same()
}
