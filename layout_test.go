package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/openmemorydb/memorydb/"

// layout is the architecture: each package and the packages of ours that it may import outside of its tests. A package imports only from lines above its own.
// docs/architecture.md explains it.
var layout = []struct{ pkg, imports string }{
	{"engine/resp", ""},
	{"engine/slot", ""},
	{"engine/listpack", ""},
	{"engine/intset", ""},
	{"engine/txlog", ""},
	{"engine/txlog/logtest", "engine/txlog"},
	{"engine/txlog/memlog", "engine/txlog"},
	{"engine/txlog/segment", "engine/txlog"},
	{"engine/txlog/faultfs", "engine/txlog engine/txlog/segment"},
	{"engine/txlog/quorumlog", "engine/txlog engine/txlog/segment"},
	{"engine/bucket", ""},
	{"engine/keyspace", "engine/resp engine/slot"},
	{"engine/command", "engine/keyspace engine/resp engine/slot"},
	{"engine/datatype", "engine/command engine/intset engine/keyspace engine/listpack engine/resp"},
	{"engine/rdb", "engine/command engine/datatype engine/intset engine/keyspace engine/listpack engine/resp"},
	{"engine/acl", "engine/command engine/resp"},
	{"engine/config", "engine/command engine/resp"},
	{"engine/shard", "engine/command engine/keyspace engine/resp engine/slot engine/txlog"},
	{"engine/pubsub", "engine/command engine/resp"},
	{"engine/debug", "engine/command engine/keyspace engine/resp engine/shard"},
	{"engine/script/lua", ""},
	{"engine/script", "engine/command engine/keyspace engine/rdb engine/resp engine/script/lua engine/slot"},
	{"engine/cluster", "engine/command engine/keyspace engine/resp engine/shard engine/slot engine/txlog"},
	{"engine/snapshot", "engine/bucket engine/command engine/datatype engine/keyspace engine/rdb engine/shard engine/txlog"},
	{"engine/replication", "engine/shard engine/txlog"},
	{"engine/server", "engine/acl engine/cluster engine/command engine/config engine/keyspace engine/resp engine/shard engine/slot engine/txlog engine/pubsub"},
	{"engine", "engine/acl engine/cluster engine/command engine/config engine/datatype engine/debug engine/keyspace engine/rdb engine/replication engine/resp engine/script engine/server engine/shard engine/slot engine/snapshot engine/txlog engine/pubsub"},
	{"engine/enginetest", "engine engine/acl engine/cluster engine/command engine/resp engine/slot engine/txlog engine/txlog/memlog"},
	{"engine/enginetest/generate", "engine/command engine/datatype engine/rdb engine/server"},
	{"engine/cmd/memorydb-server", "engine engine/acl engine/bucket engine/cluster engine/snapshot engine/txlog engine/txlog/memlog engine/txlog/quorumlog"},
	{"engine/cmd/memorydb-bench", ""},
	{"engine/cmd/memorydb-diff", "engine/enginetest/generate"},

	{"emulator/spec", ""},
	{"emulator/awsjson", ""},
	{"emulator/sigv4", ""},
	{"emulator/store", ""},
	{"emulator/control", "emulator/awsjson emulator/spec emulator/store"},
	{"emulator/api", "emulator/awsjson emulator/sigv4"},
	{"emulator/fault", "emulator/control engine/txlog engine/txlog/segment"},
	{"emulator/fleet", "emulator/control emulator/fault engine engine/acl engine/bucket engine/cluster engine/shard engine/snapshot engine/txlog engine/pubsub"},
	{"emulator", "emulator/api emulator/control emulator/fault emulator/fleet emulator/sigv4 emulator/store engine engine/bucket engine/txlog engine/txlog/quorumlog"},
	{"emulator/cmd/memorydb-emulator", "emulator emulator/fault"},

	{"provider", "emulator/spec"},
	{"acctest", "emulator provider engine/enginetest"},
	{"acctest/harness", ""},
	{"acctest/crash", "acctest/harness"},
	{"acctest/failover", "acctest/harness"},
	{"acctest/clients", "acctest/harness"},
	{"acctest/tcl", ""},
	{"acctest/mutants", ""},
	{"examples/quickstart/check", ""},
	{"", "provider"}, // main.go: the provider plugin, which never links engine or emulator
}

// long names the files over 600 lines that are not tests, each with its reason.
var long = map[string]string{}

func TestLayout(t *testing.T) {
	allowed, above := map[string]string{}, map[string]bool{}
	for _, row := range layout {
		for _, imp := range strings.Fields(row.imports) {
			if !above[imp] {
				t.Errorf("layout: %s may import %s, which is not above it", row.pkg, imp)
			}
		}
		allowed[row.pkg], above[row.pkg] = " "+row.imports+" ", true
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0]+"/", module)
		pkg = strings.TrimSuffix(pkg, "/")
		imports, ok := allowed[pkg]
		if !ok {
			t.Errorf("package %q is not in the layout: add it to layout_test.go and docs/architecture.md", pkg)
			continue
		}
		for _, imp := range words[1:] {
			if ours, ok := strings.CutPrefix(imp, module); ok && !strings.Contains(imports, " "+ours+" ") {
				t.Errorf("%s imports %s, which the layout does not allow", pkg, ours)
			}
		}
	}
}

// clock and chance may be read only where a program or a long-lived part is wired together; everywhere else time and chance are handed in.
var pure = regexp.MustCompile(`^engine/(resp|slot|keyspace|command|datatype|acl|txlog)/`)

var impure = regexp.MustCompile(`\btime\.(Now|Sleep|After|Since|NewTimer|NewTicker)\(|\brand\.(Int|IntN|Float64|Perm|Shuffle|Uint64|N)\(`)

func TestFiles(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != "." {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := bytes.Count(src, []byte("\n")); n > 600 && long[filepath.ToSlash(path)] == "" {
			t.Errorf("%s has %d lines: split it, or name it in layout_test.go with the reason", path, n)
		}
		if !pure.MatchString(filepath.ToSlash(path)) {
			return nil
		}
		lines := bufio.NewScanner(bytes.NewReader(src))
		for n := 1; lines.Scan(); n++ {
			if m := impure.FindString(lines.Text()); m != "" && !strings.Contains(lines.Text(), "wiring:") {
				t.Errorf("%s:%d calls %s: time and chance are handed in", path, n, m)
			}
		}
		return lines.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}
