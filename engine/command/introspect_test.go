package command

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommandInfoIsRedissByteForByte(t *testing.T) {
	table := recordedTable(t)
	for _, info := range recorded(t, "command-info.resp3").list {
		name := info.list[0].text
		want := "*1\r\n" + string(info.raw)
		if got := string(ask(t, table, 3, "command", "info", strings.ToUpper(name))); got != want {
			t.Errorf("COMMAND INFO %s:\n%s", name, cmp.Diff(strings.Split(want, "\r\n"), strings.Split(got, "\r\n")))
		}
	}
}

func TestCommandInfoInRESP2(t *testing.T) {
	want := string(recorded(t, "command-info.resp2").raw)
	got := string(ask(t, recordedTable(t), 2, "command", "info", "get", "set", "mset", "object|encoding", "zunionstore", "xread", "nosuch", "spublish", "sort"))
	if got != want {
		t.Error(cmp.Diff(strings.Split(want, "\r\n"), strings.Split(got, "\r\n")))
	}
}

func TestCommandAnswersAllRowsWithAndWithoutINFO(t *testing.T) {
	table := recordedTable(t)
	all := ask(t, table, 3, "command")
	if v := decode(t, all); len(v.list) != 240 {
		t.Errorf("COMMAND answers %d rows, redis-server 7.0.15 240", len(v.list))
	}
	if string(ask(t, table, 3, "command", "info")) != string(all) {
		t.Error("COMMAND INFO without names differs from COMMAND")
	}
	if got := string(ask(t, table, 3, "command", "count")); got != ":240\r\n" {
		t.Errorf("COMMAND COUNT = %q", got)
	}
}

// What redis-server 7.0.15 answered.
func TestCommandAnswersAsRedis(t *testing.T) {
	table := recordedTable(t)
	for _, c := range []struct {
		name string
		ask  string
		want string
	}{
		{"no such container entry", "command info get|foo client|foo client|list|x", "*3\r\n_\r\n_\r\n_\r\n"},
		{"docs of an unknown name", "command docs nosuch", "%0\r\n"},
		{"unknown subcommand", "command foo", "-ERR unknown subcommand 'foo'. Try COMMAND HELP.\r\n"},
		{"pattern in capitals", "command list filterby pattern GET", "*1\r\n$3\r\nget\r\n"},
		{"pattern and subcommands", "command list FILTERBY pattern client|i?", "*1\r\n$9\r\nclient|id\r\n"},
		{"no module", "command list filterby module x", "*0\r\n"},
		{"unknown category", "command list filterby aclcat nosuch", "*0\r\n"},
		{"category in capitals", "command list filterby aclcat TRANSACTION", "*5\r\n$7\r\ndiscard\r\n$4\r\nexec\r\n$5\r\nmulti\r\n$7\r\nunwatch\r\n$5\r\nwatch\r\n"},
		{"unknown filter", "command list filterby foo x", "-ERR syntax error\r\n"},
		{"filter without value", "command list filterby aclcat", "-ERR syntax error\r\n"},
		{"too many filters", "command list filterby pattern get x", "-ERR syntax error\r\n"},
		{"list of something else", "command list foo", "-ERR syntax error\r\n"},
		{"getkeys without arguments", "command getkeys get", "-ERR wrong number of arguments for 'command|getkeys' command\r\n"},
		{"getkeys of no command", "command getkeys nosuch x", "-ERR Invalid command specified\r\n"},
		{"getkeys of no subcommand", "command getkeys client foo", "-ERR Invalid command specified\r\n"},
		{"getkeys of a full name", "command getkeys client|list foo", "-ERR Invalid command specified\r\n"},
		{"getkeys without keys", "command getkeys ping x", "-ERR The command has no key arguments\r\n"},
		{"getkeys of a channel", "command getkeys spublish a b", "-ERR The command has no key arguments\r\n"},
		{"getkeys with too many words", "command getkeys get x y", "-ERR Invalid number of arguments specified for command\r\n"},
		{"getkeys of half a pair", "command getkeys mset x y z", "*2\r\n$1\r\nx\r\n$1\r\nz\r\n"},
		{"getkeys with a number too large", "command getkeys zunionstore a 5 b", "-ERR Invalid arguments specified for command\r\n"},
		{"getkeys with no source keys", "command getkeys zunionstore d 0 a", "-ERR Invalid arguments specified for command\r\n"},
		{"getkeys with optional keys and a number too large", "command getkeys eval x 5 a", "*0\r\n"},
		{"getkeys with optional keys and none", "command getkeys eval x 0", "*0\r\n"},
		{"getkeys of streams", "command getkeys xread count 3 streams a b 1 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
		{"getkeys of streams without the last id", "command getkeys xread count 3 streams a b c", "*1\r\n$1\r\na\r\n"},
		{"getkeys of no streams", "command getkeys xread count 3 streams", "-ERR Invalid arguments specified for command\r\n"},
		{"getkeys after keywords", "command getkeys georadius a 1 1 1 m store x storedist y", "*3\r\n$1\r\na\r\n$1\r\nx\r\n$1\r\ny\r\n"},
		{"getkeys of a subcommand", "command getkeys object encoding x", "*1\r\n$1\r\nx\r\n"},
		{"getkeys by number", "command getkeys lmpop 2 a b left", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
		{"flags of keys", "command getkeysandflags rename a b", "*2\r\n*2\r\n$1\r\na\r\n~3\r\n+RW\r\n+access\r\n+delete\r\n*2\r\n$1\r\nb\r\n~2\r\n+OW\r\n+update\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(ask(t, table, 3, strings.Fields(c.ask)...)); got != c.want {
				t.Errorf("%s:\n got %q\nwant %q", c.ask, got, c.want)
			}
		})
	}
}

