package datatype_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// sentences are the commands of the replay test: <key>, <int> and so on are replaced by chance.
var sentences = strings.Split(strings.TrimSpace(`
append <key> <value>
bitcount <key>
bitfield <key> set u8 <small> <int> overflow fail incrby i5 <small> <int>
bitfield <key> overflow fail incrby u3 <small> 9
bitfield <key> get u8 0
bitop and <key> <key> <key>
bitop or <key> <key> <key>
bitop xor <key> <key> <key>
bitop not <key> <key>
bitpos <key> 0
copy <key> <key>
copy <key> <key> replace
decr <key>
decrby <key> <int>
del <key> <key>
exists <key> <key>
expire <key> <ttl>
expire <key> <ttl> <condition>
expireat <key> <second>
expireat <key> <second> <condition>
expiretime <key>
flushall
get <key>
getbit <key> <small>
getdel <key>
getex <key>
getex <key> ex <ttl>
getex <key> px <ttl>
getex <key> exat <second>
getex <key> pxat <time>
getex <key> persist
getrange <key> <int> <int>
getset <key> <value>
hdel <key> <field> <field>
hexists <key> <field>
hget <key> <field>
hgetall <key>
hincrby <key> <field> <int>
hincrbyfloat <key> <field> <float>
hlen <key>
hmget <key> <field> <field>
hmset <key> <field> <value> <field> <value>
hrandfield <key> <int>
hscan <key> 0
hset <key> <field> <value>
hset <key> <field> <value> <field> <value>
hset <key> <field> <long>
hsetnx <key> <field> <value>
incr <key>
incrby <key> <int>
incrbyfloat <key> <float>
keys *
blmove <list> <list> <side> <side> 1
blmpop 1 2 <list> <list> <side> count <few>
blpop <list> <list> 1
brpop <list> <list> 1
brpoplpush <list> <list> 1
lindex <list> <int>
linsert <list> before <item> <item>
linsert <list> after <item> <item>
llen <list>
lmove <list> <list> <side> <side>
lmpop 2 <list> <list> <side>
lmpop 2 <list> <list> <side> count <few>
lpop <list>
lpop <list> <few>
lpos <list> <item> count 0
lpush <list> <item> <item> <item>
lpushx <list> <item>
lrange <list> <int> <int>
lrem <list> <int> <item>
lset <list> <int> <item>
ltrim <list> <few> <minus>
rpop <list>
rpop <list> <few>
rpoplpush <list> <list>
rpush <list> <item> <item> <item>
rpush <list> <item> <item> <item> <item>
rpushx <list> <item>
lcs <key> <key>
mget <key> <key>
mset <key> <value> <key> <value>
msetnx <key> <value> <key> <value>
object encoding <key>
persist <key>
pexpire <key> <ttl>
pexpire <key> <ttl> <condition>
pexpireat <key> <time>
pexpireat <key> <time> <condition>
pfadd <key> <element> <element> <element>
pfadd <key>
pfcount <key>
pfcount <key> <key>
pfdebug todense <key>
pfmerge <key> <key> <key>
psetex <key> <ttl> <value>
randomkey
rename <key> <key>
renamenx <key> <key>
sadd <set> <member>
sadd <set> <member> <member> <member>
scard <set>
sdiff <set> <set> <set>
sdiffstore <set> <set> <set>
sinter <set> <set>
sintercard 2 <set> <set>
sinterstore <set> <set> <set>
sismember <set> <member>
smembers <set>
smismember <set> <member> <member>
smove <set> <set> <member>
spop <set>
spop <set> <small>
srandmember <set> <int>
srem <set> <member> <member>
sscan <set> 0
sunion <set> <set>
geoadd <zset> <small> <few> <member>
geosearchstore <zset> <zset> fromlonlat 50 2 byradius 4000 km storedist
georadius <zset> 50 2 4000 km count 2 any store <zset>
geosearch <zset> frommember x bybox 1000 1000 km
zadd <zset> <score> <member>
zadd <zset> <score> <member> <score> <member> <score> <member>
zadd <zset> <direction> ch <score> <member> <score> <member>
zadd <zset> <condition> incr <score> <member>
zcard <zset>
zcount <zset> -1 2
zdiff 2 <zset> <zset>
zdiffstore <zset> 2 <zset> <set>
zincrby <zset> <score> <member>
zinter 2 <zset> <zset> withscores
zintercard 2 <zset> <zset>
zinterstore <zset> 2 <zset> <zset> weights <score> <score>
zlexcount <zset> - +
zmpop 2 <zset> <zset> max count <few>
zmscore <zset> <member> <member>
zpopmax <zset> <few>
zpopmin <zset>
zrandmember <zset> <int>
zrange <zset> <score> <score> byscore
zrangestore <zset> <zset> <int> <int>
zrangestore <zset> <zset> [a [y bylex
zrangestore <zset> <zset> <score> <score> byscore rev limit 0 <few>
zrank <zset> <member>
zrem <zset> <member> <member>
zremrangebylex <zset> [x +
zremrangebyrank <zset> <few> <few>
zremrangebyscore <zset> (<score> <score>
zrevrank <zset> <member>
zscan <zset> 0
zscore <zset> <member>
zunion 2 <zset> <set>
zunionstore <zset> 3 <zset> <zset> <set> aggregate max
bzpopmin <zset> <zset> 0
bzpopmax <zset> <zset> 0
bzmpop 0 2 <zset> <zset> min count <few>
copy <zset> <zset> replace
sunionstore <set> <set> <set>
scan 0
set <key> <value>
setbit <key> <small> 0
setbit <key> <small> 1
set <key> <value> nx
set <key> <value> xx get
set <key> <value> get
set <key> <value> keepttl
set <key> <value> ex <ttl>
set <key> <value> px <ttl> nx
set <key> <value> px <ttl> xx get
set <key> <value> exat <second>
set <key> <value> pxat <time>
setex <key> <ttl> <value>
setnx <key> <value>
setrange <key> <small> <value>
strlen <key>
touch <key>
ttl <key>
type <key>
unlink <key> <key>
rename <stream> <stream>
copy <stream> <stream> replace
del <stream>
xack <stream> <group> <id> <id> <id>
xadd <stream> * <field> <value>
xadd <stream> * <field> <value>
xadd <stream> * f <value> g <int>
xadd <stream> <id> f <value>
xadd <stream> <ms>-* f <value>
xadd <stream> nomkstream * f <value>
xadd <stream> maxlen <small> * f <value>
xadd <stream> maxlen ~ <small> * f <value>
xadd <stream> maxlen ~ <small> limit 4 <ms>-* f <value>
xadd <stream> minid <id> * f <value>
xadd <stream> minid ~ <id> * f <value>
xautoclaim <stream> <group> <consumer> <idle> <id>
xautoclaim <stream> <group> <consumer> <idle> <id> count 2 justid
xclaim <stream> <group> <consumer> <idle> <id> <id>
xclaim <stream> <group> <consumer> <idle> <id> force justid
xclaim <stream> <group> <consumer> <idle> <id> force idle 3 retrycount 9
xclaim <stream> <group> <consumer> <idle> <id> <id> time <time>
xclaim <stream> <group> <consumer> <idle> <id> lastid <id>
xdel <stream> <id> <id> <id>
xgroup create <stream> <group> <id>
xgroup create <stream> <group> $ mkstream
xgroup create <stream> <group> 0 entriesread 0
xgroup createconsumer <stream> <group> <consumer>
xgroup delconsumer <stream> <group> <consumer>
xgroup destroy <stream> <group>
xgroup setid <stream> <group> <id>
xgroup setid <stream> <group> $ entriesread 5
xinfo stream <stream> full
xlen <stream>
xpending <stream> <group>
xpending <stream> <group> - + 10
xrange <stream> <id> +
xread streams <stream> <id>
xreadgroup group <group> <consumer> count 3 streams <stream> >
xreadgroup group <group> <consumer> streams <stream> >
xreadgroup group <group> <consumer> streams <stream> <id>
xreadgroup group <group> <consumer> count 2 noack streams <stream> >
xreadgroup group <group> <consumer> count 2 streams stream:0 stream:1 > >
xrevrange <stream> + <id>
xsetid <stream> <ms>
xsetid <stream> <ms> entriesadded <small> maxdeletedid <id>
xtrim <stream> maxlen <small>
xtrim <stream> maxlen ~ <small> limit 8
xtrim <stream> minid <id>
xtrim <stream> minid ~ <id>
`), "\n")

