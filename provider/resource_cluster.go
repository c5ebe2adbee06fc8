package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	awstypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// clusterResource is the resource memorydb_cluster. Its schema, what it plans and how it reads are in the files resource_cluster_*.go.
type clusterResource struct{ resourceBase }

func newClusterResource() resource.Resource { return &clusterResource{resourceBase{kind: clusterKind}} }

type clusterModel struct {
	commonModel
	nameModel
	clusterView
	FinalSnapshotName types.String   `tfsdk:"final_snapshot_name"`
	SnapshotArns      types.List     `tfsdk:"snapshot_arns"`
	SnapshotName      types.String   `tfsdk:"snapshot_name"`
	Timeouts          timeouts.Value `tfsdk:"timeouts"`
}

// clusterTimeout is how long a cluster takes at most on AWS.
const clusterTimeout = 2 * time.Hour

// Create implements resource.Resource.
func (r *clusterResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m clusterModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	limit, diags := m.Timeouts.Create(ctx, clusterTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.choose()
	find := func(ctx context.Context) error {
		_, err := r.findCluster(ctx, name)
		return err
	}
	err := r.whenSettled(ctx, "ACL of cluster "+name, is[*awstypes.InvalidACLStateFault], func(ctx context.Context) error {
		return create(ctx, find, alreadyExists, func(ctx context.Context) error {
			_, err := r.CreateCluster(ctx, expandCluster(&m))
			return err
		})
	})
	if err != nil {
		r.failed(&resp.Diagnostics, "creating", name, r.attributes(), err)
		return
	}
	r.begin(ctx, req.Plan, resp, name)
	err = r.settle(ctx, name)
	if err == nil {
		err = r.read(ctx, &m)
	}
	if err != nil {
		r.failed(&resp.Diagnostics, "creating", name, r.attributes(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// expandCluster is the create call of a plan. What is unknown is left to the service.
func expandCluster(m *clusterModel) *memorydb.CreateClusterInput {
	in := &memorydb.CreateClusterInput{
		ClusterName: given(m.Name), ACLName: given(m.ACLName), NodeType: given(m.NodeType), Description: given(m.Description), Engine: given(m.Engine), EngineVersion: given(m.EngineVersion),
		AutoMinorVersionUpgrade: m.AutoMinorVersionUpgrade.ValueBoolPointer(), DataTiering: m.DataTiering.ValueBoolPointer(), TLSEnabled: m.TLSEnabled.ValueBoolPointer(),
		IpDiscovery: awstypes.IpDiscovery(m.IPDiscovery.ValueString()), NetworkType: awstypes.NetworkType(m.NetworkType.ValueString()),
		KmsKeyId: given(m.KMSKeyArn), MaintenanceWindow: given(m.MaintenanceWindow.StringValue), MultiRegionClusterName: given(m.MultiRegionClusterName),
		NumReplicasPerShard: given32(m.NumReplicasPerShard), NumShards: given32(m.NumShards), ParameterGroupName: given(m.ParameterGroupName), Port: given32(m.Port),
		SecurityGroupIds: goSet(m.SecurityGroupIDs), SnapshotName: given(m.SnapshotName), SnapshotRetentionLimit: given32(m.SnapshotRetentionLimit), SnapshotWindow: given(m.SnapshotWindow),
		SnsTopicArn: given(m.SNSTopicArn), SubnetGroupName: given(m.SubnetGroupName), Tags: expandTags(m.TagsAll),
	}
	for _, v := range m.SnapshotArns.Elements() {
		if s, ok := v.(types.String); ok {
			in.SnapshotArns = append(in.SnapshotArns, s.ValueString())
		}
	}
	return in
}

// Read implements resource.Resource.
func (r *clusterResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m clusterModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := m.Name.ValueString()
	r.identify(ctx, resp.Identity, name, &resp.Diagnostics)
	switch err := r.read(ctx, &m); {
	case isNotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		r.failed(&resp.Diagnostics, "reading", name, r.attributes(), err)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

// Update implements resource.Resource.
func (r *clusterResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, was clusterModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &was)...)
	limit, diags := m.Timeouts.Update(ctx, clusterTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.Name.ValueString()
	planned := m.clusterView
	err := r.update(ctx, &m, &was)
	if err == nil {
		err = r.read(ctx, &m)
	}
	if err != nil {
		r.failed(&resp.Diagnostics, "changing", name, r.attributes(), err)
		return
	}
	compare(&resp.Diagnostics, &planned, &m.clusterView)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	r.identify(ctx, resp.Identity, name, &resp.Diagnostics)
}

// update makes the changes, each kind of scaling in a call of its own: the service makes one at a time.
func (r *clusterResource) update(ctx context.Context, m, was *clusterModel) error {
	for _, in := range expandClusterUpdates(&m.clusterView, &was.clusterView) {
		in.ClusterName = given(m.Name)
		if err := r.settle(ctx, *in.ClusterName); err != nil {
			return err
		}
		busy := func(err error) bool {
			return is[*awstypes.InvalidClusterStateFault](err) || is[*awstypes.InvalidACLStateFault](err)
		}
		err := r.whenSettled(ctx, "cluster "+*in.ClusterName, busy, func(ctx context.Context) error {
			_, err := r.UpdateCluster(ctx, in)
			return err
		})
		switch {
		case err != nil && in.ShardConfiguration != nil:
			return about("num_shards", err)
		case err != nil && in.ReplicaConfiguration != nil:
			return about("num_replicas_per_shard", err)
		case err != nil:
			return err
		}
		if err := r.settle(ctx, *in.ClusterName); err != nil {
			return err
		}
	}
	return r.updateTags(ctx, was.ARN.ValueString(), was.TagsAll, m.TagsAll)
}

// expandClusterUpdates are the update calls that lead from what was to what is planned, in their order.
func expandClusterUpdates(m, was *clusterView) []*memorydb.UpdateClusterInput {
	var calls []*memorydb.UpdateClusterInput
	plain, changed := &memorydb.UpdateClusterInput{}, false
	text := func(to **string, now, old types.String) {
		if !now.Equal(old) && given(now) != nil {
			*to, changed = given(now), true
		}
	}
	text(&plain.ACLName, m.ACLName, was.ACLName)
	text(&plain.Description, m.Description, was.Description)
	text(&plain.Engine, m.Engine, was.Engine)
	text(&plain.EngineVersion, m.EngineVersion, was.EngineVersion)
	text(&plain.MaintenanceWindow, m.MaintenanceWindow.StringValue, was.MaintenanceWindow.StringValue)
	text(&plain.NodeType, m.NodeType, was.NodeType)
	text(&plain.ParameterGroupName, m.ParameterGroupName, was.ParameterGroupName)
	text(&plain.SnapshotWindow, m.SnapshotWindow, was.SnapshotWindow)
	text(&plain.SnsTopicArn, m.SNSTopicArn, was.SNSTopicArn)
	switch {
	case plain.SnsTopicArn != nil:
		plain.SnsTopicStatus = aws.String(topicActive)
	case m.SNSTopicArn.IsNull() && !was.SNSTopicArn.IsNull():
		plain.SnsTopicStatus, changed = aws.String(topicInactive), true
	}
	if !m.IPDiscovery.Equal(was.IPDiscovery) && given(m.IPDiscovery) != nil {
		plain.IpDiscovery, changed = awstypes.IpDiscovery(m.IPDiscovery.ValueString()), true
	}
	if !m.SnapshotRetentionLimit.Equal(was.SnapshotRetentionLimit) && given32(m.SnapshotRetentionLimit) != nil {
		plain.SnapshotRetentionLimit, changed = given32(m.SnapshotRetentionLimit), true
	}
	if !m.SecurityGroupIDs.Equal(was.SecurityGroupIDs) && len(goSet(m.SecurityGroupIDs)) > 0 {
		plain.SecurityGroupIds, changed = goSet(m.SecurityGroupIDs), true
	}
	if changed {
		calls = append(calls, plain)
	}
	if !m.NumShards.Equal(was.NumShards) {
		calls = append(calls, &memorydb.UpdateClusterInput{ShardConfiguration: &awstypes.ShardConfigurationRequest{ShardCount: aws.ToInt32(given32(m.NumShards))}})
	}
	if !m.NumReplicasPerShard.Equal(was.NumReplicasPerShard) {
		calls = append(calls, &memorydb.UpdateClusterInput{ReplicaConfiguration: &awstypes.ReplicaConfigurationRequest{ReplicaCount: aws.ToInt32(given32(m.NumReplicasPerShard))}})
	}
	return calls
}

// compare adds an error for each change that the service accepted but did not make: a change can fail after it was accepted, and the cluster then goes back to what it was.
func compare(diags *diag.Diagnostics, planned, now *clusterView) {
	for _, a := range []struct {
		name     string
		want, is attr.Value
	}{
		{"node_type", planned.NodeType, now.NodeType}, {"engine_version", planned.EngineVersion, now.EngineVersion}, {"num_shards", planned.NumShards, now.NumShards},
		{"num_replicas_per_shard", planned.NumReplicasPerShard, now.NumReplicasPerShard}, {"acl_name", planned.ACLName, now.ACLName}, {"parameter_group_name", planned.ParameterGroupName, now.ParameterGroupName},
	} {
		if !a.want.IsUnknown() && !a.want.Equal(a.is) {
			diags.AddAttributeError(path.Root(a.name), "The service did not make a change that it had accepted",
				fmt.Sprintf("%s is %s, not %s. The events of the cluster (DescribeEvents) tell why. Apply again to try once more.", a.name, a.is, a.want))
		}
	}
}

// Delete implements resource.Resource.
func (r *clusterResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m clusterModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	limit, diags := m.Timeouts.Delete(ctx, clusterTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.Name.ValueString()
	in := &memorydb.DeleteClusterInput{ClusterName: &name, FinalSnapshotName: given(m.FinalSnapshotName), MultiRegionClusterName: given(m.MultiRegionClusterName)}
	err := r.whenSettled(ctx, "cluster "+name, is[*awstypes.InvalidClusterStateFault], func(ctx context.Context) error {
		_, err := r.DeleteCluster(ctx, in)
		return err
	})
	if err == nil {
		err = r.waitGone(ctx, "cluster "+name, func(ctx context.Context) (string, error) {
			c, err := r.findCluster(ctx, name)
			if err != nil {
				return "", err
			}
			return aws.ToString(c.Status), nil
		})
	}
	if err != nil && !isNotFound(err) {
		r.failed(&resp.Diagnostics, "deleting", name, r.attributes(), err)
	}
}
