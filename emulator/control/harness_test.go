package control_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/aws/smithy-go"

	"github.com/openmemorydb/memorydb/emulator/api"
	"github.com/openmemorydb/memorydb/emulator/control"
	"github.com/openmemorydb/memorydb/emulator/sigv4"
	"github.com/openmemorydb/memorydb/emulator/store"
)

const (
	account = "123456789012"
	region  = "us-east-1"
)

// harness is the management API over HTTP, driven by AWS's own client, with a fleet that does nothing until it is told to settle.
type harness struct {
	*memorydb.Client
	t       testing.TB
	service *control.Service
	store   *store.Store
	server  *httptest.Server
	fleet   *fakeFleet
	clock   *clock
	stopped bool
}

// fakeFleet remembers who it was told of.
type fakeFleet struct {
	mu   sync.Mutex
	told map[control.Place]int
}

func (f *fakeFleet) Notify(p control.Place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told[p]++
}

func (f *fakeFleet) Swept(control.SnapshotData) {}

// Primary is the first node of every shard.
func (f *fakeFleet) Primary(p control.Place, shard string) string {
	return p.Cluster + "-" + shard + "-001"
}

func (f *fakeFleet) times(cluster string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.told[place(cluster)]
}

func place(cluster string) control.Place {
	return control.Place{Account: account, Region: region, Cluster: cluster}
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// start serves the records in dir, or in memory when it is empty.
func start(t testing.TB, dir string) *harness {
	t.Helper()
	keyring, err := control.OpenKeyring(t.TempDir() + "/keyring")
	if err != nil {
		t.Fatal(err)
	}
	return startWith(t, dir, keyring)
}

func startWith(t testing.TB, dir string, keyring *control.Keyring, change ...func(*control.Config)) *harness {
	t.Helper()
	h := &harness{t: t, fleet: &fakeFleet{told: map[control.Place]int{}}, clock: &clock{now: time.Now().UTC()}}
	var err error
	if h.store, err = store.Open(store.Config{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	cfg := control.Config{Store: h.store, Keyring: keyring, Now: h.clock.Now, CheckRules: func(s string) error { return nil }}
	for _, f := range change {
		f(&cfg)
	}
	h.service = control.New(cfg)
	h.service.SetFleet(h.fleet)
	operations := map[string]control.Operation{}
	for _, op := range h.service.Operations() {
		operations[op.Name] = op
	}
	front := api.New(api.Config{
		Lookup: func(name string) (api.Operation, bool) {
			op, ok := operations[name]
			return api.Operation{Name: op.Name, Write: op.Write, Call: func(ctx context.Context, who api.Caller, body []byte) (any, error) {
				return op.Call(ctx, control.Caller(who), body)
			}}, ok
		},
		Verifier: &sigv4.Verifier{Service: "memorydb", Now: time.Now, Keys: map[string]sigv4.Key{"test": {Secret: "test"}}},
		Account:  func(string) string { return account },
		Ready:    func() bool { return true },
		Health:   func() any { return map[string]string{"status": "ok"} },
		CA:       func() []byte { return nil },
	})
	h.server = httptest.NewServer(front.Handler())
	h.Client = h.client(region)
	t.Cleanup(h.stop)
	return h
}

func (h *harness) client(region string) *memorydb.Client {
	return memorydb.New(memorydb.Options{
		Region: region, BaseEndpoint: aws.String(h.server.URL), RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// stop ends the server and closes the records; a second time it does nothing.
func (h *harness) stop() {
	if h.stopped {
		return
	}
	h.stopped = true
	h.server.Close()
	if err := h.store.Close(); err != nil {
		h.t.Error(err)
	}
}

// settle does what a fleet does: the nodes of every cluster become as they are wanted.
func (h *harness) settle() {
	h.t.Helper()
	ctx := h.t.Context()
	wanted, err := h.service.Wanted(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, w := range wanted {
		p := control.Place{Account: w.Account, Region: w.Region, Cluster: w.Name}
		if w.Status == "deleting" {
			if err := h.service.ClusterGone(ctx, p); err != nil {
				h.t.Fatal(err)
			}
			continue
		}
		nodes := map[string]control.NodeAddress{}
		for _, sh := range w.Shards {
			for i, n := range sh.Nodes {
				nodes[n.Name] = control.NodeAddress{Address: "127.0.0." + strconv.Itoa(i+1), Port: w.Port}
			}
		}
		if err := h.service.Placed(ctx, p, nodes); err != nil {
			h.t.Fatal(err)
		}
		if err := h.service.ClusterReady(ctx, p, w.Generation, control.NodeAddress{Address: "127.0.0.254", Port: w.Port}); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *harness) wanted(cluster string) control.WantedCluster {
	h.t.Helper()
	w, ok, err := h.service.WantedCluster(h.t.Context(), place(cluster))
	if err != nil || !ok {
		h.t.Fatalf("cluster %s is not wanted: %v", cluster, err)
	}
	return w
}

// must is the answer of a call that has to succeed.
func must[T any](t testing.TB) func(out T, err error) T {
	t.Helper()
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// code is the code of a fault, "" for none.
func code(err error) string {
	var fault smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &fault):
		return fault.ErrorCode()
	}
	return err.Error()
}

func wantCode(t testing.TB, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("fault %q, want %q (%v)", got, want, err)
	}
}

func (h *harness) createCluster(name string, change ...func(*memorydb.CreateClusterInput)) *types.Cluster {
	h.t.Helper()
	in := &memorydb.CreateClusterInput{ClusterName: aws.String(name), ACLName: aws.String("open-access"), NodeType: aws.String("db.t4g.small")}
	for _, f := range change {
		f(in)
	}
	out, err := h.CreateCluster(h.t.Context(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	return out.Cluster
}

func (h *harness) cluster(name string) types.Cluster {
	h.t.Helper()
	out, err := h.DescribeClusters(h.t.Context(), &memorydb.DescribeClustersInput{ClusterName: aws.String(name), ShowShardDetails: aws.Bool(true)})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.Clusters[0]
}

func (h *harness) createUser(name, access string) *types.User {
	h.t.Helper()
	out, err := h.CreateUser(h.t.Context(), &memorydb.CreateUserInput{UserName: aws.String(name), AccessString: aws.String(access),
		AuthenticationMode: &types.AuthenticationMode{Type: types.InputAuthenticationTypePassword, Passwords: []string{"a-long-password-1"}}})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.User
}

func (h *harness) createACL(name string, users ...string) *types.ACL {
	h.t.Helper()
	out, err := h.CreateACL(h.t.Context(), &memorydb.CreateACLInput{ACLName: aws.String(name), UserNames: users})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.ACL
}

func (h *harness) acl(name string) types.ACL {
	h.t.Helper()
	out, err := h.DescribeACLs(h.t.Context(), &memorydb.DescribeACLsInput{ACLName: aws.String(name)})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.ACLs[0]
}

func (h *harness) user(name string) types.User {
	h.t.Helper()
	out, err := h.DescribeUsers(h.t.Context(), &memorydb.DescribeUsersInput{UserName: aws.String(name)})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.Users[0]
}

func (h *harness) createParameterGroup(name, family string) {
	h.t.Helper()
	_, err := h.CreateParameterGroup(h.t.Context(), &memorydb.CreateParameterGroupInput{ParameterGroupName: aws.String(name), Family: aws.String(family)})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) setParameter(group, name, value string) error {
	_, err := h.UpdateParameterGroup(h.t.Context(), &memorydb.UpdateParameterGroupInput{ParameterGroupName: aws.String(group),
		ParameterNameValues: []types.ParameterNameValue{{ParameterName: aws.String(name), ParameterValue: aws.String(value)}}})
	return err
}
