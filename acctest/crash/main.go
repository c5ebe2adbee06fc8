// Command crash kills a running emulator with SIGKILL under write load, again and again, and checks after each restart that every acknowledged write is there and that no
// unacknowledged one is half there.
//
// Writers send, through a cluster client over TLS to a cluster of two shards: SET, HSET of three fields that are always equal, and MULTI/EXEC of two keys that are always equal. Each
// uses keys of its own with a counter that grows, so that a lost, a torn or an overwritten write shows.
//
//	crash -emulator bin/memorydb-emulator [-rounds 100] [-writers 16] [-seed N] [-data DIR]
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/acctest/harness"
)

func main() {
	var c crash
	flag.StringVar(&c.emulator.Program, "emulator", "bin/memorydb-emulator", "the program to kill")
	flag.IntVar(&c.rounds, "rounds", 100, "how often")
	flag.IntVar(&c.writers, "writers", 16, "concurrent writers")
	flag.Uint64Var(&c.seed, "seed", uint64(time.Now().UnixNano()), "of the moments of the kills")
	flag.StringVar(&c.emulator.Data, "data", "", "data folder; a temporary one if empty")
	flag.Parse()
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// silent drops what the client library logs.
type silent struct{}

// Printf implements the client library's logger.
func (silent) Printf(context.Context, string, ...any) {}

type crash struct {
	emulator        harness.Emulator
	rounds, writers int
	seed            uint64

	address string
	tls     *tls.Config
	ledgers []*ledger
}

// ledger is what one writer knows of its writes.
type ledger struct {
	id    int
	acked []int // counters of acknowledged writes
	next  int
	sent  []int // counters whose outcome is unknown
}

func (c *crash) run() (err error) {
	if c.emulator.Data == "" {
		if c.emulator.Data, err = os.MkdirTemp("", "memorydb-crash-"); err != nil {
			return err
		}
		defer os.RemoveAll(c.emulator.Data)
	}
	for i := range c.writers {
		c.ledgers = append(c.ledgers, &ledger{id: i})
	}
	chance := rand.New(rand.NewPCG(c.seed, 0))
	redis.SetLogger(silent{}) // dialling a killed emulator is what we do here
	fmt.Printf("seed %d, %d rounds, %d writers\n", c.seed, c.rounds, c.writers)
	if err := c.emulator.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.emulator.Kill()) }()
	if c.address, err = c.emulator.CreateCluster(context.Background(), "crash", "open-access", 2, 1); err != nil {
		return err
	}
	if c.tls, err = c.emulator.TLS(); err != nil {
		return err
	}
	var restarts time.Duration
	for round := range c.rounds {
		if err := c.round(time.Duration(20+chance.IntN(400)) * time.Millisecond); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		began := time.Now()
		if err := c.emulator.Start(); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		if err := c.verify(round == c.rounds-1); err != nil {
			return fmt.Errorf("round %d (seed %d): %w", round+1, c.seed, err)
		}
		restarts += time.Since(began)
		if (round+1)%10 == 0 {
			fmt.Printf("%3d kills: %d writes acknowledged, %d of unknown outcome, 0 lost, 0 half done\n", round+1, c.count(), c.unknown())
		}
	}
	fmt.Printf("%d kills, %d acknowledged writes: 0 lost, 0 half done; restart and check took %v on average\n", c.rounds, c.count(), (restarts / time.Duration(c.rounds)).Round(time.Millisecond))
	return nil
}

func (c *crash) count() (n int) {
	for _, l := range c.ledgers {
		n += len(l.acked)
	}
	return n
}

func (c *crash) unknown() (n int) {
	for _, l := range c.ledgers {
		n += len(l.sent)
	}
	return n
}

func (c *crash) client() *redis.ClusterClient {
	return redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{c.address}, TLSConfig: c.tls, MaxRedirects: 3, MaxRetries: -1, PoolSize: 2 * c.writers,
		DialTimeout: time.Second, ReadTimeout: 2 * time.Second})
}

