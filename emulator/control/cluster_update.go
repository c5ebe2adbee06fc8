package control

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// UpdateCluster changes a cluster. What only the record knows changes at once; what nodes have to take over is done by the fleet: the cluster is updating meanwhile, or, for a parameter group, available
// with ParameterGroupStatus applying.
func (s *Service) UpdateCluster(_ context.Context, who Caller, in *memorydb.UpdateClusterInput) (*memorydb.UpdateClusterOutput, error) {
	name, err := required("ClusterName", in.ClusterName)
	if err != nil {
		return nil, err
	}
	if emptyUpdate(in) {
		return nil, &types.NoOperationFault{Message: aws.String("No modifications were requested.")}
	}
	sc := who.scope()
	var shown types.Cluster
	var moved bool
	err = s.store.Update(func(tx *store.Tx) error {
		c, ok, err := get[clusterRecord](tx, sc, spec.KindCluster, name)
		if err != nil {
			return err
		}
		if !ok {
			return notFound(spec.KindCluster, name)
		}
		if !c.is("available") {
			return invalidState(&c, "modification")
		}
		if moved, err = s.change(tx, sc, &c, in); err != nil {
			return err
		}
		shown = c.show(false)
		shown.AvailabilityMode = c.availability()
		c.View.ParameterGroupName = aws.String(c.ParameterGroup) // the answer still shows the old one, a Describe right after it the new one
		if moved {
			c.Generation++
			if err := s.event(tx, sc, types.SourceTypeCluster, *c.View.Name, "Modify cluster %s operation started.", *c.View.Name); err != nil {
				return err
			}
		}
		return put(tx, sc, spec.KindCluster, name, c)
	})
	if err != nil {
		return nil, err
	}
	if moved {
		s.notify(sc, []string{spec.Fold(name)})
	}
	return &memorydb.UpdateClusterOutput{Cluster: &shown}, nil
}

// emptyUpdate says whether a request names nothing to change. A list of no security groups is none: the last one can't be taken away.
func emptyUpdate(in *memorydb.UpdateClusterInput) bool {
	return in.ACLName == nil && in.Description == nil && in.Engine == nil && in.EngineVersion == nil && in.IpDiscovery == "" && in.MaintenanceWindow == nil && in.NodeType == nil &&
		in.ParameterGroupName == nil && in.ReplicaConfiguration == nil && len(in.SecurityGroupIds) == 0 && in.ShardConfiguration == nil && in.SnapshotRetentionLimit == nil &&
		in.SnapshotWindow == nil && in.SnsTopicArn == nil && in.SnsTopicStatus == nil
}

// change applies a request to a record; moved says that nodes have to follow.
func (s *Service) change(tx *store.Tx, sc scope, c *clusterRecord, in *memorydb.UpdateClusterInput) (moved bool, err error) {
	if err := oneScaling(in); err != nil {
		return false, err
	}
	if in.Description != nil {
		c.View.Description = str(*in.Description)
	}
	if err := c.setWindows(in.MaintenanceWindow, in.SnapshotWindow, in.SnapshotRetentionLimit); err != nil {
		return false, err
	}
	if err := c.changeNotifications(in); err != nil {
		return false, err
	}
	if in.IpDiscovery != "" && in.IpDiscovery != types.IpDiscoveryIpv4 {
		return false, invalid("IpDiscovery %s is not offered by this version. Allowed: ipv4.", in.IpDiscovery)
	}
	if len(in.SecurityGroupIds) > 0 {
		if c.View.SecurityGroups, err = memberships(in.SecurityGroupIds); err != nil {
			return false, err
		}
	}
	for _, step := range []func() (bool, error){
		func() (bool, error) { return s.changeEngine(c, in) },
		func() (bool, error) { return s.changeClusterACL(tx, sc, c, in.ACLName) },
		func() (bool, error) { return s.changeParameterGroup(tx, sc, c, in.ParameterGroupName) },
		func() (bool, error) { return c.changeNodeType(in.NodeType) },
		func() (bool, error) { return s.changeReplicas(tx, sc, c, in.ReplicaConfiguration) },
		func() (bool, error) { return c.changeShards(in.ShardConfiguration) },
	} {
		did, err := step()
		if err != nil {
			return false, err
		}
		moved = moved || did
	}
	return moved, nil
}

// oneScaling refuses several kinds of scaling in one request.
func oneScaling(in *memorydb.UpdateClusterInput) error {
	n := 0
	for _, set := range []bool{in.NodeType != nil, in.ReplicaConfiguration != nil, in.ShardConfiguration != nil} {
		if set {
			n++
		}
	}
	if n > 1 {
		return combination("Only one of NodeType, ReplicaConfiguration and ShardConfiguration can be changed at a time.")
	}
	return nil
}

func (c *clusterRecord) changeNotifications(in *memorydb.UpdateClusterInput) error {
	if err := c.setTopic(in.SnsTopicArn); err != nil || in.SnsTopicStatus == nil {
		return err
	}
	status := strings.ToUpper(*in.SnsTopicStatus)
	if status != "ACTIVE" && status != "INACTIVE" {
		return invalid("SnsTopicStatus must be one of ACTIVE, INACTIVE.")
	}
	if c.View.SnsTopicArn == nil {
		return combination("SnsTopicStatus can't be set for a cluster without SnsTopicArn.")
	}
	c.View.SnsTopicStatus = aws.String(status)
	return nil
}

