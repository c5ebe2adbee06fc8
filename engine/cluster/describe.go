package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/slot"
)

// busPort is the port that CLUSTER NODES names after the @, where clients expect the cluster bus. Ours have none; MemoryDB's nodes name this one.
const busPort = 1122

// empty is the view of a node that has no map.
var empty = &view{shard: -1}

func (s *State) current() *view {
	if v := s.view.Load(); v != nil {
		return v
	}
	return empty
}

// slots answers CLUSTER SLOTS: for each range of slots its primary and its replicas that can be read from.
func (s *State) slots(c *command.Call) error {
	v := s.current()
	type dealt struct {
		Range
		nodes []Node
	}
	var all []dealt
	for i := range v.Shards {
		sh := &v.Shards[i]
		if sh.primary() == nil {
			continue
		}
		nodes := []Node{sh.Nodes[0]}
		for _, n := range sh.Nodes[1:] {
			if n.Health == Online {
				nodes = append(nodes, n)
			}
		}
		for _, r := range sh.Slots {
			all = append(all, dealt{r, nodes})
		}
	}
	slices.SortFunc(all, func(a, b dealt) int { return cmp.Compare(a.First, b.First) })
	c.Reply.Array(len(all))
	for _, d := range all {
		c.Reply.Array(2 + len(d.nodes))
		c.Reply.Int(int64(d.First))
		c.Reply.Int(int64(d.Last))
		for i := range d.nodes {
			s.writeSlotsNode(c, &d.nodes[i])
		}
	}
	return nil
}

// writeSlotsNode appends a node as CLUSTER SLOTS has it; the last element is the way to address it that was not preferred.
func (s *State) writeSlotsNode(c *command.Call, n *Node) {
	c.Reply.Array(4)
	c.Reply.BulkString(s.endpoint(n))
	c.Reply.Int(int64(portFor(n, c.Client)))
	c.Reply.BulkString(n.ID)
	switch {
	case s.cfg.PreferHostname:
		c.Reply.Map(1)
		writeText(c.Reply, "ip", n.IP)
	case n.Hostname != "":
		c.Reply.Map(1)
		writeText(c.Reply, "hostname", n.Hostname)
	default:
		c.Reply.Map(0)
	}
}

// shards answers CLUSTER SHARDS: all shards with all their nodes.
func (s *State) shards(c *command.Call) error {
	v := s.current()
	c.Reply.Array(len(v.Shards))
	for i := range v.Shards {
		sh := &v.Shards[i]
		c.Reply.Map(2)
		c.Reply.BulkString("slots")
		c.Reply.Array(2 * len(sh.Slots))
		for _, r := range sh.Slots {
			c.Reply.Int(int64(r.First))
			c.Reply.Int(int64(r.Last))
		}
		c.Reply.BulkString("nodes")
		c.Reply.Array(len(sh.Nodes))
		for j := range sh.Nodes {
			s.writeShardsNode(c.Reply, &sh.Nodes[j])
		}
	}
	return nil
}

func (s *State) writeShardsNode(w *resp.Writer, n *Node) {
	pairs := 6
	for _, has := range []bool{n.Port != 0, n.TLSPort != 0, n.Hostname != ""} {
		if has {
			pairs++
		}
	}
	w.Map(pairs)
	writeText(w, "id", n.ID)
	if n.Port != 0 {
		w.BulkString("port")
		w.Int(int64(n.Port))
	}
	if n.TLSPort != 0 {
		w.BulkString("tls-port")
		w.Int(int64(n.TLSPort))
	}
	writeText(w, "ip", n.IP)
	writeText(w, "endpoint", s.endpoint(n))
	if n.Hostname != "" {
		writeText(w, "hostname", n.Hostname)
	}
	writeText(w, "role", map[Role]string{Primary: "master", Replica: "replica"}[n.Role])
	w.BulkString("replication-offset")
	w.Int(s.offset(n))
	writeText(w, "health", map[Health]string{Online: "online", Loading: "loading", Failed: "fail"}[n.Health])
}

func (s *State) offset(n *Node) int64 {
	if n.ID == s.cfg.Self && s.cfg.Offset != nil {
		return s.cfg.Offset()
	}
	return n.ReplOffset
}

