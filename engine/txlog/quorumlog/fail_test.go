package quorumlog_test

import (
	"errors"
	"testing"

	"github.com/openmemorydb/memorydb/engine/txlog"
	"github.com/openmemorydb/memorydb/engine/txlog/faultfs"
)

// Whoever learns of outages tells the log, which then does not take what it can't keep, nor says that a leader lives; it mends itself as after any failure.
func TestZonesThatAreSaidToHaveFailed(t *testing.T) {
	cfg, fs := simulated(1)
	d := steer(fs, "/z/a", "/z/b")
	q := *open(t, cfg)
	l := handle(t, q, "s")
	put(t, l, "before")
	if q.Fail("z", errDisk) {
		t.Error("there is no zone z")
	}
	mend := d.fail(faultfs.OpOpen, faultfs.OpRead, faultfs.OpWrite, faultfs.OpSync)
	for _, zone := range []string{"a", "b"} {
		if !q.Fail(zone, errDisk) {
			t.Errorf("zone %s is not known", zone)
		}
	}
	if err := l.Writable(); !errors.Is(err, txlog.ErrUnavailable) {
		t.Errorf("with one zone left the log says %v", err)
	}
	if err := l.Renew(t.Context(), 0); !errors.Is(err, txlog.ErrUnavailable) {
		t.Errorf("with one zone left a leader renews: %v", err)
	}
	mend()
	until(t, "the zones are repaired", allOK(q))
	until(t, "the log takes writes", func() bool { return l.Writable() == nil })
	put(t, l, "after")
	want(t, l, "before", "after")
}
