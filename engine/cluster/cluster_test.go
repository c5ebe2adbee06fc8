package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/slot"
)

func id(name string) string { return IDOf("test", name) }

func node(name string, port int, role Role) Node {
	return Node{ID: id(name), IP: "127.0.0.1", Port: port, Role: role}
}

// twoShards is a map of two shards with a replica each, and slot 100 dealt to none.
func twoShards() Map {
	return Map{Epoch: 1, Shards: []Shard{
		{ID: "a", Epoch: 1, Slots: []Range{{101, 8191}, {0, 99}}, Nodes: []Node{node("a1", 7001, Primary), node("a2", 7002, Replica)}},
		{ID: "b", Epoch: 1, Slots: []Range{{8192, 16383}}, Nodes: []Node{node("b1", 7003, Primary), node("b2", 7004, Replica)}},
	}}
}

func stateOf(t *testing.T, self string, m Map) *State {
	t.Helper()
	s := New(Config{Self: id(self)})
	if err := s.Set(m); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRoute(t *testing.T) {
	noPrimary := twoShards()
	noPrimary.Shards[0].Nodes[0].Role = Replica
	readOnly := &command.Client{ReadOnly: true}
	for _, c := range []struct {
		name  string
		self  string
		m     Map
		slot  uint16
		write bool
		cl    *command.Client
		want  string
	}{
		{"primary, its slot", "a1", twoShards(), 0, true, &command.Client{}, ""},
		{"primary, its slot, no client", "a1", twoShards(), 8191, true, nil, ""},
		{"primary, another's slot", "a1", twoShards(), 8192, false, &command.Client{}, "MOVED 8192 127.0.0.1:7003"},
		{"primary, another's slot, no client", "a1", twoShards(), 16383, true, nil, "MOVED 16383 127.0.0.1:7003"},
		{"READONLY changes nothing at another shard", "a1", twoShards(), 8192, false, readOnly, "MOVED 8192 127.0.0.1:7003"},
		{"replica, read", "a2", twoShards(), 0, false, &command.Client{}, "MOVED 0 127.0.0.1:7001"},
		{"replica, read, READONLY", "a2", twoShards(), 0, false, readOnly, ""},
		{"replica, write, READONLY", "a2", twoShards(), 0, true, readOnly, "MOVED 0 127.0.0.1:7001"},
		{"replica, read without client", "a2", twoShards(), 0, false, nil, "MOVED 0 127.0.0.1:7001"},
		{"slot of no shard", "a1", twoShards(), 100, false, readOnly, "CLUSTERDOWN Hash slot not served"},
		{"shard without primary, its replica", "a2", noPrimary, 5, true, readOnly, "CLUSTERDOWN Hash slot not served"},
		{"shard without primary, its replica, READONLY", "a2", noPrimary, 5, false, readOnly, ""},
		{"shard without primary, another node", "b1", noPrimary, 5, false, nil, "CLUSTERDOWN Hash slot not served"},
		{"node not in the map", "x", twoShards(), 0, false, readOnly, "MOVED 0 127.0.0.1:7001"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := stateOf(t, c.self, c.m).Route(c.slot, c.write, c.cl); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestRouteOfANodeWithoutMap(t *testing.T) {
	s := New(Config{Self: id("a1")})
	if err := s.Route(0, false, nil); !errors.Is(err, ErrDown) {
		t.Errorf("got %v", err)
	}
	for ask, want := range map[string]string{
		"cluster slots": "*0\r\n", "cluster shards": "*0\r\n", "cluster nodes": "$0\r\n\r\n", "cluster myshardid": "-CLUSTERDOWN The cluster is down\r\n",
		"cluster myid": "$40\r\n" + id("a1") + "\r\n",
	} {
		if got := run(t, s, nil, 2, ask); got != want {
			t.Errorf("%s = %q, want %q", ask, got, want)
		}
	}
	if got := run(t, s, nil, 2, "cluster info"); !strings.Contains(got, "cluster_state:fail\r\ncluster_slots_assigned:0\r\n") {
		t.Errorf("CLUSTER INFO = %q", got)
	}
}

// Nodes may share an address and differ by port, or have an address each and the same port; one may have a plain port, a TLS port or both.
func TestRouteNamesTheAddressToDial(t *testing.T) {
	for _, c := range []struct {
		name string
		to   Node
		cfg  Config
		cl   *command.Client
		want string
	}{
		{"one address, own port", Node{IP: "10.0.0.1", Port: 7005}, Config{}, nil, "10.0.0.1:7005"},
		{"own address, same port", Node{IP: "127.0.3.2", Port: 6379}, Config{}, nil, "127.0.3.2:6379"},
		{"only TLS", Node{IP: "10.0.0.1", TLSPort: 6379}, Config{}, &command.Client{TLS: true}, "10.0.0.1:6379"},
		{"only TLS, nobody asks", Node{IP: "10.0.0.1", TLSPort: 6379}, Config{}, nil, "10.0.0.1:6379"},
		{"both, plain client", Node{IP: "10.0.0.1", Port: 6379, TLSPort: 6380}, Config{}, &command.Client{}, "10.0.0.1:6379"},
		{"both, TLS client", Node{IP: "10.0.0.1", Port: 6379, TLSPort: 6380}, Config{}, &command.Client{TLS: true}, "10.0.0.1:6380"},
		{"IPv6", Node{IP: "::1", Port: 6379}, Config{}, nil, "::1:6379"},
		{"a name, not preferred", Node{IP: "10.0.0.1", Hostname: "n1.example", Port: 6379}, Config{}, nil, "10.0.0.1:6379"},
		{"a name, preferred", Node{IP: "10.0.0.1", Hostname: "n1.example", Port: 6379}, Config{PreferHostname: true}, nil, "n1.example:6379"},
		{"names preferred, none known", Node{IP: "10.0.0.1", Port: 6379}, Config{PreferHostname: true}, nil, "?:6379"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.to.ID, c.to.Role, c.cfg.Self = id("x"), Primary, id("self")
			s := New(c.cfg)
			if err := s.Set(Map{Shards: []Shard{{ID: "a", Slots: []Range{{0, 16383}}, Nodes: []Node{c.to}}}}); err != nil {
				t.Fatal(err)
			}
			if err := s.Route(7, false, c.cl); err == nil || err.Error() != "MOVED 7 "+c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestSetRefusesMapsThatContradictThemselves(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*Map)
	}{
		{"slot dealt twice", func(m *Map) { m.Shards[1].Slots[0].First = 8191 }},
		{"range backwards", func(m *Map) { m.Shards[1].Slots[0] = Range{9000, 8192} }},
		{"slot too large", func(m *Map) { m.Shards[1].Slots[0].Last = 16384 }},
		{"two primaries", func(m *Map) { m.Shards[1].Nodes[1].Role = Primary }},
		{"shard without ID", func(m *Map) { m.Shards[1].ID = "" }},
		{"two shards of one ID", func(m *Map) { m.Shards[1].ID = "a" }},
		{"node in two shards", func(m *Map) { m.Shards[1].Nodes[0].ID = id("a1") }},
		{"two nodes of one address", func(m *Map) { m.Shards[1].Nodes[0].Port = 7001 }},
		{"TLS port taken", func(m *Map) { m.Shards[1].Nodes[0].TLSPort = 7001 }},
		{"no port", func(m *Map) { m.Shards[1].Nodes[0].Port = 0 }},
		{"port too large", func(m *Map) { m.Shards[1].Nodes[0].Port = 65536 }},
		{"negative port", func(m *Map) { m.Shards[1].Nodes[0].TLSPort = -1 }},
		{"a name for an address", func(m *Map) { m.Shards[1].Nodes[0].IP = "localhost" }},
		{"short node ID", func(m *Map) { m.Shards[1].Nodes[0].ID = "b1" }},
		{"node ID in capitals", func(m *Map) { m.Shards[1].Nodes[0].ID = strings.ToUpper(id("b1")) }},
		{"unknown role", func(m *Map) { m.Shards[1].Nodes[0].Role = 2 }},
		{"unknown health", func(m *Map) { m.Shards[1].Nodes[0].Health = 3 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stateOf(t, "a1", twoShards())
			m := twoShards()
			m.Epoch = 2
			c.spoil(&m)
			if err := s.Set(m); !errors.Is(err, ErrInvalid) {
				t.Errorf("Set = %v, want ErrInvalid", err)
			}
			if in, _ := s.Map(); in.Epoch != 1 {
				t.Error("the refused map is in use")
			}
		})
	}
}

func TestSetRefusesAnOlderMap(t *testing.T) {
	m := twoShards()
	m.Epoch = 5
	s := stateOf(t, "a1", m)
	m.Epoch = 4
	if err := s.Set(m); !errors.Is(err, ErrStale) {
		t.Errorf("Set of an older map = %v", err)
	}
	m.Epoch = 5
	if err := s.Set(m); err != nil {
		t.Errorf("Set of a map of the same epoch = %v", err)
	}
}

func TestSetKeepsNothingOfItsArgument(t *testing.T) {
	m := twoShards()
	s := stateOf(t, "a1", m)
	m.Shards[1].Nodes[0].Port = 1
	m.Shards[1].Slots[0].First = 9999
	if err := s.Route(8192, false, nil); err == nil || err.Error() != "MOVED 8192 127.0.0.1:7003" {
		t.Errorf("Route = %v", err)
	}
}

func TestSetPrimary(t *testing.T) {
	s := stateOf(t, "a2", twoShards())
	if err := s.SetPrimary("a", id("a2"), 20); err != nil {
		t.Fatal(err)
	}
	if got := run(t, s, nil, 2, "cluster info"); !strings.Contains(got, "cluster_current_epoch:20\r\ncluster_my_epoch:20\r\n") {
		t.Errorf("CLUSTER INFO = %q", got)
	}
	if err := s.Route(0, true, nil); err != nil {
		t.Errorf("the new primary refuses: %v", err)
	}
	if err := s.SetPrimary("a", id("a1"), 20); !errors.Is(err, ErrStale) {
		t.Errorf("another primary of the same epoch = %v", err)
	}
	for _, err := range []error{s.SetPrimary("x", id("a1"), 99), s.SetPrimary("a", id("b1"), 99), New(Config{}).SetPrimary("a", id("a1"), 9)} {
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("got %v, want ErrUnknown", err)
		}
	}
	old := twoShards() // its owner has not heard of the new primary
	old.Epoch = 7
	old.Shards[1].Nodes[0].Health = Failed
	if err := s.Set(old); err != nil {
		t.Fatal(err)
	}
	if n, shard, ok := s.Self(); !ok || n.Role != Primary || shard.Epoch != 20 || shard.Nodes[1].Role != Replica {
		t.Errorf("after a map that names the old primary: %+v of %+v", n, shard)
	}
	newer := twoShards()
	newer.Epoch, newer.Shards[0].Epoch = 8, 21
	if err := s.Set(newer); err != nil {
		t.Fatal(err)
	}
	if n, _, _ := s.Self(); n.Role != Replica {
		t.Error("after a map with a newer primary the old one still leads")
	}
	gone := twoShards()
	gone.Epoch, gone.Shards[0].Epoch, gone.Shards[0].Nodes = 9, 20, gone.Shards[0].Nodes[1:]
	if err := s.Set(gone); err != nil {
		t.Fatal(err)
	}
	if err := s.Route(0, true, nil); !errors.Is(err, resp.ErrSlotUnserved) {
		t.Errorf("the known primary is not in the map any more: %v", err)
	}
}

func TestReadersSeeWholeMapsWhileItChanges(t *testing.T) {
	s := stateOf(t, "a1", twoShards())
	flipped := func(epoch uint64) Map { // odd: shard a holds all slots, even: shard b
		m := twoShards()
		m.Epoch = epoch
		m.Shards[epoch%2].Slots, m.Shards[1-epoch%2].Slots = nil, []Range{{0, 16383}}
		return m
	}
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				m, _ := s.Map()
				if m.Epoch > 1 && len(m.Shards[0].Slots)+len(m.Shards[1].Slots) != 1 {
					t.Error("half a map")
					return
				}
				if err := s.Route(5, true, nil); err != nil && err.Error() != "MOVED 5 127.0.0.1:7003" {
					t.Errorf("Route = %v", err)
					return
				}
			}
		})
	}
	for epoch := uint64(2); epoch < 200; epoch++ {
		if err := s.Set(flipped(epoch)); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	readers.Wait()
}

func TestSlotOfARequest(t *testing.T) {
	argv := [][]byte{[]byte("mget"), []byte("{a}1"), []byte("{a}2"), []byte("b")}
	for _, c := range []struct {
		name string
		keys []command.Key
		want int
		err  error
	}{
		{"no keys", nil, -1, nil},
		{"one key", []command.Key{{Index: 1}}, 15495, nil},
		{"two keys of one tag", []command.Key{{Index: 1}, {Index: 2}}, 15495, nil},
		{"two slots", []command.Key{{Index: 1}, {Index: 3}}, -1, resp.ErrCrossSlot},
	} {
		if got, err := Slot(argv, c.keys); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %d, %v", c.name, got, err)
		}
	}
}

