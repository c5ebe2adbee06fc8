package datatype

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
)

// Commands for tests of HyperLogLogs, which only servers with administration open have.
var hyperLogLogDebugCommands = []command.Spec{
	{Name: "pfdebug", Arity: 3, Flags: command.Write | command.DenyOOM | command.Admin | command.Restricted, Group: command.HyperLogLog,
		Keys: command.KeyAt(2, command.RW|command.Access), Since: "2.8.9", Args: "subcommand key", Complexity: "N/A",
		Summary: "Shows how a HyperLogLog is encoded, or makes it dense.", Run: pfdebug},
	{Name: "pfselftest", Arity: 1, Flags: command.Admin | command.Restricted, Group: command.HyperLogLog, Since: "2.8.9", Complexity: "N/A",
		Summary: "Tests the implementation of HyperLogLogs.", Run: pfselftest},
}

const errDenseHLL resp.Error = "ERR HLL encoding is not sparse"

func pfdebug(c *command.Call) error {
	key := c.Argv[2]
	h, found, err := writeHyperLogLog(c, key)
	if err != nil {
		return err
	}
	if !found {
		return resp.Error("ERR The specified key does not exist")
	}
	switch string(bytes.ToLower(c.Argv[1])) {
	case "getreg":
		if h, err = makeDense(c, key, h); err != nil {
			return err
		}
		c.Reply.Array(hllRegisters)
		for i := range hllRegisters {
			c.Reply.Int(int64(h.register(i)))
		}
	case "decode":
		if h.dense() {
			return errDenseHLL
		}
		c.Reply.Bulk(h.describe())
	case "encoding":
		if h.dense() {
			c.Reply.Simple("dense")
		} else {
			c.Reply.Simple("sparse")
		}
	case "todense":
		n := int64(0)
		if !h.dense() {
			if _, err = makeDense(c, key, h); err != nil {
				return err
			}
			n = 1
		}
		c.Reply.Int(n)
	default:
		return resp.Errorf("ERR Unknown PFDEBUG subcommand '%s'", c.Argv[1])
	}
	return nil
}

// makeDense stores the HyperLogLog at key with the dense encoding.
func makeDense(c *command.Call, key []byte, h hyperLogLog) (hyperLogLog, error) {
	if h.dense() {
		return h, nil
	}
	d, ok := h.toDense()
	if !ok {
		return nil, errCorruptHLL
	}
	copy(c.DB.Resize(key, len(d), keyspace.EncRaw), d)
	c.Changed(key, '$', "")
	return d, nil
}

// describe are the runs as text: z:n zeros, Z:n of the long form, v:value,n.
func (h hyperLogLog) describe() []byte {
	var b []byte
	for at := hllHeader; at < len(h); {
		value, n, size := h.run(at)
		switch {
		case value > 0:
			b = fmt.Appendf(b, "v:%d,%d ", value, n)
		case size == 1:
			b = fmt.Appendf(b, "z:%d ", n)
		default:
			b = fmt.Appendf(b, "Z:%d ", n)
		}
		at += size
	}
	return bytes.TrimSuffix(b, []byte(" "))
}

// pfselftest checks the registers and the error of the estimate as Redis's command does, with as many elements.
func pfselftest(c *command.Call) error {
	dense := newHyperLogLog()
	dense, _ = dense.toDense()
	for range 1000 {
		var want registers
		for i := range want {
			want[i] = byte(c.Rand.Uint32N(64))
			dense.setRegister(i, want[i])
		}
		for i, v := range want {
			if got := dense.register(i); got != v {
				return resp.Errorf("ERR TESTFAILED Register %d should be %d but is %d", i, v, got)
			}
		}
	}
	clear(dense[hllHeader:])
	other := newHyperLogLog()
	seed, limit, checkpoint := c.Rand.Uint64(), c.DB.Limits.HLLSparseMaxBytes, 1
	for n := 1; n <= 10_000_000; n++ {
		var element [8]byte
		binary.LittleEndian.PutUint64(element[:], uint64(n)^seed)
		i, rank := rankOf(element[:])
		dense, _, _ = dense.raise(i, rank, limit)
		other, _, _ = other.raise(i, rank, limit)
		if n < checkpoint {
			continue
		}
		if err := checkEstimates(dense, other, n, limit); err != nil {
			return err
		}
		checkpoint *= 10
	}
	c.Reply.OK()
	return nil
}

// checkEstimates compares the estimates of two HyperLogLogs of n elements, of which the second one began sparse.
func checkEstimates(dense, other hyperLogLog, n, limit int) error {
	if n < limit/2 && other.dense() {
		return resp.Error("ERR TESTFAILED sparse encoding not used")
	}
	a, _ := dense.histogram()
	b, _ := other.histogram()
	if a.estimate() != b.estimate() {
		return resp.Error("ERR TESTFAILED dense/sparse disagree")
	}
	off := math.Abs(float64(n) - float64(a.estimate()))
	most := math.Ceil(1.04 / math.Sqrt(hllRegisters) * 6 * float64(n))
	if n == 10 {
		most = 1
	}
	if off > most {
		return resp.Errorf("ERR TESTFAILED Too big error. card:%d abserr:%.0f", n, off)
	}
	return nil
}
