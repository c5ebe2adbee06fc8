package spec

import (
	"slices"
	"strings"
)

// EngineVersion is a version of an engine that clusters may run.
type EngineVersion struct {
	Engine, Version, Patch, Family string
	// Default says that it is the engine's newest, which a cluster gets that names none.
	Default bool
}

// EngineVersions are all versions, oldest first. Source: developer guide, "Engine versions"; recorded answers of DescribeEngineVersions.
var EngineVersions = []EngineVersion{
	{Engine: "redis", Version: "6.2", Patch: "6.2.6", Family: "memorydb_redis6"},
	{Engine: "redis", Version: "7.0", Patch: "7.0.7", Family: "memorydb_redis7"},
	{Engine: "redis", Version: "7.1", Patch: "7.1.0", Family: "memorydb_redis7", Default: true},
	{Engine: "valkey", Version: "7.2", Patch: "7.2.6", Family: "memorydb_valkey7"},
	{Engine: "valkey", Version: "7.3", Patch: "7.3.0", Family: "memorydb_valkey7", Default: true},
}

// Engines are the names of the engines.
var Engines = []string{"redis", "valkey"}

// Families are the names of the parameter group families.
var Families = []string{"memorydb_redis6", "memorydb_redis7", "memorydb_valkey7"}

// FindEngine finds a version of an engine; an empty version is the engine's default, an empty engine the one that has the version (redis first).
func FindEngine(engine, version string) (EngineVersion, bool) {
	if engine == "" && version == "" {
		engine = DefaultEngine
	}
	for _, v := range EngineVersions {
		if (engine == "" || v.Engine == engine) && (v.Version == version || version == "" && v.Default) {
			return v, true
		}
	}
	return EngineVersion{}, false
}

// VersionsOf are the versions of an engine.
func VersionsOf(engine string) []string {
	var out []string
	for _, v := range EngineVersions {
		if v.Engine == engine {
			out = append(out, v.Version)
		}
	}
	return out
}

// MayUpgrade says whether a cluster may go from one version to another: up only, from redis to valkey only, never back.
func MayUpgrade(from, to EngineVersion) bool {
	at := func(v EngineVersion) int { return slices.Index(EngineVersions, v) }
	return at(to) >= at(from)
}

// DefaultParameterGroup is the name of the built-in parameter group of a family: default.memorydb-redis7.
func DefaultParameterGroup(family string) string {
	return DefaultPrefix + strings.ReplaceAll(family, "_", "-")
}

// BuiltinParameterGroup is a parameter group that exists in every region.
type BuiltinParameterGroup struct {
	Name, Family, Description string
	// Search says that search-enabled is yes in it.
	Search bool
}

// BuiltinParameterGroups are all of them.
func BuiltinParameterGroups() []BuiltinParameterGroup {
	var out []BuiltinParameterGroup
	for _, f := range Families {
		g := BuiltinParameterGroup{Name: DefaultParameterGroup(f), Family: f, Description: "Default parameter group for " + f}
		out = append(out, g)
		if f != "memorydb_redis6" {
			g.Name, g.Search = g.Name+".search", true
			out = append(out, g)
		}
	}
	return out
}
