package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/tidwall/redcon"
)

// process is a server that was started here.
type process struct {
	cmd  *exec.Cmd
	addr string
	dir  string
}

// conn is a connection to one of them.
type conn struct {
	net.Conn
	r   *bufio.Reader
	buf []byte
}

// patience is how long a server may take to start, or to reply.
const patience = 20 * time.Second

// startBoth starts our server and a redis-server, each owning all slots. If one fails, none is left.
func startBoth(binary string) (ours, theirs *process, err error) {
	ours, err = start(func(port, _, dir string) []string {
		return []string{binary, "--listen", "127.0.0.1:" + port, "--log", "memory", "--data", dir, "--log-level", "error"}
	})
	if err != nil {
		return nil, nil, err
	}
	theirs, err = start(func(port, bus, dir string) []string {
		return []string{"redis-server", "--bind", "127.0.0.1", "--port", port, "--cluster-port", bus, "--cluster-enabled", "yes", "--save", "", "--dir", dir, "--logfile", "redis.log"}
	})
	if err == nil {
		err = theirs.addSlots()
	}
	if err != nil {
		err = errors.Join(err, ours.stop())
		if theirs != nil {
			err = errors.Join(err, theirs.stop())
		}
		return nil, nil, err
	}
	return ours, theirs, nil
}

// start runs a server that args gives the words for, and waits until it answers.
func start(args func(port, bus, dir string) []string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	bus, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "memorydb-diff-")
	if err != nil {
		return nil, err
	}
	words := args(port, bus, dir)
	p := &process{cmd: exec.Command(words[0], words[1:]...), addr: "127.0.0.1:" + port, dir: dir}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", words[0], err), os.RemoveAll(dir))
	}
	err = p.await(func(c *conn) (bool, error) {
		v, err := c.do([]string{"ping"})
		return v.text == "PONG", err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s does not answer: %w", words[0], err), p.stop())
	}
	return p, nil
}

func (p *process) addSlots() error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	if v, err := c.do([]string{"cluster", "addslotsrange", "0", "16383"}); err != nil || v.text != "OK" {
		return fmt.Errorf("CLUSTER ADDSLOTSRANGE: %v, %w", v, err)
	}
	return p.await(func(c *conn) (bool, error) {
		v, err := c.do([]string{"cluster", "info"})
		return strings.Contains(v.text, "cluster_state:ok"), err
	})
}

// await asks on new connections until the answer is true.
func (p *process) await(ok func(*conn) (bool, error)) error {
	deadline := time.Now().Add(patience)
	for {
		c, err := p.dial()
		if err == nil {
			var done bool
			done, err = ok(c)
			c.Close()
			if done {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready after %v: %w", patience, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop ends the process, waits for it and removes its folder.
func (p *process) stop() error {
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = errors.New(p.cmd.Path + " has ended by itself")
	}
	kill := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() }) // it hangs in a command; fails only if it has ended meanwhile
	defer kill.Stop()
	_ = p.cmd.Wait() // its exit status says nothing more
	return errors.Join(err, os.RemoveAll(p.dir))
}

func (p *process) dial() (*conn, error) {
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: nc, r: bufio.NewReaderSize(nc, 1<<16)}, nil
}

func (c *conn) do(words []string) (reply, error) {
	c.buf = redcon.AppendArray(c.buf[:0], len(words))
	for _, w := range words {
		c.buf = redcon.AppendBulkString(c.buf, w)
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return reply{}, err
	}
	if _, err := c.Write(c.buf); err != nil {
		return reply{}, err
	}
	return read(c.r)
}

// freePort is a port that nobody listens on at the moment.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	return port, errors.Join(err, ln.Close())
}
