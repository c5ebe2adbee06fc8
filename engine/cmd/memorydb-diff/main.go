// Command memorydb-diff asks memorydb-server and redis-server the same random commands, right and wrong ones, and reports every reply that differs.
//
//	memorydb-diff -server bin/memorydb-server [-seeds 20] [-commands 5000] [-seed 1]
//
// At the end of each seed the keys left are compared: types, encodings, expiries, contents.
// The commands come from the rows' argument grammar, with values that are likely to matter. Both servers run in cluster mode, on free ports of the loopback
// interface, and are ended at the end. It needs redis-server 7.0 on PATH. The exit code is 1 if a reply differs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/openmemorydb/memorydb/engine/enginetest/generate"
)

func main() {
	d := diff{out: os.Stdout}
	binary := flag.String("server", "bin/memorydb-server", "our server")
	seeds := flag.Int("seeds", 20, "number of seeds; every second one is asked in RESP3")
	flag.IntVar(&d.commands, "commands", 5000, "commands a seed")
	first := flag.Uint64("seed", 1, "first seed")
	flag.IntVar(&d.most, "differences", 30, "differences after which to stop")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM) // so that the servers are ended too
	err := d.run(ctx, *binary, *first, *seeds)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "memorydb-diff:", err)
		os.Exit(1)
	}
}

type diff struct {
	out          io.Writer
	commands     int
	most         int
	ours, theirs *process
	asked        int
	errors       int // replies that were the same error
	differences  int
	by           map[string]int // commands asked, by name
}

func (d *diff) run(ctx context.Context, binary string, first uint64, seeds int) (err error) {
	d.by = map[string]int{}
	all, err := generate.Forms()
	if err != nil {
		return err
	}
	d.ours, d.theirs, err = startBoth(binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.ours.stop(), d.theirs.stop()) }()
	for i := range seeds {
		seed := first + uint64(i)
		g := generate.New(seed, all)
		if err := d.seed(ctx, g, seed); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
		if d.differences >= d.most || ctx.Err() != nil {
			break
		}
	}
	fmt.Fprintf(d.out, "%d commands of %d kinds, %d replied with errors, %d differences\n", d.asked, len(d.by), d.errors, d.differences)
	if d.differences > 0 {
		return fmt.Errorf("%d replies differ", d.differences)
	}
	return nil
}

// seed asks the commands of one seed, on new connections.
func (d *diff) seed(ctx context.Context, g *generate.Generator, seed uint64) error {
	a, err := d.ours.dial()
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := d.theirs.dial()
	if err != nil {
		return err
	}
	defer b.Close()
	both := pair{a, b}
	proto := strconv.Itoa(2 + int(seed%2))
	for _, words := range [][]string{{"hello", proto}, {"flushall"}} {
		if _, _, err := both.ask(words); err != nil {
			return err
		}
	}
	var queued [][]string // since MULTI
	open := false
	for i := range d.commands {
		if ctx.Err() != nil {
			return nil
		}
		words := g.Next()
		if strings.HasPrefix(words[0], "sort") { // Redis takes a range error that an earlier command left in errno for its own; this sets it to 0
			if _, _, err := both.ask([]string{"sscan", "{t}none", "0"}); err != nil {
				return err
			}
		}
		x, y, err := both.ask(words)
		if err != nil {
			return fmt.Errorf("command %d, %q: %w", i, words, err)
		}
		if strings.EqualFold(words[0], "dump") && y.kind == '$' && !y.null {
			g.Dumped(y.text)
		}
		d.asked++
		d.by[strings.ToLower(words[0])]++
		ran := queued
		switch name := strings.ToLower(words[0]); {
		case name == "exec":
			ok := len(x.items) == len(queued) && len(y.items) == len(queued)
			for k := range queued {
				if ok && x.kind == '*' && y.kind == '*' {
					d.element(queued[k], &x.items[k], &y.items[k])
				}
			}
			queued, open = nil, false
		case name == "discard":
			queued, open = nil, false
		case name == "multi":
			open = true
		case open && y.text == "QUEUED":
			queued = append(queued, words)
		default:
			x.normalise(words)
			y.normalise(words)
		}
		if y.kind == '-' {
			d.errors++
		}
		if same(words, x, y) {
			continue
		}
		d.differences++
		fmt.Fprintf(d.out, "seed %d, command %d, RESP%s: %s\n  ours:  %.600s\n  redis: %.600s\n", seed, i, proto, show(words), x, y)
		for _, q := range ran {
			fmt.Fprintf(d.out, "  queued: %s\n", show(q))
		}
		if d.differences >= d.most {
			return nil
		}
		for _, words := range [][]string{{"discard"}, {"flushall"}} { // what follows would differ too
			if _, _, err := both.ask(words); err != nil {
				return err
			}
		}
		queued, open = nil, false
		g.Reset()
	}
	if open {
		if _, _, err := both.ask([]string{"discard"}); err != nil {
			return err
		}
	}
	return d.content(both, seed)
}

// element makes two elements of EXEC's reply comparable, and the same if only the clock differs.
func (d *diff) element(words []string, x, y *reply) {
	x.normalise(words)
	y.normalise(words)
	if same(words, *x, *y) {
		*x = *y
	}
}

// show is a command as a person would type it, long words cut.
func show(words []string) string {
	var b []string
	for _, w := range words {
		if len(w) > 80 {
			w = w[:80] + "…" + strconv.Itoa(len(w))
		}
		b = append(b, strconv.Quote(w))
	}
	if len(b) > 40 {
		b = append(b[:40], "…"+strconv.Itoa(len(words)))
	}
	return strings.Join(b, " ")
}

// pair is a connection to each server.
type pair struct{ ours, theirs *conn }

func (p pair) ask(words []string) (ours, theirs reply, err error) {
	if ours, err = p.ours.all(words); err != nil {
		return ours, theirs, fmt.Errorf("our server: %w", err)
	}
	if theirs, err = p.theirs.all(words); err != nil {
		err = fmt.Errorf("redis-server: %w", err)
	}
	return ours, theirs, err
}

// iterations are the commands with a cursor: where that is among the words, and how many words of the reply belong together.
var iterations = map[string]struct{ cursor, group int }{"scan": {1, 1}, "hscan": {2, 2}, "sscan": {2, 1}, "zscan": {2, 2}}

// all asks a command; an iteration from its beginning to its end, as the set of what it gives, since cursors and order are each server's own.
func (c *conn) all(words []string) (reply, error) {
	it := iterations[strings.ToLower(words[0])]
	at := it.cursor
	v, err := c.do(words)
	if err != nil || at == 0 || at >= len(words) || len(v.items) != 2 {
		return v, err
	}
	if words[at] != "0" { // a cursor of nobody
		v.blank()
		v.items = v.items[:1]
		return v, nil
	}
	all := reply{kind: '*'}
	next := slices.Clone(words)
	for {
		all.items = append(all.items, v.items[1].items...)
		next[at] = v.items[0].text
		if next[at] == "0" {
			all.sort(it.group, true)
			return all, nil
		}
		if v, err = c.do(next); err != nil || len(v.items) != 2 {
			return v, err
		}
	}
}
