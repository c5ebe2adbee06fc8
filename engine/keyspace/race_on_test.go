//go:build race

package keyspace

const raceEnabled = true

// seeds is how many seeds a property is tested with: a few, as the race detector is slow.
func seeds(n uint64) uint64 { return n / 6 }
