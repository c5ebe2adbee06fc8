package provider

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	awstypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestClusterUpdateCalls(t *testing.T) {
	text, number := types.StringValue, types.Int64Value
	base := func() *clusterView {
		return &clusterView{
			ACLName: text("a"), NodeType: text("db.t4g.small"), NumShards: number(2), NumReplicasPerShard: number(1), SNSTopicArn: types.StringNull(), Description: text("d"),
			SecurityGroupIDs: stringSet([]string{"sg-1"}), SnapshotRetentionLimit: number(1), EngineVersion: text("7.0"), Engine: text("redis"),
		}
	}
	type input = memorydb.UpdateClusterInput
	for name, c := range map[string]struct {
		change func(v, was *clusterView)
		want   []*input
	}{
		"nothing":                    {func(_, _ *clusterView) {}, nil},
		"description to nothing":     {func(v, _ *clusterView) { v.Description = text("") }, []*input{{Description: aws.String("")}}},
		"no replicas":                {func(v, _ *clusterView) { v.NumReplicasPerShard = number(0) }, []*input{{ReplicaConfiguration: &awstypes.ReplicaConfigurationRequest{}}}},
		"retention to 0":             {func(v, _ *clusterView) { v.SnapshotRetentionLimit = number(0) }, []*input{{SnapshotRetentionLimit: aws.Int32(0)}}},
		"topic":                      {func(v, _ *clusterView) { v.SNSTopicArn = text("t") }, []*input{{SnsTopicArn: aws.String("t"), SnsTopicStatus: aws.String("ACTIVE")}}},
		"no topic any more":          {func(_, was *clusterView) { was.SNSTopicArn = text("t") }, []*input{{SnsTopicStatus: aws.String("INACTIVE")}}},
		"version that is unknown":    {func(v, _ *clusterView) { v.Engine, v.EngineVersion = text("valkey"), types.StringUnknown() }, []*input{{Engine: aws.String("valkey")}}},
		"groups left to the service": {func(v, _ *clusterView) { v.SecurityGroupIDs = types.SetUnknown(types.StringType) }, nil},
		"each scaling alone, after the rest": {func(v, _ *clusterView) {
			v.NumShards, v.NumReplicasPerShard, v.NodeType, v.ACLName = number(3), number(2), text("db.r7g.large"), text("b")
		}, []*input{
			{NodeType: aws.String("db.r7g.large"), ACLName: aws.String("b")},
			{ShardConfiguration: &awstypes.ShardConfigurationRequest{ShardCount: 3}},
			{ReplicaConfiguration: &awstypes.ReplicaConfigurationRequest{ReplicaCount: 2}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			v, was := base(), base()
			c.change(v, was)
			got := expandClusterUpdates(v, was)
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(input{}, awstypes.ReplicaConfigurationRequest{}, awstypes.ShardConfigurationRequest{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// While a cluster is being changed its shards may be short of nodes: the number of replicas stays as it was.
func TestReplicasOfAClusterThatIsBeingChanged(t *testing.T) {
	shard := func(status string, nodes int32) awstypes.Shard {
		return awstypes.Shard{Status: aws.String(status), NumberOfNodes: aws.Int32(nodes)}
	}
	for name, c := range map[string]struct {
		shards []awstypes.Shard
		want   int64
	}{
		"all available":     {[]awstypes.Shard{shard("available", 3), shard("available", 3)}, 2},
		"one modifying":     {[]awstypes.Shard{shard("modifying", 1), shard("available", 3)}, 2},
		"none is available": {[]awstypes.Shard{shard("modifying", 1), shard("creating", 0)}, 4},
		"no shards":         {nil, 4},
	} {
		v := clusterView{NumReplicasPerShard: types.Int64Value(4)}
		v.flattenShards(c.shards)
		if got := v.NumReplicasPerShard.ValueInt64(); got != c.want {
			t.Errorf("%s: %d replicas, want %d", name, got, c.want)
		}
	}
}

func TestOnlyAnActiveTopicIsShown(t *testing.T) {
	for status, want := range map[string]types.String{"ACTIVE": types.StringValue("t"), "INACTIVE": types.StringNull(), "": types.StringNull()} {
		var v clusterView
		v.flatten(&awstypes.Cluster{SnsTopicArn: aws.String("t"), SnsTopicStatus: aws.String(status)})
		if !v.SNSTopicArn.Equal(want) {
			t.Errorf("%q: %v", status, v.SNSTopicArn)
		}
	}
}
