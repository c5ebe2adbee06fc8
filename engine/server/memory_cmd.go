package server

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// memoryRow is MEMORY, its subcommands in the order of their handlers.
var memoryRow = command.Spec{
	Name: "memory", Arity: -2, Flags: command.Container, Group: command.Server, Since: "4.0.0",
	Summary: "A container for commands about memory.", Complexity: "Depends on subcommand.",
	Subcommands: []command.Spec{
		{Name: "usage", Arity: -3, Flags: command.ReadOnly, Keys: command.KeyAt(2, command.RO), Since: "4.0.0", Args: "key [SAMPLES count]",
			Summary: "Returns the bytes that a key takes.", Complexity: "O(N) where N is the number of samples.", Run: memoryUsage},
		{Name: "stats", Arity: 2, Since: "4.0.0", Tips: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
			Summary: "Returns what memory is used for.", Complexity: "O(1)", Run: memoryStats},
		{Name: "doctor", Arity: 2, Since: "4.0.0", Tips: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
			Summary: "Describes problems with memory.", Complexity: "O(1)", Run: memoryDoctor},
		{Name: "malloc-stats", Arity: 2, Flags: command.NoTurn, Since: "4.0.0", Tips: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
			Summary: "Returns the figures of the allocator.", Complexity: "Depends on how much memory is allocated, could be slow", Run: mallocStats},
		{Name: "purge", Arity: 2, Flags: command.NoTurn, Since: "4.0.0", Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Summary: "Gives unused memory back to the system.", Complexity: "Depends on how much memory is allocated, could be slow", Run: memoryPurge},
		{Name: "help", Arity: 2, Flags: anyTime, Since: "4.0.0", Summary: "Lists the subcommands.", Complexity: "O(1)", Run: memoryHelp},
	},
}

// memoryUsage tells what the keyspace has accounted for a key. SAMPLES is checked and not needed: nothing is estimated.
func memoryUsage(c *command.Call) error {
	args := c.Args(3)
	for args.More() {
		if !args.FlagWith("samples") {
			return resp.ErrSyntax
		}
		n, err := args.Int()
		if err != nil {
			return err
		}
		if n < 0 {
			return resp.ErrSyntax
		}
	}
	if n, ok := c.DB.Memory(c.Argv[2]); ok {
		c.Reply.Int(n)
	} else {
		c.Reply.Null()
	}
	return nil
}

// memoryStats answers what INFO memory says too, under the names of Redis. What a node doesn't have takes no bytes.
func memoryStats(c *command.Call) error {
	s := session(c).snapshot()
	p := &s.process
	allocated, active := s.used+p.heap, s.mapped+p.heapHeld
	perKey := int64(0)
	if s.keys > 0 {
		perKey = s.used / int64(s.keys)
	}
	databases := 0
	if s.keys > 0 {
		databases = 1
	}
	w := c.Reply
	w.Map(27 + databases)
	number := func(name string, n int64) {
		w.BulkString(name)
		w.Int(n)
	}
	share := func(name string, a, b int64) {
		w.BulkString(name)
		if b == 0 {
			b = 1
		}
		w.Double(float64(a) / float64(b))
	}
	number("peak.allocated", s.peak)
	number("total.allocated", s.used)
	number("startup.allocated", 0)
	number("replication.backlog", 0)
	number("clients.slaves", 0)
	number("clients.normal", s.clientBytes)
	number("cluster.links", 0)
	number("aof.buffer", 0)
	number("lua.caches", s.scripts.CachedBytes)
	number("functions.caches", s.scripts.FunctionBytes)
	if databases == 1 {
		w.BulkString("db.0")
		w.Map(3)
		number("overhead.hashtable.main", 0) // tables count as data: they are in the same pages
		number("overhead.hashtable.expires", 0)
		number("overhead.hashtable.slot-to-keys", 0)
	}
	number("overhead.total", s.clientBytes+s.scripts.CachedBytes+s.scripts.FunctionBytes)
	number("keys.count", int64(s.keys))
	number("keys.bytes-per-key", perKey)
	number("dataset.bytes", s.used)
	w.BulkString("dataset.percentage")
	w.Double(100)
	w.BulkString("peak.percentage")
	w.Double(float64(s.used) * 100 / float64(max(s.peak, 1)))
	number("allocator.allocated", allocated)
	number("allocator.active", active)
	number("allocator.resident", p.rss)
	share("allocator-fragmentation.ratio", active, allocated)
	number("allocator-fragmentation.bytes", active-allocated)
	share("allocator-rss.ratio", p.rss, active)
	number("allocator-rss.bytes", p.rss-active)
	share("rss-overhead.ratio", p.rss, p.rss)
	number("rss-overhead.bytes", 0)
	share("fragmentation", p.rss, s.used)
	number("fragmentation.bytes", p.rss-s.used)
	return nil
}

// memoryDoctor looks for what Redis's doctor looks for, with the same bounds.
func memoryDoctor(c *command.Call) error {
	s := session(c).snapshot()
	p := &s.process
	const enough = 5 << 20
	var found []string
	if s.used+p.heap < enough {
		c.Reply.Verbatim("txt", "The node is empty or uses very little memory: there is nothing to be found out yet.\n")
		return nil
	}
	if float64(s.peak) > 1.5*float64(s.used) {
		found = append(found, "Peak memory: in the past the node used more than 150% of what it uses now. Pages that are empty go back to the system; MEMORY PURGE does the same for the Go heap.")
	}
	if float64(s.mapped) > 1.1*float64(s.used) && s.mapped-s.used > 10<<20 {
		found = append(found, "Sparse pages: more than 10% of the mapped memory holds no data. Set activedefrag to yes to have entries moved together.")
	}
	if clients := int64(s.srv.clients.len()); clients > 0 && s.clientBytes/clients > 200<<10 {
		found = append(found, "Big client buffers: clients take more than 200 KiB on average. CLIENT LIST shows which ones.")
	}
	var b strings.Builder
	if len(found) == 0 {
		b.WriteString("No memory issue was found.\n")
	}
	for _, f := range found {
		fmt.Fprintf(&b, " * %s\n\n", f)
	}
	c.Reply.Verbatim("txt", b.String())
	return nil
}

// mallocStats are figures of the Go heap; values lie outside of it (used_memory_dataset).
func mallocStats(c *command.Call) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.Reply.Verbatim("txt", fmt.Sprintf("heap: allocated %d, in use %d, idle %d, released %d bytes, %d objects\nsystem: %d bytes\ncollector: %d cycles, %d ns paused\n",
		m.HeapAlloc, m.HeapInuse, m.HeapIdle, m.HeapReleased, m.HeapObjects, m.Sys, m.NumGC, m.PauseTotalNs))
	return nil
}

func memoryPurge(c *command.Call) error {
	debug.FreeOSMemory()
	c.Reply.OK()
	return nil
}

func memoryHelp(c *command.Call) error {
	c.Reply.Help("MEMORY",
		"DOCTOR",
		"    Return memory problems reports.",
		"MALLOC-STATS",
		"    Return internal statistics report from the memory allocator.",
		"PURGE",
		"    Attempt to purge dirty pages for reclamation by the allocator.",
		"STATS",
		"    Return information about the memory usage of the server.",
		"USAGE <key> [SAMPLES <count>]",
		"    Return memory in bytes used by <key> and its value. Nested values are",
		"    sampled up to <count> times (default: 5, 0 means sample all).",
	)
	return nil
}
