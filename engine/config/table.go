package config

import "math"

// Directive is one row of the table.
type Directive struct {
	// Name is lower case.
	Name string
	// Aliases are further names that CONFIG GET and SET know it by.
	Aliases []string
	// Live says that CONFIG SET may change it; the node itself can always.
	Live bool
	// Effect says what it changes here. Exactly one of Effect and Note is there.
	Effect string
	// Note says why it changes nothing here, though clients may read it, or set it.
	Note string
	// Fixed is set on a directive that Redis can change and this node cannot: CONFIG SET accepts the present value, and refuses another with this and the Note.
	Fixed string
	// Secret marks a value that must not appear in logs, SLOWLOG or MONITOR.
	Secret bool

	value value
}

// Value is the present value as CONFIG GET prints it.
func (d *Directive) Value() string { return d.value.text() }

// Allowed says which values are right, for documentation.
func (d *Directive) Allowed() string { return d.value.allowed() }

const (
	int31     = math.MaxInt32
	int63     = math.MaxInt64
	uint32max = math.MaxUint32

	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// table are the directives, by subject, with their defaults set.
func (c *Config) table() []*Directive {
	return []*Directive{
		// Memory.
		{Name: "maxmemory", Live: true, value: memory(&c.MaxMemory, 0, 0, int63),
			Effect: "Above it keys are evicted, or writes refused. The node sets it from its node type."},
		{Name: "maxmemory-policy", Live: true, value: enum(&c.MaxMemoryPolicy, "noeviction", policies...),
			Effect: "Which keys are evicted when memory is short."},
		{Name: "maxmemory-samples", Live: true, value: integer(&c.MaxMemorySamples, 5, 1, int31),
			Effect: "How many keys are looked at to choose one to evict."},
		{Name: "maxmemory-eviction-tenacity", Live: true, value: integer(nil, 10, 0, 100),
			Note: "An eviction frees what one command needs and no more."},
		{Name: "maxmemory-clients", Live: true, value: memoryOrPercent(&c.MaxMemoryClients),
			Effect: "Bytes, or percent of maxmemory, that the buffers of all clients may take together: beyond, those with the biggest are disconnected; 0 is no limit."},
		{Name: "lfu-log-factor", Live: true, value: integer(&c.LFULogFactor, 10, 0, int31),
			Effect: "How many accesses it takes to saturate a key's counter."},
		{Name: "lfu-decay-time", Live: true, value: integer(&c.LFUDecayTime, 1, 0, int31),
			Effect: "Minutes after which a key's counter is lowered by one."},
		{Name: "active-expire-effort", Live: true, value: integer(&c.ActiveExpireEffort, 1, 1, 10),
			Effect: "How much work goes into finding expired keys that nobody asks for."},
		{Name: "lazyfree-lazy-eviction", Live: true, value: boolean(nil, false), Note: lazyNote},
		{Name: "lazyfree-lazy-expire", Live: true, value: boolean(nil, false), Note: lazyNote},
		{Name: "lazyfree-lazy-server-del", Live: true, value: boolean(nil, false), Note: lazyNote},
		{Name: "lazyfree-lazy-user-del", Live: true, value: boolean(nil, false), Note: lazyNote},
		{Name: "lazyfree-lazy-user-flush", Live: true, value: boolean(nil, false), Note: lazyNote},
		{Name: "activerehashing", Live: true, value: boolean(nil, true),
			Note: "The key table grows in steps by itself; there is nothing to rehash in the background."},
		{Name: "activedefrag", Live: true, value: boolean(&c.ActiveDefrag, false),
			Effect: "Whether entries are moved out of sparsely used pages in the background, so that the pages become free."},
		{Name: "active-defrag-cycle-max", Live: true, value: integer(nil, 25, 1, 99), Note: defragNote},
		{Name: "active-defrag-cycle-min", Live: true, value: integer(nil, 1, 1, 99), Note: defragNote},
		{Name: "active-defrag-ignore-bytes", Live: true, value: memory(nil, 100*mib, 1, int63), Note: defragNote},
		{Name: "active-defrag-max-scan-fields", Live: true, value: integer(nil, 1000, 1, int63), Note: defragNote},
		{Name: "active-defrag-threshold-lower", Live: true, value: integer(nil, 10, 0, 1000), Note: defragNote},
		{Name: "active-defrag-threshold-upper", Live: true, value: integer(nil, 100, 0, 1000), Note: defragNote},

		// Encodings.
		{Name: "hash-max-listpack-entries", Aliases: []string{"hash-max-ziplist-entries"}, Live: true, value: integer(&c.HashMaxListpackEntries, 512, 0, int63),
			Effect: "Up to how many fields a hash is kept as one compact block (OBJECT ENCODING listpack)."},
		{Name: "hash-max-listpack-value", Aliases: []string{"hash-max-ziplist-value"}, Live: true, value: memory(&c.HashMaxListpackValue, 64, 0, int63),
			Effect: "Up to how many bytes a field or value may have in a compact hash."},
		{Name: "list-max-listpack-size", Aliases: []string{"list-max-ziplist-size"}, Live: true, value: integer(&c.ListMaxListpackSize, -2, math.MinInt32, int31),
			Effect: "How much a node of a list holds: that many elements, or 4, 8, 16, 32 or 64 KiB for -1 to -5."},
		{Name: "list-compress-depth", Live: true, value: integer(nil, 0, 0, int31),
			Note: "Nodes of a list are not compressed."},
		{Name: "set-max-intset-entries", Live: true, value: integer(&c.SetMaxIntsetEntries, 512, 0, int63),
			Effect: "Up to how many members a set of integers is kept as one sorted array (OBJECT ENCODING intset)."},
		{Name: "zset-max-listpack-entries", Aliases: []string{"zset-max-ziplist-entries"}, Live: true, value: integer(&c.ZSetMaxListpackEntries, 128, 0, int63),
			Effect: "Up to how many members a sorted set is kept as one compact block (OBJECT ENCODING listpack)."},
		{Name: "zset-max-listpack-value", Aliases: []string{"zset-max-ziplist-value"}, Live: true, value: memory(&c.ZSetMaxListpackValue, 64, 0, int63),
			Effect: "Up to how many bytes a member may have in a compact sorted set."},
		{Name: "stream-node-max-bytes", Live: true, value: memory(&c.StreamNodeMaxBytes, 4096, 0, int63),
			Effect: "Up to how many bytes a node of a stream has, which approximate trimming removes as a whole; 0 is no such limit."},
		{Name: "stream-node-max-entries", Live: true, value: integer(&c.StreamNodeMaxEntries, 100, 0, int63),
			Effect: "Up to how many entries a node of a stream has; 0 is no such limit."},
		{Name: "hll-sparse-max-bytes", Live: true, value: memory(&c.HLLSparseMaxBytes, 3000, 0, int63),
			Effect: "Up to how many bytes a HyperLogLog is kept in its compact form."},

		// Clients.
		{Name: "maxclients", Live: true, value: integer(&c.MaxClients, 65000, 1, uint32max),
			Effect: "How many connections there may be; 65,000 as in MemoryDB."},
		{Name: "timeout", Live: true, value: integer(&c.Timeout, 0, 0, int31),
			Effect: "Seconds after which an idle connection is closed; 0 is never."},
		{Name: "tcp-keepalive", Live: true, value: integer(&c.TCPKeepAlive, 300, 0, int31),
			Effect: "Seconds between keep-alive probes of new connections; 0 is none."},
		{Name: "client-output-buffer-limit", Live: true,
			value:  limits(&c.OutputLimits, [3]OutputLimit{Replica: {256 * mib, 64 * mib, 60}, PubSub: {32 * mib, 8 * mib, 60}}),
			Effect: "Closes connections that do not read their replies. The class replica has no connections here: replicas read the log."},
		{Name: "client-query-buffer-limit", Live: true, value: memory(&c.ClientQueryBufferLimit, gib, mib, int63),
			Effect: "How many bytes of requests a connection may have waiting."},
		{Name: "proto-max-bulk-len", Live: true, value: memory(&c.ProtoMaxBulkLen, 512*mib, mib, int63),
			Effect: "How many bytes one argument, and one string value, may have."},
		{Name: "tracking-table-max-keys", Live: true, value: integer(&c.TrackingTableMaxKeys, 1000000, 0, int63),
			Effect: "How many keys CLIENT TRACKING remembers; readers of those beyond are told that they are invalid. 0 is no limit."},
		{Name: "busy-reply-threshold", Aliases: []string{"lua-time-limit"}, Live: true, value: integer(&c.BusyReplyThreshold, 5000, 0, int63),
			Effect: "Milliseconds that a script runs before others are refused with BUSY; 0 is for ever."},
		{Name: "notify-keyspace-events", Live: true, value: events(&c.NotifyKeyspaceEvents),
			Effect: "Which keyspace events are published, and on which channels."},
		{Name: "requirepass", Live: true, Secret: true, value: text(&c.RequirePass, ""),
			Effect: "The default user's password; empty is none."},
		{Name: "acllog-max-len", Live: true, value: integer(&c.ACLLogMaxLen, 128, 0, int63),
			Effect: "How many entries ACL LOG keeps."},
		{Name: "acl-pubsub-default", Live: true, Fixed: keeps, value: enum(nil, "resetchannels", "allchannels", "resetchannels"),
			Note: "New users may use no channel."},
		{Name: "protected-mode", Live: true, Fixed: keeps, value: boolean(nil, false),
			Note: "A node listens where it is told to."},

		// Observation.
		{Name: "slowlog-log-slower-than", Live: true, value: integer(&c.SlowlogLogSlowerThan, 10000, -1, int63),
			Effect: "Microseconds from which a command is noted in SLOWLOG; -1 is never."},
		{Name: "slowlog-max-len", Live: true, value: integer(&c.SlowlogMaxLen, 128, 0, int63),
			Effect: "How many entries SLOWLOG keeps."},
		{Name: "latency-tracking", Live: true, value: boolean(&c.LatencyTracking, true),
			Effect: "Whether the latencies of commands are kept, for INFO latencystats and LATENCY HISTOGRAM."},
		{Name: "latency-tracking-info-percentiles", Live: true, value: percents(&c.LatencyPercentiles, 50, 99, 99.9),
			Effect: "The percentiles that INFO latencystats shows."},
		{Name: "latency-monitor-threshold", Live: true, value: integer(&c.LatencyMonitorThreshold, 0, 0, int63),
			Effect: "Milliseconds from which LATENCY notes an event; 0 is never."},
		{Name: "loglevel", Live: true, Fixed: keeps, value: enum(nil, "notice", "debug", "verbose", "notice", "warning"),
			Note: "The program's own option sets what it logs."},

		// Cluster.
		{Name: "cluster-enabled", value: boolean(nil, true),
			Note: "A node always speaks the cluster protocol."},
		{Name: "cluster-require-full-coverage", Live: true, value: boolean(nil, true),
			Note: "A slot that nobody serves refuses its own keys only."},
		{Name: "cluster-allow-reads-when-down", Live: true, value: boolean(nil, false),
			Note: "A node refuses the slots that it does not serve, and no others."},
		{Name: "cluster-allow-pubsubshard-when-down", Live: true, value: boolean(nil, true),
			Note: "A node serves the sharded channels of its own slots only, as long as it knows them."},
		{Name: "cluster-node-timeout", Live: true, Fixed: keeps, value: integer(nil, 15000, 0, int63),
			Note: "Leases in the transaction log decide who leads."},
		{Name: "cluster-preferred-endpoint-type", Live: true, Fixed: keeps, value: enum(nil, "ip", "ip", "hostname", "unknown-endpoint"),
			Note: "The node announces the address that it was started with."},
		{Name: "databases", value: integer(nil, 1, 1, int31),
			Note: "A cluster has database 0 only."},
		{Name: "port", Live: true, Fixed: noPort, value: integer(nil, 0, 0, 65535),
			Note: "The node announces the port that it listens on."},
		{Name: "tls-port", Live: true, Fixed: noPort, value: integer(nil, 0, 0, 65535),
			Note: "The node announces the port that it listens on."},
		{Name: "bind", Live: true, Fixed: noBind, value: text(nil, ""),
			Note: "The node announces the address that it listens on."},

		// Durability and replication.
		{Name: "repl-ping-replica-period", Aliases: []string{"repl-ping-slave-period"}, Live: true, value: integer(&c.ReplPingReplicaPeriod, 10, 1, int31),
			Effect: "Seconds between the PINGs to a replica of Redis (SYNC)."},
		{Name: "aof-use-rdb-preamble", Live: true, value: boolean(nil, true),
			Note: "There is no append-only file to rewrite."},
		{Name: "appendonly", Live: true, value: enum(nil, "yes", "yes"),
			Note: "Every write is in the transaction log before it is acknowledged."},
		{Name: "appendfsync", Live: true, value: enum(nil, "always", "always"),
			Note: "Every write is on disk in most zones before it is acknowledged."},
		{Name: "save", Live: true, value: checked(nil, "", "empty", savePoints),
			Note: "Snapshots are made from the transaction log."},
		{Name: "dir", value: text(nil, ""),
			Note: "The node announces the folder that it was started with."},
		{Name: "dbfilename", value: text(nil, "dump.rdb"),
			Note: "Snapshots have names of their own."},
		{Name: "replica-read-only", Aliases: []string{"slave-read-only"}, Live: true, Fixed: keeps, value: boolean(nil, true),
			Note: "Replicas never accept writes."},
		{Name: "replica-serve-stale-data", Aliases: []string{"slave-serve-stale-data"}, Live: true, Fixed: keeps, value: boolean(nil, true),
			Note: "A replica serves what it has, all of it committed."},
		{Name: "repl-diskless-sync", Live: true, value: boolean(nil, true),
			Note: "A replica of Redis (SYNC) gets its RDB file over its connection."},
		{Name: "repl-diskless-sync-delay", Live: true, Fixed: keeps, value: integer(nil, 0, 0, int31),
			Note: "The RDB file is sent at once."},
		{Name: "replicaof", Aliases: []string{"slaveof"}, value: text(nil, ""),
			Note: "The cluster decides who replicates whom; ROLE shows it."},
		{Name: "masterauth", Live: true, Secret: true, Fixed: keeps, value: text(nil, ""),
			Note: "Replicas read the transaction log and log in nowhere."},
		{Name: "masteruser", Live: true, Fixed: keeps, value: text(nil, ""),
			Note: "Replicas read the transaction log and log in nowhere."},
		{Name: "min-replicas-to-write", Aliases: []string{"min-slaves-to-write"}, Live: true, value: integer(&c.MinReplicasToWrite, 0, 0, int31),
			Effect: "Writes are refused while fewer replicas of the shard are online; 0 is never. (The transaction log makes writes durable with or without replicas.)"},
		{Name: "repl-backlog-size", Live: true, Fixed: keeps, value: memory(nil, mib, 1, int63),
			Note: "Replicas read the transaction log."},

		// The rest of what clients ask for.
		{Name: "hz", Live: true, Fixed: keeps, value: integer(nil, 10, 0, int31),
			Note: "There is no common timer."},
		{Name: "daemonize", value: boolean(nil, false),
			Note: "The program stays in the foreground."},
		{Name: "io-threads", value: integer(nil, 1, 1, 128),
			Note: "Connections are served on as many cores as there are."},
		{Name: "aclfile", value: text(nil, ""),
			Note: "The node announces the ACL file that it was started with."},
		{Name: "search-enabled", Live: true, Fixed: keeps, value: boolean(nil, false),
			Note: "Decided when a cluster is created."},
		{Name: "search-query-timeout-ms", Live: true, value: integer(nil, 10000, 1, 60000),
			Note: "For FT commands, which this engine does not have."},
	}
}

const (
	keeps  = "can't be changed"
	noPort = "Unable to listen on this port"
	noBind = "Failed to bind to specified addresses"

	lazyNote   = "Memory is freed in the same way by every command that deletes."
	defragNote = "How much is moved at a time follows from how much memory lies idle."
)
