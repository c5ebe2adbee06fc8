package provider_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

// read is a file of examples/.
func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "examples"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// applyExample applies steps with values for the variables of the examples.
func applyExample(t *testing.T, variables config.Variables, steps ...resource.TestStep) {
	t.Helper()
	for i := range steps {
		steps[i].ConfigVariables = variables
	}
	apply(t, steps...)
}

// Every example can be applied as it is, and its data source finds what it made.
func TestExamples(t *testing.T) {
	for _, kind := range []string{"subnet_group", "parameter_group", "user", "acl", "cluster"} {
		t.Run(kind, func(t *testing.T) {
			made := read(t, "resources", "memorydb_"+kind, "resource.tf")
			variables := config.Variables{}
			if strings.Contains(made, `variable "password"`) {
				variables["password"] = config.StringVariable("a-password-of-more-than-16")
			}
			applyExample(t, variables,
				resource.TestStep{Config: made},
				resource.TestStep{Config: made + read(t, "data-sources", "memorydb_"+kind, "data-source.tf"), ConfigStateChecks: []statecheck.StateCheck{has("data.memorydb_"+kind+".example", "id", "example")}},
			)
		})
	}
}

// blocks are the terraform and provider blocks at the beginning of a configuration; the test framework has its own.
var blocks = regexp.MustCompile(`(?s)^terraform \{.*?\n\}\n\nprovider "memorydb" \{.*?\n\}\n`)

func TestQuickstart(t *testing.T) {
	main := read(t, "quickstart", "main.tf")
	if !blocks.MatchString(main) {
		t.Fatal("the quickstart does not begin with its terraform and provider blocks")
	}
	text := blocks.ReplaceAllString(main, "") + read(t, "quickstart", "variables.tf") + read(t, "quickstart", "outputs.tf")
	apply(t, resource.TestStep{
		Config: text,
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("endpoint", knownvalue.StringRegexp(regexp.MustCompile(`^[^:]+:6379$`))),
			statecheck.ExpectKnownOutputValue("app_user", knownvalue.StringExact("trading-app")),
			statecheck.ExpectSensitiveValue("memorydb_user.app", pathTo("authentication_mode", "passwords")),
			has("memorydb_cluster.sessions", "id", "trading-sessions"), has("memorydb_cluster.sessions", "shards.1.num_nodes", 2),
		},
	})
}

func TestExamplesAreFormatted(t *testing.T) {
	if err := findTerraform(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(os.Getenv("TF_ACC_TERRAFORM_PATH"), "fmt", "-check", "-diff", "-recursive", filepath.Join("..", "examples")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
