package control_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/control"
)

// taken says that the wanted snapshot of a cluster is there.
func (h *harness) taken(cluster string) {
	h.t.Helper()
	w := h.wanted(cluster)
	var shards []control.SnapshotShard
	for i, sh := range w.Shards {
		shards = append(shards, control.SnapshotShard{Name: sh.Name, Slots: sh.Slots, Pos: uint64(100 + i), Bytes: 3 << 20, Taken: h.clock.Now()})
	}
	if err := h.service.SnapshotTaken(h.t.Context(), place(cluster), w.Snapshot, shards); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) snapshot(cluster, name string) error {
	_, err := h.CreateSnapshot(h.t.Context(), &memorydb.CreateSnapshotInput{ClusterName: aws.String(cluster), SnapshotName: aws.String(name)})
	return err
}

func (h *harness) snapshots(in *memorydb.DescribeSnapshotsInput) []string {
	h.t.Helper()
	out, err := h.DescribeSnapshots(h.t.Context(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	var got []string
	for _, s := range out.Snapshots {
		got = append(got, fmt.Sprintf("%s %s %s", *s.Name, *s.Source, *s.Status))
	}
	return got
}

func TestSnapshotOfACluster(t *testing.T) {
	h := start(t, "")
	h.createCluster("c")
	h.settle()
	if err := h.snapshot("c", "S1"); err != nil {
		t.Fatal(err)
	}
	if c := h.cluster("c"); *c.Status != "snapshotting" {
		t.Errorf("the cluster is %s", *c.Status)
	}
	h.settle() // nodes that are ready don't end it
	if c := h.cluster("c"); *c.Status != "snapshotting" {
		t.Errorf("the cluster is %s while its snapshot is taken", *c.Status)
	}
	wantCode(t, h.snapshot("c", "s2"), "InvalidClusterStateFault")
	_, err := h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("c")})
	wantCode(t, err, "InvalidClusterStateFault")
	_, err = h.DeleteSnapshot(t.Context(), &memorydb.DeleteSnapshotInput{SnapshotName: aws.String("s1")})
	wantCode(t, err, "InvalidSnapshotStateFault")
	_, err = h.CopySnapshot(t.Context(), &memorydb.CopySnapshotInput{SourceSnapshotName: aws.String("s1"), TargetSnapshotName: aws.String("s3")})
	wantCode(t, err, "InvalidSnapshotStateFault")
	h.taken("c")
	if c := h.cluster("c"); *c.Status != "available" {
		t.Errorf("the cluster is %s", *c.Status)
	}
	out, err := h.DescribeSnapshots(t.Context(), &memorydb.DescribeSnapshotsInput{SnapshotName: aws.String("s1")})
	if err != nil {
		t.Fatal(err)
	}
	s := out.Snapshots[0]
	if cfg := s.ClusterConfiguration; *s.Status != "available" || cfg.Shards != nil || *cfg.Name != "c" || aws.ToInt32(cfg.NumShards) != 1 || *s.ARN != "arn:aws:memorydb:us-east-1:123456789012:snapshot/s1" {
		t.Errorf("snapshot %+v of %+v", s, cfg)
	}
	wantCode(t, h.snapshot("c", "s1"), "SnapshotAlreadyExistsFault")
	wantCode(t, h.snapshot("d", "s2"), "ClusterNotFoundFault")
	wantCode(t, h.snapshot("c", "a--b"), "InvalidParameterValueException")
	pinned, err := h.service.Pinned(t.Context(), account, region, h.wanted("c").ID)
	if err != nil || !slices.Equal(pinned["0001"], []uint64{100}) {
		t.Errorf("pinned %v, %v", pinned, err)
	}
	if got := h.messages("c"); got[0] != "Snapshot succeeded for snapshot with ID 's1'" || got[1] != "Snapshot started for snapshot with ID 's1'" {
		t.Errorf("events %q", got)
	}
	must[*memorydb.CopySnapshotOutput](t)(h.CopySnapshot(t.Context(), &memorydb.CopySnapshotInput{SourceSnapshotName: aws.String("s1"), TargetSnapshotName: aws.String("copy")}))
	must[*memorydb.DeleteSnapshotOutput](t)(h.DeleteSnapshot(t.Context(), &memorydb.DeleteSnapshotInput{SnapshotName: aws.String("s1")}))
	if got := h.snapshots(&memorydb.DescribeSnapshotsInput{ClusterName: aws.String("c"), Source: aws.String("user")}); !slices.Equal(got, []string{"copy manual available"}) {
		t.Errorf("snapshots %q", got)
	}
	_, err = h.DescribeSnapshots(t.Context(), &memorydb.DescribeSnapshotsInput{Source: aws.String("manual")})
	wantCode(t, err, "InvalidParameterValueException")
	_, err = h.DescribeSnapshots(t.Context(), &memorydb.DescribeSnapshotsInput{SnapshotName: aws.String("s1")})
	wantCode(t, err, "SnapshotNotFoundFault")
}

