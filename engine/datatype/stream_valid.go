package datatype

import (
	"errors"
	"fmt"

	"github.com/openmemorydb/memorydb/engine/listpack"
)

// errNode is what ValidNode's errors wrap.
var errNode = errors.New("stream node")

// ValidNode checks a node of foreign origin wholly before AddNode, and returns the number of its entries that are not deleted. Beyond what Redis's streamValidateListpackIntegrity
// checks, there must be an entry, if only a deleted one, and the ids must rise from the master's on.
func ValidNode(master StreamID, pack []byte) (entries int64, err error) {
	if _, err := listpack.Valid(pack); err != nil {
		return 0, fmt.Errorf("%w: %w", errNode, err)
	}
	r := nodeReader{pack: pack, at: listpack.HeaderSize}
	entries, deleted, fields := r.number(), r.number(), r.count()
	r.skip(fields)
	if end := r.number(); end != 0 || r.bad {
		return 0, fmt.Errorf("%w: the master entry is not as it should be", errNode)
	}
	if entries < 0 || deleted < 0 {
		return 0, fmt.Errorf("%w: %d entries, %d deleted ones", errNode, entries, deleted)
	}
	seen, gone := int64(0), int64(0)
	var last StreamID
	for ; r.at < listpack.End(pack); seen++ {
		id, flags := r.entry(master, fields)
		if r.bad {
			return 0, fmt.Errorf("%w: entry %d is not as it should be", errNode, seen)
		}
		if id.Less(master) || seen > 0 && !last.Less(id) {
			return 0, fmt.Errorf("%w: id %v of entry %d is out of order", errNode, id, seen)
		}
		last = id
		if flags&entryDeleted != 0 {
			gone++
		}
	}
	if seen == 0 || seen != entries+deleted || gone != deleted {
		return 0, fmt.Errorf("%w: %d entries, %d of them deleted; the master entry tells of %d and %d", errNode, seen, gone, entries+deleted, deleted)
	}
	return entries, nil
}

// nodeReader reads the elements of a valid pack, of which it is not known yet whether they are a node. Once bad it stays so, and its answers mean nothing.
type nodeReader struct {
	pack []byte
	at   int
	bad  bool
}

// number reads an integer.
func (r *nodeReader) number() int64 {
	if r.bad || r.at >= listpack.End(r.pack) {
		r.bad = true
		return 0
	}
	e := listpack.At(r.pack, r.at)
	r.at = listpack.Next(r.pack, r.at)
	r.bad = !e.IsInt
	return e.Int
}

// count reads the number of elements that are to follow.
func (r *nodeReader) count() int64 {
	n := r.number()
	if n < 0 || n > int64(len(r.pack)) {
		r.bad = true
	}
	return n
}

func (r *nodeReader) skip(n int64) {
	for ; n > 0 && !r.bad; n-- {
		if r.at >= listpack.End(r.pack) {
			r.bad = true
			return
		}
		r.at = listpack.Next(r.pack, r.at)
	}
}

// entry reads an entry of a node with a master that has so many fields.
func (r *nodeReader) entry(master StreamID, fields int64) (id StreamID, flags int64) {
	flags = r.number()
	ms, seq := r.number(), r.number()
	elements := fields + 3
	if flags&entrySameFields == 0 {
		n := r.count()
		elements = 2*n + 4
		r.skip(2 * n)
	} else {
		r.skip(fields)
	}
	if r.number() != elements {
		r.bad = true
	}
	return StreamID{master.MS + uint64(ms), master.Seq + uint64(seq)}, flags
}
