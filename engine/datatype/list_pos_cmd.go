package datatype

import (
	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var listPosCommands = []command.Spec{
	{Name: "lpos", Arity: -3, Flags: command.ReadOnly, Group: command.List, Keys: command.KeyAt(1, command.RO|command.Access), Since: "6.0.6",
		Args: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]", Complexity: "O(N) where N is the length of the list",
		Summary: "Returns the indexes of elements of a list by their value.", Run: lpos},
}

// positions is what LPOS is asked for; many says that COUNT was given.
type positions struct {
	rank, count, most int64
	many              bool
}

func (p *positions) parse(c *command.Call) error {
	p.rank = 1
	a := c.Args(3)
	for a.More() {
		var err error
		switch {
		case a.FlagWith("rank"):
			if p.rank, err = a.Int(); err != nil {
				return err
			}
			if p.rank == 0 {
				return resp.Error("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list")
			}
		case a.FlagWith("count"):
			if p.count, err = a.Int(); err != nil || p.count < 0 {
				return resp.Error("ERR COUNT can't be negative")
			}
			p.many = true
		case a.FlagWith("maxlen"):
			if p.most, err = a.Int(); err != nil || p.most < 0 {
				return resp.Error("ERR MAXLEN can't be negative")
			}
		default:
			return resp.ErrSyntax
		}
	}
	return nil
}

func lpos(c *command.Call) error {
	var p positions
	if err := p.parse(c); err != nil {
		return err
	}
	l, err := readList(c, c.Argv[1])
	if err != nil {
		return err
	}
	found := p.find(&l, c.Argv[2])
	switch {
	case p.many:
		c.Reply.Array(len(found))
		for _, i := range found {
			c.Reply.Int(i)
		}
	case len(found) > 0:
		c.Reply.Int(found[0])
	default:
		c.Reply.Null()
	}
	return nil
}

// find is the indexes of the elements asked for.
func (p *positions) find(l *List, element []byte) (found []int64) {
	size := int64(l.Len())
	if size == 0 {
		return nil
	}
	rank, from := p.rank, 0
	backwards := rank < 0
	if backwards {
		rank, from = -rank, int(size-1)
	}
	seen, matches := int64(0), int64(0)
	l.Each(from, backwards, func(text []byte) bool {
		if p.most > 0 && seen >= p.most {
			return false
		}
		if string(text) == string(element) {
			if matches++; matches >= rank || rank < 0 {
				i := seen
				if backwards {
					i = size - 1 - seen
				}
				found = append(found, i)
				if !p.many || p.count > 0 && int64(len(found)) >= p.count {
					return false
				}
			}
		}
		seen++
		return true
	})
	return found
}
