package shard

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const errBusy resp.Error = "BUSY test"

// script is a row that sets its key to "half", runs fn, and sets it to "done".
func script(fn func()) *command.Spec {
	return &command.Spec{Name: "script", FullName: "script", Arity: 2, Flags: command.Write, Keys: command.KeyAt(1, command.RW), Run: func(c *command.Call) error {
		c.DB.Set(c.Argv[1], keyspace.String, keyspace.EncRaw, []byte("half"), false)
		fn()
		c.DB.Set(c.Argv[1], keyspace.String, keyspace.EncRaw, []byte("done"), false)
		c.Changed(c.Argv[1], '$', "set")
		c.Reply.OK()
		return nil
	}}
}

func TestCallsThatQueueBehindABusyScriptAreRefused(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	refused := make(chan error, 3)
	seen := make(chan string, 1)
	var w resp.Writer
	c := b.call("set k v", &w)
	c.Spec = script(func() {
		var aside Watcher
		var follower sync.WaitGroup
		var entered sync.WaitGroup
		for range cap(refused) { // the script holds the turn
			entered.Add(1)
			go func() {
				entered.Done()
				turn, err := s.Enter()
				if err == nil {
					turn.End()
				}
				refused <- err
			}()
		}
		entered.Wait()
		for n := 0; n < cap(refused); {
			if err := s.Yield(errBusy); err != nil {
				t.Error(err)
			}
			select {
			case err := <-refused:
				if !errors.Is(err, errBusy) {
					t.Errorf("Enter while a script is busy = %v, want %v", err, errBusy)
				}
				n++
			default:
			}
		}
		if s.Busy() != errBusy {
			t.Errorf("Busy() = %v, want %v", s.Busy(), errBusy)
		}
		follower.Go(func() {
			turn := s.Aside()
			turn.Watch(&aside, []byte("k"))
			turn.End()
		})
		done := make(chan struct{})
		go func() { follower.Wait(); close(done) }()
		for over := false; !over; {
			if err := s.Yield(errBusy); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				over = true
			default:
			}
		}
		go s.View(func(db *keyspace.DB) {
			v, _ := db.Peek([]byte("k"))
			seen <- string(v.Bytes)
		})
		for range 100 {
			if err := s.Yield(errBusy); err != nil {
				t.Error(err)
			}
		}
	})
	turn := s.Begin()
	if _, fatal := turn.Run(c); fatal != nil {
		t.Fatal(fatal)
	}
	turn.End()
	if got := <-seen; got != "done" {
		t.Errorf("View saw %q in the middle of a script, want that it waits for its end", got)
	}
	if err := s.Busy(); err != nil {
		t.Errorf("Busy() after the script = %v", err)
	}
	b.want(s, "get k", "$4\r\ndone\r\n", false)
}

func TestYieldSaysThatTheNodeWasOvertakenOrHalted(t *testing.T) {
	b := newBench(t)
	s, _ := b.primary("a")
	for name, end := range map[string]func(){"overtaken": func() { b.primary("b"); go s.Leads() }, "halted": s.Halt} {
		var w resp.Writer
		c := b.call("set k v", &w)
		c.Spec = script(func() {
			end()
			for s.Yield(errBusy) == nil {
			}
		})
		turn := s.Begin()
		_, fatal := turn.Run(c)
		turn.End()
		if name == "overtaken" && fatal == nil {
			t.Errorf("%s: the script's reply may leave", name)
		}
		s.Reset()
		b.catchUp(s, s.log)
		if err := s.Lead(t.Context(), "test", 0, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkTurn(b *testing.B) {
	s := New(Config{NewDB: func() *keyspace.DB { return keyspace.New(keyspace.Config{}) }, Now: func() time.Time { return time.UnixMilli(1) }})
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			turn, err := s.Enter()
			if err != nil {
				b.Fatal(err)
			}
			turn.End()
		}
	})
	b.Run("contended", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				turn, err := s.Enter()
				if err != nil {
					b.Fatal(err)
				}
				turn.End()
			}
		})
	})
}
