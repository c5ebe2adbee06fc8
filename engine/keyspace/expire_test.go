package keyspace

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestExpiryModes(t *testing.T) {
	k := []byte("k")
	for _, c := range []struct {
		name   string
		mode   ExpiryMode
		after  int64 // milliseconds after the expiry
		found  bool
		stays  bool
		logged int
	}{
		{"a primary at the very millisecond", ExpireDelete, 0, true, true, 0},
		{"a primary", ExpireDelete, 1, false, false, 1},
		{"a replica", ExpireHide, 1, false, true, 0},
		{"replay", ExpireIgnore, 1, true, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for what, lookup := range map[string]func(db *DB) bool{
				"LookupRead":  func(db *DB) bool { _, ok := db.LookupRead(k); return ok },
				"LookupWrite": func(db *DB) bool { _, ok := db.LookupWrite(k); return ok },
				"Peek":        func(db *DB) bool { _, ok := db.Peek(k); return ok },
				"Exists":      func(db *DB) bool { return db.Exists(k) },
				"ExpireAt":    func(db *DB) bool { return db.ExpireAt(k) != 0 },
				"Memory":      func(db *DB) bool { _, ok := db.Memory(k); return ok },
				"IdleSeconds": func(db *DB) bool { _, ok := db.IdleSeconds(k); return ok },
				"Frequency":   func(db *DB) bool { _, ok := db.Frequency(k); return ok },
			} {
				db := newTestDB(t, 1)
				logged := 0
				db.OnExpired = func(key []byte) {
					if string(key) != "k" || db.Len() != 0 {
						t.Errorf("%s: told of %q with %d keys", what, key, db.Len())
					}
					logged++
				}
				db.Set(k, String, EncRaw, nil, false)
				db.Expire(k, db.Now)
				db.Now += c.after
				db.Expiry = c.mode
				if got := lookup(db); got != c.found || (db.Len() == 1) != c.stays || logged != c.logged {
					t.Errorf("%s: found %t, %d keys, %d told", what, got, db.Len(), logged)
				}
			}
		})
	}
}

func TestSetOfExpiredKeyStartsAnew(t *testing.T) {
	for mode, logged := range map[ExpiryMode]int{ExpireDelete: 1, ExpireHide: 0} {
		db := newTestDB(t, 1)
		db.Expiry = mode
		got := 0
		db.OnExpired = func([]byte) { got++ }
		db.Set([]byte("k"), String, EncRaw, []byte("old"), false)
		db.Expire([]byte("k"), db.Now-1)
		db.Set([]byte("k"), String, EncRaw, []byte("new"), true)
		if v, ok := db.Peek([]byte("k")); !ok || string(v.Bytes) != "new" || db.ExpireAt([]byte("k")) != 0 || got != logged || db.Len() != 1 {
			t.Errorf("mode %d: %q %t, expires %d, %d told, %d keys", mode, v.Bytes, ok, db.ExpireAt([]byte("k")), got, db.Len())
		}
	}
}

func TestExpireCycleFindsAllInTurn(t *testing.T) {
	db := newTestDB(t, 1)
	r := rand.New(rand.NewPCG(1, 14))
	const n = 5000
	for i := range n {
		k := key16(nil, i)
		db.Set(k, String, EncRaw, nil, false)
		db.Expire(k, db.Now+int64(r.IntN(1000)))
	}
	start, deleted := db.Now, 0
	for db.Now = start; db.Now <= start+1000; db.Now += 50 {
		for more := true; more; {
			calls := 0
			more = db.ExpireCycle(20, func(k []byte) {
				name := string(k)
				if db.ExpireAt(k) >= db.Now {
					t.Fatalf("%q isn't expired", k)
				}
				db.Delete(k)
				if string(k) != name {
					t.Fatal("the key changed when it was deleted")
				}
				calls++
				deleted++
			})
			if calls > 20 || more && calls != 20 {
				t.Fatalf("%d calls, more %t", calls, more)
			}
		}
		if db.Expires() > 0 {
			if at := db.item(0).at; at < db.Now {
				t.Fatalf("a key that expired at %d is left at %d", at, db.Now)
			}
		}
		if db.Len() != db.Expires() {
			t.Fatalf("%d keys, %d expire", db.Len(), db.Expires())
		}
	}
	if db.Len() != 0 || deleted != 0 && deleted != n {
		t.Errorf("%d keys are left, %d deleted", db.Len(), deleted)
	}
}

