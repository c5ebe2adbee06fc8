package command

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// The files testdata/command-*.resp? hold what redis-server 7.0.15 answered to COMMAND, COMMAND DOCS (RESP3) and COMMAND INFO of some names (RESP2), rows and
// subcommands sorted by name.

// value is one reply, decoded, with the bytes that it was made of.
type value struct {
	kind byte
	text string
	list []value
	raw  []byte
}

func decode(t testing.TB, b []byte) value {
	t.Helper()
	r := bytes.NewReader(b)
	br := bufio.NewReaderSize(r, 16)
	v, err := decodeOne(br, b, func() int { return len(b) - r.Len() - br.Buffered() })
	if err != nil {
		t.Fatalf("malformed reply %.200q: %v", b, err)
	}
	return v
}

func decodeOne(r *bufio.Reader, all []byte, at func() int) (value, error) {
	start := at()
	line, err := r.ReadString('\n')
	if err != nil {
		return value{}, err
	}
	v := value{kind: line[0], text: strings.TrimSuffix(line[1:], "\r\n")}
	switch v.kind {
	case '+', '-', ':', '_', ',', '#':
	case '$', '*', '~', '%':
		n, err := strconv.Atoi(v.text)
		if err != nil {
			return v, err
		}
		if v.kind == '$' && n >= 0 {
			text := make([]byte, n+2)
			if _, err := io.ReadFull(r, text); err != nil {
				return v, err
			}
			v.text = string(text[:n])
			break
		}
		if v.kind == '%' {
			n *= 2
		}
		for range n {
			item, err := decodeOne(r, all, at)
			if err != nil {
				return v, err
			}
			v.list = append(v.list, item)
		}
	default:
		return v, fmt.Errorf("unknown type %q", v.kind)
	}
	v.raw = all[start:at()]
	return v, nil
}

// get is the value of a map's key.
func (v value) get(key string) value {
	for i := 0; i+1 < len(v.list); i += 2 {
		if v.list[i].text == key {
			return v.list[i+1]
		}
	}
	return value{}
}

func (v value) texts() []string {
	var all []string
	for _, item := range v.list {
		all = append(all, item.text)
	}
	return all
}

func (v value) int(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(v.text)
	if err != nil {
		t.Fatalf("not an integer: %q", v.text)
	}
	return n
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func recorded(t testing.TB, file string) value {
	t.Helper()
	return decode(t, []byte(readFile(t, "testdata/"+file)))
}

func bitsOf(t testing.TB, names []string, of []string) uint64 {
	t.Helper()
	var bits uint64
	for _, name := range of {
		i := slices.Index(names, name)
		if i < 0 {
			t.Fatalf("unknown flag %q", name)
		}
		bits |= 1 << i
	}
	return bits
}

// recordedSpec makes a row of an entry of COMMAND. Flags and categories that a table derives are left out of the row: the answer shows whether it does.
func recordedSpec(t testing.TB, info value, docs value) Spec {
	t.Helper()
	_, name, isSub := strings.Cut(info.list[0].text, "|")
	if !isSub {
		name = info.list[0].text
	}
	s := Spec{
		Name:       name,
		Arity:      info.list[1].int(t),
		Flags:      Flags(bitsOf(t, flagNames, info.list[2].texts())) &^ MovableKeys,
		Group:      Group(docs.get("group").text),
		Since:      docs.get("since").text,
		Summary:    docs.get("summary").text,
		Complexity: docs.get("complexity").text,
		Tips:       info.list[7].texts(),
	}
	for _, c := range info.list[6].texts() {
		s.Categories = append(s.Categories, strings.TrimPrefix(c, "@"))
	}
	for _, k := range info.list[8].list {
		s.Keys = append(s.Keys, recordedKeySpec(t, k))
	}
	subDocs := docs.get("subcommands")
	for _, sub := range info.list[9].list {
		s.Subcommands = append(s.Subcommands, recordedSpec(t, sub, subDocs.get(sub.list[0].text)))
	}
	s.Run = func(*Call) error { return nil }
	return s
}

func recordedKeySpec(t testing.TB, v value) KeySpec {
	t.Helper()
	k := KeySpec{Notes: v.get("notes").text, Flags: KeyFlags(bitsOf(t, keyFlagNames, v.get("flags").texts()))}
	begin, find := v.get("begin_search").get("spec"), v.get("find_keys").get("spec")
	switch v.get("begin_search").get("type").text {
	case "index":
		k.Begin = begin.get("index").int(t)
	case "keyword":
		k.Keyword, k.From = begin.get("keyword").text, begin.get("startfrom").int(t)
	case "unknown":
		k.Unknown = true
	}
	switch v.get("find_keys").get("type").text {
	case "range":
		k.Last, k.Step, k.Limit = find.get("lastkey").int(t), find.get("keystep").int(t), find.get("limit").int(t)
	case "keynum":
		k.KeyNum, k.NumIndex, k.First, k.Step = true, find.get("keynumidx").int(t), find.get("firstkey").int(t), find.get("keystep").int(t)
	case "unknown":
		k.Unknown = true
	}
	return k
}

// recordedTable is a table of all rows of redis-server 7.0.15, with COMMAND's own rows as ours.
func recordedTable(t testing.TB) *Table {
	t.Helper()
	var table *Table
	var rows []Spec
	docs := recorded(t, "command-docs.resp3")
	for _, info := range recorded(t, "command-info.resp3").list {
		if name := info.list[0].text; name != "command" {
			rows = append(rows, recordedSpec(t, info, docs.get(name)))
		}
	}
	table = NewTable(true, rows, IntrospectionCommands(func() *Table { return table }))
	return table
}

// ask runs a request through the table and returns its reply, an error as an error reply.
func ask(t testing.TB, table *Table, proto int, words ...string) []byte {
	t.Helper()
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	w := &resp.Writer{Proto: proto}
	s, err := table.Lookup(argv)
	if err == nil {
		err = s.Run(&Call{Spec: s, Argv: argv, Reply: w})
	}
	if err != nil {
		refusal, ok := err.(resp.Error)
		if !ok {
			t.Fatalf("%q: %v", words, err)
		}
		w.Cut(0)
		w.Error(refusal)
	}
	return w.Bytes()
}
