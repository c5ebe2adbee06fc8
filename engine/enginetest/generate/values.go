package generate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
)

func (g *Generator) word(a command.Argument) string {
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
	if w, ok := g.special(a); ok {
		return w
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
func (g *Generator) streamID() string {
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
func (g *Generator) key() string {
	if g.IntN(25) == 0 {
		return pick(g, "other", "", "{}t", "{t", "\x00", strings.Repeat("k", 300))
	}
	switch own := "{t}" + strconv.Itoa(1+g.IntN(4)); {
	case g.IntN(4) == 0:
	case g.group == command.String || g.group == command.Bitmap || g.group == command.HyperLogLog:
		return own + "string"
	case g.group == command.Geo:
		return own + string(command.SortedSet)
	case g.group != "" && g.group != command.Generic:
		return own + string(g.group)
	default:
		return own + pick(g, "string", string(command.Hash), string(command.Set), string(command.List), string(command.SortedSet), string(command.Stream))
	}
	return pick(g, "{t}k1", "{t}k2", "{t}k3", "{t}k4", "{t}k5", "{t}h1", "{t}h2", "{t}h3", "\x00\xff\r\n{t}", "{t}")
}

func (g *Generator) value() string {
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
func (g *Generator) number(name string) string {
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

func pick(g *Generator, from ...string) string { return from[g.IntN(len(from))] }
