package spec

import (
	"slices"
	"strconv"
	"strings"
)

// Parameter is one parameter of a family.
type Parameter struct {
	Name string
	// Default is the value when no group sets one; HasDefault is false for a parameter that has none.
	Default    string
	HasDefault bool
	// Type is integer or string.
	Type string
	// Allowed is the service's grammar: items separated by commas, each a word, a-b (a range), a- (open range) or - (any integer); empty allows anything.
	Allowed, Description, MinVersion string
}

func integer(name, def, allowed, description string) Parameter {
	return Parameter{Name: name, Default: def, HasDefault: true, Type: "integer", Allowed: allowed, Description: description}
}

func choice(name, def, allowed, description string) Parameter {
	return Parameter{Name: name, Default: def, HasDefault: true, Type: "string", Allowed: allowed, Description: description}
}

const evictionPolicies = "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction"

// common are the parameters of all families. Source: recorded answer of DescribeParameters for default.memorydb-redis6; developer guide, "Engine specific parameters".
var common = []Parameter{
	integer("acllog-max-len", "128", "1-10000", "The maximum length of the ACL log."),
	choice("activedefrag", "no", "yes,no", "Enables active memory defragmentation."),
	integer("active-defrag-cycle-max", "75", "1-75", "Maximal effort for defragmentation in CPU percentage."),
	integer("active-defrag-cycle-min", "5", "1-75", "Minimal effort for defragmentation in CPU percentage."),
	integer("active-defrag-ignore-bytes", "104857600", "1048576-", "Minimum amount of fragmentation waste to start active defragmentation."),
	integer("active-defrag-max-scan-fields", "1000", "1-1000000", "Maximum number of fields that are processed at once from the main dictionary scan."),
	integer("active-defrag-threshold-lower", "10", "1-100", "Minimum percentage of fragmentation to start active defragmentation."),
	integer("active-defrag-threshold-upper", "100", "1-100", "Maximum percentage of fragmentation at which maximum effort is used."),
	integer("active-expire-effort", "1", "1-10", "The effort that is made to delete expired keys."),
	choice("activerehashing", "yes", "yes,no", "Whether the main tables are rehashed in the background."),
	integer("client-output-buffer-limit-normal-hard-limit", "0", "0-", "Bytes of replies waiting at which a normal client is disconnected at once; 0 is no limit."),
	integer("client-output-buffer-limit-normal-soft-limit", "0", "0-", "Bytes of replies waiting at which a normal client is disconnected if they stay; 0 is no limit."),
	integer("client-output-buffer-limit-normal-soft-seconds", "0", "0-", "Seconds for which the soft limit of normal clients may be exceeded."),
	integer("client-output-buffer-limit-pubsub-hard-limit", "33554432", "0-", "Bytes of messages waiting at which a subscriber is disconnected at once; 0 is no limit."),
	integer("client-output-buffer-limit-pubsub-soft-limit", "8388608", "0-", "Bytes of messages waiting at which a subscriber is disconnected if they stay; 0 is no limit."),
	integer("client-output-buffer-limit-pubsub-soft-seconds", "60", "0-", "Seconds for which the soft limit of subscribers may be exceeded."),
	integer("hll-sparse-max-bytes", "3000", "1-16000", "Up to how many bytes a HyperLogLog is kept in its sparse form."),
	choice("lazyfree-lazy-eviction", "no", "yes,no", "Whether evicted values are freed in the background."),
	choice("lazyfree-lazy-expire", "no", "yes,no", "Whether expired values are freed in the background."),
	choice("lazyfree-lazy-server-del", "no", "yes,no", "Whether values that commands replace are freed in the background."),
	choice("lazyfree-lazy-user-del", "no", "yes,no", "Whether DEL frees in the background, as UNLINK does."),
	integer("lfu-decay-time", "1", "0-", "Minutes after which a key's counter is lowered."),
	integer("lfu-log-factor", "10", "1-", "How many accesses saturate a key's counter."),
	integer("list-compress-depth", "0", "0-", "Nodes at each end of a list that are not compressed."),
	choice("maxmemory-policy", "noeviction", evictionPolicies, "Which keys are evicted when memory is short."),
	integer("maxmemory-samples", "3", "1-", "How many keys are looked at to choose one to evict."),
	{Name: "notify-keyspace-events", Type: "string", Description: "Which keyspace events are published to subscribers."},
	integer("set-max-intset-entries", "512", "0-", "Up to how many members a set of integers is kept in its compact form."),
	integer("slowlog-log-slower-than", "10000", "-", "Microseconds from which a command is noted in the slow log; negative is never."),
	integer("slowlog-max-len", "128", "0-", "The length of the slow log."),
	integer("stream-node-max-bytes", "4096", "0-", "How many bytes one node of a stream holds."),
	integer("stream-node-max-entries", "100", "0-", "How many entries one node of a stream holds."),
	integer("tcp-keepalive", "300", "0-", "Seconds between probes of idle connections; 0 is none."),
	integer("timeout", "0", "0,20-", "Seconds after which an idle client is disconnected; 0 is never."),
	integer("tracking-table-max-keys", "1000000", "1-100000000", "How many keys client-side caching tracks."),
}