func TestSnapshotThatFails(t *testing.T) {
	h := start(t, "")
	h.createCluster("c")
	h.settle()
	must[*memorydb.DeleteClusterOutput](t)(h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("c"), FinalSnapshotName: aws.String("final")}))
	if err := h.service.SnapshotFailed(t.Context(), place("c"), "final", "the bucket is away"); err != nil {
		t.Fatal(err)
	}
	if c := h.cluster("c"); *c.Status != "available" {
		t.Errorf("a cluster whose final snapshot failed is %s", *c.Status)
	}
	if got := h.snapshots(&memorydb.DescribeSnapshotsInput{}); !slices.Equal(got, []string{"final manual failed"}) {
		t.Errorf("snapshots %q", got)
	}
	if got := h.messages("c"); got[0] != "Snapshot failed for snapshot with ID 'final': the bucket is away" {
		t.Errorf("events %q", got)
	}
	must[*memorydb.DeleteSnapshotOutput](t)(h.DeleteSnapshot(t.Context(), &memorydb.DeleteSnapshotInput{SnapshotName: aws.String("final")}))
	must[*memorydb.DeleteClusterOutput](t)(h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("c"), FinalSnapshotName: aws.String("final")}))
	h.taken("c")
	if c := h.cluster("c"); *c.Status != "deleting" {
		t.Errorf("the cluster is %s after its final snapshot", *c.Status)
	}
}

func TestSnapshotQuota(t *testing.T) {
	h := start(t, "")
	h.createCluster("c")
	h.settle()
	for i := range 20 {
		if err := h.snapshot("c", fmt.Sprint("s", i)); err != nil {
			t.Fatal(err)
		}
		h.taken("c")
	}
	wantCode(t, h.snapshot("c", "more"), "SnapshotQuotaExceededFault")
	h.clock.add(25 * time.Hour)
	if err := h.snapshot("c", "more"); err != nil {
		t.Error(err)
	}
}

