package logtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

func emptyLog(t *testing.T, s *suite) {
	l := s.open("a")
	if l.Tail() != 0 || l.Durable() != 0 || l.Epoch() != 0 || l.First() != 1 {
		t.Fatalf("empty log: tail %v, durable %v, epoch %d, first %v", l.Tail(), l.Durable(), l.Epoch(), l.First())
	}
	if err := l.Writable(); err != nil {
		t.Fatalf("empty log is not writable: %v", err)
	}
	if records := s.all(l); len(records) != 0 {
		t.Fatalf("empty log holds %d records", len(records))
	}
	s.wait(l, 0)
}

func positions(t *testing.T, s *suite) {
	l := s.open("a")
	s.append(l, "one")
	s.append(l, "two", "three", "four")
	s.wait(l, s.append(l, "five"))
	records := s.all(l)
	s.texts(records, "one", "two", "three", "four", "five")
	for i, r := range records {
		if r.Pos != txlog.Pos(i+1) || r.Kind != txlog.Data || r.Epoch != 1 || r.Engine != 1 {
			t.Errorf("record %d is %+v", i, r)
		}
	}
}

func appendNothing(t *testing.T, s *suite) {
	l := s.open("a")
	pos := s.append(l, "one")
	if got, err := l.Append(pos); got != pos || err != nil {
		t.Errorf("append of nothing at the tail: %v, %v", got, err)
	}
	_, err := l.Append(0)
	s.wantErr(err, txlog.ErrConflict, "append of nothing at an old position")
}

func conflict(t *testing.T, s *suite) {
	l := s.open("a")
	pos := s.append(l, "one", "two")
	for _, after := range []txlog.Pos{0, pos - 1, pos + 1, pos + 100} {
		_, err := l.Append(after, data("wrong"), data("wrong"))
		s.wantErr(err, txlog.ErrConflict, fmt.Sprintf("append after %v", after))
		if l.Tail() != pos {
			t.Fatalf("a refused append moved the tail to %v", l.Tail())
		}
	}
	s.wait(l, s.append(l, "three"))
	s.texts(s.all(l), "one", "two", "three")
}

func overtaken(_ *testing.T, s *suite) {
	a, b := s.open("a"), s.open("a")
	pos := s.append(a, "a1")
	posB := s.append(b, "b1") // b has seen a1
	_, err := a.Append(pos, data("a2"))
	s.wantErr(err, txlog.ErrConflict, "append by the overtaken writer")
	_, err = a.Append(pos, data("a2"))
	s.wantErr(err, txlog.ErrConflict, "second append by the overtaken writer")
	s.wait(a, posB)
	s.texts(s.all(a), "a1", "b1")
	s.wait(a, s.append(a, "a2")) // a has caught up
	s.texts(s.all(b), "a1", "b1", "a2")
}

func racing(t *testing.T, s *suite) {
	const writers, each = 4, 50
	var mu sync.Mutex
	won := map[txlog.Pos]string{}
	var all sync.WaitGroup
	for w := range writers {
		l := s.open("a")
		all.Go(func() {
			for n := 0; n < each; {
				after := l.Tail()
				text := fmt.Sprintf("w%d-%d", w, n)
				pos, err := l.Append(after, data(text))
				if errors.Is(err, txlog.ErrConflict) {
					continue
				}
				if err != nil || pos != after+1 {
					t.Errorf("append after %v: %v, %v", after, pos, err)
					return
				}
				mu.Lock()
				if other, ok := won[pos]; ok {
					t.Errorf("position %v was given to %s and %s", pos, other, text)
				}
				won[pos] = text
				mu.Unlock()
				n++
			}
		})
	}
	all.Wait()
	l := s.open("a")
	s.wait(l, writers*each)
	for _, r := range s.all(l) {
		if won[r.Pos] != string(r.Payload) {
			t.Errorf("position %v holds %q, won by %q", r.Pos, r.Payload, won[r.Pos])
		}
	}
}

