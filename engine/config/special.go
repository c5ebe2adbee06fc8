package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
)

// Policy is what is evicted when memory is short; the value of MaxMemoryPolicy.
type Policy int

// The policies, in Redis's order.
const (
	VolatileLRU Policy = iota
	VolatileLFU
	VolatileRandom
	VolatileTTL
	AllKeysLRU
	AllKeysLFU
	AllKeysRandom
	NoEviction
)

var policies = []string{"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"}

// String is the policy's name.
func (p Policy) String() string { return policies[p] }

// savePoints checks the words of save: pairs of seconds and changes, of which there can be none here.
func savePoints(s string) error {
	args := split(s)
	if len(args)%2 != 0 {
		return wrong("Invalid save parameters")
	}
	for i, a := range args {
		n, err := strconv.ParseInt(a, 10, 64)
		if err != nil || n < 0 || i%2 == 0 && n == 0 {
			return wrong("Invalid save parameters")
		}
	}
	if len(args) > 0 {
		return wrong("argument must be empty: every write is in the transaction log, SAVE and BGSAVE write RDB files")
	}
	return nil
}

// split are the words of s between single spaces; none of the empty text.
func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, " ")
}

// Class is a kind of client with output limits of its own.
type Class int

// The classes of clients.
const (
	Normal Class = iota
	Replica
	PubSub
)

var classes = []string{"normal", "slave", "pubsub"}

// OutputLimit bounds the replies that wait for a client: more than Hard bytes close its connection at once, more than Soft bytes for SoftSeconds do so then.
// 0 means no limit.
type OutputLimit struct{ Hard, Soft, SoftSeconds int64 }

// OutputLimits are the limits of all classes; they may be loaded at any time.
type OutputLimits struct {
	v atomic.Pointer[[3]OutputLimit]
}

// Load is the limit of a class.
func (o *OutputLimits) Load(c Class) OutputLimit { return o.v.Load()[c] }

type outputLimits struct{ *OutputLimits }

func limits(p *OutputLimits, def [3]OutputLimit) value {
	p.v.Store(&def)
	return outputLimits{p}
}

func (o outputLimits) parse(s string) (func(), error) {
	args := split(s)
	if len(args)%4 != 0 {
		return nil, wrong("Wrong number of arguments in buffer limit configuration.")
	}
	next := *o.v.Load()
	for ; len(args) > 0; args = args[4:] {
		class := -1
		for i, name := range classes {
			if lower(args[0]) == name || i == int(Replica) && lower(args[0]) == "replica" {
				class = i
			}
		}
		if class < 0 {
			return nil, wrong("Invalid client class specified in buffer limit configuration.")
		}
		hard, ok1 := parseMemory(args[1])
		soft, ok2 := parseMemory(args[2])
		seconds, err := strconv.ParseInt(args[3], 10, 64)
		if !ok1 || !ok2 || err != nil || seconds < 0 || max(hard, soft) > math.MaxInt64 {
			return nil, wrong("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		next[class] = OutputLimit{int64(hard), int64(soft), seconds}
	}
	return func() { o.v.Store(&next) }, nil
}

func (o outputLimits) snapshot() func() {
	v := o.v.Load()
	return func() { o.v.Store(v) }
}

func (o outputLimits) text() string {
	var parts []string
	for i, l := range o.v.Load() {
		parts = append(parts, fmt.Sprintf("%s %d %d %d", classes[i], l.Hard, l.Soft, l.SoftSeconds))
	}
	return strings.Join(parts, " ")
}

func (o outputLimits) allowed() string {
	return "class hard soft seconds, for classes normal, replica, pubsub"
}

// Events are the keyspace events that are published; they may be loaded at any time.
type Events struct{ v atomic.Uint32 }

// The letters of notify-keyspace-events; bit i of Events stands for the letter at i. The first ten are what A means.
const (
	eventLetters = "g$lshzxetdnKEm"
	allEvents    = 1<<10 - 1
)

// Any says whether anything is published at all.
func (e *Events) Any() bool { return e.v.Load() != 0 }

// Wants says on which channels an event of a class ('g', '$', 'h' …) is published: __keyspace@0__ and __keyevent@0__.
func (e *Events) Wants(class byte) (keyspace, keyevent bool) {
	v := e.v.Load()
	if v == 0 {
		return false, false
	}
	i := strings.IndexByte(eventLetters, class)
	if i < 0 || v>>i&1 == 0 {
		return false, false
	}
	return v&eventBit('K') != 0, v&eventBit('E') != 0
}

func eventBit(letter byte) uint32 { return 1 << strings.IndexByte(eventLetters, letter) }

type eventFlags struct{ *Events }

func events(p *Events) value { return eventFlags{p} }

func (e eventFlags) parse(s string) (func(), error) {
	var v uint32
	for i := range len(s) {
		switch {
		case s[i] == 'A':
			v |= allEvents
		case strings.IndexByte(eventLetters, s[i]) >= 0:
			v |= eventBit(s[i])
		default:
			return nil, wrong("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
		}
	}
	return func() { e.v.Store(v) }, nil
}

func (e eventFlags) snapshot() func() {
	v := e.v.Load()
	return func() { e.v.Store(v) }
}

// text is the letters in Redis's order; with A the letter n is not printed, as in Redis.
func (e eventFlags) text() string {
	v := e.v.Load()
	var b strings.Builder
	if v&allEvents == allEvents {
		b.WriteByte('A')
		v &^= allEvents | eventBit('n')
	}
	for i := range len(eventLetters) {
		if v>>i&1 != 0 {
			b.WriteByte(eventLetters[i])
		}
	}
	return b.String()
}

func (e eventFlags) allowed() string { return "letters of Ag$lshzxeKEtmdn" }

// Percentiles are the percentiles of latency that INFO shows; they may be loaded at any time.
type Percentiles struct{ v atomic.Pointer[[]float64] }

// Load is the list; it must not be changed.
func (p *Percentiles) Load() []float64 { return *p.v.Load() }

type percentiles struct{ *Percentiles }

func percents(p *Percentiles, def ...float64) value {
	p.v.Store(&def)
	return percentiles{p}
}

func (p percentiles) parse(s string) (func(), error) {
	list := []float64{}
	for _, a := range split(s) {
		f, err := strconv.ParseFloat(a, 64)
		if err != nil {
			return nil, wrong("Invalid latency-tracking-info-percentiles parameters")
		}
		if !(f >= 0 && f <= 100) {
			return nil, wrong("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
		}
		list = append(list, f)
	}
	return func() { p.v.Store(&list) }, nil
}

func (p percentiles) snapshot() func() {
	v := p.v.Load()
	return func() { p.v.Store(v) }
}

func (p percentiles) text() string {
	var list []string
	for _, f := range p.Load() {
		s := strconv.FormatFloat(f, 'f', 6, 64)
		list = append(list, strings.TrimSuffix(strings.TrimRight(s, "0"), "."))
	}
	return strings.Join(list, " ")
}

func (p percentiles) allowed() string { return "numbers, 0-100" }
