package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/openmemorydb/memorydb/engine/cluster"
	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/memlog"
	"github.com/openmemorydb/memorydb/engine/txlog/quorumlog"
)

// shardID names the one shard's log.
const shardID = "0001"

// openedLog is the log of the server's shard, and who the node is.
type openedLog struct {
	shard txlog.Log
	node  string
	close func() error
}

// identity is what the data folder remembers of the node.
type identity struct {
	// Node is the node's id.
	Node string `json:"node"`
	// Key encrypts the log's records: 32 bytes.
	Key []byte `json:"key"`
}

func (p *program) openLog(logger *slog.Logger) (*openedLog, error) {
	if p.Log == "memory" {
		log := memlog.New(nil).Shard(shardID)
		return &openedLog{shard: log, node: newIdentity().Node, close: log.Close}, nil
	}
	if err := os.MkdirAll(p.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	cfg := quorumlog.Config{Now: time.Now, Logger: logger}
	for i, zone := range []string{"a", "b", "c"} {
		cfg.Dirs[i], cfg.Names[i] = filepath.Join(p.Data, "zone-"+zone), zone
	}
	quorum, err := quorumlog.Open(cfg) // locks the folder
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", p.Data, err)
	}
	id, err := readIdentity(filepath.Join(p.Data, "node.json"))
	if err != nil {
		return nil, errors.Join(err, quorum.Close())
	}
	log, err := quorum.Shard(shardID, quorumlog.Options{Key: id.Key})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data folder %s: %w", p.Data, err), quorum.Close())
	}
	return &openedLog{shard: log, node: id.Node, close: func() error { return errors.Join(log.Close(), quorum.Close()) }}, nil
}

func newIdentity() identity {
	id := identity{Key: make([]byte, 32)}
	_, _ = rand.Read(id.Key) // crypto/rand.Read never fails
	id.Node = cluster.IDOf(rand.Text())
	return id
}

// readIdentity reads the node's identity, which is made on first use with mode 0600.
func readIdentity(file string) (identity, error) {
	data, err := os.ReadFile(file)
	if err == nil {
		var id identity
		if err := json.Unmarshal(data, &id); err != nil || len(id.Key) != 32 || len(id.Node) != 40 {
			return id, fmt.Errorf("%s does not hold the node's id and key", file)
		}
		return id, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return identity{}, fmt.Errorf("node identity: %w", err)
	}
	id := newIdentity()
	if data, err = json.Marshal(id); err != nil {
		return id, fmt.Errorf("node identity: %w", err)
	}
	return id, writeDurably(file, data)
}

// writeDurably writes a file whole or not at all; it is on disk when it returns.
func writeDurably(file string, data []byte) error {
	f, err := os.OpenFile(file+".tmp", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(file+".tmp", file)
	}
	if err == nil {
		err = syncFolder(file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// removeDurably removes a file; it stays away when it returns, whatever happens.
func removeDurably(file string) error {
	if err := os.Remove(file); err != nil {
		return err
	}
	return syncFolder(file)
}

// syncFolder makes changes of the folder that a file is in durable.
func syncFolder(file string) error {
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
