package shard

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// rows are a few commands in the manner of the real ones, so that the executor is tested alone.
func rows() []command.Spec {
	rw, ro := command.KeyAt(1, command.RW), command.KeyAt(1, command.RO)
	return []command.Spec{
		{Name: "set", Arity: -3, Flags: command.Write | command.DenyOOM, Keys: rw, Run: func(c *command.Call) error {
			c.DB.Set(c.Argv[1], keyspace.String, keyspace.EncRaw, c.Argv[2], false)
			if len(c.Argv) == 4 { // an absolute time
				at, err := command.ParseInt(c.Argv[3])
				if err != nil {
					return err
				}
				c.DB.Expire(c.Argv[1], at)
			}
			c.Changed(c.Argv[1], '$', "set")
			c.Reply.OK()
			return nil
		}},
		{Name: "get", Arity: 2, Flags: command.ReadOnly, Keys: ro, Run: func(c *command.Call) error {
			v, ok := c.DB.LookupRead(c.Argv[1])
			if !ok {
				c.Reply.Null()
				return nil
			}
			c.Reply.Bulk(v.Bytes)
			return nil
		}},
		{Name: "del", Arity: 2, Flags: command.Write, Keys: rw, Run: func(c *command.Call) error {
			n := int64(0)
			if c.DB.Delete(c.Argv[1]) {
				c.Changed(c.Argv[1], 'g', "del")
				n = 1
			}
			c.Reply.Int(n)
			return nil
		}},
		{Name: "flushall", Arity: 1, Flags: command.Write, Run: func(c *command.Call) error {
			c.ChangedAll()
			c.DB.Clear()
			c.Reply.OK()
			return nil
		}},
		{Name: "dbsize", Arity: 1, Flags: command.ReadOnly | command.WholeKeyspace, Run: func(c *command.Call) error {
			c.Reply.Int(int64(c.DB.Len()))
			return nil
		}},
		{Name: "halfway", Arity: 2, Flags: command.Write, Keys: rw, Run: func(c *command.Call) error {
			c.Reply.Array(2)
			return resp.ErrSyntax
		}},
	}
}

type bench struct {
	*testing.T
	gate   *memlog.Gate
	memory *memlog.Memory
	table  *command.Table
	now    time.Time
}

func newBench(t *testing.T) *bench {
	gate := &memlog.Gate{}
	return &bench{T: t, gate: gate, memory: memlog.New(gate), table: command.NewTable(true, rows()), now: time.UnixMilli(1_700_000_000_000)}
}

// node is a shard on a handle of the one log.
func (b *bench) node(id string) (*Shard, txlog.Log) {
	log := b.memory.Shard("s")
	s := New(Config{NodeID: id, Log: log, Table: b.table, NewDB: func() *keyspace.DB { return keyspace.New(keyspace.Config{}) }, Now: func() time.Time { return b.now }})
	b.Cleanup(func() { s.db.Close() })
	return s, log
}

func (b *bench) primary(id string) (*Shard, txlog.Log) {
	b.Helper()
	s, log := b.node(id)
	b.catchUp(s, log)
	if err := s.Lead(context.Background(), "test", 0, 0); err != nil {
		b.Fatal(err)
	}
	return s, log
}

