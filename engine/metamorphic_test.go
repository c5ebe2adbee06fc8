package engine_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/enginetest/generate"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/slot"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// The same random commands must give the same replies, and leave the same keys, however they come to the shard: one by one, in transactions, called by scripts, and on a node
// that is closed now and then and opens again from its log. Replicas, and a node that has nothing but the log, must hold the same as the primary. MEMORYDB_SEEDS is the number of
// seeds, MEMORYDB_SEED the first one; odd seeds speak RESP3.
func TestMetamorphic(t *testing.T) {
	forms, err := generate.Forms()
	if err != nil {
		t.Fatal(err)
	}
	eachSeed(t, 8, func(t *testing.T, seed uint64) {
		l := &list{proto: 2 + int(seed%2)}
		if !t.Run("plain", func(t *testing.T) { l.make(t, generate.New(seed, forms), rand.New(rand.NewPCG(seed, 1))) }) {
			return
		}
		for name, ask := range map[string]func(p *play, b batch) []enginetest.Reply{
			"multi":  (*play).transaction,
			"script": func(p *play, b batch) []enginetest.Reply { return p.each(b, p.script) },
			"restart": func(p *play, b batch) []enginetest.Reply {
				if p.batches++; p.batches%(len(l.batches)/(restarts+1)) == 0 {
					p.restart()
				}
				return p.each(b, p.one)
			},
		} {
			t.Run(name, func(t *testing.T) { l.repeat(t, name == "script", ask) })
		}
	})
}

const (
	metamorphicCommands = 1500 // of a seed
	restarts            = 3    // of the node, in the run with restarts
	mostInBatch         = 5    // commands
	mostSeconds         = 20   // until a key expires
	compareEvery        = 4    // batches
	// drift comes with each batch, so that no time of expiry, which is a whole second or so many whole seconds after a batch, is within the milliseconds that a wait takes.
	drift = 40 * time.Millisecond
)

// list is what is asked in each run, with the replies and the keys of the first run.
type list struct {
	proto   int
	batches []batch
	replies [][]enginetest.Reply // of each batch
	digests []uint64             // after each batch
	keys    []content            // at the end
	dumped  string               // the newest reply of DUMP
}

// batch is some commands that are asked at one time of the clock, and of whose keys all are of one slot, so that they fit into a transaction.
type batch struct {
	at       time.Time
	commands [][]string
}

// content is what is at a key.
type content struct{ key, kind, encoding, expires, dump, stream string }

// fakeClock is the clock of all nodes of a run. It lies in the past, so that the deadline of a connection that waits for a key is always over: only this clock counts.
type fakeClock struct {
	mu    sync.Mutex
	at    time.Time
	ticks bool // each look takes a millisecond: else a wait for a key would never time out
}

var beginning = time.UnixMilli(1_600_000_000_000)

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ticks {
		c.at = c.at.Add(time.Millisecond)
	}
	return c.at
}

func (c *fakeClock) set(at time.Time, ticks bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.ticks = at, ticks
}

// play is one run of a list, on a shard of its own with a primary and a replica.
type play struct {
	t                *testing.T
	clock            fakeClock
	time             time.Time // of the batch
	log              *memlog.Memory
	proto            int
	primary, replica *member
	epoch            uint64
	c                *enginetest.Client // of the primary
	batches          int
}

func newPlay(t *testing.T, proto int) *play {
	p := &play{t: t, log: memlog.New(nil), proto: proto}
	p.at(beginning)
	p.replica = p.open("replica")
	p.lead()
	return p
}

// at is the time of what is asked next.
func (p *play) at(at time.Time) {
	p.time = at
	p.clock.set(at, false)
}

// open opens a node. It deletes expired keys only when a command comes across them: what its own cycle deletes, and when, is up to chance.
func (p *play) open(name string) *member {
	m := openNode(p.t, p.log.Shard("s"), name, func(c *engine.Config) { c.Now, c.AdminCommands = p.clock.now, true })
	if err := m.CaughtUp(soon(p.t)); err != nil {
		p.t.Fatal(err)
	}
	c := p.dial(m)
	if v := c.Do("debug", "set-active-expire", "0"); v.Text != "OK" {
		p.t.Fatalf("DEBUG SET-ACTIVE-EXPIRE: %q", v.Lines())
	}
	c.Close()
	return m
}

