// Package logtest checks that a backend keeps the contract of txlog.Log. Every backend runs the same suite in its own tests:
//
//	func TestConformance(t *testing.T) { logtest.Run(t, func(t testing.TB) logtest.Backend { … }) }
package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Backend is an empty set of logs under test. Tests that need a function which is nil are skipped.
type Backend struct {
	// Shard opens a handle on the log of a shard.
	Shard func(id string) (txlog.Log, error)
	// Hold keeps what is appended from becoming durable until release is called.
	Hold func() (release func())
	// Fail makes the outcome of what is held unknown, as when too few zones can be written, until mend is called. It is called after Hold.
	Fail func() (mend func())
	// Reopen does what the end of the process and a new start do, after everything accepted has become durable: older handles are dead, Shard opens new ones.
	Reopen func(t testing.TB)
}

// Run checks every sentence of the contract. open is called once a subtest; it registers its own cleanup.
func Run(t *testing.T, open func(t testing.TB) Backend) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := open(t)
			if c.hold && b.Hold == nil || c.fail && b.Fail == nil || c.reopen && b.Reopen == nil {
				t.Skip("the backend can't do it")
			}
			c.run(t, &suite{T: t, Backend: b})
		})
	}
}

// testCase is one sentence of the contract; hold, fail and reopen name what it needs of the backend.
type testCase struct {
	name               string
	hold, fail, reopen bool
	run                func(t *testing.T, s *suite)
}

var cases = []testCase{
	{name: "empty log", run: emptyLog},
	{name: "positions have no gaps", run: positions},
	{name: "append of nothing checks the position", run: appendNothing},
	{name: "append at the wrong position changes nothing", run: conflict},
	{name: "whoever was overtaken can't write", run: overtaken},
	{name: "racing writers win each position once", run: racing},
	{name: "appends pipeline without waiting", hold: true, run: pipelining},
	{name: "wait returns when durable, not before", hold: true, run: waitDurable},
	{name: "wait ends with its context", hold: true, run: waitContext},
	{name: "read returns durable records only", hold: true, run: readDurable},
	{name: "durable advances without anybody waiting", run: nobodyWaits},
	{name: "readers follow the log", run: follow},
	{name: "read is bounded by bytes", run: readBytes},
	{name: "payloads of every size", run: payloads},
	{name: "too large a payload appends nothing", run: tooLarge},
	{name: "append does not keep the payload", run: ownership},
	{name: "chain is the running checksum", run: chain},
	{name: "epoch is that of the newest leadership", hold: true, run: epoch},
	{name: "renewals and leads move the pulse", run: pulse},
	{name: "a lead by a pulse that has passed is refused", run: leadByPulse},
	{name: "renewals don't wait for disks", hold: true, run: renewHeld},
	{name: "renewals need most zones", hold: true, fail: true, run: renewFailed},
	{name: "a log that is opened anew has another pulse", reopen: true, run: pulseReopened},
	{name: "shards are independent", run: independent},
	{name: "trim forgets what is before", run: trim},
	{name: "trim never reaches beyond what is durable", hold: true, run: trimDurable},
	{name: "failure makes outcomes unknown and refuses appends", fail: true, hold: true, run: failure},
	{name: "a log that was mended holds what was unknown", fail: true, hold: true, run: mended},
	{name: "a closed handle is closed", run: closed},
	{name: "close wakes those who wait", run: closeWakes},
	{name: "reopen finds everything", reopen: true, run: reopen},
	{name: "reopen after trim goes on at the same position", reopen: true, run: reopenTrimmed},
	{name: "many writers, readers and trimmers at once", run: stress},
}

// suite is what the cases share: helpers that fail the test with a sentence.
type suite struct {
	*testing.T
	Backend
}

// patience bounds how long a case waits for something that must happen.
const patience = 20 * time.Second

func (s *suite) open(id string) txlog.Log {
	s.Helper()
	l, err := s.Shard(id)
	if err != nil {
		s.Fatalf("open log of shard %s: %v", id, err)
	}
	s.Cleanup(func() { _ = l.Close() })
	return l
}

