package resp

import (
	"bytes"
	"errors"
	"io"

	"github.com/tidwall/redcon"
)

// Sizes of a Reader's buffer and of what is read as one line, in bytes.
const (
	readBuffer = 16 << 10 // what an idle connection keeps
	keepBuffer = 64 << 10 // what a streaming connection keeps; larger ones live as long as the argument that needed them
	maxLine    = 64 << 10 // PROTO_INLINE_MAX_SIZE: the longest inline request or header line
	keepArgs   = 1 << 10  // room for arguments that is kept between requests
	lazyFills  = 64       // so many small reads in a row make the buffer small again
)

// Limits before a client has authenticated, as Redis has them.
const (
	unauthenticatedArgs = 10
	unauthenticatedBulk = 16 << 10
)

// ErrQueryBuffer is returned by Fill when a request needs more room than client-query-buffer-limit allows: the connection is closed without a reply.
var ErrQueryBuffer = errors.New("client query buffer limit reached")

// Limits bound what a Reader takes.
type Limits struct {
	// MaxBulk is proto-max-bulk-len, the longest argument in bytes; 0 is Redis's 512 MB.
	MaxBulk int
	// MaxArgs is the most arguments of a request; 0 is 1048576.
	MaxArgs int
	// MaxBuffer is client-query-buffer-limit: the most bytes of unexecuted requests; 0 is Redis's 1 GB.
	MaxBuffer int
	// Unauthenticated bounds requests to 10 arguments of 16 KiB, as Redis does before AUTH.
	Unauthenticated bool
}

// Reader reads requests, multibulk or inline, from a stream over one buffer. Memory grows with the bytes that have arrived, never on the word of a header.
//
// Fill reads once from the stream; Next then gives the requests that are complete, one by one, until it has none. A Reader is not safe for concurrent use.
// Source: the Redis protocol specification; errors and limits as redis-server 7.0.15 behaves.
type Reader struct {
	// Limits may be changed between two calls of Next.
	Limits Limits

	src   io.Reader
	buf   []byte // its length is the room
	start int    // where the request being read begins
	at    int    // how far it has been read
	end   int    // how far the buffer is filled
	left  int    // arguments still to come; 0: between requests
	bulk  int    // length of the argument being read; -1: its header comes first
	args  []span // arguments so far, relative to start
	argv  [][]byte
	lazy  int // small reads in a row
	empty bool
}

// span is an argument's place relative to the beginning of its request: the buffer moves while a request arrives.
type span struct{ from, to int }

// NewReader makes a reader of src.
func NewReader(src io.Reader, limits Limits) *Reader {
	return &Reader{Limits: limits, src: src, bulk: -1}
}

// Buffered is the number of bytes that have arrived and were not given by Next.
func (r *Reader) Buffered() int { return r.end - r.start }

// Room is the size of the buffer in bytes.
func (r *Reader) Room() int { return len(r.buf) }

// Fill reads once from the stream and invalidates what Next has given. It returns the number of bytes read. Errors: the stream's, ErrQueryBuffer.
func (r *Reader) Fill() (int, error) {
	r.makeRoom()
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	if n > 0 && r.end-r.start > orDefault(r.Limits.MaxBuffer, 1<<30) {
		return n, ErrQueryBuffer
	}
	if n > 0 {
		return n, nil // an error comes again with the next read
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return n, err
}

// makeRoom leaves room behind what is unread: it moves that to the front, and gives the buffer another size when that is due.
func (r *Reader) makeRoom() {
	pending := r.end - r.start
	need := pending
	if r.bulk >= 0 {
		need = max(need, r.at-r.start+r.bulk+2)
	}
	size := len(r.buf)
	if 4*r.end < size {
		r.lazy++
	} else {
		r.lazy = 0
	}
	switch {
	case size == 0:
		size = readBuffer
	case pending == size: // full of one request: room doubles, but not beyond the end of an argument whose length is known
		grown := 2 * size
		if r.bulk >= 0 && need < grown {
			grown = max(need, size+readBuffer)
		}
		size = grown
	case size > keepBuffer && 4*need < size:
		size = max(readBuffer, pending+readBuffer)
	case r.end == size && size < keepBuffer: // the last read took all it could: more is waiting
		size *= 2
	case size > readBuffer && size <= keepBuffer && r.lazy > lazyFills && need < readBuffer:
		size = readBuffer
	}
	if size != len(r.buf) {
		buf := make([]byte, size)
		copy(buf, r.buf[r.start:r.end])
		r.buf, r.lazy = buf, 0
	} else if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
	}
	r.at -= r.start
	r.start, r.end = 0, pending
}

// Next gives the next request that has arrived completely; ok is false when Fill has to be called first. cmd.Args and what they point to are valid until the next
// call of Next or Fill; cmd.Raw are the request's own bytes (those of an inline request are overwritten). Empty requests are skipped. The error, a
// resp.Error, ends the stream: it is to be sent, and the connection to be closed.
func (r *Reader) Next(cmd *redcon.Command) (ok bool, err error) {
	if cap(r.argv) > keepArgs {
		r.argv, r.args = nil, nil
	}
	r.empty = false
	for r.at < r.end {
		if r.left == 0 && r.at == r.start {
			if r.buf[r.at] != '*' {
				ok, err = r.inline(cmd)
				if !ok || err != nil || len(cmd.Args) > 0 {
					return ok, err
				}
				r.empty = true
				continue
			}
			ok, err = r.count()
			if !ok || err != nil {
				return false, err
			}
			if r.left == 0 {
				r.start, r.empty = r.at, true
				continue
			}
		}
		return r.multibulk(cmd)
	}
	return false, nil
}

