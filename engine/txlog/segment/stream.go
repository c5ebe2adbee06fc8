package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
)

// Config says where a stream is; all fields but Logger are required.
type Config struct {
	FS  FS
	Dir string
	ID  ID
	// SegmentBytes is the size of a segment's file, see Capacity.
	SegmentBytes int64
	Logger       *slog.Logger
}

// Stream is one zone's copy of the log. Write has one caller at a time; the other methods may be called at any time.
type Stream struct {
	cfg     Config
	syncs   atomic.Uint64
	stop    chan struct{} // closed by Close
	once    sync.Once
	running sync.WaitGroup // the goroutine that prepares a file, if there is one

	mu        sync.RWMutex
	files     map[uint64]File
	spare     *spare // a file for the next segment, if there is one
	made      int    // files made for that, to name them
	preparing bool   // the goroutine is there
}

// Placed is a frame, with the terminator behind it, and the place where it belongs. The first frame of a segment begins its file.
type Placed struct {
	At    Location
	Bytes []byte
}

// Open opens the files of a folder that exists. It changes nothing in them.
func Open(cfg Config) (*Stream, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Stream{cfg: cfg, stop: make(chan struct{}), files: map[uint64]File{}}
	names, err := cfg.FS.ReadDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		number := segmentNumber(name)
		if number == 0 {
			continue
		}
		f, err := cfg.FS.Open(filepath.Join(cfg.Dir, name), false)
		if err != nil {
			_ = s.closeFiles() // the error that matters is returned
			return nil, err
		}
		s.files[number] = f
	}
	s.findSpare(names)
	return s, nil
}

// Close waits for the goroutine that prepares a file, and closes the files. It must not be called while Write runs. It syncs nothing: what Write has returned for is on disk.
func (s *Stream) Close() error {
	s.once.Do(func() { close(s.stop) })
	s.running.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closeFiles()
}

func (s *Stream) closeFiles() error {
	var errs []error
	for number, f := range s.files {
		errs = append(errs, f.Close())
		delete(s.files, number)
	}
	if s.spare != nil {
		errs = append(errs, s.spare.file.Close())
		s.spare = nil
	}
	return errors.Join(errs...)
}

// Syncs is how often data were synced since the stream was opened, for metrics and tests.
func (s *Stream) Syncs() uint64 { return s.syncs.Load() }

// Numbers are the segments whose files are there, in order.
func (s *Stream) Numbers() []uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]uint64, 0, len(s.files))
	for n := range s.files {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// Bytes is the size of all files together.
func (s *Stream) Bytes() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var total int64
	for _, f := range s.files {
		if n, err := f.Size(); err == nil {
			total += n
		}
	}
	if s.spare != nil {
		total += s.spare.size
	}
	return total
}

// ReadAt reads from a segment's file as io.ReaderAt does. Errors: ErrNoSegment.
func (s *Stream) ReadAt(b []byte, at Location) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f := s.files[at.Segment]
	if f == nil {
		return 0, fmt.Errorf("segment %d in %s: %w", at.Segment, s.cfg.Dir, ErrNoSegment)
	}
	return f.ReadAt(b, at.Offset)
}

func (s *Stream) file(number uint64) File {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.files[number]
}

// RoundBytes bounds what one sync covers, unless a single frame is larger: so much before a stream's end may be in doubt when it is found after a crash.
const RoundBytes = 1 << 20

// Write writes frames, which follow each other and what was written before, and returns once they are on disk: one sync, and one more for each segment that begins
// after the first frame. After an error the stream must not be written to again before it was mended: what of the frames is on disk is not known.
func (s *Stream) Write(frames ...Placed) error {
	var dirty File
	for _, p := range frames {
		f := s.file(p.At.Segment)
		first := p.At.Offset == Start
		if dirty != nil && f != dirty {
			if err := s.sync(dirty); err != nil {
				return err
			}
			dirty = nil
		}
		if first {
			if err := s.begin(p.At.Segment, p.Bytes); err != nil {
				return err
			}
			continue
		}
		if f == nil {
			return fmt.Errorf("write frame at %v in %s: %w", p.At, s.cfg.Dir, ErrNoSegment)
		}
		if _, err := f.WriteAt(p.Bytes, p.At.Offset); err != nil {
			return fmt.Errorf("write frame at %v in %s: %w", p.At, s.cfg.Dir, err)
		}
		dirty = f
	}
	if dirty != nil {
		if err := s.sync(dirty); err != nil {
			return err
		}
	}
	last := frames[len(frames)-1]
	if end := last.At.Offset + int64(len(last.Bytes)); end > Capacity(last.At.Segment, s.cfg.SegmentBytes)/2 {
		s.prepareSoon(last.At.Segment + 1)
	}
	return nil
}

