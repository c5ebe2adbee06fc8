package acl

import (
	"fmt"
	"math/bits"

	"github.com/openmemorydb/memorydb/engine/command"
)

// maxCommands is how many rows a command table may have, subcommands included.
const maxCommands = 1024

// bitset holds rows by their ID.
type bitset [maxCommands / 64]uint64

func (b *bitset) has(id int) bool { return b[uint(id)/64%uint(len(b))]>>(uint(id)%64)&1 != 0 }

func (b *bitset) set(id int, on bool) {
	if on {
		b[id/64] |= 1 << (id % 64)
	} else {
		b[id/64] &^= 1 << (id % 64)
	}
}

func (b *bitset) setAll(o *bitset, on bool) {
	for i := range b {
		if on {
			b[i] |= o[i]
		} else {
			b[i] &^= o[i]
		}
	}
}

// count is how many of o are in b, and how many are not.
func (b *bitset) count(o *bitset) (in, out int) {
	for i := range b {
		in += bits.OnesCount64(b[i] & o[i])
		out += bits.OnesCount64(o[i] &^ b[i])
	}
	return in, out
}

// category is one ACL category: the rows that are in it, and those that a rule about it reaches, which are also the subcommands of containers in it.
type category struct {
	name           string
	members, reach bitset
	top            []*command.Spec // members that are no subcommands
}

// index is what rules need to know of a command table.
type index struct {
	table      *command.Table
	all        bitset
	categories []category
}

func newIndex(t *command.Table) *index {
	ix := &index{table: t}
	if n := len(t.All()); n > maxCommands {
		panic(fmt.Sprintf("acl: %d commands, at most %d are possible", n, maxCommands))
	}
	byName := map[string]*category{}
	ix.categories = make([]category, len(command.Categories))
	for i, name := range command.Categories {
		ix.categories[i].name = name
		byName[name] = &ix.categories[i]
	}
	for _, s := range t.All() {
		ix.all.set(s.ID, true)
		for _, name := range s.CategoryNames() {
			c := byName[name]
			c.members.set(s.ID, true)
			c.reach.set(s.ID, true)
			if s.Parent == nil {
				c.top = append(c.top, s)
			}
			for i := range s.Subcommands {
				c.reach.set(s.Subcommands[i].ID, true)
			}
		}
	}
	return ix
}

// category finds a category by its name in whatever case; nil if there is none.
func (ix *index) category(name string) *category {
	for i := range ix.categories {
		if ix.categories[i].name == lower(name) {
			return &ix.categories[i]
		}
	}
	return nil
}

// lookup finds the row of a command's full name, in whatever case. known says whether the name is one of Redis 7.0, offered or not.
func (ix *index) lookup(name string) (row *command.Spec, known bool) {
	name = lower(name)
	if s := ix.table.Find(name); s != nil {
		return s, true
	}
	_, known = redisNames[name]
	return nil, known
}

// isContainer says whether the command that lookup found under name has subcommands.
func isContainer(row *command.Spec, name string) bool {
	return row != nil && len(row.Subcommands) > 0 || redisNames[lower(name)]
}

// lower makes ASCII letters lower-case, and leaves all other bytes as they are: names are bytes, not text.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
