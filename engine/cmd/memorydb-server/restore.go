package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/openmemorydb/memorydb/engine"
)

// markerName is the file in the data folder that is there while an RDB file is being restored: if it is there at the start, the keys are a part of that file's.
const markerName = "restoring"

// restore fills the node with --restore's file and prints what has become of it. A restore that was cut short is begun anew; without --restore it is an error.
func (p *program) restore(ctx context.Context, node *engine.Node, stdout io.Writer) error {
	marker := filepath.Join(p.Data, markerName)
	if p.Log == "memory" {
		marker = "" // nothing outlives the process
	}
	if marker != "" {
		name, err := os.ReadFile(marker)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("restore: %w", err)
		case p.Restore == "":
			return fmt.Errorf("restoring %s was cut short, and only a part of its keys is there: start with --restore again, which begins anew", name)
		default:
			if err := node.Discard(ctx); err != nil {
				return err
			}
		}
	}
	if p.Restore == "" {
		return nil
	}
	if !node.Empty() {
		return fmt.Errorf("restore %s: %w", p.Restore, engine.ErrNotEmpty)
	}
	file, err := os.Open(p.Restore)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer file.Close()
	if marker != "" {
		if err := writeDurably(marker, []byte(p.Restore)); err != nil {
			return err
		}
	}
	report, err := node.Restore(ctx, file, nil)
	if marker != "" && !errors.Is(err, engine.ErrHalfRestored) {
		err = errors.Join(err, removeDurably(marker)) // before any client writes: what is there with a marker is discarded
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.Restore, err)
	}
	fmt.Fprintf(stdout, "restored %s: %d keys; left out: %d expired, %d skipped, %d empty; %d libraries; %.3f seconds\n",
		p.Restore, report.Keys, report.Expired, report.Skipped, report.Empty, report.Libraries, report.Took.Seconds())
	for _, name := range report.Modules {
		fmt.Fprintf(stdout, "left out: data of the module %s\n", name)
	}
	return nil
}
