package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// userRecord is a user.
type userRecord struct {
	View types.User
	// Hashes are the SHA-256 sums of the passwords, in hexadecimal.
	Hashes []string
	// Waiting are the clusters that have not taken over the newest change yet, with the generation that will have: the user is modifying, or deleting, until there is none.
	Waiting map[string]uint64
}

// user finds a user; the built-in one exists always.
func (s *Service) user(tx *store.Tx, sc scope, name string) (userRecord, bool, error) {
	rec, ok, err := get[userRecord](tx, sc, spec.KindUser, name)
	if err != nil || ok || spec.Fold(name) != spec.DefaultUser {
		return rec, ok, err
	}
	return userRecord{View: types.User{
		Name: aws.String(spec.DefaultUser), Status: aws.String(spec.UserStatus.Target), AccessString: aws.String("on ~* &* +@all"), ARN: aws.String(sc.arn(spec.KindUser, spec.DefaultUser)),
		Authentication: &types.Authentication{Type: types.AuthenticationTypeNoPassword}, MinimumEngineVersion: aws.String(spec.MinVersionDefaultUser),
	}}, true, nil
}

// show is the user as the API shows it: with the ACLs that it is in.
func (rec *userRecord) show(acls []aclRecord) *types.User {
	v := rec.View
	v.ACLNames = []string{}
	for _, a := range acls {
		if slices.Contains(a.View.UserNames, *v.Name) {
			v.ACLNames = append(v.ACLNames, *a.View.Name)
		}
	}
	return &v
}

// setVersion derives the oldest engine that the user works with: IAM, key permissions and selectors came with 7.0.
func (rec *userRecord) setVersion() {
	version := spec.MinVersionPassword
	if rec.View.Authentication.Type == types.AuthenticationTypeIam || strings.ContainsAny(*rec.View.AccessString, "%(") {
		version = spec.MinVersionIAM
	}
	rec.View.MinimumEngineVersion = aws.String(version)
}

// authenticate sets how the user authenticates.
func (rec *userRecord) authenticate(mode *types.AuthenticationMode) error {
	switch mode.Type {
	case types.InputAuthenticationTypePassword:
		if n := len(mode.Passwords); n == 0 || n > spec.MaxPasswords {
			return invalid("A user must have 1 to %d passwords.", spec.MaxPasswords)
		}
		rec.Hashes = nil
		for _, p := range mode.Passwords {
			if err := spec.CheckPassword(p); err != nil {
				return invalidErr(err)
			}
			sum := sha256.Sum256([]byte(p))
			hash := hex.EncodeToString(sum[:])
			if slices.Contains(rec.Hashes, hash) {
				return invalid("The passwords of a user must differ.")
			}
			rec.Hashes = append(rec.Hashes, hash)
		}
		rec.View.Authentication = &types.Authentication{Type: types.AuthenticationTypePassword, PasswordCount: aws.Int32(int32(len(rec.Hashes)))}
	case types.InputAuthenticationTypeIam:
		if len(mode.Passwords) > 0 {
			return combination("Passwords can't be given for a user that authenticates with IAM.")
		}
		rec.Hashes = nil
		rec.View.Authentication = &types.Authentication{Type: types.AuthenticationTypeIam}
	default:
		return invalid("The authentication type must be one of password, iam.")
	}
	return nil
}

// access sets the access string, in canonical form, after the engine has looked at its commands and categories.
func (s *Service) access(rec *userRecord, text string) error {
	canonical, err := spec.CanonicalAccess(text)
	if err != nil {
		return invalidErr(err)
	}
	if err := s.cfg.CheckRules(canonical); err != nil {
		return invalid("Invalid Access String: %s", err)
	}
	rec.View.AccessString = aws.String(canonical)
	return nil
}

