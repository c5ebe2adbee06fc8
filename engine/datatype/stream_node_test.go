package datatype_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/listpack"
)

// openStream is the stream at a key; nil if there is none.
func openStream(e *executor, key string) *datatype.Stream {
	v, ok := e.db.Peek([]byte(key))
	if !ok {
		return nil
	}
	return datatype.OpenStream(v)
}

// nodesOfDump are the nodes of a stream as DUMP of redis-server gives them.
func nodesOfDump(t *testing.T, dump []byte) (ids []datatype.StreamID, packs [][]byte) {
	t.Helper()
	length := func() int {
		b := dump[0]
		dump = dump[1:]
		switch {
		case b>>6 == 0:
			return int(b)
		case b>>6 == 1:
			n := int(b&0x3f)<<8 | int(dump[0])
			dump = dump[1:]
			return n
		case b == 0x80:
			n := int(binary.BigEndian.Uint32(dump))
			dump = dump[4:]
			return n
		}
		t.Fatalf("length byte %#x: compressed?", b)
		return 0
	}
	if dump[0] != 19 {
		t.Fatalf("type %d", dump[0])
	}
	dump = dump[1:]
	for range length() {
		n := length()
		ids = append(ids, datatype.StreamID{MS: binary.BigEndian.Uint64(dump), Seq: binary.BigEndian.Uint64(dump[8:])})
		dump = dump[n:]
		n = length()
		packs = append(packs, dump[:n])
		dump = dump[n:]
	}
	return ids, packs
}

// dumps are what DUMP of redis-server gave for the streams of TestNodesAreRedis, a line of base64 each.
const dumps = "testdata/stream_dumps.txt"

