package provider_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

const parameterGroup = "memorydb_parameter_group.t"

// parameterGroupConfig is a group of redis 7 with parameters.
func parameterGroupConfig(name string, parameters map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "resource \"memorydb_parameter_group\" \"t\" {\n  name = %q\n  family = \"memorydb_redis7\"\n", name)
	for _, k := range slices.Sorted(maps.Keys(parameters)) {
		fmt.Fprintf(&b, "  parameter {\n    name = %q\n    value = %q\n  }\n", k, parameters[k])
	}
	b.WriteString("}\n")
	return b.String()
}

// parametersInState are exactly the blocks in the state.
func parametersInState(parameters map[string]string) statecheck.StateCheck {
	all := []knownvalue.Check{}
	for name, value := range parameters {
		all = append(all, knownvalue.ObjectExact(map[string]knownvalue.Check{"name": knownvalue.StringExact(name), "value": knownvalue.StringExact(value)}))
	}
	return has(parameterGroup, "parameter", knownvalue.SetExact(all))
}

// parametersInService compares the values of the service with the defaults of the family, changed by parameters.
func parametersInService(t *testing.T, group string, parameters map[string]string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		pages := memorydb.NewDescribeParametersPaginator(api(t), &memorydb.DescribeParametersInput{ParameterGroupName: aws.String(group)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(context.Background())
			if err != nil {
				return err
			}
			for _, p := range page.Parameters {
				known, _ := spec.FindParameter("memorydb_redis7", *p.Name)
				want, ok := parameters[*p.Name]
				if !ok {
					want = known.Default
				}
				if got := aws.ToString(p.Value); got != want {
					return fmt.Errorf("parameter %s of %s is %q, not %q", *p.Name, group, got, want)
				}
			}
		}
		return nil
	}
}

func TestParameterGroup(t *testing.T) {
	const name = "parameters-one"
	step := func(a plancheck.ResourceActionType, parameters map[string]string) resource.TestStep {
		s := change(parameterGroup, a, parameterGroupConfig(name, parameters), parametersInState(parameters),
			has(parameterGroup, "id", name), has(parameterGroup, "arn", "arn:aws:memorydb:us-east-1:123456789012:parametergroup/"+name), has(parameterGroup, "description", "Managed by Terraform"))
		s.Check = parametersInService(t, name, parameters)
		return s
	}
	// more than one call takes, none of them the default
	many := map[string]string{}
	for _, p := range spec.Parameters("memorydb_redis7") {
		values := []string{"2", "3", "4096", "1048577", "yes", "no", "allkeys-lru"}
		if i := slices.IndexFunc(values, func(v string) bool { return v != p.Default && p.Check(v) == nil }); i >= 0 && p.Name != "search-enabled" {
			many[p.Name] = values[i]
		}
	}
	if len(many) <= spec.MaxParametersPerCall {
		t.Fatalf("only %d parameters fit into the test", len(many))
	}
	steps := []resource.TestStep{
		step(plancheck.ResourceActionCreate, map[string]string{"maxmemory-policy": "volatile-lru", "notify-keyspace-events": "Ex", "timeout": "0"}),
	}
	steps = append(steps, imports(parameterGroup, "parametergroup", name, "parameter")...) // timeout is its default: only the configuration knows that it is set
	steps = append(steps,
		step(plancheck.ResourceActionUpdate, map[string]string{"maxmemory-policy": "allkeys-lfu", "timeout": "20"}),
		resource.TestStep{ResourceName: parameterGroup, ImportState: true, ImportStateId: name, ImportStateVerify: true},
		step(plancheck.ResourceActionUpdate, many),
		step(plancheck.ResourceActionUpdate, map[string]string{}),
		change(parameterGroup, plancheck.ResourceActionReplace, strings.Replace(parameterGroupConfig(name, nil), "redis7", "redis6", 1), has(parameterGroup, "family", "memorydb_redis6")),
		change(parameterGroup, plancheck.ResourceActionReplace, parameterGroupConfig("parameters-two", nil), has(parameterGroup, "id", "parameters-two")),
	)
	apply(t, steps...)
}

func TestParameterGroupDriftAndDisappearance(t *testing.T) {
	config := parameterGroupConfig("parameters-drift", map[string]string{"timeout": "30"})
	name := aws.String("parameters-drift")
	set := func(parameter, value string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := api(t).UpdateParameterGroup(ctx, &memorydb.UpdateParameterGroupInput{ParameterGroupName: name,
				ParameterNameValues: []types.ParameterNameValue{{ParameterName: aws.String(parameter), ParameterValue: aws.String(value)}}})
			return err
		}
	}
	apply(t,
		resource.TestStep{Config: config},
		outside(t, config, set("timeout", "31"), action(parameterGroup, plancheck.ResourceActionUpdate)),
		outside(t, config, set("activedefrag", "yes"), action(parameterGroup, plancheck.ResourceActionUpdate)),
		outside(t, config, func(ctx context.Context) error {
			_, err := api(t).DeleteParameterGroup(ctx, &memorydb.DeleteParameterGroupInput{ParameterGroupName: name})
			return err
		}, action(parameterGroup, plancheck.ResourceActionCreate)),
	)
}

func TestParameterGroupRefusals(t *testing.T) {
	plan := func(parameters map[string]string, want string) badConfig {
		return badConfig{parameterGroupConfig("parameters-bad", parameters), want, true}
	}
	refused(t, []badConfig{
		plan(map[string]string{"maxmemory-polizy": "x"}, `has no parameter "maxmemory-polizy"`),
		plan(map[string]string{"maxmemory-policy": "least"}, "Invalid value"),
		plan(map[string]string{"active-expire-effort": "11"}, "Allowed values: 1-10"),
		plan(map[string]string{"notify-keyspace-events": "Q"}, "must consist of the letters"),
		{strings.Replace(parameterGroupConfig("parameters-bad", nil), "redis7", "redis9", 1), `value must be one of`, true},
		{`resource "memorydb_parameter_group" "t" {
			family = "memorydb_redis7"
			parameter {
				name  = "timeout"
				value = "1"
			}
			parameter {
				name  = "timeout"
				value = "2"
			}
		}`, "set more than once", true},
		{parameterGroupConfig("default.mine", nil), "valid identifier", true},
	})
}
