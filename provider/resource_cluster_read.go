package provider

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	awstypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// clusterView is what resource and data source show alike.
type clusterView struct {
	ACLName                 types.String `tfsdk:"acl_name"`
	AutoMinorVersionUpgrade types.Bool   `tfsdk:"auto_minor_version_upgrade"`
	ClusterEndpoint         types.List   `tfsdk:"cluster_endpoint"`
	DataTiering             types.Bool   `tfsdk:"data_tiering"`
	Description             types.String `tfsdk:"description"`
	Engine                  types.String `tfsdk:"engine"`
	EnginePatchVersion      types.String `tfsdk:"engine_patch_version"`
	EngineVersion           types.String `tfsdk:"engine_version"`
	IPDiscovery             types.String `tfsdk:"ip_discovery"`
	KMSKeyArn               types.String `tfsdk:"kms_key_arn"`
	MaintenanceWindow       formValue    `tfsdk:"maintenance_window"`
	MultiRegionClusterName  types.String `tfsdk:"multi_region_cluster_name"`
	NetworkType             types.String `tfsdk:"network_type"`
	NodeType                types.String `tfsdk:"node_type"`
	NumReplicasPerShard     types.Int64  `tfsdk:"num_replicas_per_shard"`
	NumShards               types.Int64  `tfsdk:"num_shards"`
	ParameterGroupName      types.String `tfsdk:"parameter_group_name"`
	Port                    types.Int64  `tfsdk:"port"`
	SecurityGroupIDs        types.Set    `tfsdk:"security_group_ids"`
	Shards                  types.List   `tfsdk:"shards"`
	SnapshotRetentionLimit  types.Int64  `tfsdk:"snapshot_retention_limit"`
	SnapshotWindow          types.String `tfsdk:"snapshot_window"`
	SNSTopicArn             types.String `tfsdk:"sns_topic_arn"`
	SubnetGroupName         types.String `tfsdk:"subnet_group_name"`
	TLSEnabled              types.Bool   `tfsdk:"tls_enabled"`
}

var (
	endpointType = types.ObjectType{AttrTypes: map[string]attr.Type{"address": types.StringType, "port": types.Int64Type}}
	nodeType     = types.ObjectType{AttrTypes: map[string]attr.Type{
		"name": types.StringType, "availability_zone": types.StringType, "create_time": types.StringType, "endpoint": types.ListType{ElemType: endpointType},
	}}
	shardType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"name": types.StringType, "slots": types.StringType, "num_nodes": types.Int64Type, "nodes": types.ListType{ElemType: nodeType},
	}}
)

// Statuses of a cluster's topic; the service writes them in capitals. An inactive topic is as good as none.
const (
	topicActive   = "ACTIVE"
	topicInactive = "INACTIVE"
)

