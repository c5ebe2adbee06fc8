package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/bucket"
	"github.com/openmemorydb/memorydb/engine/shard"
	"github.com/openmemorydb/memorydb/engine/snapshot"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
)

// kept is a shard's log in memory with snapshots in a folder, and a Keeper that is stepped by hand.
type kept struct {
	memory *memlog.Memory
	store  *snapshot.Store
	keeper *snapshot.Keeper
	away   atomic.Int64 // how many reads of the bucket fail before it is there
}

func newKept(t *testing.T, gate *memlog.Gate, records uint64) *kept {
	t.Helper()
	b, err := bucket.Open(t.Context(), filepath.Join(t.TempDir(), "snapshots"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	k := &kept{memory: memlog.New(gate)}
	k.store, err = snapshot.New(snapshot.Config{Bucket: &awayBucket{b, &k.away}, Shard: "test/0001", Key: bytes.Repeat([]byte("k"), snapshot.KeySize), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	k.keeper = snapshot.NewKeeper(snapshot.KeeperConfig{Store: k.store, Log: k.memory.Shard("0001"), Shadow: func() snapshot.Shadow { return engine.NewShadow(time.Now, nil) }, Records: records})
	return k
}

// awayBucket fails to read as often as it is told.
type awayBucket struct {
	bucket.Bucket
	away *atomic.Int64
}

var errAway = errors.New("the bucket is away")

func (b *awayBucket) Get(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	if b.away.Add(-1) >= 0 {
		return nil, errAway
	}
	return b.Bucket.Get(ctx, name, offset)
}

func (k *kept) open(t *testing.T, name string) *member {
	t.Helper()
	return openNode(t, k.memory.Shard("0001"), name, k.configure)
}

func (k *kept) configure(c *engine.Config) { c.Snapshots, c.AdminCommands = k.store, true }

// step has the Keeper take a snapshot and trim the log.
func (k *kept) step(t *testing.T) {
	t.Helper()
	log := k.memory.Shard("0001")
	before := log.First()
	if err := k.keeper.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log.First() == before {
		t.Fatal("the log was not trimmed")
	}
}

func fillNode(t *testing.T, m *member) {
	t.Helper()
	ctx, r := soon(t), m.client(t, nil)
	fillAllTypes(ctx, t, r)
	for _, words := range [][]any{
		{"FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('fn', function() return 7 end)"}, {"SET", "soon", "v", "EX", 1000}, {"PFADD", "hll", "a", "b"},
	} {
		if err := r.Do(ctx, words...).Err(); err != nil {
			t.Fatalf("%v: %v", words, err)
		}
	}
}

// sameKeys waits until a node has applied what the primary has, and compares the keys.
func sameKeys(t *testing.T, primary, node *member) {
	t.Helper()
	eventually(t, func() error {
		want, to := primary.Digest()
		if got, at := node.Digest(); at != to || got != want {
			return fmt.Errorf("digest %x at position %v, the primary has %x at %v", got, at, want, to)
		}
		return node.Status().Err
	})
}

func TestNodeBeginsWithASnapshot(t *testing.T) {
	k := newKept(t, nil, 10)
	a := k.open(t, "a")
	a.promote(t)
	publish(t, 1, a, a)
	fillNode(t, a)
	k.step(t)
	if err := a.client(t, nil).Set(soon(t), "after", "the snapshot", 0).Err(); err != nil {
		t.Fatal(err)
	}
	k.away.Store(1) // it asks again
	b := k.open(t, "b")
	sameKeys(t, a, b)
	if st := b.Status(); st.Leader != a.id || st.Role != shard.Replica {
		t.Errorf("status: %+v", st)
	}
	// The former primary drops its memory, and begins with the snapshot, too.
	b.promote(t)
	publish(t, 2, b, a, b)
	sameKeys(t, b, a)
	if st := a.Status(); st.Role != shard.Replica || st.Leader != b.id {
		t.Errorf("status: %+v", st)
	}
	r := b.client(t, nil)
	if v, err := r.FCall(soon(t), "fn", nil).Int(); err != nil || v != 7 {
		t.Errorf("FCALL: %d, %v", v, err)
	}
	if err := r.Do(soon(t), "DEBUG", "RELOAD").Err(); err != nil {
		t.Errorf("DEBUG RELOAD: %v", err)
	}
	sameKeys(t, b, a)
}

func TestNodeWithoutSnapshotsStopsAtATrimmedLog(t *testing.T) {
	k := newKept(t, nil, 10)
	a := k.open(t, "a")
	a.promote(t)
	publish(t, 1, a, a)
	fillNode(t, a)
	k.step(t)
	empty, err := bucket.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	none, err := snapshot.New(snapshot.Config{Bucket: empty, Shard: "test/0001", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]*snapshot.Store{"b": nil, "c": none} {
		n := openNode(t, k.memory.Shard("0001"), name, func(c *engine.Config) { c.Snapshots = store })
		if err := n.CaughtUp(soon(t)); !errors.Is(err, txlog.ErrTrimmed) {
			t.Errorf("node %s: %v", name, err)
		}
	}
}

// stuck is a handle whose reader sees nothing new until it is let go.
type stuck struct {
	txlog.Log
	free chan struct{}
}

func (s *stuck) Wait(ctx context.Context, pos txlog.Pos) error {
	select {
	case <-s.free:
		return s.Log.Wait(ctx, pos)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestReplicaThatWasLeftBehindBeginsAnew(t *testing.T) {
	k := newKept(t, nil, 10)
	a := k.open(t, "a")
	a.promote(t)
	publish(t, 1, a, a)
	log := &stuck{k.memory.Shard("0001"), make(chan struct{})}
	b := openNode(t, log, "b", k.configure)
	if err := b.CaughtUp(soon(t)); err != nil {
		t.Fatal(err)
	}
	fillNode(t, a)
	k.step(t)
	close(log.free)
	sameKeys(t, a, b)
}
