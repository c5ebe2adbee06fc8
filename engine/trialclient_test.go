package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// kinds are the kinds of partitions of a run; the first letter says of what type: s two strings under one hash tag, n two counters, h a hash.
var kinds = []string{"s0", "s1", "s2", "n0", "n1", "h0", "h1"}

var verbs = map[byte][]string{
	's': {"get", "get", "set", "append", "getset", "setnx", "del"},
	'n': {"get", "get", "incr", "incr", "incr", "getset", "del"},
	'h': {"get", "get", "hset", "del", "drop"},
}

// client sends random requests until the run is over, following MOVED, and turning to another node when the connection ends or the node refuses.
func (tr *trial) client(id int, rnd *rand.Rand) {
	at := rnd.IntN(len(tr.addrs))
	var clients []*redis.Client
	for _, addr := range tr.addrs {
		c := redis.NewClient(&redis.Options{Addr: addr, Dialer: tr.dial, MaxRetries: -1, PoolSize: 20, DialerRetries: 1, Protocol: 2 + id%2, ReadTimeout: 10 * time.Second, DisableIdentity: true})
		defer c.Close()
		clients = append(clients, c)
	}
	for i := 0; !tr.over(); i++ {
		in := tr.randomRequest(rnd, fmt.Sprintf("%d.%d", id, i))
		call := tr.history.now()
		replies, err := ask(clients[at], in)
		var refused redis.Error
		switch {
		case err == nil:
			tr.history.add(id, call, in, outcome{replies: replies})
		case errors.As(err, &refused):
			tr.history.dropped(strings.Fields(refused.Error())[0])
			at = tr.follow(refused.Error(), rnd)
		case errors.Is(err, errUnknownReply):
			tr.t.Error(err)
		default:
			if in.writes() {
				tr.history.add(id, call, in, outcome{unknown: true})
			} else {
				tr.history.dropped("reads without reply")
			}
			at = rnd.IntN(len(tr.addrs))
		}
		pause(context.Background(), upTo(rnd, tr.think))
	}
}

// follow is the node to turn to after an error reply.
func (tr *trial) follow(reply string, rnd *rand.Rand) int {
	if words := strings.Fields(reply); words[0] == "MOVED" && rnd.IntN(10) > 0 {
		if i := slices.Index(tr.addrs, words[2]); i >= 0 {
			return i
		}
	}
	return rnd.IntN(len(tr.addrs))
}

func (r request) writes() bool {
	for _, s := range r.steps {
		if s.verb != "get" {
			return true
		}
	}
	return false
}

func (tr *trial) randomRequest(rnd *rand.Rand, value string) request {
	name := tr.history.partition(kinds[rnd.IntN(len(kinds))])
	n := 1
	if rnd.IntN(3) == 0 {
		n = 2
	}
	r := request{partition: name}
	for i := range n {
		s := step{verb: verbs[name[0]][rnd.IntN(len(verbs[name[0]]))], cell: rnd.IntN(2), arg: fmt.Sprint(value, "/", i, ";")}
		if n == 2 {
			s.cell = i // a transaction touches both
		}
		if name[0] == 'n' {
			s.arg = fmt.Sprint(1000 * rnd.IntN(1000))
		}
		r.steps = append(r.steps, s)
	}
	return r
}

// args are the words of a step.
func (s step) args(partition string) []any {
	key := fmt.Sprintf("{%s}%d", partition, s.cell)
	if partition[0] == 'h' {
		field := fmt.Sprint("f", s.cell)
		switch s.verb {
		case "get":
			return []any{"hget", partition, field}
		case "hset":
			return []any{"hset", partition, field, s.arg}
		case "del":
			return []any{"hdel", partition, field}
		default:
			return []any{"del", partition}
		}
	}
	switch s.verb {
	case "get", "del", "incr":
		return []any{s.verb, key}
	}
	return []any{s.verb, key, s.arg}
}

// ask sends a request: a command, or a transaction if there are several steps.
func ask(c *redis.Client, in request) ([]string, error) {
	ctx := context.Background()
	if len(in.steps) == 1 {
		reply, err := text(c.Do(ctx, in.steps[0].args(in.partition)...))
		return []string{reply}, err
	}
	p := c.TxPipeline()
	var cmds []*redis.Cmd
	for _, s := range in.steps {
		cmds = append(cmds, p.Do(ctx, s.args(in.partition)...))
	}
	if _, err := p.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	var replies []string
	for _, cmd := range cmds {
		reply, err := text(cmd)
		if err != nil {
			return nil, err
		}
		replies = append(replies, reply)
	}
	return replies, nil
}

// readAll reads every partition at the end: what was acknowledged must be there.
func (tr *trial) readAll(last *member) {
	c := last.client(tr.t, func(o *redis.Options) { o.Dialer = tr.dial })
	for _, name := range slices.Sorted(maps.Keys(tr.history.ops)) {
		in := request{partition: name, steps: []step{{verb: "get"}, {verb: "get", cell: 1}}}
		call := tr.history.now()
		replies, err := ask(c, in)
		if err != nil {
			tr.t.Errorf("read %s at the end: %v", name, err)
			continue
		}
		tr.history.add(trialClients, call, in, outcome{replies: replies})
	}
}
