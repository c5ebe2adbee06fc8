package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// Looks at something that settles come quickly at first, since an emulator takes a fraction of a second, and then more and more seldom, since AWS takes minutes.
const (
	firstLook    = 50 * time.Millisecond
	seldomLook   = 15 * time.Second
	lookSlowdown = 1.4
)

// waitUntil looks until done, an error, or the end of ctx.
func (c *client) waitUntil(ctx context.Context, what string, look func(ctx context.Context) (done bool, err error)) error {
	for d := firstLook; ; d = min(time.Duration(float64(d)*lookSlowdown), seldomLook) {
		done, err := look(ctx)
		if err == nil && done {
			return nil
		}
		if err == nil {
			err = c.pause(ctx, jitter(d))
		}
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
			return fmt.Errorf("waiting for %s took too long: %w", what, context.DeadlineExceeded)
		}
		return err
	}
}

// errBadStatus is wrapped by errors that say that a resource is in a status that it won't leave.
var errBadStatus = errors.New("it won't leave this status by itself")

// waitReady waits until a resource has the target status of its life. status tells the present one.
func (c *client) waitReady(ctx context.Context, what string, life spec.Lifecycle, status func(ctx context.Context) (string, error)) error {
	return c.waitUntil(ctx, what+" to be "+life.Target, func(ctx context.Context) (bool, error) {
		now, err := status(ctx)
		tflog.Debug(ctx, "looked at status", map[string]any{"resource": what, "status": now})
		switch {
		case err != nil:
			return false, err
		case now == life.Target:
			return true, nil
		case slices.Contains(life.Failed, now), now == life.Deleting:
			return false, fmt.Errorf("%s is in status %s: %w", what, now, errBadStatus)
		}
		// A pending status, or one that a newer service has and this list has not: both may lead to the target.
		return false, nil
	})
}

// waitGone waits until a resource is not found. Any status is tolerated meanwhile: a final snapshot comes before the deletion.
func (c *client) waitGone(ctx context.Context, what string, status func(ctx context.Context) (string, error)) error {
	return c.waitUntil(ctx, what+" to be gone", func(ctx context.Context) (bool, error) {
		now, err := status(ctx)
		tflog.Debug(ctx, "looked at status", map[string]any{"resource": what, "status": now})
		if isNotFound(err) {
			return true, nil
		}
		return false, err
	})
}

// whenSettled makes a call, and again after each refusal that busy recognises, as long as ctx allows; then the refusal stands. Something else, such as a snapshot, may be under way on the resource.
func (c *client) whenSettled(ctx context.Context, what string, busy func(error) bool, call func(ctx context.Context) error) error {
	var refusal error
	err := c.waitUntil(ctx, what, func(ctx context.Context) (bool, error) {
		err := call(ctx)
		if err != nil && busy(err) {
			refusal = err
			tflog.Debug(ctx, "refused for now", map[string]any{"resource": what, "err": err.Error()})
			return false, nil
		}
		return err == nil, err
	})
	if errors.Is(err, context.DeadlineExceeded) && refusal != nil {
		return refusal
	}
	return err
}
