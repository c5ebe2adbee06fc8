package provider

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// kind is what resources and data sources of one kind have in common.
type kind struct {
	// typeName is the part of the type's name after memorydb_, noun the kind as messages say it.
	typeName, noun string
	// name is the attribute that holds the name: name or user_name.
	name string
	// arn is the kind as ARNs say it, rule what its names look like.
	arn  spec.Kind
	rule spec.Name
}

var (
	subnetGroupKind    = kind{"subnet_group", "subnet group", "name", spec.KindSubnetGroup, spec.SubnetGroupName}
	parameterGroupKind = kind{"parameter_group", "parameter group", "name", spec.KindParameterGroup, spec.ParameterGroupName}
	userKind           = kind{"user", "user", "user_name", spec.KindUser, spec.UserName}
	aclKind            = kind{"acl", "ACL", "name", spec.KindACL, spec.ACLName}
	clusterKind        = kind{"cluster", "cluster", "name", spec.KindCluster, spec.ClusterName}
)

// resourceBase is embedded by every resource.
type resourceBase struct {
	kind
	*client
}

// Metadata implements resource.Resource.
func (b *resourceBase) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = TypeName + "_" + b.typeName
}

// Configure implements resource.ResourceWithConfigure.
func (b *resourceBase) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	b.client = clientOf(req.ProviderData, &resp.Diagnostics)
}

// clientOf is what the provider handed over; nil before it is configured.
func clientOf(data any, diags *diag.Diagnostics) *client {
	if data == nil {
		return nil
	}
	c, ok := data.(*client)
	if !ok {
		diags.AddError("Unexpected provider data", fmt.Sprintf("This is a bug of the provider: it handed over %T.", data))
	}
	return c
}

// IdentitySchema implements resource.ResourceWithIdentity: the name.
func (b *resourceBase) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		b.name: identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the " + b.noun + "."},
	}}
}

// identify sets the resource's identity. Read has to call it before it says that the resource is gone: state of an older terraform or provider has no identity, and an answer without one is refused.
func (b *resourceBase) identify(ctx context.Context, identity *tfsdk.ResourceIdentity, name string, diags *diag.Diagnostics) {
	if identity != nil {
		diags.Append(identity.SetAttribute(ctx, path.Root(b.name), name)...)
	}
}

// begin puts into the state that there is a resource now, as far as the plan knows it: whatever fails from here on, the resource is not lost.
func (b *resourceBase) begin(ctx context.Context, plan tfsdk.Plan, resp *resource.CreateResponse, name string) {
	b.identify(ctx, resp.Identity, name, &resp.Diagnostics)
	raw, err := tftypes.Transform(plan.Raw, func(_ *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if v.IsKnown() {
			return v, nil
		}
		return tftypes.NewValue(v.Type(), nil), nil
	})
	if err != nil {
		resp.Diagnostics.AddError("The state of "+b.noun+" "+name+" can't be kept", err.Error())
		return
	}
	resp.State.Raw = raw
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), name)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(b.name), name)...)
}

// ImportState implements resource.ResourceWithImportState: by name, by ARN, or by identity.
func (b *resourceBase) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := req.ID
	if name == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root(b.name), &name)...)
	}
	if strings.HasPrefix(name, "arn:") {
		arn, err := spec.ParseARN(name)
		if err != nil || arn.Kind != b.arn {
			resp.Diagnostics.AddError("Wrong import id", fmt.Sprintf("%s is not the ARN of a %s. Import by name, or by an ARN of the form arn:aws:memorydb:REGION:ACCOUNT:%s/NAME.", name, b.noun, b.arn))
			return
		}
		if region := b.Options().Region; arn.Region != region {
			resp.Diagnostics.AddError("Wrong region", fmt.Sprintf("%s is in %s, but the provider works in %s. Import it with a provider of its region.", name, arn.Region, region))
			return
		}
		name = arn.Name
	}
	name = spec.Fold(name)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(b.name), name)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), name)...)
	b.identify(ctx, resp.Identity, name, &resp.Diagnostics)
}

// ModifyPlan implements resource.ResourceWithModifyPlan. Resources that plan more call it first.
func (b *resourceBase) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() || b.client == nil { // destroy, or validation without a provider
		return
	}
	b.planTags(ctx, req, resp)
}

// failed adds the diagnostic for an error of the API: doing is what was being done, as "creating".
func (b *resourceBase) failed(diags *diag.Diagnostics, doing, name string, attributes map[string]schema.Attribute, err error) {
	fail(diags, fmt.Sprintf("%s %s %s", doing, b.noun, name), func(attribute string) bool { _, ok := attributes[attribute]; return ok }, err)
}

// commonModel are the attributes of every resource.
type commonModel struct {
	ID      types.String `tfsdk:"id"`
	ARN     types.String `tfsdk:"arn"`
	Tags    types.Map    `tfsdk:"tags"`
	TagsAll types.Map    `tfsdk:"tags_all"`
}

// nameModel are the attributes of resources whose names may be generated.
type nameModel struct {
	Name       types.String `tfsdk:"name"`
	NamePrefix types.String `tfsdk:"name_prefix"`
}

// choose settles the name of a resource that is about to be created.
func (m *nameModel) choose() string {
	if m.Name.IsUnknown() || m.Name.IsNull() {
		prefix := m.NamePrefix.ValueString()
		if prefix == "" {
			prefix = "terraform-"
		}
		m.Name = types.StringValue(generatedName(prefix))
	}
	return m.Name.ValueString()
}

