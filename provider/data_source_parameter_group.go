package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type parameterGroupDataSource struct{ dataSourceBase }

func newParameterGroupDataSource() datasource.DataSource {
	return &parameterGroupDataSource{dataSourceBase{kind: parameterGroupKind}}
}

type parameterGroupDataModel struct {
	dataModel
	Name types.String `tfsdk:"name"`
	parameterGroupView
}

// Schema implements datasource.DataSource.
func (d *parameterGroupDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = d.schema("A parameter group that exists.", map[string]schema.Attribute{
		"description": computed("Description."),
		"family":      computed("Family."),
		"parameter": schema.SetNestedAttribute{
			Computed: true, MarkdownDescription: "The parameters whose values are not the family's defaults.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{"name": computed("Name of the parameter."), "value": computed("Value.")}},
		},
	})
}

// Read implements datasource.DataSource.
func (d *parameterGroupDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m parameterGroupDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := d.findParameterGroup(ctx, m.Name.ValueString())
	if err == nil {
		err = d.readParameterGroup(ctx, found, &m.parameterGroupView)
	}
	if err == nil {
		err = d.describe(ctx, &m.dataModel, found.Name, found.ARN)
	}
	if err != nil {
		d.failed(&resp.Diagnostics, m.Name.ValueString(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}
