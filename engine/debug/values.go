package debug

import (
	"crypto/sha1" //nolint:gosec // the length of a signature that clients know
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/shard"
)

// signature is a digest in the form in which Redis prints its own: 40 hexadecimal digits, all 0 for nothing.
func signature(n uint64) string {
	if n == 0 {
		return strings.Repeat("0", 2*sha1.Size)
	}
	sum := sha1.Sum(binary.LittleEndian.AppendUint64(nil, n)) //nolint:gosec // not for security
	return hex.EncodeToString(sum[:])
}

func digest(_ *Debug, c *command.Call) error {
	c.Reply.Simple(signature(c.DB.Digest()))
	return nil
}

func digestValue(_ *Debug, c *command.Call) error {
	c.Reply.Array(len(c.Argv) - 2)
	for _, key := range c.Argv[2:] {
		c.Reply.Simple(signature(c.DB.ValueDigest(key)))
	}
	return nil
}

func object(d *Debug, c *command.Call) error {
	key := c.Argv[2]
	mode := c.DB.Expiry
	c.DB.Expiry = keyspace.ExpireIgnore // a key that has expired is shown as it is
	defer func() { c.DB.Expiry = mode }()
	v, ok := c.DB.Peek(key)
	if !ok {
		return resp.ErrNoSuchKey
	}
	idle, _ := c.DB.IdleSeconds(key)
	text := fmt.Sprintf("Value at:0x0 refcount:1 encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d",
		v.Encoding, d.cfg.Serialized(c.DB, key), c.Now/1000&(1<<24-1)-idle, idle)
	if v.Encoding == keyspace.EncQuicklist {
		nodes, elements, size := d.cfg.ListNodes(c.DB, key)
		text += fmt.Sprintf(" ql_nodes:%d ql_avg_node:%.2f ql_listpack_max:%d ql_compressed:0 ql_uncompressed_size:%d",
			nodes, float64(elements)/float64(nodes), c.DB.Limits.ListMaxListpackSize, size)
	}
	c.Reply.Simple(text)
	return nil
}

// populate makes keys of a pattern that do not exist yet. Unlike Redis's, they are logged like all others.
func populate(d *Debug, c *command.Call) error {
	if d.cfg.Role() != shard.Primary {
		return resp.ErrReadOnly
	}
	count, err := positive(c.Argv[2])
	if err != nil {
		return err
	}
	prefix, size := "key", int64(0)
	if len(c.Argv) > 3 {
		prefix = string(c.Argv[3])
	}
	if len(c.Argv) > 4 {
		if size, err = positive(c.Argv[4]); err != nil {
			return err
		}
	}
	set := []byte("set")
	for i := range count {
		key := []byte(prefix + ":" + strconv.FormatInt(i, 10))
		if c.DB.Exists(key) {
			continue
		}
		value := []byte("value:" + strconv.FormatInt(i, 10))
		if size > 0 {
			sized := make([]byte, size)
			copy(sized, value)
			value = sized
		}
		e := keyspace.EncRaw
		if len(value) <= maxEmbstr {
			e = keyspace.EncEmbstr
		}
		c.DB.Set(key, keyspace.String, e, value, false)
		c.Changed(key, 0, "")
		c.Propagate(set, key, value)
	}
	c.Reply.OK()
	return nil
}

// maxEmbstr is the length in bytes up to which Redis calls a string's encoding embstr.
const maxEmbstr = 44

func positive(word []byte) (int64, error) {
	n, err := strconv.ParseInt(string(word), 10, 64)
	if err != nil || n < 0 {
		return 0, resp.Error("ERR value is out of range, must be positive")
	}
	return n, nil
}

// packedThreshold sets from which size on an element of a list has a node of its own, such as 1b; 0 is the default.
func packedThreshold(d *Debug, c *command.Call) error {
	n, ok := bytesOf(string(c.Argv[2]))
	if !ok || n > 1<<32 {
		return resp.Error("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
	}
	d.packed.Store(n)
	c.DB.Limits.ListPackedThreshold = int(n)
	c.Reply.OK()
	return nil
}

// bytesOf reads a number of bytes with a unit: b, k, kb, m, mb, g, gb.
func bytesOf(word string) (int64, bool) {
	digits := strings.TrimRight(word, "bkmgBKMG")
	unit := map[string]int64{"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1e6, "mb": 1 << 20, "g": 1e9, "gb": 1 << 30}[strings.ToLower(word[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	return n * unit, err == nil && n >= 0 && unit > 0
}
