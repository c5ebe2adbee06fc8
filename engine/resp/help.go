package resp

// Help appends the answer of a container's HELP as Redis frames it: a headline with the container's upper-case name, the given lines, and the lines about
// HELP itself, all simple strings.
func (w *Writer) Help(container string, lines ...string) {
	w.Array(len(lines) + 3)
	w.Simple(container + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, l := range lines {
		w.Simple(l)
	}
	w.Simple("HELP")
	w.Simple("    Prints this help.")
}
