package emulator_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/redis/go-redis/v9"

	"github.com/openmemorydb/memorydb/emulator"
)

// open opens an emulator on a folder; end closes it before the test ends.
func open(t testing.TB, dir string) (e *emulator.Emulator, end func()) {
	t.Helper()
	e, err := emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	end = func() {
		t.Helper()
		if closed {
			return
		}
		closed = true
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	t.Cleanup(end)
	return e, end
}

func api(e *emulator.Emulator) *memorydb.Client {
	return memorydb.New(memorydb.Options{Region: "us-east-1", BaseEndpoint: aws.String(e.URL()), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually asks until the answer is nil, or fails.
func eventually(t testing.TB, ask func() error) {
	t.Helper()
	ctx := soon(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// available waits until a cluster is, and returns it.
func available(t testing.TB, c *memorydb.Client, name string) types.Cluster {
	t.Helper()
	var found types.Cluster
	eventually(t, func() error {
		out, err := c.DescribeClusters(soon(t), &memorydb.DescribeClustersInput{ClusterName: aws.String(name), ShowShardDetails: aws.Bool(true)})
		if err != nil {
			return err
		}
		found = out.Clusters[0]
		if s := aws.ToString(found.Status); s != "available" || aws.ToString(found.ParameterGroupStatus) != "in-sync" {
			return fmt.Errorf("cluster is %s, its parameters are %s", s, aws.ToString(found.ParameterGroupStatus))
		}
		return nil
	})
	return found
}

func clusterClient(t testing.TB, e *emulator.Emulator, cl types.Cluster, user, password string) *redis.ClusterClient {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(e.CA()) {
		t.Fatal("CA holds no certificate")
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:    []string{net.JoinHostPort(*cl.ClusterEndpoint.Address, strconv.Itoa(int(cl.ClusterEndpoint.Port)))},
		Username: user, Password: password, TLSConfig: &tls.Config{RootCAs: roots},
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// The path of the whole thing: users, ACL, parameter group and a sharded cluster through AWS's SDK; keys through a cluster client over TLS; changes that reach the engine; a restart; deletion.
func TestClusterEndToEnd(t *testing.T) {
	ctx := soon(t)
	dir := t.TempDir()
	e, shut := open(t, dir)
	c := api(e)
	const password = "sixteen-characters"
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.CreateUser(ctx, &memorydb.CreateUserInput{UserName: aws.String("app"), AccessString: aws.String("on ~* &* +@all"),
		AuthenticationMode: &types.AuthenticationMode{Type: types.InputAuthenticationTypePassword, Passwords: []string{password}}}))
	must(c.CreateACL(ctx, &memorydb.CreateACLInput{ACLName: aws.String("apps"), UserNames: []string{"app"}}))
	must(c.CreateParameterGroup(ctx, &memorydb.CreateParameterGroupInput{ParameterGroupName: aws.String("small-hashes"), Family: aws.String("memorydb_redis7")}))
	must(c.UpdateParameterGroup(ctx, &memorydb.UpdateParameterGroupInput{ParameterGroupName: aws.String("small-hashes"),
		ParameterNameValues: []types.ParameterNameValue{{ParameterName: aws.String("hash-max-listpack-entries"), ParameterValue: aws.String("2")}}}))
	began := time.Now()
	created, err := c.CreateCluster(ctx, &memorydb.CreateClusterInput{ClusterName: aws.String("shop"), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("apps"),
		NumShards: aws.Int32(2), NumReplicasPerShard: aws.Int32(1), ParameterGroupName: aws.String("small-hashes")})
	must(created, err)
	if s := aws.ToString(created.Cluster.Status); s != "creating" || created.Cluster.ClusterEndpoint.Address != nil {
		t.Errorf("the answer shows status %s and endpoint %v, want creating and a port only", s, created.Cluster.ClusterEndpoint)
	}
	cl := available(t, c, "shop")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the cluster was available after %v", took)
	}
	if n := len(cl.Shards); n != 2 || len(cl.Shards[0].Nodes) != 2 || *cl.Shards[1].Slots != "8192-16383" {
		t.Errorf("shards = %d, want two with two nodes each", n)
	}
	r := clusterClient(t, e, cl, "app", password)
	for i := range 100 {
		must(r.Set(ctx, fmt.Sprint("k", i), i, 0).Result())
	}
	must(r.HSet(ctx, "h", "a", 1, "b", 2, "c", 3).Result())
	if enc := r.ObjectEncoding(ctx, "h").Val(); enc != "hashtable" {
		t.Errorf("the parameter group has no effect: encoding %s", enc)
	}

	// Less access reaches the open connections.
	must(c.UpdateUser(ctx, &memorydb.UpdateUserInput{UserName: aws.String("app"), AccessString: aws.String("on ~* resetchannels -@all +@read +@connection +cluster")}))
	eventually(t, func() error {
		out, err := c.DescribeUsers(ctx, &memorydb.DescribeUsersInput{UserName: aws.String("app")})
		if err == nil && *out.Users[0].Status != "active" {
			err = fmt.Errorf("user is %s", *out.Users[0].Status)
		}
		return err
	})
	if err := r.Set(ctx, "k1", "x", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
		t.Errorf("write without permission: %v", err)
	}
	if got := r.Get(ctx, "k1").Val(); got != "1" {
		t.Errorf("k1 = %q", got)
	}

	// More replicas, then none.
	for _, replicas := range []int32{2, 0} {
		must(c.UpdateCluster(ctx, &memorydb.UpdateClusterInput{ClusterName: aws.String("shop"), ReplicaConfiguration: &types.ReplicaConfigurationRequest{ReplicaCount: replicas}}))
		cl = available(t, c, "shop")
		if n := len(cl.Shards[0].Nodes); n != int(replicas)+1 {
			t.Errorf("%d nodes a shard with %d replicas", n, replicas)
		}
	}
	if got := r.Get(ctx, "k99").Val(); got != "99" {
		t.Errorf("k99 = %q after scaling", got)
	}

	// A restart: the same endpoint, every key.
	address := *cl.ClusterEndpoint.Address
	shut()
	e, _ = open(t, dir)
	c = api(e)
	cl = available(t, c, "shop")
	if *cl.ClusterEndpoint.Address != address {
		t.Errorf("the endpoint moved from %s to %s", address, *cl.ClusterEndpoint.Address)
	}
	r = clusterClient(t, e, cl, "app", password)
	eventually(t, func() error {
		for i := range 100 {
			if got, err := r.Get(ctx, fmt.Sprint("k", i)).Result(); err != nil || got != fmt.Sprint(i) {
				return fmt.Errorf("k%d = %q, %w", i, got, err)
			}
		}
		return nil
	})

	// In use, then deleted.
	var inUse *types.InvalidACLStateFault
	if _, err := c.DeleteACL(ctx, &memorydb.DeleteACLInput{ACLName: aws.String("apps")}); !errors.As(err, &inUse) {
		t.Errorf("deletion of an ACL in use: %v", err)
	}
	must(c.DeleteCluster(ctx, &memorydb.DeleteClusterInput{ClusterName: aws.String("shop")}))
	eventually(t, func() error {
		var gone *types.ClusterNotFoundFault
		_, err := c.DescribeClusters(ctx, &memorydb.DescribeClustersInput{ClusterName: aws.String("shop")})
		if !errors.As(err, &gone) {
			return fmt.Errorf("cluster is still there (%w)", err)
		}
		return nil
	})
	must(c.DeleteACL(ctx, &memorydb.DeleteACLInput{ACLName: aws.String("apps")}))
	must(c.DeleteUser(ctx, &memorydb.DeleteUserInput{UserName: aws.String("app")}))

	// A cluster of the same name begins empty.
	must(c.CreateCluster(ctx, &memorydb.CreateClusterInput{ClusterName: aws.String("shop"), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("open-access"), NumReplicasPerShard: aws.Int32(0)}))
	r = clusterClient(t, e, available(t, c, "shop"), "", "")
	if n := r.DBSize(ctx).Val(); n != 0 {
		t.Errorf("the new cluster has %d keys of the old one", n)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	e, _ := open(t, dir)
	if _, err := emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: dir}); err == nil || !strings.Contains(err.Error(), "in use") && !strings.Contains(err.Error(), "used by another process") {
		t.Errorf("a locked folder: %v", err)
	}
	if _, err := emulator.Open(emulator.Config{Listen: strings.TrimPrefix(e.URL(), "http://"), Data: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a used port: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: filepath.Join(file, "data")}); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a folder that can't be made: %v", err)
	}
	if _, err := emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: t.TempDir(), AccessKey: "only"}); err == nil {
		t.Error("an access key without a secret is accepted")
	}
}

// Where there is only one loopback address, nodes have a port each, and what the API and the slot map say can be dialled.
func TestOneAddress(t *testing.T) {
	ctx := soon(t)
	e, err := emulator.Open(emulator.Config{Listen: "127.0.0.1:0", Data: t.TempDir(), OneAddress: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(soon(t)); err != nil {
			t.Error(err)
		}
	})
	c := api(e)
	_, err = c.CreateCluster(ctx, &memorydb.CreateClusterInput{ClusterName: aws.String("one"), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("open-access"), NumShards: aws.Int32(2), NumReplicasPerShard: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	cl := available(t, c, "one")
	ports := map[int32]bool{}
	for _, sh := range cl.Shards {
		for _, n := range sh.Nodes {
			if a := *n.Endpoint.Address; a != "127.0.0.1" {
				t.Errorf("node %s is at %s", *n.Name, a)
			}
			ports[n.Endpoint.Port] = true
		}
	}
	if len(ports) != 4 {
		t.Errorf("four nodes have %d ports", len(ports))
	}
	r := clusterClient(t, e, cl, "", "")
	for i := range 50 {
		if err := r.Set(ctx, fmt.Sprint("k", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// Two clusters on the same port live side by side: every node has an address of its own.
func TestClustersSideBySide(t *testing.T) {
	ctx := soon(t)
	e, _ := open(t, t.TempDir())
	c := api(e)
	for _, name := range []string{"left", "right"} {
		if _, err := c.CreateCluster(ctx, &memorydb.CreateClusterInput{ClusterName: aws.String(name), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("open-access"), NumReplicasPerShard: aws.Int32(1), TLSEnabled: aws.Bool(false)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"left", "right"} {
		cl := available(t, c, name)
		if p := cl.ClusterEndpoint.Port; p != 6379 {
			t.Errorf("endpoint of %s has port %d", name, p)
		}
		r := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{net.JoinHostPort(*cl.ClusterEndpoint.Address, strconv.Itoa(int(cl.ClusterEndpoint.Port)))}})
		defer r.Close()
		if err := r.Set(ctx, "who", name, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got := r.Get(ctx, "who").Val(); got != name {
			t.Errorf("%s answers %q", name, got)
		}
	}
}