func (b *bench) catchUp(s *Shard, log txlog.Log) {
	b.Helper()
	at, _ := s.Position()
	records, err := log.Read(context.Background(), at+1, 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Applier().Apply(records); err != nil {
		b.Fatal(err)
	}
	s.Follow()
}

func (b *bench) call(words string, w *resp.Writer) *command.Call {
	b.Helper()
	var argv [][]byte
	for _, f := range strings.Fields(words) {
		argv = append(argv, []byte(f))
	}
	spec, err := b.table.Lookup(argv)
	if err != nil {
		b.Fatal(err)
	}
	return &command.Call{Spec: spec, Argv: argv, Reply: w}
}

// do runs a command and returns its reply and the position that the reply waits for.
func (b *bench) do(s *Shard, words string) (string, txlog.Pos) {
	b.Helper()
	var w resp.Writer
	turn := s.Begin()
	after, fatal := turn.Run(b.call(words, &w))
	turn.End()
	if fatal != nil {
		b.Fatalf("%s: %v", words, fatal)
	}
	return string(w.Bytes()), after
}

// want runs a command and checks its reply and whether it is held.
func (b *bench) want(s *Shard, words, reply string, held bool) {
	b.Helper()
	got, after := b.do(s, words)
	if got != reply {
		b.Errorf("%s = %q, want %q", words, got, reply)
	}
	if (after > s.log.Durable()) != held {
		b.Errorf("%s: reply waits for position %v while %v is durable, want held: %v", words, after, s.log.Durable(), held)
	}
}

func TestReplyWaitsForTheLog(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.gate.Close()
	_, after := b.do(s, "set k v")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Wait(ctx, after); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait before the record is durable = %v, want that it waits", err)
	}
	b.gate.Open()
	if err := s.Wait(context.Background(), after); err != nil {
		t.Errorf("Wait after the record is durable = %v", err)
	}
	b.want(s, "get k", "$1\r\nv\r\n", false)
}

func TestReadOfPendingKeyIsHeld(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.gate.Close()
	b.do(s, "set k v")
	b.want(s, "get k", "$1\r\nv\r\n", true)
	b.want(s, "del missing", ":0\r\n", false)
	b.gate.Open()
	b.want(s, "get k", "$1\r\nv\r\n", false)
}

func TestReadOfDeletedKeyIsHeld(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.do(s, "set k v")
	b.gate.Close()
	b.do(s, "del k")
	b.want(s, "get k", "$-1\r\n", true)
	b.want(s, "del k", ":0\r\n", true)
}

func TestUnrelatedReadIsNotHeld(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.do(s, "set other v")
	b.gate.Close()
	for i := range 100 {
		b.do(s, "set k"+strconv.Itoa(i)+" v")
	}
	b.want(s, "get other", "$1\r\nv\r\n", false)
	b.want(s, "get k7", "$1\r\nv\r\n", true)
}

func TestWholeKeyspaceReadersAreHeld(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.want(s, "dbsize", ":0\r\n", false)
	b.gate.Close()
	b.do(s, "set k v")
	b.want(s, "dbsize", ":1\r\n", true)
}

func TestFlushallIsAHazardForAllKeys(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.do(s, "set k v")
	b.gate.Close()
	b.do(s, "flushall")
	b.want(s, "get k", "$-1\r\n", true)
	b.want(s, "get never", "$-1\r\n", true)
	b.gate.Open()
	b.want(s, "get k", "$-1\r\n", false)
}

func TestPendingKeysAreForgottenWhenDurable(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	for i := range 10 {
		b.gate.Close()
		for j := range 100 {
			b.do(s, "set k"+strconv.Itoa(i*100+j)+" v")
		}
		b.gate.Open()
	}
	b.do(s, "set last v")
	if n := len(s.pending.young) + len(s.pending.old); n > 201 {
		t.Errorf("%d pending keys are remembered although all are durable", n)
	}
}

func TestLazyExpiryIsLogged(t *testing.T) {
	b := newBench(t)
	s, log := b.primary("a")
	b.do(s, "set k v "+strconv.FormatInt(b.now.UnixMilli()+1000, 10))
	b.now = b.now.Add(2 * time.Second)
	b.gate.Close()
	before := log.Tail()
	b.want(s, "get k", "$-1\r\n", true)
	b.want(s, "get k", "$-1\r\n", true)
	if log.Tail() != before+1 {
		t.Fatalf("the log grew by %d records, want one delete", log.Tail()-before)
	}
	b.gate.Open()
	replica, rlog := b.node("b")
	b.catchUp(replica, rlog)
	if n := replica.db.Len(); n != 0 {
		t.Errorf("replica has %d keys after the logged delete, want none", n)
	}
	if got := s.Stats().Expired; got != 1 {
		t.Errorf("expired = %d, want 1", got)
	}
}