func TestAverageTTL(t *testing.T) {
	db := newTestDB(t, 1)
	if db.AverageTTL() != 0 {
		t.Error("average of none")
	}
	for i, ttl := range []int64{1000, 2000, 6000} {
		k := fmt.Appendf(nil, "%d", i)
		db.Set(k, String, EncRaw, nil, false)
		db.Expire(k, db.Now+ttl)
	}
	if got := db.AverageTTL(); got != 3000 {
		t.Errorf("average %d", got)
	}
	db.Expire([]byte("2"), 0)
	if got := db.AverageTTL(); got != 1500 {
		t.Errorf("average %d", got)
	}
	db.Now += 10_000
	if got := db.AverageTTL(); got != 0 {
		t.Errorf("average %d of expired keys", got)
	}
	for i := range 2 {
		db.Expire(fmt.Appendf(nil, "%d", i), 1<<62)
	}
	if got := db.AverageTTL(); got != 1<<62-db.Now {
		t.Errorf("average %d of far times", got)
	}
}

func TestExpiryBeforeTheEpochIsPast(t *testing.T) {
	db := newTestDB(t, 1)
	db.Set([]byte("k"), String, EncRaw, nil, false)
	db.Expire([]byte("k"), -5)
	if err := db.Check(); err != nil {
		t.Fatal(err)
	}
	if db.Exists([]byte("k")) {
		t.Error("exists")
	}
}

func TestSampleEvictOfVolatileKeys(t *testing.T) {
	db := newTestDB(t, 1)
	db.SampleEvict(true, 5, func([]byte, int64, int, int64) { t.Error("a sample of none") })
	fill(db, 100, nil)
	db.SampleEvict(true, 5, func([]byte, int64, int, int64) { t.Error("a sample of none") })
	want := map[string]bool{}
	for i := range 10 {
		k := key16(nil, i*7)
		want[string(k)] = true
		db.Expire(k, db.Now+int64(i)+1)
	}
	db.Now += 90_000
	n, seen := 0, map[string]bool{}
	db.SampleEvict(true, 1000, func(key []byte, idle int64, freq int, at int64) {
		n++
		seen[string(key)] = true
		if !want[string(key)] || idle != 90 || at < db.Now-90_000 || at > db.Now {
			t.Fatalf("%q, idle %d, expires %d", key, idle, at)
		}
	})
	if n != 1000 || len(seen) != 10 {
		t.Errorf("%d samples of %d keys", n, len(seen))
	}
}

func TestSlotKeysCountsExpired(t *testing.T) {
	db := newTestDB(t, 1)
	for _, k := range []string{"{t}a", "{t}b", "{t}c"} {
		db.Set([]byte(k), String, EncRaw, nil, false)
	}
	db.Expire([]byte("{t}b"), db.Now-1)
	var got []string
	db.SlotKeys(15891, func(k []byte) bool { got = append(got, string(k)); return true })
	slices.Sort(got)
	if !slices.Equal(got, []string{"{t}a", "{t}b", "{t}c"}) || db.SlotLen(15891) != 3 {
		t.Errorf("%q, SlotLen %d", got, db.SlotLen(15891))
	}
	n := 0
	db.SlotKeys(15891, func([]byte) bool { n++; return false })
	if n != 1 {
		t.Errorf("%d keys after the first was enough", n)
	}
}
