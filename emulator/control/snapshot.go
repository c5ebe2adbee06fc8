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

// snapshotRecord is a snapshot of a cluster: the API's view of it, and where its data are.
type snapshotRecord struct {
	View    types.Snapshot
	Created time.Time
	Data    SnapshotData
	// Automatic snapshots go after so many days; 0 is never.
	Days int32
	// Options of the cluster that a restored one takes over, beside the view's.
	Replicas int
	TLS      bool
}

// SnapshotData says where a snapshot's data are.
type SnapshotData struct {
	Account, Region string
	// Cluster is the id of the cluster that it was taken of, WrappedKey the key of its data as the emulator's keyring wrapped it.
	Cluster    string
	WrappedKey []byte
	Shards     []SnapshotShard
}

// SnapshotShard is one shard's part of a snapshot.
type SnapshotShard struct {
	Name, Slots string
	// Pos is the position in the shard's log at which it was taken, Bytes the size of the file.
	Pos   uint64
	Bytes int64
	Taken time.Time
}

// sources are the words for a snapshot's origin: what the API shows and what its filter takes.
const (
	sourceManual    = "manual"
	sourceAutomated = "automated"
)

var filterSources = map[string]string{"user": sourceManual, "system": sourceAutomated}

func (r *snapshotRecord) is(status string) bool { return aws.ToString(r.View.Status) == status }

// show is the snapshot as the API shows it; its shards are details.
func (r *snapshotRecord) show(details bool) types.Snapshot {
	v := r.View
	cfg := *v.ClusterConfiguration
	v.ClusterConfiguration = &cfg
	cfg.Shards = nil
	if details {
		for _, sh := range r.Data.Shards {
			d := types.ShardDetail{Name: aws.String(sh.Name), Configuration: &types.ShardConfiguration{Slots: aws.String(sh.Slots), ReplicaCount: aws.Int32(int32(r.Replicas))}}
			if r.is("available") {
				d.Size, d.SnapshotCreationTime = aws.String(fmt.Sprintf("%d MB", (sh.Bytes+1<<20-1)>>20)), aws.Time(sh.Taken)
			}
			cfg.Shards = append(cfg.Shards, d)
		}
	}
	return v
}

// newSnapshot is the record of a snapshot that is going to be taken of a cluster.
func (s *Service) newSnapshot(sc scope, c *clusterRecord, name, source string) snapshotRecord {
	v := &c.View
	r := snapshotRecord{
		Created: s.cfg.Now().UTC(), Data: SnapshotData{Account: sc.account, Region: sc.region, Cluster: c.ID, WrappedKey: c.WrappedKey}, Replicas: c.Replicas, TLS: *v.TLSEnabled,
		View: types.Snapshot{
			Name: aws.String(name), ARN: aws.String(sc.arn(spec.KindSnapshot, name)), Status: aws.String("creating"), Source: aws.String(source), KmsKeyId: v.KmsKeyId, DataTiering: v.DataTiering,
			ClusterConfiguration: &types.ClusterConfiguration{
				Name: v.Name, Description: v.Description, NodeType: v.NodeType, Engine: v.Engine, EngineVersion: v.EngineVersion, MaintenanceWindow: v.MaintenanceWindow, TopicArn: v.SnsTopicArn,
				Port: aws.Int32(int32(c.Port)), ParameterGroupName: v.ParameterGroupName, SubnetGroupName: v.SubnetGroupName, VpcId: aws.String(sc.vpc()),
				SnapshotRetentionLimit: v.SnapshotRetentionLimit, SnapshotWindow: v.SnapshotWindow, NumShards: v.NumberOfShards,
			},
		},
	}
	if source == sourceAutomated {
		r.Days = aws.ToInt32(v.SnapshotRetentionLimit)
	}
	for i := range int(*v.NumberOfShards) {
		r.Data.Shards = append(r.Data.Shards, SnapshotShard{Name: shardName(i), Slots: slots(i, int(*v.NumberOfShards))})
	}
	return r
}

// begin records a snapshot that is to be taken, with the tags of the request or else the cluster's, and makes the cluster wait for it.
func (s *Service) beginSnapshot(tx *store.Tx, sc scope, c *clusterRecord, r snapshotRecord, tags []types.Tag) error {
	name := *r.View.Name
	if _, ok, err := get[snapshotRecord](tx, sc, spec.KindSnapshot, name); err != nil || ok {
		if ok {
			err = &types.SnapshotAlreadyExistsFault{Message: aws.String(fmt.Sprintf("Snapshot %s already exists.", name))}
		}
		return err
	}
	if len(tags) == 0 {
		var err error
		if tags, err = tagsOf(tx, sc, spec.ARN{Kind: spec.KindCluster, Name: *c.View.Name}); err != nil {
			return err
		}
	}
	if err := putTags(tx, sc, spec.KindSnapshot, name, tags); err != nil {
		return err
	}
	if err := s.event(tx, sc, types.SourceTypeCluster, *c.View.Name, "Snapshot started for snapshot with ID '%s'", name); err != nil {
		return err
	}
	c.Snapshot = name
	c.View.Status = aws.String("snapshotting")
	c.Generation++
	if err := put(tx, sc, spec.KindCluster, *c.View.Name, *c); err != nil {
		return err
	}
	return put(tx, sc, spec.KindSnapshot, name, r)
}

