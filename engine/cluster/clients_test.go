package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/tidwall/redcon"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// testCluster is as many nodes as the map has, each a listener, a State and the few commands that cluster clients need to get going. It stands in for
// engine/server, which imports this package.
type testCluster struct {
	nodes map[string]*testNode
}

type testNode struct {
	state    *State
	table    *command.Table
	listener net.Listener
	tls      bool
	db       *keyspace.DB // the shard's: nodes of a shard share it

	mu     *sync.Mutex // guards db and counts
	moved  int         // answers MOVED
	served int         // answered requests with keys
	conns  map[net.Conn]bool
	wg     sync.WaitGroup
}

// startCluster starts two shards of two nodes. hosts are the addresses to listen on in turn; port 0 gives each node its own port, any other is everyone's.
func startCluster(t *testing.T, hosts []string, port int, cert *tls.Certificate) (*testCluster, Map) {
	t.Helper()
	m := Map{Epoch: 1}
	cl := &testCluster{nodes: map[string]*testNode{}}
	for i, ranges := range []Range{{0, 8191}, {8192, 16383}} {
		shard := Shard{ID: fmt.Sprintf("%04d", i+1), Epoch: 1, Slots: []Range{ranges}}
		db, mu := keyspace.New(keyspace.Config{}), &sync.Mutex{}
		for j, role := range []Role{Primary, Replica} {
			name := fmt.Sprintf("%s-%d", shard.ID, j+1)
			l, err := net.Listen("tcp", net.JoinHostPort(hosts[(2*i+j)%len(hosts)], strconv.Itoa(port)))
			if err != nil {
				t.Skipf("no such address here: %v", err)
			}
			at := l.Addr().(*net.TCPAddr)
			n := Node{ID: IDOf(name), IP: at.IP.String(), Role: role}
			if cert != nil {
				n.TLSPort = at.Port
				l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*cert}})
			} else {
				n.Port = at.Port
			}
			if port == 0 && len(hosts) > 1 {
				port = at.Port
			}
			node := &testNode{state: New(Config{Self: n.ID}), listener: l, tls: cert != nil, db: db, mu: mu, conns: map[net.Conn]bool{}}
			node.table = command.NewTable(false, node.state.Commands(), node.commands(), command.IntrospectionCommands(func() *command.Table { return node.table }))
			cl.nodes[name] = node
			shard.Nodes = append(shard.Nodes, n)
		}
		m.Shards = append(m.Shards, shard)
	}
	for _, n := range cl.nodes {
		if err := n.state.Set(m); err != nil {
			t.Fatal(err)
		}
		n.wg.Go(n.accept)
		t.Cleanup(n.close)
	}
	return cl, m
}

func (n *testNode) commands() []command.Spec {
	ok := func(c *command.Call) error { c.Reply.OK(); return nil }
	return []command.Spec{
		{Name: "ping", Arity: -1, Run: func(c *command.Call) error { c.Reply.Simple("PONG"); return nil }},
		{Name: "hello", Arity: -1, Run: func(c *command.Call) error {
			if len(c.Argv) > 1 && string(c.Argv[1]) == "3" {
				c.Reply.Proto = 3
			}
			c.Reply.Map(2)
			c.Reply.BulkString("server")
			c.Reply.BulkString("redis")
			c.Reply.BulkString("proto")
			c.Reply.Int(int64(max(c.Reply.Proto, 2)))
			return nil
		}},
		{Name: "client", Arity: -2, Run: ok},
		{Name: "info", Arity: -1, Run: func(c *command.Call) error {
			c.Reply.BulkString("# Server\r\nredis_version:7.0.15\r\nredis_mode:cluster\r\n# Cluster\r\ncluster_enabled:1\r\n")
			return nil
		}},
		{Name: "readonly", Arity: 1, Run: func(c *command.Call) error { c.Client.ReadOnly = true; c.Reply.OK(); return nil }},
		{Name: "get", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.String, Keys: command.KeyAt(1, command.RO), Run: func(c *command.Call) error {
			v, found := c.DB.LookupRead(c.Argv[1])
			if !found {
				c.Reply.Null()
				return nil
			}
			c.Reply.Bulk(v.Bytes)
			return nil
		}},
		{Name: "set", Arity: -3, Flags: command.Write, Group: command.String, Keys: command.KeyAt(1, command.OW), Run: func(c *command.Call) error {
			c.DB.Set(c.Argv[1], keyspace.String, keyspace.EncRaw, c.Argv[2], false)
			c.Reply.OK()
			return nil
		}},
	}
}

