package engine_test

import (
	"bufio"
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/enginetest"
)

var update = flag.Bool("update", false, "write docs/commands.md anew")

// deviations are what commands do otherwise than redis-server 7.0.15, on purpose or not yet.
var deviations = map[string]string{
	"eval": "The language is Lua 5.1 as Redis has it, on another interpreter: the words of some syntax errors and of some errors of calls differ; goto is a keyword; # of a table with holes may be another border; " +
		"__len of tables is heeded; pairs, and with it cjson and cmsgpack, give the pairs of a table in another order; a stack overflow is reported without its line; sources over 16 MB are refused. " +
		"redis.set_repl takes REPL_ALL only: every effect is in the log.",
	"script|debug":      "Refused: scripts are executed in one record, there is no session to step through.",
	"client|pause":      "When it ends, those that waited go on at once; the order between connections is by chance.",
	"config|get":        "replicaof is always empty: who follows whom is the cluster's to say (ROLE).",
	"command|getkeys":   "Of GEORADIUS with several STORE options the last one is listed only, which is the one that counts.",
	"xinfo|consumers":   "When a consumer was seen last without being given anything is known to the primary alone, until it is given something: it is no change of the log.",
	"xautoclaim":        "A COUNT beyond the number of pending entries reserves no memory for them.",
	"bgrewriteaof":      "Takes a snapshot and trims the transaction log behind it, which is what a node comes back from; refused where no snapshots are kept (`memorydb-server --snapshots`).",
	"cluster|addslots":  "The subcommands that change the cluster exist with `--admin-commands` only, and are refused: slots are dealt, and members chosen, by the management API, and who leads a shard is its log's to say.",
	"cluster|links":     "Always empty: nodes have no cluster bus, they share the transaction log.",
	"cluster|nodes":     "The bus port is printed as 1122; there is none behind it.",
	"exec":              "Rows that touch no data run after those that do; their replies stand in their places. HELLO inside a transaction changes the protocol of the replies after EXEC only.",
	"info":              "used_cpu_sys_main_thread and used_cpu_user_main_thread are missing: there is no main thread. Not held for the log, so that it answers during an outage: counts may include changes that are not durable yet.",
	"flushall":          "ASYNC and SYNC are the same: memory is given back at once, in time that does not depend on the number of keys.",
	"flushdb":           "As FLUSHALL.",
	"unlink":            "The same as DEL: memory is given back at once.",
	"config|rewrite":    "Answers as a redis-server without a configuration file.",
	"config|set":        "Directives that have no effect here say so in their row (engine/config/table.go).",
	"acl|save":          "Answers as a redis-server without an ACL file.",
	"acl|load":          "Answers as a redis-server without an ACL file.",
	"pfadd":             "If the value turns out to be corrupted, none of the elements is added; Redis keeps those before the first one that it can not add.",
	"restore":           "Payloads of versions 11 and 12 (Redis 7.2 and 7.4, Valkey) are read too, hashes whose fields expire and values of modules are not. Every payload is checked wholly: one that holds a field or member twice is refused.",
	"xgroup|destroy":    "Breaks a WATCH of the key, which it changes; in Redis it does not.",
	"xread":             "An entry that is added and deleted again by one transaction does not wake a call that waits; in Redis it is answered no entries.",
	"xreadgroup":        "Numbers and times of deliveries that reading pending entries again changes reach the replicas; in Redis they do not.",
	"role":              "Replication offsets are positions in the shard's log.",
	"lastsave":          "The time of the last SAVE or BGSAVE (`--admin-commands`); the node's start before there is one.",
	"memory|usage":      "Bytes of our own representation, not of Redis's.",
	"object|refcount":   "Values are not shared. Integers from 0 to 9999 answer as Redis's shared ones do, but so does a copy of one (COPY), which Redis does not share.",
	"module":            "A node has no modules: the list is empty, LOAD and UNLOAD are refused as by a redis-server without enable-module-command, LOADEX is not known.",
	"wait":              "Every acknowledged write is on disk in most zones already. Counts the replicas that are known to have applied the connection's writes: those that run in the same process as the primary; what another process has applied is not known.",
	"waitaof":           "The first number is 1: the reply leaves behind those of the connection's writes, which are durable then. The second one is WAIT's: replicas apply only what is durable.",
	"client|unblock":    "Does not end the wait of a connection that CLIENT PAUSE has stopped (redis-server 7.0.15 crashes).",
	"geosearchstore":    "Distances are rounded correctly; those that STOREDIST stores may differ in the last of 17 digits, about one in two hundred, where the C library's sines are not.",
	"georadius":         "As GEOSEARCHSTORE.",
	"georadiusbymember": "As GEOSEARCHSTORE.",
}

// absent are the commands of Redis 7.0 that no row has, with the reason.
var absent = map[string]string{
	"CLUSTER SETSLOT": "MemoryDB restricts it. Slots are dealt by the management API.",
	"FAILOVER":        "MemoryDB restricts it. Who leads a shard is its log's to say.",
	"MIGRATE":         "MemoryDB restricts it. Slots are moved by the cluster itself.",
	"MODULE LOADEX":   "A node has no modules.",
	"REPLICAOF":       "MemoryDB restricts it. Nodes follow the log of their shard, never a peer.",
	"RESTORE-ASKING":  "Its only caller is MIGRATE.",
	"SLAVEOF":         "As REPLICAOF.",
}

// docs/commands.md is written from the rows: `go test ./engine -run CommandsDoc -update`.
func TestCommandsDoc(t *testing.T) {
	n := single(t, func(c *engine.Config) { c.AdminCommands = true })
	var b bytes.Buffer
	if err := command.WriteDocs(&b, n.Table(), deviations, absent); err != nil {
		t.Fatal(err)
	}
	const file = "../docs/commands.md"
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Error("docs/commands.md differs from the rows: run `make docs`")
	}
}

// Every command of redis-server 7.0.15, as its COMMAND was recorded, is a row or has its reason.
func TestEveryCommandOfRedisIsARowOrHasAReason(t *testing.T) {
	recorded, err := os.Open("command/testdata/command-info.resp3")
	if err != nil {
		t.Fatal(err)
	}
	defer recorded.Close()
	table := single(t, func(c *engine.Config) { c.AdminCommands = true }).Table()
	names := 0
	var look func(rows []enginetest.Reply)
	look = func(rows []enginetest.Reply) {
		for _, row := range rows {
			name := row.Items[0].Text
			names++
			if _, said := absent[strings.ToUpper(strings.ReplaceAll(name, "|", " "))]; said == (table.Find(name) != nil) {
				t.Errorf("%s: a row: %v, listed as absent: %v", name, table.Find(name) != nil, said)
			}
			look(row.Items[9].Items)
		}
	}
	r := bufio.NewReader(recorded)
	all, err := enginetest.ReadReply(r)
	if err != nil {
		t.Fatal(err)
	}
	look(all.Items)
	if names != 366 {
		t.Errorf("%d commands and subcommands were recorded", names)
	}
}
