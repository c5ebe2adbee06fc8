package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/openmemorydb/memorydb/engine"
	"github.com/openmemorydb/memorydb/engine/txlog"
)

// inspection is a record of the log as --inspect-record prints it.
type inspection struct {
	Position uint64 `json:"position"`
	Checksum string `json:"running_checksum"`
	Kind     string `json:"kind"`
	Epoch    uint64 `json:"epoch"`
	Engine   uint16 `json:"engine_format"`
	Bytes    int    `json:"bytes"`
	// Commands are the effects, each word quoted as in Go; Error is why they, or what follows them, can't be read.
	Commands [][]string `json:"commands,omitempty"`
	Error    string     `json:"error,omitempty"`
	// Leader is what a record about leadership says.
	Leader string `json:"leader,omitempty"`
}

// inspect prints a record. The server must not be running: its folder is locked.
func (p *program) inspect(ctx context.Context, out io.Writer) (err error) {
	log, err := p.openLog(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	pos := txlog.Pos(p.InspectRecord)
	records, err := log.shard.Read(ctx, pos, 1)
	switch {
	case errors.Is(err, txlog.ErrTrimmed):
		return fmt.Errorf("the log begins at position %v: what is before is in a snapshot", log.shard.First())
	case err != nil:
		return fmt.Errorf("read position %v: %w", pos, err)
	case len(records) == 0:
		return fmt.Errorf("the log ends at position %v", log.shard.Durable())
	}
	r := records[0]
	i := inspection{Position: uint64(r.Pos), Checksum: fmt.Sprintf("%016x", uint64(r.Chain)), Epoch: r.Epoch, Engine: r.Engine, Bytes: len(r.Payload), Kind: fmt.Sprintf("unknown kind %d", r.Kind)}
	switch r.Kind {
	case txlog.Data:
		i.Kind = "data"
		err = engine.EachEffect(r.Payload, func(words [][]byte) {
			quoted := make([]string, len(words))
			for n, w := range words {
				quoted[n] = strconv.Quote(string(w))
			}
			i.Commands = append(i.Commands, quoted)
		})
	case txlog.Lead, txlog.Resign:
		i.Kind = map[txlog.Kind]string{txlog.Lead: "lead", txlog.Resign: "resign"}[r.Kind]
		var l txlog.Leadership
		l, err = txlog.DecodeLeadership(r.Payload)
		i.Leader = l.Node
	}
	if err != nil {
		i.Error = err.Error()
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(i)
}
