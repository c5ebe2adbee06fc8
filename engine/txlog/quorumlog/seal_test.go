package quorumlog

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/segment"
)

func sealedShard(t testing.TB, key []byte) *shard {
	t.Helper()
	s := &shard{q: &Quorum{generation: 7}, id: "s", number: 3}
	if err := s.setKey(key); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedRecordIsBoundToItsPlace(t *testing.T) {
	s := sealedShard(t, bytes.Repeat([]byte{9}, keyBytes))
	e := txlog.Entry{Kind: txlog.Data, Epoch: 5, Engine: 2, Payload: []byte(strings.Repeat("payload ", 100))}
	raw := s.seal.record(nil, s, 11, 42, &e)
	rec, rest, err := segment.DecodeRecord(raw, 11)
	if err != nil || len(rest) > 0 {
		t.Fatal(err)
	}
	got, err := unseal(s.aead, "s", 7, 11, rec)
	if err != nil || !bytes.Equal(got.Payload, e.Payload) || got.Epoch != 5 || got.Engine != 2 || got.Chain != 42 {
		t.Fatalf("unseal: %+v, %v", got, err)
	}
	other := rec
	other.Epoch++
	kind := rec
	kind.Kind = txlog.Lead
	for _, c := range []struct {
		name       string
		id         string
		generation uint32
		pos        txlog.Pos
		rec        segment.Record
	}{
		{"another shard", "t", 7, 11, rec},
		{"another generation", "s", 8, 11, rec},
		{"another position", "s", 7, 12, rec},
		{"another epoch", "s", 7, 11, other},
		{"another kind", "s", 7, 11, kind},
	} {
		if _, err := unseal(s.aead, c.id, c.generation, c.pos, c.rec); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestKeyOfAShardMadeAnewIsAnother(t *testing.T) {
	key := bytes.Repeat([]byte{9}, keyBytes)
	a, err := newAEAD(key, "s", 3)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newAEAD(key, "s", 4)
	if err != nil {
		t.Fatal(err)
	}
	n := nonce(make([]byte, 12), 1, 1)
	if bytes.Equal(a.Seal(nil, n, []byte("x"), nil), b.Seal(nil, n, []byte("x"), nil)) {
		t.Error("both seal with the same key")
	}
}

// FuzzDecodeRecord gives damaged records, whose checksum happens to be right, to what reads them.
func FuzzDecodeRecord(f *testing.F) {
	plain, sealed := sealedShard(f, nil), sealedShard(f, make([]byte, keyBytes))
	for _, text := range []string{"", "short", strings.Repeat("long ", 200)} {
		for _, s := range []*shard{plain, sealed} {
			raw := s.seal.record(nil, s, 1, 1, &txlog.Entry{Kind: txlog.Data, Payload: []byte(text)})
			rec, _, err := segment.DecodeRecord(raw, 1)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(rec.Flags, rec.PlainLength, bytes.Clone(rec.Payload))
		}
	}
	f.Fuzz(func(t *testing.T, flags uint8, length uint32, payload []byte) {
		raw := append(make([]byte, segment.RecordHeader), payload...)
		segment.PutRecord(raw, 1, segment.Record{Kind: txlog.Data, Flags: flags, PlainLength: length})
		rec, _, err := segment.DecodeRecord(raw, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*shard{plain, sealed} {
			if got, err := unseal(s.aead, "s", 7, 1, rec); err == nil && len(got.Payload) != int(length) {
				t.Fatalf("record of %d bytes has %d", length, len(got.Payload))
			}
		}
	})
}
