package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// ValidateConfig implements resource.ResourceWithValidateConfig: what attributes must not be together.
func (r *clusterResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m clusterModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if acl := given(m.ACLName); acl != nil && *acl != spec.OpenAccessACL && !m.TLSEnabled.IsNull() && !m.TLSEnabled.IsUnknown() && !m.TLSEnabled.ValueBool() {
		resp.Diagnostics.AddAttributeError(path.Root("acl_name"), "ACL without TLS",
			fmt.Sprintf("With tls_enabled = false the only ACL that can be used is %q, not %q: passwords would travel in clear text.", spec.OpenAccessACL, *acl))
	}
	if t, ok := spec.FindNodeType(m.NodeType.ValueString()); ok && !m.DataTiering.IsUnknown() && t.Tiering != m.DataTiering.ValueBool() {
		resp.Diagnostics.AddAttributeError(path.Root("data_tiering"), "Node type and data tiering don't go together",
			fmt.Sprintf("data_tiering must be %t for node type %s: it belongs to the family r6gd and to no other.", t.Tiering, t.Name))
	}
	version, known := plannedVersion(m.Engine, m.EngineVersion)
	if !known {
		return
	}
	if version.Version == "" {
		resp.Diagnostics.AddAttributeError(path.Root("engine_version"), "Unknown engine version",
			fmt.Sprintf("%s has no version %s. Its versions: %s.", m.Engine.ValueString(), m.EngineVersion.ValueString(), joined(versions(m.Engine.ValueString()))))
		return
	}
	if m.Engine.IsNull() && m.EngineVersion.IsNull() { // an existing cluster keeps what it has
		return
	}
	checkBuiltinGroup(&resp.Diagnostics, m.ParameterGroupName, version)
}

// plannedVersion is the engine version that engine and engine_version lead to; its Version is empty if there is none. known is false if one of the two is known after apply only, or if either is refused anyway.
func plannedVersion(engine, version types.String) (v spec.EngineVersion, known bool) {
	if engine.IsUnknown() || version.IsUnknown() || !engine.IsNull() && !slices.Contains(spec.Engines, engine.ValueString()) || !version.IsNull() && !slices.Contains(versions(""), version.ValueString()) {
		return v, false
	}
	v, _ = spec.FindEngine(engine.ValueString(), version.ValueString())
	return v, true
}

// checkBuiltinGroup refuses a default parameter group of another family.
func checkBuiltinGroup(diags *diag.Diagnostics, name types.String, version spec.EngineVersion) {
	for _, g := range spec.BuiltinParameterGroups() {
		if g.Name == name.ValueString() && g.Family != version.Family {
			diags.AddAttributeError(path.Root("parameter_group_name"), "Parameter group of another family",
				fmt.Sprintf("%s is of family %s, but %s %s needs one of family %s, such as %s.", g.Name, g.Family, version.Engine, version.Version, version.Family, spec.DefaultParameterGroup(version.Family)))
		}
	}
}

// successor is the default parameter group of a family, for a cluster whose group is of another one: with search if the old one is a default group with search.
func successor(old, family string) string {
	builtin := spec.BuiltinParameterGroups()
	search := slices.ContainsFunc(builtin, func(g spec.BuiltinParameterGroup) bool { return g.Name == old && g.Search })
	for _, g := range builtin {
		if g.Family == family && g.Search == search {
			return g.Name
		}
	}
	return spec.DefaultParameterGroup(family)
}

// ModifyPlan implements resource.ResourceWithModifyPlan: what follows from changes, and changes that the service would refuse.
func (r *clusterResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	r.resourceBase.ModifyPlan(ctx, req, resp)
	if req.Plan.Raw.IsNull() || req.State.Raw.IsNull() || resp.Diagnostics.HasError() {
		return
	}
	var was, m, config clusterModel
	resp.Diagnostics.Append(req.State.Get(ctx, &was)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	r.planEngine(ctx, &was, &m, &config, resp)
	keepUnless(ctx, req, resp, "engine_patch_version", "engine", "engine_version")
	keepUnless(ctx, req, resp, "shards", "engine", "engine_version", "node_type", "num_shards", "num_replicas_per_shard")
	if len(was.SecurityGroupIDs.Elements()) > 0 && !m.SecurityGroupIDs.IsUnknown() && len(m.SecurityGroupIDs.Elements()) == 0 {
		resp.Diagnostics.AddAttributeError(path.Root("security_group_ids"), "The last security group can't be taken away",
			fmt.Sprintf("The service lets a cluster's security groups be replaced, but not all be taken away. Name at least one; it has %s now.", joined(goSet(was.SecurityGroupIDs))))
	}
	up, down := spec.NodeTypeUpdates(was.NodeType.ValueString())
	if now := given(m.NodeType); now != nil && *now != was.NodeType.ValueString() && m.DataTiering.Equal(was.DataTiering) && !slices.Contains(up, *now) && !slices.Contains(down, *now) && len(up)+len(down) > 0 {
		resp.Diagnostics.AddAttributeError(path.Root("node_type"), "The node type can't be changed so",
			fmt.Sprintf("A cluster of %s can change to one of %s.", was.NodeType.ValueString(), joined(append(up, down...))))
	}
}

// planEngine plans what follows from a change of engine and version, and refuses to go back.
func (r *clusterResource) planEngine(ctx context.Context, was, m, config *clusterModel, resp *resource.ModifyPlanResponse) {
	if m.Engine.Equal(was.Engine) && m.EngineVersion.Equal(was.EngineVersion) {
		return
	}
	engine, version := m.Engine, m.EngineVersion
	unknown := func(attribute string) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(attribute), types.StringUnknown())...)
	}
	if config.EngineVersion.IsNull() && !m.Engine.Equal(was.Engine) { // the service takes the engine's newest
		version = types.StringNull()
		unknown("engine_version")
	}
	if config.Engine.IsNull() && !m.EngineVersion.Equal(was.EngineVersion) {
		if _, ok := spec.FindEngine(was.Engine.ValueString(), m.EngineVersion.ValueString()); !ok { // the version is another engine's
			engine = types.StringNull()
			unknown("engine")
		}
	}
	from, ok := spec.FindEngine(was.Engine.ValueString(), was.EngineVersion.ValueString())
	to, known := plannedVersion(engine, version)
	if !known || !ok || to.Version == "" {
		if config.ParameterGroupName.IsNull() {
			unknown("parameter_group_name")
		}
		return
	}
	if config.ParameterGroupName.IsNull() && from.Family != to.Family { // the old group can't stay, and nobody names another
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("parameter_group_name"), successor(was.ParameterGroupName.ValueString(), to.Family))...)
	}
	if !spec.MayUpgrade(from, to) {
		at := path.Root("engine_version")
		if config.EngineVersion.IsNull() {
			at = path.Root("engine")
		}
		resp.Diagnostics.AddAttributeError(at, "The engine can't go back",
			fmt.Sprintf("The cluster runs %s %s and can't go back to %s %s. Make a new cluster for it.", from.Engine, from.Version, to.Engine, to.Version))
	}
	checkBuiltinGroup(&resp.Diagnostics, config.ParameterGroupName, to)
}