// CreateSnapshot takes a snapshot of a whole cluster.
func (s *Service) CreateSnapshot(_ context.Context, who Caller, in *memorydb.CreateSnapshotInput) (*memorydb.CreateSnapshotOutput, error) {
	cluster, err := required("ClusterName", in.ClusterName)
	if err != nil {
		return nil, err
	}
	name, err := required("SnapshotName", in.SnapshotName)
	if err != nil {
		return nil, err
	}
	if err := spec.SnapshotName.Check(name); err != nil {
		return nil, invalidErr(err)
	}
	sc := who.scope()
	var shown types.Snapshot
	err = s.store.Update(func(tx *store.Tx) error {
		c, err := s.snapshotable(tx, sc, cluster)
		if err != nil {
			return err
		}
		if err := s.snapshotQuota(tx, sc, &c); err != nil {
			return err
		}
		r := s.newSnapshot(sc, &c, spec.Fold(name), sourceManual)
		if in.KmsKeyId != nil {
			r.View.KmsKeyId = in.KmsKeyId
		}
		shown = r.show(false)
		return s.beginSnapshot(tx, sc, &c, r, in.Tags)
	})
	if err != nil {
		return nil, err
	}
	s.notify(sc, []string{spec.Fold(cluster)})
	return &memorydb.CreateSnapshotOutput{Snapshot: &shown}, nil
}

// snapshotable is a cluster of which a snapshot can be taken now.
func (s *Service) snapshotable(tx *store.Tx, sc scope, name string) (clusterRecord, error) {
	c, ok, err := get[clusterRecord](tx, sc, spec.KindCluster, name)
	switch {
	case err != nil:
		return c, err
	case !ok:
		return c, notFound(spec.KindCluster, name)
	case !c.is("available"):
		return c, invalidState(&c, "creating a snapshot")
	}
	return c, nil
}

// snapshotQuota is nil if one more snapshot may be taken by hand of a cluster today.
func (s *Service) snapshotQuota(tx *store.Tx, sc scope, c *clusterRecord) error {
	all, err := list[snapshotRecord](tx, sc, spec.KindSnapshot)
	if err != nil {
		return err
	}
	today := 0
	for _, r := range all {
		if r.Data.Cluster == c.ID && *r.View.Source == sourceManual && s.cfg.Now().Sub(r.Created) < 24*time.Hour {
			today++
		}
	}
	if today >= spec.MaxManualSnapshots {
		return &types.SnapshotQuotaExceededFault{Message: aws.String(fmt.Sprintf("The quota of %d manual snapshots of a cluster in 24 hours is exceeded.", spec.MaxManualSnapshots))}
	}
	return nil
}

