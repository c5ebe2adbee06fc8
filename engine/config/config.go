// Package config holds the directives of a node: their names, types, ranges and defaults in one table, their values as atomics that hot paths read without
// a lock, and the CONFIG commands.
//
// Names, ranges, defaults and error texts are those of redis-server 7.0.15; the parameters of MemoryDB's parameter groups are directives too. What a
// directive does here, or why it does nothing, stands in its row (Effect, Note). There is no configuration file.
package config

import (
	"slices"
	"sync"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// Config is the configuration of one node. The exported values may be loaded by any goroutine at any time; Set and its kin change them.
type Config struct {
	MaxMemory             Int  // bytes; 0: no limit
	MaxMemoryPolicy       Enum // a Policy
	ReplPingReplicaPeriod Int  // seconds
	MinReplicasToWrite    Int
	MaxMemoryClients      Int // bytes, or percent of maxmemory if negative
	MaxMemorySamples      Int
	LFULogFactor          Int
	LFUDecayTime          Int // minutes

	ActiveExpireEffort Int // 1 to 10
	ActiveDefrag       Bool

	HashMaxListpackEntries Int
	HashMaxListpackValue   Int // bytes
	ListMaxListpackSize    Int // entries, or -1 to -5: 4, 8, 16, 32, 64 KiB
	SetMaxIntsetEntries    Int
	ZSetMaxListpackEntries Int
	ZSetMaxListpackValue   Int // bytes
	StreamNodeMaxBytes     Int
	StreamNodeMaxEntries   Int
	HLLSparseMaxBytes      Int

	ProtoMaxBulkLen        Int // bytes
	ClientQueryBufferLimit Int // bytes
	MaxClients             Int
	Timeout                Int // seconds; 0: never
	TCPKeepAlive           Int // seconds; 0: off
	OutputLimits           OutputLimits

	SlowlogLogSlowerThan    Int // microseconds; negative: off
	SlowlogMaxLen           Int
	LatencyTracking         Bool
	LatencyPercentiles      Percentiles
	LatencyMonitorThreshold Int // milliseconds; 0: off
	ACLLogMaxLen            Int

	NotifyKeyspaceEvents Events
	TrackingTableMaxKeys Int // 0: no limit
	BusyReplyThreshold   Int // milliseconds; 0: never
	RequirePass          String

	// ResetStat is called by CONFIG RESETSTAT; the node sets it before the first connection.
	ResetStat func()

	directives []*Directive
	byName     map[string]*Directive // by name and alias, lower case

	mu    sync.Mutex // held while values change
	hooks []*hook
}

// hook is told of changes of some directives.
type hook struct {
	names []string
	fn    func() error
}

// New is a configuration with Redis's defaults.
func New() *Config {
	c := &Config{ResetStat: func() {}}
	c.directives = c.table()
	c.byName = make(map[string]*Directive, 2*len(c.directives))
	for _, d := range c.directives {
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			if c.byName[name] != nil {
				panic("config: two directives named " + name)
			}
			c.byName[name] = d
		}
	}
	return c
}

// Directives are all directives, in the order of the table. The slice is the caller's, the rows are not.
func (c *Config) Directives() []*Directive { return slices.Clone(c.directives) }

// Get is the value of a directive as CONFIG GET prints it, by its name or alias in whatever case; false if there is none.
func (c *Config) Get(name string) (string, bool) {
	d := c.byName[lower(name)]
	if d == nil {
		return "", false
	}
	return d.value.text(), true
}

// OnChange has fn called whenever a Set has changed one of the directives; once a Set, with the new values in place. If fn fails, all that the Set changed
// is taken back, the hooks are called again, and its error is the Set's. fn must not call Set. Register hooks before the first connection.
func (c *Config) OnChange(fn func() error, names ...string) {
	for _, name := range names {
		if c.byName[name] == nil {
			panic("config: no directive " + name)
		}
	}
	c.hooks = append(c.hooks, &hook{names, fn})
}

// Setting is one directive, or parameter, and the value that it is to have.
type Setting struct{ Name, Value string }

// Set sets directives as CONFIG SET does: all or, with an error in Redis's words, none.
func (c *Config) Set(settings ...Setting) error { return c.set(settings, false) }

// Preset sets directives, also those that CONFIG SET calls immutable: what the node knows about itself.
func (c *Config) Preset(settings ...Setting) error { return c.set(settings, true) }

func (c *Config) set(settings []Setting, immutable bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	rows := make([]*Directive, len(settings))
	for i, s := range settings {
		d := c.byName[lower(s.Name)]
		switch {
		case d == nil:
			return resp.Errorf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", s.Name)
		case !d.Live && !immutable:
			return failed(s.Name, "can't set immutable config")
		case slices.ContainsFunc(settings[:i], func(o Setting) bool { return lower(o.Name) == lower(s.Name) }):
			return failed(s.Name, "duplicate parameter")
		}
		rows[i] = d
	}
	commits := make([]func(), len(rows))
	for i, d := range rows {
		commit, err := d.value.parse(settings[i].Value)
		if err != nil {
			return failed(lower(settings[i].Name), err.Error())
		}
		commits[i] = commit
	}
	return c.commit(settings, rows, commits, immutable)
}

// commit makes the new values visible and calls the hooks of those that changed; if one fails, or a fixed directive was to change, the old values come back.
func (c *Config) commit(settings []Setting, rows []*Directive, commits []func(), immutable bool) error {
	restore := make([]func(), len(rows))
	rollback := func(n int) {
		for j := n - 1; j >= 0; j-- {
			restore[j]()
		}
	}
	changed := map[string]string{} // directive to the name it was set by
	for i, d := range rows {
		before := d.value.text()
		restore[i] = d.value.snapshot()
		commits[i]()
		if d.value.text() != before {
			if d.Fixed != "" && !immutable {
				rollback(i + 1)
				return failed(lower(settings[i].Name), d.Fixed+": "+d.Note)
			}
			changed[d.Name] = lower(settings[i].Name)
		}
	}
	for i, h := range c.hooks {
		name := h.about(changed)
		if name == "" {
			continue
		}
		err := h.fn()
		if err == nil {
			continue
		}
		rollback(len(restore))
		for _, h := range c.hooks[:i+1] {
			if h.about(changed) != "" {
				_ = h.fn() // the old values were good before; the error that counts is the first
			}
		}
		return failed(name, err.Error())
	}
	return nil
}

// about is the name of a changed directive that the hook is for; "" if there is none.
func (h *hook) about(changed map[string]string) string {
	for _, n := range h.names {
		if changed[n] != "" {
			return changed[n]
		}
	}
	return ""
}

func failed(name, why string) error {
	return resp.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - %s", name, why)
}

// lower makes ASCII letters lower-case.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
