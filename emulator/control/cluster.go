package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// clusterRecord is a cluster: the API's view of it, and what is wanted of its nodes.
type clusterRecord struct {
	View types.Cluster
	// ID is unique among all clusters ever created here.
	ID      string
	Created time.Time
	// Generation grows with each change that nodes have to take over; Ready is the one that they have.
	Generation, Ready uint64
	// ACL and ParameterGroup are what nodes are to use; the view shows them when they do.
	ACL, ParameterGroup string
	Replicas            int
	Port                int
	SubnetZones         []string
	// Nodes are the wanted nodes, by shard and number.
	Nodes      []nodeRecord
	WrappedKey []byte
}

// nodeRecord is one node that is wanted.
type nodeRecord struct {
	Name, Shard, ID, Zone string
	Created               time.Time
	Address               string
	Port                  int
}

func (c *clusterRecord) is(status string) bool { return aws.ToString(c.View.Status) == status }

// touchClusters marks the clusters of the region for which affected says so as having to take over a change: their generation grows. Clusters that are being deleted or could not be created don't count.
func (s *Service) touchClusters(tx *store.Tx, sc scope, affected func(*clusterRecord) (bool, error)) (waiting map[string]uint64, names []string, err error) {
	all, err := list[clusterRecord](tx, sc, spec.KindCluster)
	if err != nil {
		return nil, nil, err
	}
	waiting = map[string]uint64{}
	for _, c := range all {
		if c.is("deleting") || c.is("create-failed") {
			continue
		}
		yes, err := affected(&c)
		if err != nil {
			return nil, nil, err
		}
		if !yes {
			continue
		}
		c.Generation++
		name := *c.View.Name
		waiting[name] = c.Generation
		names = append(names, name)
		if err := put(tx, sc, spec.KindCluster, name, c); err != nil {
			return nil, nil, err
		}
	}
	return waiting, names, nil
}

// notify tells the fleet of clusters, after the transaction that changed them.
func (s *Service) notify(sc scope, clusters []string) {
	for _, c := range clusters {
		s.fleet.Notify(Place{sc.account, sc.region, c})
	}
}

// CreateCluster creates a cluster; the fleet brings up its nodes.
func (s *Service) CreateCluster(_ context.Context, who Caller, in *memorydb.CreateClusterInput) (*memorydb.CreateClusterOutput, error) {
	sc := who.scope()
	c, err := s.newCluster(sc, in)
	if err != nil {
		return nil, err
	}
	name := *c.View.Name
	var shown types.Cluster
	err = s.store.Update(func(tx *store.Tx) error {
		if err := s.placeable(tx, sc, c); err != nil {
			return err
		}
		if err := s.references(tx, sc, c, in); err != nil {
			return err
		}
		s.layNodes(c)
		if c.WrappedKey, err = s.cfg.Keyring.newDataKey(aws.ToString(in.KmsKeyId)); err != nil {
			return err
		}
		if err := putTags(tx, sc, spec.KindCluster, name, in.Tags); err != nil {
			return err
		}
		if err := s.event(tx, sc, types.SourceTypeCluster, name, "Creating cluster %s.", name); err != nil {
			return err
		}
		shown = c.show(false)
		return put(tx, sc, spec.KindCluster, name, *c)
	})
	if err != nil {
		return nil, err
	}
	s.notify(sc, []string{name})
	return &memorydb.CreateClusterOutput{Cluster: &shown}, nil
}

// placeable is nil if the cluster's name is free and the quotas allow its nodes.
func (s *Service) placeable(tx *store.Tx, sc scope, c *clusterRecord) error {
	all, err := list[clusterRecord](tx, sc, spec.KindCluster)
	if err != nil {
		return err
	}
	nodes := int(*c.View.NumberOfShards) * (1 + c.Replicas)
	others := 0
	for _, o := range all {
		if *o.View.Name == *c.View.Name {
			return &types.ClusterAlreadyExistsFault{Message: aws.String(fmt.Sprintf("Cluster %s already exists.", *c.View.Name))}
		}
		others += len(o.Nodes)
	}
	return nodeQuota(nodes, others)
}

