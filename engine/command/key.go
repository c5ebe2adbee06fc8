package command

import (
	"bytes"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// KeyFlags say what a command does with a key, as COMMAND INFO's key specifications show.
type KeyFlags uint16

// The flags of key specifications (Redis 7.0).
const (
	RO            KeyFlags = 1 << iota // reads the value, or its metadata
	RW                                 // reads and writes
	OW                                 // overwrites without regard to the old value
	RM                                 // deletes the key
	Access                             // returns or uses the data
	Update                             // changes data on account of what it reads
	Insert                             // adds data
	Delete                             // deletes data
	NotKey                             // not a key, but routed like one
	Incomplete                         // there may be more keys than the specification finds
	VariableFlags                      // flags depend on other arguments
)

// KeySpec says where keys are among the arguments: where to begin, and how to go on.
// Source: redis.io, "Command key specifications".
type KeySpec struct {
	Flags KeyFlags
	// Begin is the index of the first key or of the number of keys; used when Keyword is empty.
	Begin int
	// Keyword is the argument after which keys begin, searched from index From (negative: backwards from the end).
	Keyword string
	From    int
	// Last is the last key's index relative to the first one; negative counts from the end of the command (-1: the last argument).
	Last int
	// Step is the distance of two keys; 0 means 1.
	Step int
	// Limit, with a negative Last, stops at a fraction of the remaining arguments: 0 and 1 no limit, 2 half, and so on.
	Limit int
	// KeyNum says that the argument at NumIndex (relative to the beginning) is the number of keys and that they start at First.
	KeyNum          bool
	NumIndex, First int
	// Unknown says that the keys can't be told from positions (Find does); such a specification is printed as unknown.
	Unknown bool
	// Find lists keys of specifications that positions can't describe (Unknown, or VariableFlags).
	Find func(argv [][]byte, keys []Key) ([]Key, error)
	// Notes is what COMMAND INFO shows as notes.
	Notes string
}

// KeyAt is the specification of exactly one key at an index.
func KeyAt(index int, flags KeyFlags) []KeySpec {
	return []KeySpec{{Flags: flags, Begin: index}}
}

// KeysFrom is the specification of keys from index to the last argument, every step arguments.
func KeysFrom(index, step int, flags KeyFlags) []KeySpec {
	return []KeySpec{{Flags: flags, Begin: index, Last: -1, Step: step}}
}

// Key is one key of a request: its index among the arguments and what is done with it.
type Key struct {
	Index int
	Flags KeyFlags
}

// byIndex says whether the specification is a range that begins at an index.
func (k *KeySpec) byIndex() bool { return k.Keyword == "" && !k.KeyNum && !k.Unknown }

func (k *KeySpec) step() int { return max(k.Step, 1) }

// KeyRange is the one range of keys that clients without knowledge of key specifications are told (elements 4 to 6 of COMMAND INFO): first and last index and
// step; zeros if there is none. movable says that it may not cover all keys.
func (s *Spec) KeyRange() (first, last, step int, movable bool) {
	if len(s.Keys) == 1 && s.Keys[0].byIndex() {
		k := &s.Keys[0]
		last = k.Last
		if last >= 0 {
			last += k.Begin
		}
		return k.Begin, last, k.step(), k.Flags&Incomplete != 0
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		if !k.byIndex() || k.step() != 1 || first != 0 && (last < 0 || k.Begin != last+1) {
			movable = true // not a plain range that goes on where the one before ends
			continue
		}
		movable = movable || k.Flags&Incomplete != 0
		if first == 0 {
			first, step = k.Begin, 1
		}
		if last = k.Last; last >= 0 {
			last += k.Begin
		}
	}
	return first, last, step, movable
}

// HasKeys says whether requests of the row can have keys; channels that are routed like keys don't count.
func (s *Spec) HasKeys() bool {
	for i := range s.Keys {
		if s.Keys[i].Flags&NotKey == 0 {
			return true
		}
	}
	return false
}

// KeysOf appends the keys of a request to keys (whose room is reused) and returns them, in the order of the specifications; names that are only routed like
// keys are among them, flagged NotKey. A number of keys that doesn't fit the request gives ErrInvalidKeys and no keys at all (just no keys, if the row is
// flagged NoMandatoryKeys): whoever routes or checks permissions goes on without keys, since the command itself will refuse the request, as in Redis.
func (s *Spec) KeysOf(argv [][]byte, keys []Key) ([]Key, error) {
	var err error
	had := len(keys)
	for i := range s.Keys {
		if keys, err = s.Keys[i].append(argv, keys); err != nil {
			if s.Is(NoMandatoryKeys) {
				err = nil
			}
			return keys[:had], err
		}
	}
	return keys, nil
}

func (k *KeySpec) append(argv [][]byte, keys []Key) ([]Key, error) {
	if k.Find != nil {
		return k.Find(argv, keys)
	}
	if k.Unknown {
		return keys, nil
	}
	begin := k.Begin
	if k.Keyword != "" {
		if begin = k.search(argv); begin == 0 {
			return keys, nil
		}
	}
	if begin >= len(argv) {
		return keys, nil
	}
	step := k.step()
	if k.KeyNum {
		at := begin + k.NumIndex
		if at >= len(argv) {
			return keys, ErrInvalidKeys
		}
		n := int64(leadingInt(argv[at]))
		first := begin + k.First
		if n < 1 || n > int64(len(argv)-first+step-1)/int64(step) {
			return keys, ErrInvalidKeys
		}
		for i := range int(n) {
			keys = append(keys, Key{first + i*step, k.Flags})
		}
		return keys, nil
	}
	last := begin + k.Last
	if k.Last < 0 {
		last = len(argv) + k.Last
		if k.Limit > 1 {
			last = begin + (len(argv)-begin)/k.Limit + k.Last
		}
	}
	for i := begin; i <= last && i < len(argv); i += step {
		keys = append(keys, Key{i, k.Flags})
	}
	return keys, nil
}

// leadingInt is the number that a word begins with, as C's atoi reads it, 0 if there is none: requests are routed by it even where their handler then refuses it.
func leadingInt(word []byte) int32 {
	word = bytes.TrimLeft(word, " \t\n\v\f\r")
	end := 0
	for end < len(word) && ('0' <= word[end] && word[end] <= '9' || end == 0 && (word[0] == '-' || word[0] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(string(word[:end]), 10, 64) // out of range, it is the greatest or least one, as in C
	return int32(n)
}

// search is the index after the keyword, 0 if it isn't there.
func (k *KeySpec) search(argv [][]byte) int {
	from, step := k.From, 1
	if from < 0 {
		from, step = len(argv)+from, -1
	}
	for i := from; i > 0 && i < len(argv); i += step {
		if equalFold(argv[i], k.Keyword) && i+1 < len(argv) {
			return i + 1
		}
	}
	return 0
}

// ErrInvalidKeys is Redis's answer to COMMAND GETKEYS when the arguments do not fit.
const ErrInvalidKeys resp.Error = "ERR Invalid arguments specified for command"
