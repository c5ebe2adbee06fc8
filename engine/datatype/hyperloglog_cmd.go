package datatype

import (
	"math"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

var hyperLogLogCommands = []command.Spec{
	{Name: "pfadd", Arity: -2, Flags: command.Write | command.DenyOOM | command.Fast, Group: command.HyperLogLog,
		Keys: command.KeyAt(1, command.RW|command.Insert), Since: "2.8.9", Args: "key [element [element ...]]", Complexity: "O(1) for each element",
		Summary: "Adds elements to a HyperLogLog, which is made if it does not exist.", Run: pfadd},
	{Name: "pfcount", Arity: -2, Flags: command.ReadOnly | command.MayReplicate, Group: command.HyperLogLog,
		Keys: []command.KeySpec{{Begin: 1, Last: -1, Flags: command.RW | command.Access,
			Notes: "RW because it may change the internal representation of the key, and propagate to replicas"}},
		Since: "2.8.9", Args: "key [key ...]", Complexity: "O(1) for one key, O(N) with large constants for N of them",
		Summary: "Estimates how many distinct elements were added to one HyperLogLog or to several.", Run: pfcount},
	{Name: "pfmerge", Arity: -2, Flags: command.Write | command.DenyOOM, Group: command.HyperLogLog,
		Keys:  []command.KeySpec{{Begin: 1, Flags: command.RW | command.Access | command.Insert}, {Begin: 2, Last: -1, Flags: command.RO | command.Access}},
		Since: "2.8.9", Args: "destkey sourcekey [sourcekey ...]", Complexity: "O(N) for N HyperLogLogs, with large constants",
		Summary: "Merges HyperLogLogs into one.", Run: pfmerge},
}

const (
	errNotHLL     resp.Error = "WRONGTYPE Key is not a valid HyperLogLog string value."
	errCorruptHLL resp.Error = "INVALIDOBJ Corrupted HLL object detected"
)

// asHyperLogLog is the HyperLogLog that was found by read or write.
func asHyperLogLog(v keyspace.Value, found bool, err error) (hyperLogLog, bool, error) {
	if err != nil || !found {
		return nil, false, err
	}
	if !isHyperLogLog(v.Bytes) {
		return nil, true, errNotHLL
	}
	return hyperLogLog(v.Bytes), true, nil
}

// readHyperLogLog is the HyperLogLog at key for a command that reads it. Its bytes are the keyspace's.
func readHyperLogLog(c *command.Call, key []byte) (hyperLogLog, bool, error) {
	return asHyperLogLog(read(c, key, keyspace.String))
}

// writeHyperLogLog is the HyperLogLog at key for a command that changes it: a sparse one is a copy with some room, since it moves when it grows, a dense one
// is the keyspace's own bytes. If there is none it is a new one. storeHyperLogLog stores it.
func writeHyperLogLog(c *command.Call, key []byte) (hyperLogLog, bool, error) {
	h, found, err := asHyperLogLog(write(c, key, keyspace.String))
	switch {
	case err != nil:
		return nil, found, err
	case !found:
		return newHyperLogLog(), false, nil
	case h.dense():
		return c.DB.Resize(key, len(h), keyspace.EncRaw), true, nil
	}
	return append(make(hyperLogLog, 0, len(h)+64), h...), true, nil
}

// storeHyperLogLog stores what writeHyperLogLog gave, which has been changed.
func storeHyperLogLog(c *command.Call, key []byte, h hyperLogLog, existed bool) {
	if existed {
		copy(c.DB.Resize(key, len(h), keyspace.EncRaw), h) // onto itself, if it was dense before
	} else {
		c.DB.Set(key, keyspace.String, keyspace.EncRaw, h, false)
		added(c, key)
	}
	c.Changed(key, '$', "pfadd")
}

// sparseLimit is how long a sparse HyperLogLog may be. Whoever executes a command decides by its own limit; where the log is replayed there is none, since the
// decision to go dense has been logged (logDense).
func sparseLimit(c *command.Call) int {
	if c.DB.Expiry == keyspace.ExpireIgnore {
		return math.MaxInt
	}
	return c.DB.Limits.HLLSparseMaxBytes
}

// logDense logs the whole value of a HyperLogLog that has become dense instead of the call's words: at what size that happens is a parameter, which may be another
// one where the log is replayed.
func logDense(c *command.Call, key []byte, h hyperLogLog) {
	c.Propagate([]byte("set"), key, h, []byte("KEEPTTL"))
}

func pfadd(c *command.Call) error {
	key := c.Argv[1]
	h, existed, err := writeHyperLogLog(c, key)
	if err != nil {
		return err
	}
	changed, wasDense, limit := !existed, h.dense(), sparseLimit(c)
	for _, element := range c.Argv[2:] {
		register, rank := rankOf(element)
		to, raised, ok := h.raise(register, rank, limit)
		if !ok {
			return errCorruptHLL
		}
		h, changed = to, changed || raised
	}
	n := int64(0)
	if changed {
		n = 1
		h.outdate()
		storeHyperLogLog(c, key, h, existed)
		if h.dense() && !wasDense {
			logDense(c, key, h)
		}
	}
	c.Reply.Int(n)
	return nil
}

func pfcount(c *command.Call) error {
	if len(c.Argv) > 2 {
		return pfcountUnion(c)
	}
	key := c.Argv[1]
	h, found, err := readHyperLogLog(c, key)
	if err != nil {
		return err
	}
	if !found {
		c.Reply.Int(0)
		return nil
	}
	mayWrite := c.DB.Expiry != keyspace.ExpireHide // a replica may not change what the log has not changed
	if mayWrite {
		h = c.DB.Resize(key, len(h), keyspace.EncRaw) // as Redis does before it looks at the value
	}
	if n, ok := h.cached(); ok {
		c.Reply.Int(int64(n))
		return nil
	}
	hist, ok := h.histogram()
	if !ok {
		return errCorruptHLL
	}
	n := hist.estimate()
	if mayWrite {
		h.setCached(n)
		c.Changed(key, '$', "")
	}
	c.Reply.Int(int64(n))
	return nil
}

func pfcountUnion(c *command.Call) error {
	var union registers
	for _, key := range c.Argv[1:] {
		h, found, err := readHyperLogLog(c, key)
		if err != nil {
			return err
		}
		if found && !union.merge(h) {
			return errCorruptHLL
		}
	}
	c.Reply.Int(int64(union.histogram().estimate()))
	return nil
}

func pfmerge(c *command.Call) error {
	var union registers
	dense := false
	for _, key := range c.Argv[1:] {
		h, found, err := readHyperLogLog(c, key)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		dense = dense || h.dense()
		if !union.merge(h) {
			return errCorruptHLL
		}
	}
	dst := c.Argv[1]
	h, existed, err := writeHyperLogLog(c, dst)
	if err != nil {
		return err
	}
	if dense && !h.dense() {
		h, _ = h.toDense() // it was merged: its runs are right
	}
	limit := sparseLimit(c)
	for i, value := range union {
		if value > 0 {
			h, _, _ = h.raise(i, value, limit)
		}
	}
	h.outdate()
	storeHyperLogLog(c, dst, h, existed)
	if h.dense() && !dense {
		logDense(c, dst, h)
	}
	c.Reply.OK()
	return nil
}