func (p *play) dial(m *member) *enginetest.Client {
	conn, err := net.Dial("tcp", m.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	return enginetest.NewClient(p.t, conn)
}

// lead opens the primary.
func (p *play) lead() {
	p.primary = p.open("primary")
	p.primary.promote(p.t)
	p.epoch++
	publish(p.t, p.epoch, p.primary, p.primary, p.replica)
	p.c = p.dial(p.primary)
	p.c.Proto(p.proto)
}

func (p *play) restart() {
	p.c.Close()
	if err := p.primary.Close(soon(p.t)); err != nil {
		p.t.Fatal(err)
	}
	p.lead()
}

// one asks a command as it is.
func (p *play) one(words []string) enginetest.Reply {
	if p.mayWait(words) {
		p.clock.set(p.time, true)
		defer p.clock.set(p.time, false)
	}
	return p.c.Do(words...)
}

// mayWait says whether a command waits for keys. Readers of streams do not: the generator gives them no BLOCK.
func (p *play) mayWait(words []string) bool {
	row, err := p.lookup(words)
	return err == nil && row.Is(command.Blocking) && row.Group != command.Stream
}

func (p *play) each(b batch, ask func(words []string) enginetest.Reply) []enginetest.Reply {
	var replies []enginetest.Reply
	for _, words := range b.commands {
		replies = append(replies, ask(words))
	}
	return replies
}

// transaction asks a batch between MULTI and EXEC. A command that is refused when it is queued makes EXEC do nothing; the others are then asked once more without it.
func (p *play) transaction(b batch) []enginetest.Reply {
	replies := make([]enginetest.Reply, len(b.commands))
	for {
		p.c.Do("multi")
		refused := false
		var queued []int
		for i, words := range b.commands {
			if replies[i].Kind != 0 {
				continue
			}
			if v := p.c.Do(words...); v.Kind == '-' {
				replies[i], refused = v, true
			} else {
				queued = append(queued, i)
			}
		}
		v := p.c.Do("exec")
		if refused && v.Kind == '-' && strings.HasPrefix(v.Text, "EXECABORT ") {
			continue
		}
		if refused || v.Kind != '*' || len(v.Items) != len(queued) {
			p.t.Fatalf("EXEC of %.500q: %.500q", b.commands, v.Lines())
		}
		for k, i := range queued {
			replies[i] = v.Items[k]
		}
		return replies
	}
}

// script lets a script call a command whose keys are declared. What scripts may not call is asked as it is.
func (p *play) script(words []string) enginetest.Reply {
	row, err := p.lookup(words)
	if row == nil || row.Is(command.NoScript) {
		return p.one(words)
	}
	text := "return redis.call(unpack(ARGV))"
	if len(words)%2 == 0 {
		text = "return redis.pcall(unpack(ARGV))"
	}
	if p.proto == 3 {
		text = "redis.setresp(3) " + text
	}
	var keys []string
	if err == nil {
		keys = keysOf(row, words)
	}
	v := p.c.Do(slices.Concat([]string{"eval", text, strconv.Itoa(len(keys))}, keys, words)...)
	if v.Kind == '-' { // redis.call adds the script and the line
		v.Text = place.ReplaceAllString(v.Text, "")
	}
	return v
}

func (p *play) lookup(words []string) (*command.Spec, error) {
	return p.primary.Table().Lookup(bytesOf(words))
}

func bytesOf(words []string) [][]byte {
	argv := make([][]byte, len(words))
	for i, w := range words {
		argv[i] = []byte(w)
	}
	return argv
}

// keysOf are the keys of a command; none if they can't be told, since the command then fails.
func keysOf(row *command.Spec, words []string) (keys []string) {
	found, _ := row.KeysOf(bytesOf(words), nil)
	for _, k := range found {
		keys = append(keys, words[k.Index])
	}
	return keys
}

// leftOut says whether a command has no place in the list.
func (p *play) leftOut(words []string) bool {
	words = called(words)
	switch strings.ToLower(words[0]) {
	case "multi", "exec", "discard", "watch", "unwatch", // of transactions, which a run makes itself
		"client", "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe": // of the connection, which does not outlive a restart
		return true
	case "setbit", "setrange": // strings of many megabytes
		return slices.ContainsFunc(words, func(w string) bool { n, err := strconv.Atoi(w); return err == nil && n > 1<<20 })
	case "sort", "sort_ro": // gives a small sorted set the encoding of a big one, as in Redis; that is not logged and shows in DUMP
		return len(words) > 1 && strings.Contains(p.c.Do("debug", "object", words[1]).Text, "encoding:listpack") // DEBUG OBJECT deletes no key that has expired
	case "blmpop", "bzmpop":
		return len(words) > 1 && tooLong(words[1])
	default:
		return p.mayWait(words) && tooLong(words[len(words)-1])
	}
}

// tooLong says whether a call that waits would do so for longer than a few looks at the clock.
func tooLong(timeout string) bool {
	seconds, err := strconv.ParseFloat(timeout, 64)
	return strings.HasPrefix(timeout, "0x") || err == nil && (seconds == 0 || seconds > 0.001)
}

// called is the command that a call of EVAL calls, or the command itself.
func called(words []string) []string {
	if strings.EqualFold(words[0], "eval") && len(words) > 3 {
		return words[3:]
	}
	return words
}

// make makes the list and asks it command by command: what DUMP replies becomes an argument of RESTORE.
func (l *list) make(t *testing.T, g *generate.Generator, rnd *rand.Rand) {
	p := newPlay(t, l.proto)
	at := beginning.Add(drift / 2)
	var keys []string // of the last command
	slotOfBatch, full := -1, true
	for range metamorphicCommands {
		words := l.next(g, rnd, keys, at)
		for p.leftOut(words) {
			words = l.next(g, rnd, keys, at)
		}
		keys = nil
		if row, err := p.lookup(words); err == nil {
			keys = keysOf(row, words)
		}
		if full || len(keys) > 0 && slotOfBatch >= 0 && slotOfBatch != int(slot.Of([]byte(keys[0]))) {
			at = at.Add(time.Duration(1+rnd.IntN(3))*time.Second + drift)
			p.at(at)
			l.batches, l.replies, l.digests = append(l.batches, batch{at: at}), append(l.replies, nil), append(l.digests, 0)
			slotOfBatch = -1
		}
		if len(keys) > 0 {
			slotOfBatch = int(slot.Of([]byte(keys[0])))
		}
		i := len(l.batches) - 1
		b, v := &l.batches[i], p.one(words)
		b.commands, l.replies[i], l.digests[i] = append(b.commands, words), append(l.replies[i], v), digest(p.primary)
		if full = len(b.commands) > rnd.IntN(mostInBatch); strings.EqualFold(words[0], "spop") { // what it leaves is up to chance: the generator's DEL must follow at once
			full, keys = false, nil
		}
		if strings.EqualFold(words[0], "dump") && v.Kind == '$' && !v.Null {
			g.Dumped(v.Text)
			l.dumped = v.Text
		}
	}
	l.keys = p.contents(p.primary)
	t.Logf("%d batches, %d keys are left", len(l.batches), len(l.keys))
	p.sameEverywhere(l)
}

// next is a command of the generator's, or one that lets a key expire soon: the generator itself knows no clock.
func (l *list) next(g *generate.Generator, rnd *rand.Rand, keys []string, at time.Time) []string {
	if len(keys) > 0 && rnd.IntN(8) == 0 {
		key, seconds := keys[rnd.IntN(len(keys))], 1+rnd.IntN(mostSeconds)
		then := at.Add(time.Duration(seconds) * time.Second)
		in, inMillis, unix, unixMillis := strconv.Itoa(seconds), strconv.Itoa(1000*seconds), strconv.FormatInt(then.Unix(), 10), strconv.FormatInt(then.UnixMilli(), 10)
		all := [][]string{
			{"expire", key, in}, {"expire", key, in, "nx"}, {"expire", key, in, "gt"}, {"pexpire", key, inMillis}, {"pexpire", key, inMillis, "xx"}, {"expireat", key, unix},
			{"pexpireat", key, unixMillis, "lt"}, {"set", key, in, "ex", in}, {"set", key, in, "pxat", unixMillis, "nx", "get"}, {"getex", key, "px", inMillis}, {"getex", key, "exat", unix},
			{"setex", key, in, "soon"}, {"psetex", key, inMillis, "soon"}, {"xadd", "{t}clock", "maxlen", "~", "10", "*", "at", in},
			{"restore", key, inMillis, l.dumped, "replace"}, {"restore", key, unixMillis, l.dumped, "absttl"}, {"persist", key},
		}
		return all[rnd.IntN(len(all))]
	}
	words := g.Next()
	if words[0] == "multi" {
		g.Reset()
	}
	return words
}

// repeat asks the list in another way, and compares.
func (l *list) repeat(t *testing.T, scripted bool, ask func(p *play, b batch) []enginetest.Reply) {
	p := newPlay(t, l.proto)
	for i, b := range l.batches {
		p.at(b.at)
		for k, got := range ask(p, b) {
			words := b.commands[k]
			want := copyOf(l.replies[i][k])
			if scripted {
				want = p.fromScript(words, want)
			}
			normalise(words, &want)
			normalise(words, &got)
			if w, g := show(want), show(got); w != g {
				t.Fatalf("batch %d of %d, at %d: %.2000q\ncommand %d of it: %.500q\n got: %.2000s\nwant: %.2000s", i, len(l.batches), b.at.UnixMilli(), b.commands, k, words, g, w)
			}
		}
		if digest(p.primary) != l.digests[i] {
			t.Fatalf("another digest than that of the plain run after batch %d: %.2000q", i, b.commands)
		}
		if i%compareEvery == 0 { // what a replica has got wrong may expire, or be overwritten, before the end
			p.same(p.replica)
		}
	}
	p.compare(p.primary, l)
	p.sameEverywhere(l)
}

// sameEverywhere compares the replica that has followed the log, and a node that opens on the log alone, with the primary.
func (p *play) sameEverywhere(l *list) {
	fresh := p.open("fresh")
	p.epoch++
	publish(p.t, p.epoch, p.primary, p.primary, p.replica, fresh)
	for _, m := range []*member{p.replica, fresh} {
		p.same(m)
		p.compare(m, l)
	}
}

// same compares a node that follows the log with the primary, once it has applied everything.
func (p *play) same(m *member) {
	want, at := p.primary.Digest()
	eventually(p.t, func() error {
		if st := m.Status(); st.Err != nil || st.Applied != at {
			return fmt.Errorf("a replica is %+v, the primary is at %v", st, at)
		}
		return nil
	})
	if digest(m) != want {
		p.t.Fatalf("node %.4s has another digest than its primary at %v", m.id, p.time.UnixMilli())
	}
}

// compare compares the keys of a node with those of the plain run.
func (p *play) compare(m *member, l *list) {
	p.t.Helper()
	got := p.contents(m)
	if len(got) != len(l.keys) {
		p.t.Errorf("node %.4s has %d keys, want %d", m.id, len(got), len(l.keys))
		return
	}
	for i, want := range l.keys {
		if got[i] != want {
			p.t.Errorf("node %.4s:\n got %.2000q\nwant %.2000q", m.id, got[i], want)
		}
	}
}

// contents are the keys of a node in order.
func (p *play) contents(m *member) []content {
	c := p.dial(m)
	defer c.Close()
	c.Do("readonly")
	var all []content
	for _, key := range c.Do("keys", "*").Items {
		ask := func(words ...string) string {
			v := c.Do(words...)
			normalise(words, &v)
			return show(v)
		}
		k := content{key.Text, ask("type", key.Text), ask("object", "encoding", key.Text), ask("pexpiretime", key.Text), ask("dump", key.Text), ""}
		if k.kind == "+stream" {
			k.stream = ask("xinfo", "stream", key.Text, "full", "count", "0")
		}
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b content) int { return strings.Compare(a.key, b.key) })
	return all
}

