package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/engine/cluster"
)

// actual is what runs of a cluster, as the planner sees it.
type actual struct {
	nodes map[string]nodeState // by node name
	// held are nodes that must not be started now: a fault keeps them down.
	held map[string]bool
	// failed are steps that were tried in this reconciliation in vain; they are not planned again in it, so that they don't keep others from being done.
	failed map[step]bool
}

// nodeState is one running node.
type nodeState struct {
	shard   string
	address control.NodeAddress
	// primary: it says that it leads its shard; epoch is the newest leadership that it knows of.
	primary bool
	epoch   uint64
	// last: it is the node that led its shard last, by the log.
	last bool
	// applied is how far it is in the log.
	applied uint64
	// settings is the fingerprint of what it was configured with, published that of the slot map that it was given last.
	settings, published string
	// dead: it can't go on, and has to be started anew.
	dead bool
	// ready: it has caught up with its log.
	ready bool
	// paused: it does not answer just now; cut: it does not hear of the log just now. Both know nothing of who leads.
	paused, cut bool
	// deposed: it has handed its lead over on request, and is to be started anew.
	deposed bool
}

// step is one thing to do, in the order of the plan.
type step struct {
	do    action
	shard string
	node  string
	from  string // who hands over
}

type action string

const (
	bury       action = "bury"        // forget a node that has died
	lead       action = "lead"        // make the node primary of its shard, of which nobody is
	handOver   action = "hand over"   // have the primary hand its lead over to the node
	publish    action = "publish"     // give all nodes the slot map
	start      action = "start"       // open the node; it catches up from the log
	configure  action = "configure"   // users, parameters and memory of a running node
	recovering action = "recover"     // close the node that was primary, and open it anew
	stop       action = "stop"        // close a node that is not wanted
	failedOver action = "failed over" // tell control that a requested failover is over
)

// String is the step as the log shows it.
func (s step) String() string { return strings.TrimSpace(fmt.Sprintf("%s %s", s.do, s.node)) }

// plan is what has to be done next to make the running nodes match what is wanted; it is asked again after its steps have been done, until it is empty. settled says that then nothing is missing; else
// the next step waits for something that will wake the keeper: a node catches up, a fault ends, an election.
//
// The order is that of urgency. The dead are forgotten; shards without a primary are led, leads that have to move are handed over; the slot map is published; then nodes are started and configured,
// which may take a while, and at last what is not wanted is stopped. A node that is not wanted therefore stays until its shard is led by another one and the map no longer names it.
func plan(w control.WantedCluster, a actual) (steps []step, settled bool) {
	for _, stage := range []func(control.WantedCluster, actual) []step{burials, leads, publication, starts, stops, ends} {
		steps := slices.DeleteFunc(stage(w, a), func(s step) bool { return a.failed[s] })
		if len(steps) > 0 {
			return steps, false
		}
	}
	return nil, a.settled(w)
}

func burials(_ control.WantedCluster, a actual) (steps []step) {
	for _, name := range slices.Sorted(maps.Keys(a.nodes)) {
		if a.nodes[name].dead {
			steps = append(steps, step{do: bury, shard: a.nodes[name].shard, node: name})
		}
	}
	return steps
}

// leads takes the lead of shards that have no primary, for the node that led last, by the log, else for the one that is furthest. It is taken only if no running node says that it is primary: a primary
// that is cut off from the log may answer until its lease ends, and only the other nodes' leases know when that is. A lead that has to move is handed over.
func leads(w control.WantedCluster, a actual) (steps []step) {
	for _, sh := range w.Shards {
		p := a.primary(sh.Name)
		st := a.nodes[p]
		switch to := a.candidate(sh, p); {
		case to == "":
		case p == "" && !a.awaited(sh):
			steps = append(steps, step{do: lead, shard: sh.Name, node: to})
		case p != "" && !st.paused && !st.cut && (p == sh.Depose || !sh.Has(p)):
			steps = append(steps, step{do: handOver, shard: sh.Name, node: to, from: p})
		}
	}
	return steps
}

// primary is the node of the newest leadership among those of a shard that say that they lead; "" if none does.
func (a actual) primary(shard string) (name string) {
	for _, n := range slices.Sorted(maps.Keys(a.nodes)) {
		if st := a.nodes[n]; st.shard == shard && st.primary && !st.dead && (name == "" || st.epoch > a.nodes[name].epoch) {
			name = n
		}
	}
	return name
}

// candidate is the wanted node of a shard that is to lead it next, in place of its primary if it has one; "" if there is none. Who takes over knows that the primary leads: a node that was away, and
// still takes itself or another one for the leader, would be long in catching up.
func (a actual) candidate(sh control.WantedShard, primary string) (best string) {
	newest := uint64(0)
	for _, st := range a.nodes {
		if st.shard == sh.Name {
			newest = max(newest, st.epoch)
		}
	}
	for _, n := range sh.Nodes {
		st, running := a.nodes[n.Name]
		if !running || n.Name == primary || st.dead || !st.ready || st.paused || st.cut || primary != "" && st.epoch < newest {
			continue
		}
		st.last = st.last && st.epoch == newest
		b := a.nodes[best]
		last := b.last && b.epoch == newest
		if best == "" || st.last && !last || st.last == last && st.applied > b.applied {
			best = n.Name
		}
	}
	return best
}

