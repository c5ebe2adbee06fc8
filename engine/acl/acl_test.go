package acl

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// newStore is a store bound to Redis's command table, in which our own ACL rows replace Redis's.
func newStore(t testing.TB, cfg Config) *Store {
	t.Helper()
	s := NewStore(cfg)
	s.Bind(redisTable(t))
	return s
}

func TestRulesAsRedis(t *testing.T) {
	s := newStore(t, Config{})
	for _, c := range readCases(t, "testdata/rules.txt") {
		if _, err := s.DeleteUsers("u"); err != nil {
			t.Fatal(err)
		}
		var got string
		if err := s.SetUser("u", strings.Fields(c.input)...); err != nil {
			got = ruleReply(err).Error()
		} else {
			got = sortCommands(s.User("u").Describe())
		}
		if got != c.want {
			t.Errorf("%v: rules %q\n  got %s\n want %s", c, c.input, got, c.want)
		}
	}
}

func TestChecksAsRedis(t *testing.T) {
	s := newStore(t, Config{})
	for _, c := range readCases(t, "testdata/checks.txt") {
		if _, err := s.DeleteUsers("u"); err != nil {
			t.Fatal(err)
		}
		if err := s.SetUser("u", strings.Fields(c.user)...); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		if got := run(s.dryRun, "acl dryrun u "+c.input); got != c.want {
			t.Errorf("%v: user %q, request %q\n  got %s\n want %s", c, c.user, c.input, got, c.want)
		}
	}
}

// run runs a handler in RESP2 and returns its reply as text: words of an array are separated by spaces.
func run(handler func(*command.Call) error, line string) string {
	return runCall(handler, &command.Call{Client: &command.Client{User: "default"}, Reply: &resp.Writer{}}, line)
}

func runCall(handler func(*command.Call) error, c *command.Call, line string) string {
	c.Argv = c.Argv[:0]
	for _, w := range strings.Fields(line) {
		c.Argv = append(c.Argv, []byte(w))
	}
	if err := handler(c); err != nil {
		return err.Error()
	}
	var words []string
	for _, l := range strings.Split(strings.TrimSuffix(string(c.Reply.Bytes()), "\r\n"), "\r\n") {
		switch {
		case l == "+OK" || l != "" && l[0] == ':':
			words = append(words, l[1:])
		case l == "$-1":
			words = append(words, "(nil)")
		case l != "" && (l[0] == '*' || l[0] == '$'):
		default:
			words = append(words, l)
		}
	}
	return strings.Join(words, " ")
}

