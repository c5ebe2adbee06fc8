package memlog_test

import (
	"context"
	"errors"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/logtest"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

func TestConformance(t *testing.T) {
	logtest.Run(t, func(testing.TB) logtest.Backend {
		gate := &memlog.Gate{}
		m := memlog.New(gate)
		return logtest.Backend{
			Shard:  func(id string) (txlog.Log, error) { return m.Shard(id), nil },
			Hold:   func() func() { gate.Close(); return gate.Open },
			Fail:   func() func() { gate.Fail(); return gate.Open },
			Reopen: func(testing.TB) { m.Crash(true) },
		}
	})
}

func data(text string) txlog.Entry { return txlog.Entry{Kind: txlog.Data, Payload: []byte(text)} }

func TestCrashLosesOrKeepsWhatIsPending(t *testing.T) {
	for _, keep := range []bool{true, false} {
		gate := &memlog.Gate{}
		m := memlog.New(gate)
		l := m.Shard("a")
		if _, err := l.Append(0, txlog.Entry{Kind: txlog.Lead, Epoch: 1}); err != nil {
			t.Fatal(err)
		}
		gate.Close()
		if _, err := l.Append(1, txlog.Entry{Kind: txlog.Lead, Epoch: 2}); err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() { waited <- l.Wait(context.Background(), 2) }()
		m.Crash(keep)
		if err := <-waited; !errors.Is(err, txlog.ErrClosed) {
			t.Errorf("wait over a crash: %v", err)
		}
		gate.Open()
		l = m.Shard("a")
		want := txlog.Pos(1)
		if keep {
			want = 2
		}
		if l.Tail() != want || l.Durable() != want || l.Epoch() != uint64(want) {
			t.Errorf("keep %v: tail %v, durable %v, epoch %d", keep, l.Tail(), l.Durable(), l.Epoch())
		}
		if _, err := l.Append(want, data("next")); err != nil {
			t.Errorf("keep %v: append: %v", keep, err)
		}
		records, err := l.Read(context.Background(), 1, 1<<20)
		if err != nil || len(records) != int(want)+1 {
			t.Fatalf("keep %v: %d records, %v", keep, len(records), err)
		}
		var c txlog.Chain
		for _, r := range records {
			if c = c.Next(r.Pos, txlog.Entry{Kind: r.Kind, Epoch: r.Epoch, Engine: r.Engine, Payload: r.Payload}); c != r.Chain {
				t.Errorf("keep %v: chain breaks at %v", keep, r.Pos)
			}
		}
	}
}

func TestGateRefuses(t *testing.T) {
	gate := &memlog.Gate{}
	l := memlog.New(gate).Shard("a")
	gate.Refuse(txlog.ErrFull)
	if _, err := l.Append(0, data("x")); !errors.Is(err, txlog.ErrFull) || !errors.Is(l.Writable(), txlog.ErrFull) {
		t.Errorf("append: %v, writable: %v", err, l.Writable())
	}
	gate.Refuse(nil)
	if _, err := l.Append(0, data("x")); err != nil {
		t.Errorf("append after space came back: %v", err)
	}
}

func TestDropForgets(t *testing.T) {
	m := memlog.New(nil)
	if _, err := m.Shard("a").Append(0, data("x")); err != nil {
		t.Fatal(err)
	}
	if err := m.Drop("a"); err != nil {
		t.Fatal(err)
	}
	if tail := m.Shard("a").Tail(); tail != 0 {
		t.Errorf("tail of a shard made anew is %v", tail)
	}
}
