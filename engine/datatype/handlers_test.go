package datatype_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const testNow = 1_700_000_000_000

func TestObjectFreqAndIdletimeFollowThePolicy(t *testing.T) {
	e := newExecutor(t, testNow)
	e.db.Limits.LFU = true
	e.do(t, "set", "k", "v")
	e.db.SetFrequency([]byte("k"), 77)
	if got := e.do(t, "object", "freq", "k"); got != ":77\r\n" {
		t.Errorf("OBJECT FREQ answers %q", got)
	}
	if got := e.do(t, "object", "idletime", "k"); !strings.HasPrefix(got, "-ERR An LFU maxmemory policy is selected, idle time not tracked.") {
		t.Errorf("OBJECT IDLETIME under LFU answers %q", got)
	}
	e.db.Limits.LFU = false
	e.do(t, "set", "l", "v")
	e.now += 100 * int64(time.Second/time.Millisecond)
	if got := e.do(t, "object", "idletime", "l"); got != ":100\r\n" {
		t.Errorf("OBJECT IDLETIME after 100 seconds answers %q", got)
	}
	if e.do(t, "touch", "l"); e.do(t, "object", "idletime", "l") != ":0\r\n" {
		t.Error("OBJECT IDLETIME after TOUCH is not 0")
	}
}

func TestHitsAndMissesAreCounted(t *testing.T) {
	e := newExecutor(t, testNow)
	e.do(t, "set", "k", "v")
	for _, c := range []struct {
		command      string
		hits, misses uint64
	}{
		{"get k", 1, 0}, {"get no", 0, 1}, {"mget k no k", 2, 1}, {"exists k no", 1, 1}, {"ttl k", 1, 0}, {"type no", 0, 1},
		{"object encoding k", 1, 0}, {"object encoding no", 0, 1}, {"touch k no", 1, 1}, {"set k v", 0, 0}, {"append k v", 0, 0},
		{"set k v get", 1, 0}, {"getdel k", 1, 0}, {"del no", 0, 0}, {"hget no f", 0, 1}, {"copy no k", 0, 1},
	} {
		hits, misses := e.db.Hits, e.db.Misses
		e.do(t, strings.Fields(c.command)...)
		if hits, misses = e.db.Hits-hits, e.db.Misses-misses; hits != c.hits || misses != c.misses {
			t.Errorf("%s: %d hits and %d misses, want %d and %d", c.command, hits, misses, c.hits, c.misses)
		}
	}
}

func TestReplicaDoesNotExpireByItself(t *testing.T) {
	e := newExecutor(t, testNow)
	argv := func(s string) [][]byte { return bytesOf(strings.Fields(s)) }
	for _, c := range []string{"set k v", "pexpireat k 1000", "set l v pxat 1000"} {
		if err := e.run(argv(c), &e.nowhere, keyspace.ExpireIgnore); err != nil {
			t.Fatalf("%s: %v", c, err)
		}
	}
	if e.db.Len() != 2 {
		t.Errorf("%d keys after replay, want 2 until their deletes are replayed", e.db.Len())
	}
}

func TestScanVisitsEveryKeyWhileKeysComeAndGo(t *testing.T) {
	e := newExecutor(t, testNow)
	for i := range 1000 {
		e.do(t, "set", fmt.Sprintf("stays:%d", i), "v")
	}
	seen := map[string]bool{}
	cursor, round := "0", 0
	for {
		lines := strings.Split(e.do(t, "scan", cursor, "count", "20", "match", "stays:*"), "\r\n")
		cursor = lines[2]
		for _, l := range lines {
			seen[l] = true
		}
		for i := range 50 {
			e.do(t, "set", fmt.Sprintf("comes:%d:%d", round, i), "v")
			e.do(t, "del", fmt.Sprintf("comes:%d:%d", round-1, i))
		}
		if round++; cursor == "0" {
			break
		}
	}
	for i := range 1000 {
		if !seen[fmt.Sprintf("stays:%d", i)] {
			t.Errorf("stays:%d was not visited", i)
		}
	}
}

func TestRandomFieldsAreDifferentAndOfTheHash(t *testing.T) {
	for _, fields := range []int{5, 1000} {
		e := newExecutor(t, testNow)
		for i := range fields {
			e.do(t, "hset", "h", fmt.Sprintf("f%d", i), fmt.Sprintf("v%d", i))
		}
		for _, n := range []int{1, 2, fields / 4, fields / 2, fields - 1, fields, fields + 1} {
			words := strings.Split(e.do(t, "hrandfield", "h", fmt.Sprint(n), "withvalues"), "\r\n")
			seen := map[string]bool{}
			for i := 2; i+2 < len(words); i += 4 { // $length field $length value
				field, value := words[i], words[i+2]
				if seen[field] || "v"+field[1:] != value {
					t.Fatalf("%d of %d: field %q with value %q, seen before: %v", n, fields, field, value, seen[field])
				}
				seen[field] = true
			}
			if len(seen) != min(n, fields) {
				t.Errorf("%d of %d: %d fields", n, fields, len(seen))
			}
		}
	}
}