func TestCommandHelpIsRediss(t *testing.T) {
	got := decode(t, ask(t, recordedTable(t), 2, "command", "help")).texts()
	if len(got) != 21 || got[0] != "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:" || got[20] != "    Prints this help." {
		t.Errorf("COMMAND HELP = %q", got)
	}
}

func TestCommandListNamesSubcommandsAfterTheirContainer(t *testing.T) {
	names := decode(t, ask(t, recordedTable(t), 2, "command", "list")).texts()
	if len(names) != 366 {
		t.Errorf("COMMAND LIST answers %d names, redis-server 7.0.15 366", len(names))
	}
	if i := slices.Index(names, "xgroup"); i < 0 || names[i+1] != "xgroup|create" {
		t.Errorf("after xgroup: %q", names[i:i+2])
	}
}

// The categories that a row must name itself are those that neither its flags nor its group imply; what they imply is right for every row of Redis.
func TestCategoriesFollowFromFlagsAndGroup(t *testing.T) {
	docs := recorded(t, "command-docs.resp3")
	for _, info := range recorded(t, "command-info.resp3").list {
		s := recordedSpec(t, info, docs.get(info.list[0].text))
		for _, row := range append([]Spec{s}, s.Subcommands...) {
			bare := row
			bare.Categories = nil
			for _, c := range categoriesOf(&bare) {
				if !slices.Contains(row.Categories, c) {
					t.Errorf("%s %s (%s) is not in @%s: %v", s.Name, row.Name, row.Group, c, row.Categories)
				}
			}
		}
	}
}

// Of each command of Redis, with its grammar as in testdata/grammar.txt: all that COMMAND DOCS says but for histories, versions of single arguments and the
// mark of internal commands is ours too, in the same order.
func TestCommandDocsAreRediss(t *testing.T) {
	table := recordedTable(t)
	for line := range strings.Lines(readFile(t, "testdata/grammar.txt")) {
		if name, syntax, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(name, "#") {
			table.Find(name).Args = syntax
		}
	}
	docs := recorded(t, "command-docs.resp3")
	compared := 0
	for i := 0; i < len(docs.list); i += 2 {
		name := docs.list[i].text
		if slices.ContainsFunc(table.All(), func(s *Spec) bool {
			return notInTheNotation[s.FullName] != "" && (s.FullName == name || s.Parent != nil && s.Parent.Name == name)
		}) {
			continue
		}
		want := "%1\r\n" + string(docs.list[i].raw) + known(docs.list[i+1])
		if got := string(ask(t, table, 3, "command", "docs", name)); got != want {
			t.Errorf("COMMAND DOCS %s:\n%s", name, cmp.Diff(strings.Split(want, "\r\n"), strings.Split(got, "\r\n")))
		}
		compared++
	}
	if compared < 220 {
		t.Errorf("only %d commands were compared", compared)
	}
}

// known is a value encoded again, without the entries of maps that our rows don't have.
func known(v value) string {
	if v.kind != '%' {
		if v.list == nil {
			return string(v.raw)
		}
		text := string(v.kind) + strconv.Itoa(len(v.list)) + "\r\n"
		for _, item := range v.list {
			text += known(item)
		}
		return text
	}
	text, pairs := "", 0
	for i := 0; i < len(v.list); i += 2 {
		switch key := v.list[i].text; {
		case key == "history", key == "since" && v.get("type").kind != 0, key == "doc_flags" && v.list[i+1].list[0].text == "syscmd":
			continue
		}
		text += string(v.list[i].raw) + known(v.list[i+1])
		pairs++
	}
	return "%" + strconv.Itoa(pairs) + "\r\n" + text
}
