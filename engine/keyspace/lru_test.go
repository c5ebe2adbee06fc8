package keyspace

import "testing"

func TestIdleTime(t *testing.T) {
	db := newTestDB(t, 1)
	k := []byte("k")
	idle := func() int64 { n, _ := db.IdleSeconds(k); return n }
	db.Set(k, String, EncRaw, nil, false)
	db.Now += 10_000
	db.Peek(k)
	db.Exists(k)
	if idle() != 10 {
		t.Errorf("idle %d after Peek", idle())
	}
	db.NoTouch = true
	db.LookupRead(k)
	if idle() != 10 {
		t.Errorf("idle %d after a lookup that doesn't touch", idle())
	}
	db.NoTouch = false
	db.LookupRead(k)
	if idle() != 0 {
		t.Errorf("idle %d after a lookup", idle())
	}
	db.SetIdle(k, 1000)
	if idle() != 1000 {
		t.Errorf("idle %d after SetIdle", idle())
	}
	db.Rename(k, []byte("to"))
	k = []byte("to")
	if idle() != 1000 {
		t.Errorf("idle %d after Rename", idle())
	}
	db.Expire(k, db.Now+1_000_000_000)
	db.Resize(k, 1000, EncRaw)
	if idle() != 1000 {
		t.Errorf("idle %d after Expire and Resize", idle())
	}
	db.Set(k, String, EncRaw, nil, false)
	if idle() != 0 {
		t.Errorf("idle %d after Set", idle())
	}
	if _, ok := db.IdleSeconds([]byte("none")); ok {
		t.Error("idle time of no key")
	}
}

func TestFrequency(t *testing.T) {
	db := newTestDB(t, 1)
	db.Limits.LFU = true
	k := []byte("k")
	freq := func() int { n, _ := db.Frequency(k); return n }
	db.Set(k, String, EncRaw, nil, false)
	if freq() != 5 {
		t.Errorf("a new key has %d", freq())
	}
	db.LookupRead(k)
	if freq() != 6 {
		t.Errorf("%d after the first use, which always counts", freq())
	}
	db.Set(k, String, EncRaw, []byte("another"), false)
	if freq() != 6 {
		t.Errorf("%d after Set, which doesn't count", freq())
	}
	for range 10_000 {
		db.LookupWrite(k)
	}
	// redis.conf: with factor 10, 1000 hits give about 10 + …, 100K hits 142.
	if n := freq(); n < 30 || n > 90 {
		t.Errorf("%d after 10000 uses", n)
	}
	was := freq()
	db.Now += 7 * 60_000
	if freq() != was-7 {
		t.Errorf("%d seven minutes after %d", freq(), was)
	}
	db.Limits.LFUDecayTime = 0
	if freq() != was {
		t.Errorf("%d without decay, want %d", freq(), was)
	}
	db.Limits.LFUDecayTime = 1
	db.Now += 1000 * 60_000
	if freq() != 0 {
		t.Errorf("%d after long", freq())
	}
	db.SetFrequency(k, 300)
	if freq() != 255 {
		t.Errorf("%d after SetFrequency", freq())
	}
	db.LookupRead(k)
	if freq() != 255 {
		t.Errorf("%d is over the top", freq())
	}
	db.SetIdle(k, 100)
	if freq() != 255 {
		t.Error("SetIdle changed the counter")
	}
}
