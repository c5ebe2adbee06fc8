package provider

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// with is a configuration with some attributes changed.
func with(config map[string]any, more map[string]any) map[string]any {
	out := maps.Clone(config)
	maps.Copy(out, more)
	return out
}

var (
	aCluster        = map[string]any{"name": "mine", "node_type": "db.t4g.small", "acl_name": "open-access"}
	aParameterGroup = map[string]any{"name": "mine", "family": "memorydb_redis7"}
	aUser           = map[string]any{"user_name": "mine", "access_string": "on ~* &* +@all", "authentication_mode": map[string]any{"type": "password", "passwords": []string{"a-long-enough-password"}}}
	anACL           = map[string]any{"name": "mine"}
)

func parameter(name, value string) []any { return []any{map[string]any{"name": name, "value": value}} }

func authentication(more map[string]any) map[string]any {
	return map[string]any{"authentication_mode": more}
}

// Each bad configuration is refused before anything is asked of the service, at its attribute, with a message that tells what would do.
func TestBadConfigurations(t *testing.T) {
	p := connect(t, nil)
	many := func(n int, s string) []string { return slices.Repeat([]string{s}, n) }
	subnets := []string{}
	for i := range 21 {
		subnets = append(subnets, "subnet-"+string(rune('a'+i)))
	}
	for name, c := range map[string]struct {
		typ  string
		base map[string]any
		bad  map[string]any
		at   string
		want string
	}{
		"name with two hyphens":           {"subnet_group", aSubnetGroup, map[string]any{"name": "a--b"}, "name", "two consecutive hyphens"},
		"name in upper case":              {"subnet_group", aSubnetGroup, map[string]any{"name": "Mine"}, "name", `write "mine"`},
		"name and prefix":                 {"acl", anACL, map[string]any{"name_prefix": "a-"}, "name", "name_prefix"},
		"long prefix":                     {"acl", map[string]any{}, map[string]any{"name_prefix": strings.Repeat("a", 29)}, "name_prefix", "at most 28 characters"},
		"no subnets":                      {"subnet_group", aSubnetGroup, map[string]any{"subnet_ids": []any{}}, "subnet_ids", "at least 1"},
		"21 subnets":                      {"subnet_group", aSubnetGroup, map[string]any{"subnet_ids": subnets}, "subnet_ids", "at most 20"},
		"no subnet id":                    {"subnet_group", aSubnetGroup, map[string]any{"subnet_ids": []string{"sn-1"}}, "subnet_ids", "subnet-0123456789abcdef0"},
		"reserved tag":                    {"subnet_group", aSubnetGroup, map[string]any{"tags": map[string]any{"aws:x": "1"}}, "tags", "reserved"},
		"unknown family":                  {"parameter_group", aParameterGroup, map[string]any{"family": "redis7"}, "family", "memorydb_redis7"},
		"unknown parameter":               {"parameter_group", aParameterGroup, map[string]any{"parameter": parameter("maxmemory-polici", "x")}, "parameter", "maxmemory-policy"},
		"value that is not allowed":       {"parameter_group", aParameterGroup, map[string]any{"parameter": parameter("maxmemory-policy", "lru")}, "parameter", "allkeys-lru"},
		"parameter of another family":     {"parameter_group", aParameterGroup, map[string]any{"parameter": parameter("hash-max-ziplist-value", "1")}, "parameter", "hash-max-listpack-value"},
		"parameter twice":                 {"parameter_group", aParameterGroup, map[string]any{"parameter": append(parameter("timeout", "20"), parameter("timeout", "30")...)}, "parameter", "more than once"},
		"rule with a password":            {"user", aUser, map[string]any{"access_string": "on >secret ~*"}, "access_string", "AuthenticationMode"},
		"unknown category":                {"user", aUser, map[string]any{"access_string": "on ~* +@reed"}, "access_string", "Unknown command or category"},
		"no authentication mode":          {"user", aUser, map[string]any{"authentication_mode": nil}, "authentication_mode", "must have a configuration value"},
		"password user without passwords": {"user", aUser, authentication(map[string]any{"type": "password"}), "passwords", "needs passwords"},
		"IAM user with passwords":         {"user", aUser, authentication(map[string]any{"type": "iam", "passwords": []string{"a-long-enough-password"}}), "passwords", "has no passwords"},
		"short password":                  {"user", aUser, authentication(map[string]any{"type": "password", "passwords": []string{"short"}}), "passwords", "between 16 and 128"},
		"password with a comma":           {"user", aUser, authentication(map[string]any{"type": "password", "passwords": []string{"a,long,enough,password"}}), "passwords", "printable ASCII"},
		"three passwords": {"user", aUser, authentication(map[string]any{"type": "password", "passwords": []string{"a-long-enough-password", "b-long-enough-password", "c-long-enough-password"}}),
			"passwords", "at most 2"},
		"both kinds of passwords": {"user", aUser, authentication(map[string]any{"type": "password", "passwords": []string{"a-long-enough-password"}, "passwords_wo": []string{"b-long-enough-password"}, "passwords_wo_version": 1}),
			"passwords", "passwords_wo"},
		"passwords_wo without version": {"user", aUser, authentication(map[string]any{"type": "password", "passwords_wo": []string{"b-long-enough-password"}}), "passwords_wo", "passwords_wo_version"},
		"the same password twice":      {"user", aUser, authentication(map[string]any{"type": "password", "passwords_wo": many(2, "b-long-enough-password"), "passwords_wo_version": 1}), "passwords_wo", "are the same"},
		"unknown authentication":       {"user", aUser, authentication(map[string]any{"type": "no-password"}), "type", "iam"},
		"user name in upper case":      {"acl", anACL, map[string]any{"user_names": []string{"Ann"}}, "user_names", `write "ann"`},
		"unknown node type":            {"cluster", aCluster, map[string]any{"node_type": "cache.t4g.small"}, "node_type", "db.t4g.small"},
		"tiering without r6gd":         {"cluster", aCluster, map[string]any{"data_tiering": true}, "data_tiering", "must be false for node type db.t4g.small"},
		"r6gd without tiering":         {"cluster", aCluster, map[string]any{"node_type": "db.r6gd.xlarge"}, "data_tiering", "must be true for node type db.r6gd.xlarge"},
		"no shards":                    {"cluster", aCluster, map[string]any{"num_shards": 0}, "num_shards", "between 1 and 500"},
		"six replicas":                 {"cluster", aCluster, map[string]any{"num_replicas_per_shard": 6}, "num_replicas_per_shard", "between 0 and 5"},
		"low port":                     {"cluster", aCluster, map[string]any{"port": 80}, "port", "between 1024 and 65535"},
		"ACL without TLS":              {"cluster", aCluster, map[string]any{"acl_name": "mine", "tls_enabled": false}, "acl_name", "open-access"},
		"unknown engine":               {"cluster", aCluster, map[string]any{"engine": "memcached"}, "engine", "valkey"},
		"unknown version":              {"cluster", aCluster, map[string]any{"engine_version": "5.0"}, "engine_version", "7.1"},
		"version of another engine":    {"cluster", aCluster, map[string]any{"engine": "redis", "engine_version": "7.3"}, "engine_version", "6.2, 7.0, 7.1"},
		"group of another family":      {"cluster", aCluster, map[string]any{"engine": "valkey", "parameter_group_name": "default.memorydb-redis7"}, "parameter_group_name", "default.memorydb-valkey7"},
		"form of the maintenance":      {"cluster", aCluster, map[string]any{"maintenance_window": "sunday"}, "maintenance_window", "ddd:hh24:mi"},
		"short maintenance":            {"cluster", aCluster, map[string]any{"maintenance_window": "sun:03:00-sun:03:30"}, "maintenance_window", "at least 60 minutes"},
		"form of the snapshot window":  {"cluster", aCluster, map[string]any{"snapshot_window": "3-4"}, "snapshot_window", "hh24:mi-hh24:mi"},
		"retention":                    {"cluster", aCluster, map[string]any{"snapshot_retention_limit": 36}, "snapshot_retention_limit", "between 0 and 35"},
		"network type":                 {"cluster", aCluster, map[string]any{"network_type": "ipv5"}, "network_type", "dual_stack"},
		"address discovery":            {"cluster", aCluster, map[string]any{"ip_discovery": "dual_stack"}, "ip_discovery", "ipv6"},
		"security group":               {"cluster", aCluster, map[string]any{"security_group_ids": []string{"default"}}, "security_group_ids", "sg-0123456789abcdef0"},
		"topic":                        {"cluster", aCluster, map[string]any{"sns_topic_arn": "mine"}, "sns_topic_arn", "arn:aws:sns:"},
		"key":                          {"cluster", aCluster, map[string]any{"kms_key_arn": "alias/mine"}, "kms_key_arn", "arn:aws:kms:"},
		"snapshot from two places":     {"cluster", aCluster, map[string]any{"snapshot_name": "a", "snapshot_arns": []string{"arn:aws:s3:::b/c.rdb"}}, "snapshot_name", "snapshot_arns"},
		"file name with a comma":       {"cluster", aCluster, map[string]any{"snapshot_arns": []string{"arn:aws:s3:::b/c,d.rdb"}}, "snapshot_arns", "comma"},
		"timeout":                      {"cluster", aCluster, map[string]any{"timeouts": map[string]any{"create": "soon"}}, "create", "unit suffix"},
	} {
		t.Run(name, func(t *testing.T) {
			text := p.validate(t, TypeName+"_"+c.typ, with(c.base, c.bad))
			if !strings.Contains(text, `AttributeName("`+c.at+`")`) || !strings.Contains(text, c.want) {
				t.Errorf("want %q at %s, got %q", c.want, c.at, text)
			}
			if text := p.validate(t, TypeName+"_"+c.typ, c.base); len(c.base) > 0 && text != "" {
				t.Errorf("the base is refused: %s", text)
			}
		})
	}
}

