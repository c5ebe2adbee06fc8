package control

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// tagTable holds the tags of resources, by account, region, kind and name.
var tagTable = store.NewTable[[]types.Tag]("tags")

// putTags checks the tags of a create request and stores them.
func putTags(tx *store.Tx, sc scope, kind spec.Kind, name string, tags []types.Tag) error {
	if len(tags) == 0 {
		return nil
	}
	merged, err := mergeTags(nil, tags)
	if err != nil {
		return err
	}
	return tagTable.Put(tx, merged, sc.account, sc.region, string(kind), spec.Fold(name))
}

// mergeTags is old with the tags of add set, by key in the order of the keys.
func mergeTags(old, add []types.Tag) ([]types.Tag, error) {
	out := slices.Clone(old)
	seen := map[string]bool{}
	for _, t := range add {
		key, value := aws.ToString(t.Key), aws.ToString(t.Value)
		if err := spec.CheckTag(key, value); err != nil {
			return nil, invalidErr(err)
		}
		if seen[key] {
			return nil, invalid("The tag key %s is given twice.", key)
		}
		seen[key] = true
		i := slices.IndexFunc(out, func(o types.Tag) bool { return aws.ToString(o.Key) == key })
		if i < 0 {
			out = append(out, types.Tag{})
			i = len(out) - 1
		}
		out[i] = types.Tag{Key: aws.String(key), Value: aws.String(value)}
	}
	if len(out) > spec.MaxTags {
		return nil, &types.TagQuotaPerResourceExceeded{Message: aws.String(fmt.Sprintf("A resource can have at most %d tags.", spec.MaxTags))}
	}
	slices.SortFunc(out, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return out, nil
}

// tagged finds the resource of an ARN; the fault is the one of its kind if it is missing.
func (s *Service) tagged(tx *store.Tx, who Caller, arn *string) (scope, spec.ARN, error) {
	text, err := required("ResourceArn", arn)
	if err != nil {
		return scope{}, spec.ARN{}, err
	}
	a, err := spec.ParseARN(text)
	if err != nil {
		return scope{}, a, &types.InvalidARNFault{Message: aws.String(err.Error())}
	}
	sc := scope{a.Account, a.Region}
	if a.Account != who.Account || a.Region != who.Region {
		return sc, a, notFound(a.Kind, a.Name)
	}
	switch a.Kind {
	case spec.KindParameterGroup:
		if _, ok, err := s.parameterGroup(tx, sc, a.Name); err != nil || ok {
			return sc, a, err
		}
	case spec.KindACL:
		if _, ok, err := s.acl(tx, sc, a.Name); err != nil || ok {
			return sc, a, err
		}
	case spec.KindUser:
		if _, ok, err := s.user(tx, sc, a.Name); err != nil || ok {
			return sc, a, err
		}
	default:
		if _, ok, err := get[any](tx, sc, a.Kind, a.Name); err != nil || ok {
			return sc, a, err
		}
	}
	return sc, a, notFound(a.Kind, a.Name)
}

// notFound is the fault for a missing resource of a kind.
func notFound(kind spec.Kind, name string) error {
	message := func(what string) *string { return aws.String(fmt.Sprintf("%s %s not found.", what, name)) }
	switch kind {
	case spec.KindCluster:
		return &types.ClusterNotFoundFault{Message: message("Cluster")}
	case spec.KindACL:
		return &types.ACLNotFoundFault{Message: message("ACL")}
	case spec.KindUser:
		return &types.UserNotFoundFault{Message: message("User")}
	case spec.KindParameterGroup:
		return &types.ParameterGroupNotFoundFault{Message: message("ParameterGroup")}
	case spec.KindSubnetGroup:
		return &types.SubnetGroupNotFoundFault{Message: message("Subnet group")}
	case spec.KindSnapshot:
		return &types.SnapshotNotFoundFault{Message: message("Snapshot")}
	case spec.KindReservedNode:
		return &types.ReservedNodeNotFoundFault{Message: message("Reserved node")}
	}
	return invalid("There is no %s %s.", kind, name)
}

func tagsOf(tx *store.Tx, sc scope, a spec.ARN) ([]types.Tag, error) {
	tags, ok, err := tagTable.Get(tx, sc.account, sc.region, string(a.Kind), spec.Fold(a.Name))
	if !ok {
		tags = []types.Tag{}
	}
	return tags, err
}

// ListTags lists the tags of a resource.
func (s *Service) ListTags(_ context.Context, who Caller, in *memorydb.ListTagsInput) (*memorydb.ListTagsOutput, error) {
	out := &memorydb.ListTagsOutput{}
	err := s.store.View(func(tx *store.Tx) error {
		sc, a, err := s.tagged(tx, who, in.ResourceArn)
		if err != nil {
			return err
		}
		out.TagList, err = tagsOf(tx, sc, a)
		return err
	})
	return out, err
}

// TagResource sets tags and returns all tags of the resource.
func (s *Service) TagResource(_ context.Context, who Caller, in *memorydb.TagResourceInput) (*memorydb.TagResourceOutput, error) {
	out := &memorydb.TagResourceOutput{}
	err := s.store.Update(func(tx *store.Tx) error {
		sc, a, err := s.tagged(tx, who, in.ResourceArn)
		if err != nil {
			return err
		}
		old, err := tagsOf(tx, sc, a)
		if err != nil {
			return err
		}
		if out.TagList, err = mergeTags(old, in.Tags); err != nil {
			return err
		}
		return tagTable.Put(tx, out.TagList, sc.account, sc.region, string(a.Kind), spec.Fold(a.Name))
	})
	return out, err
}

// UntagResource removes tags and returns those that remain.
func (s *Service) UntagResource(_ context.Context, who Caller, in *memorydb.UntagResourceInput) (*memorydb.UntagResourceOutput, error) {
	out := &memorydb.UntagResourceOutput{}
	err := s.store.Update(func(tx *store.Tx) error {
		sc, a, err := s.tagged(tx, who, in.ResourceArn)
		if err != nil {
			return err
		}
		tags, err := tagsOf(tx, sc, a)
		if err != nil {
			return err
		}
		for _, key := range in.TagKeys {
			i := slices.IndexFunc(tags, func(t types.Tag) bool { return aws.ToString(t.Key) == key })
			if i < 0 {
				return &types.TagNotFoundFault{Message: aws.String(fmt.Sprintf("The resource has no tag %s.", key))}
			}
			tags = slices.Delete(tags, i, i+1)
		}
		out.TagList = tags
		return tagTable.Put(tx, tags, sc.account, sc.region, string(a.Kind), spec.Fold(a.Name))
	})
	return out, err
}
