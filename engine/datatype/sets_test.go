package datatype

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/intset"
	"github.com/openmemorydb/memorydb/engine/keyspace"
)

func openSet(db *keyspace.DB, key string) Set {
	v, found := db.LookupWrite([]byte(key))
	return OpenSet(db, []byte(key), v, found)
}

// A set is a map of its members, whatever its form, and its digest depends on the members only.
func TestSetIsAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		db, other := newDB(t), newDB(t)
		db.Limits.SetMaxIntsetEntries = rapid.IntRange(0, 12).Draw(rt, "max entries")
		other.Limits.SetMaxIntsetEntries = 0 // always a Dict
		model := map[string]bool{}
		small := rapid.Map(rapid.IntRange(-8, 8), strconv.Itoa)
		member := rapid.OneOf(small, small, small, rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }), rapid.SampledFrom([]string{"", "a", "01", "-0", "+1"}))
		packed := true
		for range rapid.IntRange(1, 40).Draw(rt, "changes") {
			m := member.Draw(rt, "member")
			s, o := openSet(db, "s"), openSet(other, "s")
			had := model[m]
			if rapid.IntRange(0, 3).Draw(rt, "remove") == 0 {
				delete(model, m)
				if s.Remove([]byte(m)) != had || o.Remove([]byte(m)) != had {
					rt.Fatalf("Remove(%q) of a member that was there: %v", m, had)
				}
			} else {
				model[m] = true
				if s.Add([]byte(m)) == had || o.Add([]byte(m)) == had {
					rt.Fatalf("Add(%q) of a member that was there: %v", m, had)
				}
			}
			_, isInt := command.IntText([]byte(m))
			packed = len(model) == 0 || packed && (isInt || !model[m]) && len(model) <= db.Limits.SetMaxIntsetEntries
			compareSet(rt, db, model, packed)
			compareSet(rt, other, model, false)
			if db.Digest() != other.Digest() {
				rt.Fatal("digests of one content in two forms differ")
			}
		}
		if err := db.Check(); err != nil {
			rt.Fatal(err)
		}
	})
}

func compareSet(t *rapid.T, db *keyspace.DB, model map[string]bool, packed bool) {
	s := openSet(db, "s")
	if s.Len() != len(model) || s.exists != (len(model) > 0) {
		t.Fatalf("%d members, key there: %v, want %d", s.Len(), s.exists, len(model))
	}
	n := 0
	s.Each(func(member []byte) bool {
		n++
		if !model[string(member)] || !s.Has(member) {
			t.Fatalf("Each gives %q, in the model: %v", member, model[string(member)])
		}
		return true
	})
	if n != len(model) {
		t.Fatalf("Each gives %d members, want %d", n, len(model))
	}
	if !s.exists {
		return
	}
	if m := s.Random(rand.New(rand.NewPCG(uint64(n), 1))); !model[string(m)] {
		t.Fatalf("Random gives %q", m)
	}
	v, _ := db.Peek([]byte("s"))
	want := keyspace.EncHashtable
	if packed {
		want = keyspace.EncIntset
		if err := intset.Valid(v.Bytes); err != nil {
			t.Fatal(err)
		}
	}
	if v.Encoding != want {
		t.Fatalf("%d members are kept as %v, want %v", n, v.Encoding, want)
	}
}

func TestSetKeepsExpiryThroughItsForms(t *testing.T) {
	db := newDB(t)
	for _, last := range []string{"4", "x"} {
		db.Limits.SetMaxIntsetEntries = 3
		s := openSet(db, last)
		s.Add([]byte("1"))
		db.Expire([]byte(last), 5000)
		for _, m := range []string{"2", "3", last} {
			s := openSet(db, last)
			s.Add([]byte(m))
			if at := db.ExpireAt([]byte(last)); at != 5000 {
				t.Fatalf("after member %s the expiry is %d", m, at)
			}
		}
		if s := openSet(db, last); s.dict == nil {
			t.Errorf("still an intset with member %s", last)
		}
	}
}

// A result that isn't stored leaves no memory behind.
func TestResultsAreReleased(t *testing.T) {
	db := newDB(t)
	s := openSet(db, "s")
	for i := range 100 {
		s.Add([]byte("member " + strconv.Itoa(i)))
	}
	before := db.Used()
	for range 10 {
		result := newSet(db)
		union(&result, []Set{openSet(db, "s")})
		if result.Len() != 100 {
			t.Fatalf("%d members", result.Len())
		}
		result.free()
	}
	if after := db.Used(); after != before {
		t.Errorf("%d bytes used before, %d after", before, after)
	}
	if err := db.Check(); err != nil {
		t.Error(err)
	}
}
