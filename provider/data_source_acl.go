package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type aclDataSource struct{ dataSourceBase }

func newACLDataSource() datasource.DataSource { return &aclDataSource{dataSourceBase{kind: aclKind}} }

type aclDataModel struct {
	dataModel
	Name types.String `tfsdk:"name"`
	aclView
}

// Schema implements datasource.DataSource.
func (d *aclDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = d.schema("An ACL that exists.", map[string]schema.Attribute{
		"minimum_engine_version": computed("The lowest engine version of clusters that the ACL can be used with."),
		"user_names":             computedSet("Names of the users."),
	})
}

// Read implements datasource.DataSource.
func (d *aclDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m aclDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := d.findACL(ctx, m.Name.ValueString())
	if err == nil {
		m.UserNames = stringSet(nil)
		m.flatten(found)
		err = d.describe(ctx, &m.dataModel, found.Name, found.ARN)
	}
	if err != nil {
		d.failed(&resp.Diagnostics, m.Name.ValueString(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}
