package spec

import (
	"slices"
	"strings"
	"testing"
)

// The vectors are answers of the service to create-user and update-user, from the CLI's samples and from AWS's Kubernetes controller; those after the blank line follow from the rule.
func TestCanonicalAccess(t *testing.T) {
	for in, want := range map[string]string{
		"~objects:* ~items:* ~public:*": "off ~objects:* ~items:* ~public:* resetchannels -@all",
		"on ~app::* -@all +@read":       "on ~app::* resetchannels -@all +@read",
		"on ~* &* +@all":                "on ~* &* +@all",
		"off ~* &* +@all":               "off ~* &* +@all",

		"+@all allkeys allchannels on":                        "on ~* &* +@all",
		"on ~a ~b ~a resetchannels &news &sport +get -@write": "on ~a ~b resetchannels &news &sport -@all +get -@write",
		"on ~* +@all -@dangerous":                             "on ~* resetchannels +@all -@dangerous",
		"on %R~cfg:* +@read (~tmp:* +@all)":                   "on %R~cfg:* resetchannels -@all +@read (~tmp:* resetchannels +@all)",
		"on ~a ~*":                                            "on ~* resetchannels -@all",
		"on ~* resetkeys %RW~a %w~b &x &*":                    "on ~a %W~b &* -@all",
		"ON ALLKEYS +@Read -GET +config|get":                  "on ~* resetchannels -@all +@read -get +config|get",
		"on ~a +get (~b) clearselectors ( %r~c +set )":        "on ~a resetchannels -@all +get (%R~c resetchannels -@all +set)",
		"on skip-sanitize-payload ~a":                         "on skip-sanitize-payload ~a resetchannels -@all",
	} {
		got, err := CanonicalAccess(in)
		if err != nil || got != want {
			t.Errorf("CanonicalAccess(%q) = %q, %v; want %q", in, got, err, want)
		}
		again, err := CanonicalAccess(got)
		if err != nil || again != got {
			t.Errorf("CanonicalAccess(%q) = %q, %v; want it unchanged", got, again, err)
		}
	}
	for _, bad := range []string{"", "  ", "on >secret", "on nopass", "on #hash ~*", "reset", "on ~* +", "on ~* +@", "on (~a", "on %X~a", "hello", "on +@nosuch", "on ~* ~b", "on &* &b", "on (on ~a)", "on +get|a|b", "on %~a", "on %Ra", "on ~a\x00", "on (~a))", "on ~a )", strings.Repeat("~a ", 2000)} {
		if got, err := CanonicalAccess(bad); err == nil {
			t.Errorf("CanonicalAccess(%q) = %q, want an error", bad, got)
		}
	}
}

