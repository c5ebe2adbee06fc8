package rdb

import (
	"math"
	"strconv"

	"github.com/openmemorydb/memorydb/engine/listpack"
)

// elements walks over a valid pack of n elements.
type elements struct {
	p    []byte
	at   int
	n    int
	text [2][20]byte // of integers
}

// next is the text of the next element. There must be one.
func (e *elements) next() ([]byte, error) { return e.take(0), nil }

// pair is the texts of the next two elements.
func (e *elements) pair() (field, value []byte, err error) {
	return e.take(0), e.take(1), nil
}

func (e *elements) take(room int) []byte {
	elem := listpack.At(e.p, e.at)
	e.at = listpack.Next(e.p, e.at)
	return elem.Text(e.text[room][:0])
}

// checkScores checks that every second element is the text of a number.
func (e *elements) checkScores() error {
	for at, i := listpack.HeaderSize, 0; at < listpack.End(e.p); at, i = listpack.Next(e.p, at), i+1 {
		elem := listpack.At(e.p, at)
		if i%2 == 0 || elem.IsInt {
			continue
		}
		if f, err := strconv.ParseFloat(string(elem.Bytes), 64); err != nil && !math.IsInf(f, 0) || math.IsNaN(f) {
			return damaged("score %q is no number", elem.Bytes)
		}
	}
	return nil
}

// newBuilder is an empty pack with room for size bytes.
func newBuilder(size int) []byte {
	p := make([]byte, 0, size+listpack.EmptySize)
	return append(p, listpack.New()...)
}

// add appends an element to a pack.
func add(p *[]byte, text []byte) error {
	if len(*p)+len(text) > listpack.MaxSize {
		return damaged("a packed form of more than %d bytes", listpack.MaxSize)
	}
	*p = listpack.Append(*p, text)
	return nil
}
