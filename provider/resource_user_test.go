package provider_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
)

const user = "memorydb_user.t"

// userConfig is a user; authentication is the content of its block.
func userConfig(name, access, authentication string) string {
	return fmt.Sprintf("resource \"memorydb_user\" \"t\" {\n  user_name = %q\n  access_string = %q\n  authentication_mode {\n%s\n  }\n}\n", name, access, authentication)
}

// passwords are the arguments of a user with passwords.
func passwords(all ...string) string {
	return fmt.Sprintf("type = \"password\"\npasswords = [\"%s\"]", strings.Join(all, `", "`))
}

// inService asks the API for the user.
func inService(t *testing.T, name, access string, want types.Authentication) resource.TestCheckFunc {
	return func(*terraform.State) error {
		out, err := api(t).DescribeUsers(context.Background(), &memorydb.DescribeUsersInput{UserName: &name})
		if err != nil {
			return err
		}
		u := out.Users[0]
		if got := aws.ToString(u.AccessString); got != access {
			return fmt.Errorf("the service has access string %q, not %q", got, access)
		}
		if got := u.Authentication; got.Type != want.Type || aws.ToInt32(got.PasswordCount) != aws.ToInt32(want.PasswordCount) {
			return fmt.Errorf("the service has authentication %s with %d passwords", got.Type, aws.ToInt32(got.PasswordCount))
		}
		return nil
	}
}

func withPasswords(n int32) types.Authentication {
	return types.Authentication{Type: types.AuthenticationTypePassword, PasswordCount: &n}
}

func TestUser(t *testing.T) {
	const name, all, one, two = "user-one", "on ~* &* +@all", "first-password-of-16", "second-password-of-16"
	step := func(a plancheck.ResourceActionType, config, access string, want types.Authentication) resource.TestStep {
		s := change(user, a, config, has(user, "id", name), has(user, "arn", "arn:aws:memorydb:us-east-1:123456789012:user/"+name),
			has(user, "authentication_mode.password_count", int(aws.ToInt32(want.PasswordCount))))
		s.Check = inService(t, name, access, want)
		return s
	}
	steps := []resource.TestStep{step(plancheck.ResourceActionCreate, userConfig(name, all, passwords(one)), all, withPasswords(1))}
	steps = append(steps, imports(user, "user", name, "authentication_mode.passwords")...)
	steps = append(steps,
		step(plancheck.ResourceActionUpdate, userConfig(name, all, passwords(one, two)), all, withPasswords(2)),
		step(plancheck.ResourceActionUpdate, userConfig(name, "off ~a* ~b* -@all +@read", passwords(two)), "off ~a* ~b* resetchannels -@all +@read", withPasswords(1)),
		// another way to write the same rules is no change
		step(plancheck.ResourceActionNoop, userConfig(name, "~a* ~b* resetchannels +@read", passwords(two)), "off ~a* ~b* resetchannels -@all +@read", withPasswords(1)),
		step(plancheck.ResourceActionUpdate, userConfig(name, all, `type = "iam"`), all, types.Authentication{Type: types.AuthenticationTypeIam}),
		step(plancheck.ResourceActionUpdate, userConfig(name, all, passwords(one)), all, withPasswords(1)),
		change(user, plancheck.ResourceActionReplace, userConfig("user-two", all, passwords(one)), has(user, "id", "user-two")),
	)
	apply(t, steps...)
}

func TestUserIAM(t *testing.T) {
	steps := []resource.TestStep{
		change(user, plancheck.ResourceActionCreate, userConfig("user-iam", "on ~* &* +@all", `type = "iam"`), has(user, "minimum_engine_version", "7.0"), has(user, "authentication_mode.type", "iam")),
	}
	apply(t, append(steps, imports(user, "user", "user-iam")...)...)
}

