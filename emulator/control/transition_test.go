package control_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/openmemorydb/memorydb/emulator/control"
)

func TestClusterLifecycle(t *testing.T) {
	h := start(t, "")
	created := h.createCluster("c", func(in *memorydb.CreateClusterInput) {
		in.NumShards, in.NumReplicasPerShard, in.SecurityGroupIds = aws.Int32(2), aws.Int32(2), []string{"sg-0123"}
		in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("trade")}}
	})
	if *created.Status != "creating" || h.fleet.times("c") != 1 {
		t.Errorf("status %s, fleet told %d times", *created.Status, h.fleet.times("c"))
	}
	for _, act := range []func() error{
		func() error {
			_, err := h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{ClusterName: aws.String("c"), Description: aws.String("x")})
			return err
		},
		func() error {
			_, err := h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("c")})
			return err
		},
	} {
		wantCode(t, act(), "InvalidClusterStateFault")
	}
	h.settle()
	c := h.cluster("c")
	var names, slots, zones []string
	for _, sh := range c.Shards {
		slots = append(slots, *sh.Slots)
		for _, n := range sh.Nodes {
			names, zones = append(names, *n.Name), append(zones, *n.AvailabilityZone)
		}
	}
	if diff := cmp.Diff([]string{"0-8191", "8192-16383"}, slots); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c-0001-001", "c-0001-002", "c-0001-003", "c-0002-001", "c-0002-002", "c-0002-003"}, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"us-east-1a", "us-east-1b", "us-east-1c", "us-east-1b", "us-east-1c", "us-east-1a"}, zones); diff != "" {
		t.Error(diff)
	}
	if *c.Status != "available" || *c.Engine != "redis" || *c.EngineVersion != "7.1" || *c.SubnetGroupName != "default" || *c.NumberOfShards != 2 || !*c.TLSEnabled || *c.SecurityGroups[0].Status != "active" {
		t.Errorf("%+v", c)
	}
	must[*memorydb.DeleteClusterOutput](t)(h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("c")}))
	_, err := h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("c")})
	wantCode(t, err, "InvalidClusterStateFault")
	h.settle()
	_, err = h.DescribeClusters(t.Context(), &memorydb.DescribeClustersInput{ClusterName: aws.String("c")})
	wantCode(t, err, "ClusterNotFoundFault")
	id := h.idOf("d")
	if h.idOf("d2") == id {
		t.Error("two clusters have one id")
	}
	if got := h.messages("c"); !slices.Equal(got, []string{"Delete cluster c operation completed.", "Delete cluster c operation started.", "Cluster created.", "Create cluster c operation started."}) {
		t.Errorf("events %q", got)
	}
	if tags, err := h.ListTags(t.Context(), &memorydb.ListTagsInput{ResourceArn: created.ARN}); code(err) != "ClusterNotFoundFault" {
		t.Errorf("tags of a cluster that is gone: %v, %v", tags, err)
	}
}

func (h *harness) idOf(cluster string) string {
	h.createCluster(cluster)
	return h.wanted(cluster).ID
}

// messages are the events of a resource, newest first.
func (h *harness) messages(name string) []string {
	h.t.Helper()
	out, err := h.DescribeEvents(h.t.Context(), &memorydb.DescribeEventsInput{SourceName: aws.String(name), Duration: aws.Int32(60)})
	if err != nil {
		h.t.Fatal(err)
	}
	var got []string
	for _, e := range out.Events {
		got = append(got, *e.Message)
	}
	return got
}

func TestClusterThatCanNotBeCreated(t *testing.T) {
	h := start(t, "")
	h.createUser("ann", "on ~* +@all")
	h.createACL("a", "ann")
	h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.ACLName = aws.String("a") })
	must[*memorydb.UpdateUserOutput](t)(h.UpdateUser(t.Context(), &memorydb.UpdateUserInput{UserName: aws.String("ann"), AccessString: aws.String("off")}))
	if err := h.service.ClusterFailed(t.Context(), place("c"), h.wanted("c").Generation, "no address is free"); err != nil {
		t.Fatal(err)
	}
	if c := h.cluster("c"); *c.Status != "create-failed" {
		t.Error(*c.Status)
	}
	if u := h.user("ann"); *u.Status != "active" {
		t.Errorf("the user waits for a cluster that has failed: %s", *u.Status)
	}
	if got := h.messages("c"); got[0] != "Failed to create cluster c. no address is free" {
		t.Errorf("events %q", got)
	}
	must[*memorydb.DeleteClusterOutput](t)(h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("c")}))
	h.settle()
	_, err := h.DescribeClusters(t.Context(), &memorydb.DescribeClustersInput{ClusterName: aws.String("c")})
	wantCode(t, err, "ClusterNotFoundFault")
}

