package control

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// parameterGroupRecord is a parameter group.
type parameterGroupRecord struct {
	View types.ParameterGroup
	// Set are the parameters that were set, by name.
	Set map[string]string
}

// parameterGroup finds a parameter group; the built-in ones exist always.
func (s *Service) parameterGroup(tx *store.Tx, sc scope, name string) (parameterGroupRecord, bool, error) {
	for _, g := range builtinGroups(sc) {
		if *g.View.Name == spec.Fold(name) {
			return g, true, nil
		}
	}
	return get[parameterGroupRecord](tx, sc, spec.KindParameterGroup, name)
}

func builtinGroups(sc scope) []parameterGroupRecord {
	var out []parameterGroupRecord
	for _, b := range spec.BuiltinParameterGroups() {
		g := parameterGroupRecord{View: newParameterGroup(sc, b.Name, b.Family, b.Description)}
		if b.Search {
			g.Set = map[string]string{"search-enabled": "yes"}
		}
		out = append(out, g)
	}
	return out
}

func newParameterGroup(sc scope, name, family, description string) types.ParameterGroup {
	return types.ParameterGroup{Name: aws.String(name), Family: aws.String(family), Description: str(description), ARN: aws.String(sc.arn(spec.KindParameterGroup, name))}
}

// values are the group's effective parameters: those that have neither a default nor a set value are missing.
func (g *parameterGroupRecord) values() map[string]string {
	out := map[string]string{}
	for _, p := range spec.Parameters(*g.View.Family) {
		if v, ok := g.Set[p.Name]; ok {
			out[p.Name] = v
		} else if p.HasDefault {
			out[p.Name] = p.Default
		}
	}
	return out
}