func TestDenialsInRedisWords(t *testing.T) {
	s := newStore(t, Config{})
	if err := s.SetUser("u", "on", "~a", "&x", "+get", "+publish", "+client|id"); err != nil {
		t.Fatal(err)
	}
	u := s.User("u")
	for request, want := range map[string]string{
		"set a v":     "NOPERM this user has no permissions to run the 'set' command",
		"client list": "NOPERM this user has no permissions to run the 'client|list' command",
		"get b":       "NOPERM this user has no permissions to access one of the keys used as arguments",
		"publish y m": "NOPERM this user has no permissions to access one of the channels used as arguments",
	} {
		row, argv, keys := parse(t, s.table(), request)
		d := u.Check(row, argv, keys)
		if got := string(d.Reply(row)); got != want {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
		if d.Object(row, argv) == "" || d.ScriptError() == "" {
			t.Errorf("%s: %+v has no object or no text for scripts", request, d)
		}
	}
}

func parse(t testing.TB, table *command.Table, request string) (*command.Spec, [][]byte, []command.Key) {
	t.Helper()
	var argv [][]byte
	for _, w := range strings.Fields(request) {
		argv = append(argv, []byte(w))
	}
	name := string(argv[0])
	if row := table.Find(name); row != nil && len(row.Subcommands) > 0 {
		name += "|" + string(argv[1])
	}
	row := table.Find(name)
	if row == nil {
		t.Fatalf("no command %s", name)
	}
	keys, err := row.KeysOf(argv, nil)
	if err != nil {
		t.Fatal(err)
	}
	return row, argv, keys
}

func TestWholeKeyspaceAndChannels(t *testing.T) {
	s := newStore(t, Config{})
	if err := s.SetUser("u", "+@all", "%R~*", "~b*", "&news.*", "&exact"); err != nil {
		t.Fatal(err)
	}
	u := s.User("u")
	row, argv, keys := parse(t, s.table(), "sort b1")
	if !u.MayTouchAll(row, argv, keys, command.Access) || u.MayTouchAll(row, argv, keys, command.Update) {
		t.Error("MayTouchAll is not reading everything and writing some")
	}
	if !u.MayTouch([]byte("x"), command.Access) || u.MayTouch([]byte("x"), command.Insert) || !u.MayTouch([]byte("b"), command.Insert) {
		t.Error("MayTouch is not reading everything and writing b*")
	}
	if !u.MaySubscribe([]byte("news.a"), false) || u.MaySubscribe([]byte("news.a"), true) || !u.MaySubscribe([]byte("news.*"), true) {
		t.Error("MaySubscribe is not every channel news.* and the pattern news.*")
	}
	if d := s.Default(); !d.MayTouch(nil, command.Update) || !d.MaySubscribe(nil, true) || !d.MayTouchAll(row, argv, keys, command.Update) {
		t.Error("the default user may not do everything")
	}
}

func TestAuthenticate(t *testing.T) {
	s := newStore(t, Config{})
	must(t, s.SetUser("ann", "on", ">one", ">two"))
	must(t, s.SetUser("off", ">one"))
	must(t, s.SetUser("any", "on", "nopass"))
	must(t, s.SetUser("none", "on"))
	for _, c := range []struct {
		name, password string
		ok             bool
	}{
		{"ann", "one", true}, {"ann", "two", true}, {"ann", "three", false}, {"ann", "", false},
		{"off", "one", false}, {"any", "x", true}, {"none", "", false}, {"nobody", "one", false}, {"default", "x", true},
	} {
		u, err := s.Authenticate(c.name, c.password)
		if c.ok && (err != nil || u.Name() != c.name) || !c.ok && !errors.Is(err, ErrWrongPass) {
			t.Errorf("Authenticate(%q, %q) = %v, %v", c.name, c.password, u, err)
		}
	}
}

func TestRequirePass(t *testing.T) {
	s := newStore(t, Config{})
	if !s.Default().Welcome() {
		t.Error("without a password the default user is not welcome")
	}
	must(t, s.RequirePass("secret"))
	if s.Default().Welcome() {
		t.Error("with a password the default user is welcome without it")
	}
	if _, err := s.Authenticate(DefaultUser, "secret"); err != nil {
		t.Error(err)
	}
	must(t, s.RequirePass("")) // "" takes it back
	if got := s.Default().Describe(); got != "on nopass ~* &* +@all" {
		t.Error(got)
	}
}

func TestChangesReachConnections(t *testing.T) {
	s := newStore(t, Config{})
	must(t, s.SetUser("ann", "on", "nopass", "~a", "+get"))
	u, v := s.User("ann"), s.Version()

	must(t, s.SetUser("ann", "+set"))
	if s.Version() == v {
		t.Error("a change does not change the version")
	}
	row, argv, keys := parse(t, s.table(), "set a v")
	if d := u.Check(row, argv, keys); d.Cause != DeniedCommand {
		t.Error("a change reaches a user that is out already")
	}
	if d := s.Current(u).Check(row, argv, keys); d.Cause != Allowed {
		t.Errorf("the changed user is denied: %+v", d)
	}
	must(t, s.SetUser("ann", "off"))
	if s.Current(u) == nil {
		t.Error("off revokes, though Redis lets connections go on")
	}
	if n, err := s.DeleteUsers("ann", "nobody"); n != 1 || err != nil {
		t.Errorf("DeleteUsers = %d, %v", n, err)
	}
	must(t, s.SetUser("ann", "on", "nopass", "~a", "+get"))
	if s.Current(u) != nil {
		t.Error("a user that was deleted and created again is still the old one")
	}
	if _, err := s.DeleteUsers("ann", "default"); !errors.Is(err, ErrDeleteDefault) || s.User("ann") == nil {
		t.Errorf("DeleteUsers with the default user: %v", err)
	}
}

// TestReadersDuringChanges is for the race detector: connections check without a lock while users change.
func TestReadersDuringChanges(t *testing.T) {
	s := newStore(t, Config{})
	must(t, s.SetUser("ann", "on", "nopass", "~a", "+get"))
	row, argv, keys := parse(t, s.table(), "get a")
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			u := s.User("ann")
			for {
				select {
				case <-done:
					return
				default:
				}
				if u = s.Current(u); u == nil || u.Check(row, argv, keys).Cause == DeniedCommand {
					t.Error("a user that may always run GET may not")
					return
				}
				_, _ = s.Authenticate("ann", "x")
				s.Log(Entry{Cause: DeniedKey, Object: "a"})
			}
		})
	}
	for i := range 200 {
		must(t, s.SetUser("ann", "resetkeys", fmt.Sprintf("~a%d", i), "(+@read ~x)", "clearselectors"))
		run(s.list, "acl list")
	}
	close(done)
	readers.Wait()
}

