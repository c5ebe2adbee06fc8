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
	if !slices.Equal(missing, []string{"cluster|setslot"}) {
		t.Errorf("without rows are %q", missing)
	}
}
