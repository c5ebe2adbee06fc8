package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// These tests speak the plugin protocol with the provider, without terraform, and put a small API of their own behind it: they cover what an emulator does not do on demand, such as losing an answer.

// stub is an API: an answer for each action.
type stub struct {
	mu sync.Mutex
	// actions answer with a value that is written as JSON, or a fault. An action that has none is answered with the fault of a missing resource.
	actions map[string]func(in map[string]any) (any, fault)
	// lose says how many answers of an action are executed and then lost.
	lose  map[string]int
	calls []string
}

// fault is the code of an error; empty is none.
type fault string

// ServeHTTP implements http.Handler.
func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonMemoryDB.")
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, action)
	out, failure := any(nil), missing(action)
	if do := s.actions[action]; do != nil {
		out, failure = do(in)
	}
	if s.lose[action] > 0 {
		s.lose[action]--
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", "request-of-"+action)
	if failure != "" {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"__type": string(failure), "message": "because of the test"}
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		panic(err)
	}
}

// missing is the fault of an action for a resource that isn't there.
func missing(action string) fault {
	for part, kind := range map[string]string{"SubnetGroup": "SubnetGroup", "Parameter": "ParameterGroup", "User": "User", "ACL": "ACL", "Cluster": "Cluster"} {
		if strings.Contains(action, part) {
			return fault(kind + "NotFoundFault")
		}
	}
	return "InvalidARNFault"
}

// plugin is the provider, seen as terraform sees it.
type plugin struct {
	tfprotov6.ProviderServer
	schemas    *tfprotov6.GetProviderSchemaResponse
	identities *tfprotov6.GetResourceIdentitySchemasResponse
}

// connect configures a provider for an API; a nil one configures none.
func connect(t *testing.T, api *stub) *plugin {
	t.Helper()
	p := &plugin{ProviderServer: providerserver.NewProtocol6(New("test")())()}
	var err error
	if p.schemas, err = p.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{}); err != nil {
		t.Fatal(err)
	}
	if p.identities, err = p.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{}); err != nil {
		t.Fatal(err)
	}
	if api == nil {
		return p
	}
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	config := dynamic(t, p.schemas.Provider.ValueType(), map[string]any{"endpoint": srv.URL, "region": "us-east-1", "access_key": "test", "secret_key": "test"})
	resp, err := p.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{TerraformVersion: "1.15.0", Config: config})
	if err != nil {
		t.Fatal(err)
	}
	if text := errorsOf(resp.Diagnostics); text != "" {
		t.Fatal(text)
	}
	return p
}

func (p *plugin) typeOf(name string) tftypes.Type { return p.schemas.ResourceSchemas[name].ValueType() }

func (p *plugin) identityOf(name string) tftypes.Type {
	return p.identities.IdentitySchemas[name].ValueType()
}

// unknown is a value that is known after apply.
type unknown struct{}

// dynamic makes the protocol's form of a value; attributes that are left out are null.
func dynamic(t *testing.T, typ tftypes.Type, v any) *tfprotov6.DynamicValue {
	t.Helper()
	d, err := tfprotov6.NewDynamicValue(typ, tfValue(t, typ, v))
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

func tfValue(t *testing.T, typ tftypes.Type, v any) tftypes.Value {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return tftypes.NewValue(typ, nil)
	case unknown:
		return tftypes.NewValue(typ, tftypes.UnknownValue)
	case int:
		return tftypes.NewValue(typ, big.NewFloat(float64(v)))
	case []string:
		var all []any
		for _, s := range v {
			all = append(all, s)
		}
		return tfValue(t, typ, all)
	case []any:
		element := typ
		switch typ := typ.(type) {
		case tftypes.Set:
			element = typ.ElementType
		case tftypes.List:
			element = typ.ElementType
		}
		all := []tftypes.Value{}
		for _, e := range v {
			all = append(all, tfValue(t, element, e))
		}
		return tftypes.NewValue(typ, all)
	case map[string]any:
		all := map[string]tftypes.Value{}
		if m, ok := typ.(tftypes.Map); ok {
			for key, e := range v {
				all[key] = tfValue(t, m.ElementType, e)
			}
			return tftypes.NewValue(typ, all)
		}
		object, ok := typ.(tftypes.Object)
		if !ok {
			t.Fatalf("%v is no object", typ)
		}
		for key := range v {
			if object.AttributeTypes[key] == nil {
				t.Fatalf("there is no attribute %s", key)
			}
		}
		for key, e := range object.AttributeTypes {
			all[key] = tfValue(t, e, v[key])
		}
		return tftypes.NewValue(typ, all)
	}
	return tftypes.NewValue(typ, v)
}

