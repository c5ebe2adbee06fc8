package acl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/openmemorydb/memorydb/engine/command"
)

// rereads checks that the description of u, read as rules of a new user, gives a user that may do the same and is described alike.
func rereads(t interface{ Fatalf(string, ...any) }, u *User) {
	text := u.Describe()
	again := newUser(u.name, u.index)
	if err := again.apply(strings.Split(text, " ")); err != nil {
		t.Fatalf("%q can't be read back: %v", text, err)
	}
	if diff := cmp.Diff(text, again.Describe()); diff != "" {
		t.Fatalf("read back it is another user:\n%s", diff)
	}
	for i := range u.selectors {
		a, b := &u.selectors[i], &again.selectors[i]
		if a.commands != b.commands || a.future != b.future || len(a.keys) != len(b.keys) && !b.allKeys || len(a.channels) != len(b.channels) && !b.allChannels {
			t.Fatalf("%q read back allows something else", text)
		}
	}
}

func TestDescriptionsReadBack(t *testing.T) {
	ix := newIndex(redisTable(t))
	var commands []string
	for _, row := range ix.table.All() {
		commands = append(commands, row.FullName)
	}
	pattern := rapid.StringMatching(`[a-z*?:\[\]"'\\()|~&%+@]{0,6}`)
	rule := rapid.OneOf(
		rapid.Map(rapid.SampledFrom(commands), func(c string) string { return "+" + c }),
		rapid.Map(rapid.SampledFrom(commands), func(c string) string { return "-" + c }),
		rapid.Map(rapid.SampledFrom(command.Categories), func(c string) string { return "+@" + c }),
		rapid.Map(rapid.SampledFrom(command.Categories), func(c string) string { return "-@" + c }),
		rapid.Map(pattern, func(p string) string { return "~" + p }),
		rapid.Map(pattern, func(p string) string { return "%R~" + p }),
		rapid.Map(pattern, func(p string) string { return "%W~" + p }),
		rapid.Map(pattern, func(p string) string { return "&" + p }),
		rapid.Map(pattern, func(p string) string { return "+select|" + p }),
		rapid.SampledFrom([]string{"+@all", "-@all", "allkeys", "resetkeys", "allchannels", "resetchannels"}),
	)
	word := rapid.OneOf(
		rule,
		rapid.Map(rapid.SliceOfN(rule, 0, 8), func(rules []string) string {
			for i := range rules {
				rules[i] = quoteArg(rules[i])
			}
			return "(" + strings.Join(rules, " ") + ")"
		}),
		rapid.SampledFrom([]string{"on", "off", "nopass", "resetpass", ">secret", ">other", "reset", "clearselectors", "skip-sanitize-payload", "sanitize-payload"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		u := newUser("u", ix)
		for _, r := range rapid.SliceOfN(word, 0, 30).Draw(t, "rules") {
			next := u.clone()
			if next.apply([]string{r}) == nil { // one that can't be applied changes nothing
				u = next
			}
		}
		rereads(t, u)
	})
}

func FuzzRules(f *testing.F) {
	ix := newIndex(redisTable(f))
	for _, seed := range []string{"on >x ~* +@all", "(~a (+get", "%RW~x &y -@all +config|get", "+select|0 (\"~a)\" +select|\"1)", "+@all -@dangerous #00 !x", "(~'\\x41\")"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rules string) {
		u := newUser("u", ix)
		if u.apply(strings.Split(rules, " ")) == nil {
			rereads(t, u.seal())
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	s := newStore(b, Config{})
	for name, rules := range map[string][]string{
		"everything": {"on", "+@all", "~*", "&*"},
		"patterns":   {"on", "+@all", "-@dangerous", "~app:*", "%R~shared:*"},
		"selectors":  {"on", "+@read", "~x:*", "(+@write ~app:*)"},
	} {
		if err := s.SetUser("u", append([]string{"reset"}, rules...)...); err != nil {
			b.Fatal(err)
		}
		u := s.User("u")
		row, argv, keys := parse(b, s.table(), "set app:user:1 value")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if u.Check(row, argv, keys).Cause != Allowed {
					b.Fatal("denied")
				}
			}
		})
	}
}
