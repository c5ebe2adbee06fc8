package shard

import (
	"math"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
)

// evictAtOnce bounds how many keys one call may evict before it is executed, so that a turn stays short.
const evictAtOnce = 256

// Pause stops the deleting of keys by expiry and eviction until a time in milliseconds since the epoch (CLIENT PAUSE): what has expired is only hidden, and maxmemory
// isn't heeded. 0 ends it.
func (s *Shard) Pause(until int64) { s.paused.Store(until) }

// MakeRoom evicts keys by policy until the shard is within maxmemory, and says whether it is. Evictions are logged deletes. As in Redis,
// it is called before whatever is executed; only what adds data is refused if it fails.
func (t *Turn) MakeRoom() bool {
	s := t.s
	if s.memory.Max <= 0 || s.used() <= s.memory.Max || t.now <= s.paused.Load() {
		return true
	}
	if s.memory.Policy == "" || s.memory.Policy == "noeviction" || s.Role() != Primary || s.writable() != nil {
		return false
	}
	s.payload = s.payload[:0]
	s.db.Now = t.now
	for range evictAtOnce {
		if s.used() <= s.memory.Max {
			break
		}
		key := s.victim()
		if key == nil {
			break
		}
		s.remove(key)
		s.stats.Evicted++
		s.Event('e', "evicted", key)
	}
	if len(s.payload) > 0 {
		pos, err := s.commit()
		if err != nil {
			return false
		}
		s.observer.Settled(pos)
	}
	return s.used() <= s.memory.Max
}

// OwnBytes is about what a shard takes besides its data: maxmemory counts it.
const OwnBytes = 8 << 10

func (s *Shard) used() int64 { return OwnBytes + s.db.Used() }

// Short says whether the shard holds more than it may, for a script that asks while it runs: the caller holds the turn.
func (s *Shard) Short() bool { return s.memory.Max > 0 && s.used() > s.memory.Max }

// victim chooses the key to evict: the best of a few samples, as the policy compares them; nil if there is none. The key is a copy.
func (s *Shard) victim() []byte {
	policy := string(s.memory.Policy)
	samples := s.memory.Samples
	if samples <= 0 {
		samples = 5
	}
	var best []byte
	score := int64(math.MinInt64)
	s.db.SampleEvict(strings.HasPrefix(policy, "volatile-"), samples, func(key []byte, idle int64, freq int, expireAt int64) {
		var v int64
		switch {
		case strings.HasSuffix(policy, "-lru"):
			v = idle
		case strings.HasSuffix(policy, "-lfu"):
			v = int64(255 - freq)
		case policy == "volatile-ttl":
			v = -expireAt
		default: // random
			v = s.cfg.Rand.Int64()
		}
		if v > score || best == nil {
			best, score = append(best[:0], key...), v
		}
	})
	return best
}

// remove deletes a key and adds the delete to s.payload.
func (s *Shard) remove(key []byte) {
	s.db.Delete(key)
	s.Changed(key)
	s.payload = command.AppendEffect(s.payload, [][]byte{delName, key})
}

var delName = []byte("del")

// expireAtOnce bounds how many keys one step of active expiry deletes.
const expireAtOnce = 200

// ExpireSome deletes some of the keys that have expired, through the log, and says whether more may be due. It does nothing on a replica.
func (s *Shard) ExpireSome() (more bool) {
	t := s.Begin()
	defer t.End()
	if s.Role() != Primary || s.failed != nil || s.db.Expires() == 0 || t.now <= s.paused.Load() || s.log.Writable() != nil {
		return false
	}
	s.payload = s.payload[:0]
	s.db.Now = t.now
	var due [][]byte
	more = s.db.ExpireCycle(expireAtOnce, func(key []byte) { due = append(due, append([]byte(nil), key...)) })
	for _, key := range due {
		s.remove(key)
		s.stats.Expired++
		s.Event('x', "expired", key)
	}
	if len(s.payload) > 0 {
		pos, err := s.commit()
		if err != nil {
			return false
		}
		s.observer.Settled(pos)
	}
	return more
}

// Defrag moves some entries out of sparsely used pages; budget is the number of buckets to look at.
func (s *Shard) Defrag(budget int) {
	t := s.Begin()
	defer t.End()
	s.db.Defrag(budget)
}
