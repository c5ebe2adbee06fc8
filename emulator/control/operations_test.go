package control_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/aws/smithy-go"

	"github.com/openmemorydb/memorydb/emulator/control"
)

// notServed are the actions of AWS's client that this version doesn't have, with the reason. They are answered with UnknownOperationException.
var notServed = map[string]string{
	"BatchUpdateCluster":                   "there are no service updates",
	"CreateMultiRegionCluster":             "multi-Region clusters come later",
	"DeleteMultiRegionCluster":             "multi-Region clusters come later",
	"DescribeMultiRegionClusters":          "multi-Region clusters come later",
	"DescribeMultiRegionParameterGroups":   "multi-Region clusters come later",
	"DescribeMultiRegionParameters":        "multi-Region clusters come later",
	"DescribeReservedNodes":                "there is nothing to reserve",
	"DescribeReservedNodesOfferings":       "there is nothing to reserve",
	"DescribeServiceUpdates":               "there are no service updates",
	"ListAllowedMultiRegionClusterUpdates": "multi-Region clusters come later",
	"PurchaseReservedNodesOffering":        "there is nothing to reserve",
	"UpdateMultiRegionCluster":             "multi-Region clusters come later",
}

// actions are the methods of AWS's client that are actions of the service.
func actions() []string {
	var names []string
	t := reflect.TypeFor[*memorydb.Client]()
	for i := range t.NumMethod() {
		if m := t.Method(i); m.Type.NumIn() == 4 && m.Type.NumOut() == 2 && strings.HasSuffix(m.Type.In(2).String(), m.Name+"Input") {
			names = append(names, m.Name)
		}
	}
	return names
}

func TestEveryActionIsServedOrSaysWhyNot(t *testing.T) {
	served := map[string]bool{}
	for _, op := range new(control.Service).Operations() {
		if served[op.Name] {
			t.Errorf("%s has two rows", op.Name)
		}
		served[op.Name] = true
		reads := strings.HasPrefix(op.Name, "Describe") || strings.HasPrefix(op.Name, "List")
		if op.Write == reads {
			t.Errorf("%s: Write is %t", op.Name, op.Write)
		}
	}
	all := actions()
	if len(all) != 45 {
		t.Errorf("AWS's client has %d actions, 45 were known", len(all))
	}
	for _, name := range all {
		if served[name] == (notServed[name] != "") {
			t.Errorf("%s must be either a row or in notServed", name)
		}
		delete(served, name)
	}
	for name := range served {
		t.Errorf("%s is no action of AWS's client", name)
	}
	for name := range maps.Keys(notServed) {
		if !slices.Contains(all, name) {
			t.Errorf("notServed has %s, which is no action", name)
		}
	}
}

// Whatever the body of whatever action: an answer or a fault, never a panic or an inner error.
func FuzzOperations(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `[`, `{"ClusterName":7}`, `{"ClusterName":"c","ACLName":"open-access","NodeType":"db.t4g.small","Tags":[{}],"SecurityGroupIds":["sg-1"],"NumShards":2}`,
		`{"ClusterName":"c","ReplicaConfiguration":{},"ShardConfiguration":{}}`, `{"UserName":"u","AccessString":"on","AuthenticationMode":{}}`,
		`{"ParameterGroupName":"g","Family":"memorydb_redis7","ParameterNameValues":[{}],"ParameterNames":[""]}`, `{"SubnetGroupName":"s","SubnetIds":["subnet-1",null]}`,
		`{"ResourceArn":"arn:aws:memorydb:us-east-1:123456789012:user/default","Tags":[{"Key":"k"}],"TagKeys":["k"]}`, `{"ACLName":"a","UserNames":[],"UserNamesToAdd":["u"]}`,
		`{"Filters":[{}],"MaxResults":1,"NextToken":"MTo"}`, `{"StartTime":1e9,"Duration":5}`, `{"ClusterName":"a\u0000b"}`,
	} {
		f.Add([]byte(body))
	}
	h := start(f, "")
	rows := h.service.Operations()
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, op := range rows {
			_, err := op.Call(t.Context(), control.Caller{AccessKey: "test", Account: account, Region: region}, body)
			var fault smithy.APIError
			if err != nil && !errors.As(err, &fault) {
				t.Errorf("%s: %v", op.Name, err)
			}
		}
	})
}

var update = flag.Bool("update", false, "write the table of docs/api.md")

const (
	tableBegins = "<!-- actions: written by go test ./emulator/control -run Docs -update -->\n"
	tableEnds   = "<!-- end of actions -->\n"
)

func TestDocsListEveryAction(t *testing.T) {
	const file = "../../docs/api.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), tableBegins)
	_, after, ended := strings.Cut(rest, tableEnds)
	if !found || !ended {
		t.Fatalf("%s has no place for the table of actions", file)
	}
	var b strings.Builder
	b.WriteString("| Action | Served |\n|---|---|\n")
	for _, name := range actions() {
		says := "yes"
		if reason := notServed[name]; reason != "" {
			says = "no: " + reason
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, says)
	}
	want := before + tableBegins + b.String() + tableEnds + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s does not list what is served; run the test with -update", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
