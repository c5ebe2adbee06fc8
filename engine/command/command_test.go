package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func none(*Call) error { return nil }

func argvOf(words ...string) [][]byte {
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	return argv
}

// The error texts are those of redis-server 7.0.15.
func TestLookup(t *testing.T) {
	table := NewTable(false, []Spec{
		{Name: "get", Arity: 2, Run: none},
		{Name: "del", Arity: -2, Run: none},
		{Name: "command", Arity: -1, Run: none, Subcommands: []Spec{{Name: "count", Arity: 2, Run: none}}},
		{Name: "client", Arity: -2, Flags: Container, Subcommands: []Spec{
			{Name: "id", Arity: 2, Run: none}, {Name: "kill", Arity: -3, Run: none}, {Name: "secret", Arity: 2, Flags: Restricted, Run: none},
		}},
		{Name: "debug", Arity: -2, Flags: Restricted, Run: none},
	})
	long := strings.Repeat("x", 200)
	for _, c := range []struct {
		name  string
		words []string
		want  string // full name of the row, or the error
	}{
		{"command", []string{"get", "k"}, "get"},
		{"in capitals", []string{"GeT", "k"}, "get"},
		{"more than the minimum", []string{"del", "a", "b"}, "del"},
		{"subcommand", []string{"CLIENT", "Id"}, "client|id"},
		{"container that runs by itself", []string{"command"}, "command"},
		{"its subcommand", []string{"command", "count"}, "command|count"},
		{"too few words", []string{"get"}, "ERR wrong number of arguments for 'get' command"},
		{"too many words", []string{"get", "a", "b"}, "ERR wrong number of arguments for 'get' command"},
		{"below the minimum", []string{"del"}, "ERR wrong number of arguments for 'del' command"},
		{"container alone", []string{"client"}, "ERR wrong number of arguments for 'client' command"},
		{"subcommand with too many words", []string{"client", "id", "x"}, "ERR wrong number of arguments for 'client|id' command"},
		{"subcommand below the minimum", []string{"client", "kill"}, "ERR wrong number of arguments for 'client|kill' command"},
		{"unknown subcommand", []string{"client", "foo"}, "ERR unknown subcommand 'foo'. Try CLIENT HELP."},
		{"unknown subcommand keeps its case", []string{"client", "Foo"}, "ERR unknown subcommand 'Foo'. Try CLIENT HELP."},
		{"long unknown subcommand", []string{"client", long}, "ERR unknown subcommand '" + long[:128] + "'. Try CLIENT HELP."},
		{"subcommand with a zero byte", []string{"client", "id\x00x"}, "ERR unknown subcommand 'id'. Try CLIENT HELP."},
		{"subcommand that is not text", []string{"client", "\xff\xfe"}, "ERR unknown subcommand '\xff\xfe'. Try CLIENT HELP."},
		{"restricted subcommand", []string{"client", "secret"}, "ERR unknown subcommand 'secret'. Try CLIENT HELP."},
		{"restricted command", []string{"debug", "x"}, "ERR unknown command 'debug', with args beginning with: 'x' "},
		{"unknown, no arguments", []string{"nosuch"}, "ERR unknown command 'nosuch', with args beginning with: "},
		{"unknown keeps its case", []string{"NoSuch", "A"}, "ERR unknown command 'NoSuch', with args beginning with: 'A' "},
		{"full name of a subcommand", []string{"client|id"}, "ERR unknown command 'client|id', with args beginning with: "},
		{"empty name", []string{"", "a"}, "ERR unknown command '', with args beginning with: 'a' "},
		{"name with a zero byte", []string{"get\x00", "a"}, "ERR unknown command 'get', with args beginning with: 'a' "},
		{"argument with a zero byte", []string{"foo", "\x00x", "y"}, "ERR unknown command 'foo', with args beginning with: '' 'y' "},
		{"long name and argument", []string{long, long}, "ERR unknown command '" + long[:128] + "', with args beginning with: '" + long[:128] + "' "},
		{"name that begins like a command", []string{"get" + long, "k"}, "ERR unknown command 'get" + long[:125] + "', with args beginning with: 'k' "},
		{"arguments up to 128 bytes", []string{"foo", strings.Repeat("a", 100), strings.Repeat("b", 100), "c"},
			"ERR unknown command 'foo', with args beginning with: '" + strings.Repeat("a", 100) + "' '" + strings.Repeat("b", 25) + "' "},
		{"cut by bytes, not by letters", []string{"foo", strings.Repeat("é", 100)}, "ERR unknown command 'foo', with args beginning with: '" + strings.Repeat("é", 64) + "' "},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := table.Lookup(argvOf(c.words...))
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = s.FullName
			}
			if got != c.want {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	table := recordedTable(t)
	for _, words := range [][]string{{"GET", "k"}, {"client", "LIST"}} {
		argv := argvOf(words...)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := table.Lookup(argv); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%q: %v allocations", words, n)
		}
	}
}

