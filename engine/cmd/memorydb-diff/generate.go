package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/server"
)

// elsewhere are rows whose replies depend on time, chance or the machine, or that end a connection: transcripts and tests of their own cover them.
var elsewhere = map[string]bool{
	"randomkey": true, "object|idletime": true, "object|freq": true, "memory|usage": true, "quit": true, "hello": true, "auth": true, "reset": true, "monitor": true,
	"time": true, "info": true, "role": true, "lolwut": true, "shutdown": true, "readonly": true, "readwrite": true, "asking": true, "wait": true,
	"lastsave": true, "save": true, "bgsave": true, "bgrewriteaof": true, "debug": true, "object|help": true,
}

// handwritten are commands that other packages or containers hold.
var handwritten = []string{"cluster keyslot <key>", "cluster countkeysinslot <slot>", "cluster getkeysinslot <slot> <count>", "client getname", "client setname <connection-name>"}

// form is a command that can be asked: the words of its name and its arguments.
type form struct {
	name  []string
	group command.Group
	args  []command.Argument
}

// forms are the commands of the rows that can be compared.
func forms() ([]form, error) {
	t := command.NewTable(false, datatype.Commands(), server.Commands())
	var all []form
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
		all = append(all, form{name: strings.Split(row.FullName, "|"), group: row.Group, args: args})
	}
	for _, text := range handwritten {
		head, _, _ := strings.Cut(text, " <")
		f := form{name: strings.Fields(head)}
		for _, a := range strings.Fields(text)[len(f.name):] {
			f.args = append(f.args, command.Argument{Name: strings.Trim(a, "<>"), Type: "string"})
		}
		all = append(all, f)
	}
	return all, nil
}

// generator makes commands, the same ones for the same seed.
type generator struct {
	*rand.Rand
	forms []form
	depth int           // commands queued since MULTI, 0 outside
	name  string        // of the command being made
	group command.Group // and its row's
	after []string      // the next command, if it is decided already
}

// next is the next command. Within MULTI it is ended after some.
func (g *generator) next() []string {
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
	f := g.forms[g.IntN(len(g.forms))]
	g.name, g.group = f.name[0], f.group
	switch f.name[0] {
	case "flushall", "flushdb":
		if g.IntN(8) > 0 {
			return g.next()
		}
	case "scan", "hscan", "sscan", "spop", "sort", "sort_ro":
		if g.depth > 0 {
			return g.next()
		}
	case "object":
		if g.depth > 0 && f.name[1] == "refcount" { // Redis counts the queue's references
			return g.next()
		}
	case "multi":
		g.depth = max(g.depth, 1)
	case "exec", "discard":
		g.depth = 0
	}
	words := append([]string(nil), f.name...)
	for _, a := range f.args {
		words = g.argument(words, a)
	}
	if g.IntN(20) == 0 { // enough for another encoding
		words = g.more(words)
	}
	words = g.spoil(words, len(f.name))
	if f.name[0] == "spop" && len(words) > 1 { // the members left differ
		g.after = []string{"del", words[1]}
	}
	if f.name[0] == "hrandfield" || f.name[0] == "srandmember" { // redis-server goes on until it has answered as many as a negative count says
		for i, w := range words[1:] {
			if n, err := strconv.ParseInt(w, 10, 64); err == nil && n < -100 && n != math.MinInt64 {
				words[i+1] = "-5"
			}
		}
	}
	return words
}

// more adds many elements to a command that adds some.
func (g *generator) more(words []string) []string {
	switch g.name {
	case "hset":
		for i := range 50 + g.IntN(600) {
			words = append(words, "n"+strconv.Itoa(i), g.value())
		}
	case "sadd":
		for i := range 400 + g.IntN(200) {
			words = append(words, strconv.Itoa(i*i*i))
		}
	}
	return words
}

