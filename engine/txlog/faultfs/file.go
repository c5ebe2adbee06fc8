package faultfs

import (
	"io"
	"path/filepath"
)

// file is an open file.
type file struct {
	fs   *FS
	node *inode
	path string
	life int
}

func (f *file) ReadAt(b []byte, at int64) (int, error) {
	if err := f.fs.enter(OpRead, f.path, f.life); err != nil {
		return 0, err
	}
	defer f.fs.mu.Unlock()
	if at >= int64(len(f.node.cached)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.cached[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(b []byte, at int64) (int, error) {
	if err := f.fs.enter(OpWrite, f.path, f.life); err != nil {
		return 0, err
	}
	defer f.fs.mu.Unlock()
	f.node.cached = put(f.node.cached, b, at)
	f.node.dirty = append(f.node.dirty, span{at, at + int64(len(b))})
	return len(b), nil
}

// put writes b into a file's contents, which grow with zeros.
func put(content, b []byte, at int64) []byte {
	if n := at + int64(len(b)) - int64(len(content)); n > 0 {
		content = append(content, make([]byte, n)...)
	}
	copy(content[at:], b)
	return content
}

// Sync makes what was written survive. If the hook fails it, what was written is forgotten but in the cache.
func (f *file) Sync() error {
	err := f.fs.enter(OpSync, f.path, f.life)
	if err != nil {
		f.fs.mu.Lock()
		defer f.fs.mu.Unlock()
		if !f.fs.frozen && f.life == f.fs.life {
			f.node.dirty = nil
		}
		return err
	}
	defer f.fs.mu.Unlock()
	for _, d := range f.node.dirty {
		f.node.saved = put(f.node.saved, f.node.cached[d.from:d.to], d.from)
	}
	f.node.dirty = nil
	f.fs.syncs[filepath.Dir(f.path)]++
	return nil
}

func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.node.cached)), nil
}

func (f *file) Close() error { return nil }
