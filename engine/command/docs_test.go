package command

import (
	"errors"
	"strings"
	"testing"
)

func TestWriteDocs(t *testing.T) {
	var b strings.Builder
	if err := WriteDocs(&b, recordedTable(t), map[string]string{"get": "it is faster", "client|list": "fewer fields."}, map[string]string{"NOSUCH": "no use."}); err != nil {
		t.Fatal(err)
	}
	docs := b.String()
	if n := strings.Count(docs, "\n| ") - 2*strings.Count(docs, "\n## "); n != 367 {
		t.Errorf("%d rows, want 367", n)
	}
	for _, want := range []string{
		"240 commands and 126 subcommands.",
		"## Strings\n",
		"| GET | 2 | 1.0.0 | readonly fast |  | O(1) | Get the value of a key. **Differs:** it is faster. |\n",
		"| CLIENT LIST | -2 | 2.4.0 | admin noscript loading stale |",
		"**Differs:** fewer fields. |",
		"Deprecated since 6.2.0: `SET` with the `!GET` argument. |",
		"## Commands of Redis 7.0 that are not there\n\n| command | why |\n| --- | --- |\n| NOSUCH | no use. |\n",
		"| COMMAND LIST | -2 | 7.0.0 | loading stale | `[FILTERBY <MODULE module-name \\| ACLCAT category \\| PATTERN pattern>]` |",
	} {
		if !strings.Contains(docs, want) {
			t.Errorf("lacks %q", want)
		}
	}
}

func TestWriteDocsOfAGroupThatRedisDoesNotHave(t *testing.T) {
	var b strings.Builder
	table := NewTable(false, []Spec{{Name: "json.get", Arity: -2, Group: "json", Flags: ReadOnly | Added}})
	if err := WriteDocs(&b, table, nil, nil); err != nil || !strings.Contains(b.String(), "## json\n") || !strings.Contains(b.String(), "Not in Redis 7.0.") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteDocsFails(t *testing.T) {
	table := recordedTable(t)
	if err := WriteDocs(&strings.Builder{}, table, map[string]string{"nosuch": "x"}, nil); err == nil {
		t.Error("a deviation of no row is accepted")
	}
	if err := WriteDocs(&strings.Builder{}, table, nil, map[string]string{"CLIENT LIST": "x"}); err == nil {
		t.Error("a row is said to be absent")
	}
	if err := WriteDocs(fullDisk{}, table, nil, nil); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}
