package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// What Terraform prints about a bad password must not contain it.
func TestRefusalsDoNotTellPasswords(t *testing.T) {
	const secret = "secret/with-a-slash"
	value := types.StringValue(secret)
	at := path.Root("authentication_mode").AtName("passwords")
	t.Run("in a set", func(t *testing.T) {
		var resp validator.StringResponse
		checked("must be a password", spec.CheckPassword).ValidateString(t.Context(), validator.StringRequest{Path: at.AtSetValue(value), ConfigValue: value}, &resp)
		want(t, fmt.Sprint(resp.Diagnostics[0].Summary(), ": ", resp.Diagnostics[0].Detail()), secret, "Invalid value of authentication_mode.passwords: Passwords must consist of printable ASCII characters")
	})
	t.Run("twice in a list", func(t *testing.T) {
		var resp validator.ListResponse
		distinct{}.ValidateList(t.Context(), validator.ListRequest{Path: at, ConfigValue: types.ListValueMust(types.StringType, []attr.Value{types.StringValue("other"), value, value})}, &resp)
		want(t, fmt.Sprint(resp.Diagnostics[0].Summary(), ": ", resp.Diagnostics[0].Detail()), secret, "Elements 1 and 2 are the same.")
	})
}

func want(t *testing.T, text, secret, part string) {
	t.Helper()
	if strings.Contains(text, secret) {
		t.Errorf("%q tells the password", text)
	}
	if !strings.Contains(text, part) {
		t.Errorf("%q does not say %q", text, part)
	}
}

func TestAttributeName(t *testing.T) {
	for want, p := range map[string]path.Path{
		"a":        path.Root("a"),
		"a.b":      path.Root("a").AtName("b"),
		"a[1].b":   path.Root("a").AtListIndex(1).AtName("b"),
		`a["k"]`:   path.Root("a").AtMapKey("k"),
		"a.secret": path.Root("a").AtSetValue(types.StringValue("x")).AtName("secret"),
	} {
		if got := attributeName(p); got != want {
			t.Errorf("attributeName(%s) = %s, not %s", p, got, want)
		}
	}
}
