// Command memorydb-bench measures memorydb-server against redis-server, side by side in one run: both servers are up, and their runs alternate, so
// that the ratios hold on a noisy machine. Absolute figures mean little.
//
//	memorydb-bench -server bin/memorydb-server [-runs 5] [-only get,set,memory,stream]
//
// It needs redis-server and redis-benchmark on PATH (Debian: redis-server, redis-tools).
package main

import (
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	b := bench{out: tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)}
	flag.StringVar(&b.server, "server", "bin/memorydb-server", "our server")
	flag.IntVar(&b.runs, "runs", 5, "runs of each measurement; medians are shown")
	flag.IntVar(&b.requests, "requests", 200_000, "requests of a run without pipelining; four times as many with")
	flag.IntVar(&b.keys, "keys", 1_000_000, "keys of the memory measurement")
	flag.IntVar(&b.stream, "stream", 600, "MiB that the stream measurement sends")
	only := flag.String("only", "get,set,memory,stream", "what to measure")
	flag.Parse()
	if err := b.run(strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "memorydb-bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	server                       string
	runs, requests, keys, stream int
	out                          *tabwriter.Writer
}

func (b *bench) run(only []string) error {
	for _, tool := range []string{"redis-server", "redis-benchmark"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not on PATH: install Debian's redis-server and redis-tools, or the like", tool)
		}
	}
	fmt.Fprintln(b.out, "measurement\tours\tredis\tratio\tbar\t")
	var failed error
	for _, m := range []struct {
		name string
		run  func() error
	}{{"get", b.get}, {"set", b.set}, {"memory", b.memory}, {"stream", b.streaming}} {
		if slices.Contains(only, m.name) {
			failed = errors.Join(failed, m.run())
		}
	}
	return errors.Join(failed, b.out.Flush())
}

// get compares reads with a redis-server that has no durability.
func (b *bench) get() error {
	return b.pair("GET", "get", []string{"--save", ""}, 0.7)
}

// set compares writes that are durable in three zones with a redis-server that syncs each batch of writes to one file.
func (b *bench) set() error {
	return b.pair("SET durable", "set", []string{"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"}, 0.6)
}

func (b *bench) pair(label, test string, redisArgs []string, bar float64) error {
	ours, theirs, stop, err := b.both(redisArgs)
	if err != nil {
		return err
	}
	defer stop()
	for _, p := range []*process{ours, theirs} { // so that GET finds its keys
		if _, err := b.benchmark(p, "set", 1, 100_000); err != nil {
			return err
		}
	}
	for _, pipeline := range []int{1, 16} {
		n := b.requests
		if pipeline > 1 {
			n *= 4
		}
		var mine, peer, ratios []float64
		for range b.runs {
			x, err := b.benchmark(ours, test, pipeline, n)
			if err != nil {
				return err
			}
			y, err := b.benchmark(theirs, test, pipeline, n)
			if err != nil {
				return err
			}
			mine, peer, ratios = append(mine, x), append(peer, y), append(ratios, x/y)
		}
		b.row(fmt.Sprintf("%s c=50 P=%d (op/s)", label, pipeline), median(mine), median(peer), median(ratios), fmt.Sprintf(">= %.2f", bar))
	}
	return nil
}

func (b *bench) row(name string, ours, redis, ratio float64, bar string) {
	fmt.Fprintf(b.out, "%s\t%.0f\t%.0f\t%.2f\t%s\t\n", name, ours, redis, ratio, bar)
}

// benchmark is the requests per second of one run of redis-benchmark with 50 connections, 100-byte values and a million possible keys.
func (b *bench) benchmark(p *process, test string, pipeline, n int) (float64, error) {
	out, err := exec.Command("redis-benchmark", "-p", strconv.Itoa(p.port), "-c", "50", "-P", strconv.Itoa(pipeline), "-n", strconv.Itoa(n),
		"-r", "1000000", "-d", "100", "-t", test, "--csv").Output()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark: %w", err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	if err != nil || len(rows) < 2 || len(rows[1]) < 2 {
		return 0, fmt.Errorf("redis-benchmark printed no figure: %q", out)
	}
	return strconv.ParseFloat(rows[1][1], 64)
}

// memory compares the resident bytes per key of 16-byte keys with 32-byte values.
func (b *bench) memory() error {
	ours, theirs, stop, err := b.both([]string{"--save", ""})
	if err != nil {
		return err
	}
	defer stop()
	var per [2]float64
	for i, p := range []*process{ours, theirs} {
		before, err := p.rss()
		if err != nil {
			return err
		}
		if err := load(p, b.keys); err != nil {
			return err
		}
		after, err := p.rss()
		if err != nil {
			return err
		}
		per[i] = float64(after-before) / float64(b.keys)
	}
	b.row(fmt.Sprintf("resident bytes per key, %d keys of 16 B / 32 B", b.keys), per[0], per[1], per[0]/per[1], "<= 0.70")
	return nil
}

// streaming shows how much one connection that never waits for replies makes each server grow.
func (b *bench) streaming() error {
	ours, theirs, stop, err := b.both([]string{"--save", ""})
	if err != nil {
		return err
	}
	defer stop()
	var grown [2]float64
	for i, p := range []*process{ours, theirs} {
		if grown[i], err = stream(p, b.stream); err != nil {
			return err
		}
	}
	b.row(fmt.Sprintf("growth while one connection streams %d MiB of SETs (MiB)", b.stream), grown[0], grown[1], grown[0]/grown[1], "< 64 MiB")
	return nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
