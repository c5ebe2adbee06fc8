package engine_test

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/enginetest"
)

// redisCLI runs redis-cli against a node for at most a time, as some of its modes go on until they are ended, and returns what it printed.
func redisCLI(t *testing.T, n *member, atMost time.Duration, stdin string, args ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(n.addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "redis-cli", append([]string{"-h", host, "-p", port}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		t.Errorf("redis-cli %v: %v: %s", args, err, out.String())
	}
	return out.String()
}

// The modes of redis-cli work on keys of every type.
func TestRedisCLI(t *testing.T) {
	if _, err := exec.LookPath("redis-cli"); err != nil {
		t.Skip("redis-cli is not installed")
	}
	n := single(t, func(c *engine.Config) { c.AdminCommands = true })
	ctx := soon(t)
	c := n.client(t, nil)
	fillAllTypes(ctx, t, c)
	const forever = 15 * time.Second
	for _, test := range []struct {
		name, stdin string
		atMost      time.Duration
		args        []string
		want        []string
	}{
		{name: "bigkeys", atMost: forever, args: []string{"--bigkeys"}, want: []string{
			"Sampled 800 keys in the keyspace!", "100 lists with 800 items", "100 hashs with 800 fields", "300 strings with", "100 streams with 800 entries",
			"100 sets with 800 members", "100 zsets with 800 members", "Biggest string found"}},
		{name: "memkeys", atMost: forever, args: []string{"--memkeys"}, want: []string{
			"Sampled 800 keys in the keyspace!", "100 lists with", "Biggest   zset found"}},
		{name: "scan", atMost: forever, args: []string{"--scan", "--pattern", "k79?"}, want: []string{"k790\n", "k799\n"}},
		{name: "pipe", atMost: forever, stdin: "SET a 1\r\nINCR a\r\n", args: []string{"--pipe"}, want: []string{"errors: 0, replies: 2"}},
		{name: "hotkeys without LFU", atMost: forever, args: []string{"object", "freq", "k0"}, want: []string{"An LFU maxmemory policy is not selected"}},
		{name: "info", atMost: forever, args: []string{"--raw", "info", "clients"}, want: []string{"connected_clients:", "blocked_clients:0"}},
		{name: "latency", atMost: forever, args: []string{"--raw", "-i", "1", "--latency"}, want: []string{"0 "}},
		{name: "cluster check", atMost: forever, args: []string{"--cluster", "check", n.addr}, want: []string{"All 16384 slots covered."}},
		{name: "RDB file", atMost: forever, args: []string{"--rdb", t.TempDir() + "/dump.rdb"}, want: []string{"Transfer finished with success."}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := redisCLI(t, n, test.atMost, test.stdin, test.args...)
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("redis-cli %v prints no %q:\n%s", test.args, want, out)
				}
			}
		})
	}
	t.Run("monitor", func(t *testing.T) {
		out := make(chan string)
		go func() { out <- redisCLI(t, n, 2*time.Second, "", "monitor") }()
		enginetest.Await(t, "the monitor", func() bool { return strings.Contains(c.ClientList(ctx).Val(), "flags=O") })
		c.Get(ctx, "k0")
		if got := <-out; !strings.Contains(got, `] "get" "k0"`) {
			t.Errorf("MONITOR shows %q", got)
		}
	})
	t.Run("hotkeys", func(t *testing.T) {
		if err := n.SetParameters(map[string]string{"maxmemory-policy": "allkeys-lfu", "lfu-log-factor": "0"}); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			c.Touch(ctx, "k7")
		}
		if out := redisCLI(t, n, forever, "", "--hotkeys"); !strings.Contains(out, `hot key found with counter:`) || !strings.Contains(out, `"k7"`) {
			t.Errorf("no hot key:\n%s", out)
		}
	})
}