// generator makes commands by chance.
type generator struct {
	r   *rand.Rand
	now int64
}

func (g *generator) command() []string {
	words := strings.Fields(sentences[g.r.IntN(len(sentences))])
	if words[0] == "flushall" && g.r.IntN(10) > 0 {
		return g.command()
	}
	for i, w := range words {
		words[i] = g.word(w)
	}
	return words
}

func (g *generator) word(w string) string {
	pick := func(words ...string) string { return words[g.r.IntN(len(words))] }
	switch w {
	case "<key>":
		return "key:" + strconv.Itoa(g.r.IntN(6))
	case "<set>":
		if g.r.IntN(10) == 0 {
			return g.word("<key>")
		}
		return "set:" + strconv.Itoa(g.r.IntN(4))
	case "<zset>":
		if g.r.IntN(10) == 0 {
			return g.word("<set>")
		}
		return "zset:" + strconv.Itoa(g.r.IntN(4))
	case "<score>", "(<score>":
		return strings.TrimSuffix(w, "<score>") + pick("0", "-0", "1", "-1", "2", "2.5", "inf", "-inf", "0.1", "1e300")
	case "<direction>":
		return pick("gt", "lt", "xx", "nx")
	case "<few>":
		return strconv.Itoa(g.r.IntN(4) + 1)
	case "<list>":
		if g.r.IntN(10) == 0 {
			return g.word("<key>")
		}
		return "list:" + strconv.Itoa(g.r.IntN(4))
	case "<side>":
		return pick("left", "right")
	case "<minus>":
		return strconv.Itoa(-1 - g.r.IntN(3))
	case "<item>":
		return pick("", "x", "y", "01", strconv.Itoa(g.r.IntN(9)), strings.Repeat("z", g.r.IntN(60)))
	case "<member>":
		return pick("x", "y", "z", "01", strconv.Itoa(g.r.IntN(9)), strconv.Itoa(g.r.IntN(1<<40)-1<<20))
	case "<stream>":
		return "stream:" + strconv.Itoa(g.r.IntN(3))
	case "<group>":
		return pick("g", "h")
	case "<consumer>":
		return pick("alice", "bob", "carol")
	case "<id>":
		return pick("0", g.word("<ms>"), g.word("<ms>")+"-"+strconv.Itoa(g.r.IntN(3)))
	case "<ms>":
		return strconv.FormatInt(g.now-int64(g.r.IntN(100)), 10)
	case "<idle>":
		return pick("0", "0", "5", "50")
	case "<field>":
		return "field:" + strconv.Itoa(g.r.IntN(12))
	case "<value>":
		return pick("", "a", "some text", "17", "-3", "2.5", strings.Repeat("x", g.r.IntN(60)))
	case "<long>":
		return strings.Repeat("y", 60+g.r.IntN(10))
	case "<int>":
		return strconv.Itoa(g.r.IntN(40) - 20)
	case "<element>":
		return strconv.Itoa(g.r.IntN(1000))
	case "<small>":
		return strconv.Itoa(g.r.IntN(100))
	case "<float>":
		return pick("0.1", "-1.5", "1e3", "3")
	case "<ttl>":
		return strconv.Itoa(g.r.IntN(30) - 3)
	case "<second>":
		return strconv.FormatInt(g.now/1000+int64(g.r.IntN(8)-3), 10)
	case "<time>":
		return strconv.FormatInt(g.now+int64(g.r.IntN(60)-20), 10)
	case "<condition>":
		return pick("nx", "xx", "gt", "lt")
	}
	return w
}

