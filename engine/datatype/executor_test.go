package datatype_test

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/tidwall/redcon"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// executor runs calls on one DB as a shard's primary does, but for the log: effects of the last call are in effects.
type executor struct {
	mu      sync.Mutex
	table   *command.Table
	db      *keyspace.DB
	call    command.Call
	client  command.Client
	now     int64
	rand    *rand.Rand
	effects []byte
	changed map[string]int // how often a key was told as changed in the last call
	all     bool           // the last call changed the whole keyspace
	events  []string       // of the last call: class, event, key
	nowhere resp.Writer    // takes replies that nobody reads
}

func newExecutor(t testing.TB, now int64) *executor {
	t.Helper()
	limits := keyspace.DefaultLimits()
	limits.HashMaxListpackEntries = 512 // Redis 7.0's
	e := &executor{
		table: command.NewTable(true, datatype.Commands()),
		db: keyspace.New(keyspace.Config{
			Rand: rand.New(rand.NewPCG(1, 2)), Limits: limits, PackedDigest: datatype.PackedDigest,
		}),
		now: now, rand: rand.New(rand.NewPCG(3, 4)),
	}
	t.Cleanup(e.db.Close)
	e.db.OnExpired = func(key []byte) {
		e.Changed(key)
		e.Event('x', "expired", key)
		e.call.PropagateExpired(key)
	}
	return e
}

// Changed, ChangedAll and Event are command.Hooks.
func (e *executor) Changed(key []byte) { e.changed[string(key)]++ }
func (e *executor) ChangedAll()        { e.all = true }
func (e *executor) Event(class byte, event string, key []byte) {
	e.events = append(e.events, string(class)+" "+event+" "+string(key))
}

// run runs a request. The error is a resp.Error, or a fault.
func (e *executor) run(argv [][]byte, reply *resp.Writer, mode keyspace.ExpiryMode) error {
	e.changed, e.all, e.events, e.effects = map[string]int{}, false, nil, e.effects[:0]
	row, err := e.table.Lookup(argv)
	if err != nil {
		return err
	}
	c := &e.call
	c.Reset()
	c.Spec, c.Argv, c.DB, c.Reply, c.Now, c.Rand, c.Hooks = row, argv, e.db, reply, e.now, e.rand, e
	c.Client = nil
	if mode == keyspace.ExpireDelete {
		c.Client = &e.client
	}
	e.db.Now, e.db.Expiry = e.now, mode
	err = row.Run(c)
	e.db.Expiry = keyspace.ExpireIgnore
	e.effects = c.Effects(e.effects)
	for _, key := range c.Beside() {
		e.changed[string(key)]++
	}
	return err
}

// do runs a request as a client's and returns its reply on the wire.
func (e *executor) do(t testing.TB, words ...string) string {
	t.Helper()
	var w resp.Writer
	e.answer(t, bytesOf(words), &w)
	return string(w.Bytes())
}

func (e *executor) answer(t testing.TB, argv [][]byte, w *resp.Writer) {
	mark := w.Len()
	if err := e.run(argv, w, keyspace.ExpireDelete); err != nil {
		var refusal resp.Error
		if !errors.As(err, &refusal) {
			t.Errorf("%q: %v", argv, err)
		}
		w.Cut(mark)
		w.Error(refusal)
	}
}

func bytesOf(words []string) [][]byte {
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	return argv
}

// dial is a connection to a server that knows only the table's commands and HELLO. It ends when the test's end closes it.
func (e *executor) dial(t testing.TB) net.Conn {
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.serve(t, server)
	}()
	t.Cleanup(func() {
		_ = client.Close()
		<-done
	})
	return client
}

func (e *executor) serve(t testing.TB, conn net.Conn) {
	defer conn.Close()
	r := resp.NewReader(conn, resp.Limits{})
	var w resp.Writer
	for {
		if _, err := r.Fill(); err != nil {
			return
		}
		for {
			var cmd redcon.Command
			ok, err := r.Next(&cmd)
			if err != nil {
				t.Errorf("bad request: %v", err)
				return
			}
			if !ok {
				break
			}
			e.mu.Lock()
			if string(cmd.Args[0]) == "hello" {
				w.Proto = int(cmd.Args[1][0] - '0')
				w.OK()
			} else {
				e.answer(t, cmd.Args, &w)
			}
			e.mu.Unlock()
		}
		if _, err := conn.Write(w.Bytes()); err != nil {
			return
		}
		w.Reset(1 << 16)
	}
}
