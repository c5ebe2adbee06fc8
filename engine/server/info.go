package server

import (
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/pubsub"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Info tells INFO and ROLE what only the node knows. The zero value works; functions may be called from several goroutines at once and must not wait.
type Info struct {
	// RunID and ReplicationID are 40 hexadecimal digits each.
	RunID, ReplicationID string
	// Port is the port that clients use; 0 takes it from the first listener.
	Port int
	// Primary is the shard's primary, asked on a replica.
	Primary func() PrimaryInfo
	// Replicas are the shard's replicas, asked on a primary.
	Replicas func() []ReplicaInfo
	// ReplicasAt is the number of replicas of the shard that have applied the log up to a position, asked by WAIT; nil is none.
	ReplicasAt func(txlog.Pos) int
	// Scripts tells of cached scripts and function libraries.
	Scripts func() ScriptInfo
	// LastSave is when the newest snapshot was taken; the zero time if there is none.
	LastSave func() time.Time
}

// ScriptInfo is what INFO memory tells of scripts: their numbers, and the bytes of their sources.
type ScriptInfo struct {
	Cached, Libraries, Functions int64
	CachedBytes, FunctionBytes   int64
}

// PrimaryInfo is what a replica knows of its primary.
type PrimaryInfo struct {
	Host string
	Port int
	// Up says whether the replica follows the log without a gap.
	Up bool
	// LastIO is how long ago it last heard of the log.
	LastIO time.Duration
}

// ReplicaInfo is what a primary knows of a replica.
type ReplicaInfo struct {
	Host string
	Port int
	// Online says whether the replica serves reads.
	Online bool
	// Offset is the newest log position that it has applied.
	Offset int64
	// Lag is how long ago it was heard of.
	Lag time.Duration
}

var infoRow = command.Spec{
	Name: "info", Arity: -1, Flags: anyTime, Group: command.Server, Categories: []string{"dangerous"}, Since: "1.0.0", Args: "[section [section ...]]",
	Summary: "Describes the node.", Complexity: "O(1)",
	Tips: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}, Run: info,
}

// snapshot is what the sections are written from.
type snapshot struct {
	srv           *Server
	now           time.Time
	role          shard.Role
	stats         shard.Stats
	memory        shard.Memory
	offset        int64
	used, mapped  int64
	peak          int64
	keys, expires int
	avgTTL        int64
	process       processStats
	clientBytes   int64
	monitors      int
	maxIn, maxOut int64
	scripts       ScriptInfo
}

// sections are INFO's, in Redis's order. Those that are not usual appear only by name, all or everything.
var sections = []struct {
	name, title string
	usual       bool
	write       func(b *strings.Builder, s *snapshot)
}{
	{"server", "Server", true, infoServer},
	{"clients", "Clients", true, infoClients},
	{"memory", "Memory", true, infoMemory},
	{"persistence", "Persistence", true, infoPersistence},
	{"stats", "Stats", true, infoStats},
	{"replication", "Replication", true, infoReplication},
	{"cpu", "CPU", true, infoCPU},
	{"modules", "Modules", true, func(*strings.Builder, *snapshot) {}},
	{"commandstats", "Commandstats", false, infoCommands},
	{"errorstats", "Errorstats", true, infoErrors},
	{"latencystats", "Latencystats", false, infoLatency},
	{"cluster", "Cluster", true, infoCluster},
	{"keyspace", "Keyspace", true, infoKeyspace},
}

func info(c *command.Call) error {
	asked := map[string]bool{}
	for _, a := range c.Argv[1:] {
		asked[strings.ToLower(string(a))] = true
	}
	usual := len(asked) == 0 || asked["default"]
	all := asked["all"] || asked["everything"]
	var snap *snapshot
	var b strings.Builder
	for _, s := range sections {
		if asked := all || usual && s.usual || asked[s.name]; !asked {
			continue
		}
		if snap == nil {
			snap = session(c).snapshot()
		} else {
			b.WriteString("\r\n")
		}
		fmt.Fprintf(&b, "# %s\r\n", s.title)
		s.write(&b, snap)
	}
	c.Reply.Verbatim("txt", b.String())
	return nil
}

