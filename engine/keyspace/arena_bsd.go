//go:build darwin || freebsd

package keyspace

func noHugePages([]byte) {}