func (s *Stream) sync(f File) error {
	s.syncs.Add(1)
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync segment in %s: %w", s.cfg.Dir, err)
	}
	return nil
}

// begin makes the file of a segment with its first frame. The file gets its name only when its contents are on disk.
func (s *Stream) begin(number uint64, first []byte) error {
	if f := s.file(number); f != nil { // left by a batch that was discarded
		if _, err := f.WriteAt(append(encodeFileHeader(s.cfg.ID, number), first...), 0); err != nil {
			return fmt.Errorf("begin segment %d in %s: %w", number, s.cfg.Dir, err)
		}
		return s.sync(f)
	}
	sp, err := s.takeSpare()
	if err != nil {
		return fmt.Errorf("begin segment %d in %s: %w", number, s.cfg.Dir, err)
	}
	_, err = sp.file.WriteAt(append(encodeFileHeader(s.cfg.ID, number), first...), 0)
	if err != nil {
		err = errors.Join(err, sp.file.Close())
	} else {
		err = s.name(sp, number)
	}
	if err != nil {
		return fmt.Errorf("begin segment %d in %s: %w", number, s.cfg.Dir, err)
	}
	return nil
}

// name makes a file the segment's once its contents are on disk. If it can't, it closes the file.
func (s *Stream) name(sp *spare, number uint64) error {
	err := s.sync(sp.file)
	if err == nil {
		err = s.cfg.FS.Rename(sp.path, filepath.Join(s.cfg.Dir, segmentName(number)))
	}
	if err == nil {
		err = s.cfg.FS.SyncDir(s.cfg.Dir)
	}
	if err != nil {
		return errors.Join(err, sp.file.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[number] = sp.file
	return nil
}

// RemoveBefore forgets the segments before a number. One of the files is kept for a later segment.
func (s *Stream) RemoveBefore(number uint64) error {
	return s.remove(func(n uint64) bool { return n < number })
}

// RemoveAfter forgets the segments after a number, which must hold nothing that was acknowledged.
func (s *Stream) RemoveAfter(number uint64) error {
	return s.remove(func(n uint64) bool { return n > number })
}

func (s *Stream) remove(which func(uint64) bool) error {
	changed := false
	for _, n := range s.Numbers() { // the oldest first: a crash in between leaves no gap
		if !which(n) {
			continue
		}
		changed = true
		if err := s.removeOne(n); err != nil {
			return fmt.Errorf("remove segment %d in %s: %w", n, s.cfg.Dir, err)
		}
	}
	if !changed {
		return nil
	}
	return s.cfg.FS.SyncDir(s.cfg.Dir)
}

func (s *Stream) removeOne(number uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[number]
	path := filepath.Join(s.cfg.Dir, segmentName(number))
	delete(s.files, number)
	if size, err := f.Size(); err == nil && s.spare == nil && size >= Capacity(number+1, s.cfg.SegmentBytes) && size <= 2*s.cfg.SegmentBytes {
		sp := &spare{file: f, path: filepath.Join(s.cfg.Dir, fmt.Sprintf("%s%016x", sparePrefix, number)), size: size}
		if err := s.cfg.FS.Rename(path, sp.path); err != nil {
			return errors.Join(err, f.Close())
		}
		// The new name must be on disk before the file gets other contents: else they could be found under the old name.
		if err := s.cfg.FS.SyncDir(s.cfg.Dir); err != nil {
			return errors.Join(err, f.Close())
		}
		s.spare = sp
		return nil
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := s.cfg.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// SyncNames makes sure that the files are found under their names after a crash: those that were found when the stream was opened may have been given their names
// by a process that ended before it could.
func (s *Stream) SyncNames() error { return s.cfg.FS.SyncDir(s.cfg.Dir) }