func (n *testNode) accept() {
	for {
		conn, err := n.listener.Accept()
		if err != nil {
			return
		}
		n.mu.Lock()
		n.conns[conn] = true
		n.mu.Unlock()
		n.wg.Go(func() { n.serve(conn) })
	}
}

func (n *testNode) close() {
	n.listener.Close()
	n.mu.Lock()
	for conn := range n.conns {
		conn.Close()
	}
	n.mu.Unlock()
	n.wg.Wait()
}

func (n *testNode) serve(conn net.Conn) {
	defer conn.Close()
	in, out := resp.NewReader(conn, resp.Limits{}), &resp.Writer{}
	client := &command.Client{TLS: n.tls}
	for {
		var cmd redcon.Command
		ok, err := in.Next(&cmd)
		if err != nil {
			return
		}
		if ok {
			n.run(client, out, cmd.Args)
			continue
		}
		if _, err := conn.Write(out.Bytes()); err != nil {
			return
		}
		out.Reset(1 << 16)
		if _, err := in.Fill(); err != nil {
			return
		}
	}
}

// run does what the server's dispatch will: lookup, keys, slot, route, run.
func (n *testNode) run(client *command.Client, out *resp.Writer, argv [][]byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	mark := out.Len()
	err := func() error {
		s, err := n.table.Lookup(argv)
		if err != nil {
			return err
		}
		keys, err := s.KeysOf(argv, nil)
		if err != nil {
			keys = nil
		}
		slot, err := Slot(argv, keys)
		if err != nil {
			return err
		}
		if slot >= 0 {
			if err := n.state.Route(uint16(slot), s.Is(command.Write), client); err != nil {
				n.moved++
				return err
			}
			n.served++
		}
		return s.Run(&command.Call{Spec: s, Argv: argv, Client: client, Reply: out, DB: n.db, Now: 1})
	}()
	var refusal resp.Error
	if errors.As(err, &refusal) {
		out.Cut(mark)
		out.Error(refusal)
	}
}

func (c *testCluster) address(name string) string { return c.nodes[name].listener.Addr().String() }

func (c *testCluster) counts() (served, moved int) {
	for _, n := range c.nodes {
		n.mu.Lock()
		served, moved = served+n.served, moved+n.moved
		n.mu.Unlock()
	}
	return served, moved
}

// localCertificate is a certificate for loopback addresses that nobody has signed.
func localCertificate(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestGoRedisFindsItsWay(t *testing.T) {
	own := []string{"127.0.0.1"}
	for _, c := range []struct {
		name  string
		hosts []string
		tls   bool
		proto int
	}{
		{"own ports, RESP2", own, false, 2},
		{"own ports, RESP3", own, false, 3},
		{"TLS", own, true, 3},
		{"own addresses, one port", []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"}, false, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cert *tls.Certificate
			opt := &redis.ClusterOptions{Protocol: c.proto, MaxRedirects: 3}
			if c.tls {
				cert = localCertificate(t)
				opt.TLSConfig = &tls.Config{InsecureSkipVerify: true}
			}
			nodes, _ := startCluster(t, c.hosts, 0, cert)
			opt.Addrs = []string{nodes.address("0002-2")} // a replica of the second shard knows everything
			client := redis.NewClusterClient(opt)
			defer client.Close()
			writeAndRead(t, client)
			if served, moved := nodes.counts(); served < 200 || moved > 0 {
				t.Errorf("%d requests served, %d redirects: the client did not understand the slots", served, moved)
			}
		})
	}
}