func TestReplicaHidesExpiredKeys(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.do(s, "set k v "+strconv.FormatInt(b.now.UnixMilli()+1000, 10))
	replica, rlog := b.node("b")
	b.catchUp(replica, rlog)
	b.want(replica, "get k", "$1\r\nv\r\n", false)
	b.now = b.now.Add(2 * time.Second)
	b.want(replica, "get k", "$-1\r\n", false)
	if n := replica.db.Len(); n != 1 {
		t.Errorf("replica has %d keys, want that it only hides the expired one", n)
	}
}

func TestActiveExpiryIsLogged(t *testing.T) {
	b := newBench(t)
	s, log := b.primary("a")
	for i := range 1000 {
		b.do(s, "set k"+strconv.Itoa(i)+" v "+strconv.FormatInt(b.now.UnixMilli()+1000, 10))
	}
	b.do(s, "set stays v")
	b.now = b.now.Add(2 * time.Second)
	for range 1000 {
		if !s.ExpireSome() && s.db.Len() == 1 {
			break
		}
	}
	b.want(s, "dbsize", ":1\r\n", false)
	replica, _ := b.node("b")
	b.catchUp(replica, log)
	if replica.db.Digest() != s.db.Digest() {
		t.Error("replica differs from the primary after active expiry")
	}
}

func TestTransactionIsOneRecord(t *testing.T) {
	b := newBench(t)
	s, log := b.primary("a")
	var w resp.Writer
	before := log.Tail()
	turn := s.Begin()
	after, fatal := turn.RunAll([]*command.Call{b.call("set x 1", &w), b.call("halfway x", &w), b.call("set y 2", &w), b.call("get x", &w)}, func(i int) {
		if i == 0 {
			w.Array(4)
		}
	})
	turn.End()
	if fatal != nil || after != before+1 || log.Tail() != before+1 {
		t.Errorf("transaction: position %v, tail %v, fatal %v; want one record after %v", after, log.Tail(), fatal, before)
	}
	if got, want := string(w.Bytes()), "*4\r\n+OK\r\n-ERR syntax error\r\n+OK\r\n$1\r\n1\r\n"; got != want {
		t.Errorf("replies = %q, want %q", got, want)
	}
}

func TestErrorCutsTheReplyBack(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.want(s, "halfway k", "-ERR syntax error\r\n", false)
}

func TestReplayGivesTheSameKeyspace(t *testing.T) {
	b := newBench(t)
	s, log := b.primary("a")
	for i := range 500 {
		b.do(s, "set k"+strconv.Itoa(i%50)+" "+strconv.Itoa(i))
		if i%7 == 0 {
			b.do(s, "del k"+strconv.Itoa(i%13))
		}
	}
	replica, _ := b.node("b")
	b.catchUp(replica, log)
	if replica.db.Digest() != s.db.Digest() {
		t.Error("replica differs from the primary")
	}
	if p, _ := replica.Position(); p != log.Tail() {
		t.Errorf("replica is at %v, log at %v", p, log.Tail())
	}
}

func TestOvertakenPrimaryIsFenced(t *testing.T) {
	b := newBench(t)
	old, _ := b.primary("a")
	b.do(old, "set k old")
	fresh, _ := b.primary("b")
	b.do(fresh, "set k new")
	for _, words := range []string{"get k", "set k older"} {
		var w resp.Writer
		turn := old.Begin()
		_, fatal := turn.Run(b.call(words, &w))
		turn.End()
		if fatal == nil {
			t.Errorf("overtaken primary answers %s with %q", words, w.Bytes())
		}
	}
	select {
	case <-old.Lost():
	default:
		t.Error("Lost is silent")
	}
	old.Reset()
	b.catchUp(old, old.log)
	if old.Role() != Replica {
		t.Errorf("role after Reset and catch-up = %v, want replica", old.Role())
	}
	b.want(old, "get k", "$3\r\nnew\r\n", false)
}

func TestLeadNeedsTheTail(t *testing.T) {
	b := newBench(t)
	b.primary("a")
	late, _ := b.node("b")
	if err := late.Lead(context.Background(), "test", 0, 0); !errors.Is(err, txlog.ErrConflict) {
		t.Errorf("Lead without having seen the tail = %v, want ErrConflict", err)
	}
	if late.Role() != Loading {
		t.Errorf("role = %v, want loading", late.Role())
	}
}