func (s *suite) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.Cleanup(cancel)
	return ctx
}

// data is an entry that holds text.
func data(text string) txlog.Entry {
	return txlog.Entry{Kind: txlog.Data, Epoch: 1, Engine: 1, Payload: []byte(text)}
}

// append appends at the tail and fails the test if it can't.
func (s *suite) append(l txlog.Log, texts ...string) txlog.Pos {
	s.Helper()
	entries := make([]txlog.Entry, len(texts))
	for i, text := range texts {
		entries[i] = data(text)
	}
	tail := l.Tail()
	pos, err := l.Append(tail, entries...)
	if err != nil {
		s.Fatalf("append after %v: %v", tail, err)
	}
	if want := tail + txlog.Pos(len(texts)); pos != want || l.Tail() != want {
		s.Fatalf("append of %d entries after %v returned %v, tail is %v", len(texts), tail, pos, l.Tail())
	}
	return pos
}

func (s *suite) wait(l txlog.Log, pos txlog.Pos) {
	s.Helper()
	if err := l.Wait(s.ctx(), pos); err != nil {
		s.Fatalf("wait for %v: %v", pos, err)
	}
	if l.Durable() < pos {
		s.Fatalf("wait for %v has returned, durable is %v", pos, l.Durable())
	}
}

// all reads the whole log and checks that there is no gap and that the chain is right when it begins at 1.
func (s *suite) all(l txlog.Log) []txlog.Record {
	s.Helper()
	return s.readFrom(l, l.First())
}

func (s *suite) readFrom(l txlog.Log, from txlog.Pos) []txlog.Record {
	s.Helper()
	var out []txlog.Record
	var c txlog.Chain
	for next := from; ; {
		records, err := l.Read(s.ctx(), next, 1<<20)
		if err != nil {
			s.Fatalf("read from %v: %v", next, err)
		}
		if len(records) == 0 {
			if next <= l.Durable() {
				s.Fatalf("read from %v returned nothing, durable is %v", next, l.Durable())
			}
			return out
		}
		for _, r := range records {
			if r.Pos != next {
				s.Fatalf("read returned position %v where %v was due", r.Pos, next)
			}
			if next == 1 || next > from {
				if want := c.Next(r.Pos, entryOf(r)); r.Chain != want {
					s.Fatalf("chain of position %v is %x, want %x", r.Pos, uint64(r.Chain), uint64(want))
				}
			}
			c = r.Chain
			next++
		}
		out = append(out, records...)
	}
}

func entryOf(r txlog.Record) txlog.Entry {
	return txlog.Entry{Kind: r.Kind, Epoch: r.Epoch, Engine: r.Engine, Payload: r.Payload}
}

// texts checks that the records hold exactly these texts.
func (s *suite) texts(records []txlog.Record, want ...string) {
	s.Helper()
	if len(records) != len(want) {
		s.Fatalf("log holds %d records, want %d", len(records), len(want))
	}
	for i, r := range records {
		if !bytes.Equal(r.Payload, []byte(want[i])) {
			s.Fatalf("record %v holds %q, want %q", r.Pos, r.Payload, want[i])
		}
	}
}

func (s *suite) wantErr(err, want error, doing string) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("%s: got error %v, want %v", doing, err, want)
	}
}

// until polls a condition that has no event to wait for.
func (s *suite) until(what string, ok func() bool) {
	s.Helper()
	deadline := time.NewTimer(patience) // wiring: a test's clock
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond) // wiring: a test's clock
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			s.Fatalf("%s did not happen within %v", what, patience)
		case <-tick.C:
		}
	}
}

// pending fails the test if the wait in done has ended: it is called when nothing can have ended it.
func (s *suite) pending(done <-chan error, what string) {
	s.Helper()
	select {
	case err := <-done:
		s.Fatalf("%s has returned %v", what, err)
	default:
	}
}

// spawn runs fn and gives its result.
func spawn(fn func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	return done
}

func numbered(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return out
}
