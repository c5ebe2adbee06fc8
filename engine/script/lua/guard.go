package lua

import (
	"errors"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	glua "github.com/yuin/gopher-lua"
)

// Guard looks after a running script. The virtual machine asks it before every instruction whether to go on, as it would ask a context; long library functions ask as well.
type Guard struct {
	// Check is called now and then by the goroutine that runs the script: an error ends the script with it. It may be nil.
	Check func() error
	// Memory is how many bytes the Go heap may grow by while a script runs; 0 is no bound.
	Memory int64

	state *State
	steps uint32
	base  int64 // of the heap when the script began
	taken int64 // since the last look at the heap
	err   error
	stop  atomic.Pointer[error]
}

// Steps between two looks: at the clock by Check, and at the heap.
const (
	checkSteps = 1 << 12
	heapSteps  = 1 << 17
)

// ErrMemory ends a script that takes too much memory, in PUC Lua's words.
var ErrMemory = errors.New("not enough memory")

// Begin is called before a script runs.
func (g *Guard) Begin() {
	g.steps, g.taken, g.err = 0, 0, nil
	g.state.nested = 0
	g.stop.Store(nil)
	g.base = heap()
}

// Interrupt ends the running script with an error, which it can't catch for good. It may be called from any goroutine.
func (g *Guard) Interrupt(err error) { g.stop.Store(&err) }

// Err is why the script is being ended; nil while it may run. It is context.Context's.
func (g *Guard) Err() error { return g.err }

var ended = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Done is context.Context's: nil while the script may go on, so that the machine's look costs next to nothing.
func (g *Guard) Done() <-chan struct{} {
	g.steps++
	if g.steps&(checkSteps-1) != 0 && g.err == nil {
		return nil
	}
	if g.look() != nil {
		return ended
	}
	return nil
}

// Deadline and Value are context.Context's: there are none.
func (g *Guard) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value is context.Context's.
func (g *Guard) Value(any) any { return nil }

func (g *Guard) look() error {
	if g.err != nil {
		return g.err
	}
	if stop := g.stop.Load(); stop != nil {
		g.err = *stop
		return g.err
	}
	if g.Check != nil {
		if g.err = g.Check(); g.err != nil {
			return g.err
		}
	}
	if g.steps&(heapSteps-1) < checkSteps {
		g.err = g.heapGrown(0)
	}
	return g.err
}

// heapGrown is ErrMemory if the heap has grown, or would grow with so many more bytes, beyond the bound.
func (g *Guard) heapGrown(more int64) error {
	if g.Memory <= 0 || heap()+more-g.base <= g.Memory {
		return nil
	}
	runtime.GC() // a part of it may be garbage
	if heap()+more-g.base <= g.Memory {
		return nil
	}
	return ErrMemory
}

// work is called by library functions for so many steps of their own.
func (g *Guard) work(l *glua.LState, steps int) {
	g.steps += uint32(steps)
	if steps >= checkSteps || g.steps&(checkSteps-1) < uint32(steps) {
		if err := g.look(); err != nil {
			fail(l, "%s", err.Error())
		}
	}
}

// maxString is the greatest length of a string that a script may make, in bytes: Redis's proto-max-bulk-len.
const maxString = 512 << 20

// take is called before a library function makes a string, or an array, of so many bytes. Many small ones cost a look at the heap as one big one does.
func (g *Guard) take(l *glua.LState, bytes int) {
	const big, many = 1 << 20, 16 << 20
	g.taken += int64(bytes)
	if bytes < big && g.taken < many {
		return
	}
	g.taken = 0
	if bytes < big {
		bytes = 0
	}
	if bytes > maxString || g.heapGrown(int64(bytes)) != nil {
		l.Error(glua.LString(ErrMemory.Error()), 0)
	}
}

// heap is the number of bytes of objects on the Go heap, dead ones that have not been swept included.
func heap() int64 {
	sample := [1]metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample[:])
	return int64(sample[0].Value.Uint64())
}
