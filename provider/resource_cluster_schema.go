package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// Schema implements resource.Resource.
func (r *clusterResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A cluster: shards that own the slots among them, each with a primary and replicas in other zones. An acknowledged write is in the transaction log of several zones.",
		Attributes:          r.attributes(),
		Blocks: map[string]schema.Block{
			"timeouts": timeoutsBlock(ctx, timeouts.Opts{Create: true, Update: true, Delete: true}, clusterTimeout),
		},
	}
}

func (r *clusterResource) attributes() map[string]schema.Attribute {
	all := r.commonAttributes(r.nameAttributes())
	for _, part := range []map[string]schema.Attribute{r.sizeAttributes(), r.engineAttributes(), r.networkAttributes(), r.upkeepAttributes(), r.computedAttributes()} {
		for name, a := range part {
			all[name] = a
		}
	}
	return all
}

// again is what descriptions of attributes that can't be changed end with.
func (r *clusterResource) again() string { return fmt.Sprintf(replaces, r.noun) }

var (
	keepText    = stringplanmodifier.UseStateForUnknown()
	replaceText = stringplanmodifier.RequiresReplace()
)

func (r *clusterResource) sizeAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"node_type": schema.StringAttribute{
			Required: true, Validators: oneOf(spec.NodeTypeNames()...),
			MarkdownDescription: "Type of the nodes, which decides their memory: " + code(spec.NodeTypeNames()) + ".",
		},
		"num_shards": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(spec.DefaultShards), Validators: []validator.Int64{int64validator.Between(1, spec.MaxShards)},
			MarkdownDescription: fmt.Sprintf("Number of shards, 1 to %d. Default %d. Changed in place by AWS; the emulator refuses a change, since this version does not move slots between shards.", spec.MaxShards, spec.DefaultShards),
		},
		"num_replicas_per_shard": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(spec.DefaultReplicas), Validators: []validator.Int64{int64validator.Between(0, spec.MaxReplicas)},
			MarkdownDescription: fmt.Sprintf("Number of replicas of each shard, 0 to %d. Default %d. With none the loss of a node makes its shard unavailable until the node is replaced; no data is lost.", spec.MaxReplicas, spec.DefaultReplicas),
		},
		"data_tiering": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false), PlanModifiers: []planmodifier.Bool{boolplanmodifier.RequiresReplace()},
			MarkdownDescription: "Whether rarely used values are kept on local disks. Must be set for node types of the family r6gd, and for no others. Default false." + r.again(),
		},
	}
}

func (r *clusterResource) engineAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"engine": schema.StringAttribute{
			Optional: true, Computed: true, Validators: oneOf(spec.Engines...), PlanModifiers: []planmodifier.String{keepText},
			MarkdownDescription: "Engine: " + code(spec.Engines) + ". A redis cluster can become a valkey cluster in place, but not the other way round. Default " + code([]string{spec.DefaultEngine}) + ", unless `engine_version` is one of another engine.",
		},
		"engine_version": schema.StringAttribute{
			Optional: true, Computed: true, Validators: oneOf(versions("")...), PlanModifiers: []planmodifier.String{keepText},
			MarkdownDescription: "Version of the engine, as `7.1`: " + versionText() + ". Can be raised in place, never lowered. The newest of the engine if it is left out.",
		},
		"auto_minor_version_upgrade": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true), PlanModifiers: []planmodifier.Bool{boolplanmodifier.RequiresReplace()},
			MarkdownDescription: "Whether new patch versions are taken over automatically. Default true." + r.again(),
		},
		"parameter_group_name": schema.StringAttribute{
			Optional: true, Computed: true, Validators: []validator.String{reference()}, PlanModifiers: []planmodifier.String{keepText},
			MarkdownDescription: "Name of a parameter group of the engine's family. The family's default one if it is left out.",
		},
		"acl_name": schema.StringAttribute{
			Required: true, Validators: []validator.String{reference()},
			MarkdownDescription: "Name of the ACL whose users may use the cluster. `" + spec.OpenAccessACL + "` lets everybody in; without TLS it is the only one that can be used.",
		},
		"tls_enabled": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true), PlanModifiers: []planmodifier.Bool{boolplanmodifier.RequiresReplace()},
			MarkdownDescription: "Whether clients must use TLS. Default true." + r.again(),
		},
		"kms_key_arn": schema.StringAttribute{
			Optional: true, Validators: []validator.String{arnOf("kms")}, PlanModifiers: []planmodifier.String{replaceText},
			MarkdownDescription: "ARN of the KMS key that encrypts the data at rest. A key of the service if it is left out." + r.again(),
		},
	}
}

