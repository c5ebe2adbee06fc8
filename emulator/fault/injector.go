package fault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// Config is what an Injector needs; Zones and Now are required.
type Config struct {
	// Zones are the zones of the log, with their folders.
	Zones []Zone
	// ZoneOut is told when a zone has gone out, before the log has noticed by itself; nil: it notices by its next write. It must not wait.
	ZoneOut func(zone string, err error)
	Now     func() time.Time
	Logger  *slog.Logger
}

// Zone is one zone of the log.
type Zone struct{ Name, Dir string }

// Injector holds the faults that go on. Create it with New, and tell it of the clusters with Bind.
type Injector struct {
	cfg     Config
	fs      fileSystem
	control control.Reconciler
	notify  func(control.Place) // wakes whoever keeps a cluster's nodes
	ending  sync.WaitGroup      // faults that end by themselves, just now

	mu     sync.Mutex
	last   int
	faults []*active // in the order in which they began; guarded by mu, like what follows
	seats  map[*Seat]struct{}
	closed bool
}

// active is a fault that goes on.
type active struct {
	Fault
	number int
	places map[control.Place]bool // clusters that it hits
	nodes  []Node                 // those that it hit when it began
	timer  *time.Timer            // nil if it doesn't end by itself
}

// New makes an injector without faults.
func New(cfg Config) *Injector {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	in := &Injector{cfg: cfg, seats: map[*Seat]struct{}{}, fs: fileSystem{FS: segment.OS{}}}
	for _, z := range cfg.Zones {
		in.fs.disks = append(in.fs.disks, &disk{name: z.Name, dir: z.Dir})
	}
	return in
}

// FS is the file system that the log is to use.
func (in *Injector) FS() segment.FS { return &in.fs }

// Bind tells the injector where clusters are found and events recorded, and whom to wake when a node of a cluster has died or may be started again. It is called once, before the first fault.
func (in *Injector) Bind(c control.Reconciler, notify func(control.Place)) {
	in.control, in.notify = c, notify
}

// Close ends all faults without a word, and waits for those that end just now.
func (in *Injector) Close() {
	if in == nil {
		return
	}
	in.mu.Lock()
	in.closed = true
	for _, a := range in.faults {
		if a.timer != nil && a.timer.Stop() {
			in.ending.Done()
		}
	}
	in.faults = nil
	in.recompute()
	in.mu.Unlock()
	in.ending.Wait()
}

// Seat is where a node that is started sits. Give it up with Leave. A nil injector gives a nil seat.
func (in *Injector) Seat(n Node) *Seat {
	if in == nil {
		return nil
	}
	s := &Seat{node: n, wake: func() { in.notify(n.Place) }, dead: make(chan struct{}), conns: map[*conn]struct{}{}}
	s.leave = func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		delete(in.seats, s)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.seats[s] = struct{}{}
	s.state.Store(&state{condition: in.condition(n), over: make(chan struct{})})
	return s
}

