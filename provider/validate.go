package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// checkedString is the validator of a string that a function checks.
type checkedString struct {
	description string
	check       func(string) error
}

func checked(description string, check func(string) error) validator.String {
	return checkedString{description, check}
}

// Description implements validator.String.
func (v checkedString) Description(context.Context) string { return v.description }

// MarkdownDescription implements validator.String.
func (v checkedString) MarkdownDescription(context.Context) string { return v.description }

// ValidateString implements validator.String.
func (v checkedString) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := v.check(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid value of "+attributeName(req.Path), err.Error())
	}
}

// attributeName is a path without the values of sets in it, which may be secrets.
func attributeName(p path.Path) string {
	var b strings.Builder
	for _, step := range p.Steps() {
		switch s := step.(type) {
		case path.PathStepAttributeName:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(string(s))
		case path.PathStepElementKeyInt:
			fmt.Fprintf(&b, "[%d]", int64(s))
		case path.PathStepElementKeyString:
			fmt.Fprintf(&b, "[%q]", string(s))
		}
	}
	return b.String()
}

// distinct refuses a list with the same text twice. The usual validator for that says which text it is; passwords must not be said.
type distinct struct{}

// Description implements validator.List.
func (distinct) Description(context.Context) string { return "all values must be different" }

// MarkdownDescription implements validator.List.
func (v distinct) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateList implements validator.List.
func (distinct) ValidateList(_ context.Context, req validator.ListRequest, resp *validator.ListResponse) {
	all := req.ConfigValue.Elements()
	for i, v := range all {
		for j := range i {
			if !v.IsUnknown() && v.Equal(all[j]) {
				resp.Diagnostics.AddAttributeError(req.Path.AtListIndex(i), "Invalid value of "+attributeName(req.Path), fmt.Sprintf("Elements %d and %d are the same.", j, i))
			}
		}
	}
}

// named checks a name that the resource is to have, in the case in which the service keeps it.
func named(rule spec.Name) validator.String {
	return checked("must be a "+rule.What+" in lower case", func(s string) error {
		if err := rule.Check(s); err != nil {
			return err
		}
		return checkFolded(s)
	})
}

// checkFolded refuses upper case: the service would keep another name than the one that was written.
func checkFolded(s string) error {
	if folded := spec.Fold(s); folded != s {
		return fmt.Errorf("the service keeps names in lower case: write %q", folded)
	}
	return nil
}

// reference checks a name that refers to another resource.
func reference() validator.String { return checked("must be a name in lower case", checkFolded) }

// suffixLength is the number of characters that generatedName appends to a prefix.
const suffixLength = 12

// namePrefix checks the beginning of a generated name.
func namePrefix(rule spec.Name) validator.String {
	return checked("must be the beginning of a "+rule.What, func(s string) error {
		if limit := rule.Max - suffixLength; len(s) > limit {
			return fmt.Errorf("the prefix must have at most %d characters: %d more are generated", limit, suffixLength)
		}
		if err := rule.Check(s + "x"); err != nil {
			return err
		}
		return checkFolded(s)
	})
}

// oneOf checks that a string is in a list.
func oneOf(values ...string) []validator.String {
	return []validator.String{stringvalidator.OneOf(values...)}
}

func list(s string) []string { return strings.Split(s, ", ") }

// arnOf checks an ARN of an AWS service.
func arnOf(service string) validator.String {
	return checked("must be an ARN of "+service, func(s string) error {
		if a, err := arn.Parse(s); err != nil || a.Service != service {
			return fmt.Errorf("%q is not an ARN of the form arn:aws:%s:REGION:ACCOUNT:…", s, service)
		}
		return nil
	})
}

// tagsValidator checks a map of tags.
type tagsValidator struct{}

// Description implements validator.Map.
func (tagsValidator) Description(context.Context) string {
	return fmt.Sprintf("keys have 1 to %d characters and don't begin with aws:, values at most %d, and there are at most %d", spec.MaxTagKey, spec.MaxTagValue, spec.MaxTags)
}

// MarkdownDescription implements validator.Map.
func (v tagsValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateMap implements validator.Map.
func (tagsValidator) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	if n := len(req.ConfigValue.Elements()); n > spec.MaxTags {
		resp.Diagnostics.AddAttributeError(req.Path, "Too many tags", fmt.Sprintf("A resource can have at most %d tags, not %d.", spec.MaxTags, n))
	}
	for key, v := range req.ConfigValue.Elements() {
		value, ok := v.(types.String)
		if !ok || value.IsUnknown() {
			continue
		}
		if value.IsNull() {
			resp.Diagnostics.AddAttributeError(req.Path.AtMapKey(key), "Invalid tag", "The value of a tag can't be null. Write \"\" for a tag without a value.")
			continue
		}
		if err := spec.CheckTag(key, value.ValueString()); err != nil {
			resp.Diagnostics.AddAttributeError(req.Path.AtMapKey(key), "Invalid tag", err.Error())
		}
	}
}
