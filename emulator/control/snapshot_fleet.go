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

// What the fleet and the clock have to do with snapshots.

// pinned are the positions of a cluster's snapshots, by shard: those data must stay.
func (s *Service) pinned(tx *store.Tx, sc scope, clusterID string) (map[string][]uint64, error) {
	all, err := list[snapshotRecord](tx, sc, spec.KindSnapshot)
	if err != nil {
		return nil, err
	}
	out := map[string][]uint64{}
	for _, r := range all {
		if r.Data.Cluster != clusterID {
			continue
		}
		for _, sh := range r.Data.Shards {
			if sh.Pos != 0 {
				out[sh.Name] = append(out[sh.Name], sh.Pos)
			}
		}
	}
	return out, nil
}

// Pinned implements Reconciler.
func (s *Service) Pinned(_ context.Context, account, region, clusterID string) (pinned map[string][]uint64, err error) {
	err = s.store.View(func(tx *store.Tx) error {
		pinned, err = s.pinned(tx, scope{account, region}, clusterID)
		return err
	})
	return pinned, err
}

// SnapshotTaken implements Reconciler.
func (s *Service) SnapshotTaken(_ context.Context, p Place, name string, shards []SnapshotShard) error {
	err := s.changeFound(p, func(tx *store.Tx, sc scope, c *clusterRecord) (bool, error) {
		if c.Snapshot != name {
			return false, nil
		}
		r, ok, err := get[snapshotRecord](tx, sc, spec.KindSnapshot, name)
		if err != nil {
			return false, err
		}
		if ok {
			r.Data.Shards = shards
			r.View.Status = aws.String("available")
			if err := put(tx, sc, spec.KindSnapshot, name, r); err != nil {
				return false, err
			}
		}
		return true, s.endSnapshot(tx, sc, c, "Snapshot succeeded for snapshot with ID '%s'", name)
	})
	s.fleet.Notify(p) // it may have to be deleted now
	return err
}

// SnapshotFailed implements Reconciler.
func (s *Service) SnapshotFailed(_ context.Context, p Place, name, reason string) error {
	return s.changeFound(p, func(tx *store.Tx, sc scope, c *clusterRecord) (bool, error) {
		if c.Snapshot != name {
			return false, nil
		}
		r, ok, err := get[snapshotRecord](tx, sc, spec.KindSnapshot, name)
		if err != nil {
			return false, err
		}
		if ok {
			r.View.Status = aws.String("failed")
			if err := put(tx, sc, spec.KindSnapshot, name, r); err != nil {
				return false, err
			}
		}
		c.Final = false // nothing is deleted whose final snapshot does not exist
		return true, s.endSnapshot(tx, sc, c, "Snapshot failed for snapshot with ID '%s': %s", name, reason)
	})
}

// endSnapshot lets the cluster go on after a snapshot: with its deletion, if that was the final one.
func (s *Service) endSnapshot(tx *store.Tx, sc scope, c *clusterRecord, format string, args ...any) error {
	c.Snapshot = ""
	c.Generation++
	c.View.Status = aws.String("available")
	if c.Final {
		c.View.Status = aws.String("deleting")
	}
	c.Ready = max(c.Ready, c.Generation) // its nodes have nothing to take over
	return s.event(tx, sc, types.SourceTypeCluster, *c.View.Name, format, args...)
}

// Tick does what is due by the clock: automatic snapshots in their clusters' windows, and the end of those that are too old. It is called about once a minute.
func (s *Service) Tick(ctx context.Context) error {
	wanted, err := s.Wanted(ctx)
	if err != nil {
		return err
	}
	for _, w := range wanted {
		if err := s.automatic(Place{w.Account, w.Region, w.Name}); err != nil {
			return fmt.Errorf("automatic snapshot of cluster %s: %w", w.Name, err)
		}
	}
	return s.expireSnapshots()
}

// automatic begins the automatic snapshot of a cluster if its window is open and there is none of today's window yet.
func (s *Service) automatic(p Place) error {
	begun := false
	err := s.store.Update(func(tx *store.Tx) error {
		sc := scope{p.Account, p.Region}
		c, ok, err := get[clusterRecord](tx, sc, spec.KindCluster, p.Cluster)
		if err != nil || !ok || !c.is("available") || aws.ToInt32(c.View.SnapshotRetentionLimit) == 0 {
			return err
		}
		now := s.cfg.Now().UTC()
		opened, open := spec.SnapshotWindowAt(*c.View.SnapshotWindow, now)
		if !open || !c.Automatic.Before(opened) {
			return nil
		}
		c.Automatic = now
		begun = true
		name := fmt.Sprintf("automatic.%s-%s", *c.View.Name, now.Format("2006-01-02-15-04"))
		return s.beginSnapshot(tx, sc, &c, s.newSnapshot(sc, &c, name, sourceAutomated), nil)
	})
	if err == nil && begun {
		s.fleet.Notify(p)
	}
	return err
}