// Nodes are those of redis-server, byte for byte, whatever is added, deleted and trimmed.
func TestNodesAreRedis(t *testing.T) {
	if addr, ok := enginetest.Rewrite(t); ok {
		recordDumps(t, addr)
	}
	recorded, err := os.ReadFile(dumps)
	if err != nil {
		t.Fatal(err)
	}
	for seed, line := range strings.Split(strings.TrimSpace(string(recorded)), "\n") {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			dump, err := base64.StdEncoding.DecodeString(line)
			if err != nil {
				t.Fatal(err)
			}
			e := newExecutor(t, 1_700_000_000_000)
			e.db.Limits.StreamNodeMaxEntries, e.db.Limits.StreamNodeMaxBytes = 20, 600
			changeStream(uint64(seed), func(words []string) { e.do(t, words...) })
			compareNodes(t, openStream(e, "s"), dump)
			if err := e.db.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func recordDumps(t *testing.T, addr string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	redis := enginetest.NewClient(t, conn)
	redis.Do("config", "set", "rdbcompression", "no", "stream-node-max-entries", "20", "stream-node-max-bytes", "600")
	var lines strings.Builder
	for seed := range uint64(5) {
		redis.Do("flushall")
		changeStream(seed, func(words []string) { redis.Do(words...) })
		lines.WriteString(base64.StdEncoding.EncodeToString([]byte(redis.Do("dump", "s").Text)) + "\n")
	}
	if err := os.WriteFile(dumps, []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// changeStream makes changes of the stream s that a seed says.
func changeStream(seed uint64, do func(words []string)) {
	r := rand.New(rand.NewPCG(seed, 3))
	ms := uint64(1)
	for range 600 {
		do(streamChange(r, "s", &ms))
	}
}

// streamChange is a change of a stream by chance.
func streamChange(r *rand.Rand, key string, ms *uint64) []string {
	values := []string{"", "x", "17", "-5000", "123456789012", "-9223372036854775808", strings.Repeat("v", r.IntN(200))}
	value := func() string { return values[r.IntN(len(values))] }
	id := func(ms uint64) string { return fmt.Sprintf("%d-%d", ms, r.IntN(3)) }
	switch n := r.IntN(20); {
	case n < 12:
		*ms += uint64(r.IntN(3)) << r.IntN(20)
		words := []string{"xadd", key, fmt.Sprintf("%d-*", *ms), "name", value(), "17", value()}
		switch r.IntN(4) {
		case 0:
			words = append(words, "more", value())
		case 1:
			words[3] = value()
		}
		return words
	case n < 18:
		return []string{"xdel", key, id(*ms), id(*ms - min(*ms, uint64(r.IntN(40)))), id(r.Uint64N(*ms + 1))}
	case n < 19:
		return []string{"xtrim", key, "maxlen", fmt.Sprint(r.IntN(60) + 10)}
	default:
		return []string{"xtrim", key, "minid", id(*ms - *ms/8)}
	}
}

func compareNodes(t *testing.T, s *datatype.Stream, dump []byte) {
	t.Helper()
	ids, packs := nodesOfDump(t, dump)
	if s.Nodes() != len(ids) {
		t.Fatalf("%d nodes, want %d", s.Nodes(), len(ids))
	}
	i := 0
	s.EachNode(func(id datatype.StreamID, pack []byte) bool {
		if id != ids[i] || !bytes.Equal(pack, packs[i]) {
			t.Errorf("node %d is %v %q\nwant %v %q", i, id, pack, ids[i], packs[i])
		}
		if _, err := datatype.ValidNode(id, pack); err != nil {
			t.Errorf("node %d: %v", i, err)
		}
		i++
		return true
	})
}

func TestValidNodeRefuses(t *testing.T) {
	ints := func(n ...int64) []byte { return listpack.AppendInts(listpack.New(), n...) }
	for name, pack := range map[string][]byte{
		"nothing":                  nil,
		"no elements":              listpack.New(),
		"no entries":               ints(0, 0, 0, 0),
		"fewer than told":          ints(1, 0, 0, 0),
		"more than told":           ints(1, 0, 0, 0, 2, 0, 0, 3, 2, 0, 1, 3),
		"deleted, not told":        ints(1, 0, 0, 0, 3, 0, 0, 3),
		"a negative number":        ints(2, -1, 0, 0, 2, 0, 0, 3),
		"no end of the master":     ints(1, 0, 0, 1, 2, 0, 0, 3),
		"fields beyond the end":    ints(1, 0, 1000, 0, 2, 0, 0, 3),
		"a negative field count":   ints(1, 0, -1, 0, 2, 0, 0, 3),
		"ids that stand":           ints(2, 0, 0, 0, 2, 0, 0, 3, 2, 0, 0, 3),
		"ids that fall":            ints(2, 0, 0, 0, 2, 0, 5, 3, 2, 0, 4, 3),
		"an id before the master":  ints(1, 0, 0, 0, 2, -1, 0, 3),
		"a wrong element count":    ints(1, 0, 0, 0, 2, 0, 0, 4),
		"an entry cut off":         ints(1, 0, 0, 0, 2, 0),
		"own fields beyond":        ints(1, 0, 0, 0, 0, 0, 0, 9, 1, 1),
		"text instead of a number": listpack.Append(ints(1, 0, 0, 0), []byte("x"), []byte("0"), []byte("0"), []byte("3")),
	} {
		if n, err := datatype.ValidNode(datatype.StreamID{MS: 5, Seq: 5}, pack); err == nil {
			t.Errorf("%s: accepted with %d entries", name, n)
		}
	}
	if n, err := datatype.ValidNode(datatype.StreamID{MS: 5}, ints(0, 1, 0, 0, 3, 0, 0, 3)); n != 0 || err != nil {
		t.Errorf("a node of deleted entries: %d, %v", n, err)
	}
	if n, err := datatype.ValidNode(datatype.StreamID{MS: 5}, ints(1, 1, 0, 0, 3, 0, 0, 3, 0, 2, 0, 1, 7, 8, 6)); n != 1 || err != nil {
		t.Errorf("a good node: %d, %v", n, err)
	}
}

// Whatever ValidNode accepts can be read, deleted from and trimmed.
func FuzzValidNode(f *testing.F) {
	e := newExecutor(f, 1_700_000_000_000)
	r := rand.New(rand.NewPCG(1, 1))
	ms := uint64(1)
	for range 60 {
		e.do(f, streamChange(r, "s", &ms)...)
	}
	openStream(e, "s").EachNode(func(_ datatype.StreamID, pack []byte) bool {
		f.Add(bytes.Clone(pack))
		return true
	})
	f.Fuzz(func(t *testing.T, pack []byte) {
		master := datatype.StreamID{MS: 7, Seq: 7}
		n, err := datatype.ValidNode(master, pack)
		if err != nil {
			return
		}
		s := datatype.NewStream(e.db)
		s.AddNode(master, pack)
		s.Length, s.Added, s.Last = uint64(n), uint64(n), datatype.StreamID{MS: 1 << 63}
		e.db.SetObject([]byte("s"), keyspace.Stream, keyspace.EncStream, s, false)
		forwards, backwards := e.do(t, "xrange", "s", "-", "+"), e.do(t, "xrevrange", "s", "+", "-")
		if len(forwards) != len(backwards) || !strings.HasPrefix(forwards, fmt.Sprintf("*%d\r\n", n)) {
			t.Errorf("forwards %q, backwards %q", forwards, backwards)
		}
		e.do(t, "xtrim", "s", "maxlen", fmt.Sprint(n/2))
		e.do(t, "xtrim", "s", "maxlen", "0")
		if got := e.do(t, "xlen", "s"); got != ":0\r\n" {
			t.Errorf("%q entries after trimming", got)
		}
	})
}
