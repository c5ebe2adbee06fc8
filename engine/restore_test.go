package engine_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/rdb"
	"github.com/openmemorydb/memorydb/engine/slot"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
)

const restoreLibrary = "#!lua name=lib\nredis.register_function('f', function(keys, args) return 7 end)"

// rdbFile is a file made by the format's description alone.
type rdbFile struct{ b []byte }

func newRDB() *rdbFile { return &rdbFile{[]byte("REDIS0009\xfa\x09redis-ver\x066.2.14")} }

func rdbString(s string) string {
	return "\x80" + string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s
}

// value adds a key; value begins with its kind.
func (f *rdbFile) value(key, value string, expireAt int64) *rdbFile {
	if expireAt != 0 {
		f.b = binary.LittleEndian.AppendUint64(append(f.b, 0xfc), uint64(expireAt))
	}
	f.b = append(f.b, value[:1]+rdbString(key)+value[1:]...)
	return f
}

func (f *rdbFile) text(key, value string, expireAt int64) *rdbFile {
	return f.value(key, "\x00"+rdbString(value), expireAt)
}

func (f *rdbFile) raw(parts string) *rdbFile {
	f.b = append(f.b, parts...)
	return f
}

func (f *rdbFile) library(code string) *rdbFile { return f.raw("\xf5" + rdbString(code)) }

func (f *rdbFile) end() []byte {
	p := append(bytes.Clone(f.b), 0xff)
	return binary.LittleEndian.AppendUint64(p, ^crc64.Update(^uint64(0), crc64.MakeTable(0x95AC9329AC4BC9B5), p))
}

