package control

import (
	"context"
	"fmt"
	"math"
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

// eventRecord is an event with its number: events are kept, and shown, in the order of their numbers.
type eventRecord struct {
	types.Event
	Number uint64
}

// counterRecord is the number that was given last.
type counterRecord struct{ Last uint64 }

var (
	eventTable   = store.NewTable[eventRecord]("event")
	counterTable = store.NewTable[counterRecord]("counter")
)

// event records that something happened to a resource, and forgets the events that are too old.
func (s *Service) event(tx *store.Tx, sc scope, source types.SourceType, name, format string, args ...any) error {
	now := s.cfg.Now().UTC()
	var old []uint64
	for e, err := range eventTable.Range(tx, sc.account, sc.region) {
		if err != nil {
			return err
		}
		if now.Sub(*e.Date) <= eventRetention {
			break
		}
		old = append(old, e.Number)
	}
	for _, n := range old {
		if err := eventTable.Delete(tx, sc.account, sc.region, ordered(n)); err != nil {
			return err
		}
	}
	counter, _, err := counterTable.Get(tx, sc.account, sc.region, "event")
	if err != nil {
		return err
	}
	counter.Last++
	if err := counterTable.Put(tx, counter, sc.account, sc.region, "event"); err != nil {
		return err
	}
	e := eventRecord{Number: counter.Last, Event: types.Event{SourceName: aws.String(name), SourceType: source, Message: aws.String(fmt.Sprintf(format, args...)), Date: aws.Time(now)}}
	return eventTable.Put(tx, e, sc.account, sc.region, ordered(e.Number))
}

// ordered is a number as text that sorts like it.
func ordered(n uint64) string { return fmt.Sprintf("%020d", n) }

// DescribeEvents lists events, newest first.
func (s *Service) DescribeEvents(_ context.Context, who Caller, in *memorydb.DescribeEventsInput) (*memorydb.DescribeEventsOutput, error) {
	start, end, err := eventTimes(in, s.cfg.Now())
	if err != nil {
		return nil, err
	}
	if in.SourceType != "" && !slices.Contains(in.SourceType.Values(), in.SourceType) {
		return nil, invalid("The source type %s is not valid.", in.SourceType)
	}
	out := &memorydb.DescribeEventsOutput{Events: []types.Event{}}
	err = s.store.View(func(tx *store.Tx) error {
		all, err := eventTable.All(tx, who.Account, who.Region)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(e eventRecord) bool {
			return e.Date.Before(start) || e.Date.After(end) || in.SourceType != "" && e.SourceType != in.SourceType ||
				in.SourceName != nil && spec.Fold(*in.SourceName) != aws.ToString(e.SourceName)
		})
		slices.Reverse(all)
		some, next, err := page(all, func(e eventRecord) string { return ordered(math.MaxUint64 - e.Number) }, in.MaxResults, in.NextToken)
		for _, e := range some {
			out.Events = append(out.Events, e.Event)
		}
		out.NextToken = next
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// eventTimes is the time that a request asks for: from StartTime, or Duration minutes or an hour before EndTime, to EndTime or now.
func eventTimes(in *memorydb.DescribeEventsInput, now time.Time) (start, end time.Time, err error) {
	end = now
	if in.EndTime != nil {
		end = *in.EndTime
	}
	start = end.Add(-eventWindow)
	if d := in.Duration; d != nil {
		if *d < 1 || time.Duration(*d)*time.Minute > eventRetention {
			return start, end, invalid("Duration must be between 1 and %d minutes.", int(eventRetention.Minutes()))
		}
		if in.StartTime != nil {
			return start, end, combination("Duration and StartTime can't be given together.")
		}
		start = end.Add(-time.Duration(*d) * time.Minute)
	}
	if in.StartTime != nil {
		start = *in.StartTime
	}
	if start.After(end) {
		return start, end, combination("StartTime must be before EndTime.")
	}
	return start, end, nil
}
