package provider_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

const subnetGroup = "memorydb_subnet_group.t"

func subnetGroupConfig(body string) string {
	return fmt.Sprintf("resource \"memorydb_subnet_group\" \"t\" {\n%s\n}\n", body)
}

func TestSubnetGroup(t *testing.T) {
	id := []statecheck.StateCheck{has(subnetGroup, "id", "subnets-one"), has(subnetGroup, "arn", "arn:aws:memorydb:us-east-1:123456789012:subnetgroup/subnets-one")}
	steps := []resource.TestStep{
		change(subnetGroup, plancheck.ResourceActionCreate, subnetGroupConfig(`name = "subnets-one"
			subnet_ids = ["subnet-0a1"]
			tags = { team = "a", stage = "test" }`),
			append(id, has(subnetGroup, "description", "Managed by Terraform"), has(subnetGroup, "subnet_ids", []string{"subnet-0a1"}),
				has(subnetGroup, "tags_all", map[string]string{"team": "a", "stage": "test"}), has(subnetGroup, "vpc_id", knownvalue.NotNull()))...),
	}
	steps = append(steps, imports(subnetGroup, "subnetgroup", "subnets-one")...)
	steps = append(steps,
		change(subnetGroup, plancheck.ResourceActionUpdate, subnetGroupConfig(`name = "subnets-one"
			description = "three"
			subnet_ids = ["subnet-0a1", "subnet-0a2", "subnet-0a3"]
			tags = { team = "b" }`),
			append(id, has(subnetGroup, "description", "three"), has(subnetGroup, "subnet_ids", []string{"subnet-0a1", "subnet-0a2", "subnet-0a3"}), has(subnetGroup, "tags_all", map[string]string{"team": "b"}))...),
		change(subnetGroup, plancheck.ResourceActionUpdate, subnetGroupConfig(`name = "subnets-one"
			description = ""
			subnet_ids = ["subnet-0a3"]`),
			append(id, has(subnetGroup, "description", ""), has(subnetGroup, "subnet_ids", []string{"subnet-0a3"}), has(subnetGroup, "tags_all", map[string]string{}))...),
		change(subnetGroup, plancheck.ResourceActionReplace, subnetGroupConfig(`name = "subnets-two"
			subnet_ids = ["subnet-0a3"]`), has(subnetGroup, "id", "subnets-two")),
	)
	apply(t, steps...)
}

func TestSubnetGroupNames(t *testing.T) {
	apply(t,
		change(subnetGroup, plancheck.ResourceActionCreate, subnetGroupConfig(`subnet_ids = ["subnet-0a1"]`), has(subnetGroup, "name", knownvalue.StringRegexp(message("terraform-")))),
		change(subnetGroup, plancheck.ResourceActionReplace, subnetGroupConfig("name_prefix = \"team-\"\nsubnet_ids = [\"subnet-0a1\"]"), has(subnetGroup, "name", knownvalue.StringRegexp(message("team-")))),
		change(subnetGroup, plancheck.ResourceActionReplace, subnetGroupConfig("name_prefix = \"crew-\"\nsubnet_ids = [\"subnet-0a1\"]"), has(subnetGroup, "name", knownvalue.StringRegexp(message("crew-")))),
	)
}

func TestSubnetGroupDriftAndDisappearance(t *testing.T) {
	config := subnetGroupConfig("name = \"subnets-drift\"\nsubnet_ids = [\"subnet-0a1\"]\ntags = { a = \"1\" }")
	name := aws.String("subnets-drift")
	arn := aws.String("arn:aws:memorydb:us-east-1:123456789012:subnetgroup/subnets-drift")
	apply(t,
		resource.TestStep{Config: config},
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).UpdateSubnetGroup(ctx, &memorydb.UpdateSubnetGroupInput{SubnetGroupName: name, Description: aws.String("other"), SubnetIds: []string{"subnet-0a2"}})
			return err
		}, action(subnetGroup, plancheck.ResourceActionUpdate)),
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).TagResource(ctx, &memorydb.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("2")}, {Key: aws.String("b"), Value: aws.String("")}}})
			return err
		}, action(subnetGroup, plancheck.ResourceActionUpdate)),
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).DeleteSubnetGroup(ctx, &memorydb.DeleteSubnetGroupInput{SubnetGroupName: name})
			return err
		}, action(subnetGroup, plancheck.ResourceActionCreate)),
	)
}

func TestDefaultTags(t *testing.T) {
	with := func(more, body string) string { return providerBlock(t, more) + subnetGroupConfig(body) }
	body := "name = \"subnets-tags\"\nsubnet_ids = [\"subnet-0a1\"]\n"
	apply(t,
		change(subnetGroup, plancheck.ResourceActionCreate, with(`default_tags {
			tags = { team = "a", cost = "1" }
		}`, body+`tags = { team = "b" }`),
			has(subnetGroup, "tags", map[string]string{"team": "b"}), has(subnetGroup, "tags_all", map[string]string{"team": "b", "cost": "1"})),
		change(subnetGroup, plancheck.ResourceActionUpdate, with(`default_tags {
			tags = { team = "a", cost = "2" }
		}`, body), has(subnetGroup, "tags", nil), has(subnetGroup, "tags_all", map[string]string{"team": "a", "cost": "2"})),
		change(subnetGroup, plancheck.ResourceActionUpdate, with("", body+`tags = { team = "a" }`), has(subnetGroup, "tags_all", map[string]string{"team": "a"})),
	)
}

func TestSubnetGroupRefusals(t *testing.T) {
	plan := func(body, want string) badConfig { return badConfig{subnetGroupConfig(body), want, true} }
	refused(t, []badConfig{
		plan(`subnet_ids = []`, "at least 1"),
		plan(`subnet_ids = ["vpc-1"]`, `"vpc-1" is not the id of a subnet`),
		plan("name = \"Upper\"\nsubnet_ids = [\"subnet-1\"]", `in lower case: write "upper"`),
		plan("name = \"a--b\"\nsubnet_ids = [\"subnet-1\"]", "two consecutive hyphens"),
		plan("name = \"a\"\nname_prefix = \"b\"\nsubnet_ids = [\"subnet-1\"]", "name_prefix"),
		plan("subnet_ids = [\"subnet-1\"]\ntags = { \"aws:x\" = \"1\" }", "reserved"),
		plan(`name = "a"`, `The argument "subnet_ids" is required`),
		{subnetGroupConfig("name = \"twice\"\nsubnet_ids = [\"subnet-1\"]") + `resource "memorydb_subnet_group" "again" {
			name       = memorydb_subnet_group.t.name
			subnet_ids = ["subnet-1"]
		}`, "a resource of that name exists already", false},
	})
}
