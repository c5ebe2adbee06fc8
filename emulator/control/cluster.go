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
	// Search is the value of search-enabled that the cluster was created with, which stays.
	Search string
	// Nodes are the wanted nodes, by shard and number.
	Nodes      []nodeRecord
	WrappedKey []byte
	// Snapshot is the one that is being taken; Final says that the cluster goes after it.
	Snapshot string
	Final    bool
	// Automatic is when the last automatic snapshot was begun.
	Automatic time.Time
	// Restore is what the cluster begins with, until it has it, RestoreName the name of that snapshot.
	Restore     *SnapshotData
	RestoreName string
	// Depose has, by shard, the nodes whose lead is to move since FailoverShard was called.
	Depose map[string]string
}

// nodeRecord is one node that is wanted.
type nodeRecord struct {
	Name, Shard, ID, Subnet, Zone string
	Created                       time.Time
	Address                       string
	Port                          int
	// Ready says that the node has been running.
	Ready bool
}

func (c *clusterRecord) is(status string) bool { return aws.ToString(c.View.Status) == status }

// uses says whether the cluster's nodes know the users of an ACL, or are to.
func (c *clusterRecord) uses(acl string) bool {
	return c.ACL == acl || aws.ToString(c.View.ACLName) == acl
}

func (c *clusterRecord) usesAny(acls []aclRecord) bool {
	return slices.ContainsFunc(acls, func(a aclRecord) bool { return c.uses(*a.View.Name) })
}

// touchClusters marks the clusters of the region for which affected says so as having to take over a change: their generation grows. Clusters that are being deleted or could not be
// created don't count.
func (s *Service) touchClusters(tx *store.Tx, sc scope, affected func(*clusterRecord) bool) ([]clusterRecord, error) {
	all, err := list[clusterRecord](tx, sc, spec.KindCluster)
	if err != nil {
		return nil, err
	}
	var touched []clusterRecord
	for _, c := range all {
		if c.is("deleting") || c.is("create-failed") || !affected(&c) {
			continue
		}
		c.Generation++
		if err := put(tx, sc, spec.KindCluster, *c.View.Name, c); err != nil {
			return nil, err
		}
		touched = append(touched, c)
	}
	return touched, nil
}

func names(clusters []clusterRecord) []string {
	var out []string
	for _, c := range clusters {
		out = append(out, *c.View.Name)
	}
	return out
}

