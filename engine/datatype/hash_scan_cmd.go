package datatype

import (
	"math"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var hashScanCommands = []command.Spec{
	{Name: "hscan", Arity: -3, Flags: command.ReadOnly, Group: command.Hash, Tips: byChance,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.8.0", Args: "key cursor [MATCH pattern] [COUNT count]",
		Complexity: "O(1) for each call, O(N) for a complete iteration over N fields", Summary: "Iterates over the fields and values of a hash.", Run: hscan},
	{Name: "hrandfield", Arity: -2, Flags: command.ReadOnly, Group: command.Hash, Tips: byChance,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "6.2.0", Args: "key [count [WITHVALUES]]",
		Complexity: "O(N) where N is the number of fields returned", Summary: "Returns fields of a hash by chance.", Run: hrandfield},
}

var byChance = []string{"nondeterministic_output"}

func hscan(c *command.Call) error {
	cursor, err := parseCursor(c.Argv[2])
	if err != nil {
		return err
	}
	h, err := readHash(c)
	if err != nil {
		return err
	}
	if !h.exists { // options are not looked at
		replyScan(c.Reply, 0, nil)
		return nil
	}
	o, err := parseScan(c.Args(3), false)
	if err != nil {
		return err
	}
	var found [][]byte
	visit := func(field, value []byte) {
		if o.match(field) {
			found = append(found, field, value)
		}
	}
	if h.dict != nil {
		cursor = h.dict.Scan(cursor, o.count, visit)
	} else { // a packed hash is visited as a whole
		cursor = 0
		h.Each(func(field, value []byte) bool {
			visit(field, value)
			return true
		})
	}
	replyScan(c.Reply, cursor, found)
	return nil
}

func hrandfield(c *command.Call) error {
	if len(c.Argv) > 2 {
		return randomFields(c)
	}
	h, err := readHash(c)
	if err != nil {
		return err
	}
	if !h.exists {
		c.Reply.Null()
		return nil
	}
	field, _ := h.Random(c.Rand)
	c.Reply.Bulk(field)
	return nil
}

// maxRandomReply bounds what repeated fields may fill of memory, in bytes; Redis goes on until its memory ends.
const maxRandomReply = 1 << 30

// randomCount reads the count of a command that draws elements, and whether the word with, if it may stand there, follows it.
func randomCount(c *command.Call, with string) (n int64, given bool, err error) {
	a := c.Args(2)
	if n, err = a.Int(); err != nil {
		return 0, false, err
	}
	if n == math.MinInt64 {
		return 0, false, errBetween(-math.MaxInt64, math.MaxInt64)
	}
	given = with != "" && a.Flag(with)
	if a.More() {
		return 0, false, resp.ErrSyntax
	}
	if given && (n < -math.MaxInt64/2 || n > math.MaxInt64/2) {
		return 0, false, resp.ErrOutOfRange
	}
	return n, given, nil
}

// repeat answers n draws of what may come more than once, in limit bytes at most.
func repeat(w *resp.Writer, n int64, limit int, draw func()) error {
	from := w.Len()
	for range n {
		if w.Len()-from > limit {
			return resp.ErrOutOfRange
		}
		draw()
	}
	return nil
}

// randomFields is HRANDFIELD with a count: so many different fields, or with a negative one so many of which some may be the same.
func randomFields(c *command.Call) error {
	n, withValues, err := randomCount(c, "withvalues")
	if err != nil {
		return err
	}
	h, err := readHash(c)
	if err != nil {
		return err
	}
	if !h.exists || n == 0 {
		c.Reply.Array(0)
		return nil
	}
	out := pairs{w: c.Reply, withValues: withValues, limit: maxRandomReply}
	if n < 0 {
		return out.repeated(c, &h, -n)
	}
	out.different(c, &h, int(min(n, int64(h.Len()))))
	return nil
}

// pairs answers fields, or fields with their values: in RESP3 as arrays of two.
type pairs struct {
	w          *resp.Writer
	withValues bool
	limit      int // bytes of repeated fields
}

func (p pairs) head(n int) {
	if p.withValues && !p.w.RESP3() {
		n *= 2
	}
	p.w.Array(n)
}

func (p pairs) add(field, value []byte) {
	if p.withValues && p.w.RESP3() {
		p.w.Array(2)
	}
	p.w.Bulk(field)
	if p.withValues {
		p.w.Bulk(value)
	}
}

func (p pairs) repeated(c *command.Call, h *Hash, n int64) error {
	p.head(int(n))
	return repeat(p.w, n, p.limit, func() { p.add(h.Random(c.Rand)) })
}

// different answers n fields, each once. If that is most of them it chooses among all, else it draws until it has enough.
func (p pairs) different(c *command.Call, h *Hash, n int) {
	p.head(n)
	size := h.Len()
	if n == size {
		h.Each(func(field, value []byte) bool {
			p.add(field, value)
			return true
		})
		return
	}
	if h.dict == nil || n > size/3 {
		all := make([][2][]byte, 0, size)
		h.Each(func(field, value []byte) bool {
			all = append(all, [2][]byte{field, value})
			return true
		})
		for i := range n {
			j := i + c.Rand.IntN(size-i)
			all[i], all[j] = all[j], all[i]
			p.add(all[i][0], all[i][1])
		}
		return
	}
	drawn := make(map[string]bool, n)
	for len(drawn) < n {
		field, value := h.Random(c.Rand)
		if !drawn[string(field)] {
			drawn[string(field)] = true
			p.add(field, value)
		}
	}
}
