package generate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
)

// special makes the values that matter to one type of data only.
func (g *Generator) special(a command.Argument) (word string, ok bool) {
	switch a.Name {
	case "score", "weight", "increment":
		if g.group == command.SortedSet {
			return g.score(), true
		}
	case "min", "max":
		if strings.Contains(g.name, "lex") {
			return g.lex(), true
		}
		return pick(g, "", "", "(") + g.score(), true
	case "longitude":
		return pick(g, "13.361389", "15.087269", "-180", "180", "0", "180.0001", "-0", "2.5", "x", "nan", "179.9999"), true
	case "latitude":
		return pick(g, "38.115556", "37.502669", "85.05112878", "-85.05112878", "0", "86", "1.25", "", "-84.9"), true
	case "radius", "width", "height":
		return pick(g, "200", "1", "0", "5000", "40000", "1000000", "-1", "x", "0.5"), true
	case "operation":
		return pick(g, "AND", "or", "XOR", "NOT", "not", "nand"), true
	case "bit":
		return pick(g, "0", "1", "0", "1", "2", "-1"), true
	case "encoding":
		return pick(g, "u8", "i8", "u1", "i5", "u63", "i64", "u64", "i65", "u0", "x8", "", "U8", "u16"), true
	case "element", "pivot":
		return pick(g, "a", "b", "c", "1", "-7", "40000", "", g.value()), true
	case "serialized-value":
		if len(g.dumps) == 0 || g.IntN(10) == 0 {
			return g.value(), true
		}
		return g.dumps[g.IntN(len(g.dumps))], true
	case "ttl":
		return pick(g, "0", "0", "0", "1000000000", "33177117420000", "-1", "x"), true
	case "frequency":
		return pick(g, "0", "255", "256", "-1", "x"), true
	case "offset":
		if g.name == "bitfield" || g.name == "bitfield_ro" {
			return pick(g, "0", "1", "#1", "#0", "100", "#50", "7", "-1", "#-1", "#", "x", "4294967296", "4294967290000000000"), true
		}
		if g.group == command.Bitmap {
			return strconv.Itoa(g.IntN(300)), g.IntN(4) > 0
		}
	}
	return "", false
}

func (g *Generator) score() string {
	if g.IntN(3) > 0 {
		return strconv.Itoa(g.IntN(12))
	}
	return pick(g, "inf", "-inf", "+inf", "nan", "1.5", "-0", "0.1", "1e300", "-1e-300", "9007199254740993", "x", "", "3e-324", "0x10", "1e17", "-5", "17976931348623157e292")
}

func (g *Generator) lex() string {
	return pick(g, "-", "+", "-", "+", "[a", "(a", "[b", "(c", "[n1", "(n20", "[", "(", "a", "", "[\x00", "[\xff")
}

// ranges gives the calls with BYLEX or BYSCORE bounds of that sort, mostly.
// lexical lets commands about the order of members work on a sorted set of their own, in which all scores are equal: of another one Redis says nothing that is specified.
func (g *Generator) lexical(words []string) {
	at := 1
	switch {
	case strings.Contains(g.name, "lex"):
	case g.name == "zrangestore" && slices.ContainsFunc(words, isByLex):
		at = 2
	case g.name == "zrange" && slices.ContainsFunc(words, isByLex):
	default:
		return
	}
	if len(words) > at {
		words[at] = pick(g, "{t}lex", "{t}lex", "{t}lex", "{t}nolex")
	}
}

func isByLex(word string) bool { return strings.EqualFold(word, "bylex") }

func (g *Generator) ranges(words []string) []string {
	at := 2
	switch g.name {
	case "zrangestore":
		at = 3
	case "zrange":
	default:
		return words
	}
	if len(words) < at+2 || g.IntN(8) == 0 {
		return words
	}
	for _, w := range words[at+2:] {
		switch strings.ToLower(w) {
		case "bylex":
			words[at], words[at+1] = g.lex(), g.lex()
			return words
		case "byscore":
			words[at], words[at+1] = pick(g, "", "(")+g.score(), pick(g, "", "(")+g.score()
			return words
		}
	}
	words[at], words[at+1] = g.number("start"), g.number("stop")
	return words
}

// Scripts are the scripts that call the command their arguments are.
var Scripts = []string{
	"return redis.call(unpack(ARGV))",
	"return redis.pcall(unpack(ARGV))",
	"redis.setresp(3) return redis.call(unpack(ARGV))",
}

// script makes a call of EVAL with a command to be called, that has no chance and no iteration in it.
func (g *Generator) script() []string {
	depth := g.depth
	g.depth = 1 // what cannot be within MULTI is left out
	var inner []string
	for {
		inner = g.command()
		name := strings.ToLower(inner[0])
		if g.after == nil && !strings.HasPrefix(name, "eval") && !inScripts[name] {
			break
		}
		g.after = nil
	}
	g.depth = depth
	return append([]string{"eval", Scripts[g.IntN(len(Scripts))], "0"}, inner...)
}

// inScripts are the commands that scripts do not call here: those that they may not, and those whose reply becomes another one.
var inScripts = map[string]bool{
	"multi": true, "exec": true, "discard": true, "watch": true, "unwatch": true, "flushall": true, "flushdb": true, "client": true, "cluster": true,
	"hrandfield": true, "srandmember": true, "zrandmember": true, "randomkey": true, "select": true, "echo": false,
}
