package cluster

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/slot"
)

// testdata/answers.json holds what two clusters of redis-server 7.0.15 answered: "plain", three shards of which the first has a replica, and one shard of two
// nodes with a plain and a TLS port each, which announced addresses ("tls-ip") and then names ("tls-hostname").
type recording struct {
	Plain, TLS map[string]string // port to node ID
	Answers    []answer
}

type answer struct {
	Cluster  string
	Node     int // its plain port
	TLS      bool
	Proto    int
	Ask      string
	Reply    string
	ReadOnly bool
}

func loadRecording(t *testing.T) recording {
	t.Helper()
	b, err := os.ReadFile("testdata/answers.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// plainMap is the map of the recorded cluster without TLS.
func (r recording) plainMap() Map {
	node := func(port int, role Role, offset int64) Node {
		return Node{ID: r.Plain[strconv.Itoa(port)], IP: "127.0.0.1", Port: port, Role: role, ReplOffset: offset}
	}
	return Map{Epoch: 3, Shards: []Shard{
		{ID: "0001", Epoch: 1, Slots: []Range{{0, 5460}}, Nodes: []Node{node(21914, Replica, 1), node(21911, Primary, 1)}},
		{ID: "0002", Epoch: 2, Slots: []Range{{5461, 10922}}, Nodes: []Node{node(21912, Primary, 0)}},
		{ID: "0003", Epoch: 3, Slots: []Range{{10923, 16383}}, Nodes: []Node{node(21913, Primary, 0)}},
	}}
}

func (r recording) tlsMap() Map {
	node := func(port int, role Role) Node {
		return Node{ID: r.TLS[strconv.Itoa(port)], IP: "127.0.0.1", Port: port, TLSPort: port + 10, Role: role, Hostname: "host" + strconv.Itoa(port) + ".example"}
	}
	return Map{Shards: []Shard{{ID: "0001", Slots: []Range{{0, 16383}}, Nodes: []Node{node(21931, Primary), node(21932, Replica)}}}}
}

// run asks a row of the table; an error comes back as an error reply.
func run(t *testing.T, s *State, cl *command.Client, proto int, ask string) string {
	t.Helper()
	table := command.NewTable(true, s.Commands())
	var argv [][]byte
	for _, w := range strings.Fields(ask) {
		argv = append(argv, []byte(w))
	}
	w := &resp.Writer{Proto: proto}
	row, err := table.Lookup(argv)
	if err == nil {
		err = row.Run(&command.Call{Spec: row, Argv: argv, Reply: w, Client: cl, Now: 1795410000000, DB: testDB()})
	}
	var refusal resp.Error
	if errors.As(err, &refusal) {
		w.Cut(0)
		w.Error(refusal)
	} else if err != nil {
		t.Fatalf("%s: %v", ask, err)
	}
	return string(w.Bytes())
}

// What differs on purpose or by time: the bus port, times of pings and pongs, offsets, and counts of messages on the bus.
var differs = []struct {
	what *regexp.Regexp
	same string
}{
	{regexp.MustCompile(`@\d+`), "@bus"},
	{regexp.MustCompile(` \d+ (\d+) (\d+) connected`), " ping pong $2 connected"},
	{regexp.MustCompile(`replication-offset\r\n:\d+`), "replication-offset\r\n:n"},
	{regexp.MustCompile(`cluster_stats_messages_(ping|pong|meet|fail|update|auth\S*)_\S+:\d+\r\n`), ""},
	{regexp.MustCompile(`(cluster_stats_messages_(sent|received)):\d+`), "$1:n"},
	{regexp.MustCompile(`([$=])\d+\r\n(txt:)?([0-9a-f]{40} \d|cluster_state)`), "${1}len\r\n$2\n$3"},
}

func normal(reply, ask string) string {
	for _, d := range differs {
		reply = d.what.ReplaceAllString(reply, d.same)
	}
	switch { // Redis answers these in the order of a hash table
	case strings.HasSuffix(ask, " nodes"):
		return sortedLines(reply, "\n")
	case strings.HasSuffix(ask, " shards"):
		return sortedLines(reply, "\r\nslots\r\n")
	}
	return reply
}

func sortedLines(s, by string) string {
	parts := strings.Split(s, by)
	for i := range parts {
		parts[i] = strings.TrimRight(parts[i], "\r\n")
		for _, cut := range []string{"\r\n*4\r\n$5", "\r\n%2\r\n$5"} {
			parts[i] = strings.TrimSuffix(parts[i], cut)
		}
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, by)
}

func TestAnswersAreThoseOfARedisCluster(t *testing.T) {
	r := loadRecording(t)
	for _, a := range r.Answers {
		name := strings.Join([]string{a.Cluster, strconv.Itoa(a.Node), strconv.FormatBool(a.TLS), strconv.Itoa(a.Proto), a.Ask}, "/")
		t.Run(name, func(t *testing.T) {
			m, ids := r.plainMap(), r.Plain
			if a.Cluster != "plain" {
				m, ids = r.tlsMap(), r.TLS
			}
			s := New(Config{Self: ids[strconv.Itoa(a.Node)], PreferHostname: a.Cluster == "tls-hostname"})
			if err := s.Set(m); err != nil {
				t.Fatal(err)
			}
			cl := &command.Client{TLS: a.TLS}
			var got string
			if key, isGet := strings.CutPrefix(a.Ask, "get "); isGet {
				got = "-" + s.Route(slot.Of([]byte(key)), false, cl).Error() + "\r\n"
			} else {
				got = run(t, s, cl, a.Proto, a.Ask)
			}
			if want := normal(a.Reply, a.Ask); normal(got, a.Ask) != want {
				t.Errorf("%s\n%s", a.Ask, cmp.Diff(strings.Split(want, "\n"), strings.Split(normal(got, a.Ask), "\n")))
			}
		})
	}
}
