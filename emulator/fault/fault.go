// Package fault makes things go wrong on purpose: nodes die, stand still, lose the log or get a wrong clock; zones go out, their disks fill; and all of it heals by itself.
//
// An Injector holds the faults that go on. Each node has a Seat, through which it sees its log, its clients and its clock; each zone of the log is seen through FS. What a node or a zone has to bear is
// computed from all faults that hit it whenever one begins or ends. Nobody pays for it when faults are off: then there is no Injector, and a nil one gives nil Seats, which pass everything through.
//
// Goroutines: one for each fault that ends by itself, when it does; Close waits for them. docs/faults.md tells users of it.
package fault

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind string

// The kinds.
const (
	Kill   Kind = "kill"   // nodes die at once, as by SIGKILL, and stay down until the fault ends
	Pause  Kind = "pause"  // nodes stand still, as by SIGSTOP: they neither answer nor hear of the log
	Cut    Kind = "cut"    // nodes can't reach the log, but their clients reach them
	Delay  Kind = "delay"  // nodes hear of what is durable later
	Outage Kind = "outage" // a zone goes out: its nodes die or are cut off, and its copy of the log fails
	Full   Kind = "full"   // the disk of a zone's copy of the log has no space left
	Clock  Kind = "clock"  // nodes' wall clocks are wrong
)

// Modes of a kind.
const (
	ModeKill      = "kill"      // outage: the zone's nodes die
	ModeCut       = "cut"       // outage: the zone's nodes live, but can't reach the log
	ModeWatermark = "watermark" // full: the disk's free space is below the watermark
	ModeWrite     = "write"     // full: writes fail for want of space
)

// row is what one kind takes.
type row struct {
	kind    Kind
	summary string
	zone    bool     // its target is a zone of the log, and no node
	modes   []string // the first one is the default
	delay   bool     // needs delay, takes jitter
	offset  bool     // needs offset
}

// kinds are all of them, in the order in which they are told.
var kinds = []row{
	{kind: Kill, summary: "nodes die at once, as by SIGKILL; they are started again when the fault ends, or at once without a duration"},
	{kind: Pause, summary: "nodes stand still, as by SIGSTOP: they neither answer nor hear of the log"},
	{kind: Cut, summary: "nodes can't reach the log, but clients reach the nodes"},
	{kind: Delay, summary: "nodes hear of what is durable later, by delay and at most jitter more", delay: true},
	{kind: Outage, summary: "a zone goes out: its nodes die (mode kill) or can't reach the log (mode cut), and its copy of the log fails", zone: true, modes: []string{ModeKill, ModeCut}},
	{kind: Full, summary: "the disk of a zone's copy of the log is below the watermark (mode watermark), or fails to write (mode write)", zone: true, modes: []string{ModeWatermark, ModeWrite}},
	{kind: Clock, summary: "nodes' wall clocks are wrong by offset", offset: true},
}

// Kinds are the names of the kinds with what they do.
func Kinds() (names []string, summaries map[string]string) {
	summaries = map[string]string{}
	for _, r := range kinds {
		names = append(names, string(r.kind))
		summaries[string(r.kind)] = r.summary
	}
	return names, summaries
}

// Fault is one thing that goes wrong, as the API takes and shows it. What names a target and is empty matches all.
type Fault struct {
	// ID names the fault to heal it; set by Begin.
	ID   string `json:"id,omitempty"`
	Kind Kind   `json:"kind"`

	Region  string `json:"region,omitempty"`
	Cluster string `json:"cluster,omitempty"`
	Shard   string `json:"shard,omitempty"` // 0001
	Node    string `json:"node,omitempty"`  // <cluster>-0001-001
	// Role is primary or replica, as the nodes are when the fault begins; the fault stays with these nodes.
	Role string `json:"role,omitempty"`
	// Zone is a zone of a region (us-east-1a), or of all (a). The log's copy in zone a is one for all regions.
	Zone string `json:"zone,omitempty"`

	// Duration is after which time the fault ends by itself; 0: when it is healed, and a kill is over at once.
	Duration Duration `json:"duration,omitzero"`
	Delay    Duration `json:"delay,omitzero"`
	Jitter   Duration `json:"jitter,omitzero"`
	Offset   Duration `json:"offset,omitzero"`
	Mode     string   `json:"mode,omitempty"`

	// Began and Ends are set by Begin; Ends is not when the fault doesn't end by itself.
	Began time.Time `json:"began,omitzero"`
	Ends  time.Time `json:"ends,omitzero"`
	// Nodes are those that it hit when it began; set by Begin.
	Nodes []string `json:"nodes,omitempty"`
}

// Error is why a fault is refused. Status is the HTTP status; Allowed are the values that would have been right, if they are few.
type Error struct {
	Status  int      `json:"-"`
	Message string   `json:"message"`
	Allowed []string `json:"allowed,omitempty"`
}

func (e *Error) Error() string {
	if len(e.Allowed) == 0 {
		return e.Message
	}
	return e.Message + " Allowed: " + strings.Join(e.Allowed, ", ") + "."
}

// HTTP statuses of an Error; net/http has no part in the rest of the package.
const (
	statusInvalid  = 400
	statusNotFound = 404
)

func invalid(allowed []string, format string, args ...any) error {
	return &Error{Status: statusInvalid, Message: fmt.Sprintf(format, args...), Allowed: allowed}
}

