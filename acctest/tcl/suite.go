package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// outcome is what became of the tests on one server. Names are "unit: test"; a name that the suite uses twice counts twice.
type outcome struct {
	units    []string
	count    map[string]int // passed tests by unit
	passed   map[string]int
	order    []string // names in passed, in the order of their first passing
	why      map[string]string
	failures []string
}

// server is a server that the suite runs against, with a folder of its own.
type server struct {
	cmd  *exec.Cmd
	port int
	dir  string
}

// suite runs the units one after the other on one server of a kind, "ours" or "redis". If the server ends or hangs, the next unit gets a new one.
func (o *options) suite(kind string, units []string) (*outcome, error) {
	res := &outcome{units: units, count: map[string]int{}, passed: map[string]int{}, why: map[string]string{}}
	var srv *server
	defer func() {
		if srv != nil {
			srv.stop()
		}
	}()
	begun := time.Now()
	for _, unit := range units {
		if srv == nil || srv.ping() != nil {
			if srv != nil {
				fmt.Printf("%s: the server does not answer any more, a new one is started before %s\n", kind, unit)
				srv.stop()
			}
			var err error
			if srv, err = o.start(kind); err != nil {
				return nil, err
			}
		}
		if err := o.one(srv, kind, unit, res); err != nil {
			return nil, err
		}
	}
	fmt.Printf("%s: %d units in %v\n", kind, len(units), time.Since(begun).Round(time.Second))
	return res, nil
}

// one runs a unit and counts its tests.
func (o *options) one(srv *server, kind, unit string, res *outcome) error {
	tags := "-slow"
	if o.slow {
		tags = ""
	}
	base, err := freePort()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "tclsh", "tests/test_helper.tcl", "--host", "127.0.0.1", "--port", strconv.Itoa(srv.port), "--cluster-mode", "--durable", "--single", unit, "--tags", tags,
		"--baseport", strconv.Itoa(base+32)) // the suite's own port is 32 below
	cmd.Dir = o.source
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the suite starts processes of its own
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	log := filepath.Join(o.logs, kind+"-"+strings.ReplaceAll(unit, "/", "-")+".txt")
	if err := os.WriteFile(log, out, 0o600); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("run the suite: %w", err)
	}
	if ctx.Err() != nil {
		fmt.Printf("%s: %s did not end within %v\n", kind, unit, o.patience)
	}
	if !res.read(unit, string(out)) {
		return fmt.Errorf("the suite ran no test of %s: see %s", unit, log)
	}
	return nil
}

var (
	colour = regexp.MustCompile("\x1b\\[[0-9;]*m")
	took   = regexp.MustCompile(` \(\d+ ms\)$`)
)

// read counts the tests in the suite's output. The lines behind a failed test's say why. It is false if the suite did not even begin.
func (r *outcome) read(unit, out string) bool {
	failed := ""
	lines := bufio.NewScanner(strings.NewReader(colour.ReplaceAllString(out, "")))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "[ok]: "):
			failed = ""
			name := unit + ": " + took.ReplaceAllString(line[len("[ok]: "):], "")
			if r.passed[name]++; r.passed[name] == 1 {
				r.order = append(r.order, name)
			}
			r.count[unit]++
		case strings.HasPrefix(line, "[err]: "), strings.HasPrefix(line, "[exception]: "):
			_, rest, _ := strings.Cut(line, ": ")
			test := rest
			if i := strings.LastIndex(rest, " in tests/"); i >= 0 {
				test = rest[:i]
			}
			failed = unit + ": " + test
			r.failures = append(r.failures, failed)
		case strings.HasPrefix(line, "["):
			failed = ""
		case failed != "" && len(r.why[failed]) < 2000:
			r.why[failed] += "    " + line + "\n"
			r.failures[len(r.failures)-1] += "\n    " + line
		}
	}
	return strings.Contains(out, "Testing "+unit)
}

// start starts a server of a kind on a free port and waits until it answers.
func (o *options) start(kind string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	bus, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "memorydb-tcl-server-")
	if err != nil {
		return nil, err
	}
	words := []string{o.server, "--listen", "127.0.0.1:" + strconv.Itoa(port), "--data", dir, "--log", "memory", "--admin-commands", "--log-level", "warn", "--snapshots", filepath.Join(dir, "snapshots")}
	if kind == "redis" {
		words = []string{
			"redis-server", "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--cluster-port", strconv.Itoa(bus), "--cluster-enabled", "yes", "--save", "", "--dir", dir,
			"--enable-protected-configs", "yes", "--enable-debug-command", "yes", "--enable-module-command", "yes",
		}
	}
	s := &server{cmd: exec.Command(words[0], words[1:]...), port: port, dir: dir}
	if s.cmd.Stderr, err = os.OpenFile(filepath.Join(o.logs, kind+"-server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", words[0], err), os.RemoveAll(dir))
	}
	ready := func() error { return s.ping() }
	if kind == "redis" {
		ready = s.addSlots
	}
	if err := eventually(20*time.Second, ready); err != nil {
		s.stop()
		return nil, fmt.Errorf("%s does not get ready: %w", words[0], err)
	}
	return s, nil
}

// stop ends the server and removes its folder.
func (s *server) stop() {
	_ = s.cmd.Process.Kill() // may have ended already
	_ = s.cmd.Wait()         // says that it was killed
	_ = os.RemoveAll(s.dir)  // a temporary folder
}

func (s *server) ping() error { return s.ask("PING", "+PONG") }

// addSlots makes a redis-server a cluster of its own.
func (s *server) addSlots() error {
	if err := s.ask("CLUSTER COUNTKEYSINSLOT 0", ":0"); err != nil {
		return err
	}
	if err := s.ask("SET {a}owned 1", "+OK"); err == nil {
		return nil
	}
	_ = s.ask("CLUSTER ADDSLOTSRANGE 0 16383", "+OK") // the write above says whether it worked
	return errors.New("the slots are not served yet")
}

// ask sends a request and compares the first line of its reply.
func (s *server) ask(request, want string) error {
	conn, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(s.port))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(request + "\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && strings.TrimSpace(line) != want {
		err = fmt.Errorf("%s answered %q", request, line)
	}
	return err
}

func eventually(patience time.Duration, ask func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	addr, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("a TCP listener has no TCP address")
	}
	return addr.Port, ln.Close()
}
