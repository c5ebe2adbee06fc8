package datatype_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// modelEntry is an entry of a stream as the model has it.
type modelEntry struct {
	id     datatype.StreamID
	fields []string
}

// modelPending is a pending entry of a group as the model has it.
type modelPending struct {
	consumer  string
	delivered int64
	times     int
}

// model is a stream with one group of consumers, in the simplest form.
type model struct {
	entries []modelEntry
	last    datatype.StreamID
	read    datatype.StreamID // by the group
	pending map[datatype.StreamID]modelPending
}

func (m *model) at(id datatype.StreamID) (int, bool) {
	return slices.BinarySearchFunc(m.entries, id, func(e modelEntry, id datatype.StreamID) int { return e.id.Compare(id) })
}

// Whatever is done to a stream and its group, they hold what a slice and a map hold.
func TestStreamAgainstModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			steps := 4000
			if testing.Short() {
				steps = 400
			}
			p := newStreamPlay(t, seed)
			for range steps {
				p.step()
			}
			p.compare()
			p.e.do(t, "del", "s")
			if n := p.e.db.Used(); n != p.empty {
				t.Errorf("the DB holds %d bytes after the stream was deleted", n-p.empty)
			}
		})
	}
}

// streamPlay does the same to a stream and to its model.
type streamPlay struct {
	t     *testing.T
	e     *executor
	r     *rand.Rand
	m     model
	empty int64
}

func newStreamPlay(t *testing.T, seed uint64) *streamPlay {
	p := &streamPlay{t: t, e: newExecutor(t, 1000), r: rand.New(rand.NewPCG(seed, 8)), m: model{pending: map[datatype.StreamID]modelPending{}}}
	p.e.db.Limits.StreamNodeMaxEntries = 1 + int(seed)*3
	p.e.do(t, "xadd", "s", "*", "a", "b")
	p.e.do(t, "del", "s")
	p.empty = p.e.db.Used()
	p.e.do(t, "xgroup", "create", "s", "g", "0", "mkstream")
	return p
}

// id is an id that is about to exist.
func (p *streamPlay) id() datatype.StreamID {
	if n := len(p.m.entries); n > 0 && p.r.IntN(4) > 0 {
		return p.m.entries[p.r.IntN(n)].id
	}
	return datatype.StreamID{MS: uint64(p.r.Int64N(p.e.now)), Seq: p.r.Uint64N(3)}
}

func (p *streamPlay) expect(want string, words ...string) {
	p.t.Helper()
	if got := p.e.do(p.t, words...); got != want {
		p.t.Fatalf("%q = %q, want %q", words, got, want)
	}
}

func (p *streamPlay) step() {
	p.e.now += p.r.Int64N(3)
	switch n := p.r.IntN(100); {
	case n < 40:
		p.add()
	case n < 55:
		p.remove()
	case n < 58:
		p.trim()
	case n < 68:
		p.compareRange()
	case n < 82:
		p.readGroup()
	case n < 92:
		p.ack()
	case n < 98:
		p.claim()
	default:
		p.compare()
	}
}

func (p *streamPlay) add() {
	e := modelEntry{id: datatype.StreamID{MS: uint64(p.e.now)}}
	if e.id.MS <= p.m.last.MS {
		e.id = datatype.StreamID{MS: p.m.last.MS, Seq: p.m.last.Seq + 1}
	}
	e.fields = []string{"name", strings.Repeat("v", p.r.IntN(40))}
	if p.r.IntN(3) == 0 {
		e.fields = []string{strconv.Itoa(p.r.IntN(5)), "", "n", strconv.Itoa(p.r.IntN(1 << 30))}
	}
	p.expect(fmt.Sprintf("$%d\r\n%v\r\n", len(e.id.String()), e.id), append([]string{"xadd", "s", "*"}, e.fields...)...)
	p.m.entries, p.m.last = append(p.m.entries, e), e.id
}

func (p *streamPlay) remove() {
	id := p.id()
	i, found := p.m.at(id)
	if found {
		p.m.entries = slices.Delete(p.m.entries, i, i+1)
		p.expect(":1\r\n", "xdel", "s", id.String())
		return
	}
	p.expect(":0\r\n", "xdel", "s", id.String())
}

func (p *streamPlay) trim() {
	id := p.id()
	i, _ := p.m.at(id)
	words := []string{"xtrim", "s", "minid", id.String()}
	if p.r.IntN(2) == 0 {
		n := p.r.IntN(40)
		i = max(len(p.m.entries)-n, 0)
		words = []string{"xtrim", "s", "maxlen", strconv.Itoa(n)}
	}
	p.expect(fmt.Sprintf(":%d\r\n", i), words...)
	p.m.entries = p.m.entries[i:]
}

// wire are entries as they are answered.
func wire(entries []modelEntry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(entries))
	for _, e := range entries {
		fmt.Fprintf(&b, "*2\r\n$%d\r\n%v\r\n*%d\r\n", len(e.id.String()), e.id, len(e.fields))
		for _, f := range e.fields {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(f), f)
		}
	}
	return b.String()
}

func (p *streamPlay) compareRange() {
	first, last, count := p.id(), p.id(), 1+p.r.IntN(9)
	from, _ := p.m.at(first)
	to, found := p.m.at(last)
	if found {
		to++
	}
	within := slices.Clone(p.m.entries[min(from, to):to])
	p.expect(wire(within[:min(len(within), count)]), "xrange", "s", first.String(), last.String(), "count", strconv.Itoa(count))
	slices.Reverse(within)
	p.expect(wire(within[:min(len(within), count)]), "xrevrange", "s", last.String(), first.String(), "count", strconv.Itoa(count))
}