// waitingFor are the generations that those of the touched clusters have to reach which use something.
func waitingFor(touched []clusterRecord, uses func(*clusterRecord) bool) map[string]uint64 {
	waiting := map[string]uint64{}
	for _, c := range touched {
		if uses(&c) {
			waiting[*c.View.Name] = c.Generation
		}
	}
	return waiting
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
	source, err := s.fromSnapshot(sc, in)
	if err != nil {
		return nil, err
	}
	c, err := s.newCluster(sc, in)
	if err != nil {
		return nil, err
	}
	if source != nil {
		c.Restore, c.RestoreName = &source.Data, *source.View.Name
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
		if c.WrappedKey, err = s.cfg.Keyring.newDataKey(aws.ToString(in.KmsKeyId)); err != nil {
			return err
		}
		tags := in.Tags
		if source != nil && len(tags) == 0 {
			if tags, err = tagsOf(tx, sc, spec.ARN{Kind: spec.KindSnapshot, Name: c.RestoreName}); err != nil {
				return err
			}
		}
		if err := putTags(tx, sc, spec.KindCluster, name, tags); err != nil {
			return err
		}
		if err := s.event(tx, sc, types.SourceTypeCluster, name, "Create cluster %s operation started.", name); err != nil {
			return err
		}
		shown = c.show(false)
		shown.AvailabilityMode = c.availability()
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

// references checks what the cluster refers to, ACL, parameter group and subnet group, and puts its nodes into the subnets.
func (s *Service) references(tx *store.Tx, sc scope, c *clusterRecord, in *memorydb.CreateClusterInput) error {
	if err := s.usableACL(tx, sc, c.ACL, aws.ToString(c.View.EngineVersion)); err != nil {
		return err
	}
	group, err := s.usableGroup(tx, sc, c.ParameterGroup, *c.View.Engine, *c.View.EngineVersion)
	if err != nil {
		return err
	}
	c.Search = group.values()[searchEnabled]
	name := spec.Fold(aws.ToString(in.SubnetGroupName))
	if name == "" {
		name = spec.DefaultSubnetGroup
	}
	c.View.SubnetGroupName = aws.String(name)
	return s.layNodes(tx, sc, c)
}

// searchEnabled is the parameter that stays as it was when a cluster was created.
const searchEnabled = "search-enabled"

// usableACL is nil if clusters of an engine version may use an ACL now.
func (s *Service) usableACL(tx *store.Tx, sc scope, name, version string) error {
	a, ok, err := s.acl(tx, sc, name)
	switch {
	case err != nil:
		return err
	case !ok:
		return notFound(spec.KindACL, name)
	case *a.View.Status != spec.ACLStatus.Target:
		return &types.InvalidACLStateFault{Message: aws.String(fmt.Sprintf("ACL %s is in status %s.", name, *a.View.Status))}
	case version < *a.View.MinimumEngineVersion:
		return combination("ACL %s needs engine version %s, not %s.", name, *a.View.MinimumEngineVersion, version)
	}
	return nil
}

// usableGroup is a parameter group that clusters of an engine version may use.
func (s *Service) usableGroup(tx *store.Tx, sc scope, name, engine, version string) (parameterGroupRecord, error) {
	g, ok, err := s.parameterGroup(tx, sc, name)
	if err == nil && !ok {
		err = notFound(spec.KindParameterGroup, name)
	}
	if err != nil {
		return g, err
	}
	v, _ := spec.FindEngine(engine, version)
	if *g.View.Family != v.Family {
		return g, combination("The parameter group %s of family %s can't be used with engine %s version %s, which needs family %s.", name, *g.View.Family, engine, version, v.Family)
	}
	return g, nil
}

// layNodes makes the wanted nodes of the cluster: what is there stays, what is missing is added, what is too many goes (the highest numbers first).
func (s *Service) layNodes(tx *store.Tx, sc scope, c *clusterRecord) error {
	group, err := s.clusterSubnets(tx, sc, *c.View.SubnetGroupName)
	if err != nil {
		return err
	}
	old := c.Nodes
	c.Nodes = nil
	for sh := range int(*c.View.NumberOfShards) {
		shard := shardName(sh)
		zones := map[string]int{}
		for n := range 1 + c.Replicas {
			node := nodeRecord{Name: fmt.Sprintf("%s-%s-%03d", *c.View.Name, shard, n+1)}
			if i := slices.IndexFunc(old, func(o nodeRecord) bool { return o.Name == node.Name }); i >= 0 {
				node = old[i]
			} else {
				subnet := emptiest(group.Subnets, zones, sh)
				node.Shard, node.ID, node.Created = shard, randomHex(20), s.cfg.Now().UTC()
				node.Subnet, node.Zone = *subnet.Identifier, *subnet.AvailabilityZone.Name
			}
			zones[node.Zone]++
			c.Nodes = append(c.Nodes, node)
		}
	}
	return nil
}

// emptiest is the subnet in whose zone the shard has the fewest nodes; among equals the first, counted from offset on.
func emptiest(subnets []types.Subnet, nodes map[string]int, offset int) types.Subnet {
	best := subnets[offset%len(subnets)]
	for i := range subnets {
		if s := subnets[(offset+i)%len(subnets)]; nodes[*s.AvailabilityZone.Name] < nodes[*best.AvailabilityZone.Name] {
			best = s
		}
	}
	return best
}

// availability is MultiAZ when each shard has nodes in more than one zone. The values are those that the service answers, not those of its model.
func (c *clusterRecord) availability() types.AZStatus {
	zones := map[string]map[string]bool{}
	for _, n := range c.Nodes {
		if zones[n.Shard] == nil {
			zones[n.Shard] = map[string]bool{}
		}
		zones[n.Shard][n.Zone] = true
	}
	for _, z := range zones {
		if len(z) < 2 {
			return "SingleAZ"
		}
	}
	return "MultiAZ"
}

func shardName(i int) string { return fmt.Sprintf("%04d", i+1) }

// slots are the slots of the i-th of n shards.
func slots(i, n int) string {
	return fmt.Sprintf("%d-%d", i*16384/n, (i+1)*16384/n-1)
}

// show is the cluster as the API shows it; shards and AvailabilityMode are details.
func (c *clusterRecord) show(details bool) types.Cluster {
	v := c.View
	if c.ACL != aws.ToString(v.ACLName) {
		v.PendingUpdates = &types.ClusterPendingUpdates{ACLs: &types.ACLsUpdateStatus{ACLToApply: aws.String(c.ACL)}}
	}
	if !details {
		return v
	}
	v.AvailabilityMode = c.availability()
	status := *v.Status
	if status == "updating" { // shards stay in service
		status = "available"
	}
	for i := range int(*v.NumberOfShards) {
		sh := types.Shard{Name: aws.String(shardName(i)), Slots: aws.String(slots(i, int(*v.NumberOfShards))), Status: aws.String(status)}
		for _, n := range c.Nodes {
			if n.Shard == *sh.Name {
				sh.Nodes = append(sh.Nodes, n.show(status))
			}
		}
		sh.NumberOfNodes = aws.Int32(int32(len(sh.Nodes)))
		v.Shards = append(v.Shards, sh)
	}
	return v
}

// show is the node as the API shows it: with an endpoint once it has been running.
func (n *nodeRecord) show(status string) types.Node {
	shown := types.Node{Name: aws.String(n.Name), AvailabilityZone: aws.String(n.Zone), CreateTime: aws.Time(n.Created), Status: aws.String("creating")}
	if n.Ready {
		shown.Status, shown.Endpoint = aws.String(status), &types.Endpoint{Address: aws.String(n.Address), Port: int32(n.Port)}
	}
	return shown
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
		if err := spec.SnapshotName.Check(*in.FinalSnapshotName); err != nil {
			return nil, invalidErr(err)
		}
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
		if in.FinalSnapshotName != nil && !c.is("available") {
			return invalidState(&c, "creating a final snapshot")
		}
		if err := s.event(tx, sc, types.SourceTypeCluster, *c.View.Name, "Delete cluster %s operation started.", *c.View.Name); err != nil {
			return err
		}
		if in.FinalSnapshotName != nil {
			c.Final = true
			r := s.newSnapshot(sc, &c, spec.Fold(*in.FinalSnapshotName), sourceManual)
			if err := s.beginSnapshot(tx, sc, &c, r, nil); err != nil {
				return err
			}
		} else {
			c.View.Status = aws.String("deleting")
			c.Generation++
		}
		shown = c.show(false)
		shown.ACLName, shown.PendingUpdates = nil, nil
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
			return nil, invalid("Some security groups are invalid: %s.", id)
		}
		if slices.ContainsFunc(out, func(m types.SecurityGroupMembership) bool { return *m.SecurityGroupId == id }) {
			continue
		}
		out = append(out, types.SecurityGroupMembership{SecurityGroupId: aws.String(id), Status: aws.String("active")})
	}
	return out, nil
}
