package acl

import (
	"bytes"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// The replies below are those of redis-server 7.0.15.
func TestCommandsAsRedis(t *testing.T) {
	s := newStore(t, Config{})
	for _, c := range []struct {
		handler func(*command.Call) error
		line    string
		want    string
	}{
		{s.setUser, "acl setuser ann on >x ~a %R~b &c +@read (~d +set)", "OK"},
		{s.getUser, "acl getuser ann", "flags on passwords " + HashPassword("x") + " commands -@all +@read keys ~a %R~b channels &c selectors commands -@all +set keys ~d channels "},
		{s.getUser, "acl getuser default", "flags on nopass passwords commands +@all keys ~* channels &* selectors"},
		{s.getUser, "acl getuser nobody", "(nil)"},
		{s.setUser, "acl setuser ann +nosuch", "ERR Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL"},
		{s.setUser, "acl setuser ann (~a", "ERR Unmatched parenthesis in acl selector starting at '(~a'."},
		{s.users, "acl users", "ann default"},
		{s.list, "acl list", "user ann on #" + HashPassword("x") + " ~a %R~b resetchannels &c -@all +@read (~d resetchannels -@all +set) user default on nopass ~* &* +@all"},
		{whoAmI, "acl whoami", "default"},
		{s.delUser, "acl deluser ann nobody", "1"},
		{s.delUser, "acl deluser default", "ERR The 'default' user cannot be removed"},
		{s.cat, "acl cat", strings.Join(command.Categories, " ")},
		{s.cat, "acl cat HyperLogLog", "pfadd pfcount pfdebug pfmerge pfselftest"},
		{s.cat, "acl cat nosuch", "ERR Unknown category 'nosuch'"},
		{s.cat, "acl cat a b", "ERR unknown subcommand or wrong number of arguments for 'cat'. Try ACL HELP."},
		{s.dryRun, "acl dryrun nobody get x", "ERR User 'nobody' not found"},
		{s.genPass, "acl genpass 0", "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096"},
		{s.genPass, "acl genpass 4097", "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096"},
		{s.genPass, "acl genpass x", "ERR value is not an integer or out of range"},
		{s.genPass, "acl genpass 1 2", "ERR unknown subcommand or wrong number of arguments for 'genpass'. Try ACL HELP."},
		{s.showLog, "acl log", ""},
		{s.showLog, "acl log x", "ERR value is not an integer or out of range"},
		{s.showLog, "acl log 1 2", "ERR unknown subcommand or wrong number of arguments for 'log'. Try ACL HELP."},
		{s.save, "acl save", string(errNoFile)},
		{s.load, "acl load", string(errNoFile)},
	} {
		if got := run(c.handler, c.line); got != c.want {
			t.Errorf("%s\n  got %q\n want %q", c.line, got, c.want)
		}
	}
}

func TestGenPass(t *testing.T) {
	s := newStore(t, Config{Random: bytes.NewReader(bytes.Repeat([]byte{0xab, 0xcd}, 100))})
	for bits, want := range map[string]string{"1": "a", "4": "a", "5": "ab", "8": "ab", "9": "abc"} {
		s.cfg.Random = bytes.NewReader([]byte{0xab, 0xcd})
		if got := run(s.genPass, "acl genpass "+bits); got != want {
			t.Errorf("%s bits: %q, want %q", bits, got, want)
		}
	}
	s = newStore(t, Config{})
	one, two := run(s.genPass, "acl genpass"), run(s.genPass, "acl genpass")
	if len(one) != 64 || one == two {
		t.Errorf("%q, then %q", one, two)
	}
}

func TestGetUserInRESP3(t *testing.T) {
	s := newStore(t, Config{})
	c := &command.Call{Reply: &resp.Writer{Proto: 3}}
	runCall(s.getUser, c, "acl getuser default")
	want := "%6\r\n$5\r\nflags\r\n~2\r\n$2\r\non\r\n$6\r\nnopass\r\n$9\r\npasswords\r\n*0\r\n$8\r\ncommands\r\n$5\r\n+@all\r\n$4\r\nkeys\r\n$2\r\n~*\r\n" +
		"$8\r\nchannels\r\n$2\r\n&*\r\n$9\r\nselectors\r\n*0\r\n"
	if got := string(c.Reply.Bytes()); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestLog(t *testing.T) {
	limit := int64(3)
	s := newStore(t, Config{LogMaxLen: func() int64 { return limit }})
	add := func(object string, at int64) {
		s.Log(Entry{Cause: DeniedCommand, Context: Multi, Object: object, User: "ann", Client: "id=" + object, Time: at})
	}
	show := func(words string) string {
		return runCall(s.showLog, &command.Call{Reply: &resp.Writer{}, Now: 70_500}, "acl log "+words)
	}
	entry := func(count, object, age string) string {
		return "count " + count + " reason command context multi object " + object + " username ann age-seconds " + age + " client-info id=" + object
	}
	add("get", 10_000)
	add("set", 10_500)
	add("get", 70_000) // within 60 s: counted, and the newest now
	if got, want := show(""), entry("2", "get", "0.5")+" "+entry("1", "set", "60"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	add("set", 70_501) // 60,001 ms after the last: an entry of its own
	if got, want := show("1"), entry("1", "set", "-0.001"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	add("a", 70_500)
	if got, want := show("100"), entry("1", "a", "0")+" "+entry("1", "set", "-0.001")+" "+entry("2", "get", "0.5"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := show("-1"); got != "" {
		t.Errorf("count -1: %s", got)
	}
	limit = 0
	add("b", 70_500)
	if got := show(""); got != "" {
		t.Errorf("with a length of 0: %s", got)
	}
	limit = 3
	s.Log(Entry{Cause: DeniedKey, Object: strings.Repeat("k", 5000), User: strings.Repeat("u", 5000)})
	if e := s.log.newest(1)[0]; len(e.Object) != maxName || len(e.User) != maxName {
		t.Errorf("%d bytes of a key and %d of a name are kept", len(e.Object), len(e.User))
	}
	add("c", 70_500)
	if got := show("ReSeT"); got != "OK" || show("") != "" {
		t.Errorf("after a reset: %s", show(""))
	}
}

func TestAdministrationIsClosed(t *testing.T) {
	s := NewStore(Config{})
	open, closed := command.NewTable(true, s.Rows()), command.NewTable(false, s.Rows())
	for _, row := range open.All() {
		restricted := strings.Contains("acl|setuser acl|deluser acl|save acl|load", row.FullName) && row.Parent != nil
		if (closed.Find(row.FullName) == nil) != restricted {
			t.Errorf("%s: offered without --admin-commands: %v", row.FullName, !restricted)
		}
	}
	_, err := closed.Lookup([][]byte{[]byte("ACL"), []byte("SETUSER"), []byte("u")})
	if err == nil || err.Error() != "ERR unknown subcommand 'SETUSER'. Try ACL HELP." {
		t.Error(err)
	}
}

// TestRowsAsRedis compares our rows with those that redis-server gave in testdata.
func TestRowsAsRedis(t *testing.T) {
	theirs, ours := redisTable(t), command.NewTable(true, NewStore(Config{}).Rows())
	if got, want := len(ours.All()), 1+len(theirs.Find("acl").Subcommands); got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
	for _, row := range ours.All() {
		their := theirs.Find(row.FullName)
		if their == nil {
			t.Errorf("redis has no %s", row.FullName)
			continue
		}
		if row.Arity != their.Arity || strings.Join(row.CategoryNames(), " ") != strings.Join(their.CategoryNames(), " ") {
			t.Errorf("%s: arity %d categories %v, want %d %v", row.FullName, row.Arity, row.CategoryNames(), their.Arity, their.CategoryNames())
		}
	}
}
