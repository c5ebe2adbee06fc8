package control

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// subnetRecord is a subnet that was adopted when it was first named.
type subnetRecord struct{ ID, Zone string }

var subnetTable = store.NewTable[subnetRecord]("subnet")

// subnets makes the members of a subnet group. Subnets are not created by this API: any id that looks like one is taken for a subnet of the account's default VPC, in the zone whose turn it is
// when the id is first named, so that the subnets of a group are in different zones.
func (s *Service) subnets(tx *store.Tx, sc scope, ids []string) ([]types.Subnet, error) {
	if len(ids) == 0 {
		return nil, invalid("The parameter SubnetIds must be provided.")
	}
	if len(ids) > spec.MaxSubnetsPerGroup {
		return nil, &types.SubnetQuotaExceededFault{Message: aws.String(fmt.Sprintf("A subnet group can have at most %d subnets.", spec.MaxSubnetsPerGroup))}
	}
	known, err := subnetTable.All(tx, sc.account, sc.region)
	if err != nil {
		return nil, err
	}
	var out []types.Subnet
	for _, id := range ids {
		if !spec.IsSubnetID(id) {
			return nil, &types.InvalidSubnet{Message: aws.String(fmt.Sprintf("Some input subnets in :[%s] are invalid.", id))}
		}
		if slices.ContainsFunc(out, func(o types.Subnet) bool { return *o.Identifier == id }) {
			continue
		}
		i := slices.IndexFunc(known, func(k subnetRecord) bool { return k.ID == id })
		if i < 0 {
			i = len(known)
			known = append(known, subnetRecord{ID: id, Zone: sc.zones()[i%len(sc.zones())]})
			if err := subnetTable.Put(tx, known[i], sc.account, sc.region, id); err != nil {
				return nil, err
			}
		}
		out = append(out, subnet(id, known[i].Zone))
	}
	return out, nil
}

func subnet(id, zone string) types.Subnet {
	return types.Subnet{Identifier: aws.String(id), AvailabilityZone: &types.AvailabilityZone{Name: aws.String(zone)}, SupportedNetworkTypes: []types.NetworkType{types.NetworkTypeIpv4}}
}

func newSubnetGroup(sc scope, name, description string, members []types.Subnet) types.SubnetGroup {
	return types.SubnetGroup{
		Name: aws.String(name), Description: str(description), VpcId: aws.String(sc.vpc()), ARN: aws.String(sc.arn(spec.KindSubnetGroup, name)),
		Subnets: members, SupportedNetworkTypes: []types.NetworkType{types.NetworkTypeIpv4},
	}
}

// clusterSubnets is the subnet group of a cluster; "default", over the default VPC, is made on first need.
func (s *Service) clusterSubnets(tx *store.Tx, sc scope, name string) (types.SubnetGroup, error) {
	g, ok, err := get[types.SubnetGroup](tx, sc, spec.KindSubnetGroup, name)
	switch {
	case err != nil || ok:
		return g, err
	case name != spec.DefaultSubnetGroup:
		return g, notFound(spec.KindSubnetGroup, name)
	}
	g = newSubnetGroup(sc, name, "", nil)
	for i, zone := range sc.zones() {
		g.Subnets = append(g.Subnets, subnet(fmt.Sprintf("subnet-default%d", i+1), zone))
	}
	return g, put(tx, sc, spec.KindSubnetGroup, name, g)
}

