// Command failover measures how long a shard takes no writes: when its primary is killed, when it stands still, and when its lead is handed over on request; and what the other shard's readers
// notice of a hand-over.
//
// The emulator runs as a process of its own, with a cluster of two shards of three nodes over TLS. Writers write to the first shard without pause, and turn to another node at once when one
// refuses or is gone; a client library may take longer, see docs/faults.md. No acknowledged write may be lost: each is read back.
//
//	failover -emulator bin/memorydb-emulator [-trials 100] [-writers 8] [-readers 4] [-data DIR]
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/acctest/harness"
)

func main() {
	var r run
	flag.StringVar(&r.emulator.Program, "emulator", "bin/memorydb-emulator", "the program")
	flag.IntVar(&r.trials, "trials", 100, "of each kind")
	flag.IntVar(&r.writers, "writers", 8, "concurrent writers to the first shard")
	flag.IntVar(&r.readers, "readers", 4, "concurrent readers of the second shard, during hand-overs")
	flag.StringVar(&r.emulator.Data, "data", "", "data folder; a temporary one if empty")
	flag.Parse()
	if err := r.all(); err != nil {
		fmt.Fprintln(os.Stderr, "failover:", err)
		os.Exit(1)
	}
}

// silent drops what the client library logs.
type silent struct{}

// Printf implements the client library's logger.
func (silent) Printf(context.Context, string, ...any) {}

const (
	cluster = "failover"
	shard   = "0001"
	settle  = 30 * time.Second // how long a cluster may take to be whole again
)

type run struct {
	emulator                 harness.Emulator
	trials, writers, readers int
	tls                      *tls.Config
	api                      *memorydb.Client
	nodes                    map[string]string // addresses of the first shard's nodes, by name
	other                    string            // address of the second shard's first node
	load                     *load
}

func (r *run) all() (err error) {
	redis.SetLogger(silent{}) // dialling nodes that are down is what we do here
	if r.emulator.Data == "" {
		if r.emulator.Data, err = os.MkdirTemp("", "memorydb-failover-"); err != nil {
			return err
		}
		defer os.RemoveAll(r.emulator.Data)
	}
	r.emulator.Flags = []string{"--faults", "--log-level", "error"}
	if err := r.emulator.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.emulator.Kill()) }()
	if err := r.prepare(); err != nil {
		return err
	}
	fmt.Printf("two shards of three nodes over TLS, %d writers, %d trials of each kind\n", r.writers, r.trials)
	r.load = r.write()
	defer r.load.end()
	if err := r.series("primary killed to the next acknowledged write", r.killed); err != nil {
		return err
	}
	if err := r.series("primary paused to the next acknowledged write", r.paused); err != nil {
		return err
	}
	if err := r.handOvers(); err != nil {
		return err
	}
	r.load.end()
	lost, checked, err := r.load.verify()
	fmt.Printf("%d acknowledged writes, %d keys read back: %d lost\n", r.load.acked(), checked, lost)
	if err == nil && lost > 0 {
		err = errors.New("acknowledged writes are lost")
	}
	return err
}

// prepare creates the cluster and learns its addresses.
func (r *run) prepare() (err error) {
	if _, err = r.emulator.CreateCluster(context.Background(), cluster, "open-access", 2, 2); err != nil {
		return err
	}
	if r.tls, err = r.emulator.TLS(); err != nil {
		return err
	}
	r.api, r.nodes = r.emulator.API(), map[string]string{}
	out, err := r.api.DescribeClusters(context.Background(), &memorydb.DescribeClustersInput{ClusterName: aws.String(cluster), ShowShardDetails: aws.Bool(true)})
	if err != nil {
		return err
	}
	for i, sh := range out.Clusters[0].Shards {
		for _, n := range sh.Nodes {
			address := net.JoinHostPort(*n.Endpoint.Address, strconv.Itoa(int(n.Endpoint.Port)))
			if i == 0 {
				r.nodes[*n.Name] = address
			} else if r.other == "" {
				r.other = address
			}
		}
	}
	return nil
}

