package datatype

import (
	"bytes"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var bitmapCommands = []command.Spec{
	{Name: "bitcount", Arity: -2, Flags: command.ReadOnly, Group: command.Bitmap,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.6.0", Args: "key [start end [BYTE | BIT]]", Complexity: "O(N) where N is the number of bytes looked at",
		Summary: "Counts the bits that are set in a string or a part of it.", Run: bitcount},
	{Name: "bitop", Arity: -4, Flags: command.Write | command.DenyOOM, Group: command.Bitmap,
		Keys:  []command.KeySpec{{Begin: 2, Flags: command.OW | command.Update}, {Begin: 3, Last: -1, Flags: command.RO | command.Access}},
		Since: "2.6.0", Args: "operation destkey key [key ...]", Complexity: "O(N) where N is the number of bytes of all strings",
		Summary: "Combines strings bit by bit with AND, OR, XOR or NOT and stores the result.", Run: bitop},
	{Name: "bitpos", Arity: -3, Flags: command.ReadOnly, Group: command.Bitmap,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.8.7", Args: "key bit [start [end [BYTE | BIT]]]", Complexity: "O(N) where N is the number of bytes looked at",
		Summary: "Finds the first bit that is set, or clear, in a string or a part of it.", Run: bitpos},
	{Name: "getbit", Arity: 3, Flags: command.ReadOnly | command.Fast, Group: command.Bitmap,
		Keys: command.KeyAt(1, command.RO|command.Access), Since: "2.2.0", Args: "key offset", Complexity: "O(1)",
		Summary: "Returns a bit of a string.", Run: getbit},
	{Name: "setbit", Arity: 4, Flags: command.Write | command.DenyOOM, Group: command.Bitmap,
		Keys: command.KeyAt(1, command.RW|command.Access|command.Update), Since: "2.2.0", Args: "key offset value", Complexity: "O(1), beside the growth of the string",
		Summary: "Sets or clears a bit of a string, which grows if need be, and returns what it was.", Run: setbit},
}

const (
	errBitOffset resp.Error = "ERR bit offset is not an integer or out of range"
	errBit       resp.Error = "ERR bit is not an integer or out of range"
	errBitWanted resp.Error = "ERR The bit argument must be 1 or 0."
	errBitNot    resp.Error = "ERR BITOP NOT must be called with a single source key."
)

// bitOffset reads the offset of a bit in a string of at most maxString bytes.
func bitOffset(word []byte) (int64, error) {
	n, ok := command.IntText(word)
	if !ok || n < 0 || n>>3 >= maxString {
		return 0, errBitOffset
	}
	return n, nil
}

// growBits is the string at the call's key, made or extended with zero bytes so that it has the bit at offset last. grown says that it was.
// The bytes may be written until the next change.
func growBits(c *command.Call, last int64) (p []byte, grown bool, err error) {
	key := c.Argv[1]
	v, found, err := write(c, key, keyspace.String)
	if err != nil {
		return nil, false, err
	}
	old, n := len(v.Bytes), int(last>>3)+1
	if !found {
		c.DB.Set(key, keyspace.String, keyspace.EncRaw, nil, false)
		added(c, key)
	}
	return c.DB.Resize(key, max(old, n), keyspace.EncRaw), n > old, nil
}

func setbit(c *command.Call) error {
	at, err := bitOffset(c.Argv[2])
	if err != nil {
		return err
	}
	bit, ok := command.IntText(c.Argv[3])
	if !ok || bit != 0 && bit != 1 {
		return errBit
	}
	p, grown, err := growBits(c, at)
	if err != nil {
		return err
	}
	old := int64(getField(p, at, 1))
	if grown || old != bit {
		setField(p, at, 1, uint64(bit))
		c.Changed(c.Argv[1], '$', "setbit")
	}
	c.Reply.Int(old)
	return nil
}

func getbit(c *command.Call) error {
	at, err := bitOffset(c.Argv[2])
	if err != nil {
		return err
	}
	v, _, err := read(c, c.Argv[1], keyspace.String)
	if err != nil {
		return err
	}
	c.Reply.Int(int64(getField(v.Bytes, at, 1)))
	return nil
}

var bitOperations = [...]string{bitAnd: "and", bitOr: "or", bitXor: "xor", bitNot: "not"}

func bitop(c *command.Call) error {
	a := c.Args(1)
	op := bitAnd
	for op <= bitNot && !a.Flag(bitOperations[op]) {
		op++
	}
	if op > bitNot {
		return resp.ErrSyntax
	}
	if op == bitNot && len(c.Argv) != 4 {
		return errBitNot
	}
	keys, longest := c.Argv[3:], 0
	for _, key := range keys {
		v, _, err := read(c, key, keyspace.String)
		if err != nil {
			return err
		}
		longest = max(longest, len(v.Bytes))
	}
	dst := c.Argv[2]
	if longest == 0 {
		if c.DB.Delete(dst) {
			c.Changed(dst, 'g', "del")
		}
		c.Reply.Int(0)
		return nil
	}
	src := make([][]byte, len(keys))
	for i, key := range keys { // again: the lookup of another one may have deleted an expired key, after which no bytes are valid
		v, _ := c.DB.Peek(key)
		src[i] = v.Bytes
	}
	result := make([]byte, longest)
	combineBits(result, op, src)
	_, found := c.DB.LookupWrite(dst)
	c.DB.Set(dst, keyspace.String, keyspace.EncRaw, result, false)
	if !found {
		added(c, dst)
	}
	c.Changed(dst, '$', "set")
	c.Reply.Int(int64(longest))
	return nil
}

// bitUnit reads BYTE or BIT.
func bitUnit(word []byte) (isBit bool, err error) {
	switch {
	case bytes.EqualFold(word, []byte("bit")):
		return true, nil
	case bytes.EqualFold(word, []byte("byte")):
		return false, nil
	}
	return false, resp.ErrSyntax
}

// bitRange turns start and end, in bits or bytes, from the end if negative, into the first and the last bit of a string of n bytes; the first lies behind
// the last if there is none.
func bitRange(start, end int64, isBit bool, n int) (from, to int64) {
	total := int64(n)
	if isBit {
		total <<= 3
	}
	start, end = fromEnd(start, total), min(fromEnd(end, total), total-1)
	switch {
	case start > end:
		return 0, -1
	case isBit:
		return start, end
	}
	return start << 3, end<<3 + 7
}

func bitcount(c *command.Call) error {
	v, found, err := read(c, c.Argv[1], keyspace.String)
	if err != nil {
		return err
	}
	if !found { // whatever the other arguments are
		c.Reply.Int(0)
		return nil
	}
	a := c.Args(2)
	var from, to int64
	switch a.Left() {
	case 0:
		from, to = bitRange(0, -1, false, len(v.Bytes))
	case 2, 3:
		start, err := a.Int()
		if err != nil {
			return err
		}
		end, err := a.Int()
		if err != nil {
			return err
		}
		if start < 0 && end < 0 && start > end { // before the unit is looked at
			c.Reply.Int(0)
			return nil
		}
		isBit := false
		if word, err := a.Next(); err == nil {
			if isBit, err = bitUnit(word); err != nil {
				return err
			}
		}
		from, to = bitRange(start, end, isBit, len(v.Bytes))
	default:
		return resp.ErrSyntax
	}
	n := int64(0)
	if from <= to {
		n = countRange(v.Bytes, from, to)
	}
	c.Reply.Int(n)
	return nil
}

func bitpos(c *command.Call) error {
	bit, err := command.ParseInt(c.Argv[2])
	if err != nil {
		return err
	}
	if bit != 0 && bit != 1 {
		return errBitWanted
	}
	v, found, err := read(c, c.Argv[1], keyspace.String)
	if err != nil {
		return err
	}
	if !found { // a string of zeros without end
		c.Reply.Int(-bit)
		return nil
	}
	start, end, isBit, err := parseBitpos(c.Args(3))
	if err != nil {
		return err
	}
	from, to := bitRange(start, end, isBit, len(v.Bytes))
	at := int64(-1)
	if from <= to {
		at = findBit(v.Bytes, bit == 1, from, to)
		if at < 0 && bit == 0 && len(c.Argv) <= 4 { // without an end zeros follow
			at = int64(len(v.Bytes)) << 3
		}
	}
	c.Reply.Int(at)
	return nil
}

// parseBitpos reads the range of BITPOS. The unit is checked before the end is.
func parseBitpos(a command.Args) (start, end int64, isBit bool, err error) {
	rest := a.Rest()
	if len(rest) > 3 {
		return 0, 0, false, resp.ErrSyntax
	}
	end = -1
	if len(rest) > 0 {
		if start, err = command.ParseInt(rest[0]); err != nil {
			return 0, 0, false, err
		}
	}
	if len(rest) > 2 {
		if isBit, err = bitUnit(rest[2]); err != nil {
			return 0, 0, false, err
		}
	}
	if len(rest) > 1 {
		if end, err = command.ParseInt(rest[1]); err != nil {
			return 0, 0, false, err
		}
	}
	return start, end, isBit, nil
}