func pipelining(t *testing.T, s *suite) {
	l := s.open("a")
	release := s.Hold()
	var pos txlog.Pos
	texts := numbered("r", 500)
	for _, text := range texts { // none of these may wait for the disk, which is held
		next, err := l.Append(pos, data(text))
		if err != nil {
			t.Fatalf("append after %v: %v", pos, err)
		}
		pos = next
	}
	if l.Durable() != 0 {
		t.Fatalf("durable is %v while the disk is held", l.Durable())
	}
	done := spawn(func() error { return l.Wait(s.ctx(), pos) })
	s.pending(done, "wait")
	release()
	if err := <-done; err != nil {
		t.Fatalf("wait: %v", err)
	}
	s.texts(s.all(l), texts...)
}

func tooLarge(_ *testing.T, s *suite) {
	l := s.open("a")
	pos := s.append(l, "one")
	_, err := l.Append(pos, data("two"), txlog.Entry{Kind: txlog.Data, Payload: make([]byte, txlog.MaxPayload+1)})
	s.wantErr(err, txlog.ErrTooLarge, "append of more than MaxPayload")
	if l.Tail() != pos {
		s.Fatalf("a refused append moved the tail to %v", l.Tail())
	}
	s.wait(l, s.append(l, "three"))
	s.texts(s.all(l), "one", "three")
}

func ownership(t *testing.T, s *suite) {
	l := s.open("a")
	payload := []byte("before")
	pos, err := l.Append(0, txlog.Entry{Kind: txlog.Data, Payload: payload})
	if err != nil {
		t.Fatal(err)
	}
	copy(payload, "after!")
	s.wait(l, pos)
	records := s.all(l)
	s.texts(records, "before")
	copy(records[0].Payload, "mine!!")
	_ = append(records[0].Payload, "more"...)
	s.texts(s.all(l), "before")
}

func chain(t *testing.T, s *suite) {
	l := s.open("a")
	entries := []txlog.Entry{
		{Kind: txlog.Lead, Epoch: 3, Engine: 1, Payload: txlog.Leadership{Node: "n", Version: "v"}.Encode()},
		{Kind: txlog.Data, Epoch: 3, Engine: 2, Payload: []byte("x")},
		{Kind: txlog.Data, Epoch: 3, Engine: 2},
	}
	pos, err := l.Append(0, entries...)
	if err != nil {
		t.Fatal(err)
	}
	s.wait(l, pos)
	var c txlog.Chain
	for i, r := range s.all(l) {
		e := entries[i]
		c = c.Next(r.Pos, e)
		if r.Chain != c || r.Kind != e.Kind || r.Epoch != e.Epoch || r.Engine != e.Engine || string(r.Payload) != string(e.Payload) {
			t.Errorf("record %v is %+v, want %+v with chain %x", r.Pos, r, e, uint64(c))
		}
	}
}

func epoch(t *testing.T, s *suite) {
	l, other := s.open("a"), s.open("a")
	release := s.Hold()
	defer release()
	lead := func(epoch uint64) {
		e := txlog.Entry{Kind: txlog.Lead, Epoch: epoch, Payload: txlog.Leadership{Node: "n"}.Encode()}
		if _, err := l.Append(l.Tail(), e); err != nil {
			t.Fatal(err)
		}
	}
	lead(7)
	if l.Epoch() != 7 || other.Epoch() != 7 {
		t.Fatalf("epoch after an accepted leadership: %d, and %d on another handle, want 7", l.Epoch(), other.Epoch())
	}
	s.append(l, "data of epoch 1 changes nothing")
	if l.Epoch() != 7 {
		t.Fatalf("epoch is %d after data", l.Epoch())
	}
	if _, err := l.Append(0, txlog.Entry{Kind: txlog.Lead, Epoch: 9}); err == nil || l.Epoch() != 7 {
		t.Fatalf("epoch is %d after a refused leadership (%v)", l.Epoch(), err)
	}
	lead(8)
	if other.Epoch() != 8 {
		t.Fatalf("epoch is %d, want 8", other.Epoch())
	}
}

func independent(t *testing.T, s *suite) {
	a, b := s.open("a"), s.open("b")
	s.append(a, "a1", "a2")
	s.append(b, "b1")
	s.wait(a, s.append(a, "a3"))
	s.wait(b, 1)
	s.texts(s.all(a), "a1", "a2", "a3")
	s.texts(s.all(b), "b1")
	if err := a.Trim(3); err != nil {
		t.Fatal(err)
	}
	s.texts(s.all(b), "b1")
}