func TestUpdatesThatNodesTakeOver(t *testing.T) {
	tests := map[string]struct {
		in    memorydb.UpdateClusterInput
		shows func(types.Cluster) bool
	}{
		"ACL":       {memorydb.UpdateClusterInput{ACLName: aws.String("a")}, func(c types.Cluster) bool { return *c.ACLName == "a" }},
		"node type": {memorydb.UpdateClusterInput{NodeType: aws.String("db.r7g.large")}, func(c types.Cluster) bool { return *c.NodeType == "db.r7g.large" }},
		"engine": {memorydb.UpdateClusterInput{Engine: aws.String("valkey"), EngineVersion: aws.String("7.2")}, func(c types.Cluster) bool {
			return *c.Engine == "valkey" && *c.EnginePatchVersion == "7.2.6" && *c.ParameterGroupName == "default.memorydb-valkey7"
		}},
		"replicas": {memorydb.UpdateClusterInput{ReplicaConfiguration: &types.ReplicaConfigurationRequest{ReplicaCount: 3}}, func(c types.Cluster) bool {
			return *c.Shards[0].NumberOfNodes == 4 && aws.ToString(c.Shards[0].Nodes[3].Name) == "c-0001-004"
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h := start(t, "")
			h.createACL("a")
			h.createCluster("c")
			h.settle()
			told := h.fleet.times("c")
			tc.in.ClusterName = aws.String("c")
			out := must[*memorydb.UpdateClusterOutput](t)(h.UpdateCluster(t.Context(), &tc.in))
			if *out.Cluster.Status != "updating" || h.fleet.times("c") != told+1 {
				t.Errorf("status %s, fleet told %d times", *out.Cluster.Status, h.fleet.times("c")-told)
			}
			if name == "ACL" && (*out.Cluster.ACLName != "open-access" || *out.Cluster.PendingUpdates.ACLs.ACLToApply != "a") {
				t.Errorf("meanwhile ACL %s, to apply %+v", *out.Cluster.ACLName, out.Cluster.PendingUpdates)
			}
			_, err := h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{ClusterName: aws.String("c"), Description: aws.String("x")})
			wantCode(t, err, "InvalidClusterStateFault")
			h.settle()
			if c := h.cluster("c"); *c.Status != "available" || !tc.shows(c) || c.PendingUpdates != nil {
				t.Errorf("at the end: %+v", c)
			}
		})
	}
}

func TestUpdatesOfTheRecordAlone(t *testing.T) {
	h := start(t, "")
	h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.SecurityGroupIds = []string{"sg-1"} })
	h.settle()
	told := h.fleet.times("c")
	out := must[*memorydb.UpdateClusterOutput](t)(h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{
		ClusterName: aws.String("c"), Description: aws.String("sessions"), MaintenanceWindow: aws.String("Sun:23:00-Mon:01:30"), SnapshotWindow: aws.String("05:00-09:00"),
		SnapshotRetentionLimit: aws.Int32(35), SecurityGroupIds: []string{"sg-2", "sg-3"}, SnsTopicArn: aws.String("arn:aws:sns:us-east-1:123456789012:topic"),
	}))
	c := out.Cluster
	if *c.Status != "available" || *c.Description != "sessions" || *c.MaintenanceWindow != "sun:23:00-mon:01:30" || *c.SnapshotWindow != "05:00-09:00" || *c.SnapshotRetentionLimit != 35 ||
		len(c.SecurityGroups) != 2 || *c.SnsTopicStatus != "ACTIVE" || h.fleet.times("c") != told {
		t.Errorf("%+v", c)
	}
	out = must[*memorydb.UpdateClusterOutput](t)(h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{ClusterName: aws.String("c"), Description: aws.String(""), SecurityGroupIds: []string{}}))
	if out.Cluster.Description != nil || len(out.Cluster.SecurityGroups) != 2 {
		t.Errorf("description %v, %d security groups", out.Cluster.Description, len(out.Cluster.SecurityGroups))
	}
}

