package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	awstypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

type parameterGroupResource struct{ resourceBase }

func newParameterGroupResource() resource.Resource {
	return &parameterGroupResource{resourceBase{kind: parameterGroupKind}}
}

type parameterGroupModel struct {
	commonModel
	nameModel
	parameterGroupView
	Timeouts timeouts.Value `tfsdk:"timeouts"`
}

// parameterGroupView is what resource and data source show alike.
type parameterGroupView struct {
	Description types.String `tfsdk:"description"`
	Family      types.String `tfsdk:"family"`
	Parameter   types.Set    `tfsdk:"parameter"`
}

type parameterModel struct {
	Name  types.String `tfsdk:"name"`
	Value types.String `tfsdk:"value"`
}

var parameterType = types.ObjectType{AttrTypes: map[string]attr.Type{"name": types.StringType, "value": types.StringType}}

// parametersTimeout is how long a change waits for an earlier one to reach the clusters of the group.
const parametersTimeout = 10 * time.Minute

// Schema implements resource.Resource.
func (r *parameterGroupResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A parameter group: engine parameters of the clusters that use it. Every change reaches them at once, without a restart. Parameters that are not set have the family's defaults, and go back to them when their block is removed.",
		Attributes:          r.attributes(),
		Blocks: map[string]schema.Block{
			"parameter": schema.SetNestedBlock{
				MarkdownDescription: "A parameter that is set.",
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"name":  schema.StringAttribute{Required: true, MarkdownDescription: "Name of the parameter, as `maxmemory-policy`."},
					"value": schema.StringAttribute{Required: true, MarkdownDescription: "Value."},
				}},
			},
			"timeouts": timeoutsBlock(ctx, timeouts.Opts{Create: true, Update: true}, parametersTimeout),
		},
	}
}

func (r *parameterGroupResource) attributes() map[string]schema.Attribute {
	again := fmt.Sprintf(replaces, r.noun)
	attributes := r.commonAttributes(r.nameAttributes())
	attributes["description"] = schema.StringAttribute{
		Optional: true, Computed: true, Default: stringdefault.StaticString(managedByTerraform), PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
		MarkdownDescription: "Description. `" + managedByTerraform + "` if it is left out." + again,
	}
	attributes["family"] = schema.StringAttribute{
		Required: true, Validators: oneOf(spec.Families...), PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
		MarkdownDescription: "Family, which decides the engine and its major version: " + code(spec.Families) + "." + again,
	}
	return attributes
}

// ValidateConfig implements resource.ResourceWithValidateConfig: names and values against the family.
func (r *parameterGroupResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m parameterGroupModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() || m.Parameter.IsUnknown() {
		return
	}
	family, at := m.Family.ValueString(), path.Root("parameter")
	seen := map[string]bool{}
	for _, element := range m.Parameter.Elements() {
		p, ok := parameterOf(element)
		if !ok || p.Name.IsUnknown() {
			continue
		}
		name := p.Name.ValueString()
		if seen[name] {
			resp.Diagnostics.AddAttributeError(at, "Duplicate parameter", fmt.Sprintf("The parameter %s is set more than once.", name))
		}
		seen[name] = true
		if !slices.Contains(spec.Families, family) { // unknown, or refused already
			continue
		}
		known, ok := spec.FindParameter(family, name)
		if !ok {
			resp.Diagnostics.AddAttributeError(at.AtSetValue(element).AtName("name"), "Unknown parameter", fmt.Sprintf("The family %s has no parameter %q. Its parameters: %s.", family, name, parameterNames(family)))
			continue
		}
		if p.Value.IsUnknown() {
			continue
		}
		if err := known.Check(p.Value.ValueString()); err != nil {
			resp.Diagnostics.AddAttributeError(at.AtSetValue(element).AtName("value"), "Invalid value of parameter "+name, err.Error())
		}
	}
}