// show is a reply on one line.
func show(v enginetest.Reply) string { return strings.Join(v.Lines(), "|") }

// copyOf is a reply that may be changed.
func copyOf(v enginetest.Reply) enginetest.Reply {
	v.Items = slices.Clone(v.Items)
	for i := range v.Items {
		v.Items[i] = copyOf(v.Items[i])
	}
	return v
}

var place = regexp.MustCompile(` script: [0-9a-f]{40}, on @user_script:1\.$`)

// fromScript is the reply of a script that calls a command and returns what it gets, if the command's own reply is v.
func (p *play) fromScript(words []string, v enginetest.Reply) enginetest.Reply {
	switch row, err := p.lookup(words); {
	case row == nil || row.Is(command.NoScript):
	case err != nil: // a wrong number of words has another text
		v.Text = "ERR Wrong number of args calling Redis command from script"
	default:
		throughLua(&v)
	}
	return v
}

// throughLua converts a reply as a script does.
func throughLua(v *enginetest.Reply) {
	switch {
	case v.Kind == ',': // coordinates have more digits than Lua's numbers, which are written in another format
		if f, err := strconv.ParseFloat(v.Text, 64); err == nil {
			v.Text = string(resp.AppendDouble(nil, f))
		}
	case v.Kind == ':': // Lua's numbers are doubles
		n, err := strconv.ParseInt(v.Text, 10, 64)
		if f := float64(n); err == nil && f < 1<<63 {
			v.Text = strconv.FormatInt(int64(f), 10)
		} else {
			v.Text = "-9223372036854775808" // what C on x86 makes of a double that does not fit
		}
	case v.Null: // each null of RESP2 is false, which is the null of a bulk string
		v.Kind = '$'
	}
	for i := range v.Items {
		throughLua(&v.Items[i])
	}
	isNil := func(item enginetest.Reply) bool { return item.Kind == '_' }
	if v.Kind != '%' {
		if end := slices.IndexFunc(v.Items, isNil); end >= 0 { // an array ends at the first nil
			v.Items = v.Items[:end]
		}
		return
	}
	for i := len(v.Items) - 2; i >= 0; i -= 2 { // a table has each key once (XREAD may be asked for a stream twice), and none whose value is nil
		again := false
		for k := i + 2; k < len(v.Items); k += 2 {
			again = again || v.Items[k].Text == v.Items[i].Text
		}
		if again || isNil(v.Items[i+1]) {
			v.Items = slices.Delete(v.Items, i, i+2)
		}
	}
}