func (s *Service) changeClusterACL(tx *store.Tx, sc scope, c *clusterRecord, name *string) (bool, error) {
	if name == nil || spec.Fold(*name) == c.ACL {
		return false, nil
	}
	if !*c.View.TLSEnabled && spec.Fold(*name) != spec.OpenAccessACL {
		return false, combination("Only the ACL %s can be used with a cluster without TLS.", spec.OpenAccessACL)
	}
	if err := s.usableACL(tx, sc, *name, *c.View.EngineVersion); err != nil {
		return false, err
	}
	c.ACL = spec.Fold(*name)
	c.View.Status = aws.String("updating")
	return true, nil
}

// changeEngine goes up only. A cluster whose parameter group is of another family needs one of the new family in the same request, unless it uses the default one.
func (s *Service) changeEngine(c *clusterRecord, in *memorydb.UpdateClusterInput) (bool, error) {
	if in.Engine == nil && in.EngineVersion == nil {
		return false, nil
	}
	from, _ := spec.FindEngine(*c.View.Engine, *c.View.EngineVersion)
	engine := spec.Fold(aws.ToString(in.Engine))
	if engine == "" {
		engine = from.Engine
		if _, ok := spec.FindEngine(engine, aws.ToString(in.EngineVersion)); !ok {
			engine = ""
		}
	}
	version := in.EngineVersion
	if version == nil && engine == from.Engine {
		return false, nil
	}
	next := clusterRecord{}
	if err := next.setEngine(&engine, version); err != nil {
		return false, err
	}
	to, _ := spec.FindEngine(*next.View.Engine, *next.View.EngineVersion)
	if !spec.MayUpgrade(from, to) {
		return false, invalid("The engine can't be changed from %s %s to %s %s: it can only be upgraded.", from.Engine, from.Version, to.Engine, to.Version)
	}
	if to == from {
		return false, nil
	}
	if to.Family != from.Family && in.ParameterGroupName == nil {
		suffix, ok := strings.CutPrefix(c.ParameterGroup, spec.DefaultParameterGroup(from.Family)) // what is left is "" or ".search"
		if !ok {
			return false, combination("ParameterGroupName of family %s must be given to change the engine to %s %s.", to.Family, to.Engine, to.Version)
		}
		c.ParameterGroup = spec.DefaultParameterGroup(to.Family) + suffix
	}
	c.View.Engine, c.View.EngineVersion, c.View.EnginePatchVersion = next.View.Engine, next.View.EngineVersion, next.View.EnginePatchVersion
	c.View.Status = aws.String("updating")
	return true, nil
}

func (s *Service) changeParameterGroup(tx *store.Tx, sc scope, c *clusterRecord, name *string) (bool, error) {
	if name != nil {
		c.ParameterGroup = spec.Fold(*name)
	}
	g, err := s.usableGroup(tx, sc, c.ParameterGroup, *c.View.Engine, *c.View.EngineVersion)
	if err != nil {
		return false, err
	}
	if c.ParameterGroup == *c.View.ParameterGroupName {
		return false, nil
	}
	if search := g.values()[searchEnabled]; c.Search != "" && search != c.Search {
		return false, combination("Search can't be switched on or off for a cluster that exists: parameter group %s has %s %s, the cluster %s.", *g.View.Name, searchEnabled, search, c.Search)
	}
	c.View.ParameterGroupStatus = aws.String(spec.ParametersApplying)
	return true, nil
}

func (c *clusterRecord) changeNodeType(name *string) (bool, error) {
	if name == nil || *name == *c.View.NodeType {
		return false, nil
	}
	next := clusterRecord{}
	if err := next.setNodeType(*name, c.View.DataTiering == types.DataTieringStatusTrue); err != nil {
		return false, err
	}
	c.View.NodeType = name
	c.View.Status = aws.String("updating")
	return true, nil
}

// changeReplicas changes the number of replicas of every shard; an empty object means none.
func (s *Service) changeReplicas(tx *store.Tx, sc scope, c *clusterRecord, r *types.ReplicaConfigurationRequest) (bool, error) {
	if r == nil || int(r.ReplicaCount) == c.Replicas {
		return false, nil
	}
	if r.ReplicaCount < 0 || r.ReplicaCount > spec.MaxReplicas {
		return false, invalid("ReplicaCount must be between 0 and %d.", spec.MaxReplicas)
	}
	all, err := list[clusterRecord](tx, sc, spec.KindCluster)
	if err != nil {
		return false, err
	}
	others := 0
	for _, o := range all {
		if o.ID != c.ID {
			others += len(o.Nodes)
		}
	}
	if err := nodeQuota(int(*c.View.NumberOfShards)*(1+int(r.ReplicaCount)), others); err != nil {
		return false, err
	}
	c.Replicas = int(r.ReplicaCount)
	c.View.Status = aws.String("updating")
	return true, s.layNodes(tx, sc, c)
}

func (c *clusterRecord) changeShards(r *types.ShardConfigurationRequest) (bool, error) {
	switch {
	case r == nil || r.ShardCount == *c.View.NumberOfShards:
		return false, nil
	case r.ShardCount < 1:
		return false, invalid("ShardCount must be at least 1.")
	case r.ShardCount > spec.MaxShards:
		return false, &types.ShardsPerClusterQuotaExceededFault{Message: aws.String(fmt.Sprintf("A cluster can have at most %d shards.", spec.MaxShards))}
	}
	return false, combination("The number of shards can't be changed by this version: slots are not moved between shards yet. Nothing was changed.")
}