// recordedPayloads are what redis-server 7.0.15 answered to DUMP for values of all types and forms (engine/rdb/testdata), without the footer.
func recordedPayloads(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile(enginetest.TestData(t, "rdb", "testdata", "payloads.txt"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		p, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = p[:len(p)-10]
	}
	return all
}

// everyForm is a file of all of them, some with an expiry, and a library.
func everyForm(t testing.TB) []byte {
	f := newRDB().library(restoreLibrary)
	for name, v := range recordedPayloads(t) {
		expireAt := int64(0)
		if len(name)%3 == 0 {
			expireAt = 4_000_000_000_000 + int64(len(name))
		}
		f.value(name, v, expireAt)
	}
	return f.text("long", longText, 0).end()
}

// longText is more than what goes into one record with others.
var longText = strings.Repeat("long ", 1<<19)

// pipe hides that a reader can be read twice.
type pipe struct{ io.Reader }

// What was restored is on a replica and after a restart, whether the file could be checked before or not; and DUMP answers what the file holds.
func TestRestoreIsDurable(t *testing.T) {
	file := everyForm(t)
	ctx := soon(t)
	for name, src := range map[string]io.Reader{"file": bytes.NewReader(file), "pipe": pipe{bytes.NewReader(file)}} {
		t.Run(name, func(t *testing.T) {
			memory := memlog.New(nil)
			primary, replica := openNode(t, memory.Shard("s"), "a", nil), openNode(t, memory.Shard("s"), "b", nil)
			primary.promote(t)
			publish(t, 1, primary, primary, replica)
			report, err := primary.Restore(ctx, src, nil)
			if err != nil {
				t.Fatal(err)
			}
			payloads := recordedPayloads(t)
			if report.Keys != len(payloads)+1 || report.Libraries != 1 || report.Expired+report.Skipped+report.Empty != 0 || report.Bytes != int64(len(file)) || report.RedisVersion != "6.2.14" {
				t.Errorf("report: %+v", report)
			}
			c := primary.client(t, nil)
			for name, v := range payloads {
				if v[0] == 2 || v[0] == 4 { // sets and hashes in no order
					continue
				}
				if got := c.Dump(ctx, name).Val(); len(got) < 10 || got[:len(got)-10] != v {
					t.Errorf("%s: DUMP is %q, want %q", name, got, v)
				}
				if at, want := c.PExpireTime(ctx, name).Val().Milliseconds(), 4_000_000_000_000+int64(len(name)); len(name)%3 == 0 && at != want {
					t.Errorf("%s expires at %d, want %d", name, at, want)
				}
			}
			if got := c.Get(ctx, "long").Val(); got != longText {
				t.Errorf("the long string has %d bytes", len(got))
			}
			if got := c.FCall(ctx, "f", nil).Val(); got != int64(7) {
				t.Errorf("function: %v", got)
			}
			digest, at := primary.Digest()
			restarted := openNode(t, memory.Shard("s"), "c", nil)
			if err := restarted.CaughtUp(ctx); err != nil {
				t.Fatal(err)
			}
			for _, n := range []*member{replica, restarted} {
				eventually(t, func() error {
					if d, pos := n.Digest(); pos < at || d != digest {
						return fmt.Errorf("digest %x at %v, the primary has %x at %v", d, pos, digest, at)
					}
					return nil
				})
			}
		})
	}
}

// A file is dealt to shards by their slots; each gets the libraries.
func TestRestoreIntoSeveralShards(t *testing.T) {
	ctx := soon(t)
	f := newRDB().library(restoreLibrary)
	for i := range 900 {
		f.text(fmt.Sprint("key:", i), fmt.Sprint(i), 0)
	}
	total := 0
	for i := range 3 {
		n := single(t, nil)
		mine := func(s uint16) bool { return int(s)%3 == i }
		report, err := n.Restore(ctx, bytes.NewReader(f.end()), mine)
		if err != nil {
			t.Fatal(err)
		}
		total += report.Keys
		if report.Keys+report.Skipped != 900 || report.Libraries != 1 {
			t.Errorf("shard %d: %+v", i, report)
		}
		c := n.client(t, nil)
		for k := range 900 {
			key := fmt.Sprint("key:", k)
			if got := c.Exists(ctx, key).Val() == 1; got != mine(slot.Of([]byte(key))) {
				t.Errorf("shard %d has %s: %v", i, key, got)
			}
		}
	}
	if total != 900 {
		t.Errorf("%d keys", total)
	}
}

func TestRestoreLeavesOutWhatHasExpired(t *testing.T) {
	n := single(t, nil)
	f := newRDB().text("past", "v", 1000).text("before the epoch", "v", -5000).text("now", "v", time.Now().UnixMilli()).text("later", "v", 4_000_000_000_000).text("never", "v", -1).
		value("empty", "\x04\x00", 0).value("empty ziplist", "\x0a"+rdbString("\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff"), 0)
	report, err := n.Restore(soon(t), bytes.NewReader(f.end()), nil)
	if err != nil || report.Keys != 2 || report.Expired != 3 || report.Empty != 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	c := n.client(t, nil)
	if keys := c.Keys(soon(t), "*").Val(); len(keys) != 2 || !slices.Contains(keys, "later") || !slices.Contains(keys, "never") {
		t.Errorf("keys %q", keys)
	}
}

// A file that can't be restored leaves nothing, neither here nor on a replica, and the node serves.
func TestRestoreOfABadFileLeavesNothing(t *testing.T) {
	begin := func() *rdbFile {
		f := newRDB().library(restoreLibrary)
		for i := range 3000 {
			f.text(fmt.Sprint("key:", i), strings.Repeat("v", 500), 0)
		}
		return f
	}
	at := len(begin().b)
	flipped := begin().end()
	flipped[at-100] ^= 1
	for name, tc := range map[string]struct {
		file   []byte
		change func(*engine.Config)
		is     error
		offset int
		key    string
		want   string
	}{
		"cut off":          {file: begin().end()[:at-200], is: rdb.ErrFormat, offset: -1, want: "the source ends at byte"},
		"wrong checksum":   {file: flipped, is: rdb.ErrFormat, offset: at + 1, want: "the checksum is"},
		"bad value":        {file: begin().value("bad", "\x10"+rdbString("nonsense"), 0).end(), offset: at, key: "bad", want: "at byte"},
		"key twice":        {file: begin().text("key:7", "v", 0).end(), is: rdb.ErrFormat, offset: at, key: "key:7", want: "the key is in the file twice"},
		"another database": {file: begin().raw("\xfe\x03").text("k", "v", 0).end(), is: engine.ErrDatabase, offset: at + 2, key: "k", want: "database 3"},
		"bad library":      {file: begin().library("#!lua name=x\nerror('no')").end(), offset: at, want: "Error registering functions"},
		"library for ever": {file: begin().library("#!lua name=x\nwhile true do end").end(), offset: at, want: "FUNCTION LOAD timeout"},
		"too much memory":  {file: begin().end(), change: func(c *engine.Config) { c.MaxMemory = 1 << 20 }, is: engine.ErrMaxMemory, offset: -1, want: "maxmemory"},
		"no file":          {file: []byte("something else"), is: rdb.ErrFormat, want: "no file of this format"},
		"nothing":          {is: rdb.ErrFormat, want: "9 bytes are wanted, the source ends at byte 0"},
	} {
		for how, src := range map[string]io.Reader{"file": bytes.NewReader(tc.file), "pipe": pipe{bytes.NewReader(tc.file)}} {
			t.Run(name+"/"+how, func(t *testing.T) {
				memory := memlog.New(nil)
				n, replica := openNode(t, memory.Shard("s"), "a", tc.change), openNode(t, memory.Shard("s"), "b", nil)
				n.promote(t)
				publish(t, 1, n, n, replica)
				before, _ := n.Digest()
				_, err := n.Restore(soon(t), src, nil)
				wrong := new(rdb.FileError)
				if err == nil || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.want) || !strings.HasSuffix(err.Error(), "nothing is restored") {
					t.Fatalf("error %v, want %q", err, tc.want)
				}
				if errors.As(err, &wrong); tc.offset >= 0 && (int(wrong.Offset) != tc.offset || string(wrong.Key) != tc.key) {
					t.Errorf("at byte %d, key %q; want %d, %q: %v", wrong.Offset, wrong.Key, tc.offset, tc.key, err)
				}
				if after, _ := n.Digest(); after != before {
					t.Error("something is left")
				}
				c := n.client(t, nil)
				if keys, libs := c.DBSize(soon(t)).Val(), c.FunctionList(soon(t), redis.FunctionListQuery{}).Val(); keys != 0 || len(libs) != 0 {
					t.Errorf("%d keys and %d libraries are left", keys, len(libs))
				}
				if err := c.Set(soon(t), "k", "v", 0).Err(); err != nil {
					t.Errorf("SET afterwards: %v", err)
				}
				digest, at := n.Digest()
				eventually(t, func() error {
					if d, pos := replica.Digest(); pos < at || d != digest {
						return fmt.Errorf("the replica has digest %x at %v, not %x at %v", d, pos, digest, at)
					}
					return nil
				})
			})
		}
	}
}

