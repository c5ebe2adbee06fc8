package snapshot

import "io"

// Reading ahead lets a bucket be read, summed and opened on one core while what was read is loaded on another.
const (
	aheadBuffers = 4
	aheadBytes   = 256 << 10
)

// ahead is a reader whose source is read by a goroutine of its own.
type ahead struct {
	full chan part
	free chan []byte
	quit chan struct{}
	done chan struct{}
	part part // what is being read
	left []byte
}

// part is a piece of the source, with the error that followed it.
type part struct {
	buf []byte // whole, to be used again
	n   int
	err error
}

func readAhead(r io.Reader) *ahead {
	a := &ahead{full: make(chan part, aheadBuffers), free: make(chan []byte, aheadBuffers), quit: make(chan struct{}), done: make(chan struct{})}
	for range aheadBuffers {
		a.free <- make([]byte, aheadBytes)
	}
	go a.run(r)
	return a
}

func (a *ahead) run(r io.Reader) {
	defer close(a.done)
	for {
		select {
		case <-a.quit:
			return
		case buf := <-a.free:
			p := part{buf: buf}
			for p.n < len(buf) && p.err == nil {
				var n int
				n, p.err = r.Read(buf[p.n:])
				p.n += n
			}
			a.full <- p // there is room for all buffers
			if p.err != nil {
				return
			}
		}
	}
}

// Read gives what was read ahead.
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.left) == 0 {
		if a.part.err != nil {
			return 0, a.part.err
		}
		if a.part.buf != nil {
			a.free <- a.part.buf
		}
		a.part = <-a.full
		a.left = a.part.buf[:a.part.n]
	}
	n := copy(p, a.left)
	a.left = a.left[n:]
	return n, nil
}

// stop ends the goroutine and waits for it; the source must not block for ever.
func (a *ahead) stop() {
	close(a.quit)
	<-a.done
}
