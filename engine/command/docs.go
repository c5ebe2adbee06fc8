package command

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// groupTitles are the headings of docs/commands.md, in its order.
var groupTitles = []struct {
	group Group
	title string
}{
	{Generic, "Keys"}, {String, "Strings"}, {Hash, "Hashes"}, {List, "Lists"}, {Set, "Sets"}, {SortedSet, "Sorted sets"}, {Stream, "Streams"},
	{Bitmap, "Bitmaps"}, {HyperLogLog, "HyperLogLog"}, {Geo, "Geo"}, {PubSubGroup, "Pub/sub"}, {Transactions, "Transactions"}, {Scripting, "Scripting"},
	{Connection, "Connection"}, {Cluster, "Cluster"}, {Server, "Server"},
}

// WriteDocs writes docs/commands.md: a table of each group's rows, subcommands included. deviations are sentences about what a command does otherwise than
// redis-server 7.0.15, by full name ("client|list"); one that names no row of the table is an error, as is a failed write.
// absent says why a command of Redis 7.0 has no row, by name ("MODULE LOADEX"); one that has is an error.
func WriteDocs(w io.Writer, t *Table, deviations, absent map[string]string) error {
	for name := range absent {
		if t.Find(strings.ReplaceAll(strings.ToLower(name), " ", "|")) != nil {
			return fmt.Errorf("%q is said to be absent, but has a row", name)
		}
	}
	for name := range deviations {
		if t.Find(name) == nil {
			return fmt.Errorf("a deviation is noted for %q, which is no row of the table", name)
		}
	}
	b := bufio.NewWriter(w)
	commands, subcommands := len(t.Rows()), len(t.All())-len(t.Rows())
	fmt.Fprintf(b, "# Commands\n\nGenerated from the command table by `make docs`; do not edit.\n\n%d commands and %d subcommands. "+
		"Arity counts the words with the name; negative: at least so many.\n", commands, subcommands)
	written := 0
	for _, g := range groupTitles {
		written += writeGroup(b, t, g.group, g.title, deviations)
	}
	rest := map[Group]bool{}
	for _, s := range t.All() {
		if !knownGroup(s.Group) && !rest[s.Group] {
			rest[s.Group] = true
			written += writeGroup(b, t, s.Group, string(s.Group), deviations)
		}
	}
	if written != len(t.All()) {
		return fmt.Errorf("%d of %d rows were written", written, len(t.All()))
	}
	if len(absent) > 0 {
		fmt.Fprintf(b, "\n## Commands of Redis 7.0 that are not there\n\n| command | why |\n| --- | --- |\n")
		for _, name := range slices.Sorted(maps.Keys(absent)) {
			fmt.Fprintf(b, "| %s | %s |\n", name, cell(absent[name]))
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write the documentation of commands: %w", err)
	}
	return nil
}

func knownGroup(g Group) bool {
	for _, known := range groupTitles {
		if known.group == g {
			return true
		}
	}
	return false
}

// writeGroup writes the table of a group and returns the number of its rows.
func writeGroup(b *bufio.Writer, t *Table, g Group, title string, deviations map[string]string) int {
	var rows []*Spec
	for _, s := range t.All() {
		if s.Group == g {
			rows = append(rows, s)
		}
	}
	if len(rows) == 0 {
		return 0
	}
	fmt.Fprintf(b, "\n## %s\n\n| command | arity | since | flags | arguments | complexity | summary |\n| --- | --- | --- | --- | --- | --- | --- |\n", title)
	for _, s := range rows {
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %s | %s |\n", displayName(s), s.Arity, s.Since, strings.Join(setBits(uint64(s.Flags), flagNames), " "),
			code(s.Args), cell(s.Complexity), cell(s.summaryLine(deviations[s.FullName])))
	}
	return len(rows)
}

func displayName(s *Spec) string { return strings.ToUpper(strings.ReplaceAll(s.FullName, "|", " ")) }

// summaryLine is the row's summary, what it is otherwise, and what to use in its place.
func (s *Spec) summaryLine(deviation string) string {
	parts := []string{s.Summary}
	if d, ok := deprecated[s.FullName]; ok {
		parts = append(parts, "Deprecated since "+d.since+": "+d.instead)
	}
	if s.Is(Added) {
		parts = append(parts, "Not in Redis 7.0")
	}
	if s.Is(Restricted) {
		parts = append(parts, "Only with `--admin-commands`")
	}
	if deviation != "" {
		parts = append(parts, "**Differs:** "+deviation)
	}
	var line strings.Builder
	for _, part := range parts {
		if part = strings.TrimSuffix(part, "."); part == "" {
			continue
		}
		if line.Len() > 0 {
			line.WriteString(" ")
		}
		line.WriteString(part + ".")
	}
	return line.String()
}

// cell makes text fit for a cell of a table.
func cell(text string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text) }

// code is text in the type of code, nothing if it is empty.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + cell(text) + "`"
}
