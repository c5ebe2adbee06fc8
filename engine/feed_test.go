package engine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/enginetest"
)

// A real redis-server follows a node: it gets the RDB file, and every later write.
func TestRedisReplicaFollowsANode(t *testing.T) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("needs redis-server")
	}
	ctx := soon(t)
	n := single(t, func(c *engine.Config) { c.AdminCommands = true })
	r := n.client(t, nil)
	steps := [][]any{
		{"SET", "s", "v"}, {"SET", "soon", "v", "EX", 1000}, {"RPUSH", "l", 1, 2, 3}, {"SADD", "set", 1, 2, 3}, {"ZADD", "z", 1, "a", 2.5, "b"}, {"HSET", "h", "f", "v"},
		{"XADD", "x", "1-1", "f", "v"}, {"PFADD", "p", "a", "b"}, {"FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('fn', function() return 7 end)"},
	}
	for _, s := range steps {
		if err := r.Do(ctx, s...).Err(); err != nil {
			t.Fatalf("%v: %v", s, err)
		}
	}
	replica := redis.NewClient(&redis.Options{Addr: enginetest.StartReplica(t, binary, n.addr)})
	defer replica.Close()
	if err := r.Do(ctx, "INCRBYFLOAT", "counter", "1.5").Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.Do(ctx, "EVAL", "redis.call('SET','{a}1','x') redis.call('SET','{a}2','y') return 1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	enginetest.Await(t, "the replica to have every write", func() bool { return replica.Get(ctx, "{a}2").Val() == "y" })
	for _, key := range []string{"s", "l", "set", "z", "h", "x", "p", "counter", "{a}1"} {
		ours, theirs := r.Dump(ctx, key).Val(), replica.Dump(ctx, key).Val()
		if ours == "" || ours != theirs {
			t.Errorf("%s: DUMP differs: %q, the replica has %q", key, ours, theirs)
		}
	}
	if got := replica.FCallRO(ctx, "fn", nil).Err(); got == nil {
		t.Error("a function without no-writes ran on a read-only replica")
	}
	if n := len(replica.FunctionList(ctx, redis.FunctionListQuery{}).Val()); n != 1 {
		t.Errorf("the replica has %d libraries", n)
	}
}

// SAVE writes a file that redis-server loads.
func TestSave(t *testing.T) {
	ctx := soon(t)
	file := filepath.Join(t.TempDir(), "dump.rdb")
	n := single(t, func(c *engine.Config) { c.AdminCommands, c.DumpFile = true, file })
	r := n.client(t, nil)
	if err := r.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.Save(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text[:9]) != "REDIS0010" {
		t.Errorf("file: %.9q, %v", text, err)
	}
	before := r.LastSave(ctx).Val()
	if err := r.BgSave(ctx).Err(); err != nil || before == 0 {
		t.Errorf("BGSAVE: %v; LASTSAVE %d", err, before)
	}
}