func writeAndRead(t *testing.T, client *redis.ClusterClient) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range 100 {
		key := fmt.Sprintf("key:%d", i)
		if err := client.Set(ctx, key, i, 0).Err(); err != nil {
			t.Fatalf("SET %s: %v", key, err)
		}
		if got, err := client.Get(ctx, key).Int(); err != nil || got != i {
			t.Fatalf("GET %s = %d, %v", key, got, err)
		}
	}
}

func TestGoRedisReadsFromReplicas(t *testing.T) {
	nodes, _ := startCluster(t, []string{"127.0.0.1"}, 0, nil)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes.address("0001-1")}, ReadOnly: true, MaxRedirects: 3})
	defer client.Close()
	writeAndRead(t, client)
	replicas := 0
	for _, name := range []string{"0001-2", "0002-2"} {
		n := nodes.nodes[name]
		n.mu.Lock()
		replicas += n.served
		n.mu.Unlock()
	}
	if _, moved := nodes.counts(); replicas < 50 || moved > 0 {
		t.Errorf("replicas served %d requests, %d redirects", replicas, moved)
	}
}

func TestGoRedisFollowsANewPrimary(t *testing.T) {
	nodes, m := startCluster(t, []string{"127.0.0.1"}, 0, nil)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes.address("0001-1")}, MaxRedirects: 5})
	defer client.Close()
	writeAndRead(t, client)
	for _, n := range nodes.nodes {
		if err := n.state.SetPrimary("0001", m.Shards[0].Nodes[1].ID, 2); err != nil {
			t.Fatal(err)
		}
	}
	writeAndRead(t, client)
	if _, moved := nodes.counts(); moved == 0 {
		t.Error("no redirect led to the new primary")
	}
}

func TestRedisCLIFollowsRedirects(t *testing.T) {
	cli, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Skip("redis-cli is not installed")
	}
	nodes, _ := startCluster(t, []string{"127.0.0.1"}, 0, nil)
	host, port, _ := net.SplitHostPort(nodes.address("0002-2"))
	ask := exec.CommandContext(t.Context(), cli, "-c", "-h", host, "-p", port)
	var lines strings.Builder
	for i := range 20 {
		fmt.Fprintf(&lines, "set key:%d %d\nget key:%d\n", i, i, i)
	}
	ask.Stdin = strings.NewReader(lines.String())
	out, err := ask.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for i := range 20 {
		if !strings.Contains(string(out), fmt.Sprintf("OK\n%d\n", i)) {
			t.Errorf("key:%d is missing in:\n%s", i, out)
		}
	}
}

func TestRedisPyFindsItsWay(t *testing.T) {
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	if exec.CommandContext(t.Context(), python, "-c", "import redis.cluster").Run() != nil {
		t.Skip("python's redis module is not installed")
	}
	for _, hosts := range [][]string{{"127.0.0.1"}, {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"}} {
		nodes, _ := startCluster(t, hosts, 0, nil)
		host, port, _ := net.SplitHostPort(nodes.address("0002-2"))
		program := `
import sys, redis.cluster
r = redis.cluster.RedisCluster(host=sys.argv[1], port=int(sys.argv[2]), read_from_replicas=True)
for i in range(50):
    r.set('key:%d' % i, i)
    assert int(r.get('key:%d' % i)) == i
assert len(r.get_nodes()) == 4 and len(r.get_primaries()) == 2 and len(r.get_replicas()) == 2, r.get_nodes()
assert r.cluster_info(target_nodes=redis.cluster.RedisCluster.RANDOM)['cluster_state'] == 'ok'
assert len(r.cluster_nodes()) == 4
assert r.cluster_keyslot('foo') == 12182
print('well')
`
		out, err := exec.CommandContext(t.Context(), python, "-c", program, host, port).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "well") {
			t.Errorf("%v: %s", err, out)
		}
		if _, moved := nodes.counts(); moved > 0 {
			t.Errorf("%d redirects: the client did not understand the slots", moved)
		}
	}
}
