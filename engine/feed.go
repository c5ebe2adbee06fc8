package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/openmemorydb/memorydb/engine/command"
	"github.com/openmemorydb/memorydb/engine/keyspace"
	"github.com/openmemorydb/memorydb/engine/server"
	"github.com/openmemorydb/memorydb/engine/snapshot"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// feed is what replicas of Redis are fed from, and SAVE writes to.
func (n *Node) feed() *server.Feed {
	f := &server.Feed{Snapshot: n.snapshot, Follow: n.follow, Rewriter: n.cfg.Rewriter, Shutdown: n.cfg.Shutdown}
	if n.cfg.DumpFile != "" {
		f.Save = n.save
	}
	return f
}

// snapshot writes a keyspace as an RDB file: function libraries, and all keys but those that have expired, as far as they are wanted.
func (n *Node) snapshot(db *keyspace.DB, out io.Writer, keys, libraries bool) error {
	var codes []string
	if libraries {
		codes = n.scripts.Libraries(db)
	}
	if !keys {
		now := db.Now
		db = newDB()
		defer db.Close()
		db.Now = now
	}
	return snapshot.Write(out, db, codes)
}

// save keeps an RDB file: under another name first, so that a whole one is there at any time.
func (n *Node) save(db *keyspace.DB, background bool) error {
	var file bytes.Buffer
	if err := n.snapshot(db, &file, true, true); err != nil {
		return err
	}
	if !background {
		return n.keep(file.Bytes())
	}
	n.serving.Go(func() {
		if err := n.keep(file.Bytes()); err != nil {
			n.cfg.Logger.Error("writing an RDB file in the background failed", "err", err)
		}
	})
	return nil
}

func (n *Node) keep(file []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(n.cfg.DumpFile), "temp-*.rdb")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // fails once it has its name
	_, err = tmp.Write(file)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), n.cfg.DumpFile); err != nil {
		return err
	}
	n.saved.Store(n.cfg.Now().Unix())
	return nil
}

// lastSave is when an RDB file was kept last; the zero time if none was.
func (n *Node) lastSave() time.Time {
	if at := n.saved.Load(); at != 0 {
		return time.Unix(at, 0)
	}
	return time.Time{}
}

// followBytes is about how much of the log follow reads at a time.
const followBytes = 1 << 20

// follow calls fn with the commands of each durable record from a position on, and with none when every has passed without one.
func (n *Node) follow(ctx context.Context, from txlog.Pos, every time.Duration, fn func(commands [][][]byte) error) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, every)
		err := n.cfg.Log.Wait(waiting, from)
		late := waiting.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case late:
			if err := fn(nil); err != nil {
				return err
			}
			continue
		case err != nil:
			return fmt.Errorf("follow the log from position %v: %w", from, err)
		}
		records, err := n.cfg.Log.Read(ctx, from, followBytes)
		if err != nil {
			return fmt.Errorf("read the log from position %v: %w", from, err)
		}
		for _, r := range records {
			from = r.Pos + 1
			if r.Kind != txlog.Data {
				continue
			}
			var commands [][][]byte
			err := command.DecodeEffects(r.Payload, nil, func(argv [][]byte) error {
				commands = append(commands, slices.Clone(argv))
				return nil
			})
			if err == nil {
				err = fn(commands)
			}
			if err != nil {
				return err
			}
		}
	}
}
