package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine"
)

// DEBUG RELOAD replays the log, and compares: so does every test of Redis's suite that uses it.
func TestDebugReloadGivesTheSameKeyspace(t *testing.T) {
	ctx := soon(t)
	n := single(t, func(c *engine.Config) { c.AdminCommands = true })
	r := n.client(t, nil)
	for _, words := range []string{"SET a 1", "SET b 2 EX 1000", "INCRBYFLOAT a 0.5", "HSET h f v g w", "SET gone 1 PX 1", "DEL b", "SET b 3 PX 500000"} {
		args := []any{}
		for _, w := range strings.Fields(words) {
			args = append(args, w)
		}
		if err := r.Do(ctx, args...).Err(); err != nil {
			t.Fatalf("%s: %v", words, err)
		}
	}
	before := r.Do(ctx, "DEBUG", "DIGEST-VALUE", "a", "b", "h").String()
	if err := r.Do(ctx, "DEBUG", "RELOAD").Err(); err != nil {
		t.Fatal(err)
	}
	if after := r.Do(ctx, "DEBUG", "DIGEST-VALUE", "a", "b", "h").String(); after != before {
		t.Errorf("digests %s, before %s", after, before)
	}
	if ttl := r.PTTL(ctx, "b").Val(); ttl <= 0 || ttl > 500*time.Second {
		t.Errorf("PTTL b = %v", ttl)
	}
}
