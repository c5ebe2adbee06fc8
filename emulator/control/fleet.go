package control

import (
	"context"
	"slices"
	"time"
)

// Fleet makes engine nodes match the clusters of the records. It is told that something changed, and asks the Service what is wanted
// (Wanted) and tells it what has become of it (ClusterReady, ClusterFailed, ClusterGone).
type Fleet interface {
	// Notify says that the wanted state of a cluster changed, or of something that it refers to (its ACL, a user, its parameter group). It never blocks.
	Notify(p Place)
	// Swept says that a snapshot is no more: its data may go unless something else needs them. It never blocks.
	Swept(d SnapshotData)
	// Primary is the node that leads a shard now, as far as the fleet knows; "" if none does. It never blocks.
	Primary(p Place, shard string) (node string)
}

// Place names a cluster that exists now.
type Place struct{ Account, Region, Cluster string }

// WantedCluster is all that a cluster's nodes have to know, resolved from the records in one transaction.
type WantedCluster struct {
	Account, Region, Name string
	Created               time.Time
	// ID is unique among all clusters ever created here; a cluster created again under an old name has a new one. It names the cluster's folders and logs.
	ID string
	// Generation grows with each change of the cluster's record or of what it refers to; ClusterReady repeats the one that it has realized.
	Generation uint64
	Status     string // the record's status: creating, available, updating, deleting …
	Shards     []WantedShard
	Port       int
	TLS        bool
	NodeType   string
	// MaxMemory is the data memory of a node, in bytes, from the node type.
	MaxMemory int64
	Engine    string // redis or valkey
	// EnginePatchVersion is what INFO reports as redis_version.
	EnginePatchVersion string
	// Users are the users of the cluster's ACL with canonical access strings; there is always one named "default" (off when the ACL has no such user).
	Users []WantedUser
	// Parameters are the effective values of the cluster's parameter group: name to value.
	Parameters map[string]string
	// WrappedKey is the cluster's data key for its log, as the emulator's keyring wrapped it when the cluster was created.
	WrappedKey []byte
	// Snapshot is the name of the snapshot that is to be taken; empty is none.
	Snapshot string
	// Restore is what the cluster is to begin with; nil once it has it.
	Restore *SnapshotData
}

// WantedShard is one shard of a wanted cluster.
type WantedShard struct {
	Name  string // "0001"
	Slots string // "0-8191", ranges separated by commas
	Nodes []WantedNode
	// Depose is the node that has to hand its lead over and is then to be started anew, since FailoverShard was called; "" if there is none.
	Depose string
}

// Has says whether a node of that name is wanted in the shard.
func (s WantedShard) Has(node string) bool {
	return slices.ContainsFunc(s.Nodes, func(n WantedNode) bool { return n.Name == node })
}

// WantedNode is one node of a wanted shard.
type WantedNode struct {
	Name string // "<cluster>-0001-001"
	// ID is the node's id in CLUSTER NODES: 40 lower-case hex digits, given once.
	ID   string
	Zone string // "us-east-1a"
	// Created is when the node was added.
	Created time.Time
	// Address and Port are where the node listens, once it has been given an address; kept over restarts.
	Address string
	Port    int
}

// WantedUser is one user of the cluster's ACL.
type WantedUser struct {
	Name         string
	AccessString string
	// PasswordHashes are lower-case hex SHA-256 sums of the passwords; none for no-password and IAM users.
	PasswordHashes []string
	NoPassword     bool
}

// NodeAddress is where a node listens, as ClusterReady reports it.
type NodeAddress struct {
	Address string
	Port    int
}

// Reconciler is what fleet needs of the Service, and all of it.
type Reconciler interface {
	// Wanted lists every cluster of every region that isn't gone, in the order of creation.
	Wanted(ctx context.Context) ([]WantedCluster, error)
	// WantedCluster is one of them; ok is false when it is gone.
	WantedCluster(ctx context.Context, p Place) (w WantedCluster, ok bool, err error)
	// Placed keeps the addresses of nodes, by node name, before the cluster is ready, so that they survive a restart.
	Placed(ctx context.Context, p Place, nodes map[string]NodeAddress) error
	// ClusterReady says that the nodes match the wanted state of that generation: creating and updating end in available, pending
	// updates, ACLs, users and parameter groups that wait for this cluster move on. endpoint is the address that clients bootstrap from.
	ClusterReady(ctx context.Context, p Place, generation uint64, endpoint NodeAddress) error
	// ClusterFailed says that a creating cluster can't be brought up; the record gets status create-failed and an event with the reason.
	ClusterFailed(ctx context.Context, p Place, generation uint64, reason string) error
	// SnapshotTaken says that the snapshot that was wanted is in the bucket and verified; SnapshotFailed that it could not be taken.
	SnapshotTaken(ctx context.Context, p Place, name string, shards []SnapshotShard) error
	SnapshotFailed(ctx context.Context, p Place, name, reason string) error
	// ClusterRestored says that a cluster has what it was to begin with.
	ClusterRestored(ctx context.Context, p Place) error
	// Pinned are the positions of the snapshots of the cluster with an id, by shard: their data stay.
	Pinned(ctx context.Context, account, region, clusterID string) (map[string][]uint64, error)
	// Event records what has happened to a cluster, in order, for DescribeEvents. Nothing is recorded for a cluster that is gone.
	Event(ctx context.Context, p Place, messages ...string) error
	// FailedOver says that the failover of a shard that was asked for is over: another node leads, and the node that led is a replica again.
	FailedOver(ctx context.Context, p Place, shard string) error
	// ClusterGone says that all nodes of a deleting cluster have stopped and its data is gone; the record goes.
	ClusterGone(ctx context.Context, p Place) error
}