func TestFailedRulesChangeNothing(t *testing.T) {
	s := newStore(t, Config{})
	must(t, s.SetUser("ann", "on", "~a"))
	before, v := s.User("ann").Describe(), s.Version()
	var bad *RuleError
	if err := s.SetUser("ann", "off", "~b", "+nosuch"); !errors.As(err, &bad) || !errors.Is(err, ErrUnknown) || bad.Rule != "+nosuch" {
		t.Errorf("error %v", err)
	}
	if got := s.User("ann").Describe(); got != before || s.Version() != v {
		t.Errorf("changed to %s", got)
	}
	if err := s.SetUser("a b"); !errors.Is(err, ErrBadName) {
		t.Errorf("name with a space: %v", err)
	}
}

func TestReplace(t *testing.T) {
	s := newStore(t, Config{})
	hash := HashPassword("secret")
	must(t, s.Replace([]Definition{
		{Name: "ann", AccessString: "on ~app:* -@all +@read", PasswordHashes: []string{hash}},
		{Name: "bob", AccessString: "on ~* &* +@all", NoPassword: true},
	}))
	ann, bob := s.User("ann"), s.User("bob")
	if got, want := ann.Describe(), "on #"+hash+" ~app:* resetchannels -@all +@read"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if d := s.Default(); d.On() || d.Describe() != "off resetchannels -@all" {
		t.Errorf("the default user is %s", d.Describe())
	}
	must(t, s.Replace([]Definition{
		{Name: "ann", AccessString: "on ~x", PasswordHashes: []string{hash}},
		{Name: "bob", AccessString: "off ~* &* +@all", NoPassword: true},
		{Name: "default", AccessString: "on ~* &* +@all", NoPassword: true},
	}))
	if s.Current(ann) == nil || s.Current(ann).Describe() != "on #"+hash+" ~x resetchannels -@all" {
		t.Error("a changed user's connection does not go on with the new rules")
	}
	if s.Current(bob) != nil {
		t.Error("a user that was switched off keeps its connection")
	}
	v := s.Version()
	for _, bad := range [][]Definition{
		{{Name: "ann", AccessString: "on +nosuch"}},
		{{Name: "ann"}, {Name: "ann"}},
		{{Name: "a b"}},
		{{Name: ""}},
		{{Name: "ann", PasswordHashes: []string{"abc"}}},
	} {
		if err := s.Replace(bad); err == nil || s.Version() != v {
			t.Errorf("Replace(%+v) = %v", bad, err)
		}
	}
	if err := NewStore(Config{}).Replace(nil); !errors.Is(err, ErrNoTable) {
		t.Errorf("before Bind: %v", err)
	}
}