// CreateUser creates a user, which is active at once.
func (s *Service) CreateUser(_ context.Context, who Caller, in *memorydb.CreateUserInput) (*memorydb.CreateUserOutput, error) {
	name, err := required("UserName", in.UserName)
	if err != nil {
		return nil, err
	}
	if err := spec.UserName.Check(name); err != nil {
		return nil, invalidErr(err)
	}
	text, err := required("AccessString", in.AccessString)
	if err != nil {
		return nil, err
	}
	if in.AuthenticationMode == nil {
		return nil, invalid("The parameter AuthenticationMode must be provided.")
	}
	sc := who.scope()
	name = spec.Fold(name)
	rec := userRecord{View: types.User{Name: aws.String(name), ARN: aws.String(sc.arn(spec.KindUser, name)), Status: aws.String(spec.UserStatus.Target), ACLNames: []string{}}}
	if err := s.access(&rec, text); err != nil {
		return nil, err
	}
	if err := rec.authenticate(in.AuthenticationMode); err != nil {
		return nil, err
	}
	rec.setVersion()
	err = s.store.Update(func(tx *store.Tx) error {
		if _, ok, err := s.user(tx, sc, name); err != nil {
			return err
		} else if ok {
			return &types.UserAlreadyExistsFault{Message: aws.String(fmt.Sprintf("User %s already exists.", name))}
		}
		all, err := list[userRecord](tx, sc, spec.KindUser)
		if err != nil {
			return err
		}
		if len(all) >= spec.MaxUsers {
			return &types.UserQuotaExceededFault{Message: aws.String(fmt.Sprintf("The quota of %d users is exceeded.", spec.MaxUsers))}
		}
		if err := putTags(tx, sc, spec.KindUser, name, in.Tags); err != nil {
			return err
		}
		if err := s.event(tx, sc, types.SourceTypeUser, name, "Create user %s operation completed.", name); err != nil {
			return err
		}
		return put(tx, sc, spec.KindUser, name, rec)
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.CreateUserOutput{User: &rec.View}, nil
}

// DescribeUsers lists users, or the one that is named. The only filter is UserName (user-name is understood too).
func (s *Service) DescribeUsers(_ context.Context, who Caller, in *memorydb.DescribeUsersInput) (*memorydb.DescribeUsersOutput, error) {
	out := &memorydb.DescribeUsersOutput{Users: []types.User{}}
	sc := who.scope()
	err := s.store.View(func(tx *store.Tx) error {
		recs, err := s.allUsers(tx, sc)
		if err != nil {
			return err
		}
		if in.UserName != nil {
			i := slices.IndexFunc(recs, func(r userRecord) bool { return *r.View.Name == spec.Fold(*in.UserName) })
			if i < 0 {
				return notFound(spec.KindUser, *in.UserName)
			}
			recs = recs[i : i+1]
		}
		for _, f := range in.Filters {
			if n := aws.ToString(f.Name); n != "UserName" && n != "user-name" {
				return invalid("The filter %s is not known. Allowed: UserName.", n)
			}
			recs = slices.DeleteFunc(recs, func(r userRecord) bool {
				return !slices.ContainsFunc(f.Values, func(v string) bool { return spec.Fold(v) == *r.View.Name })
			})
		}
		some, next, err := page(recs, func(r userRecord) string { return *r.View.Name }, in.MaxResults, in.NextToken)
		if err != nil {
			return err
		}
		out.NextToken = next
		acls, err := s.allACLs(tx, sc)
		for _, r := range some {
			out.Users = append(out.Users, *r.show(acls))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// allUsers are all users, the built-in one among them, by name.
func (s *Service) allUsers(tx *store.Tx, sc scope) ([]userRecord, error) {
	recs, err := list[userRecord](tx, sc, spec.KindUser)
	if err != nil {
		return nil, err
	}
	builtin, _, err := s.user(tx, sc, spec.DefaultUser)
	if err != nil {
		return nil, err
	}
	recs = append(recs, builtin)
	slices.SortFunc(recs, func(a, b userRecord) int { return strings.Compare(*a.View.Name, *b.View.Name) })
	return recs, nil
}

// UpdateUser changes a user. It is modifying until every cluster that uses it has taken the change over; open connections feel it at once.
func (s *Service) UpdateUser(_ context.Context, who Caller, in *memorydb.UpdateUserInput) (*memorydb.UpdateUserOutput, error) {
	name, err := required("UserName", in.UserName)
	if err != nil {
		return nil, err
	}
	if in.AccessString == nil && in.AuthenticationMode == nil {
		return nil, combination("At least one of AccessString and AuthenticationMode must be provided.")
	}
	sc := who.scope()
	var view *types.User
	var notify []string
	err = s.store.Update(func(tx *store.Tx) error {
		rec, err := s.changeableUser(tx, sc, name)
		if err != nil {
			return err
		}
		if in.AccessString != nil {
			if err := s.access(&rec, *in.AccessString); err != nil {
				return err
			}
		}
		if in.AuthenticationMode != nil {
			if err := rec.authenticate(in.AuthenticationMode); err != nil {
				return err
			}
		}
		rec.setVersion()
		rec.View.Status = aws.String("modifying")
		if err := put(tx, sc, spec.KindUser, name, rec); err != nil {
			return err
		}
		if err := s.event(tx, sc, types.SourceTypeUser, *rec.View.Name, "Modify user %s operation started.", *rec.View.Name); err != nil {
			return err
		}
		acls, err := s.allACLs(tx, sc)
		if err != nil {
			return err
		}
		view = rec.show(acls)
		acls = slices.DeleteFunc(acls, func(a aclRecord) bool { return !a.knows(*rec.View.Name) })
		for _, a := range acls {
			if err := s.setVersion(tx, sc, &a); err != nil {
				return err
			}
			if err := put(tx, sc, spec.KindACL, *a.View.Name, a); err != nil {
				return err
			}
		}
		uses := func(c *clusterRecord) bool { return c.usesAny(acls) }
		touched, err := s.touchClusters(tx, sc, uses)
		if err != nil {
			return err
		}
		notify, rec.Waiting = names(touched), waitingFor(touched, uses)
		if len(rec.Waiting) == 0 {
			return s.settleUser(tx, sc, &rec)
		}
		return put(tx, sc, spec.KindUser, name, rec)
	})
	if err != nil {
		return nil, err
	}
	s.notify(sc, notify)
	return &memorydb.UpdateUserOutput{User: view}, nil
}

// changeableUser is a user that may be changed or deleted now.
func (s *Service) changeableUser(tx *store.Tx, sc scope, name string) (userRecord, error) {
	rec, ok, err := s.user(tx, sc, name)
	switch {
	case err != nil:
		return rec, err
	case !ok:
		return rec, notFound(spec.KindUser, name)
	case *rec.View.Name == spec.DefaultUser:
		return rec, invalid("The user default can't be modified or deleted.")
	case *rec.View.Status != spec.UserStatus.Target:
		return rec, &types.InvalidUserStateFault{Message: aws.String(fmt.Sprintf("User %s is in status %s.", name, *rec.View.Status))}
	}
	return rec, nil
}

// settleUser ends a user's change or removal: no cluster has to take it over any more.
func (s *Service) settleUser(tx *store.Tx, sc scope, rec *userRecord) error {
	name := *rec.View.Name
	if *rec.View.Status == spec.UserStatus.Deleting {
		if err := s.event(tx, sc, types.SourceTypeUser, name, "Delete user %s operation completed.", name); err != nil {
			return err
		}
		return drop(tx, sc, spec.KindUser, name)
	}
	rec.View.Status = aws.String(spec.UserStatus.Target)
	rec.Waiting = nil
	if err := s.event(tx, sc, types.SourceTypeUser, name, "Modify user %s operation completed.", name); err != nil {
		return err
	}
	return put(tx, sc, spec.KindUser, name, *rec)
}

// DeleteUser deletes a user: it leaves its ACLs and, through them, the clusters. It is deleting until every cluster has dropped it.
func (s *Service) DeleteUser(_ context.Context, who Caller, in *memorydb.DeleteUserInput) (*memorydb.DeleteUserOutput, error) {
	name, err := required("UserName", in.UserName)
	if err != nil {
		return nil, err
	}
	sc := who.scope()
	var view *types.User
	var notify []string
	err = s.store.Update(func(tx *store.Tx) error {
		rec, err := s.changeableUser(tx, sc, name)
		if err != nil {
			return err
		}
		user := *rec.View.Name
		rec.View.Status = aws.String(spec.UserStatus.Deleting)
		acls, err := list[aclRecord](tx, sc, spec.KindACL)
		if err != nil {
			return err
		}
		view = rec.show(acls)
		if err := s.event(tx, sc, types.SourceTypeUser, user, "Delete user %s operation started.", user); err != nil {
			return err
		}
		acls = slices.DeleteFunc(acls, func(a aclRecord) bool { return !a.knows(user) })
		uses := func(c *clusterRecord) bool { return c.usesAny(acls) }
		touched, err := s.touchClusters(tx, sc, uses)
		if err != nil {
			return err
		}
		for _, a := range acls {
			if err := s.leaveACL(tx, sc, &a, user, touched); err != nil {
				return err
			}
		}
		notify, rec.Waiting = names(touched), waitingFor(touched, uses)
		if len(rec.Waiting) == 0 {
			return s.settleUser(tx, sc, &rec)
		}
		return put(tx, sc, spec.KindUser, user, rec)
	})
	if err != nil {
		return nil, err
	}
	s.notify(sc, notify)
	return &memorydb.DeleteUserOutput{User: view}, nil
}

// leaveACL takes a user out of an ACL whose clusters have been touched. A user that the ACL is losing already stays as it is.
func (s *Service) leaveACL(tx *store.Tx, sc scope, a *aclRecord, user string, touched []clusterRecord) error {
	if !slices.Contains(a.Users, user) {
		return nil
	}
	a.Users = slices.DeleteFunc(a.Users, func(u string) bool { return u == user })
	if err := s.setVersion(tx, sc, a); err != nil {
		return err
	}
	var removed []string
	if slices.Contains(a.View.UserNames, user) {
		removed = []string{user}
	}
	if p := a.View.PendingChanges; p != nil {
		p.UserNamesToAdd = slices.DeleteFunc(p.UserNamesToAdd, func(u string) bool { return u == user })
	}
	return s.changeACL(tx, sc, a, nil, removed, waitingFor(touched, func(c *clusterRecord) bool { return c.uses(*a.View.Name) }))
}