// series does trials of one kind and prints their distribution.
func (r *run) series(what string, trial func() (time.Duration, error)) error {
	var all times
	for i := range r.trials {
		took, err := trial()
		if err != nil {
			return fmt.Errorf("%s, trial %d: %w", what, i+1, err)
		}
		all = append(all, took)
	}
	fmt.Printf("%-48s %s\n", what, all)
	return nil
}

// primary is the node that the newest write was acknowledged by.
func (r *run) primary() (string, error) {
	at, err := r.load.next(time.Now(), "")
	for name, address := range r.nodes {
		if err == nil && at.by == address {
			return name, nil
		}
	}
	return "", errors.Join(err, errors.New("nobody leads"))
}

// killed kills the primary: from then to the first write that another node acknowledges.
func (r *run) killed() (time.Duration, error) {
	before, err := r.primary()
	if err != nil {
		return 0, err
	}
	f, err := r.fault(map[string]any{"kind": "kill", "cluster": cluster, "node": before})
	if err != nil {
		return 0, err
	}
	first, err := r.load.next(f.Began, r.nodes[before])
	if err != nil {
		return 0, err
	}
	return first.at.Sub(f.Began), r.recovered(before)
}

// paused stops the primary: from then to the first write that another node acknowledges. Nobody tells the emulator that it is paused: the other nodes notice by the log.
func (r *run) paused() (time.Duration, error) {
	before, err := r.primary()
	if err != nil {
		return 0, err
	}
	f, err := r.fault(map[string]any{"kind": "pause", "cluster": cluster, "node": before, "duration": "3s"})
	if err != nil {
		return 0, err
	}
	first, err := r.load.next(f.Began, r.nodes[before])
	if err != nil {
		return 0, err
	}
	if err := r.ask(http.MethodDelete, "/"+f.ID, nil, nil); err != nil {
		return 0, err
	}
	return first.at.Sub(f.Began), r.whole()
}

// handOvers fails the shard over on request, and watches the readers of the other shard.
func (r *run) handOvers() error {
	reads := r.read()
	defer reads.end()
	var moves, gaps, quiet times
	var windows []window
	for i := range r.trials {
		if err := r.whole(); err != nil {
			return err
		}
		// The same, without a hand-over, is what the machine does by itself.
		begun := time.Now()
		if _, err := r.load.next(begun.Add(200*time.Millisecond), ""); err != nil {
			return err
		}
		quiet = append(quiet, r.load.gap(begun, time.Now()))
		before, err := r.primary()
		if err != nil {
			return err
		}
		begun = time.Now()
		_, err = r.api.FailoverShard(context.Background(), &memorydb.FailoverShardInput{ClusterName: aws.String(cluster), ShardName: aws.String(shard)})
		if err != nil {
			return fmt.Errorf("hand-over %d: %w", i+1, err)
		}
		first, err := r.load.next(begun, r.nodes[before])
		if err != nil {
			return fmt.Errorf("hand-over %d: %w", i+1, err)
		}
		moves = append(moves, r.load.gap(begun, first.at.Add(1)))
		if err := r.recovered(before); err != nil {
			return fmt.Errorf("hand-over %d: %w", i+1, err)
		}
		windows = append(windows, window{begun, time.Now()})
		gaps = append(gaps, r.load.gap(begun, time.Now()))
	}
	during, without := reads.split(windows)
	fmt.Printf("%-48s %s\n", "hand-over: longest time without a write", moves)
	fmt.Printf("%-48s %s\n", "and until the old primary is a replica again", gaps)
	fmt.Printf("%-48s %s\n", "the same, without a hand-over, in 200 ms", quiet)
	fmt.Printf("%-48s %s\n", "reads on the other shard, during hand-overs", during)
	fmt.Printf("%-48s %s\n", "reads on the other shard, between them", without)
	return nil
}

