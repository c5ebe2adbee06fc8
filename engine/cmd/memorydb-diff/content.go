package main

import (
	"fmt"
	"slices"
)

// readers are the commands that read the whole content of a key of a type: the key goes behind the first word.
var readers = map[string][]string{
	"string": {"get"}, "hash": {"hgetall"}, "set": {"smembers"}, "list": {"lrange", "0", "-1"}, "zset": {"zrange", "0", "-1", "withscores"}, "stream": {"xrange", "-", "+"},
}

// content compares what is left at the end of a seed: the keys, and of each its type, encoding, expiry and all that is in it.
func (d *diff) content(both pair, seed uint64) error {
	ours, theirs, err := both.ask([]string{"keys", "*"})
	if err != nil {
		return err
	}
	ours.sort(1, false)
	theirs.sort(1, false)
	if d.contentDiffers(seed, []string{"keys", "*"}, ours, theirs) {
		return nil
	}
	for _, item := range theirs.items {
		key := item.text
		_, kind, err := both.ask([]string{"type", key})
		if err != nil {
			return err
		}
		asks := [][]string{{"type", key}, {"object", "encoding", key}, {"pexpiretime", key}, {"dump", key}}
		if reader := readers[kind.text]; reader != nil {
			asks = append(asks, slices.Insert(slices.Clone(reader), 1, key))
		}
		for _, words := range asks {
			ours, theirs, err := both.ask(words)
			if err != nil {
				return err
			}
			ours.normalise(words)
			theirs.normalise(words)
			if !same(words, ours, theirs) && d.contentDiffers(seed, words, ours, theirs) {
				return nil
			}
		}
	}
	return nil
}

// contentDiffers reports a difference, if there is one.
func (d *diff) contentDiffers(seed uint64, words []string, ours, theirs reply) bool {
	if ours.String() == theirs.String() {
		return false
	}
	d.differences++
	fmt.Fprintf(d.out, "seed %d, at the end: %s\n  ours:  %.600s\n  redis: %.600s\n", seed, show(words), ours, theirs)
	return true
}