// content is every key of a DB, expired ones too, with its value and expiry as text.
func content(db *keyspace.DB) map[string]string {
	all := map[string]string{}
	db.Expiry = keyspace.ExpireIgnore
	db.Each(func(key []byte, v keyspace.Value, at int64) bool {
		text := string(v.Bytes)
		if v.Type == keyspace.Stream {
			text = strconv.FormatUint(v.Object.Digest(), 16)
		}
		if v.Type == keyspace.List {
			text = ""
			l := datatype.OpenList(db, key, v, true)
			l.Each(0, false, func(element []byte) bool {
				text += fmt.Sprintf("%q ", element)
				return true
			})
		}
		if v.Type == keyspace.Hash {
			var fields []string
			h := datatype.OpenHash(db, key, v, true)
			h.Each(func(f, v []byte) bool {
				fields = append(fields, fmt.Sprintf("%q=%q", f, v))
				return true
			})
			slices.Sort(fields)
			text = strings.Join(fields, " ")
		}
		if v.Type == keyspace.Set {
			var members []string
			s := datatype.OpenSet(db, key, v, true)
			s.Each(func(member []byte) bool {
				members = append(members, fmt.Sprintf("%q", member))
				return true
			})
			slices.Sort(members)
			text = strings.Join(members, " ")
		}
		if v.Type == keyspace.ZSet {
			text = ""
			z := datatype.OpenZSet(db, key, v, true)
			z.Each(func(member []byte, score float64) bool {
				text += fmt.Sprintf("%q=%v ", member, score+0)
				return true
			})
		}
		all[string(key)] = fmt.Sprintf("%v %d %s", v.Type, at, text)
		return true
	})
	return all
}