// A file that ends at any byte too early leaves nothing, and the error says where.
func TestRestoreOfATruncatedFile(t *testing.T) {
	payloads := recordedPayloads(t)
	file := newRDB().library(restoreLibrary).text("a", "v", 4_000_000_000_000).value("list", payloads["list of numbers"], 0).value("stream", payloads["stream of one"], 0).
		value("zset", payloads["sorted set of one"], 0).text("b", "v", 0).end()
	n := single(t, nil)
	for at := range file {
		for how, src := range map[string]io.Reader{"file": bytes.NewReader(file[:at]), "pipe": pipe{bytes.NewReader(file[:at])}} {
			_, err := n.Restore(soon(t), src, nil)
			wrong := new(rdb.FileError)
			if !errors.As(err, &wrong) || !errors.Is(err, rdb.ErrFormat) || wrong.Offset > int64(at) || !n.Empty() {
				t.Fatalf("the first %d bytes as a %s: %v; empty: %v", at, how, err, n.Empty())
			}
		}
	}
	if report, err := n.Restore(soon(t), bytes.NewReader(file), nil); err != nil || report.Keys != 5 || report.Libraries != 1 {
		t.Errorf("the whole file: %+v, %v", report, err)
	}
}

func TestRestoreNeedsAnEmptyPrimary(t *testing.T) {
	ctx := soon(t)
	file := newRDB().text("k", "v", 0).end()
	memory := memlog.New(nil)
	n, replica := openNode(t, memory.Shard("s"), "a", nil), openNode(t, memory.Shard("s"), "b", nil)
	n.promote(t)
	publish(t, 1, n, n, replica)
	if _, err := replica.Restore(ctx, bytes.NewReader(file), nil); !errors.Is(err, engine.ErrNotPrimary) {
		t.Errorf("replica: %v", err)
	}
	c := n.client(t, nil)
	if err := c.Set(ctx, "mine", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Restore(ctx, bytes.NewReader(file), nil); !errors.Is(err, engine.ErrNotEmpty) {
		t.Errorf("with a key: %v", err)
	}
	if got := c.Get(ctx, "mine").Val(); got != "v" {
		t.Errorf("the node's key is %q", got)
	}
	c.Del(ctx, "mine")
	c.FunctionLoad(ctx, restoreLibrary)
	if _, err := n.Restore(ctx, bytes.NewReader(file), nil); !errors.Is(err, engine.ErrNotEmpty) {
		t.Errorf("with a library: %v", err)
	}
	if err := n.Discard(ctx); err != nil {
		t.Fatal(err)
	}
	if report, err := n.Restore(ctx, bytes.NewReader(file), nil); err != nil || report.Keys != 1 {
		t.Errorf("after Discard: %+v, %v", report, err)
	}
}

// asks calls ask once, in the middle of a file.
type asks struct {
	r   io.Reader
	at  int
	ask func()
}

// Read reads on.
func (a *asks) Read(p []byte) (int, error) {
	n, err := a.r.Read(p[:min(len(p), 1000)])
	if a.at -= n; a.at <= 0 && a.ask != nil {
		a.ask()
		a.ask = nil
	}
	return n, err
}

// While a node is restored clients are kept away, those that wait too; when the restore is given up in the middle, nothing stays.
func TestClientsWaitForTheRestore(t *testing.T) {
	f := newRDB()
	for i := range 3000 {
		f.text(fmt.Sprint("key:", i), strings.Repeat("v", 500), 0)
	}
	n := single(t, nil)
	c := n.client(t, nil)
	raw, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	waiting := enginetest.NewClient(t, raw)
	waiting.Send("blpop", "list", "0")
	enginetest.Await(t, "BLPOP to wait", func() bool { return strings.Contains(c.Info(t.Context(), "clients").Val(), "blocked_clients:1") })
	ctx, cancel := context.WithCancel(soon(t))
	src := &asks{r: bytes.NewReader(f.end()), at: 1_000_000, ask: func() {
		if err := c.Get(soon(t), "key:1").Err(); err == nil || !strings.HasPrefix(err.Error(), "LOADING") {
			t.Errorf("GET: %v", err)
		}
		if err := c.Set(soon(t), "key:1", "mine", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "LOADING") {
			t.Errorf("SET: %v", err)
		}
		if v := waiting.Receive(); !strings.HasPrefix(v.Text, "UNBLOCKED") {
			t.Errorf("BLPOP: %v", v.Lines())
		}
		if _, err := n.Restore(ctx, bytes.NewReader(f.end()), nil); !errors.Is(err, engine.ErrNotEmpty) {
			t.Errorf("a second restore: %v", err)
		}
		cancel()
	}}
	if _, err := n.Restore(ctx, src, nil); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "nothing is restored") {
		t.Errorf("restore: %v", err)
	}
	if keys := c.DBSize(soon(t)).Val(); keys != 0 {
		t.Errorf("%d keys are left", keys)
	}
}