// spoil makes some commands wrong: a word too few or too many, or another one.
func (g *generator) spoil(words []string, name int) []string {
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

func (g *generator) anything() string {
	return pick(g, g.key(), g.value(), g.number("any"), "", "NX", "xx", "COUNT", "GET", "KEEPTTL", "WITHVALUES", "LIMIT", "EX", "PXAT", "MATCH", "REPLACE", "LEN")
}

func (g *generator) argument(to []string, a command.Argument) []string {
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

func (g *generator) word(a command.Argument) string {
	if g.group == command.Stream && a.Type == "string" {
		switch a.Name {
		case "id", "ID", "start", "end", "last-id", "max_deleted_entry_id", "threshold":
			return g.streamID()
		case "group", "groupname", "consumer", "consumername":
			return pick(g, "a", "b", "c", "")
		case "min-idle-time":
			return pick(g, "0", "0", "0", "100000000", "-1", "x")
		case "field":
			return pick(g, "f", "f", "g", "1")
		}
	}
	switch {
	case a.Type == "key", a.Name == "key":
		return g.key()
	case a.Type == "integer", a.Type == "unix-time", a.Name == "slot", a.Name == "count":
		return g.number(a.Name)
	case a.Name == "timeout": // of a call that may block; nobody would end its wait
		if g.depth > 0 && g.IntN(3) == 0 {
			return "0"
		}
		return pick(g, "0.001", "0.001", "0.001", "1e-3", "-1", "inf", "nan", "", "abc", "1e400", " 1", "0.00001")
	case a.Type == "double":
		return pick(g, "0", "1", "-1.5", "3.0e3", "1e400", "inf", "-inf", "nan", "0.1", " 1", "1 ", "0x10", "5e-324", "12345678901234567", "", "1e4932", "+2", "abc", "1e17", "0.00000001")
	case a.Type == "pattern" && a.Token == "BY":
		return pick(g, "nosort", "x", "", "w_*", "*->f")
	case a.Type == "pattern":
		return pick(g, "*", "k*", "{t}?", "[a-", "\\", "f[1-3]", "[^a]*", "", "*\x00*", "{t}k1", "**", "n1*")
	case a.Name == "field":
		return pick(g, "f1", "f2", "f3", "f4", "", "\x00\xff", "n1", "n20", strings.Repeat("F", 65))
	case a.Name == "member" && g.IntN(4) > 0:
		return pick(g, "1", "2", "3", "-7", "8", "27", "40000", "-5000000000", "a", "b", "c", "", "01", "1.5", "x\x00y")
	}
	return g.value()
}

// streamID is an id of few, or a length to which a stream is to be trimmed.
func (g *generator) streamID() string {
	switch g.IntN(20) {
	case 0:
		return pick(g, "-", "+", "$", ">", "x", "1-x", "(1", "(1-1", "18446744073709551615", "18446744073709551616", "", "-1", "1--1", " 1", "01-02", "*")
	case 1:
		return pick(g, "(", "") + fmt.Sprintf("%d-18446744073709551615", g.IntN(5))
	case 2, 3:
		return pick(g, ">", ">", "$", "-", "+")
	case 4, 5, 6:
		return strconv.Itoa(g.IntN(8))
	}
	return fmt.Sprintf("%d-%d", g.IntN(5), g.IntN(12))
}

// key is one of few keys, mostly with one hash tag.
func (g *generator) key() string {
	if g.IntN(25) == 0 {
		return pick(g, "other", "", "{}t", "{t", "\x00", strings.Repeat("k", 300))
	}
	switch own := "{t}" + strconv.Itoa(1+g.IntN(4)); {
	case g.IntN(4) == 0:
	case g.group == command.String || g.group == command.Bitmap || g.group == command.HyperLogLog:
		return own + "string"
	case g.group != "" && g.group != command.Generic:
		return own + string(g.group)
	default:
		return own + pick(g, "string", string(command.Hash), string(command.Set), string(command.List), string(command.SortedSet))
	}
	return pick(g, "{t}k1", "{t}k2", "{t}k3", "{t}k4", "{t}k5", "{t}h1", "{t}h2", "{t}h3", "\x00\xff\r\n{t}", "{t}")
}

func (g *generator) value() string {
	switch g.IntN(12) {
	case 0:
		return strings.Repeat("v", g.IntN(200))
	case 1:
		return strings.Repeat("large\r\n", g.IntN(400))
	case 2:
		b := make([]byte, g.IntN(20))
		for i := range b {
			b[i] = byte(g.IntN(256))
		}
		return string(b)
	case 3:
		return fmt.Sprint(g.IntN(20000) - 100)
	}
	return pick(g, "", "0", "1", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1.5", "3.14159265358979", "1e5", "abc", "ohmytext", "mynewtext",
		" 1", "01", "-0", "+1", "1e-10", strings.Repeat("x", 44), strings.Repeat("x", 45), strings.Repeat("y", 64), "inf", "nan")
}

// number is an integer that suits the argument's name, or does not. What would expire during the run, or make either server give hundreds of megabytes, is left out.
func (g *generator) number(name string) string {
	if g.IntN(6) == 0 {
		return pick(g, "", "x", "1.0", " 1", "+1", "-0", "01", "9223372036854775808", "-9223372036854775809", "1e3", "\x00", "-9223372036854775808", "0x1")
	}
	switch {
	case strings.HasPrefix(name, "unix-time") && (g.name == "set" || g.name == "getex"): // a time in the past leaves a key until each server's own cycle deletes it
		return pick(g, "33177117420", "33177117420000", "33177117421999", "0", "-5", "9223372036854775807", "9223372036854775", "9223372036854776")
	case strings.HasPrefix(name, "unix-time"):
		return pick(g, "33177117420", "33177117420000", "33177117421999", "1", "0", "-5", "9223372036854775807", "9223372036854775", "9223372036854776")
	case name == "seconds", name == "milliseconds":
		return pick(g, "1000000000", "86400000", "0", "-1", "9223372036854775807", "9223372036854775", "9223372036854776", "-9223372036854775807")
	case name == "count":
		return pick(g, "0", "1", "2", "10", "1000", "-1", "-5", "-30", "9223372036854775807", "4611686018427387904")
	case name == "numkeys":
		return pick(g, "1", "1", "2", "2", "3", "0", "-1", "9223372036854775807")
	case name == "cursor":
		return pick(g, "0", "0", "0", "0", "0", "0", "18446744073709551615", "18446744073709551616")
	case name == "offset":
		return pick(g, "0", "1", "5", "100", "2000", "-1", "536870912", "536870911999", "9223372036854775807")
	case name == "slot":
		return pick(g, "0", "15891", "16383", "16384", "-1", "8000")
	}
	return pick(g, "0", "1", "-1", "2", "3", "5", "-3", "10", "100", "-100", "9223372036854775807", "-9223372036854775807", "2147483648", "4294967296")
}

func pick(g *generator, from ...string) string { return from[g.IntN(len(from))] }