// attributes takes the known strings out of a value.
func attributes(t *testing.T, typ tftypes.Type, d *tfprotov6.DynamicValue) map[string]string {
	t.Helper()
	v, err := d.Unmarshal(typ)
	if err != nil {
		t.Fatal(err)
	}
	if v.IsNull() {
		return nil
	}
	var all map[string]tftypes.Value
	if err := v.As(&all); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for name, a := range all {
		var s string
		if a.IsFullyKnown() && !a.IsNull() && a.As(&s) == nil {
			out[name] = s
		}
	}
	return out
}

// errorsOf are the errors among diagnostics, as text; empty if there is none.
func errorsOf(diags []*tfprotov6.Diagnostic) string {
	var b strings.Builder
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			fmt.Fprintf(&b, "%v: %s: %s\n", d.Attribute, d.Summary, d.Detail)
		}
	}
	return b.String()
}

// plan plans a change of a resource; a nil prior is a creation.
func (p *plugin) plan(t *testing.T, name string, prior, config map[string]any) *tfprotov6.PlanResourceChangeResponse {
	t.Helper()
	typ := p.typeOf(name)
	proposed := map[string]any{}
	for key, v := range config {
		proposed[key] = v
	}
	for _, a := range p.schemas.ResourceSchemas[name].Block.Attributes {
		if _, set := config[a.Name]; !set && a.Computed {
			if prior == nil {
				proposed[a.Name] = unknown{}
			} else if v, ok := prior[a.Name]; ok {
				proposed[a.Name] = v
			}
		}
	}
	var before any
	if prior != nil {
		before = prior
	}
	resp, err := p.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: name, PriorState: dynamic(t, typ, before), ProposedNewState: dynamic(t, typ, proposed), Config: dynamic(t, typ, config),
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// create plans and makes a resource.
func (p *plugin) create(t *testing.T, name string, config map[string]any) *tfprotov6.ApplyResourceChangeResponse {
	t.Helper()
	typ := p.typeOf(name)
	planned := p.plan(t, name, nil, config)
	if text := errorsOf(planned.Diagnostics); text != "" {
		t.Fatal(text)
	}
	resp, err := p.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: name, PriorState: dynamic(t, typ, nil), PlannedState: planned.PlannedState, Config: dynamic(t, typ, config), PlannedIdentity: planned.PlannedIdentity,
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

var kinds = []kind{subnetGroupKind, parameterGroupKind, userKind, aclKind, clusterKind}

// state is a state that terraform may have of a resource; the rest of its attributes is null.
func (k kind) state(name string) map[string]any {
	return map[string]any{"id": name, k.name: name, "arn": "arn:aws:memorydb:us-east-1:123456789012:" + string(k.arn) + "/" + name}
}

// A resource that is gone leaves the state, also if the state is of a terraform that knew no identities: Read has to set the identity before it says so.
func TestReadOfWhatIsGone(t *testing.T) {
	p := connect(t, &stub{})
	for _, k := range kinds {
		t.Run(k.noun, func(t *testing.T) {
			name := TypeName + "_" + k.typeName
			resp, err := p.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: name, CurrentState: dynamic(t, p.typeOf(name), k.state("gone"))})
			if err != nil {
				t.Fatal(err)
			}
			if text := errorsOf(resp.Diagnostics); text != "" {
				t.Fatal(text)
			}
			if got := attributes(t, p.typeOf(name), resp.NewState); got != nil {
				t.Errorf("the state still has %v", got)
			}
		})
	}
}

