package control_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/google/go-cmp/cmp"
)

// What has broken clients of other emulators; one test each.

func TestZeroReplicasArriveAsAnEmptyStructure(t *testing.T) {
	h := start(t, "")
	h.createCluster("c")
	h.settle()
	out, err := h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{ClusterName: aws.String("c"), ReplicaConfiguration: &types.ReplicaConfigurationRequest{ReplicaCount: 0}})
	if err != nil || *out.Cluster.Status != "updating" {
		t.Fatalf("%+v, %v", out, err)
	}
	if w := h.wanted("c"); len(w.Shards[0].Nodes) != 1 || w.Shards[0].Nodes[0].Name != "c-0001-001" {
		t.Errorf("wanted nodes: %+v", w.Shards[0].Nodes)
	}
	h.settle()
	if c := h.cluster("c"); *c.Status != "available" || *c.Shards[0].NumberOfNodes != 1 || c.AvailabilityMode != "SingleAZ" {
		t.Errorf("%s, %d nodes, %s", *c.Status, *c.Shards[0].NumberOfNodes, c.AvailabilityMode)
	}
	_, err = h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{ClusterName: aws.String("c"), ShardConfiguration: &types.ShardConfigurationRequest{}})
	wantCode(t, err, "InvalidParameterValueException")
}

func TestDataTieringIsABoolInAndATextOut(t *testing.T) {
	h := start(t, "")
	c := h.createCluster("c", func(in *memorydb.CreateClusterInput) {
		in.DataTiering, in.NodeType = aws.Bool(true), aws.String("db.r6gd.xlarge")
	})
	d := h.createCluster("d")
	if c.DataTiering != "true" || d.DataTiering != "false" {
		t.Errorf("DataTiering %q and %q", c.DataTiering, d.DataTiering)
	}
}

func TestAvailabilityModeIsWrittenAsTheServiceDoes(t *testing.T) {
	h := start(t, "")
	if c := h.createCluster("c"); c.AvailabilityMode != "MultiAZ" {
		t.Errorf("two nodes: %q", c.AvailabilityMode)
	}
	if c := h.createCluster("d", func(in *memorydb.CreateClusterInput) { in.NumReplicasPerShard = aws.Int32(0) }); c.AvailabilityMode != "SingleAZ" {
		t.Errorf("one node: %q", c.AvailabilityMode)
	}
	out := must[*memorydb.DescribeClustersOutput](t)(h.DescribeClusters(t.Context(), &memorydb.DescribeClustersInput{}))
	for _, c := range out.Clusters {
		if c.AvailabilityMode != "" || c.Shards != nil {
			t.Errorf("without details: %q, %d shards", c.AvailabilityMode, len(c.Shards))
		}
	}
}

func TestEndpointHasOnlyAPortWhileCreating(t *testing.T) {
	h := start(t, "")
	created := h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.Description = aws.String("") })
	for _, c := range []types.Cluster{*created, h.cluster("c")} {
		if *c.Status != "creating" || c.ClusterEndpoint == nil || c.ClusterEndpoint.Address != nil || c.ClusterEndpoint.Port != 6379 {
			t.Errorf("status %s, endpoint %+v", *c.Status, c.ClusterEndpoint)
		}
		if c.Description != nil || c.KmsKeyId != nil || c.SecurityGroups != nil || c.SnsTopicArn != nil || c.SnsTopicStatus != nil || c.PendingUpdates != nil {
			t.Errorf("unset members are there: %+v", c)
		}
	}
	h.settle()
	c := h.cluster("c")
	if *c.Status != "available" || aws.ToString(c.ClusterEndpoint.Address) != "127.0.0.254" || aws.ToString(c.Shards[0].Nodes[1].Endpoint.Address) != "127.0.0.2" {
		t.Errorf("%s, %+v", *c.Status, c.ClusterEndpoint)
	}
	gone := must[*memorydb.DeleteClusterOutput](t)(h.DeleteCluster(t.Context(), &memorydb.DeleteClusterInput{ClusterName: aws.String("c")}))
	if gone.Cluster.ACLName != nil || *gone.Cluster.Status != "deleting" {
		t.Errorf("DeleteCluster answers ACL %v, status %s", gone.Cluster.ACLName, *gone.Cluster.Status)
	}
}

