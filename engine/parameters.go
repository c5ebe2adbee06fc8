package engine

import (
	"time"

	"github.com/openmemorydb/memorydb/engine/config"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/rdb"
	"github.com/openmemorydb/memorydb/engine/server"
	"github.com/openmemorydb/memorydb/engine/shard"
)

// heeded are the directives that apply hands on; the others are read where they take effect.
func heeded() []string {
	return []string{
		"maxmemory", "maxmemory-policy", "maxmemory-samples", "maxmemory-clients", "repl-ping-replica-period", "min-replicas-to-write", "tracking-table-max-keys", "lfu-log-factor", "lfu-decay-time",
		"hash-max-listpack-entries", "hash-max-listpack-value", "list-max-listpack-size", "set-max-intset-entries", "zset-max-listpack-entries",
		"zset-max-listpack-value", "stream-node-max-bytes", "stream-node-max-entries", "hll-sparse-max-bytes",
		"maxclients", "timeout", "tcp-keepalive", "client-output-buffer-limit", "client-query-buffer-limit", "proto-max-bulk-len",
		"slowlog-log-slower-than", "slowlog-max-len", "latency-tracking", "latency-tracking-info-percentiles", "latency-monitor-threshold",
	}
}

// apply hands the directives in force to the parts that heed them.
func (n *Node) apply() error {
	c := n.config
	policy := config.Policy(c.MaxMemoryPolicy.Load())
	n.shard.SetLimits(keyspace.Limits{
		HashMaxListpackEntries: int(c.HashMaxListpackEntries.Load()), HashMaxListpackValue: int(c.HashMaxListpackValue.Load()),
		ListMaxListpackSize: int(c.ListMaxListpackSize.Load()), ListPackedThreshold: n.debug.ListPackedThreshold(), SetMaxIntsetEntries: int(c.SetMaxIntsetEntries.Load()),
		ZSetMaxListpackEntries: int(c.ZSetMaxListpackEntries.Load()), ZSetMaxListpackValue: int(c.ZSetMaxListpackValue.Load()),
		HLLSparseMaxBytes: int(c.HLLSparseMaxBytes.Load()), StreamNodeMaxBytes: int(c.StreamNodeMaxBytes.Load()), StreamNodeMaxEntries: int(c.StreamNodeMaxEntries.Load()),
		LFU: policy == config.AllKeysLFU || policy == config.VolatileLFU, LFULogFactor: int(c.LFULogFactor.Load()), LFUDecayTime: int(c.LFUDecayTime.Load()),
	})
	n.shard.SetMemory(shard.Memory{Max: c.MaxMemory.Load(), Policy: shard.Policy(policy.String()), Samples: int(c.MaxMemorySamples.Load())})

	slower := time.Duration(c.SlowlogLogSlowerThan.Load()) * time.Microsecond
	entries := int(c.SlowlogMaxLen.Load())
	keepAlive := time.Duration(c.TCPKeepAlive.Load()) * time.Second
	if keepAlive == 0 {
		keepAlive = -1
	}
	var output [3]server.OutputLimit
	for _, class := range []config.Class{config.Normal, config.Replica, config.PubSub} {
		l := c.OutputLimits.Load(class)
		output[class] = server.OutputLimit{Hard: l.Hard, Soft: l.Soft, SoftFor: time.Duration(l.SoftSeconds) * time.Second}
	}
	n.server.Configure(server.Settings{
		MaxClients: int(c.MaxClients.Load()), Timeout: time.Duration(c.Timeout.Load()) * time.Second, KeepAlive: keepAlive, Output: &output,
		QueryBuffer: int(c.ClientQueryBufferLimit.Load()), MaxBulk: int(c.ProtoMaxBulkLen.Load()), SlowerThan: &slower, SlowlogMaxLen: &entries,
		ClientMemory: clientMemory(c), ReplicaPing: time.Duration(c.ReplPingReplicaPeriod.Load()) * time.Second, MinReplicas: int(c.MinReplicasToWrite.Load()), TrackedKeys: c.TrackingTableMaxKeys.Load(),
		NoLatencyTracking: !c.LatencyTracking.Load(), Percentiles: c.LatencyPercentiles.Load(), LatencyThreshold: c.LatencyMonitorThreshold.Load(),
	})
	return nil
}

// clientMemory is maxmemory-clients in bytes.
func clientMemory(c *config.Config) int64 {
	n := c.MaxMemoryClients.Load()
	if n >= 0 {
		return n
	}
	return c.MaxMemory.Load() * -n / 100
}

// serialized is the length of a value as DUMP writes it, without its type and footer; 0 if it can't be written.
func serialized(db *keyspace.DB, key []byte) (n int) {
	const around = 1 + 10
	if v, ok := db.Peek(key); ok {
		if err := rdb.Dump(v, func(payload []byte) { n = len(payload) - around }); err != nil {
			return 0
		}
	}
	return n
}

// listNodes tells of the list at a key: its nodes, elements, and bytes.
func listNodes(db *keyspace.DB, key []byte) (nodes, elements, size int) {
	v, ok := db.Peek(key)
	l := datatype.OpenList(db, key, v, ok)
	for i := range l.NodeCount() {
		data, _ := l.Node(i)
		size += len(data)
	}
	return l.NodeCount(), l.Len(), size
}

// scriptInfo is what INFO tells of scripts.
func (n *Node) scriptInfo() server.ScriptInfo {
	s := n.scripts.Stats()
	return server.ScriptInfo{Cached: s.Scripts, Libraries: s.Libraries, Functions: s.Functions, CachedBytes: s.ScriptBytes, FunctionBytes: s.FunctionBytes}
}
