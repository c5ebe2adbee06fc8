// Command tcl runs the test suite of Redis 7.0 in external cluster mode against a real redis-server and against memorydb-server, unit by unit, and compares which tests pass.
//
//	go run ./acctest/tcl -source DIR -server bin/memorydb-server [-unit unit/type/list]
//
// The suite's sources are not part of this repository: fetch.sh gets them. A test that only the real server passes must be in known.txt with its reason, else the program fails.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type options struct {
	source, server, known, logs string
	unit                        string
	oursOnly, slow              bool
	least                       float64
	patience                    time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.source, "source", "", "folder of Redis's sources")
	flag.StringVar(&o.server, "server", "bin/memorydb-server", "our server")
	flag.StringVar(&o.known, "known", "acctest/tcl/known.txt", "tests that only the real server passes, with reasons")
	flag.StringVar(&o.logs, "logs", "", "folder for the suite's output; empty is a temporary one")
	flag.StringVar(&o.unit, "unit", "", "only this unit, such as unit/type/list; several by commas")
	flag.BoolVar(&o.oursOnly, "ours-only", false, "do not run the real server: tests that fail are shown, nothing is compared")
	flag.BoolVar(&o.slow, "slow", false, "run slow tests too")
	flag.Float64Var(&o.least, "least", 99, "least share of the real server's passed tests that must pass, in percent")
	flag.DurationVar(&o.patience, "patience", 5*time.Minute, "how long a unit may take")
	flag.Parse()
	ok, err := o.run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tcl:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// run runs both and says whether enough tests passed and the others are known.
func (o *options) run() (bool, error) {
	if o.logs == "" {
		dir, err := os.MkdirTemp("", "memorydb-tcl-")
		if err != nil {
			return false, err
		}
		o.logs = dir
	}
	if err := os.MkdirAll(o.logs, 0o755); err != nil {
		return false, err
	}
	fmt.Println("output of the suite:", o.logs)
	var err error
	if o.source, err = filepath.Abs(o.source); err != nil {
		return false, err
	}
	if o.server, err = filepath.Abs(o.server); err != nil {
		return false, err
	}
	units, err := o.units()
	if err != nil {
		return false, err
	}
	ours, err := o.suite("ours", units)
	if err != nil {
		return false, err
	}
	if o.oursOnly {
		for _, f := range ours.failures {
			fmt.Printf("\n%s\n", f)
		}
		fmt.Printf("\n%d passed, %d failed\n", len(ours.passed), len(ours.failures))
		return len(ours.failures) == 0, nil
	}
	theirs, err := o.suite("redis", units)
	if err != nil {
		return false, err
	}
	known, err := readKnown(o.known)
	if err != nil {
		return false, err
	}
	return compare(ours, theirs, known, o.least), nil
}

// units are the suite's units, or those that were asked for.
func (o *options) units() ([]string, error) {
	cmd := exec.Command("tclsh", "tests/test_helper.tcl", "--list-tests")
	cmd.Dir = o.source
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the units of the suite in %q (acctest/tcl/fetch.sh gets it): %w", o.source, err)
	}
	all := strings.Fields(string(out))
	if o.unit == "" {
		return all, nil
	}
	var some []string
	for u := range strings.SplitSeq(o.unit, ",") {
		if !slices.Contains(all, u) {
			return nil, fmt.Errorf("the suite has no unit %q", u)
		}
		some = append(some, u)
	}
	return some, nil
}

// compare prints what passed where.
func compare(ours, theirs *outcome, known map[string]string, least float64) bool {
	fmt.Printf("\n%-42s %8s %8s\n", "unit", "redis", "ours")
	for _, u := range theirs.units {
		if theirs.count[u] > 0 {
			fmt.Printf("%-42s %8d %8d\n", u, theirs.count[u], ours.count[u])
		}
	}
	ok := true
	both := 0
	for _, name := range theirs.order {
		switch {
		case ours.passed[name] >= theirs.passed[name]:
			both++
			if known[name] != "" {
				fmt.Printf("passes by now, take it from known.txt: %s\n", name)
			}
		case known[name] != "":
			fmt.Printf("known: %s — %s\n", name, known[name])
		default:
			ok = false
			fmt.Printf("NOT PASSED: %s\n%s\n", name, ours.why[name])
		}
	}
	share := 100 * float64(both) / float64(max(len(theirs.order), 1))
	fmt.Printf("\n%d tests pass on redis-server, %d of them (%.2f %%) on ours; at least %.2f %% must\n", len(theirs.order), both, share, least)
	return ok && share >= least
}

// readKnown reads lines "unit: test — reason"; those that begin with # are comments.
func readKnown(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, " — ")
		if !ok || reason == "" {
			return nil, fmt.Errorf("%s: no reason in line %q", file, line)
		}
		known[name] = reason
	}
	return known, nil
}
