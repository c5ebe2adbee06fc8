package server

import (
	"bytes"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processStats is what the system knows of the process; a node that shares its process shares them. What can't be told is 0.
type processStats struct {
	os, poller                                 string
	rss, system                                int64 // bytes
	heap, heapHeld                             int64 // bytes of Go's heap in use, and held
	cpuUser, cpuSystem, childUser, childSystem time.Duration
}

func readProcess() processStats {
	p := processStats{os: strings.ToUpper(runtime.GOOS[:1]) + runtime.GOOS[1:] + " " + runtime.GOARCH, poller: "go"}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		p.os = "Linux " + strings.TrimSpace(string(release)) + " " + machine()
	}
	if runtime.GOOS == "linux" {
		p.poller = "epoll"
	}
	p.cpuUser, p.cpuSystem = usage(syscall.RUSAGE_SELF)
	p.childUser, p.childSystem = usage(syscall.RUSAGE_CHILDREN)
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := bytes.Fields(statm); len(f) > 1 {
			p.rss = number(f[1]) * int64(os.Getpagesize())
		}
	}
	if mem, err := os.ReadFile("/proc/meminfo"); err == nil {
		if f := bytes.Fields(mem); len(f) > 1 && string(f[0]) == "MemTotal:" {
			p.system = number(f[1]) << 10
		}
	}
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(samples)
	p.heap = int64(samples[0].Value.Uint64())
	p.heapHeld = p.heap + int64(samples[1].Value.Uint64())
	return p
}

func usage(who int) (user, system time.Duration) {
	var r syscall.Rusage
	if syscall.Getrusage(who, &r) != nil {
		return 0, 0
	}
	return time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano())
}

// machine is the architecture as uname prints it.
func machine() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}

func number(b []byte) int64 {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
