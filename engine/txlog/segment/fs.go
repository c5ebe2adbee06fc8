package segment

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// FS is what a log needs of a file system. OS is the real one; tests have one that loses what was not synced.
type FS interface {
	// MkdirAll makes a folder and those above it; what it made survives a crash once it returns.
	MkdirAll(dir string) error
	// ReadDir is the names of the files in a folder. If the folder is not there, the error is fs.ErrNotExist.
	ReadDir(dir string) ([]string, error)
	// Open opens a file for reading and writing. If it is not there, it is created when create says so, else the error is fs.ErrNotExist.
	Open(path string, create bool) (File, error)
	Rename(from, to string) error
	Remove(path string) error
	// SyncDir makes creations, renames and removals in a folder survive a crash.
	SyncDir(dir string) error
	// Free is how many bytes can still be written to the file system that holds dir.
	Free(dir string) (uint64, error)
	// Lock takes a file as this process's own until it is closed; ErrLocked, with the other's process id, if it is taken.
	Lock(path string) (io.Closer, error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync returns once everything written before is on the disk, and can be found there. After an error nothing is known about it.
	Sync() error
	Size() (int64, error)
}

// OS is the operating system's file system.
type OS struct{}

type osFile struct{ *os.File }

func (f osFile) Sync() error {
	if err := datasync(f.File); err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// MkdirAll implements FS.
func (o OS) MkdirAll(dir string) error {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	return o.SyncDir(filepath.Dir(dir))
}

// ReadDir implements FS.
func (OS) ReadDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Open implements FS.
func (OS) Open(path string, create bool) (File, error) {
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements FS.
func (OS) Remove(path string) error { return os.Remove(path) }

// SyncDir implements FS.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return err
	}
	return d.Close()
}

// Free implements FS. It counts what an ordinary user may still take.
func (OS) Free(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// Lock implements FS by an advisory lock, which ends with the process, however it ends.
func (OS) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		text := make([]byte, 32)
		n, _ := f.ReadAt(text, 0) // the holder's id; without it the message says less
		_ = f.Close()
		pid, convErr := strconv.Atoi(strings.TrimSpace(string(text[:n])))
		if convErr != nil {
			return nil, fmt.Errorf("%s is %w", filepath.Dir(path), ErrLocked)
		}
		return nil, fmt.Errorf("%s is %w (pid %d)", filepath.Dir(path), ErrLocked, pid)
	}
	if err := f.Truncate(0); err != nil {
		_ = f.Close()
		return nil, err
	}
	if _, err := f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