func TestTopicStatusIsInCapitals(t *testing.T) {
	h := start(t, "")
	topic := aws.String("arn:aws:sns:us-east-1:123456789012:topic")
	if c := h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.SnsTopicArn = topic }); *c.SnsTopicStatus != "ACTIVE" {
		t.Error(*c.SnsTopicStatus)
	}
	h.settle()
	out := must[*memorydb.UpdateClusterOutput](t)(h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{ClusterName: aws.String("c"), SnsTopicStatus: aws.String("inactive")}))
	if *out.Cluster.SnsTopicStatus != "INACTIVE" || *out.Cluster.Status != "available" {
		t.Errorf("%s, %s", *out.Cluster.SnsTopicStatus, *out.Cluster.Status)
	}
}

func TestUntagAnswersWhatRemains(t *testing.T) {
	h := start(t, "")
	arn := h.createCluster("c", func(in *memorydb.CreateClusterInput) {
		in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}
	}).ARN
	out := must[*memorydb.UntagResourceOutput](t)(h.UntagResource(t.Context(), &memorydb.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}}))
	if len(out.TagList) != 1 || *out.TagList[0].Key != "b" {
		t.Errorf("%+v", out.TagList)
	}
}

func TestNamesAreFolded(t *testing.T) {
	h := start(t, "")
	h.createUser("Ann", "on ~* +@all")
	h.createACL("Readers", "ANN")
	h.createParameterGroup("MyRedis7", "memorydb_redis7")
	must[*memorydb.CreateSubnetGroupOutput](t)(h.CreateSubnetGroup(t.Context(), &memorydb.CreateSubnetGroupInput{SubnetGroupName: aws.String("Nets"), SubnetIds: []string{"subnet-1"}}))
	c := h.createCluster("Sessions", func(in *memorydb.CreateClusterInput) {
		in.ACLName, in.ParameterGroupName, in.SubnetGroupName = aws.String("READERS"), aws.String("MYREDIS7"), aws.String("NETS")
	})
	got := []string{*c.Name, *c.ACLName, *c.ParameterGroupName, *c.SubnetGroupName, *c.ARN, *h.cluster("SESSIONS").Name, *h.user("ANN").Name, *h.acl("ReaderS").Name}
	want := []string{"sessions", "readers", "myredis7", "nets", "arn:aws:memorydb:us-east-1:123456789012:cluster/sessions", "sessions", "ann", "readers"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err := h.CreateUser(t.Context(), &memorydb.CreateUserInput{UserName: aws.String("aNN"), AccessString: aws.String("on"), AuthenticationMode: &types.AuthenticationMode{Type: "iam"}})
	wantCode(t, err, "UserAlreadyExistsFault")
}

func TestAccessStringsAreRewritten(t *testing.T) {
	h := start(t, "")
	if u := h.createUser("u", "~objects:* ~items:* ~public:*"); *u.AccessString != "off ~objects:* ~items:* ~public:* resetchannels -@all" {
		t.Error(*u.AccessString)
	}
}

func TestParameterGroupIsShownLate(t *testing.T) {
	h := start(t, "")
	h.createParameterGroup("own", "memorydb_redis7")
	if err := h.setParameter("own", "maxmemory-policy", "allkeys-lru"); err != nil {
		t.Fatal(err)
	}
	h.createCluster("c")
	h.settle()
	out := must[*memorydb.UpdateClusterOutput](t)(h.UpdateCluster(t.Context(), &memorydb.UpdateClusterInput{ClusterName: aws.String("c"), ParameterGroupName: aws.String("own")}))
	if c := out.Cluster; *c.ParameterGroupName != "default.memorydb-redis7" || *c.ParameterGroupStatus != "applying" || *c.Status != "available" {
		t.Errorf("the answer: %s %s %s", *c.ParameterGroupName, *c.ParameterGroupStatus, *c.Status)
	}
	if c := h.cluster("c"); *c.ParameterGroupName != "own" || *c.ParameterGroupStatus != "applying" {
		t.Errorf("right after: %s %s", *c.ParameterGroupName, *c.ParameterGroupStatus)
	}
	if v := h.wanted("c").Parameters["maxmemory-policy"]; v != "allkeys-lru" {
		t.Errorf("nodes are to have %q", v)
	}
	h.settle()
	if c := h.cluster("c"); *c.ParameterGroupStatus != "in-sync" {
		t.Errorf("at the end: %s", *c.ParameterGroupStatus)
	}
}

func TestDefaultOnlyAndAllParametersAreAbsentWhenFalse(t *testing.T) {
	h := start(t, "")
	all := must[*memorydb.DescribeEngineVersionsOutput](t)(h.DescribeEngineVersions(t.Context(), &memorydb.DescribeEngineVersionsInput{}))
	def := must[*memorydb.DescribeEngineVersionsOutput](t)(h.DescribeEngineVersions(t.Context(), &memorydb.DescribeEngineVersionsInput{DefaultOnly: true}))
	if len(all.EngineVersions) != 5 || len(def.EngineVersions) != 2 {
		t.Errorf("%d versions, %d defaults", len(all.EngineVersions), len(def.EngineVersions))
	}
	h.createParameterGroup("g", "memorydb_redis7")
	_, err := h.ResetParameterGroup(t.Context(), &memorydb.ResetParameterGroupInput{ParameterGroupName: aws.String("g")})
	wantCode(t, err, "InvalidParameterCombinationException")
}

func TestDescribeUsersFilter(t *testing.T) {
	h := start(t, "")
	h.createUser("user-123", "on ~* +@all")
	h.createUser("user-124", "on ~* +@all")
	for _, name := range []string{"UserName", "user-name"} {
		out := must[*memorydb.DescribeUsersOutput](t)(h.DescribeUsers(t.Context(), &memorydb.DescribeUsersInput{Filters: []types.Filter{{Name: aws.String(name), Values: []string{"User-123", "x"}}}}))
		if len(out.Users) != 1 || *out.Users[0].Name != "user-123" {
			t.Errorf("%s: %+v", name, out.Users)
		}
	}
	_, err := h.DescribeUsers(t.Context(), &memorydb.DescribeUsersInput{Filters: []types.Filter{{Name: aws.String("color"), Values: []string{"red"}}}})
	wantCode(t, err, "InvalidParameterValueException")
}

func TestTimesOfEventsAreSeconds(t *testing.T) {
	h := start(t, "")
	from := h.clock.Now()
	h.createUser("early", "on")
	h.clock.add(2 * time.Hour)
	h.createUser("late", "on")
	for name, in := range map[string]*memorydb.DescribeEventsInput{
		"late":       {},
		"early":      {StartTime: aws.Time(from.Add(-time.Minute)), EndTime: aws.Time(from.Add(time.Minute))},
		"late early": {Duration: aws.Int32(180), SourceType: types.SourceTypeUser},
	} {
		var got string
		for _, e := range must[*memorydb.DescribeEventsOutput](t)(h.DescribeEvents(t.Context(), in)).Events {
			if got += *e.SourceName + " "; *e.Message != "Create user "+*e.SourceName+" operation completed." || e.Date.IsZero() {
				t.Errorf("%s at %v", *e.Message, e.Date)
			}
		}
		if got != name+" " {
			t.Errorf("events of %q, want %q", got, name)
		}
	}
	h.clock.add(15 * 24 * time.Hour)
	h.createUser("last", "on")
	out := must[*memorydb.DescribeEventsOutput](t)(h.DescribeEvents(t.Context(), &memorydb.DescribeEventsInput{StartTime: aws.Time(from)}))
	if len(out.Events) != 1 {
		t.Errorf("%d events are kept, want those of 14 days", len(out.Events))
	}
}
