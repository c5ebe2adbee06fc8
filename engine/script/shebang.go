package script

import (
	"strings"

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
	words := strings.Fields(line)
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
