package control

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// aclRecord is an ACL.
type aclRecord struct {
	View types.ACL
	// Users is what the ACL's users are to be; View.UserNames what they were when the clusters were last in agreement.
	Users []string
	// Waiting as in userRecord.
	Waiting map[string]uint64
}

// acl finds an ACL; the built-in one exists always.
func (s *Service) acl(tx *store.Tx, sc scope, name string) (aclRecord, bool, error) {
	rec, ok, err := get[aclRecord](tx, sc, spec.KindACL, name)
	if err == nil && !ok && spec.Fold(name) == spec.OpenAccessACL {
		return openAccess(sc), true, nil
	}
	return rec, ok, err
}

func openAccess(sc scope) aclRecord {
	users := []string{spec.DefaultUser}
	return aclRecord{Users: users, View: types.ACL{
		Name: aws.String(spec.OpenAccessACL), Status: aws.String(spec.ACLStatus.Target), UserNames: users, ARN: aws.String(sc.arn(spec.KindACL, spec.OpenAccessACL)),
		MinimumEngineVersion: aws.String(spec.MinVersionACL),
	}}
}

// allACLs are all ACLs, the built-in one among them, by name.
func (s *Service) allACLs(tx *store.Tx, sc scope) ([]aclRecord, error) {
	recs, err := list[aclRecord](tx, sc, spec.KindACL)
	recs = append(recs, openAccess(sc))
	slices.SortFunc(recs, func(a, b aclRecord) int { return strings.Compare(*a.View.Name, *b.View.Name) })
	return recs, err
}

// show is the ACL as the API shows it: with the clusters that use it.
func (rec *aclRecord) show(clusters []clusterRecord) types.ACL {
	v := rec.View
	v.Clusters = []string{}
	for _, c := range clusters {
		if c.uses(*v.Name) {
			v.Clusters = append(v.Clusters, *c.View.Name)
		}
	}
	return v
}

// knows says whether nodes that use the ACL know a user, or are to.
func (rec *aclRecord) knows(user string) bool {
	return slices.Contains(rec.Users, user) || slices.Contains(rec.View.UserNames, user)
}

// setVersion derives the oldest engine that the ACL works with from its users, and is a fault if a cluster that uses it is older.
func (s *Service) setVersion(tx *store.Tx, sc scope, rec *aclRecord) error {
	version := spec.MinVersionACL
	for _, name := range rec.Users {
		u, ok, err := s.user(tx, sc, name)
		if err != nil {
			return err
		}
		if ok {
			version = max(version, *u.View.MinimumEngineVersion) // "6.0" to "7.0" compare as text
		}
	}
	rec.View.MinimumEngineVersion = aws.String(version)
	clusters, err := list[clusterRecord](tx, sc, spec.KindCluster)
	for _, c := range clusters {
		if c.uses(*rec.View.Name) && *c.View.EngineVersion < version {
			return combination("ACL %s needs engine version %s, cluster %s has %s.", *rec.View.Name, version, *c.View.Name, *c.View.EngineVersion)
		}
	}
	return err
}

// members checks the user names of a request: each exists, none is named twice, the built-in user is not among them.
func (s *Service) members(tx *store.Tx, sc scope, names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		n = spec.Fold(n)
		if slices.Contains(out, n) {
			return nil, &types.DuplicateUserNameFault{Message: aws.String(fmt.Sprintf("The user name %s is given twice.", n))}
		}
		rec, ok, err := s.user(tx, sc, n)
		switch {
		case err != nil:
			return nil, err
		case !ok || *rec.View.Status == spec.UserStatus.Deleting:
			return nil, notFound(spec.KindUser, n)
		case n == spec.DefaultUser:
			return nil, invalid("The user default belongs to the ACL %s only.", spec.OpenAccessACL)
		}
		out = append(out, n)
	}
	if len(out) > spec.MaxUsersPerACL {
		return nil, invalid("An ACL can have at most %d users.", spec.MaxUsersPerACL)
	}
	return out, nil
}

