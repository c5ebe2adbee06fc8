package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/openmemorydb/memorydb/emulator/fault"
)

// faultCmd talks to the API below /_faults.
type faultCmd struct {
	Endpoint string `default:"http://127.0.0.1:8480" placeholder:"URL" env:"MEMORYDB_ENDPOINT" help:"The emulator's URL (${default})."`

	Add  faultAddCmd  `cmd:"" help:"Begin a fault and print its id."`
	List faultListCmd `cmd:"" help:"List the faults that go on."`
	Heal faultHealCmd `cmd:"" help:"End faults."`
}

// patience is how long the emulator may take to answer.
const patience = 10 * time.Second

func (f *faultCmd) client() *fault.Client { return &fault.Client{Endpoint: f.Endpoint} }

// faultAddCmd begins a fault.
type faultAddCmd struct {
	Kind     string         `arg:"" help:"What goes wrong."`
	Cluster  string         `placeholder:"NAME" help:"The cluster that it hits."`
	Shard    string         `placeholder:"NAME" help:"The shard, like 0001."`
	Node     string         `placeholder:"NAME" help:"The node, like shop-0001-001."`
	Role     string         `placeholder:"ROLE" help:"Nodes that are primary, or replica, when the fault begins."`
	Zone     string         `placeholder:"ZONE" help:"The zone: a, b or c, or that of a region, like us-east-1a."`
	Region   string         `placeholder:"REGION" help:"The region."`
	Duration fault.Duration `placeholder:"TIME" help:"After how long it ends by itself, like 90s or PT1M30S (when it is healed; a kill at once)."`
	Delay    fault.Duration `placeholder:"TIME" help:"For delay: how much later nodes hear of what is durable."`
	Jitter   fault.Duration `placeholder:"TIME" help:"For delay: by how much more at most, at random."`
	Offset   fault.Duration `placeholder:"TIME" help:"For clock: how wrong it is, like --offset=-1h."`
	Mode     string         `placeholder:"MODE" help:"For outage: kill or cut; for full: watermark or write."`
}

// Help lists the kinds, below the flags.
func (*faultAddCmd) Help() string {
	names, summaries := fault.Kinds()
	var b strings.Builder
	b.WriteString("Kinds:\n\n")
	for _, n := range names {
		fmt.Fprintf(&b, "  %-7s %s\n\n", n, summaries[n])
	}
	b.WriteString("A target is named by any of cluster, shard, node, role, zone and region; it hits all that fits all of them. Exit codes: 0, or 1 if the emulator can't be asked or there is no such target, or 2 if the fault makes no sense.")
	return b.String()
}

// Run begins the fault.
func (a *faultAddCmd) Run(ctx context.Context, p *program, std streams) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f, err := p.Fault.client().Begin(ctx, fault.Fault{
		Kind: fault.Kind(a.Kind), Cluster: a.Cluster, Shard: a.Shard, Node: a.Node, Role: a.Role, Zone: a.Zone, Region: a.Region,
		Duration: a.Duration, Delay: a.Delay, Jitter: a.Jitter, Offset: a.Offset, Mode: a.Mode,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s\t%s\n", f.ID, f.String())
	return nil
}

type faultListCmd struct{}

// Run lists the faults.
func (*faultListCmd) Run(ctx context.Context, p *program, std streams) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all, err := p.Fault.client().List(ctx)
	if err != nil {
		return err
	}
	return table(std.out, all)
}

type faultHealCmd struct {
	IDs []string `arg:"" optional:"" name:"id" help:"The faults to end."`
	All bool     `help:"End all."`
}

// Run ends faults.
func (h *faultHealCmd) Run(ctx context.Context, p *program, std streams) error {
	if h.All == (len(h.IDs) > 0) {
		return &fault.Error{Status: 400, Message: "Name the faults to heal, or give --all."}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := p.Fault.client()
	if h.All {
		healed, err := c.HealAll(ctx)
		return errors.Join(table(std.out, healed), err)
	}
	var healed []fault.Fault
	var errs []error
	for _, id := range h.IDs {
		f, err := c.Heal(ctx, id)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		healed = append(healed, f)
	}
	return errors.Join(append(errs, table(std.out, healed))...)
}

// table prints faults, one a line: id, what, when it ends.
func table(out io.Writer, faults []fault.Fault) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range faults {
		ends := "when healed"
		if !f.Ends.IsZero() {
			ends = f.Ends.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\tends %s\n", f.ID, f.String(), ends)
	}
	return w.Flush()
}
