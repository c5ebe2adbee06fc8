package logtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

func waitDurable(t *testing.T, s *suite) {
	l := s.open("a")
	release := s.Hold()
	pos := s.append(l, "one")
	done := spawn(func() error { return l.Wait(s.ctx(), pos) })
	s.pending(done, "wait")
	if l.Durable() != 0 {
		t.Fatalf("durable is %v while the disk is held", l.Durable())
	}
	release()
	if err := <-done; err != nil {
		t.Fatalf("wait: %v", err)
	}
	if l.Durable() != pos {
		t.Fatalf("durable is %v, want %v", l.Durable(), pos)
	}
	s.wait(l, pos) // again, and for what is before
	s.wait(l, 0)
}

func waitContext(_ *testing.T, s *suite) {
	l := s.open("a")
	release := s.Hold()
	defer release()
	pos := s.append(l, "one")
	for _, p := range []txlog.Pos{pos, pos + 1} {
		ctx, cancel := context.WithCancel(s.ctx())
		done := spawn(func() error { return l.Wait(ctx, p) })
		s.pending(done, "wait")
		cancel()
		s.wantErr(<-done, context.Canceled, "wait with a context that has ended")
	}
}

func readDurable(t *testing.T, s *suite) {
	l := s.open("a")
	s.wait(l, s.append(l, "one"))
	release := s.Hold()
	s.append(l, "two")
	s.texts(s.all(l), "one")
	if records, err := l.Read(s.ctx(), 2, 1<<20); err != nil || len(records) != 0 {
		t.Fatalf("read of a record that is not durable: %d records, %v", len(records), err)
	}
	release()
	s.wait(l, 2)
	s.texts(s.all(l), "one", "two")
	ctx, cancel := context.WithCancel(s.ctx())
	cancel()
	_, err := l.Read(ctx, 1, 1)
	s.wantErr(err, context.Canceled, "read with a context that has ended")
}

func nobodyWaits(_ *testing.T, s *suite) {
	l := s.open("a")
	pos := s.append(l, "one")
	s.until("the record became durable", func() bool { return l.Durable() == pos })
	pos = s.append(l, "two")
	s.until("the second record became durable", func() bool { return l.Durable() == pos })
}