func nodeQuota(nodes, others int) error {
	if nodes > spec.MaxNodesPerCluster {
		return &types.NodeQuotaForClusterExceededFault{Message: aws.String(fmt.Sprintf("The cluster would have %d nodes; a cluster can have at most %d.", nodes, spec.MaxNodesPerCluster))}
	}
	if nodes+others > spec.MaxNodesPerRegion {
		return &types.NodeQuotaForCustomerExceededFault{Message: aws.String(fmt.Sprintf("The quota of %d nodes in the region is exceeded.", spec.MaxNodesPerRegion))}
	}
	return nil
}

// references checks what the cluster refers to: ACL, parameter group, subnet group.
func (s *Service) references(tx *store.Tx, sc scope, c *clusterRecord, in *memorydb.CreateClusterInput) error {
	if err := s.usableACL(tx, sc, c.ACL, aws.ToString(c.View.EngineVersion)); err != nil {
		return err
	}
	if err := s.usableGroup(tx, sc, c.ParameterGroup, *c.View.Engine, *c.View.EngineVersion); err != nil {
		return err
	}
	var g types.SubnetGroup
	var err error
	if in.SubnetGroupName == nil {
		g, err = s.defaultSubnetGroup(tx, sc)
	} else {
		var ok bool
		if g, ok, err = get[types.SubnetGroup](tx, sc, spec.KindSubnetGroup, *in.SubnetGroupName); err == nil && !ok {
			err = notFound(spec.KindSubnetGroup, *in.SubnetGroupName)
		}
	}
	if err != nil {
		return err
	}
	c.View.SubnetGroupName = g.Name
	for _, sub := range g.Subnets {
		if z := *sub.AvailabilityZone.Name; !slices.Contains(c.SubnetZones, z) {
			c.SubnetZones = append(c.SubnetZones, z)
		}
	}
	return nil
}

// usableACL is nil if clusters of an engine version may use an ACL now.
func (s *Service) usableACL(tx *store.Tx, sc scope, name, _ string) error {
	a, ok, err := s.acl(tx, sc, name)
	switch {
	case err != nil:
		return err
	case !ok:
		return notFound(spec.KindACL, name)
	case *a.View.Status != spec.ACLStatus.Target:
		return &types.InvalidACLStateFault{Message: aws.String(fmt.Sprintf("ACL %s is in status %s.", name, *a.View.Status))}
	}
	return nil
}

// usableGroup is nil if clusters of an engine version may use a parameter group.
func (s *Service) usableGroup(tx *store.Tx, sc scope, name, engine, version string) error {
	g, ok, err := s.parameterGroup(tx, sc, name)
	switch {
	case err != nil:
		return err
	case !ok:
		return notFound(spec.KindParameterGroup, name)
	}
	v, _ := spec.FindEngine(engine, version)
	if *g.View.Family != v.Family {
		return combination("The parameter group %s of family %s can't be used with engine %s version %s, which needs family %s.", name, *g.View.Family, engine, version, v.Family)
	}
	return nil
}

// layNodes makes the wanted nodes of the cluster: what is there stays, what is missing is added, what is too many goes (the highest numbers first).
func (s *Service) layNodes(c *clusterRecord) {
	old := c.Nodes
	c.Nodes = nil
	for sh := range int(*c.View.NumberOfShards) {
		shard := shardName(sh)
		for n := range 1 + c.Replicas {
			name := fmt.Sprintf("%s-%s-%03d", *c.View.Name, shard, n+1)
			i := slices.IndexFunc(old, func(o nodeRecord) bool { return o.Name == name })
			if i >= 0 {
				c.Nodes = append(c.Nodes, old[i])
				continue
			}
			c.Nodes = append(c.Nodes, nodeRecord{Name: name, Shard: shard, ID: randomHex(20), Zone: c.SubnetZones[(sh+n)%len(c.SubnetZones)], Created: s.cfg.Now().UTC()})
		}
	}
	c.View.AvailabilityMode = types.AZStatus("SingleAZ")
	if c.Replicas > 0 {
		c.View.AvailabilityMode = types.AZStatus("MultiAZ")
	}
}

func shardName(i int) string { return fmt.Sprintf("%04d", i+1) }

// slots are the slots of the i-th of n shards.
func slots(i, n int) string {
	return fmt.Sprintf("%d-%d", i*16384/n, (i+1)*16384/n-1)
}

