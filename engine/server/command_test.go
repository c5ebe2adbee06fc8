package server

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/slot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// sessions are requests of one connection each, with the replies of redis-server 7.0.15 in cluster mode.
var sessions = []struct {
	name  string
	steps []string // request, reply, request, reply …
}{
	{"ping and echo", []string{
		"PING", "+PONG", "PING a", "$1\r\na", "PING a b", "-ERR wrong number of arguments for 'ping' command", "ECHO", "-ERR wrong number of arguments for 'echo' command",
		"nosuch a b", "-ERR unknown command 'nosuch', with args beginning with: 'a' 'b' "}},
	{"select", []string{
		"SELECT 0", "+OK", "SELECT 1", "-ERR SELECT is not allowed in cluster mode", "SELECT -1", "-ERR SELECT is not allowed in cluster mode",
		"SELECT a", "-ERR value is not an integer or out of range",
		"SELECT 99999999999", "-ERR value is out of range, value must between -2147483648 and 2147483647"}},
	{"cluster flags", []string{"READONLY", "+OK", "READWRITE", "+OK", "ASKING", "+OK"}},
	{"names", []string{
		"CLIENT GETNAME", "$-1", "CLIENT SETNAME abc", "+OK", "CLIENT GETNAME", "$3\r\nabc",
		`CLIENT SETNAME "a b"`, "-ERR Client names cannot contain spaces, newlines or special characters.", `CLIENT SETNAME ""`, "+OK", "CLIENT GETNAME", "$-1",
		"CLIENT SETNAME x", "+OK", "RESET", "+RESET", "CLIENT GETNAME", "$-1"}},
	{"errors of CLIENT", []string{
		"CLIENT", "-ERR wrong number of arguments for 'client' command", "CLIENT FOO", "-ERR unknown subcommand 'FOO'. Try CLIENT HELP.",
		"CLIENT KILL 1.2.3.4:5", "-ERR No such client", "CLIENT KILL ID a", "-ERR client-id should be greater than 0",
		"CLIENT KILL ID 0 TYPE normal", "-ERR client-id should be greater than 0", "CLIENT KILL ID 99999 SKIPME maybe", "-ERR syntax error",
		"CLIENT KILL ID 99999 SKIPME yes", ":0", "CLIENT KILL TYPE x", "-ERR Unknown client type 'x'", "CLIENT KILL USER nosuch", "-ERR No such user 'nosuch'",
		"CLIENT KILL FOO 1", "-ERR syntax error", "CLIENT KILL ID 1 USER", "-ERR syntax error", "CLIENT LIST ID a", "-ERR Invalid client ID",
		"CLIENT LIST TYPE x", "-ERR Unknown client type 'x'", "CLIENT LIST FOO", "-ERR syntax error", "CLIENT NO-EVICT x", "-ERR syntax error", "CLIENT NO-EVICT on", "+OK",
		"CLIENT REPLY x", "-ERR syntax error", "CLIENT LIST TYPE pubsub", "$0\r\n", "CLIENT KILL TYPE master", ":0"}},
	{"replies that are not wanted", []string{
		"CLIENT REPLY SKIP\r\nPING\r\nECHO a", "$1\r\na", "CLIENT REPLY SKIP\r\n\r\nECHO b", "$1\r\nb", "CLIENT REPLY SKIP\r\nRESET\r\nECHO c", "$1\r\nc",
		"CLIENT REPLY OFF\r\nRESET", "+RESET", "CLIENT REPLY OFF\r\nPING\r\nPING\r\nCLIENT REPLY ON", "+OK", "PING", "+PONG"}},
	{"hello", []string{
		"HELLO a", "-ERR Protocol version is not an integer or out of range", "HELLO 4", "-NOPROTO unsupported protocol version", "HELLO 1", "-NOPROTO unsupported protocol version",
		"HELLO 2 FOO", "-ERR Syntax error in HELLO option 'FOO'", "HELLO 3 SETNAME x AUTH default", "-ERR Syntax error in HELLO option 'AUTH'",
		`HELLO 3 SETNAME "a b"`, "-ERR Client names cannot contain spaces, newlines or special characters.",
		"HELLO 3 AUTH nosuch x", "-WRONGPASS invalid username-password pair or user is disabled."}},
	{"auth", []string{
		"AUTH x", "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
		"AUTH a b c", "-ERR syntax error", "AUTH nosuch x", "-WRONGPASS invalid username-password pair or user is disabled.", "AUTH default x", "+OK"}},
	{"slow log", []string{
		"SLOWLOG GET a", "-ERR count should be greater than or equal to -1", "SLOWLOG GET -2", "-ERR count should be greater than or equal to -1", "SLOWLOG GET -1", "*0",
		"SLOWLOG LEN", ":0", "SLOWLOG RESET", "+OK", "SLOWLOG FOO", "-ERR unknown subcommand 'FOO'. Try SLOWLOG HELP.",
		"SLOWLOG GET 1 2", "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.",
		"SLOWLOG HELP", "*12\r\n+SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+GET [<count>]\r\n" +
			"+    Return top <count> entries from the slowlog (default: 10, -1 mean all).\r\n+    Entries are made of:\r\n" +
			"+    id, timestamp, time in microseconds, arguments array, client IP and port,\r\n+    client name\r\n+LEN\r\n+    Return the length of the slowlog.\r\n" +
			"+RESET\r\n+    Reset the slowlog.\r\n+HELP\r\n+    Prints this help."}},
	{"memory", []string{
		"MEMORY USAGE nosuch", "$-1", "MEMORY USAGE a SAMPLES", "-ERR syntax error", "MEMORY USAGE a SAMPLES -1", "-ERR syntax error",
		"MEMORY USAGE a SAMPLES x", "-ERR value is not an integer or out of range", "MEMORY USAGE a FOO 1", "-ERR syntax error", "MEMORY USAGE a SAMPLES 1 SAMPLES 0", "$-1"}},
	{"server", []string{
		"LOLWUT", "$18\r\nRedis ver. 7.0.15\n", "LOLWUT VERSION 9", "$18\r\nRedis ver. 7.0.15\n", "LOLWUT VERSION a", "-ERR value is not an integer or out of range",
		"TIME a", "-ERR wrong number of arguments for 'time' command", "INFO nosuch", "$0\r\n", "INFO cluster keyspace CLUSTER", "$44\r\n# Cluster\r\ncluster_enabled:1\r\n\r\n# Keyspace\r\n"}},
	{"transaction", []string{
		"MULTI", "+OK", "SET a 1", "+QUEUED", "INCR a", "+QUEUED", "PING", "+QUEUED", "GET a", "+QUEUED", "EXEC", "*4\r\n+OK\r\n:2\r\n+PONG\r\n$1\r\n2",
		"MULTI", "+OK", "EXEC", "*0", "EXEC", "-ERR EXEC without MULTI", "DISCARD", "-ERR DISCARD without MULTI",
		"MULTI", "+OK", "INCR a", "+QUEUED", "DISCARD", "+OK", "GET a", "$1\r\n2"}},
	{"errors in a transaction", []string{
		"MULTI", "+OK", "MULTI", "-ERR MULTI calls can not be nested", "WATCH a", "-ERR WATCH inside MULTI is not allowed", "SET a x", "+QUEUED", "INCR a", "+QUEUED", "GET a", "+QUEUED",
		"EXEC", "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n$1\r\nx",
		"MULTI", "+OK", "NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: ", "SET a y", "+QUEUED",
		"EXEC", "-EXECABORT Transaction discarded because of previous errors.", "GET a", "$1\r\nx",
		"MULTI", "+OK", "SET a", "-ERR wrong number of arguments for 'set' command", "EXEC", "-EXECABORT Transaction discarded because of previous errors.",
		"MULTI", "+OK", "SET a y", "+QUEUED", "EXEC now", "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command", "GET a", "$1\r\nx",
		"MULTI", "+OK", "RESET", "+RESET", "EXEC", "-ERR EXEC without MULTI", "MULTI", "+OK", "MONITOR", "+QUEUED", "EXEC", "*1\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client",
		"MULTI", "+OK", "AUTH x", "+QUEUED", "UNWATCH", "+QUEUED",
		"EXEC", "*2\r\n-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n+OK"}},
	{"watch", []string{
		"SET w 1", "+OK", "WATCH w", "+OK", "SET w 2", "+OK", "MULTI", "+OK", "INCR w", "+QUEUED", "EXEC", "*-1", "MULTI", "+OK", "INCR w", "+QUEUED", "EXEC", "*1\r\n:3",
		"WATCH w", "+OK", "SET w 2", "+OK", "UNWATCH", "+OK", "MULTI", "+OK", "INCR w", "+QUEUED", "EXEC", "*1\r\n:3",
		"WATCH w nosuch", "-CROSSSLOT Keys in request don't hash to the same slot", "WATCH gone", "+OK", "SET gone 1", "+OK", "MULTI", "+OK", "EXEC", "*-1"}},
	{"slots", []string{
		"MGET a b", "-CROSSSLOT Keys in request don't hash to the same slot", "MGET {x}a {x}b", "*2\r\n$-1\r\n$-1",
		"MULTI", "+OK", "SET a 1", "+QUEUED", "SET b 1", "+QUEUED", "EXEC", "-CROSSSLOT Keys in request don't hash to the same slot", "EXEC", "-ERR EXEC without MULTI",
		"MULTI", "+OK", "MGET a b", "-CROSSSLOT Keys in request don't hash to the same slot", "EXEC", "-EXECABORT Transaction discarded because of previous errors."}},
	{"protocol error that is not wanted", []string{"CLIENT REPLY OFF\r\nPING \"", ""}},
	{"quit", []string{"QUIT a b\r\nPING", "+OK"}},
	{"quit in a transaction", []string{"MULTI", "+OK", "QUIT", "+OK"}},
}

