// Package generate makes random commands out of the rows' argument grammar, with values that are likely to matter, right and wrong ones.
package generate

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/rdb"
	"github.com/openmemorydb/memorydb/engine/server"
)

// elsewhere are rows whose replies depend on time, chance or the machine, that end a connection, or that are answered as often as they have names: transcripts and tests of
// their own cover them.
var elsewhere = map[string]bool{
	"subscribe": true, "psubscribe": true, "ssubscribe": true, "unsubscribe": true, "punsubscribe": true, "sunsubscribe": true,
	"randomkey": true, "object|idletime": true, "object|freq": true, "memory|usage": true, "quit": true, "hello": true, "auth": true, "reset": true, "monitor": true,
	"time": true, "info": true, "role": true, "lolwut": true, "shutdown": true, "readonly": true, "readwrite": true, "asking": true, "wait": true,
	"pfdebug": true, "pfselftest": true, "replconf": true, "psync": true, "sync": true, "waitaof": true, "swapdb": true, "lastsave": true, "save": true, "bgsave": true, "bgrewriteaof": true, "debug": true, "object|help": true,
}

// handwritten are commands that other packages or containers hold.
var handwritten = []string{"eval", "eval", "eval", "eval", "cluster keyslot <key>", "cluster countkeysinslot <slot>", "cluster getkeysinslot <slot> <count>", "client getname", "client setname <connection-name>",
	"zadd {t}lex 0 <member>", "zadd {t}lex 0 <member>", "zadd {t}lex 0 <member>", "zrem {t}lex <member>"}

// Form is a command that can be asked: the words of its name and its arguments.
type Form struct {
	name  []string
	group command.Group
	args  []command.Argument
}

// Forms are the commands of the rows whose replies do not depend on time, chance or the machine.
func Forms() ([]Form, error) {
	t := command.NewTable(false, datatype.Commands(), rdb.Commands(), server.Commands())
	var all []Form
	for _, row := range t.All() {
		if row.Run == nil || row.Any(command.Restricted|command.Added|command.Admin) || elsewhere[row.FullName] || len(row.Subcommands) > 0 {
			continue
		}
		switch parent, _, _ := strings.Cut(row.FullName, "|"); parent {
		case "client", "slowlog", "latency", "memory", "command", "config", "acl":
			continue
		}
		args, err := row.Arguments()
		if err != nil {
			return nil, err
		}
		all = append(all, Form{name: strings.Split(row.FullName, "|"), group: row.Group, args: args})
	}
	for _, text := range handwritten {
		head, _, _ := strings.Cut(text, " <")
		f := Form{name: strings.Fields(head)}
		for _, a := range strings.Fields(text)[len(f.name):] {
			f.args = append(f.args, command.Argument{Name: strings.Trim(a, "<>"), Type: "string"})
		}
		all = append(all, f)
	}
	return all, nil
}

// Generator makes commands, the same ones for the same seed and the same calls.
type Generator struct {
	*rand.Rand
	forms []Form
	depth int           // commands queued since MULTI, 0 outside
	name  string        // of the command being made
	group command.Group // and its row's
	after []string      // the next command, if it is decided already
	dumps []string      // values for RESTORE
}

// New returns a generator of commands of the forms.
func New(seed uint64, forms []Form) *Generator {
	return &Generator{Rand: rand.New(rand.NewPCG(seed, 0)), forms: forms}
}

// Reset makes the generator forget that it is within MULTI.
func (g *Generator) Reset() { g.depth, g.after = 0, nil }

// Dumped gives the generator a value that DUMP returned, for RESTORE.
func (g *Generator) Dumped(value string) {
	if len(g.dumps) < 50 {
		g.dumps = append(g.dumps, value)
		return
	}
	g.dumps[g.IntN(len(g.dumps))] = value
}

// Next is the next command. Within MULTI it is ended after some.
func (g *Generator) Next() []string {
	if words := g.after; words != nil {
		g.after = nil
		return words
	}
	if g.depth > 0 {
		if g.depth++; g.depth > 2+g.IntN(8) {
			g.depth = 0
			return []string{pick(g, "exec", "exec", "exec", "discard")}
		}
	}
	return g.command()
}

