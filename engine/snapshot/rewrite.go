package snapshot

import (
	"context"
	"errors"
)

// ErrRewriting is returned to who asks for the log to be shortened while that goes on.
var ErrRewriting = errors.New("the log is being shortened already")

// Rewrite asks for a snapshot now, however near the newest one is, and the log to be trimmed behind it; it doesn't wait, and may be called from any goroutine. Run does it.
// Errors: ErrRewriting.
func (k *Keeper) Rewrite() error {
	if k.rewriting.Swap(true) {
		return ErrRewriting
	}
	k.asked <- struct{}{}
	return nil
}

// Rewriting says whether what Rewrite has asked for is still to be done.
func (k *Keeper) Rewriting() bool { return k.rewriting.Load() }

func (k *Keeper) rewrite(ctx context.Context) error {
	defer k.rewriting.Store(false)
	if err := k.find(ctx); err != nil {
		return err
	}
	if err := k.measure(ctx); err != nil {
		return err
	}
	if k.seen > k.at() {
		if err := k.takeNow(ctx); err != nil {
			return err
		}
	}
	return k.trim(ctx)
}
