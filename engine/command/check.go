package command

import (
	"errors"
	"fmt"
)

// looser are commands that Redis lets in with fewer words than their documentation asks for; they then work with what there is.
var looser = map[string]bool{"geohash": true, "geopos": true, "pfmerge": true}

// Check looks for rows that can't be right, for a test of all rows: no handler, group, version or summary, arguments that can't be read, fewer or more words
// than the arity allows, keys behind the last word, read and write at once, no name in lower case. It returns all that it found, joined.
func (t *Table) Check() error {
	var errs []error
	wrong := func(s *Spec, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", s.FullName, fmt.Sprintf(format, args...)))
	}
	for _, s := range t.All() {
		if string(lower(make([]byte, 0, len(s.Name)), []byte(s.Name))) != s.Name || s.Name == "" {
			wrong(s, "the name is not in lower case")
		}
		if s.Run == nil && len(s.Subcommands) == 0 {
			wrong(s, "no handler")
		}
		if s.Group == "" || s.Since == "" || s.Summary == "" {
			wrong(s, "group %q, since %q, summary %q", s.Group, s.Since, s.Summary)
		}
		if s.Is(ReadOnly | Write) {
			wrong(s, "reads only and writes")
		}
		args, err := s.Arguments()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		t.checkArity(s, args, wrong)
	}
	return errors.Join(errs...)
}

// checkArity compares the arity with the words that the arguments need. A row may say nothing of its arguments.
func (t *Table) checkArity(s *Spec, args []Argument, wrong func(*Spec, string, ...any)) {
	name := 1
	if s.Parent != nil {
		name = 2
	}
	words, open := name, false
	for _, a := range args {
		n, more := wordsOf(a)
		words, open = words+n, open || more
	}
	switch {
	case len(args) == 0:
	case s.Arity > 0 && (open || words != s.Arity):
		wrong(s, "arity %d, but %q has %d words or more", s.Arity, s.Args, words)
	case s.Arity < 0 && words > -s.Arity && !looser[s.FullName]:
		wrong(s, "arity %d, but %q has at least %d words", s.Arity, s.Args, words)
	}
	for _, k := range s.Keys {
		if k.byIndex() && s.Arity > 0 && (k.Begin < name || k.Begin >= s.Arity) {
			wrong(s, "a key at %d of %d words", k.Begin, s.Arity)
		}
	}
}

// wordsOf is the least number of words of an argument, and whether there may be more.
func wordsOf(a Argument) (least int, open bool) {
	open = a.Optional || a.Multiple
	if a.Token != "" && a.Type != "pure-token" {
		least++
	}
	switch a.Type {
	case "oneof":
		fewest := -1
		for _, alternative := range a.Args {
			n, more := wordsOf(alternative)
			open = open || more || fewest >= 0 && n != fewest
			if fewest < 0 || n < fewest {
				fewest = n
			}
		}
		least += fewest
	case "block":
		for _, part := range a.Args {
			n, more := wordsOf(part)
			least, open = least+n, open || more
		}
	default:
		least++
	}
	if a.Optional {
		least = 0
	}
	return least, open
}
