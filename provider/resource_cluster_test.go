package provider_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

const cluster = "memorydb_cluster.t"

// clusterConfig is a small cluster; arguments replace or join its own.
func clusterConfig(name string, arguments ...string) string {
	own := map[string]string{"node_type": `"db.t4g.small"`, "acl_name": `"open-access"`, "num_replicas_per_shard": "0"}
	order := []string{"node_type", "acl_name", "num_replicas_per_shard"}
	for _, a := range arguments {
		key, value, _ := strings.Cut(a, "=")
		key = strings.TrimSpace(key)
		if own[key] == "" {
			order = append(order, key)
		}
		own[key] = value
	}
	var b strings.Builder
	fmt.Fprintf(&b, "resource \"memorydb_cluster\" \"t\" {\n  name = %q\n", name)
	for _, key := range order {
		fmt.Fprintf(&b, "  %s = %s\n", key, own[key])
	}
	return b.String() + "}\n"
}

// clusterInService checks what the API says of the cluster, with its shards.
func clusterInService(t *testing.T, name string, check func(types.Cluster) error) resource.TestCheckFunc {
	return func(*terraform.State) error {
		out, err := api(t).DescribeClusters(context.Background(), &memorydb.DescribeClustersInput{ClusterName: &name, ShowShardDetails: aws.Bool(true)})
		if err != nil {
			return err
		}
		return check(out.Clusters[0])
	}
}

func TestClusterDefaults(t *testing.T) {
	const name = "cluster-defaults"
	config := "resource \"memorydb_cluster\" \"t\" {\n  name = \"" + name + "\"\n  node_type = \"db.t4g.small\"\n  acl_name = \"open-access\"\n}\n"
	steps := []resource.TestStep{change(cluster, plancheck.ResourceActionCreate, config,
		has(cluster, "id", name), has(cluster, "arn", "arn:aws:memorydb:us-east-1:123456789012:cluster/"+name), has(cluster, "description", "Managed by Terraform"),
		has(cluster, "engine", "redis"), has(cluster, "engine_version", "7.1"), has(cluster, "engine_patch_version", "7.1.0"), has(cluster, "parameter_group_name", "default.memorydb-redis7"),
		has(cluster, "subnet_group_name", "default"), has(cluster, "num_shards", 1), has(cluster, "num_replicas_per_shard", 1), has(cluster, "port", 6379), has(cluster, "tls_enabled", true),
		has(cluster, "data_tiering", false), has(cluster, "auto_minor_version_upgrade", true), has(cluster, "snapshot_retention_limit", 0), has(cluster, "network_type", "ipv4"),
		has(cluster, "ip_discovery", "ipv4"), has(cluster, "maintenance_window", knownvalue.StringRegexp(message(":"))), has(cluster, "snapshot_window", knownvalue.StringRegexp(message(":"))),
		has(cluster, "cluster_endpoint.0.address", knownvalue.NotNull()), has(cluster, "cluster_endpoint.0.port", 6379),
		has(cluster, "shards.0.name", "0001"), has(cluster, "shards.0.slots", "0-16383"), has(cluster, "shards.0.num_nodes", 2), has(cluster, "shards.0.nodes.0.name", name+"-0001-001"),
		has(cluster, "shards.0.nodes.0.endpoint.0.port", 6379), has(cluster, "sns_topic_arn", nil), has(cluster, "kms_key_arn", nil))}
	apply(t, append(steps, imports(cluster, "cluster", name)...)...)
}

