package segment

import (
	"fmt"
	"path/filepath"
	"strings"
)

// spare is a file that waits to become a segment. Its first size bytes are written, so that syncing data in them changes no metadata; what they hold does not matter.
type spare struct {
	file File
	path string
	size int64
}

// fillBytes is how much of a file is prepared at a time: little, so that commits beside it are held up little.
const fillBytes = 256 << 10

// findSpare takes over a spare file that an earlier process has left, and removes others.
func (s *Stream) findSpare(names []string) {
	for _, name := range names {
		if !strings.HasPrefix(name, sparePrefix) {
			continue
		}
		path := filepath.Join(s.cfg.Dir, name)
		if s.spare == nil {
			if f, err := s.cfg.FS.Open(path, false); err == nil {
				if size, err := f.Size(); err == nil {
					s.spare = &spare{file: f, path: path, size: size}
					continue
				}
				_ = f.Close()
			}
		}
		if err := s.cfg.FS.Remove(path); err != nil {
			s.cfg.Logger.Warn("spare file not removed", "path", path, "err", err)
		}
	}
}

// takeSpare is the spare file, or a new empty one.
func (s *Stream) takeSpare() (*spare, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sp := s.spare; sp != nil {
		s.spare = nil
		return sp, nil
	}
	return s.newSpare()
}

// newSpare makes an empty file; under s.mu.
func (s *Stream) newSpare() (*spare, error) {
	for {
		s.made++
		path := filepath.Join(s.cfg.Dir, fmt.Sprintf("%snew-%d", sparePrefix, s.made))
		if f, err := s.cfg.FS.Open(path, false); err == nil { // somebody's
			if err := f.Close(); err != nil {
				return nil, err
			}
			continue
		}
		f, err := s.cfg.FS.Open(path, true)
		if err != nil {
			return nil, err
		}
		return &spare{file: f, path: path}, nil
	}
}

// prepareSoon has the file of a segment prepared in the background, unless one is being prepared.
func (s *Stream) prepareSoon(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.preparing || s.files[number] != nil || s.spare != nil && s.spare.size >= Capacity(number, s.cfg.SegmentBytes) {
		return
	}
	s.preparing = true
	s.running.Go(func() {
		if err := s.Prepare(number); err != nil {
			s.cfg.Logger.Warn("next segment could not be prepared", "segment", number, "dir", s.cfg.Dir, "err", err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.preparing = false
	})
}

// Prepare makes a spare file that is large enough for a segment, filled with zeros in small steps, and returns when it is there. While it works on the file nobody else has it, so a
// segment that begins meanwhile takes a new one.
func (s *Stream) Prepare(number uint64) error {
	size := Capacity(number, s.cfg.SegmentBytes)
	s.mu.Lock()
	if s.files[number] != nil || s.spare != nil && s.spare.size >= size {
		s.mu.Unlock()
		return nil
	}
	sp := s.spare
	s.spare = nil
	if sp == nil {
		var err error
		if sp, err = s.newSpare(); err != nil {
			s.mu.Unlock()
			return err
		}
	}
	s.mu.Unlock()
	err := s.fill(sp, size)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.spare == nil {
		s.spare = sp
		return nil
	}
	_ = sp.file.Close() // it holds nothing
	if rm := s.cfg.FS.Remove(sp.path); err == nil {
		err = rm
	}
	return err
}

// fill extends a file with zeros. Each step is synced: else one commit would pay for all of them.
func (s *Stream) fill(sp *spare, size int64) error {
	zeros := make([]byte, fillBytes)
	for sp.size < size {
		select {
		case <-s.stop:
			return nil
		default:
		}
		n := min(fillBytes, size-sp.size)
		if _, err := sp.file.WriteAt(zeros[:n], sp.size); err != nil {
			return err
		}
		if err := sp.file.Sync(); err != nil {
			return err
		}
		sp.size += n
	}
	return nil
}
