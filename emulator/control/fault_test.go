package control_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
)

// Codes of the faults that most actions share.
const (
	ipv = "InvalidParameterValueException"
	ipc = "InvalidParameterCombinationException"
)

// world is what the faults are tried on: a cluster "c" that uses ACL "used", parameter group "used" and subnet group "used", all settled, and idle ones of each; users ann (in used), bob and iam.
func world(t *testing.T) *harness {
	t.Helper()
	h := start(t, "")
	h.createUser("ann", "on ~* +@all")
	h.createUser("bob", "on ~* +@all")
	_, err := h.CreateUser(t.Context(), &memorydb.CreateUserInput{UserName: aws.String("iam"), AccessString: aws.String("on"), AuthenticationMode: &types.AuthenticationMode{Type: "iam"}})
	if err != nil {
		t.Fatal(err)
	}
	h.createACL("used", "ann")
	h.createACL("idle")
	h.createACL("new", "iam")
	for _, g := range []string{"used", "idle"} {
		h.createParameterGroup(g, "memorydb_redis7")
		_, err := h.CreateSubnetGroup(t.Context(), &memorydb.CreateSubnetGroupInput{SubnetGroupName: aws.String(g), SubnetIds: []string{"subnet-a", "subnet-b"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	h.createParameterGroup("valkey", "memorydb_valkey7")
	h.createCluster("c", func(in *memorydb.CreateClusterInput) {
		in.ACLName, in.ParameterGroupName, in.SubnetGroupName = aws.String("used"), aws.String("used"), aws.String("used")
	})
	h.createCluster("old", func(in *memorydb.CreateClusterInput) {
		in.EngineVersion, in.ACLName = aws.String("6.2"), aws.String("idle")
	})
	h.createCluster("plain", func(in *memorydb.CreateClusterInput) { in.TLSEnabled = aws.Bool(false) })
	h.settle()
	return h
}

func TestFaultsOfCreateCluster(t *testing.T) {
	h := world(t)
	tests := []struct {
		what   string
		change func(*memorydb.CreateClusterInput)
		code   string
	}{
		{"name taken", func(in *memorydb.CreateClusterInput) { in.ClusterName = aws.String("C") }, "ClusterAlreadyExistsFault"},
		{"name too long", func(in *memorydb.CreateClusterInput) { in.ClusterName = aws.String(strings.Repeat("a", 41)) }, ipv},
		{"name with two hyphens", func(in *memorydb.CreateClusterInput) { in.ClusterName = aws.String("a--b") }, ipv},
		{"empty name", func(in *memorydb.CreateClusterInput) { in.ClusterName = aws.String("") }, ipv},
		{"unknown node type", func(in *memorydb.CreateClusterInput) { in.NodeType = aws.String("cache.t4g.small") }, ipv},
		{"tiering without its node type", func(in *memorydb.CreateClusterInput) { in.DataTiering = aws.Bool(true) }, ipc},
		{"tiering node type without tiering", func(in *memorydb.CreateClusterInput) { in.NodeType = aws.String("db.r6gd.xlarge") }, ipc},
		{"no shards", func(in *memorydb.CreateClusterInput) { in.NumShards = aws.Int32(0) }, ipv},
		{"negative shards", func(in *memorydb.CreateClusterInput) { in.NumShards = aws.Int32(-1) }, ipv},
		{"501 shards", func(in *memorydb.CreateClusterInput) { in.NumShards = aws.Int32(501) }, "ShardsPerClusterQuotaExceededFault"},
		{"91 nodes", func(in *memorydb.CreateClusterInput) {
			in.NumShards, in.NumReplicasPerShard = aws.Int32(91), aws.Int32(0)
		}, "NodeQuotaForClusterExceededFault"},
		{"six replicas", func(in *memorydb.CreateClusterInput) { in.NumReplicasPerShard = aws.Int32(6) }, ipv},
		{"missing ACL", func(in *memorydb.CreateClusterInput) { in.ACLName = aws.String("none") }, "ACLNotFoundFault"},
		{"ACL without TLS", func(in *memorydb.CreateClusterInput) { in.ACLName, in.TLSEnabled = aws.String("used"), aws.Bool(false) }, ipc},
		{"ACL that needs a newer engine", func(in *memorydb.CreateClusterInput) {
			in.ACLName, in.EngineVersion = aws.String("new"), aws.String("6.2")
		}, ipc},
		{"missing parameter group", func(in *memorydb.CreateClusterInput) { in.ParameterGroupName = aws.String("none") }, "ParameterGroupNotFoundFault"},
		{"parameter group of another family", func(in *memorydb.CreateClusterInput) { in.ParameterGroupName = aws.String("valkey") }, ipc},
		{"missing subnet group", func(in *memorydb.CreateClusterInput) { in.SubnetGroupName = aws.String("none") }, "SubnetGroupNotFoundFault"},
		{"unknown engine", func(in *memorydb.CreateClusterInput) { in.Engine = aws.String("memcached") }, ipv},
		{"version of the other engine", func(in *memorydb.CreateClusterInput) {
			in.Engine, in.EngineVersion = aws.String("redis"), aws.String("7.3")
		}, ipv},
		{"short maintenance window", func(in *memorydb.CreateClusterInput) { in.MaintenanceWindow = aws.String("wed:03:00-wed:03:30") }, ipv},
		{"malformed snapshot window", func(in *memorydb.CreateClusterInput) { in.SnapshotWindow = aws.String("3-4") }, ipv},
		{"retention of 36 days", func(in *memorydb.CreateClusterInput) { in.SnapshotRetentionLimit = aws.Int32(36) }, ipv},
		{"malformed security group", func(in *memorydb.CreateClusterInput) { in.SecurityGroupIds = []string{"web"} }, ipv},
		{"malformed topic", func(in *memorydb.CreateClusterInput) { in.SnsTopicArn = aws.String("topic") }, ipv},
		{"port 0", func(in *memorydb.CreateClusterInput) { in.Port = aws.Int32(0) }, ipv},
		{"ipv6", func(in *memorydb.CreateClusterInput) { in.NetworkType = types.NetworkTypeIpv6 }, ipv},
		{"missing snapshot", func(in *memorydb.CreateClusterInput) { in.SnapshotName = aws.String("none") }, "SnapshotNotFoundFault"},
		{"snapshot files", func(in *memorydb.CreateClusterInput) { in.SnapshotArns = []string{"arn:aws:s3:::b/k"} }, ipc},
		{"missing multi-Region cluster", func(in *memorydb.CreateClusterInput) { in.MultiRegionClusterName = aws.String("none") }, "MultiRegionClusterNotFoundFault"},
		{"reserved tag", func(in *memorydb.CreateClusterInput) { in.Tags = []types.Tag{{Key: aws.String("aws:x")}} }, ipv},
		{"51 tags", func(in *memorydb.CreateClusterInput) { in.Tags = manyTags(51) }, "TagQuotaPerResourceExceeded"},
	}
	for _, tc := range tests {
		t.Run(tc.what, func(t *testing.T) {
			in := &memorydb.CreateClusterInput{ClusterName: aws.String("fresh"), ACLName: aws.String("open-access"), NodeType: aws.String("db.t4g.small")}
			tc.change(in)
			_, err := h.CreateCluster(t.Context(), in)
			wantCode(t, err, tc.code)
			_, err = h.DescribeClusters(t.Context(), &memorydb.DescribeClustersInput{ClusterName: aws.String("fresh")})
			wantCode(t, err, "ClusterNotFoundFault") // nothing of it stays
		})
	}
}

func TestNodeQuotaOfTheRegion(t *testing.T) {
	h := start(t, "")
	for i := range 3 {
		h.createCluster(fmt.Sprint("c", i), func(in *memorydb.CreateClusterInput) { in.NumShards = aws.Int32(45) })
	}
	h.createCluster("rest", func(in *memorydb.CreateClusterInput) {
		in.NumShards, in.NumReplicasPerShard = aws.Int32(29), aws.Int32(0)
	})
	in := &memorydb.CreateClusterInput{ClusterName: aws.String("more"), ACLName: aws.String("open-access"), NodeType: aws.String("db.t4g.small")}
	_, err := h.CreateCluster(t.Context(), in)
	wantCode(t, err, "NodeQuotaForCustomerExceededFault")
	_, err = h.client("eu-west-1").CreateCluster(t.Context(), in) // another region is another world
	wantCode(t, err, "")
}

func TestFaultsOfUpdateCluster(t *testing.T) {
	h := world(t)
	tests := []struct {
		what string
		in   memorydb.UpdateClusterInput
		code string
	}{
		{"missing cluster", memorydb.UpdateClusterInput{ClusterName: aws.String("none"), Description: aws.String("x")}, "ClusterNotFoundFault"},
		{"nothing", memorydb.UpdateClusterInput{}, "NoOperationFault"},
		{"no security groups", memorydb.UpdateClusterInput{SecurityGroupIds: []string{}}, "NoOperationFault"},
		{"missing ACL", memorydb.UpdateClusterInput{ACLName: aws.String("none")}, "ACLNotFoundFault"},
		{"ACL for a cluster without TLS", memorydb.UpdateClusterInput{ClusterName: aws.String("plain"), ACLName: aws.String("idle")}, ipc},
		{"ACL that needs a newer engine", memorydb.UpdateClusterInput{ClusterName: aws.String("old"), ACLName: aws.String("new")}, ipc},
		{"missing parameter group", memorydb.UpdateClusterInput{ParameterGroupName: aws.String("none")}, "ParameterGroupNotFoundFault"},
		{"parameter group of another family", memorydb.UpdateClusterInput{ParameterGroupName: aws.String("valkey")}, ipc},
		{"search switched on", memorydb.UpdateClusterInput{ParameterGroupName: aws.String("default.memorydb-redis7.search")}, ipc},
		{"older engine", memorydb.UpdateClusterInput{EngineVersion: aws.String("6.2")}, ipv},
		{"new family with a group of the old one", memorydb.UpdateClusterInput{Engine: aws.String("valkey"), EngineVersion: aws.String("7.3"), ParameterGroupName: aws.String("used")}, ipc},
		{"new family without a group", memorydb.UpdateClusterInput{Engine: aws.String("valkey"), EngineVersion: aws.String("7.3")}, ipc},
		{"unknown engine version", memorydb.UpdateClusterInput{EngineVersion: aws.String("9.9")}, ipv},
		{"unknown node type", memorydb.UpdateClusterInput{NodeType: aws.String("db.huge")}, ipv},
		{"node type with tiering", memorydb.UpdateClusterInput{NodeType: aws.String("db.r6gd.xlarge")}, ipc},
		{"six replicas", memorydb.UpdateClusterInput{ReplicaConfiguration: &types.ReplicaConfigurationRequest{ReplicaCount: 6}}, ipv},
		{"negative replicas", memorydb.UpdateClusterInput{ReplicaConfiguration: &types.ReplicaConfigurationRequest{ReplicaCount: -1}}, ipv},
		{"two kinds of scaling", memorydb.UpdateClusterInput{NodeType: aws.String("db.r6g.large"), ReplicaConfiguration: &types.ReplicaConfigurationRequest{ReplicaCount: 2}}, ipc},
		{"other number of shards", memorydb.UpdateClusterInput{ShardConfiguration: &types.ShardConfigurationRequest{ShardCount: 2}}, ipc},
		{"501 shards", memorydb.UpdateClusterInput{ShardConfiguration: &types.ShardConfigurationRequest{ShardCount: 501}}, "ShardsPerClusterQuotaExceededFault"},
		{"malformed window", memorydb.UpdateClusterInput{MaintenanceWindow: aws.String("always")}, ipv},
		{"retention of -1", memorydb.UpdateClusterInput{SnapshotRetentionLimit: aws.Int32(-1)}, ipv},
		{"malformed security group", memorydb.UpdateClusterInput{SecurityGroupIds: []string{"x"}}, ipv},
		{"status without a topic", memorydb.UpdateClusterInput{SnsTopicStatus: aws.String("ACTIVE")}, ipc},
		{"unknown status of a topic", memorydb.UpdateClusterInput{SnsTopicStatus: aws.String("on")}, ipv},
		{"ipv6", memorydb.UpdateClusterInput{IpDiscovery: types.IpDiscoveryIpv6}, ipv},
	}
	before := h.wanted("c")
	for _, tc := range tests {
		t.Run(tc.what, func(t *testing.T) {
			if tc.in.ClusterName == nil {
				tc.in.ClusterName = aws.String("c")
			}
			_, err := h.UpdateCluster(t.Context(), &tc.in)
			wantCode(t, err, tc.code)
		})
	}
	if w := h.wanted("c"); w.Generation != before.Generation {
		t.Errorf("a refused update has changed the cluster: %+v", w)
	}
	_, err := h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{ClusterName: aws.String("c"), NodeType: aws.String("db.t4g.small"), ACLName: aws.String("used")})
	wantCode(t, err, "") // what is so already is no fault
	if c := h.cluster("c"); *c.Status != "available" {
		t.Errorf("an update that changes nothing leaves the cluster %s", *c.Status)
	}
}

// Each row of the rules about what is in use, built in, or missing.
func TestFaultsOfTheRest(t *testing.T) {
	h := world(t)
	ctx := t.Context()
	name := aws.String
	password := func(p ...string) *types.AuthenticationMode {
		return &types.AuthenticationMode{Type: types.InputAuthenticationTypePassword, Passwords: p}
	}
	arn := func(rest string) *string { return aws.String("arn:aws:memorydb:us-east-1:" + account + ":" + rest) }
	tests := []struct {
		what string
		call func() error
		code string
	}{
		{"describe a missing cluster", func() error {
			_, err := h.DescribeClusters(ctx, &memorydb.DescribeClustersInput{ClusterName: name("none")})
			return err
		}, "ClusterNotFoundFault"},
		{"delete a missing cluster", func() error {
			_, err := h.DeleteCluster(ctx, &memorydb.DeleteClusterInput{ClusterName: name("none")})
			return err
		}, "ClusterNotFoundFault"},
		{"node types of a missing cluster", func() error {
			_, err := h.ListAllowedNodeTypeUpdates(ctx, &memorydb.ListAllowedNodeTypeUpdatesInput{ClusterName: name("none")})
			return err
		}, "ClusterNotFoundFault"},

		{"create an ACL that is there", func() error { _, err := h.CreateACL(ctx, &memorydb.CreateACLInput{ACLName: name("used")}); return err }, "ACLAlreadyExistsFault"},
		{"create open-access", func() error {
			_, err := h.CreateACL(ctx, &memorydb.CreateACLInput{ACLName: name("open-access")})
			return err
		}, "ACLAlreadyExistsFault"},
		{"ACL with an unknown user", func() error {
			_, err := h.CreateACL(ctx, &memorydb.CreateACLInput{ACLName: name("x"), UserNames: []string{"none"}})
			return err
		}, "UserNotFoundFault"},
		{"ACL with a user twice", func() error {
			_, err := h.CreateACL(ctx, &memorydb.CreateACLInput{ACLName: name("x"), UserNames: []string{"ann", "Ann"}})
			return err
		}, "DuplicateUserNameFault"},
		{"ACL with the built-in user", func() error {
			_, err := h.CreateACL(ctx, &memorydb.CreateACLInput{ACLName: name("x"), UserNames: []string{"default"}})
			return err
		}, ipv},
		{"describe a missing ACL", func() error {
			_, err := h.DescribeACLs(ctx, &memorydb.DescribeACLsInput{ACLName: name("none")})
			return err
		}, "ACLNotFoundFault"},
		{"update a missing ACL", func() error {
			_, err := h.UpdateACL(ctx, &memorydb.UpdateACLInput{ACLName: name("none"), UserNamesToAdd: []string{"ann"}})
			return err
		}, "ACLNotFoundFault"},
		{"update open-access", func() error {
			_, err := h.UpdateACL(ctx, &memorydb.UpdateACLInput{ACLName: name("open-access"), UserNamesToAdd: []string{"ann"}})
			return err
		}, ipv},
		{"update an ACL with nothing", func() error { _, err := h.UpdateACL(ctx, &memorydb.UpdateACLInput{ACLName: name("idle")}); return err }, ipc},
		{"add a user that is in", func() error {
			_, err := h.UpdateACL(ctx, &memorydb.UpdateACLInput{ACLName: name("used"), UserNamesToAdd: []string{"ann"}})
			return err
		}, "DuplicateUserNameFault"},
		{"remove a user that is not in", func() error {
			_, err := h.UpdateACL(ctx, &memorydb.UpdateACLInput{ACLName: name("used"), UserNamesToRemove: []string{"bob"}})
			return err
		}, ipv},
		{"remove an unknown user", func() error {
			_, err := h.UpdateACL(ctx, &memorydb.UpdateACLInput{ACLName: name("used"), UserNamesToRemove: []string{"none"}})
			return err
		}, "UserNotFoundFault"},
		{"IAM user in the ACL of an old cluster", func() error {
			_, err := h.UpdateACL(ctx, &memorydb.UpdateACLInput{ACLName: name("idle"), UserNamesToAdd: []string{"iam"}})
			return err
		}, ipc},
		{"delete an ACL in use", func() error { _, err := h.DeleteACL(ctx, &memorydb.DeleteACLInput{ACLName: name("used")}); return err }, "InvalidACLStateFault"},
		{"delete open-access", func() error {
			_, err := h.DeleteACL(ctx, &memorydb.DeleteACLInput{ACLName: name("open-access")})
			return err
		}, ipv},
		{"delete a missing ACL", func() error { _, err := h.DeleteACL(ctx, &memorydb.DeleteACLInput{ACLName: name("none")}); return err }, "ACLNotFoundFault"},

		{"create a user that is there", func() error {
			_, err := h.CreateUser(ctx, &memorydb.CreateUserInput{UserName: name("ann"), AccessString: name("on"), AuthenticationMode: password("a-long-password-1")})
			return err
		}, "UserAlreadyExistsFault"},
		{"create the built-in user", func() error {
			_, err := h.CreateUser(ctx, &memorydb.CreateUserInput{UserName: name("default"), AccessString: name("on"), AuthenticationMode: password("a-long-password-1")})
			return err
		}, "UserAlreadyExistsFault"},
		{"user with a short password", func() error {
			_, err := h.CreateUser(ctx, &memorydb.CreateUserInput{UserName: name("x"), AccessString: name("on"), AuthenticationMode: password("short")})
			return err
		}, ipv},
		{"user with three passwords", func() error {
			_, err := h.CreateUser(ctx, &memorydb.CreateUserInput{UserName: name("x"), AccessString: name("on"), AuthenticationMode: password("a-long-password-1", "a-long-password-2", "a-long-password-3")})
			return err
		}, ipv},
		{"user without passwords", func() error {
			_, err := h.CreateUser(ctx, &memorydb.CreateUserInput{UserName: name("x"), AccessString: name("on"), AuthenticationMode: password()})
			return err
		}, ipv},
		{"user of an unknown type", func() error {
			_, err := h.CreateUser(ctx, &memorydb.CreateUserInput{UserName: name("x"), AccessString: name("on"), AuthenticationMode: &types.AuthenticationMode{Type: "no-password"}})
			return err
		}, ipv},
		{"IAM user with a password", func() error {
			_, err := h.CreateUser(ctx, &memorydb.CreateUserInput{UserName: name("x"), AccessString: name("on"), AuthenticationMode: &types.AuthenticationMode{Type: "iam", Passwords: []string{"a-long-password-1"}}})
			return err
		}, ipc},
		{"user with a password rule", func() error {
			_, err := h.CreateUser(ctx, &memorydb.CreateUserInput{UserName: name("x"), AccessString: name("on >secret"), AuthenticationMode: password("a-long-password-1")})
			return err
		}, ipv},
		{"describe a missing user", func() error {
			_, err := h.DescribeUsers(ctx, &memorydb.DescribeUsersInput{UserName: name("none")})
			return err
		}, "UserNotFoundFault"},
		{"update a missing user", func() error {
			_, err := h.UpdateUser(ctx, &memorydb.UpdateUserInput{UserName: name("none"), AccessString: name("on")})
			return err
		}, "UserNotFoundFault"},
		{"update a user with nothing", func() error {
			_, err := h.UpdateUser(ctx, &memorydb.UpdateUserInput{UserName: name("bob")})
			return err
		}, ipc},
		{"update the built-in user", func() error {
			_, err := h.UpdateUser(ctx, &memorydb.UpdateUserInput{UserName: name("default"), AccessString: name("off")})
			return err
		}, ipv},
		{"delete the built-in user", func() error {
			_, err := h.DeleteUser(ctx, &memorydb.DeleteUserInput{UserName: name("default")})
			return err
		}, ipv},
		{"delete a missing user", func() error {
			_, err := h.DeleteUser(ctx, &memorydb.DeleteUserInput{UserName: name("none")})
			return err
		}, "UserNotFoundFault"},

		{"create a parameter group that is there", func() error {
			_, err := h.CreateParameterGroup(ctx, &memorydb.CreateParameterGroupInput{ParameterGroupName: name("used"), Family: name("memorydb_redis7")})
			return err
		}, "ParameterGroupAlreadyExistsFault"},
		{"unknown family", func() error {
			_, err := h.CreateParameterGroup(ctx, &memorydb.CreateParameterGroupInput{ParameterGroupName: name("x"), Family: name("memorydb_redis9")})
			return err
		}, ipv},
		{"name like a default group's", func() error {
			_, err := h.CreateParameterGroup(ctx, &memorydb.CreateParameterGroupInput{ParameterGroupName: name("default.x"), Family: name("memorydb_redis7")})
			return err
		}, ipv},
		{"describe a missing parameter group", func() error {
			_, err := h.DescribeParameterGroups(ctx, &memorydb.DescribeParameterGroupsInput{ParameterGroupName: name("none")})
			return err
		}, "ParameterGroupNotFoundFault"},
		{"parameters of a missing group", func() error {
			_, err := h.DescribeParameters(ctx, &memorydb.DescribeParametersInput{ParameterGroupName: name("none")})
			return err
		}, "ParameterGroupNotFoundFault"},
		{"unknown parameter", func() error { return h.setParameter("idle", "nonsense", "1") }, ipv},
		{"value out of range", func() error { return h.setParameter("idle", "timeout", "5") }, ipv},
		{"change a default group", func() error { return h.setParameter("default.memorydb-redis7", "timeout", "20") }, ipv},
		{"change a missing group", func() error { return h.setParameter("none", "timeout", "20") }, "ParameterGroupNotFoundFault"},
		{"reset a missing group", func() error {
			_, err := h.ResetParameterGroup(ctx, &memorydb.ResetParameterGroupInput{ParameterGroupName: name("none"), AllParameters: true})
			return err
		}, "ParameterGroupNotFoundFault"},
		{"reset an unknown parameter", func() error {
			_, err := h.ResetParameterGroup(ctx, &memorydb.ResetParameterGroupInput{ParameterGroupName: name("idle"), ParameterNames: []string{"x"}})
			return err
		}, ipv},
		{"delete a parameter group in use", func() error {
			_, err := h.DeleteParameterGroup(ctx, &memorydb.DeleteParameterGroupInput{ParameterGroupName: name("used")})
			return err
		}, "InvalidParameterGroupStateFault"},
		{"delete a default group", func() error {
			_, err := h.DeleteParameterGroup(ctx, &memorydb.DeleteParameterGroupInput{ParameterGroupName: name("default.memorydb-redis7")})
			return err
		}, ipv},
		{"delete a missing parameter group", func() error {
			_, err := h.DeleteParameterGroup(ctx, &memorydb.DeleteParameterGroupInput{ParameterGroupName: name("none")})
			return err
		}, "ParameterGroupNotFoundFault"},

		{"create a subnet group that is there", func() error {
			_, err := h.CreateSubnetGroup(ctx, &memorydb.CreateSubnetGroupInput{SubnetGroupName: name("used"), SubnetIds: []string{"subnet-a"}})
			return err
		}, "SubnetGroupAlreadyExistsFault"},
		{"malformed subnet", func() error {
			_, err := h.CreateSubnetGroup(ctx, &memorydb.CreateSubnetGroupInput{SubnetGroupName: name("x"), SubnetIds: []string{"net"}})
			return err
		}, "InvalidSubnet"},
		{"no subnets", func() error {
			_, err := h.CreateSubnetGroup(ctx, &memorydb.CreateSubnetGroupInput{SubnetGroupName: name("x"), SubnetIds: []string{}})
			return err
		}, ipv},
		{"21 subnets", func() error {
			in := &memorydb.CreateSubnetGroupInput{SubnetGroupName: name("x")}
			for i := range 21 {
				in.SubnetIds = append(in.SubnetIds, fmt.Sprint("subnet-", i))
			}
			_, err := h.CreateSubnetGroup(ctx, in)
			return err
		}, "SubnetQuotaExceededFault"},
		{"describe a missing subnet group", func() error {
			_, err := h.DescribeSubnetGroups(ctx, &memorydb.DescribeSubnetGroupsInput{SubnetGroupName: name("none")})
			return err
		}, "SubnetGroupNotFoundFault"},
		{"update a missing subnet group", func() error {
			_, err := h.UpdateSubnetGroup(ctx, &memorydb.UpdateSubnetGroupInput{SubnetGroupName: name("none")})
			return err
		}, "SubnetGroupNotFoundFault"},
		{"take a subnet with nodes away", func() error {
			_, err := h.UpdateSubnetGroup(ctx, &memorydb.UpdateSubnetGroupInput{SubnetGroupName: name("used"), SubnetIds: []string{"subnet-a", "subnet-c"}})
			return err
		}, "SubnetInUse"},
		{"delete a subnet group in use", func() error {
			_, err := h.DeleteSubnetGroup(ctx, &memorydb.DeleteSubnetGroupInput{SubnetGroupName: name("used")})
			return err
		}, "SubnetGroupInUseFault"},
		{"delete a missing subnet group", func() error {
			_, err := h.DeleteSubnetGroup(ctx, &memorydb.DeleteSubnetGroupInput{SubnetGroupName: name("none")})
			return err
		}, "SubnetGroupNotFoundFault"},

		{"tags of a malformed ARN", func() error {
			_, err := h.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: name("cluster/c")})
			return err
		}, "InvalidARNFault"},
		{"tags of a missing cluster", func() error {
			_, err := h.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: arn("cluster/none")})
			return err
		}, "ClusterNotFoundFault"},
		{"tags of a missing ACL", func() error {
			_, err := h.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: arn("acl/none")})
			return err
		}, "ACLNotFoundFault"},
		{"tags of a missing user", func() error {
			_, err := h.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: arn("user/none")})
			return err
		}, "UserNotFoundFault"},
		{"tags of a missing parameter group", func() error {
			_, err := h.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: arn("parametergroup/none")})
			return err
		}, "ParameterGroupNotFoundFault"},
		{"tags of a missing subnet group", func() error {
			_, err := h.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: arn("subnetgroup/none")})
			return err
		}, "SubnetGroupNotFoundFault"},
		{"tags of a missing snapshot", func() error {
			_, err := h.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: arn("snapshot/none")})
			return err
		}, "SnapshotNotFoundFault"},
		{"reserved tag", func() error {
			_, err := h.TagResource(ctx, &memorydb.TagResourceInput{ResourceArn: arn("cluster/c"), Tags: []types.Tag{{Key: name("AWS:x")}}})
			return err
		}, ipv},
		{"too many tags", func() error {
			_, err := h.TagResource(ctx, &memorydb.TagResourceInput{ResourceArn: arn("cluster/c"), Tags: manyTags(51)})
			return err
		}, "TagQuotaPerResourceExceeded"},
		{"unknown tag", func() error {
			_, err := h.UntagResource(ctx, &memorydb.UntagResourceInput{ResourceArn: arn("cluster/c"), TagKeys: []string{"x"}})
			return err
		}, "TagNotFoundFault"},

		{"events backwards", func() error {
			_, err := h.DescribeEvents(ctx, &memorydb.DescribeEventsInput{StartTime: aws.Time(h.clock.Now()), EndTime: aws.Time(h.clock.Now().Add(-1e9))})
			return err
		}, ipc},
		{"events of an unknown kind", func() error {
			_, err := h.DescribeEvents(ctx, &memorydb.DescribeEventsInput{SourceType: "weather"})
			return err
		}, ipv},
		{"no results", func() error {
			_, err := h.DescribeClusters(ctx, &memorydb.DescribeClustersInput{MaxResults: aws.Int32(0)})
			return err
		}, ipv},
		{"made-up token", func() error {
			_, err := h.DescribeClusters(ctx, &memorydb.DescribeClustersInput{NextToken: name("x")})
			return err
		}, ipv},
		{"action of a later version", func() error {
			_, err := h.DescribeReservedNodes(ctx, &memorydb.DescribeReservedNodesInput{})
			return err
		}, "UnknownOperationException"},
	}
	for _, tc := range tests {
		t.Run(tc.what, func(t *testing.T) { wantCode(t, tc.call(), tc.code) })
	}
	if c := h.cluster("c"); *c.Status != "available" {
		t.Errorf("after all that the cluster is %s", *c.Status)
	}
}

func manyTags(n int) []types.Tag {
	tags := make([]types.Tag, n)
	for i := range tags {
		tags[i] = types.Tag{Key: aws.String(fmt.Sprint("k", i)), Value: aws.String("v")}
	}
	return tags
}
