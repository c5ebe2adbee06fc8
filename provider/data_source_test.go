package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// Each data source shows of a resource what the resource itself shows.
func TestDataSourcesShowWhatResourcesShow(t *testing.T) {
	for _, c := range []struct {
		kind, config, name string
		same               []string
	}{
		{"subnet_group", subnetGroupConfig("name = \"data-subnets\"\nsubnet_ids = [\"subnet-0a1\", \"subnet-0a2\"]\ntags = { a = \"1\" }"), "name",
			[]string{"id", "arn", "name", "description", "subnet_ids", "vpc_id", "supported_network_types", "tags"}},
		{"parameter_group", parameterGroupConfig("data-parameters", map[string]string{"timeout": "20", "maxmemory-policy": "allkeys-lru"}), "name",
			[]string{"id", "arn", "name", "description", "family", "parameter"}},
		{"user", userConfig("data-user", "on ~a* resetchannels -@all +@read", passwords("a-password-of-more-than-16")), "user_name",
			[]string{"id", "arn", "user_name", "access_string", "minimum_engine_version", "authentication_mode.type", "authentication_mode.password_count"}},
		{"acl", aclConfig("data-acl", []string{"data"}, []string{"data"}), "name", []string{"id", "arn", "name", "user_names", "minimum_engine_version"}},
		{"cluster", clusterConfig("data-cluster", "num_shards = 2", `security_group_ids = ["sg-0a1"]`, `sns_topic_arn = "arn:aws:sns:us-east-1:123456789012:topic"`), "name",
			[]string{"id", "arn", "name", "acl_name", "auto_minor_version_upgrade", "cluster_endpoint", "data_tiering", "description", "engine", "engine_patch_version", "engine_version", "ip_discovery", "kms_key_arn",
				"maintenance_window", "network_type", "node_type", "num_replicas_per_shard", "num_shards", "parameter_group_name", "port", "security_group_ids", "shards", "snapshot_retention_limit", "snapshot_window",
				"sns_topic_arn", "subnet_group_name", "tls_enabled"}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			address := "memorydb_" + c.kind + ".t"
			var checks []statecheck.StateCheck
			for _, at := range c.same {
				path := tfjsonpath.New(strings.Split(at, ".")[0])
				for _, key := range strings.Split(at, ".")[1:] {
					path = path.AtMapKey(key)
				}
				checks = append(checks, statecheck.CompareValuePairs(address, path, "data."+address, path, compare.ValuesSame()))
			}
			apply(t, resource.TestStep{
				Config:            c.config + "data \"memorydb_" + c.kind + "\" \"t\" {\n  " + c.name + " = " + address + "." + c.name + "\n}\n",
				ConfigStateChecks: checks,
			})
		})
	}
}

func TestDataSourcesOfBuiltins(t *testing.T) {
	apply(t, resource.TestStep{
		Config: `data "memorydb_user" "t" {
			user_name = "default"
		}
		data "memorydb_acl" "t" {
			name = "open-access"
		}
		data "memorydb_parameter_group" "t" {
			name = "default.memorydb-valkey7"
		}`,
		ConfigStateChecks: []statecheck.StateCheck{
			has("data.memorydb_user.t", "authentication_mode.type", "no-password"), has("data.memorydb_user.t", "access_string", "on ~* &* +@all"), has("data.memorydb_user.t", "acl_names", []string{"open-access"}),
			has("data.memorydb_acl.t", "user_names", []string{"default"}),
			has("data.memorydb_parameter_group.t", "family", "memorydb_valkey7"), has("data.memorydb_parameter_group.t", "parameter", knownvalue.SetSizeExact(0)),
		},
	})
}

func TestDataSourcesOfNothing(t *testing.T) {
	config := func(kind, name string) string {
		return "data \"memorydb_" + kind + "\" \"t\" {\n  " + name + " = \"nothing-of-this-name\"\n}\n"
	}
	refused(t, []badConfig{
		{config("subnet_group", "name"), "SubnetGroupNotFoundFault", true},
		{config("parameter_group", "name"), "ParameterGroupNotFoundFault", true},
		{config("user", "user_name"), "UserNotFoundFault", true},
		{config("acl", "name"), "ACLNotFoundFault", true},
		{config("cluster", "name"), "ClusterNotFoundFault", true},
	})
}