func TestSetKeysFlagsFollowItsOptions(t *testing.T) {
	table := command.NewTable(false, datatype.Commands())
	for _, c := range []struct {
		words string
		want  command.KeyFlags
	}{
		{"set k v", command.OW | command.Update},
		{"set k v ex 10", command.OW | command.Update},
		{"set k v ex 10 GET", command.RW | command.Access | command.Update},
		{"set get v", command.OW | command.Update},
	} {
		argv := bytesOf(strings.Fields(c.words))
		row, err := table.Lookup(argv)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := row.KeysOf(argv, nil)
		if err != nil || len(keys) != 1 || keys[0] != (command.Key{Index: 1, Flags: c.want}) {
			t.Errorf("%s: keys %v, %v, want flags %b", c.words, keys, err, c.want)
		}
	}
}

func TestTableIsSound(t *testing.T) {
	if err := command.NewTable(true, datatype.Commands()).Check(); err != nil {
		t.Error(err)
	}
}

// members are the bulk strings of an array of them.
func members(reply string) []string {
	var all []string
	for i, word := range strings.Split(reply, "\r\n")[1:] {
		if i%2 == 1 { // $length member
			all = append(all, word)
		}
	}
	return all
}

func TestRandomMembersAreDifferentAndOfTheSet(t *testing.T) {
	for _, prefix := range []string{"", "m"} {
		for _, size := range []int{5, 400} {
			e := newExecutor(t, testNow)
			for i := range size {
				e.do(t, "sadd", "s", prefix+strconv.Itoa(i))
			}
			for _, n := range []int{1, 2, size / 4, size / 2, size - 1, size, size + 1} {
				seen := map[string]bool{}
				for _, m := range members(e.do(t, "srandmember", "s", strconv.Itoa(n))) {
					if seen[m] || e.do(t, "sismember", "s", m) != ":1\r\n" {
						t.Fatalf("%d of %d: member %q, seen before: %v", n, size, m, seen[m])
					}
					seen[m] = true
				}
				if len(seen) != min(n, size) {
					t.Errorf("%d of %d: %d members", n, size, len(seen))
				}
			}
		}
	}
}

func TestPoppedMembersAreGoneAndTheOthersStay(t *testing.T) {
	for _, prefix := range []string{"", "m"} {
		for _, n := range []int{1, 2, 100, 250, 332, 333, 334, 399, 400, 401} {
			e := newExecutor(t, testNow)
			all := map[string]bool{}
			for i := range 400 {
				all[prefix+strconv.Itoa(i)] = true
				e.do(t, "sadd", "s", prefix+strconv.Itoa(i))
			}
			popped := members(e.do(t, "spop", "s", strconv.Itoa(n)))
			left := members(e.do(t, "smembers", "s"))
			for _, m := range append(popped, left...) {
				if !all[m] {
					t.Fatalf("pop %d: %q is no member, or was answered twice", n, m)
				}
				delete(all, m)
			}
			if len(popped) != min(n, 400) || len(all) > 0 {
				t.Errorf("pop %d: %d popped, %d lost", n, len(popped), len(all))
			}
			if err := e.db.Check(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestChanceIsFairToMembers(t *testing.T) {
	for _, prefix := range []string{"", "m"} {
		e := newExecutor(t, testNow)
		for i := range 20 {
			e.do(t, "sadd", "s", prefix+strconv.Itoa(i))
		}
		got := map[string]int{}
		for _, m := range members(e.do(t, "srandmember", "s", "-20000")) {
			got[m]++
		}
		for i := range 20 {
			if n := got[prefix+strconv.Itoa(i)]; n < 850 || n > 1150 { // five standard deviations
				t.Errorf("member %s%d was drawn %d times of 20000", prefix, i, n)
			}
		}
	}
}

// A script's SORT of a set is the same everywhere, though nothing is sorted.
func TestSetsAreSortedInNestedCalls(t *testing.T) {
	e := newExecutor(t, testNow)
	e.do(t, "sadd", "s", "10", "9", "1")
	row := e.table.Find("sort_ro")
	argv := bytesOf([]string{"sort_ro", "s", "by", "nosort"})
	outer := command.Call{DB: e.db, Rand: e.rand, Hooks: e}
	var reply resp.Writer
	if err := outer.Do(row, argv, &reply); err != nil {
		t.Fatal(err)
	}
	if got, want := string(reply.Bytes()), "*3\r\n$1\r\n1\r\n$2\r\n10\r\n$1\r\n9\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := e.do(t, "sort_ro", "s", "by", "nosort"), "*3\r\n$1\r\n1\r\n$1\r\n9\r\n$2\r\n10\r\n"; got != want {
		t.Errorf("not nested: %q, want %q", got, want)
	}
}
