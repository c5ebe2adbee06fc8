// Package faultfs is a file system in memory that fails as disks do, for tests of the transaction log.
//
// It keeps what the page cache would show apart from what would survive the loss of power: writes survive from the file's next sync on, names from the folder's next sync on.
// Crash keeps of what was not synced what chance says, sector by sector; Kill ends the process only. A failed sync
// drops the written data as Linux does: they go on to be read, are never written, and the next sync succeeds. The package starts no goroutines.
package faultfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// Sector is the size of what a disk writes whole or not at all, in bytes.
const Sector = 512

// Op is an operation, as a Hook sees it.
type Op string

// The operations. A file's Sync is not that of a folder.
const (
	OpOpen    Op = "open"
	OpRead    Op = "read"
	OpWrite   Op = "write"
	OpSync    Op = "sync"
	OpSyncDir Op = "syncdir"
	OpRename  Op = "rename"
	OpRemove  Op = "remove"
)

// ErrDead is returned by every operation after Freeze, and by files that were opened before a Crash or a Kill.
var ErrDead = errors.New("the machine has stopped")

// FS implements segment.FS. Create it with New.
type FS struct {
	mu     sync.Mutex
	rnd    *rand.Rand
	life   int // grows when the process ends
	frozen bool
	hook   func(op Op, path string) error
	names  map[string]*inode   // what is seen
	saved  map[string]*inode   // what survives
	folder map[string][]change // what was done to a folder's names since it was synced
	dirs   map[string]bool
	locks  map[string]bool
	free   map[string]uint64
	syncs  map[string]int
}

// change is one operation on names: the path gets the inode, or none; in a rename from is the name that it had.
type change struct {
	path string
	node *inode
	from string
}

func (c change) apply(names map[string]*inode) {
	if c.from != "" {
		delete(names, c.from)
	}
	set(names, c.path, c.node)
}

// inode is a file's contents: what is read, what survives, and the writes that are not yet synced.
type inode struct {
	cached, saved []byte
	dirty         []span
}

type span struct{ from, to int64 }

// New makes an empty file system.
func New(seed uint64) *FS {
	return &FS{
		rnd: rand.New(rand.NewPCG(seed, 1)), names: map[string]*inode{}, saved: map[string]*inode{}, folder: map[string][]change{},
		dirs: map[string]bool{}, locks: map[string]bool{}, free: map[string]uint64{}, syncs: map[string]int{},
	}
}

// Hook has fn called before each operation, without locks held: it may block, and what it returns becomes the operation's error. nil ends it.
func (f *FS) Hook(fn func(op Op, path string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = fn
}

// Freeze makes every operation fail from now on, until Crash or Kill.
func (f *FS) Freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frozen = true
}

// Crash is the loss of power: what was not synced is kept or lost by chance. Files that are open are dead.
func (f *FS) Crash() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end()
	for _, dir := range sortedKeys(f.folder) {
		changes := f.folder[dir]
		for _, c := range changes[:f.rnd.IntN(len(changes)+1)] { // a journal keeps the order
			c.apply(f.saved)
		}
	}
	clear(f.folder)
	clear(f.names)
	seen := map[*inode]bool{}
	for _, path := range sortedKeys(f.saved) {
		node := f.saved[path]
		f.names[path] = node
		if !seen[node] {
			seen[node] = true
			f.settle(node)
		}
	}
}

// settle decides what of a file's unsynced writes has reached the disk.
func (f *FS) settle(node *inode) {
	mode := f.rnd.IntN(4) // none, all, or sectors with some probability
	chance := f.rnd.Float64()
	for _, d := range node.dirty {
		for at := d.from; at < d.to; {
			end := min((at/Sector+1)*Sector, d.to)
			if mode == 1 || mode > 1 && f.rnd.Float64() < chance {
				node.saved = put(node.saved, node.cached[at:end], at)
			}
			at = end
		}
	}
	node.dirty = nil
	node.cached = slices.Clone(node.saved)
}

// Kill is the end of the process: the page cache stays, files that are open are dead.
func (f *FS) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end()
}

func (f *FS) end() {
	f.life++
	f.frozen, f.hook = false, nil
	clear(f.locks)
}

// SetFree sets how many bytes are free on the disk of a folder; without it there are plenty.
func (f *FS) SetFree(dir string, bytes uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free[dir] = bytes
}

// Syncs is how many files' syncs have succeeded in a folder.
func (f *FS) Syncs(dir string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.syncs[dir]
}