// expireSnapshots deletes automatic snapshots that are older than their retention.
func (s *Service) expireSnapshots() error {
	var gone []SnapshotData
	err := s.store.Update(func(tx *store.Tx) error {
		all, err := store.NewTable[snapshotRecord](string(spec.KindSnapshot)).All(tx)
		if err != nil {
			return err
		}
		for _, r := range all {
			if r.Days == 0 || !r.is("available") || s.cfg.Now().Sub(r.Created) <= time.Duration(r.Days)*24*time.Hour {
				continue
			}
			arn, err := spec.ParseARN(*r.View.ARN)
			if err != nil {
				return err
			}
			if err := s.dropSnapshot(tx, scope{arn.Account, arn.Region}, &r); err != nil {
				return err
			}
			gone = append(gone, r.Data)
		}
		return nil
	})
	for _, d := range gone {
		s.fleet.Swept(d)
	}
	return err
}

// fromSnapshot is the snapshot that a new cluster is to begin with; what the request leaves open is filled in from there, but for the ACL. Nil if there is none.
func (s *Service) fromSnapshot(sc scope, in *memorydb.CreateClusterInput) (*snapshotRecord, error) {
	name := aws.ToString(in.SnapshotName)
	if name == "" {
		return nil, nil //nolint:nilnil // most clusters begin empty
	}
	if len(in.SnapshotArns) > 0 {
		return nil, combination("SnapshotName and SnapshotArns can't be given together.")
	}
	var r snapshotRecord
	err := s.store.View(func(tx *store.Tx) error {
		var ok bool
		var err error
		r, ok, err = get[snapshotRecord](tx, sc, spec.KindSnapshot, name)
		switch {
		case err != nil:
			return err
		case !ok:
			return notFound(spec.KindSnapshot, name)
		case !r.is("available"):
			return &types.InvalidSnapshotStateFault{Message: aws.String(fmt.Sprintf("Snapshot %s has status %s which is not valid for restoring.", name, *r.View.Status))}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	from := r.View.ClusterConfiguration
	for _, f := range []struct {
		to **string
		of *string
	}{
		{&in.Description, from.Description}, {&in.Engine, from.Engine}, {&in.EngineVersion, from.EngineVersion}, {&in.MaintenanceWindow, from.MaintenanceWindow}, {&in.NodeType, from.NodeType},
		{&in.ParameterGroupName, from.ParameterGroupName}, {&in.SnapshotWindow, from.SnapshotWindow}, {&in.SubnetGroupName, from.SubnetGroupName}, {&in.SnsTopicArn, from.TopicArn}, {&in.KmsKeyId, r.View.KmsKeyId},
	} {
		if *f.to == nil && aws.ToString(f.of) != "" {
			*f.to = f.of
		}
	}
	if in.NumShards == nil {
		in.NumShards = from.NumShards
	}
	if in.NumReplicasPerShard == nil {
		in.NumReplicasPerShard = aws.Int32(int32(r.Replicas))
	}
	if in.Port == nil {
		in.Port = from.Port
	}
	if in.SnapshotRetentionLimit == nil {
		in.SnapshotRetentionLimit = from.SnapshotRetentionLimit
	}
	if in.TLSEnabled == nil {
		in.TLSEnabled = aws.Bool(r.TLS)
	}
	return &r, nil
}

// restoring says whether a cluster is being restored from a snapshot: then the snapshot stays.
func (s *Service) restoring(tx *store.Tx, sc scope, name string) (bool, error) {
	all, err := list[clusterRecord](tx, sc, spec.KindCluster)
	return slices.ContainsFunc(all, func(c clusterRecord) bool {
		return c.Restore != nil && c.RestoreName == spec.Fold(name) && c.is("creating")
	}), err
}

// dropAutomatic deletes the automatic snapshots of a cluster that goes, and says where its data are.
func (s *Service) dropAutomatic(tx *store.Tx, sc scope, c *clusterRecord) (SnapshotData, error) {
	data := s.newSnapshot(sc, c, "", sourceManual).Data
	all, err := list[snapshotRecord](tx, sc, spec.KindSnapshot)
	if err != nil {
		return data, err
	}
	for _, r := range all {
		if r.Data.Cluster == c.ID && *r.View.Source == sourceAutomated {
			if err := s.dropSnapshot(tx, sc, &r); err != nil {
				return data, err
			}
		}
	}
	return data, nil
}

// ClusterRestored implements Reconciler.
func (s *Service) ClusterRestored(_ context.Context, p Place) error {
	return s.changeFound(p, func(tx *store.Tx, sc scope, c *clusterRecord) (bool, error) {
		if c.Restore == nil {
			return false, nil
		}
		c.Restore, c.RestoreName = nil, ""
		return true, s.event(tx, sc, types.SourceTypeCluster, *c.View.Name, "Cluster %s was restored from its snapshot", *c.View.Name)
	})
}