// versions are the versions of an engine, or of all.
func versions(engine string) []string {
	var out []string
	for _, v := range spec.EngineVersions {
		if engine == "" || v.Engine == engine {
			out = append(out, v.Version)
		}
	}
	return out
}

func versionText() string {
	var parts []string
	for _, e := range spec.Engines {
		parts = append(parts, e+" "+code(versions(e)))
	}
	return strings.Join(parts, ", ")
}

func (r *clusterResource) networkAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"subnet_group_name": schema.StringAttribute{
			Optional: true, Computed: true, Validators: []validator.String{reference()}, PlanModifiers: []planmodifier.String{keepText, replaceText},
			MarkdownDescription: "Name of the subnet group with the subnets of the nodes. `" + spec.DefaultSubnetGroup + "`, over the default VPC, if it is left out." + r.again(),
		},
		"security_group_ids": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, Computed: true, PlanModifiers: []planmodifier.Set{setplanmodifier.UseStateForUnknown()},
			Validators: []validator.Set{setvalidator.ValueStringsAre(checked("must be the id of a security group", func(id string) error {
				if !spec.IsSecurityGroupID(id) {
					return fmt.Errorf("%q is not the id of a security group: it has the form sg-0123456789abcdef0", id)
				}
				return nil
			}))},
			MarkdownDescription: "Ids of security groups. They can be replaced by others, but not all be taken away.",
		},
		"port": schema.Int64Attribute{
			Optional: true, Computed: true, Validators: []validator.Int64{int64validator.Between(spec.MinPort, spec.MaxPort)},
			PlanModifiers:       []planmodifier.Int64{int64planmodifier.UseStateForUnknown(), int64planmodifier.RequiresReplace()},
			MarkdownDescription: fmt.Sprintf("Port of all nodes, %d to %d. Default %d.", spec.MinPort, spec.MaxPort, spec.DefaultPort) + r.again(),
		},
		"network_type": schema.StringAttribute{
			Optional: true, Computed: true, Validators: oneOf(list(spec.NetworkTypes)...), PlanModifiers: []planmodifier.String{keepText, replaceText},
			MarkdownDescription: "Addresses of the nodes: " + code(list(spec.NetworkTypes)) + ". Default `" + spec.DefaultNetworkType + "`." + r.again(),
		},
		"ip_discovery": schema.StringAttribute{
			Optional: true, Computed: true, Validators: oneOf(list(spec.IPDiscoveries)...), PlanModifiers: []planmodifier.String{keepText},
			MarkdownDescription: "Which addresses clients are told: " + code(list(spec.IPDiscoveries)) + ". Default `" + spec.DefaultIPDiscovery + "`.",
		},
		"multi_region_cluster_name": schema.StringAttribute{
			Optional: true, Computed: true, Validators: []validator.String{reference()}, PlanModifiers: []planmodifier.String{keepText, replaceText},
			MarkdownDescription: "Name of the multi-Region cluster that the cluster is a member of." + r.again(),
		},
	}
}