func TestClusterSlotsLeavesOutReplicasThatCannotBeRead(t *testing.T) {
	m := twoShards()
	m.Shards[0].Nodes[1].Health = Loading
	m.Shards[1].Nodes[0].Health = Failed
	s := stateOf(t, "a1", m)
	got := run(t, s, nil, 2, "cluster slots")
	if strings.Contains(got, id("a2")) {
		t.Error("a loading replica is listed")
	}
	if !strings.Contains(got, id("b1")) || strings.Count(got, id("a1")) != 2 {
		t.Errorf("a failed primary stays listed, and each range has its entry: %q", got)
	}
	info := run(t, s, nil, 2, "cluster info")
	if !strings.Contains(info, "cluster_state:fail\r\ncluster_slots_assigned:16383\r\ncluster_slots_ok:8191\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:8192\r\n") {
		t.Errorf("CLUSTER INFO = %q", info)
	}
	nodes := run(t, s, nil, 2, "cluster nodes")
	for _, want := range []string{
		id("a1") + " 127.0.0.1:7001@1122 myself,master - 0 1795410000000 1 connected 0-99 101-8191\n",
		id("b1") + " 127.0.0.1:7003@1122 master,fail - 0 1795410000000 1 disconnected 8192-16383\n",
		id("b2") + " 127.0.0.1:7004@1122 slave " + id("b1") + " 0 1795410000000 1 connected\n",
	} {
		if !strings.Contains(nodes, want) {
			t.Errorf("CLUSTER NODES lacks %q:\n%s", want, nodes)
		}
	}
	if shards := run(t, s, nil, 2, "cluster shards"); !strings.Contains(shards, "loading") || !strings.Contains(shards, "$4\r\nfail\r\n") {
		t.Errorf("CLUSTER SHARDS = %q", shards)
	}
}

