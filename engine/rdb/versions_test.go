package rdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/datatype"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/rdb"
)

// read is what a file holds, in words, and its keys in db, by way of what RESTORE takes or of values.
func read(r io.Reader, size int64, db *keyspace.DB, payloads bool) (facts []string, err error) {
	store := func(x rdb.Entry) {
		datatype.StoreValue(db, x.Key, x.Value)
		db.Expire(x.Key, x.ExpireAt)
		facts = append(facts, fmt.Sprintf("%s: idle %d, freq %d, expires %d", x.Key, x.Idle, x.Freq, x.ExpireAt))
	}
	h := rdb.Handler{
		Aux:      func(name, value []byte) error { facts = append(facts, fmt.Sprintf("%s=%s", name, value)); return nil },
		Function: func(code []byte) error { facts = append(facts, string(code)); return nil },
		Module:   func(name string) error { facts = append(facts, "module "+name); return nil },
		Entry:    func(_ int, x rdb.Entry) error { store(x); return nil },
	}
	if payloads {
		h.Payload = func(_ int, x rdb.Entry, payload []byte) error {
			if n := payload[len(payload)-10]; n != rdb.Version {
				return fmt.Errorf("a payload of version %d", n)
			}
			v, err := rdb.Restore(payload, db)
			if err != nil {
				return err
			}
			x.Value = v
			store(x)
			return nil
		}
	}
	return facts, rdb.ReadFile(r, size, db, h)
}

// both reads a file in both ways, which must come to the same.
func both(t *testing.T, file []byte) (e *executor, facts []string, err error) {
	t.Helper()
	e, f := newExecutor(t), newExecutor(t)
	facts, err = read(bytes.NewReader(file), int64(len(file)), e.db, false)
	again, err2 := read(bytes.NewReader(file), 1<<62, f.db, true) // as from a pipe
	if fmt.Sprint(err) != fmt.Sprint(err2) && !strings.Contains(fmt.Sprint(err), "bytes are") {
		t.Errorf("values: %v; payloads: %v", err, err2)
	}
	if err == nil && (!slices.Equal(facts, again) || e.db.Digest() != f.db.Digest()) {
		t.Errorf("values: %d keys, %q; payloads: %d keys, %q", e.db.Len(), facts, f.db.Len(), again)
	}
	if err == nil {
		if err := f.db.Check(); err != nil {
			t.Error(err)
		}
	}
	return e, facts, err
}

// file9 is a file as redis-server 6.2 writes it, with the forms that 7.0 does not write any more, of values of at most so many bytes.
func file9(t testing.TB, sum bool, most int) []byte {
	f := newBuild("0009").aux("redis-ver", "6.2.14").aux("redis-bits", "64").aux("ctime", "1700000000").aux("used-mem", "1000000").aux("aof-preamble", "0").raw("\xfe\x00\xfb\x40\x64\x05")
	before := []string{"", f.expireMS(4_000_000_000_123), "\xf8\x05", "\xf9\x07", f.expire(2_000_000_000), f.expireMS(4_000_000_000_000) + "\xf8\x40\x80"}
	n := 0
	for _, x := range oldValues(t) {
		if len(x.value) > most {
			continue
		}
		e := newExecutor(t)
		if e.do(t, "restore", "k", "0", string(payload([]byte(x.value)))).Text == "OK" {
			f.key(before[n%len(before)], "key:"+x.name, x.value)
			n++
		}
	}
	if n < 10 {
		t.Fatalf("%d values", n)
	}
	return f.key("", "int", "\x00\xc1\x00\x80").key("", "text", "\x00"+blob(strings.Repeat("v", 100))).key("", "ints", "\x0b"+blob("\x02\x00\x00\x00\x02\x00\x00\x00\xff\xff\x07\x00")).end(sum)
}

