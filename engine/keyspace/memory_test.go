package keyspace

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// resident is the process's resident memory in bytes; it skips the test where the system doesn't say.
func resident(t testing.TB) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc")
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// key16 writes the 16-byte key i into b.
func key16(b []byte, i int) []byte {
	b = append(b[:0], "key:000000000000"...)
	for j := len(b) - 1; i > 0; j-- {
		b[j] = byte('0' + i%10)
		i /= 10
	}
	return b
}

func fill(db *DB, n int, value []byte) {
	var k []byte
	for i := range n {
		k = key16(k, i)
		db.Set(k, String, EncEmbstr, value, false)
	}
}

// TestMemoryPerKey: a million keys of 16 bytes with values of 32 take at most 100 bytes each, of the arena and of the process (Redis takes 147).
func TestMemoryPerKey(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	const n, limit = 1_000_000, 100.0
	runtime.GC()
	before := resident(t)
	db := newTestDB(t, 1)
	value := make([]byte, 32)
	fill(db, n, value)
	rss := resident(t) - before
	t.Logf("Used %.1f, mapped %.1f, resident %.1f bytes a key", float64(db.Used())/n, float64(db.Mapped())/n, float64(rss)/n)
	if got := float64(db.Used()) / n; got > limit {
		t.Errorf("Used is %.1f bytes a key", got)
	}
	if got := float64(db.Mapped()) / n; got > limit {
		t.Errorf("%.1f bytes a key are mapped", got)
	}
	if got := float64(rss) / n; got > limit && !raceEnabled {
		t.Errorf("%.1f bytes a key are resident", got)
	}

	start := time.Now()
	runtime.GC()
	took := time.Since(start)
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	t.Logf("a collection took %v, %d objects on the heap", took, stats.HeapObjects)
	if stats.HeapObjects > 100_000 {
		t.Errorf("%d objects on the heap", stats.HeapObjects)
	}

	used := db.Used()
	for i := range n {
		db.Expire(key16(nil, i), db.Now+int64(i))
	}
	t.Logf("with expiries %.1f bytes a key", float64(db.Used())/n)
	if extra := float64(db.Used()-used) / n; extra > 24 {
		t.Errorf("an expiry takes %.1f bytes", extra)
	}
}

// TestMemoryPerField: members of 16 bytes with scores of 8, as a sorted set has them, take little more than their bytes.
func TestMemoryPerField(t *testing.T) {
	db := newTestDB(t, 1)
	d := db.NewDict()
	const n = 200_000
	var k []byte
	for i := range n {
		k = key16(k, i)
		d.Set(k, k[8:])
	}
	t.Logf("%.1f bytes a field", float64(d.Memory())/n)
	if got := float64(d.Memory()) / n; got > 50 {
		t.Errorf("%.1f bytes a field", got)
	}
}

// TestFragmentation overwrites keys with values of changing sizes, and looks at what the arena holds beyond what is in use.
func TestFragmentation(t *testing.T) {
	const keys = 20_000
	for name, size := range map[string]func(r *rand.Rand, round int) int{
		"random sizes":    func(r *rand.Rand, _ int) int { return r.IntN(1000) },
		"rising sizes":    func(r *rand.Rand, round int) int { return 20 + 60*round + r.IntN(16) },
		"a few are large": func(r *rand.Rand, _ int) int { return 1 << r.IntN(14) },
	} {
		t.Run(name, func(t *testing.T) {
			db := newTestDB(t, 1)
			r := rand.New(rand.NewPCG(1, 3))
			value := make([]byte, 1<<20)
			var k []byte
			for round := range 10 {
				for range keys {
					k = key16(k, r.IntN(keys))
					db.Set(k, String, EncRaw, value[:size(r, round)], false)
				}
			}
			for db.Defrag(100) {
				if err := db.Check(); err != nil {
					t.Fatal(err)
				}
			}
			live := int64(0)
			db.Each(func(key []byte, v Value, _ int64) bool { live += int64(len(key) + len(v.Bytes)); return true })
			held := int64(db.pages+db.stock) * pageSize
			t.Logf("%d keys, content %d, used %d (%.2f), held %d (%.2f)", db.Len(), live, db.Used(),
				float64(db.Used())/float64(live), held, float64(held)/float64(db.Used()))
			if limit := db.Used()*5/4 + defragSlack; held > limit {
				t.Errorf("arena holds %d bytes, limit %d", held, limit)
			}
			if err := db.Check(); err != nil {
				t.Error(err)
			}
			for i := range keys {
				db.Delete(key16(k, i))
			}
			if db.mapped > 2*chunkSize {
				t.Errorf("%d bytes are mapped for no keys", db.mapped)
			}
		})
	}
}

