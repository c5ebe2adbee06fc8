package config

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// The expectations in testdata come from redis-server 7.0.15. To have them written again, with redis-server and redis-cli on the PATH:
//
//	go test ./engine/config -run TestRewrite -rewrite
var rewriteFlag = flag.Bool("rewrite", false, "ask redis-server for the expectations in testdata")

// ours are the answers that differ on purpose.
var ours = map[string]string{
	"maxmemory 99999999999999999999": "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be between 0 and 9223372036854775807 inclusive", // signed here
	"hz 20":                          "ERR CONFIG SET failed (possibly related to argument 'hz') - can't be changed: There is no common timer.",
	"appendfsync x":                  "ERR CONFIG SET failed (possibly related to argument 'appendfsync') - argument(s) must be one of the following: always",
}

func readFile(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/set.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// words splits at spaces outside of single quotes.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			list = append(list, part)
			continue
		}
		list = append(list, strings.Fields(part)...)
	}
	return list
}

// run runs CONFIG with the given words and returns its reply as text.
func run(c *Config, args ...string) string {
	call := &command.Call{Reply: &resp.Writer{}}
	for _, a := range append([]string{"config"}, args...) {
		call.Argv = append(call.Argv, []byte(a))
	}
	table := command.NewTable(true, c.Rows())
	row, err := table.Lookup(call.Argv)
	if err == nil {
		err = row.Run(call)
	}
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, l := range strings.Split(strings.TrimSuffix(string(call.Reply.Bytes()), "\r\n"), "\r\n") {
		if l == "+OK" {
			l = "OK"
		}
		if l == "" || l[0] != '*' && l[0] != '$' {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

func TestSetAsRedis(t *testing.T) {
	c, lines := New(), readFile(t)
	for i, line := range lines {
		in, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		want := lines[i+1]
		if ours[in] != "" {
			want = ours[in]
		}
		if got := set(c, in); got != want {
			t.Errorf("set.txt:%d: %s\n  got %q\n want %q", i+1, in, got, want)
		}
	}
}

func set(c *Config, in string) string {
	w := words(in)
	if answer := run(c, append([]string{"set"}, w...)...); answer != "OK" {
		return answer
	}
	value, _ := c.Get(w[0])
	return "= " + value
}

func TestRewrite(t *testing.T) {
	if !*rewriteFlag {
		t.Skip("run with -rewrite to ask redis-server")
	}
	cli, lines := startRedis(t), readFile(t)
	var defaults strings.Builder
	for _, d := range New().Directives() {
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			if !notRedis[name] {
				_, value, _ := strings.Cut(cli("CONFIG", "GET", name), "\n")
				defaults.WriteString(name + "\n" + value + "\n")
			}
		}
	}
	if err := os.WriteFile("testdata/defaults.txt", []byte(defaults.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, line := range lines {
		in, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		w := words(in)
		answer := cli(append([]string{"CONFIG", "SET"}, w...)...)
		if answer == "OK" {
			_, value, _ := strings.Cut(cli("CONFIG", "GET", w[0]), "\n")
			answer = "= " + value
		}
		lines[i+1] = answer
	}
	if err := os.WriteFile("testdata/set.txt", []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// startRedis starts a redis-server for the test and returns a function that runs redis-cli on it.
func startRedis(t *testing.T) func(args ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	server := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir())
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	run := func(args ...string) string {
		out, _ := exec.Command("redis-cli", append([]string{"-p", port}, args...)...).Output()
		return strings.TrimSuffix(string(out), "\n")
	}
	for deadline := time.Now().Add(10 * time.Second); run("PING") != "PONG"; {
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not answer")
		}
	}
	return func(args ...string) string { return strings.TrimSuffix(run(args...), "\n") }
}

// notRedis are the directives whose default, or whose name, is not Redis's; each row's Note or Effect says why.
var notRedis = map[string]bool{
	"appendonly": true, "appendfsync": true, "save": true, "databases": true, "cluster-enabled": true, "dir": true, "port": true, "bind": true,
	"protected-mode": true, "maxclients": true, "search-enabled": true, "search-query-timeout-ms": true,
	"repl-diskless-sync-delay": true,
}

func TestDefaultsAsRedis(t *testing.T) {
	text, err := os.ReadFile("testdata/defaults.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines, theirs := strings.Split(string(text), "\n"), map[string]string{}
	for i := 0; i+1 < len(lines); i += 2 {
		theirs[lines[i]] = lines[i+1]
	}
	for _, d := range New().Directives() {
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			value, ok := theirs[name]
			if notRedis[name] {
				continue
			}
			if !ok || value != d.Value() {
				t.Errorf("%s is %q, Redis's is %q (there: %v)", name, d.Value(), value, ok)
			}
		}
	}
}

func TestTableIsComplete(t *testing.T) {
	for _, d := range New().Directives() {
		if (d.Effect == "") == (d.Note == "") {
			t.Errorf("%s has effect %q and note %q: one of them must be there", d.Name, d.Effect, d.Note)
		}
		if d.Allowed() == "" || d.Name != lower(d.Name) {
			t.Errorf("%s allows %q", d.Name, d.Allowed())
		}
		if commit, err := d.value.parse(d.Value()); err != nil {
			t.Errorf("%s: the default %q is not allowed: %v", d.Name, d.Value(), err)
		} else {
			before := d.Value()
			commit()
			if d.Value() != before {
				t.Errorf("%s: %q read back is %q", d.Name, before, d.Value())
			}
		}
	}
}

// TestParametersOfParameterGroups has the 38 names of memorydb_redis6 and the 42 of memorydb_redis7 with their documented defaults.
func TestParametersOfParameterGroups(t *testing.T) {
	group := map[string]string{
		"acllog-max-len": "128", "activedefrag": "no", "active-defrag-cycle-max": "75", "active-defrag-cycle-min": "5",
		"active-defrag-ignore-bytes": "104857600", "active-defrag-max-scan-fields": "1000", "active-defrag-threshold-lower": "10",
		"active-defrag-threshold-upper": "100", "active-expire-effort": "1", "activerehashing": "yes",
		"client-output-buffer-limit-normal-hard-limit": "0", "client-output-buffer-limit-normal-soft-limit": "0",
		"client-output-buffer-limit-normal-soft-seconds": "0", "client-output-buffer-limit-pubsub-hard-limit": "33554432",
		"client-output-buffer-limit-pubsub-soft-limit": "8388608", "client-output-buffer-limit-pubsub-soft-seconds": "60",
		"hll-sparse-max-bytes": "3000", "lazyfree-lazy-eviction": "no", "lazyfree-lazy-expire": "no", "lazyfree-lazy-server-del": "no",
		"lazyfree-lazy-user-del": "no", "lfu-decay-time": "1", "lfu-log-factor": "10", "list-compress-depth": "0", "maxmemory-policy": "noeviction",
		"maxmemory-samples": "3", "notify-keyspace-events": "", "set-max-intset-entries": "512", "slowlog-log-slower-than": "10000",
		"slowlog-max-len": "128", "stream-node-max-bytes": "4096", "stream-node-max-entries": "100", "tcp-keepalive": "300", "timeout": "0",
		"tracking-table-max-keys": "1000000",
	}
	six := map[string]string{"hash-max-ziplist-entries": "512", "hash-max-ziplist-value": "64", "zset-max-ziplist-entries": "128", "zset-max-ziplist-value": "64"}
	seven := map[string]string{"hash-max-listpack-entries": "512", "hash-max-listpack-value": "64", "zset-max-listpack-entries": "128",
		"zset-max-listpack-value": "64", "latency-tracking": "no", "search-enabled": "no", "search-query-timeout-ms": "10000"}
	for _, family := range []map[string]string{six, seven} {
		all := maps.Clone(group)
		maps.Copy(all, family)
		c := New()
		if err := c.SetParameters(all); err != nil {
			t.Error(err)
		}
		if c.MaxMemorySamples.Load() != 3 {
			t.Error("maxmemory-samples is not set")
		}
	}
}

func TestOutputLimitParameters(t *testing.T) {
	c := New()
	if err := c.SetParameters(map[string]string{"client-output-buffer-limit-normal-hard-limit": "100", "client-output-buffer-limit-pubsub-soft-seconds": "7",
		"hash-max-ziplist-entries": "9"}); err != nil {
		t.Fatal(err)
	}
	want := []OutputLimit{{Hard: 100}, {256 * mib, 64 * mib, 60}, {32 * mib, 8 * mib, 7}}
	got := []OutputLimit{c.OutputLimits.Load(Normal), c.OutputLimits.Load(Replica), c.OutputLimits.Load(PubSub)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c.HashMaxListpackEntries.Load() != 9 {
		t.Error("an alias does not set its directive")
	}
	for name, value := range map[string]string{"client-output-buffer-limit-nobody-hard-limit": "1", "client-output-buffer-limit-normal-limit": "1",
		"client-output-buffer-limit-normal-hard-limit": "x", "client-output-buffer-limit-normal-soft-limit": "", "nosuch": "1", "timeout": "x"} {
		if err := c.SetParameters(map[string]string{name: value, "hz": "77"}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s = %q: %v", name, value, err)
		}
		if hz, _ := c.Get("hz"); hz != "10" {
			t.Errorf("%s = %q is refused, but hz has changed", name, value)
		}
	}
}

func TestHooks(t *testing.T) {
	c := New()
	var calls []string
	var fail error
	c.OnChange(func() error {
		calls = append(calls, fmt.Sprintf("%d %d", c.MaxMemory.Load(), c.Timeout.Load()))
		return nil
	}, "maxmemory", "timeout")
	c.OnChange(func() error { return fail }, "slowlog-max-len")

	must := func(settings ...Setting) {
		t.Helper()
		if err := c.Set(settings...); err != nil {
			t.Fatal(err)
		}
	}
	must(Setting{"maxmemory", "5"}, Setting{"timeout", "6"})
	must(Setting{"maxmemory", "5"}) // no change
	must(Setting{"slowlog-max-len", "1"})
	fail = errors.New("no room")
	err := c.Set(Setting{"notify-keyspace-events", "AKEn"}, Setting{"Timeout", "9"}, Setting{"Slowlog-Max-Len", "2"})
	if err == nil || err.Error() != "ERR CONFIG SET failed (possibly related to argument 'slowlog-max-len') - no room" {
		t.Errorf("error %v", err)
	}
	if c.SlowlogMaxLen.Load() != 1 || c.Timeout.Load() != 6 || c.NotifyKeyspaceEvents.Any() {
		t.Error("the failed Set has changed something")
	}
	if want := []string{"5 6", "5 9", "5 6"}; !slices.Equal(calls, want) {
		t.Errorf("hook calls %q, want %q", calls, want)
	}
}

func TestGet(t *testing.T) {
	c := New()
	for words, want := range map[string]string{
		"get MaxMemory maxmemory":         "MaxMemory\n0",
		"get nosuch":                      "",
		"get hash-max-*-entries maxcl*":   "hash-max-listpack-entries\n512\nhash-max-ziplist-entries\n512\nmaxclients\n65000",
		"get slave-read-only":             "slave-read-only\nyes",
		"get TIMEOU? timeout":             "timeout\n0",
		"set timeout":                     "ERR wrong number of arguments for 'config|set' command",
		"set timeout 1 hz":                "ERR syntax error",
		"rewrite":                         "ERR The server is running without a config file",
		"nosuch":                          "ERR unknown subcommand 'nosuch'. Try CONFIG HELP.",
		"get client-output-buffer-limit":  "client-output-buffer-limit\nnormal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
		"get latency-tracking-info-perc*": "latency-tracking-info-percentiles\n50 99 99.9",
	} {
		if got := run(c, strings.Fields(words)...); got != want {
			t.Errorf("config %s: %q, want %q", words, got, want)
		}
	}
}

func TestResetStat(t *testing.T) {
	c, called := New(), 0
	c.ResetStat = func() { called++ }
	if got := run(c, "resetstat"); got != "OK" || called != 1 {
		t.Errorf("%s, called %d times", got, called)
	}
}

func TestPresetSetsWhatClientsCannot(t *testing.T) {
	c := New()
	if err := c.Set(Setting{"port", "6379"}); err == nil {
		t.Error("CONFIG SET changes the port")
	}
	if err := c.Preset(Setting{"port", "6379"}, Setting{"dir", "/data"}); err != nil {
		t.Error(err)
	}
	if err := c.Preset(Setting{"port", "x"}); err == nil {
		t.Error("a port that is no number")
	}
	if got := run(c, "get", "port", "dir"); got != "port\n6379\ndir\n/data" {
		t.Errorf("%q", got)
	}
}

func TestEventsWanted(t *testing.T) {
	c := New()
	for flags, want := range map[string]string{"": "$-- x-- m-- n--", "KA": "$K- xK- m-- n--", "KE$": "$KE x-- m-- n--", "Em": "$-- x-- m-E n--", "KEn": "$-- x-- m-- nKE"} {
		if err := c.Set(Setting{"notify-keyspace-events", flags}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, class := range []byte("$xmn") {
			k, e := c.NotifyKeyspaceEvents.Wants(class)
			got = append(got, string(class)+map[bool]string{true: "K", false: "-"}[k]+map[bool]string{true: "E", false: "-"}[e])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %s, want %s", flags, got, want)
		}
	}
}

func TestPolicyNames(t *testing.T) {
	c := New()
	if p := Policy(c.MaxMemoryPolicy.Load()); p != NoEviction || p.String() != "noeviction" {
		t.Error(p)
	}
	if err := c.Set(Setting{"maxmemory-policy", "allkeys-lfu"}); err != nil || Policy(c.MaxMemoryPolicy.Load()) != AllKeysLFU {
		t.Error(err)
	}
}

func TestRowsAreRestricted(t *testing.T) {
	if rows := command.NewTable(false, New().Rows()).All(); len(rows) != 0 {
		t.Errorf("%d rows without --admin-commands", len(rows))
	}
	if rows := command.NewTable(true, New().Rows()).All(); len(rows) != 6 {
		t.Errorf("%d rows with --admin-commands", len(rows))
	}
}