func TestTableNumbersAllRows(t *testing.T) {
	table := recordedTable(t)
	for i, s := range table.All() {
		if s.ID != i || table.Find(s.FullName) != s {
			t.Errorf("row %d is %s with ID %d", i, s.FullName, s.ID)
		}
		if s.Parent != nil && s.Parent.Subcommand(s.Name) != s {
			t.Errorf("%s is not its container's", s.FullName)
		}
	}
	if table.Find("nosuch") != nil || table.Find("get|x") != nil || table.Find("client|nosuch") != nil || table.Find("nosuch|x") != nil {
		t.Error("Find finds what is not there")
	}
}

func TestRestrictedRowsAreThereWithAdministrationOnly(t *testing.T) {
	rows := []Spec{{Name: "a", Run: none}, {Name: "b", Flags: Restricted, Run: none, Subcommands: []Spec{{Name: "c", Run: none}}},
		{Name: "d", Subcommands: []Spec{{Name: "e", Flags: Restricted, Run: none}}}}
	for admin, want := range map[bool][]string{false: {"a", "d"}, true: {"a", "b", "b|c", "d", "d|e"}} {
		var names []string
		for _, s := range NewTable(admin, rows).All() {
			names = append(names, s.FullName)
		}
		if !slices.Equal(names, want) {
			t.Errorf("admin %v: %q", admin, names)
		}
	}
}

func TestTablesOfOneGroupShareNoRows(t *testing.T) {
	rows := []Spec{{Name: "a", Run: none, Subcommands: []Spec{{Name: "b", Run: none}}}}
	one, two := NewTable(false, rows), NewTable(false, []Spec{{Name: "x", Run: none}}, rows)
	if one.Find("a") == two.Find("a") || one.Find("a|b") == two.Find("a|b") || one.Find("a|b").ID != 1 || two.Find("a|b").ID != 2 {
		t.Error("two tables share rows")
	}
	if rows[0].FullName != "" || rows[0].Subcommands[0].FullName != "" {
		t.Error("the rows given were changed")
	}
}

func TestTwoRowsOfOneNamePanic(t *testing.T) {
	for _, rows := range [][]Spec{{{Name: "a"}, {Name: "a"}}, {{Name: "a", Subcommands: []Spec{{Name: "b"}, {Name: "b"}}}}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("no panic")
				}
			}()
			NewTable(false, rows)
		}()
	}
}

