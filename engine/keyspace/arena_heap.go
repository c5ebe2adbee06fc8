//go:build !(linux || darwin || freebsd)

package keyspace

// Without mmap the arena's chunks lie on the Go heap. They hold no pointers, so the collector doesn't scan them.

func mapMemory(n int) []byte { return make([]byte, n) }

func unmapMemory([]byte) {}

func discard([]byte) {}

func noHugePages([]byte) {}
