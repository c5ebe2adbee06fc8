//go:build linux || darwin || freebsd

package keyspace

import (
	"errors"

	"golang.org/x/sys/unix"
)

// mapMemory is n bytes of zeros from the operating system, which it backs with memory only once touched. If the system refuses the mapping
// (too many of them), the bytes come from the Go heap.
func mapMemory(n int) []byte {
	mem, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return make([]byte, n)
	}
	return mem
}

// unmapMemory returns what mapMemory gave.
func unmapMemory(mem []byte) {
	// unix.Munmap knows the mappings of unix.Mmap, and answers EINVAL for memory of the Go heap.
	if err := unix.Munmap(mem); err != nil && !errors.Is(err, unix.EINVAL) {
		panic("keyspace: unmap: " + err.Error())
	}
}

// discard lets the operating system take the memory behind mem, whose content is lost. It may refuse, which costs memory only.
func discard(mem []byte) { _ = unix.Madvise(mem, unix.MADV_DONTNEED) }
