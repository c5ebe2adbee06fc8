package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/bucket"
	"github.com/openmemorydb/memorydb/engine/snapshot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// snapshots are those of the server's shard; without a store there are none.
type snapshots struct {
	bucket bucket.Bucket
	store  *snapshot.Store
	logger *slog.Logger
}

// openSnapshots opens what --snapshots names. The names of a shard's snapshots begin with the node's id, which the data folder keeps: a folder that is made anew has nothing to do with them.
func (p *program) openSnapshots(ctx context.Context, log *openedLog, logger *slog.Logger) (*snapshots, error) {
	if p.Snapshots == "" {
		return &snapshots{}, nil
	}
	key, err := readKey(p.SnapshotKey)
	if err != nil {
		return nil, err
	}
	b, err := bucket.Open(ctx, p.Snapshots)
	if err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	store, err := snapshot.New(snapshot.Config{
		Bucket: b, Shard: log.node + "/" + shardID, Key: key, AcceptPlain: p.SnapshotAcceptPlain, Program: version, Now: time.Now, Logger: logger,
	})
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return &snapshots{bucket: b, store: store, logger: logger}, nil
}

func (s *snapshots) close() error {
	if s.bucket == nil {
		return nil
	}
	return s.bucket.Close()
}

// keeper takes snapshots and trims the log, once run; nil if there are no snapshots.
func (s *snapshots) keeper(p *program, log txlog.Log) *snapshot.Keeper {
	if s.store == nil {
		return nil
	}
	return snapshot.NewKeeper(snapshot.KeeperConfig{
		Store: s.store, Log: log, Shadow: func() snapshot.Shadow { return engine.NewShadow(time.Now, s.logger, p.SkipRecord...) },
		Records: p.SnapshotRecords, Bytes: p.SnapshotBytes, Keep: snapshot.Retention{Count: p.SnapshotKeep},
	})
}

// keep has the keeper, if there is one, look after the snapshots in the background until the function that it returns is called.
func keep(ctx context.Context, keeper *snapshot.Keeper, every time.Duration) (stop func()) {
	if keeper == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ticker := time.NewTicker(every)
	var running sync.WaitGroup
	running.Go(func() { keeper.Run(ctx, ticker.C) })
	return func() {
		cancel()
		ticker.Stop()
		running.Wait()
	}
}

// readKey reads a file with a key; no file is no key.
func readKey(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("snapshot key: %w", err)
	}
	key := make([]byte, hex.DecodedLen(len(bytes.TrimSpace(text))))
	if _, err := hex.Decode(key, bytes.TrimSpace(text)); err != nil || len(key) != snapshot.KeySize {
		return nil, fmt.Errorf("snapshot key: %s does not hold %d hexadecimal digits", file, 2*snapshot.KeySize)
	}
	return key, nil
}