// Replaying what a command logs gives what the command gave, whenever it is replayed; what is told as changed is what has changed, once each.
func TestEffectsReplay(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { testReplay(t, seed) })
	}
}

func testReplay(t *testing.T, seed uint64) {
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	g := &generator{r: rand.New(rand.NewPCG(seed, 9)), now: 1_700_000_000_000}
	primary, replica := newExecutor(t, g.now), newExecutor(t, g.now)
	// A hash goes from one form to the other soon, and on the replica at another size.
	primary.db.Limits.HLLSparseMaxBytes, replica.db.Limits.HLLSparseMaxBytes = 60, 40
	primary.db.Limits.ListMaxListpackSize, replica.db.Limits.ListMaxListpackSize = 3, 2
	primary.db.Limits.ListPackedThreshold, replica.db.Limits.ListPackedThreshold = 40, 30
	primary.db.Limits.HashMaxListpackEntries, replica.db.Limits.HashMaxListpackEntries = 6, 3
	primary.db.Limits.SetMaxIntsetEntries, replica.db.Limits.SetMaxIntsetEntries = 6, 3
	primary.db.Limits.StreamNodeMaxEntries, replica.db.Limits.StreamNodeMaxEntries = 4, 3
	primary.db.Limits.ZSetMaxListpackEntries, replica.db.Limits.ZSetMaxListpackEntries = 6, 3
	before := map[string]string{}
	var reply, nowhere resp.Writer
	for range rounds {
		if g.r.IntN(3) == 0 {
			g.now += int64(g.r.IntN(20))
		}
		primary.now = g.now
		replica.now = g.now + 10_000_000 // a replica may be late
		words := g.command()
		reply.Reset(1 << 10)
		err := primary.run(bytesOf(words), &reply, keyspace.ExpireDelete)
		effects := bytes.Clone(primary.effects)
		after := content(primary.db)
		if why := tellsChanges(primary, before, after, words); why != "" {
			t.Fatalf("%q: %s", words, why)
		}
		if len(effects) == 0 && len(primary.changed) > 0 || len(effects) > 0 && len(primary.changed) == 0 && !primary.all {
			t.Fatalf("%q: changed %v, logs %q", words, primary.changed, effects)
		}
		if err != nil && len(reply.Bytes()) > 0 && !strings.Contains(strings.Join(words, " "), "get") {
			t.Fatalf("%q: answers %q before it is refused", words, reply.Bytes())
		}
		err = command.DecodeEffects(effects, nil, func(argv [][]byte) error {
			nowhere.Reset(1 << 10)
			return replica.run(argv, &nowhere, keyspace.ExpireIgnore)
		})
		if err != nil {
			t.Fatalf("%q: replay of %q: %v", words, effects, err)
		}
		if primary.db.Digest() != replica.db.Digest() {
			t.Fatalf("%q: replay of %q gives\n%v\ninstead of\n%v", words, effects, content(replica.db), after)
		}
		before = after
	}
	for _, e := range []*executor{primary, replica} {
		if err := e.db.Check(); err != nil {
			t.Error(err)
		}
	}
}

// tellsChanges says what is wrong with what the executor was told of changes.
func tellsChanges(e *executor, before, after map[string]string, words []string) string {
	if e.all {
		if len(after) > 0 || len(before) == 0 {
			return "told that all changed"
		}
		return ""
	}
	for key, n := range e.changed {
		again := 1
		if strings.HasPrefix(words[0], "mset") && words[1] == words[3] {
			again = 2 // set twice, told twice
		}
		if expired := slices.Contains(e.events, "x expired "+key); expired {
			again++
		}
		if n > again {
			return fmt.Sprintf("%s told as changed %d times", key, n)
		}
	}
	for key := range merge(before, after) {
		if before[key] != after[key] && e.changed[key] == 0 {
			return fmt.Sprintf("%s changed from %q to %q and nobody was told", key, before[key], after[key])
		}
	}
	return ""
}

func merge(a, b map[string]string) map[string]bool {
	all := map[string]bool{}
	for key := range a {
		all[key] = true
	}
	for key := range b {
		all[key] = true
	}
	return all
}