// snapshot gathers the facts. It takes the turn, or uses the one that the connection holds (a script's).
func (c *conn) snapshot() *snapshot {
	srv := c.srv
	held := c.turn != nil
	t := c.asideTurn()
	db := t.DB()
	s := &snapshot{srv: srv, now: srv.cfg.Now(), role: srv.cfg.Shard.Role(), stats: t.Stats(), memory: t.Memory(), offset: int64(t.Position()),
		used: shard.OwnBytes + db.Used(), mapped: db.Mapped(), keys: db.Len(), expires: db.Expires(), avgTTL: db.AverageTTL()}
	if !held {
		c.endTurn()
	}
	s.peak = srv.stats.peakMemory(s.used)
	s.process = readProcess()
	c.publish()
	for _, other := range srv.clients.all() {
		if other.monitor.Load() {
			s.monitors++
		}
		s.clientBytes += int64(other.memory())
	}
	if srv.cfg.Info.Scripts != nil {
		s.scripts = srv.cfg.Info.Scripts()
	}
	s.maxIn, s.maxOut = srv.stats.recentIn.Load(), srv.stats.recentOut.Load()
	return s
}

func infoServer(b *strings.Builder, s *snapshot) {
	up := s.now.Sub(s.srv.started)
	exe, err := os.Executable()
	if err != nil {
		exe = ""
	}
	lines(b,
		"redis_version", s.srv.redisVersion(), "redis_git_sha1", "00000000", "redis_git_dirty", 0, "redis_build_id", "0", "redis_mode", s.srv.cfg.Mode,
		"os", s.process.os, "arch_bits", 32<<(^uint(0)>>63), "monotonic_clock", "POSIX clock_gettime", "multiplexing_api", s.process.poller,
		"atomicvar_api", "go", "gcc_version", "0.0.0", "go_version", runtime.Version(), "process_id", os.Getpid(), "process_supervised", "no", "run_id", s.srv.cfg.Info.RunID,
		"tcp_port", s.srv.port.Load(), "server_time_usec", s.now.UnixMicro(), "uptime_in_seconds", int64(up.Seconds()),
		"uptime_in_days", int64(up.Hours()/24), "hz", 10, "configured_hz", 10, "lru_clock", s.now.Unix()&(1<<24-1), "executable", exe, "config_file", "",
		"io_threads_active", 0)
}

func infoClients(b *strings.Builder, s *snapshot) {
	lines(b, "connected_clients", s.srv.clients.len()-s.monitors, "cluster_connections", 0, "maxclients", s.srv.settings.Load().MaxClients,
		"client_recent_max_input_buffer", s.maxIn, "client_recent_max_output_buffer", s.maxOut, "blocked_clients", s.srv.stats.blocked.Load(), "tracking_clients", s.srv.tracker.clients.Load(),
		"clients_in_timeout_table", s.srv.stats.timed.Load(), "clients_waiting_for_log", s.srv.held.clients.Load(), "bytes_waiting_for_log", s.srv.held.bytes.Load())
}