// command makes a command of any form.
func (g *Generator) command() []string {
	f := g.forms[g.IntN(len(g.forms))]
	g.name, g.group = f.name[0], f.group
	switch f.name[0] {
	case "flushall", "flushdb":
		if g.IntN(8) > 0 {
			return g.command()
		}
	case "scan", "hscan", "sscan", "zscan", "spop", "sort", "sort_ro":
		if g.depth > 0 {
			return g.command()
		}
	case "object":
		if g.depth > 0 && f.name[1] == "refcount" { // Redis counts the queue's references
			return g.command()
		}
	case "eval":
		return g.script()
	case "multi":
		g.depth = max(g.depth, 1)
		return []string{"multi"} // a wrong one would leave the generator within a MULTI that the server is not in
	case "exec", "discard":
		g.depth = 0
	}
	words := append([]string(nil), f.name...)
	for _, a := range f.args {
		words = g.argument(words, a)
	}
	if g.IntN(20) == 0 && len(f.name) < 3 { // enough for another encoding
		words = g.more(words)
	}
	words = g.ranges(words)
	words = g.spoil(words, len(f.name))
	g.lexical(words)
	if f.name[0] == "spop" && len(words) > 1 { // the members left differ
		g.after = []string{"del", words[1]}
	}
	switch f.name[0] {
	case "hrandfield", "srandmember", "zrandmember": // redis-server goes on until it has answered as many as a negative count says
		for i, w := range words[1:] {
			if n, err := strconv.ParseInt(w, 10, 64); err == nil && n < -100 && n != math.MinInt64 {
				words[i+1] = "-5"
			}
		}
	}
	return words
}

// more adds many elements to a command that adds some.
func (g *Generator) more(words []string) []string {
	switch g.name {
	case "hset":
		for i := range 50 + g.IntN(600) {
			words = append(words, "n"+strconv.Itoa(i), g.value())
		}
	case "sadd":
		for i := range 400 + g.IntN(200) {
			words = append(words, strconv.Itoa(i*i*i))
		}
	case "zadd":
		for i := range 100 + g.IntN(200) {
			words = append(words, strconv.Itoa(i/3), "n"+strconv.Itoa(i))
		}
	case "lpush", "rpush":
		for i := range 100 + g.IntN(600) {
			words = append(words, strings.Repeat("e", g.IntN(40))+strconv.Itoa(i))
		}
	case "pfadd":
		for i := range 300 + g.IntN(600) {
			words = append(words, strconv.Itoa(i*g.IntN(4000)))
		}
	case "geoadd":
		for i := range 100 + g.IntN(100) {
			words = append(words, strconv.Itoa(i), strconv.Itoa(i/3), "n"+strconv.Itoa(i))
		}
	}
	return words
}

// spoil makes some commands wrong: a word too few or too many, or another one.
func (g *Generator) spoil(words []string, name int) []string {
	switch at := name + g.IntN(len(words)-name+1); g.IntN(40) {
	case 0:
		if at < len(words) {
			return append(words[:at:at], words[at+1:]...)
		}
	case 1:
		return append(append(append([]string(nil), words[:at]...), g.anything()), words[at:]...)
	case 2:
		if at < len(words) {
			words[at] = g.anything()
		}
	}
	return words
}

func (g *Generator) anything() string {
	return pick(g, g.key(), g.value(), g.number("any"), "", "NX", "xx", "COUNT", "GET", "KEEPTTL", "WITHVALUES", "LIMIT", "EX", "PXAT", "MATCH", "REPLACE", "LEN")
}

func (g *Generator) argument(to []string, a command.Argument) []string {
	if a.Optional && g.IntN(3) > 0 {
		return to
	}
	if g.group == command.Generic && a.Token == "GET" && g.IntN(5) > 0 { // always refused
		return to
	}
	if g.group == command.Stream {
		switch {
		case a.Token == "BLOCK": // might block
			return to
		case a.Name == "id_or_auto": // what the clock chooses differs
			return append(to, pick(g, g.streamID(), "1-*", "2-*", "3-*"))
		}
	}
	n := 1
	if a.Multiple {
		n += g.IntN(3)
	}
	for i := range n {
		if a.Token != "" && (i == 0 || a.MultipleToken) {
			to = append(to, pick(g, a.Token, strings.ToLower(a.Token)))
		}
		switch a.Type {
		case "pure-token":
		case "oneof":
			to = g.argument(to, a.Args[g.IntN(len(a.Args))])
		case "block":
			for _, part := range a.Args {
				to = g.argument(to, part)
			}
		default:
			to = append(to, g.word(a))
		}
	}
	return to
}