func TestUserChangeReachesClusters(t *testing.T) {
	h := start(t, "")
	h.createUser("ann", "on ~* +@all")
	h.createUser("bob", "on ~* +@read")
	h.createACL("a", "ann", "bob")
	h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.ACLName = aws.String("a") })
	h.createCluster("other")
	h.settle()
	told, other := h.fleet.times("c"), h.fleet.times("other")
	out := must[*memorydb.UpdateUserOutput](t)(h.UpdateUser(t.Context(), &memorydb.UpdateUserInput{UserName: aws.String("ann"), AccessString: aws.String("on ~x:* +@write")}))
	if *out.User.Status != "modifying" || h.fleet.times("c") != told+1 || h.fleet.times("other") != other {
		t.Errorf("status %s, fleet told %d and %d times", *out.User.Status, h.fleet.times("c")-told, h.fleet.times("other")-other)
	}
	_, err := h.UpdateUser(t.Context(), &memorydb.UpdateUserInput{UserName: aws.String("ann"), AccessString: aws.String("on")})
	wantCode(t, err, "InvalidUserStateFault")
	users := h.wanted("c").Users
	if len(users) != 3 || users[0].Name != "ann" || users[0].AccessString != "on ~x:* resetchannels -@all +@write" || len(users[0].PasswordHashes) != 1 || users[2].Name != "default" || users[2].AccessString != "off resetchannels -@all" {
		t.Errorf("wanted users: %+v", users)
	}
	if c := h.cluster("c"); *c.Status != "available" {
		t.Errorf("the cluster is %s meanwhile", *c.Status)
	}
	h.settle()
	if u := h.user("ann"); *u.Status != "active" {
		t.Error(*u.Status)
	}
}

func TestDeletedUserLeavesItsACLs(t *testing.T) {
	h := start(t, "")
	h.createUser("ann", "on ~* +@all")
	h.createUser("bob", "on ~* +@all")
	h.createACL("used", "ann", "bob")
	h.createACL("idle", "ann")
	h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.ACLName = aws.String("used") })
	h.settle()
	out := must[*memorydb.DeleteUserOutput](t)(h.DeleteUser(t.Context(), &memorydb.DeleteUserInput{UserName: aws.String("ann")}))
	if *out.User.Status != "deleting" {
		t.Error(*out.User.Status)
	}
	used, idle := h.acl("used"), h.acl("idle")
	if *used.Status != "modifying" || !slices.Contains(used.UserNames, "ann") || !slices.Equal(used.PendingChanges.UserNamesToRemove, []string{"ann"}) {
		t.Errorf("ACL of a cluster: %s %v %+v", *used.Status, used.UserNames, used.PendingChanges)
	}
	if *idle.Status != "active" || len(idle.UserNames) != 0 {
		t.Errorf("ACL of no cluster: %s %v", *idle.Status, idle.UserNames)
	}
	if u := h.user("ann"); *u.Status != "deleting" {
		t.Errorf("the user is %s while a cluster knows it", *u.Status)
	}
	_, err := h.CreateACL(t.Context(), &memorydb.CreateACLInput{ACLName: aws.String("new"), UserNames: []string{"ann"}})
	wantCode(t, err, "UserNotFoundFault")
	// A second user goes while the ACL is changing.
	must[*memorydb.DeleteUserOutput](t)(h.DeleteUser(t.Context(), &memorydb.DeleteUserInput{UserName: aws.String("bob")}))
	if p := h.acl("used").PendingChanges; !slices.Equal(p.UserNamesToRemove, []string{"ann", "bob"}) {
		t.Errorf("pending: %+v", p)
	}
	h.settle()
	if used = h.acl("used"); *used.Status != "active" || len(used.UserNames) != 0 || used.PendingChanges != nil {
		t.Errorf("at the end: %s %v", *used.Status, used.UserNames)
	}
	_, err = h.DescribeUsers(t.Context(), &memorydb.DescribeUsersInput{UserName: aws.String("ann")})
	wantCode(t, err, "UserNotFoundFault")
}