func TestCategoriesFollowFromTheRow(t *testing.T) {
	for _, c := range []struct {
		row  Spec
		want string
	}{
		{Spec{Flags: Write | DenyOOM | Fast, Group: Hash}, "write hash fast"},
		{Spec{Flags: ReadOnly, Group: String}, "read string slow"},
		{Spec{Flags: ReadOnly, Group: Generic, Categories: []string{"keyspace"}}, "keyspace read slow"},
		{Spec{Flags: ReadOnly | NoScript, Group: Scripting}, "slow scripting"},
		{Spec{Flags: Admin, Group: Server}, "admin slow dangerous"},
		{Spec{Flags: PubSub | Fast, Group: PubSubGroup}, "pubsub fast"},
		{Spec{Flags: Write | Blocking, Group: List}, "write list slow blocking"},
		{Spec{Group: Stream, Subcommands: []Spec{{Name: "x"}}}, "slow"},
	} {
		row := c.row
		row.Name = "x"
		if got := strings.Join(NewTable(false, []Spec{row}).Find("x").CategoryNames(), " "); got != c.want {
			t.Errorf("%+v: %s, want %s", c.row.Group, got, c.want)
		}
	}
}

func TestKeysOf(t *testing.T) {
	find := func(argv [][]byte, keys []Key) ([]Key, error) { return append(keys, Key{len(argv) - 1, OW}), nil }
	specs := map[string]Spec{
		"one":      {Keys: KeyAt(1, RO)},
		"all":      {Keys: KeysFrom(1, 1, RO)},
		"pairs":    {Keys: KeysFrom(1, 2, OW)},
		"two":      {Keys: []KeySpec{{Begin: 1, Flags: RW}, {Begin: 2, Flags: OW}}},
		"range":    {Keys: []KeySpec{{Begin: 1, Last: 1, Flags: RO}}},
		"butlast":  {Keys: []KeySpec{{Begin: 1, Last: -2, Flags: RW}}},
		"keynum":   {Keys: []KeySpec{{Begin: 1, KeyNum: true, First: 1, Flags: RO}}},
		"store":    {Keys: []KeySpec{{Begin: 1, Flags: OW}, {Begin: 2, KeyNum: true, First: 1, Flags: RO}}},
		"eval":     {Flags: NoMandatoryKeys, Keys: []KeySpec{{Begin: 2, KeyNum: true, First: 1, Flags: RW}}},
		"keyword":  {Keys: []KeySpec{{Begin: 1, Flags: RO}, {Keyword: "STORE", From: 2, Flags: OW}}},
		"streams":  {Keys: []KeySpec{{Keyword: "STREAMS", From: 1, Last: -1, Limit: 2, Flags: RO}}},
		"fromback": {Keys: []KeySpec{{Keyword: "KEYS", From: -2, Last: -1, Flags: RO}}},
		"unknown":  {Keys: []KeySpec{{Begin: 1, Flags: RO}, {Unknown: true, Flags: OW}}},
		"find":     {Keys: []KeySpec{{Begin: 1, Flags: RO}, {Unknown: true, Flags: OW, Find: find}}},
		"channel":  {Keys: []KeySpec{{Begin: 1, Flags: NotKey}}},
		"none":     {},
	}
	for _, c := range []struct{ ask, want string }{
		{"one k v", "k:RO"},
		{"one", ""},
		{"all a b c", "a:RO b:RO c:RO"},
		{"all", ""},
		{"pairs a 1 b 2", "a:OW b:OW"},
		{"pairs a 1 b", "a:OW b:OW"},
		{"two a b", "a:RW b:OW"},
		{"range a b c", "a:RO b:RO"},
		{"range a", "a:RO"},
		{"butlast a b 0", "a:RW b:RW"},
		{"butlast 0", ""},
		{"keynum 01 a b", "a:RO"},
		{"keynum +2x a b c", "a:RO b:RO"},
		{"keynum 4294967297 a b", "a:RO"},
		{"keynum - a", "invalid"},
		{"keynum 2 a b c", "a:RO b:RO"},
		{"keynum 2 a b", "a:RO b:RO"},
		{"keynum 3 a b", "invalid"},
		{"keynum 0 a", "invalid"},
		{"keynum -1 a", "invalid"},
		{"keynum x a", "invalid"},
		{"keynum 9223372036854775807 a", "invalid"},
		{"keynum 99999999999999999999 a", "invalid"},
		{"store d 1 a", "d:OW a:RO"},
		{"store d 2 a", "invalid"},
		{"eval s 2 a b x", "a:RW b:RW"},
		{"eval s 0 x", ""},
		{"eval s 3 a", ""},
		{"eval s x a", ""},
		{"keyword a x store b", "a:RO b:OW"},
		{"keyword a STORE b", "a:RO b:OW"},
		{"keyword a STORE", "a:RO"},
		{"keyword a x", "a:RO"},
		{"streams count 1 STREAMS a b 0 0", "a:RO b:RO"},
		{"streams STREAMS a 0", "a:RO"},
		{"streams STREAMS a b 0", "a:RO"},
		{"streams STREAMS", ""},
		{"streams x", ""},
		{"fromback a b KEYS c", "c:RO"},
		{"unknown a b c", "a:RO"},
		{"find a b c", "a:RO c:OW"},
		{"channel c x", "c:not_key"},
		{"none a", ""},
	} {
		t.Run(c.ask, func(t *testing.T) {
			argv := argvOf(strings.Fields(c.ask)...)
			s := specs[string(argv[0])]
			before := []Key{{Index: 42}}
			keys, err := s.KeysOf(argv, before)
			var got []string
			for _, k := range keys[1:] {
				got = append(got, fmt.Sprintf("%s:%s", argv[k.Index], strings.Join(setBits(uint64(k.Flags), keyFlagNames), ",")))
			}
			text := strings.Join(got, " ")
			if err == ErrInvalidKeys {
				if len(got) > 0 {
					t.Errorf("an error and keys: %s", text)
				}
				text = "invalid"
			} else if err != nil {
				t.Fatal(err)
			}
			if text != c.want || keys[0].Index != 42 {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
}

func TestKeysOfDoesNotAllocateWithRoom(t *testing.T) {
	s, argv, room := Spec{Keys: KeysFrom(1, 2, OW)}, argvOf("mset", "a", "1", "b", "2"), make([]Key, 0, 8)
	if n := testing.AllocsPerRun(100, func() { room, _ = s.KeysOf(argv, room[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestKeyRange(t *testing.T) {
	for _, c := range []struct {
		name              string
		keys              []KeySpec
		first, last, step int
		movable           bool
	}{
		{"none", nil, 0, 0, 0, false},
		{"one", KeyAt(1, RO), 1, 1, 1, false},
		{"pairs", KeysFrom(1, 2, OW), 1, -1, 2, false},
		{"flags that vary", KeyAt(1, RW|VariableFlags), 1, 1, 1, false},
		{"incomplete", KeyAt(1, RW|Incomplete), 1, 1, 1, true},
		{"two in a row", []KeySpec{{Begin: 1}, {Begin: 2}}, 1, 2, 1, false},
		{"one and the rest", []KeySpec{{Begin: 1}, {Begin: 2, Last: -1}}, 1, -1, 1, false},
		{"a gap", []KeySpec{{Begin: 1}, {Begin: 3}}, 1, 1, 1, true},
		{"after the rest", []KeySpec{{Begin: 1, Last: -1}, {Begin: 2}}, 1, -1, 1, true},
		{"one and a keyword", []KeySpec{{Begin: 1}, {Keyword: "STORE", From: 2}}, 1, 1, 1, true},
		{"a number of keys", []KeySpec{{Begin: 1, KeyNum: true}}, 0, 0, 0, true},
		{"unknown", []KeySpec{{Unknown: true}}, 0, 0, 0, true},
	} {
		s := Spec{Keys: c.keys}
		first, last, step, movable := s.KeyRange()
		got, want := fmt.Sprint(first, last, step, movable), fmt.Sprint(c.first, c.last, c.step, c.movable)
		if got != want {
			t.Errorf("%s: %s", c.name, cmp.Diff(want, got))
		}
	}
}
