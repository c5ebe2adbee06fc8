package rdb_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/enginetest"
)

// example is a value: the commands that make it at the key k, the command that reads it, and in how many parts a reply comes whose order does not count.
type example struct {
	name     string
	commands [][]string
	read     string
	group    int  // 0: the order counts, and DUMP gives the same bytes as Redis
	clocked  bool // it holds the time at which it was made
}

// examples are values of all types and forms.
func examples() []example {
	return slices.Concat(stringExamples(), listExamples(), hashExamples(), setExamples(), zsetExamples(), streamExamples())
}

func one(words ...string) [][]string { return [][]string{words} }

// prose is text that compresses.
func prose(n int) string {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	words := strings.Fields("the quick brown fox jumps over a lazy dog and 12345 times more while it rains all day long aaaaaaaaaaaaaaaaaaaaaaaa 00000000000000000000000000000000000000000")
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(words[r.IntN(len(words))])
		if r.IntN(5) > 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()[:n]
}

// noise is text that does not.
func noise(n int) string {
	r := rand.New(rand.NewPCG(uint64(n), 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func stringExamples() []example {
	var all []example
	for _, s := range []string{"", "a", "0", "-1", "127", "128", "-128", "-129", "32767", "32768", "-32769", "2147483647", "2147483648", "-2147483648", "-2147483649",
		"9223372036854775807", "-9223372036854775808", "9223372036854775808", "00", "+1", "1.5", "-0", "12345678901", "123456789012"} {
		all = append(all, example{name: "string " + s, commands: one("set", "k", s), read: "get k"})
	}
	for _, n := range []int{19, 20, 21, 22, 30, 44, 45, 63, 64, 100, 300, 1000, 4000, 16383, 16384, 20_000, 70_000, 300_000} {
		all = append(all,
			example{name: fmt.Sprintf("prose of %d", n), commands: one("set", "k", prose(n)), read: "get k"},
			example{name: fmt.Sprintf("noise of %d", n), commands: one("set", "k", noise(n)), read: "get k"},
			example{name: fmt.Sprintf("zeros of %d", n), commands: one("set", "k", strings.Repeat("\x00", n)), read: "get k"},
			example{name: fmt.Sprintf("pairs of %d", n), commands: one("set", "k", strings.Repeat("ab", n)), read: "get k"},
			example{name: fmt.Sprintf("both of %d", n), commands: one("set", "k", prose(n/2)+noise(n/3)+prose(n/2)), read: "get k"})
	}
	hll := []string{"pfadd", "k"}
	for i := range 500 {
		hll = append(hll, fmt.Sprint("e", i))
	}
	return append(all,
		example{name: "hyperloglog", commands: one(hll...), read: "get k"},
		example{name: "dense hyperloglog", commands: append(one(hll...), []string{"pfdebug", "todense", "k"}), read: "get k"},
		example{name: "appended", commands: [][]string{{"set", "k", "1"}, {"append", "k", "2"}}, read: "get k"})
}

func listExamples() []example {
	many := func(n, size int) []string {
		words := []string{"rpush", "k"}
		for i := range n {
			words = append(words, fmt.Sprint(i)+strings.Repeat("e", size))
		}
		return words
	}
	const read = "lrange k 0 -1"
	return []example{
		{name: "list of one", commands: one("rpush", "k", "a"), read: read},
		{name: "list of numbers", commands: one("rpush", "k", "1", "127", "128", "-1", "4095", "4096", "-32769", "8388608", "2147483648", "9223372036854775807", "007", "1.5", ""), read: read},
		{name: "list of texts", commands: one("rpush", "k", noise(63), noise(64), noise(4095), prose(200)), read: read},
		{name: "list of a long text", commands: one("rpush", "k", "a", prose(9000), "b", noise(20_000), "c"), read: read},
		{name: "list of 100", commands: one(many(100, 3)...), read: read},
		{name: "list of 3000", commands: one(many(3000, 10)...), read: read},
		{name: "list of 5000 numbers", commands: one(many(5000, 0)...), read: read},
		{name: "list from the left", commands: one(append([]string{"lpush"}, many(3000, 10)[1:]...)...), read: read},
		{name: "list after changes", commands: [][]string{many(3000, 10), {"lpop", "k", "5"}, {"linsert", "k", "before", "1500eeeeeeeeee", prose(5000)}, {"lrem", "k", "0", "2000eeeeeeeeee"}, {"lset", "k", "700", "x"}, {"rpop", "k"}}, read: read},
	}
}

func hashExamples() []example {
	many := func(n, size int) []string {
		words := []string{"hset", "k"}
		for i := range n {
			words = append(words, fmt.Sprintf("field:%d", i), strings.Repeat(fmt.Sprint(i%10), size))
		}
		return words
	}
	return []example{
		{name: "hash of one", commands: one("hset", "k", "f", "v"), read: "hgetall k"},
		{name: "hash of numbers", commands: one("hset", "k", "1", "2", "-5", "4096", "70000", "-9223372036854775808", "x", "1.5", "", ""), read: "hgetall k"},
		{name: "hash with long fields", commands: one("hset", "k", strings.Repeat("f", 64), strings.Repeat("v", 63), noise(64), noise(63)), read: "hgetall k"},
		{name: "hash of 100", commands: one(many(100, 5)...), read: "hgetall k"},
		{name: "hash of 512", commands: one(many(512, 1)...), read: "hgetall k"},
		{name: "hash of 513", commands: one(many(513, 3)...), read: "hgetall k", group: 2},
		{name: "hash of 5000", commands: one(many(5000, 30)...), read: "hgetall k", group: 2},
		{name: "hash with a very long field", commands: one("hset", "k", "f", strings.Repeat("v", 65)), read: "hgetall k", group: 2},
		{name: "hash after deletes", commands: [][]string{many(50, 2), {"hdel", "k", "field:0", "field:49", "field:25"}, {"hset", "k", "field:1", "other"}}, read: "hgetall k"},
	}
}

func setExamples() []example {
	many := func(n int, f func(i int) string) []string {
		words := []string{"sadd", "k"}
		for i := range n {
			words = append(words, f(i))
		}
		return words
	}
	number := func(i int) string { return fmt.Sprint(i * 7 % 1000) }
	return []example{
		{name: "set of numbers", commands: one("sadd", "k", "1", "5", "-3"), read: "smembers k"},
		{name: "set of large numbers", commands: one("sadd", "k", "1", "70000", "-9223372036854775808"), read: "smembers k"},
		{name: "set of 500 numbers", commands: one(many(500, number)...), read: "smembers k"},
		{name: "set of 600 numbers", commands: one(many(600, number)...), read: "smembers k", group: 1},
		{name: "set of words", commands: one("sadd", "k", "a", "b", "", "17", noise(30), prose(100)), read: "smembers k", group: 1},
		{name: "set of 3000", commands: one(many(3000, func(i int) string { return fmt.Sprint("member:", i) })...), read: "smembers k", group: 1},
	}
}

func zsetExamples() []example {
	many := func(n int) []string {
		words := []string{"zadd", "k"}
		for i := range n {
			words = append(words, fmt.Sprint(i*7%100), fmt.Sprint("member:", i))
		}
		return words
	}
	scores := []string{"zadd", "k", "0", "z", "-0", "nz", "1", "one", "-1", "m", "1.5", "x", "0.1", "tenth", "-123456789", "n", "3e10", "big", "1e300", "huge", "1e-300", "tiny",
		"inf", "i", "-inf", "ni", "4611686018427387904", "2^62", "-9223372036854775808", "min", "17", "17", "17", "", "127", "a", "4096", "b"}
	const read = "zrange k 0 -1 withscores"
	return []example{
		{name: "sorted set of one", commands: one("zadd", "k", "1", "a"), read: read},
		{name: "sorted set with all kinds of scores", commands: one(scores...), read: read},
		{name: "sorted set of 128", commands: one(many(128)...), read: read},
		{name: "sorted set of 129", commands: one(many(129)...), read: read},
		{name: "sorted set of 3000", commands: one(many(3000)...), read: read},
		{name: "sorted set with a long member", commands: one(append(scores, "5", prose(65))...), read: read},
		{name: "sorted set after changes", commands: [][]string{many(140), {"zrem", "k", "member:3", "member:7"}, {"zadd", "k", "-5", "member:9", "200", "member:10"}}, read: read},
	}
}

func streamExamples() []example {
	add := func(n int, fields ...string) [][]string {
		var all [][]string
		for i := range n {
			all = append(all, append([]string{"xadd", "k", fmt.Sprintf("%d-%d", 1000+i/3, 1+i%3)}, fields...))
		}
		return all
	}
	groups := [][]string{
		{"xgroup", "create", "k", "workers", "0"}, {"xgroup", "create", "k", "idle", "$"}, {"xgroup", "create", "k", "counted", "1001-1", "entriesread", "4"},
		{"xgroup", "createconsumer", "k", "workers", "nobody"},
	}
	pending := append(slices.Clone(groups), [][]string{
		{"xreadgroup", "group", "workers", "alice", "count", "5", "streams", "k", ">"}, {"xreadgroup", "group", "workers", "bob", "count", "3", "streams", "k", ">"},
		{"xreadgroup", "group", "counted", "alice", "streams", "k", ">"}, {"xack", "k", "workers", "1000-2", "1001-3"}, {"xdel", "k", "1000-3"},
		{"xclaim", "k", "workers", "carol", "0", "1000-1", "retrycount", "300", "time", "1600000000000"},
	}...)
	const full = "xinfo stream k full count 0"
	return []example{
		{name: "stream of one", commands: add(1, "f", "v"), read: full},
		{name: "stream of 20", commands: add(20, "temperature", "20", "place", "north"), read: full},
		{name: "stream of 350", commands: add(350, "temperature", "20", "place", "north"), read: full},
		{name: "stream of other fields", commands: append(append(add(5, "a", "1"), add(3, "a", "1")...), [][]string{{"xadd", "k", "2000-1", "b", "1", "c", "2"}, {"xadd", "k", "2000-2", "a", "x"}}...), read: full},
		{name: "stream after deletes", commands: append(add(30, "f", "v"), [][]string{{"xdel", "k", "1000-1", "1003-2", "1009-3"}}...), read: full},
		{name: "stream after a trim", commands: append(add(250, "f", "v"), [][]string{{"xtrim", "k", "maxlen", "120"}}...), read: full},
		{name: "empty stream", commands: append(add(3, "f", "v"), []string{"xtrim", "k", "maxlen", "0"}), read: full},
		{name: "stream of a group alone", commands: one("xgroup", "create", "k", "g", "$", "mkstream"), read: full},
		{name: "stream with another last id", commands: append(add(3, "f", "v"), []string{"xsetid", "k", "9000-7", "entriesadded", "100", "maxdeletedid", "1000-5"}), read: full},
		{name: "stream with groups", commands: append(add(12, "f", "v"), groups...), read: full, clocked: true},
		{name: "stream with pending entries", commands: append(add(12, "f", "v"), pending...), read: full, clocked: true},
	}
}

// What DUMP returns here redis-server restores, and the other way round; where a form has one order only the bytes are the same.
func TestValuesGoToRedisAndBack(t *testing.T) {
	r := redis(t)
	for _, x := range examples() {
		t.Run(x.name, func(t *testing.T) {
			e := newExecutor(t)
			r.Do("flushall")
			for _, words := range x.commands {
				e.do(t, words...)
				r.Do(words...)
			}
			ours, theirs := e.do(t, "dump", "k").Text, r.Do("dump", "k").Text
			if x.group == 0 && !x.clocked && ours != theirs {
				t.Errorf("DUMP gives\n%q\nRedis\n%q", short(ours), short(theirs))
			}
			same := func(what string, got, want enginetest.Reply) {
				t.Helper()
				if a, b := canonical(got, x.group), canonical(want, x.group); a != b {
					t.Errorf("%s is\n%s\ninstead of\n%s", what, short(a), short(b))
				}
			}
			read := strings.Fields(x.read)
			mine, original := e.do(t, read...), r.Do(read...)
			if v := r.Do("restore", "k", "0", ours, "replace"); v.Text != "OK" {
				t.Fatalf("Redis on our payload: %v", v.Lines())
			}
			same("our value in Redis", r.Do(read...), mine)
			if again := r.Do("dump", "k").Text; x.group == 0 && again != ours {
				t.Errorf("DUMP in Redis of our value gives\n%q\ninstead of\n%q", short(again), short(ours))
			}
			if v := e.do(t, "restore", "k", "0", theirs, "replace"); v.Text != "OK" {
				t.Fatalf("we on Redis's payload: %v", v.Lines())
			}
			same("Redis's value here", e.do(t, read...), original)
			if again := e.do(t, "dump", "k").Text; x.group == 0 && again != theirs {
				t.Errorf("DUMP of Redis's value gives\n%q\ninstead of\n%q", short(again), short(theirs))
			}
			same("its encoding when restored", e.do(t, "object", "encoding", "k"), r.Do("object", "encoding", "k"))
			if err := e.db.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// canonical is a reply as text, its items in groups sorted if group isn't 0.
func canonical(v enginetest.Reply, group int) string {
	if group == 0 {
		return text(v)
	}
	var parts []string
	for i := 0; i+group <= len(v.Items); i += group {
		var b bytes.Buffer
		for _, item := range v.Items[i : i+group] {
			b.WriteString(text(item) + "\n")
		}
		parts = append(parts, b.String())
	}
	slices.Sort(parts)
	return strings.Join(parts, "")
}

func short(s string) string {
	if len(s) > 400 {
		return s[:400] + "…"
	}
	return s
}
