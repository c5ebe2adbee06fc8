package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// failoverRecord has the times at which an account has called FailoverShard in a region, of the last day.
type failoverRecord struct{ Calls []time.Time }

var failoverTable = store.NewTable[failoverRecord]("failover")

// failoverWindow is the time in which failovers are counted. Source: MemoryDB developer guide, "Minimizing downtime with Multi-AZ": five shards in any rolling 24-hour period.
const failoverWindow = 24 * time.Hour

// FailoverShard has a shard's primary hand its lead over to a replica, and be started anew. The cluster stays available; events tell how far it is. While a failover of the cluster goes on,
// another one is refused: the service wants calls on one cluster to wait until the first node is replaced.
func (s *Service) FailoverShard(_ context.Context, who Caller, in *memorydb.FailoverShardInput) (*memorydb.FailoverShardOutput, error) {
	name, err := required("ClusterName", in.ClusterName)
	if err != nil {
		return nil, err
	}
	shard, err := required("ShardName", in.ShardName)
	if err != nil {
		return nil, err
	}
	sc := who.scope()
	var shown types.Cluster
	err = s.store.Update(func(tx *store.Tx) error {
		c, ok, err := get[clusterRecord](tx, sc, spec.KindCluster, name)
		if err != nil {
			return err
		}
		if !ok {
			return notFound(spec.KindCluster, name)
		}
		primary, err := s.deposable(sc, &c, shard)
		if err != nil {
			return err
		}
		if err := s.countFailover(tx, sc); err != nil {
			return err
		}
		if c.Depose == nil {
			c.Depose = map[string]string{}
		}
		c.Depose[shard] = primary
		shown = c.show(false)
		shown.AvailabilityMode = c.availability()
		if err := s.event(tx, sc, types.SourceTypeCluster, *c.View.Name, "Starting failover for shard %s", shard); err != nil {
			return err
		}
		return put(tx, sc, spec.KindCluster, name, c)
	})
	if err != nil {
		return nil, err
	}
	s.notify(sc, []string{spec.Fold(name)})
	return &memorydb.FailoverShardOutput{Cluster: &shown}, nil
}

// deposable is the primary of a shard that may be failed over now, else the fault.
func (s *Service) deposable(sc scope, c *clusterRecord, shard string) (string, error) {
	if !c.is("available") || len(c.Depose) > 0 {
		status := *c.View.Status
		if len(c.Depose) > 0 {
			status = "failing over"
		}
		return "", &types.InvalidClusterStateFault{Message: aws.String(fmt.Sprintf("Cluster %s has status %s which is not valid for failover.", *c.View.Name, status))}
	}
	nodes := 0
	for _, n := range c.Nodes {
		if n.Shard == shard {
			nodes++
		}
	}
	switch nodes {
	case 0:
		return "", &types.ShardNotFoundFault{Message: aws.String(fmt.Sprintf("Shard %.64s not found in cluster %s.", shard, *c.View.Name))}
	case 1:
		return "", &types.TestFailoverNotAvailableFault{Message: aws.String(fmt.Sprintf("Shard %s of cluster %s has no replica to fail over to.", shard, *c.View.Name))}
	}
	primary := s.fleet.Primary(Place{sc.account, sc.region, *c.View.Name}, shard)
	if primary == "" {
		return "", &types.InvalidClusterStateFault{Message: aws.String(fmt.Sprintf("Shard %s of cluster %s has no primary at the moment.", shard, *c.View.Name))}
	}
	return primary, nil
}

// countFailover counts a call against the quota, if there is one.
func (s *Service) countFailover(tx *store.Tx, sc scope) error {
	if s.cfg.FailoverQuota == 0 {
		return nil
	}
	now := s.cfg.Now().UTC()
	rec, _, err := failoverTable.Get(tx, sc.account, sc.region)
	if err != nil {
		return err
	}
	rec.Calls = slices.DeleteFunc(rec.Calls, func(at time.Time) bool { return now.Sub(at) >= failoverWindow })
	if len(rec.Calls) >= s.cfg.FailoverQuota {
		return &types.APICallRateForCustomerExceededFault{Message: aws.String(fmt.Sprintf("Only %d shards may be failed over within 24 hours.", s.cfg.FailoverQuota))}
	}
	rec.Calls = append(rec.Calls, now)
	return failoverTable.Put(tx, rec, sc.account, sc.region)
}