func TestEffectsAreAbsolute(t *testing.T) {
	const now = 1_700_000_000_000
	for _, c := range []struct {
		name         string
		before       []string
		words, wants string
	}{
		{"expiry from now", nil, "set k v ex 10", "set k v PXAT 1700000010000"},
		{"expiry at a second", nil, "set k v exat 1800000000", "set k v PXAT 1800000000000"},
		{"expiry that exists", nil, "set k v nx px 5", "set k v PXAT 1700000000005"},
		{"setex", nil, "setex k 10 v", "set k v PXAT 1700000010000"},
		{"psetex", nil, "psetex k 10 v", "set k v PXAT 1700000000010"},
		{"no expiry", nil, "set k v", "set k v"},
		{"condition that fails", []string{"set k v"}, "set k w nx", ""},
		{"condition on nothing", nil, "set k w xx", ""},
		{"expire", []string{"set k v"}, "expire k 10", "pexpireat k 1700000010000"},
		{"expire with a condition", []string{"set k v"}, "pexpire k 10 nx", "pexpireat k 1700000000010"},
		{"expire whose condition fails", []string{"set k v"}, "pexpire k 10 xx", ""},
		{"expire in the past", []string{"set k v"}, "expire k -1", "del k"},
		{"expire now", []string{"set k v"}, "pexpireat k 1700000000000", "del k"},
		{"expire of nothing", nil, "expire k 10", ""},
		{"getex without an option", []string{"set k v"}, "getex k", ""},
		{"getex", []string{"set k v"}, "getex k ex 10", "pexpireat k 1700000010000"},
		{"getex in the past", []string{"set k v"}, "getex k exat 1", "del k"},
		{"getex persist", []string{"set k v ex 5"}, "getex k persist", "persist k"},
		{"getex persist of no expiry", []string{"set k v"}, "getex k persist", ""},
		{"persist of no expiry", []string{"set k v"}, "persist k", ""},
		{"getdel", []string{"set k v"}, "getdel k", "del k"},
		{"getdel of nothing", nil, "getdel k", ""},
		{"incrbyfloat", []string{"set k 10.5"}, "incrbyfloat k 0.1", "set k 10.6 KEEPTTL"},
		{"hincrbyfloat", []string{"hset k f 10.5"}, "hincrbyfloat k f 0.1", "hset k f 10.6"},
		{"hdel of nothing", []string{"hset k f v"}, "hdel k g", ""},
		{"hsetnx of a field that exists", []string{"hset k f v"}, "hsetnx k f w", ""},
		{"setrange of nothing", []string{"set k v"}, "setrange k 1 \"\"", ""},
		{"renamenx to a name taken", []string{"set k v", "set l w"}, "renamenx k l", ""},
		{"rename to itself", []string{"set k v"}, "rename k k", ""},
		{"copy to a name taken", []string{"set k v", "set l w"}, "copy k l", ""},
		{"bitfield of which all fails", nil, "bitfield k overflow fail set u8 0 256", "bitfield k overflow fail set u8 0 256"},
		{"bitfield of which all fails again", []string{"set k v"}, "bitfield k overflow fail set u8 0 256", ""},
		{"setbit of what is set", []string{"set k a"}, "setbit k 1 1", ""},
		{"pfadd of what is there", []string{"pfadd k a"}, "pfadd k a", ""},
		{"pfcount", []string{"pfadd k a"}, "pfcount k", "pfcount k"},
		{"pfcount that is known", []string{"pfadd k a", "pfcount k"}, "pfcount k", ""},
		{"pfcount of several", []string{"pfadd k a"}, "pfcount k k", ""},
		{"flush of nothing", nil, "flushall", "flushall"}, // as Redis replicates it
		{"flush", []string{"set k v"}, "flushall async", "flushall async"},
		{"spop", []string{"sadd k a"}, "spop k", "srem k a"},
		{"spop with a count", []string{"sadd k 1 2 3"}, "spop k 2", "srem k 3 2"},
		{"spop of most", []string{"sadd k 1 2 3 4 5 6"}, "spop k 5", "srem k 1 2 3 4 5"},
		{"spop of all", []string{"sadd k 1 2 3"}, "spop k 3", "del k"},
		{"spop of none", []string{"sadd k 1 2 3"}, "spop k 0", ""},
		{"spop of nothing", nil, "spop k 2", ""},
		{"sadd of a member", []string{"sadd k a"}, "sadd k a", ""},
		{"srem of no member", []string{"sadd k a"}, "srem k b", ""},
		{"smove of no member", []string{"sadd k a"}, "smove k l b", ""},
		{"smove to itself", []string{"sadd k a"}, "smove k k a", ""},
		{"smove", []string{"sadd k a"}, "smove k l a", "smove k l a"},
		{"sinterstore", []string{"sadd k a"}, "sinterstore l k", "sinterstore l k"},
		{"sinterstore of nothing", []string{"sadd l a"}, "sinterstore l k", "sinterstore l k"},
		{"sinterstore of nothing in nothing", nil, "sinterstore l k", ""},
		{"zadd", nil, "zadd k incr 1 a", "zadd k incr 1 a"},
		{"zadd of nothing new", []string{"zadd k 1 a"}, "zadd k 1 a", ""},
		{"bzpopmin", []string{"zadd k 1 a 2 b"}, "bzpopmin l k 0", "zpopmin k"},
		{"bzpopmin of nothing", nil, "bzpopmin l k 0", ""},
		{"bzmpop", []string{"zadd k 1 a 2 b"}, "bzmpop 0 2 l k max count 9", "zpopmax k 2"},
		{"zmpop", []string{"zadd k 1 a 2 b"}, "zmpop 1 k min", "zpopmin k 1"},
		{"zremrangebylex", []string{"zadd k 1 a 1 b"}, "zremrangebylex k [b +", "zremrangebylex k [b +"},
		{"zremrangebylex of different scores", []string{"zadd k 1 a 2 b"}, "zremrangebylex k [b +", "zrem k b"},
		{"geoadd", nil, "geoadd k nx 13.361389 38.115556 a", "zadd k nx 3479099956230698 a"},
		{"geosearchstore", []string{"geoadd k 13.361389 38.115556 a", "set l v"}, "geosearchstore l k frommember a byradius 1 m storedist", "del l; zadd l 0 a"},
		{"geosearchstore of nothing", []string{"geoadd k 13.361389 38.115556 a"}, "geosearchstore l k fromlonlat 0 0 byradius 1 m", ""},
		{"wrong type", []string{"hset k f v"}, "incr k", ""},
		{"a key found expired", []string{"set k v PXAT 1"}, "get k", "del k"},
		{"a key found expired, then set", []string{"hset k f v", "pexpireat k 1700000000001"}, "append k v", "append k v"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newExecutor(t, now)
			for _, b := range c.before {
				e.do(t, strings.Fields(b)...)
			}
			if c.name == "a key found expired, then set" {
				e.now += 2
				c.wants = "del k; append k v"
			}
			words := strings.Fields(c.words)
			for i, w := range words {
				if w == `""` {
					words[i] = ""
				}
			}
			e.do(t, words...)
			var got []string
			if err := command.DecodeEffects(e.effects, nil, func(argv [][]byte) error {
				got = append(got, string(bytes.Join(argv, []byte(" "))))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, "; ") != c.wants {
				t.Errorf("%s logs %q, want %q", c.words, got, c.wants)
			}
		})
	}
}

