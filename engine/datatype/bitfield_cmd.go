package datatype

import (
	"bytes"
	"math"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var bitfieldCommands = []command.Spec{
	{Name: "bitfield", Arity: -2, Flags: command.Write | command.DenyOOM, Group: command.Bitmap,
		Keys: []command.KeySpec{{Begin: 1, Flags: command.RW | command.Access | command.Update | command.VariableFlags, Find: bitfieldKeys,
			Notes: "This command allows both access and modification of the key"}},
		Since: "3.2.0",
		Args: "key [GET encoding offset | [OVERFLOW WRAP | SAT | FAIL] <SET encoding offset value | INCRBY encoding offset increment> " +
			"[GET encoding offset | [OVERFLOW WRAP | SAT | FAIL] <SET encoding offset value | INCRBY encoding offset increment> ...]]",
		Complexity: "O(1) for each operation", Summary: "Reads, sets and increments integers of any width at any bit of a string.", Run: bitfield},
	{Name: "bitfield_ro", Arity: -2, Flags: command.ReadOnly | command.Fast, Group: command.Bitmap,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "6.0.0", Args: "key [GET encoding offset [GET encoding offset ...]]",
		Complexity: "O(1) for each operation", Summary: "Reads integers of any width at any bit of a string.", Run: bitfieldRO},
}

const (
	errBitType     resp.Error = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	errBitOverflow resp.Error = "ERR Invalid OVERFLOW type specified"
	errBitReadOnly resp.Error = "ERR BITFIELD_RO only supports the GET subcommand"
)

// overflow is what BITFIELD does with a result that does not fit.
type overflow uint8

const (
	overflowWrap overflow = iota
	overflowSat
	overflowFail
)

// bitType is the type of an integer in a string: its width is 1 to 64 bits, to 63 if it is unsigned.
type bitType struct {
	signed bool
	width  int
}

func parseBitType(word []byte) (bitType, error) {
	if len(word) == 0 || word[0] != 'i' && word[0] != 'u' {
		return bitType{}, errBitType
	}
	t := bitType{signed: word[0] == 'i'}
	most := int64(63)
	if t.signed {
		most = 64
	}
	n, ok := command.IntText(word[1:])
	if !ok || n < 1 || n > most {
		return bitType{}, errBitType
	}
	t.width = int(n)
	return t, nil
}

// get is the integer at bit offset at.
func (t bitType) get(p []byte, at int64) int64 {
	v := getField(p, at, t.width)
	if t.signed {
		return t.extend(v)
	}
	return int64(v)
}

// extend is the value of the low bits of v as two's complement.
func (t bitType) extend(v uint64) int64 { return int64(v<<(64-t.width)) >> (64 - t.width) }

// add is value+increment, made to fit by o; fits says whether it did without.
func (t bitType) add(value, increment int64, o overflow) (sum int64, fits bool) {
	low, high := t.compare(value, increment)
	if !low && !high {
		return value + increment, true
	}
	most := int64(1)<<(t.width-1) - 1 // wraps to the most at 64 bits
	least := -most - 1
	if !t.signed {
		most, least = int64(uint64(1)<<t.width-1), 0
	}
	switch {
	case o == overflowSat && high:
		return most, false
	case o == overflowSat:
		return least, false
	case t.signed:
		return t.extend(uint64(value + increment)), false
	}
	return (value + increment) & most, false
}

// compare says whether value+increment is too low or too high for the type. It is Redis's arithmetic with its wrapping: SET of a number close to the least
// 64-bit integer counts as too high.
func (t bitType) compare(value, increment int64) (low, high bool) {
	if !t.signed {
		most := uint64(1)<<t.width - 1
		high = uint64(value) > most || increment > 0 && increment > int64(most-uint64(value))
		return !high && increment < 0 && increment < -value, high
	}
	most := int64(math.MaxInt64)
	if t.width < 64 {
		most = 1<<(t.width-1) - 1
	}
	least := -most - 1
	room, depth := most-value, least-value
	high = value > most || t.width != 64 && increment > room || value >= 0 && increment > 0 && increment > room
	low = !high && (value < least || t.width != 64 && increment < depth || value < 0 && increment < 0 && increment < depth)
	return low, high
}

// bitAction is what an operation of BITFIELD does.
type bitAction uint8

const (
	bitGet bitAction = iota
	bitSet
	bitIncr
)

// bitStep is one operation of BITFIELD.
type bitStep struct {
	action   bitAction
	typ      bitType
	at       int64
	operand  int64
	overflow overflow
}

// parseBitfield reads the operations. last is the highest bit that they write, -1 if they only read.
func parseBitfield(a command.Args) (steps []bitStep, last int64, err error) {
	var s bitStep
	last = -1
	for a.More() {
		words := 0
		switch left := a.Left(); {
		case left >= 3 && a.Flag("get"):
			s.action, words = bitGet, 2
		case left >= 4 && a.Flag("set"):
			s.action, words = bitSet, 3
		case left >= 4 && a.Flag("incrby"):
			s.action, words = bitIncr, 3
		case a.FlagWith("overflow"):
			if s.overflow, err = parseOverflow(&a); err != nil {
				return nil, 0, err
			}
			continue
		default:
			return nil, 0, resp.ErrSyntax
		}
		rest := a.Rest()
		for range words {
			_, _ = a.Next() // Left saw it
		}
		if s.typ, err = parseBitType(rest[0]); err != nil {
			return nil, 0, err
		}
		if s.at, err = bitfieldOffset(rest[1], s.typ.width); err != nil {
			return nil, 0, err
		}
		if words == 3 {
			if s.operand, err = command.ParseInt(rest[2]); err != nil {
				return nil, 0, err
			}
			last = max(last, s.at+int64(s.typ.width)-1)
		}
		steps = append(steps, s)
	}
	return steps, last, nil
}

func parseOverflow(a *command.Args) (overflow, error) {
	switch {
	case a.Flag("wrap"):
		return overflowWrap, nil
	case a.Flag("sat"):
		return overflowSat, nil
	case a.Flag("fail"):
		return overflowFail, nil
	}
	return 0, errBitOverflow
}

// bitfieldOffset is bitOffset, with #n for the place of the integer with index n.
func bitfieldOffset(word []byte, width int) (int64, error) {
	if len(word) == 0 || word[0] != '#' {
		return bitOffset(word)
	}
	n, ok := command.IntText(word[1:])
	n *= int64(width) // may wrap, as Redis's does
	if !ok || n < 0 || n>>3 >= maxString {
		return 0, errBitOffset
	}
	return n, nil
}

// bitfieldKeys flags BITFIELD's key by what the operations do with it, for permissions.
func bitfieldKeys(argv [][]byte, keys []command.Key) ([]command.Key, error) {
	flags := command.RO | command.Access
	for rest := argv[min(2, len(argv)):]; len(rest) > 0; {
		switch {
		case len(rest) >= 3 && bytes.EqualFold(rest[0], []byte("get")):
			rest = rest[3:]
		case len(rest) >= 2 && bytes.EqualFold(rest[0], []byte("overflow")):
			rest = rest[2:]
		default: // an operation that writes, or a mistake
			flags, rest = command.RW|command.Access|command.Update, nil
		}
	}
	return append(keys, command.Key{Index: 1, Flags: flags}), nil
}

func bitfield(c *command.Call) error {
	steps, last, err := parseBitfield(c.Args(2))
	if err != nil {
		return err
	}
	if last < 0 {
		return readFields(c, steps)
	}
	p, grown, err := growBits(c, last)
	if err != nil {
		return err
	}
	changed := false
	c.Reply.Array(len(steps))
	for _, s := range steps {
		old := s.typ.get(p, s.at)
		if s.action == bitGet {
			c.Reply.Int(old)
			continue
		}
		value, increment, answer := s.operand, int64(0), old
		if s.action == bitIncr {
			value, increment = old, s.operand
		}
		value, fits := s.typ.add(value, increment, s.overflow)
		if !fits && s.overflow == overflowFail {
			c.Reply.Null()
			continue
		}
		if s.action == bitIncr {
			answer = value
		}
		setField(p, s.at, s.typ.width, uint64(value))
		changed = changed || grown || old != value
		c.Reply.Int(answer)
	}
	switch {
	case changed:
		c.Changed(c.Argv[1], '$', "setbit")
	case grown: // by operations that all failed: the log must know, though no event tells of it
		c.Changed(c.Argv[1], '$', "")
	}
	return nil
}

func bitfieldRO(c *command.Call) error {
	steps, last, err := parseBitfield(c.Args(2))
	if err != nil {
		return err
	}
	if last >= 0 {
		return errBitReadOnly
	}
	return readFields(c, steps)
}

// readFields answers operations that only read.
func readFields(c *command.Call, steps []bitStep) error {
	v, _, err := read(c, c.Argv[1], keyspace.String)
	if err != nil {
		return err
	}
	c.Reply.Array(len(steps))
	for _, s := range steps {
		c.Reply.Int(s.typ.get(v.Bytes, s.at))
	}
	return nil
}
