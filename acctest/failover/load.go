package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Keys with hash tags of one shard each: {b} is in slot 3300, {a} in slot 15495.
const (
	keyOf    = "{b}w%d-%d"
	otherKey = "{a}nothing"
)

// load writes to the first shard, and remembers when what was acknowledged by whom.
type load struct {
	r       *run
	stop    atomic.Bool
	writers sync.WaitGroup

	mu     sync.Mutex
	acks   []ack          // in the order of at; guarded by mu, like what follows
	newest map[string]int // by key, the newest acknowledged value
	sent   map[string]int // by key, the newest value that was sent
	count  int
	more   chan struct{} // closed when there is another ack
}

// ack is an acknowledged write: when it was sent and acknowledged, and the address of the node that did.
type ack struct {
	sent, at time.Time
	by       string
}

func (r *run) write() *load {
	l := &load{r: r, newest: map[string]int{}, sent: map[string]int{}, more: make(chan struct{})}
	for i := range r.writers {
		l.writers.Go(func() { l.writer(i) })
	}
	return l
}

func (l *load) end() {
	l.stop.Store(true)
	l.writers.Wait()
}

// answer is how long a node may take to acknowledge: one that stands still is left alone after it, as by a client that means to fail over.
const answer = 100 * time.Millisecond

// poolSize is more than is ever used: after as many refused dials go-redis dials once a second only, and would measure itself.
const poolSize = 10000

// writer writes to the node that has acknowledged last; when it refuses or is gone, to the one that it names, else to the next.
func (l *load) writer(id int) {
	var addresses []string
	clients := map[string]*redis.Client{}
	for _, address := range l.r.nodes {
		addresses = append(addresses, address)
		clients[address] = redis.NewClient(&redis.Options{Addr: address, TLSConfig: l.r.tls, MaxRetries: -1, DialerRetries: 1, DialTimeout: answer, ReadTimeout: answer, PoolSize: poolSize})
		defer clients[address].Close()
	}
	slices.Sort(addresses)
	at := addresses[0]
	for n := 1; !l.stop.Load(); n++ {
		key := fmt.Sprintf(keyOf, id, n%50) // one writer a key: its values only grow
		l.mu.Lock()
		l.sent[key] = n
		l.mu.Unlock()
		sent := time.Now()
		err := clients[at].Set(context.Background(), key, n, 0).Err()
		if err == nil {
			l.acknowledged(ack{sent, time.Now(), at}, key, n)
			continue
		}
		words := strings.Fields(err.Error())
		if to := words[len(words)-1]; words[0] == "MOVED" && clients[to] != nil {
			at = to
			continue
		}
		at = addresses[(slices.Index(addresses, at)+1)%len(addresses)]
		time.Sleep(time.Millisecond)
	}
}

func (l *load) acknowledged(a ack, key string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acks = append(l.acks, a)
	l.newest[key] = n
	l.count++
	close(l.more)
	l.more = make(chan struct{})
}

func (l *load) acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// next is the first acknowledgement of a write that was sent after a time, by another node than one. It waits for it.
func (l *load) next(after time.Time, not string) (ack, error) {
	deadline := time.NewTimer(settle)
	defer deadline.Stop()
	for from := 0; ; {
		l.mu.Lock()
		for ; from < len(l.acks); from++ {
			if a := l.acks[from]; a.sent.After(after) && a.by != not {
				l.mu.Unlock()
				return a, nil
			}
		}
		more := l.more
		l.mu.Unlock()
		select {
		case <-more:
		case <-deadline.C:
			return ack{}, errors.New("no write is acknowledged")
		}
	}
}

// gap is the longest time without an acknowledgement within a window, counted from the last one before it. What is older is forgotten.
func (l *load) gap(from, to time.Time) (longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, first := from, 0
	for i, a := range l.acks {
		switch {
		case a.at.Before(from):
			last, first = a.at, i
		case a.at.Before(to):
			longest, last = max(longest, a.at.Sub(last)), a.at
		}
	}
	l.acks = slices.Clone(l.acks[first:])
	return longest
}

// verify reads all keys back, and counts those that hold less than was acknowledged.
func (l *load) verify() (lost, checked int, err error) {
	var client *redis.ClusterClient
	var addresses []string
	for _, address := range l.r.nodes {
		addresses = append(addresses, address)
	}
	client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: addresses, TLSConfig: l.r.tls})
	defer client.Close()
	for key, acked := range l.newest {
		text, err := client.Get(context.Background(), key).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return lost, checked, err
		}
		got, _ := strconv.Atoi(text) // nothing is 0
		if got < acked || got > l.sent[key] {
			fmt.Printf("%s holds %q, acknowledged was %d, sent %d\n", key, text, acked, l.sent[key])
			lost++
		}
		checked++
	}
	return lost, checked, nil
}

// times is a distribution.
type times []time.Duration

// String is the distribution as it is printed.
func (t times) String() string {
	if len(t) == 0 {
		return "none"
	}
	s := slices.Sorted(slices.Values(t))
	at := func(share float64) string {
		return (s[min(int(share*float64(len(s))), len(s)-1)]).Round(10 * time.Microsecond).String()
	}
	return fmt.Sprintf("n %d  p50 %s  p90 %s  p99 %s  max %s", len(s), at(0.5), at(0.9), at(0.99), at(1))
}
