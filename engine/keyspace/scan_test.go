package keyspace

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestScanGuarantee: keys that are there from the start to the end of an iteration are all visited, while the tables grow and shrink by orders of
// magnitude between the calls.
func TestScanGuarantee(t *testing.T) {
	for _, tag := range []string{"{t}", ""} {
		for seed := range seeds(40) {
			t.Run(fmt.Sprintf("tag %q seed %d", tag, seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 6))
				db := newTestDB(t, seed)
				stay := map[string]bool{}
				for i := range r.IntN(500) {
					k := fmt.Sprintf("%sstay:%d", tag, i)
					stay[k] = true
					db.Set([]byte(k), String, EncRaw, nil, false)
				}
				others, calls := churn{db: db, r: r, tag: tag}, 0
				for range r.IntN(3000) {
					others.add()
				}
				var cursor uint64
				for cursor = db.Scan(0, r.IntN(30), func(k []byte) { delete(stay, string(k)) }); cursor != 0; calls++ {
					others.change()
					cursor = db.Scan(cursor, r.IntN(30), func(k []byte) { delete(stay, string(k)) })
				}
				if len(stay) > 0 {
					t.Errorf("%d keys weren't visited in %d calls: %v", len(stay), calls, stay)
				}
				if err := db.Check(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// churn adds and deletes keys in waves.
type churn struct {
	db   *DB
	r    *rand.Rand
	tag  string
	next int
	have []string
	down bool
}

func (c *churn) add() {
	k := fmt.Sprintf("%sother:%d", c.tag, c.next)
	c.next++
	c.have = append(c.have, k)
	c.db.Set([]byte(k), String, EncRaw, nil, false)
}

func (c *churn) change() {
	if c.r.IntN(20) == 0 {
		c.down = !c.down
	}
	for range c.r.IntN(200) {
		if !c.down {
			c.add()
		} else if n := len(c.have); n > 0 {
			i := c.r.IntN(n)
			c.db.Delete([]byte(c.have[i]))
			c.have[i] = c.have[n-1]
			c.have = c.have[:n-1]
		}
	}
}

func TestScanWithoutChangeVisitsOnce(t *testing.T) {
	db := newTestDB(t, 1)
	fill(db, 5000, nil)
	seen := map[string]int{}
	calls := 0
	for cursor := uint64(0); ; calls++ {
		n := 0
		cursor = db.Scan(cursor, 10, func(k []byte) { seen[string(k)]++; n++ })
		if n > 40 {
			t.Fatalf("a call visited %d keys", n)
		}
		if cursor == 0 {
			break
		}
		if n < 10 {
			t.Fatalf("a call visited %d keys", n)
		}
	}
	for k, n := range seen {
		if n != 1 {
			t.Errorf("%q visited %d times", k, n)
		}
	}
	if len(seen) != 5000 {
		t.Errorf("%d keys", len(seen))
	}
}

func TestScanTakesAnyCursor(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	db := newTestDB(t, 1)
	for range 3 {
		for range 10_000 {
			db.Scan(r.Uint64()>>r.IntN(64), r.IntN(10)-2, func([]byte) {})
		}
		fill(db, 20_000, nil)
	}
	d := db.NewDict()
	for range 1000 {
		d.Scan(r.Uint64(), 3, func(k, v []byte) {})
		d.Set([]byte(fmt.Sprint(r.IntN(1000))), nil)
	}
}

func TestDictScanGuarantee(t *testing.T) {
	for seed := range seeds(40) {
		r := rand.New(rand.NewPCG(seed, 8))
		db := newTestDB(t, seed)
		d := db.NewDict()
		stay := map[string]bool{}
		for i := range r.IntN(300) {
			k := fmt.Sprintf("stay:%d", i)
			stay[k] = true
			d.Set([]byte(k), []byte("v"))
		}
		visit := func(k, v []byte) { delete(stay, string(k)) }
		next, down := 0, false
		for cursor := d.Scan(0, 5, visit); cursor != 0; cursor = d.Scan(cursor, 1+r.IntN(20), visit) {
			if r.IntN(20) == 0 {
				down = !down
			}
			for range r.IntN(300) {
				if down {
					next = max(0, next-1)
					d.Delete([]byte(fmt.Sprint(next)))
				} else {
					d.Set([]byte(fmt.Sprint(next)), nil)
					next++
				}
			}
		}
		if len(stay) > 0 {
			t.Errorf("seed %d: %d keys weren't visited", seed, len(stay))
		}
	}
}

func TestRandomIsFair(t *testing.T) {
	db := newTestDB(t, 1)
	d := db.NewDict()
	// One slot has most of the keys, as hash tags make it.
	var keys []string
	for i := range 300 {
		keys = append(keys, fmt.Sprintf("key:%d", i), fmt.Sprintf("{t}key:%d", i), fmt.Sprintf("{t}%d", i))
	}
	for _, k := range keys {
		db.Set([]byte(k), String, EncRaw, nil, false)
		d.Set([]byte(k), nil)
	}
	db.Expire([]byte(keys[0]), db.Now-1)
	draws := 1000
	if raceEnabled {
		draws = 100
	}
	keyed, membered, sampled := map[string]int{}, map[string]int{}, map[string]int{}
	for range draws * len(keys) {
		k, ok := db.RandomKey()
		if !ok {
			t.Fatal("no key")
		}
		keyed[string(k)]++
		m, _ := d.Random(db.chance)
		membered[string(m)]++
		db.SampleEvict(false, 1, func(key []byte, _ int64, _ int, _ int64) { sampled[string(key)]++ })
	}
	if keyed[keys[0]] != 0 {
		t.Error("an expired key was drawn")
	}
	for what, counts := range map[string]map[string]int{"RandomKey": keyed, "Dict.Random": membered, "SampleEvict": sampled} {
		chi := 0.0
		for _, k := range keys[1:] {
			delta := float64(counts[k] - draws)
			chi += delta * delta / float64(draws)
		}
		if n := float64(len(keys)); chi > n*1.3 {
			t.Errorf("%s: chi square of %.0f for %.0f keys", what, chi, n)
		}
	}
}

func TestRandomKeyOfExpiredKeys(t *testing.T) {
	db := newTestDB(t, 1)
	if _, ok := db.RandomKey(); ok {
		t.Error("a key of an empty DB")
	}
	fill(db, 1000, nil)
	for i := range 1000 {
		if i != 500 {
			db.Expire(key16(nil, i), db.Now-1)
		}
	}
	if k, ok := db.RandomKey(); !ok || string(k) != string(key16(nil, 500)) {
		t.Errorf("got %q %t", k, ok)
	}
	db.Delete(key16(nil, 500))
	if _, ok := db.RandomKey(); ok {
		t.Error("an expired key was drawn")
	}
	db.Expiry = ExpireIgnore
	if _, ok := db.RandomKey(); !ok {
		t.Error("ExpireIgnore hides keys")
	}
}