// round writes for a while and then kills the emulator in the middle of it.
func (c *crash) round(d time.Duration) error {
	client := c.client()
	defer client.Close()
	var stop atomic.Bool
	var writers sync.WaitGroup
	for _, l := range c.ledgers {
		writers.Go(func() {
			for !stop.Load() {
				n := l.next
				l.next++
				if err := l.write(client, n); err != nil {
					l.sent = append(l.sent, n)
					continue
				}
				l.acked = append(l.acked, n)
			}
		})
	}
	time.Sleep(d)
	err := c.emulator.Kill()
	stop.Store(true)
	writers.Wait()
	return err
}

func (l *ledger) key(kind string, n int) string { return fmt.Sprintf("{w%d-%d}:%s", l.id, n%64, kind) }

// write sends the n-th write; its kind goes by n.
func (l *ledger) write(client *redis.ClusterClient, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	switch n % 3 {
	case 0:
		return client.Set(ctx, l.key("s", n)+strconv.Itoa(n), n, 0).Err()
	case 1:
		return client.HSet(ctx, l.key("h", n)+strconv.Itoa(n), "a", n, "b", n, "c", n).Err()
	default:
		_, err := client.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, l.key("x", n)+strconv.Itoa(n), n, 0)
			p.Set(ctx, l.key("y", n)+strconv.Itoa(n), n, 0)
			return nil
		})
		return err
	}
}

// verify reads back what was acknowledged in the last round, all of it in the end, and looks for half writes among those of unknown outcome.
func (c *crash) verify(all bool) error {
	client := c.client()
	defer client.Close()
	if err := harness.Eventually(30*time.Second, func() error { return client.ForEachShard(context.Background(), ping) }); err != nil {
		return err
	}
	var mu sync.Mutex
	var lost []error
	var readers sync.WaitGroup
	for _, l := range c.ledgers {
		readers.Go(func() {
			acked := l.acked
			if !all && len(acked) > 500 {
				acked = acked[len(acked)-500:]
			}
			for _, n := range acked {
				if err := l.check(client, n, true); err != nil {
					mu.Lock()
					lost = append(lost, err)
					mu.Unlock()
				}
			}
			for _, n := range l.sent {
				if err := l.check(client, n, false); err != nil {
					mu.Lock()
					lost = append(lost, err)
					mu.Unlock()
				}
			}
		})
	}
	readers.Wait()
	return errors.Join(lost...)
}

func ping(ctx context.Context, shard *redis.Client) error { return shard.Ping(ctx).Err() }

// check reads the n-th write back. must says that it was acknowledged; otherwise it may be missing, but not half there.
func (l *ledger) check(client *redis.ClusterClient, n int, must bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	want := strconv.Itoa(n)
	var got []string
	switch n % 3 {
	case 0:
		v, err := client.Get(ctx, l.key("s", n)+want).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		got = []string{v}
	case 1:
		v, err := client.HMGet(ctx, l.key("h", n)+want, "a", "b", "c").Result()
		if err != nil {
			return err
		}
		got = texts(v)
	default:
		v, err := client.MGet(ctx, l.key("x", n)+want, l.key("y", n)+want).Result()
		if err != nil {
			return err
		}
		got = texts(v)
	}
	there := 0
	for _, v := range got {
		switch v {
		case want:
			there++
		case "":
		default:
			return fmt.Errorf("writer %d, write %d: has %q", l.id, n, got)
		}
	}
	if there == len(got) || there == 0 && !must {
		return nil
	}
	if must {
		return fmt.Errorf("writer %d, write %d was acknowledged and is lost: %q", l.id, n, got)
	}
	return fmt.Errorf("writer %d, write %d is half there: %q", l.id, n, got)
}

func texts(values []any) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i], _ = v.(string)
	}
	return out
}