func infoMemory(b *strings.Builder, s *snapshot) {
	p := &s.process
	policy := string(s.memory.Policy)
	if policy == "" {
		policy = "noeviction"
	}
	allocated, active := s.used+p.heap, s.mapped+p.heapHeld
	lines(b,
		"used_memory", s.used, "used_memory_human", human(s.used), "used_memory_rss", p.rss, "used_memory_rss_human", human(p.rss),
		"used_memory_peak", s.peak, "used_memory_peak_human", human(s.peak), "used_memory_peak_perc", percent(s.used, s.peak),
		"used_memory_overhead", 0, "used_memory_startup", 0, "used_memory_dataset", s.used, "used_memory_dataset_perc", percent(s.used, s.used),
		"allocator_allocated", allocated, "allocator_active", active, "allocator_resident", p.rss,
		"total_system_memory", p.system, "total_system_memory_human", human(p.system),
		"used_memory_lua", s.scripts.CachedBytes, "used_memory_vm_eval", s.scripts.CachedBytes, "used_memory_lua_human", human(s.scripts.CachedBytes),
		"used_memory_scripts_eval", s.scripts.CachedBytes, "number_of_cached_scripts", s.scripts.Cached,
		"number_of_functions", s.scripts.Functions, "number_of_libraries", s.scripts.Libraries, "used_memory_vm_functions", s.scripts.FunctionBytes,
		"used_memory_vm_total", s.scripts.CachedBytes+s.scripts.FunctionBytes, "used_memory_vm_total_human", human(s.scripts.CachedBytes+s.scripts.FunctionBytes),
		"used_memory_functions", s.scripts.FunctionBytes, "used_memory_scripts", s.scripts.CachedBytes+s.scripts.FunctionBytes,
		"used_memory_scripts_human", human(s.scripts.CachedBytes+s.scripts.FunctionBytes),
		"maxmemory", s.memory.Max, "maxmemory_human", human(s.memory.Max), "maxmemory_policy", policy,
		"allocator_frag_ratio", ratio(active, allocated), "allocator_frag_bytes", active-allocated,
		"allocator_rss_ratio", ratio(p.rss, active), "allocator_rss_bytes", p.rss-active, "rss_overhead_ratio", ratio(p.rss, p.rss), "rss_overhead_bytes", 0,
		"mem_fragmentation_ratio", ratio(p.rss, s.used), "mem_fragmentation_bytes", p.rss-s.used, "mem_not_counted_for_evict", 0,
		"mem_replication_backlog", 0, "mem_total_replication_buffers", 0, "mem_clients_slaves", 0, "mem_clients_normal", s.clientBytes,
		"mem_cluster_links", 0, "mem_aof_buffer", 0, "mem_allocator", "go", "active_defrag_running", 0, "lazyfree_pending_objects", 0, "lazyfreed_objects", 0)
}

// infoPersistence says of RDB files and the AOF what is true of a node whose data is in the transaction log: there are none but snapshots.
func infoPersistence(b *strings.Builder, s *snapshot) {
	loading := 0
	if s.role == shard.Loading {
		loading = 1
	}
	rewriting := 0
	if feed := s.srv.cfg.Feed; feed != nil && feed.Rewriter != nil && feed.Rewriter.Rewriting() {
		rewriting = 1
	}
	lines(b,
		"loading", loading, "async_loading", 0, "current_cow_peak", 0, "current_cow_size", 0, "current_cow_size_age", 0, "current_fork_perc", "0.00",
		"current_save_keys_processed", 0, "current_save_keys_total", 0, "rdb_changes_since_last_save", s.stats.Changes, "rdb_bgsave_in_progress", 0,
		"rdb_last_save_time", s.srv.lastSave().Unix(), "rdb_last_bgsave_status", "ok", "rdb_last_bgsave_time_sec", -1, "rdb_current_bgsave_time_sec", -1,
		"rdb_saves", 0, "rdb_last_cow_size", 0, "rdb_last_load_keys_expired", 0, "rdb_last_load_keys_loaded", 0, "aof_enabled", 0,
		"aof_rewrite_in_progress", rewriting, "aof_rewrite_scheduled", 0, "aof_last_rewrite_time_sec", -1, "aof_current_rewrite_time_sec", -1,
		"aof_last_bgrewrite_status", "ok", "aof_rewrites", 0, "aof_rewrites_consecutive_failures", 0, "aof_last_write_status", "ok", "aof_last_cow_size", 0,
		"module_fork_in_progress", 0, "module_fork_last_cow_size", 0)
}

