package server

import (
	"sync/atomic"
	"time"
)

// keepHouse looks at all connections once a second, and ends when there are none.
func (s *Server) keepHouse() {
	defer s.wg.Done()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.serving.Done():
			return
		}
		s.mu.Lock()
		if s.clients.admitted() == 0 { // admit starts it again
			s.keeping = false
			s.stats.rates.stop()
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.stats.sample(s.cfg.Now())
		t := s.cfg.Shard.Aside()
		used := t.DB().Used()
		t.End()
		s.stats.peakMemory(used)
		all := s.clients.all()
		s.lookAfter(all)
		s.limitTracked(nil)
		s.redirectBlocked(all)
		s.revokeChannels()
	}
}

func (l *clients) admitted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// lookAfter closes the connections that were idle for too long, those that read too slowly for too long, and those whose user is gone.
func (s *Server) lookAfter(all []*conn) {
	set := s.settings.Load()
	now := s.cfg.Now().UnixMilli()
	maxIn, maxOut := int64(0), int64(0)
	version := s.cfg.ACL.Version()
	for _, c := range all {
		p := c.shown()
		if p.authorized && version != p.aclVersion && s.cfg.ACL.Current(p.account) == nil {
			c.kill("user revoked") // one that sends nothing doesn't find out by itself
			continue
		}
		if c.held.Load() && c.hungUp() {
			c.kill("hung up") // it doesn't read while it waits for the log
			continue
		}
		unsent := c.unsent.Load() + int64(c.queuedPushes())
		maxIn, maxOut = max(maxIn, int64(p.room)), max(maxOut, unsent)
		idle := now - c.active.Load()
		if set.Timeout > 0 && idle > set.Timeout.Milliseconds() && c.kind() == "normal" && (unsent > 0 || !c.busy()) && !c.blocked() {
			c.kill("idle")
			continue
		}
		limit := set.Output[c.class()]
		switch {
		case limit.Soft <= 0 || unsent-replyBuffer <= limit.Soft:
			c.slowAt.Store(0)
		case c.slowAt.Load() == 0:
			c.slowAt.Store(now)
		case now-c.slowAt.Load() >= limit.SoftFor.Milliseconds():
			s.cfg.Logger.Warn("client closed for overcoming of output buffer limits", "client", c.client.ID, "addr", c.addr, "bytes", unsent)
			c.kill("output buffer soft limit")
		}
	}
	s.stats.recentIn.Store(maxIn)
	s.stats.recentOut.Store(maxOut)
}

func (c *conn) queuedPushes() int {
	c.outbox.mu.Lock()
	defer c.outbox.mu.Unlock()
	return c.outbox.pushed.Len()
}

// busy says whether the connection executes a batch.
func (c *conn) busy() bool {
	c.outbox.mu.Lock()
	defer c.outbox.mu.Unlock()
	return c.outbox.busy
}

// rates are what happened in the second before the last sample.
type rates struct {
	at                         time.Time // of the last sample; of the housekeeper
	commands, in, out          int64     // counters then; of the housekeeper
	perSecond, inRate, outRate atomic.Int64
}

func (r *rates) stop() {
	r.at = time.Time{}
	r.perSecond.Store(0)
	r.inRate.Store(0)
	r.outRate.Store(0)
}

// sample computes the rates since the last sample.
func (s *stats) sample(now time.Time) {
	r := &s.rates
	commands, in, out := s.commands.Load(), s.bytesIn.Load(), s.bytesOut.Load()
	if ms := now.Sub(r.at).Milliseconds(); !r.at.IsZero() && ms > 0 {
		r.perSecond.Store((commands - r.commands) * 1000 / ms)
		r.inRate.Store((in - r.in) * 1000 / ms)
		r.outRate.Store((out - r.out) * 1000 / ms)
	}
	r.at, r.commands, r.in, r.out = now, commands, in, out
}
