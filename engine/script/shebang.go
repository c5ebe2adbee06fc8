package script

import (
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// flags are what a script or function says of itself.
type flags uint8

const (
	noWrites flags = 1 << iota
	allowOOM
	allowStale
	noCluster
	allowCrossSlot
	compat // a script without a shebang, as before Redis 7
)

// flagNames are the flags as they are written, in Redis's order.
var flagNames = []struct {
	name string
	flag flags
}{
	{"no-writes", noWrites}, {"allow-oom", allowOOM}, {"allow-stale", allowStale}, {"no-cluster", noCluster}, {"allow-cross-slot-keys", allowCrossSlot},
}

func flagOf(name string) (flags, bool) {
	for _, f := range flagNames {
		if f.name == name {
			return f.flag, true
		}
	}
	return 0, false
}

func (f flags) has(g flags) bool { return f&g != 0 }

// shebang reads a script's first line, #!lua flags=a,b. The code that is left begins with the line's end, so that line numbers stay.
func shebang(body string) (flags, string, error) {
	if !strings.HasPrefix(body, "#!") {
		return compat, body, nil
	}
	line, _, found := strings.Cut(body, "\n")
	if !found {
		return 0, "", resp.Error("ERR Invalid script shebang")
	}
	words, ok := splitArgs(line)
	if !ok {
		return 0, "", resp.Error("ERR Invalid engine in script shebang")
	}
	if words[0] != "#!lua" {
		return 0, "", resp.Errorf("ERR Unexpected engine in script shebang: %s", words[0])
	}
	var all flags
	for _, w := range words[1:] {
		list, ok := strings.CutPrefix(w, "flags=")
		if !ok {
			return 0, "", resp.Errorf("ERR Unknown lua shebang option: %s", w)
		}
		if list == "" {
			continue
		}
		for name := range strings.SplitSeq(list, ",") {
			f, ok := flagOf(name)
			if !ok {
				return 0, "", resp.Errorf("ERR Unexpected flag in script shebang: %s", name)
			}
			all |= f
		}
	}
	return all, body[len(line):], nil
}

// effective is what a script's flags make of its command's. Without a shebang they are the command's own.
func (f flags) effective(of command.Flags) command.Flags {
	if f.has(compat) {
		return of
	}
	of &^= command.Stale | command.DenyOOM | command.Write | command.MayReplicate
	if !f.has(allowOOM | noWrites) {
		of |= command.DenyOOM
	}
	if !f.has(noWrites) {
		of |= command.Write
	}
	if f.has(allowStale) {
		of |= command.Stale
	}
	return of
}

// evalFlags are the flags of an EVAL or EVAL_RO, by the first line of its script.
func (e *Engine) evalFlags(of command.Flags) func(argv [][]byte) command.Flags {
	return func(argv [][]byte) command.Flags {
		if len(argv) < 2 || len(argv[1]) < 2 || string(argv[1][:2]) != "#!" {
			return of
		}
		line, _, _ := strings.Cut(string(argv[1]), "\n")
		f, _, err := shebang(line + "\n")
		if err != nil {
			return of
		}
		return f.effective(of)
	}
}

// evalSHAFlags are the flags of an EVALSHA or EVALSHA_RO, by its cached script.
func (e *Engine) evalSHAFlags(of command.Flags) func(argv [][]byte) command.Flags {
	return func(argv [][]byte) command.Flags {
		if len(argv) < 2 || len(argv[1]) != 40 {
			return of
		}
		if s := e.find(strings.ToLower(string(argv[1]))); s != nil {
			return s.flags.effective(of)
		}
		return of
	}
}

// fcallFlags are the flags of an FCALL or FCALL_RO, by its function.
func (e *Engine) fcallFlags(of command.Flags) func(argv [][]byte) command.Flags {
	return func(argv [][]byte) command.Flags {
		known := e.declared.Load()
		if len(argv) < 2 || known == nil {
			return of
		}
		if f, ok := (*known)[fold(string(argv[1]))]; ok {
			return f.effective(of)
		}
		return of
	}
}

// fold is the name by which a library or function is found: case doesn't count.
func fold(name string) string { return strings.ToLower(name) }

// splitArgs splits a line into words, which may be quoted as in a line of redis-cli; false if a quote isn't closed, or is followed by more.
func splitArgs(line string) ([]string, bool) {
	var words []string
	for at := 0; ; {
		for at < len(line) && isSpace(line[at]) {
			at++
		}
		if at == len(line) {
			return words, len(words) > 0
		}
		var word []byte
		for at < len(line) && !isSpace(line[at]) {
			switch quote := line[at]; quote {
			case '"', '\'':
				next, ok := quoted(line, at+1, quote, &word)
				if !ok || next < len(line) && !isSpace(line[next]) {
					return nil, false
				}
				at = next
			default:
				word = append(word, quote)
				at++
			}
		}
		words = append(words, string(word))
	}
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// quoted appends what stands up to the closing quote to word, and returns where it goes on behind it.
func quoted(line string, at int, quote byte, word *[]byte) (next int, ok bool) {
	for at < len(line) {
		c := line[at]
		at++
		switch {
		case c == quote:
			return at, true
		case c != '\\' || at == len(line):
			*word = append(*word, c)
		case quote == '\'':
			if line[at] == '\'' {
				c = '\''
				at++
			}
			*word = append(*word, c)
		case line[at] == 'x' && at+2 < len(line) && unhex(line[at+1]) >= 0 && unhex(line[at+2]) >= 0:
			*word = append(*word, byte(unhex(line[at+1])<<4|unhex(line[at+2])))
			at += 3
		default:
			c = line[at]
			if i := strings.IndexByte("nrtba", c); i >= 0 {
				c = "\n\r\t\b\a"[i]
			}
			*word = append(*word, c)
			at++
		}
	}
	return at, false
}

func unhex(c byte) int { return strings.IndexByte("0123456789abcdef", c|0x20) }
