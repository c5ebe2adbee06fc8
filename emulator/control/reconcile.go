package control

import (
	"context"
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

var _ Reconciler = (*Service)(nil)

// Wanted implements Reconciler.
func (s *Service) Wanted(context.Context) ([]WantedCluster, error) {
	var out []WantedCluster
	err := s.store.View(func(tx *store.Tx) error {
		all, err := store.NewTable[clusterRecord](string(spec.KindCluster)).All(tx)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.is("create-failed") {
				continue
			}
			arn, err := spec.ParseARN(*c.View.ARN)
			if err != nil {
				return err
			}
			w, err := s.wanted(tx, scope{arn.Account, arn.Region}, &c)
			if err != nil {
				return err
			}
			out = append(out, w)
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b WantedCluster) int { return a.Created.Compare(b.Created) })
	return out, err
}

// WantedCluster implements Reconciler.
func (s *Service) WantedCluster(_ context.Context, p Place) (w WantedCluster, ok bool, err error) {
	err = s.store.View(func(tx *store.Tx) error {
		sc := scope{p.Account, p.Region}
		c, found, err := get[clusterRecord](tx, sc, spec.KindCluster, p.Cluster)
		if err != nil || !found || c.is("create-failed") {
			return err
		}
		ok = true
		w, err = s.wanted(tx, sc, &c)
		return err
	})
	return w, ok, err
}

// wanted resolves what a cluster's nodes have to know.
func (s *Service) wanted(tx *store.Tx, sc scope, c *clusterRecord) (WantedCluster, error) {
	t, _ := spec.FindNodeType(*c.View.NodeType)
	w := WantedCluster{
		Account: sc.account, Region: sc.region, Name: *c.View.Name, ID: c.ID, Created: c.Created, Generation: c.Generation, Status: *c.View.Status, Port: c.Port, TLS: *c.View.TLSEnabled,
		NodeType: t.Name, MaxMemory: t.MaxMemory(), Engine: *c.View.Engine, EnginePatchVersion: *c.View.EnginePatchVersion, WrappedKey: c.WrappedKey,
		Snapshot: c.Snapshot, Restore: c.Restore,
	}
	shards := int(*c.View.NumberOfShards)
	for i := range shards {
		sh := WantedShard{Name: shardName(i), Slots: slots(i, shards), Depose: c.Depose[shardName(i)]}
		for _, n := range c.Nodes {
			if n.Shard == sh.Name {
				sh.Nodes = append(sh.Nodes, WantedNode{Name: n.Name, ID: n.ID, Zone: n.Zone, Created: n.Created, Address: n.Address, Port: n.Port})
			}
		}
		w.Shards = append(w.Shards, sh)
	}
	g, _, err := s.parameterGroup(tx, sc, c.ParameterGroup)
	if err != nil {
		return w, err
	}
	w.Parameters = g.values()
	if c.Search != "" {
		w.Parameters[searchEnabled] = c.Search
	}
	w.Users, err = s.wantedUsers(tx, sc, c.ACL)
	return w, err
}

// wantedUsers are the users of an ACL as nodes need them. A node always has a user default: off when the ACL has none of that name.
func (s *Service) wantedUsers(tx *store.Tx, sc scope, acl string) ([]WantedUser, error) {
	a, _, err := s.acl(tx, sc, acl)
	if err != nil {
		return nil, err
	}
	var out []WantedUser
	for _, name := range a.Users {
		u, ok, err := s.user(tx, sc, name)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		out = append(out, WantedUser{
			Name: name, AccessString: *u.View.AccessString, PasswordHashes: u.Hashes,
			NoPassword: u.View.Authentication.Type == types.AuthenticationTypeNoPassword,
		})
	}
	if !slices.Contains(a.Users, spec.DefaultUser) {
		out = append(out, WantedUser{Name: spec.DefaultUser, AccessString: "off resetchannels -@all"})
	}
	return out, nil
}

// changeFound changes a cluster's record if it is still there; change says whether it did.
func (s *Service) changeFound(p Place, change func(tx *store.Tx, sc scope, c *clusterRecord) (bool, error)) error {
	return s.store.Update(func(tx *store.Tx) error {
		sc := scope{p.Account, p.Region}
		c, ok, err := get[clusterRecord](tx, sc, spec.KindCluster, p.Cluster)
		if err != nil || !ok {
			return err
		}
		if did, err := change(tx, sc, &c); err != nil || !did {
			return err
		}
		return put(tx, sc, spec.KindCluster, p.Cluster, c)
	})
}

// Placed implements Reconciler. Nothing is written when every node is where it was.
func (s *Service) Placed(_ context.Context, p Place, nodes map[string]NodeAddress) error {
	return s.changeFound(p, func(_ *store.Tx, _ scope, c *clusterRecord) (moved bool, err error) {
		for i := range c.Nodes {
			n := &c.Nodes[i]
			if a, ok := nodes[n.Name]; ok && (a.Address != n.Address || a.Port != n.Port) {
				n.Address, n.Port, moved = a.Address, a.Port, true
			}
		}
		return moved, nil
	})
}

// ClusterReady implements Reconciler.
func (s *Service) ClusterReady(_ context.Context, p Place, generation uint64, endpoint NodeAddress) error {
	return s.store.Update(func(tx *store.Tx) error {
		sc := scope{p.Account, p.Region}
		c, ok, err := get[clusterRecord](tx, sc, spec.KindCluster, p.Cluster)
		if err != nil || !ok || c.is("deleting") || c.is("create-failed") {
			return err
		}
		address := &types.Endpoint{Address: aws.String(endpoint.Address), Port: int32(endpoint.Port)}
		known := aws.ToString(c.View.ClusterEndpoint.Address) == endpoint.Address && c.View.ClusterEndpoint.Port == address.Port
		if known && c.Ready >= generation && (c.is("available") || c.is("snapshotting")) {
			return nil // as before a restart
		}
		c.Ready = max(c.Ready, generation)
		if c.Ready >= c.Generation {
			if err := s.settle(tx, sc, &c); err != nil {
				return err
			}
		}
		if !c.is("creating") { // until then the endpoint has a port only
			c.View.ClusterEndpoint = address
		}
		if err := put(tx, sc, spec.KindCluster, p.Cluster, c); err != nil {
			return err
		}
		return s.settleWaiting(tx, sc, p.Cluster, c.Ready)
	})
}

// settle ends a cluster's transitions: its nodes have everything that is wanted.
func (s *Service) settle(tx *store.Tx, sc scope, c *clusterRecord) error {
	name := *c.View.Name
	c.View.ACLName, c.View.ParameterGroupName = aws.String(c.ACL), aws.String(c.ParameterGroup)
	for i := range c.Nodes {
		c.Nodes[i].Ready = true
	}
	if aws.ToString(c.View.ParameterGroupStatus) == spec.ParametersApplying {
		if err := s.event(tx, sc, types.SourceTypeCluster, name, "Updated parameter group for the cluster"); err != nil {
			return err
		}
	}
	c.View.ParameterGroupStatus = aws.String(spec.ParametersInSync)
	switch *c.View.Status {
	case "creating":
		if err := s.event(tx, sc, types.SourceTypeCluster, name, "Cluster created."); err != nil {
			return err
		}
	case "updating":
		if err := s.event(tx, sc, types.SourceTypeCluster, name, "Modify cluster %s operation completed.", name); err != nil {
			return err
		}
	}
	if !c.is("snapshotting") { // that ends with the snapshot
		c.View.Status = aws.String(spec.ClusterStatus.Target)
	}
	return nil
}

// settleWaiting ends the transitions of users and ACLs that waited for a cluster which is ready at a generation, or gone (ready is the greatest number then).
func (s *Service) settleWaiting(tx *store.Tx, sc scope, cluster string, ready uint64) error {
	acls, err := list[aclRecord](tx, sc, spec.KindACL)
	if err != nil {
		return err
	}
	for _, a := range acls {
		if !arrived(a.Waiting, cluster, ready) {
			continue
		}
		if len(a.Waiting) == 0 {
			err = s.settleACL(tx, sc, &a)
		} else {
			err = put(tx, sc, spec.KindACL, *a.View.Name, a)
		}
		if err != nil {
			return err
		}
	}
	users, err := list[userRecord](tx, sc, spec.KindUser)
	if err != nil {
		return err
	}
	for _, u := range users {
		if !arrived(u.Waiting, cluster, ready) {
			continue
		}
		if len(u.Waiting) == 0 {
			err = s.settleUser(tx, sc, &u)
		} else {
			err = put(tx, sc, spec.KindUser, *u.View.Name, u)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// arrived takes a cluster off the list of those that are awaited, if it has got far enough; it says whether it was on it.
func arrived(waiting map[string]uint64, cluster string, ready uint64) bool {
	g, ok := waiting[cluster]
	if !ok || ready < g {
		return false
	}
	delete(waiting, cluster)
	return true
}

// ClusterFailed implements Reconciler.
func (s *Service) ClusterFailed(_ context.Context, p Place, generation uint64, reason string) error {
	return s.changeFound(p, func(tx *store.Tx, sc scope, c *clusterRecord) (bool, error) {
		if !c.is("creating") || c.Generation != generation {
			return false, nil
		}
		c.View.Status = aws.String("create-failed")
		if err := s.event(tx, sc, types.SourceTypeCluster, p.Cluster, "Failed to create cluster %s. %s", p.Cluster, reason); err != nil {
			return false, err
		}
		return true, s.settleWaiting(tx, sc, p.Cluster, math.MaxUint64) // nobody waits for it any more
	})
}

// Event implements Reconciler.
func (s *Service) Event(_ context.Context, p Place, messages ...string) error {
	return s.changeFound(p, func(tx *store.Tx, sc scope, _ *clusterRecord) (bool, error) {
		for _, m := range messages {
			if err := s.event(tx, sc, types.SourceTypeCluster, p.Cluster, "%s", m); err != nil {
				return false, err
			}
		}
		return false, nil
	})
}

// FailedOver implements Reconciler.
func (s *Service) FailedOver(_ context.Context, p Place, shard string) error {
	return s.changeFound(p, func(_ *store.Tx, _ scope, c *clusterRecord) (bool, error) {
		_, asked := c.Depose[shard]
		delete(c.Depose, shard)
		return asked, nil
	})
}

// ClusterGone implements Reconciler.
func (s *Service) ClusterGone(_ context.Context, p Place) error {
	var left *SnapshotData
	err := s.store.Update(func(tx *store.Tx) error {
		sc := scope{p.Account, p.Region}
		c, ok, err := get[clusterRecord](tx, sc, spec.KindCluster, p.Cluster)
		if err != nil || !ok || !c.is("deleting") {
			return err
		}
		if err := s.event(tx, sc, types.SourceTypeCluster, p.Cluster, "Delete cluster %s operation completed.", p.Cluster); err != nil {
			return err
		}
		if err := drop(tx, sc, spec.KindCluster, p.Cluster); err != nil {
			return err
		}
		data, err := s.dropAutomatic(tx, sc, &c)
		if err != nil {
			return err
		}
		left = &data
		return s.settleWaiting(tx, sc, p.Cluster, math.MaxUint64)
	})
	if err == nil && left != nil {
		s.fleet.Swept(*left)
	}
	return err
}
