package command

import "github.com/openmemorydb/memorydb/engine/resp"

// The names of flags in the order of their bits, which is the order in which COMMAND INFO prints them.
var (
	flagNames = []string{"write", "readonly", "denyoom", "module", "admin", "pubsub", "noscript", "blocking", "loading", "stale", "skip_monitor",
		"skip_slowlog", "asking", "fast", "no_auth", "may_replicate", "no_mandatory_keys", "no_async_loading", "no_multi", "allow_busy", "movablekeys"}
	keyFlagNames = []string{"RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags"}
)

// writeInfo appends the ten elements that COMMAND INFO answers for a row: name, arity, flags, first key, last key, step, ACL categories, tips, key
// specifications and subcommands.
func writeInfo(w *resp.Writer, s *Spec) {
	w.Array(10)
	w.BulkString(s.FullName)
	w.Int(int64(s.Arity))
	writeSimpleSet(w, "", setBits(uint64(s.Flags&^MayReplicate), flagNames)) // which Redis hides
	first, last, step, _ := s.KeyRange()
	w.Int(int64(first))
	w.Int(int64(last))
	w.Int(int64(step))
	writeSimpleSet(w, "@", s.CategoryNames())
	w.Set(len(s.Tips))
	for _, tip := range s.Tips {
		w.BulkString(tip)
	}
	w.Set(len(s.Keys))
	for i := range s.Keys {
		writeKeySpec(w, &s.Keys[i])
	}
	if len(s.Subcommands) == 0 {
		w.Set(0)
		return
	}
	w.Array(len(s.Subcommands))
	for i := range s.Subcommands {
		writeInfo(w, &s.Subcommands[i])
	}
}

func writeKeySpec(w *resp.Writer, k *KeySpec) {
	if k.Notes == "" {
		w.Map(3)
	} else {
		w.Map(4)
		w.BulkString("notes")
		w.BulkString(k.Notes)
	}
	w.BulkString("flags")
	writeKeyFlags(w, k.Flags)

	w.BulkString("begin_search")
	switch {
	case k.Unknown:
		writeSearch(w, "unknown")
	case k.Keyword != "":
		writeSearch(w, "keyword", field{"keyword", 0, k.Keyword}, field{"startfrom", k.From, ""})
	default:
		writeSearch(w, "index", field{"index", k.Begin, ""})
	}

	w.BulkString("find_keys")
	switch {
	case k.Unknown:
		writeSearch(w, "unknown")
	case k.KeyNum:
		writeSearch(w, "keynum", field{"keynumidx", k.NumIndex, ""}, field{"firstkey", k.First, ""}, field{"keystep", k.step(), ""})
	default:
		writeSearch(w, "range", field{"lastkey", k.Last, ""}, field{"keystep", k.step(), ""}, field{"limit", k.Limit, ""})
	}
}

// field is one detail of a search: a text, or a number if the text is empty.
type field struct {
	name   string
	number int
	text   string
}

func writeSearch(w *resp.Writer, kind string, fields ...field) {
	w.Map(2)
	w.BulkString("type")
	w.BulkString(kind)
	w.BulkString("spec")
	w.Map(len(fields))
	for _, f := range fields {
		w.BulkString(f.name)
		if f.text != "" {
			w.BulkString(f.text)
		} else {
			w.Int(int64(f.number))
		}
	}
}

func writeKeyFlags(w *resp.Writer, flags KeyFlags) {
	writeSimpleSet(w, "", setBits(uint64(flags), keyFlagNames))
}

// setBits lists the names of the bits that are set; bits without a name are not shown.
func setBits(bits uint64, names []string) []string {
	var set []string
	for i, name := range names {
		if bits&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return set
}

func writeSimpleSet(w *resp.Writer, prefix string, names []string) {
	w.Set(len(names))
	for _, name := range names {
		w.Simple(prefix + name)
	}
}
