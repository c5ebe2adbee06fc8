package control

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// newCluster is the record of a create request, checked as far as the request itself tells.
func (s *Service) newCluster(sc scope, in *memorydb.CreateClusterInput) (*clusterRecord, error) {
	name, err := required("ClusterName", in.ClusterName)
	if err != nil {
		return nil, err
	}
	if err := spec.ClusterName.Check(name); err != nil {
		return nil, invalidErr(err)
	}
	nodeType, err := required("NodeType", in.NodeType)
	if err != nil {
		return nil, err
	}
	acl, err := required("ACLName", in.ACLName)
	if err != nil {
		return nil, err
	}
	name = spec.Fold(name)
	now := s.cfg.Now().UTC()
	c := &clusterRecord{
		ID: randomHex(6), Created: now, Generation: 1, ACL: spec.Fold(acl),
		View: types.Cluster{
			Name: aws.String(name), ARN: aws.String(sc.arn(spec.KindCluster, name)), Status: aws.String("creating"), ACLName: aws.String(spec.Fold(acl)),
			Description: str(aws.ToString(in.Description)), KmsKeyId: str(aws.ToString(in.KmsKeyId)),
			NetworkType: types.NetworkTypeIpv4, IpDiscovery: types.IpDiscoveryIpv4, AutoMinorVersionUpgrade: aws.Bool(true), TLSEnabled: aws.Bool(true),
			ParameterGroupStatus: aws.String(spec.ParametersInSync), SnapshotRetentionLimit: aws.Int32(0), DataTiering: types.DataTieringStatusFalse,
		},
	}
	for _, set := range []func() error{
		func() error { return c.setNodeType(nodeType, aws.ToBool(in.DataTiering)) },
		func() error { return c.setEngine(in.Engine, in.EngineVersion) },
		func() error { return c.setShape(in) },
		func() error { return c.setNetwork(in) },
		func() error { return c.setWindows(in.MaintenanceWindow, in.SnapshotWindow, in.SnapshotRetentionLimit) },
		func() error { return c.setTopic(in.SnsTopicArn) },
		func() error { return notOffered(in) },
	} {
		if err := set(); err != nil {
			return nil, err
		}
	}
	if in.AutoMinorVersionUpgrade != nil {
		c.View.AutoMinorVersionUpgrade = in.AutoMinorVersionUpgrade
	}
	if in.TLSEnabled != nil {
		c.View.TLSEnabled = in.TLSEnabled
	}
	if !*c.View.TLSEnabled && c.ACL != spec.OpenAccessACL {
		return nil, combination("Only the ACL %s can be used with a cluster without TLS.", spec.OpenAccessACL)
	}
	c.ParameterGroup = spec.Fold(aws.ToString(in.ParameterGroupName))
	if c.ParameterGroup == "" {
		v, _ := spec.FindEngine(*c.View.Engine, *c.View.EngineVersion)
		c.ParameterGroup = spec.DefaultParameterGroup(v.Family)
	}
	c.View.ParameterGroupName = aws.String(c.ParameterGroup)
	return c, nil
}

// notOffered refuses what this version does not have, rather than ignoring it.
func notOffered(in *memorydb.CreateClusterInput) error {
	switch {
	case len(in.SnapshotArns) > 0:
		return combination("SnapshotArns can't be given: this version restores snapshots by name only.")
	case aws.ToString(in.MultiRegionClusterName) != "":
		return &types.MultiRegionClusterNotFoundFault{Message: aws.String(fmt.Sprintf("Multi-Region cluster %s not found.", *in.MultiRegionClusterName))}
	}
	return nil
}

func (c *clusterRecord) setNodeType(name string, tiering bool) error {
	t, ok := spec.FindNodeType(name)
	switch {
	case !ok:
		return invalid("The node type %s is not valid. Allowed: %s.", name, strings.Join(spec.NodeTypeNames(), ", "))
	case t.Tiering && !tiering:
		return combination("DataTiering must be enabled for node type %s.", name)
	case !t.Tiering && tiering:
		return combination("DataTiering can't be enabled for node type %s.", name)
	}
	c.View.NodeType = aws.String(name)
	if tiering {
		c.View.DataTiering = types.DataTieringStatusTrue
	}
	return nil
}

