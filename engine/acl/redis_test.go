package acl

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
)

// The expectations in testdata come from redis-server 7.0.15. To have them written again, with redis-server and redis-cli on the PATH:
//
//	go test ./engine/acl -run TestRewrite -rewrite
var rewrite = flag.Bool("rewrite", false, "ask redis-server for the expectations in testdata")

// row is one entry of Redis's answer to COMMAND.
type row struct {
	Name       string
	Arity      int
	Flags      []string
	Categories []string
	Keys       []rowKey
	Subs       []row
}

type rowKey struct {
	Flags       []string
	BeginSearch struct {
		Type string
		Spec struct {
			Index     int
			Keyword   string
			StartFrom int `json:"startfrom"`
		}
	} `json:"begin_search"`
	FindKeys struct {
		Type string
		Spec struct{ LastKey, KeyStep, Limit, KeyNumIdx, FirstKey int }
	} `json:"find_keys"`
}

func (r *row) UnmarshalJSON(b []byte) error {
	var none any
	return json.Unmarshal(b, &[]any{&r.Name, &r.Arity, &r.Flags, &none, &none, &none, &r.Categories, &none, &r.Keys, &r.Subs})
}

func (r *row) spec() command.Spec {
	_, name, isSub := strings.Cut(r.Name, "|")
	if !isSub {
		name = r.Name
	}
	s := command.Spec{Name: name, Arity: r.Arity}
	for _, f := range r.Flags {
		s.Flags |= map[string]command.Flags{"fast": command.Fast, "pubsub": command.PubSub, "no_auth": command.NoAuth}[f]
	}
	for _, c := range r.Categories {
		s.Categories = append(s.Categories, strings.TrimPrefix(c, "@"))
	}
	for _, k := range r.Keys {
		s.Keys = append(s.Keys, k.spec())
	}
	if r.Name == "set" {
		s.Keys = []command.KeySpec{{Flags: command.OW | command.Update | command.VariableFlags, Find: setKeys}}
	}
	for i := range r.Subs {
		s.Subcommands = append(s.Subcommands, r.Subs[i].spec())
	}
	return s
}

// setKeys is the key of SET, which is read as well if the old value is asked for.
func setKeys(argv [][]byte, keys []command.Key) ([]command.Key, error) {
	if slices.ContainsFunc(argv[3:], func(a []byte) bool { return strings.EqualFold(string(a), "get") }) {
		return append(keys, command.Key{Index: 1, Flags: command.RW | command.Access | command.Update}), nil
	}
	return append(keys, command.Key{Index: 1, Flags: command.OW | command.Update}), nil
}

func (k *rowKey) spec() command.KeySpec {
	begin, find := k.BeginSearch, k.FindKeys
	s := command.KeySpec{Begin: begin.Spec.Index, Keyword: begin.Spec.Keyword, From: begin.Spec.StartFrom}
	for _, f := range k.Flags {
		s.Flags |= map[string]command.KeyFlags{"access": command.Access, "update": command.Update, "insert": command.Insert, "delete": command.Delete,
			"not_key": command.NotKey}[f]
	}
	switch find.Type {
	case "range":
		s.Last, s.Step, s.Limit = find.Spec.LastKey, find.Spec.KeyStep, find.Spec.Limit
	case "keynum":
		s.KeyNum, s.NumIndex, s.First, s.Step = true, find.Spec.KeyNumIdx, find.Spec.FirstKey, find.Spec.KeyStep
	default:
		s.Unknown, s.Find = true, func(_ [][]byte, keys []command.Key) ([]command.Key, error) { return keys, nil }
	}
	return s
}

// redisTable is the command table of redis-server 7.0.15.
func redisTable(t testing.TB) *command.Table {
	t.Helper()
	text, err := os.ReadFile("testdata/commands.json")
	if err != nil {
		t.Fatal(err)
	}
	var specs []command.Spec
	for line := range bytes.Lines(text) {
		var r row
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("testdata/commands.json: %v", err)
		}
		specs = append(specs, r.spec())
	}
	return command.NewTable(true, specs)
}

// cases are the inputs of a file in testdata, each with the line that answers it, and the "user" line above it if the file has them.
type testCase struct {
	file        string
	line        int
	user, input string
	want        string
}

