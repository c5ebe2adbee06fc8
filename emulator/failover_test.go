package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/emulator"
)

func init() { redis.SetLogger(silent{}) } // dialling nodes that are down is what these tests do

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// town is an emulator with one cluster, two shards of three nodes without TLS, and a client of each kind.
type town struct {
	t    testing.TB
	e    *emulator.Emulator
	api  *memorydb.Client
	name string
	// endpoint is the cluster's, HOST:PORT.
	endpoint string
}

func settle(t testing.TB, e *emulator.Emulator, name string) *town {
	t.Helper()
	c := &town{t: t, e: e, api: api(e), name: name}
	_, err := c.api.CreateCluster(soon(t), &memorydb.CreateClusterInput{ClusterName: aws.String(name), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("open-access"),
		NumShards: aws.Int32(2), NumReplicasPerShard: aws.Int32(2), TLSEnabled: aws.Bool(false)})
	if err != nil {
		t.Fatal(err)
	}
	cl := available(t, c.api, name)
	c.endpoint = net.JoinHostPort(*cl.ClusterEndpoint.Address, strconv.Itoa(int(cl.ClusterEndpoint.Port)))
	return c
}

// client is a cluster client that neither repeats requests nor waits long, and asks for the slot map often: by itself it would dial a dead primary for a minute.
func (c *town) client() *redis.ClusterClient {
	r := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{c.endpoint}, MaxRetries: -1, DialTimeout: time.Second, DialerRetries: 1, ReadTimeout: 2 * time.Second, PoolSize: 20, ClusterStateReloadInterval: 50 * time.Millisecond})
	c.t.Cleanup(func() { r.Close() })
	return r
}

// node is a client of one node.
func (c *town) node(name string) *redis.Client {
	c.t.Helper()
	cl := available(c.t, c.api, c.name)
	for _, sh := range cl.Shards {
		for _, n := range sh.Nodes {
			if *n.Name == name {
				r := redis.NewClient(&redis.Options{Addr: net.JoinHostPort(*n.Endpoint.Address, strconv.Itoa(int(n.Endpoint.Port))), MaxRetries: -1, DialerRetries: 1, ReadTimeout: 10 * time.Second})
				c.t.Cleanup(func() { r.Close() })
				return r
			}
		}
	}
	c.t.Fatalf("cluster %s has no node %s", c.name, name)
	return nil
}

// primary is the node that says that it leads a shard, of those that answer.
func (c *town) primary(shard string) string {
	c.t.Helper()
	var primary string
	eventually(c.t, func() error {
		primary = ""
		for i := range 3 {
			name := fmt.Sprintf("%s-%s-%03d", c.name, shard, i+1)
			if role, err := c.node(name).Do(soon(c.t), "role").Slice(); err == nil && role[0] == "master" {
				primary = name
			}
		}
		if primary == "" {
			return fmt.Errorf("nobody leads shard %s", shard)
		}
		return nil
	})
	return primary
}

// events are the cluster's, oldest first.
func (c *town) events() []string {
	c.t.Helper()
	out, err := c.api.DescribeEvents(soon(c.t), &memorydb.DescribeEventsInput{SourceName: aws.String(c.name), SourceType: types.SourceTypeCluster})
	if err != nil {
		c.t.Fatal(err)
	}
	var all []string
	for _, e := range out.Events {
		all = append(all, *e.Message)
	}
	slices.Reverse(all)
	return all
}

// told waits until the events are there, in this order; others may be between them.
func (c *town) told(want ...string) {
	c.t.Helper()
	eventually(c.t, func() error {
		all, i := c.events(), 0
		for _, e := range all {
			if i < len(want) && e == want[i] {
				i++
			}
		}
		if i < len(want) {
			return fmt.Errorf("event %q is missing in %q", want[i], all)
		}
		return nil
	})
}

// load writes to both shards until it is stopped.
type load struct {
	c       *town
	client  *redis.ClusterClient
	stop    atomic.Bool
	writers sync.WaitGroup

	mu      sync.Mutex
	acked   map[string]int // the newest acknowledged counter of a key; guarded by mu, like what follows
	sent    map[string]int // the newest one that was sent
	written int
	refused map[string]int // errors by their first word
}

