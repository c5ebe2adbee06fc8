package spec

import (
	"slices"
)

// NodeType is a size of node.
type NodeType struct {
	Name string
	VCPU int
	// MemoryGiB is the node's memory; data may fill all of it.
	MemoryGiB float64
	// Tiering is the data-tiering family: DataTiering must be set, and nowhere else.
	Tiering bool
	// Hourly is the approximate on-demand price in USD an hour (us-west-2, redis engine, 2026); 0 is unknown.
	Hourly float64
}

// MaxMemory is the data memory of a node in bytes.
func (t NodeType) MaxMemory() int64 { return int64(t.MemoryGiB * (1 << 30)) }

// NodeTypes are AWS's twenty, by family and size, and db.m7g.large. Source: developer guide, "Supported node types"; memory and prices from public catalogues.
var NodeTypes = []NodeType{
	{Name: "db.t4g.small", VCPU: 2, MemoryGiB: 1.37, Hourly: 0.048},
	{Name: "db.t4g.medium", VCPU: 2, MemoryGiB: 3.09, Hourly: 0.096},
	{Name: "db.m7g.large", VCPU: 2, MemoryGiB: 6.38, Hourly: 0.426},
	{Name: "db.r6g.large", VCPU: 2, MemoryGiB: 13.07, Hourly: 0.395},
	{Name: "db.r6g.xlarge", VCPU: 4, MemoryGiB: 26.32, Hourly: 0.79},
	{Name: "db.r6g.2xlarge", VCPU: 8, MemoryGiB: 52.82, Hourly: 1.58},
	{Name: "db.r6g.4xlarge", VCPU: 16, MemoryGiB: 105.81, Hourly: 3.16},
	{Name: "db.r6g.8xlarge", VCPU: 32, MemoryGiB: 209.55, Hourly: 6.32},
	{Name: "db.r6g.12xlarge", VCPU: 48, MemoryGiB: 317.77, Hourly: 9.48},
	{Name: "db.r6g.16xlarge", VCPU: 64, MemoryGiB: 419.09, Hourly: 12.64},
	{Name: "db.r7g.large", VCPU: 2, MemoryGiB: 13.07, Hourly: 0.412},
	{Name: "db.r7g.xlarge", VCPU: 4, MemoryGiB: 26.32, Hourly: 0.824},
	{Name: "db.r7g.2xlarge", VCPU: 8, MemoryGiB: 52.82, Hourly: 1.648},
	{Name: "db.r7g.4xlarge", VCPU: 16, MemoryGiB: 105.81, Hourly: 3.297},
	{Name: "db.r7g.8xlarge", VCPU: 32, MemoryGiB: 209.55, Hourly: 6.594},
	{Name: "db.r7g.12xlarge", VCPU: 48, MemoryGiB: 317.77, Hourly: 9.89},
	{Name: "db.r7g.16xlarge", VCPU: 64, MemoryGiB: 419.09, Hourly: 13.188},
	{Name: "db.r6gd.xlarge", VCPU: 4, MemoryGiB: 26.32, Tiering: true},
	{Name: "db.r6gd.2xlarge", VCPU: 8, MemoryGiB: 52.82, Tiering: true},
	{Name: "db.r6gd.4xlarge", VCPU: 16, MemoryGiB: 105.81, Tiering: true},
	{Name: "db.r6gd.8xlarge", VCPU: 32, MemoryGiB: 209.55, Tiering: true},
}

// FindNodeType finds a node type by name.
func FindNodeType(name string) (NodeType, bool) {
	i := slices.IndexFunc(NodeTypes, func(t NodeType) bool { return t.Name == name })
	if i < 0 {
		return NodeType{}, false
	}
	return NodeTypes[i], true
}

// NodeTypeNames are the names of all node types.
func NodeTypeNames() []string {
	names := make([]string, len(NodeTypes))
	for i, t := range NodeTypes {
		names[i] = t.Name
	}
	return names
}

// NodeTypeUpdates are the node types that a cluster may change to: those with more memory and those with less, of the same kind (with or without tiering).
func NodeTypeUpdates(from string) (up, down []string) {
	now, ok := FindNodeType(from)
	if !ok {
		return nil, nil
	}
	for _, t := range NodeTypes {
		switch {
		case t.Name == from || t.Tiering != now.Tiering:
		case t.MemoryGiB >= now.MemoryGiB:
			up = append(up, t.Name)
		default:
			down = append(down, t.Name)
		}
	}
	return up, down
}