func TestImport(t *testing.T) {
	p := connect(t, &stub{})
	for _, k := range kinds {
		name := TypeName + "_" + k.typeName
		identity, err := tfprotov6.NewDynamicValue(p.identityOf(name), tfValue(t, p.identityOf(name), map[string]any{k.name: "mine"}))
		if err != nil {
			t.Fatal(err)
		}
		for how, req := range map[string]*tfprotov6.ImportResourceStateRequest{
			"name": {ID: "mine"}, "name in capitals": {ID: "MINE"}, "ARN": {ID: "arn:aws:memorydb:us-east-1:123456789012:" + string(k.arn) + "/mine"},
			"identity": {Identity: &tfprotov6.ResourceIdentityData{IdentityData: &identity}},
		} {
			t.Run(k.noun+" by "+how, func(t *testing.T) {
				req.TypeName = name
				resp, err := p.ImportResourceState(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				if text := errorsOf(resp.Diagnostics); text != "" {
					t.Fatal(text)
				}
				imported := resp.ImportedResources[0]
				if got := attributes(t, p.typeOf(name), imported.State); got[k.name] != "mine" || got["id"] != "mine" {
					t.Errorf("state %v", got)
				}
				if got := attributes(t, p.identityOf(name), imported.Identity.IdentityData); got[k.name] != "mine" {
					t.Errorf("identity %v", got)
				}
			})
		}
	}
}

func TestImportByWrongARNIsRefused(t *testing.T) {
	p := connect(t, &stub{})
	for arn, want := range map[string]string{
		"arn:aws:memorydb:us-east-1:123456789012:acl/mine":  "Import by name, or by an ARN of the form arn:aws:memorydb:REGION:ACCOUNT:user/NAME",
		"arn:aws:rds:us-east-1:123456789012:user/mine":      "is not the ARN of a user",
		"arn:aws:memorydb:eu-west-1:123456789012:user/mine": "is in eu-west-1, but the provider works in us-east-1",
	} {
		resp, err := p.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: "memorydb_user", ID: arn})
		if err != nil {
			t.Fatal(err)
		}
		if text := errorsOf(resp.Diagnostics); !strings.Contains(text, want) {
			t.Errorf("%s: want %q, got %q", arn, want, text)
		}
	}
}

// subnetGroups is an API that keeps subnet groups by name.
func subnetGroups() *stub {
	groups := map[string]map[string]any{}
	s := &stub{lose: map[string]int{}}
	s.actions = map[string]func(map[string]any) (any, fault){
		"CreateSubnetGroup": func(in map[string]any) (any, fault) {
			name := in["SubnetGroupName"].(string)
			if groups[name] != nil {
				return nil, "SubnetGroupAlreadyExistsFault"
			}
			groups[name] = map[string]any{"Name": name, "Description": in["Description"], "ARN": "arn:aws:memorydb:us-east-1:123456789012:subnetgroup/" + name, "VpcId": "vpc-1",
				"Subnets": []any{map[string]any{"Identifier": "subnet-1"}}}
			return map[string]any{"SubnetGroup": groups[name]}, ""
		},
		"DescribeSubnetGroups": func(in map[string]any) (any, fault) {
			g := groups[in["SubnetGroupName"].(string)]
			if g == nil {
				return nil, "SubnetGroupNotFoundFault"
			}
			return map[string]any{"SubnetGroups": []any{g}}, ""
		},
		"ListTags": func(map[string]any) (any, fault) { return map[string]any{"TagList": []any{}}, "" },
	}
	return s
}

var aSubnetGroup = map[string]any{"name": "mine", "subnet_ids": []string{"subnet-1"}}

// The answer of the first attempt is lost; the second one finds the name taken, by the first.
func TestLostAnswerOfCreateIsNoError(t *testing.T) {
	api := subnetGroups()
	api.lose["CreateSubnetGroup"] = 1
	p := connect(t, api)
	resp := p.create(t, "memorydb_subnet_group", aSubnetGroup)
	if text := errorsOf(resp.Diagnostics); text != "" {
		t.Fatal(text)
	}
	if got := attributes(t, p.typeOf("memorydb_subnet_group"), resp.NewState); got["arn"] == "" {
		t.Errorf("state %v", got)
	}
	if n := strings.Count(strings.Join(api.calls, " "), "CreateSubnetGroup"); n != 2 {
		t.Errorf("created %d times", n)
	}
}