func TestACLChangeWaitsForEveryCluster(t *testing.T) {
	h := start(t, "")
	h.createUser("ann", "on ~* +@all")
	if a := h.createACL("a"); *a.Status != "creating" {
		t.Errorf("CreateACL answers %s", *a.Status)
	}
	for _, c := range []string{"one", "two"} {
		h.createCluster(c, func(in *memorydb.CreateClusterInput) { in.ACLName = aws.String("a") })
	}
	h.settle()
	out := must[*memorydb.UpdateACLOutput](t)(h.UpdateACL(t.Context(), &memorydb.UpdateACLInput{ACLName: aws.String("a"), UserNamesToAdd: []string{"ann"}}))
	if *out.ACL.Status != "modifying" || !slices.Equal(out.ACL.PendingChanges.UserNamesToAdd, []string{"ann"}) || len(out.ACL.UserNames) != 0 || !slices.Equal(out.ACL.Clusters, []string{"one", "two"}) {
		t.Errorf("%+v", out.ACL)
	}
	_, err := h.UpdateACL(t.Context(), &memorydb.UpdateACLInput{ACLName: aws.String("a"), UserNamesToRemove: []string{"ann"}})
	wantCode(t, err, "InvalidACLStateFault")
	_, err = h.CreateCluster(t.Context(), &memorydb.CreateClusterInput{ClusterName: aws.String("three"), ACLName: aws.String("a"), NodeType: aws.String("db.t4g.small")})
	wantCode(t, err, "InvalidACLStateFault")
	ready := func(name string, generation uint64) {
		if err := h.service.ClusterReady(t.Context(), place(name), generation, control.NodeAddress{Address: "127.0.0.254", Port: 6379}); err != nil {
			t.Fatal(err)
		}
	}
	ready("one", h.wanted("one").Generation)
	ready("two", h.wanted("two").Generation-1) // a report from before the change
	if a := h.acl("a"); *a.Status != "modifying" {
		t.Errorf("ACL is %s before the second cluster has it", *a.Status)
	}
	ready("two", h.wanted("two").Generation)
	if a := h.acl("a"); *a.Status != "active" || !slices.Equal(a.UserNames, []string{"ann"}) {
		t.Errorf("ACL is %s with %v", *a.Status, a.UserNames)
	}
	if u := h.user("ann"); !slices.Equal(u.ACLNames, []string{"a"}) {
		t.Errorf("ACLs of the user: %v", u.ACLNames)
	}
}

func TestParameterChangeReachesClusters(t *testing.T) {
	h := start(t, "")
	h.createParameterGroup("g", "memorydb_redis7")
	h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.ParameterGroupName = aws.String("g") })
	h.settle()
	told := h.fleet.times("c")
	if err := h.setParameter("g", "timeout", "0"); err != nil { // the default
		t.Fatal(err)
	}
	if c := h.cluster("c"); *c.ParameterGroupStatus != "in-sync" || h.fleet.times("c") != told {
		t.Errorf("nothing changes, and the group is %s", *c.ParameterGroupStatus)
	}
	for _, v := range []string{"20", "30"} { // clients send large groups in several calls
		if err := h.setParameter("g", "timeout", v); err != nil {
			t.Fatal(err)
		}
	}
	if c := h.cluster("c"); *c.ParameterGroupStatus != "applying" || *c.Status != "available" || h.wanted("c").Parameters["timeout"] != "30" {
		t.Errorf("%s, %s, timeout %s", *c.ParameterGroupStatus, *c.Status, h.wanted("c").Parameters["timeout"])
	}
	reset := &memorydb.ResetParameterGroupInput{ParameterGroupName: aws.String("g"), ParameterNames: []string{"timeout"}}
	_, err := h.ResetParameterGroup(t.Context(), reset)
	wantCode(t, err, "InvalidParameterGroupStateFault")
	h.settle()
	must[*memorydb.ResetParameterGroupOutput](t)(h.ResetParameterGroup(t.Context(), reset))
	h.settle()
	if c := h.cluster("c"); *c.ParameterGroupStatus != "in-sync" || h.wanted("c").Parameters["timeout"] != "0" {
		t.Errorf("%s, timeout %s", *c.ParameterGroupStatus, h.wanted("c").Parameters["timeout"])
	}
}

