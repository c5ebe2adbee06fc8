package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	awstypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/objectvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

type userResource struct{ resourceBase }

func newUserResource() resource.Resource { return &userResource{resourceBase{kind: userKind}} }

type userModel struct {
	commonModel
	UserName             types.String         `tfsdk:"user_name"`
	AccessString         formValue            `tfsdk:"access_string"`
	MinimumEngineVersion types.String         `tfsdk:"minimum_engine_version"`
	AuthenticationMode   *authenticationModel `tfsdk:"authentication_mode"`
	Timeouts             timeouts.Value       `tfsdk:"timeouts"`
}

type authenticationModel struct {
	Type               types.String `tfsdk:"type"`
	Passwords          types.Set    `tfsdk:"passwords"`
	PasswordsWO        types.List   `tfsdk:"passwords_wo"`
	PasswordsWOVersion types.Int64  `tfsdk:"passwords_wo_version"`
	PasswordCount      types.Int64  `tfsdk:"password_count"`
}

// accountTimeout is how long users and ACLs take at most: until every cluster that uses them has taken the change over.
const accountTimeout = 15 * time.Minute

// Schema implements resource.Resource.
func (r *userResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A user of clusters: how it authenticates and what it may do. Put it into a `memorydb_acl`, and name that in a `memorydb_cluster`. Changes reach open connections.",
		Attributes:          r.attributes(),
		Blocks: map[string]schema.Block{
			"authentication_mode": r.authenticationBlock(),
			"timeouts":            timeoutsBlock(ctx, timeouts.Opts{Create: true, Update: true, Delete: true}, accountTimeout),
		},
	}
}

func (r *userResource) attributes() map[string]schema.Attribute {
	keep := stringplanmodifier.UseStateForUnknown()
	return r.commonAttributes(map[string]schema.Attribute{
		"user_name": schema.StringAttribute{
			Required: true, Validators: []validator.String{named(spec.UserName)}, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			MarkdownDescription: fmt.Sprintf("Name of the user: at most %d lower-case letters, digits and hyphens, the first one a letter, no two hyphens in a row and none at the end.", spec.UserName.Max) + fmt.Sprintf(replaces, r.noun),
		},
		"access_string": schema.StringAttribute{
			CustomType: formType{form: accessForm}, Required: true, PlanModifiers: []planmodifier.String{sameMeaning{accessForm}},
			Validators: []validator.String{checked("must be rules of Redis ACLs without passwords", func(s string) error {
				_, err := spec.CanonicalAccess(s)
				return err
			})},
			MarkdownDescription: "What the user may do, as rules of [Redis ACLs](https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/) without passwords: `on ~app:* &* -@all +@read +@write`. Compared by meaning: another way to write the same rules is no change.",
		},
		"minimum_engine_version": schema.StringAttribute{
			Computed: true, PlanModifiers: []planmodifier.String{keep}, MarkdownDescription: "The lowest engine version of clusters that the user can be used with.",
		},
	})
}

func (r *userResource) authenticationBlock() schema.Block {
	password := checked("must be a password", spec.CheckPassword)
	rule := fmt.Sprintf("%d or %d passwords of %d to %d printable ASCII characters other than `,`, `\"`, `/`, `@` and space. Clients may use either, so that one can be rotated while the other is in use.", 1, spec.MaxPasswords, spec.MinPassword, spec.MaxPassword)
	sibling := func(name string) path.Expression { return path.MatchRelative().AtParent().AtName(name) }
	return schema.SingleNestedBlock{
		MarkdownDescription: "How the user authenticates. Required.",
		Validators:          []validator.Object{objectvalidator.IsRequired()},
		Attributes: map[string]schema.Attribute{
			"type": schema.StringAttribute{
				Required: true, Validators: oneOf(authenticationTypes()...),
				MarkdownDescription: "`password`, or `iam` for tokens that are signed with AWS credentials.",
			},
			"passwords": schema.SetAttribute{
				ElementType: types.StringType, Optional: true, Sensitive: true,
				Validators:          []validator.Set{setvalidator.SizeBetween(1, spec.MaxPasswords), setvalidator.ValueStringsAre(password), setvalidator.ConflictsWith(sibling("passwords_wo"))},
				MarkdownDescription: rule + " They are kept in Terraform's state; `passwords_wo` are not.",
			},
			"passwords_wo": schema.ListAttribute{
				ElementType: types.StringType, Optional: true, Sensitive: true, WriteOnly: true,
				Validators: []validator.List{
					listvalidator.SizeBetween(1, spec.MaxPasswords), listvalidator.ValueStringsAre(password), distinct{}, listvalidator.AlsoRequires(sibling("passwords_wo_version")),
				},
				MarkdownDescription: rule + " Write-only: in no plan and no state (Terraform 1.11 or later). They are set when `passwords_wo_version` changes.",
			},
			"passwords_wo_version": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Any number; change it to set `passwords_wo` anew.",
			},
			"password_count": schema.Int64Attribute{
				Computed: true, MarkdownDescription: "How many passwords the user has.",
			},
		},
	}
}

