// Package provider is the Terraform provider memorydb: subnet groups, parameter groups, users, ACLs and clusters of MemoryDB, on AWS or on an endpoint of one's own.
//
// Each resource is one file, resource_<name>.go: model, schema, Create, Read, Update, Delete, then expand (model to SDK input) and flatten (SDK output to model). client.go is the only door to
// the API, fail.go the only place where its errors become diagnostics, wait.go the only one that waits. What the service allows comes from emulator/spec.
package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// TypeName is the prefix of all resources and data sources.
const TypeName = "memorydb"

type memorydbProvider struct{ version string }

// New makes constructors of the provider; version goes into the user agent.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &memorydbProvider{version: version} }
}

type providerModel struct {
	Endpoint    types.String      `tfsdk:"endpoint"`
	Region      types.String      `tfsdk:"region"`
	Profile     types.String      `tfsdk:"profile"`
	AccessKey   types.String      `tfsdk:"access_key"`
	SecretKey   types.String      `tfsdk:"secret_key"`
	Token       types.String      `tfsdk:"token"`
	MaxRetries  types.Int64       `tfsdk:"max_retries"`
	DefaultTags *defaultTagsModel `tfsdk:"default_tags"`
	IgnoreTags  *ignoreTagsModel  `tfsdk:"ignore_tags"`
}

type defaultTagsModel struct {
	Tags types.Map `tfsdk:"tags"`
}

type ignoreTagsModel struct {
	Keys        types.Set `tfsdk:"keys"`
	KeyPrefixes types.Set `tfsdk:"key_prefixes"`
}

// Metadata implements provider.Provider.
func (p *memorydbProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = TypeName, p.version
}

// Schema implements provider.Provider.
func (p *memorydbProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	with := func(name string) []validator.String {
		return []validator.String{stringvalidator.AlsoRequires(path.MatchRoot(name))}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Declares clusters of MemoryDB and what belongs to them: subnet groups, parameter groups, users and ACLs.\n\n" +
			"With `endpoint` it talks to an open MemoryDB on a machine of yours, without `endpoint` to Amazon MemoryDB. Credentials and region that the block leaves out are looked for where AWS's " +
			"own tools look: environment variables, shared configuration files, the role of the machine.",
		Attributes: map[string]schema.Attribute{
			"endpoint": schema.StringAttribute{
				Optional: true, Validators: []validator.String{checked("must be an http or https URL", checkURL)},
				MarkdownDescription: "URL of the management API, such as `http://127.0.0.1:8480`. May also be given as `MEMORYDB_ENDPOINT`. Without it AWS's endpoint of the region is used.",
			},
			"region": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Region of all resources. May also be given as `AWS_REGION` or by the profile; with an `endpoint` it is `us-east-1` if nothing else says.",
			},
			"profile": schema.StringAttribute{Optional: true, MarkdownDescription: "Profile of the shared configuration files. May also be given as `AWS_PROFILE`."},
			"access_key": schema.StringAttribute{
				Optional: true, Validators: with("secret_key"),
				MarkdownDescription: "Access key id. May also be given as `AWS_ACCESS_KEY_ID`. The emulator's is `test` unless it was started with another one.",
			},
			"secret_key": schema.StringAttribute{
				Optional: true, Sensitive: true, Validators: with("access_key"),
				MarkdownDescription: "Secret access key. May also be given as `AWS_SECRET_ACCESS_KEY`. The emulator's is `test` unless it was started with another one.",
			},
			"token": schema.StringAttribute{
				Optional: true, Sensitive: true, Validators: with("access_key"),
				MarkdownDescription: "Session token of temporary credentials. May also be given as `AWS_SESSION_TOKEN`.",
			},
			"max_retries": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.Between(0, 100)},
				MarkdownDescription: "How often a call that was throttled or got no answer is repeated, with growing pauses. Default 8.",
			},
		},
		Blocks: map[string]schema.Block{
			"default_tags": schema.SingleNestedBlock{
				MarkdownDescription: "Tags of every resource of this provider.",
				Attributes: map[string]schema.Attribute{
					"tags": schema.MapAttribute{
						ElementType: types.StringType, Optional: true, Validators: []validator.Map{tagsValidator{}},
						MarkdownDescription: "Keys and values. A resource's own `tags` win over them.",
					},
				},
			},
			"ignore_tags": schema.SingleNestedBlock{
				MarkdownDescription: "Tags that something else manages: they are neither shown nor removed.",
				Attributes: map[string]schema.Attribute{
					"keys":         schema.SetAttribute{ElementType: types.StringType, Optional: true, MarkdownDescription: "Keys of tags to leave alone."},
					"key_prefixes": schema.SetAttribute{ElementType: types.StringType, Optional: true, MarkdownDescription: "Beginnings of the keys of tags to leave alone."},
				},
			},
		},
	}
}

// Configure implements provider.Provider.
func (p *memorydbProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var m providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	unknown := func(at path.Path, v attr.Value) {
		if v.IsUnknown() {
			resp.Diagnostics.AddAttributeError(at, "Unknown provider configuration",
				"The value is known only after apply, but the provider needs it to plan. Give a value that is known, or first apply what it depends on with -target.")
		}
	}
	for name, v := range map[string]attr.Value{
		"endpoint": m.Endpoint, "region": m.Region, "profile": m.Profile, "access_key": m.AccessKey, "secret_key": m.SecretKey, "token": m.Token, "max_retries": m.MaxRetries,
	} {
		unknown(path.Root(name), v)
	}
	cfg := clientConfig{
		Endpoint: m.Endpoint.ValueString(), Region: m.Region.ValueString(), Profile: m.Profile.ValueString(), AccessKey: m.AccessKey.ValueString(), SecretKey: m.SecretKey.ValueString(),
		Token: m.Token.ValueString(), MaxRetries: defaultMaxRetries, Version: p.version, TerraformVersion: req.TerraformVersion,
	}
	if !m.MaxRetries.IsNull() {
		cfg.MaxRetries = int(m.MaxRetries.ValueInt64())
	}
	if m.DefaultTags != nil && !m.DefaultTags.Tags.IsNull() {
		unknown(path.Root("default_tags").AtName("tags"), m.DefaultTags.Tags)
		if !resp.Diagnostics.HasError() {
			resp.Diagnostics.Append(m.DefaultTags.Tags.ElementsAs(ctx, &cfg.DefaultTags, false)...)
		}
	}
	if m.IgnoreTags != nil {
		unknown(path.Root("ignore_tags").AtName("keys"), m.IgnoreTags.Keys)
		unknown(path.Root("ignore_tags").AtName("key_prefixes"), m.IgnoreTags.KeyPrefixes)
	}
	if m.IgnoreTags != nil && !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(m.IgnoreTags.Keys.ElementsAs(ctx, &cfg.IgnoreTagKeys, false)...)
		resp.Diagnostics.Append(m.IgnoreTags.KeyPrefixes.ElementsAs(ctx, &cfg.IgnoreTagPrefixes, false)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	c, err := newClient(ctx, cfg)
	if err != nil {
		resp.Diagnostics.AddError("The provider can't be configured", err.Error())
		return
	}
	resp.ResourceData, resp.DataSourceData = c, c
}

// Resources implements provider.Provider.
func (p *memorydbProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newSubnetGroupResource, newParameterGroupResource, newUserResource, newACLResource, newClusterResource}
}

// DataSources implements provider.Provider.
func (p *memorydbProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newSubnetGroupDataSource, newParameterGroupDataSource, newUserDataSource, newACLDataSource, newClusterDataSource}
}
