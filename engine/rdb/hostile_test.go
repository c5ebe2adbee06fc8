package rdb_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/openmemorydb/memorydb/engine/rdb"
)

// Payloads that promise much and hold little are refused without room for what they promise.
func TestPromisesTakeNoMemory(t *testing.T) {
	const (
		most  = "\x81\x7f\xff\xff\xff\xff\xff\xff\xff" // 2^63-1
		all   = "\x81\xff\xff\xff\xff\xff\xff\xff\xff"
		large = "\x80\x3f\xff\xff\xff" // 2^30-1
	)
	db := fuzzDB()
	t.Cleanup(db.Close)
	for _, value := range []string{
		"\x00" + most, "\x00" + all, "\x00" + large, "\x00\xc3" + large + large, "\x00\xc3\x05" + large + "abcde", "\x00\xc3" + all + "\x05", "\x00\xc3\x05" + all + "abcde",
		"\x01" + most, "\x01" + large + "\x01a", "\x02" + all, "\x02" + large + "\x01a", "\x03" + most + "\x01a\x011", "\x04" + all + "\x01a\x01b", "\x04" + large, "\x05" + large + "\x01a",
		"\x0e" + all, "\x12" + all, "\x12" + large + "\x02", "\x0b" + large + "\x02\x00\x00\x00\xff\xff\xff\xff", "\x0b\x08\x02\x00\x00\x00\xff\xff\xff\x7f",
		"\x10\x07\xff\xff\xff\x7f\xff\xff\xff", "\x0d\x0b\xff\xff\xff\x7f\x0a\x00\x00\x00\xff\xff\xff", "\x09\x06\x01\xfe\xff\xff\xff\x7f\xff",
		"\x13" + all, "\x13" + large + "\x10", "\x13\x00\x00\x00\x00\x00\x00\x00\x00\x00" + all, "\x13\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01g\x00\x00\x00" + large,
		"\x13\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01g\x00\x00\x00\x00" + large, "\x13\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01g\x00\x00\x00\x00\x01\x01c\x00\x00\x00\x00\x00\x00\x00\x00" + large,
	} {
		p := payload([]byte(value))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := rdb.Restore(p, db)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, rdb.ErrFormat) {
			t.Errorf("%q: %v", value, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<19 {
			t.Errorf("%q takes %d bytes", value, n)
		}
	}
	if used := db.Used(); used > 1<<16 {
		t.Errorf("%d bytes stay in use", used)
	}
}

// Forms that are not read say what they are.
func TestUnknownForms(t *testing.T) {
	db := fuzzDB()
	t.Cleanup(db.Close)
	for value, want := range map[string]string{
		"\x06\x05": "a value of a module", "\x07\x05": "a value of a module", "\x16\x01": "a hash whose fields expire", "\x19\x01": "a hash whose fields expire",
		"\x08\x01": "unknown kind of value, 8", "\xff": "unknown kind of value, 255",
	} {
		_, err := rdb.Restore(payload([]byte(value)), db)
		if !errors.Is(err, rdb.ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", value, err)
		}
	}
}