// CreateParameterGroup creates a parameter group with the family's defaults.
func (s *Service) CreateParameterGroup(_ context.Context, who Caller, in *memorydb.CreateParameterGroupInput) (*memorydb.CreateParameterGroupOutput, error) {
	name, err := required("ParameterGroupName", in.ParameterGroupName)
	if err != nil {
		return nil, err
	}
	family, err := required("Family", in.Family)
	if err != nil {
		return nil, err
	}
	if err := spec.ParameterGroupName.Check(name); err != nil {
		return nil, invalidErr(err)
	}
	if !slices.Contains(spec.Families, family) {
		return nil, invalid("The parameter group family %s is not valid. Allowed: %s.", family, strings.Join(spec.Families, ", "))
	}
	sc := who.scope()
	name = spec.Fold(name)
	rec := parameterGroupRecord{View: newParameterGroup(sc, name, family, aws.ToString(in.Description))}
	err = s.store.Update(func(tx *store.Tx) error {
		if _, ok, err := s.parameterGroup(tx, sc, name); err != nil {
			return err
		} else if ok {
			return &types.ParameterGroupAlreadyExistsFault{Message: aws.String(fmt.Sprintf("Parameter group %s already exists.", name))}
		}
		all, err := list[parameterGroupRecord](tx, sc, spec.KindParameterGroup)
		if err != nil {
			return err
		}
		if len(all) >= spec.MaxParameterGroups {
			return &types.ParameterGroupQuotaExceededFault{Message: aws.String(fmt.Sprintf("The quota of %d parameter groups is exceeded.", spec.MaxParameterGroups))}
		}
		if err := putTags(tx, sc, spec.KindParameterGroup, name, in.Tags); err != nil {
			return err
		}
		if err := s.event(tx, sc, types.SourceTypeParameterGroup, name, "Create parameter group %s operation completed.", name); err != nil {
			return err
		}
		return put(tx, sc, spec.KindParameterGroup, name, rec)
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.CreateParameterGroupOutput{ParameterGroup: &rec.View}, nil
}

// DescribeParameterGroups lists parameter groups, the built-in ones among them, or the one that is named.
func (s *Service) DescribeParameterGroups(_ context.Context, who Caller, in *memorydb.DescribeParameterGroupsInput) (*memorydb.DescribeParameterGroupsOutput, error) {
	out := &memorydb.DescribeParameterGroupsOutput{ParameterGroups: []types.ParameterGroup{}}
	sc := who.scope()
	err := s.store.View(func(tx *store.Tx) error {
		if in.ParameterGroupName != nil {
			g, ok, err := s.parameterGroup(tx, sc, *in.ParameterGroupName)
			if err == nil && !ok {
				err = notFound(spec.KindParameterGroup, *in.ParameterGroupName)
			}
			out.ParameterGroups = append(out.ParameterGroups, g.View)
			return err
		}
		all, err := list[parameterGroupRecord](tx, sc, spec.KindParameterGroup)
		if err != nil {
			return err
		}
		all = append(all, builtinGroups(sc)...)
		slices.SortFunc(all, func(a, b parameterGroupRecord) int { return strings.Compare(*a.View.Name, *b.View.Name) })
		some, next, err := page(all, func(g parameterGroupRecord) string { return *g.View.Name }, in.MaxResults, in.NextToken)
		for _, g := range some {
			out.ParameterGroups = append(out.ParameterGroups, g.View)
		}
		out.NextToken = next
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DescribeParameters lists the parameters of a group with their effective values.
func (s *Service) DescribeParameters(_ context.Context, who Caller, in *memorydb.DescribeParametersInput) (*memorydb.DescribeParametersOutput, error) {
	name, err := required("ParameterGroupName", in.ParameterGroupName)
	if err != nil {
		return nil, err
	}
	out := &memorydb.DescribeParametersOutput{Parameters: []types.Parameter{}}
	err = s.store.View(func(tx *store.Tx) error {
		g, ok, err := s.parameterGroup(tx, who.scope(), name)
		if err != nil {
			return err
		}
		if !ok {
			return notFound(spec.KindParameterGroup, name)
		}
		values := g.values()
		some, next, err := page(spec.Parameters(*g.View.Family), func(p spec.Parameter) string { return p.Name }, in.MaxResults, in.NextToken)
		for _, p := range some {
			shown := types.Parameter{Name: aws.String(p.Name), DataType: aws.String(p.Type), AllowedValues: str(p.Allowed), Description: aws.String(p.Description), MinimumEngineVersion: aws.String(p.MinVersion)}
			if v, ok := values[p.Name]; ok {
				shown.Value = aws.String(v)
			}
			out.Parameters = append(out.Parameters, shown)
		}
		out.NextToken = next
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// changeableGroup is a parameter group that may be changed or deleted.
func (s *Service) changeableGroup(tx *store.Tx, sc scope, name string) (parameterGroupRecord, error) {
	g, ok, err := s.parameterGroup(tx, sc, name)
	switch {
	case err != nil:
		return g, err
	case !ok:
		return g, notFound(spec.KindParameterGroup, name)
	case strings.HasPrefix(*g.View.Name, spec.DefaultPrefix):
		return g, invalid("The parameter group %s is a default parameter group, which can't be modified, reset or deleted.", *g.View.Name)
	}
	return g, nil
}

// changeParameters changes a group and lets the clusters that use it follow, if that changes a value.
func (s *Service) changeParameters(sc scope, name string, check func(tx *store.Tx) error, change func(g *parameterGroupRecord) error) (*types.ParameterGroup, error) {
	var g parameterGroupRecord
	var notify []string
	err := s.store.Update(func(tx *store.Tx) error {
		var err error
		if g, err = s.changeableGroup(tx, sc, name); err != nil {
			return err
		}
		if err := check(tx); err != nil {
			return err
		}
		before := g.values()
		if err := change(&g); err != nil {
			return err
		}
		if err := s.event(tx, sc, types.SourceTypeParameterGroup, *g.View.Name, "Modify parameter group %s operation completed.", *g.View.Name); err != nil {
			return err
		}
		if !maps.Equal(before, g.values()) {
			touched, err := s.touchClusters(tx, sc, func(c *clusterRecord) bool {
				uses := c.ParameterGroup == *g.View.Name
				if uses {
					c.View.ParameterGroupStatus = aws.String(spec.ParametersApplying)
				}
				return uses
			})
			if err != nil {
				return err
			}
			notify = names(touched)
		}
		return put(tx, sc, spec.KindParameterGroup, name, g)
	})
	if err != nil {
		return nil, err
	}
	s.notify(sc, notify)
	return &g.View, nil
}

// settledParameters is the fault for a group whose last change is still on its way to a cluster.
func (s *Service) settledParameters(tx *store.Tx, sc scope, group string) error {
	clusters, err := list[clusterRecord](tx, sc, spec.KindCluster)
	if err != nil {
		return err
	}
	for _, c := range clusters {
		if c.ParameterGroup == group && aws.ToString(c.View.ParameterGroupStatus) == spec.ParametersApplying && *c.View.Status != "creating" {
			return &types.InvalidParameterGroupStateFault{Message: aws.String(fmt.Sprintf("Parameter group %s has pending changes.", group))}
		}
	}
	return nil
}

// UpdateParameterGroup sets parameters; every cluster of the group takes them over without a restart.
func (s *Service) UpdateParameterGroup(_ context.Context, who Caller, in *memorydb.UpdateParameterGroupInput) (*memorydb.UpdateParameterGroupOutput, error) {
	name, err := required("ParameterGroupName", in.ParameterGroupName)
	if err != nil {
		return nil, err
	}
	if n := len(in.ParameterNameValues); n == 0 || n > spec.MaxParametersPerCall {
		return nil, invalid("ParameterNameValues must have 1 to %d entries.", spec.MaxParametersPerCall)
	}
	always := func(*store.Tx) error { return nil }
	view, err := s.changeParameters(who.scope(), name, always, func(g *parameterGroupRecord) error {
		if g.Set == nil {
			g.Set = map[string]string{}
		}
		seen := map[string]bool{}
		for _, nv := range in.ParameterNameValues {
			key, value := aws.ToString(nv.ParameterName), aws.ToString(nv.ParameterValue)
			p, ok := spec.FindParameter(*g.View.Family, key)
			if !ok {
				return invalid("The parameter %s does not exist in family %s.", key, *g.View.Family)
			}
			if seen[key] {
				return invalid("The parameter %s is given twice.", key)
			}
			seen[key] = true
			if err := p.Check(value); err != nil {
				return invalidErr(err)
			}
			g.Set[key] = value
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.UpdateParameterGroupOutput{ParameterGroup: view}, nil
}

// ResetParameterGroup takes parameters back to their defaults: those that are named, or all.
func (s *Service) ResetParameterGroup(_ context.Context, who Caller, in *memorydb.ResetParameterGroupInput) (*memorydb.ResetParameterGroupOutput, error) {
	name, err := required("ParameterGroupName", in.ParameterGroupName)
	if err != nil {
		return nil, err
	}
	switch {
	case in.AllParameters && len(in.ParameterNames) > 0:
		return nil, combination("AllParameters and ParameterNames can't be given together.")
	case !in.AllParameters && len(in.ParameterNames) == 0:
		return nil, combination("One of AllParameters and ParameterNames must be given.")
	case len(in.ParameterNames) > spec.MaxParametersPerCall:
		return nil, invalid("ParameterNames must have at most %d entries.", spec.MaxParametersPerCall)
	}
	settled := func(tx *store.Tx) error { return s.settledParameters(tx, who.scope(), spec.Fold(name)) }
	view, err := s.changeParameters(who.scope(), name, settled, func(g *parameterGroupRecord) error {
		if in.AllParameters {
			g.Set = nil
		}
		for _, key := range in.ParameterNames {
			if _, ok := spec.FindParameter(*g.View.Family, key); !ok {
				return invalid("The parameter %s does not exist in family %s.", key, *g.View.Family)
			}
			delete(g.Set, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.ResetParameterGroupOutput{ParameterGroup: view}, nil
}

// DeleteParameterGroup deletes a parameter group that no cluster uses.
func (s *Service) DeleteParameterGroup(_ context.Context, who Caller, in *memorydb.DeleteParameterGroupInput) (*memorydb.DeleteParameterGroupOutput, error) {
	name, err := required("ParameterGroupName", in.ParameterGroupName)
	if err != nil {
		return nil, err
	}
	sc := who.scope()
	var g parameterGroupRecord
	err = s.store.Update(func(tx *store.Tx) error {
		var err error
		if g, err = s.changeableGroup(tx, sc, name); err != nil {
			return err
		}
		clusters, err := list[clusterRecord](tx, sc, spec.KindCluster)
		if err != nil {
			return err
		}
		for _, c := range clusters {
			if c.ParameterGroup == *g.View.Name {
				return &types.InvalidParameterGroupStateFault{Message: aws.String(fmt.Sprintf("One or more clusters are still members of parameter group %s, so the group can't be deleted.", *g.View.Name))}
			}
		}
		if err := s.event(tx, sc, types.SourceTypeParameterGroup, *g.View.Name, "Delete parameter group %s operation completed.", *g.View.Name); err != nil {
			return err
		}
		return drop(tx, sc, spec.KindParameterGroup, name)
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.DeleteParameterGroupOutput{ParameterGroup: &g.View}, nil
}