// Held says that a node must not be started now.
func (in *Injector) Held(n Node) bool {
	if in == nil {
		return false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.ContainsFunc(in.faults, func(a *active) bool { return a.kills() && a.hits(n) })
}

// kills says that the nodes die that the fault hits.
func (f *Fault) kills() bool { return f.Kind == Kill || f.Kind == Outage && f.Mode == ModeKill }

// hits says whether a fault hits a node.
func (a *active) hits(n Node) bool {
	return a.Kind != Full && a.matches(n) && (a.Role == "" || slices.Contains(a.nodes, n))
}

// matches says whether the names of the target fit a node.
func (f *Fault) matches(n Node) bool {
	fits := func(want, is string) bool { return want == "" || want == is }
	return fits(f.Region, n.Place.Region) && fits(f.Cluster, n.Place.Cluster) && fits(f.Shard, n.Shard) && fits(f.Node, n.Name) && (fits(f.Zone, n.Zone) || n.Place.Region+f.Zone == n.Zone)
}

// condition is what a node has to bear; under mu.
func (in *Injector) condition(n Node) (c condition) {
	for _, a := range in.faults {
		if !a.hits(n) {
			continue
		}
		c.paused = c.paused || a.Kind == Pause
		c.cut = c.cut || a.Kind == Cut || a.Kind == Outage && a.Mode == ModeCut
		c.delay, c.jitter = max(c.delay, time.Duration(a.Delay)), max(c.jitter, time.Duration(a.Jitter))
		c.offset += time.Duration(a.Offset)
	}
	return c
}

// recompute gives every node and zone what it has to bear now; under mu.
func (in *Injector) recompute() {
	for s := range in.seats {
		if c := in.condition(s.node); c != s.state.Load().condition {
			s.set(c)
		}
	}
	for _, d := range in.fs.disks {
		ails := healthy
		for _, a := range in.faults {
			if in.logZone(a.Zone) != d.name {
				continue
			}
			switch {
			case a.Kind == Outage:
				ails = out
			case a.Kind == Full && a.Mode == ModeWrite:
				ails = max(ails, full)
			case a.Kind == Full:
				ails = max(ails, crowded)
			}
		}
		was := ailment(d.ails.Swap(int32(ails)))
		if ails == out && was != out && in.cfg.ZoneOut != nil {
			in.cfg.ZoneOut(d.name, &segmentError{d.name})
		}
	}
}

// segmentError is what the log hears of a zone that has gone out.
type segmentError struct{ zone string }

func (e *segmentError) Error() string { return "zone " + e.zone + " is out, by a fault" }
func (e *segmentError) Unwrap() error { return syscall.EIO }

// logZone is the zone of the log that a zone's name means: us-east-1a is in zone a. It is "" for no zone.
func (in *Injector) logZone(zone string) string {
	for _, d := range in.fs.disks {
		if strings.HasSuffix(zone, d.name) {
			return d.name
		}
	}
	return ""
}

// ErrClosed is returned after Close.
var ErrClosed = errors.New("no more faults: the emulator stops")

// Begin makes something go wrong, and returns the fault with its id and the nodes that it hits. Errors: *Error, ErrClosed, those of the records.
func (in *Injector) Begin(ctx context.Context, f Fault) (Fault, error) {
	if _, err := f.check(); err != nil {
		return f, err
	}
	a := &active{Fault: f, places: map[control.Place]bool{}}
	if err := in.aim(ctx, a); err != nil {
		return f, err
	}
	in.mu.Lock()
	in.last++
	a.number = in.last
	a.ID = strconv.Itoa(a.number)
	in.mu.Unlock()
	if err := in.tell(ctx, a, "began"); err != nil {
		return f, err
	}
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return f, ErrClosed
	}
	a.Began = in.cfg.Now().UTC()
	over := a.Kind == Kill && a.Duration == 0
	if !over {
		in.faults = append(in.faults, a)
	}
	if a.Duration > 0 {
		a.Ends = a.Began.Add(time.Duration(a.Duration))
		in.ending.Add(1)
		a.timer = time.AfterFunc(time.Duration(a.Duration), func() {
			defer in.ending.Done()
			if _, err := in.Heal(context.Background(), a.ID); err != nil && !errors.As(err, new(*Error)) { // else somebody was faster
				in.cfg.Logger.Error("end of a fault is not recorded", "fault", a.ID, "err", err)
			}
		})
	}
	var victims []*Seat
	for s := range in.seats {
		if a.kills() && a.hits(s.node) {
			victims = append(victims, s)
		}
	}
	in.recompute()
	in.mu.Unlock()
	in.cfg.Logger.Warn("fault began", "fault", a.ID, "what", a.String())
	for _, s := range victims {
		s.Kill()
	}
	if over {
		if err := in.tell(ctx, a, "ended"); err != nil {
			return a.Fault, err
		}
	}
	in.wake(ctx, a)
	return a.Fault, nil
}

// Heal ends a fault and returns it. Errors: *Error if there is none of that id.
func (in *Injector) Heal(ctx context.Context, id string) (Fault, error) {
	in.mu.Lock()
	i := slices.IndexFunc(in.faults, func(a *active) bool { return a.ID == id })
	if i < 0 {
		in.mu.Unlock()
		return Fault{}, unknown(nil, "There is no fault %q.", id)
	}
	a := in.faults[i]
	in.faults = slices.Delete(in.faults, i, i+1)
	if a.timer != nil && a.timer.Stop() {
		in.ending.Done()
	}
	in.recompute()
	in.mu.Unlock()
	in.cfg.Logger.Warn("fault ended", "fault", a.ID, "what", a.String())
	err := in.tell(ctx, a, "ended")
	in.wake(ctx, a)
	return a.Fault, err
}

// HealAll ends all faults and returns them, the oldest first.
func (in *Injector) HealAll(ctx context.Context) ([]Fault, error) {
	var errs []error
	healed := []Fault{}
	for _, f := range in.List() {
		f, err := in.Heal(ctx, f.ID)
		if errors.As(err, new(*Error)) {
			continue // it has ended by itself
		}
		healed, errs = append(healed, f), append(errs, err)
	}
	return healed, errors.Join(errs...)
}

