package engine

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/rdb"
	"github.com/openmemorydb/memorydb/engine/resp"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// batch is calls that become one record of the log. Its room is used again.
type batch struct {
	n       *Node
	arena   []byte          // copies of words
	size    int             // bytes of all words
	room    []*command.Call // the first ones are in use; the one behind them is being made up
	items   []item          // one for each call in use
	live    []*command.Call
	places  []int // of live calls in items
	marks   []int // where in reply the answers of live calls begin
	reply   resp.Writer
	expired int // calls of the last run that were left out since their keys had expired
}

// item is what a call of a batch restores.
type item struct {
	offset   int64 // where it is in the file
	key      []byte
	expireAt int64
}

// next is the call that is being made up.
func (b *batch) next() *command.Call {
	if len(b.room) == len(b.items) {
		b.room = append(b.room, &command.Call{Reply: &b.reply})
	}
	return b.room[len(b.items)]
}

// word adds a word to the call that is being made up. A long one is not copied: run must come before it changes.
func (b *batch) word(w []byte) {
	b.size += len(w)
	if len(w) < restoreRecord {
		at := len(b.arena)
		b.arena = append(b.arena, w...)
		w = b.arena[at:len(b.arena):len(b.arena)]
	}
	c := b.next()
	c.Argv = append(c.Argv, w)
}

func (b *batch) text(w string) { b.word([]byte(w)) }

func (b *batch) number(n int64) {
	var digits [20]byte
	b.word(strconv.AppendInt(digits[:0], n, 10))
}

// end ends the call that is being made up.
func (b *batch) end(x item) error {
	c := b.next()
	row, err := b.n.table.Lookup(c.Argv)
	if err != nil {
		return err
	}
	c.Spec = row
	b.items = append(b.items, x)
	return nil
}

// run executes the calls, in order and as one record of the log, whose position it returns, and empties the batch. The keys that have expired are left out. If there is an error some of the
// calls may have been executed.
func (b *batch) run() (txlog.Pos, error) {
	t := b.n.shard.Begin()
	b.expired, b.live, b.places, b.marks = 0, b.live[:0], b.places[:0], b.marks[:0]
	for i, x := range b.items {
		if x.expireAt > 0 && x.expireAt <= t.Now() {
			b.expired++
			continue
		}
		b.live, b.places = append(b.live, b.room[i]), append(b.places, i)
	}
	b.reply.Reset(restoreRecord)
	pos, err := t.RunAll(b.live, func(int) { b.marks = append(b.marks, b.reply.Len()) })
	if err == nil {
		err = b.refused()
	}
	if err == nil && b.n.shard.Short() {
		err = ErrMaxMemory
	}
	t.End()
	b.clear()
	return pos, err
}

// refused is the first error among the replies.
func (b *batch) refused() error {
	for i, at := range b.marks {
		text, bad := bytes.CutPrefix(b.reply.Bytes()[at:], []byte("-"))
		if !bad {
			continue
		}
		text, _, _ = bytes.Cut(text, []byte("\r\n"))
		x := b.items[b.places[i]]
		err := errors.New(string(text))
		if bytes.HasPrefix(text, []byte("BUSYKEY")) {
			err = fmt.Errorf("%w: the key is in the file twice", rdb.ErrFormat)
		}
		if x.key == nil {
			return err
		}
		return &rdb.FileError{Offset: x.offset, Key: bytes.Clone(x.key), Err: err}
	}
	return nil
}

func (b *batch) clear() {
	for _, c := range b.room {
		clear(c.Argv)
		c.Argv = c.Argv[:0]
	}
	b.arena, b.items, b.size = b.arena[:0], b.items[:0], 0
}