func unknown(allowed []string, format string, args ...any) error {
	return &Error{Status: statusNotFound, Message: fmt.Sprintf(format, args...), Allowed: allowed}
}

// maxDuration bounds durations and offsets: a year, so that no sum overflows.
const maxDuration = 366 * 24 * time.Hour

// check fills in defaults and says what is wrong with a request, as far as the request itself tells.
func (f *Fault) check() (row, error) {
	i := slices.IndexFunc(kinds, func(r row) bool { return r.kind == f.Kind })
	if i < 0 {
		names, _ := Kinds()
		return row{}, invalid(names, "The kind %q is unknown.", string(f.Kind))
	}
	r := kinds[i]
	if f.Mode == "" && len(r.modes) > 0 {
		f.Mode = r.modes[0]
	}
	nodes := f.Cluster + f.Shard + f.Node + f.Role
	switch {
	case f.Mode != "" && !slices.Contains(r.modes, f.Mode) && len(r.modes) == 0:
		return r, invalid(nil, "A fault of kind %s takes no mode.", r.kind)
	case f.Mode != "" && !slices.Contains(r.modes, f.Mode):
		return r, invalid(r.modes, "The mode %q is unknown for kind %s.", f.Mode, r.kind)
	case r.zone && (f.Zone == "" || nodes != ""):
		return r, invalid(nil, "A fault of kind %s needs a zone and takes no cluster, shard, node or role.", r.kind)
	case f.Region+nodes+f.Zone == "":
		return r, invalid([]string{"region", "cluster", "shard", "node", "role", "zone"}, "A fault needs a target.")
	case f.Role != "" && f.Role != "primary" && f.Role != "replica":
		return r, invalid([]string{"primary", "replica"}, "The role %q is unknown.", f.Role)
	case r.delay && f.Delay <= 0:
		return r, invalid(nil, "A fault of kind %s needs a delay of more than 0, like 50ms.", r.kind)
	case !r.delay && (f.Delay != 0 || f.Jitter != 0):
		return r, invalid(nil, "A fault of kind %s takes no delay and no jitter.", r.kind)
	case r.offset == (f.Offset == 0):
		return r, invalid(nil, "A fault of kind clock needs an offset other than 0, like -1h; no other kind takes one.")
	case f.Jitter < 0, f.Duration < 0:
		return r, invalid(nil, "Durations must not be negative.")
	case max(f.Duration, f.Delay, f.Jitter, f.Offset, -f.Offset) > Duration(maxDuration):
		return r, invalid(nil, "Durations must not be longer than a year.")
	}
	f.ID, f.Began, f.Ends, f.Nodes = "", time.Time{}, time.Time{}, nil
	return r, nil
}

// String is the fault in words, for events.
func (f *Fault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of ", f.Kind)
	switch {
	case f.Kind == Outage || f.Kind == Full:
		fmt.Fprintf(&b, "zone %s (mode %s)", f.Zone, f.Mode)
	case len(f.Nodes) == 1:
		fmt.Fprintf(&b, "node %s", f.Nodes[0])
	default:
		fmt.Fprintf(&b, "nodes %s", strings.Join(f.Nodes, ", "))
	}
	for _, p := range []struct {
		name  string
		value Duration
	}{{"by", f.Offset}, {"by", f.Delay}, {"with jitter", f.Jitter}, {"for", f.Duration}} {
		if p.value != 0 {
			fmt.Fprintf(&b, " %s %v", p.name, p.value)
		}
	}
	return b.String()
}

// Duration is a time span that is written as 90s, 1m30s, PT1M30S or, in JSON, 90.
type Duration time.Duration

// isoForm is what of ISO 8601 is understood: days, hours, minutes and seconds, which may have a fraction.
var isoForm = regexp.MustCompile(`^(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$`)

// ParseDuration reads a duration as a user writes it.
func ParseDuration(text string) (Duration, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return Duration(d), nil
	}
	m := isoForm.FindStringSubmatch(text)
	if m == nil || m[2]+m[3]+m[4]+m[5] == "" {
		return 0, invalid(nil, "The duration %q can't be read; write it like 90s, 1m30s or PT1M30S.", text)
	}
	var total float64
	for i, unit := range []float64{86400, 3600, 60, 1} {
		if m[i+2] != "" {
			n, err := strconv.ParseFloat(m[i+2], 64)
			if err != nil {
				return 0, invalid(nil, "The duration %q can't be read: %v.", text, err)
			}
			total += n * unit
		}
	}
	if m[1] == "-" {
		total = -total
	}
	return seconds(total)
}

// seconds is a duration of so many seconds.
func seconds(n float64) (Duration, error) {
	if !(n > -maxDuration.Seconds() && n < maxDuration.Seconds()) { // not a number is neither
		return 0, invalid(nil, "Durations must not be longer than a year.")
	}
	return Duration(n * float64(time.Second)), nil
}

// String is the duration as ParseDuration reads it.
func (d Duration) String() string { return time.Duration(d).String() }

// UnmarshalText implements encoding.TextUnmarshaler, for flags.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}

// UnmarshalJSON takes text, or a number of seconds.
func (d *Duration) UnmarshalJSON(b []byte) (err error) {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*d, err = ParseDuration(text)
		return err
	}
	var n float64
	if err := json.Unmarshal(b, &n); err != nil {
		return invalid(nil, "A duration is text like 90s or a number of seconds.")
	}
	*d, err = seconds(n)
	return err
}

// MarshalJSON writes text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }
