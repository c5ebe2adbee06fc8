package server

import (
	"fmt"
	"strings"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/resp"
)

const latencyFlags = command.Admin | command.NoScript | command.Loading | command.Stale | command.NoTurn

var (
	latencyTips  = []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"}
	latencyReset = []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
)

// latencyRow is LATENCY, its subcommands in the order of their handlers.
var latencyRow = command.Spec{
	Name: "latency", Arity: -2, Flags: command.Container, Group: command.Server, Since: "2.8.13", Summary: "A container for commands about latency.",
	Complexity: "Depends on subcommand.",
	Subcommands: []command.Spec{
		{Name: "latest", Arity: 2, Flags: latencyFlags, Since: "2.8.13", Tips: latencyTips, Summary: "Returns the newest sample of each event.", Complexity: "O(1)", Run: latencyLatest},
		{Name: "history", Arity: 3, Flags: latencyFlags, Since: "2.8.13", Tips: latencyTips, Args: "event", Summary: "Returns the samples of an event.", Complexity: "O(1)", Run: latencyHistory},
		{Name: "graph", Arity: 3, Flags: latencyFlags, Since: "2.8.13", Tips: latencyTips, Args: "event", Summary: "Draws the samples of an event.", Complexity: "O(1)", Run: latencyGraph},
		{Name: "doctor", Arity: 2, Flags: latencyFlags, Since: "2.8.13", Tips: latencyTips, Summary: "Describes the samples of all events.", Complexity: "O(1)", Run: latencyDoctor},
		{Name: "reset", Arity: -2, Flags: latencyFlags, Since: "2.8.13", Tips: latencyReset, Args: "[event [event ...]]", Summary: "Forgets the samples of events.", Complexity: "O(1)", Run: latencyForget},
		{Name: "histogram", Arity: -2, Flags: latencyFlags, Since: "7.0.0", Tips: latencyTips, Args: "[command [command ...]]",
			Summary: "Returns the distribution of the latencies of commands.", Complexity: "O(N) where N is the number of commands with latency information being retrieved.", Run: latencyHistogram},
		{Name: "help", Arity: 2, Flags: command.Loading | command.Stale | command.NoTurn, Since: "2.8.13", Summary: "Lists the subcommands.", Complexity: "O(1)", Run: latencyHelp},
	},
}

func latencyLatest(c *command.Call) error {
	names, all := session(c).srv.latency.all()
	c.Reply.Array(len(names))
	for _, name := range names {
		s := all[name]
		last := s.samples[len(s.samples)-1]
		c.Reply.Array(4)
		c.Reply.BulkString(name)
		c.Reply.Int(last.at)
		c.Reply.Int(last.ms)
		c.Reply.Int(s.worst)
	}
	return nil
}

func latencyHistory(c *command.Call) error {
	_, all := session(c).srv.latency.all()
	samples := all[string(c.Argv[2])].samples
	c.Reply.Array(len(samples))
	for _, s := range samples {
		c.Reply.Array(2)
		c.Reply.Int(s.at)
		c.Reply.Int(s.ms)
	}
	return nil
}

// latencyColumns are the columns of a graph.
const latencyColumns = 80

// latencyGraph draws a line of bars for each sample, the newest last, as Redis does: four rows of '_', 'o' and '#', the age of each sample below it, read downwards.
func latencyGraph(c *command.Call) error {
	srv := session(c).srv
	name := string(c.Argv[2])
	_, all := srv.latency.all()
	s, ok := all[name]
	if !ok {
		return resp.Errorf("ERR No samples available for event '%s'", name)
	}
	low, high := s.samples[0].ms, s.samples[0].ms
	for _, sample := range s.samples {
		low, high = min(low, sample.ms), max(high, sample.ms)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n%s\n", name, high, low, s.worst, strings.Repeat("-", latencyColumns))
	now := srv.cfg.Now().Unix()
	for from := 0; from < len(s.samples); from += latencyColumns {
		if from > 0 {
			b.WriteByte('\n')
		}
		graphRows(&b, s.samples[from:min(from+latencyColumns, len(s.samples))], low, high, now)
	}
	c.Reply.Verbatim("txt", b.String())
	return nil
}

func graphRows(b *strings.Builder, samples []latencySample, low, high, now int64) {
	const rows, shades = 4, "_o#"
	labels, longest := make([]string, len(samples)), 0
	for i, s := range samples {
		labels[i] = age(now - s.at)
		longest = max(longest, len(labels[i]))
	}
	line := make([]byte, len(samples))
	write := func(at func(i int) byte) {
		for i := range line {
			line[i] = at(i)
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	for row := range rows {
		write(func(i int) byte {
			step := min(int((samples[i].ms-low)*int64(rows*len(shades))/max(high-low, 1)), rows*len(shades)-1)
			switch shade := step - (rows-row-1)*len(shades); {
			case shade < 0:
				return ' '
			case shade < len(shades):
				return shades[shade]
			default:
				return '|'
			}
		})
	}
	write(func(int) byte { return ' ' })
	for row := range longest {
		write(func(i int) byte {
			if row < len(labels[i]) {
				return labels[i][row]
			}
			return ' '
		})
	}
}

// age is how long ago something was, in its greatest unit.
func age(seconds int64) string {
	switch {
	case seconds < 60:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%dm", seconds/60)
	case seconds < 24*3600:
		return fmt.Sprintf("%dh", seconds/3600)
	default:
		return fmt.Sprintf("%dd", seconds/(24*3600))
	}
}

// latencyAdvice is what may be done about an event.
var latencyAdvice = map[string]string{
	"command":      "Slow commands hold up all others of their shard. SLOWLOG GET shows them, if slowlog-log-slower-than is at or below the latency monitor's threshold.",
	"fast-command": "Even commands that do next to nothing took long: the node got too little processor time. Lower the load of the machine, or look for a noisy neighbour.",
	"expire-cycle": "Many keys expire at once, or big ones. Spread their expiries.",
}

func latencyDoctor(c *command.Call) error {
	srv := session(c).srv
	names, all := srv.latency.all()
	var b strings.Builder
	switch {
	case len(names) == 0 && srv.latency.threshold.Load() == 0:
		b.WriteString("Latency monitoring is disabled. Set latency-monitor-threshold to a number of milliseconds to enable it.\n")
	case len(names) == 0:
		b.WriteString("No latency spike was observed.\n")
	default:
		b.WriteString("Latency spikes were observed:\n\n")
	}
	now := srv.cfg.Now().Unix()
	for i, name := range names {
		s := all[name]
		n := int64(len(s.samples))
		sum, deviation := int64(0), int64(0)
		for _, sample := range s.samples {
			sum += sample.ms
		}
		for _, sample := range s.samples {
			deviation += max(sum/n-sample.ms, sample.ms-sum/n)
		}
		fmt.Fprintf(&b, "%d. %s: %d latency spikes (average %dms, mean deviation %dms, period %.2f sec). Worst all time event %dms.\n",
			i+1, name, n, sum/n, deviation/n, float64(max(now-s.samples[0].at, 1))/float64(n), s.worst)
		if advice := latencyAdvice[name]; advice != "" {
			fmt.Fprintf(&b, "   %s\n", advice)
		}
	}
	c.Reply.Verbatim("txt", b.String())
	return nil
}

func latencyForget(c *command.Call) error {
	c.Reply.Int(int64(session(c).srv.latency.reset(c.Argv[2:])))
	return nil
}

// latencyHistogram answers, for each command that was executed, how many calls took at most 1, 2, 4, 8, 16, 33 … microseconds: powers of two of 1024 ns, as Redis counts.
func latencyHistogram(c *command.Call) error {
	srv := session(c).srv
	asked := srv.cfg.Table.All()
	if len(c.Argv) > 2 {
		asked = nil
		for _, name := range c.Argv[2:] {
			row := srv.cfg.Table.Find(strings.ToLower(string(name)))
			if row == nil {
				continue
			}
			asked = append(asked, row)
			for i := range row.Subcommands {
				asked = append(asked, srv.cfg.Table.Find(row.Subcommands[i].FullName))
			}
		}
	}
	var known []*command.Spec
	for _, row := range asked {
		if srv.stats.rows[row.ID].latency.Load() != nil {
			known = append(known, row)
		}
	}
	c.Reply.Map(len(known))
	for _, row := range known {
		bounds, counts, total := srv.stats.rows[row.ID].latency.Load().cumulative()
		c.Reply.BulkString(row.FullName)
		c.Reply.Map(2)
		c.Reply.BulkString("calls")
		c.Reply.Int(total)
		c.Reply.BulkString("histogram_usec")
		c.Reply.Map(len(bounds))
		for i, bound := range bounds {
			c.Reply.Int(bound)
			c.Reply.Int(counts[i])
		}
	}
	return nil
}

func latencyHelp(c *command.Call) error {
	c.Reply.Help("LATENCY",
		"DOCTOR",
		"    Return a human readable latency analysis report.",
		"GRAPH <event>",
		"    Return an ASCII latency graph for the <event> class.",
		"HISTORY <event>",
		"    Return time-latency samples for the <event> class.",
		"LATEST",
		"    Return the latest latency samples for all events.",
		"RESET [<event> ...]",
		"    Reset latency data of one or more <event> classes.",
		"    (default: reset all data for all event classes)",
		"HISTOGRAM [COMMAND ...]",
		"    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
		"    If no commands are specified then all histograms are replied.",
	)
	return nil
}
