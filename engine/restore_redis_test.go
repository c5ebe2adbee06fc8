package engine_test

import (
	"encoding/binary"
	"hash/crc64"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/enginetest/generate"
)

// What a redis-server has saved after thousands of random commands, and of each large type, is the same here.
func TestRestoreOfRedisFile(t *testing.T) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server on this machine")
	}
	conn, err := net.Dial("tcp", enginetest.StartRedis(t, binary))
	if err != nil {
		t.Fatal(err)
	}
	r := enginetest.NewClient(t, conn)
	forms, err := generate.Forms()
	if err != nil {
		t.Fatal(err)
	}
	g := generate.New(7, forms)
	for range 4000 {
		words := g.Next()
		switch words[0] {
		case "flushall", "flushdb", "multi", "exec", "discard", "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe", "quit", "reset", "hello",
			"wait", "monitor", "blpop", "brpop", "blmove", "brpoplpush", "bzpopmin", "bzpopmax", "blmpop", "bzmpop", "xread", "xreadgroup", "shutdown", "client", "eval", "select":
			continue
		}
		r.Do(words...)
	}
	for name, v := range recordedPayloads(t) {
		r.Do("restore", "recorded:"+name, "0", restorePayload(v))
	}
	for i := range 3000 {
		n := strconv.Itoa(i)
		for _, words := range [][]string{{"rpush", "long:list", n + strings.Repeat("x", i%90)}, {"sadd", "long:set", "m" + n}, {"sadd", "long:ints", n}, {"zadd", "long:zset", n, "m" + n}, {"hset", "long:hash", n, "v" + n}, {"xadd", "long:stream", n + "-1", "f", n}} {
			r.Do(words...)
		}
	}
	r.Do("pexpireat", "long:hash", "4000000000123")
	r.Do("function", "load", restoreLibrary)
	if v := r.Do("debug", "reload"); v.Text != "OK" { // it saves, and has the encodings of what is loaded
		t.Fatal(v.Lines())
	}
	file, err := os.Open(filepath.Join(r.Do("config", "get", "dir").Items[1].Text, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := single(t, nil)
	report, err := n.Restore(soon(t), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", report)
	mine, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	o := enginetest.NewClient(t, mine)
	sorted := func(v enginetest.Reply) string {
		lines := v.Lines()
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	keys := r.Do("keys", "*")
	if sorted(keys) != sorted(o.Do("keys", "*")) || len(keys.Items) < 120 {
		t.Fatalf("%d keys in Redis: %s\nhere: %s", len(keys.Items), sorted(keys), sorted(o.Do("keys", "*")))
	}
	wholes := map[string]string{"string": "get k", "hash": "hgetall k", "set": "smembers k", "list": "lrange k 0 -1", "zset": "zrange k 0 -1 withscores", "stream": "xinfo stream k full count 0"}
	for _, item := range keys.Items {
		key := item.Text
		encoding := r.Do("object", "encoding", key).Text
		asks := [][]string{{"object", "encoding", key}, {"pexpiretime", key}}
		if encoding != "hashtable" {
			asks = append(asks, []string{"dump", key})
		}
		whole := strings.Fields(wholes[r.Do("type", key).Text])
		whole[slices.Index(whole, "k")] = key
		for _, words := range append(asks, whole) {
			if a, b := sorted(o.Do(words...)), sorted(r.Do(words...)); a != b {
				t.Errorf("%q:\n%.400q\nin Redis\n%.400q", words, a, b)
			}
		}
	}
	if a, b := o.Do("function", "dump").Text, r.Do("function", "dump").Text; a != b {
		t.Errorf("FUNCTION DUMP is %q, in Redis %q", a, b)
	}
}

// restorePayload is a value with DUMP's footer.
func restorePayload(value string) string {
	p := append([]byte(value), 10, 0)
	return string(binary.LittleEndian.AppendUint64(p, ^crc64.Update(^uint64(0), crc64.MakeTable(0x95AC9329AC4BC9B5), p)))
}
