package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	awstypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

type aclResource struct{ resourceBase }

func newACLResource() resource.Resource { return &aclResource{resourceBase{kind: aclKind}} }

type aclModel struct {
	commonModel
	nameModel
	aclView
	Timeouts timeouts.Value `tfsdk:"timeouts"`
}

// aclView is what resource and data source show alike.
type aclView struct {
	MinimumEngineVersion types.String `tfsdk:"minimum_engine_version"`
	UserNames            types.Set    `tfsdk:"user_names"`
}

// Schema implements resource.Resource.
func (r *aclResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "An ACL: the users that clusters let in. A cluster names one ACL; changes of its users reach open connections.",
		Attributes:          r.attributes(),
		Blocks: map[string]schema.Block{
			"timeouts": timeoutsBlock(ctx, timeouts.Opts{Create: true, Update: true, Delete: true}, accountTimeout),
		},
	}
}

func (r *aclResource) attributes() map[string]schema.Attribute {
	attributes := r.commonAttributes(r.nameAttributes())
	attributes["minimum_engine_version"] = schema.StringAttribute{
		Computed:            true, // by its users, so every change may change it
		MarkdownDescription: "The lowest engine version of clusters that the ACL can be used with.",
	}
	attributes["user_names"] = schema.SetAttribute{
		ElementType: types.StringType, Optional: true,
		Validators:          []validator.Set{setvalidator.SizeAtMost(spec.MaxUsersPerACL), setvalidator.ValueStringsAre(reference())},
		MarkdownDescription: fmt.Sprintf("Names of at most %d users. Nobody can use a cluster whose ACL has none.", spec.MaxUsersPerACL),
	}
	return attributes
}

// Create implements resource.Resource.
func (r *aclResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m aclModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	limit, diags := m.Timeouts.Create(ctx, accountTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.choose()
	find := func(ctx context.Context) error {
		_, err := r.findACL(ctx, name)
		return err
	}
	err := create(ctx, find, alreadyExists, func(ctx context.Context) error {
		_, err := r.CreateACL(ctx, &memorydb.CreateACLInput{ACLName: &name, UserNames: goSet(m.UserNames), Tags: expandTags(m.TagsAll)})
		return err
	})
	if err != nil {
		r.failed(&resp.Diagnostics, "creating", name, r.attributes(), err)
		return
	}
	r.begin(ctx, req.Plan, resp, name)
	if err = r.waitACL(ctx, name); err == nil {
		err = r.read(ctx, &m)
	}
	if err != nil {
		r.failed(&resp.Diagnostics, "creating", name, r.attributes(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// Read implements resource.Resource.
func (r *aclResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m aclModel
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
func (r *aclResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, was aclModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &was)...)
	limit, diags := m.Timeouts.Update(ctx, accountTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.Name.ValueString()
	err := r.setUsers(ctx, name, goSet(m.UserNames))
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

// setUsers makes the users of an ACL those that are wanted. It starts from those that the ACL has now: a user that was deleted meanwhile has left it already.
func (r *aclResource) setUsers(ctx context.Context, name string, wanted []string) error {
	err := r.whenSettled(ctx, "ACL "+name, is[*awstypes.InvalidACLStateFault], func(ctx context.Context) error {
		acl, err := r.findACL(ctx, name)
		if err != nil {
			return err
		}
		in := &memorydb.UpdateACLInput{ACLName: &name}
		for _, user := range wanted {
			if !slices.Contains(acl.UserNames, user) {
				in.UserNamesToAdd = append(in.UserNamesToAdd, user)
			}
		}
		for _, user := range acl.UserNames {
			if !slices.Contains(wanted, user) {
				in.UserNamesToRemove = append(in.UserNamesToRemove, user)
			}
		}
		if len(in.UserNamesToAdd)+len(in.UserNamesToRemove) == 0 {
			return nil
		}
		_, err = r.UpdateACL(ctx, in)
		return err
	})
	if err != nil {
		return err
	}
	return r.waitACL(ctx, name)
}

// Delete implements resource.Resource.
func (r *aclResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m aclModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	limit, diags := m.Timeouts.Delete(ctx, accountTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.Name.ValueString()
	err := r.whenSettled(ctx, "ACL "+name, func(err error) bool { return is[*awstypes.InvalidACLStateFault](err) && !errors.Is(err, errInUse) }, func(ctx context.Context) error {
		return r.delete(ctx, name)
	})
	if err == nil {
		err = r.waitGone(ctx, "ACL "+name, r.aclStatus(name))
	}
	if err != nil && !isNotFound(err) {
		r.failed(&resp.Diagnostics, "deleting", name, r.attributes(), err)
	}
}

// errInUse joins a refusal that waiting does not end: a cluster uses the ACL.
var errInUse = errors.New("in use")

// delete makes one attempt. An ACL that is being changed will be deletable soon; one that a cluster uses will not.
func (r *aclResource) delete(ctx context.Context, name string) error {
	_, err := r.DeleteACL(ctx, &memorydb.DeleteACLInput{ACLName: &name})
	if !is[*awstypes.InvalidACLStateFault](err) {
		return err
	}
	acl, findErr := r.findACL(ctx, name)
	if findErr != nil {
		return findErr
	}
	if len(acl.Clusters) > 0 {
		return errors.Join(err, fmt.Errorf("%w by %s", errInUse, joined(acl.Clusters)))
	}
	return err
}

func (c *client) findACL(ctx context.Context, name string) (*awstypes.ACL, error) {
	out, err := c.DescribeACLs(ctx, &memorydb.DescribeACLsInput{ACLName: &name})
	if err != nil {
		return nil, err
	}
	if len(out.ACLs) == 0 {
		return nil, &awstypes.ACLNotFoundFault{Message: aws.String("The service found no ACL " + name + ".")}
	}
	return &out.ACLs[0], nil
}

func (c *client) aclStatus(name string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		acl, err := c.findACL(ctx, name)
		if err != nil {
			return "", err
		}
		return aws.ToString(acl.Status), nil
	}
}

func (c *client) waitACL(ctx context.Context, name string) error {
	return c.waitReady(ctx, "ACL "+name, spec.ACLStatus, c.aclStatus(name))
}

// read fills the model from the service.
func (r *aclResource) read(ctx context.Context, m *aclModel) error {
	acl, err := r.findACL(ctx, m.Name.ValueString())
	if err != nil {
		return err
	}
	m.ID, m.Name, m.ARN = types.StringPointerValue(acl.Name), types.StringPointerValue(acl.Name), types.StringPointerValue(acl.ARN)
	m.flatten(acl)
	return r.readTags(ctx, &m.commonModel)
}

func (v *aclView) flatten(acl *awstypes.ACL) {
	v.MinimumEngineVersion, v.UserNames = types.StringPointerValue(acl.MinimumEngineVersion), optionalSet(v.UserNames, acl.UserNames)
}
