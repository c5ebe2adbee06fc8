package fleet

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openmemorydb/memorydb/emulator/control"
)

// wanted is a cluster c of two shards with a primary and a replica each.
func wantedCluster() control.WantedCluster {
	return control.WantedCluster{Name: "c", MaxMemory: 1 << 30, Parameters: map[string]string{"maxmemory-policy": "noeviction"}, Shards: []control.WantedShard{
		{Name: "0001", Slots: "0-8191", Nodes: []control.WantedNode{{Name: "c-0001-001", ID: "a"}, {Name: "c-0001-002", ID: "b"}}},
		{Name: "0002", Slots: "8192-16383", Nodes: []control.WantedNode{{Name: "c-0002-001", ID: "d"}, {Name: "c-0002-002", ID: "e"}}},
	}}
}

// do changes what runs as the keeper would.
func do(w control.WantedCluster, a *actual, s step) {
	st := a.nodes[s.node]
	switch s.do {
	case start:
		a.nodes[s.node] = nodeState{shard: s.shard, id: s.node, settings: fingerprint(w)}
		a.published = "" // a new node has no map
	case stop:
		delete(a.nodes, s.node)
	case configure:
		st.settings = fingerprint(w)
		a.nodes[s.node] = st
	case lead:
		for name, other := range a.nodes {
			if other.shard == s.shard {
				other.primary, other.last = name == s.node, name == s.node
				a.nodes[name] = other
			}
		}
	case publish:
		a.published = mapPrint(w, *a)
	}
}

// run does plans until nothing is left, and returns all steps.
func run(t *testing.T, w control.WantedCluster, a *actual) (all []string) {
	t.Helper()
	for range 10 {
		steps := plan(w, *a)
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
	settled := func() (control.WantedCluster, *actual) {
		w, a := wantedCluster(), &actual{nodes: map[string]nodeState{}}
		run(t, w, a)
		return w, a
	}
	t.Run("new cluster", func(t *testing.T) {
		got := run(t, wantedCluster(), &actual{nodes: map[string]nodeState{}})
		want := []string{"start c-0001-001", "start c-0001-002", "start c-0002-001", "start c-0002-002", "lead c-0001-001", "lead c-0002-001", "publish"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
	t.Run("settled cluster needs nothing", func(t *testing.T) {
		w, a := settled()
		if got := plan(w, *a); len(got) > 0 {
			t.Errorf("plan = %v, want none", got)
		}
	})
	t.Run("after a restart the last leaders lead", func(t *testing.T) {
		w, a := settled()
		for name, st := range a.nodes {
			st.primary, st.last = false, name == "c-0001-002" || name == "c-0002-001"
			a.nodes[name] = st
		}
		a.published = ""
		if d := cmp.Diff([]string{"lead c-0001-002", "lead c-0002-001", "publish"}, run(t, w, a)); d != "" {
			t.Error(d)
		}
	})
	t.Run("changed parameter reaches every node without restart", func(t *testing.T) {
		w, a := settled()
		w.Parameters = map[string]string{"maxmemory-policy": "allkeys-lru"}
		if d := cmp.Diff([]string{"configure c-0001-001", "configure c-0001-002", "configure c-0002-001", "configure c-0002-002"}, run(t, w, a)); d != "" {
			t.Error(d)
		}
	})
	t.Run("removed replicas leave the map before they stop", func(t *testing.T) {
		w, a := settled()
		w.Shards[0].Nodes, w.Shards[1].Nodes = w.Shards[0].Nodes[:1], w.Shards[1].Nodes[:1]
		if d := cmp.Diff([]string{"publish", "stop c-0001-002", "stop c-0002-002"}, run(t, w, a)); d != "" {
			t.Error(d)
		}
	})
	t.Run("removed primary hands over first", func(t *testing.T) {
		w, a := settled()
		do(w, a, step{lead, "0001", "c-0001-002"})
		w.Shards[0].Nodes = w.Shards[0].Nodes[:1]
		if d := cmp.Diff([]string{"lead c-0001-001", "publish", "stop c-0001-002"}, run(t, w, a)); d != "" {
			t.Error(d)
		}
	})
	t.Run("dead node is replaced", func(t *testing.T) {
		w, a := settled()
		st := a.nodes["c-0001-001"]
		st.dead = true
		a.nodes["c-0001-001"] = st
		got := run(t, w, a)
		want := []string{"stop c-0001-001", "start c-0001-001", "lead c-0001-001", "publish"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}