func TestSessions(t *testing.T) {
	for _, s := range sessions {
		t.Run(s.name, func(t *testing.T) {
			n := run(t, nil)
			c := n.dial()
			for i := 0; i < len(s.steps); i += 2 {
				t.Log(s.steps[i])
				want := s.steps[i+1]
				if want != "" {
					want += "\r\n"
				}
				c.do(s.steps[i], want)
			}
			if strings.HasPrefix(s.name, "quit") || strings.HasPrefix(s.name, "protocol") {
				c.expectEnd()
			} else {
				c.do("PING end", "$3\r\nend\r\n")
			}
		})
	}
}

func TestHello(t *testing.T) {
	n := run(t, nil)
	c := n.dial()
	const body = "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:%d\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$7\r\ncluster\r\n" +
		"$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
	c.do("HELLO", fmt.Sprintf("*14\r\n"+body, 2))
	c.do("HELLO 3 SETNAME me", fmt.Sprintf("%%7\r\n"+body, 3))
	c.do("CLIENT GETNAME", bulk("me"))
	c.do("GET nosuch", "_\r\n")
	c.do("LOLWUT", "=22\r\ntxt:Redis ver. 7.0.15\n\r\n")
	c.do("HELLO", fmt.Sprintf("%%7\r\n"+body, 3))
	c.do("WATCH a\r\nSET a 1\r\nMULTI\r\nEXEC", "+OK\r\n+OK\r\n+OK\r\n_\r\n")
	c.do("HELLO 2", fmt.Sprintf("*14\r\n"+body, 2))
	c.do("GET nosuch", "$-1\r\n")
	c.do("HELLO 3\r\nRESET\r\nGET nosuch", fmt.Sprintf("%%7\r\n"+body, 3)+"+RESET\r\n$-1\r\n")
}

