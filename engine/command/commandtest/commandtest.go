// Package commandtest compares rows of commands with those of redis-server 7.0.15.
package commandtest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// recorded holds, for each command and subcommand of redis-server 7.0.15 in cluster mode, elements 2 to 9 of its answer to COMMAND INFO in RESP3. A line
// is a row.
//
//go:embed redis.json
var recorded []byte

// elements are the names of what is recorded, in order.
var elements = []string{"arity", "flags", "first key", "last key", "step", "ACL categories", "tips", "key specifications"}

// CompareWithRedis fails t for each row of table that COMMAND INFO tells otherwise than redis-server 7.0.15 does, for rows that Redis does not have and that are not
// flagged command.Added, and for rows that Table.Check finds wrong. differs holds, by full name ("client|list"), the reason for which a row is otherwise on
// purpose; a reason for a row that is the same fails t too. The table must hold the rows of command.IntrospectionCommands. It returns the full names of Redis's
// commands that the table has no rows for, in order.
func CompareWithRedis(t testing.TB, table *command.Table, differs map[string]string) (missing []string) {
	t.Helper()
	var redis map[string][]string
	if err := json.Unmarshal(recorded, &redis); err != nil {
		t.Fatalf("the recording: %v", err)
	}
	if err := table.Check(); err != nil {
		t.Errorf("rows that can't be right:\n%v", err)
	}
	for _, row := range table.All() {
		want, inRedis := redis[row.FullName]
		if inRedis == row.Is(command.Added) {
			t.Errorf("%s: redis-server 7.0.15 has it: %v, flagged Added: %v", row.FullName, inRedis, !inRedis)
			continue
		}
		if !inRedis {
			continue
		}
		got, err := info(table, row.FullName)
		if err != nil {
			t.Errorf("COMMAND INFO %s: %v", row.FullName, err)
			continue
		}
		same := true
		for i, element := range elements {
			if got[i] == want[i] {
				continue
			}
			same = false
			if differs[row.FullName] == "" {
				t.Errorf("%s: %s\n ours %s\nRedis %s", row.FullName, element, oneLine(got[i]), oneLine(want[i]))
			}
		}
		if same && differs[row.FullName] != "" {
			t.Errorf("%s is the same as Redis's, though it is said to differ: %s", row.FullName, differs[row.FullName])
		}
	}
	for name := range redis {
		if table.Find(name) == nil {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// info asks the table's own COMMAND INFO, and returns the elements after the name as they were sent.
func info(table *command.Table, name string) ([]string, error) {
	argv := [][]byte{[]byte("command"), []byte("info"), []byte(name)}
	row, err := table.Lookup(argv)
	if err != nil {
		return nil, err
	}
	w := &resp.Writer{Proto: 3}
	if err := row.Run(&command.Call{Spec: row, Argv: argv, Reply: w}); err != nil {
		return nil, err
	}
	r := bufio.NewReader(strings.NewReader(string(w.Bytes())))
	for _, head := range []string{"*1\r\n", "*10\r\n"} {
		if line, err := r.ReadString('\n'); err != nil || line != head {
			return nil, fmt.Errorf("not a row: %q, %w", line, err)
		}
	}
	if _, err := one(r); err != nil { // the name
		return nil, err
	}
	var all []string
	for range elements {
		e, err := one(r)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// one reads one reply and returns its bytes.
func one(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	if !strings.ContainsRune("$*~%", rune(line[0])) {
		return line, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
	if err != nil {
		return "", fmt.Errorf("length of a reply: %w", err)
	}
	if line[0] == '$' {
		text := make([]byte, n+2)
		if _, err := io.ReadFull(r, text); err != nil {
			return "", err
		}
		return line + string(text), nil
	}
	if line[0] == '%' {
		n *= 2
	}
	for range n {
		item, err := one(r)
		if err != nil {
			return "", err
		}
		line += item
	}
	return line, nil
}

// oneLine is a reply for people to read: its texts and numbers in a row.
func oneLine(reply string) string {
	var words []string
	for line := range strings.SplitSeq(strings.TrimSuffix(reply, "\r\n"), "\r\n") {
		if strings.HasPrefix(line, "$") {
			continue
		}
		words = append(words, strings.TrimLeft(line, "+:"))
	}
	return strings.Join(words, " ")
}