// List are the faults that go on, the oldest first.
func (in *Injector) List() []Fault {
	out := []Fault{}
	if in == nil {
		return out
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, a := range in.faults {
		out = append(out, a.Fault)
	}
	return out
}

// tell records a fault's beginning or end as events of the clusters that it hits.
func (in *Injector) tell(ctx context.Context, a *active, what string) error {
	var errs []error
	for p := range a.places {
		mine := a.Fault
		mine.Nodes = nil
		for _, n := range a.nodes {
			if n.Place == p {
				mine.Nodes = append(mine.Nodes, n.Name)
			}
		}
		if what == "ended" {
			mine.Duration = 0 // it may have been healed before
		}
		if err := in.control.Event(ctx, p, fmt.Sprintf("Fault %s %s: %s", a.ID, what, mine.String())); err != nil {
			errs = append(errs, fmt.Errorf("record fault: %w", err))
		}
	}
	return errors.Join(errs...)
}

// wake has the nodes of all clusters looked at that a fault may have hit: clusters that came after it began, too.
func (in *Injector) wake(ctx context.Context, a *active) {
	for p := range a.places {
		in.notify(p)
	}
	all, err := in.control.Wanted(ctx)
	if err != nil {
		in.cfg.Logger.Error("clusters are not known", "err", err)
	}
	for _, w := range all {
		in.notify(control.Place{Account: w.Account, Region: w.Region, Cluster: w.Name})
	}
}

// aim finds out what a fault hits, or why nothing.
func (in *Injector) aim(ctx context.Context, a *active) error {
	wanted, err := in.control.Wanted(ctx)
	if err != nil {
		return fmt.Errorf("list clusters: %w", err)
	}
	var all []Node
	zones := map[string]bool{}
	for _, w := range wanted {
		p := control.Place{Account: w.Account, Region: w.Region, Cluster: w.Name}
		for _, sh := range w.Shards {
			for _, n := range sh.Nodes {
				all = append(all, Node{Place: p, Shard: sh.Name, Name: n.Name, Zone: n.Zone})
				zones[n.Zone] = true
			}
		}
	}
	for _, d := range in.fs.disks {
		zones[d.name] = true
	}
	if a.Zone != "" && !zones[a.Zone] {
		return unknown(slices.Sorted(maps.Keys(zones)), "There is no zone %q.", a.Zone)
	}
	var nodes []Node
	// What is named is looked for step by step, so that the answer can say which name is wrong and which would be right.
	for _, by := range []struct {
		name  string
		value string
		of    func(Node) string
	}{
		{"region", a.Region, func(n Node) string { return n.Place.Region }}, {"cluster", a.Cluster, func(n Node) string { return n.Place.Cluster }},
		{"shard", a.Shard, func(n Node) string { return n.Shard }}, {"node", a.Node, func(n Node) string { return n.Name }},
	} {
		allowed := map[string]bool{}
		for _, n := range all {
			allowed[by.of(n)] = true
		}
		if by.value != "" && !allowed[by.value] {
			return unknown(slices.Sorted(maps.Keys(allowed)), "There is no %s %q.", by.name, by.value)
		}
		if by.value != "" {
			all = slices.DeleteFunc(all, func(n Node) bool { return by.of(n) != by.value })
		}
	}
	for _, n := range all {
		if a.matches(n) {
			nodes = append(nodes, n)
		}
	}
	if a.Role != "" {
		nodes = in.ofRole(nodes, a.Role)
	}
	onlyZone := a.Kind == Outage || a.Kind == Full
	if len(nodes) == 0 && !onlyZone {
		return unknown(nil, "The fault would hit no node: none fits all of what is named.")
	}
	for _, n := range nodes {
		a.places[n.Place] = true
	}
	if onlyZone { // the log's copy in a zone is one for all clusters
		for _, w := range wanted {
			a.places[control.Place{Account: w.Account, Region: w.Region, Cluster: w.Name}] = true
		}
	}
	if a.Kind != Full {
		a.nodes = nodes
	}
	for _, n := range a.nodes {
		a.Nodes = append(a.Nodes, n.Name)
	}
	return nil
}

// ofRole are those of some nodes that run in a role.
func (in *Injector) ofRole(nodes []Node, role string) (out []Node) {
	in.mu.Lock()
	seats := maps.Clone(in.seats)
	in.mu.Unlock()
	for s := range seats {
		if slices.Contains(nodes, s.node) && !s.Killed() && s.leads() == (role == "primary") {
			out = append(out, s.node)
		}
	}
	slices.SortFunc(out, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return out
}
