package bucket

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// folder is a Bucket in a folder: an object is a file. What is being written is in tempDir and gets its name by a link, which fails if the name is taken.
type folder struct {
	root *os.Root // nothing outside can be reached, whatever links lie in the folder
	dir  string   // for messages
}

// tempDir holds what is being written. No object has such a name.
const tempDir = ".tmp"

// staleAfter is the age from which on a file in tempDir is taken for what a process has left behind that is no more.
const staleAfter = 24 * time.Hour

func openFolder(dir string) (Bucket, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	f := &folder{root: root, dir: dir}
	if err := errors.Join(root.MkdirAll(tempDir, 0o700), f.sweep(), f.sync("."), f.sync(tempDir)); err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", dir, errors.Join(err, root.Close()))
	}
	return f, nil
}

// sweep deletes what was left in tempDir. Ages are told by the file system's own clock, which may be another machine's.
func (f *folder) sweep() error {
	probe := path.Join(tempDir, rand.Text())
	if err := f.root.WriteFile(probe, nil, 0o600); err != nil {
		return err
	}
	info, err := f.root.Stat(probe)
	if err = errors.Join(err, f.root.Remove(probe)); err != nil {
		return err
	}
	left, err := fs.ReadDir(f.root.FS(), tempDir)
	if err != nil {
		return err
	}
	for _, entry := range left {
		old, err := entry.Info()
		if err == nil && info.ModTime().Sub(old.ModTime()) > staleAfter {
			err = f.root.Remove(path.Join(tempDir, entry.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // another process sweeps too
			return err
		}
	}
	return nil
}

// sync makes what a directory of the folder lists durable.
func (f *folder) sync(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *folder) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	if err := check(name); err != nil {
		return 0, fmt.Errorf("put object: %w", err)
	}
	if _, err := f.Stat(ctx, name); !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("put object %s: %w", name, cmp.Or(err, ErrExists))
	}
	size, err := f.write(ctx, name, r)
	if err != nil {
		return 0, fmt.Errorf("put object %s: %w", name, err)
	}
	return size, nil
}

func (f *folder) Create(ctx context.Context, name string, data []byte) error {
	if err := check(name); err != nil {
		return fmt.Errorf("create object: %w", err)
	}
	if len(data) > MaxSmall {
		return tooLarge(name, data)
	}
	_, err := f.write(ctx, name, bytes.NewReader(data))
	if errors.Is(err, ErrExists) {
		err = unlessEqual(ctx, f, name, data)
	}
	if err != nil {
		return fmt.Errorf("create object %s: %w", name, err)
	}
	return nil
}

// unlessEqual is ErrExists unless the object that is there has the bytes that were to be stored.
func unlessEqual(ctx context.Context, b Bucket, name string, data []byte) error {
	r, err := b.Get(ctx, name, 0)
	if err != nil {
		return err
	}
	there, err := io.ReadAll(io.LimitReader(r, MaxSmall+1))
	if err = errors.Join(err, r.Close()); err == nil && !bytes.Equal(there, data) {
		err = ErrExists
	}
	return err
}

// write stores an object under a name that nothing has: file and folders are on disk when it returns.
func (f *folder) write(ctx context.Context, name string, r io.Reader) (size int64, err error) {
	temp := path.Join(tempDir, rand.Text())
	file, err := f.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.root.Remove(temp) }() // swept later if that fails
	size, err = io.Copy(file, contextReader{ctx, r})
	if err == nil {
		err = file.Sync()
	}
	if err = cmp.Or(ctx.Err(), errors.Join(err, file.Close())); err != nil {
		return 0, err
	}
	if err := f.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return 0, err
	}
	if err := f.root.Link(temp, name); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = ErrExists
		}
		return 0, err
	}
	for dir := path.Dir(name); ; dir = path.Dir(dir) { // each may be new
		if err := f.sync(dir); err != nil {
			return 0, err
		}
		if dir == "." {
			return size, nil
		}
	}
}

// contextReader ends with ctx.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func (f *folder) Get(_ context.Context, name string, offset int64) (io.ReadCloser, error) {
	if err := check(name); err != nil {
		return nil, fmt.Errorf("get object: %w", err)
	}
	if offset < 0 {
		return nil, fmt.Errorf("get object %s: offset %d", name, offset)
	}
	if _, err := f.info(name); err != nil {
		return nil, fmt.Errorf("get object %s: %w", name, err)
	}
	file, err := f.root.Open(name)
	if err == nil && offset > 0 {
		if _, err = file.Seek(offset, io.SeekStart); err != nil {
			err = errors.Join(err, file.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("get object %s: %w", name, missing(err))
	}
	return file, nil
}

func (f *folder) Stat(_ context.Context, name string) (Info, error) {
	if err := check(name); err != nil {
		return Info{}, fmt.Errorf("stat object: %w", err)
	}
	info, err := f.info(name)
	if err != nil {
		return Info{}, fmt.Errorf("stat object %s: %w", name, err)
	}
	return info, nil
}

func (f *folder) info(name string) (Info, error) {
	info, err := f.root.Stat(name)
	if err != nil {
		return Info{}, missing(err)
	}
	if !info.Mode().IsRegular() {
		return Info{}, ErrNotFound
	}
	return Info{Name: name, Size: info.Size(), Modified: info.ModTime()}, nil
}

// missing is ErrNotFound for the error of a file that is not there.
func missing(err error) error {
	if notThere(err) {
		return ErrNotFound
	}
	return err
}

// notThere says that there is no file of a name, or that what should be a folder on its way is a file.
func notThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func (f *folder) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		dir := "."
		if i := strings.LastIndexByte(prefix, '/'); i > 0 {
			dir = prefix[:i]
			if err := check(dir); err != nil { // no object has such a name
				return
			}
		}
		f.list(ctx, dir, prefix, yield)
	}
}

// list yields what a directory holds; it is false when that is the end.
func (f *folder) list(ctx context.Context, dir, prefix string, yield func(Info, error) bool) bool {
	fail := func(err error) bool {
		yield(Info{}, fmt.Errorf("list objects %s*: %w", prefix, err))
		return false
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	entries, err := fs.ReadDir(f.root.FS(), dir)
	if notThere(err) {
		return true
	}
	if err != nil {
		return fail(err)
	}
	// A folder's names sort as if they ended with the slash that follows.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(listed(a), listed(b)) })
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if check(name) != nil {
			continue
		}
		if entry.IsDir() {
			if sub := name + "/"; strings.HasPrefix(sub, prefix) || strings.HasPrefix(prefix, sub) {
				if !f.list(ctx, name, prefix, yield) {
					return false
				}
			}
			continue
		}
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		info, err := f.info(name)
		if errors.Is(err, ErrNotFound) { // deleted meanwhile
			continue
		}
		if err != nil {
			return fail(err)
		}
		if !yield(info, nil) {
			return false
		}
	}
	return true
}

func listed(entry fs.DirEntry) string {
	if entry.IsDir() {
		return entry.Name() + "/"
	}
	return entry.Name()
}

func (f *folder) Delete(_ context.Context, name string) error {
	if err := check(name); err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	if _, err := f.info(name); err != nil { // a folder is no object
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return fmt.Errorf("delete object %s: %w", name, err)
	}
	err := f.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = f.sync(path.Dir(name))
	}
	if err != nil {
		return fmt.Errorf("delete object %s: %w", name, err)
	}
	return nil
}

func (f *folder) Close() error { return f.root.Close() }
