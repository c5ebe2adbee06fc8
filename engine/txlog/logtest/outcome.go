package logtest

import (
	"context"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// failure: pending records have an unknown outcome, later appends are refused.
func failure(t *testing.T, s *suite) {
	l, b := s.open("a"), s.open("b")
	s.wait(l, s.append(l, "durable"))
	release := s.Hold()
	defer release()
	first := s.append(l, "pending")
	done := spawn(func() error { return l.Wait(s.ctx(), first) })
	last := s.append(l, "pending too")
	mend := s.Fail()
	defer mend()
	s.wantErr(<-done, txlog.ErrUnknown, "wait for a record whose log has failed")
	s.wantErr(l.Wait(s.ctx(), last), txlog.ErrUnknown, "wait for the record after it")
	s.wantErr(l.Wait(s.ctx(), first), txlog.ErrUnknown, "wait once more")
	s.wait(l, 1)
	s.wantErr(l.Writable(), txlog.ErrUnavailable, "writable")
	_, err := l.Append(last, data("refused"))
	s.wantErr(err, txlog.ErrUnavailable, "append after the failure")
	_, err = b.Append(0, data("refused"))
	s.wantErr(err, txlog.ErrUnavailable, "append to another shard after the failure")
	if l.Durable() != 1 || l.Tail() != last {
		t.Fatalf("durable is %v and tail %v, want 1 and %v", l.Durable(), l.Tail(), last)
	}
	s.texts(s.all(l), "durable") // reading goes on
}

// mended: a log that takes appends again has settled what was unknown, without giving out a position twice.
func mended(t *testing.T, s *suite) {
	l := s.open("a")
	release := s.Hold()
	first := s.append(l, "unknown")
	done := spawn(func() error { return l.Wait(s.ctx(), first) })
	second := s.append(l, "unknown too")
	mend := s.Fail()
	s.wantErr(<-done, txlog.ErrUnknown, "wait for a record whose log has failed")
	follower := spawn(func() error { return l.Wait(s.ctx(), second+1) })
	release()
	mend()
	s.until("the log became writable", func() bool { return l.Writable() == nil })
	if l.Durable() != second || l.Tail() != second {
		t.Fatalf("durable is %v and tail %v, want %v", l.Durable(), l.Tail(), second)
	}
	s.texts(s.all(l), "unknown", "unknown too")
	s.wait(l, s.append(l, "next"))
	if err := <-follower; err != nil {
		t.Fatalf("a reader that waits for a record beyond the tail: %v", err)
	}
	s.texts(s.all(l), "unknown", "unknown too", "next")
}

func closed(t *testing.T, s *suite) {
	l, other := s.open("a"), s.open("a")
	s.wait(l, s.append(l, "one"))
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	_, err := l.Append(1, data("refused"))
	s.wantErr(err, txlog.ErrClosed, "append to a closed handle")
	_, err = l.Read(s.ctx(), 1, 1)
	s.wantErr(err, txlog.ErrClosed, "read of a closed handle")
	s.wantErr(l.Wait(s.ctx(), 2), txlog.ErrClosed, "wait on a closed handle")
	s.wantErr(l.Trim(1), txlog.ErrClosed, "trim of a closed handle")
	s.wantErr(l.Writable(), txlog.ErrClosed, "writable of a closed handle")
	s.wait(other, s.append(other, "two"))
	s.texts(s.all(other), "one", "two")
}

func closeWakes(_ *testing.T, s *suite) {
	l := s.open("a")
	started := make(chan struct{})
	done := spawn(func() error {
		close(started)
		return l.Wait(context.Background(), 1)
	})
	<-started
	_ = l.Close()
	s.wantErr(<-done, txlog.ErrClosed, "wait on a handle that was closed")
}

func reopen(t *testing.T, s *suite) {
	old := s.open("a")
	texts := numbered("r", 300)
	lead := txlog.Entry{Kind: txlog.Lead, Epoch: 5, Engine: 1, Payload: txlog.Leadership{Node: "n", Version: "v"}.Encode()}
	if _, err := old.Append(0, lead); err != nil {
		t.Fatal(err)
	}
	s.wait(old, s.append(old, texts...))
	before := s.all(old)
	for round := range 3 {
		s.Reopen(t)
		l := s.open("a")
		if l.Tail() != txlog.Pos(301+round) || l.Durable() != l.Tail() || l.Epoch() != 5 || l.First() != 1 {
			t.Fatalf("after reopening: tail %v, durable %v, epoch %d, first %v", l.Tail(), l.Durable(), l.Epoch(), l.First())
		}
		after := s.all(l)
		for i, r := range before {
			if after[i].Pos != r.Pos || after[i].Chain != r.Chain || after[i].Kind != r.Kind || string(after[i].Payload) != string(r.Payload) {
				t.Fatalf("record %v changed: %+v, was %+v", r.Pos, after[i], r)
			}
		}
		_, err := l.Append(l.Tail()-1, data("late"))
		s.wantErr(err, txlog.ErrConflict, "append at an old position after reopening")
		s.wait(l, s.append(l, "more"))
	}
	_, err := old.Append(old.Tail(), data("dead"))
	if err == nil {
		t.Fatal("a handle from before took an append")
	}
}

func reopenTrimmed(t *testing.T, s *suite) {
	l := s.open("a")
	s.wait(l, s.append(l, numbered("r", 100)...))
	if err := l.Trim(101); err != nil {
		t.Fatal(err)
	}
	s.wait(l, s.append(l, "after"))
	s.Reopen(t)
	l = s.open("a")
	if l.Tail() != 101 || l.First() > 101 {
		t.Fatalf("after reopening: tail %v, first %v", l.Tail(), l.First())
	}
	s.texts(s.readFrom(l, 101), "after")
	s.wait(l, s.append(l, "more"))
	s.texts(s.readFrom(l, 101), "after", "more")
}