func infoStats(b *strings.Builder, s *snapshot) {
	st := &s.srv.stats
	tracked, items, prefixes := s.srv.tracker.counts()
	lines(b,
		"total_connections_received", st.connections.Load(), "total_commands_processed", st.commands.Load(),
		"instantaneous_ops_per_sec", st.rates.perSecond.Load(), "total_net_input_bytes", st.bytesIn.Load(), "total_net_output_bytes", st.bytesOut.Load(),
		"total_net_repl_input_bytes", 0, "total_net_repl_output_bytes", 0, "instantaneous_input_kbps", kib(st.rates.inRate.Load()),
		"instantaneous_output_kbps", kib(st.rates.outRate.Load()), "instantaneous_input_repl_kbps", kib(0), "instantaneous_output_repl_kbps", kib(0),
		"rejected_connections", st.rejected.Load(), "sync_full", 0, "sync_partial_ok", 0, "sync_partial_err", 0, "expired_keys", s.stats.Expired,
		"expired_stale_perc", "0.00", "expired_time_cap_reached_count", 0, "expire_cycle_cpu_milliseconds", 0, "evicted_keys", s.stats.Evicted,
		"evicted_clients", s.srv.footprints.evicted.Load(), "total_eviction_exceeded_time", 0, "current_eviction_exceeded_time", 0, "keyspace_hits", s.stats.Hits,
		"keyspace_misses", s.stats.Misses, "pubsub_channels", s.srv.channels.Len(pubsub.Channel), "pubsub_patterns", s.srv.channels.Len(pubsub.Pattern),
		"pubsubshard_channels", s.srv.channels.Len(pubsub.Sharded), "latest_fork_usec", 0, "total_forks", 0,
		"migrate_cached_sockets", 0, "slave_expires_tracked_keys", 0, "active_defrag_hits", 0, "active_defrag_misses", 0, "active_defrag_key_hits", 0,
		"active_defrag_key_misses", 0, "total_active_defrag_time", 0, "current_active_defrag_time", 0, "tracking_total_keys", tracked,
		"tracking_total_items", items, "tracking_total_prefixes", prefixes, "unexpected_error_replies", 0, "total_error_replies", st.errorReplies.Load(),
		"dump_payload_sanitizations", 0, "total_reads_processed", st.reads.Load(), "total_writes_processed", st.writes.Load(),
		"io_threaded_reads_processed", 0, "io_threaded_writes_processed", 0, "reply_buffer_shrinks", 0, "reply_buffer_expands", 0)
}

// primary is the shard's primary as this replica knows it.
func (s *Server) primary() PrimaryInfo {
	if s.cfg.Info.Primary == nil {
		return PrimaryInfo{}
	}
	return s.cfg.Info.Primary()
}

func infoReplication(b *strings.Builder, s *snapshot) {
	cfg := &s.srv.cfg.Info
	var replicas []ReplicaInfo
	if s.role == shard.Primary {
		lines(b, "role", "master")
		if cfg.Replicas != nil {
			replicas = cfg.Replicas()
		}
		replicas = append(replicas, s.srv.fedReplicas()...)
	} else {
		p := s.srv.primary()
		state, syncing := "down", 0
		if p.Up {
			state = "up"
		}
		if s.role == shard.Loading {
			syncing = 1
		}
		lines(b, "role", "slave", "master_host", p.Host, "master_port", p.Port, "master_link_status", state,
			"master_last_io_seconds_ago", int64(p.LastIO.Seconds()), "master_sync_in_progress", syncing, "slave_read_repl_offset", s.offset,
			"slave_repl_offset", s.offset)
		if !p.Up {
			lines(b, "master_link_down_since_seconds", int64(p.LastIO.Seconds()))
		}
		lines(b, "slave_priority", 100, "slave_read_only", 1, "replica_announced", 1)
	}
	lines(b, "connected_slaves", len(replicas))
	for i, r := range replicas {
		state := "wait_bgsave"
		if r.Online {
			state = "online"
		}
		fmt.Fprintf(b, "slave%d:ip=%s,port=%d,state=%s,offset=%d,lag=%d\r\n", i, r.Host, r.Port, state, r.Offset, int64(r.Lag.Seconds()))
	}
	lines(b, "master_failover_state", "no-failover", "master_replid", cfg.ReplicationID, "master_replid2", strings.Repeat("0", 40),
		"master_repl_offset", s.offset, "second_repl_offset", -1, "repl_backlog_active", 0, "repl_backlog_size", 0, "repl_backlog_first_byte_offset", 0,
		"repl_backlog_histlen", 0, "log_durable_offset", uint64(s.srv.cfg.Shard.Durable()))
}