// A log that fails on the way: the restore fails, and the node does not show the part that it has.
func TestRestoreOnAFailingLog(t *testing.T) {
	f := newRDB()
	for i := range 3000 {
		f.text(fmt.Sprint("key:", i), strings.Repeat("v", 500), 0)
	}
	gate := &memlog.Gate{}
	n := openNode(t, memlog.New(gate).Shard("s"), "a", nil)
	n.promote(t)
	publish(t, 1, n, n)
	src := &asks{r: bytes.NewReader(f.end()), at: 1_000_000, ask: func() { gate.Refuse(txlog.ErrFull) }}
	_, err := n.Restore(soon(t), src, nil)
	if !errors.Is(err, engine.ErrHalfRestored) {
		t.Fatalf("restore: %v", err)
	}
	c := n.client(t, nil)
	if err := c.Get(soon(t), "key:1").Err(); err == nil || !strings.HasPrefix(err.Error(), "LOADING") {
		t.Errorf("GET: %v", err)
	}
	gate.Refuse(nil)
	if err := n.Discard(soon(t)); err != nil {
		t.Fatal(err)
	}
	if keys, err := c.DBSize(soon(t)).Result(); err != nil || keys != 0 {
		t.Errorf("%d keys after Discard, %v", keys, err)
	}
}

