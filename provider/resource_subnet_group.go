package provider

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	awstypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

type subnetGroupResource struct{ resourceBase }

func newSubnetGroupResource() resource.Resource {
	return &subnetGroupResource{resourceBase{kind: subnetGroupKind}}
}

type subnetGroupModel struct {
	commonModel
	nameModel
	subnetGroupView
}

// subnetGroupView is what resource and data source show alike.
type subnetGroupView struct {
	Description           types.String `tfsdk:"description"`
	SubnetIDs             types.Set    `tfsdk:"subnet_ids"`
	SupportedNetworkTypes types.Set    `tfsdk:"supported_network_types"`
	VpcID                 types.String `tfsdk:"vpc_id"`
}

// managedByTerraform is the description of resources whose configuration has none.
const managedByTerraform = "Managed by Terraform"

// Schema implements resource.Resource.
func (r *subnetGroupResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A subnet group: the subnets in which clusters have their nodes. Its subnets should be in different zones, so that replicas survive the loss of one.",
		Attributes:          r.attributes(),
	}
}

func (r *subnetGroupResource) attributes() map[string]schema.Attribute {
	attributes := r.commonAttributes(r.nameAttributes())
	attributes["description"] = schema.StringAttribute{
		Optional: true, Computed: true, Default: stringdefault.StaticString(managedByTerraform),
		MarkdownDescription: "Description. `" + managedByTerraform + "` if it is left out.",
	}
	attributes["subnet_ids"] = schema.SetAttribute{
		ElementType: types.StringType, Required: true,
		Validators: []validator.Set{setvalidator.SizeBetween(1, spec.MaxSubnetsPerGroup), setvalidator.ValueStringsAre(checked("must be the id of a subnet", func(id string) error {
			if !spec.IsSubnetID(id) {
				return fmt.Errorf("%q is not the id of a subnet: it has the form subnet-0123456789abcdef0", id)
			}
			return nil
		}))},
		MarkdownDescription: fmt.Sprintf("Ids of 1 to %d subnets of one VPC. A subnet with nodes in it can't be taken out.", spec.MaxSubnetsPerGroup),
	}
	attributes["supported_network_types"] = schema.SetAttribute{
		ElementType: types.StringType, Computed: true, MarkdownDescription: "Network types that clusters in these subnets can have.",
	}
	attributes["vpc_id"] = schema.StringAttribute{
		Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}, MarkdownDescription: "Id of the VPC of the subnets.",
	}
	return attributes
}

// ModifyPlan implements resource.ResourceWithModifyPlan: what the subnets decide is known after they have changed.
func (r *subnetGroupResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	r.resourceBase.ModifyPlan(ctx, req, resp)
	keepUnless(ctx, req, resp, "supported_network_types", "subnet_ids")
}

// Create implements resource.Resource.
func (r *subnetGroupResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m subnetGroupModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := m.choose()
	in := &memorydb.CreateSubnetGroupInput{
		SubnetGroupName: &name, Description: m.Description.ValueStringPointer(), SubnetIds: goSet(m.SubnetIDs), Tags: expandTags(m.TagsAll),
	}
	err := create(ctx, r.existing(name), alreadyExists, func(ctx context.Context) error {
		_, err := r.CreateSubnetGroup(ctx, in)
		return err
	})
	if err != nil {
		r.failed(&resp.Diagnostics, "creating", name, r.attributes(), err)
		return
	}
	r.begin(ctx, req.Plan, resp, name)
	if err := r.read(ctx, &m); err != nil {
		r.failed(&resp.Diagnostics, "reading", name, r.attributes(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// Read implements resource.Resource.
func (r *subnetGroupResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m subnetGroupModel
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
func (r *subnetGroupResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, was subnetGroupModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &was)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := m.Name.ValueString()
	err := r.update(ctx, &m, &was)
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

func (r *subnetGroupResource) update(ctx context.Context, m, was *subnetGroupModel) error {
	in := &memorydb.UpdateSubnetGroupInput{SubnetGroupName: m.Name.ValueStringPointer()}
	if !m.Description.Equal(was.Description) {
		in.Description = aws.String(m.Description.ValueString())
	}
	if !m.SubnetIDs.Equal(was.SubnetIDs) {
		in.SubnetIds = goSet(m.SubnetIDs)
	}
	if in.Description != nil || in.SubnetIds != nil {
		if _, err := r.UpdateSubnetGroup(ctx, in); err != nil {
			return err
		}
	}
	return r.updateTags(ctx, was.ARN.ValueString(), was.TagsAll, m.TagsAll)
}

// Delete implements resource.Resource.
func (r *subnetGroupResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m subnetGroupModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	_, err := r.DeleteSubnetGroup(ctx, &memorydb.DeleteSubnetGroupInput{SubnetGroupName: m.Name.ValueStringPointer()})
	if err != nil && !isNotFound(err) {
		r.failed(&resp.Diagnostics, "deleting", m.Name.ValueString(), r.attributes(), err)
	}
}

func (c *client) findSubnetGroup(ctx context.Context, name string) (*awstypes.SubnetGroup, error) {
	out, err := c.DescribeSubnetGroups(ctx, &memorydb.DescribeSubnetGroupsInput{SubnetGroupName: &name})
	if err != nil {
		return nil, err
	}
	if len(out.SubnetGroups) == 0 {
		return nil, &awstypes.SubnetGroupNotFoundFault{Message: aws.String("The service found no subnet group " + name + ".")}
	}
	return &out.SubnetGroups[0], nil
}

// existing is nil if the name is taken.
func (r *subnetGroupResource) existing(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := r.findSubnetGroup(ctx, name)
		return err
	}
}

// read fills the model from the service.
func (r *subnetGroupResource) read(ctx context.Context, m *subnetGroupModel) error {
	g, err := r.findSubnetGroup(ctx, m.Name.ValueString())
	if err != nil {
		return err
	}
	m.ID, m.Name, m.ARN = types.StringPointerValue(g.Name), types.StringPointerValue(g.Name), types.StringPointerValue(g.ARN)
	m.flatten(g)
	return r.readTags(ctx, &m.commonModel)
}

func (v *subnetGroupView) flatten(g *awstypes.SubnetGroup) {
	v.Description = description(g.Description)
	var ids, networks []string
	for _, s := range g.Subnets {
		ids = append(ids, aws.ToString(s.Identifier))
	}
	for _, n := range g.SupportedNetworkTypes {
		networks = append(networks, string(n))
	}
	v.SubnetIDs, v.SupportedNetworkTypes, v.VpcID = stringSet(ids), stringSet(networks), types.StringPointerValue(g.VpcId)
}