// At what size a HyperLogLog becomes dense is a parameter: the log holds the value then. A replica that is asked for a cardinality keeps the value as the log made it.
func TestHyperLogLogReplays(t *testing.T) {
	e := newExecutor(t, 1_700_000_000_000)
	e.db.Limits.HLLSparseMaxBytes = 20
	var nowhere resp.Writer
	run := func(mode keyspace.ExpiryMode, words ...string) {
		t.Helper()
		if err := e.run(bytesOf(words), &nowhere, mode); err != nil {
			t.Fatal(err)
		}
	}
	run(keyspace.ExpireDelete, "pfadd", "k", "a", "b", "c")
	v, _ := e.db.Peek([]byte("k"))
	if want := command.AppendEffect(nil, [][]byte{[]byte("set"), []byte("k"), v.Bytes, []byte("KEEPTTL")}); !bytes.Equal(e.effects, want) {
		t.Errorf("a HyperLogLog that becomes dense logs %q", e.effects)
	}
	run(keyspace.ExpireIgnore, "pfadd", "l", "a", "b", "c")
	if v, _ := e.db.Peek([]byte("l")); len(v.Bytes) > 100 {
		t.Errorf("replay of PFADD decides itself to make %d bytes of it", len(v.Bytes))
	}
	before := e.db.Digest()
	run(keyspace.ExpireHide, "pfcount", "k")
	if len(e.effects) > 0 || e.db.Digest() != before {
		t.Errorf("PFCOUNT on a replica changes the value and logs %q", e.effects)
	}
}