var redis6Only = []Parameter{
	integer("hash-max-ziplist-entries", "512", "0-", "Up to how many fields a hash is kept in its compact form."),
	integer("hash-max-ziplist-value", "64", "0-", "Up to how many bytes a value of a compact hash may have."),
	integer("zset-max-ziplist-entries", "128", "0-", "Up to how many members a sorted set is kept in its compact form."),
	integer("zset-max-ziplist-value", "64", "0-", "Up to how many bytes a member of a compact sorted set may have."),
}

var redis7Only = []Parameter{
	integer("hash-max-listpack-entries", "512", "0-", "Up to how many fields a hash is kept in its compact form."),
	integer("hash-max-listpack-value", "64", "0-", "Up to how many bytes a value of a compact hash may have."),
	choice("latency-tracking", "no", "yes,no", "Whether latencies are kept for each command."),
	{Name: "search-enabled", Default: "no", HasDefault: true, Type: "string", Allowed: "yes,no", Description: "Whether search is enabled; decided when a cluster is created.", MinVersion: "7.1"},
	{Name: "search-query-timeout-ms", Default: "10000", HasDefault: true, Type: "integer", Allowed: "1-60000", Description: "Milliseconds that a search query may take.", MinVersion: "7.1"},
	integer("zset-max-listpack-entries", "128", "0-", "Up to how many members a sorted set is kept in its compact form."),
	integer("zset-max-listpack-value", "64", "0-", "Up to how many bytes a member of a compact sorted set may have."),
}

// Parameters are the parameters of a family, by name; nil for an unknown family.
func Parameters(family string) []Parameter {
	var own []Parameter
	version := "7.0.5"
	switch family {
	case "memorydb_redis6":
		own, version = redis6Only, "6.2.4"
	case "memorydb_redis7", "memorydb_valkey7":
		own = redis7Only
	default:
		return nil
	}
	out := slices.Concat(common, own)
	for i := range out {
		if out[i].MinVersion == "" {
			out[i].MinVersion = version
		}
	}
	slices.SortFunc(out, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// FindParameter finds a parameter of a family.
func FindParameter(family, name string) (Parameter, bool) {
	for _, p := range Parameters(family) {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}

// Check is nil if value is allowed.
func (p Parameter) Check(value string) error {
	if p.Name == "notify-keyspace-events" {
		if i := strings.IndexFunc(value, func(c rune) bool { return !strings.ContainsRune("KEg$lshzxeAtmdn", c) }); i >= 0 {
			return refuse("Invalid value %q for parameter %s: it must consist of the letters KEg$lshzxeAtmdn.", value, p.Name)
		}
		return nil
	}
	refused := refuse("Invalid value %q for parameter %s. Allowed values: %s.", value, p.Name, p.Allowed)
	if p.Type != "integer" {
		if p.Allowed != "" && !slices.Contains(strings.Split(p.Allowed, ","), value) {
			return refused
		}
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return refused
	}
	for _, item := range strings.Split(p.Allowed, ",") {
		low, high, ranged := strings.Cut(item, "-")
		switch {
		case !ranged && strconv.FormatInt(n, 10) == low:
			return nil
		case ranged && within(n, low, high):
			return nil
		}
	}
	return refused
}

func within(n int64, low, high string) bool {
	if low != "" {
		if a, err := strconv.ParseInt(low, 10, 64); err != nil || n < a {
			return false
		}
	}
	if high != "" {
		if b, err := strconv.ParseInt(high, 10, 64); err != nil || n > b {
			return false
		}
	}
	return true
}
