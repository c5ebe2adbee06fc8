package datatype_test

import (
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/enginetest"
)

func TestRowsMatchRedis(t *testing.T) {
	enginetest.CompareRows(t, command.NewTable(true, datatype.Commands()))
}
