package commandtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
)

// failures collects what a comparison says.
type failures struct {
	testing.TB
	said []string
}

func (f *failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

func run(*command.Call) error { return nil }

func get() command.Spec {
	return command.Spec{Name: "get", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.String, Keys: command.KeyAt(1, command.RO|command.Access),
		Since: "1.0.0", Summary: "Gets", Args: "key", Run: run}
}

func compare(differs map[string]string, rows ...command.Spec) (said string, missing []string) {
	var table *command.Table
	table = command.NewTable(true, command.IntrospectionCommands(func() *command.Table { return table }), rows)
	f := &failures{}
	missing = CompareWithRedis(f, table, differs)
	return strings.Join(f.said, "\n"), missing
}

func TestCompareWithRedis(t *testing.T) {
	said, missing := compare(nil, get())
	if said != "" {
		t.Errorf("rows that are Redis's fail: %s", said)
	}
	if len(missing) != 366-9 || slices.Contains(missing, "get") || !slices.IsSorted(missing) || !slices.Contains(missing, "client|list") {
		t.Errorf("%d commands are missing", len(missing))
	}
	for want, spoil := range map[string]func(*command.Spec){
		"get: arity\n ours 3\nRedis 2":                     func(s *command.Spec) { s.Arity, s.Args = 3, "key value" },
		"get: flags\n ours ~1 readonly\n":                  func(s *command.Spec) { s.Flags = command.ReadOnly },
		"get: ACL categories\n ours ~2 @read @fast\n":      func(s *command.Spec) { s.Group = command.Generic },
		"get: tips\n ours ~1 x\n":                          func(s *command.Spec) { s.Tips = []string{"x"} },
		"get: last key\n ours -1\n":                        func(s *command.Spec) { s.Keys = command.KeysFrom(1, 1, command.RO) },
		"get: key specifications\n":                        func(s *command.Spec) { s.Keys = command.KeyAt(1, command.RO) },
		"rows that can't be right":                         func(s *command.Spec) { s.Run = nil },
		"getx: redis-server 7.0.15 has it: false":          func(s *command.Spec) { s.Name = "getx" },
		"get: redis-server 7.0.15 has it: true, flagged A": func(s *command.Spec) { s.Flags |= command.Added },
	} {
		row := get()
		spoil(&row)
		if said, _ := compare(nil, row); !strings.Contains(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
	}
	row := get()
	row.Flags = command.ReadOnly
	if said, _ := compare(map[string]string{"get": "slower here"}, row); said != "" {
		t.Errorf("a row that differs on purpose: %s", said)
	}
	if said, _ := compare(map[string]string{"get": "slower here"}, get()); !strings.Contains(said, "said to differ") {
		t.Errorf("a reason without a difference: %q", said)
	}
}
