package command

import "github.com/openmemorydb/memorydb/engine/resp"

// writeDocs appends a row's name and what COMMAND DOCS says about it. The histories of commands and of single arguments, which Redis tells too, are not in
// the rows.
func writeDocs(w *resp.Writer, s *Spec) error {
	args, err := s.Arguments()
	if err != nil {
		return err
	}
	w.BulkString(s.FullName)
	pairs := 3
	for _, has := range []bool{s.Complexity != "", len(args) > 0, len(s.Subcommands) > 0} {
		if has {
			pairs++
		}
	}
	old, isOld := deprecated[s.FullName]
	if isOld {
		pairs += 3
	}
	w.Map(pairs)
	writeText(w, "summary", s.Summary)
	writeText(w, "since", s.Since)
	writeText(w, "group", string(s.Group))
	if s.Complexity != "" {
		writeText(w, "complexity", s.Complexity)
	}
	if isOld {
		w.BulkString("doc_flags")
		writeSimpleSet(w, "", []string{"deprecated"})
		writeText(w, "deprecated_since", old.since)
		writeText(w, "replaced_by", old.instead)
	}
	if len(args) > 0 {
		w.BulkString("arguments")
		writeArguments(w, args)
	}
	if len(s.Subcommands) == 0 {
		return nil
	}
	w.BulkString("subcommands")
	w.Map(len(s.Subcommands))
	for i := range s.Subcommands {
		if err := writeDocs(w, &s.Subcommands[i]); err != nil {
			return err
		}
	}
	return nil
}

func writeArguments(w *resp.Writer, args []Argument) {
	w.Array(len(args))
	for i := range args {
		writeArgument(w, &args[i])
	}
}

func writeArgument(w *resp.Writer, a *Argument) {
	var flags []string
	if a.Optional {
		flags = append(flags, "optional")
	}
	if a.Multiple {
		flags = append(flags, "multiple")
	}
	if a.MultipleToken {
		flags = append(flags, "multiple_token")
	}
	pairs := 2
	for _, has := range []bool{a.KeySpec >= 0, a.Token != "", flags != nil, len(a.Args) > 0} {
		if has {
			pairs++
		}
	}
	w.Map(pairs)
	writeText(w, "name", a.Name)
	writeText(w, "type", a.Type)
	if a.KeySpec >= 0 {
		w.BulkString("key_spec_index")
		w.Int(int64(a.KeySpec))
	}
	if a.Token != "" {
		writeText(w, "token", a.Token)
	}
	if flags != nil {
		w.BulkString("flags")
		writeSimpleSet(w, "", flags)
	}
	if len(a.Args) > 0 {
		w.BulkString("arguments")
		writeArguments(w, a.Args)
	}
}

func writeText(w *resp.Writer, name, text string) {
	w.BulkString(name)
	w.BulkString(text)
}
