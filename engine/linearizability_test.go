package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/faultfs"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
)

// Concurrent clients on a shard of three nodes, while the lead hops between them and the log holds back, fails and comes back: what the clients saw can have happened
// one after the other, and afterwards all nodes hold the same. MEMORYDB_SEEDS is the number of seeds, MEMORYDB_SEED the first one.

func TestLinearizableOnMemlog(t *testing.T) {
	eachSeed(t, 3, func(t *testing.T, seed uint64) {
		gate := &memlog.Gate{}
		memory := memlog.New(gate)
		torture(t, seed, world{
			open:  func() txlog.Log { return memory.Shard("s") },
			hold:  func() func() { gate.Close(); return gate.Open },
			fails: func() func() { gate.Fail(); return gate.Open },
		})
	})
}

// The log is trimmed behind one snapshot after the other meanwhile: whoever drops its memory begins with one of them, and whoever is slow is left behind.
func TestLinearizableOnSnapshots(t *testing.T) {
	eachSeed(t, 2, func(t *testing.T, seed uint64) {
		gate := &memlog.Gate{}
		k := newKept(t, gate, 50)
		torture(t, seed, world{
			open:      func() txlog.Log { return k.memory.Shard("0001") },
			hold:      func() func() { gate.Close(); return gate.Open },
			fails:     func() func() { gate.Fail(); return gate.Open },
			configure: k.configure,
			step:      func() error { return k.keeper.Step(context.Background()) },
		})
		all, err := k.store.List(t.Context())
		if err != nil || len(all) == 0 || k.memory.Shard("0001").First() == 1 {
			t.Errorf("%d snapshots, %v; the log begins at %v", len(all), err, k.memory.Shard("0001").First())
		}
		t.Logf("%d snapshots", len(all))
	})
}

func TestLinearizableOnQuorumlog(t *testing.T) {
	eachSeed(t, 2, func(t *testing.T, seed uint64) {
		disks := newSlowDisks(seed)
		q, err := quorumlog.Open(quorumlog.Config{
			Dirs: [3]string{"/z/a", "/z/b", "/z/c"}, FS: disks.fs, Now: time.Now, SegmentBytes: 256 << 10, Watermark: -1, Retry: 5 * time.Millisecond, Flush: time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := q.Close(); err != nil {
				t.Errorf("close log: %v", err)
			}
		})
		torture(t, seed, world{
			open: func() txlog.Log {
				log, err := q.Shard("s", quorumlog.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { log.Close() })
				return log
			},
			hold:  disks.hold,
			fails: disks.fail,
		})
	})
}

func eachSeed(t *testing.T, seeds int, run func(t *testing.T, seed uint64)) {
	first := rand.Uint64()
	if n, err := strconv.Atoi(os.Getenv("MEMORYDB_SEEDS")); err == nil {
		seeds = n
	}
	if n, err := strconv.ParseUint(os.Getenv("MEMORYDB_SEED"), 10, 64); err == nil {
		first = n
	}
	for i := range seeds {
		seed := first + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { run(t, seed) })
	}
}

// slowDisks are two of three zones whose syncs can be held back, or fail.
type slowDisks struct {
	fs     *faultfs.FS
	mu     sync.Mutex
	held   chan struct{} // nil: not held
	broken bool
}

func newSlowDisks(seed uint64) *slowDisks {
	d := &slowDisks{fs: faultfs.New(seed)}
	d.hook()
	return d
}

