package datatype

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
)

// listModel is a list beside the slice that it should be.
type listModel struct {
	db    *keyspace.DB
	model []string
}

func (m *listModel) open() List {
	v, ok := m.db.LookupWrite([]byte("l"))
	return OpenList(m.db, []byte("l"), v, ok)
}

func (m *listModel) check(t *testing.T, what string) {
	t.Helper()
	l := m.open()
	for i := range l.NodeCount() {
		data, plain := l.Node(i)
		if n, err := listpack.Valid(data); !plain && (err != nil || n != l.count(i) || n == 0) {
			t.Fatalf("%s: node %d of %d: %d elements, %d are counted: %v", what, i, l.NodeCount(), n, l.count(i), err)
		}
	}
	if l.Len() != len(m.model) || l.exists != (len(m.model) > 0) {
		t.Fatalf("%s: %d elements, want %d", what, l.Len(), len(m.model))
	}
	var all, back []string
	l.Each(0, false, func(text []byte) bool { all = append(all, string(text)); return true })
	l.Each(l.Len()-1, true, func(text []byte) bool { back = append(back, string(text)); return true })
	slices.Reverse(back)
	if !slices.Equal(all, m.model) || !slices.Equal(back, m.model) {
		t.Fatalf("%s: content differs: %.200q, want %.200q", what, all, m.model)
	}
	if err := m.db.Check(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// step changes list and model in the same way.
func (m *listModel) step(r *rand.Rand) string {
	l := m.open()
	text := fmt.Sprint(r.IntN(20))
	switch r.IntN(12) {
	case 0:
		text = strings.Repeat("x", r.IntN(300))
	case 1:
		text = strings.Repeat("y", 2000+r.IntN(3000)) // plain where the threshold is low
	}
	n := len(m.model)
	switch op := r.IntN(10); {
	case op < 3 || n == 0:
		head := r.IntN(2) == 0
		l.Push([]byte(text), head)
		if head {
			m.model = slices.Insert(m.model, 0, text)
		} else {
			m.model = append(m.model, text)
		}
		return "push"
	case op < 5:
		i, after := r.IntN(n), r.IntN(2) == 0
		l.Insert(i, []byte(text), after)
		if after {
			i++
		}
		m.model = slices.Insert(m.model, i, text)
		return "insert"
	case op < 7:
		i := r.IntN(n)
		l.Set(i, []byte(text))
		m.model[i] = text
		return "set"
	case op < 8:
		i := r.IntN(n)
		k := min(r.IntN(5)+1, n-i)
		if r.IntN(30) == 0 {
			k = n - i
		}
		l.RemoveRange(i, k)
		m.model = slices.Delete(m.model, i, i+k)
		return "remove range"
	default:
		backwards, most := r.IntN(2) == 0, r.IntN(3)
		got := l.Remove([]byte(text), most, backwards)
		want := 0
		if backwards {
			slices.Reverse(m.model)
		}
		m.model = slices.DeleteFunc(m.model, func(s string) bool {
			if s != text || most > 0 && want == most {
				return false
			}
			want++
			return true
		})
		if backwards {
			slices.Reverse(m.model)
		}
		return fmt.Sprintf("remove %d, want %d", got, want)
	}
}

func TestListAgainstModel(t *testing.T) {
	for _, size := range []int{-2, -1, 1, 2, 5, 128} {
		for _, threshold := range []int{0, 1000} {
			t.Run(fmt.Sprint(size, threshold), func(t *testing.T) {
				limits := keyspace.DefaultLimits()
				limits.ListMaxListpackSize, limits.ListPackedThreshold = size, threshold
				m := &listModel{db: keyspace.New(keyspace.Config{Limits: limits, PackedDigest: PackedDigest})}
				defer m.db.Close()
				r := rand.New(rand.NewPCG(uint64(size+10), uint64(threshold)))
				for i := range 3000 {
					what := m.step(r)
					if i%10 == 0 {
						m.check(t, fmt.Sprintf("step %d, %s", i, what))
					}
				}
				m.check(t, "end")
				m.rebuilt(t)
			})
		}
	}
}

// rebuilt checks that a list made of another one's nodes, and one with other nodes, have the same digest, and that nothing is left of a deleted list.
func (m *listModel) rebuilt(t *testing.T) {
	t.Helper()
	l := m.open()
	v, _ := m.db.Peek([]byte("copy"))
	byNode := OpenList(m.db, []byte("copy"), v, false)
	for i := range l.NodeCount() {
		data, plain := l.Node(i)
		byNode.AppendNode(bytes.Clone(data), plain)
	}
	pushed := OpenList(m.db, []byte("pushed"), keyspace.Value{}, false)
	m.db.Limits.ListMaxListpackSize = -5
	for _, s := range m.model {
		pushed.Push([]byte(s), false)
	}
	want := m.db.ValueDigest([]byte("l"))
	for _, key := range []string{"copy", "pushed"} {
		if len(m.model) > 0 && m.db.ValueDigest([]byte(key)) != want {
			t.Errorf("%s has another digest", key)
		}
		m.db.Delete([]byte(key))
	}
	m.db.Delete([]byte("l"))
	if err := m.db.Check(); err != nil {
		t.Error(err)
	}
}
