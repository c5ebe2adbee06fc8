package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
)

// slowLog says when positions are durable, for a courier.
type slowLog struct {
	mu      sync.Mutex
	durable txlog.Pos
	lost    bool
	changed chan struct{}
}

var errLost = errors.New("outcome is unknown")

func (l *slowLog) wait(ctx context.Context, pos txlog.Pos) error {
	for {
		l.mu.Lock()
		durable, lost, changed := l.durable, l.lost, l.changed
		l.mu.Unlock()
		switch {
		case pos <= durable:
			return nil
		case lost:
			return errLost
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *slowLog) now() txlog.Pos {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable
}

func (l *slowLog) set(durable txlog.Pos, lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.durable, l.lost = durable, lost
	close(l.changed)
	l.changed = make(chan struct{})
}

type couriered struct {
	*testing.T
	log  *slowLog
	q    courier
	mu   sync.Mutex
	came []string
}

func newCouriered(t *testing.T) *couriered {
	c := &couriered{T: t, log: &slowLog{changed: make(chan struct{})}}
	c.q.init(c.log.wait, c.log.now)
	return c
}

func (c *couriered) add(pos txlog.Pos, what string) {
	c.q.add(pos, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if at := c.log.now(); pos > at {
			c.Errorf("%s of position %v is delivered at %v", what, pos, at)
		}
		c.came = append(c.came, what)
	})
}

func (c *couriered) want(want ...string) {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.came, want) {
		c.Errorf("delivered %q, want %q", c.came, want)
	}
}

func TestCourierKeepsTheOrder(t *testing.T) {
	c := newCouriered(t)
	c.add(2, "2a")
	c.add(5, "5")
	c.add(2, "2b")
	c.add(3, "3")
	c.log.set(1, false)
	c.q.deliver()
	c.want()
	c.log.set(3, false)
	c.q.deliver() // what was durable is delivered when it returns, whoever did it
	c.want("2a", "2b", "3")
	c.log.set(9, false)
	c.q.close()
	c.want("2a", "2b", "3", "5")
}

func TestCourierDropsWhatIsUnknown(t *testing.T) {
	c := newCouriered(t)
	c.add(1, "1")
	c.add(2, "2")
	c.log.set(1, true)
	c.q.deliver()
	for c.q.waiting.Load() > 0 { // the goroutine hears of it by itself
		c.q.mu.Lock()
		c.q.mu.Unlock() //nolint:staticcheck // lets it go on
	}
	c.log.set(2, false) // too late: nobody knew
	c.q.deliver()
	c.want("1")
	c.add(3, "3")
	c.log.set(3, false)
	c.q.deliver()
	c.want("1", "3")
	c.q.close()
}

func TestCourierCloses(t *testing.T) {
	c := newCouriered(t)
	c.add(1, "1")
	c.add(2, "2")
	c.log.set(1, false)
	c.q.close()
	c.want("1")
	c.add(1, "late")
	c.q.deliver()
	c.want("1")
}

// Several add and deliver at once, as connections do. For the race detector.
func TestCourierConcurrently(t *testing.T) {
	c := newCouriered(t)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 200 {
				c.add(txlog.Pos(n+1), fmt.Sprint(i, ".", n))
				if n%10 == 9 {
					c.q.deliver()
				}
			}
		})
	}
	all.Go(func() {
		for n := range 200 {
			c.log.set(txlog.Pos(n+1), false)
		}
	})
	all.Wait()
	c.q.deliver()
	c.mu.Lock()
	n := len(c.came)
	c.mu.Unlock()
	if n != 800 {
		t.Errorf("%d of 800 were delivered", n)
	}
	c.q.close()
}