// TestStreamOfSets: 600 MiB of SETs over 1000 keys leave the memory of 1000 values.
func TestStreamOfSets(t *testing.T) {
	db := newTestDB(t, 1)
	value := make([]byte, 1000)
	var k []byte
	r := rand.New(rand.NewPCG(1, 4))
	for i := range 600 << 10 {
		db.Set(key16(k, i%1000), String, EncRaw, value[:900+r.IntN(100)], false)
	}
	if held := int64(db.pages+db.stock) * pageSize; held > 4<<20 {
		t.Errorf("%d bytes are held for 1 MB", held)
	}
}

func TestLargeValuesReturnTheirMemory(t *testing.T) {
	db := newTestDB(t, 1)
	before := resident(t)
	for _, size := range []int{100 << 10, 1 << 20, 5 << 20} {
		value := make([]byte, size)
		for i := range value {
			value[i] = 1
		}
		for i := range 100 << 20 / size {
			db.Set(key16(nil, i), String, EncRaw, value, false)
		}
		for i := range 100 << 20 / size {
			db.Delete(key16(nil, i))
		}
	}
	if grown := resident(t) - before; grown > 32<<20 {
		t.Errorf("%d bytes more are resident", grown)
	}
	if db.mapped > 2*chunkSize {
		t.Errorf("%d bytes are mapped", db.mapped)
	}
}

// TestDroppedDBIsUnmapped: a DB that nobody refers to any more releases its memory even without Close.
func TestDroppedDBIsUnmapped(t *testing.T) {
	value := make([]byte, 1000)
	before := resident(t)
	for range 20 {
		db := New(Config{})
		fill(db, 20_000, value)
	}
	deadline := time.Now().Add(20 * time.Second)
	for resident(t)-before > 100<<20 {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are resident", resident(t)-before)
		}
		runtime.GC()
		runtime.Gosched()
	}
}

func TestEmptyDBIsSmall(t *testing.T) {
	db := newTestDB(t, 1)
	if db.Used() != 0 || db.Mapped() != 0 {
		t.Errorf("used %d, mapped %d", db.Used(), db.Mapped())
	}
	runtime.GC()
	before := resident(t)
	var dbs []*DB
	for range 100 {
		db := New(Config{})
		fill(db, 100, []byte("value"))
		dbs = append(dbs, db)
	}
	grown := (resident(t) - before) / int64(len(dbs))
	for _, db := range dbs {
		db.Close()
	}
	t.Logf("%d bytes a DB of 100 keys", grown)
	if grown > 512<<10 {
		t.Errorf("a DB of 100 keys takes %d bytes", grown)
	}
}

