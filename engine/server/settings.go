package server

import "time"

// Class is a class of clients with limits of its own.
type Class int

// The classes, as client-output-buffer-limit names them.
const (
	Normal Class = iota
	Replica
	PubSub
	classes
)

// OutputLimit is one class of client-output-buffer-limit: a client with more than Hard bytes to be sent, or with more than Soft for longer than SoftFor, is
// disconnected. 0 is no limit.
type OutputLimit struct {
	Hard, Soft int64
	SoftFor    time.Duration
}

// Settings are the parameters that the server heeds, under Redis's names. The zero value is Redis's defaults.
type Settings struct {
	// MaxClients is maxclients; 0 is 65000, as in MemoryDB.
	MaxClients int
	// Timeout is timeout: how long a client may be idle; 0 is for ever.
	Timeout time.Duration
	// KeepAlive is tcp-keepalive; 0 is 300 s, negative is none.
	KeepAlive time.Duration
	// Output is client-output-buffer-limit by class; nil is Redis's.
	Output *[classes]OutputLimit
	// QueryBuffer is client-query-buffer-limit in bytes; 0 is 1 GB.
	QueryBuffer int
	// MaxBulk is proto-max-bulk-len in bytes; 0 is 512 MB.
	MaxBulk int
	// SlowerThan is slowlog-log-slower-than; nil is 10 ms, negative logs nothing, 0 logs every command.
	SlowerThan *time.Duration
	// ClientMemory is maxmemory-clients in bytes: what all clients' buffers may take together; 0 is no limit.
	ClientMemory int64
	// MinReplicas is min-replicas-to-write: how many replicas must be online for writes; 0 is none.
	MinReplicas int
	// TrackedKeys is tracking-table-max-keys: how many keys client-side caching remembers; 0 is no limit.
	TrackedKeys int64
	// ReplicaPing is repl-ping-replica-period; 0 is 10 s.
	ReplicaPing time.Duration
	// SlowlogMaxLen is slowlog-max-len; nil is 128.
	SlowlogMaxLen *int
	// NoLatencyTracking is latency-tracking switched off: no latencies of commands are kept.
	NoLatencyTracking bool
	// Percentiles are latency-tracking-info-percentiles, in percent, ascending; nil is 50, 99 and 99.9.
	Percentiles []float64
	// LatencyThreshold is latency-monitor-threshold in milliseconds; 0 is no monitor.
	LatencyThreshold int64
}

// redisOutput are the defaults of client-output-buffer-limit.
var redisOutput = [classes]OutputLimit{
	Replica: {Hard: 256 << 20, Soft: 64 << 20, SoftFor: time.Minute},
	PubSub:  {Hard: 32 << 20, Soft: 8 << 20, SoftFor: time.Minute},
}

func (s Settings) withDefaults() Settings {
	if s.MaxClients == 0 {
		s.MaxClients = 65000
	}
	if s.KeepAlive == 0 {
		s.KeepAlive = 300 * time.Second
	}
	if s.Output == nil {
		s.Output = &redisOutput
	}
	if s.QueryBuffer == 0 {
		s.QueryBuffer = 1 << 30
	}
	if s.MaxBulk == 0 {
		s.MaxBulk = 512 << 20
	}
	if s.SlowerThan == nil {
		d := 10 * time.Millisecond
		s.SlowerThan = &d
	}
	if s.SlowlogMaxLen == nil {
		n := 128
		s.SlowlogMaxLen = &n
	}
	if s.ReplicaPing == 0 {
		s.ReplicaPing = 10 * time.Second
	}
	if s.Percentiles == nil {
		s.Percentiles = []float64{50, 99, 99.9}
	}
	return s
}
