package datatype

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
)

func openZSet(db *keyspace.DB, key string) ZSet {
	v, found := db.LookupWrite([]byte(key))
	return OpenZSet(db, []byte(key), v, found)
}

// zsetModel is a sorted set as a sorted slice.
type zsetModel []modelElement

type modelElement struct {
	member string
	score  float64
}

func (m *zsetModel) set(member string, score float64) (added bool) {
	added = !m.remove(member)
	e := modelElement{member, score}
	i, _ := slices.BinarySearchFunc(*m, e, func(a, b modelElement) int {
		return compareElements([]byte(a.member), a.score, []byte(b.member), b.score)
	})
	*m = slices.Insert(*m, i, e)
	return added
}

func (m *zsetModel) remove(member string) bool {
	i := m.rank(member)
	if i >= 0 {
		*m = slices.Delete(*m, i, i+1)
	}
	return i >= 0
}

func (m *zsetModel) rank(member string) int {
	return slices.IndexFunc(*m, func(e modelElement) bool { return e.member == member })
}

// A sorted set is a sorted slice, whatever its form, and its digest depends on the elements only.
func TestZSetIsASortedSlice(t *testing.T) {
	member := rapid.Map(rapid.IntRange(0, 300), strconv.Itoa)
	score := rapid.OneOf(rapid.SampledFrom([]float64{0, 1, -1, 2.5, math.Inf(1), math.Inf(-1), 1e300, 1e-300}), rapid.Float64(), rapid.Map(rapid.IntRange(-9, 9), func(n int) float64 { return float64(n) }))
	rapid.Check(t, func(rt *rapid.T) {
		db, other := newDB(t), newDB(t)
		db.Limits.ZSetMaxListpackEntries = rapid.SampledFrom([]int{1, 2, 8, 1000}).Draw(rt, "max entries")
		other.Limits.ZSetMaxListpackEntries = 0 // always big
		var model zsetModel
		most := 0
		for range rapid.IntRange(1, 300).Draw(rt, "changes") {
			a, b := openZSet(db, "z"), openZSet(other, "z")
			switch k := []byte(member.Draw(rt, "member")); rapid.IntRange(0, 9).Draw(rt, "change") {
			case 0, 1:
				had := model.remove(string(k))
				if a.Delete(k) != had || b.Delete(k) != had {
					rt.Fatalf("Delete(%q) of a member that was there: %v", k, had)
				}
			case 2:
				if n := len(model); n > 0 {
					from := rapid.IntRange(0, n-1).Draw(rt, "from")
					count := rapid.IntRange(1, n-from).Draw(rt, "count")
					count = min(count, 5)
					model = slices.Delete(model, from, from+count)
					a.DeleteRange(from, count)
					b.DeleteRange(from, count)
				}
			default:
				s := score.Draw(rt, "score") + 0 // no -0, which a listpack makes 0
				added := model.set(string(k), s)
				if a.Set(k, s) != added || b.Set(k, s) != added {
					rt.Fatalf("Set(%q, %v) of a new member: %v", k, s, added)
				}
			}
			if most = max(most, len(model)); len(model) == 0 {
				most = 0
			}
		}
		compareZSet(rt, db, model, most <= db.Limits.ZSetMaxListpackEntries)
		compareZSet(rt, other, model, false)
		if db.Digest() != other.Digest() {
			rt.Fatal("digests of one content in two forms differ")
		}
		for _, d := range []*keyspace.DB{db, other} {
			z := openZSet(d, "z")
			d.Used()
			if z.big != nil {
				checkTree(rt, &z.big.tree, z.big.tree.root, true)
			}
			if err := d.Check(); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

func compareZSet(t *rapid.T, db *keyspace.DB, model zsetModel, packed bool) {
	z := openZSet(db, "z")
	if z.Len() != len(model) || z.exists != (len(model) > 0) {
		t.Fatalf("%d members, key there: %v, want %d", z.Len(), z.exists, len(model))
	}
	if !z.exists {
		return
	}
	if packed != (z.big == nil) {
		t.Fatalf("%d members are packed: %v, want %v", z.Len(), z.big == nil, packed)
	}
	if z.big == nil {
		if _, err := listpack.Valid(z.packed); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range model {
		s, ok := z.Score([]byte(e.member))
		rank, ranked := z.Rank([]byte(e.member))
		if !ok || s != e.score || !ranked || rank != i {
			t.Fatalf("member %q: score %v, %v, rank %d, %v, want %v and %d", e.member, s, ok, rank, ranked, e.score, i)
		}
	}
	for _, back := range []bool{false, true} {
		var got []string
		from, want := 0, slices.Clone(model)
		if back {
			from = len(model) - 1
			slices.Reverse(want)
		}
		z.Range(from, back, func(m []byte, s float64) bool {
			got = append(got, fmt.Sprintf("%s=%v", m, s))
			return true
		})
		for i, e := range want {
			if i >= len(got) || got[i] != fmt.Sprintf("%s=%v", e.member, e.score) {
				t.Fatalf("from the end: %v, element %d of %v is not %v", back, i, got, e)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d elements, want %d", len(got), len(want))
		}
	}
}

// checkTree says whether the nodes know what is below them, and hold enough. It returns the number of elements.
func checkTree(t rapid.TB, tree *zsetTree, r keyspace.Ref, root bool) int {
	n := tree.node(r)
	if n.len() == 0 || n.len() > n.max() || !n.leaf() && root && n.len() < 2 {
		t.Fatalf("a node has %d entries", n.len())
	}
	if n.leaf() {
		return n.len()
	}
	total := 0
	for i := range n.len() {
		below := checkTree(t, tree, n.child(i), false)
		if c := tree.node(n.child(i)); below != n.count(i) || c.first(0) != n.first(i) || c[0] != n[0]-1 {
			t.Fatalf("entry %d says %d elements from %v on, there are %d from %v on", i, n.count(i), n.first(i), below, c.first(0))
		}
		total += below
	}
	return total
}

// What is released is released wholly, and a clone is a set of its own.
func TestZSetMemory(t *testing.T) {
	db := newDB(t)
	before := db.Used()
	z := openZSet(db, "z")
	for i := range 5000 {
		z.Set([]byte("member "+strconv.Itoa(i*7919%5000)), float64(i%100))
	}
	if checkTree(t, &z.big.tree, z.big.tree.root, true); z.big.tree.node(z.big.tree.root)[0] < 2 {
		t.Error("the tree has no more than two levels")
	}
	if each := db.Used() / 5000; each > 126 { // Redis's, of members as long
		t.Errorf("%d bytes a member", each)
	}
	clone := z.big.Clone(db)
	if clone.Digest() != z.big.Digest() {
		t.Error("the clone's digest is another one")
	}
	for i := range 2500 {
		z.Delete([]byte("member " + strconv.Itoa(i)))
	}
	z.DeleteRange(0, 2400)
	checkTree(t, &z.big.tree, z.big.tree.root, true)
	if big, ok := clone.(*bigZSet); !ok || big.len() != 5000 || z.Len() != 100 {
		t.Errorf("%d members are left, want 100", z.Len())
	}
	clone.Free()
	db.Delete([]byte("z"))
	if err := db.Check(); err != nil {
		t.Error(err)
	}
	if after := db.Used(); after > before+4096 {
		t.Errorf("%d bytes used before, %d after", before, after)
	}
}

// The bytes are those that redis-server's DUMP has for the same elements.
func TestZSetListpackIsRedis(t *testing.T) {
	db := newDB(t)
	z := openZSet(db, "z")
	for _, m := range []string{"b", "a", "c", "", "aa", "B", "1", "10", "2", "-1", "\xff", "\x00", "01", "9223372036854775807", "9223372036854775808"} {
		z.Set([]byte(m), 0)
	}
	want := "ii\x00\x00\x00\x1e\x00\x80\x01\x00\x01\x81\x00\x02\x00\x01\xdf\xff\x02\x00\x01\x8201\x03\x00\x01\x01\x01\x00\x01\n\x01\x00\x01\x02\x01\x00\x01\xf4\xff\xff\xff\xff\xff\xff\xff\x7f\t\x00\x01" +
		"\x939223372036854775808\x14\x00\x01\x81B\x02\x00\x01\x81a\x02\x00\x01\x82aa\x03\x00\x01\x81b\x02\x00\x01\x81c\x02\x00\x01\x81\xff\x02\x00\x01\xff"
	if want = want[1:]; !bytes.Equal(z.packed, []byte(want)) {
		t.Errorf("listpack %q, want %q", z.packed, want)
	}
}

func BenchmarkZSet(b *testing.B) {
	db := newDB(b)
	z := openZSet(db, "z")
	name := make([]byte, 0, 20)
	member := func(i int) []byte { return fmt.Appendf(name[:0], "member:%09d", i*7919%1_000_000) }
	b.Run("add", func(b *testing.B) { // a million of them: -benchtime 1000000x
		for i := range b.N {
			z.Set(member(i), float64(i*31%1_000_003))
		}
		b.ReportMetric(float64(db.Used())/float64(z.Len()), "bytes/member")
	})
	b.Run("rank", func(b *testing.B) {
		for i := range b.N {
			if _, ok := z.Rank(member(i % z.Len())); !ok {
				b.Fatal("no such member")
			}
		}
	})
}