// Skipped says whether the last call of Next has skipped empty requests.
func (r *Reader) Skipped() bool { return r.empty }

// count reads the first line of a multibulk request.
func (r *Reader) count() (bool, error) {
	n, next, ok, err := r.number(invalidCount, tooBigCount)
	if !ok || err != nil {
		return false, err
	}
	switch {
	case n > int64(orDefault(r.Limits.MaxArgs, 1<<20)):
		return false, invalidCount
	case n > unauthenticatedArgs && r.Limits.Unauthenticated:
		return false, ErrUnauthenticatedCount
	}
	r.at, r.left = next, max(int(n), 0)
	r.args = r.args[:0]
	return true, nil
}

func (r *Reader) multibulk(cmd *redcon.Command) (bool, error) {
	for r.left > 0 {
		if r.bulk < 0 {
			if r.at == r.end {
				return false, nil
			}
			if c := r.buf[r.at]; c != '$' {
				if _, ok, err := r.line(tooBigBulk); !ok || err != nil {
					return false, err // Redis looks at the first byte once it has the line
				}
				return false, Errorf("ERR Protocol error: expected '$', got '%s'", []byte{c})
			}
			n, next, ok, err := r.number(invalidBulk, tooBigBulk)
			if !ok || err != nil {
				return false, err
			}
			switch {
			case n < 0 || n > int64(orDefault(r.Limits.MaxBulk, 512<<20)):
				return false, invalidBulk
			case n > unauthenticatedBulk && r.Limits.Unauthenticated:
				return false, ErrUnauthenticatedBulk
			}
			r.at, r.bulk = next, int(n)
		}
		if r.end-r.at < r.bulk+2 {
			return false, nil
		}
		r.args = append(r.args, span{r.at - r.start, r.at - r.start + r.bulk})
		r.at += r.bulk + 2 // Redis doesn't look at the two bytes either
		r.bulk = -1
		r.left--
	}
	raw := r.buf[r.start:r.at]
	argv := r.argv[:0]
	for _, s := range r.args {
		argv = append(argv, raw[s.from:s.to:s.to])
	}
	r.argv = argv
	cmd.Raw, cmd.Args = raw, argv
	r.start = r.at
	return true, nil
}

// number reads the header line at r.at: a sign byte and a decimal. next is where the following line begins.
func (r *Reader) number(invalid, tooBig Error) (n int64, next int, ok bool, err error) {
	// Nearly every header is a few digits and has arrived as a whole.
	if b := r.buf[r.at:r.end]; len(b) >= 4 && b[1]-'1' < 9 {
		n = int64(b[1] - '0')
		for i := 2; i < min(len(b)-1, 11); i++ {
			if c := b[i] - '0'; c < 10 {
				n = n*10 + int64(c)
				continue
			}
			if b[i] == '\r' {
				return n, r.at + i + 2, true, nil
			}
			break
		}
	}
	eol, ok, err := r.line(tooBig)
	if !ok || err != nil {
		return 0, 0, false, err
	}
	if n, ok = decimal(r.buf[r.at+1 : eol]); !ok {
		return 0, 0, false, invalid
	}
	return n, eol + 2, true, nil
}

// line finds the carriage return that ends the line at r.at; the byte after it has arrived too. A NUL hides what follows it, as in Redis.
func (r *Reader) line(tooBig Error) (eol int, ok bool, err error) {
	b := r.buf[r.at:r.end]
	i := bytes.IndexByte(b[:min(len(b), maxLine+1)], '\r')
	if i >= 0 && bytes.IndexByte(b[:i], 0) >= 0 {
		i = -1
	}
	switch {
	case i < 0 && len(b) > maxLine:
		return 0, false, tooBig
	case i < 0 || i+1 >= len(b):
		return 0, false, nil
	}
	return r.at + i, true, nil
}

// inline reads a request that is a line of words.
func (r *Reader) inline(cmd *redcon.Command) (bool, error) {
	b := r.buf[r.at:r.end]
	i := bytes.IndexByte(b[:min(len(b), maxLine+1)], '\n')
	if i >= 0 && bytes.IndexByte(b[:i], 0) >= 0 {
		i = -1
	}
	switch {
	case i < 0 && len(b) > maxLine:
		return false, ErrBigInline
	case i < 0:
		return false, nil
	}
	line := b[:i]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	var balanced bool
	r.argv, balanced = splitLine(line, r.argv[:0])
	if !balanced {
		return false, ErrUnbalanced
	}
	r.at += i + 1
	cmd.Raw, cmd.Args = b[:i+1], r.argv
	r.start = r.at
	return true, nil
}

// decimal reads a signed 64-bit integer in its one canonical form.
func decimal(b []byte) (n int64, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 19 || b[0] == '0' && (len(b) > 1 || neg) {
		return 0, false
	}
	var u uint64 // 19 digits fit
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	switch {
	case neg && u <= 1<<63:
		return -int64(u), true
	case !neg && u < 1<<63:
		return int64(u), true
	}
	return 0, false
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
