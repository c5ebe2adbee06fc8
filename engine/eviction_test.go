package engine_test

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// evictKeys is how many keys there are before memory gets short: of every type, each second one with an expiry, the later the key the later the expiry.
const evictKeys = 800

func evictKey(i int) string { return "k" + strconv.Itoa(i) }

func mayExpire(i int) bool { return i/8%2 == 1 } // 8 types

// hot are keys that are used more, and later, than the others; half of them have an expiry.
func hot(i int) bool { return i/16%10 == 3 }

// fillAllTypes writes the keys; each twentieth has its big encoding.
func fillAllTypes(ctx context.Context, t *testing.T, c *redis.Client) {
	t.Helper()
	pipe := c.Pipeline()
	for i := range evictKeys {
		key, n, value := evictKey(i), 8, strings.Repeat("v", 50)
		if i%20 == 0 {
			value = strings.Repeat("v", 200)
		}
		for j := range n {
			m := strconv.Itoa(j)
			switch i % 8 {
			case 0:
				pipe.Append(ctx, key, value)
			case 1:
				pipe.RPush(ctx, key, m+value)
			case 2:
				pipe.HSet(ctx, key, m, value)
			case 3:
				pipe.SAdd(ctx, key, m+value)
			case 4:
				pipe.ZAdd(ctx, key, redis.Z{Score: float64(j), Member: m + value})
			case 5:
				pipe.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []string{"f", value}})
			case 6:
				pipe.PFAdd(ctx, key, m+value)
			case 7:
				pipe.SetBit(ctx, key, int64(j*500), 1)
			}
		}
		if mayExpire(i) {
			pipe.Expire(ctx, key, time.Duration(10000+i)*time.Second)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

var usedMemory = regexp.MustCompile(`(?m)^used_memory:(\d+)`)

// used is used_memory of INFO.
func used(ctx context.Context, t *testing.T, c *redis.Client) int64 {
	t.Helper()
	text := c.Info(ctx, "memory").Val()
	m := usedMemory.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no used_memory in %q", text)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Every policy keeps the node within maxmemory while clients write, evicts what it should, and the replica has the same keys.
func TestEvictionPolicies(t *testing.T) {
	for _, policy := range []string{"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random"} {
		t.Run(policy, func(t *testing.T) { testEviction(t, policy) })
	}
}

func testEviction(t *testing.T, policy string) {
	ctx := soon(t)
	var ahead atomic.Int64 // of the real time, so that keys become idle
	clock := func(c *engine.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	}
	log := memlog.New(nil)
	n := openNode(t, log.Shard("s"), "primary", clock)
	replica := openNode(t, log.Shard("s"), "replica", clock)
	n.promote(t)
	publish(t, 1, n, n, replica)
	c := n.client(t, nil)
	if err := n.SetParameters(map[string]string{"maxmemory-policy": policy, "maxmemory-samples": "10", "lfu-log-factor": "1"}); err != nil {
		t.Fatal(err)
	}
	fillAllTypes(ctx, t, c)
	for range 3 {
		ahead.Add(int64(20 * time.Second))
		pipe := c.Pipeline()
		for i := range evictKeys {
			for range 10 {
				if hot(i) {
					pipe.Touch(ctx, evictKey(i))
				}
			}
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	limit := used(ctx, t, c)
	n.SetMaxMemory(limit)
	value := strings.Repeat("n", 450)
	for i := range 350 {
		if err := c.Set(ctx, "new"+strconv.Itoa(i), value, 100000*time.Second).Err(); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
		if now := used(ctx, t, c); now > limit+4096 { // what the last write took: room is made before a write
			t.Fatalf("%d bytes used after write %d, maxmemory is %d", now, i, limit)
		}
	}
	checkEvicted(ctx, t, c, policy)
	want := digest(n)
	enginetest.Await(t, "the replica to have the same keys", func() bool { return digest(replica) == want })
}

// checkEvicted looks at which keys are gone.
func checkEvicted(ctx context.Context, t *testing.T, c *redis.Client, policy string) {
	t.Helper()
	kinds := map[int]int{} // evicted keys by type
	gone, hotGone, forever, early, late := 0, 0, 0, 0, 0
	for i := range evictKeys {
		if c.Exists(ctx, evictKey(i)).Val() == 1 {
			continue
		}
		gone++
		kinds[i%8]++
		switch {
		case i < evictKeys/4:
			early++
		case i >= evictKeys*3/4:
			late++
		}
		if hot(i) {
			hotGone++
		}
		if !mayExpire(i) {
			forever++
		}
	}
	t.Logf("%d evicted: %d hot, %d without expiry, %d of the first quarter, %d of the last; by type %v", gone, hotGone, forever, early, late, kinds)
	if gone < 50 || len(kinds) < 6 && policy != "volatile-ttl" {
		t.Errorf("%d keys were evicted, of %d types; want many of most types", gone, len(kinds))
	}
	if strings.HasPrefix(policy, "volatile-") && forever > 0 {
		t.Errorf("%d keys without expiry were evicted", forever)
	}
	if strings.HasPrefix(policy, "allkeys-") && forever == 0 {
		t.Error("only keys with an expiry were evicted")
	}
	if (strings.HasSuffix(policy, "-lru") || strings.HasSuffix(policy, "-lfu")) && hotGone > gone/50 {
		t.Errorf("%d of %d evicted keys were in use", hotGone, gone)
	}
	if strings.HasSuffix(policy, "-random") && hotGone == 0 {
		t.Error("no key in use was evicted, though chance decides")
	}
	if policy == "volatile-ttl" && early < 4*max(late, 1) {
		t.Errorf("%d keys that expire early were evicted, and %d late ones", early, late)
	}
}

// Without eviction writes that may take memory are refused above maxmemory, reads and deletes are not, and nothing is lost.
func TestNoEviction(t *testing.T) {
	ctx := soon(t)
	n := single(t, nil)
	c := n.client(t, nil)
	fillAllTypes(ctx, t, c)
	n.SetMaxMemory(used(ctx, t, c) - 1)
	for _, words := range []string{"SET k0 v", "RPUSH k1 v", "HSET k2 f v", "SADD k3 v", "ZADD k4 1 v", "XADD k5 * f v", "PFADD k6 v", "SETBIT k7 1 1", "COPY k0 {k0}8"} {
		args := []any{}
		for _, w := range strings.Fields(words) {
			args = append(args, w)
		}
		if err := c.Do(ctx, args...).Err(); err == nil || err.Error() != "OOM command not allowed when used memory > 'maxmemory'." {
			t.Errorf("%s above maxmemory: %v, want OOM", words, err)
		}
	}
	if size := c.DBSize(ctx).Val(); size != evictKeys {
		t.Errorf("%d keys, want %d", size, evictKeys)
	}
	if err := c.HGet(ctx, "k2", "1").Err(); err != nil {
		t.Errorf("read above maxmemory: %v", err)
	}
	for i := range 16 {
		if err := c.Del(ctx, evictKey(i)).Err(); err != nil {
			t.Errorf("DEL above maxmemory: %v", err)
		}
	}
	if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Errorf("write below maxmemory: %v", err)
	}
}