// normalise takes away of a reply what may differ.
func normalise(words []string, v *enginetest.Reply) {
	inLua := len(called(words)) < len(words) // by a script of the list
	words = called(words)
	sortUnordered(v, false)
	switch strings.ToLower(words[0]) {
	case "keys", "hkeys", "hvals", "smembers", "sinter", "sunion", "sdiff": // no order is promised
		sortItems(v, 1)
	case "hgetall": // no order is promised
		sortItems(v, 2)
	case "hrandfield", "srandmember", "zrandmember", "spop", // chance decides
		"scan", "hscan", "sscan", "zscan": // cursors and order are a node's own
		shapeOnly(v)
	case "blmove", "brpoplpush": // after a wait in vain the null is an array's, where they may not wait it is a string's: as in Redis
		if v.Null {
			v.Kind = '$'
		}
	case "object": // encoding and references of a string show how it was made (INCRBYFLOAT is logged as SET); so they do on replicas of Redis
		if v.Kind == ':' || slices.Contains([]string{"int", "embstr", "raw"}, v.Text) {
			v.Text = ""
		}
	case "sort", "sort_ro": // BY a constant leaves the order of a set as it happens to be
		if slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, "by") }) {
			shapeOnly(v)
		}
	case "cluster": // GETKEYSINSLOT gives any keys of the slot if there are more
		if len(words) > 1 && strings.EqualFold(words[1], "getkeysinslot") {
			shapeOnly(v)
		}
	case "dump": // a hash table has an order of its own on each node, and a stream tells when consumers were seen: the digest tells whether the rest is the same
		if len(v.Text) > 0 && strings.IndexByte("\x02\x04\x13", v.Text[0]) >= 0 {
			v.Text = v.Text[:1] + strconv.Itoa(len(v.Text))
		}
	case "xinfo", "lcs", "xread", "xreadgroup": // with setresp(3) a map, which RESP2 shows in the order that a table of Lua happens to have
		forgetSeen(v)
		sortUnordered(v, inLua)
	}
}

