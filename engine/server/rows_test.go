package server_test

import (
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/server"
)

func TestRowsAgainstRedis(t *testing.T) {
	enginetest.CompareRows(t, command.NewTable(true, server.Commands()))
}