func (c testCase) String() string { return fmt.Sprintf("%s:%d", c.file, c.line) }

func readCases(t *testing.T, file string) []testCase {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, user := strings.Split(string(text), "\n"), ""
	var cases []testCase
	for i := 0; i < len(lines); i++ {
		if u, ok := strings.CutPrefix(lines[i], "user"); ok {
			user = strings.TrimSpace(u)
		}
		if in, ok := strings.CutPrefix(lines[i], ">"); ok {
			cases = append(cases, testCase{file, i + 1, user, strings.TrimSpace(in), lines[i+1]})
			i++
		}
	}
	return cases
}

// sortCommands sorts each run of single-command rules in a description: Redis prints them in the order of a hash table that differs from start to start.
func sortCommands(description string) string {
	words := strings.Split(description, " ")
	single := func(w string) bool { return len(w) > 1 && (w[0] == '+' || w[0] == '-') && w[1] != '@' }
	for i := 0; i < len(words); i++ {
		j := i
		for j < len(words) && single(words[j]) {
			closing := strings.HasSuffix(words[j], ")")
			j++
			if closing {
				break
			}
		}
		if run := words[i:j]; len(run) > 1 {
			last := run[len(run)-1]
			closed := strings.HasSuffix(last, ")")
			run[len(run)-1] = strings.TrimSuffix(last, ")")
			slices.Sort(run)
			if closed {
				run[len(run)-1] += ")"
			}
			i = j - 1
		}
	}
	return strings.Join(words, " ")
}

func TestRewrite(t *testing.T) {
	if !*rewrite {
		t.Skip("run with -rewrite to ask redis-server")
	}
	cli := startRedis(t)
	var rows []json.RawMessage
	if err := json.Unmarshal([]byte(cli("--json", "COMMAND")), &rows); err != nil {
		t.Fatal(err)
	}
	lines := make([]string, len(rows))
	for i := range rows {
		lines[i] = sortSubs(t, rows[i])
	}
	slices.Sort(lines)
	writeFile(t, "testdata/commands.json", strings.Join(lines, "\n")+"\n")
	rewriteFile(t, "testdata/rules.txt", func(c testCase) string {
		cli("ACL", "DELUSER", "u")
		if answer := cli(append([]string{"ACL", "SETUSER", "u"}, strings.Fields(c.input)...)...); answer != "OK" {
			return answer
		}
		for line := range strings.Lines(cli("ACL", "LIST")) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "user u "); ok {
				return sortCommands(rest)
			}
		}
		return "no such user"
	})
	rewriteFile(t, "testdata/checks.txt", func(c testCase) string {
		cli("ACL", "DELUSER", "u")
		if answer := cli(append([]string{"ACL", "SETUSER", "u"}, strings.Fields(c.user)...)...); answer != "OK" {
			t.Fatalf("%v: %s", c, answer)
		}
		return cli(append([]string{"ACL", "DRYRUN", "u"}, strings.Fields(c.input)...)...)
	})
}

// sortSubs is a row of COMMAND on one line with its subcommands in order.
func sortSubs(t *testing.T, raw json.RawMessage) string {
	var fields []json.RawMessage
	var subs []json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(fields[9], &subs); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(subs, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	sorted, err := json.Marshal(subs)
	if err != nil {
		t.Fatal(err)
	}
	fields[9] = sorted
	line, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

func rewriteFile(t *testing.T, file string, ask func(testCase) string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for _, c := range readCases(t, file) {
		lines[c.line] = ask(c)
	}
	writeFile(t, file, strings.Join(lines, "\n"))
}

func writeFile(t *testing.T, file, text string) {
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// startRedis starts a redis-server for the test and returns a function that runs redis-cli on it.
func startRedis(t *testing.T) func(args ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	server := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	run := func(args ...string) (string, error) {
		out, err := exec.Command("redis-cli", append([]string{"-p", port}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		if answer, err := run("PING"); err == nil && answer == "PONG" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not answer")
		}
	}
	return func(args ...string) string {
		answer, err := run(args...)
		if err != nil {
			t.Fatalf("redis-cli %q: %v", args, err)
		}
		return answer
	}
}
