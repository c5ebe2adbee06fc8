// Command mutants breaks one promise of the engine at a time, in a build that is thrown away, and fails unless the named test notices.
//
// A mutant is one sentence of the source replaced by another one, laid over the tree by `go test -overlay`: the working copy is not touched. One whose sentence is not there any more fails too.
//
//	mutants [-run name] [-list]
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	only := flag.String("run", "", "only mutants whose name contains this")
	list := flag.Bool("list", false, "list them as a table of Markdown, and run nothing")
	flag.Parse()
	if *list {
		table()
		return
	}
	if err := run(*only); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func table() {
	fmt.Println("| broken | promise | caught by |\n|---|---|---|")
	for _, m := range mutants {
		fmt.Printf("| %s | %s | `%s` in `%s` |\n", m.name, m.promise, m.test, m.pkg)
	}
}

func run(only string) error {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var survived []string
	ran := 0
	for _, m := range mutants {
		if !strings.Contains(m.name, only) {
			continue
		}
		ran++
		begun := time.Now()
		caught, err := m.caught(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		verdict := "caught"
		if !caught {
			verdict = "SURVIVED"
			survived = append(survived, m.name)
		}
		fmt.Printf("%-8s %5.1fs  %s\n", verdict, time.Since(begun).Seconds(), m.name)
	}
	if len(survived) > 0 {
		return fmt.Errorf("%d of %d survived: %s", len(survived), ran, strings.Join(survived, "; "))
	}
	fmt.Printf("%d mutants, all caught\n", ran)
	return nil
}

// caught says whether the test fails with the mutant in place.
func (m mutant) caught(dir string) (bool, error) {
	root, err := os.Getwd()
	if err != nil {
		return false, err
	}
	source, err := os.ReadFile(m.file)
	if err != nil {
		return false, err
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		return false, fmt.Errorf("%s holds %q %d times, not once: the mutant has to follow the code", m.file, m.old, n)
	}
	broken := filepath.Join(dir, "broken.go")
	if err := os.WriteFile(broken, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600); err != nil {
		return false, err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, m.file): broken}})
	if err != nil {
		return false, err
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return false, err
	}
	if out, err := exec.Command("go", "vet", "-overlay", file, m.pkg).CombinedOutput(); err != nil {
		return false, fmt.Errorf("the mutant does not compile: %w\n%s", err, out)
	}
	cmd := exec.Command("go", "test", "-overlay", file, "-count=1", "-failfast", "-timeout", "3m", "-run", m.test, m.pkg)
	cmd.Env = append(os.Environ(), "MEMORYDB_SEED=1")
	if m.seeds != "" {
		cmd.Env = append(cmd.Env, "MEMORYDB_SEEDS="+m.seeds)
	}
	err = cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return false, fmt.Errorf("run the test: %w", err)
	}
	return err != nil, nil
}