func (r *clusterResource) upkeepAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"description": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(managedByTerraform),
			MarkdownDescription: "Description. `" + managedByTerraform + "` if it is left out.",
		},
		"maintenance_window": schema.StringAttribute{
			CustomType: formType{form: foldedForm}, Optional: true, Computed: true, PlanModifiers: []planmodifier.String{keepText, sameMeaning{foldedForm}},
			Validators:          []validator.String{checked("must be a weekly window of an hour or more", spec.CheckMaintenanceWindow)},
			MarkdownDescription: "Weekly time of maintenance, UTC, an hour or more: `sun:23:00-mon:01:30`. Chosen by the service if it is left out.",
		},
		"snapshot_window": schema.StringAttribute{
			Optional: true, Computed: true, PlanModifiers: []planmodifier.String{keepText}, Validators: []validator.String{checked("must be a daily window of an hour or more", spec.CheckSnapshotWindow)},
			MarkdownDescription: "Daily time of automatic snapshots, UTC, an hour or more: `05:00-09:00`. Chosen by the service if it is left out.",
		},
		"snapshot_retention_limit": schema.Int64Attribute{
			Optional: true, Computed: true, PlanModifiers: []planmodifier.Int64{int64planmodifier.UseStateForUnknown()}, Validators: []validator.Int64{int64validator.Between(0, spec.MaxSnapshotRetention)},
			MarkdownDescription: fmt.Sprintf("Days for which automatic snapshots are kept, 0 to %d. 0, the default, makes none.", spec.MaxSnapshotRetention),
		},
		"final_snapshot_name": schema.StringAttribute{
			Optional: true, Validators: []validator.String{named(spec.SnapshotName)},
			MarkdownDescription: "Name of a snapshot to take when the cluster is deleted. It counts when it was applied before. Without it the data is gone with the cluster.",
		},
		"snapshot_name": schema.StringAttribute{
			Optional: true, Validators: []validator.String{stringvalidator.ConflictsWith(path.MatchRoot("snapshot_arns"))}, PlanModifiers: []planmodifier.String{replaceText},
			MarkdownDescription: "Name of a snapshot whose data the cluster begins with." + r.again(),
		},
		"snapshot_arns": schema.ListAttribute{
			ElementType: types.StringType, Optional: true, PlanModifiers: []planmodifier.List{listplanmodifier.RequiresReplace()},
			Validators: []validator.List{listvalidator.SizeAtLeast(1), listvalidator.ValueStringsAre(arnOf("s3"), checked("must not contain a comma", func(s string) error {
				if strings.Contains(s, ",") {
					return fmt.Errorf("%q contains a comma", s)
				}
				return nil
			}))},
			MarkdownDescription: "ARNs of RDB files in S3 whose data the cluster begins with. Conflicts with `snapshot_name`." + r.again(),
		},
		"sns_topic_arn": schema.StringAttribute{
			Optional: true, Validators: []validator.String{arnOf("sns")},
			MarkdownDescription: "ARN of the SNS topic that is told of events.",
		},
	}
}

func (r *clusterResource) computedAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	endpoint := map[string]schema.Attribute{"address": text("Host name or address."), "port": schema.Int64Attribute{Computed: true, MarkdownDescription: "Port."}}
	return map[string]schema.Attribute{
		"cluster_endpoint": schema.ListNestedAttribute{
			Computed: true, PlanModifiers: []planmodifier.List{listplanmodifier.UseStateForUnknown()}, NestedObject: schema.NestedAttributeObject{Attributes: endpoint},
			MarkdownDescription: "Where clients connect first, one element: `cluster_endpoint[0].address`. It answers for all shards.",
		},
		"engine_patch_version": text("Patch version of the engine."),
		"shards": schema.ListNestedAttribute{
			Computed: true, MarkdownDescription: "The shards, by name.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name": text("Name, as `0001`."), "slots": text("Slots that the shard owns, as `0-8191`."),
				"num_nodes": schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of nodes, the primary among them."},
				"nodes": schema.ListNestedAttribute{
					Computed: true, MarkdownDescription: "The nodes, by name.",
					NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
						"name": text("Name, as `trading-0001-001`."), "availability_zone": text("Zone that the node is in."), "create_time": text("When the node was made, RFC 3339."),
						"endpoint": schema.ListNestedAttribute{Computed: true, NestedObject: schema.NestedAttributeObject{Attributes: endpoint}, MarkdownDescription: "Where the node is reached, one element."},
					}},
				},
			}},
		},
	}
}
