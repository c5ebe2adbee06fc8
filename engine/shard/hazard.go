package shard

import (
	"hash/maphash"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// pending knows which keys have a change that is not durable yet, and at which position it is. It stands beside the values, since a deleted key is a hazard too
// (promise P2). Keys are known by 64-bit hashes: a collision only makes a reader wait that need not.
//
// Two generations bound it without a scan: when everything in the older one is durable, it is emptied and the two change places.
type pending struct {
	young, old       map[uint64]txlog.Pos
	youngMax, oldMax txlog.Pos
	all              txlog.Pos // the newest change of the whole keyspace
}

// keepPending is the number of keys above which an emptied generation is given to the collector: a burst must not be paid for by every later clear.
const keepPending = 1 << 14

func (p *pending) mark(keys []uint64, all bool, pos, durable txlog.Pos) {
	if all {
		p.all = pos
	}
	if durable >= p.oldMax {
		empty := p.old
		if len(empty) > keepPending || empty == nil {
			empty = map[uint64]txlog.Pos{}
		} else {
			clear(empty)
		}
		p.old, p.oldMax = p.young, p.youngMax
		p.young = empty
	}
	for _, k := range keys {
		p.young[k] = pos
	}
	p.youngMax = pos
}

// newest is the position of the newest change, of whatever key.
func (p *pending) newest() txlog.Pos { return max(p.youngMax, p.oldMax, p.all) }

// of is the position of the newest change of a key that may not be durable yet; 0 if there is none.
func (p *pending) of(key uint64) txlog.Pos {
	return max(p.young[key], p.old[key], p.all)
}

func (s *Shard) hash(key []byte) uint64 { return maphash.Bytes(s.seed, key) }

// hazard is the position after which replies that looked at the calls' keys may leave; 0 if all of it is durable.
func (s *Shard) hazard(one *command.Call, many []*command.Call) txlog.Pos {
	durable := s.log.Durable()
	if s.pending.newest() <= durable {
		return 0
	}
	var after txlog.Pos
	if one != nil {
		after = s.hazardOf(one)
	}
	for _, c := range many {
		after = max(after, s.hazardOf(c))
	}
	if after <= durable {
		return 0
	}
	return after
}

func (s *Shard) hazardOf(c *command.Call) (after txlog.Pos) {
	if c.Spec.Is(command.WholeKeyspace) {
		return s.pending.newest()
	}
	keys, err := c.Keys()
	if err != nil {
		return 0 // refused: it has looked at nothing
	}
	for _, k := range c.Looked() {
		after = max(after, s.pending.of(s.hash(k)))
	}
	for _, k := range keys {
		after = max(after, s.pending.of(s.hash(c.Argv[k.Index])))
	}
	return after
}
