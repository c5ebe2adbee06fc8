package control_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/google/go-cmp/cmp"
)

// Every action that has pages gives out each item once, in the same order, whatever the size of the pages.
func TestPages(t *testing.T) {
	h := start(t, "")
	for i := range 7 {
		name := fmt.Sprint("n", i)
		h.createUser(name, "on ~* +@all")
		h.createACL(name)
		h.createParameterGroup(name, "memorydb_redis7")
		must[*memorydb.CreateSubnetGroupOutput](t)(h.CreateSubnetGroup(t.Context(), &memorydb.CreateSubnetGroupInput{SubnetGroupName: aws.String(name), SubnetIds: []string{"subnet-1"}}))
		h.createCluster(name)
	}
	client := reflect.ValueOf(h.Client)
	for action, want := range map[string]int{
		"DescribeACLs": 8, "DescribeClusters": 7, "DescribeEngineVersions": 5, "DescribeEvents": 35, "DescribeParameterGroups": 12, "DescribeParameters": 42,
		"DescribeSubnetGroups": 8, "DescribeUsers": 8,
	} {
		t.Run(action, func(t *testing.T) {
			method := client.MethodByName(action)
			// items calls the action with pages of that size and collects what they list.
			items := func(size int32) (all []string, pages int) {
				var token *string
				for {
					in := reflect.New(method.Type().In(1).Elem())
					set := func(field string, v any) {
						if f := in.Elem().FieldByName(field); f.IsValid() {
							f.Set(reflect.ValueOf(v))
						}
					}
					if action == "DescribeParameters" {
						set("ParameterGroupName", aws.String("n0"))
					}
					if size > 0 {
						set("MaxResults", aws.Int32(size))
					}
					set("NextToken", token)
					got := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
					if err, _ := got[1].Interface().(error); err != nil {
						t.Fatal(err)
					}
					out := got[0].Elem()
					for i := range out.NumField() {
						if f := out.Field(i); f.Kind() == reflect.Slice {
							for j := range f.Len() {
								text, err := json.Marshal(f.Index(j).Interface())
								if err != nil {
									t.Fatal(err)
								}
								all = append(all, string(text))
							}
						}
					}
					pages++
					var ok bool
					if token, ok = out.FieldByName("NextToken").Interface().(*string); !ok || token == nil {
						return all, pages
					}
				}
			}
			whole, pages := items(0)
			if len(whole) != want || pages != 1 {
				t.Errorf("%d items in %d pages, want %d in 1", len(whole), pages, want)
			}
			inPages, pages := items(3)
			if diff := cmp.Diff(whole, inPages); diff != "" || pages != (want+2)/3 {
				t.Errorf("%d pages: %s", pages, diff)
			}
		})
	}
}

func TestPagesKeepTheirPlaceWhenItemsComeAndGo(t *testing.T) {
	h := start(t, "")
	for _, name := range []string{"b", "d", "f"} {
		h.createACL(name)
	}
	in := &memorydb.DescribeACLsInput{MaxResults: aws.Int32(2)}
	first := must[*memorydb.DescribeACLsOutput](t)(h.DescribeACLs(t.Context(), in)) // b d
	must[*memorydb.DeleteACLOutput](t)(h.DeleteACL(t.Context(), &memorydb.DeleteACLInput{ACLName: aws.String("d")}))
	h.createACL("a")
	h.createACL("e")
	in.NextToken = first.NextToken
	var got []string
	for _, a := range must[*memorydb.DescribeACLsOutput](t)(h.DescribeACLs(t.Context(), in)).ACLs {
		got = append(got, *a.Name)
	}
	if !slices.Equal(got, []string{"e", "f"}) {
		t.Errorf("second page: %v", got)
	}
}

