package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/rdb"
	"github.com/openmemorydb/memorydb/engine/slot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// load is a restore that runs.
type load struct {
	n        *Node
	ctx      context.Context // of one call of Restore
	filter   func(slot uint16) bool
	trial    *keyspace.DB // values are made in it to see whether they are sound
	report   RestoreReport
	batch    batch
	changed  bool // something may have been restored
	inFlight []inFlight
	bytes    int // of inFlight

	libraries map[string]bool // the codes that were restored
}

// inFlight is a record that may not be durable yet.
type inFlight struct {
	pos   txlog.Pos
	bytes int
}

func (n *Node) newLoad(ctx context.Context, filter func(slot uint16) bool) *load {
	l := &load{n: n, ctx: ctx, filter: filter, libraries: map[string]bool{}, batch: batch{n: n}, trial: keyspace.New(keyspace.Config{PackedDigest: datatype.PackedDigest})}
	n.shard.View(func(db *keyspace.DB) { l.trial.Limits = db.Limits })
	return l
}

// file restores a file: one that can be read twice is checked before.
func (l *load) file(r io.Reader) error {
	size, before := int64(math.MaxInt64), l.report
	if s, ok := r.(io.Seeker); ok {
		if begin, err := s.Seek(0, io.SeekCurrent); err == nil { // a pipe can't
			end, err := s.Seek(0, io.SeekEnd)
			if err == nil {
				_, err = s.Seek(begin, io.SeekStart)
			}
			size = end - begin
			if err == nil {
				err = rdb.ReadFile(l.reader(r), size, l.trial, l.checker())
			}
			if err == nil {
				_, err = s.Seek(begin, io.SeekStart)
			}
			if err != nil {
				return err
			}
			l.report = before
		}
	}
	if err := rdb.ReadFile(l.reader(r), size, l.trial, l.loader()); err != nil {
		return err
	}
	if err := l.run(); err != nil {
		return err
	}
	return l.drain(0)
}

// reader counts what is read, and ends it when ctx does.
func (l *load) reader(r io.Reader) io.Reader { return &reader{l: l, r: r} }

type reader struct {
	l *load
	r io.Reader
}

// Read reads on.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.l.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	r.l.report.Bytes += int64(n)
	return n, err
}

// checker reads a file and changes nothing.
func (l *load) checker() rdb.Handler {
	library := l.n.scripts.Trial()
	return rdb.Handler{
		Function: func(code []byte) error { return library(string(code)) },
		Payload: func(database int, _ rdb.Entry, payload []byte) error {
			err := inCluster(database)
			if err == nil && !l.empty(payload) {
				err = l.sound(payload)
			}
			return err
		},
		MaxValue: restoreValue,
	}
}

// inCluster is nil if a cluster has the database.
func inCluster(database int) error {
	if database != 0 {
		return fmt.Errorf("a key of database %d: %w", database, ErrDatabase)
	}
	return nil
}

// sound makes a value to see whether it can be made.
func (l *load) sound(payload []byte) error {
	v, err := rdb.Restore(payload, l.trial)
	if err == nil && v.Object != nil {
		v.Object.Free()
	}
	return err
}

// emptyMost is the greatest size of a payload that is looked at to see whether it is an empty collection, in bytes.
const emptyMost = 64

// empty says whether a value is a collection without elements. Servers before Redis 7.0 may have left some; Redis leaves them out, too.
func (l *load) empty(payload []byte) bool {
	return payload[0] != 0 && len(payload) <= emptyMost && errors.Is(l.sound(payload), rdb.ErrEmpty)
}

// loader restores what a file holds.
func (l *load) loader() rdb.Handler {
	library := l.n.scripts.Trial()
	return rdb.Handler{
		Aux: func(name, value []byte) error {
			if string(name) == "redis-ver" || string(name) == "valkey-ver" {
				l.report.RedisVersion = string(value)
			}
			return nil
		},
		Module: func(name string) error {
			if !slices.Contains(l.report.Modules, name) {
				l.report.Modules = append(l.report.Modules, name)
			}
			return nil
		},
		Function: func(code []byte) error {
			if l.libraries[string(code)] {
				return nil
			}
			l.libraries[string(code)] = true
			if err := library(string(code)); err != nil { // under the turn it might run for ever
				return err
			}
			return l.function(code)
		},
		Payload:  l.key,
		MaxValue: restoreValue,
	}
}

// function restores a library.
func (l *load) function(code []byte) error {
	b := &l.batch
	b.text("function")
	b.text("load")
	b.word(code)
	l.report.Libraries++
	if err := b.end(item{}); err != nil {
		return err
	}
	return l.run()
}

// key restores a key, or leaves it out.
func (l *load) key(database int, x rdb.Entry, payload []byte) error {
	if err := inCluster(database); err != nil {
		return err
	}
	if !l.filter(slot.Of(x.Key)) {
		l.report.Skipped++
		return nil
	}
	if l.empty(payload) {
		l.report.Empty++
		return nil
	}
	if x.ExpireAt < 0 { // before the epoch: RESTORE knows no such times
		l.report.Expired++
		return nil
	}
	b := &l.batch
	if b.size > 0 && b.size+len(x.Key)+len(payload) > restoreRecord {
		if err := l.run(); err != nil {
			return err
		}
	}
	l.report.Keys++
	b.text("restore")
	b.word(x.Key)
	b.number(x.ExpireAt)
	b.word(payload)
	if x.ExpireAt > 0 {
		b.text("ABSTTL")
	}
	switch {
	case x.Idle >= 0:
		b.text("IDLETIME")
		b.number(x.Idle)
	case x.Freq >= 0:
		b.text("FREQ")
		b.number(int64(x.Freq))
	}
	if err := b.end(item{offset: x.Offset, key: b.next().Argv[1], expireAt: x.ExpireAt}); err != nil {
		return err
	}
	if b.size >= restoreRecord {
		return l.run()
	}
	return nil
}

// run executes what was collected and waits if too much is on its way to the log.
func (l *load) run() error {
	b := &l.batch
	if len(b.items) == 0 {
		return nil
	}
	if err := l.drain(max(restoreInFlight-b.size, 0)); err != nil {
		return err
	}
	l.changed = true
	size := b.size
	pos, err := b.run()
	if err != nil {
		return err
	}
	l.report.Keys -= b.expired
	l.report.Expired += b.expired
	l.inFlight = append(l.inFlight, inFlight{pos, size})
	l.bytes += size
	return nil
}

// drain waits until at most so many bytes are on their way to the log.
func (l *load) drain(most int) error {
	n := 0
	for ; l.bytes > most; n++ {
		if err := l.n.shard.Wait(l.ctx, l.inFlight[n].pos); err != nil {
			return err
		}
		l.bytes -= l.inFlight[n].bytes
	}
	l.inFlight = slices.Delete(l.inFlight, 0, n)
	return nil
}