// nodes answers CLUSTER NODES: a line for each node.
func (s *State) nodes(c *command.Call) error {
	v := s.current()
	var b strings.Builder
	for i := range v.Shards {
		for j := range v.Shards[i].Nodes {
			b.WriteString(s.line(&v.Shards[i], j, c))
			b.WriteByte('\n')
		}
	}
	c.Reply.Verbatim("txt", b.String())
	return nil
}

// line is a node as CLUSTER NODES and CLUSTER REPLICAS print it. Its times are those of a node that has just been heard of: who is alive is decided elsewhere.
func (s *State) line(sh *Shard, i int, c *command.Call) string {
	n := &sh.Nodes[i]
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s:%d@%d", n.ID, n.IP, portFor(n, c.Client), busPort)
	if n.Hostname != "" {
		b.WriteByte(',')
		b.WriteString(n.Hostname)
	}
	b.WriteByte(' ')
	if n.ID == s.cfg.Self {
		b.WriteString("myself,")
	}
	of := "-"
	if n.Role == Primary {
		b.WriteString("master")
	} else {
		b.WriteString("slave")
		if p := sh.primary(); p != nil {
			of = p.ID
		}
	}
	link := "connected"
	if n.Health == Failed {
		b.WriteString(",fail")
		link = "disconnected"
	}
	fmt.Fprintf(&b, " %s 0 %d %d %s", of, c.Now, sh.Epoch, link)
	if n.Role == Primary {
		for _, r := range sh.Slots {
			b.WriteByte(' ')
			b.WriteString(strconv.Itoa(int(r.First)))
			if r.Last != r.First {
				fmt.Fprintf(&b, "-%d", r.Last)
			}
		}
	}
	return b.String()
}

// replicas answers CLUSTER REPLICAS and its old name SLAVES: the lines of a primary's replicas.
func (s *State) replicas(c *command.Call) error {
	sh, i, err := s.find(c.Argv[2])
	if err != nil {
		return err
	}
	if sh.Nodes[i].Role != Primary {
		return errNotPrimary
	}
	c.Reply.Array(len(sh.Nodes) - 1)
	for j := range sh.Nodes {
		if j != i {
			c.Reply.BulkString(s.line(sh, j, c))
		}
	}
	return nil
}

// find finds a node of the map by its ID.
func (s *State) find(id []byte) (*Shard, int, error) {
	v := s.current()
	for i := range v.Shards {
		for j := range v.Shards[i].Nodes {
			if v.Shards[i].Nodes[j].ID == string(id) {
				return &v.Shards[i], j, nil
			}
		}
	}
	return nil, 0, resp.Errorf("ERR Unknown node %s", id)
}

// info answers CLUSTER INFO. The state is ok if every slot has a primary that has not failed.
func (s *State) info(c *command.Call) error {
	v := s.current()
	var assigned, fail, nodes, size int
	var myEpoch uint64
	epoch := v.Epoch
	for i := range v.Shards {
		sh := &v.Shards[i]
		epoch = max(epoch, sh.Epoch)
		count := 0
		for _, r := range sh.Slots {
			count += int(r.Last-r.First) + 1
		}
		assigned += count
		p := sh.primary()
		if p == nil || p.Health == Failed {
			fail += count
		}
		if count > 0 && p != nil {
			size++
		}
		nodes += len(sh.Nodes)
		if i == v.shard {
			myEpoch = sh.Epoch
		}
	}
	state := "ok"
	if assigned < slot.Count || fail > 0 {
		state = "fail"
	}
	var b strings.Builder
	for _, f := range []struct {
		name  string
		value any
	}{
		{"cluster_state", state},
		{"cluster_slots_assigned", assigned},
		{"cluster_slots_ok", assigned - fail},
		{"cluster_slots_pfail", 0},
		{"cluster_slots_fail", fail},
		{"cluster_known_nodes", nodes},
		{"cluster_size", size},
		{"cluster_current_epoch", epoch},
		{"cluster_my_epoch", myEpoch},
		{"cluster_stats_messages_sent", 0}, // there is no bus
		{"cluster_stats_messages_received", 0},
		{"total_cluster_links_buffer_limit_exceeded", 0},
	} {
		fmt.Fprintf(&b, "%s:%v\r\n", f.name, f.value)
	}
	c.Reply.Verbatim("txt", b.String())
	return nil
}

func writeText(w *resp.Writer, name, text string) {
	w.BulkString(name)
	w.BulkString(text)
}
