package provider_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// change is a step that plans the action for the resource, and checks the state afterwards.
func change(address string, action plancheck.ResourceActionType, config string, checks ...statecheck.StateCheck) resource.TestStep {
	return resource.TestStep{
		Config:            config,
		ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}},
		ConfigStateChecks: checks,
	}
}

// has checks one attribute of the state; at is a path with dots, an element of a list by its number.
func has(address, at string, value any) statecheck.StateCheck {
	var p tfjsonpath.Path
	for i, key := range strings.Split(at, ".") {
		var n int
		switch _, err := fmt.Sscanf(key, "%d", &n); {
		case i == 0:
			p = tfjsonpath.New(key)
		case err == nil:
			p = p.AtSliceIndex(n)
		default:
			p = p.AtMapKey(key)
		}
	}
	return statecheck.ExpectKnownValue(address, p, check(value))
}

func check(value any) knownvalue.Check {
	switch v := value.(type) {
	case knownvalue.Check:
		return v
	case nil:
		return knownvalue.Null()
	case string:
		return knownvalue.StringExact(v)
	case bool:
		return knownvalue.Bool(v)
	case int:
		return knownvalue.Int64Exact(int64(v))
	case []string:
		var all []knownvalue.Check
		for _, s := range v {
			all = append(all, knownvalue.StringExact(s))
		}
		return knownvalue.SetExact(all)
	case map[string]string:
		all := map[string]knownvalue.Check{}
		for k, s := range v {
			all[k] = knownvalue.StringExact(s)
		}
		return knownvalue.MapExact(all)
	}
	panic(fmt.Sprintf("provider test: no check for %T", value))
}

// imports are the steps that import the resource by its name, in whatever case, and by its ARN, and compare the result with the state.
func imports(address, kind, name string, ignore ...string) []resource.TestStep {
	var steps []resource.TestStep
	for _, id := range []string{name, strings.ToUpper(name), fmt.Sprintf("arn:aws:memorydb:us-east-1:123456789012:%s/%s", kind, name)} {
		steps = append(steps, resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: id, ImportStateVerify: true, ImportStateVerifyIgnore: ignore})
	}
	return steps
}

// outside is a step in which something else than Terraform works on the service before the plan.
func outside(t *testing.T, config string, do func(ctx context.Context) error, plan ...plancheck.PlanCheck) resource.TestStep {
	return resource.TestStep{
		PreConfig: func() {
			if err := do(context.Background()); err != nil {
				t.Errorf("outside of Terraform: %v", err)
			}
		},
		Config:           config,
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: plan},
	}
}

func action(address string, a plancheck.ResourceActionType) plancheck.PlanCheck {
	return plancheck.ExpectResourceAction(address, a)
}

// refused applies bad configurations, each of which must fail with its message, and none may leave anything.
func refused(t *testing.T, cases []badConfig) {
	t.Helper()
	var steps []resource.TestStep
	for _, c := range cases {
		steps = append(steps, resource.TestStep{Config: c.config, PlanOnly: c.plan, ExpectError: message(c.want)})
	}
	apply(t, steps...)
}

// badConfig is a configuration that is refused: at plan time already, if plan is set.
type badConfig struct {
	config, want string
	plan         bool
}

// message matches a text in terraform's output, which breaks lines where it likes and draws a frame beside them.
func message(text string) *regexp.Regexp {
	words := strings.Fields(text)
	for i := range words {
		words[i] = regexp.QuoteMeta(words[i])
	}
	return regexp.MustCompile(strings.Join(words, `[\s│]+`))
}

// pathTo is the path of an attribute in an object.
func pathTo(attribute, key string) tfjsonpath.Path { return tfjsonpath.New(attribute).AtMapKey(key) }