// DescribeSnapshots lists snapshots, by name, cluster or origin.
func (s *Service) DescribeSnapshots(_ context.Context, who Caller, in *memorydb.DescribeSnapshotsInput) (*memorydb.DescribeSnapshotsOutput, error) {
	source := aws.ToString(in.Source)
	if source != "" && filterSources[source] == "" {
		return nil, invalid("The source %s is not valid. Allowed: system, user.", source)
	}
	details := aws.ToBool(in.ShowDetail)
	out := &memorydb.DescribeSnapshotsOutput{Snapshots: []types.Snapshot{}}
	err := s.store.View(func(tx *store.Tx) error {
		if in.SnapshotName != nil {
			r, ok, err := get[snapshotRecord](tx, who.scope(), spec.KindSnapshot, *in.SnapshotName)
			if err == nil && !ok {
				err = notFound(spec.KindSnapshot, *in.SnapshotName)
			}
			if err != nil {
				return err
			}
			out.Snapshots = append(out.Snapshots, r.show(details))
			return nil
		}
		all, err := list[snapshotRecord](tx, who.scope(), spec.KindSnapshot)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(r snapshotRecord) bool {
			return source != "" && *r.View.Source != filterSources[source] || in.ClusterName != nil && *r.View.ClusterConfiguration.Name != spec.Fold(*in.ClusterName)
		})
		some, next, err := page(all, func(r snapshotRecord) string { return *r.View.Name }, in.MaxResults, in.NextToken)
		for _, r := range some {
			out.Snapshots = append(out.Snapshots, r.show(details))
		}
		out.NextToken = next
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteSnapshot deletes a snapshot; its data go when nothing else needs them.
func (s *Service) DeleteSnapshot(_ context.Context, who Caller, in *memorydb.DeleteSnapshotInput) (*memorydb.DeleteSnapshotOutput, error) {
	name, err := required("SnapshotName", in.SnapshotName)
	if err != nil {
		return nil, err
	}
	sc := who.scope()
	var r snapshotRecord
	err = s.store.Update(func(tx *store.Tx) error {
		var ok bool
		if r, ok, err = get[snapshotRecord](tx, sc, spec.KindSnapshot, name); err != nil {
			return err
		}
		if !ok {
			return notFound(spec.KindSnapshot, name)
		}
		if !r.is("available") && !r.is("failed") {
			return &types.InvalidSnapshotStateFault{Message: aws.String(fmt.Sprintf("Snapshot %s has status %s which is not valid for deletion.", name, *r.View.Status))}
		}
		busy, err := s.restoring(tx, sc, name)
		if err != nil {
			return err
		}
		if busy {
			return &types.InvalidSnapshotStateFault{Message: aws.String(fmt.Sprintf("Snapshot %s has status restoring which is not valid for deletion.", name))}
		}
		r.View.Status = aws.String("deleting")
		return s.dropSnapshot(tx, sc, &r)
	})
	if err != nil {
		return nil, err
	}
	s.fleet.Swept(r.Data)
	shown := r.show(false)
	return &memorydb.DeleteSnapshotOutput{Snapshot: &shown}, nil
}

// dropSnapshot removes a record with its tags, and says so.
func (s *Service) dropSnapshot(tx *store.Tx, sc scope, r *snapshotRecord) error {
	if err := s.event(tx, sc, types.SourceTypeCluster, *r.View.ClusterConfiguration.Name, "Snapshot with ID '%s' was deleted", *r.View.Name); err != nil {
		return err
	}
	return drop(tx, sc, spec.KindSnapshot, *r.View.Name)
}

// CopySnapshot makes another snapshot of the same data.
func (s *Service) CopySnapshot(_ context.Context, who Caller, in *memorydb.CopySnapshotInput) (*memorydb.CopySnapshotOutput, error) {
	source, err := required("SourceSnapshotName", in.SourceSnapshotName)
	if err != nil {
		return nil, err
	}
	target, err := required("TargetSnapshotName", in.TargetSnapshotName)
	if err != nil {
		return nil, err
	}
	if err := spec.SnapshotName.Check(target); err != nil {
		return nil, invalidErr(err)
	}
	if aws.ToString(in.TargetBucket) != "" {
		return nil, combination("TargetBucket can't be given: this version does not export snapshots.")
	}
	sc := who.scope()
	target = spec.Fold(target)
	var shown types.Snapshot
	err = s.store.Update(func(tx *store.Tx) error {
		r, ok, err := get[snapshotRecord](tx, sc, spec.KindSnapshot, source)
		switch {
		case err != nil:
			return err
		case !ok:
			return notFound(spec.KindSnapshot, source)
		case !r.is("available"):
			return &types.InvalidSnapshotStateFault{Message: aws.String(fmt.Sprintf("Snapshot %s has status %s which is not valid for copying.", source, *r.View.Status))}
		}
		if _, ok, err := get[snapshotRecord](tx, sc, spec.KindSnapshot, target); err != nil || ok {
			if ok {
				err = &types.SnapshotAlreadyExistsFault{Message: aws.String(fmt.Sprintf("Snapshot %s already exists.", target))}
			}
			return err
		}
		tags := in.Tags
		if len(tags) == 0 {
			if tags, err = tagsOf(tx, sc, spec.ARN{Kind: spec.KindSnapshot, Name: source}); err != nil {
				return err
			}
		}
		if err := putTags(tx, sc, spec.KindSnapshot, target, tags); err != nil {
			return err
		}
		r.Created, r.Days = s.cfg.Now().UTC(), 0
		r.View.Name, r.View.ARN, r.View.Source = aws.String(target), aws.String(sc.arn(spec.KindSnapshot, target)), aws.String(sourceManual)
		if in.KmsKeyId != nil {
			r.View.KmsKeyId = in.KmsKeyId
		}
		shown = r.show(false)
		return put(tx, sc, spec.KindSnapshot, target, r)
	})
	if err != nil {
		return nil, err
	}
	return &memorydb.CopySnapshotOutput{Snapshot: &shown}, nil
}