func TestClusterWithEverything(t *testing.T) {
	const name = "cluster-all"
	around := aclConfig("cluster-all", []string{"cluster-all"}, []string{"cluster-all"}) + strings.ReplaceAll(subnetGroupConfig("name = \"cluster-all\"\nsubnet_ids = [\"subnet-0a1\", \"subnet-0a2\"]"), "\"t\"", "\"s\"") +
		strings.ReplaceAll(parameterGroupConfig("cluster-all", map[string]string{"maxmemory-policy": "allkeys-lru"}), "\"t\"", "\"p\"")
	with := func(more ...string) string {
		return around + clusterConfig(name, append([]string{
			"acl_name = memorydb_acl.t.name", "subnet_group_name = memorydb_subnet_group.s.name", "parameter_group_name = memorydb_parameter_group.p.name", "num_shards = 2", "num_replicas_per_shard = 1",
			`description = "sessions"`, `engine = "redis"`, `engine_version = "7.0"`, `maintenance_window = "Sun:23:00-mon:01:30"`, `snapshot_window = "05:00-09:00"`, "snapshot_retention_limit = 7",
			`security_group_ids = ["sg-0a1", "sg-0a2"]`, `sns_topic_arn = "arn:aws:sns:us-east-1:123456789012:topic"`, "port = 7000", "auto_minor_version_upgrade = false", `tags = { team = "a" }`,
			`network_type = "ipv4"`, `ip_discovery = "ipv4"`,
		}, more...)...)
	}
	first := change(cluster, plancheck.ResourceActionCreate, with(), has(cluster, "acl_name", "cluster-all"), has(cluster, "port", 7000), has(cluster, "cluster_endpoint.0.port", 7000),
		has(cluster, "shards.0.slots", "0-8191"), has(cluster, "shards.1.slots", "8192-16383"), has(cluster, "shards.1.nodes.1.name", name+"-0002-002"), has(cluster, "security_group_ids", []string{"sg-0a1", "sg-0a2"}),
		has(cluster, "sns_topic_arn", "arn:aws:sns:us-east-1:123456789012:topic"), has(cluster, "tags_all", map[string]string{"team": "a"}))
	first.Check = clusterInService(t, name, func(c types.Cluster) error {
		switch {
		case *c.Status != "available", *c.NumberOfShards != 2, len(c.Shards) != 2, len(c.Shards[0].Nodes) != 2, *c.ParameterGroupName != "cluster-all", *c.SubnetGroupName != "cluster-all",
			*c.MaintenanceWindow != "sun:23:00-mon:01:30", *c.SnapshotRetentionLimit != 7, *c.SnsTopicStatus != "ACTIVE", *c.AutoMinorVersionUpgrade:
			return fmt.Errorf("the service has %+v", c)
		}
		return nil
	})
	steps := append([]resource.TestStep{first}, imports(cluster, "cluster", name, "maintenance_window")...) // which the service writes in lower case
	second := change(cluster, plancheck.ResourceActionUpdate, with(`description = ""`, `acl_name = "open-access"`, `engine_version = "7.1"`, `parameter_group_name = "default.memorydb-redis7"`,
		`maintenance_window = "tue:03:00-tue:04:00"`, `snapshot_window = "01:00-02:00"`, "snapshot_retention_limit = 0", `security_group_ids = ["sg-0a3"]`, "sns_topic_arn = null", `tags = { team = "b" }`,
		`node_type = "db.t4g.medium"`), has(cluster, "id", name), has(cluster, "engine_patch_version", "7.1.0"), has(cluster, "sns_topic_arn", nil), has(cluster, "security_group_ids", []string{"sg-0a3"}),
		has(cluster, "description", ""))
	second.Check = clusterInService(t, name, func(c types.Cluster) error {
		switch {
		case aws.ToString(c.Description) != "", *c.ACLName != "open-access", *c.EngineVersion != "7.1", *c.ParameterGroupName != "default.memorydb-redis7", *c.ParameterGroupStatus != "in-sync",
			*c.NodeType != "db.t4g.medium", *c.SnapshotRetentionLimit != 0, *c.SnsTopicStatus != "INACTIVE":
			return fmt.Errorf("the service has %+v", c)
		}
		return nil
	})
	apply(t, append(steps, second)...)
}

func TestClusterReplicas(t *testing.T) {
	const name = "cluster-replicas"
	step := func(a plancheck.ResourceActionType, replicas int) resource.TestStep {
		return change(cluster, a, clusterConfig(name, fmt.Sprintf("num_replicas_per_shard = %d", replicas)), has(cluster, "num_replicas_per_shard", replicas), has(cluster, "shards.0.num_nodes", replicas+1))
	}
	apply(t, step(plancheck.ResourceActionCreate, 0), step(plancheck.ResourceActionUpdate, 2), step(plancheck.ResourceActionUpdate, 1), step(plancheck.ResourceActionUpdate, 0))
}

