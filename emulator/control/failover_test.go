package control_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/control"
)

func (h *harness) failover(cluster, shard string) error {
	_, err := h.FailoverShard(h.t.Context(), &memorydb.FailoverShardInput{ClusterName: aws.String(cluster), ShardName: aws.String(shard)})
	return err
}

func TestFailoverShard(t *testing.T) {
	h := start(t, "")
	h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.NumShards = aws.Int32(2) })
	h.createCluster("single", func(in *memorydb.CreateClusterInput) { in.NumReplicasPerShard = aws.Int32(0) })
	wantCode(t, h.failover("c", "0001"), "InvalidClusterStateFault") // it is creating
	h.settle()
	wantCode(t, h.failover("none", "0001"), "ClusterNotFoundFault")
	wantCode(t, h.failover("c", "0003"), "ShardNotFoundFault")
	wantCode(t, h.failover("single", "0001"), "TestFailoverNotAvailableFault")
	wantCode(t, h.failover("c", ""), ipv)

	told := h.fleet.times("c")
	out, err := h.FailoverShard(t.Context(), &memorydb.FailoverShardInput{ClusterName: aws.String("C"), ShardName: aws.String("0002")})
	if err != nil {
		t.Fatal(err)
	}
	if s := aws.ToString(out.Cluster.Status); s != "available" || out.Cluster.AvailabilityMode != "MultiAZ" {
		t.Errorf("the answer shows status %s and availability %s", s, out.Cluster.AvailabilityMode)
	}
	w := h.wanted("c")
	if w.Shards[0].Depose != "" || w.Shards[1].Depose != "c-0002-001" || h.fleet.times("c") == told {
		t.Errorf("the fleet is not told: %+v", w.Shards)
	}
	wantCode(t, h.failover("c", "0001"), "InvalidClusterStateFault") // one at a time on a cluster

	if err := h.service.Event(t.Context(), place("c"), "Failover to replica node c-0002-002 completed", "Recovering node c-0002-001"); err != nil {
		t.Fatal(err)
	}
	if err := h.service.FailedOver(t.Context(), place("c"), "0002"); err != nil {
		t.Fatal(err)
	}
	if d := h.wanted("c").Shards[1].Depose; d != "" {
		t.Errorf("%s is still to be deposed", d)
	}
	want := []string{"Recovering node c-0002-001", "Failover to replica node c-0002-002 completed", "Starting failover for shard 0002"} // the newest first
	if got := h.messages("c")[:3]; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	wantCode(t, h.failover("c", "0001"), "")
	if err := h.service.Event(t.Context(), place("none"), "nobody hears of it"); err != nil {
		t.Error(err)
	}
}

func TestFailoverQuota(t *testing.T) {
	keyring, err := control.OpenKeyring(t.TempDir() + "/keyring")
	if err != nil {
		t.Fatal(err)
	}
	h := startWith(t, "", keyring, func(cfg *control.Config) { cfg.FailoverQuota = 2 })
	h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.NumReplicasPerShard = aws.Int32(1) })
	h.settle()
	failover := func() error {
		err := h.failover("c", "0001")
		if err := h.service.FailedOver(t.Context(), place("c"), "0001"); err != nil {
			t.Fatal(err)
		}
		return err
	}
	wantCode(t, failover(), "")
	h.clock.add(time.Hour)
	wantCode(t, failover(), "")
	wantCode(t, failover(), "APICallRateForCustomerExceededFault")
	h.clock.add(23 * time.Hour)
	wantCode(t, failover(), "") // the first one was a day ago
	wantCode(t, failover(), "APICallRateForCustomerExceededFault")
}

// Nodes of a shard are spread over the zones of its subnets as evenly as can be, also after replicas have gone and come, and so are the first nodes of the shards.
func TestNodesAreSpreadOverZones(t *testing.T) {
	h := start(t, "")
	if _, err := h.CreateSubnetGroup(t.Context(), &memorydb.CreateSubnetGroupInput{SubnetGroupName: aws.String("two"), SubnetIds: []string{"subnet-1a", "subnet-1b"}}); err != nil {
		t.Fatal(err)
	}
	check := func(zones int) {
		t.Helper()
		first := map[string]int{}
		shards := h.wanted("c").Shards
		for _, sh := range shards {
			count := map[string]int{}
			for _, n := range sh.Nodes {
				count[n.Zone]++
			}
			most := 0
			for _, n := range count {
				most = max(most, n)
			}
			if want := min(zones, len(sh.Nodes)); len(count) != want || most > (len(sh.Nodes)+zones-1)/zones {
				t.Errorf("shard %s has %d nodes in zones %v", sh.Name, len(sh.Nodes), count)
			}
			first[sh.Nodes[0].Zone]++
		}
		if len(first) != min(zones, len(shards)) {
			t.Errorf("the first nodes of %d shards are in %v", len(shards), first)
		}
	}
	for _, group := range []struct {
		name  string
		zones int
	}{{"default", 3}, {"two", 2}} {
		h.createCluster("c", func(in *memorydb.CreateClusterInput) {
			in.NumShards, in.NumReplicasPerShard = aws.Int32(4), aws.Int32(2)
			if group.name != "default" {
				in.SubnetGroupName = aws.String(group.name)
			}
		})
		h.settle()
		check(group.zones)
		for _, replicas := range []int32{5, 1, 3, 0, 2} {
			if _, err := h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{ClusterName: aws.String("c"), ReplicaConfiguration: &types.ReplicaConfigurationRequest{ReplicaCount: replicas}}); err != nil {
				t.Fatal(err)
			}
			h.settle()
			check(group.zones)
		}
		if _, err := h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("c")}); err != nil {
			t.Fatal(err)
		}
		h.settle()
	}
}