// Developer guide: 1-40 characters, letters, digits and hyphens, first a letter, no two hyphens in a row, none at the end.
func TestNames(t *testing.T) {
	for _, good := range []string{"a", "trading-sessions", "A1", strings.Repeat("a", 40)} {
		if err := ClusterName.Check(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "1a", "-a", "a-", "a--b", "a_b", "a.b", "ä", strings.Repeat("a", 41)} {
		if err := ClusterName.Check(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// API reference of CreateCluster: "The minimum maintenance window is a 60 minute period"; examples sun:23:00-mon:01:30 and 05:00-09:00.
func TestWindows(t *testing.T) {
	for w, ok := range map[string]bool{"sun:23:00-mon:01:30": true, "wed:03:00-wed:04:00": true, "Wed:03:00-Wed:04:00": true, "wed:03:00-wed:03:30": false, "wed:03:00": false, "xyz:03:00-wed:04:00": false, "wed:24:00-thu:01:00": false} {
		if err := CheckMaintenanceWindow(w); (err == nil) != ok {
			t.Errorf("maintenance window %q: %v", w, err)
		}
	}
	for w, ok := range map[string]bool{"05:00-09:00": true, "23:30-00:30": true, "05:00-05:59": false, "5:00-9:00": false, "05:00-25:00": false} {
		if err := CheckSnapshotWindow(w); (err == nil) != ok {
			t.Errorf("snapshot window %q: %v", w, err)
		}
	}
}

// Recorded answers of DescribeParameters: 39 parameters in memorydb_redis6; 42 in memorydb_redis7.
func TestParameters(t *testing.T) {
	for family, n := range map[string]int{"memorydb_redis6": 39, "memorydb_redis7": 42, "memorydb_valkey7": 42} {
		if got := len(Parameters(family)); got != n {
			t.Errorf("%s has %d parameters, want %d", family, got, n)
		}
		for _, p := range Parameters(family) {
			if !p.HasDefault {
				continue
			}
			if err := p.Check(p.Default); err != nil {
				t.Errorf("%s: default %q: %v", p.Name, p.Default, err)
			}
		}
	}
	for _, tc := range []struct {
		name, value string
		ok          bool
	}{
		{"timeout", "0", true}, {"timeout", "20", true}, {"timeout", "19", false}, {"timeout", "-1", false}, {"timeout", "x", false},
		{"slowlog-log-slower-than", "-1", true}, {"active-defrag-cycle-max", "76", false}, {"maxmemory-policy", "allkeys-lru", true}, {"maxmemory-policy", "lru", false},
		{"activedefrag", "yes", true}, {"activedefrag", "maybe", false}, {"notify-keyspace-events", "KEg$", true}, {"notify-keyspace-events", "Q", false},
	} {
		p, found := FindParameter("memorydb_redis7", tc.name)
		if !found {
			t.Fatalf("no parameter %s", tc.name)
		}
		if err := p.Check(tc.value); (err == nil) != tc.ok {
			t.Errorf("%s = %q: %v", tc.name, tc.value, err)
		}
	}
}

// Developer guide: passwords have 16 to 128 printable characters, none of , " / @.
func TestPasswords(t *testing.T) {
	for p, ok := range map[string]bool{"aaaaaaaaaaaaaaaa": true, "aaaaaaaaaaaaaaa": false, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false, "aaaaaaaaaaaaaaa@": false, "aaaaaaaa aaaaaaaaa": false, "äaaaaaaaaaaaaaaaaa": false} {
		if err := CheckPassword(p); (err == nil) != ok {
			t.Errorf("password %q: %v", p, err)
		}
	}
}

func TestARN(t *testing.T) {
	a := ARN{Region: "us-east-1", Account: "123456789012", Kind: KindCluster, Name: "my-cluster"}
	text := "arn:aws:memorydb:us-east-1:123456789012:cluster/my-cluster"
	if a.String() != text {
		t.Errorf("ARN = %s, want %s", a, text)
	}
	if got, err := ParseARN(text); err != nil || got != a {
		t.Errorf("ParseARN = %+v, %v", got, err)
	}
	for _, bad := range []string{"", "x", "arn:aws:s3:us-east-1:1:cluster/x", "arn:aws:memorydb:us-east-1:1:cluster", "arn:aws:memorydb:us-east-1:1:thing/x"} {
		if _, err := ParseARN(bad); err == nil {
			t.Errorf("ParseARN(%q) succeeds", bad)
		}
	}
}

func TestEngines(t *testing.T) {
	for _, tc := range []struct{ engine, version, patch string }{
		{"", "", "7.1.0"}, {"redis", "", "7.1.0"}, {"valkey", "", "7.3.0"}, {"redis", "7.0", "7.0.7"}, {"", "7.2", "7.2.6"}, {"", "6.2", "6.2.6"},
	} {
		if v, ok := FindEngine(tc.engine, tc.version); !ok || v.Patch != tc.patch {
			t.Errorf("FindEngine(%q, %q) = %+v, %v; want %s", tc.engine, tc.version, v, ok, tc.patch)
		}
	}
	if _, ok := FindEngine("redis", "7.2"); ok {
		t.Error("redis has a 7.2")
	}
	from, _ := FindEngine("redis", "7.1")
	to, _ := FindEngine("valkey", "7.2")
	if !MayUpgrade(from, to) || MayUpgrade(to, from) {
		t.Error("redis 7.1 goes up to valkey 7.2, and not back")
	}
}

// What a canonical string is read as must be itself: the service shows it to users, who send it back.
func FuzzCanonicalAccess(f *testing.F) {
	for _, s := range []string{"on ~* &* +@all", "off ~objects:* +get (%R~x -@all)", "on (~a) clearselectors", "(", ")", "+config|get"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := CanonicalAccess(s)
		if err != nil || len(once) > MaxAccessString {
			return
		}
		twice, err := CanonicalAccess(once)
		if err != nil || twice != once {
			t.Errorf("%q becomes %q, which becomes %q, %v", s, once, twice, err)
		}
	})
}

// Developer guide, "Supported node types": t4g, r6g, r7g and r6gd; memory from the public catalogues; db.m7g.large is ours.
func TestNodeTypes(t *testing.T) {
	if len(NodeTypes) != 21 {
		t.Errorf("%d node types, want AWS's 20 and db.m7g.large", len(NodeTypes))
	}
	for name, gib := range map[string]float64{"db.t4g.small": 1.37, "db.r6g.large": 13.07, "db.r7g.16xlarge": 419.09, "db.m7g.large": 6.38} {
		nt, ok := FindNodeType(name)
		if want := int64(gib * (1 << 30)); !ok || nt.MaxMemory() != want {
			t.Errorf("%s holds %d bytes, want %d", name, nt.MaxMemory(), want)
		}
	}
	if _, ok := FindNodeType("cache.t4g.small"); ok {
		t.Error("a cache.* node type is found")
	}
	up, down := NodeTypeUpdates("db.t4g.medium")
	if !slices.Contains(up, "db.r6g.large") || !slices.Contains(down, "db.t4g.small") || slices.Contains(up, "db.r6gd.xlarge") || slices.Contains(up, "db.t4g.medium") {
		t.Errorf("from db.t4g.medium up to %v, down to %v", up, down)
	}
}