func follow(t *testing.T, s *suite) {
	const n = 300
	writer := s.open("a")
	texts := numbered("r", n)
	var readers []<-chan error
	for range 3 {
		l := s.open("a")
		readers = append(readers, spawn(func() error {
			for next := txlog.Pos(1); next <= n; {
				if err := l.Wait(s.ctx(), next); err != nil {
					return fmt.Errorf("wait for %v: %w", next, err)
				}
				records, err := l.Read(s.ctx(), next, 1<<10)
				if err != nil || len(records) == 0 {
					return fmt.Errorf("read from %v after waiting: %d records, %w", next, len(records), err)
				}
				for _, r := range records {
					if r.Pos != next || string(r.Payload) != texts[next-1] {
						return fmt.Errorf("position %v holds %q where %v was due", r.Pos, r.Payload, next)
					}
					next++
				}
			}
			return nil
		}))
	}
	for i, text := range texts {
		pos := s.append(writer, text)
		if i%7 == 0 {
			s.wait(writer, pos)
		}
	}
	for _, done := range readers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func readBytes(t *testing.T, s *suite) {
	l := s.open("a")
	big := string(bytes.Repeat([]byte("x"), 1000))
	s.wait(l, s.append(l, big, big, big, big))
	for _, c := range []struct{ max, want int }{{0, 1}, {1, 1}, {999, 1}, {1000, 1}, {1999, 1}, {2000, 2}, {3500, 3}, {1 << 20, 4}} {
		records, err := l.Read(s.ctx(), 1, c.max)
		if err != nil || len(records) != c.want {
			t.Errorf("read of at most %d bytes: %d records, %v; want %d", c.max, len(records), err, c.want)
		}
	}
	if records, err := l.Read(s.ctx(), 3, 1<<20); err != nil || len(records) != 2 || records[0].Pos != 3 {
		t.Errorf("read from the middle: %d records, %v", len(records), err)
	}
	if records, err := l.Read(s.ctx(), 100, 1<<20); err != nil || len(records) != 0 {
		t.Errorf("read from beyond the tail: %d records, %v", len(records), err)
	}
}

func payloads(t *testing.T, s *suite) {
	l := s.open("a")
	rnd := rand.New(rand.NewPCG(1, 2))
	var want [][]byte
	for _, size := range []int{0, 1, 7, 100, 511, 512, 513, 4096, 65535, 65536, 300000, 3 << 20} {
		noise := make([]byte, size)
		for i := range noise {
			noise[i] = byte(rnd.Uint32())
		}
		want = append(want, noise, bytes.Repeat([]byte{'a'}, size))
	}
	entries := make([]txlog.Entry, len(want))
	for i, p := range want {
		entries[i] = txlog.Entry{Kind: txlog.Data, Epoch: uint64(i), Engine: uint16(i), Payload: p}
	}
	pos, err := l.Append(0, entries[:len(entries)/2]...)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries[len(entries)/2:] {
		if pos, err = l.Append(pos, e); err != nil {
			t.Fatal(err)
		}
	}
	s.wait(l, pos)
	records := s.all(l)
	if len(records) != len(want) {
		t.Fatalf("log holds %d records, want %d", len(records), len(want))
	}
	for i, r := range records {
		if !bytes.Equal(r.Payload, want[i]) || r.Epoch != uint64(i) || r.Engine != uint16(i) {
			t.Errorf("record %v holds %d bytes, epoch %d, engine %d; want %d bytes, %d, %d", r.Pos, len(r.Payload), r.Epoch, r.Engine, len(want[i]), i, i)
		}
	}
}

func trim(t *testing.T, s *suite) {
	l, other := s.open("a"), s.open("a")
	s.wait(l, s.append(l, numbered("r", 10)...))
	for _, before := range []txlog.Pos{0, 1, 4, 2, 6} {
		if err := l.Trim(before); err != nil {
			t.Fatalf("trim before %v: %v", before, err)
		}
	}
	if l.First() != 6 || other.First() != 6 {
		t.Fatalf("first is %v, and %v on another handle, want 6", l.First(), other.First())
	}
	for _, from := range []txlog.Pos{1, 5} {
		_, err := other.Read(s.ctx(), from, 1)
		s.wantErr(err, txlog.ErrTrimmed, fmt.Sprintf("read of position %v", from))
	}
	s.texts(s.all(l), numbered("r", 10)[5:]...)
	if err := l.Trim(11); err != nil {
		t.Fatal(err)
	}
	if l.First() != 11 || len(s.all(l)) != 0 || l.Tail() != 10 || l.Durable() != 10 {
		t.Fatalf("after trimming all: first %v, tail %v, durable %v", l.First(), l.Tail(), l.Durable())
	}
	s.wait(l, s.append(l, "next"))
	s.texts(s.all(l), "next")
}

func trimDurable(t *testing.T, s *suite) {
	l := s.open("a")
	s.wait(l, s.append(l, "one"))
	release := s.Hold()
	s.append(l, "two", "three")
	if err := l.Trim(100); err != nil {
		t.Fatal(err)
	}
	if l.First() != 2 {
		t.Fatalf("first is %v after a trim beyond durable position 1, want 2", l.First())
	}
	release()
	s.wait(l, 3)
	s.texts(s.all(l), "two", "three")
}

// stress has several writers, followers and a trimmer on two shards; it is meant for the race detector.
func stress(t *testing.T, s *suite) {
	const each, writers = 60, 3
	var all sync.WaitGroup
	for _, id := range []string{"a", "b"} {
		for w := range writers {
			l := s.open(id)
			all.Go(func() {
				for n := 0; n < each; {
					pos, err := l.Append(l.Tail(), data(fmt.Sprintf("%s %d %d", id, w, n)))
					if err != nil {
						continue
					}
					n++
					if err := l.Wait(s.ctx(), pos); err != nil {
						t.Errorf("wait for %v: %v", pos, err)
						return
					}
				}
			})
		}
		l := s.open(id)
		all.Go(func() {
			var c txlog.Chain
			for next := txlog.Pos(1); next <= writers*each; {
				if err := l.Wait(s.ctx(), next); err != nil {
					t.Errorf("wait for %v: %v", next, err)
					return
				}
				records, err := l.Read(s.ctx(), next, 200)
				if err != nil {
					t.Errorf("read from %v: %v", next, err)
					return
				}
				for _, r := range records {
					if c = c.Next(r.Pos, entryOf(r)); c != r.Chain {
						t.Errorf("chain breaks at %v", r.Pos)
						return
					}
					next++
				}
				if err := l.Trim(next - 1); err != nil {
					t.Errorf("trim: %v", err)
				}
			}
		})
	}
	all.Wait()
}
