package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type clusterDataSource struct{ dataSourceBase }

func newClusterDataSource() datasource.DataSource {
	return &clusterDataSource{dataSourceBase{kind: clusterKind}}
}

type clusterDataModel struct {
	dataModel
	Name types.String `tfsdk:"name"`
	clusterView
}

// Schema implements datasource.DataSource.
func (d *clusterDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = d.schema("A cluster that exists.", map[string]schema.Attribute{
		"acl_name":                   computed("Name of the ACL."),
		"auto_minor_version_upgrade": computedBool("Whether new patch versions are taken over automatically."),
		"data_tiering":               computedBool("Whether rarely used values are kept on local disks."),
		"description":                computed("Description."),
		"engine":                     computed("Engine."),
		"engine_patch_version":       computed("Patch version of the engine."),
		"engine_version":             computed("Version of the engine."),
		"ip_discovery":               computed("Which addresses clients are told."),
		"kms_key_arn":                computed("ARN of the KMS key that encrypts the data at rest, if it is not a key of the service."),
		"maintenance_window":         schema.StringAttribute{CustomType: formType{form: foldedForm}, Computed: true, MarkdownDescription: "Weekly time of maintenance, UTC."},
		"multi_region_cluster_name":  computed("Name of the multi-Region cluster that the cluster is a member of."),
		"network_type":               computed("Addresses of the nodes."),
		"node_type":                  computed("Type of the nodes."),
		"num_replicas_per_shard":     computedNumber("Number of replicas of each shard."),
		"num_shards":                 computedNumber("Number of shards."),
		"parameter_group_name":       computed("Name of the parameter group."),
		"port":                       computedNumber("Port of the nodes."),
		"security_group_ids":         computedSet("Ids of the security groups."),
		"snapshot_retention_limit":   computedNumber("Days for which automatic snapshots are kept; 0 makes none."),
		"snapshot_window":            computed("Daily time of automatic snapshots, UTC."),
		"sns_topic_arn":              computed("ARN of the SNS topic that is told of events."),
		"subnet_group_name":          computed("Name of the subnet group."),
		"tls_enabled":                computedBool("Whether clients must use TLS."),
		"cluster_endpoint": schema.ListNestedAttribute{
			Computed: true, NestedObject: endpointObject, MarkdownDescription: "Where clients connect first, one element: `cluster_endpoint[0].address`.",
		},
		"shards": schema.ListNestedAttribute{
			Computed: true, MarkdownDescription: "The shards, by name.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name": computed("Name, as `0001`."), "slots": computed("Slots that the shard owns, as `0-8191`."), "num_nodes": computedNumber("Number of nodes, the primary among them."),
				"nodes": schema.ListNestedAttribute{
					Computed: true, MarkdownDescription: "The nodes, by name.",
					NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
						"name": computed("Name, as `trading-0001-001`."), "availability_zone": computed("Zone that the node is in."), "create_time": computed("When the node was made, RFC 3339."),
						"endpoint": schema.ListNestedAttribute{Computed: true, NestedObject: endpointObject, MarkdownDescription: "Where the node is reached, one element."},
					}},
				},
			}},
		},
	})
}

// Read implements datasource.DataSource.
func (d *clusterDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m clusterDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := d.findCluster(ctx, m.Name.ValueString())
	if err == nil {
		m.flatten(found)
		err = d.describe(ctx, &m.dataModel, found.Name, found.ARN)
	}
	if err != nil {
		d.failed(&resp.Diagnostics, m.Name.ValueString(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

var endpointObject = schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{"address": computed("Host name or address."), "port": computedNumber("Port.")}}
