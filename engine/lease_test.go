package engine_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/enginetest"
	"github.com/openmemorydb/memorydb/engine/shard"
)

// calm calls fn with a simulated shard that has a primary and no faults but those of the test.
func calm(t *testing.T, fn func(t *testing.T, s *sim, p *host)) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 1)
		defer s.end()
		m := s.led()
		for _, h := range s.hosts {
			if h.node == m {
				fn(t, s, h)
			}
		}
	})
}

// dialHost connects to a host.
func (s *sim) dialHost(h *host) *peer {
	nc, err := s.dial(context.Background(), "tcp", h.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	return &peer{s.t, nc, bufio.NewReader(nc)}
}

// A primary whose process was paused finds requests in its sockets before it hears that another node leads: it answers none of them.
func TestPausedPrimaryAnswersNothing(t *testing.T) {
	calm(t, func(t *testing.T, s *sim, old *host) {
		client := s.dialHost(old)
		client.ask("SET k old")
		old.ln.pause()
		old.link.cut()
		done := make(chan struct{})
		var first string
		var err error
		go func() {
			defer close(done)
			client.send("GET k", "GET k")
			var v enginetest.Reply
			if v, err = enginetest.ReadReply(client.r); err == nil {
				first = strings.Join(v.Lines(), "\n")
			}
		}()
		next := s.ledByAnother(old)
		s.dialHost(next).ask("SET k new")
		old.ln.resume() // its log is still away
		<-done
		if err == nil && !strings.HasPrefix(first, "-CLUSTERDOWN") {
			t.Errorf("the old primary answers %q", first)
		}
		old.link.link()
	})
}

// Replies that wait for the log while the lease ends are not sent, even if the write turns out to be durable.
func TestPausedPrimaryDoesNotSendWhatItHasComputed(t *testing.T) {
	calm(t, func(t *testing.T, s *sim, old *host) {
		client := s.dialHost(old)
		client.ask("SET k old")
		release := s.disks.hold()
		client.send("SET k new")
		pause(context.Background(), 50*time.Millisecond)
		old.link.cut()
		pause(context.Background(), 600*time.Millisecond) // the lease is over, nobody else leads yet
		release()
		old.node.Status()
		pause(context.Background(), 20*time.Millisecond) // the write is durable, and the node has not heard of it
		old.link.linkReads()
		if got, err := client.r.ReadString('\n'); !errors.Is(err, io.EOF) {
			t.Errorf("got %q, %v; want that the connection is closed", got, err)
		}
		old.link.link()
	})
}

// A hand-over makes what was sent durable, lets later requests wait for the map, and keeps the memory of the node that resigns.
func TestHandOver(t *testing.T) {
	calm(t, func(t *testing.T, s *sim, old *host) {
		var next *host
		for _, h := range s.hosts {
			if h != old {
				next = h
			}
		}
		client := s.dialHost(old)
		release := s.disks.hold()
		client.send("SET k held")
		pause(context.Background(), time.Millisecond)
		handed := make(chan error, 1)
		go func() { handed <- old.node.HandOver(context.Background(), cluster.IDOf(next.name)) }()
		pause(context.Background(), 10*time.Millisecond)
		late := s.dialHost(old)
		late.send("GET k")
		pause(context.Background(), 10*time.Millisecond)
		release()
		if err := <-handed; err != nil {
			t.Fatal(err)
		}
		if got := client.reply(); got != "+OK" {
			t.Errorf("SET before the hand-over = %s", got)
		}
		for old.node.Status().Leader != cluster.IDOf(next.name) || next.node.Status().Role != shard.Primary {
			pause(context.Background(), time.Millisecond)
		}
		if st := old.node.Status(); st.Role != shard.Replica {
			t.Errorf("the former primary is %+v", st)
		}
		begun := time.Now()
		for range 30 {
			s.gossip()
		}
		if got := late.reply(); !strings.HasPrefix(got, "-MOVED") || !strings.HasSuffix(got, next.addr) {
			t.Errorf("GET during the hand-over = %s", got)
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("it was redirected %v after the map was there", took)
		}
		if got := s.dialHost(next).ask("GET k"); got != `$"held"` {
			t.Errorf("GET at the successor = %s", got)
		}
		if err := old.node.HandOver(context.Background(), ""); err == nil {
			t.Error("a replica hands over")
		}
	})
}

// ledByAnother waits until another host leads.
func (s *sim) ledByAnother(old *host) *host {
	for range 100 {
		pause(context.Background(), 50*time.Millisecond)
		for _, h := range s.hosts {
			if h != old && h.node.Status().Role == shard.Primary {
				for range 30 {
					s.gossip()
				}
				return h
			}
		}
	}
	s.t.Fatal("no other node leads after 5 s")
	return nil
}
