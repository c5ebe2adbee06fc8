// Package acctest tests everything together: terraform with the provider as a plugin, the emulator with its engine, and Redis clients of other people.
package acctest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/acctest/harness"
	"github.com/openmemorydb/memorydb/emulator"
)

// workspace is a folder with a configuration, and the terraform that works on it with the provider of this repository.
type workspace struct {
	t      *testing.T
	binary string
	folder string
	state  string
	env    []string
}

// newWorkspace builds the provider and makes terraform use it for a configuration of examples/, which is not written to.
func newWorkspace(t *testing.T, example string, env ...string) *workspace {
	t.Helper()
	binary, err := harness.Terraform("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	folder, err := filepath.Abs(filepath.Join("..", "examples", example))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "terraform-provider-memorydb"), "..").CombinedOutput(); err != nil {
		t.Fatalf("build the provider: %v\n%s", err, out)
	}
	rc := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"openmemorydb/memorydb\" = %q\n  }\n  direct {}\n}\n", dir)
	if err := os.WriteFile(filepath.Join(dir, "terraformrc"), []byte(rc), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &workspace{t: t, binary: binary, folder: folder, state: filepath.Join(dir, "terraform.tfstate")}
	w.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(dir, "terraformrc"), "TF_DATA_DIR="+filepath.Join(dir, "data"), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
	w.env = append(w.env, env...)
	return w
}

// run runs terraform and returns what it prints; code is its exit code.
func (w *workspace) run(args ...string) (out string, code int) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), w.binary, append([]string{"-chdir=" + w.folder}, args...)...)
	cmd.Env = w.env
	var stdout, all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &all
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return stdout.String() + all.String(), exit.ExitCode()
	case err != nil:
		w.t.Fatal(err)
	}
	return stdout.String(), 0
}

// must runs terraform, which must succeed.
func (w *workspace) must(command string, args ...string) string {
	w.t.Helper()
	begun := time.Now()
	out, code := w.run(append([]string{command, "-no-color", "-state=" + w.state}, args...)...)
	w.t.Logf("terraform %s took %v", command, time.Since(begun).Round(time.Millisecond))
	if code != 0 {
		w.t.Fatalf("terraform %s: exit code %d\n%s", command, code, out)
	}
	return out
}

// unchanged demands that a plan is empty.
func (w *workspace) unchanged() {
	w.t.Helper()
	if out, code := w.run("plan", "-no-color", "-input=false", "-detailed-exitcode", "-state="+w.state); code != 0 {
		w.t.Errorf("a second plan is not empty: exit code %d\n%s", code, out)
	}
}

// outputs are the outputs that are strings.
func (w *workspace) outputs() map[string]string {
	w.t.Helper()
	var raw map[string]struct{ Value any }
	if err := json.Unmarshal([]byte(w.must("output", "-json")), &raw); err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{}
	for name, o := range raw {
		if s, ok := o.Value.(string); ok {
			out[name] = s
		}
	}
	return out
}

func startEmulator(t *testing.T) *emulator.Emulator {
	t.Helper()
	e, err := emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Errorf("close the emulator: %v", err)
		}
	})
	return e
}

func apiOf(e *emulator.Emulator) *memorydb.Client {
	return memorydb.New(memorydb.Options{Region: "us-east-1", BaseEndpoint: aws.String(e.URL()), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

// dial is a client of a cluster, through TLS with the emulator's CA.
func dial(t *testing.T, e *emulator.Emulator, address, user, password string) *redis.ClusterClient {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(e.CA()) {
		t.Fatal("the CA is no certificate")
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{address}, Username: user, Password: password, TLSConfig: &tls.Config{RootCAs: roots}})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// The configuration that a newcomer applies: from nothing to a cluster that Redis clients use, a change that they feel, and back to nothing.
func TestQuickstart(t *testing.T) {
	ctx := t.Context()
	e := startEmulator(t)
	w := newWorkspace(t, "quickstart", "TF_VAR_endpoint="+e.URL())
	w.must("apply", "-auto-approve", "-input=false")
	w.unchanged()

	api := apiOf(e)
	out, err := api.DescribeClusters(ctx, &memorydb.DescribeClustersInput{ClusterName: aws.String("trading-sessions"), ShowShardDetails: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	cluster := out.Clusters[0]
	if got := aws.ToString(cluster.Status); got != "available" {
		t.Errorf("the cluster is %s", got)
	}
	if len(cluster.Shards) != 2 || len(cluster.Shards[0].Nodes) != 2 || len(cluster.Shards[1].Nodes) != 2 {
		t.Errorf("not two shards of a primary and a replica: %+v", cluster.Shards)
	}
	acls, err := api.DescribeACLs(ctx, &memorydb.DescribeACLsInput{ACLName: cluster.ACLName})
	if err != nil {
		t.Fatal(err)
	}
	users := slices.Sorted(slices.Values(acls.ACLs[0].UserNames))
	if !slices.Equal(users, []string{"trading-app", "trading-reader"}) {
		t.Errorf("the cluster lets in %v", users)
	}

	o := w.outputs()
	app := dial(t, e, o["endpoint"], o["app_user"], o["app_password"])
	for i := range 100 { // which is enough for both shards
		if err := app.Set(ctx, fmt.Sprint("session:", i), i, 0).Err(); err != nil {
			t.Fatalf("SET session:%d: %v", i, err)
		}
	}
	for i := range 100 {
		if got, err := app.Get(ctx, fmt.Sprint("session:", i)).Int(); err != nil || got != i {
			t.Errorf("GET session:%d: %d, %v", i, got, err)
		}
	}
	if info, err := app.Info(ctx, "memory").Result(); err != nil || !strings.Contains(info, "maxmemory_policy:volatile-lru") {
		t.Errorf("the parameter group is not in force: %v\n%s", err, info)
	}
	reader := dial(t, e, o["endpoint"], "trading-reader", "quickstart-reader-password")
	if got, err := reader.Get(ctx, "session:7").Int(); err != nil || got != 7 {
		t.Errorf("the reader reads %d, %v", got, err)
	}
	if err := reader.Set(ctx, "session:7", 8, 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
		t.Errorf("the reader writes: %v", err)
	}

	// Another password: the cluster takes it over, and the old one is worth nothing.
	w.env = append(w.env, "TF_VAR_app_password=another-app-password")
	if applied := w.must("apply", "-auto-approve", "-input=false"); !strings.Contains(applied, "0 added, 1 changed, 0 destroyed") {
		t.Errorf("a new password did more than change the user:\n%s", applied)
	}
	w.unchanged()
	if err := dial(t, e, o["endpoint"], o["app_user"], o["app_password"]).Ping(ctx).Err(); err == nil || !strings.HasPrefix(err.Error(), "WRONGPASS") {
		t.Errorf("the old password: %v", err)
	}
	if got, err := dial(t, e, o["endpoint"], o["app_user"], "another-app-password").Get(ctx, "session:42").Int(); err != nil || got != 42 {
		t.Errorf("with the new password: %d, %v", got, err)
	}

	w.must("destroy", "-auto-approve", "-input=false")
	var gone *types.ClusterNotFoundFault
	if _, err := api.DescribeClusters(ctx, &memorydb.DescribeClustersInput{ClusterName: aws.String("trading-sessions")}); !errors.As(err, &gone) {
		t.Errorf("after destroy: %v", err)
	}
	left, err := api.DescribeUsers(ctx, &memorydb.DescribeUsersInput{})
	if err != nil || len(left.Users) != 1 {
		t.Errorf("users after destroy: %+v, %v", left, err)
	}
}
