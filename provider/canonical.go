package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// form is a way in which the service rewrites what it is given. Strings with the same canonical text mean the same.
type form struct {
	name      string
	canonical func(string) (string, error)
}

var (
	// accessForm is the form of access strings: rules may be written in ways that mean the same, and the service keeps one.
	accessForm = &form{"access string", spec.CanonicalAccess}
	// foldedForm is the form of what the service keeps in lower case, such as the day of a window.
	foldedForm = &form{"lower-case string", func(s string) (string, error) { return strings.ToLower(s), nil }}
)

// same says whether two texts mean the same.
func (f *form) same(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := f.canonical(a)
	y, errY := f.canonical(b)
	return errX == nil && errY == nil && x == y
}

// formType is the type of strings that are compared by meaning.
type formType struct {
	basetypes.StringType
	form *form
}

// String implements attr.Type.
func (t formType) String() string { return t.form.name }

// Equal implements attr.Type.
func (t formType) Equal(o attr.Type) bool {
	other, ok := o.(formType)
	return ok && other.form == t.form
}

// ValueType implements attr.Type.
func (t formType) ValueType(context.Context) attr.Value { return formValue{form: t.form} }

// ValueFromString implements basetypes.StringTypable.
func (t formType) ValueFromString(_ context.Context, in basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return formValue{StringValue: in, form: t.form}, nil
}

// ValueFromTerraform implements attr.Type.
func (t formType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	v, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	s, ok := v.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("unexpected value %T of a string", v)
	}
	return formValue{StringValue: s, form: t.form}, nil
}

// formValue is a string that is compared by meaning.
type formValue struct {
	basetypes.StringValue
	form *form
}

// of is the value of a string that may be missing.
func (f *form) of(s *string) formValue { return formValue{basetypes.NewStringPointerValue(s), f} }

// Type implements attr.Value.
func (v formValue) Type(context.Context) attr.Type { return formType{form: v.form} }

// Equal implements attr.Value: the texts are the same.
func (v formValue) Equal(o attr.Value) bool {
	other, ok := o.(formValue)
	return ok && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals implements basetypes.StringValuableWithSemanticEquals: what the service answers does not replace what the user wrote if it means the same.
func (v formValue) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(formValue)
	return ok && v.form.same(v.ValueString(), other.ValueString()), nil
}

// sameMeaning is the plan modifier that makes no change of another way to write the same.
type sameMeaning struct{ form *form }

// Description implements planmodifier.String.
func (m sameMeaning) Description(context.Context) string {
	return "Another way to write the same " + m.form.name + " is no change."
}

// MarkdownDescription implements planmodifier.String.
func (m sameMeaning) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

// PlanModifyString implements planmodifier.String.
func (m sameMeaning) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.StateValue.IsNull() || req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if m.form.same(req.StateValue.ValueString(), req.ConfigValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}
