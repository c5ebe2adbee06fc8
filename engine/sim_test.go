package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
)

// A shard of three nodes with leases, in simulated time, on simulated disks and a simulated network. By a seed nodes are killed, paused, and cut off from the log, disks are slow,
// two zones fail, the power goes, and the lead is handed over; nobody promotes a node. What the clients saw can have happened one after the other, nothing acknowledged is lost,
// and afterwards all nodes and one that is opened anew hold the same.

// named are seeds that have found something once, with what it was.
var named = map[string]uint64{}

func TestSimulatedShard(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(named)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { simulate(t, named[name]) }) })
	}
	eachSeed(t, 100, func(t *testing.T, seed uint64) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
	})
}

const (
	simTime    = 6 * time.Second
	simClients = 4
)

// sim is one run.
type sim struct {
	*trial
	rnd   *rand.Rand
	net   simNet
	disks *slowDisks
	log   *quorumlog.Quorum
	hosts []*host
	count map[string]int
}

// host is where a node runs, by turns.
type host struct {
	name, addr string
	node       *member // nil while it is down
	link       *cutLog
	ln         *simListener
}

// newSim starts the log and three nodes on it.
func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{
		trial: &trial{t: t, history: newHistory(), think: 30 * time.Millisecond, done: make(chan struct{})},
		rnd:   rand.New(rand.NewPCG(seed, 1)), disks: newSlowDisks(seed), count: map[string]int{},
	}
	s.dial = s.net.dial
	s.openLog()
	for i, name := range []string{"a", "b", "c"} {
		h := &host{name: name, addr: fmt.Sprintf("127.0.0.%d:6379", i+1)}
		s.hosts = append(s.hosts, h)
		s.addrs = append(s.addrs, h.addr)
		s.start(h)
	}
	return s
}

func simulate(t *testing.T, seed uint64) {
	s := newSim(t, seed)
	defer s.end()
	var clients sync.WaitGroup
	for i := range simClients {
		clients.Go(func() { s.client(i, rand.New(rand.NewPCG(seed, uint64(i+10)))) })
	}
	begun := time.Now()
	for time.Since(begun) < simTime {
		s.gossip()
		pause(context.Background(), upTo(s.rnd, 100*time.Millisecond))
		s.fault()
	}
	s.heal()
	last := s.led()
	close(s.done)
	clients.Wait()
	pause(context.Background(), 3*time.Second) // go-redis dials in the background for a while after its client was closed
	s.readAll(last)
	s.history.check(t)
	t.Logf("%v, epoch %d, %d records", s.count, last.Status().Epoch, last.Status().Applied)
	s.same(last)
}

func (s *sim) openLog() {
	q, err := quorumlog.Open(quorumlog.Config{
		Dirs: [3]string{"/z/a", "/z/b", "/z/c"}, FS: s.disks.fs, Now: time.Now, SegmentBytes: 256 << 10, Watermark: -1, Retry: 5 * time.Millisecond, Flush: time.Millisecond,
	})
	if err != nil {
		s.t.Fatalf("open log: %v", err)
	}
	s.log = q
}