// write begins to write; what was acknowledged is checked by verify.
func (c *town) write(writers int) *load {
	l := &load{c: c, client: c.client(), acked: map[string]int{}, sent: map[string]int{}, refused: map[string]int{}}
	for i := range writers {
		l.writers.Go(func() {
			for n := 1; !l.stop.Load(); n++ {
				key := fmt.Sprintf("w%d-%d", i, n%20) // one key has one writer, so its counter only grows
				l.mu.Lock()
				l.sent[key] = n
				l.mu.Unlock()
				ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
				err := l.client.Set(ctx, key, n, 0).Err()
				cancel()
				l.mu.Lock()
				if err == nil {
					l.acked[key] = n
					l.written++
				} else {
					l.refused[strings.Fields(err.Error())[0]]++
				}
				l.mu.Unlock()
			}
		})
	}
	c.t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	l.stop.Store(true)
	l.writers.Wait()
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written
}

// more waits until so many more writes were acknowledged.
func (l *load) more(n int) {
	l.c.t.Helper()
	before := l.count()
	eventually(l.c.t, func() error {
		if now := l.count(); now < before+n {
			l.mu.Lock()
			defer l.mu.Unlock()
			return fmt.Errorf("%d writes were acknowledged, %d were before; refused: %v", now, before, l.refused)
		}
		return nil
	})
}

// verify ends the load and reads everything back: each key holds the newest acknowledged value, or one that was sent later and whose outcome nobody knew.
func (l *load) verify() {
	l.c.t.Helper()
	l.end()
	l.c.t.Logf("%d writes acknowledged, refused: %v", l.written, l.refused)
	for key, acked := range l.acked {
		var got int
		eventually(l.c.t, func() (err error) {
			got, err = l.client.Get(soon(l.c.t), key).Int()
			if errors.Is(err, redis.Nil) {
				err = nil
			}
			return err
		})
		if got < acked || got > l.sent[key] {
			l.c.t.Errorf("%s holds %d, acknowledged was %d, sent %d", key, got, acked, l.sent[key])
		}
	}
}

// warnings are what the emulator's log says; they are read after it was closed.
type warnings struct {
	mu   sync.Mutex
	text []byte // guarded by mu
}

func (w *warnings) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, b...)
	return len(b), nil
}

// A shard fails over on request, under load: no acknowledged write is lost, clients see no error, and the events are the service's, in its order.
func TestFailoverShard(t *testing.T) {
	var warnings warnings
	e, err := emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&warnings, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(soon(t)); err != nil {
			t.Error(err)
		}
		if len(warnings.text) > 0 {
			t.Errorf("warnings in the log: %s", warnings.text)
		}
	})
	c := settle(t, e, "c")
	l := c.write(8)
	l.more(100)
	for range 3 {
		before := c.primary("0001")
		at := len(c.events())
		eventually(t, func() error { // the one before may not be over yet
			out, err := c.api.FailoverShard(soon(t), &memorydb.FailoverShardInput{ClusterName: aws.String("c"), ShardName: aws.String("0001")})
			if err == nil && aws.ToString(out.Cluster.Status) != "available" {
				t.Errorf("cluster is %s", aws.ToString(out.Cluster.Status))
			}
			return err
		})
		eventually(t, func() error {
			for _, m := range c.events()[at:] {
				if m == "Finished recovery for node "+before {
					return nil
				}
			}
			return fmt.Errorf("node %s is not back", before)
		})
		after := c.primary("0001")
		if after == before {
			t.Errorf("%s leads still", after)
		}
		want := []string{"Starting failover for shard 0001", "Failover to replica node " + after + " completed", "Recovering node " + before, "Finished recovery for node " + before}
		if got := c.events()[at:]; !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
		l.more(100)
	}
	l.verify()
	if len(l.refused) > 0 {
		t.Errorf("a hand-over in order is seen by clients: %v", l.refused)
	}
}