// generatedName appends suffixLength random letters and digits to a prefix.
func generatedName(prefix string) string {
	return prefix + spec.Fold(rand.Text()[:suffixLength])
}

const replaces = " Changing it makes a new %s."

// commonAttributes are the attributes of every resource, with more of its own.
func (b *resourceBase) commonAttributes(more map[string]schema.Attribute) map[string]schema.Attribute {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	all := map[string]schema.Attribute{
		"id":  schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "The name."},
		"arn": schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "ARN of the " + b.noun + "."},
		"tags": schema.MapAttribute{
			ElementType: types.StringType, Optional: true, Validators: []validator.Map{tagsValidator{}},
			MarkdownDescription: "Tags. They win over the provider's `default_tags` with the same key.",
		},
		"tags_all": schema.MapAttribute{ElementType: types.StringType, Computed: true, MarkdownDescription: "All tags, the provider's `default_tags` among them."},
	}
	maps.Copy(all, more)
	return all
}

// nameAttributes are name and name_prefix.
func (b *resourceBase) nameAttributes() map[string]schema.Attribute {
	again := fmt.Sprintf(replaces, b.noun)
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Optional: true, Computed: true, Validators: []validator.String{named(b.rule), stringvalidator.ConflictsWith(path.MatchRoot("name_prefix"))},
			PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown(), stringplanmodifier.RequiresReplace()},
			MarkdownDescription: fmt.Sprintf("Name of the %s: at most %d lower-case letters, digits and hyphens, the first one a letter, no two hyphens in a row and none at the end. Generated if it is left out.%s", b.noun, b.rule.Max, again),
		},
		"name_prefix": schema.StringAttribute{
			Optional: true, Validators: []validator.String{namePrefix(b.rule)},
			PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplaceIf(otherPrefix,
				"A prefix that the name does not have makes a new resource.", "A prefix that the name does not have makes a new resource.")},
			MarkdownDescription: fmt.Sprintf("Beginning of a generated name, of at most %d characters. Conflicts with `name`. A prefix that the name does not have makes a new %s.", b.rule.Max-suffixLength, b.noun),
		},
	}
}

// otherPrefix requires a replacement if the name of the resource does not begin with the prefix.
func otherPrefix(ctx context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
	var name types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("name"), &name)...)
	resp.RequiresReplace = !req.PlanValue.IsNull() && !strings.HasPrefix(name.ValueString(), req.PlanValue.ValueString())
}

// dataSourceBase is embedded by every data source.
type dataSourceBase struct {
	kind
	*client
}

// Metadata implements datasource.DataSource.
func (b *dataSourceBase) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = TypeName + "_" + b.typeName
}

// Configure implements datasource.DataSourceWithConfigure.
func (b *dataSourceBase) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	b.client = clientOf(req.ProviderData, &resp.Diagnostics)
}

func (b *dataSourceBase) failed(diags *diag.Diagnostics, name string, err error) {
	fail(diags, fmt.Sprintf("reading %s %s", b.noun, name), func(attribute string) bool { return attribute == b.name }, err)
}

// stringMap makes a map of strings for Terraform.
func stringMap(m map[string]string) types.Map {
	values := make(map[string]attr.Value, len(m))
	for key, value := range m {
		values[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, values)
}

// goMap are the known strings of a map.
func goMap(m types.Map) map[string]string {
	out := map[string]string{}
	for key, v := range m.Elements() {
		if s, ok := v.(types.String); ok && !s.IsUnknown() {
			out[key] = s.ValueString()
		}
	}
	return out
}

// stringSet makes a set of strings for Terraform.
func stringSet(s []string) types.Set {
	values := make([]attr.Value, len(s))
	for i := range s {
		values[i] = types.StringValue(s[i])
	}
	return types.SetValueMust(types.StringType, values)
}

// goSet are the known strings of a set or list, in order of the alphabet.
func goSet(s interface{ Elements() []attr.Value }) []string {
	var out []string
	for _, v := range s.Elements() {
		if t, ok := v.(types.String); ok && !t.IsUnknown() {
			out = append(out, t.ValueString())
		}
	}
	slices.Sort(out)
	return out
}

// optionalSet is a set as Terraform had it: an attribute that was left out stays out if there is nothing to show.
func optionalSet(was types.Set, now []string) types.Set {
	if len(now) == 0 && was.IsNull() {
		return was
	}
	return stringSet(now)
}

// description is a description: the service does not tell an empty one from none.
func description(text *string) types.String { return types.StringValue(aws.ToString(text)) }

func compareText(a, b *string) int { return strings.Compare(aws.ToString(a), aws.ToString(b)) }

func joined(s []string) string { return strings.Join(s, ", ") }

// code lists values for a description.
func code(values []string) string { return "`" + strings.Join(values, "`, `") + "`" }

// timeoutsBlock is the timeouts block of a resource; each has the same default.
func timeoutsBlock(ctx context.Context, opts timeouts.Opts, byDefault time.Duration) schema.Block {
	describe := func(what string) string {
		return fmt.Sprintf("How long %s may take, as \"30s\" or \"1h30m\". Default %s.", what, shortDuration(byDefault))
	}
	opts.CreateDescription, opts.UpdateDescription, opts.DeleteDescription = describe("creating"), describe("a change"), describe("deleting")
	block, ok := timeouts.Block(ctx, opts).(schema.SingleNestedBlock)
	if !ok {
		panic("provider: timeouts.Block is no SingleNestedBlock")
	}
	block.MarkdownDescription = "How long operations may take before Terraform gives up waiting. What was begun goes on."
	return block
}

// shortDuration writes whole hours and minutes without zeros.
func shortDuration(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
