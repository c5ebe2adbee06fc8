package quorumlog

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

// compressFrom is the size of the smallest payload that is compressed, in bytes.
const compressFrom = 512

// keyBytes is the size of a shard's key.
const keyBytes = 32

// The nonce of a record is the generation (4 bytes) and the position (8 bytes). It never repeats for two different records under one key that both reach a disk:
//
//   - Within a generation, which is one opening of the log, a shard's positions are given out once: what was accepted is never taken back while the log is open.
//   - Records that a crash has thrown away give their positions to others only in a later generation. Generations grow at each opening, beyond everything that any two zones
//     have seen, and the new one is on disk in two zones before the first record is sealed under it, so no generation is used twice even if a zone was away.
//   - A shard that is dropped and made anew starts at position 1 in the same generation. It has another number, and the key that records are sealed with is
//     derived from the shard's key, its id and that number. Numbers may come back after a crash, but only in a later generation.
//   - A record that is sealed and then refused (the log has failed meanwhile) is never written anywhere.
//
// Whoever puts back an old copy of all three zones brings back an old generation: give such a log a new key.
func nonce(b []byte, generation uint32, pos txlog.Pos) []byte {
	binary.LittleEndian.PutUint32(b, generation)
	binary.LittleEndian.PutUint64(b[4:], uint64(pos))
	return b[:12]
}

// newAEAD is the cipher of one life of a shard's log.
func newAEAD(key []byte, id string, number uint32) (cipher.AEAD, error) {
	info := binary.LittleEndian.AppendUint32([]byte("memorydb log record\x00"), number)
	derived, err := hkdf.Key(sha256.New, key, nil, string(info)+id, keyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cipher.NewGCM(block)
}

// associated is what a sealed record is bound to besides its nonce: shard, position, kind, flags, engine, epoch.
func associated(b []byte, id string, pos txlog.Pos, kind txlog.Kind, flags uint8, engine uint16, epoch uint64) []byte {
	b = binary.LittleEndian.AppendUint64(b[:0], uint64(pos))
	b = binary.LittleEndian.AppendUint64(b, epoch)
	b = append(b, byte(kind), flags)
	b = binary.LittleEndian.AppendUint16(b, engine)
	return append(b, id...)
}

// setKey checks a handle's key against the shard's, and sets it if this is the first handle; under q.mu.
func (s *shard) setKey(key []byte) error {
	if s.keyed {
		if !bytes.Equal(key, s.key) {
			return ErrKey
		}
		return nil
	}
	if key != nil && s.number != 0 {
		aead, err := newAEAD(key, s.id, s.number)
		if err != nil {
			return err
		}
		s.aead = aead
	}
	s.key, s.keyed = slices.Clone(key), true
	return nil
}

// The codecs are made when a process first meets a payload worth compressing, and shared: they are safe for concurrent use.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2), zstd.WithWindowSize(256<<10),
			zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic("quorumlog: zstd encoder: " + err.Error()) // the options are constants
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(txlog.MaxPayload), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic("quorumlog: zstd decoder: " + err.Error()) // the options are constants
		}
		return d
	})
)

// sealer holds what sealing needs beside the record, so that it need not be allocated.
type sealer struct {
	packed, aad []byte
	nonce       [12]byte
}

// record appends an entry as it is stored. Under the shard's appending lock.
func (x *sealer) record(buf []byte, s *shard, pos txlog.Pos, chain txlog.Chain, e *txlog.Entry) []byte {
	at := len(buf)
	r := segment.Record{Kind: e.Kind, Engine: e.Engine, Epoch: e.Epoch, Chain: chain, PlainLength: uint32(len(e.Payload))}
	buf = slices.Grow(buf, segment.RecordHeader+len(e.Payload)+16)[:at+segment.RecordHeader]
	payload := e.Payload
	if len(payload) >= compressFrom {
		x.packed = encoder().EncodeAll(payload, x.packed[:0])
		if len(x.packed) < len(payload) {
			r.Flags |= segment.Compressed
			payload = x.packed
		}
	}
	if s.aead == nil {
		buf = append(buf, payload...)
	} else {
		r.Flags |= segment.Sealed
		x.aad = associated(x.aad, s.id, pos, r.Kind, r.Flags, r.Engine, r.Epoch)
		buf = s.aead.Seal(buf, nonce(x.nonce[:], s.q.generation, pos), payload, x.aad)
	}
	if cap(x.packed) > keepBytes {
		x.packed = nil
	}
	segment.PutRecord(buf[at:], pos, r)
	return buf
}

// unseal is a stored record as the log's user knows it. The payload is a copy. generation is that of the record's frame.
func unseal(aead cipher.AEAD, id string, generation uint32, pos txlog.Pos, r segment.Record) (txlog.Record, error) {
	out := txlog.Record{Pos: pos, Chain: r.Chain, Kind: r.Kind, Epoch: r.Epoch, Engine: r.Engine}
	payload := r.Payload
	plain := false
	if r.Flags&segment.Sealed != 0 {
		if aead == nil {
			return out, fmt.Errorf("record at position %v is encrypted: %w", pos, ErrKey)
		}
		var n [12]byte
		var err error
		payload, err = aead.Open(nil, nonce(n[:], generation, pos), payload, associated(nil, id, pos, r.Kind, r.Flags, r.Engine, r.Epoch))
		if err != nil {
			return out, fmt.Errorf("record at position %v: %w", pos, ErrKey)
		}
		plain = true
	}
	if r.Flags&segment.Compressed != 0 {
		if r.PlainLength > txlog.MaxPayload {
			return out, fmt.Errorf("record at position %v: %w", pos, segment.ErrDamaged)
		}
		var err error
		// The length is a hint: it must not have more allocated than the data may deserve.
		hint := min(int64(r.PlainLength), 1<<20+64*int64(len(payload)))
		payload, err = decoder().DecodeAll(payload, make([]byte, 0, hint))
		if err != nil {
			return out, fmt.Errorf("decompress record at position %v: %w: %w", pos, segment.ErrDamaged, err)
		}
		plain = true
	}
	if len(payload) != int(r.PlainLength) {
		return out, fmt.Errorf("record at position %v has %d bytes instead of %d: %w", pos, len(payload), r.PlainLength, segment.ErrDamaged)
	}
	if !plain {
		payload = bytes.Clone(payload)
	}
	if payload == nil {
		payload = []byte{}
	}
	out.Payload = payload
	return out, nil
}
