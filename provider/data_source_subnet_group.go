package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type subnetGroupDataSource struct{ dataSourceBase }

func newSubnetGroupDataSource() datasource.DataSource {
	return &subnetGroupDataSource{dataSourceBase{kind: subnetGroupKind}}
}

type subnetGroupDataModel struct {
	dataModel
	Name types.String `tfsdk:"name"`
	subnetGroupView
}

// Schema implements datasource.DataSource.
func (d *subnetGroupDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = d.schema("A subnet group that exists.", map[string]schema.Attribute{
		"description":             computed("Description."),
		"subnet_ids":              computedSet("Ids of the subnets."),
		"supported_network_types": computedSet("Network types that clusters in these subnets can have."),
		"vpc_id":                  computed("Id of the VPC of the subnets."),
	})
}

// Read implements datasource.DataSource.
func (d *subnetGroupDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m subnetGroupDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := d.findSubnetGroup(ctx, m.Name.ValueString())
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