// recovered waits until a node that was primary is a replica that follows.
func (r *run) recovered(node string) error {
	c := redis.NewClient(&redis.Options{Addr: r.nodes[node], TLSConfig: r.tls, MaxRetries: -1, DialerRetries: 1, DialTimeout: time.Second})
	defer c.Close()
	err := harness.Eventually(settle, func() error {
		role, err := c.Do(context.Background(), "role").Slice()
		if err == nil && (len(role) < 4 || role[3] != "connected") {
			err = fmt.Errorf("node %s is %v", node, role)
		}
		return err
	})
	return errors.Join(err, r.whole())
}

// whole waits until the slot map has every node of the shard, and no failover goes on.
func (r *run) whole() error {
	return harness.Eventually(settle, func() error {
		for _, address := range r.nodes {
			c := redis.NewClient(&redis.Options{Addr: address, TLSConfig: r.tls, MaxRetries: -1, DialerRetries: 1})
			shards, err := c.ClusterShards(context.Background()).Result()
			c.Close()
			if err != nil {
				return err
			}
			for _, s := range shards {
				for _, n := range s.Nodes {
					if n.Health != "online" {
						return fmt.Errorf("node %s is %s", n.IP, n.Health)
					}
				}
			}
		}
		out, err := r.api.DescribeEvents(context.Background(), &memorydb.DescribeEventsInput{SourceName: aws.String(cluster), MaxResults: aws.Int32(20)})
		if err != nil {
			return err
		}
		for _, e := range out.Events { // the newest first
			switch m := aws.ToString(e.Message); {
			case len(m) > 17 && m[:17] == "Finished recovery", len(m) > 14 && m[:14] == "Create cluster", m == "Cluster created.":
				return nil
			case len(m) > 8 && m[:8] == "Starting", len(m) > 10 && m[:10] == "Recovering":
				return fmt.Errorf("the newest of a failover's events is %q", m)
			}
		}
		return nil
	})
}

// fault is what the emulator answers of a fault.
type fault struct {
	ID    string    `json:"id"`
	Began time.Time `json:"began"`
}

func (r *run) fault(request map[string]any) (f fault, err error) {
	return f, r.ask(http.MethodPost, "", request, &f)
}

// ask asks the API of faults.
func (r *run) ask(method, path string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, r.emulator.URL()+"/_faults"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s /_faults%s: %s: %s", method, path, resp.Status, text)
	}
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(text, answer)
}

// window is a span of time.
type window struct{ from, to time.Time }

// reads are the latencies of readers.
type reads struct {
	stop    chan struct{}
	readers sync.WaitGroup
	once    sync.Once
	mu      sync.Mutex
	all     []sample // guarded by mu
}

type sample struct {
	at   time.Time
	took time.Duration
}

// read begins to read a key of the second shard.
func (r *run) read() *reads {
	s := &reads{stop: make(chan struct{})}
	for range r.readers {
		s.readers.Go(func() {
			c := redis.NewClient(&redis.Options{Addr: r.other, TLSConfig: r.tls, MaxRetries: -1})
			defer c.Close()
			for {
				begun := time.Now()
				_ = c.Get(context.Background(), otherKey).Err() // there is no such key
				took := time.Since(begun)
				s.mu.Lock()
				s.all = append(s.all, sample{begun, took})
				s.mu.Unlock()
				select {
				case <-s.stop:
					return
				case <-time.After(time.Millisecond): // readers that saturate two cores would measure themselves
				}
			}
		})
	}
	return s
}

func (s *reads) end() {
	s.once.Do(func() { close(s.stop) })
	s.readers.Wait()
}

// split are the latencies within and outside of some windows.
func (s *reads) split(windows []window) (in, out times) {
	s.end()
	for _, r := range s.all {
		inside := false
		for _, w := range windows {
			inside = inside || r.at.Before(w.to) && r.at.Add(r.took).After(w.from)
		}
		if inside {
			in = append(in, r.took)
		} else {
			out = append(out, r.took)
		}
	}
	return in, out
}
