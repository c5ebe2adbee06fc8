// Package control is the control plane of the service: the records of clusters, ACLs, users, parameter groups and subnet groups, and the operations on them.
//
// operations.go is the table of operations; one file a resource holds them. An exported operation owns its transaction; helpers take the transaction. Everything that must
// survive a crash is in the records, also what is half done: a cluster's record says what is wanted, and the fleet (Fleet, Reconciler) makes it so and reports.
// Faults are the SDK's own types, with AWS's words. The package has no goroutines.
package control

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
	"github.com/openmemorydb/memorydb/emulator/store"
)

// Config is what a Service needs. Store, Keyring, CheckRules and Now are required; Fleet is set by SetFleet.
type Config struct {
	Store   *store.Store
	Keyring *Keyring
	// CheckRules says whether the engine understands an access string: command and category names.
	CheckRules func(accessString string) error
	// FailoverQuota is how many shards an account may fail over by FailoverShard within 24 hours, in a region; 0 is as many as it likes. The service's is 5.
	FailoverQuota int
	Now           func() time.Time
	Logger        *slog.Logger
}

// Service is the control plane. Its methods may be called from any goroutine.
type Service struct {
	cfg   Config
	store *store.Store
	fleet Fleet
}

// New makes a service. SetFleet must follow before the first operation that changes a cluster.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg, store: cfg.Store}
}

// SetFleet tells the service who runs the clusters' nodes. It is called once, before the first operation.
func (s *Service) SetFleet(f Fleet) { s.fleet = f }

// Caller is who asks for an operation, and where: records belong to an account in a region.
type Caller struct {
	AccessKey, Account, Region string
}

// scope is the place of an account's records in a region.
type scope struct{ account, region string }

func (c Caller) scope() scope { return scope{c.Account, c.Region} }

func (sc scope) arn(kind spec.Kind, name string) string {
	return spec.ARN{Region: sc.region, Account: sc.account, Kind: kind, Name: name}.String()
}

// zones are the availability zones of the region.
func (sc scope) zones() []string {
	return []string{sc.region + "a", sc.region + "b", sc.region + "c"}
}

// vpc is the account's default VPC in the region.
func (sc scope) vpc() string {
	h := fnv.New64a()
	h.Write([]byte(sc.account + sc.region))
	return fmt.Sprintf("vpc-0%016x", h.Sum64())
}

// Records are in tables by kind, with account, region and name as keys.

// get reads a record of a kind; ok is false if there is none.
func get[T any](tx *store.Tx, sc scope, kind spec.Kind, name string) (rec T, ok bool, err error) {
	return store.NewTable[T](string(kind)).Get(tx, sc.account, sc.region, spec.Fold(name))
}

// put writes a record of a kind.
func put[T any](tx *store.Tx, sc scope, kind spec.Kind, name string, rec T) error {
	return store.NewTable[T](string(kind)).Put(tx, rec, sc.account, sc.region, spec.Fold(name))
}

// drop removes a record of a kind with its tags.
func drop(tx *store.Tx, sc scope, kind spec.Kind, name string) error {
	if err := tagTable.Delete(tx, sc.account, sc.region, string(kind), spec.Fold(name)); err != nil {
		return err
	}
	return store.NewTable[any](string(kind)).Delete(tx, sc.account, sc.region, spec.Fold(name))
}

// list are all records of a kind, by name.
func list[T any](tx *store.Tx, sc scope, kind spec.Kind) ([]T, error) {
	return store.NewTable[T](string(kind)).All(tx, sc.account, sc.region)
}

// randomHex are n random bytes as hexadecimal digits.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return hex.EncodeToString(b)
}

// invalid is the fault for a value that is not allowed.
func invalid(format string, args ...any) error {
	return &types.InvalidParameterValueException{Message: aws.String(fmt.Sprintf(format, args...))}
}

// invalidErr is invalid with the words of a rule of spec.
func invalidErr(err error) error { return invalid("%s", err.Error()) }

// combination is the fault for values that do not go together.
func combination(format string, args ...any) error {
	return &types.InvalidParameterCombinationException{Message: aws.String(fmt.Sprintf(format, args...))}
}

// required is a mandatory member's value, or the fault that it is missing.
func required(member string, v *string) (string, error) {
	if v == nil || *v == "" {
		return "", invalid("The parameter %s must be provided and must not be blank.", member)
	}
	return *v, nil
}

// str is a pointer to s, nil for the empty one: unset members are absent on the wire.
func str(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
