package provider_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

const acl = "memorydb_acl.t"

// aclConfig is an ACL with users that it makes too. The users of made are made, those of members are in the ACL.
func aclConfig(name string, made, members []string) string {
	var b strings.Builder
	var refs []string
	for _, u := range made {
		fmt.Fprintf(&b, "resource \"memorydb_user\" %q {\n  user_name = %q\n  access_string = \"on ~* &* +@all\"\n  authentication_mode {\n    type = \"iam\"\n  }\n}\n", u, "acl-"+u)
	}
	for _, u := range members {
		refs = append(refs, "memorydb_user."+u+".user_name")
	}
	fmt.Fprintf(&b, "resource \"memorydb_acl\" \"t\" {\n  name = %q\n  user_names = [%s]\n}\n", name, strings.Join(refs, ", "))
	return b.String()
}

func TestACL(t *testing.T) {
	const name = "acl-one"
	arn := has(acl, "arn", "arn:aws:memorydb:us-east-1:123456789012:acl/"+name)
	steps := []resource.TestStep{
		change(acl, plancheck.ResourceActionCreate, aclConfig(name, []string{"a", "b"}, []string{"a"}), arn, has(acl, "id", name), has(acl, "user_names", []string{"acl-a"}),
			has(acl, "minimum_engine_version", knownvalue.NotNull())),
	}
	steps = append(steps, imports(acl, "acl", name)...)
	steps = append(steps,
		change(acl, plancheck.ResourceActionUpdate, aclConfig(name, []string{"a", "b"}, []string{"a", "b"}), arn, has(acl, "user_names", []string{"acl-a", "acl-b"})),
		change(acl, plancheck.ResourceActionUpdate, aclConfig(name, []string{"a", "b"}, []string{"b"}), arn, has(acl, "user_names", []string{"acl-b"})),
		// the user leaves the ACL and is deleted in one apply
		change(acl, plancheck.ResourceActionUpdate, aclConfig(name, []string{"a"}, []string{"a"}), arn, has(acl, "user_names", []string{"acl-a"})),
		change(acl, plancheck.ResourceActionUpdate, aclConfig(name, []string{"a"}, nil), arn, has(acl, "user_names", []string{})),
		change(acl, plancheck.ResourceActionReplace, aclConfig("acl-two", nil, nil), has(acl, "id", "acl-two")),
	)
	apply(t, steps...)
}

func TestACLWithoutUsersOrName(t *testing.T) {
	apply(t, change(acl, plancheck.ResourceActionCreate, `resource "memorydb_acl" "t" {}`, has(acl, "name", knownvalue.StringRegexp(message("terraform-"))), has(acl, "user_names", nil)))
}

func TestACLDriftAndDisappearance(t *testing.T) {
	config := aclConfig("acl-drift", []string{"drift"}, []string{"drift"})
	name := aws.String("acl-drift")
	apply(t,
		resource.TestStep{Config: config},
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).UpdateACL(ctx, &memorydb.UpdateACLInput{ACLName: name, UserNamesToRemove: []string{"acl-drift"}})
			return errors.Join(err, settled(t, "memorydb_acl", "acl-drift"))
		}, action(acl, plancheck.ResourceActionUpdate)),
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).DeleteACL(ctx, &memorydb.DeleteACLInput{ACLName: name})
			return errors.Join(err, settled(t, "memorydb_acl", "acl-drift"))
		}, action(acl, plancheck.ResourceActionCreate)),
	)
}

func TestACLRefusals(t *testing.T) {
	plan := func(body, want string) badConfig {
		return badConfig{"resource \"memorydb_acl\" \"t\" {\n" + body + "\n}\n", want, true}
	}
	refused(t, []badConfig{
		plan(`name = "1a"`, "must begin with a letter"),
		plan(`name = "`+strings.Repeat("a", 41)+`"`, "at most 40 characters"),
		plan(`name_prefix = "`+strings.Repeat("a", 39)+`"`, "at most"),
		plan(`user_names = ["Upper"]`, "in lower case"),
		{"resource \"memorydb_acl\" \"t\" {\n  name = \"acl-bad\"\n  user_names = [\"nobody-of-this-name\"]\n}\n", "UserNotFoundFault", false},
		{"resource \"memorydb_acl\" \"t\" {\n  name = \"acl-bad\"\n  user_names = [\"default\"]\n}\n", "default", false},
		{"resource \"memorydb_acl\" \"t\" {\n  name = \"open-access\"\n}\n", "exists already", false},
	})
}
