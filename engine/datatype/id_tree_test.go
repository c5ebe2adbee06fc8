package datatype

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/openmemorydb/memorydb/engine/keyspace"
)

// A tree holds what a map holds, in order, whatever is added and deleted where.
func TestIDTreeAgainstModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { testIDTree(t, seed) })
	}
}

func testIDTree(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 5))
	db := keyspace.New(keyspace.Config{Rand: r, Limits: keyspace.DefaultLimits()})
	t.Cleanup(db.Close)
	var memory int64
	tree := newIDTree(db.Arena(), 8*int(seed%4), &memory)
	before := db.Used()
	model := map[StreamID]byte{}
	last := uint64(0)
	for step := range 30000 {
		growing := step/6000%2 == 0
		id := StreamID{r.Uint64N(4000), r.Uint64N(3)}
		if seed%2 == 0 && growing {
			last += r.Uint64N(3)
			id = StreamID{last, uint64(step)}
		}
		if growing || r.IntN(4) == 0 {
			value, added := tree.put(id)
			if _, had := model[id]; had == added {
				t.Fatalf("put of %v says added %v", id, added)
			}
			for i := range value {
				value[i] = byte(step)
			}
			model[id] = byte(step)
		} else {
			if seed%2 == 0 { // from the front, as entries are acknowledged
				if c := tree.seek(StreamID{}); c.ok {
					id = c.id()
				}
			}
			_, had := model[id]
			if tree.delete(id) != had {
				t.Fatalf("delete of %v says %v", id, !had)
			}
			delete(model, id)
		}
		if step%1500 == 0 {
			checkIDTree(t, &tree, model, r)
		}
	}
	checkIDTree(t, &tree, model, r)
	for id := range model {
		tree.delete(id)
	}
	if memory != 0 || tree.len() != 0 || db.Used() != before {
		t.Errorf("an empty tree holds %d bytes, %d ids; the DB %d", memory, tree.len(), db.Used()-before)
	}
	tree.put(StreamID{1, 1})
	tree.free()
	if memory != 0 {
		t.Errorf("a freed tree holds %d bytes", memory)
	}
}

func checkIDTree(t *testing.T, tree *idTree, model map[StreamID]byte, r *rand.Rand) {
	t.Helper()
	var ids, back []StreamID
	for c := tree.seek(StreamID{}); c.ok; c.next() {
		ids = append(ids, c.id())
		if v := c.value(); len(v) > 0 && v[0] != model[c.id()] {
			t.Fatalf("value of %v is %d, want %d", c.id(), v[0], model[c.id()])
		}
	}
	for c := tree.last(); c.ok; c.prev() {
		back = append(back, c.id())
	}
	slices.Reverse(back)
	if len(ids) != len(model) || tree.len() != len(model) || !slices.Equal(ids, back) || !slices.IsSortedFunc(ids, StreamID.Compare) {
		t.Fatalf("%d ids, %d backwards, len %d, want %d", len(ids), len(back), tree.len(), len(model))
	}
	for range 100 {
		id := StreamID{r.Uint64N(4100), r.Uint64N(4)}
		at, found := slices.BinarySearchFunc(ids, id, StreamID.Compare)
		if v, ok := tree.get(id); ok != found || ok && len(v) > 0 && v[0] != model[id] {
			t.Fatalf("get of %v: %v, want %v", id, ok, found)
		}
		if c := tree.seek(id); c.ok != (at < len(ids)) || c.ok && c.id() != ids[at] {
			t.Fatalf("seek of %v went wrong", id)
		}
		if found {
			at++
		}
		if c := tree.floor(id); c.ok != (at > 0) || c.ok && c.id() != ids[at-1] {
			t.Fatalf("floor of %v went wrong", id)
		}
	}
}

func BenchmarkIDTreeAppendDelete(b *testing.B) {
	db := keyspace.New(keyspace.Config{Rand: rand.New(rand.NewPCG(1, 2)), Limits: keyspace.DefaultLimits()})
	defer db.Close()
	var memory int64
	tree := newIDTree(db.Arena(), 24, &memory)
	for i := range 100_000 {
		tree.put(StreamID{uint64(i), 0})
	}
	i := uint64(100_000)
	for b.Loop() {
		v, _ := tree.put(StreamID{i, 0})
		binary.LittleEndian.PutUint64(v, i)
		tree.delete(StreamID{i - 100_000, 0})
		i++
	}
	b.ReportMetric(float64(memory)/100_000, "B/id")
}
