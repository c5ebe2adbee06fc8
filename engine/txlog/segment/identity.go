package segment

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// State is what a zone's folder is good for.
type State string

// The states of a zone's folder.
const (
	// New folders belong to a log that has not yet accepted anything.
	New State = "new"
	// Used folders hold a prefix of the log, and everything that they ever held of it.
	Used State = "used"
	// Rebuilding folders are being filled from the other zones: they may lack what the zone once had acknowledged.
	Rebuilding State = "rebuilding"
)

// Identity says which log a zone's folder belongs to. It stands in the file zone.json.
type Identity struct {
	Format int    `json:"format"`
	Stream string `json:"stream"`
	State  State  `json:"state"`
}

const identityFile = "zone.json"

// ReadIdentity reads the identity of a folder. If there is none, the error is fs.ErrNotExist; if it can't be understood, ErrDamaged.
func ReadIdentity(fsys FS, dir string) (Identity, ID, error) {
	f, err := fsys.Open(filepath.Join(dir, identityFile), false)
	if err != nil {
		return Identity{}, ID{}, err
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err := errors.Join(err, f.Close()); err != nil {
		return Identity{}, ID{}, err
	}
	var id Identity
	var stream ID
	if err := json.Unmarshal(text, &id); err != nil {
		return Identity{}, ID{}, fmt.Errorf("%s in %s: %w: %w", identityFile, dir, ErrDamaged, err)
	}
	if id.Format > formatVersion {
		return Identity{}, ID{}, fmt.Errorf("%s has format %d, this program knows formats up to %d", dir, id.Format, formatVersion)
	}
	if len(id.Stream) != 2*len(stream) {
		return Identity{}, ID{}, fmt.Errorf("%s in %s: %w", identityFile, dir, ErrDamaged)
	}
	if _, err := hex.Decode(stream[:], []byte(id.Stream)); err != nil {
		return Identity{}, ID{}, fmt.Errorf("%s in %s: %w", identityFile, dir, ErrDamaged)
	}
	return id, stream, nil
}

// WriteIdentity replaces the identity of a folder.
func WriteIdentity(fsys FS, dir string, stream ID, state State) error {
	text, err := json.Marshal(Identity{Format: formatVersion, Stream: stream.String(), State: state})
	if err != nil {
		return err
	}
	path := filepath.Join(dir, identityFile)
	if err := fsys.Remove(path + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := fsys.Open(path+".new", true)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(append(text, '\n'), 0)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(path+".new", path); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}
