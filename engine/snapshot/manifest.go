package snapshot

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/openmemorydb/memorydb/engine/bucket"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// Format is the version of manifest and file that is written. A reader refuses newer ones.
const Format = 1

// Hex is a checksum, written as sixteen hexadecimal digits: numbers of JSON lose bits elsewhere.
type Hex uint64

// MarshalText writes h.
func (h Hex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(h)), nil }

// UnmarshalText reads what MarshalText writes.
func (h *Hex) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 16, 64)
	if err != nil || len(text) != 16 {
		return fmt.Errorf("%q is not sixteen hexadecimal digits", text)
	}
	*h = Hex(n)
	return nil
}

// Manifest describes a verified snapshot: one that has none is not offered.
type Manifest struct {
	// Format is the version of manifest and file.
	Format int `json:"format"`
	// Shard is the shard's name.
	Shard string `json:"shard"`
	// Pos is the position of the last record that the snapshot holds, and Chain the log's running checksum there.
	Pos   txlog.Pos `json:"pos"`
	Chain Hex       `json:"chain"`
	// Epoch and Leader are what the newest leadership entry up to Pos says; 0 and empty if there is none.
	Epoch  uint64 `json:"epoch"`
	Leader string `json:"leader"`
	// Engine is the version of the record format of the engine that replayed the log (promise P8).
	Engine uint16 `json:"engine"`
	// Program is the version of the program that took the snapshot, Created when it did.
	Program string    `json:"program"`
	Created time.Time `json:"created"`
	// Scheduled says that a Keeper took the snapshot, and may delete it when there are newer ones.
	Scheduled bool `json:"scheduled"`
	// File is the object with the RDB file, of StoredBytes bytes with the hexadecimal checksum SHA256. The RDB file in it has PlainBytes bytes.
	File        string `json:"file"`
	PlainBytes  int64  `json:"plainBytes"`
	StoredBytes int64  `json:"storedBytes"`
	SHA256      string `json:"sha256"`
	// Keys is the number of keys, Digest the checksum of the keyspace (keyspace.DB.Digest), Libraries the number of function libraries.
	Keys      int `json:"keys"`
	Digest    Hex `json:"digest"`
	Libraries int `json:"libraries"`

	dataKey []byte // of a sealed file; nil for a plain one
}

// Sealed says whether the file is encrypted.
func (m *Manifest) Sealed() bool { return m.dataKey != nil }

// document is a manifest as it is stored. The bytes of Manifest are authenticated by the seal of the data key.
type document struct {
	Manifest json.RawMessage `json:"manifest"`
	// Key is the data key, sealed with the Store's key.
	Key []byte `json:"key,omitempty"`
	// SHA256 is the checksum of Manifest and Key, as stored: it finds accidents, where the seal finds forgeries.
	SHA256 string `json:"sha256"`
}

func (d *document) sum() string {
	h := sha256.New()
	h.Write(d.Manifest)
	h.Write(d.Key)
	return hex.EncodeToString(h.Sum(nil))
}

// Names of objects: positions are written so that the order of names is that of positions.
const positionDigits = 20

func (s *Store) manifests() string { return s.cfg.Shard + "/manifests/" }
func (s *Store) files() string     { return s.cfg.Shard + "/files/" }

func (s *Store) manifestName(pos txlog.Pos) string {
	return fmt.Sprintf("%s%0*d.json", s.manifests(), positionDigits, uint64(pos))
}

// newFileName is a name for the file of a snapshot that no other one has.
func (s *Store) newFileName(pos txlog.Pos) string {
	return fmt.Sprintf("%s%0*d-%s.rdb", s.files(), positionDigits, uint64(pos), strings.ToLower(rand.Text()))
}

// positionIn is the position that an object's name tells, after a prefix.
func positionIn(name, prefix string) (txlog.Pos, bool) {
	digits := strings.TrimPrefix(name, prefix)
	if len(digits) < positionDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(digits[:positionDigits], 10, 64)
	return txlog.Pos(n), err == nil
}

// encode writes a manifest as it is stored.
func (s *Store) encode(m Manifest) ([]byte, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	d := document{Manifest: raw}
	if m.Sealed() {
		d.Key = s.sealKey(m.dataKey, raw)
	}
	d.SHA256 = d.sum()
	return json.Marshal(d)
}

// decode reads a manifest and checks that it can be used here.
func (s *Store) decode(name string, data []byte) (Manifest, error) {
	var d document
	var m Manifest
	damaged := func(format string, args ...any) (Manifest, error) {
		return Manifest{}, &DamagedError{Object: name, Err: fmt.Errorf(format, args...)}
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return damaged("%w", err)
	}
	if again, err := json.Marshal(d); err != nil || !bytes.Equal(again, data) {
		return damaged("the document is not as it was written") // JSON's reader is lenient
	}
	if sum := d.sum(); sum != d.SHA256 {
		return damaged("checksum is %s, the manifest says %q", sum, d.SHA256)
	}
	if err := json.Unmarshal(d.Manifest, &m); err != nil {
		var format struct{ Format int }
		if json.Unmarshal(d.Manifest, &format) != nil || format.Format <= Format {
			return damaged("%w", err)
		}
		m = Manifest{Format: format.Format}
	}
	switch {
	case m.Format > Format, m.Engine > shard.EngineVersion:
		return Manifest{}, fmt.Errorf("%s: format %d, engine %d: %w", name, m.Format, m.Engine, ErrNewer)
	case m.Shard != s.cfg.Shard:
		return Manifest{}, fmt.Errorf("%s: manifest of shard %q: %w", name, m.Shard, ErrForeign)
	case s.manifestName(m.Pos) != name:
		return damaged("the manifest is that of position %v", m.Pos)
	case !strings.HasPrefix(m.File, s.files()) || m.PlainBytes <= 0 || m.StoredBytes != storedSize(m.PlainBytes, d.Key != nil) || m.Keys < 0:
		return damaged("impossible facts")
	}
	if d.Key == nil {
		if s.wrap != nil && !s.cfg.AcceptPlain {
			return Manifest{}, fmt.Errorf("%s: %w", name, ErrPlain)
		}
		return m, nil
	}
	var err error
	if m.dataKey, err = s.openKey(d.Key, d.Manifest); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// read fetches a manifest.
func (s *Store) read(ctx context.Context, name string) (Manifest, error) {
	r, err := s.cfg.Bucket.Get(ctx, name, 0)
	if err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(r, bucket.MaxSmall+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return Manifest{}, fmt.Errorf("read manifest %s: %w", name, err)
	}
	return s.decode(name, data)
}

// publish stores a manifest, unless there is one for the position already: then that one is the result.
func (s *Store) publish(ctx context.Context, m Manifest) (Manifest, error) {
	data, err := s.encode(m)
	if err != nil {
		return Manifest{}, err
	}
	name := s.manifestName(m.Pos)
	err = s.cfg.Bucket.Create(ctx, name, data)
	if !errors.Is(err, bucket.ErrExists) {
		return m, err
	}
	other, err := s.read(ctx, name)
	if err == nil && (other.Chain != m.Chain || other.Digest != m.Digest) {
		err = fmt.Errorf("%s: there is a snapshot with another checksum: %w", name, ErrForeign)
	}
	return other, err
}

// unusable says that an error is about one snapshot, so that another one may do; others are about the bucket or the caller.
func unusable(err error) bool {
	for _, kind := range []error{ErrDamaged, ErrKey, ErrPlain, ErrNewer, ErrForeign, ErrGap, bucket.ErrNotFound} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