// Files are the paths of the files in a folder, in order.
func (f *FS) Files(dir string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for path := range f.names {
		if filepath.Dir(path) == dir {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// Content is a copy of a file's contents; nil if it is not there.
func (f *FS) Content(path string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if node := f.names[path]; node != nil {
		return slices.Clone(node.cached)
	}
	return nil
}

// Flip changes the bits of mask in the byte at an offset of a file, on the disk and in the cache.
func (f *FS) Flip(path string, offset int64, mask byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	node := f.names[path]
	if node == nil || offset >= int64(len(node.cached)) {
		return
	}
	node.cached[offset] ^= mask
	if offset < int64(len(node.saved)) {
		node.saved[offset] ^= mask
	}
}

// Wipe removes a folder with all that is in it, as a lost disk does.
func (f *FS) Wipe(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	under := func(path string) bool { return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator)) }
	for _, m := range []map[string]*inode{f.names, f.saved} {
		for path := range m {
			if under(path) {
				delete(m, path)
			}
		}
	}
	for d := range f.dirs {
		if under(d) {
			delete(f.dirs, d)
			delete(f.folder, d)
		}
	}
}

// enter is called by every operation: it lets the hook have its say and takes the lock. The caller unlocks unless there is an error.
func (f *FS) enter(op Op, path string, life int) error {
	f.mu.Lock()
	hook := f.hook
	f.mu.Unlock()
	var err error
	if hook != nil {
		err = hook(op, path)
	}
	f.mu.Lock()
	if f.frozen || life >= 0 && life != f.life {
		err = ErrDead
	}
	if err != nil {
		f.mu.Unlock()
		return &fs.PathError{Op: string(op), Path: path, Err: err}
	}
	return nil
}

// MkdirAll implements segment.FS.
func (f *FS) MkdirAll(dir string) error {
	if err := f.enter(OpOpen, dir, -1); err != nil {
		return err
	}
	defer f.mu.Unlock()
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		f.dirs[dir] = true
	}
	return nil
}

// ReadDir implements segment.FS.
func (f *FS) ReadDir(dir string) ([]string, error) {
	if err := f.enter(OpOpen, dir, -1); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	if !f.dirs[dir] {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: fs.ErrNotExist}
	}
	var out []string
	for path := range f.names {
		if filepath.Dir(path) == dir {
			out = append(out, filepath.Base(path))
		}
	}
	slices.Sort(out)
	return out, nil
}

// Open implements segment.FS.
func (f *FS) Open(path string, create bool) (segment.File, error) {
	if err := f.enter(OpOpen, path, -1); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	node := f.names[path]
	if node == nil {
		if !create || !f.dirs[filepath.Dir(path)] {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		node = &inode{}
		f.change(change{path: path, node: node})
	}
	return &file{fs: f, node: node, path: path, life: f.life}, nil
}

// change is seen at once, and survives once the folder is synced.
func (f *FS) change(c change) {
	c.apply(f.names)
	dir := filepath.Dir(c.path)
	f.folder[dir] = append(f.folder[dir], c)
}

func set(m map[string]*inode, path string, node *inode) {
	if node == nil {
		delete(m, path)
	} else {
		m[path] = node
	}
}

// Rename implements segment.FS. Both names are in the same folder.
func (f *FS) Rename(from, to string) error {
	if err := f.enter(OpRename, from, -1); err != nil {
		return err
	}
	defer f.mu.Unlock()
	node := f.names[from]
	if node == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	f.change(change{path: to, node: node, from: from})
	return nil
}

// Remove implements segment.FS.
func (f *FS) Remove(path string) error {
	if err := f.enter(OpRemove, path, -1); err != nil {
		return err
	}
	defer f.mu.Unlock()
	if f.names[path] == nil {
		return &fs.PathError{Op: "remove", Path: path, Err: fs.ErrNotExist}
	}
	f.change(change{path: path})
	return nil
}

// SyncDir implements segment.FS.
func (f *FS) SyncDir(dir string) error {
	if err := f.enter(OpSyncDir, dir, -1); err != nil {
		return err
	}
	defer f.mu.Unlock()
	for _, c := range f.folder[dir] {
		c.apply(f.saved)
	}
	delete(f.folder, dir)
	return nil
}

// Free implements segment.FS.
func (f *FS) Free(dir string) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n, ok := f.free[dir]; ok {
		return n, nil
	}
	return 1 << 40, nil
}

// Lock implements segment.FS.
func (f *FS) Lock(path string) (io.Closer, error) {
	if err := f.enter(OpOpen, path, -1); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	if f.locks[path] {
		return nil, fmt.Errorf("%s is %w (pid 1)", filepath.Dir(path), segment.ErrLocked)
	}
	f.locks[path] = true
	return &lock{fs: f, path: path, life: f.life}, nil
}

type lock struct {
	fs   *FS
	path string
	life int
}

func (l *lock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	if l.life == l.fs.life {
		delete(l.fs.locks, l.path)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
