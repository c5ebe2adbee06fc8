package command

import (
	"strings"
	"testing"
)

func TestCheckFindsNothingWrongWithRedissRows(t *testing.T) {
	table := recordedTable(t)
	for line := range strings.Lines(readFile(t, "testdata/grammar.txt")) {
		if name, syntax, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(name, "#") {
			table.Find(name).Args = syntax
		}
	}
	if err := table.Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	good := Spec{Name: "x", Arity: 3, Group: String, Since: "1.0.0", Summary: "Does it", Args: "key value", Keys: KeyAt(1, RW), Run: none}
	for want, spoil := range map[string]func(*Spec){
		"":                    func(*Spec) {},
		"no handler":          func(s *Spec) { s.Run = nil },
		"lower case":          func(s *Spec) { s.Name = "X" },
		"group":               func(s *Spec) { s.Group = "" },
		"since":               func(s *Spec) { s.Since = "" },
		"summary":             func(s *Spec) { s.Summary = "" },
		"reads only":          func(s *Spec) { s.Flags = ReadOnly | Write },
		"missing":             func(s *Spec) { s.Args = "key [value" },
		"has 2 words":         func(s *Spec) { s.Args = "key" },
		"has 4 words":         func(s *Spec) { s.Args = "key value value" },
		"has 3 words or more": func(s *Spec) { s.Args = "key value [NX]" },
		"at least 3 words":    func(s *Spec) { s.Arity = -2 },
		"a key at 3":          func(s *Spec) { s.Keys = KeyAt(3, RW) },
		"a key at 0":          func(s *Spec) { s.Keys = KeyAt(0, RW) },
	} {
		row := good
		spoil(&row)
		err := NewTable(true, []Spec{row}).Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}