// longRDB is a file of so many keys with values of size bytes, made as it is read; each is called now and then.
type longRDB struct {
	keys, size, made int
	rest, room       []byte
	each             func()
}

// Read reads on.
func (s *longRDB) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		f := rdbFile{b: s.room[:0]}
		switch {
		case s.made == 0:
			f.raw("REDIS0010")
		case s.made <= s.keys:
			f.b = append(f.b, 0, 0x80)
			key := "key:" + strconv.Itoa(s.made)
			f.b = append(binary.BigEndian.AppendUint32(f.b, uint32(len(key))), key...)
			f.b = binary.BigEndian.AppendUint32(append(f.b, 0x80), uint32(s.size))
			for n := range s.size {
				f.b = append(f.b, byte(n*s.made))
			}
		case s.made == s.keys+1:
			f.raw("\xff\x00\x00\x00\x00\x00\x00\x00\x00")
		default:
			return 0, io.EOF
		}
		s.made++
		s.rest, s.room = f.b, f.b
		if s.made%32 == 0 && s.each != nil {
			s.each()
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// A restore takes no heap for the file, nor for what is on its way to the log: 64 MiB, or as many as MEMORYDB_RESTORE_MIB says, go through less than 24.
func TestRestoreTakesLittleHeap(t *testing.T) {
	dir := t.TempDir()
	q, err := quorumlog.Open(quorumlog.Config{Dirs: [3]string{filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")}, Now: time.Now, Watermark: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	log, err := q.Shard("s", quorumlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	n := openHere(t, log)
	defer n.Close(soon(t))
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most, keys := uint64(0), 16<<10
	if mib, err := strconv.Atoi(os.Getenv("MEMORYDB_RESTORE_MIB")); err == nil {
		keys = mib << 8
	}
	report, err := n.Restore(soon(t), &longRDB{keys: keys, size: 4 << 10, each: func() {
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapAlloc)
	}}, nil)
	if err != nil || report.Keys != keys || report.Bytes < int64(keys)<<12 {
		t.Fatalf("%+v, %v", report, err)
	}
	grown := int64(most) - int64(before.HeapAlloc)
	t.Logf("%d bytes: the heap has grown by %d", report.Bytes, grown)
	if grown > 24<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}

// openHere opens a node that leads and that nobody talks to.
func openHere(t testing.TB, log txlog.Log) *engine.Node {
	t.Helper()
	n, err := engine.Open(engine.Config{Node: strings.Repeat("a", 40), Log: log, Now: time.Now, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(n.CaughtUp(soon(t)), n.Promote(soon(t))); err != nil {
		t.Fatal(err)
	}
	return n
}

// Small keys: go test ./engine -run '^$' -bench Restore -benchtime 1x
func BenchmarkRestore(b *testing.B) {
	for _, bench := range []struct {
		name string
		pipe bool
	}{{"checked", false}, {"unchecked", true}} {
		b.Run(bench.name, func(b *testing.B) {
			const keys = 1_000_000
			file, err := io.ReadAll(&longRDB{keys: keys, size: 32})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				b.StopTimer()
				dir := b.TempDir()
				q, err := quorumlog.Open(quorumlog.Config{Dirs: [3]string{filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")}, Now: time.Now, Watermark: -1})
				if err != nil {
					b.Fatal(err)
				}
				log, err := q.Shard("s", quorumlog.Options{})
				if err != nil {
					b.Fatal(err)
				}
				n := openHere(b, log)
				var src io.Reader = bytes.NewReader(file)
				if bench.pipe {
					src = pipe{src}
				}
				b.StartTimer()
				report, err := n.Restore(soon(b), src, nil)
				if err != nil || report.Keys != keys {
					b.Fatalf("%+v, %v", report, err)
				}
				b.StopTimer()
				b.ReportMetric(float64(keys)/report.Took.Seconds(), "keys/s")
				if err := errors.Join(n.Close(soon(b)), log.Close(), q.Close()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