// show is the cluster as the API shows it.
func (c *clusterRecord) show(details bool) types.Cluster {
	v := c.View
	if c.ACL != aws.ToString(v.ACLName) {
		v.PendingUpdates = &types.ClusterPendingUpdates{ACLs: &types.ACLsUpdateStatus{ACLToApply: aws.String(c.ACL)}}
	}
	if !details {
		return v
	}
	shards := int(*v.NumberOfShards)
	status := aws.ToString(v.Status)
	if status == "updating" || status == "snapshotting" {
		status = "available"
	}
	for i := range shards {
		sh := types.Shard{Name: aws.String(shardName(i)), Slots: aws.String(slots(i, shards)), Status: aws.String(status)}
		for _, n := range c.Nodes {
			if n.Shard != shardName(i) {
				continue
			}
			node := types.Node{Name: aws.String(n.Name), AvailabilityZone: aws.String(n.Zone), CreateTime: aws.Time(n.Created), Status: aws.String(status)}
			if n.Address != "" {
				node.Endpoint = &types.Endpoint{Address: aws.String(n.Address), Port: int32(n.Port)}
			} else {
				node.Status = aws.String("creating")
			}
			sh.Nodes = append(sh.Nodes, node)
		}
		sh.NumberOfNodes = aws.Int32(int32(len(sh.Nodes)))
		v.Shards = append(v.Shards, sh)
	}
	return v
}

// DescribeClusters lists clusters, or the one that is named.
func (s *Service) DescribeClusters(_ context.Context, who Caller, in *memorydb.DescribeClustersInput) (*memorydb.DescribeClustersOutput, error) {
	out := &memorydb.DescribeClustersOutput{Clusters: []types.Cluster{}}
	details := aws.ToBool(in.ShowShardDetails)
	err := s.store.View(func(tx *store.Tx) error {
		if in.ClusterName != nil {
			c, ok, err := get[clusterRecord](tx, who.scope(), spec.KindCluster, *in.ClusterName)
			if err == nil && !ok {
				err = notFound(spec.KindCluster, *in.ClusterName)
			}
			if err == nil {
				out.Clusters = append(out.Clusters, c.show(details))
			}
			return err
		}
		all, err := list[clusterRecord](tx, who.scope(), spec.KindCluster)
		if err != nil {
			return err
		}
		some, next, err := page(all, func(c clusterRecord) string { return *c.View.Name }, in.MaxResults, in.NextToken)
		for _, c := range some {
			out.Clusters = append(out.Clusters, c.show(details))
		}
		out.NextToken = next
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteCluster deletes a cluster with its data; the record goes when its nodes have stopped.
func (s *Service) DeleteCluster(_ context.Context, who Caller, in *memorydb.DeleteClusterInput) (*memorydb.DeleteClusterOutput, error) {
	name, err := required("ClusterName", in.ClusterName)
	if err != nil {
		return nil, err
	}
	if in.FinalSnapshotName != nil {
		return nil, combination("FinalSnapshotName can't be given: this version takes no snapshots. The cluster was not deleted.")
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
		if !c.is("available") && !c.is("create-failed") {
			return invalidState(&c, "deletion")
		}
		if in.MultiRegionClusterName != nil {
			return combination("Cluster %s is not a member of the multi-Region cluster %s.", name, *in.MultiRegionClusterName)
		}
		c.View.Status = aws.String("deleting")
		c.Generation++
		shown = c.show(false)
		shown.ACLName, shown.PendingUpdates = nil, nil
		if err := s.event(tx, sc, types.SourceTypeCluster, *c.View.Name, "Deleting cluster %s.", *c.View.Name); err != nil {
			return err
		}
		return put(tx, sc, spec.KindCluster, name, c)
	})
	if err != nil {
		return nil, err
	}
	s.notify(sc, []string{spec.Fold(name)})
	return &memorydb.DeleteClusterOutput{Cluster: &shown}, nil
}

func invalidState(c *clusterRecord, what string) error {
	return &types.InvalidClusterStateFault{Message: aws.String(fmt.Sprintf("Cluster %s has status %s which is not valid for %s.", *c.View.Name, *c.View.Status, what))}
}

// memberships are security groups as a cluster shows them.
func memberships(ids []string) ([]types.SecurityGroupMembership, error) {
	var out []types.SecurityGroupMembership
	for _, id := range ids {
		if !spec.IsSecurityGroupID(id) {
			return nil, &types.InvalidVPCNetworkStateFault{Message: aws.String(fmt.Sprintf("Some security groups are invalid: %s.", strings.Join(ids, ", ")))}
		}
		out = append(out, types.SecurityGroupMembership{SecurityGroupId: aws.String(id), Status: aws.String("active")})
	}
	return out, nil
}