// forgetSeen takes away when consumers were seen. That is not logged: a node counts from when it has applied what they did, as replicas of Redis do.
func forgetSeen(v *enginetest.Reply) {
	for i := range v.Items {
		if i > 0 && (v.Items[i-1].Text == "idle" || v.Items[i-1].Text == "seen-time") {
			v.Items[i].Text = ""
		}
		forgetSeen(&v.Items[i])
	}
}

// shapeOnly leaves errors, nulls and the number of items.
func shapeOnly(v *enginetest.Reply) {
	if v.Kind != '-' {
		v.Text, v.Items = "", make([]enginetest.Reply, len(v.Items))
	}
}

// sortUnordered sorts the maps and sets in a reply, and arrays if they may be such.
func sortUnordered(v *enginetest.Reply, arrays bool) {
	for i := range v.Items {
		sortUnordered(&v.Items[i], arrays)
	}
	switch {
	case v.Kind == '%':
		sortItems(v, 2)
	case v.Kind == '~' || arrays:
		sortItems(v, 1)
	}
}

// sortItems sorts the items of a reply, of which so many at a time belong together.
func sortItems(v *enginetest.Reply, group int) {
	if v.Kind == '%' {
		group = 2
	}
	groups := slices.Collect(slices.Chunk(v.Items, group))
	slices.SortStableFunc(groups, func(a, b []enginetest.Reply) int {
		return strings.Compare(show(enginetest.Reply{Kind: '*', Items: a}), show(enginetest.Reply{Kind: '*', Items: b}))
	})
	v.Items = slices.Concat(groups...)
}
