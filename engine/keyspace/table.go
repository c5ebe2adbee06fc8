package keyspace

import "unsafe"

// A table is a vector of buckets under linear hashing: of n buckets, with 2^L <= n < 2^(L+1), a key's is the one that the low L+1 bits of its
// spread hash name, or if there is no such bucket yet, the low L bits. Growth adds bucket n, whose keys all come from bucket n-2^L; shrinking
// undoes that. So a change moves a handful of words, however big the table.
//
// A bucket is a cache line: seven words and the Ref of an overflow bucket of the same form. Words of a bucket and of its overflow lie without
// holes, the first zero ends them. A word is the low 24 bits of the hash above the Ref. Twelve of them take part in choosing the bucket, so
// that the small tables, which are the rule, grow without looking at keys; the other twelve tell the keys of a bucket apart.
type bucket [8]uint64

const (
	bucketWords = 7
	bucketShift = 6
	tagMask     = 1<<(64-refBits) - 1
	spreadBits  = 12 // low bits of the hash that choose the bucket and are in the word
	growAt      = 5  // keys a bucket, on average, above which a table grows
	// Below growAt/2 it shrinks.
)

func word(h uint64, r Ref) uint64 { return h<<refBits | uint64(r) }

func refOf(w uint64) Ref { return Ref(w & (1<<refBits - 1)) }

// spread are the bits of hash h that choose the bucket, lowest first.
func spread(h uint64) uint64 { return h&(1<<spreadBits-1) | h>>24<<spreadBits }

// bucketIndex is the bucket, of n, of spread hash x.
func bucketIndex(n uint32, x uint64) uint32 {
	top := uint32(1) << log2(n)
	i := uint32(x) & (top<<1 - 1)
	if i >= n {
		i -= top
	}
	return i
}

func (s *space) bucket(t *vector, i uint32) *bucket {
	return (*bucket)(s.elem(t, i, bucketShift))
}

// overflow is the bucket after b, nil if there is none.
func (s *space) overflow(b *bucket) *bucket {
	if b[bucketWords] == 0 {
		return nil
	}
	return (*bucket)(s.ptr(Ref(b[bucketWords])))
}

// words is the number of words in b and its overflow.
func (s *space) words(b *bucket) int {
	n := 0
	for next := s.overflow(b); next != nil; next = s.overflow(b) {
		n, b = n+bucketWords, next
	}
	for i := 0; i < bucketWords && b[i] != 0; i++ {
		n++
	}
	return n
}

// lookup is the word of key, whose hash is h; nil if the table hasn't the key. The word is valid until the next change of the table.
func (s *space) lookup(t *vector, k kind, h uint64, key []byte) *uint64 {
	if t.n == 0 {
		return nil
	}
	for b := s.bucket(t, bucketIndex(t.n, spread(h))); b != nil; b = s.overflow(b) {
		for i := range bucketWords {
			w := b[i]
			if w == 0 {
				return nil
			}
			if w>>refBits == h&tagMask && string(s.keyOf(k, refOf(w))) == string(key) {
				return &b[i]
			}
		}
	}
	return nil
}

// insert adds the Ref of a key, of hash h, that the table hasn't.
func (s *space) insert(t *vector, k kind, h uint64, r Ref) {
	if t.count >= t.n*growAt {
		s.grow(t, k)
	}
	s.add(s.bucket(t, bucketIndex(t.n, spread(h))), word(h, r))
	t.count++
}

// remove takes the word at w, whose hash is h, out of the table.
func (s *space) remove(t *vector, h uint64, w *uint64) {
	b := s.bucket(t, bucketIndex(t.n, spread(h)))
	var before *bucket
	for next := s.overflow(b); next != nil; next = s.overflow(b) {
		before, b = b, next
	}
	last := bucketWords - 1
	for b[last] == 0 {
		last--
	}
	*w, b[last] = b[last], 0
	if last == 0 && before != nil {
		s.free(Ref(before[bucketWords]))
		before[bucketWords] = 0
	}
	t.count--
	if t.count == 0 || t.n > 1 && t.count < (t.n-1)*growAt/2 {
		s.shrink(t)
	}
}

// add puts a word behind the others of a bucket.
func (s *space) add(b *bucket, w uint64) {
	for b[bucketWords-1] != 0 {
		next := s.overflow(b)
		if next == nil {
			r := s.alloc(int(unsafe.Sizeof(bucket{})))
			next = (*bucket)(s.ptr(r))
			*next = bucket{}
			b[bucketWords] = uint64(r)
		}
		b = next
	}
	i := 0
	for b[i] != 0 {
		i++
	}
	b[i] = w
}

// grow adds a bucket.
func (s *space) grow(t *vector, k kind) {
	n := t.n
	s.push(t, bucketShift)
	*s.bucket(t, n) = bucket{}
	if n == 0 {
		return
	}
	level := log2(n)
	low := s.bucket(t, n-1<<level)
	high := s.bucket(t, n)
	words := s.takeWords(low)
	for _, w := range words {
		x := w >> refBits
		if level >= spreadBits {
			x = spread(s.sum(s.keyOf(k, refOf(w))))
		}
		if x>>level&1 == 0 {
			s.add(low, w)
		} else {
			s.add(high, w)
		}
	}
}

// shrink takes the last bucket away.
func (s *space) shrink(t *vector) {
	n := t.n - 1
	if n > 0 {
		words := s.takeWords(s.bucket(t, n))
		low := s.bucket(t, n-1<<log2(n))
		for _, w := range words {
			s.add(low, w)
		}
	}
	s.pop(t, bucketShift)
}

// takeWords empties a bucket and its overflow. The words are valid until the next call.
func (s *space) takeWords(b *bucket) []uint64 {
	words := s.scratch[:0]
	for r := Ref(0); ; {
		for i := 0; i < bucketWords && b[i] != 0; i++ {
			words = append(words, b[i])
		}
		next := Ref(b[bucketWords])
		*b = bucket{}
		if r != 0 {
			s.free(r)
		}
		if next == 0 {
			break
		}
		r, b = next, (*bucket)(s.ptr(next))
	}
	s.scratch = words
	return words
}

// dropTable frees the memory of a table, its overflow buckets included.
func (s *space) dropTable(t *vector) {
	for i := range t.n {
		s.takeWords(s.bucket(t, i))
	}
	s.drop(t, bucketShift)
}
