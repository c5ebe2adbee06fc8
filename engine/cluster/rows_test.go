package cluster

import (
	"slices"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/enginetest"
)

func TestRowsAreRediss(t *testing.T) {
	var table *command.Table
	table = command.NewTable(true, New(Config{}).Commands(), command.IntrospectionCommands(func() *command.Table { return table }))
	missing := slices.DeleteFunc(enginetest.CompareRows(t, table), func(name string) bool { return !strings.HasPrefix(name, "cluster|") })
	want := strings.Fields(`cluster|addslots cluster|addslotsrange cluster|bumpepoch cluster|delslots cluster|delslotsrange cluster|failover cluster|flushslots
		cluster|forget cluster|meet cluster|replicate cluster|reset cluster|saveconfig cluster|set-config-epoch cluster|setslot`)
	if !slices.Equal(missing, want) { // they change the cluster's shape by hand
		t.Errorf("without rows are %q, want %q", missing, want)
	}
}
