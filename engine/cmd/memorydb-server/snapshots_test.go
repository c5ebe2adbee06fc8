package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// asServer makes the test's own program run as a server.
const asServer = "MEMORYDB_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// process is a server in a process of its own.
type process struct {
	cmd    *exec.Cmd
	lines  chan string // of its log
	client *redis.Client
}

// startProcess starts a server and waits until it has logged some texts, in their order, and is ready.
func startProcess(t *testing.T, args []string, logged ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], append([]string{"--listen", "127.0.0.1:0"}, args...)...), lines: make(chan string, 1000)}
	p.cmd.Env = append(os.Environ(), asServer+"=1")
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	t.Cleanup(func() { p.kill() })
	for _, text := range logged {
		p.await(t, text)
	}
	ready := p.await(t, "ready to accept connections")
	_, addr, _ := strings.Cut(ready, "addr=")
	addr, _, _ = strings.Cut(addr, " ")
	p.client = redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { p.client.Close() })
	return p
}

// await waits for a line of the log that contains a text.
func (p *process) await(t *testing.T, text string) string {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				t.Fatalf("the server has ended before it logged %q", text)
			}
			if strings.Contains(line, text) {
				return line
			}
		case <-late:
			t.Fatalf("the server has not logged %q", text)
		}
	}
}

// kill ends the process with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	for range p.lines { // to the end
	}
	_ = p.cmd.Wait()
}

// Keys of every type are there after snapshots were taken, the log was trimmed behind them, and the process was killed.
func TestKilledServerComesBackFromSnapshots(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0123abcd", 8)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--data", filepath.Join(dir, "data"), "--snapshots", "file://" + filepath.ToSlash(dir) + "/snapshots", "--snapshot-key", key, "--snapshot-records", "100", "--snapshot-look", "10ms"}
	p := startProcess(t, args)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	want := map[string]string{}
	for round := range 3 {
		for i := range 30 {
			id := fmt.Sprint("{", round, "}", i)
			for _, words := range [][]any{
				{"SET", "string" + id, strings.Repeat("x", i*100)}, {"RPUSH", "list" + id, i, i + 1}, {"SADD", "set" + id, i, "a"}, {"HSET", "hash" + id, "f", i},
				{"ZADD", "zset" + id, i, "a", 1, "b"}, {"XADD", "stream" + id, "1-1", "f", i}, {"PFADD", "hll" + id, i}, {"PEXPIREAT", "hash" + id, 4102444800000 + i},
			} {
				if err := p.client.Do(ctx, words...).Err(); err != nil {
					t.Fatalf("%v: %v", words, err)
				}
			}
		}
		if round < 2 {
			p.await(t, "snapshot taken")
		}
	}
	keys := p.client.Keys(ctx, "*").Val()
	for _, k := range keys {
		want[k] = p.client.Dump(ctx, k).Val() + p.client.PExpireTime(ctx, k).Val().String()
	}
	if len(keys) != 3*30*7 {
		t.Fatalf("%d keys", len(keys))
	}
	p.kill()
	p = startProcess(t, args, "node restored from snapshot")
	if n := p.client.DBSize(ctx).Val(); int(n) != len(keys) {
		t.Errorf("%d keys are there, want %d", n, len(keys))
	}
	for k, dump := range want {
		if got := p.client.Dump(ctx, k).Val() + p.client.PExpireTime(ctx, k).Val().String(); got != dump {
			t.Errorf("%s is %q, was %q", k, got, dump)
		}
	}
}