func authenticationTypes() []string {
	var out []string
	for _, t := range awstypes.InputAuthenticationType("").Values() {
		out = append(out, string(t))
	}
	return out
}

// ValidateConfig implements resource.ResourceWithValidateConfig: passwords exactly for those who authenticate with them.
func (r *userResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m userModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() || m.AuthenticationMode == nil {
		return
	}
	a, at := m.AuthenticationMode, path.Root("authentication_mode")
	none := a.Passwords.IsNull() && a.PasswordsWO.IsNull()
	switch a.Type.ValueString() {
	case string(awstypes.InputAuthenticationTypePassword):
		if none {
			resp.Diagnostics.AddAttributeError(at.AtName("passwords"), "Missing passwords", "A user of type password needs passwords or passwords_wo.")
		}
	case string(awstypes.InputAuthenticationTypeIam):
		if !none {
			resp.Diagnostics.AddAttributeError(at.AtName("passwords"), "Passwords of an IAM user", "A user of type iam has no passwords: remove passwords and passwords_wo.")
		}
	}
}

// ModifyPlan implements resource.ResourceWithModifyPlan: the number of passwords is planned, so that one that the service has lost or gained is noticed.
func (r *userResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	r.resourceBase.ModifyPlan(ctx, req, resp)
	if req.Plan.Raw.IsNull() {
		return
	}
	var config userModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || config.AuthenticationMode == nil {
		return
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("authentication_mode").AtName("password_count"), config.AuthenticationMode.count())...)
	if req.State.Raw.IsNull() {
		return
	}
	if changes(ctx, req, resp, "authentication_mode") {
		var was, now types.String
		at := path.Root("authentication_mode").AtName("type")
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, at, &was)...)
		resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, at, &now)...)
		if !was.Equal(now) { // an IAM user needs a newer engine
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("minimum_engine_version"), types.StringUnknown())...)
		}
	}
}

// count is how many passwords a configuration sets.
func (a *authenticationModel) count() types.Int64 {
	switch {
	case a.Type.IsUnknown(), a.Passwords.IsUnknown(), a.PasswordsWO.IsUnknown():
		return types.Int64Unknown()
	case !a.Passwords.IsNull():
		for _, p := range a.Passwords.Elements() {
			if p.IsUnknown() { // two unknown ones may turn out to be the same
				return types.Int64Unknown()
			}
		}
		return types.Int64Value(int64(len(a.Passwords.Elements())))
	}
	return types.Int64Value(int64(len(a.PasswordsWO.Elements())))
}

// expand is the API's form of a configuration; passwords_wo are in the configuration only, never in the plan.
func (a *authenticationModel) expand() *awstypes.AuthenticationMode {
	out := &awstypes.AuthenticationMode{Type: awstypes.InputAuthenticationType(a.Type.ValueString())}
	if passwords := append(goSet(a.Passwords), goSet(a.PasswordsWO)...); len(passwords) > 0 {
		out.Passwords = passwords
	}
	return out
}