func TestAutomaticSnapshots(t *testing.T) {
	h := start(t, "")
	tick := func(d time.Duration) {
		t.Helper()
		h.clock.add(d)
		if err := h.service.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	now := h.clock.Now()
	h.clock.add(time.Date(now.Year(), now.Month(), now.Day(), 22, 0, 0, 0, time.UTC).Sub(now))
	h.createCluster("c", func(in *memorydb.CreateClusterInput) {
		in.SnapshotWindow, in.SnapshotRetentionLimit = aws.String("23:30-01:00"), aws.Int32(2)
	})
	h.createCluster("none", func(in *memorydb.CreateClusterInput) { in.SnapshotWindow = aws.String("23:30-01:00") })
	h.settle()
	tick(0)
	if got := h.snapshots(&memorydb.DescribeSnapshotsInput{}); len(got) != 0 {
		t.Fatalf("before the window there are %q", got)
	}
	names := map[string]bool{}
	for day := range 4 {
		tick(2 * time.Hour) // 00:00: in the window that opened the day before
		if c := h.cluster("c"); *c.Status != "snapshotting" {
			t.Fatalf("day %d: in its window the cluster is %s", day, *c.Status)
		}
		h.taken("c")
		tick(30 * time.Minute) // once a window
		if c := h.cluster("c"); *c.Status != "available" {
			t.Fatalf("day %d: later the cluster is %s", day, *c.Status)
		}
		tick(21*time.Hour + 30*time.Minute)
		all := h.snapshots(&memorydb.DescribeSnapshotsInput{Source: aws.String("system")})
		if want := min(day+1, 2); len(all) != want {
			t.Errorf("day %d: %q, want %d", day, all, want)
		}
		for _, s := range all {
			names[strings.Fields(s)[0]] = true
		}
	}
	for name := range names {
		if !strings.HasPrefix(name, "automatic.c-20") || !strings.HasSuffix(name, "-00-00") {
			t.Errorf("an automatic snapshot is called %s", name)
		}
	}
	must[*memorydb.DeleteClusterOutput](t)(h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("c")}))
	h.settle()
	if got := h.snapshots(&memorydb.DescribeSnapshotsInput{}); len(got) != 0 {
		t.Errorf("automatic snapshots outlive their cluster: %q", got)
	}
}

func TestClusterFromASnapshot(t *testing.T) {
	h := start(t, "")
	h.createCluster("c", func(in *memorydb.CreateClusterInput) {
		in.NumShards, in.Port, in.Description, in.TLSEnabled, in.ACLName = aws.Int32(2), aws.Int32(7000), aws.String("the first"), aws.Bool(false), aws.String("open-access")
		in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}
	})
	h.settle()
	_, err := h.CreateCluster(t.Context(), &memorydb.CreateClusterInput{ClusterName: aws.String("d"), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("open-access"), SnapshotName: aws.String("s")})
	wantCode(t, err, "SnapshotNotFoundFault")
	if err := h.snapshot("c", "s"); err != nil {
		t.Fatal(err)
	}
	_, err = h.CreateCluster(t.Context(), &memorydb.CreateClusterInput{ClusterName: aws.String("d"), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("open-access"), SnapshotName: aws.String("s")})
	wantCode(t, err, "InvalidSnapshotStateFault")
	h.taken("c")
	created, err := h.CreateCluster(t.Context(), &memorydb.CreateClusterInput{ClusterName: aws.String("d"), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("open-access"), SnapshotName: aws.String("s"), NumShards: aws.Int32(3)})
	if err != nil {
		t.Fatal(err)
	}
	w := h.wanted("d")
	if c := created.Cluster; *c.Description != "the first" || *c.TLSEnabled || w.Port != 7000 || len(w.Shards) != 3 || w.Restore == nil || len(w.Restore.Shards) != 2 || w.Restore.Cluster != h.wanted("c").ID {
		t.Errorf("cluster %+v, wanted %+v", c, w)
	}
	_, err = h.DeleteSnapshot(t.Context(), &memorydb.DeleteSnapshotInput{SnapshotName: aws.String("s")})
	wantCode(t, err, "InvalidSnapshotStateFault")
	if err := h.service.ClusterRestored(t.Context(), place("d")); err != nil {
		t.Fatal(err)
	}
	if h.wanted("d").Restore != nil {
		t.Error("the cluster is to be restored once more")
	}
	h.settle()
	must[*memorydb.DeleteSnapshotOutput](t)(h.DeleteSnapshot(t.Context(), &memorydb.DeleteSnapshotInput{SnapshotName: aws.String("s")}))
	tags := must[*memorydb.ListTagsOutput](t)(h.ListTags(t.Context(), &memorydb.ListTagsInput{ResourceArn: created.Cluster.ARN}))
	if len(tags.TagList) != 1 {
		t.Errorf("tags %v", tags.TagList)
	}
}