// Create implements resource.Resource.
func (r *parameterGroupResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m parameterGroupModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	limit, diags := m.Timeouts.Create(ctx, parametersTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.choose()
	in := &memorydb.CreateParameterGroupInput{
		ParameterGroupName: &name, Family: m.Family.ValueStringPointer(), Description: m.Description.ValueStringPointer(), Tags: expandTags(m.TagsAll),
	}
	err := create(ctx, r.existing(name), alreadyExists, func(ctx context.Context) error {
		_, err := r.CreateParameterGroup(ctx, in)
		return err
	})
	if err != nil {
		r.failed(&resp.Diagnostics, "creating", name, r.attributes(), err)
		return
	}
	r.begin(ctx, req.Plan, resp, name)
	setErr := r.setParameters(ctx, name, nil, parametersOf(m.Parameter))
	if setErr != nil { // what was set before it failed is read; the plan's values are not what the group has
		m.Parameter = types.SetValueMust(parameterType, nil)
	}
	readErr := r.read(ctx, &m)
	if readErr == nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
	if err := errors.Join(setErr, readErr); err != nil {
		r.failed(&resp.Diagnostics, "setting parameters of", name, r.attributes(), err)
	}
}

// Read implements resource.Resource.
func (r *parameterGroupResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m parameterGroupModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := m.Name.ValueString()
	r.identify(ctx, resp.Identity, name, &resp.Diagnostics)
	switch err := r.read(ctx, &m); {
	case isNotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		r.failed(&resp.Diagnostics, "reading", name, r.attributes(), err)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

// Update implements resource.Resource.
func (r *parameterGroupResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, was parameterGroupModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &was)...)
	limit, diags := m.Timeouts.Update(ctx, parametersTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.Name.ValueString()
	err := r.setParameters(ctx, name, parametersOf(was.Parameter), parametersOf(m.Parameter))
	if err == nil {
		err = r.updateTags(ctx, was.ARN.ValueString(), was.TagsAll, m.TagsAll)
	}
	if err == nil {
		err = r.read(ctx, &m)
	}
	if err != nil {
		r.failed(&resp.Diagnostics, "changing", name, r.attributes(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	r.identify(ctx, resp.Identity, name, &resp.Diagnostics)
}

// Delete implements resource.Resource.
func (r *parameterGroupResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m parameterGroupModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	_, err := r.DeleteParameterGroup(ctx, &memorydb.DeleteParameterGroupInput{ParameterGroupName: m.Name.ValueStringPointer()})
	if err != nil && !isNotFound(err) {
		r.failed(&resp.Diagnostics, "deleting", m.Name.ValueString(), r.attributes(), err)
	}
}

// setParameters makes the set parameters of a group those of now, in calls of as many as the API takes. A group whose last change is still on its way to a cluster refuses another one for a while.
func (r *parameterGroupResource) setParameters(ctx context.Context, group string, was, now map[string]string) error {
	var reset []string
	for name := range was {
		if _, stays := now[name]; !stays {
			reset = append(reset, name)
		}
	}
	slices.Sort(reset)
	var set []awstypes.ParameterNameValue
	for name, value := range now {
		if had, ok := was[name]; !ok || had != value {
			set = append(set, awstypes.ParameterNameValue{ParameterName: aws.String(name), ParameterValue: aws.String(value)})
		}
	}
	slices.SortFunc(set, func(a, b awstypes.ParameterNameValue) int { return compareText(a.ParameterName, b.ParameterName) })
	what := "earlier changes of parameter group " + group
	for some := range slices.Chunk(reset, spec.MaxParametersPerCall) {
		if err := r.whenSettled(ctx, what, is[*awstypes.InvalidParameterGroupStateFault], func(ctx context.Context) error {
			_, err := r.ResetParameterGroup(ctx, &memorydb.ResetParameterGroupInput{ParameterGroupName: &group, ParameterNames: some})
			return err
		}); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(set, spec.MaxParametersPerCall) {
		if err := r.whenSettled(ctx, what, is[*awstypes.InvalidParameterGroupStateFault], func(ctx context.Context) error {
			_, err := r.UpdateParameterGroup(ctx, &memorydb.UpdateParameterGroupInput{ParameterGroupName: &group, ParameterNameValues: some})
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) findParameterGroup(ctx context.Context, name string) (*awstypes.ParameterGroup, error) {
	out, err := c.DescribeParameterGroups(ctx, &memorydb.DescribeParameterGroupsInput{ParameterGroupName: &name})
	if err != nil {
		return nil, err
	}
	if len(out.ParameterGroups) == 0 {
		return nil, &awstypes.ParameterGroupNotFoundFault{Message: aws.String("The service found no parameter group " + name + ".")}
	}
	return &out.ParameterGroups[0], nil
}

// existing is nil if the name is taken.
func (r *parameterGroupResource) existing(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := r.findParameterGroup(ctx, name)
		return err
	}
}

// read fills the model from the service.
func (r *parameterGroupResource) read(ctx context.Context, m *parameterGroupModel) error {
	g, err := r.findParameterGroup(ctx, m.Name.ValueString())
	if err != nil {
		return err
	}
	m.ID, m.Name, m.ARN = types.StringPointerValue(g.Name), types.StringPointerValue(g.Name), types.StringPointerValue(g.ARN)
	if err := r.readParameterGroup(ctx, g, &m.parameterGroupView); err != nil {
		return err
	}
	return r.readTags(ctx, &m.commonModel)
}

// readParameterGroup fills the view: those parameters that it has already, and those whose values are not the family's defaults. The API does not tell which parameters somebody set.
func (c *client) readParameterGroup(ctx context.Context, g *awstypes.ParameterGroup, v *parameterGroupView) error {
	v.Description, v.Family = description(g.Description), types.StringPointerValue(g.Family)
	values, err := c.parameters(ctx, aws.ToString(g.Name))
	if err != nil {
		return err
	}
	defaults, err := c.parameters(ctx, spec.DefaultParameterGroup(aws.ToString(g.Family)))
	if err != nil {
		return err
	}
	mine := parametersOf(v.Parameter)
	var shown []attr.Value
	for name, value := range values {
		_, ours := mine[name]
		if byDefault, ok := defaults[name]; !ours && ok && byDefault == value {
			continue
		}
		shown = append(shown, types.ObjectValueMust(parameterType.AttrTypes, map[string]attr.Value{"name": types.StringValue(name), "value": types.StringValue(value)}))
	}
	v.Parameter = types.SetValueMust(parameterType, shown)
	return nil
}

// parameters are the values of a group's parameters; one without a value is missing.
func (c *client) parameters(ctx context.Context, group string) (map[string]string, error) {
	out := map[string]string{}
	pages := memorydb.NewDescribeParametersPaginator(c.Client, &memorydb.DescribeParametersInput{ParameterGroupName: &group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.Parameters {
			if p.Value != nil {
				out[aws.ToString(p.Name)] = *p.Value
			}
		}
	}
	return out, nil
}

// parametersOf are the known names and values of parameter blocks.
func parametersOf(blocks types.Set) map[string]string {
	out := map[string]string{}
	for _, element := range blocks.Elements() {
		if p, ok := parameterOf(element); ok {
			out[p.Name.ValueString()] = p.Value.ValueString()
		}
	}
	return out
}

func parameterOf(element attr.Value) (p parameterModel, ok bool) {
	object, ok := element.(types.Object)
	if !ok {
		return p, false
	}
	name, isName := object.Attributes()["name"].(types.String)
	value, isValue := object.Attributes()["value"].(types.String)
	return parameterModel{name, value}, isName && isValue
}

func parameterNames(family string) string {
	var names []string
	for _, p := range spec.Parameters(family) {
		names = append(names, p.Name)
	}
	return joined(names)
}
