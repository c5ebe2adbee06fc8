package provider

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	awstypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// patient is a client whose pauses take no time; they are noted, and end with ctx's error after limit of them.
func patient(pauses *[]time.Duration, limit int) *client {
	return &client{pause: func(ctx context.Context, d time.Duration) error {
		*pauses = append(*pauses, d)
		if len(*pauses) > limit {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
}

// statuses answers with one status after another, the last one for ever.
func statuses(all ...string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		now := all[0]
		if len(all) > 1 {
			all = all[1:]
		}
		if now == "" {
			return "", &awstypes.ClusterNotFoundFault{}
		}
		return now, nil
	}
}

func TestWaitReady(t *testing.T) {
	for name, c := range map[string]struct {
		statuses []string
		want     error
	}{
		"ready":                        {[]string{"available"}, nil},
		"through pending statuses":     {[]string{"creating", "snapshotting", "updating", "available"}, nil},
		"through a status of tomorrow": {[]string{"creating", "polishing", "available"}, nil},
		"failed":                       {[]string{"creating", "create-failed"}, errBadStatus},
		"deleted meanwhile":            {[]string{"creating", "deleting"}, errBadStatus},
		"never":                        {[]string{"creating"}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			var pauses []time.Duration
			err := patient(&pauses, 100).waitReady(ctx, "cluster x", spec.ClusterStatus, statuses(c.statuses...))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
			if errors.Is(err, errBadStatus) && !strings.Contains(err.Error(), c.statuses[len(c.statuses)-1]) {
				t.Errorf("%v does not name the status", err)
			}
		})
	}
}

// An emulator is ready in a fraction of a second, AWS in twenty minutes.
func TestWaitLooksSoonAndThenSeldom(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var pauses []time.Duration
	_ = patient(&pauses, 50).waitReady(ctx, "cluster x", spec.ClusterStatus, statuses("creating"))
	sum := time.Duration(0)
	for _, p := range pauses[:3] {
		sum += p
	}
	if sum > 300*time.Millisecond {
		t.Errorf("the first four looks take %v", sum)
	}
	if last := pauses[len(pauses)-1]; last < seldomLook/2 || last > seldomLook {
		t.Errorf("later looks are %v apart", last)
	}
}

// A final snapshot comes before the deletion, and the service may show a cluster as available for a moment after it has accepted the call.
func TestWaitGoneToleratesEveryStatus(t *testing.T) {
	var pauses []time.Duration
	if err := patient(&pauses, 100).waitGone(t.Context(), "cluster x", statuses("available", "snapshotting", "deleting", "")); err != nil {
		t.Error(err)
	}
	if len(pauses) != 3 {
		t.Errorf("%d pauses", len(pauses))
	}
}

func TestWhenSettled(t *testing.T) {
	busy := is[*awstypes.InvalidClusterStateFault]
	var pauses []time.Duration
	refusals := 3
	err := patient(&pauses, 100).whenSettled(t.Context(), "cluster x", busy, func(context.Context) error {
		if refusals > 0 {
			refusals--
			return &awstypes.InvalidClusterStateFault{}
		}
		return nil
	})
	if err != nil || refusals != 0 {
		t.Errorf("%v with %d refusals left", err, refusals)
	}
	// In the end the refusal stands, not the deadline: it says what is in the way.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = patient(&pauses, 0).whenSettled(ctx, "cluster x", busy, func(context.Context) error { return &awstypes.InvalidClusterStateFault{} })
	if !busy(err) {
		t.Errorf("got %v", err)
	}
	other := errors.New("no")
	if err := patient(&pauses, 1000).whenSettled(t.Context(), "cluster x", busy, func(context.Context) error { return other }); !errors.Is(err, other) {
		t.Errorf("got %v", err)
	}
}