// TestRulesMayNameWhatIsNotOffered uses a table without CONFIG, as a node without --admin-commands has.
func TestRulesMayNameWhatIsNotOffered(t *testing.T) {
	s := NewStore(Config{})
	s.Bind(command.NewTable(false, s.Rows(), []command.Spec{{Name: "get", Arity: 2, Flags: command.ReadOnly | command.Fast, Group: command.String}}))
	must(t, s.SetUser("u", "+@all", "-config", "-flushall", "-config|set", "+debug|object", "-acl|setuser"))
	if got := s.User("u").Describe(); got != "off resetchannels +@all" {
		t.Error(got)
	}
	for rule, want := range map[string]error{"-nosuch": ErrUnknown, "+config|nosuch": ErrUnknown, "+config|": ErrSyntax, "+config|get|x": ErrSubcommandArg,
		"+acl|nosuch": ErrUnknown} {
		if err := s.SetUser("u", rule); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", rule, err, want)
		}
	}
}

func TestDescriptionsThatRedisCannotReadBack(t *testing.T) {
	s := newStore(t, Config{})
	for rule, want := range map[string]string{
		`("~a)" +get)`:     `off resetchannels -@all ("~a)" resetchannels -@all +get)`,
		`("~a\"b\\")`:      `off resetchannels -@all ("~a\"b\\" resetchannels -@all)`,
		`("~it's" &x)`:     `off resetchannels -@all ("~it's" resetchannels &x -@all)`,
		`("+select|\"0)")`: `off resetchannels -@all (resetchannels -@all "+select|\"0)")`,
	} {
		must(t, s.SetUser("u", "reset", rule))
		first := strings.Replace(s.User("u").Describe(), "sanitize-payload ", "", 1)
		if first != want {
			t.Errorf("%s\n  got %s\n want %s", rule, first, want)
		}
		must(t, s.SetUser("v", append([]string{"reset"}, strings.Fields(first)...)...))
		if diff := cmp.Diff(s.User("u").Describe(), s.User("v").Describe()); diff != "" {
			t.Errorf("%s read back:\n%s", first, diff)
		}
	}
	if err := s.SetUser("u", "+get|a b"); !errors.Is(err, ErrSyntax) {
		t.Errorf("first argument with a space: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// memFile is an ACL file in memory.
type memFile struct {
	text []byte
	err  error
}

func (f *memFile) Name() string               { return "users.acl" }
func (f *memFile) Load() ([]byte, error)      { return f.text, f.err }
func (f *memFile) Save(text []byte) error     { f.text = bytes.Clone(text); return f.err }
func (f *memFile) fill(lines ...string)       { f.text = []byte(strings.Join(lines, "\n")) }
func (f *memFile) String() string             { return string(f.text) }
func (f *memFile) Format(s fmt.State, _ rune) { fmt.Fprint(s, f.String()) }

func TestSaveAndLoad(t *testing.T) {
	file := &memFile{}
	s := newStore(t, Config{File: file})
	must(t, s.SetUser("ann", "on", ">x", "~a", "+@read", "(~b +set)"))
	must(t, s.SetUser("bob"))
	list := run(s.list, "acl list")
	if got := run(s.save, "acl save"); got != "OK" {
		t.Fatal(got)
	}
	ann, def := s.User("ann"), s.Default()
	_, err := s.DeleteUsers("bob")
	must(t, err)
	if got := run(s.load, "acl load"); got != "OK" {
		t.Fatal(got)
	}
	if got := run(s.list, "acl list"); got != list {
		t.Errorf("loaded %s\n saved %s", got, list)
	}
	if s.Current(ann) != nil || s.Current(def) == nil {
		t.Error("connections of loaded users go on, or the default user's don't")
	}
	v := s.Version()
	file.fill("user ann on", "nonsense", "", "user ann off", "user bob on +nosuch >x !y !z", "user eve (~a")
	want := "ERR users.acl:2 should start with user keyword followed by the username. WARNING: Duplicate user 'ann' found on line 4. " +
		"users.acl:5: Error in applying operation '+nosuch': Unknown command or category name in ACL. " +
		"users.acl:5: The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters. " +
		"users.acl:6: Unmatched parenthesis in selector definition." +
		"WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
	if got := run(s.load, "acl load"); got != want || s.Version() != v {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	file.err = errors.New("disk on fire")
	if err := s.Save(); !errors.Is(err, errSave) || !errors.Is(err, file.err) {
		t.Errorf("Save: %v", err)
	}
	if got := run(s.load, "acl load"); got != "ERR Error loading ACLs, opening file 'users.acl': disk on fire" {
		t.Error(got)
	}
}