func TestBeforeAuthentication(t *testing.T) {
	n := run(t, nil)
	if err := n.acl.RequirePass("pw"); err != nil {
		t.Fatal(err)
	}
	c := n.dial()
	c.do("PING", "-NOAUTH Authentication required.\r\n")
	c.do("nosuch", "-ERR unknown command 'nosuch', with args beginning with: \r\n")
	c.do("GET", "-ERR wrong number of arguments for 'get' command\r\n")
	c.do("HELLO 3", "-"+string(errHelloNoAuth)+"\r\n")
	c.do("RESET", "+RESET\r\n")
	c.do("AUTH x", "-WRONGPASS invalid username-password pair or user is disabled.\r\n")
	c.do("AUTH pw\r\nPING", "+OK\r\n+PONG\r\n")
	c.do("RESET\r\nPING", "+RESET\r\n-NOAUTH Authentication required.\r\n")
	// What comes behind AUTH in the same packet has the limits of those who have authenticated.
	c.send("AUTH pw\r\n" + multibulk(append([]string{"MGET"}, strings.Fields(strings.Repeat("a ", 11))...)...))
	c.expect("+OK\r\n*11\r\n" + strings.Repeat("$-1\r\n", 11))
	if got := c.reply("ACL LOG"); !strings.Contains(got, "auth") || !strings.Contains(got, "cmd=auth") {
		t.Errorf("ACL LOG after a wrong password: %q", got)
	}
	for in, want := range map[string]string{
		"*11\r\n":          "-ERR Protocol error: unauthenticated multibulk length\r\n",
		"*1\r\n$16385\r\n": "-ERR Protocol error: unauthenticated bulk length\r\n",
		"QUIT\r\n":         "+OK\r\n",
	} {
		c := n.dial()
		c.send(in)
		c.expect(want)
		c.expectEnd()
	}
	d := n.dial()
	if got := d.reply("HELLO 2 AUTH default pw SETNAME a"); !strings.HasPrefix(got, "*14\r\n") {
		t.Errorf("HELLO AUTH: %q", got)
	}
	d.do("CLIENT GETNAME", bulk("a"))
}