func TestRangesOfOneSlotAndRangesThatTouch(t *testing.T) {
	m := Map{Shards: []Shard{{ID: "a", Slots: []Range{{9, 9}, {3, 5}, {0, 2}}, Nodes: []Node{node("a1", 7001, Primary)}}}}
	if got := run(t, stateOf(t, "a1", m), nil, 2, "cluster nodes"); !strings.HasSuffix(got, "connected 0-5 9\n\r\n") {
		t.Errorf("CLUSTER NODES = %q", got)
	}
}

func TestOffsetOfThisNodeIsItsOwn(t *testing.T) {
	m := twoShards()
	m.Shards[0].Nodes[0].ReplOffset, m.Shards[1].Nodes[0].ReplOffset = 1, 55
	s := New(Config{Self: id("a1"), Offset: func() int64 { return 77 }})
	if err := s.Set(m); err != nil {
		t.Fatal(err)
	}
	got := run(t, s, nil, 2, "cluster shards")
	if !strings.Contains(got, ":77\r\n") || !strings.Contains(got, ":55\r\n") || strings.Contains(got, ":1\r\n") {
		t.Errorf("CLUSTER SHARDS = %q", got)
	}
}

func TestKeysInSlot(t *testing.T) {
	s := stateOf(t, "a1", twoShards())
	n := slot.Of([]byte("{tag}"))
	for ask, want := range map[string]string{
		fmt.Sprintf("cluster countkeysinslot %d", n): ":3\r\n",
		"cluster countkeysinslot 0":                  ":0\r\n",
		fmt.Sprintf("cluster getkeysinslot %d 0", n): "*0\r\n",
		"cluster getkeysinslot 0 10":                 "*0\r\n",
		"cluster countkeysinslot 1 2":                "-ERR wrong number of arguments for 'cluster|countkeysinslot' command\r\n",
		"cluster addslots 1":                         "-ERR Slots are dealt by the management API, not by commands\r\n",
		"cluster myshardid":                          "$1\r\na\r\n",
		"cluster links":                              "*0\r\n",
	} {
		if got := run(t, s, nil, 2, ask); got != want {
			t.Errorf("%s = %q, want %q", ask, got, want)
		}
	}
	for count, want := range map[int]int{1: 1, 2: 2, 3: 3, 10: 3} {
		got := strings.Split(strings.TrimSpace(run(t, s, nil, 2, fmt.Sprintf("cluster getkeysinslot %d %d", n, count))), "\r\n")
		var keys []string
		for i := 2; i < len(got); i += 2 {
			keys = append(keys, got[i])
		}
		slices.Sort(keys)
		if got[0] != fmt.Sprintf("*%d", want) || len(slices.Compact(keys)) != want || !strings.HasPrefix(keys[0], "{tag}") {
			t.Errorf("%d keys: %q", count, got)
		}
	}
}

func TestEveryRowIsInHelp(t *testing.T) {
	s := New(Config{})
	text := run(t, s, nil, 2, "cluster help")
	for _, row := range s.Commands()[0].Subcommands {
		if row.Name != "slaves" && !row.Is(command.Restricted) && !strings.Contains(text, "+"+strings.ToUpper(row.Name)) {
			t.Errorf("CLUSTER HELP does not name %s", row.Name)
		}
	}
}

func testDB() *keyspace.DB {
	db := keyspace.New(keyspace.Config{})
	for _, key := range []string{"{tag}1", "{tag}2", "{tag}3", "other"} {
		db.Set([]byte(key), keyspace.String, keyspace.EncEmbstr, []byte("v"), false)
	}
	return db
}
