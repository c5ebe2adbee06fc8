package control

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// DescribeEngineVersions lists the engine versions that clusters may run.
func (s *Service) DescribeEngineVersions(_ context.Context, _ Caller, in *memorydb.DescribeEngineVersionsInput) (*memorydb.DescribeEngineVersionsOutput, error) {
	var all []spec.EngineVersion
	for _, v := range spec.EngineVersions {
		if in.DefaultOnly && !v.Default || in.Engine != nil && *in.Engine != v.Engine || in.EngineVersion != nil && *in.EngineVersion != v.Version ||
			in.ParameterGroupFamily != nil && *in.ParameterGroupFamily != v.Family {
			continue
		}
		all = append(all, v)
	}
	some, next, err := page(all, func(v spec.EngineVersion) string { return v.Engine + v.Version }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &memorydb.DescribeEngineVersionsOutput{NextToken: next, EngineVersions: []types.EngineVersionInfo{}}
	for _, v := range some {
		out.EngineVersions = append(out.EngineVersions, types.EngineVersionInfo{
			Engine: aws.String(v.Engine), EngineVersion: aws.String(v.Version), EnginePatchVersion: aws.String(v.Patch), ParameterGroupFamily: aws.String(v.Family),
		})
	}
	return out, nil
}

// ListAllowedNodeTypeUpdates lists the node types that a cluster may change to.
func (s *Service) ListAllowedNodeTypeUpdates(_ context.Context, who Caller, in *memorydb.ListAllowedNodeTypeUpdatesInput) (*memorydb.ListAllowedNodeTypeUpdatesOutput, error) {
	name, err := required("ClusterName", in.ClusterName)
	if err != nil {
		return nil, err
	}
	out := &memorydb.ListAllowedNodeTypeUpdatesOutput{ScaleDownNodeTypes: []string{}, ScaleUpNodeTypes: []string{}}
	err = s.store.View(func(tx *store.Tx) error {
		c, ok, err := get[clusterRecord](tx, who.scope(), spec.KindCluster, name)
		if err == nil && !ok {
			err = notFound(spec.KindCluster, name)
		}
		if err != nil {
			return err
		}
		up, down := spec.NodeTypeUpdates(*c.View.NodeType)
		out.ScaleUpNodeTypes, out.ScaleDownNodeTypes = append(out.ScaleUpNodeTypes, up...), append(out.ScaleDownNodeTypes, down...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
