package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// Events are kept for 14 days; a request that names no time gets those of the last hour. Source: API reference of DescribeEvents.
const (
	eventRetention = 14 * 24 * time.Hour
	eventWindow    = time.Hour
)

// eventRecord is an event with its key, which sorts by time.
type eventRecord struct {
	types.Event
	Key string
}

var eventTable = store.NewTable[eventRecord]("event")

// event records that something happened to a resource, and forgets the events that are too old.
func (s *Service) event(tx *store.Tx, sc scope, source types.SourceType, name, format string, args ...any) error {
	now := s.cfg.Now()
	oldest := stamp(now.Add(-eventRetention))
	var old []string
	for e, err := range eventTable.Range(tx, sc.account, sc.region) {
		if err != nil {
			return err
		}
		if e.Key >= oldest {
			break
		}
		old = append(old, e.Key)
	}
	for _, key := range old {
		if err := eventTable.Delete(tx, sc.account, sc.region, key); err != nil {
			return err
		}
	}
	e := eventRecord{Key: stamp(now) + "-" + randomHex(4), Event: types.Event{
		SourceName: aws.String(name), SourceType: source, Message: aws.String(fmt.Sprintf(format, args...)), Date: aws.Time(now),
	}}
	return eventTable.Put(tx, e, sc.account, sc.region, e.Key)
}

// stamp is a time as text that sorts by time.
func stamp(t time.Time) string { return fmt.Sprintf("%020d", t.UnixNano()) }

// DescribeEvents lists events, newest first.
func (s *Service) DescribeEvents(_ context.Context, who Caller, in *memorydb.DescribeEventsInput) (*memorydb.DescribeEventsOutput, error) {
	end := s.cfg.Now()
	if in.EndTime != nil {
		end = *in.EndTime
	}
	start := end.Add(-eventWindow)
	switch {
	case in.StartTime != nil:
		start = *in.StartTime
	case in.Duration != nil:
		start = end.Add(-time.Duration(*in.Duration) * time.Minute)
	}
	if start.After(end) {
		return nil, combination("StartTime must be before EndTime.")
	}
	if in.SourceName != nil && in.SourceType == "" {
		return nil, combination("SourceType must be given with SourceName.")
	}
	var all []eventRecord
	err := s.store.View(func(tx *store.Tx) error {
		recs, err := eventTable.All(tx, who.Account, who.Region)
		for _, e := range recs {
			if e.Date.Before(start) || e.Date.After(end) || in.SourceType != "" && e.SourceType != in.SourceType ||
				in.SourceName != nil && spec.Fold(*in.SourceName) != aws.ToString(e.SourceName) {
				continue
			}
			all = append(all, e)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(all)
	// Tokens grow with the position in the list, which runs backwards in time.
	for i := range all {
		all[i].Key = fmt.Sprintf("%08d", i)
	}
	some, next, err := page(all, func(e eventRecord) string { return e.Key }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &memorydb.DescribeEventsOutput{NextToken: next, Events: []types.Event{}}
	for _, e := range some {
		out.Events = append(out.Events, e.Event)
	}
	return out, nil
}
