package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/openmemorydb/memorydb/emulator/control"
)

// actual is what runs of a cluster, as the planner sees it.
type actual struct {
	nodes map[string]nodeState // by node name
	// published is the mapPrint of the slot map that all nodes were given last.
	published string
}

// nodeState is one running node.
type nodeState struct {
	shard, id, address string
	// primary: it leads its shard now.
	primary bool
	// last: it is the node that led its shard last, by the log.
	last bool
	// settings is the fingerprint of what it was configured with.
	settings string
	// dead: it can't go on, and has to be started anew.
	dead bool
}

// step is one thing to do, in the order of the plan.
type step struct {
	do    action
	shard string
	node  string
}

type action string

const (
	start     action = "start"     // open the node; it catches up from the log
	configure action = "configure" // users, parameters and memory of a running node
	lead      action = "lead"      // make the node primary of its shard
	publish   action = "publish"   // give all nodes the slot map
	stop      action = "stop"      // close the node
)

// String is the step as the log shows it.
func (s step) String() string { return strings.TrimSpace(fmt.Sprintf("%s %s", s.do, s.node)) }

// plan is what has to be done next to make the running nodes match what is wanted; it is asked again after its steps have been done, until it is empty. In this order: start what is missing and configure what
// differs; take the lead of shards that have no primary among the wanted nodes (the node that led last, by the log, else the first); publish the slot map; stop what is not wanted. A node that is not
// wanted therefore stays until its shard is led by another one and the map no longer names it.
func plan(w control.WantedCluster, a actual) []step {
	var steps, leads []step
	wanted := map[string]bool{}
	settings := fingerprint(w)
	for _, sh := range w.Shards {
		primary, last := "", ""
		for _, n := range sh.Nodes {
			wanted[n.Name] = true
			st, running := a.nodes[n.Name]
			switch {
			case !running:
				steps = append(steps, step{start, sh.Name, n.Name})
			case st.dead:
				steps = append(steps, step{stop, sh.Name, n.Name}, step{start, sh.Name, n.Name})
			case st.settings != settings:
				steps = append(steps, step{configure, sh.Name, n.Name})
			}
			if st.primary && !st.dead {
				primary = n.Name
			}
			if st.last && !st.dead {
				last = n.Name
			}
		}
		if primary == "" && len(sh.Nodes) > 0 {
			if last == "" {
				last = sh.Nodes[0].Name
			}
			leads = append(leads, step{lead, sh.Name, last})
		}
	}
	if len(steps) > 0 {
		return steps
	}
	if len(leads) > 0 {
		return leads
	}
	if a.published != mapPrint(w, a) {
		return []step{{do: publish}}
	}
	for _, name := range slices.Sorted(maps.Keys(a.nodes)) {
		if !wanted[name] {
			steps = append(steps, step{stop, a.nodes[name].shard, name})
		}
	}
	return steps
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
		for _, n := range sh.Nodes {
			st := a.nodes[n.Name]
			fmt.Fprintf(&b, " %s %s %v,", st.id, st.address, st.primary)
		}
	}
	return b.String()
}
