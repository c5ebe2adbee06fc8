package fault

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// ailment is what the disk of a zone has.
type ailment int32

const (
	healthy ailment = iota
	crowded         // it says that it has no space left
	full            // it has none
	out             // nothing works
)

// disk is the copy of the log in one zone.
type disk struct {
	name, dir string
	ails      atomic.Int32
}

func (d *disk) is() ailment { return ailment(d.ails.Load()) }

// fileSystem is the log's file system, in which the folder of each zone can fail by itself.
type fileSystem struct {
	segment.FS
	disks []*disk
}

// disk is where a path is; nil if that is in no zone.
func (f *fileSystem) disk(path string) *disk {
	for _, d := range f.disks {
		if path == d.dir || strings.HasPrefix(path, d.dir+string(filepath.Separator)) {
			return d
		}
	}
	return nil
}

// enter is asked before an operation on a path.
func (f *fileSystem) enter(op, path string) error { return f.disk(path).enter(op, path, false) }

func (d *disk) enter(op, path string, writes bool) error {
	if d == nil {
		return nil
	}
	switch a := d.is(); {
	case a == out:
		return &os.PathError{Op: op, Path: path, Err: syscall.EIO}
	case a == full && writes:
		return &os.PathError{Op: op, Path: path, Err: syscall.ENOSPC}
	}
	return nil
}

// MkdirAll implements segment.FS.
func (f *fileSystem) MkdirAll(dir string) error {
	if err := f.enter("mkdir", dir); err != nil {
		return err
	}
	return f.FS.MkdirAll(dir)
}

// ReadDir implements segment.FS.
func (f *fileSystem) ReadDir(dir string) ([]string, error) {
	if err := f.enter("readdir", dir); err != nil {
		return nil, err
	}
	return f.FS.ReadDir(dir)
}

// Open implements segment.FS.
func (f *fileSystem) Open(path string, create bool) (segment.File, error) {
	if err := f.enter("open", path); err != nil {
		return nil, err
	}
	opened, err := f.FS.Open(path, create)
	if err != nil {
		return nil, err
	}
	return &file{opened, f.disk(path), path}, nil
}

// Rename implements segment.FS.
func (f *fileSystem) Rename(from, to string) error {
	if err := f.enter("rename", to); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

// Remove implements segment.FS.
func (f *fileSystem) Remove(path string) error {
	if err := f.enter("remove", path); err != nil {
		return err
	}
	return f.FS.Remove(path)
}

// SyncDir implements segment.FS.
func (f *fileSystem) SyncDir(dir string) error {
	if err := f.enter("sync", dir); err != nil {
		return err
	}
	return f.FS.SyncDir(dir)
}

// Free implements segment.FS.
func (f *fileSystem) Free(dir string) (uint64, error) {
	if err := f.enter("statfs", dir); err != nil {
		return 0, err
	}
	if d := f.disk(dir); d != nil && (d.is() == crowded || d.is() == full) {
		return 0, nil
	}
	return f.FS.Free(dir)
}

// Lock implements segment.FS.
func (f *fileSystem) Lock(path string) (io.Closer, error) {
	if err := f.enter("lock", path); err != nil {
		return nil, err
	}
	return f.FS.Lock(path)
}

// file is an open file of a zone.
type file struct {
	segment.File
	d    *disk
	path string
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(b []byte, at int64) (int, error) {
	if err := f.d.enter("read", f.path, false); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

// WriteAt implements io.WriterAt.
func (f *file) WriteAt(b []byte, at int64) (int, error) {
	if err := f.d.enter("write", f.path, true); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, at)
}

// Sync implements segment.File.
func (f *file) Sync() error {
	if err := f.d.enter("sync", f.path, false); err != nil {
		return err
	}
	return f.File.Sync()
}

// Size implements segment.File.
func (f *file) Size() (int64, error) {
	if err := f.d.enter("stat", f.path, false); err != nil {
		return 0, err
	}
	return f.File.Size()
}