func TestWritesAreRefusedBeforeTheyChangeAnything(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.do(s, "set k v")
	for err, reply := range map[error]resp.Error{txlog.ErrFull: resp.ErrLogFull, txlog.ErrUnavailable: resp.ErrLogDown} {
		b.gate.Refuse(err)
		b.want(s, "set k w", "-"+string(reply)+"\r\n", false)
		b.want(s, "get k", "$1\r\nv\r\n", false)
	}
	b.gate.Refuse(nil)
	b.want(s, "set k w", "+OK\r\n", false)
}

func TestUnknownOutcomeRefusesWritesAndKeepsUnrelatedReads(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.do(s, "set other v")
	b.gate.Close()
	_, after := b.do(s, "set k v")
	b.gate.Fail()
	if err := s.Wait(context.Background(), after); !errors.Is(err, txlog.ErrUnknown) {
		t.Errorf("Wait = %v, want ErrUnknown", err)
	}
	b.want(s, "get other", "$1\r\nv\r\n", false)
	b.want(s, "get k", "$1\r\nv\r\n", true) // held: Wait will say that its outcome is unknown
	b.want(s, "set other w", "-"+string(resp.ErrLogDown)+"\r\n", false)
}

func TestResetForgetsThatTheLogWasLost(t *testing.T) {
	b := newBench(t)
	s, log := b.primary("a")
	b.gate.Close()
	_, after := b.do(s, "set k v")
	b.gate.Fail()
	for range 2 { // two clients hear of it; the one who steers the node, of the first
		if err := s.Wait(context.Background(), after); !errors.Is(err, txlog.ErrUnknown) {
			t.Errorf("Wait = %v, want ErrUnknown", err)
		}
		if s.Failed() == nil {
			t.Fatal("the node has not lost the log")
		}
		select {
		case <-s.Lost():
		default:
		}
		s.lose(txlog.ErrUnknown)
	}
	b.gate.Open()
	s.Reset()
	select {
	case <-s.Lost():
		t.Error("Lost has news from before Reset")
	default:
	}
	b.catchUp(s, log)
	if err := s.Lead(context.Background(), "test", 0, 0); err != nil {
		t.Fatal(err)
	}
	if !s.Leads() || s.Failed() != nil {
		t.Errorf("leads: %v, failed: %v", s.Leads(), s.Failed())
	}
}

func TestReplicaTakesNoWrites(t *testing.T) {
	b := newBench(t)
	s, log := b.primary("a")
	b.do(s, "set k v")
	replica, rlog := b.node("b")
	b.catchUp(replica, rlog)
	tail := log.Tail()
	b.want(replica, "set k w", "-"+string(resp.ErrReadOnly)+"\r\n", false)
	b.want(replica, "get k", "$1\r\nv\r\n", false)
	if log.Tail() != tail {
		t.Error("a replica has appended to the log")
	}
}

func TestOvertakenPrimaryFindsOutWithoutClients(t *testing.T) {
	b := newBench(t)
	old, _ := b.primary("a")
	if !old.Leads() {
		t.Error("the primary does not lead")
	}
	b.primary("b")
	if old.Leads() {
		t.Error("the overtaken primary leads")
	}
	select {
	case <-old.Lost():
	default:
		t.Error("Lost is silent")
	}
}