// hook is called again after each Crash, which forgets it.
func (d *slowDisks) hook() {
	d.fs.Hook(func(op faultfs.Op, path string) error {
		if op != faultfs.OpSync || strings.HasPrefix(path, "/z/a/") {
			return nil
		}
		d.mu.Lock()
		held := d.held
		d.mu.Unlock()
		if held != nil {
			<-held
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.broken {
			return errors.New("input/output error")
		}
		return nil
	})
}

func (d *slowDisks) hold() (release func()) {
	d.set(make(chan struct{}), false)
	return func() { d.set(nil, false) }
}

func (d *slowDisks) fail() (mend func()) {
	d.set(nil, true)
	return func() { d.set(nil, false) }
}

func (d *slowDisks) set(held chan struct{}, broken bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held != nil {
		close(d.held)
	}
	d.held, d.broken = held, broken
}

// world is the log of a run, and how to disturb it: hold holds durability back, fails makes the outcome of what is pending unknown (and
// ends hold), until what they return is called.
type world struct {
	open        func() txlog.Log
	hold, fails func() func()
	// configure changes a node's configuration, and step is called over and over; both may be nil.
	configure func(*engine.Config)
	step      func() error
}

// trial is one run.
type trial struct {
	world
	t       *testing.T
	nodes   []*member
	addrs   []string                                                          // of the nodes
	dial    func(ctx context.Context, network, addr string) (net.Conn, error) // nil is as usual
	think   time.Duration                                                     // a client pauses for up to this
	history *history
	epoch   atomic.Uint64
	led     atomic.Int64 // promotions that succeeded
	done    chan struct{}
}

const (
	trialClients = 8
	trialTime    = 1200 * time.Millisecond
)

func torture(t *testing.T, seed uint64, w world) {
	tr := &trial{world: w, t: t, history: newHistory(), think: 2 * time.Millisecond, done: make(chan struct{})}
	for _, name := range []string{"a", "b", "c"} {
		tr.add(openNode(t, w.open(), name, w.configure))
	}
	tr.nodes[0].promote(t)
	publish(t, tr.epoch.Add(1), tr.nodes[0], tr.nodes...)
	var clients, chaos sync.WaitGroup
	for i := range trialClients {
		clients.Go(func() { tr.client(i, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	chaos.Go(func() { tr.promotions(rand.New(rand.NewPCG(seed, 100))) })
	chaos.Go(func() { tr.disturbances(rand.New(rand.NewPCG(seed, 101))) })
	if w.step != nil {
		chaos.Go(tr.steps)
	}
	pause(context.Background(), trialTime)
	close(tr.done)
	chaos.Wait()
	last := tr.nodes[seed%3]
	eventually(t, func() error { return last.Promote(soon(t)) })
	publish(t, tr.epoch.Add(1), last, tr.nodes...)
	clients.Wait()
	tr.readAll(last)
	tr.history.check(t)
	t.Logf("%d promotions, %d records", tr.led.Load(), last.Status().Applied)
	tr.sameEverywhere(last)
}

func (tr *trial) add(m *member) {
	tr.nodes = append(tr.nodes, m)
	tr.addrs = append(tr.addrs, m.addr)
}

// pause lets a time pass; false if ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (tr *trial) over() bool {
	select {
	case <-tr.done:
		return true
	default:
		return false
	}
}

func upTo(rnd *rand.Rand, d time.Duration) time.Duration { return time.Duration(rnd.Int64N(int64(d))) }

// promotions makes node after node the primary. The nodes are told by a new map, one after the other, late or not at all.
func (tr *trial) promotions(rnd *rand.Rand) {
	for !tr.over() {
		pause(context.Background(), upTo(rnd, 60*time.Millisecond))
		n := tr.nodes[rnd.IntN(len(tr.nodes))]
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := n.Promote(ctx)
		cancel()
		if err != nil {
			continue // the log was away
		}
		tr.led.Add(1)
		pause(context.Background(), upTo(rnd, 30*time.Millisecond))
		epoch := tr.epoch.Add(1)
		for _, i := range rnd.Perm(len(tr.nodes)) {
			if rnd.IntN(8) == 0 {
				continue
			}
			pause(context.Background(), upTo(rnd, 5*time.Millisecond))
			if err := tr.nodes[i].SetMap(tr.mapWith(epoch, n)); err != nil {
				tr.t.Errorf("set map: %v", err)
			}
		}
	}
}

func (tr *trial) steps() {
	for !tr.over() {
		if err := tr.step(); err != nil {
			tr.t.Errorf("step: %v", err)
			return
		}
		pause(context.Background(), time.Millisecond)
	}
}

func (tr *trial) mapWith(epoch uint64, primary *member) cluster.Map {
	sh := cluster.Shard{ID: "0001", Epoch: epoch, Slots: []cluster.Range{{First: 0, Last: 16383}}}
	for _, m := range tr.nodes {
		host, port, err := net.SplitHostPort(m.addr)
		if err != nil {
			tr.t.Error(err)
		}
		number, err := strconv.Atoi(port)
		if err != nil {
			tr.t.Error(err)
		}
		role := cluster.Replica
		if m == primary {
			role = cluster.Primary
		}
		sh.Nodes = append(sh.Nodes, cluster.Node{ID: m.id, IP: host, Port: number, Role: role})
	}
	return cluster.Map{Epoch: epoch, Shards: []cluster.Shard{sh}}
}

// disturbances holds the log back and lets it fail, by turns.
func (tr *trial) disturbances(rnd *rand.Rand) {
	for !tr.over() {
		pause(context.Background(), upTo(rnd, 40*time.Millisecond))
		end := tr.hold()
		pause(context.Background(), upTo(rnd, 10*time.Millisecond))
		if rnd.IntN(5) > 0 {
			end()
			continue
		}
		mend := tr.fails()
		pause(context.Background(), upTo(rnd, 30*time.Millisecond))
		mend()
	}
}

// sameEverywhere compares the nodes, and one that is opened anew, when all have applied everything.
func (tr *trial) sameEverywhere(last *member) {
	t := tr.t
	want, at := last.Digest()
	fresh := openNode(t, tr.open(), "fresh", tr.configure)
	if err := fresh.CaughtUp(soon(t)); err != nil {
		t.Fatal(err)
	}
	for _, n := range append([]*member{fresh}, tr.nodes...) {
		eventually(t, func() error {
			st := n.Status()
			if st.Err != nil {
				return fmt.Errorf("node %.4s has stopped: %w", n.id, st.Err)
			}
			if st.Applied != at || n != last && st.Role != shard.Replica {
				return fmt.Errorf("node %.4s is %+v, the primary is at %v", n.id, st, at)
			}
			return nil
		})
		if got, _ := n.Digest(); got != want {
			t.Errorf("node %.4s has another keyspace at position %v", n.id, at)
		}
	}
}

var errUnknownReply = errors.New("reply of an unknown kind")

// text is a reply as the model says it.
func text(c *redis.Cmd) (string, error) {
	v, err := c.Result()
	if errors.Is(err, redis.Nil) {
		return missing, nil
	}
	switch v := v.(type) {
	case string:
		return v, err
	case int64:
		return strconv.FormatInt(v, 10), err
	}
	if err == nil {
		err = fmt.Errorf("%w: %T", errUnknownReply, v)
	}
	return "", err
}