// Tags of every kind of resource: given at creation, listed, added, replaced, taken away, gone with the resource.
func TestTags(t *testing.T) {
	h := start(t, "")
	ctx := t.Context()
	given := []types.Tag{{Key: aws.String("Env"), Value: aws.String("prod")}}
	auth := &types.AuthenticationMode{Type: "iam"}
	tests := map[string]struct {
		create func() (*string, error)
		remove func() error
	}{
		"cluster": {func() (*string, error) {
			out, err := h.CreateCluster(ctx, &memorydb.CreateClusterInput{ClusterName: aws.String("x"), ACLName: aws.String("open-access"), NodeType: aws.String("db.t4g.small"), Tags: given})
			h.settle()
			return out.Cluster.ARN, err
		}, func() error {
			_, err := h.DeleteCluster(ctx, &memorydb.DeleteClusterInput{ClusterName: aws.String("x")})
			h.settle()
			return err
		}},
		"acl": {func() (*string, error) {
			out, err := h.CreateACL(ctx, &memorydb.CreateACLInput{ACLName: aws.String("x"), Tags: given})
			return out.ACL.ARN, err
		}, func() error {
			_, err := h.DeleteACL(ctx, &memorydb.DeleteACLInput{ACLName: aws.String("x")})
			return err
		}},
		"user": {func() (*string, error) {
			out, err := h.CreateUser(ctx, &memorydb.CreateUserInput{UserName: aws.String("x"), AccessString: aws.String("on"), AuthenticationMode: auth, Tags: given})
			return out.User.ARN, err
		}, func() error {
			_, err := h.DeleteUser(ctx, &memorydb.DeleteUserInput{UserName: aws.String("x")})
			return err
		}},
		"parameter group": {func() (*string, error) {
			out, err := h.CreateParameterGroup(ctx, &memorydb.CreateParameterGroupInput{ParameterGroupName: aws.String("x"), Family: aws.String("memorydb_redis7"), Tags: given})
			return out.ParameterGroup.ARN, err
		}, func() error {
			_, err := h.DeleteParameterGroup(ctx, &memorydb.DeleteParameterGroupInput{ParameterGroupName: aws.String("x")})
			return err
		}},
		"subnet group": {func() (*string, error) {
			out, err := h.CreateSubnetGroup(ctx, &memorydb.CreateSubnetGroupInput{SubnetGroupName: aws.String("x"), SubnetIds: []string{"subnet-1"}, Tags: given})
			return out.SubnetGroup.ARN, err
		}, func() error {
			_, err := h.DeleteSubnetGroup(ctx, &memorydb.DeleteSubnetGroupInput{SubnetGroupName: aws.String("x")})
			return err
		}},
	}
	for kind, tc := range tests {
		t.Run(kind, func(t *testing.T) {
			arn, err := tc.create()
			if err != nil {
				t.Fatal(err)
			}
			tags := func(list []types.Tag, err error) string {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				var out string
				for _, tag := range list {
					out += *tag.Key + "=" + aws.ToString(tag.Value) + " "
				}
				return out
			}
			listed := func() string {
				out, err := h.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: arn})
				return tags(out.TagList, err)
			}
			if got := listed(); got != "Env=prod " {
				t.Errorf("created with %q", got)
			}
			added, err := h.TagResource(ctx, &memorydb.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("Env"), Value: aws.String("test")}, {Key: aws.String("env"), Value: aws.String("")}}})
			if got := tags(added.TagList, err); got != "Env=test env= " || listed() != got {
				t.Errorf("after TagResource %q, listed %q", got, listed())
			}
			left, err := h.UntagResource(ctx, &memorydb.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"Env"}})
			if got := tags(left.TagList, err); got != "env= " || listed() != got {
				t.Errorf("after UntagResource %q, listed %q", got, listed())
			}
			if err := tc.remove(); err != nil {
				t.Fatal(err)
			}
			if _, err := h.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: arn}); code(err) == "" {
				t.Error("tags of what is gone are listed")
			}
			if _, err := tc.create(); err != nil {
				t.Fatal(err)
			}
			if got := listed(); got != "Env=prod " {
				t.Errorf("created again with %q", got)
			}
		})
	}
	for _, rest := range []string{"acl/open-access", "user/default", "parametergroup/default.memorydb-redis7"} {
		arn := aws.String("arn:aws:memorydb:us-east-1:" + account + ":" + rest)
		out := must[*memorydb.ListTagsOutput](t)(h.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: arn}))
		if out.TagList == nil || len(out.TagList) != 0 {
			t.Errorf("tags of %s: %v", rest, out.TagList)
		}
	}
}

