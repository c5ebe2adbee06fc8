package shard

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

const testLease = 500 * time.Millisecond

// slowLog takes its time to renew, and refuses if it is told to.
type slowLog struct {
	txlog.Log
	renewing func() error
}

func (l *slowLog) Renew(ctx context.Context, epoch uint64) error {
	if l.renewing != nil {
		if err := l.renewing(); err != nil {
			return err
		}
	}
	return l.Log.Renew(ctx, epoch)
}

// leased is a primary with a lease from the moment 0 of the clock on.
func (b *bench) leased(id string, clock *time.Duration) (*Shard, *slowLog) {
	b.Helper()
	log := &slowLog{Log: b.memory.Shard("s")}
	s := New(Config{
		NodeID: id, Log: log, Table: b.table, NewDB: func() *keyspace.DB { return keyspace.New(keyspace.Config{}) }, Now: func() time.Time { return b.now },
		Lease: testLease, Elapsed: func() time.Duration { return *clock },
	})
	b.Cleanup(func() { s.db.Close() })
	b.catchUp(s, log)
	if err := s.Lead(context.Background(), "test", log.Pulse(), time.Hour); err != nil {
		b.Fatal(err)
	}
	return s, log
}

func (b *bench) fenced(s *Shard, words string, want bool) {
	b.Helper()
	var w resp.Writer
	turn := s.Begin()
	_, err := turn.Run(b.call(words, &w))
	turn.End()
	if errors.Is(err, ErrFenced) != want {
		b.Errorf("%s: %v, want fenced: %v", words, err, want)
	}
}

func TestLeaseEndsAndIsRenewed(t *testing.T) {
	b := newBench(t)
	var clock time.Duration
	s, log := b.leased("a", &clock)
	b.want(s, "set k v", "+OK\r\n", false)
	clock = testLease - 1
	b.fenced(s, "get k", false)
	clock = testLease
	b.fenced(s, "get k", true)
	if err := s.Serving(); !errors.Is(err, resp.ErrNoLease) {
		t.Errorf("Serving = %v", err)
	}
	log.renewing = func() error { return txlog.ErrUnavailable }
	if err := s.Renew(context.Background()); !errors.Is(err, txlog.ErrUnavailable) || s.Leased() {
		t.Errorf("renewal without zones: %v", err)
	}
	log.renewing = nil
	if err := s.Renew(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.want(s, "get k", "$1\r\nv\r\n", false) // nobody else can have led: it goes on
}

func TestLeaseIsCountedFromBeforeTheRenewal(t *testing.T) {
	b := newBench(t)
	var clock time.Duration
	s, log := b.leased("a", &clock)
	log.renewing = func() error { clock += 300 * time.Millisecond; return nil }
	clock = 100 * time.Millisecond
	if err := s.Renew(context.Background()); err != nil {
		t.Fatal(err)
	}
	clock = 100*time.Millisecond + testLease - 1
	b.fenced(s, "get k", false)
	clock++
	b.fenced(s, "get k", true)
}

func TestLeaseEndsInTheMiddleOfACall(t *testing.T) {
	b := newBench(t)
	var clock time.Duration
	s, _ := b.leased("a", &clock)
	b.want(s, "set k v", "+OK\r\n", false)
	row, _ := b.table.Lookup([][]byte{[]byte("get"), []byte("k")})
	run := row.Run
	slow := *row
	c := b.call("get k", &resp.Writer{})
	c.Spec = &slow
	slow.Run = func(c *command.Call) error { clock = testLease; return run(c) }
	turn := s.Begin()
	defer turn.End()
	if _, err := turn.Run(c); !errors.Is(err, ErrFenced) {
		t.Errorf("a read during which the lease ended: %v", err)
	}
}

func TestRenewalFindsOutThatAnotherLeads(t *testing.T) {
	b := newBench(t)
	var clock time.Duration
	s, _ := b.leased("a", &clock)
	b.primary("b")
	if err := s.Renew(context.Background()); !errors.Is(err, txlog.ErrConflict) {
		t.Fatalf("Renew = %v", err)
	}
	if s.Leased() || s.Role() != Loading {
		t.Errorf("leased %v, role %v", s.Leased(), s.Role())
	}
	select {
	case <-s.Lost():
	default:
		t.Error("nobody is told that the log is lost")
	}
}

func TestLeadByAPulseThatHasPassed(t *testing.T) {
	b := newBench(t)
	var clock time.Duration
	s, log := b.leased("a", &clock)
	other, otherLog := b.node("b")
	b.catchUp(other, otherLog)
	seen := otherLog.Pulse()
	if err := s.Renew(context.Background()); err != nil {
		t.Fatal(err)
	}
	tail := log.Tail()
	if err := other.Lead(context.Background(), "test", seen, 0); !errors.Is(err, txlog.ErrConflict) || log.Tail() != tail {
		t.Errorf("Lead = %v, tail %v, want %v", err, log.Tail(), tail)
	}
	if err := other.Lead(context.Background(), "test", otherLog.Pulse(), 0); err != nil {
		t.Error(err)
	}
}

func TestResignation(t *testing.T) {
	b := newBench(t)
	var clock time.Duration
	s, log := b.leased("a", &clock)
	b.want(s, "set k v", "+OK\r\n", false)
	other, otherLog := b.node("b")
	if err := other.Resign(context.Background(), ""); !errors.Is(err, ErrNotPrimary) {
		t.Errorf("Resign of a replica = %v", err)
	}
	if err := s.Resign(context.Background(), "b"); err != nil {
		t.Fatal(err)
	}
	if s.Role() != Replica || log.Durable() != log.Tail() {
		t.Errorf("role %v, durable %v of %v", s.Role(), log.Durable(), log.Tail())
	}
	b.want(s, "set k w", "-READONLY You can't write against a read only replica.\r\n", false)
	b.catchUp(other, otherLog)
	for name, n := range map[string]*Shard{"a": s, "b": other} {
		if to, vacant := n.Vacant(); to != "b" || !vacant {
			t.Errorf("%s: successor %q, vacant %v", name, to, vacant)
		}
	}
	if err := other.Lead(context.Background(), "test", otherLog.Pulse(), 0); err != nil {
		t.Fatal(err)
	}
	b.want(other, "set k w", "+OK\r\n", false)
	b.catchUp(s, log) // it goes on from where it was, checksums compared
	b.want(s, "get k", "$1\r\nw\r\n", false)
	if _, vacant := s.Vacant(); vacant {
		t.Error("the shard has a leader")
	}
	s.View(func(x *keyspace.DB) {
		other.View(func(y *keyspace.DB) {
			if x.Digest() != y.Digest() {
				t.Error("different keyspaces")
			}
		})
	})
}
