package logtest

import (
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// lead appends a Lead entry of the epoch after the tail.
func (s *suite) lead(l txlog.Log, epoch, pulse uint64) error {
	s.Helper()
	_, err := l.Append(l.Tail(), txlog.Entry{Kind: txlog.Lead, Epoch: epoch, Engine: 1, Payload: txlog.Leadership{Node: "n"}.Encode(), Pulse: pulse})
	return err
}

func (s *suite) must(err error, what string) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

func pulse(t *testing.T, s *suite) {
	a, b := s.open("a"), s.open("a")
	seen := map[uint64]bool{0: true}
	moved := func(want bool, what string) {
		t.Helper()
		if a.Pulse() != b.Pulse() {
			t.Errorf("%s: two handles see the pulses %d and %d", what, a.Pulse(), b.Pulse())
		}
		if seen[a.Pulse()] == want {
			t.Errorf("%s: the pulse is %d; want that it moves: %v", what, a.Pulse(), want)
		}
		seen[a.Pulse()] = true
	}
	moved(true, "open")
	s.must(s.lead(a, 1, 0), "lead")
	moved(true, "lead")
	s.must(b.Renew(s.ctx(), 1), "renew")
	moved(true, "renew")
	s.must(a.Renew(s.ctx(), 1), "renew")
	moved(true, "renew again")
	s.append(a, "data")
	moved(false, "data")
	tail := a.Tail()
	s.wantErr(a.Renew(s.ctx(), 2), txlog.ErrConflict, "renew of an epoch to come")
	s.must(s.lead(b, 2, 0), "lead")
	moved(true, "second lead")
	s.wantErr(a.Renew(s.ctx(), 1), txlog.ErrConflict, "renew by the leader before")
	moved(false, "refused renewals")
	if a.Tail() != tail+1 {
		t.Errorf("the tail is %v, want %v: renewals have no position", a.Tail(), tail+1)
	}
	other := s.open("b")
	before := other.Pulse()
	s.must(a.Renew(s.ctx(), 2), "renew")
	if other.Pulse() != before || before == 0 {
		t.Errorf("another shard's pulse is %d, before %d", other.Pulse(), before)
	}
}

func leadByPulse(t *testing.T, s *suite) {
	a, b := s.open("a"), s.open("a")
	s.must(s.lead(a, 1, a.Pulse()), "lead")
	old := b.Pulse()
	s.must(a.Renew(s.ctx(), 1), "renew")
	tail := a.Tail()
	s.wantErr(s.lead(b, 2, old), txlog.ErrConflict, "lead by a pulse that has passed")
	if a.Tail() != tail || a.Epoch() != 1 {
		t.Fatalf("a refused lead moved the tail to %v, the epoch to %d", a.Tail(), a.Epoch())
	}
	s.must(s.lead(b, 2, b.Pulse()), "lead by the pulse as it is")
	s.wantErr(s.lead(a, 3, old), txlog.ErrConflict, "lead by the same old pulse")
	s.wait(a, tail+1)
}

func renewHeld(_ *testing.T, s *suite) {
	l := s.open("a")
	s.must(s.lead(l, 1, 0), "lead")
	s.wait(l, l.Tail())
	release := s.Hold()
	s.append(l, "held")
	s.must(l.Renew(s.ctx(), 1), "renew while disks are held")
	release()
	s.wait(l, l.Tail())
}

func renewFailed(t *testing.T, s *suite) {
	l := s.open("a")
	s.must(s.lead(l, 1, 0), "lead")
	s.wait(l, l.Tail())
	release := s.Hold()
	pos := s.append(l, "unknown")
	mend := s.Fail()
	s.wantErr(l.Wait(s.ctx(), pos), txlog.ErrUnknown, "wait")
	before := l.Pulse()
	s.wantErr(l.Renew(s.ctx(), 1), txlog.ErrUnavailable, "renew without most zones")
	if l.Pulse() != before {
		t.Error("a refused renewal moved the pulse")
	}
	release()
	mend()
	s.until("the log became writable", func() bool { return l.Writable() == nil })
	s.must(l.Renew(s.ctx(), 1), "renew after the zones are back")
}

func pulseReopened(t *testing.T, s *suite) {
	l := s.open("a")
	s.must(s.lead(l, 1, 0), "lead")
	s.wait(l, l.Tail())
	old := l.Pulse()
	s.Reopen(t)
	again := s.open("a")
	if again.Pulse() == old || again.Pulse() == 0 {
		t.Errorf("pulse %d, before %d", again.Pulse(), old)
	}
	s.wantErr(s.lead(again, 2, old), txlog.ErrConflict, "lead by a pulse from before")
	s.must(again.Renew(s.ctx(), 1), "renew")
}
