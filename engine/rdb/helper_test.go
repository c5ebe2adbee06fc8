package rdb_test

import (
	"bufio"
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/rdb"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// executor runs commands on one DB, as a shard does, without a log.
type executor struct {
	table   *command.Table
	db      *keyspace.DB
	rand    *rand.Rand
	now     int64
	mode    keyspace.ExpiryMode
	events  []string
	effects []string
}

func newExecutor(t testing.TB) *executor {
	t.Helper()
	limits := keyspace.DefaultLimits()
	e := &executor{
		table: command.NewTable(true, datatype.Commands(), rdb.Commands()),
		db:    keyspace.New(keyspace.Config{Rand: rand.New(rand.NewPCG(1, 2)), Limits: limits, PackedDigest: datatype.PackedDigest}),
		rand:  rand.New(rand.NewPCG(3, 4)), now: 1_700_000_000_000,
	}
	t.Cleanup(e.db.Close)
	return e
}

func (e *executor) Changed([]byte) {}
func (e *executor) ChangedAll()    {}
func (e *executor) Event(class byte, event string, key []byte) {
	e.events = append(e.events, string(class)+" "+event+" "+string(key))
}

// do executes a command and returns its reply.
func (e *executor) do(t testing.TB, words ...string) enginetest.Reply {
	t.Helper()
	var argv [][]byte
	for _, w := range words {
		argv = append(argv, []byte(w))
	}
	var w resp.Writer
	e.events, e.effects = nil, nil
	row, err := e.table.Lookup(argv)
	if err == nil {
		c := command.Call{Spec: row, Argv: argv, DB: e.db, Reply: &w, Now: e.now, Rand: e.rand, Hooks: e}
		e.db.Now, e.db.Expiry = e.now, e.mode
		err = row.Run(&c)
		decodeErr := command.DecodeEffects(c.Effects(nil), nil, func(argv [][]byte) error {
			e.effects = append(e.effects, string(bytes.Join(argv, []byte(" "))))
			return nil
		})
		if decodeErr != nil {
			t.Fatal(decodeErr)
		}
	}
	var refusal resp.Error
	if errors.As(err, &refusal) {
		w.Cut(0)
		w.Error(refusal)
	} else if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	v, err := enginetest.ReadReply(bufio.NewReader(bytes.NewReader(w.Bytes())))
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	return v
}

// text is the reply as one string, for comparisons.
func text(v enginetest.Reply) string { return strings.Join(v.Lines(), "\n") }

// redis starts a redis-server; without one on the machine the test is skipped.
func redis(t *testing.T) *enginetest.Client {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server on this machine")
	}
	conn, err := net.Dial("tcp", enginetest.StartRedis(t, binary))
	if err != nil {
		t.Fatal(err)
	}
	return enginetest.NewClient(t, conn)
}
