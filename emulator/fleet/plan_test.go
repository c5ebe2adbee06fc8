package fleet

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/engine/cluster"
)

// wanted is a cluster c of two shards with a primary and a replica each.
func wantedCluster() control.WantedCluster {
	return control.WantedCluster{Name: "c", Status: "available", MaxMemory: 1 << 30, Parameters: map[string]string{"maxmemory-policy": "noeviction"}, Shards: []control.WantedShard{
		{Name: "0001", Slots: "0-8191", Nodes: []control.WantedNode{{Name: "c-0001-001", ID: cluster.IDOf("a")}, {Name: "c-0001-002", ID: cluster.IDOf("b")}}},
		{Name: "0002", Slots: "8192-16383", Nodes: []control.WantedNode{{Name: "c-0002-001", ID: cluster.IDOf("d")}, {Name: "c-0002-002", ID: cluster.IDOf("e")}}},
	}}
}

// do changes what runs as the keeper would.
func do(w *control.WantedCluster, a *actual, s step) {
	change := func(change func(*nodeState)) {
		st := a.nodes[s.node]
		change(&st)
		a.nodes[s.node] = st
	}
	switch s.do {
	case start, recovering:
		a.nodes[s.node] = nodeState{shard: s.shard, address: control.NodeAddress{Address: "127.0.0.1", Port: 7000 + len(a.nodes)}, settings: fingerprint(*w), ready: true}
	case stop, bury:
		delete(a.nodes, s.node)
	case configure:
		change(func(st *nodeState) { st.settings = fingerprint(*w) })
	case lead, handOver:
		newest := uint64(0)
		for _, st := range a.nodes {
			newest = max(newest, st.epoch)
		}
		for name, st := range a.nodes {
			if st.shard == s.shard && !st.paused && !st.cut {
				st.primary, st.last, st.epoch = name == s.node, name == s.node, newest+1
				st.deposed = st.deposed || name == s.from && w.Shards[0].Depose == name
				a.nodes[name] = st
			}
		}
	case publish:
		current := mapPrint(*w, *a)
		for name, st := range a.nodes {
			if !st.paused {
				st.published = current
				a.nodes[name] = st
			}
		}
	case failedOver:
		w.Shards[0].Depose = ""
	}
}

// run does plans until nothing is left, and returns all steps.
func run(t *testing.T, w *control.WantedCluster, a *actual) (all []string) {
	t.Helper()
	for range 20 {
		steps, _ := plan(*w, *a)
		if len(steps) == 0 {
			return all
		}
		for _, s := range steps {
			do(w, a, s)
			all = append(all, s.String())
		}
	}
	t.Fatalf("plan never ends: %v", all)
	return nil
}

