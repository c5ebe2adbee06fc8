package keyspace

// The 24 bits of LRU state of an entry are, as in Redis:
//   - LRU policies: unix time of the last use in seconds, which wraps after 194 days;
//   - LFU policies: 16 bits unix time of the last decay in minutes, and below a counter of 8 bits which grows with the logarithm of the number of uses.
const lfuInit = 5

func (db *DB) lruClock() uint32 { return uint32(db.Now/1000) & lruMask }

func (db *DB) lfuMinutes() uint32 { return uint32(db.Now/60000) & 0xffff }

// newLRU is the state of a new entry.
func (db *DB) newLRU() uint32 {
	if db.Limits.LFU {
		return db.lfuMinutes()<<8 | lfuInit
	}
	return db.lruClock()
}

// touch notes a use of entry r.
func (db *DB) touch(r Ref) {
	if db.NoTouch {
		return
	}
	b := db.at(r)
	if db.Limits.LFU {
		setLRU(b, db.lfuMinutes()<<8|db.lfuIncrement(db.frequency(b)))
		return
	}
	setLRU(b, db.lruClock())
}

// lfuIncrement is the counter after one more use: the higher, the less likely it grows.
func (db *DB) lfuIncrement(counter uint32) uint32 {
	if counter == 255 {
		return 255
	}
	base := 0.0
	if counter > lfuInit {
		base = float64(counter - lfuInit)
	}
	if db.chance.Float64() < 1/(base*float64(db.Limits.LFULogFactor)+1) {
		counter++
	}
	return counter
}

// frequency is the LFU counter of entry b after its decay: one for each LFUDecayTime minutes.
func (db *DB) frequency(b []byte) uint32 {
	state := lruOf(b)
	counter := state & 255
	if db.Limits.LFUDecayTime <= 0 {
		return counter
	}
	periods := (db.lfuMinutes() - state>>8) & 0xffff / uint32(db.Limits.LFUDecayTime)
	return counter - min(counter, periods)
}

// idle is the time since the last use of entry b in seconds.
func (db *DB) idle(b []byte) int64 { return int64((db.lruClock() - lruOf(b)) & lruMask) }

// IdleSeconds is the time since the last use of key (OBJECT IDLETIME). It means nothing under an LFU policy.
func (db *DB) IdleSeconds(key []byte) (int64, bool) {
	w := db.live(key)
	if w == nil {
		return 0, false
	}
	return db.idle(db.at(refOf(*w))), true
}

// Frequency is the LFU counter of key (OBJECT FREQ), 0-255. It means nothing unless the policy is an LFU one.
func (db *DB) Frequency(key []byte) (int, bool) {
	w := db.live(key)
	if w == nil {
		return 0, false
	}
	return int(db.frequency(db.at(refOf(*w)))), true
}

// SetIdle makes key look as if last used seconds ago (RESTORE IDLETIME). It does nothing under an LFU policy, as in Redis.
func (db *DB) SetIdle(key []byte, seconds int64) {
	if w := db.find(key); w != nil && !db.Limits.LFU {
		setLRU(db.at(refOf(*w)), uint32(db.Now/1000-seconds)&lruMask)
	}
}

// SetFrequency sets key's LFU counter, 0-255 (RESTORE FREQ). It does nothing unless the policy is an LFU one, as in Redis.
func (db *DB) SetFrequency(key []byte, n int) {
	if w := db.find(key); w != nil && db.Limits.LFU {
		setLRU(db.at(refOf(*w)), db.lfuMinutes()<<8|uint32(min(max(n, 0), 255)))
	}
}
