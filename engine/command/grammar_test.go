package command

import (
	"strings"
	"testing"
)

func recordedArguments(t *testing.T, v value) []Argument {
	var args []Argument
	for _, a := range v.list {
		arg := Argument{Name: a.get("name").text, Type: a.get("type").text, Token: a.get("token").text, KeySpec: -1, Args: recordedArguments(t, a.get("arguments"))}
		if k := a.get("key_spec_index"); k.kind != 0 {
			arg.KeySpec = k.int(t)
		}
		for _, f := range a.get("flags").texts() {
			switch f {
			case "optional":
				arg.Optional = true
			case "multiple":
				arg.Multiple = true
			case "multiple_token":
				arg.MultipleToken = true
			}
		}
		args = append(args, arg)
	}
	return args
}

// What COMMAND DOCS of redis-server 7.0.15 says and the notation of redis.io does not.
var notInTheNotation = map[string]string{
	"bitfield":        "names of the operations",
	"client|kill":     "names of the filters; they are marked optional though one is required",
	"client|list":     "ID is a block of one argument",
	"client|no-evict": "name of the choice",
	"client|tracking": "name of the choice",
	"cluster|setslot": "name of the choice",
	"config|get":      "a block of one argument",
	"failover":        "TO belongs to the block, not to host and port",
	"geosearch":       "BYRADIUS and BYBOX belong to their first arguments, not to the blocks",
	"geosearchstore":  "BYRADIUS and BYBOX belong to their first arguments, not to the blocks",
	"hello":           "name of the block",
	"migrate":         "a key inside a choice",
	"module|loadex":   "names of the blocks",
	"psubscribe":      "a block of one argument",
	"xtrim":           "the block around all options",
}

func TestArgumentsFollowFromTheSyntax(t *testing.T) {
	table, docs := recordedTable(t), recorded(t, "command-docs.resp3")
	same := 0
	for line := range strings.Lines(readFile(t, "testdata/grammar.txt")) {
		name, syntax, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		top, _, isSub := strings.Cut(name, "|")
		d := docs.get(top)
		if isSub {
			d = d.get("subcommands").get(name)
		}
		s := *table.Find(name)
		s.Args = syntax
		got, err := s.Arguments()
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		want := recordedArguments(t, d.get("arguments"))
		switch equal := show(want) == show(got); {
		case equal && notInTheNotation[name] != "":
			t.Errorf("%s is listed as different, but it is not", name)
		case !equal && notInTheNotation[name] == "":
			t.Errorf("%s:%s\nRedis%s\n ours%s", name, syntax, show(want), show(got))
		case equal:
			same++
		}
	}
	if same < 335 {
		t.Errorf("only %d commands are the same", same)
	}
}

func TestGrammarVariants(t *testing.T) {
	for _, c := range []struct{ syntax, want string }{
		{"", ""},
		{"key", " {key key}"},
		{"(field value)...", " {field_value block multiple {field string} {value string}}"},
		{"field value [field value ...]", " {field_value block multiple {field string} {value string}}"},
		{"[key ...]", " {key key optional multiple}"},
		{"[NX|XX]", " {condition oneof optional {nx pure-token token NX} {xx pure-token token XX}}"},
		{"[AGGREGATE SUM | MIN | MAX]", " {aggregate oneof token AGGREGATE optional {sum pure-token token SUM} {min pure-token token MIN} {max pure-token token MAX}}"},
		{"[AGGREGATE <SUM | MIN | MAX>]", " {aggregate oneof token AGGREGATE optional {sum pure-token token SUM} {min pure-token token MIN} {max pure-token token MAX}}"},
		{"[EX seconds | PERSIST]", " {seconds_persist oneof optional {seconds integer token EX} {persist pure-token token PERSIST}}"},
		{"<a b | C>", " {a_b_c oneof {a_b block {a string} {b string}} {c pure-token token C}}"},
		{"a b | C", " {a_b_c oneof {a_b block {a string} {b string}} {c pure-token token C}}"},
		{"[LIMIT offset count]", " {offset_count block token LIMIT optional {offset integer} {count integer}}"},
		{"[GET pattern [GET pattern ...]]", " {pattern pattern token GET optional multiple multiple_token}"},
		{"[PARAMS count name value [name value ...]]", " {count_name_value block token PARAMS optional {count integer} {name_value block multiple {name string} {value string}}}"},
	} {
		args, err := ParseGrammar(c.syntax)
		if err != nil || show(args) != c.want {
			t.Errorf("%s:\n got%s (%v)\nwant%s", c.syntax, show(args), err, c.want)
		}
	}
}

func TestGrammarRefusesWhatIsMalformed(t *testing.T) {
	for _, syntax := range []string{"[key", "key]", "<a | b", "(a]", "...", "[...]", "a | ", "| a", "[a | ]", "<>", "[]", ")"} {
		if args, err := ParseGrammar(syntax); err == nil {
			t.Errorf("%q is accepted:%s", syntax, show(args))
		}
	}
}

func show(args []Argument) string {
	var b strings.Builder
	for _, a := range args {
		b.WriteString(" {" + a.Name + " " + a.Type)
		if a.KeySpec >= 0 {
			b.WriteString(" key" + string(rune('0'+a.KeySpec)))
		}
		if a.Token != "" {
			b.WriteString(" token " + a.Token)
		}
		if a.Optional {
			b.WriteString(" optional")
		}
		if a.Multiple {
			b.WriteString(" multiple")
		}
		if a.MultipleToken {
			b.WriteString(" multiple_token")
		}
		b.WriteString(show(a.Args) + "}")
	}
	return b.String()
}
