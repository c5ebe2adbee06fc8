// Package spec is what the service allows, as data: names, limits, defaults, node types, engine versions, parameters, statuses, ARNs. The emulator refuses by it,
// the Terraform provider plans by it, documentation is written from it. It imports nothing of ours and knows no AWS SDK.
//
// Sources: the API reference and developer guide of Amazon MemoryDB, and answers recorded from the service. What the service does not document is chosen as its users would
// expect and listed in docs/api.md.
package spec

import (
	"fmt"
	"regexp"
	"strings"
)

// Refusal says why a value is not allowed, as the service says it to its user.
type Refusal string

// Error is the message.
func (r Refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }

// Name is the rule for the names of one kind of resource.
type Name struct {
	// What is the kind as error messages say it: "cluster name".
	What string
	// Max is the greatest number of characters.
	Max int
	// Dots says that dots are allowed.
	Dots bool
}

// The names of resources. Source: developer guide, "Creating a cluster", "ACLs"; limits of groups and snapshots as hashicorp/aws has them.
var (
	ClusterName        = Name{What: "cluster name", Max: 40}
	ACLName            = Name{What: "ACL name", Max: 40}
	UserName           = Name{What: "user name", Max: 40}
	ParameterGroupName = Name{What: "parameter group name", Max: 255}
	SubnetGroupName    = Name{What: "subnet group name", Max: 255}
	SnapshotName       = Name{What: "snapshot name", Max: 255}
)

var nameChars = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)
var dottedNameChars = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.-]*$`)

// Check is nil if name follows the rule.
func (n Name) Check(name string) error {
	chars := nameChars
	if n.Dots {
		chars = dottedNameChars
	}
	switch {
	case name == "":
		return refuse("The %s must not be empty.", n.What)
	case len(name) > n.Max:
		return refuse("The %s must have at most %d characters.", n.What, n.Max)
	case !chars.MatchString(name), strings.Contains(name, "--"), strings.HasSuffix(name, "-"):
		return refuse("The parameter %s is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.", name)
	}
	return nil
}

// Fold is the form in which the service keeps a name: lower case.
func Fold(name string) string { return strings.ToLower(name) }

// Kind is the resource part of an ARN.
type Kind string

// The kinds of resources that have ARNs.
const (
	KindCluster        Kind = "cluster"
	KindACL            Kind = "acl"
	KindUser           Kind = "user"
	KindParameterGroup Kind = "parametergroup"
	KindSubnetGroup    Kind = "subnetgroup"
	KindSnapshot       Kind = "snapshot"
	KindReservedNode   Kind = "reservednode"
)

var kinds = []Kind{KindCluster, KindACL, KindUser, KindParameterGroup, KindSubnetGroup, KindSnapshot, KindReservedNode}

// ARN is the name of a resource among all accounts and regions.
type ARN struct {
	Region, Account string
	Kind            Kind
	Name            string
}

// String is the ARN as AWS writes it.
func (a ARN) String() string {
	return fmt.Sprintf("arn:aws:memorydb:%s:%s:%s/%s", a.Region, a.Account, a.Kind, a.Name)
}

// ParseARN reads an ARN of this service.
func ParseARN(text string) (ARN, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || parts[2] != "memorydb" {
		return ARN{}, refuse("%s is not the ARN of a MemoryDB resource.", text)
	}
	kind, name, ok := strings.Cut(parts[5], "/")
	a := ARN{Region: parts[3], Account: parts[4], Kind: Kind(kind), Name: name}
	if !ok || name == "" {
		return ARN{}, refuse("%s is not the ARN of a MemoryDB resource.", text)
	}
	for _, k := range kinds {
		if k == a.Kind {
			return a, nil
		}
	}
	return ARN{}, refuse("%s names an unknown kind of resource, %s.", text, kind)
}

// Lifecycle are the statuses of a kind of resource as a client waits for them.
type Lifecycle struct {
	// Target is the status of a resource that is ready; Pending those on the way to it; Deleting the one on the way out; Failed those that it won't leave by itself.
	Target   string
	Pending  []string
	Deleting string
	Failed   []string
}

// The lifecycles. ACLs and users are active, never available.
var (
	ClusterStatus = Lifecycle{Target: "available", Pending: []string{"creating", "updating", "snapshotting", "modifying"}, Deleting: "deleting", Failed: []string{"create-failed", "restore-failed"}}
	ACLStatus     = Lifecycle{Target: "active", Pending: []string{"creating", "modifying"}, Deleting: "deleting"}
	UserStatus    = Lifecycle{Target: "active", Pending: []string{"modifying"}, Deleting: "deleting"}
)

// Statuses of a cluster's parameter group.
const (
	ParametersInSync   = "in-sync"
	ParametersApplying = "applying"
)

// Built-in resources of every region, which can't be changed or deleted.
const (
	OpenAccessACL      = "open-access"
	DefaultUser        = "default"
	DefaultSubnetGroup = "default"
	DefaultPrefix      = "default."
)

// MinimumEngineVersion of users by how they authenticate, and of ACLs.
const (
	MinVersionDefaultUser = "6.0"
	MinVersionPassword    = "6.2"
	MinVersionIAM         = "7.0"
	MinVersionACL         = "6.2"
)
