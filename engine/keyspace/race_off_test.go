//go:build !race

package keyspace

const raceEnabled = false

// seeds is how many seeds a property is tested with.
func seeds(n uint64) uint64 { return n }