// CreateSubnetGroup creates a subnet group.
func (s *Service) CreateSubnetGroup(_ context.Context, who Caller, in *memorydb.CreateSubnetGroupInput) (*memorydb.CreateSubnetGroupOutput, error) {
	name, err := required("SubnetGroupName", in.SubnetGroupName)
	if err != nil {
		return nil, err
	}
	if err := spec.SubnetGroupName.Check(name); err != nil {
		return nil, invalidErr(err)
	}
	sc := who.scope()
	name = spec.Fold(name)
	g := newSubnetGroup(sc, name, aws.ToString(in.Description), nil)
	err = s.store.Update(func(tx *store.Tx) error {
		all, err := list[types.SubnetGroup](tx, sc, spec.KindSubnetGroup)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(o types.SubnetGroup) bool { return *o.Name == name }) {
			return &types.SubnetGroupAlreadyExistsFault{Message: aws.String(fmt.Sprintf("Subnet group %s already exists.", name))}
		}
		if len(all) >= spec.MaxSubnetGroups {
			return &types.SubnetGroupQuotaExceededFault{Message: aws.String(fmt.Sprintf("The quota of %d subnet groups is exceeded.", spec.MaxSubnetGroups))}
		}
		if g.Subnets, err = s.subnets(tx, sc, in.SubnetIds); err != nil {
			return err
		}
		if err := putTags(tx, sc, spec.KindSubnetGroup, name, in.Tags); err != nil {
			return err
		}
		if err := s.event(tx, sc, types.SourceTypeSubnetGroup, name, "Create subnet group %s operation completed.", name); err != nil {
			return err
		}
		return put(tx, sc, spec.KindSubnetGroup, name, g)
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.CreateSubnetGroupOutput{SubnetGroup: &g}, nil
}

// DescribeSubnetGroups lists subnet groups, or the one that is named.
func (s *Service) DescribeSubnetGroups(_ context.Context, who Caller, in *memorydb.DescribeSubnetGroupsInput) (*memorydb.DescribeSubnetGroupsOutput, error) {
	out := &memorydb.DescribeSubnetGroupsOutput{SubnetGroups: []types.SubnetGroup{}}
	err := s.store.View(func(tx *store.Tx) error {
		if in.SubnetGroupName != nil {
			g, ok, err := get[types.SubnetGroup](tx, who.scope(), spec.KindSubnetGroup, *in.SubnetGroupName)
			if err == nil && !ok {
				err = notFound(spec.KindSubnetGroup, *in.SubnetGroupName)
			}
			out.SubnetGroups = []types.SubnetGroup{g}
			return err
		}
		all, err := list[types.SubnetGroup](tx, who.scope(), spec.KindSubnetGroup)
		if err != nil {
			return err
		}
		some, next, err := page(all, func(g types.SubnetGroup) string { return *g.Name }, in.MaxResults, in.NextToken)
		out.SubnetGroups, out.NextToken = append(out.SubnetGroups, some...), next
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateSubnetGroup changes the description or the subnets. A subnet in which a cluster of the group has nodes stays.
func (s *Service) UpdateSubnetGroup(_ context.Context, who Caller, in *memorydb.UpdateSubnetGroupInput) (*memorydb.UpdateSubnetGroupOutput, error) {
	name, err := required("SubnetGroupName", in.SubnetGroupName)
	if err != nil {
		return nil, err
	}
	sc := who.scope()
	var g types.SubnetGroup
	err = s.store.Update(func(tx *store.Tx) error {
		var ok bool
		var err error
		if g, ok, err = get[types.SubnetGroup](tx, sc, spec.KindSubnetGroup, name); err != nil {
			return err
		}
		if !ok {
			return notFound(spec.KindSubnetGroup, name)
		}
		if in.Description != nil {
			g.Description = str(*in.Description)
		}
		if in.SubnetIds != nil {
			if g.Subnets, err = s.changeSubnets(tx, sc, g, in.SubnetIds); err != nil {
				return err
			}
		}
		if err := s.event(tx, sc, types.SourceTypeSubnetGroup, *g.Name, "Modify subnet group %s operation completed.", *g.Name); err != nil {
			return err
		}
		return put(tx, sc, spec.KindSubnetGroup, name, g)
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.UpdateSubnetGroupOutput{SubnetGroup: &g}, nil
}

// changeSubnets are the new subnets of a group, if no node loses its subnet.
func (s *Service) changeSubnets(tx *store.Tx, sc scope, g types.SubnetGroup, ids []string) ([]types.Subnet, error) {
	members, err := s.subnets(tx, sc, ids)
	if err != nil {
		return nil, err
	}
	clusters, err := list[clusterRecord](tx, sc, spec.KindCluster)
	if err != nil {
		return nil, err
	}
	for _, c := range clusters {
		if aws.ToString(c.View.SubnetGroupName) != *g.Name {
			continue
		}
		for _, n := range c.Nodes {
			kept := slices.ContainsFunc(members, func(m types.Subnet) bool { return *m.Identifier == n.Subnet })
			if !kept {
				return nil, &types.SubnetInUse{Message: aws.String(fmt.Sprintf("The subnet %s is in use by node %s.", n.Subnet, n.Name))}
			}
		}
	}
	return members, nil
}

// DeleteSubnetGroup deletes a subnet group that no cluster uses.
func (s *Service) DeleteSubnetGroup(_ context.Context, who Caller, in *memorydb.DeleteSubnetGroupInput) (*memorydb.DeleteSubnetGroupOutput, error) {
	name, err := required("SubnetGroupName", in.SubnetGroupName)
	if err != nil {
		return nil, err
	}
	sc := who.scope()
	var g types.SubnetGroup
	err = s.store.Update(func(tx *store.Tx) error {
		var ok bool
		var err error
		if g, ok, err = get[types.SubnetGroup](tx, sc, spec.KindSubnetGroup, name); err != nil {
			return err
		}
		if !ok {
			return notFound(spec.KindSubnetGroup, name)
		}
		clusters, err := list[clusterRecord](tx, sc, spec.KindCluster)
		if err != nil {
			return err
		}
		for _, c := range clusters {
			if aws.ToString(c.View.SubnetGroupName) == *g.Name {
				return &types.SubnetGroupInUseFault{Message: aws.String(fmt.Sprintf("Subnet group %s is currently in use by a cluster.", name))}
			}
		}
		if err := s.event(tx, sc, types.SourceTypeSubnetGroup, *g.Name, "Delete subnet group %s operation completed.", *g.Name); err != nil {
			return err
		}
		return drop(tx, sc, spec.KindSubnetGroup, name)
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.DeleteSubnetGroupOutput{SubnetGroup: &g}, nil
}