func TestPlan(t *testing.T) {
	newCluster := []string{"start c-0001-001", "start c-0001-002", "start c-0002-001", "start c-0002-002", "lead c-0001-001", "lead c-0002-001", "publish"}
	tests := []struct {
		name string
		// change is done to a cluster that is as it is wanted; set changes one of its nodes.
		change  func(w *control.WantedCluster, a *actual, set func(node string, change func(*nodeState)))
		want    []string
		waiting bool // it is not settled then
	}{
		{name: "settled cluster needs nothing"},
		{name: "new cluster", want: newCluster, change: func(_ *control.WantedCluster, a *actual, _ func(string, func(*nodeState))) { clear(a.nodes) }},
		{name: "after a restart the last leaders lead", want: []string{"lead c-0001-002", "lead c-0002-001", "publish"},
			change: func(_ *control.WantedCluster, a *actual, set func(string, func(*nodeState))) {
				for name := range a.nodes {
					set(name, func(st *nodeState) {
						st.primary, st.last, st.published = false, name == "c-0001-002" || name == "c-0002-001", ""
					})
				}
			}},
		{name: "after a restart the last leader is waited for while it catches up", want: []string{"publish"}, waiting: true,
			change: func(_ *control.WantedCluster, _ *actual, set func(string, func(*nodeState))) {
				set("c-0001-001", func(st *nodeState) { st.primary, st.ready = false, false })
				set("c-0001-002", func(st *nodeState) { st.applied = 7 })
			}},
		{name: "changed parameter reaches every node without restart", want: []string{"configure c-0001-001", "configure c-0001-002", "configure c-0002-001", "configure c-0002-002"},
			change: func(w *control.WantedCluster, _ *actual, _ func(string, func(*nodeState))) {
				w.Parameters = map[string]string{"maxmemory-policy": "allkeys-lru"}
			}},
		{name: "removed replicas leave the map before they stop", want: []string{"publish", "stop c-0001-002", "stop c-0002-002"},
			change: func(w *control.WantedCluster, _ *actual, _ func(string, func(*nodeState))) {
				w.Shards[0].Nodes, w.Shards[1].Nodes = w.Shards[0].Nodes[:1], w.Shards[1].Nodes[:1]
			}},
		{name: "removed primary hands over first", want: []string{"hand over c-0001-001", "publish", "stop c-0001-002"},
			change: func(w *control.WantedCluster, a *actual, _ func(string, func(*nodeState))) {
				do(w, a, step{do: lead, shard: "0001", node: "c-0001-002"})
				w.Shards[0].Nodes = w.Shards[0].Nodes[:1]
			}},
		{name: "dead primary is followed by a replica before it is started again", want: []string{"bury c-0001-001", "lead c-0001-002", "publish", "start c-0001-001", "publish"},
			change: func(_ *control.WantedCluster, _ *actual, set func(string, func(*nodeState))) {
				set("c-0001-001", func(st *nodeState) { st.dead = true })
			}},
		{name: "dead primary without a replica is started and leads again", want: []string{"bury c-0001-001", "publish", "start c-0001-001", "lead c-0001-001", "publish"},
			change: func(w *control.WantedCluster, a *actual, set func(string, func(*nodeState))) {
				w.Shards[0].Nodes = w.Shards[0].Nodes[:1]
				delete(a.nodes, "c-0001-002")
				do(w, a, step{do: publish})
				set("c-0001-001", func(st *nodeState) { st.dead = true })
			}},
		{name: "node that a fault holds down is not started, and nobody waits for it", want: []string{"bury c-0001-001", "lead c-0001-002", "publish"},
			change: func(_ *control.WantedCluster, a *actual, set func(string, func(*nodeState))) {
				set("c-0001-001", func(st *nodeState) { st.dead = true })
				a.held["c-0001-001"] = true
			}},
		{name: "a new cluster waits for all its nodes", want: newCluster[:3], waiting: true,
			change: func(w *control.WantedCluster, a *actual, _ func(string, func(*nodeState))) {
				clear(a.nodes)
				w.Status, w.Shards[1].Nodes = "creating", w.Shards[1].Nodes[:1]
				w.Shards[0].Nodes[0].Name, w.Shards[1].Nodes[0].Name = "c-0001-001", "c-0002-001"
				a.failed = map[step]bool{{do: lead, shard: "0001", node: "c-0001-001"}: true, {do: lead, shard: "0002", node: "c-0002-001"}: true}
			}},
		{name: "the lead is not taken from a primary that is cut off: its lease runs", want: nil,
			change: func(_ *control.WantedCluster, a *actual, set func(string, func(*nodeState))) {
				set("c-0001-001", func(st *nodeState) { st.cut = true })
			}},
		{name: "a lead that has moved by itself is published to all but the paused", want: []string{"publish"},
			change: func(_ *control.WantedCluster, _ *actual, set func(string, func(*nodeState))) {
				set("c-0001-001", func(st *nodeState) { st.paused = true })
				set("c-0001-002", func(st *nodeState) { st.primary, st.epoch = true, st.epoch+1 })
			}},
		{name: "failover on request", want: []string{"hand over c-0001-002", "publish", "recover c-0001-001", "publish", "failed over c-0001-001"},
			change: func(w *control.WantedCluster, _ *actual, _ func(string, func(*nodeState))) {
				w.Shards[0].Depose = "c-0001-001"
			}},
		{name: "a node that was away and takes itself for the leader does not take over", want: []string{"hand over c-0001-002", "publish", "recover c-0001-001", "publish", "failed over c-0001-001"},
			change: func(w *control.WantedCluster, a *actual, set func(string, func(*nodeState))) {
				w.Shards[0].Nodes = append(w.Shards[0].Nodes, control.WantedNode{Name: "c-0001-003", ID: cluster.IDOf("c")})
				do(w, a, step{do: start, shard: "0001", node: "c-0001-003"})
				set("c-0001-003", func(st *nodeState) { st.last, st.applied = true, 9 })
				w.Shards[0].Depose = "c-0001-001"
			}},
		{name: "failover on request, when the primary has died meanwhile", want: []string{"bury c-0001-001", "lead c-0001-002", "publish", "start c-0001-001", "publish", "failed over c-0001-001"},
			change: func(w *control.WantedCluster, _ *actual, set func(string, func(*nodeState))) {
				w.Shards[0].Depose = "c-0001-001"
				set("c-0001-001", func(st *nodeState) { st.dead = true })
			}},
		{name: "a step that has failed does not keep the others from being done", want: []string{"publish", "start c-0001-001", "publish"}, waiting: true,
			change: func(_ *control.WantedCluster, a *actual, _ func(string, func(*nodeState))) {
				delete(a.nodes, "c-0001-001")
				a.failed = map[step]bool{{do: lead, shard: "0001", node: "c-0001-002"}: true, {do: lead, shard: "0001", node: "c-0001-001"}: true}
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, a := wantedCluster(), &actual{nodes: map[string]nodeState{}, held: map[string]bool{}}
			if got := run(t, &w, a); len(newCluster) != len(got) {
				t.Fatalf("setting up took %v", got)
			}
			if test.change != nil {
				test.change(&w, a, func(node string, change func(*nodeState)) {
					st := a.nodes[node]
					change(&st)
					a.nodes[node] = st
				})
			}
			if d := cmp.Diff(test.want, run(t, &w, a)); d != "" {
				t.Error(d)
			}
			if _, settled := plan(w, *a); settled == test.waiting {
				t.Errorf("settled = %t", settled)
			}
		})
	}
}

// Whatever the roles, the map that is published is valid and names no primary that is older than what a node knows.
func TestSlotMap(t *testing.T) {
	w, a := wantedCluster(), &actual{nodes: map[string]nodeState{}, held: map[string]bool{}}
	run(t, &w, a)
	m, err := slotMap(w, *a)
	if err != nil || m.Validate() != nil {
		t.Fatalf("map %+v: %v, %v", m, err, m.Validate())
	}
	st := a.nodes["c-0001-001"]
	st.dead = true
	a.nodes["c-0001-001"] = st
	if m, err = slotMap(w, *a); err != nil {
		t.Fatal(err)
	}
	sh := m.Shards[0]
	if n := sh.Nodes[0]; n.Role != cluster.Replica || n.Health != cluster.Failed || sh.Epoch != a.nodes["c-0001-002"].epoch {
		t.Errorf("shard without its primary: %+v", sh)
	}
}
