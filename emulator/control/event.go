package control

import (
	"context"
	"fmt"
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

func (sc scope) events() string { return fmt.Sprintf("e/%s/%s/", sc.account, sc.region) }

// event records that something happened to a resource, and forgets the events that are too old.
func (s *Service) event(tx *store.Tx, sc scope, source types.SourceType, name, format string, args ...any) error {
	now := s.cfg.Now()
	oldest := sc.events() + stamp(now.Add(-eventRetention))
	var old []string
	err := tx.Each(sc.events(), func(key string, _ []byte) error {
		if key >= oldest {
			return errStop
		}
		old = append(old, key)
		return nil
	})
	if err != nil && err != errStop {
		return err
	}
	for _, key := range old {
		if err := tx.Delete(key); err != nil {
			return err
		}
	}
	key := sc.events() + stamp(now) + "-" + randomHex(4)
	return tx.Put(key, types.Event{SourceName: aws.String(name), SourceType: source, Message: aws.String(fmt.Sprintf(format, args...)), Date: aws.Time(now)})
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
	type found struct {
		types.Event
		key string
	}
	var all []found
	sc := who.scope()
	err := s.store.View(func(tx *store.Tx) error {
		return tx.Each(sc.events(), func(key string, raw []byte) error {
			e, err := decode[types.Event](raw)
			if err != nil {
				return err
			}
			if e.Date.Before(start) || e.Date.After(end) || in.SourceType != "" && e.SourceType != in.SourceType ||
				in.SourceName != nil && spec.Fold(*in.SourceName) != aws.ToString(e.SourceName) {
				return nil
			}
			all = append([]found{{e, key}}, all...)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	// Tokens grow with the position in the list, which runs backwards in time.
	for i := range all {
		all[i].key = fmt.Sprintf("%08d", i)
	}
	some, next, err := page(all, func(f found) string { return f.key }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &memorydb.DescribeEventsOutput{NextToken: next, Events: []types.Event{}}
	for _, f := range some {
		out.Events = append(out.Events, f.Event)
	}
	return out, nil
}