func (p *plugin) validate(t *testing.T, name string, config map[string]any) string {
	t.Helper()
	resp, err := p.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: name, Config: dynamic(t, p.typeOf(name), config), ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return errorsOf(resp.Diagnostics)
}

// What is not known yet is not refused.
func TestUnknownValuesAreNotRefused(t *testing.T) {
	p := connect(t, nil)
	for typ, config := range map[string]map[string]any{
		"memorydb_subnet_group":    {"name": unknown{}, "subnet_ids": unknown{}, "tags": unknown{}},
		"memorydb_parameter_group": {"family": unknown{}, "parameter": []any{map[string]any{"name": unknown{}, "value": unknown{}}}},
		"memorydb_user":            {"user_name": unknown{}, "access_string": unknown{}, "authentication_mode": map[string]any{"type": unknown{}, "passwords": unknown{}}},
		"memorydb_acl":             {"name": unknown{}, "user_names": []any{unknown{}}},
		"memorydb_cluster":         {"acl_name": unknown{}, "node_type": unknown{}, "tls_enabled": unknown{}, "engine": unknown{}, "engine_version": unknown{}, "data_tiering": unknown{}, "parameter_group_name": unknown{}},
	} {
		if text := p.validate(t, typ, config); text != "" {
			t.Errorf("%s: %s", typ, text)
		}
	}
}

