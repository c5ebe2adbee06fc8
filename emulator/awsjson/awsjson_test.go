package awsjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignoreSmithy = cmp.Options{cmpopts.IgnoreUnexported(memorydb.CreateClusterInput{}, memorydb.UpdateClusterInput{}, memorydb.DescribeEventsInput{}, types.Tag{},
	types.ReplicaConfigurationRequest{}, types.ShardConfigurationRequest{}, memorydb.CreateUserInput{}, types.AuthenticationMode{})}

func TestDecode(t *testing.T) {
	tests := map[string]struct {
		body      string
		got, want any
	}{
		"empty body": {"", &memorydb.CreateClusterInput{}, &memorydb.CreateClusterInput{}},
		"all types": {`{"ClusterName":"a","NumShards":2,"NumReplicasPerShard":0,"TLSEnabled":false,"NetworkType":"ipv4","SecurityGroupIds":["sg-1"],"Tags":[{"Key":"k","Value":"ü"},{"Key":"l"}]}`,
			&memorydb.CreateClusterInput{},
			&memorydb.CreateClusterInput{ClusterName: aws.String("a"), NumShards: aws.Int32(2), NumReplicasPerShard: aws.Int32(0), TLSEnabled: aws.Bool(false), NetworkType: types.NetworkTypeIpv4,
				SecurityGroupIds: []string{"sg-1"}, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("ü")}, {Key: aws.String("l")}}}},
		"unknown, null and differently cased members are absent": {`{"clustername":"a","Nonsense":{"x":[1]},"Description":null,"CLUSTERNAME":"b"}`,
			&memorydb.CreateClusterInput{}, &memorydb.CreateClusterInput{}},
		"an empty structure means 0": {`{"ReplicaConfiguration":{},"ShardConfiguration":{}}`, &memorydb.UpdateClusterInput{},
			&memorydb.UpdateClusterInput{ReplicaConfiguration: &types.ReplicaConfigurationRequest{}, ShardConfiguration: &types.ShardConfigurationRequest{}}},
		"times are seconds": {`{"StartTime":1700000000.5,"EndTime":1700000001,"Duration":60}`, &memorydb.DescribeEventsInput{},
			&memorydb.DescribeEventsInput{StartTime: aws.Time(time.UnixMilli(1700000000500).UTC()), EndTime: aws.Time(time.Unix(1700000001, 0).UTC()), Duration: aws.Int32(60)}},
		"nested lists": {`{"AuthenticationMode":{"Type":"password","Passwords":["a",null,"b"]}}`, &memorydb.CreateUserInput{},
			&memorydb.CreateUserInput{AuthenticationMode: &types.AuthenticationMode{Type: "password", Passwords: []string{"a", "b"}}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if err := Decode([]byte(tc.body), tc.got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, tc.got, ignoreSmithy); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for body, want := range map[string]string{
		`{"NumShards":"2"}`:                          "NumShards: STRING_VALUE can not be converted to an Integer",
		`{"NumShards":2.5}`:                          "NumShards: the number 2.5 can not be converted to an Integer",
		`{"NumShards":99999999999}`:                  "NumShards: the number 99999999999 can not be converted to an Integer",
		`{"ClusterName":7}`:                          "ClusterName: NUMBER_VALUE can not be converted to a String",
		`{"TLSEnabled":"true"}`:                      "TLSEnabled: STRING_VALUE can not be converted to a Boolean",
		`{"Tags":{"Key":"a"}}`:                       "Tags: START_OBJECT can not be converted to a list",
		`{"Tags":["a"]}`:                             "Tags[0]: STRING_VALUE can not be converted to a structure",
		`{"Tags":[{"Key":"a"},{"Key":true}]}`:        "Tags[1].Key: TRUE_VALUE can not be converted to a String",
		`{"ClusterName":"a"`:                         "The body is not valid JSON: unexpected end of input",
		`{"ClusterName":"a"} x`:                      "The body is not valid JSON: there is more after the structure",
		`["a"]`:                                      "START_ARRAY can not be converted to a structure",
		`{"X":` + strings.Repeat("[", 100_000):       "The body nests more than 32 levels",
		`null`:                                       "NULL_VALUE can not be converted to a structure",
		`{"Description":"\ud800","NumShards":false}`: "NumShards: FALSE_VALUE can not be converted to an Integer",
	} {
		err := Decode([]byte(body), &memorydb.CreateClusterInput{})
		var fault smithy.APIError
		if !errors.As(err, &fault) || fault.ErrorCode() != "SerializationException" || fault.ErrorMessage() != want {
			t.Errorf("%.40s: %v, want SerializationException %q", body, err, want)
		}
	}
	for _, body := range []string{`{"StartTime":1e300}`, `{"StartTime":"2020-01-01T00:00:00Z"}`, `{"StartTime":1e999}`} {
		if err := Decode([]byte(body), &memorydb.DescribeEventsInput{}); err == nil {
			t.Errorf("%s is accepted", body)
		}
	}
}

func TestEncode(t *testing.T) {
	out := &memorydb.DescribeClustersOutput{Clusters: []types.Cluster{{
		Name: aws.String("a<b>"), TLSEnabled: aws.Bool(false), NumberOfShards: aws.Int32(0), ClusterEndpoint: &types.Endpoint{Port: 6379}, DataTiering: "false",
		Shards: []types.Shard{{Nodes: []types.Node{{CreateTime: aws.Time(time.UnixMilli(1700000000123))}}}}, SecurityGroups: []types.SecurityGroupMembership{},
	}}}
	got, err := Encode(out)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Clusters":[{"ClusterEndpoint":{"Port":6379},"DataTiering":"false","Name":"a<b>","NumberOfShards":0,"SecurityGroups":[],` +
		`"Shards":[{"Nodes":[{"CreateTime":1700000000.123}]}],"TLSEnabled":false}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string(EncodeFault("ClusterNotFoundFault", `no "x"`)); got != `{"__type":"ClusterNotFoundFault","message":"no \"x\""}` {
		t.Error(got)
	}
	if _, err := Encode("text"); err == nil {
		t.Error("a string has been encoded")
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"ClusterName":"a","NumShards":2,"Tags":[{"Key":"k"}],"TLSEnabled":true}`, `{"StartTime":1.5}`, `[[[[`, `{"a":"\"{"}`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, in := range []any{&memorydb.CreateClusterInput{}, &memorydb.DescribeEventsInput{}, &memorydb.CreateUserInput{}} {
			err := Decode(body, in)
			var fault smithy.APIError
			if err != nil && !errors.As(err, &fault) {
				t.Fatalf("%T is no fault: %v", err, err)
			}
			if err != nil {
				continue
			}
			out, err := Encode(in)
			if err != nil || !json.Valid(out) {
				t.Fatalf("encode: %v: %q", err, out)
			}
		}
	})
}
