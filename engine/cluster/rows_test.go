package cluster

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// notOffered are the subcommands of redis-server 7.0.15 that change the cluster's shape by hand.
const notOffered = "addslots addslotsrange bumpepoch delslots delslotsrange failover flushslots forget meet replicate reset saveconfig set-config-epoch setslot"

// testdata/rows.json holds what redis-server 7.0.15 answered to COMMAND INFO of CLUSTER's subcommands (RESP3).
func TestRowsAreRediss(t *testing.T) {
	b, err := os.ReadFile("testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded map[string]string
	if err := json.Unmarshal(b, &recorded); err != nil {
		t.Fatal(err)
	}
	var table *command.Table
	table = command.NewTable(true, New(Config{}).Commands(), command.IntrospectionCommands(func() *command.Table { return table }))
	if err := table.Check(); err != nil {
		t.Error(err)
	}
	info := table.Find("command|info")
	for name, want := range recorded {
		row := table.Find(name)
		if row == nil {
			if sub := strings.TrimPrefix(name, "cluster|"); !strings.Contains(" "+notOffered+" ", " "+sub+" ") {
				t.Errorf("%s has no row", name)
			}
			continue
		}
		w := &resp.Writer{Proto: 3}
		if err := info.Run(&command.Call{Argv: [][]byte{[]byte("command"), []byte("info"), []byte(name)}, Reply: w}); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimPrefix(string(w.Bytes()), "*1\r\n"); got != want {
			t.Errorf("%s:\n%s", name, cmp.Diff(strings.Split(want, "\r\n"), strings.Split(got, "\r\n")))
		}
	}
	for _, row := range table.Find("cluster").Subcommands {
		if _, known := recorded[row.FullName]; known == row.Is(command.Added) {
			t.Errorf("%s: Redis 7.0 has it: %v, flagged Added: %v", row.FullName, known, !known)
		}
	}
}