func (c *client) findCluster(ctx context.Context, name string) (*awstypes.Cluster, error) {
	out, err := c.DescribeClusters(ctx, &memorydb.DescribeClustersInput{ClusterName: &name, ShowShardDetails: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	if len(out.Clusters) == 0 {
		return nil, &awstypes.ClusterNotFoundFault{Message: aws.String("The service found no cluster " + name + ".")}
	}
	return &out.Clusters[0], nil
}

// settle waits until a cluster is available, its parameters are in sync and its security groups are active.
func (c *client) settle(ctx context.Context, name string) error {
	return c.waitReady(ctx, "cluster "+name, spec.ClusterStatus, func(ctx context.Context) (string, error) {
		cluster, err := c.findCluster(ctx, name)
		if err != nil {
			return "", err
		}
		status := aws.ToString(cluster.Status)
		if status != spec.ClusterStatus.Target {
			return status, nil
		}
		if aws.ToString(cluster.ParameterGroupStatus) == spec.ParametersApplying {
			return "applying parameters", nil
		}
		for _, g := range cluster.SecurityGroups {
			if s := aws.ToString(g.Status); s != "" && s != "active" {
				return "changing security groups", nil
			}
		}
		return status, nil
	})
}

// read fills the model from the service.
func (r *clusterResource) read(ctx context.Context, m *clusterModel) error {
	cluster, err := r.findCluster(ctx, m.Name.ValueString())
	if err != nil {
		return err
	}
	m.ID, m.Name, m.ARN = types.StringPointerValue(cluster.Name), types.StringPointerValue(cluster.Name), types.StringPointerValue(cluster.ARN)
	m.flatten(cluster)
	return r.readTags(ctx, &m.commonModel)
}

func (v *clusterView) flatten(c *awstypes.Cluster) {
	v.ACLName, v.NodeType, v.Description = types.StringPointerValue(c.ACLName), types.StringPointerValue(c.NodeType), description(c.Description)
	v.AutoMinorVersionUpgrade, v.TLSEnabled = types.BoolPointerValue(c.AutoMinorVersionUpgrade), types.BoolPointerValue(c.TLSEnabled)
	v.DataTiering = types.BoolValue(c.DataTiering == awstypes.DataTieringStatusTrue)
	v.Engine, v.EngineVersion, v.EnginePatchVersion = types.StringPointerValue(c.Engine), types.StringPointerValue(c.EngineVersion), types.StringPointerValue(c.EnginePatchVersion)
	v.IPDiscovery, v.NetworkType = enum(string(c.IpDiscovery)), enum(string(c.NetworkType))
	v.KMSKeyArn, v.MultiRegionClusterName = types.StringPointerValue(c.KmsKeyId), types.StringPointerValue(c.MultiRegionClusterName)
	v.MaintenanceWindow, v.SnapshotWindow = foldedForm.of(c.MaintenanceWindow), types.StringPointerValue(c.SnapshotWindow)
	v.ParameterGroupName, v.SubnetGroupName = types.StringPointerValue(c.ParameterGroupName), types.StringPointerValue(c.SubnetGroupName)
	v.NumShards, v.SnapshotRetentionLimit = int64Of(c.NumberOfShards), int64Of(c.SnapshotRetentionLimit)
	v.SNSTopicArn = types.StringNull()
	if aws.ToString(c.SnsTopicStatus) == topicActive {
		v.SNSTopicArn = types.StringPointerValue(c.SnsTopicArn)
	}
	var groups []string
	for _, g := range c.SecurityGroups {
		groups = append(groups, aws.ToString(g.SecurityGroupId))
	}
	v.SecurityGroupIDs = stringSet(groups)
	v.ClusterEndpoint, v.Port = endpoints(c.ClusterEndpoint), types.Int64Null()
	if c.ClusterEndpoint != nil {
		v.Port = types.Int64Value(int64(c.ClusterEndpoint.Port))
	}
	v.flattenShards(c.Shards)
}

// flattenShards shows the shards, and counts replicas in the largest shard that is not itself being changed. While none is (or the cluster is creating), the number stays as it was.
func (v *clusterView) flattenShards(shards []awstypes.Shard) {
	slices.SortFunc(shards, func(a, b awstypes.Shard) int { return compareText(a.Name, b.Name) })
	shown := []attr.Value{}
	most := int32(0)
	for _, s := range shards {
		nodes := []attr.Value{}
		slices.SortFunc(s.Nodes, func(a, b awstypes.Node) int { return compareText(a.Name, b.Name) })
		for _, n := range s.Nodes {
			created := types.StringNull()
			if n.CreateTime != nil {
				created = types.StringValue(n.CreateTime.UTC().Format(time.RFC3339))
			}
			nodes = append(nodes, types.ObjectValueMust(nodeType.AttrTypes, map[string]attr.Value{
				"name": types.StringPointerValue(n.Name), "availability_zone": types.StringPointerValue(n.AvailabilityZone), "create_time": created, "endpoint": endpoints(n.Endpoint),
			}))
		}
		shown = append(shown, types.ObjectValueMust(shardType.AttrTypes, map[string]attr.Value{
			"name": types.StringPointerValue(s.Name), "slots": types.StringPointerValue(s.Slots), "num_nodes": int64Of(s.NumberOfNodes), "nodes": types.ListValueMust(nodeType, nodes),
		}))
		if aws.ToString(s.Status) == spec.ClusterStatus.Target {
			most = max(most, aws.ToInt32(s.NumberOfNodes))
		}
	}
	v.Shards = types.ListValueMust(shardType, shown)
	switch {
	case most > 0:
		v.NumReplicasPerShard = types.Int64Value(int64(most) - 1)
	case v.NumReplicasPerShard.IsUnknown():
		v.NumReplicasPerShard = types.Int64Null()
	}
}

// endpoints is an endpoint as a list of one element, which is how hashicorp/aws shows it.
func endpoints(e *awstypes.Endpoint) types.List {
	if e == nil {
		return types.ListValueMust(endpointType, []attr.Value{})
	}
	return types.ListValueMust(endpointType, []attr.Value{types.ObjectValueMust(endpointType.AttrTypes, map[string]attr.Value{
		"address": types.StringPointerValue(e.Address), "port": types.Int64Value(int64(e.Port)),
	})})
}

func enum(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func int64Of(n *int32) types.Int64 {
	if n == nil {
		return types.Int64Null()
	}
	return types.Int64Value(int64(*n))
}

// given is a text for the API: nil if it is null, or unknown and therefore left to the service.
func given(s types.String) *string {
	if s.IsNull() || s.IsUnknown() {
		return nil
	}
	return s.ValueStringPointer()
}

// given32 is the same for numbers.
func given32(n types.Int64) *int32 {
	if n.IsNull() || n.IsUnknown() {
		return nil
	}
	return aws.Int32(int32(n.ValueInt64()))
}
