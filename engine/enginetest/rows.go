package enginetest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// rowDeviations names what rows say differently from redis-server 7.0.15's, each with its reason. The keys are "name property".
var rowDeviations = map[string]string{
	// The notation of redis.io does not hold these (engine/command's grammar_test.go).
	"bitfield arguments":        "names of the operations",
	"client|kill arguments":     "names of the filters",
	"client|list arguments":     "ID is a block of one argument",
	"client|no-evict arguments": "name of the choice",
	"client|tracking arguments": "names of the choice and of the words",
	"hello arguments":           "name of the block",
	"psubscribe arguments":      "a block of one argument",
}

// The files in engine/command/testdata that hold COMMAND and COMMAND DOCS of redis-server 7.0.15 in RESP3, sorted by name.
const (
	recordedInfo = "command-info.resp3"
	recordedDocs = "command-docs.resp3"
)

// CompareRows compares what COMMAND INFO and COMMAND DOCS say of each row of the table with what redis-server 7.0.15 says: arity, flags, keys, categories, tips, key
// specifications, subcommands; since, group and arguments. Summaries and complexities are our own words. A row that Redis does not have must be flagged
// command.Added. With -rewrite the recorded answers are asked for again first. It returns the full names of Redis's commands that the table has no rows for, in order.
func CompareRows(t *testing.T, table *command.Table) (missing []string) {
	t.Helper()
	if addr, ok := Rewrite(t); ok {
		recordRows(t, addr)
	}
	info := map[string]Reply{}
	for _, row := range recorded(t, recordedInfo).Items {
		addInfo(info, row)
	}
	docs := map[string]Reply{}
	addDocs(docs, recorded(t, recordedDocs))
	used := map[string]bool{}
	for _, row := range table.All() {
		want, known := info[row.FullName]
		if !known || row.Is(command.Added) {
			if known || !row.Is(command.Added) {
				t.Errorf("%s: Redis has it: %v; flagged as added by us: %v", row.FullName, known, row.Is(command.Added))
			}
			continue
		}
		for property, diff := range compareRow(t, table, row, want, docs[row.FullName]) {
			key := row.FullName + " " + property
			used[key] = true
			if rowDeviations[key] == "" {
				t.Errorf("%s: %s", key, diff)
			}
		}
	}
	for key := range rowDeviations {
		name, _, _ := strings.Cut(key, " ")
		if table.Find(name) != nil && !used[key] {
			t.Errorf("%s deviates no longer: take it out of the list", key)
		}
	}
	for name := range info {
		if table.Find(name) == nil {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// infoElements are the elements of an entry of COMMAND INFO, but the last, subcommands, which are rows themselves.
var infoElements = []string{"name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specifications"}

func compareRow(t *testing.T, table *command.Table, row *command.Spec, want, wantDocs Reply) map[string]string {
	t.Helper()
	diffs := map[string]string{}
	differ := func(property string, got, want Reply) {
		got.normalise()
		want.normalise()
		if g, w := got.Lines(), want.Lines(); !slices.Equal(g, w) {
			diffs[property] = fmt.Sprintf("is\n%s\nin Redis\n%s", strings.Join(g, "\n"), strings.Join(w, "\n"))
		}
	}
	got := askTable(t, table, "command", "info", row.FullName).Items[0]
	for i, name := range infoElements {
		differ(name, got.Items[i], want.Items[i])
	}
	gotDocs := askTable(t, table, "command", "docs", row.FullName).Get(row.FullName)
	for _, name := range []string{"since", "group", "arguments"} {
		differ(name, gotDocs.Get(name), wantDocs.Get(name))
	}
	return diffs
}

// normalise sorts sets, whose order says nothing, and takes from arguments what came with which version.
func (v *Reply) normalise() {
	if v.Kind == '%' {
		var kept []Reply
		for i := 0; i+1 < len(v.Items); i += 2 {
			if key := v.Items[i].Text; key != "since" && key != "summary" && key != "deprecated_since" {
				kept = append(kept, v.Items[i], v.Items[i+1])
			}
		}
		v.Items = kept
	}
	for i := range v.Items {
		v.Items[i].normalise()
	}
	if v.Kind == '~' {
		v.sort(1)
	}
}

// askTable asks COMMAND about the rows of a table that need not have COMMAND itself.
func askTable(t *testing.T, table *command.Table, words ...string) Reply {
	t.Helper()
	commands := command.NewTable(true, command.IntrospectionCommands(func() *command.Table { return table }))
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	row, err := commands.Lookup(argv)
	if err != nil {
		t.Fatal(err)
	}
	w := &resp.Writer{Proto: 3}
	if err := row.Run(&command.Call{Spec: row, Argv: argv, Reply: w}); err != nil {
		t.Fatalf("%s: %v", strings.Join(words, " "), err)
	}
	v, err := ReadReply(bufio.NewReader(bytes.NewReader(w.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// addInfo adds an entry of COMMAND INFO and those of its subcommands by name.
func addInfo(to map[string]Reply, row Reply) {
	to[row.Items[0].Text] = row
	for _, sub := range row.Items[len(infoElements)].Items {
		addInfo(to, sub)
	}
}

// addDocs adds the entries of COMMAND DOCS and those of subcommands by name.
func addDocs(to map[string]Reply, docs Reply) {
	for i := 0; i+1 < len(docs.Items); i += 2 {
		to[docs.Items[i].Text] = docs.Items[i+1]
		addDocs(to, docs.Items[i+1].Get("subcommands"))
	}
}

func recorded(t testing.TB, file string) Reply {
	t.Helper()
	text, err := os.ReadFile(TestData(t, "command", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	v, err := ReadReply(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// recordRows asks a redis-server for COMMAND and COMMAND DOCS, and stores the answers sorted by name.
func recordRows(t testing.TB, addr string) {
	t.Helper()
	c := NewClient(t, dialTo(addr)(t))
	c.Proto(3)
	info, docs := c.Do("command"), c.Do("command", "docs")
	sortInfo(info.Items)
	sortDocs(&docs)
	for file, v := range map[string]Reply{recordedInfo: info, recordedDocs: docs} {
		if err := os.WriteFile(TestData(t, "command", "testdata", file), v.appendTo(nil), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func sortInfo(rows []Reply) {
	slices.SortFunc(rows, func(a, b Reply) int { return strings.Compare(a.Items[0].Text, b.Items[0].Text) })
	for _, row := range rows {
		sortInfo(row.Items[len(infoElements)].Items)
	}
}

func sortDocs(docs *Reply) {
	docs.sort(2)
	for i := 1; i < len(docs.Items); i += 2 {
		entry := docs.Items[i].Items
		for k := 0; k+1 < len(entry); k += 2 {
			if entry[k].Text == "subcommands" {
				sortDocs(&entry[k+1])
			}
		}
	}
}

// appendTo appends the reply as it is on the wire.
func (v Reply) appendTo(b []byte) []byte {
	b = append(b, v.Kind)
	switch {
	case v.Null:
		b = append(b, "-1"...)
	case v.isAggregate():
		n := len(v.Items)
		if v.Kind == '%' {
			n /= 2
		}
		b = append(strconv.AppendInt(b, int64(n), 10), "\r\n"...)
		for _, item := range v.Items {
			b = item.appendTo(b)
		}
		return b
	case v.Kind == '$', v.Kind == '!', v.Kind == '=':
		b = append(strconv.AppendInt(b, int64(len(v.Text)), 10), "\r\n"...)
		fallthrough
	default:
		b = append(b, v.Text...)
	}
	return append(b, "\r\n"...)
}
