package pubsub

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openmemorydb/memorydb/engine/resp"
)

// ear is a sink that remembers, one line a message.
type ear struct {
	mu    sync.Mutex
	lines []string
}

func (e *ear) Push(write func(w *resp.Writer)) {
	var w resp.Writer
	write(&w)
	var words []string
	for _, line := range strings.Split(string(w.Bytes()), "\r\n") {
		if line != "" && line[0] != '$' && line[0] != '*' {
			words = append(words, line)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = append(e.lines, strings.Join(words, " "))
}

func (e *ear) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	got := e.lines
	e.lines = nil
	return got
}

func message(channel, payload string, sharded bool) Message {
	return Message{Channel: []byte(channel), Payload: []byte(payload), Sharded: sharded}
}

func (e *ear) want(t *testing.T, want ...string) {
	t.Helper()
	if got := e.heard(); !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

func TestDelivery(t *testing.T) {
	h := New()
	var a, b ear
	sa, sb := h.NewSubscriber(&a), h.NewSubscriber(&b)
	if !sa.Subscribe(Channel, "news") || sa.Subscribe(Channel, "news") {
		t.Error("a subscription counts once")
	}
	sa.Subscribe(Pattern, "n[a-f]ws")
	sa.Subscribe(Pattern, "n?ws")
	sb.Subscribe(Sharded, "news")
	h.Deliver(message("news", "x", false), nil)
	a.want(t, "message news x", "pmessage n[a-f]ws news x", "pmessage n?ws news x")
	b.want(t)
	h.Deliver(message("news", "y", true), nil)
	a.want(t)
	b.want(t, "smessage news y")
	h.Deliver(message("nows", "z", false), nil)
	a.want(t, "pmessage n?ws nows z")
	if !sa.Active() || sa.Count(Pattern) != 2 || h.Len(Pattern) != 2 || h.Subscribers(Channel, []byte("news")) != 1 || !slices.Equal(sa.Names(Pattern), []string{"n[a-f]ws", "n?ws"}) {
		t.Errorf("active %v, %d patterns of %d, %v", sa.Active(), sa.Count(Pattern), h.Len(Pattern), sa.Names(Pattern))
	}
	h.Deliver(message("news", "not to me", false), sa)
	a.want(t)
	var own resp.Writer
	if n := h.Reach(message("news", "mine", false), sa, &own); n != 3 || strings.Count(string(own.Bytes()), "mine") != 3 {
		t.Errorf("reached %d, own %q", n, own.Bytes())
	}
	if !sa.Unsubscribe(Pattern, "n?ws") || sa.Unsubscribe(Pattern, "n?ws") || sa.Unsubscribe(Channel, "other") {
		t.Error("a subscription ends once")
	}
	h.Deliver(message("nows", "z", false), nil)
	a.want(t)
	sa.Close()
	h.Deliver(message("news", "x", false), nil)
	a.want(t)
	if h.Len(Channel) != 0 || h.Len(Pattern) != 0 || sa.Active() {
		t.Error("a subscriber that is closed leaves something behind")
	}
}

func TestRevoke(t *testing.T) {
	h := New()
	var a, b ear
	sa, sb := h.NewSubscriber(&a), h.NewSubscriber(&b)
	for _, name := range []string{"one", "two"} {
		sa.Subscribe(Sharded, name)
		sb.Subscribe(Sharded, name)
	}
	sa.Subscribe(Channel, "one")
	h.Revoke(func(channel string) bool { return channel == "one" })
	a.want(t, "sunsubscribe one :1")
	b.want(t, "sunsubscribe one :1")
	if !slices.Equal(h.Names(Sharded), []string{"two"}) || !slices.Equal(h.Names(Channel), []string{"one"}) {
		t.Errorf("left are %v and %v", h.Names(Sharded), h.Names(Channel))
	}
}

// Whoever has subscribed before a message and ends after it hears it, whatever others do meanwhile. For the race detector.
func TestConcurrentUse(t *testing.T) {
	h := New()
	var stays ear
	h.NewSubscriber(&stays).Subscribe(Channel, "c")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 200 {
				s := h.NewSubscriber(&ear{})
				s.Subscribe(Kind(n%int(kinds)), "c")
				s.Subscribe(Channel, fmt.Sprint("c", i))
				h.Deliver(message("c", fmt.Sprint(i, ".", n), n%3 == 2), nil)
				h.Names(Channel)
				s.Close()
			}
		})
	}
	all.Wait()
	if n := len(stays.heard()); n != 4*134 {
		t.Errorf("heard %d messages, want %d", n, 4*134)
	}
	if h.Len(Channel) != 1 || h.Len(Pattern) != 0 || h.Len(Sharded) != 0 {
		t.Errorf("left are %v", h.Names(Channel))
	}
}

func TestExchange(t *testing.T) {
	var e Exchange
	heard := map[string][]string{}
	seats := map[string]Bus{}
	for name, shard := range map[string]string{"a1": "a", "a2": "a", "b1": "b"} {
		seats[name] = e.Join(shard)
		seats[name].Receive(func(m Message) { heard[name] = append(heard[name], string(m.Payload)) })
	}
	seats["a1"].Publish(message("c", "all", false))
	seats["a1"].Publish(message("c", "shard", true))
	seats["b1"].Receive(nil)
	seats["a2"].Publish(message("c", "gone", false))
	if got := fmt.Sprint(heard); got != "map[a1:[gone] a2:[all shard] b1:[all]]" {
		t.Errorf("heard %s", got)
	}
}