func (c *clusterRecord) setEngine(engine, version *string) error {
	name := spec.Fold(aws.ToString(engine))
	if name != "" && !slices.Contains(spec.Engines, name) {
		return invalid("The engine %s is not valid. Allowed: %s.", name, strings.Join(spec.Engines, ", "))
	}
	v, ok := spec.FindEngine(name, aws.ToString(version))
	if !ok {
		if name == "" {
			name = spec.DefaultEngine
		}
		return invalid("Cannot find version %s for engine %s. Allowed: %s.", aws.ToString(version), name, strings.Join(spec.VersionsOf(name), ", "))
	}
	c.View.Engine, c.View.EngineVersion, c.View.EnginePatchVersion = aws.String(v.Engine), aws.String(v.Version), aws.String(v.Patch)
	return nil
}

// setShape sets the numbers of shards and replicas.
func (c *clusterRecord) setShape(in *memorydb.CreateClusterInput) error {
	shards := spec.DefaultShards
	if in.NumShards != nil {
		shards = int(*in.NumShards)
	}
	if shards < 1 {
		return invalid("NumShards must be at least 1.")
	}
	if shards > spec.MaxShards {
		return &types.ShardsPerClusterQuotaExceededFault{Message: aws.String(fmt.Sprintf("A cluster can have at most %d shards.", spec.MaxShards))}
	}
	c.Replicas = spec.DefaultReplicas
	if in.NumReplicasPerShard != nil {
		c.Replicas = int(*in.NumReplicasPerShard)
	}
	if c.Replicas < 0 || c.Replicas > spec.MaxReplicas {
		return invalid("NumReplicasPerShard must be between 0 and %d.", spec.MaxReplicas)
	}
	c.View.NumberOfShards = aws.Int32(int32(shards))
	return nil
}

// setNetwork sets port, address family and security groups.
func (c *clusterRecord) setNetwork(in *memorydb.CreateClusterInput) error {
	c.Port = spec.DefaultPort
	if in.Port != nil {
		c.Port = int(*in.Port)
	}
	if c.Port < spec.MinPort || c.Port > spec.MaxPort {
		return invalid("Port must be between %d and %d.", spec.MinPort, spec.MaxPort)
	}
	// While the cluster is creating its endpoint has a port only.
	c.View.ClusterEndpoint = &types.Endpoint{Port: int32(c.Port)}
	if in.NetworkType != "" && in.NetworkType != types.NetworkTypeIpv4 {
		return invalid("NetworkType %s is not offered: subnets are of type ipv4.", in.NetworkType)
	}
	if in.IpDiscovery != "" && in.IpDiscovery != types.IpDiscoveryIpv4 {
		return invalid("IpDiscovery %s is not offered by this version. Allowed: ipv4.", in.IpDiscovery)
	}
	var err error
	c.View.SecurityGroups, err = memberships(in.SecurityGroupIds)
	return err
}

// setWindows sets what is given; a cluster without windows gets some.
func (c *clusterRecord) setWindows(maintenance, snapshot *string, retention *int32) error {
	if maintenance != nil {
		if err := spec.CheckMaintenanceWindow(*maintenance); err != nil {
			return invalidErr(err)
		}
		c.View.MaintenanceWindow = aws.String(strings.ToLower(*maintenance))
	}
	if snapshot != nil {
		if err := spec.CheckSnapshotWindow(*snapshot); err != nil {
			return invalidErr(err)
		}
		c.View.SnapshotWindow = snapshot
	}
	if retention != nil {
		if *retention < 0 || *retention > spec.MaxSnapshotRetention {
			return invalid("SnapshotRetentionLimit must be between 0 and %d.", spec.MaxSnapshotRetention)
		}
		c.View.SnapshotRetentionLimit = retention
	}
	h := fnv.New32a()
	h.Write([]byte(c.ID))
	n := int(h.Sum32()) // the service assigns hours as it likes
	if c.View.MaintenanceWindow == nil {
		day, hour := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}[n%7], n/7%23
		c.View.MaintenanceWindow = aws.String(fmt.Sprintf("%s:%02d:00-%s:%02d:00", day, hour, day, hour+1))
	}
	if c.View.SnapshotWindow == nil {
		hour := (n/7 + 3) % 23
		c.View.SnapshotWindow = aws.String(fmt.Sprintf("%02d:30-%02d:30", hour, hour+1))
	}
	return nil
}

var topicForm = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$`)

// setTopic sets the topic of notifications. Its status is in capitals, unlike all others.
func (c *clusterRecord) setTopic(arn *string) error {
	if arn == nil {
		return nil
	}
	if !topicForm.MatchString(*arn) {
		return invalid("The topic ARN %s is not valid.", *arn)
	}
	c.View.SnsTopicArn, c.View.SnsTopicStatus = arn, aws.String("ACTIVE")
	return nil
}
