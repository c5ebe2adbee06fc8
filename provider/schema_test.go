package provider

import (
	"context"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	awstypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
)

// coverage is a resource, and the types of the API that it has to show: every member is an attribute, or is excused with a reason.
var coverage = []struct {
	resource       func() resource.Resource
	create, update any
	view           any
	// renamed are attributes that are not their member in snake case; excused are members that no attribute shows.
	renamed, excused map[string]string
	// own are attributes that no member of create, update or view stands for.
	own []string
}{
	{
		resource: newSubnetGroupResource, create: memorydb.CreateSubnetGroupInput{}, update: memorydb.UpdateSubnetGroupInput{}, view: awstypes.SubnetGroup{},
		renamed: map[string]string{"SubnetGroupName": "name", "Subnets": "subnet_ids"},
	},
	{
		resource: newParameterGroupResource, create: memorydb.CreateParameterGroupInput{}, update: memorydb.UpdateParameterGroupInput{}, view: awstypes.ParameterGroup{},
		renamed: map[string]string{"ParameterGroupName": "name", "ParameterNameValues": "parameter"},
	},
	{
		resource: newUserResource, create: memorydb.CreateUserInput{}, update: memorydb.UpdateUserInput{}, view: awstypes.User{},
		renamed: map[string]string{"Name": "user_name", "Authentication": "authentication_mode"},
		excused: map[string]string{"Status": statusReason, "ACLNames": "is the business of the ACLs; the data source shows it"},
	},
	{
		resource: newACLResource, create: memorydb.CreateACLInput{}, update: memorydb.UpdateACLInput{}, view: awstypes.ACL{},
		renamed: map[string]string{"ACLName": "name", "UserNamesToAdd": "user_names", "UserNamesToRemove": "user_names"},
		excused: map[string]string{"Status": statusReason, "PendingChanges": statusReason, "Clusters": "is the business of the clusters"},
	},
	{
		resource: newClusterResource, create: memorydb.CreateClusterInput{}, update: memorydb.UpdateClusterInput{}, view: awstypes.Cluster{},
		renamed: map[string]string{
			"ClusterName": "name", "KmsKeyId": "kms_key_arn", "NumberOfShards": "num_shards", "ShardConfiguration": "num_shards", "ReplicaConfiguration": "num_replicas_per_shard", "SecurityGroups": "security_group_ids",
		},
		excused: map[string]string{
			"Status": statusReason, "PendingUpdates": statusReason, "ParameterGroupStatus": statusReason, "SnsTopicStatus": "an inactive topic is shown as none",
			"AvailabilityMode": "the service shows it in answers to changes only; num_replicas_per_shard decides it",
		},
		own: []string{"final_snapshot_name"},
	},
}

const statusReason = "is waited for, and would be stale in the state"

func TestSchemaCoversAPI(t *testing.T) {
	for _, c := range coverage {
		r := c.resource()
		var meta resource.MetadataResponse
		r.Metadata(t.Context(), resource.MetadataRequest{}, &meta)
		t.Run(meta.TypeName, func(t *testing.T) {
			s := schemaOf(t, r)
			names := slices.Collect(maps.Keys(s.Attributes))
			names = slices.AppendSeq(names, maps.Keys(s.Blocks))
			attribute := func(member string) string {
				if name, ok := c.renamed[member]; ok {
					return name
				}
				return snake(member)
			}
			shown := map[string]bool{}
			for _, api := range []any{c.create, c.update, c.view} {
				for _, member := range members(api) {
					if _, excused := c.excused[member]; excused {
						continue
					}
					name := attribute(member)
					shown[name] = true
					if !slices.Contains(names, name) {
						t.Errorf("%T.%s: no attribute %s, and no reason why", api, member, name)
					}
				}
			}
			for member := range c.excused {
				if !slices.Contains(slices.Concat(members(c.create), members(c.update), members(c.view)), member) {
					t.Errorf("%s is excused but is no member", member)
				}
			}
			for _, name := range names {
				if !shown[name] && !slices.Contains(slices.Concat([]string{"id", "tags_all", "name_prefix", "timeouts"}, c.own), name) {
					t.Errorf("attribute %s shows nothing of the API", name)
				}
			}
			changeable := map[string]bool{"tags": true}
			for _, member := range members(c.update) {
				changeable[attribute(member)] = true
			}
			for _, member := range members(c.create) {
				name := attribute(member)
				identity := name == "name" || name == "user_name"
				if a, ok := s.Attributes[name]; ok && replacesResource(a) != (identity || !changeable[name]) {
					t.Errorf("attribute %s: replaces the resource: %t, but an update call changes it: %t", name, replacesResource(a), changeable[name])
				}
			}
		})
	}
}

