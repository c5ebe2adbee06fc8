package keyspace

import "golang.org/x/sys/unix"

// noHugePages keeps the kernel from backing the first touch of mem with 2 MiB. It may refuse, which costs memory only.
func noHugePages(mem []byte) { _ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE) }