func TestUserWriteOnlyPasswords(t *testing.T) {
	const name, all = "user-secret", "on ~* &* +@all"
	secret := func(version int, passwords ...string) string {
		return userConfig(name, all, fmt.Sprintf("type = \"password\"\npasswords_wo = [\"%s\"]\npasswords_wo_version = %d", strings.Join(passwords, `", "`), version))
	}
	step := func(a plancheck.ResourceActionType, config string, count int32) resource.TestStep {
		s := change(user, a, config, has(user, "authentication_mode.passwords_wo", nil), has(user, "authentication_mode.passwords", nil))
		s.Check = resource.ComposeTestCheckFunc(inService(t, name, all, withPasswords(count)), func(s *terraform.State) error {
			if state := fmt.Sprint(s); strings.Contains(state, "never-in-the-state") {
				return fmt.Errorf("the state has a write-only password: %s", state)
			}
			return nil
		})
		return s
	}
	if err := findTerraform(); err != nil {
		t.Fatal(err)
	}
	steps := []resource.TestStep{
		step(plancheck.ResourceActionCreate, secret(1, "never-in-the-state-1"), 1),
		step(plancheck.ResourceActionNoop, secret(1, "never-in-the-state-2"), 1),
		step(plancheck.ResourceActionUpdate, secret(2, "never-in-the-state-1", "never-in-the-state-2"), 2),
	}
	for i := range steps {
		steps[i].Config = configured(t, steps[i].Config)
	}
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.RequireAbove(tfversion.Version1_11_0)},
		ProtoV6ProviderFactories: factories, Steps: steps, CheckDestroy: func(s *terraform.State) error { return destroyed(t, s) },
	})
}

func TestUserDriftAndDisappearance(t *testing.T) {
	config := userConfig("user-drift", "on ~* &* +@all", passwords("first-password-of-16"))
	name := aws.String("user-drift")
	apply(t,
		resource.TestStep{Config: config},
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).UpdateUser(ctx, &memorydb.UpdateUserInput{UserName: name, AccessString: aws.String("off")})
			return err
		}, action(user, plancheck.ResourceActionUpdate)),
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).UpdateUser(ctx, &memorydb.UpdateUserInput{UserName: name, AuthenticationMode: &types.AuthenticationMode{Type: types.InputAuthenticationTypeIam}})
			return err
		}, action(user, plancheck.ResourceActionUpdate)),
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).DeleteUser(ctx, &memorydb.DeleteUserInput{UserName: name})
			return err
		}, action(user, plancheck.ResourceActionCreate)),
	)
}

func TestUserRefusals(t *testing.T) {
	const good = "a-password-of-more-than-16"
	plan := func(name, access, authentication, want string) badConfig {
		return badConfig{userConfig(name, access, authentication), want, true}
	}
	refused(t, []badConfig{
		plan("u", "on", passwords("short"), "Passwords must have between 16 and 128 characters"),
		plan("u", "on", passwords("has-a-forbidden/letter"), "printable ASCII characters"),
		plan("u", "on", passwords(good, good+"2", good+"3"), "at most 2"),
		plan("u", "on", `type = "password"`, "needs passwords"),
		plan("u", "on", "type = \"iam\"\npasswords = [\""+good+"\"]", "has no passwords"),
		plan("u", "on", `type = "none"`, "must be one of"),
		plan("u", "on", "type = \"password\"\npasswords_wo = [\""+good+"\"]", "passwords_wo_version"),
		plan("u", "on >secret", passwords(good), "Invalid access string"),
		plan("u", "on +@nothing", passwords(good), "Invalid access string"),
		plan("User", "on", passwords(good), "in lower case"),
		plan("u-", "on", passwords(good), "must not end with a hyphen"),
		{userConfig("default", "on", passwords(good)), "exists already", false},
		{"resource \"memorydb_user\" \"t\" {\n  user_name = \"u\"\n  access_string = \"on\"\n}\n", "authentication_mode", true},
		{userConfig("u", "on +nosuchcommand", passwords(good)), "nosuchcommand", false},
	})
}