// running is the state of a cluster.
func running(more map[string]any) map[string]any {
	return with(with(clusterKind.state("mine"), aCluster), with(map[string]any{
		"description": managedByTerraform, "engine": "redis", "engine_version": "7.1", "engine_patch_version": "7.1.0", "parameter_group_name": "default.memorydb-redis7", "num_shards": 2, "num_replicas_per_shard": 1,
		"auto_minor_version_upgrade": true, "data_tiering": false, "tls_enabled": true, "port": 6379, "network_type": "ipv4", "ip_discovery": "ipv4", "subnet_group_name": "default", "security_group_ids": []any{},
		"maintenance_window": "sun:03:00-sun:04:00", "snapshot_window": "05:00-06:00", "snapshot_retention_limit": 0, "tags_all": map[string]any{}, "shards": []any{}, "cluster_endpoint": []any{},
	}, more))
}

func TestClusterPlans(t *testing.T) {
	p := connect(t, &stub{})
	two := map[string]any{"num_shards": 2}
	for name, c := range map[string]struct {
		state, config map[string]any
		replaces      bool
		planned       map[string]string
		refused       string
	}{
		"same window in other case": {config: with(two, map[string]any{"maintenance_window": "SUN:03:00-SUN:04:00"}), planned: map[string]string{"maintenance_window": "sun:03:00-sun:04:00"}},
		"more shards in place":      {config: map[string]any{"num_shards": 3}, planned: map[string]string{"engine_patch_version": "7.1.0"}},
		"another port":              {config: with(two, map[string]any{"port": 7000}), replaces: true},
		"another name":              {config: with(two, map[string]any{"name": "yours"}), replaces: true},
		"prefix that fits":          {state: map[string]any{"name": "mine"}, config: with(two, map[string]any{"name": nil, "name_prefix": "mi"}), planned: map[string]string{"name": "mine"}},
		"prefix that does not fit":  {config: with(two, map[string]any{"name": nil, "name_prefix": "yo"}), replaces: true},
		"last security group":       {state: map[string]any{"security_group_ids": []any{"sg-1"}}, config: with(two, map[string]any{"security_group_ids": []any{}}), refused: "security_group_ids"},
		"security groups left out":  {state: map[string]any{"security_group_ids": []any{"sg-1"}}, config: two},
		"back to 7.0":               {config: with(two, map[string]any{"engine_version": "7.0"}), refused: "engine_version"},
		"back to redis":             {state: map[string]any{"engine": "valkey", "engine_version": "7.2", "parameter_group_name": "default.memorydb-valkey7"}, config: with(two, map[string]any{"engine": "redis"}), refused: "engine"},
		"on to valkey":              {config: with(two, map[string]any{"engine": "valkey"}), planned: map[string]string{"parameter_group_name": "default.memorydb-valkey7", "engine": "valkey", "engine_version": ""}},
		"on to valkey by version":   {config: with(two, map[string]any{"engine_version": "7.3"}), planned: map[string]string{"parameter_group_name": "default.memorydb-valkey7", "engine": "", "engine_version": "7.3"}},
		"on to valkey with search": {state: map[string]any{"parameter_group_name": "default.memorydb-redis7.search"}, config: with(two, map[string]any{"engine": "valkey"}),
			planned: map[string]string{"parameter_group_name": "default.memorydb-valkey7.search"}},
		"no tiering to tiering": {config: with(two, map[string]any{"node_type": "db.r6gd.xlarge", "data_tiering": true}), replaces: true},
	} {
		t.Run(name, func(t *testing.T) {
			config := with(aCluster, c.config)
			resp := p.plan(t, "memorydb_cluster", running(c.state), config)
			text := errorsOf(resp.Diagnostics)
			if c.refused != "" {
				if !strings.Contains(text, `AttributeName("`+c.refused+`")`) {
					t.Errorf("want a refusal at %s, got %q", c.refused, text)
				}
				return
			}
			if text != "" {
				t.Fatal(text)
			}
			if got := len(resp.RequiresReplace) > 0; got != c.replaces {
				t.Errorf("replaces: %v", resp.RequiresReplace)
			}
			planned := attributes(t, p.typeOf("memorydb_cluster"), resp.PlannedState)
			for name, want := range c.planned {
				if planned[name] != want {
					t.Errorf("%s is planned as %q, not %q", name, planned[name], want)
				}
			}
		})
	}
}

func TestAccessStringsAreComparedByMeaning(t *testing.T) {
	p := connect(t, &stub{})
	state := with(with(userKind.state("mine"), aUser), map[string]any{"minimum_engine_version": "6.2", "tags_all": map[string]any{}, "access_string": "on ~app:* resetchannels -@all +@read"})
	state["authentication_mode"] = map[string]any{"type": "password", "passwords": []string{"a-long-enough-password"}, "password_count": 1}
	for text, same := range map[string]bool{"on ~app:* +@read": true, "+@READ ~app:*  on": true, "on ~app:* +@write": false, "~app:* +@read": false} {
		resp := p.plan(t, "memorydb_user", state, with(aUser, map[string]any{"access_string": text}))
		if text := errorsOf(resp.Diagnostics); text != "" {
			t.Fatal(text)
		}
		planned := attributes(t, p.typeOf("memorydb_user"), resp.PlannedState)
		if got := planned["access_string"] == state["access_string"]; got != same {
			t.Errorf("%q is planned as %q", text, planned["access_string"])
		}
	}
}