func TestFileOfVersion9(t *testing.T) {
	for _, sum := range []bool{true, false} {
		file := file9(t, sum, 1<<20)
		e, facts, err := both(t, file)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(facts, "\n")
		for _, want := range []string{"redis-ver=6.2.14", "idle 5, freq -1, expires 0", "idle -1, freq 7, expires 0", "expires 2000000000000", "expires 4000000000123", "idle 128, freq -1, expires 4000000000000"} {
			if !strings.Contains(all, want) {
				t.Errorf("%q is not among\n%s", want, all)
			}
		}
		if a, b := e.do(t, "get", "int").Text, text(e.do(t, "smembers", "ints")); a != "-32768" || !strings.Contains(b, "-1") || !strings.Contains(b, "7") {
			t.Errorf("int: %s, ints: %s", a, b)
		}
	}
}

// redis-server reads the hand-made file of version 9 as we do.
func TestFileOfVersion9AsRedis(t *testing.T) {
	r := redis(t)
	e, _, err := both(t, file9(t, true, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	dir := r.Do("config", "get", "dir").Items[1].Text
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), file9(t, true, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if v := r.Do("debug", "reload", "nosave"); v.Text != "OK" {
		t.Fatal(v.Lines())
	}
	sameAsRedis(t, e, r)
}

// wholes are the commands that read a whole value, by type, and in how many parts a reply comes whose order does not count.
var wholes = map[string]struct {
	words string
	group int
}{
	"string": {"get k", 0}, "hash": {"hgetall k", 2}, "set": {"smembers k", 1}, "list": {"lrange k 0 -1", 0}, "zset": {"zrange k 0 -1 withscores", 0}, "stream": {"xinfo stream k full count 0", 0},
}

// sameAsRedis compares all keys with Redis's.
func sameAsRedis(t *testing.T, e *executor, r *enginetest.Client) {
	t.Helper()
	keys := r.Do("keys", "*")
	if got := canonical(e.do(t, "keys", "*"), 1); got != canonical(keys, 1) {
		t.Fatalf("keys: %s\nin Redis: %s", got, canonical(keys, 1))
	}
	for _, item := range keys.Items {
		key := item.Text
		whole := wholes[r.Do("type", key).Text]
		words := strings.Fields(whole.words)
		words[slices.Index(words, "k")] = key
		group := func(v enginetest.Reply) string {
			if len(v.Items) == 0 {
				return text(v)
			}
			return canonical(v, whole.group)
		}
		for _, ask := range [][]string{{"type", key}, {"object", "encoding", key}, {"pexpiretime", key}, words} {
			if a, b := group(e.do(t, ask...)), group(r.Do(ask...)); a != b {
				t.Errorf("%q:\n%s\nin Redis\n%s", ask, short(a), short(b))
			}
		}
		if a, b := e.do(t, "dump", key).Text, r.Do("dump", key).Text; a != b && whole.group == 0 {
			t.Errorf("%s: DUMP gives\n%q\nin Redis\n%q", key, short(a), short(b))
		}
	}
}

// A file as redis-server 7.2 writes it: sets as listpacks, streams with the times at which consumers were active, hashes without field expiry.
func TestFileOfVersion11(t *testing.T) {
	nodes := streamNodes(t)
	group := "\x01" + blob("g") + "\x00\x00\x00" + "\x01" + strings.Repeat("\x00", 6) + "\x03\xe8" + strings.Repeat("\x00", 7) + "\x01" + "\x10\x27\x00\x00\x00\x00\x00\x00" + "\x02" +
		"\x01" + blob("alice") + "\x10\x27\x00\x00\x00\x00\x00\x00" + "\x20\x27\x00\x00\x00\x00\x00\x00" + "\x01" + strings.Repeat("\x00", 6) + "\x03\xe8" + strings.Repeat("\x00", 7) + "\x01"
	f := newBuild("0011").aux("redis-ver", "7.2.4").aux("aof-base", "0").raw("\xf5"+blob(library), "\xfe\x00\xfb\x05\x01").
		key("", "words", "\x14"+blob(pack("a", "b", "17"))).
		key("\xf9\x05", "stream", "\x15"+nodes+"\x01\x43\xe8\x01"+"\x43\xe8\x01"+"\x00\x00"+"\x01"+group).
		key("", "hash", "\x10"+blob(pack("f", "v", "n", "5"))).key("", "list", "\x12\x01\x02"+blob(pack("a", "b"))).key("", "zset", "\x11"+blob(pack("a", "1", "b", "2")))
	e, facts, err := both(t, f.end(true))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(facts, library) {
		t.Errorf("the library is not among %q", facts)
	}
	want := newExecutor(t)
	for _, words := range []string{"sadd words a b 17", "hset hash f v n 5", "rpush list a b", "zadd zset 1 a 2 b"} {
		want.do(t, strings.Fields(words)...)
	}
	for _, read := range []string{"hgetall hash", "lrange list 0 -1", "zrange zset 0 -1 withscores", "scard words"} {
		if a, b := text(e.do(t, strings.Fields(read)...)), text(want.do(t, strings.Fields(read)...)); a != b {
			t.Errorf("%s: %s, want %s", read, a, b)
		}
	}
	if got := text(e.do(t, "smismember", "words", "a", "b", "17")); strings.Count(got, ":1") != 3 {
		t.Errorf("members: %s", got)
	}
	if got := text(e.do(t, "xpending", "stream", "g")); !strings.Contains(got, "1000-1") || !strings.Contains(got, "alice") {
		t.Errorf("pending: %s", got)
	}
}

// Of version 12 (Redis 7.4) the slots' sizes are passed over; hashes whose fields expire are refused, by name and place.
func TestFileOfVersion12(t *testing.T) {
	begin := func() *build {
		return newBuild("0012").aux("redis-ver", "7.4.0").raw("\xfe\x00\xfb\x02\x00", "\xf4\x05\x02\x00").key("", "before", "\x00"+blob("v"))
	}
	if e, _, err := both(t, begin().end(true)); err != nil || e.db.Len() != 1 {
		t.Fatalf("%v, %d keys", err, e.db.Len())
	}
	for _, k := range []string{"\x16", "\x17", "\x18", "\x19"} {
		f := begin()
		at := len(f.b)
		_, _, err := both(t, f.key("", "user:1", k+"\x05\x01\x00"+blob("f")+blob("v")).end(true))
		wrong := new(rdb.FileError)
		if !errors.As(err, &wrong) || wrong.Offset != int64(at) || string(wrong.Key) != "user:1" || !strings.Contains(err.Error(), "a hash whose fields expire") {
			t.Errorf("kind %d: %v, want offset %d", k[0], err, at)
		}
	}
	if _, _, err := both(t, newBuild("0013").end(true)); err == nil || !strings.Contains(err.Error(), "a file of version 13; versions up to 12 are read") {
		t.Errorf("version 13: %v", err)
	}
}

// What modules leave beside the values is passed over and named; values of modules are refused.
func TestFilesWithModules(t *testing.T) {
	id := "\x81" // ft_index0, version 3
	var n uint64
	for _, c := range "ft_index0" {
		n = n<<6 | uint64(strings.IndexRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", c))
	}
	n = n<<10 | 3
	for i := range 8 {
		id += string([]byte{byte(n >> (56 - 8*i))})
	}
	file := newBuild("0010").raw("\xf7"+id+"\x02\x01", "\x01\x05", "\x02\x07", "\x03abcd", "\x04abcdefgh", "\x05"+blob("text"), "\x00").key("", "k", "\x00"+blob("v"))
	if _, facts, err := both(t, file.end(true)); err != nil || !slices.Contains(facts, "module ft_index0") {
		t.Errorf("%q, %v", facts, err)
	}
	at := len("REDIS0010")
	_, _, err := both(t, newBuild("0010").raw("\xf7"+id+"\x02\x01", "\x09").end(true))
	if want := fmt.Sprintf("at byte %d of the file: rdb: bad data: unknown part of the data of module ft_index0, 9", at); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	_, _, err = both(t, newBuild("0010").key("", "k", "\x07"+id+"\x00").end(true))
	if want := fmt.Sprintf("at byte %d of the file, key \"k\": rdb: bad data: a value of a module", at); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// A file that ends at any byte too early is an error that says where.
func TestTruncatedFiles(t *testing.T) {
	e := newExecutor(t)
	for i, x := range examples() {
		if i%49 == 0 || x.clocked {
			for _, words := range x.commands {
				e.do(t, words...)
			}
			e.do(t, "rename", "k", x.name)
		}
	}
	for step, file := range map[int][]byte{1: file9(t, true, 300), 23: snapshot(t, e.db)} {
		t.Logf("%d bytes", len(file))
		for n := 0; n < len(file); n += step {
			for _, payloads := range []bool{false, true} {
				db := fuzzDB()
				_, err := read(bytes.NewReader(file[:n]), 1<<40, db, payloads)
				wrong := new(rdb.FileError)
				if !errors.As(err, &wrong) || !errors.Is(err, rdb.ErrFormat) || wrong.Offset > int64(n) || wrong.Offset < 0 {
					t.Fatalf("the first %d bytes: %v", n, err)
				}
				db.Close()
			}
		}
	}
}

// A bit that is wrong is an error, and without a checksum at least nothing worse.
func TestFlippedBits(t *testing.T) {
	for _, sum := range []bool{true, false} {
		file := file9(t, sum, 300)
		end := len(file)
		if sum {
			end -= 8 // a checksum of 0 is none
		}
		for at := 9; at < end; at++ {
			for bit := range 8 {
				if !sum && bit != at%8 {
					continue
				}
				damaged := bytes.Clone(file)
				damaged[at] ^= 1 << bit
				db := fuzzDB()
				_, err := read(bytes.NewReader(damaged), 1<<40, db, true)
				if wrong := new(rdb.FileError); sum && err == nil || err != nil && !errors.As(err, &wrong) {
					t.Fatalf("bit %d of byte %d: %v", bit, at, err)
				}
				db.Close()
			}
		}
	}
}

// synthetic is a file of so many keys, each with a value of size bytes, that is made as it is read.
type synthetic struct {
	keys, size int
	made       int
	rest       []byte
	each       func()
}

// Read reads on.
func (s *synthetic) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		switch {
		case s.made == 0:
			s.rest = newBuild("0009").b
		case s.made <= s.keys:
			s.rest = append(s.rest[:0], new(build).key("", fmt.Sprint("key:", s.made), "\x00"+blob(noise(s.size))).b...)
		case s.made == s.keys+1:
			s.rest = (&build{}).end(false)
		default:
			return 0, io.EOF
		}
		s.made++
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	if s.made%64 == 0 && s.each != nil {
		s.each()
	}
	return n, nil
}

// A file of any length takes no more memory than its values.
func TestFileTakesLittleMemory(t *testing.T) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	src := &synthetic{keys: 1000, size: 64 << 10, each: func() {
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapAlloc)
	}}
	keys, size := 0, 0
	err := rdb.ReadFile(src, 1<<62, nil, rdb.Handler{Payload: func(_ int, _ rdb.Entry, payload []byte) error {
		keys++
		size += len(payload)
		return nil
	}})
	if err != nil || keys != 1000 || size < 60<<20 {
		t.Fatalf("%d keys, %d bytes, %v", keys, size, err)
	}
	if grown := int64(most) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}

// One long value is held as a whole, but none that is longer than allowed.
func TestFileWithALongValue(t *testing.T) {
	f := newBuild("0010").key("", "short", "\x00"+blob("v"))
	at := len(f.b)
	members := ""
	for i := range 5000 {
		members += blob(fmt.Sprint("member:", i))
	}
	file := f.key("", "long", "\x02"+"\x80\x00\x00\x13\x88"+members).end(true)
	for most, ok := range map[int64]bool{0: true, int64(len(members)) + 5: true, int64(len(members)) + 4: false, 100: false} {
		for _, payloads := range []bool{false, true} {
			db := fuzzDB()
			keys := 0
			h := rdb.Handler{MaxValue: most}
			if payloads {
				h.Payload = func(int, rdb.Entry, []byte) error { keys++; return nil }
			}
			err := rdb.ReadFile(bytes.NewReader(file), int64(len(file)), db, h)
			wrong := new(rdb.FileError)
			if ok && err != nil || !ok && (!errors.Is(err, rdb.ErrLarge) || !errors.As(err, &wrong) || wrong.Offset != int64(at) || string(wrong.Key) != "long") {
				t.Errorf("at most %d bytes: %v", most, err)
			}
			db.Close()
		}
	}
}