func TestACLChangesReachOpenConnections(t *testing.T) {
	n := run(t, nil)
	for _, rules := range [][]string{{"ann", "on", ">pw", "+@all", "~*", "&*"}, {"bob", "on", ">pw", "+@all", "~*"}} {
		if err := n.acl.SetUser(rules[0], rules[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	ann, bob, silent := n.dial(), n.dial(), n.dial()
	ann.do("AUTH ann pw", "+OK\r\n")
	bob.do("AUTH bob pw", "+OK\r\n")
	silent.do("AUTH bob pw", "+OK\r\n")
	ann.do("SET a 1", "+OK\r\n")
	if err := n.acl.SetUser("ann", "-set", "resetkeys", "~b*"); err != nil {
		t.Fatal(err)
	}
	ann.do("SET a 1", "-NOPERM this user has no permissions to run the 'set' command\r\n")
	ann.do("GET a", "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n")
	ann.do("GET b", "$-1\r\n")
	if got := n.dial().reply("ACL LOG"); !strings.Contains(got, "toplevel") || !strings.Contains(got, bulk("ann")) || !strings.Contains(got, "user=ann") {
		t.Errorf("ACL LOG: %q", got)
	}

	ann.do("MULTI", "+OK\r\n")
	ann.do("GET b1", "+QUEUED\r\n")
	ann.do("PING", "+QUEUED\r\n")
	if err := n.acl.SetUser("ann", "resetkeys"); err != nil {
		t.Fatal(err)
	}
	ann.do("EXEC", "*2\r\n-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "+
		"This command is no longer allowed for the following reason: no permission to touch the specified keys\r\n+PONG\r\n")

	if _, err := n.acl.DeleteUsers("bob"); err != nil {
		t.Fatal(err)
	}
	bob.send("PING\r\n")
	bob.expectEnd()
	silent.expectEnd() // though it sends nothing
	ann.do("PING", "+PONG\r\n")
}

func TestClientKill(t *testing.T) {
	n := run(t, nil)
	if err := n.acl.SetUser("ann", "on", "nopass", "+@all"); err != nil {
		t.Fatal(err)
	}
	me := n.dial()
	me.do("PING", "+PONG\r\n")
	victim := func() *client {
		c := n.dial()
		c.do("PING", "+PONG\r\n")
		return c
	}
	a := victim()
	me.do("CLIENT KILL "+a.LocalAddr().String(), "+OK\r\n")
	a.expectEnd()
	b := victim()
	me.do("CLIENT KILL ID "+strings.TrimSpace(b.reply("CLIENT ID")[1:]), ":1\r\n")
	b.expectEnd()
	c := victim()
	c.do("AUTH ann x", "+OK\r\n")
	me.do("CLIENT KILL USER ann SKIPME no", ":1\r\n")
	c.expectEnd()
	d, e := victim(), victim()
	me.do("CLIENT KILL LADDR "+n.addr+" TYPE normal", ":2\r\n")
	d.expectEnd()
	e.expectEnd()

	n.gate.Close() // one that waits for the log is killed too
	f := victim()
	f.send("INCR n\r\n")
	eventually(t, "write executed", func() bool { return n.shard.Durable() < n.position() })
	me.do("CLIENT KILL ADDR "+f.LocalAddr().String(), ":1\r\n")
	f.expectEnd()
	n.gate.Open()

	me.do("CLIENT KILL TYPE normal SKIPME no\r\nPING", ":1\r\n")
	me.expectEnd()
}

var lineForm = regexp.MustCompile(`^id=\d+ addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=\d+ name=\S* age=\d+ idle=\d+ flags=\w+ db=0 sub=0 psub=0 ssub=0 multi=-?\d+` +
	` qbuf=\d+ qbuf-free=\d+ argv-mem=\d+ multi-mem=\d+ rbs=\d+ rbp=\d+ obl=\d+ oll=\d+ omem=\d+ tot-mem=\d+ events=r cmd=\S+ user=\S+ redir=-1 resp=[23]` +
	` lib-name=\S* lib-ver=\S*$`)

func TestClientList(t *testing.T) {
	n := run(t, nil)
	a, b := n.dial(), n.dial()
	a.do("CLIENT SETNAME one", "+OK\r\n")
	a.do("CLIENT SETINFO LIB-NAME redis-py", "+OK\r\n")
	a.do("CLIENT SETINFO lib-ver 5.0", "+OK\r\n")
	a.do(`CLIENT SETINFO lib-ver "a b"`, "-ERR lib-ver cannot contain spaces, newlines or special characters.\r\n")
	a.do("CLIENT SETINFO foo x", "-ERR Unrecognized option 'foo'\r\n")
	a.do("CLIENT NO-TOUCH on", "+OK\r\n")
	a.do("READONLY", "+OK\r\n")
	a.do("MULTI", "+OK\r\n")
	a.do("SET a 12345", "+QUEUED\r\n")
	b.do("PING", "+PONG\r\n")
	var text string
	eventually(t, "the write of the last reply has returned", func() bool { // the client may have read it before
		text = strings.Split(b.reply("CLIENT LIST"), "\r\n")[1]
		return !strings.Contains(text, " events=rw ")
	})
	list := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(list) != 2 {
		t.Fatalf("%d lines: %q", len(list), text)
	}
	for _, l := range list {
		if !lineForm.MatchString(l) {
			t.Errorf("line %q", l)
		}
	}
	for _, field := range []string{"id=1 ", " name=one ", " flags=xrT ", " multi=1 ", " multi-mem=9 ", " cmd=set ", " user=default ", " resp=2 ", " lib-name=redis-py ", " lib-ver=5.0"} {
		if !strings.Contains(list[0]+" ", field) {
			t.Errorf("%q is not in %q", field, list[0])
		}
	}
	if !strings.Contains(list[1], " cmd=client|list ") || !strings.Contains(list[1], " argv-mem=10 ") || !strings.Contains(list[1], " flags=N ") {
		t.Errorf("own line %q", list[1])
	}
	if got := b.reply("CLIENT LIST ID 2 77"); strings.Count(got, "id=") != 1 {
		t.Errorf("CLIENT LIST ID: %q", got)
	}
	if got := b.reply("CLIENT INFO"); !strings.Contains(got, "id=2 ") || !strings.Contains(got, "cmd=client|info") {
		t.Errorf("CLIENT INFO: %q", got)
	}
}

func TestSlowlog(t *testing.T) {
	zero, two := time.Duration(0), 2
	n := run(t, func(cfg *Config) { cfg.Settings.SlowerThan, cfg.Settings.SlowlogMaxLen = &zero, &two })
	c := n.dial()
	c.do("CLIENT SETNAME me", "+OK\r\n")
	c.do("SET a "+strings.Repeat("v", 200), "+OK\r\n")
	c.send(multibulk(append([]string{"MGET"}, strings.Fields(strings.Repeat("k ", 40))...)...))
	c.expect("*40\r\n" + strings.Repeat("$-1\r\n", 40))
	got := c.reply("SLOWLOG GET")
	want := regexp.MustCompile(`^\*2\r\n\*6\r\n:2\r\n:\d+\r\n:\d+\r\n\*32\r\n\$4\r\nMGET\r\n(\$1\r\nk\r\n){30}\$23\r\n\.\.\. \(10 more arguments\)\r\n` +
		`\$\d+\r\n127\.0\.0\.1:\d+\r\n\$2\r\nme\r\n\*6\r\n:1\r\n:\d+\r\n:\d+\r\n\*3\r\n\$3\r\nSET\r\n\$1\r\na\r\n\$147\r\nv{128}\.\.\. \(72 more bytes\)\r\n`)
	if !want.MatchString(got) {
		t.Errorf("SLOWLOG GET: %q", got)
	}
	c.do("SLOWLOG LEN", ":2\r\n")
	c.do("AUTH default secret", "+OK\r\n")
	if got := c.reply("SLOWLOG GET 1"); strings.Contains(got, "secret") || !strings.Contains(got, "(redacted)") {
		t.Errorf("AUTH in the slow log: %q", got)
	}
	off := time.Duration(-1)
	set := n.srv.Settings()
	set.SlowerThan = &off
	n.srv.Configure(set)
	c.do("SLOWLOG RESET", "+OK\r\n")
	c.do("PING", "+PONG\r\n")
	c.do("SLOWLOG LEN", ":0\r\n")
}

// Monitors see what was executed, and not before it is durable.
func TestMonitor(t *testing.T) {
	n := run(t, nil)
	m, c := n.dial(), n.dial()
	m.do("MONITOR", "+OK\r\n")
	c.do("PING", "+PONG\r\n")
	from := regexp.QuoteMeta(c.LocalAddr().String())
	see := func(want string) {
		t.Helper()
		line, err := m.r.ReadString('\n')
		if err != nil || !regexp.MustCompile(`^\+\d+\.\d{6} \[0 `+from+`\] `+regexp.QuoteMeta(want)+`\r\n$`).MatchString(line) {
			t.Fatalf("saw %q, want %q (%v)", line, want, err)
		}
	}
	see(`"PING"`)
	n.gate.Close()
	c.send("SET a \"x\\r\\n\\\"\\x00\"\r\n")
	eventually(t, "write executed", func() bool { return n.shard.Durable() < n.position() })
	m.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if b, err := m.r.Peek(1); err == nil {
		t.Errorf("saw %q before it was durable", b)
	}
	m.SetReadDeadline(time.Now().Add(10 * time.Second))
	m.r.Reset(m.Conn)
	n.gate.Open()
	c.expect("+OK\r\n")
	see(`"SET" "a" "x\r\n\"\x00"`)
	c.do("AUTH default pw", "+OK\r\n")
	see(`"AUTH" "(redacted)" "(redacted)"`)
	c.do("MULTI\r\nINCR n\r\nEXEC", "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n")
	see(`"MULTI"`)
	see(`"INCR" "n"`)
	see(`"EXEC"`)
	if got := c.reply("CLIENT LIST TYPE replica"); !strings.Contains(got, "flags=O") {
		t.Errorf("CLIENT LIST of a monitor: %q", got)
	}
	c.send("CLIENT KILL TYPE replica\r\n")
	c.expect(":1\r\n")
	m.r.Reset(m.Conn)
	if rest, err := io.ReadAll(m.r); strings.Contains(string(rest), "KILL") {
		t.Errorf("administrative commands are shown: %q, %v", rest, err)
	}
}

func TestInfo(t *testing.T) {
	n := run(t, func(cfg *Config) { cfg.Info.RunID = strings.Repeat("a", 40) })
	c := n.dial()
	c.do("SET a 1", "+OK\r\n")
	c.do("GET a", bulk("1"))
	c.do("GET nosuch", "$-1\r\n")
	c.do("INCR x y", "-ERR wrong number of arguments for 'incr' command\r\n")
	c.do("MULTI\r\nINCR a\r\nEXEC", "+OK\r\n+QUEUED\r\n*1\r\n:2\r\n")
	text := c.reply("INFO everything")
	for _, want := range []string{
		"redis_version:7.0.15", "redis_mode:cluster", "run_id:" + strings.Repeat("a", 40), "tcp_port:" + n.addr[strings.LastIndex(n.addr, ":")+1:], "connected_clients:1",
		"maxmemory_policy:noeviction", "total_connections_received:1", "keyspace_hits:1", "keyspace_misses:1", "role:master", "cluster_enabled:1",
		"db0:keys=1,expires=0,avg_ttl=0", "errorstat_ERR:count=1", "total_error_replies:1", "loading:0", "rdb_changes_since_last_save:2",
	} {
		if !strings.Contains(text, "\r\n"+want+"\r\n") {
			t.Errorf("INFO has no line %q", want)
		}
	}
	for _, want := range []string{`cmdstat_get:calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=0,failed_calls=0`,
		`cmdstat_incr:calls=1,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0`, `latency_percentiles_usec_get:p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}`,
		`used_memory_rss:[1-9]\d+`, `used_memory:[1-9]\d+`, `used_cpu_user:\d+\.\d{6}`} {
		if !regexp.MustCompile(`\r\n` + want + `\r\n`).MatchString(text) {
			t.Errorf("INFO has no line like %q", want)
		}
	}
	usual := c.reply("INFO")
	if strings.Contains(usual, "# Commandstats") || !strings.Contains(usual, "# Keyspace") || strings.Contains(usual, "# Latencystats") {
		t.Errorf("INFO without sections: %q", usual)
	}
	c.do("MULTI\r\nINFO keyspace\r\nEXEC", "+OK\r\n+QUEUED\r\n*1\r\n"+bulk("# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n"))
}

// router serves slots under a bound.
type router struct{ below uint16 }

func (r router) Route(at uint16, write bool, cl *command.Client) error {
	switch {
	case at < r.below, !write && cl.ReadOnly, cl.Asking:
		return nil
	}
	return resp.Errorf("MOVED %d 127.0.0.1:7000", at)
}

func TestRefusalsInOrder(t *testing.T) {
	here, there := keyIn(t, 0, 8000), keyIn(t, 8000, 16384)
	n := run(t, func(cfg *Config) { cfg.Router = router{8000} })
	c := n.dial()
	moved := fmt.Sprintf("-MOVED %d 127.0.0.1:7000\r\n", slot.Of([]byte(there)))
	c.do("SET "+there+" 1", moved)
	c.do("SET "+there, "-ERR wrong number of arguments for 'set' command\r\n")
	c.do("MGET "+here+" "+there, "-CROSSSLOT Keys in request don't hash to the same slot\r\n")
	c.do("WATCH "+there, moved)
	c.do("MULTI", "+OK\r\n")
	c.do("SET "+there+" 1", moved)
	c.do("EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n")
	c.do("READONLY\r\nGET "+there, "+OK\r\n$-1\r\n")
	c.do("SET "+there+" 1", moved)
	c.do("READWRITE\r\nGET "+there, "+OK\r\n"+moved)
	c.do("ASKING\r\nGET "+there+"\r\nGET "+there, "+OK\r\n$-1\r\n"+moved)

	if err := n.acl.SetUser("default", "-set"); err != nil { // permissions come before slots
		t.Fatal(err)
	}
	c.do("SET "+there+" 1", "-NOPERM this user has no permissions to run the 'set' command\r\n")
	if err := n.acl.SetUser("default", "+set"); err != nil {
		t.Fatal(err)
	}
	c.do("SET "+here+" "+strings.Repeat("v", 5000), "+OK\r\n")
	n.shard.SetMemory(shard.Memory{Max: shard.OwnBytes + 4000})
	oom := "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
	c.do("SET "+there+" 1", moved)
	c.do("SET "+here+" 1", oom)
	c.do("READONLY\r\nGET nosuch\r\nREADWRITE", "+OK\r\n$-1\r\n+OK\r\n")
	c.do("MULTI", "+OK\r\n")
	c.do("GET "+here, oom)
	c.do("EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n")
	n.shard.SetMemory(shard.Memory{Max: shard.OwnBytes + 4000, Policy: "allkeys-lru"})
	c.do("SET "+here+" 1", "+OK\r\n") // by eviction

	n.gate.Refuse(txlog.ErrFull)
	c.do("SET "+here+" 1", "-"+string(resp.ErrLogFull)+"\r\n")
	c.do("GET "+here, bulk("1"))
	n.gate.Refuse(nil)

	n.shard.Reset() // loading
	c.do("SET "+there+" 1", moved)
	c.do("GET "+here, "-LOADING Redis is loading the dataset in memory\r\n")
	c.do("PING", "-LOADING Redis is loading the dataset in memory\r\n")
	c.do("ECHO a", bulk("a"))
	n.shard.Follow() // replica
	c.do("SET "+here+" 1", "-READONLY You can't write against a read only replica.\r\n")
	c.do("GET "+here, "-CLUSTERDOWN Hash slot not served\r\n") // the map is older than the demotion
	c.do("READONLY\r\nGET "+here+"\r\nREADWRITE", "+OK\r\n$-1\r\n+OK\r\n")
	if got := c.reply("ROLE"); !strings.HasPrefix(got, "*5\r\n$5\r\nslave\r\n") {
		t.Errorf("ROLE of a replica: %q", got)
	}
	if got := c.reply("INFO replication"); !strings.Contains(got, "role:slave\r\n") || !strings.Contains(got, "master_link_status:down") {
		t.Errorf("INFO of a replica: %q", got)
	}
}

func keyIn(t *testing.T, from, to uint16) string {
	t.Helper()
	for i := range 1000 {
		k := fmt.Sprintf("k%d", i)
		if s := slot.Of([]byte(k)); s >= from && s < to {
			return k
		}
	}
	t.Fatal("no key")
	return ""
}

// Another connection's write breaks a WATCH, and so does a key that expires.
func TestWatchOfOthers(t *testing.T) {
	n := run(t, nil)
	a, b := n.dial(), n.dial()
	a.do("SET k 1", "+OK\r\n")
	a.do("WATCH k\r\nMULTI\r\nINCR k", "+OK\r\n+OK\r\n+QUEUED\r\n")
	b.do("SET k 1", "+OK\r\n")
	a.do("EXEC", "*-1\r\n")
	a.do(fmt.Sprintf("PEXPIREAT k %d", time.Now().Add(time.Hour).UnixMilli()), ":1\r\n")
	a.do("WATCH k\r\nMULTI\r\nGET k", "+OK\r\n+OK\r\n+QUEUED\r\n")
	n.ahead.Store(int64(2 * time.Hour))
	a.do("EXEC", "*-1\r\n")
	b.do("SET k 1\r\nWATCH k", "+OK\r\n+OK\r\n")
	b.Close() // its watch goes with it
	eventually(t, "connection gone", func() bool { return n.srv.clients.len() == 1 })
	a.do("SET k 2", "+OK\r\n")
}

// A transaction is one record.
func TestExecIsOneRecord(t *testing.T) {
	n := run(t, nil)
	c := n.dial()
	before := n.position()
	c.do("MULTI\r\nSET a 1\r\nINCR a\r\nINCR a\r\nPING\r\nEXEC", "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n+OK\r\n:2\r\n:3\r\n+PONG\r\n")
	if got := n.position(); got != before+1 {
		t.Errorf("%d records", got-before)
	}
	n.gate.Refuse(txlog.ErrUnavailable)
	refused := "-" + string(resp.ErrLogDown) + "\r\n"
	c.do("MULTI\r\nINCR a\r\nGET a\r\nEXEC", "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n"+refused+bulk("3"))
}