// Recorded answers: 39 parameters of redis6; those with neither default nor value have none.
func TestParametersOfAGroup(t *testing.T) {
	h := start(t, "")
	h.createParameterGroup("g", "memorydb_redis6")
	if err := h.setParameter("g", "maxmemory-policy", "volatile-ttl"); err != nil {
		t.Fatal(err)
	}
	out := must[*memorydb.DescribeParametersOutput](t)(h.DescribeParameters(t.Context(), &memorydb.DescribeParametersInput{ParameterGroupName: aws.String("g")}))
	values := map[string]string{}
	for _, p := range out.Parameters {
		values[*p.Name] = aws.ToString(p.Value)
		if *p.Name == "notify-keyspace-events" && (p.Value != nil || p.AllowedValues != nil) {
			t.Errorf("%s has value %v of %v", *p.Name, p.Value, p.AllowedValues)
		}
	}
	if len(out.Parameters) != 39 || values["maxmemory-policy"] != "volatile-ttl" || values["timeout"] != "0" {
		t.Errorf("%d parameters, %v", len(out.Parameters), values)
	}
}

func TestRegionsAreSeparate(t *testing.T) {
	h := start(t, "")
	h.createCluster("c")
	west := h.client("eu-west-1")
	_, err := west.DescribeClusters(t.Context(), &memorydb.DescribeClustersInput{ClusterName: aws.String("c")})
	wantCode(t, err, "ClusterNotFoundFault")
	h.clock.add(time.Second)
	out := must[*memorydb.CreateClusterOutput](t)(west.CreateCluster(t.Context(), &memorydb.CreateClusterInput{ClusterName: aws.String("c"), ACLName: aws.String("open-access"), NodeType: aws.String("db.t4g.small")}))
	if *out.Cluster.ARN != "arn:aws:memorydb:eu-west-1:"+account+":cluster/c" {
		t.Error(*out.Cluster.ARN)
	}
	all, err := h.service.Wanted(t.Context())
	if err != nil || len(all) != 2 || all[0].Region != "us-east-1" || all[1].Region != "eu-west-1" || all[0].ID == all[1].ID {
		t.Errorf("%d clusters are wanted, %v; not the one of us-east-1 before the one of eu-west-1", len(all), err)
	}
}

func TestSubnetsAreAdoptedIntoDifferentZones(t *testing.T) {
	h := start(t, "")
	group := func(name string, ids ...string) (zones []string) {
		out := must[*memorydb.CreateSubnetGroupOutput](t)(h.CreateSubnetGroup(t.Context(), &memorydb.CreateSubnetGroupInput{SubnetGroupName: aws.String(name), SubnetIds: ids}))
		for _, s := range out.SubnetGroup.Subnets {
			zones = append(zones, *s.AvailabilityZone.Name)
		}
		return zones
	}
	if got := group("one", "subnet-x", "subnet-y", "subnet-x"); !slices.Equal(got, []string{"us-east-1a", "us-east-1b"}) {
		t.Errorf("zones %v", got)
	}
	if got := group("two", "subnet-y", "subnet-z"); !slices.Equal(got, []string{"us-east-1b", "us-east-1c"}) {
		t.Errorf("zones %v: a subnet stays in its zone", got)
	}
	one := must[*memorydb.UpdateSubnetGroupOutput](t)(h.UpdateSubnetGroup(t.Context(), &memorydb.UpdateSubnetGroupInput{SubnetGroupName: aws.String("one"), SubnetIds: []string{"subnet-z"}, Description: aws.String("d")}))
	if len(one.SubnetGroup.Subnets) != 1 || *one.SubnetGroup.Description != "d" || one.SubnetGroup.VpcId == nil {
		t.Errorf("%+v", one.SubnetGroup)
	}
	c := h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.SubnetGroupName = aws.String("one") })
	if c.AvailabilityMode != "SingleAZ" {
		t.Errorf("two nodes in one zone are %s", c.AvailabilityMode)
	}
}

func TestListAllowedNodeTypeUpdates(t *testing.T) {
	h := start(t, "")
	h.createCluster("c", func(in *memorydb.CreateClusterInput) { in.NodeType = aws.String("db.r6g.large") })
	out := must[*memorydb.ListAllowedNodeTypeUpdatesOutput](t)(h.ListAllowedNodeTypeUpdates(t.Context(), &memorydb.ListAllowedNodeTypeUpdatesInput{ClusterName: aws.String("c")}))
	if !slices.Contains(out.ScaleUpNodeTypes, "db.r6g.xlarge") || !slices.Contains(out.ScaleDownNodeTypes, "db.t4g.small") {
		t.Errorf("up %v, down %v", out.ScaleUpNodeTypes, out.ScaleDownNodeTypes)
	}
}