func (p *streamPlay) consumer() string { return []string{"alice", "bob", "carol"}[p.r.IntN(3)] }

func (p *streamPlay) readGroup() {
	consumer, count := p.consumer(), 1+p.r.IntN(6)
	from, found := p.m.at(p.m.read)
	if found {
		from++
	}
	fresh := p.m.entries[from:]
	fresh = fresh[:min(len(fresh), count)]
	want := "*-1\r\n"
	if len(fresh) > 0 {
		want = "*1\r\n*2\r\n$1\r\ns\r\n" + wire(fresh)
		p.m.read = fresh[len(fresh)-1].id
	}
	for _, e := range fresh {
		p.m.pending[e.id] = modelPending{consumer, p.e.now, 1}
	}
	p.expect(want, "xreadgroup", "group", "g", consumer, "count", strconv.Itoa(count), "streams", "s", ">")
}

// somePending is the id of a pending entry, if there is one.
func (p *streamPlay) somePending() datatype.StreamID {
	ids := p.pendingIDs()
	if len(ids) == 0 {
		return p.id()
	}
	return ids[p.r.IntN(len(ids))]
}

func (p *streamPlay) pendingIDs() []datatype.StreamID {
	var ids []datatype.StreamID
	for id := range p.m.pending {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, datatype.StreamID.Compare)
	return ids
}

func (p *streamPlay) ack() {
	id, n := p.somePending(), 0
	if _, ok := p.m.pending[id]; ok {
		n = 1
	}
	delete(p.m.pending, id)
	p.expect(fmt.Sprintf(":%d\r\n", n), "xack", "s", "g", id.String())
}

func (p *streamPlay) claim() {
	id, to := p.somePending(), p.consumer()
	old, pending := p.m.pending[id]
	i, exists := p.m.at(id)
	want := "*0\r\n"
	switch {
	case pending && exists:
		p.m.pending[id] = modelPending{to, p.e.now, old.times + 1}
		want = wire(p.m.entries[i : i+1])
	case pending:
		delete(p.m.pending, id)
	}
	p.expect(want, "xclaim", "s", "g", to, "0", id.String())
}

// compare compares everything.
func (p *streamPlay) compare() {
	p.t.Helper()
	p.expect(fmt.Sprintf(":%d\r\n", len(p.m.entries)), "xlen", "s")
	p.expect(wire(p.m.entries), "xrange", "s", "-", "+")
	s := openStream(p.e, "s")
	first := datatype.StreamID{}
	if len(p.m.entries) > 0 {
		first = p.m.entries[0].id
	}
	if s.First != first || s.Last != p.m.last {
		p.t.Fatalf("first %v, last %v; want %v, %v", s.First, s.Last, first, p.m.last)
	}
	g, got := s.Group([]byte("g")), map[datatype.StreamID]modelPending{}
	for _, c := range g.Consumers() {
		n := 0
		c.EachPending(func(datatype.StreamID) { n++ })
		if n != c.Pending() {
			p.t.Fatalf("%s has %d pending, says %d", c.Name(), n, c.Pending())
		}
	}
	g.EachPending(func(id datatype.StreamID, delivered int64, deliveries uint64, c *datatype.StreamConsumer) {
		got[id] = modelPending{c.Name(), delivered, int(deliveries)}
	})
	if diff := cmp.Diff(p.m.pending, got, cmp.AllowUnexported(modelPending{})); diff != "" {
		p.t.Fatalf("pending entries differ (-want +got):\n%s", diff)
	}
	if err := p.e.db.Check(); err != nil {
		p.t.Fatal(err)
	}
	clone := s.Clone(p.e.db)
	if clone.Digest() != s.Digest() {
		p.t.Fatal("a copy has another digest")
	}
	if a, b := clone.Memory(), s.Memory(); a > b+b/2 {
		p.t.Fatalf("a copy holds %d bytes, the original %d", a, b)
	}
	before := p.e.db.Used()
	memory := clone.Memory()
	clone.Free()
	if after := p.e.db.Used(); after > before || memory <= 0 {
		p.t.Fatalf("the DB holds %d bytes before a copy of %d bytes is freed, %d after it", before, memory, after)
	}
}

// An entry of a small message takes about what its bytes are.
func TestStreamMemory(t *testing.T) {
	e := newExecutor(t, 1_700_000_000_000)
	const n = 10_000
	for range n {
		e.now++
		e.do(t, "xadd", "s", "*", "name", "0123456789", "number", "123456")
	}
	if per := float64(openStream(e, "s").Memory()) / n; per > 32 {
		t.Errorf("an entry takes %.1f bytes", per)
	} else {
		t.Logf("an entry takes %.1f bytes", per)
	}
	before := e.db.Used()
	e.do(t, "xgroup", "create", "s", "g", "0")
	e.do(t, "xreadgroup", "group", "g", "c", "streams", "s", ">")
	if per := float64(e.db.Used()-before) / n; per < 56 || per > 64 {
		t.Errorf("a pending entry takes %.1f bytes", per)
	}
	e.do(t, "xgroup", "destroy", "s", "g")
	if after := e.db.Used(); after != before {
		t.Errorf("%d bytes are left of a group", after-before)
	}
}

func BenchmarkXAdd(b *testing.B) {
	e := newExecutor(b, 1_700_000_000_000)
	argv := bytesOf([]string{"xadd", "s", "maxlen", "~", "100000", "*", "name", "0123456789", "number", "123456"})
	for b.Loop() {
		e.now++
		if err := e.run(argv, &e.nowhere, keyspace.ExpireDelete); err != nil {
			b.Fatal(err)
		}
		e.nowhere.Reset(1 << 10)
	}
}