// What somebody else made is not taken over, lost answers or not.
func TestCreateOfWhatExistsIsRefused(t *testing.T) {
	api := subnetGroups()
	if _, failed := api.actions["CreateSubnetGroup"](map[string]any{"SubnetGroupName": "mine"}); failed != "" {
		t.Fatal(failed)
	}
	api.lose["CreateSubnetGroup"] = 1
	p := connect(t, api)
	resp := p.create(t, "memorydb_subnet_group", aSubnetGroup)
	text := errorsOf(resp.Diagnostics)
	for _, want := range []string{`AttributeName("name")`, "creating subnet group mine", "exists already", "terraform import"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if strings.Contains(strings.Join(api.calls, " "), "CreateSubnetGroup") {
		t.Error("it was created again")
	}
}

func TestThrottledCallIsRepeated(t *testing.T) {
	api := subnetGroups()
	describe, throttled := api.actions["DescribeSubnetGroups"], 2
	api.actions["DescribeSubnetGroups"] = func(in map[string]any) (any, fault) {
		if throttled > 0 {
			throttled--
			return nil, "ThrottlingException"
		}
		return describe(in)
	}
	if text := errorsOf(connect(t, api).create(t, "memorydb_subnet_group", aSubnetGroup).Diagnostics); text != "" {
		t.Error(text)
	}
}

// A cluster that was created but does not become available is in the state all the same, so that the next apply can replace it.
func TestFailedClusterStaysInTheState(t *testing.T) {
	api := &stub{}
	var status string
	api.actions = map[string]func(map[string]any) (any, fault){
		"CreateCluster": func(map[string]any) (any, fault) {
			status = "create-failed"
			return map[string]any{"Cluster": map[string]any{"Name": "mine"}}, ""
		},
		"DescribeClusters": func(map[string]any) (any, fault) {
			if status == "" {
				return nil, "ClusterNotFoundFault"
			}
			return map[string]any{"Clusters": []any{map[string]any{"Name": "mine", "Status": status}}}, ""
		},
	}
	p := connect(t, api)
	resp := p.create(t, "memorydb_cluster", map[string]any{"name": "mine", "node_type": "db.t4g.small", "acl_name": "open-access"})
	if text := errorsOf(resp.Diagnostics); !strings.Contains(text, "create-failed") {
		t.Errorf("got %q", text)
	}
	if got := attributes(t, p.typeOf("memorydb_cluster"), resp.NewState); got["id"] != "mine" || got["node_type"] != "db.t4g.small" {
		t.Errorf("state %v", got)
	}
	if got := attributes(t, p.identityOf("memorydb_cluster"), resp.NewIdentity.IdentityData); got["name"] != "mine" {
		t.Errorf("identity %v", got)
	}
}

func TestErrorsSayWhatWhereAndTheRequest(t *testing.T) {
	api := &stub{actions: map[string]func(map[string]any) (any, fault){
		"CreateCluster": func(map[string]any) (any, fault) { return nil, "ACLNotFoundFault" },
	}}
	resp := connect(t, api).create(t, "memorydb_cluster", map[string]any{"name": "mine", "node_type": "db.t4g.small", "acl_name": "nobody"})
	text := errorsOf(resp.Diagnostics)
	for _, want := range []string{`AttributeName("acl_name")`, "creating cluster mine: ACLNotFoundFault", "because of the test", "memorydb_acl", "Request id: request-of-CreateCluster"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
}

func TestUnknownProviderConfigurationIsRefused(t *testing.T) {
	p := connect(t, nil)
	resp, err := p.ConfigureProvider(context.Background(), &tfprotov6.ConfigureProviderRequest{Config: dynamic(t, p.schemas.Provider.ValueType(), map[string]any{"endpoint": unknown{}})})
	if err != nil {
		t.Fatal(err)
	}
	if text := errorsOf(resp.Diagnostics); !strings.Contains(text, `AttributeName("endpoint")`) || !strings.Contains(text, "known only after apply") {
		t.Errorf("got %q", text)
	}
}
