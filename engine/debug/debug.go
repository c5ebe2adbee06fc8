// Package debug is the DEBUG command, for Redis's own test suite and for those who look into a node. It is there with --admin-commands only.
//
// What is about parts of Redis that a node doesn't have (its allocator, its save files, crashes on demand) is refused as an unknown subcommand.
// Source: redis-server 7.0.15's DEBUG HELP and behaviour.
package debug

import (
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/shard"
)

// Config is what the command acts on.
type Config struct {
	// Rebuild replaces the memory by what the log gives; the caller holds the turn.
	Rebuild func() error
	// Role is the node's role.
	Role func() shard.Role
	// Sleep makes the node stop for a time, with the turn in its hands: time.Sleep.
	Sleep func(time.Duration)
	// Serialized is the length of a value as DUMP writes it, without the footer.
	Serialized func(db *keyspace.DB, key []byte) int
	// ListNodes tells of the list at a key: its nodes, elements, and bytes.
	ListNodes func(db *keyspace.DB, key []byte) (nodes, elements, size int)
	// Libraries is the number of function libraries of a keyspace.
	Libraries func(db *keyspace.DB) int
	// DenyScripts lets scripts execute commands that are not for them, or not.
	DenyScripts func(deny bool)
	Logger      *slog.Logger
}

// Debug is the command's state.
type Debug struct {
	cfg      Config
	noExpire atomic.Bool
	noCron   atomic.Bool
	packed   atomic.Int64
}

// ListPackedThreshold is the size in bytes from which on an element of a list has a node of its own; 0 is the default.
func (d *Debug) ListPackedThreshold() int { return int(d.packed.Load()) }

// New makes it.
func New(cfg Config) *Debug {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Debug{cfg: cfg}
}

// Active says whether expired keys are to be looked for in the background.
func (d *Debug) Active() bool { return !d.noExpire.Load() && !d.noCron.Load() }

// Rows are the rows of this package. DEBUG sees the whole keyspace, expired keys too: it is held while anything is uncommitted.
func (d *Debug) Rows() []command.Spec {
	return []command.Spec{{
		Name: "debug", Arity: -2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale | command.Restricted | command.WholeKeyspace,
		Group: command.Server, Since: "1.0.0", Summary: "A container for commands that look into the node.", Complexity: "Depends on subcommand.", Run: d.run,
	}}
}

// subcommand is one of DEBUG's, with the least and the greatest number of words behind its name.
type subcommand struct {
	least, most int
	run         func(d *Debug, c *command.Call) error
}

var subcommands = map[string]subcommand{
	"help":                       {0, 0, help},
	"change-repl-id":             {0, 0, nothing},
	"digest":                     {0, 0, digest},
	"digest-value":               {0, 1 << 30, digestValue},
	"error":                      {1, 1, errorReply},
	"loadaof":                    {0, 0, reload},
	"log":                        {1, 1, (*Debug).log},
	"object":                     {1, 1, object},
	"pause-cron":                 {1, 1, pauseCron},
	"populate":                   {1, 3, populate},
	"protocol":                   {1, 1, protocol},
	"quicklist-packed-threshold": {1, 1, packedThreshold},
	"reload":                     {0, 1 << 30, reload},
	"set-active-expire":          {1, 1, setActiveExpire},
	"set-disable-deny-scripts":   {1, 1, setDenyScripts},
	"sleep":                      {1, 1, sleep},
	"stringmatch-len":            {2, 2, stringMatch},
}

func (d *Debug) run(c *command.Call) error {
	sub, ok := subcommands[strings.ToLower(string(c.Argv[1]))]
	if n := len(c.Argv) - 2; !ok || n < sub.least || n > sub.most {
		return resp.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try DEBUG HELP.", c.Argv[1])
	}
	return sub.run(d, c)
}

func nothing(_ *Debug, c *command.Call) error {
	c.Reply.OK()
	return nil
}

// errorReply replies with an error of the caller's words.
func errorReply(_ *Debug, c *command.Call) error {
	text := strings.NewReplacer("\n", " ", "\r", " ").Replace(string(c.Argv[2]))
	return resp.Error(text)
}

func (d *Debug) log(c *command.Call) error {
	d.cfg.Logger.Warn("DEBUG LOG", "text", string(c.Argv[2]))
	c.Reply.OK()
	return nil
}

func sleep(d *Debug, c *command.Call) error {
	seconds, err := strconv.ParseFloat(string(c.Argv[2]), 64)
	if err == nil && seconds > 0 {
		d.cfg.Sleep(time.Duration(seconds * float64(time.Second)))
	}
	c.Reply.OK()
	return nil
}

// on reads a word as C's atoi does: anything but a number other than 0 is off.
func on(word []byte) bool {
	n, err := strconv.Atoi(string(word))
	return err == nil && n != 0
}

func setActiveExpire(d *Debug, c *command.Call) error {
	d.noExpire.Store(!on(c.Argv[2]))
	c.Reply.OK()
	return nil
}

func pauseCron(d *Debug, c *command.Call) error {
	d.noCron.Store(on(c.Argv[2]))
	c.Reply.OK()
	return nil
}

func setDenyScripts(d *Debug, c *command.Call) error {
	d.cfg.DenyScripts(!on(c.Argv[2]))
	c.Reply.OK()
	return nil
}

// stringMatch matches a pattern against a text of a given length, to see that it ends.
func stringMatch(_ *Debug, c *command.Call) error {
	n, err := strconv.Atoi(string(c.Argv[2]))
	if err != nil || n < 0 || n > 1<<20 {
		return resp.ErrNotInteger
	}
	match := command.Match(c.Argv[3], []byte(strings.Repeat("a", n)))
	c.Reply.Int(map[bool]int64{true: 1}[match])
	return nil
}

// reload empties the memory and applies the log anew, as a restart would. It fails, and nothing changes, if the outcome is not what the memory holds.
func reload(d *Debug, c *command.Call) error {
	merge, keep := false, false
	for _, option := range c.Argv[2:] {
		switch strings.ToLower(string(option)) {
		case "merge":
			merge = true
		case "noflush":
			keep = true
		case "nosave": // the log is always saved
		default:
			return resp.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
		}
	}
	if keep && !merge && (c.DB.Len() > 0 || d.cfg.Libraries(c.DB) > 0) {
		return resp.Error("ERR Error trying to load the RDB dump") // every key would be there twice
	}
	if err := d.cfg.Rebuild(); err != nil {
		d.cfg.Logger.Error("DEBUG RELOAD failed", "err", err)
		return resp.Errorf("ERR Error trying to replay the log: %v", err)
	}
	c.Reply.OK()
	return nil
}