// A restart in the middle of everything: each transition goes on where it was.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	h := start(t, dir)
	h.createUser("ann", "on ~* +@all")
	h.createACL("a", "ann")
	h.createParameterGroup("g", "memorydb_redis7")
	for _, c := range []string{"creating", "updating", "deleting", "applying"} {
		h.createCluster(c, func(in *memorydb.CreateClusterInput) {
			in.ACLName, in.ParameterGroupName = aws.String("a"), aws.String("g")
		})
	}
	for _, c := range []string{"updating", "deleting", "applying"} {
		if err := h.service.ClusterReady(t.Context(), place(c), h.wanted(c).Generation, control.NodeAddress{Address: "127.0.0.254", Port: 6379}); err != nil {
			t.Fatal(err)
		}
	}
	must[*memorydb.UpdateClusterOutput](t)(h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{ClusterName: aws.String("updating"), NodeType: aws.String("db.r6g.large")}))
	must[*memorydb.DeleteClusterOutput](t)(h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("deleting")}))
	must[*memorydb.UpdateUserOutput](t)(h.UpdateUser(t.Context(), &memorydb.UpdateUserInput{UserName: aws.String("ann"), AccessString: aws.String("on ~a +get")}))
	if err := h.setParameter("g", "timeout", "60"); err != nil {
		t.Fatal(err)
	}
	key := string(h.wanted("creating").WrappedKey)
	h.stop()

	h = start(t, dir)
	statuses := map[string]string{}
	for _, c := range must[*memorydb.DescribeClustersOutput](t)(h.DescribeClusters(t.Context(), &memorydb.DescribeClustersInput{})).Clusters {
		statuses[*c.Name] = *c.Status + " " + *c.ParameterGroupStatus
	}
	want := map[string]string{"creating": "creating applying", "updating": "updating applying", "deleting": "deleting in-sync", "applying": "available applying"}
	if diff := cmp.Diff(want, statuses); diff != "" {
		t.Error(diff)
	}
	if u := h.user("ann"); *u.Status != "modifying" || string(h.wanted("creating").WrappedKey) != key || h.wanted("updating").NodeType != "db.r6g.large" {
		t.Errorf("user %s, node type %s", *u.Status, h.wanted("updating").NodeType)
	}
	h.settle()
	out := must[*memorydb.DescribeClustersOutput](t)(h.DescribeClusters(t.Context(), &memorydb.DescribeClustersInput{}))
	for _, c := range out.Clusters {
		if *c.Status != "available" || *c.ParameterGroupStatus != "in-sync" {
			t.Errorf("%s is %s, %s", *c.Name, *c.Status, *c.ParameterGroupStatus)
		}
	}
	if u := h.user("ann"); len(out.Clusters) != 3 || *u.Status != "active" {
		t.Errorf("%d clusters, user %s", len(out.Clusters), *u.Status)
	}
}

// After a restart nodes may get other addresses; the API shows them without a change of status.
func TestAddressesMayMove(t *testing.T) {
	h := start(t, "")
	h.createCluster("c")
	h.settle()
	generation := h.wanted("c").Generation
	if err := h.service.Placed(t.Context(), place("c"), map[string]control.NodeAddress{"c-0001-002": {Address: "127.0.0.1", Port: 40001}, "gone": {Address: "127.0.0.1"}}); err != nil {
		t.Fatal(err)
	}
	if err := h.service.ClusterReady(t.Context(), place("c"), generation, control.NodeAddress{Address: "127.0.0.1", Port: 40000}); err != nil {
		t.Fatal(err)
	}
	c := h.cluster("c")
	if n := c.Shards[0].Nodes[1]; *c.Status != "available" || c.ClusterEndpoint.Port != 40000 || n.Endpoint.Port != 40001 || h.wanted("c").Shards[0].Nodes[1].Port != 40001 {
		t.Errorf("%s, endpoint %d, node %d", *c.Status, c.ClusterEndpoint.Port, n.Endpoint.Port)
	}
	if err := h.service.ClusterReady(t.Context(), place("none"), 1, control.NodeAddress{}); err != nil {
		t.Errorf("a report about a cluster that is gone: %v", err)
	}
	if err := h.service.ClusterGone(t.Context(), place("c")); err != nil || *h.cluster("c").Status != "available" {
		t.Errorf("a cluster that is not being deleted is gone: %v", err)
	}
}
