package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// changes says whether the plan changes one of the attributes. A value that is unknown counts as a change.
func changes(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, attributes ...string) bool {
	for _, name := range attributes {
		var was, now attr.Value
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root(name), &was)...)
		resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root(name), &now)...)
		if resp.Diagnostics.HasError() || !now.Equal(was) {
			return true
		}
	}
	return false
}

// keepUnless plans a computed attribute as it is, unless the plan changes one of those that decide it: then it is known after apply.
func keepUnless(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, computed string, deciding ...string) {
	if req.Plan.Raw.IsNull() || req.State.Raw.IsNull() || changes(ctx, req, resp, deciding...) {
		return
	}
	var was attr.Value
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root(computed), &was)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(computed), was)...)
}
