package server_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/acl"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/server"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// The transcripts of this package's commands run on a server of its own here, and on a whole node in package engine.
func TestTranscripts(t *testing.T) {
	addr := serve(t)
	enginetest.RunTranscripts(t, enginetest.TestData(t, "testdata", "transcripts"), func(t testing.TB) net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}, "connection", "transaction", "server", "latency", "replica", "module", "tracking", "wait", "blocking_stream", "blocking_zset", "blocking_list", "stream_block", "pubsub")
}

func TestEveryRowIsInATranscript(t *testing.T) {
	enginetest.CheckCoverage(t, enginetest.TestData(t, "testdata", "transcripts"), command.NewTable(true, server.Commands()))
}

// serve starts a server of all commands but those of clusters and of the configuration, and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	users := acl.NewStore(acl.Config{})
	table := command.NewTable(true, datatype.Commands(), server.Commands(), users.Rows())
	users.Bind(table)
	sh := shard.New(shard.Config{NodeID: "n", Log: memlog.New(nil).Shard("s"), Table: table, Now: time.Now, NewDB: func() *keyspace.DB {
		return keyspace.New(keyspace.Config{Limits: keyspace.DefaultLimits(), PackedDigest: datatype.PackedDigest})
	}})
	if err := sh.Lead(context.Background(), "test", 0, 0); err != nil {
		t.Fatal(err)
	}
	srv := server.New(server.Config{Shard: sh, Table: table, ACL: users, Now: time.Now})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		if err := srv.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, server.ErrClosed) {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}
