package quorumlog_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
)

// childDir tells the test program to append to a log there until it is killed.
const childDir = "MEMORYDB_LOG_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// child appends to some shards and prints what was acknowledged, one line a record.
func child(dir string) error {
	q, err := quorumlog.Open(config(dir))
	if err != nil {
		return err
	}
	failed := make(chan error)
	for n := range 4 {
		go func() {
			failed <- func() error {
				id := fmt.Sprintf("shard-%d", n/2) // two goroutines race for each
				l, err := q.Shard(id, quorumlog.Options{Key: []byte(strings.Repeat("k", 32))})
				if err != nil {
					return err
				}
				for {
					after := l.Tail()
					text := content(id, after+1)
					pos, err := l.Append(after, data(text))
					if errors.Is(err, txlog.ErrConflict) {
						continue
					}
					if err == nil {
						err = l.Wait(context.Background(), pos)
					}
					if err != nil {
						return err
					}
					if pos%500 == 0 {
						if err := l.Trim(pos - 300); err != nil {
							return err
						}
					}
					fmt.Printf("%s %d\n", id, pos)
				}
			}()
		}()
	}
	return <-failed
}

// content is what the child writes at a position.
func content(id string, pos txlog.Pos) string {
	return fmt.Sprintf("%s at %v %s", id, pos, strings.Repeat("#", int(pos*7919%700)))
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	acked := map[string]txlog.Pos{}
	for round := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		left := 1 + rand.IntN(2000)
		for lines.Scan() {
			var id string
			var pos txlog.Pos
			if _, err := fmt.Sscanf(lines.Text(), "%s %d", &id, &pos); err != nil {
				continue // cut off by the end
			}
			acked[id] = max(acked[id], pos)
			if left--; left == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if left > 0 {
			t.Fatalf("the child has ended by itself: %v", cmd.Wait())
		}
		_ = cmd.Wait() // killed
		q, err := quorumlog.Open(config(dir))
		if err != nil {
			t.Fatalf("open after kill %d: %v", round, err)
		}
		for id, want := range acked {
			l, err := q.Shard(id, quorumlog.Options{Key: []byte(strings.Repeat("k", 32))})
			if err != nil {
				t.Fatal(err)
			}
			if l.Durable() < want {
				t.Fatalf("kill %d: %s ends at %v, acknowledged was %v", round, id, l.Durable(), want)
			}
			for next := l.First(); next <= l.Durable(); {
				records, err := l.Read(context.Background(), next, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range records {
					if r.Pos != next || string(r.Payload) != content(id, next) {
						t.Fatalf("kill %d: %s holds %q at %v", round, id, r.Payload, next)
					}
					next++
				}
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("acknowledged: %v", acked)
}