func infoCPU(b *strings.Builder, s *snapshot) {
	p := &s.process
	lines(b, "used_cpu_sys", seconds(p.cpuSystem), "used_cpu_user", seconds(p.cpuUser), "used_cpu_sys_children", seconds(p.childSystem),
		"used_cpu_user_children", seconds(p.childUser))
}

func infoCommands(b *strings.Builder, s *snapshot) {
	for _, row := range s.srv.cfg.Table.All() {
		r := &s.srv.stats.rows[row.ID]
		calls, us, rejected, failed := r.calls.Load(), r.micros.Load(), r.rejected.Load(), r.failed.Load()
		if calls+rejected+failed > 0 {
			fmt.Fprintf(b, "cmdstat_%s:calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d\r\n", row.FullName, calls, us,
				float64(us)/math.Max(float64(calls), 1), rejected, failed)
		}
	}
}

func infoErrors(b *strings.Builder, s *snapshot) {
	st := &s.srv.stats
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, code := range slices.Sorted(maps.Keys(st.errors)) {
		fmt.Fprintf(b, "errorstat_%s:count=%d\r\n", safe(code), st.errors[code])
	}
}

// safe replaces what would break a line of INFO, as Redis does.
func safe(s string) string {
	return strings.NewReplacer("#", "_", ":", "_", "\n", "_", "\r", "_").Replace(s)
}

func infoLatency(b *strings.Builder, s *snapshot) {
	for _, row := range s.srv.cfg.Table.All() {
		if h := s.srv.stats.rows[row.ID].latency.Load(); h != nil {
			asked := s.srv.settings.Load().Percentiles
			parts := make([]float64, len(asked))
			for i, percent := range asked {
				parts[i] = percent / 100
			}
			fmt.Fprintf(b, "latency_percentiles_usec_%s:", row.FullName)
			for i, us := range h.percentiles(parts...) {
				if i > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(b, "p%g=%.3f", asked[i], us)
			}
			b.WriteString("\r\n")
		}
	}
}

func infoCluster(b *strings.Builder, s *snapshot) {
	enabled := 0
	if s.srv.cfg.Mode == "cluster" {
		enabled = 1
	}
	lines(b, "cluster_enabled", enabled)
}

func infoKeyspace(b *strings.Builder, s *snapshot) {
	if s.keys > 0 {
		fmt.Fprintf(b, "db0:keys=%d,expires=%d,avg_ttl=%d\r\n", s.keys, s.expires, s.avgTTL)
	}
}

// lines appends name:value lines.
func lines(b *strings.Builder, pairs ...any) {
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(b, "%s:%v\r\n", pairs[i], pairs[i+1])
	}
}

// human is a number of bytes as Redis abbreviates it.
func human(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	f := float64(n)
	for _, unit := range "KMGTP" {
		if f /= 1024; f < 1024 {
			return fmt.Sprintf("%.2f%c", f, unit)
		}
	}
	return fmt.Sprintf("%dB", n)
}

func ratio(a, b int64) string { return fmt.Sprintf("%.2f", float64(a)/math.Max(float64(b), 1)) }

func percent(a, b int64) string {
	if b == 0 {
		return "100.00%"
	}
	return fmt.Sprintf("%.2f%%", float64(a)*100/float64(b))
}

func kib(n int64) string { return fmt.Sprintf("%.2f", float64(n)/1024) }

func seconds(d time.Duration) string {
	return fmt.Sprintf("%d.%06d", d/time.Second, d%time.Second/time.Microsecond)
}
