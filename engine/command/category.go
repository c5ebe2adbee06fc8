package command

import "slices"

// Categories are the names of all ACL categories of Redis 7.0, in the order in which ACL CAT prints them.
var Categories = []string{
	"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream", "pubsub",
	"admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
}

var groupCategory = map[Group]string{
	String: "string", List: "list", Set: "set", SortedSet: "sortedset", Hash: "hash", Stream: "stream", Bitmap: "bitmap",
	HyperLogLog: "hyperloglog", Geo: "geo", Transactions: "transaction", Scripting: "scripting",
}

// CategoryNames are the row's ACL categories without @, in the order of the list Categories: those it names and those that follow from its flags and group.
// Flags imply categories as in Redis: write, read, admin (which is dangerous), pubsub, fast or slow, blocking. A container's group implies nothing for itself.
func (s *Spec) CategoryNames() []string { return s.categories }

func (s *Spec) hasCategory(name []byte) bool {
	return slices.ContainsFunc(s.categories, func(c string) bool { return equalFold(name, c) })
}

func categoriesOf(s *Spec) []string {
	has := map[string]bool{}
	for _, c := range s.Categories {
		has[c] = true
	}
	if c := groupCategory[s.Group]; c != "" && len(s.Subcommands) == 0 { // a container by itself does nothing
		has[c] = true
	}
	if s.Is(Write) {
		has["write"] = true
	}
	if s.Is(ReadOnly) && s.Group != Scripting {
		has["read"] = true
	}
	if s.Is(Admin) {
		has["admin"], has["dangerous"] = true, true
	}
	if s.Is(PubSub) {
		has["pubsub"] = true
	}
	if s.Is(Fast) {
		has["fast"] = true
	} else {
		has["slow"] = true
	}
	if s.Is(Blocking) {
		has["blocking"] = true
	}
	var names []string
	for _, c := range Categories {
		if has[c] {
			names = append(names, c)
		}
	}
	return slices.Clip(names)
}
