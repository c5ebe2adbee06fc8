package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/redcon"
)

// process is one of the two servers.
type process struct {
	cmd  *exec.Cmd
	port int
}

// both starts our server and a redis-server on free ports of 127.0.0.1, each with a folder of its own; stop ends them and removes the folders.
func (b *bench) both(redisArgs []string) (ours, theirs *process, stop func(), err error) {
	var dirs []string
	stop = func() {
		for _, p := range []*process{ours, theirs} {
			if p != nil {
				_ = p.cmd.Process.Kill() // may have ended already
				_ = p.cmd.Wait()         // says that it was killed
			}
		}
		for _, d := range dirs {
			_ = os.RemoveAll(d) // a temporary folder
		}
	}
	run := func(args func(port, dir string) []string) (*process, error) {
		dir, err := os.MkdirTemp("", "memorydb-bench-")
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, dir)
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		words := args(strconv.Itoa(port), dir)
		p := &process{cmd: exec.Command(words[0], words[1:]...), port: port}
		if err := p.cmd.Start(); err != nil {
			return nil, err
		}
		return p, p.ready()
	}
	ours, err = run(func(port, dir string) []string {
		return []string{b.server, "--listen", "127.0.0.1:" + port, "--data", dir}
	})
	if err == nil {
		theirs, err = run(func(port, dir string) []string {
			return append([]string{"redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir}, redisArgs...)
		})
	}
	if err != nil {
		stop()
		return nil, nil, nil, err
	}
	return ours, theirs, stop, nil
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err = errors.Join(err, ln.Close()); err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

func (p *process) dial() (net.Conn, error) { return net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(p.port)) }

// ready waits until the server answers PING.
func (p *process) ready() error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := p.ping()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *process) ping() error {
	conn, err := p.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != "+PONG\r\n" {
		err = fmt.Errorf("PING answered %q", line)
	}
	return err
}

// rss is the resident size of the server in bytes.
func (p *process) rss() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("no VmRSS in /proc")
}

// load sets n keys of 16 bytes to values of 32 bytes, in pipelines of 500, and reads every reply.
func load(p *process, n int) error {
	conn, err := p.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	replies := bufio.NewReaderSize(conn, 1<<16)
	var b []byte
	for i := 0; i < n; {
		b = b[:0]
		batch := min(500, n-i)
		for range batch {
			b = redcon.AppendArray(b, 3)
			b = redcon.AppendBulkString(b, "SET")
			b = redcon.AppendBulkString(b, fmt.Sprintf("key:%012d", i))
			b = redcon.AppendBulkString(b, fmt.Sprintf("value:%026d", i))
			i++
		}
		if _, err := conn.Write(b); err != nil {
			return err
		}
		for range batch {
			line, err := replies.ReadString('\n')
			if err != nil {
				return err
			}
			if line != "+OK\r\n" {
				return fmt.Errorf("SET answered %q", line)
			}
		}
	}
	return nil
}

// stream sends mib MiB of SETs of 1000-byte values to 1000 keys without waiting for replies (they are read at the side), and returns by how many MiB the server
// grew at most, beyond what it holds after one pass over the keys.
func stream(p *process, mib int) (float64, error) {
	conn, err := p.dial()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	value := strings.Repeat("v", 1000)
	var once []byte
	for k := range 1000 {
		once = redcon.AppendArray(once, 3)
		once = redcon.AppendBulkString(once, "SET")
		once = redcon.AppendBulkString(once, fmt.Sprintf("stream:%d", k))
		once = redcon.AppendBulkString(once, value)
	}
	passes := mib << 20 / len(once)
	done := make(chan error, 1)
	replies := bufio.NewReaderSize(conn, 1<<16)
	go func() {
		for range (passes + 1) * 1000 {
			if _, err := replies.ReadSlice('\n'); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	if _, err := conn.Write(once); err != nil {
		return 0, err
	}
	start, err := p.rss()
	if err != nil {
		return 0, err
	}
	most := start
	for i := range passes {
		if _, err := conn.Write(once); err != nil {
			return 0, err
		}
		if i%10 == 0 {
			now, err := p.rss()
			if err != nil {
				return 0, err
			}
			most = max(most, now)
		}
	}
	return float64(most-start) / (1 << 20), <-done
}