// Create implements resource.Resource.
func (r *userResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m, config userModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	limit, diags := m.Timeouts.Create(ctx, accountTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.UserName.ValueString()
	in := &memorydb.CreateUserInput{
		UserName: &name, AccessString: m.AccessString.ValueStringPointer(), AuthenticationMode: config.AuthenticationMode.expand(), Tags: expandTags(m.TagsAll),
	}
	find := func(ctx context.Context) error {
		_, err := r.findUser(ctx, name)
		return err
	}
	err := create(ctx, find, alreadyExists, func(ctx context.Context) error {
		_, err := r.CreateUser(ctx, in)
		return err
	})
	if err != nil {
		r.failed(&resp.Diagnostics, "creating", name, r.attributes(), err)
		return
	}
	r.begin(ctx, req.Plan, resp, name)
	if err = r.waitUser(ctx, name); err == nil {
		err = r.read(ctx, &m)
	}
	if err != nil {
		r.failed(&resp.Diagnostics, "creating", name, r.attributes(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// Read implements resource.Resource.
func (r *userResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m userModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := m.UserName.ValueString()
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
func (r *userResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, was, config userModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &was)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	limit, diags := m.Timeouts.Update(ctx, accountTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.UserName.ValueString()
	err := r.update(ctx, &m, &was, config.AuthenticationMode)
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

func (r *userResource) update(ctx context.Context, m, was *userModel, authentication *authenticationModel) error {
	in := &memorydb.UpdateUserInput{UserName: m.UserName.ValueStringPointer()}
	if !m.AccessString.Equal(was.AccessString) {
		in.AccessString = m.AccessString.ValueStringPointer()
	}
	if !m.AuthenticationMode.equal(was.AuthenticationMode) {
		in.AuthenticationMode = authentication.expand()
	}
	if in.AccessString != nil || in.AuthenticationMode != nil {
		err := r.whenSettled(ctx, "user "+*in.UserName, is[*awstypes.InvalidUserStateFault], func(ctx context.Context) error {
			_, err := r.UpdateUser(ctx, in)
			return err
		})
		if err != nil {
			return err
		}
		if err := r.waitUser(ctx, *in.UserName); err != nil {
			return err
		}
	}
	return r.updateTags(ctx, was.ARN.ValueString(), was.TagsAll, m.TagsAll)
}

func (a *authenticationModel) equal(b *authenticationModel) bool {
	return b != nil && a.Type.Equal(b.Type) && a.Passwords.Equal(b.Passwords) && a.PasswordsWOVersion.Equal(b.PasswordsWOVersion) && a.PasswordCount.Equal(b.PasswordCount)
}

// Delete implements resource.Resource.
func (r *userResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m userModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	limit, diags := m.Timeouts.Delete(ctx, accountTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	name := m.UserName.ValueString()
	err := r.whenSettled(ctx, "user "+name, is[*awstypes.InvalidUserStateFault], func(ctx context.Context) error {
		_, err := r.DeleteUser(ctx, &memorydb.DeleteUserInput{UserName: &name})
		return err
	})
	if err == nil {
		err = r.waitGone(ctx, "user "+name, r.userStatus(name))
	}
	if err != nil && !isNotFound(err) {
		r.failed(&resp.Diagnostics, "deleting", name, r.attributes(), err)
	}
}

func (c *client) findUser(ctx context.Context, name string) (*awstypes.User, error) {
	out, err := c.DescribeUsers(ctx, &memorydb.DescribeUsersInput{UserName: &name})
	if err != nil {
		return nil, err
	}
	if len(out.Users) == 0 {
		return nil, &awstypes.UserNotFoundFault{Message: aws.String("The service found no user " + name + ".")}
	}
	return &out.Users[0], nil
}

func (c *client) userStatus(name string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		u, err := c.findUser(ctx, name)
		if err != nil {
			return "", err
		}
		return aws.ToString(u.Status), nil
	}
}

func (c *client) waitUser(ctx context.Context, name string) error {
	return c.waitReady(ctx, "user "+name, spec.UserStatus, c.userStatus(name))
}

// read fills the model from the service. Passwords can't be read: the model keeps those that it has.
func (r *userResource) read(ctx context.Context, m *userModel) error {
	u, err := r.findUser(ctx, m.UserName.ValueString())
	if err != nil {
		return err
	}
	m.ID, m.UserName, m.ARN = types.StringPointerValue(u.Name), types.StringPointerValue(u.Name), types.StringPointerValue(u.ARN)
	m.AccessString, m.MinimumEngineVersion = accessForm.of(u.AccessString), types.StringPointerValue(u.MinimumEngineVersion)
	if m.AuthenticationMode == nil {
		m.AuthenticationMode = &authenticationModel{Passwords: types.SetNull(types.StringType)}
	}
	a := m.AuthenticationMode
	a.PasswordsWO = types.ListNull(types.StringType)
	a.Type, a.PasswordCount = types.StringNull(), types.Int64Value(0)
	if u.Authentication != nil {
		a.Type = types.StringValue(string(u.Authentication.Type))
		a.PasswordCount = types.Int64Value(int64(aws.ToInt32(u.Authentication.PasswordCount)))
	}
	return r.readTags(ctx, &m.commonModel)
}
