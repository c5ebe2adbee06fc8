package store

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// freeBytes is how much of dir's disk ordinary programs may still fill.
func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// lock keeps other processes out of the folder until the file is closed, at the latest by the system when the process ends. Badger has a lock of its own, but no error value for it.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "emulator.pid"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid, _ := io.ReadAll(io.LimitReader(f, 20)) // only to tell the user more
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w (process %s)", dir, ErrLocked, strings.TrimSpace(string(pid)))
		}
		return nil, fmt.Errorf("lock the data folder %s: %w", dir, err)
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	if err == nil {
		return f, nil
	}
	f.Close()
	return nil, fmt.Errorf("write the lock of the data folder %s: %w", dir, err)
}

// logger hands Badger's messages on; its information is for us, not for operators.
type logger struct{ to *slog.Logger }

func (l logger) log(level func(string, ...any), format string, args []any) {
	level("badger", "msg", strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (l logger) Errorf(format string, args ...any) {
	if l.to != nil {
		l.log(l.to.Error, format, args)
	}
}

func (l logger) Warningf(format string, args ...any) {
	if l.to != nil {
		l.log(l.to.Warn, format, args)
	}
}

func (l logger) Infof(format string, args ...any) {
	if l.to != nil {
		l.log(l.to.Debug, format, args)
	}
}

func (l logger) Debugf(format string, args ...any) {
	if l.to != nil {
		l.log(l.to.Debug, format, args)
	}
}
