package server

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const errBusyScript resp.Error = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."

// stopScript ends the row busyscript, which stands for a script that runs for too long.
var stopScript atomic.Bool

var busyRow = command.Spec{Name: "busyscript", Arity: 2, Flags: command.Write | command.NoScript, Group: command.Generic, Keys: command.KeyAt(1, command.RW), Run: func(c *command.Call) error {
	for !stopScript.Load() {
		if err := session(c).srv.cfg.Shard.Yield(errBusyScript); err != nil {
			return err
		}
	}
	c.DB.Set(c.Argv[1], keyspace.String, keyspace.EncRaw, []byte("done"), false)
	c.Changed(c.Argv[1], '$', "set")
	c.Reply.OK()
	return nil
}}

func TestBusyScript(t *testing.T) {
	stopScript.Store(false)
	n := run(t, nil)
	script, other := n.dial(), n.dial()
	other.do("MULTI", "+OK\r\n")
	other.do("GET k", "+QUEUED\r\n")
	script.send("BUSYSCRIPT k\r\nGET k\r\n")
	eventually(t, "script is busy", func() bool { return n.shard.Busy() != nil })
	busy := "-" + string(errBusyScript) + "\r\n"
	other.do("EXEC", "-EXECABORT Transaction discarded because of: "+string(errBusyScript)+"\r\n")
	other.do("GET k", busy)
	other.do("PING", busy)
	other.do("INFO", busy)
	other.do("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n")
	other.do("WATCH k", "+OK\r\n")
	other.do("MULTI", "+OK\r\n")
	other.do("SET k v", busy)
	other.do("EXEC", "-EXECABORT Transaction discarded because of: "+string(errBusyScript)+"\r\n")
	other.do("RESET", "+RESET\r\n")
	other.do("WATCH k", "+OK\r\n")
	stopScript.Store(true)
	script.expect("+OK\r\n" + bulk("done"))
	other.do("MULTI", "+OK\r\n")
	other.do("GET k", "+QUEUED\r\n")
	other.do("EXEC", "*-1\r\n")
	other.do("GET k", bulk("done"))
}

func TestCloseEndsABusyScript(t *testing.T) {
	stopScript.Store(false)
	n := run(t, nil)
	script := n.dial()
	script.send("BUSYSCRIPT k\r\n")
	eventually(t, "script is busy", func() bool { return n.shard.Busy() != nil })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := n.srv.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close = %v, want that it had to cut the script off", err)
	}
	script.expectEnd()
}