func TestRecordOfANewerEngineStopsTheReplica(t *testing.T) {
	b := newBench(t)
	_, log := b.primary("a")
	if _, err := log.Append(log.Tail(), txlog.Entry{Kind: txlog.Data, Epoch: 1, Engine: EngineVersion + 1}); err != nil {
		t.Fatal(err)
	}
	replica, _ := b.node("b")
	records, err := log.Read(context.Background(), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var poison *PoisonError
	if err := replica.Applier().Apply(records); !errors.As(err, &poison) || poison.Pos != 2 {
		t.Errorf("Apply = %v, want a PoisonError at position 2", err)
	}
}

// A record that is not what follows what the node has applied, though it says so, is not applied.
func TestRunningChecksumIsCompared(t *testing.T) {
	b := newBench(t)
	s, log := b.primary("a")
	b.want(s, "set k v", "+OK\r\n", false)
	replica, _ := b.node("b")
	records, err := log.Read(context.Background(), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	records[1].Chain++
	var poison *PoisonError
	if err := replica.Applier().Apply(records); !errors.As(err, &poison) || poison.Pos != 2 || !errors.Is(err, txlog.ErrCorrupt) {
		t.Errorf("Apply = %v, want a PoisonError at position 2 that says corrupt", err)
	}
	if at, _ := replica.Position(); at != 1 {
		t.Errorf("the replica is at position %v", at)
	}
}

func TestWatch(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	b.do(s, "set k v")
	b.do(s, "set soon v "+strconv.FormatInt(b.now.UnixMilli()+1000, 10))
	for name, tc := range map[string]struct {
		key, words string
		later      time.Duration
		broken     bool
	}{
		"write":                   {key: "k", words: "set k w", broken: true},
		"other key":               {key: "k", words: "set other w"},
		"delete":                  {key: "k", words: "del k", broken: true},
		"missing key appears":     {key: "new", words: "set new v", broken: true},
		"flushall of missing key": {key: "nowhere", words: "flushall"},
		"expiry":                  {key: "soon", words: "get other", later: 2 * time.Second, broken: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			s, _ := b.primary("a")
			b.do(s, "set k v")
			b.do(s, "set soon v "+strconv.FormatInt(b.now.UnixMilli()+1000, 10))
			var w Watcher
			turn := s.Begin()
			turn.Watch(&w, []byte(tc.key))
			turn.End()
			b.now = b.now.Add(tc.later)
			b.do(s, tc.words)
			turn = s.Begin()
			defer turn.End()
			if got := turn.Broken(&w); got != tc.broken {
				t.Errorf("broken = %v, want %v", got, tc.broken)
			}
			turn.Unwatch(&w)
			if len(s.watchers) != 0 {
				t.Error("Unwatch leaves watchers behind")
			}
		})
	}
}

// Keys that had expired when they were watched: their deletion is no change, whatever makes them appear again is. Found by Redis's suite (unit/multi).
func TestWatchOfAStaleKey(t *testing.T) {
	for words, broken := range map[string]bool{"get soon": false, "flushall": false, "del soon": false, "set soon again": true} {
		b := newBench(t)
		s, _ := b.primary("a")
		b.do(s, "set soon v "+strconv.FormatInt(b.now.UnixMilli()+1000, 10))
		b.now = b.now.Add(2 * time.Second)
		var w Watcher
		turn := s.Begin()
		turn.Watch(&w, []byte("soon"))
		turn.End()
		b.do(s, words)
		turn = s.Begin()
		if got := turn.Broken(&w); got != broken {
			t.Errorf("%s: broken = %v, want %v", words, got, broken)
		}
		turn.Unwatch(&w)
		turn.End()
	}
}

func TestEvictionIsLogged(t *testing.T) {
	b := newBench(t)
	s, log := b.primary("a")
	value := strings.Repeat("v", 100)
	for i := range 1000 {
		b.do(s, "set k"+strconv.Itoa(i)+" "+value)
	}
	s.SetMemory(Memory{Max: OwnBytes + s.db.Used()*4/5})
	turn := s.Begin()
	if turn.MakeRoom() {
		t.Error("noeviction made room")
	}
	turn.End()
	s.SetMemory(Memory{Max: OwnBytes + s.db.Used()*4/5, Policy: "allkeys-lru"})
	for range 100 {
		turn := s.Begin()
		done := turn.MakeRoom()
		turn.End()
		if done {
			break
		}
	}
	if n := s.db.Len(); n == 0 || n >= 1000 {
		t.Errorf("%d keys are left, want some evicted", n)
	}
	replica, _ := b.node("b")
	b.catchUp(replica, log)
	if replica.db.Digest() != s.db.Digest() {
		t.Error("replica differs from the primary after eviction")
	}
}