func TestClusterEngine(t *testing.T) {
	const name = "cluster-engine"
	apply(t,
		change(cluster, plancheck.ResourceActionCreate, clusterConfig(name, `engine = "redis"`, `engine_version = "7.1"`), has(cluster, "parameter_group_name", "default.memorydb-redis7")),
		change(cluster, plancheck.ResourceActionUpdate, clusterConfig(name, `engine = "valkey"`, `engine_version = "7.2"`), has(cluster, "id", name), has(cluster, "engine", "valkey"),
			has(cluster, "parameter_group_name", "default.memorydb-valkey7"), has(cluster, "engine_patch_version", "7.2.6")),
		resource.TestStep{Config: clusterConfig(name, `engine = "redis"`, `engine_version = "7.1"`), PlanOnly: true, ExpectError: message("can't go back to redis 7.1")},
	)
}

func TestClusterReplacement(t *testing.T) {
	replaced := func(name string, more ...string) resource.TestStep {
		return change(cluster, plancheck.ResourceActionReplace, clusterConfig(name, more...), has(cluster, "id", name))
	}
	apply(t,
		change(cluster, plancheck.ResourceActionCreate, clusterConfig("cluster-first"), has(cluster, "id", "cluster-first")),
		replaced("cluster-other"),
		replaced("cluster-other", "tls_enabled = false"),
		replaced("cluster-other", "tls_enabled = false", "port = 7001"),
	)
}

func TestClusterDriftAndDisappearance(t *testing.T) {
	config := clusterConfig("cluster-drift", "snapshot_retention_limit = 1")
	name := aws.String("cluster-drift")
	apply(t,
		resource.TestStep{Config: config},
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).UpdateCluster(ctx, &memorydb.UpdateClusterInput{ClusterName: name, ReplicaConfiguration: &types.ReplicaConfigurationRequest{ReplicaCount: 1}, SnapshotRetentionLimit: aws.Int32(2)})
			return errors.Join(err, settled(t, "memorydb_cluster", *name))
		}, action(cluster, plancheck.ResourceActionUpdate)),
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).DeleteCluster(ctx, &memorydb.DeleteClusterInput{ClusterName: name})
			return errors.Join(err, settled(t, "memorydb_cluster", *name))
		}, action(cluster, plancheck.ResourceActionCreate)),
	)
}

func TestClusterRefusals(t *testing.T) {
	plan := func(want string, arguments ...string) badConfig {
		return badConfig{clusterConfig("cluster-bad", arguments...), want, true}
	}
	service := func(want string, arguments ...string) badConfig {
		return badConfig{clusterConfig("cluster-bad", arguments...), want, false}
	}
	refused(t, []badConfig{
		plan("must be one of", `node_type = "db.t2.micro"`),
		plan("between 1 and 500", "num_shards = 0"),
		plan("between 0 and 5", "num_replicas_per_shard = 6"),
		plan("between 1024 and 65535", "port = 80"),
		plan("between 0 and 35", "snapshot_retention_limit = 36"),
		plan("must be one of", `engine = "memcached"`),
		plan("must be one of", `engine_version = "5.0"`),
		plan("redis has no version 7.3", `engine = "redis"`, `engine_version = "7.3"`),
		plan("Invalid maintenance window", `maintenance_window = "sunday"`),
		plan("at least 60 minutes", `snapshot_window = "05:00-05:30"`),
		plan(`the only ACL that can be used is "open-access"`, "tls_enabled = false", `acl_name = "mine"`),
		plan("data_tiering must be true", `node_type = "db.r6gd.xlarge"`),
		plan("data_tiering must be false", "data_tiering = true"),
		plan("is not the id of a security group", `security_group_ids = ["default"]`),
		plan("is not an ARN", `sns_topic_arn = "topic"`),
		plan("is not an ARN", `kms_key_arn = "arn:aws:s3:::x"`),
		plan("Parameter group of another family", `engine_version = "7.1"`, `parameter_group_name = "default.memorydb-redis6"`),
		plan("snapshot_arns", `snapshot_name = "a"`, `snapshot_arns = ["arn:aws:s3:::b/c.rdb"]`),
		plan("must be one of", `network_type = "ipx"`),
		service("ACLNotFoundFault", `acl_name = "no-such-acl"`),
		service("SubnetGroupNotFoundFault", `subnet_group_name = "no-such-group"`),
		service("ParameterGroupNotFoundFault", `parameter_group_name = "no-such-group"`),
		service("NodeQuotaForClusterExceededFault", "num_shards = 91"),
		service("SnapshotNotFoundFault", `snapshot_name = "no-such-snapshot"`),
	})
}