func TestEveryAttributeIsDescribed(t *testing.T) {
	for _, c := range coverage {
		s := schemaOf(t, c.resource())
		described(t, s.MarkdownDescription, s.Attributes, s.Blocks)
	}
}

func described(t *testing.T, at string, attributes map[string]schema.Attribute, blocks map[string]schema.Block) {
	for name, a := range attributes {
		text := a.GetMarkdownDescription()
		if text == "" {
			text = a.GetDescription() // the attributes of timeouts blocks are not ours
		}
		if !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %s has no description in sentences: %q", at, name, text)
		}
		switch a := a.(type) {
		case schema.ListNestedAttribute:
			described(t, at+" "+name, a.NestedObject.Attributes, nil)
		case schema.SingleNestedAttribute:
			described(t, at+" "+name, a.Attributes, nil)
		}
	}
	for name, b := range blocks {
		if !strings.HasSuffix(b.GetMarkdownDescription(), ".") {
			t.Errorf("%s: block %s has no description in sentences: %q", at, name, b.GetMarkdownDescription())
		}
		switch b := b.(type) {
		case schema.SetNestedBlock:
			described(t, at+" "+name, b.NestedObject.Attributes, nil)
		case schema.SingleNestedBlock:
			described(t, at+" "+name, b.Attributes, nil)
		}
	}
}

func schemaOf(t *testing.T, r resource.Resource) schema.Schema {
	t.Helper()
	var resp resource.SchemaResponse
	r.Schema(t.Context(), resource.SchemaRequest{}, &resp)
	if diags := resp.Schema.ValidateImplementation(t.Context()); diags.HasError() {
		t.Fatal(diags)
	}
	return resp.Schema
}

// members are the exported fields of a type of the SDK.
func members(api any) []string {
	var out []string
	t := reflect.TypeOf(api)
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			out = append(out, f.Name)
		}
	}
	return out
}

var (
	initialism = regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`)
	word       = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// snake is a member's name as an attribute: ACLName is acl_name.
func snake(member string) string {
	return strings.ToLower(word.ReplaceAllString(initialism.ReplaceAllString(member, "${1}_$2"), "${1}_$2"))
}

// replacesResource says whether a change of the attribute always makes a new resource.
func replacesResource(a schema.Attribute) bool {
	var all []planmodifier.Describer
	switch a := a.(type) {
	case schema.StringAttribute:
		all = describers(a.PlanModifiers)
	case schema.BoolAttribute:
		all = describers(a.PlanModifiers)
	case schema.Int64Attribute:
		all = describers(a.PlanModifiers)
	case schema.SetAttribute:
		all = describers(a.PlanModifiers)
	case schema.ListAttribute:
		all = describers(a.PlanModifiers)
	case schema.MapAttribute:
		all = describers(a.PlanModifiers)
	}
	return slices.ContainsFunc(all, func(d planmodifier.Describer) bool {
		return strings.Contains(d.Description(context.Background()), "destroy and recreate the resource")
	})
}

func describers[M planmodifier.Describer](modifiers []M) []planmodifier.Describer {
	var out []planmodifier.Describer
	for _, m := range modifiers {
		out = append(out, m)
	}
	return out
}
