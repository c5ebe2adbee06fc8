package snapshot

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A sealed file is a row of chunks, each the AES-256-GCM of chunkSize bytes of plain text (the last one of less, but of one at least) with its tag. The nonce of a chunk is its number and
// whether it is the last one, so chunks can't change places and the end can't be cut off (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015). The key is that of one
// file only, and the file's name is authenticated with each chunk.
const (
	chunkSize = 64 << 10
	tagSize   = 16
)

func newGCM(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("%d bytes instead of %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// storedSize is the size of a file of so many plain bytes, at least one.
func storedSize(plain int64, sealed bool) int64 {
	if !sealed {
		return plain
	}
	return plain + (plain+chunkSize-1)/chunkSize*tagSize
}

func newDataKey() []byte {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // crypto/rand.Read never fails
	return key
}

// sealKey seals a data key. What it is sealed with authenticates the manifest, too.
func (s *Store) sealKey(key, manifest []byte) []byte {
	nonce := make([]byte, s.wrap.NonceSize())
	_, _ = rand.Read(nonce) // crypto/rand.Read never fails
	return s.wrap.Seal(nonce, nonce, key, manifest)
}

// openKey opens a data key.
func (s *Store) openKey(sealed, manifest []byte) ([]byte, error) {
	if s.wrap == nil || len(sealed) < s.wrap.NonceSize() {
		return nil, ErrKey
	}
	nonce, sealed := sealed[:s.wrap.NonceSize()], sealed[s.wrap.NonceSize():]
	key, err := s.wrap.Open(nil, nonce, sealed, manifest)
	if err != nil || len(key) != KeySize {
		return nil, ErrKey
	}
	return key, nil
}

// chunks counts the chunks of a file.
type chunks struct {
	gcm   cipher.AEAD
	name  []byte
	nonce [12]byte // the number of the chunk in eleven bytes, 1 for the last one in the twelfth
	next  uint64
}

func newChunks(key []byte, name string) (chunks, error) {
	gcm, err := newGCM(key)
	return chunks{gcm: gcm, name: []byte(name)}, err
}

// number is the nonce of the next chunk.
func (c *chunks) number(last bool) []byte {
	binary.BigEndian.PutUint64(c.nonce[3:], c.next)
	c.next++
	if last {
		c.nonce[11] = 1
	}
	return c.nonce[:]
}

// sealer writes a sealed file.
type sealer struct {
	chunks
	w     io.Writer
	plain []byte
	out   []byte
}

func newSealer(w io.Writer, key []byte, name string) (*sealer, error) {
	c, err := newChunks(key, name)
	return &sealer{chunks: c, w: w, plain: make([]byte, 0, chunkSize), out: make([]byte, 0, chunkSize+tagSize)}, err
}

// Write takes plain bytes.
func (s *sealer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if len(s.plain) == chunkSize { // and so not the last one
			if err := s.flush(false); err != nil {
				return n, err
			}
		}
		m := min(len(p), chunkSize-len(s.plain))
		s.plain = append(s.plain, p[:m]...)
		p, n = p[m:], n+m
	}
	return n, nil
}

// Close writes the last chunk. It does not close what it writes to.
func (s *sealer) Close() error { return s.flush(true) }

func (s *sealer) flush(last bool) error {
	s.out = s.gcm.Seal(s.out[:0], s.number(last), s.plain, s.name)
	s.plain = s.plain[:0]
	_, err := s.w.Write(s.out)
	return err
}

// errSeal is the error of a chunk that was changed, or is not in its place.
var errSeal = errors.New("a chunk is not what was sealed in its place")

// opener reads a sealed file.
type opener struct {
	chunks
	r     *bufio.Reader
	in    []byte
	plain []byte // what is left of the chunk
	err   error
}

func newOpener(r io.Reader, key []byte, name string) (*opener, error) {
	c, err := newChunks(key, name)
	return &opener{chunks: c, r: bufio.NewReaderSize(r, 4*chunkSize), in: make([]byte, chunkSize+tagSize)}, err
}

// Read gives plain bytes; none that were not authenticated.
func (o *opener) Read(p []byte) (int, error) {
	for len(o.plain) == 0 {
		if o.err != nil {
			return 0, o.err
		}
		o.open()
	}
	n := copy(p, o.plain)
	o.plain = o.plain[n:]
	return n, nil
}

// open opens the next chunk. o.err is what follows it.
func (o *opener) open() {
	n, err := io.ReadFull(o.r, o.in)
	last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !last {
		o.err = err
		return
	}
	if !last {
		_, err := o.r.Peek(1)
		if last = errors.Is(err, io.EOF); err != nil && !last {
			o.err = err
			return
		}
	}
	plain, err := o.gcm.Open(o.in[:0], o.number(last), o.in[:n], o.name)
	if err != nil {
		o.err = errSeal
		return
	}
	o.plain = plain
	if last {
		o.err = io.EOF
	}
}