func TestNoAllocation(t *testing.T) {
	db := newTestDB(t, 1)
	value := make([]byte, 32)
	fill(db, 1000, value)
	k := key16(nil, 7)
	for name, f := range map[string]func(){
		"LookupRead": func() { db.LookupRead(k) },
		"Set":        func() { db.Set(k, String, EncRaw, value, false) },
		"Delete and Set": func() {
			db.Delete(k)
			db.Set(k, String, EncRaw, value, false)
		},
		"Expire":    func() { db.Expire(k, db.Now+5) },
		"Resize":    func() { db.Resize(k, 40, EncRaw) },
		"Scan":      func() { db.Scan(0, 10, func([]byte) {}) },
		"RandomKey": func() { db.RandomKey() },
		"SampleEvict": func() {
			db.SampleEvict(false, 5, func([]byte, int64, int, int64) {})
		},
		"ExpireCycle": func() { db.ExpireCycle(5, func([]byte) {}) },
		"Used":        func() { db.Used() },
		"Digest":      func() { db.Digest() },
	} {
		if n := testing.AllocsPerRun(100, f); n > 0 && !raceEnabled {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func benchDB(b *testing.B, n int) (*DB, []int32) {
	db := newTestDB(b, 1)
	fill(db, n, make([]byte, 32))
	order := make([]int32, 1<<20)
	r := rand.New(rand.NewPCG(1, 5))
	for i := range order {
		order[i] = int32(r.IntN(n))
	}
	b.ReportAllocs()
	b.ResetTimer()
	return db, order
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db, order := benchDB(b, n)
			var k []byte
			for i := range b.N {
				k = key16(k, int(order[i%len(order)]))
				if _, ok := db.LookupRead(k); !ok {
					b.Fatal("missing")
				}
			}
		})
	}
}

func BenchmarkOverwrite(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db, order := benchDB(b, n)
			var k []byte
			value := make([]byte, 32)
			for i := range b.N {
				k = key16(k, int(order[i%len(order)]))
				db.Set(k, String, EncEmbstr, value, false)
			}
		})
	}
}

// BenchmarkOverwriteSizes overwrites with values of random sizes: most take another block.
func BenchmarkOverwriteSizes(b *testing.B) {
	db, order := benchDB(b, 100_000)
	var k []byte
	value := make([]byte, 256)
	for i := range b.N {
		k = key16(k, int(order[i%len(order)])%100_000)
		db.Set(k, String, EncEmbstr, value[:i*7919%256], false)
	}
}

func BenchmarkSet(b *testing.B) {
	for _, tag := range []string{"", "{tag}"} {
		b.Run("new"+tag, func(b *testing.B) {
			db := newTestDB(b, 1)
			k := []byte(tag + "key:000000000000")
			value := make([]byte, 32)
			b.ReportAllocs()
			for i := range b.N {
				key16(k[len(tag):], i)
				db.Set(k, String, EncEmbstr, value, false)
			}
		})
	}
}

func BenchmarkDelete(b *testing.B) {
	db := newTestDB(b, 1)
	fill(db, b.N, make([]byte, 32))
	b.ReportAllocs()
	b.ResetTimer()
	var k []byte
	for i := range b.N {
		k = key16(k, i)
		db.Delete(k)
	}
}

func BenchmarkExpire(b *testing.B) {
	db, order := benchDB(b, 1_000_000)
	var k []byte
	for i := range b.N {
		k = key16(k, int(order[i%len(order)]))
		db.Expire(k, db.Now+int64(order[i*31%len(order)]))
	}
}

func BenchmarkDict(b *testing.B) {
	const n = 100_000
	db := newTestDB(b, 1)
	d := db.NewDict()
	var k []byte
	for i := range n {
		k = key16(k, i)
		d.Set(k, k[8:])
	}
	b.Run("Get", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			k = key16(k, i*7919%n)
			d.Get(k)
		}
	})
	b.Run("Set", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			k = key16(k, i*7919%n)
			d.Set(k, k[8:])
		}
	})
	b.Run("Delete and Set", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			k = key16(k, i*7919%n)
			d.Delete(k)
			d.Set(k, k[8:])
		}
	})
}

func BenchmarkRandomKey(b *testing.B) {
	db, _ := benchDB(b, 1_000_000)
	for range b.N {
		db.RandomKey()
	}
}
