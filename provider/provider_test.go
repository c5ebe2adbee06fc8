package provider_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/openmemorydb/memorydb/acctest/harness"
	"github.com/openmemorydb/memorydb/emulator"
	"github.com/openmemorydb/memorydb/provider"
)

// service is the emulator that all tests of this package share.
var service struct {
	once sync.Once
	*emulator.Emulator
	dir string
	err error
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		defer func() {
			if service.Emulator != nil {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				if err := service.Close(ctx); err != nil {
					fmt.Fprintln(os.Stderr, "close the emulator:", err)
				}
			}
			if service.dir != "" {
				_ = os.RemoveAll(service.dir)
			}
		}()
		return m.Run()
	}())
}

// endpoint is the URL of the emulator, which the first caller starts.
func endpoint(t testing.TB) string {
	t.Helper()
	service.once.Do(func() {
		if service.dir, service.err = os.MkdirTemp("", "provider-test-"); service.err != nil { //nolint:usetesting // it outlives the test that is first
			return
		}
		service.Emulator, service.err = emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: service.dir})
	})
	if service.err != nil {
		t.Fatalf("the emulator does not start: %v", service.err)
	}
	return service.URL()
}

// api is a client of the emulator that owes nothing to the provider.
func api(t testing.TB) *memorydb.Client {
	return memorydb.New(memorydb.Options{Region: "us-east-1", BaseEndpoint: aws.String(endpoint(t)), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

// findTerraform makes the test framework use the terraform or tofu that this machine has.
var findTerraform = sync.OnceValue(func() error {
	binary, err := harness.Terraform("..")
	if err != nil {
		return err
	}
	env := map[string]string{"TF_ACC_TERRAFORM_PATH": binary, "TF_CLI_CONFIG_FILE": "", "CHECKPOINT_DISABLE": "1"}
	if harness.IsTofu(binary) {
		env["TF_ACC_PROVIDER_HOST"] = "registry.opentofu.org"
	}
	for k, v := range env {
		if err := os.Setenv(k, v); err != nil {
			return err
		}
	}
	return nil
})

// factories serve the provider in this process.
var factories = map[string]func() (tfprotov6.ProviderServer, error){"memorydb": providerserver.NewProtocol6WithError(provider.New("test")())}

// apply runs the steps of a test with terraform, and in the end destroys what is left and asks the API whether the names are gone. After each step the framework demands that a second plan is empty.
//
// Tests that apply run in parallel: their resources have names of their own.
func apply(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	t.Parallel()
	if err := findTerraform(); err != nil {
		t.Fatal(err)
	}
	for i := range steps {
		if steps[i].Config != "" {
			steps[i].Config = configured(t, steps[i].Config)
		}
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps, CheckDestroy: func(s *terraform.State) error { return destroyed(t, s) }})
}

// configured is a configuration with a provider block before it, unless it has its own.
func configured(t testing.TB, config string) string {
	if strings.Contains(config, `provider "memorydb"`) {
		return strings.ReplaceAll(config, "ENDPOINT", endpoint(t))
	}
	return providerBlock(t, "") + config
}

func providerBlock(t testing.TB, more string) string {
	return fmt.Sprintf("provider \"memorydb\" {\n  endpoint = %q\n  region = \"us-east-1\"\n  access_key = \"test\"\n  secret_key = \"test\"\n%s\n}\n", endpoint(t), more)
}

// destroyed is nil if the service knows none of the resources in the state.
func destroyed(t testing.TB, s *terraform.State) error {
	for address, r := range s.RootModule().Resources {
		if strings.HasPrefix(address, "data.") {
			continue
		}
		there, err := exists(t, r.Type, r.Primary.ID)
		if err != nil {
			return err
		}
		if there {
			return fmt.Errorf("%s (%s) is still there", address, r.Primary.ID)
		}
	}
	return nil
}

// exists asks the API for a resource.
func exists(t testing.TB, kind, name string) (bool, error) {
	ctx := context.Background()
	n := aws.String(name)
	switch kind {
	case "memorydb_subnet_group":
		_, err := api(t).DescribeSubnetGroups(ctx, &memorydb.DescribeSubnetGroupsInput{SubnetGroupName: n})
		return there[*types.SubnetGroupNotFoundFault](err)
	case "memorydb_parameter_group":
		_, err := api(t).DescribeParameterGroups(ctx, &memorydb.DescribeParameterGroupsInput{ParameterGroupName: n})
		return there[*types.ParameterGroupNotFoundFault](err)
	case "memorydb_user":
		_, err := api(t).DescribeUsers(ctx, &memorydb.DescribeUsersInput{UserName: n})
		return there[*types.UserNotFoundFault](err)
	case "memorydb_acl":
		_, err := api(t).DescribeACLs(ctx, &memorydb.DescribeACLsInput{ACLName: n})
		return there[*types.ACLNotFoundFault](err)
	case "memorydb_cluster":
		_, err := api(t).DescribeClusters(ctx, &memorydb.DescribeClustersInput{ClusterName: n})
		return there[*types.ClusterNotFoundFault](err)
	}
	return false, fmt.Errorf("no such type: %s", kind)
}

func there[F error](err error) (bool, error) {
	var fault F
	if errors.As(err, &fault) {
		return false, nil
	}
	return err == nil, err
}

// settled waits until a resource that was changed outside of Terraform has taken the change over, or is gone.
func settled(t testing.TB, kind, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		status, err := status(t, kind, name)
		if err != nil || status == "" || status == "active" || status == "available" {
			tick.Stop()
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s %s is still %s: %w", kind, name, status, ctx.Err())
		case <-tick.C:
		}
	}
}

// status is that of an ACL or a cluster, empty if it is gone.
func status(t testing.TB, kind, name string) (string, error) {
	if kind == "memorydb_cluster" {
		out, err := api(t).DescribeClusters(context.Background(), &memorydb.DescribeClustersInput{ClusterName: &name})
		if ok, err := there[*types.ClusterNotFoundFault](err); !ok {
			return "", err
		}
		return aws.ToString(out.Clusters[0].Status), nil
	}
	out, err := api(t).DescribeACLs(context.Background(), &memorydb.DescribeACLsInput{ACLName: &name})
	if ok, err := there[*types.ACLNotFoundFault](err); !ok {
		return "", err
	}
	return aws.ToString(out.ACLs[0].Status), nil
}