// awaited says that the node that should lead a shard is about to have caught up: the one that led last, or the first one of a new shard.
func (a actual) awaited(sh control.WantedShard) bool {
	led := slices.ContainsFunc(sh.Nodes, func(n control.WantedNode) bool { return a.nodes[n.Name].epoch > 0 })
	for i, n := range sh.Nodes {
		st, running := a.nodes[n.Name]
		if running && !st.ready && !st.paused && !st.cut && (st.last || !led && i == 0) {
			return true
		}
	}
	return false
}

// publication is due when a node that hears has another map than the one that is right now. Before the first primary is there, there is nothing to tell.
func publication(w control.WantedCluster, a actual) []step {
	current, due, told := mapPrint(w, a), false, false
	for _, st := range a.nodes {
		due = due || st.published != current && !st.paused
		told = told || st.published != "" || st.primary
	}
	if due && told {
		return []step{{do: publish}}
	}
	return nil
}

func starts(w control.WantedCluster, a actual) (steps []step) {
	settings := fingerprint(w)
	for _, sh := range w.Shards {
		p := a.primary(sh.Name)
		for _, n := range sh.Nodes {
			st, running := a.nodes[n.Name]
			switch {
			case !running && !a.held[n.Name]:
				steps = append(steps, step{do: start, shard: sh.Name, node: n.Name})
			case !running:
			case st.deposed && p != "" && p != n.Name:
				steps = append(steps, step{do: recovering, shard: sh.Name, node: n.Name})
			case st.settings != settings && !st.paused:
				steps = append(steps, step{do: configure, shard: sh.Name, node: n.Name})
			}
		}
	}
	return steps
}

// stops ends what is not wanted, but no primary of a shard that stays.
func stops(w control.WantedCluster, a actual) (steps []step) {
	for _, name := range slices.Sorted(maps.Keys(a.nodes)) {
		i := slices.IndexFunc(w.Shards, func(sh control.WantedShard) bool { return sh.Name == a.nodes[name].shard })
		if i < 0 || !w.Shards[i].Has(name) && a.primary(w.Shards[i].Name) != name {
			steps = append(steps, step{do: stop, shard: a.nodes[name].shard, node: name})
		}
	}
	return steps
}

// ends are the requested failovers whose old primary is a replica again, or no longer wanted.
func ends(w control.WantedCluster, a actual) (steps []step) {
	for _, sh := range w.Shards {
		if sh.Depose == "" {
			continue
		}
		st, running := a.nodes[sh.Depose]
		p := a.primary(sh.Name)
		if !sh.Has(sh.Depose) || running && st.ready && !st.deposed && p != "" && p != sh.Depose {
			steps = append(steps, step{do: failedOver, shard: sh.Name, node: sh.Depose})
		}
	}
	return steps
}

// settled says that every wanted node runs, has caught up and is configured, and every shard is led. Once a cluster has been created, nodes that a fault keeps away are not waited for.
func (a actual) settled(w control.WantedCluster) bool {
	created, settings := w.Status != "creating", fingerprint(w)
	for _, sh := range w.Shards {
		if a.primary(sh.Name) == "" {
			return false
		}
		for _, n := range sh.Nodes {
			st, running := a.nodes[n.Name]
			away := !running && a.held[n.Name] || st.paused || st.cut
			if (!away || !created) && (!running || !st.ready || st.settings != settings) {
				return false
			}
		}
	}
	return len(a.failed) == 0
}

// fingerprint is equal for two wanted states whose nodes are configured alike.
func fingerprint(w control.WantedCluster) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s %v ", w.MaxMemory, w.EnginePatchVersion, w.Users)
	for _, name := range slices.Sorted(maps.Keys(w.Parameters)) {
		fmt.Fprintf(h, "%q=%q ", name, w.Parameters[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// mapPrint is equal for two states that have the same slot map.
func mapPrint(w control.WantedCluster, a actual) string {
	var b strings.Builder
	for _, sh := range w.Shards {
		fmt.Fprintf(&b, "%s %s:", sh.Name, sh.Slots)
		p := a.primary(sh.Name)
		for _, n := range sh.Nodes {
			fmt.Fprintf(&b, " %s %v %v %v,", n.ID, a.address(n), n.Name == p, a.health(n.Name))
		}
	}
	return b.String()
}

// address is where a node listens, or did when it ran last; its port is 0 if it never has.
func (a actual) address(n control.WantedNode) control.NodeAddress {
	if st, running := a.nodes[n.Name]; running {
		return st.address
	}
	return control.NodeAddress{Address: n.Address, Port: n.Port}
}

// health is how a wanted node does, as clients are told.
func (a actual) health(node string) cluster.Health {
	st, running := a.nodes[node]
	switch {
	case !running, st.dead, st.paused:
		return cluster.Failed
	case !st.ready, st.cut && !st.primary:
		return cluster.Loading
	}
	return cluster.Online
}
