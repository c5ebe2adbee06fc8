package provider

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type userDataSource struct{ dataSourceBase }

func newUserDataSource() datasource.DataSource {
	return &userDataSource{dataSourceBase{kind: userKind}}
}

type userDataModel struct {
	dataModel
	UserName             types.String                 `tfsdk:"user_name"`
	AccessString         types.String                 `tfsdk:"access_string"`
	ACLNames             types.Set                    `tfsdk:"acl_names"`
	AuthenticationMode   *userDataAuthenticationModel `tfsdk:"authentication_mode"`
	MinimumEngineVersion types.String                 `tfsdk:"minimum_engine_version"`
}

type userDataAuthenticationModel struct {
	Type          types.String `tfsdk:"type"`
	PasswordCount types.Int64  `tfsdk:"password_count"`
}

// Schema implements datasource.DataSource.
func (d *userDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = d.schema("A user that exists.", map[string]schema.Attribute{
		"access_string":          computed("What the user may do, as the service writes it."),
		"acl_names":              computedSet("Names of the ACLs that the user is in."),
		"minimum_engine_version": computed("The lowest engine version of clusters that the user can be used with."),
		"authentication_mode": schema.SingleNestedAttribute{
			Computed: true, MarkdownDescription: "How the user authenticates.",
			Attributes: map[string]schema.Attribute{"type": computed("`password`, `iam` or `no-password`."), "password_count": computedNumber("How many passwords the user has.")},
		},
	})
}

// Read implements datasource.DataSource.
func (d *userDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m userDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := d.findUser(ctx, m.UserName.ValueString())
	if err == nil {
		m.AccessString, m.MinimumEngineVersion = types.StringPointerValue(found.AccessString), types.StringPointerValue(found.MinimumEngineVersion)
		m.ACLNames = stringSet(found.ACLNames)
		m.AuthenticationMode = nil
		if a := found.Authentication; a != nil {
			m.AuthenticationMode = &userDataAuthenticationModel{enum(string(a.Type)), types.Int64Value(int64(aws.ToInt32(a.PasswordCount)))}
		}
		err = d.describe(ctx, &m.dataModel, found.Name, found.ARN)
	}
	if err != nil {
		d.failed(&resp.Diagnostics, m.UserName.ValueString(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}
