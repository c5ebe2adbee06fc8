package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/redis/go-redis/v9"
)

// snapshotted waits until a snapshot is available, and returns it with its details.
func snapshotted(t testing.TB, c *memorydb.Client, name string) types.Snapshot {
	t.Helper()
	var found types.Snapshot
	eventually(t, func() error {
		out, err := c.DescribeSnapshots(soon(t), &memorydb.DescribeSnapshotsInput{SnapshotName: aws.String(name), ShowDetail: aws.Bool(true)})
		if err != nil {
			return err
		}
		found = out.Snapshots[0]
		if s := *found.Status; s != "available" {
			return fmt.Errorf("snapshot is %s", s)
		}
		return nil
	})
	return found
}

// gone waits until a cluster is no more.
func gone(t testing.TB, c *memorydb.Client, name string) {
	t.Helper()
	eventually(t, func() error {
		_, err := c.DescribeClusters(soon(t), &memorydb.DescribeClustersInput{ClusterName: aws.String(name)})
		var missing *types.ClusterNotFoundFault
		if errors.As(err, &missing) {
			return nil
		}
		return fmt.Errorf("cluster is still there: %w", err)
	})
}

// fill writes keys of every type with values that say which key they are of.
func fill(t testing.TB, ctx context.Context, r *redis.ClusterClient, n int) {
	t.Helper()
	p := r.Pipeline()
	for i := range n {
		k := strconv.Itoa(i)
		p.Set(ctx, "s"+k, k, 0)
		p.RPush(ctx, "l"+k, k, k)
		p.HSet(ctx, "h"+k, "f", k)
		p.ZAdd(ctx, "z"+k, redis.Z{Score: float64(i), Member: k})
		p.SAdd(ctx, "t"+k, k)
		p.XAdd(ctx, &redis.XAddArgs{Stream: "x" + k, Values: []string{"f", k}})
	}
	if _, err := p.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

// filled fails unless the keys of fill are there, and nothing else.
func filled(t testing.TB, ctx context.Context, r *redis.ClusterClient, n int) {
	t.Helper()
	for i := range n {
		k := strconv.Itoa(i)
		got := fmt.Sprint(r.Get(ctx, "s"+k).Val(), r.LRange(ctx, "l"+k, 0, -1).Val(), r.HGet(ctx, "h"+k, "f").Val(), r.ZScore(ctx, "z"+k, k).Val(), r.SMembers(ctx, "t"+k).Val(), r.XLen(ctx, "x"+k).Val())
		if want := fmt.Sprintf("%s[%s %s] %s%d [%s]1", k, k, k, k, i, k); got != want && got != fmt.Sprint(k, []string{k, k}, k, float64(i), []string{k}, int64(1)) {
			t.Errorf("keys of %d: %s", i, got)
		}
	}
	var total atomic.Int64 // masters are asked side by side
	if err := r.ForEachMaster(ctx, func(ctx context.Context, m *redis.Client) error {
		n, err := m.DBSize(ctx).Result()
		total.Add(n)
		return err
	}); err != nil || total.Load() != int64(6*n) {
		t.Errorf("%d keys, %v; want %d", total.Load(), err, 6*n)
	}
}

// A snapshot has what was there when it was taken, survives its cluster, and makes clusters of any number of shards; a final one is taken before a cluster goes. What nobody needs any more goes.
func TestSnapshotsEndToEnd(t *testing.T) {
	ctx := soon(t)
	dir := t.TempDir()
	e, shut := open(t, dir)
	c := api(e)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	create := func(name string, shards int32, change func(*memorydb.CreateClusterInput)) *redis.ClusterClient {
		t.Helper()
		in := &memorydb.CreateClusterInput{ClusterName: aws.String(name), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("open-access"), NumShards: aws.Int32(shards), NumReplicasPerShard: aws.Int32(1)}
		change(in)
		must(c.CreateCluster(ctx, in))
		return clusterClient(t, e, available(t, c, name), "", "")
	}
	const keys = 50
	r := create("first", 2, func(in *memorydb.CreateClusterInput) {
		in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}
	})
	fill(t, ctx, r, keys)
	must(r.FunctionLoad(ctx, "#!lua name=lib\nredis.register_function('fn', function() return 7 end)").Result())
	must(c.CreateSnapshot(ctx, &memorydb.CreateSnapshotInput{ClusterName: aws.String("first"), SnapshotName: aws.String("before")}))
	snap := snapshotted(t, c, "before")
	if n := len(snap.ClusterConfiguration.Shards); n != 2 || *snap.Source != "manual" || *snap.ClusterConfiguration.Shards[1].Configuration.Slots != "8192-16383" || snap.ClusterConfiguration.Shards[0].SnapshotCreationTime == nil {
		t.Errorf("snapshot is %+v", snap.ClusterConfiguration)
	}
	if tags, err := c.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: snap.ARN}); err != nil || len(tags.TagList) != 1 {
		t.Errorf("the snapshot's tags are %v, %v", tags, err)
	}
	available(t, c, "first")
	must(r.Set(ctx, "s0", "changed", 0).Result())
	must(r.Set(ctx, "later", "x", 0).Result())

	// Fewer and more shards than it was taken of, also after a restart and when its cluster is gone.
	one := create("one", 1, func(in *memorydb.CreateClusterInput) { in.SnapshotName = aws.String("before") })
	filled(t, ctx, one, keys)
	must(c.DeleteCluster(ctx, &memorydb.DeleteClusterInput{ClusterName: aws.String("first"), FinalSnapshotName: aws.String("final")}))
	gone(t, c, "first")
	snapshotted(t, c, "final")
	shut()
	e, _ = open(t, dir)
	c = api(e)
	available(t, c, "one")
	three := create("three", 3, func(in *memorydb.CreateClusterInput) { in.SnapshotName = aws.String("before") })
	filled(t, ctx, three, keys)
	if got := three.FCall(ctx, "fn", []string{"k"}).Val(); got != int64(7) {
		t.Errorf("the function library is not there: %v", got)
	}
	if tags, err := c.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: available(t, c, "three").ARN}); err != nil || len(tags.TagList) != 1 {
		t.Errorf("the restored cluster's tags are %v, %v", tags, err)
	}
	last := create("last", 2, func(in *memorydb.CreateClusterInput) { in.SnapshotName = aws.String("final") })
	if got := last.Get(ctx, "s0").Val() + last.Get(ctx, "later").Val(); got != "changedx" {
		t.Errorf("the final snapshot has %q", got)
	}

	// What is deleted takes its data along.
	objects := func() (n int) {
		must(nil, filepath.WalkDir(filepath.Join(dir, "snapshots"), func(_ string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				n++
			}
			return err
		}))
		return n
	}
	if objects() == 0 {
		t.Error("snapshots have no data")
	}
	for _, name := range []string{"before", "final"} {
		must(c.DeleteSnapshot(ctx, &memorydb.DeleteSnapshotInput{SnapshotName: aws.String(name)}))
	}
	for _, name := range []string{"one", "three", "last"} {
		must(c.DeleteCluster(ctx, &memorydb.DeleteClusterInput{ClusterName: aws.String(name)}))
		gone(t, c, name)
	}
	eventually(t, func() error {
		if n := objects(); n > 0 {
			return fmt.Errorf("%d objects are left", n)
		}
		return nil
	})
}