// CreateACL creates an ACL. The answer says creating, as the service's does; the ACL is active when the answer arrives.
func (s *Service) CreateACL(_ context.Context, who Caller, in *memorydb.CreateACLInput) (*memorydb.CreateACLOutput, error) {
	name, err := required("ACLName", in.ACLName)
	if err != nil {
		return nil, err
	}
	if err := spec.ACLName.Check(name); err != nil {
		return nil, invalidErr(err)
	}
	if in.UserNames != nil && len(in.UserNames) == 0 {
		return nil, invalid("UserNames must name at least one user.")
	}
	sc := who.scope()
	name = spec.Fold(name)
	var view types.ACL
	err = s.store.Update(func(tx *store.Tx) error {
		if _, ok, err := s.acl(tx, sc, name); err != nil {
			return err
		} else if ok {
			return &types.ACLAlreadyExistsFault{Message: aws.String(fmt.Sprintf("ACL %s already exists.", name))}
		}
		all, err := list[aclRecord](tx, sc, spec.KindACL)
		if err != nil {
			return err
		}
		if len(all) >= spec.MaxACLs {
			return &types.ACLQuotaExceededFault{Message: aws.String(fmt.Sprintf("The quota of %d ACLs is exceeded.", spec.MaxACLs))}
		}
		users, err := s.members(tx, sc, in.UserNames)
		if err != nil {
			return err
		}
		rec := aclRecord{Users: users, View: types.ACL{
			Name: aws.String(name), ARN: aws.String(sc.arn(spec.KindACL, name)), Status: aws.String(spec.ACLStatus.Target), UserNames: append([]string{}, users...), Clusters: []string{},
		}}
		if err := s.setVersion(tx, sc, &rec); err != nil {
			return err
		}
		view = rec.View
		view.Status = aws.String("creating")
		if err := putTags(tx, sc, spec.KindACL, name, in.Tags); err != nil {
			return err
		}
		if err := s.event(tx, sc, types.SourceTypeAcl, name, "Create ACL %s operation completed.", name); err != nil {
			return err
		}
		return put(tx, sc, spec.KindACL, name, rec)
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.CreateACLOutput{ACL: &view}, nil
}

// DescribeACLs lists ACLs, or the one that is named.
func (s *Service) DescribeACLs(_ context.Context, who Caller, in *memorydb.DescribeACLsInput) (*memorydb.DescribeACLsOutput, error) {
	out := &memorydb.DescribeACLsOutput{ACLs: []types.ACL{}}
	err := s.store.View(func(tx *store.Tx) error {
		recs, err := s.allACLs(tx, who.scope())
		if err != nil {
			return err
		}
		if in.ACLName != nil {
			i := slices.IndexFunc(recs, func(r aclRecord) bool { return *r.View.Name == spec.Fold(*in.ACLName) })
			if i < 0 {
				return notFound(spec.KindACL, *in.ACLName)
			}
			recs = recs[i : i+1]
		}
		some, next, err := page(recs, func(r aclRecord) string { return *r.View.Name }, in.MaxResults, in.NextToken)
		if err != nil {
			return err
		}
		out.NextToken = next
		clusters, err := list[clusterRecord](tx, who.scope(), spec.KindCluster)
		for _, r := range some {
			out.ACLs = append(out.ACLs, r.show(clusters))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// changeableACL is an ACL that may be changed or deleted now.
func (s *Service) changeableACL(tx *store.Tx, sc scope, name, verb string) (aclRecord, error) {
	rec, ok, err := s.acl(tx, sc, name)
	switch {
	case err != nil:
		return rec, err
	case !ok:
		return rec, notFound(spec.KindACL, name)
	case *rec.View.Name == spec.OpenAccessACL:
		return rec, invalid("%s ACL can't be %s.", spec.OpenAccessACL, verb)
	case *rec.View.Status != spec.ACLStatus.Target:
		return rec, &types.InvalidACLStateFault{Message: aws.String(fmt.Sprintf("ACL %s is in status %s.", name, *rec.View.Status))}
	}
	return rec, nil
}

// UpdateACL adds and removes users. The ACL is modifying until every cluster that uses it has taken the change over.
func (s *Service) UpdateACL(_ context.Context, who Caller, in *memorydb.UpdateACLInput) (*memorydb.UpdateACLOutput, error) {
	name, err := required("ACLName", in.ACLName)
	if err != nil {
		return nil, err
	}
	if len(in.UserNamesToAdd) == 0 && len(in.UserNamesToRemove) == 0 {
		return nil, combination("At least one of UserNamesToAdd and UserNamesToRemove must be provided.")
	}
	sc := who.scope()
	var view types.ACL
	var notify []string
	err = s.store.Update(func(tx *store.Tx) error {
		rec, err := s.changeableACL(tx, sc, name, "modified")
		if err != nil {
			return err
		}
		add, err := s.members(tx, sc, in.UserNamesToAdd)
		if err != nil {
			return err
		}
		var remove []string
		for _, u := range in.UserNamesToRemove {
			u = spec.Fold(u)
			switch {
			case slices.Contains(remove, u):
				return &types.DuplicateUserNameFault{Message: aws.String(fmt.Sprintf("The user name %s is given twice.", u))}
			case slices.Contains(add, u):
				return combination("The user %s can't be added and removed at once.", u)
			case !slices.Contains(rec.Users, u):
				if _, ok, err := s.user(tx, sc, u); err != nil {
					return err
				} else if !ok {
					return notFound(spec.KindUser, u)
				}
				return invalid("The user %s is not in ACL %s.", u, name)
			}
			remove = append(remove, u)
		}
		rec.Users = slices.DeleteFunc(rec.Users, func(u string) bool { return slices.Contains(remove, u) })
		for _, u := range add {
			if slices.Contains(rec.Users, u) {
				return &types.DuplicateUserNameFault{Message: aws.String(fmt.Sprintf("The user %s is in ACL %s already.", u, name))}
			}
			rec.Users = append(rec.Users, u)
		}
		if len(rec.Users) > spec.MaxUsersPerACL {
			return invalid("An ACL can have at most %d users.", spec.MaxUsersPerACL)
		}
		if err := s.setVersion(tx, sc, &rec); err != nil {
			return err
		}
		uses := func(c *clusterRecord) bool { return c.uses(*rec.View.Name) }
		touched, err := s.touchClusters(tx, sc, uses)
		if err != nil {
			return err
		}
		notify = names(touched)
		view = rec.show(touched)
		view.Status = aws.String("modifying")
		view.PendingChanges = &types.ACLPendingChanges{UserNamesToAdd: add, UserNamesToRemove: remove}
		if err := s.event(tx, sc, types.SourceTypeAcl, *rec.View.Name, "Modify ACL %s operation started.", *rec.View.Name); err != nil {
			return err
		}
		return s.changeACL(tx, sc, &rec, add, remove, waitingFor(touched, uses))
	})
	if err != nil {
		return nil, err
	}
	s.notify(sc, notify)
	return &memorydb.UpdateACLOutput{ACL: &view}, nil
}

// changeACL stores an ACL whose Users have changed: modifying while clusters are awaited, else settled. A change that is under way takes the new one in.
func (s *Service) changeACL(tx *store.Tx, sc scope, rec *aclRecord, add, remove []string, waiting map[string]uint64) error {
	rec.Waiting = waiting
	rec.View.Status = aws.String("modifying")
	pending := &types.ACLPendingChanges{UserNamesToAdd: add, UserNamesToRemove: remove}
	if was := rec.View.PendingChanges; was != nil {
		pending.UserNamesToAdd = slices.DeleteFunc(slices.Concat(was.UserNamesToAdd, add), func(u string) bool { return slices.Contains(remove, u) })
		pending.UserNamesToRemove = slices.Concat(was.UserNamesToRemove, remove)
	}
	rec.View.PendingChanges = pending
	if len(waiting) == 0 {
		return s.settleACL(tx, sc, rec)
	}
	return put(tx, sc, spec.KindACL, *rec.View.Name, *rec)
}

// settleACL ends an ACL's change: every cluster has taken it over.
func (s *Service) settleACL(tx *store.Tx, sc scope, rec *aclRecord) error {
	rec.View.Status = aws.String(spec.ACLStatus.Target)
	rec.View.PendingChanges = nil
	rec.View.UserNames = append([]string{}, rec.Users...)
	rec.Waiting = nil
	if err := s.event(tx, sc, types.SourceTypeAcl, *rec.View.Name, "Modify ACL %s operation completed.", *rec.View.Name); err != nil {
		return err
	}
	return put(tx, sc, spec.KindACL, *rec.View.Name, *rec)
}

// DeleteACL deletes an ACL that no cluster uses.
func (s *Service) DeleteACL(_ context.Context, who Caller, in *memorydb.DeleteACLInput) (*memorydb.DeleteACLOutput, error) {
	name, err := required("ACLName", in.ACLName)
	if err != nil {
		return nil, err
	}
	sc := who.scope()
	var view types.ACL
	err = s.store.Update(func(tx *store.Tx) error {
		rec, err := s.changeableACL(tx, sc, name, "deleted")
		if err != nil {
			return err
		}
		clusters, err := list[clusterRecord](tx, sc, spec.KindCluster)
		if err != nil {
			return err
		}
		view = rec.show(clusters)
		if len(view.Clusters) > 0 {
			return &types.InvalidACLStateFault{Message: aws.String(fmt.Sprintf("ACL %s is in use by cluster %s.", name, view.Clusters[0]))}
		}
		view.Status = aws.String(spec.ACLStatus.Deleting)
		if err := s.event(tx, sc, types.SourceTypeAcl, *view.Name, "Delete ACL %s operation completed.", *view.Name); err != nil {
			return err
		}
		return drop(tx, sc, spec.KindACL, name)
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.DeleteACLOutput{ACL: &view}, nil
}