func (s *sim) shard() txlog.Log {
	log, err := s.log.Shard("s", quorumlog.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	return log
}

func (s *sim) start(h *host) {
	h.link = newCutLog(s.shard())
	n, err := engine.Open(engine.Config{Node: cluster.IDOf(h.name), Log: h.link, Now: time.Now, Version: "test", Lease: engine.DefaultLease,
		Logger: slog.New(slog.NewTextHandler(s.t.Output(), nil)).With("host", h.name)})
	if err != nil {
		s.t.Fatal(err)
	}
	h.node = &member{Node: n, id: cluster.IDOf(h.name), addr: h.addr}
	h.ln = s.net.listen(h.addr)
	n.Serve(h.ln)
}

// kill ends a node in the middle of what it does.
func (s *sim) kill(h *host) {
	h.link.link() // its goroutines have to end
	h.ln.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.node.Close(ctx) // says that connections were cut off
	h.link.Log.Close()
	h.node = nil
}

func (s *sim) end() {
	for _, h := range s.hosts {
		if h.node != nil {
			s.kill(h)
		}
	}
	if err := s.log.Close(); err != nil {
		s.t.Errorf("close log: %v", err)
	}
}

// primary is the host of the newest leadership among those that say that they lead.
func (s *sim) primary() *host {
	var best *host
	epoch := uint64(0)
	for _, h := range s.hosts {
		if h.node == nil {
			continue
		}
		if st := h.node.Status(); st.Role == shard.Primary && st.Epoch > epoch {
			best, epoch = h, st.Epoch
		}
	}
	return best
}

// gossip tells some nodes who leads; one that is paused doesn't hear it.
func (s *sim) gossip() {
	p := s.primary()
	if p == nil {
		return
	}
	sh := cluster.Shard{ID: "0001", Epoch: p.node.Status().Epoch, Slots: []cluster.Range{{First: 0, Last: 16383}}}
	for i, h := range s.hosts {
		role := cluster.Replica
		if h == p {
			role = cluster.Primary
		}
		sh.Nodes = append(sh.Nodes, cluster.Node{ID: cluster.IDOf(h.name), IP: fmt.Sprintf("127.0.0.%d", i+1), Port: 6379, Role: role})
	}
	epoch := s.epoch.Add(1)
	for _, h := range s.hosts {
		if h.node != nil && !h.ln.paused() && s.rnd.IntN(6) > 0 {
			if err := h.node.SetMap(cluster.Map{Epoch: epoch, Shards: []cluster.Shard{sh}}); err != nil {
				s.t.Errorf("set map: %v", err)
			}
		}
	}
}

// fault does something to a host, to the log, or to all.
func (s *sim) fault() {
	h := s.hosts[s.rnd.IntN(len(s.hosts))]
	if p := s.primary(); p != nil && s.rnd.IntN(2) == 0 {
		h = p // that is where it hurts
	}
	rest := func(d time.Duration) { pause(context.Background(), upTo(s.rnd, d)) }
	did := func(what string) {
		s.count[what]++
		s.t.Logf("%v: %s on %s", time.Since(s.history.start), what, h.name)
	}
	switch s.rnd.IntN(12) {
	case 0:
		if h.node == nil {
			s.start(h)
		} else {
			did("kills")
			s.kill(h)
		}
	case 1:
		did("cuts")
		h.link.cut()
	case 2, 3:
		for _, h := range s.hosts {
			h.link.link()
			h.ln.resume()
		}
	case 4, 5: // the process stands still; then its clients are heard before the log is
		did("pauses")
		h.ln.pause()
		h.link.cut()
		rest(2 * time.Second)
		h.ln.resume()
		rest(20 * time.Millisecond)
		h.link.link()
	case 6, 7:
		did("slow disks")
		release := s.disks.hold()
		rest(200 * time.Millisecond)
		release()
	case 8:
		did("lost zones")
		release := s.disks.hold()
		rest(50 * time.Millisecond)
		mend := s.disks.fail()
		rest(time.Second)
		mend()
		release()
	case 9:
		if s.rnd.IntN(3) == 0 {
			did("power failures")
			s.powerFailure()
		}
	case 10, 11:
		p := s.primary()
		if p == nil {
			return
		}
		to := ""
		if s.rnd.IntN(2) == 0 {
			to = cluster.IDOf(h.name)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		if p.node.HandOver(ctx, to) == nil {
			did("hand-overs")
		}
	}
}

// powerFailure ends everything: of what the disks have not synced chance keeps some.
func (s *sim) powerFailure() {
	s.disks.fs.Freeze()
	for _, h := range s.hosts {
		if h.node != nil {
			s.kill(h)
		}
	}
	s.log.Close() // says that it can't write
	s.disks.fs.Crash()
	s.disks.hook()
	s.openLog()
	for _, h := range s.hosts {
		s.start(h)
	}
}

// heal ends all faults and has every node run.
func (s *sim) heal() {
	for _, h := range s.hosts {
		h.link.link()
		h.ln.resume()
		if h.node == nil {
			s.start(h)
		}
	}
}

// led waits until a node leads that all know.
func (s *sim) led() *member {
	for range 200 {
		pause(context.Background(), 50*time.Millisecond)
		p := s.primary()
		if p == nil {
			continue
		}
		known := true
		for _, h := range s.hosts {
			st := h.node.Status()
			known = known && st.Err == nil && st.Leader == cluster.IDOf(p.name)
		}
		if !known {
			continue
		}
		for range 30 {
			s.gossip()
		}
		c := redis.NewClient(&redis.Options{Addr: p.addr, Dialer: s.dial, MaxRetries: -1, DialerRetries: 1})
		err := c.Set(context.Background(), "led", "by "+p.name, 0).Err()
		c.Close()
		if err == nil { // else it has lost the log, and does not know better yet
			return p.node
		}
	}
	for _, h := range s.hosts {
		s.t.Logf("node %s: %+v", h.name, h.node.Status())
	}
	s.t.Fatal("no node leads 10 s after everything was healed")
	return nil
}

// same compares the nodes, and one that is opened anew, when all have applied everything.
func (s *sim) same(last *member) {
	want, at := last.Digest()
	fresh, err := engine.Open(engine.Config{Node: cluster.IDOf("fresh"), Log: s.shard(), Now: time.Now, Version: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	defer fresh.Close(context.Background())
	if err := fresh.CaughtUp(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	check := func(name string, n *engine.Node) {
		for range 200 {
			if n.Status().Applied == at {
				break
			}
			pause(context.Background(), 10*time.Millisecond)
		}
		if got, pos := n.Digest(); got != want || pos != at {
			s.t.Errorf("node %s has digest %x at %v, the primary %x at %v", name, got, pos, want, at)
		}
	}
	check("fresh", fresh)
	for _, h := range s.hosts {
		check(h.name, h.node.Node)
	}
}
